"""A small interface over HTTP with the suite's people in it, and the troubles such interfaces make."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from systems_suite import EVERYBODY, PEOPLE, SEEN, World

from amana.connectors.systems import http, http_declared

TOKEN = "a-token-of-the-test"


class Host(ThreadingHTTPServer):
    """A server whose answers a subclass of `Pages` gives."""

    daemon_threads = True

    def __init__(self, pages: type[Pages]) -> None:
        super().__init__(("127.0.0.1", 0), pages)
        self.trouble = ""
        self.calls: list[tuple[str, str]] = []
        self.state: dict[str, Any] = {}

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def running(self) -> Iterator[Host]:
        thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    @contextmanager
    def in_trouble(self, trouble: str) -> Iterator[None]:
        self.trouble = trouble
        try:
            yield
        finally:
            self.trouble = ""


class Pages(BaseHTTPRequestHandler):
    """Reads a call, makes the server's trouble, or answers with `answer`."""

    protocol_version = "HTTP/1.1"
    server: Host

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        self.sent = raw
        address = urlsplit(self.path)
        self.server.calls.append((self.command, self.path))
        query = {name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()}
        parts = [unquote(part) for part in address.path.split("/") if part]
        is_json = "json" in self.headers.get("Content-Type", "")
        body = json.loads(raw) if raw and is_json else {}
        if not self.make_trouble(parts):
            self.answer(parts, query, body)

    def answer(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        """Say what the interface says."""
        raise NotImplementedError

    def say(self, status: int, body: Any = None, **headers: str) -> None:
        """One whole answer."""
        raw = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def make_trouble(self, parts: list[str]) -> bool:
        """Whether the server's trouble was the answer."""
        trouble = self.server.trouble
        if trouble == "slow":
            time.sleep(0.6)
            self.close_connection = True
        elif trouble == "limited":
            self.say(429, {"message": "dana@shop.example"}, Retry_After="3600")
        elif trouble == "broken":
            self.say(500, {"message": "dana@shop.example"})
        elif trouble == "denied":
            self.say(403, {"message": "dana@shop.example"})
        elif trouble == "rubbish":
            self.send_response(200)
            page = b"<html>dana@shop.example</html>"
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
        elif trouble == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"rows": [')
            self.close_connection = True
        elif trouble == "gone":
            self.close_connection = True
        elif trouble == "half" and parts[-1] == "2" and self.command == "PATCH":
            self.say(500)
        elif trouble == "lies" and self.command in ("PATCH", "DELETE"):
            self.say(200, {"done": True})
        else:
            return False
        return True


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    setattr(Pages, f"do_{_method}", Pages.handle_any)


class Shop(Pages):
    """People and visits: a search with pages, one row by its key, change and deletion."""

    def answer(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        if self.headers.get("X-Api-Key") != TOKEN:
            self.say(401)
            return
        held = self.server.state[parts[0]]
        if parts[1:] == ["search"]:
            self.search(list(held.values()), body)
            return
        key = tuple(parts[1:])
        if key not in held:
            self.say(404)
        elif self.command == "GET":
            self.say(200, {"row": held[key]})
        elif self.command == "PATCH":
            held[key] = _merged(held[key], body)
            self.say(200, held[key])
        else:
            del held[key]
            self.say(204)

    def search(self, rows: list[dict[str, Any]], body: Any) -> None:
        """As loosely as interfaces search: by lower case, in pages of two."""
        wanted = {str(value).lower() for value in body["values"]}
        found = [row for row in rows if wanted & {str(leaf).lower() for leaf in _leaves(row, body["field"])}]
        start = int(body.get("cursor") or 0)
        after = str(start + 2) if start + 2 < len(found) else None
        self.say(
            200, {"data": {"rows": found[start : start + 2]}, "total": len(found), "next": {"cursor": after}}
        )


def _leaves(row: dict[str, Any], path: str) -> list[Any]:
    here: Any = row
    for step in path.split("."):
        here = (here or {}).get(step)
    return here if isinstance(here, list) else [here]


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: _merged(old.get(name), value) for name, value in new.items()}}
    return new


def declared(base: str, **more: Any) -> http_declared.Settings:
    """The shop's interface as a file would declare it."""

    def finds(name: str, fields: list[str]) -> list[dict[str, Any]]:
        return [
            {
                "field": field,
                "method": "POST",
                "path": f"/{name}/search",
                "body": {"field": field, "values": "{values}", "cursor": None},
                "batch": 1000,
                "rows": "data.rows",
                "total": "total",
                "pages": {"kind": "cursor", "at": "next.cursor", "body": "cursor"},
            }
            for field in fields
        ]

    def resource(name: str, path: str, fields: list[str]) -> dict[str, Any]:
        whole = f"/{name}/{path}"
        return {
            "find": finds(name, fields),
            "read": {"path": whole},
            "read_rows": "row",
            "change": {"method": "PATCH", "path": whole, "body": "{changed}"},
            "delete": {"method": "DELETE", "path": whole},
        }

    people = [field.path for field in PEOPLE.fields]
    return http_declared.read(
        {
            "base": base,
            "auth": {"kind": "header", "header": "X-Api-Key", "secret_env": "SHOP_KEY"},
            "bounds": {"timeout": 0.3, "tries": 2},
            "collections": {
                "people": resource("people", "{key.id}", people),
                "visits": resource("visits", "{key.person_id}/{key.page}", ["person_id", "page"]),
            },
            **more,
        }
    )


@contextmanager
def http_world() -> Iterator[World]:
    """The shop behind its interface."""
    host = Host(Shop)
    host.state = {
        "people": {(str(row["id"]),): deepcopy(row) for row in EVERYBODY},
        "visits": {(str(row["person_id"]), str(row["page"])): deepcopy(row) for row in SEEN},
    }
    with host.running():
        rows = http.open_http(declared(host.base), Path(), {"SHOP_KEY": TOKEN})
        troubles = ("slow", "limited", "broken", "denied", "rubbish", "cut", "gone", "half", "lies")
        yield World(
            rows=rows,
            dump=lambda: json.dumps(
                list(map(list, (part.values() for part in host.state.values()))), ensure_ascii=False
            ),
            faults={name: (lambda name=name: host.in_trouble(name)) for name in troubles},
            atomic=False,
        )
