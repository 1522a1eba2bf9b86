"""Rows behind an interface over HTTP, as its declaration says (`http_declared`).

Rule.
- A search is asked for each field that the declaration can search by; any other field is `http_no_search`. All pages are
  read before a row is given. A page that comes twice, rows fewer than the answer's own count, a row without its key or an
  answer of another shape is NotNow: nothing is concluded from half an answer.
- What the interface finds alike is held against the matches again; rows that nobody asked for are dropped.
- A change is one call for each row, so it is not one transaction: when a call fails, the error is raised, and doing it
  again is harmless. A row that is not there is not counted.
- Where one row can be read by its key, every change and deletion is looked at afterwards; an interface that says "done"
  and did not is `not_done`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from amana import errors
from amana.connectors.systems import http_declared, plain
from amana.connectors.systems.credentials import Secret, secret
from amana.connectors.systems.http_declared import Auth, Find, Pages, Request, Resource, Settings
from amana.connectors.systems.http_wire import Answered, Call, Wire
from amana.connectors.systems.plain import Shape, Wanted
from amana.connectors.systems.sql_values import alike
from amana.connectors.systems.system import Change, Limits, Match
from amana.core.data_map import Collection, Key, Plain, Row

EARLY = 60.0  # seconds before its end that a token is no longer used


class _Token(msgspec.Struct, frozen=True):
    """RFC 6749 section 5.1."""

    access_token: str
    expires_in: float = 300.0


def open_http(settings: Settings, folder: Path, environment: Mapping[str, str]) -> Http:
    """An interface; nothing is called yet. Raises BadInput."""
    auth = settings.auth
    hidden = secret("secret", auth.secret_file, auth.secret_env, folder, environment)
    bounds = settings.bounds
    wire = Wire(
        settings.base,
        timeout=bounds.timeout,
        tries=bounds.tries,
        patience=bounds.patience,
        longest=bounds.longest,
    )
    return Http(settings, wire, hidden)


class Http:
    """Rows behind one interface."""

    def __init__(
        self, settings: Settings, wire: Wire, hidden: Secret, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._secret = hidden
        self._clock = clock
        self._token: tuple[str, float] = ("", 0.0)

    def check(self, collections: Sequence[Collection]) -> None:
        """As Rows.check."""
        for collection in collections:
            Shape(collection)
            self._resource(collection)
        if self._settings.ping:
            self._wire.check(self._send(Request(path=self._settings.ping), {}))

    def limits(self, collection: Collection) -> dict[str, Limits]:
        """As Rows.limits: an interface says nothing of its fields."""
        self._resource(collection)
        return {}

    def find(self, collection: Collection, matches: Sequence[Match]) -> Iterator[Row]:
        """As Rows.find."""
        shape = Shape(collection)
        resource = self._resource(collection)
        wanted = Wanted(shape, matches)
        found: dict[tuple[Any, ...], Row] = {}
        for match in matches:
            for row in self._sought(shape, resource, match):
                if wanted.meets(row):
                    found[shape.sort(row)] = row
        yield from (found[name] for name in sorted(found))

    def change(self, collection: Collection, changes: Sequence[Change]) -> int:
        """As Rows.change."""
        shape = Shape(collection)
        resource = self._resource(collection)
        for each in changes:
            shape.check_key(each.key)
            shape.check_change(each.values)
            for path, value in each.values.items():
                plain.check_length(shape.field(path), None, value)
        return sum(self._changed(shape, resource, each) for each in changes)

    def delete(self, collection: Collection, keys: Sequence[Key]) -> int:
        """As Rows.delete."""
        shape = Shape(collection)
        resource = self._resource(collection)
        for key in keys:
            shape.check_key(key)
        return sum(self._deleted(shape, resource, key) for key in keys)

    def close(self) -> None:
        """As Rows.close."""
        self._wire.close()

    def _resource(self, collection: Collection) -> Resource:
        found = self._settings.collections.get(collection.name)
        if found is None:
            raise errors.Undeliverable("http_no_collection", got=str(collection.place))
        return found

    # -- searching

    def _sought(self, shape: Shape, resource: Resource, match: Match) -> Iterator[Row]:
        distinct = {plain.text(value): value for value in match.values if value is not None}
        values: list[Plain] = list(distinct.values())
        how = next((one for one in resource.find if one.field == match.path), None)
        if how is None:
            if shape.keys != (match.path,) or resource.read is None:
                raise errors.Undeliverable("http_no_search", expected=shape.place, got=match.path)
            read = (self._one(shape, resource, {match.path: value}) for value in values)
            yield from (row for row in read if row is not None)
            return
        for start in range(0, len(values), max(how.batch, 1)):
            batch = values[start : start + max(how.batch, 1)]
            yield from self._rows(shape, resource, how, batch)

    def _rows(self, shape: Shape, resource: Resource, how: Find, batch: list[Plain]) -> Iterator[Row]:
        places: dict[str, Plain] = {"value": batch[0], "values": batch, **_names(shape)}
        total: int | None = None
        count = 0
        for answer in self._pages(resource, how, places):
            rows = _listed(answer, how.rows)
            count += len(rows)
            said = plain.at(answer, how.total) if how.total and isinstance(answer, dict) else None
            total = said if isinstance(said, int) else total
            for row in rows:
                added = {
                    name: http_declared.filled_body(text, self._places(places))
                    for name, text in how.adds.items()
                }
                yield _whole(shape, {**row, **added})
        if total is not None and count != total:
            raise errors.NotNow("answer_incomplete", expected="as many rows as it says", got=shape.place)

    def _pages(self, resource: Resource, how: Find, places: dict[str, Plain]) -> Iterator[Any]:
        """Each page's answer, decoded; none where the interface says that there is nothing."""
        turn = _Turn(how.pages)
        none = resource.missing if http_declared.names_value(how.path) else ()
        none = none if how.missing is None else how.missing
        for page in range(self._settings.bounds.most_pages):
            answer = self._send(how, places, turn)
            if answer.status in none:
                if page and how.pages is not None and how.pages.kind in ("link", "cursor"):
                    raise errors.NotNow("answer_incomplete", expected="the page that the one before named")
                return
            decoded = self._wire.json(self._wire.check(answer))
            yield decoded
            if not turn.over(answer, decoded, how):
                return
        raise errors.NotNow("answer_incomplete", expected="fewer pages")

    def _one(self, shape: Shape, resource: Resource, key: Key) -> Row | None:
        """One row by its key, None where there is none."""
        if resource.read is None:
            return None
        answer = self._send(resource.read, _key_places(key) | _names(shape))
        if answer.status in resource.missing:
            return None
        rows = _listed(self._wire.json(self._wire.check(answer)), resource.read_rows)
        told = plain.nested(key)
        found = [_whole(shape, {**told, **row}) for row in rows]
        return next((row for row in found if _same_key(shape, row, key)), None)

    # -- writing

    def _changed(self, shape: Shape, resource: Resource, change: Change) -> bool:
        if resource.change is None:
            raise errors.Undeliverable("http_no_change", got=shape.place)
        values = {path: resource.null if value is None else value for path, value in change.values.items()}
        places = _key_places(change.key) | {f"changed.{path}": value for path, value in values.items()}
        answer = self._send(resource.change, places | {"changed": plain.nested(values)} | _names(shape))
        if answer.status in resource.missing:
            return False
        self._wire.check(answer)
        row = self._one(shape, resource, change.key) if resource.read else None
        if row is None:
            return resource.read is None
        for path, value in values.items():
            if not alike(_null(plain.at(row, path)), _null(value)):
                raise errors.NotNow("not_done", expected=shape.place, got=path)
        return True

    def _deleted(self, shape: Shape, resource: Resource, key: Key) -> bool:
        if resource.delete is None:
            raise errors.Undeliverable("http_no_delete", got=shape.place)
        answer = self._send(resource.delete, _key_places(key) | _names(shape))
        there = answer.status not in resource.missing
        if there:
            self._wire.check(answer)
        if self._one(shape, resource, key) is not None:
            raise errors.NotNow("not_done", expected="the row to be gone", got=shape.place)
        return there

    # -- calling

    def _places(self, places: Mapping[str, Plain]) -> dict[str, Plain]:
        return {**self._settings.values, **places}

    def _send(self, request: Request, places: Mapping[str, Plain], turn: _Turn | None = None) -> Answered:
        call = self._call(request, self._places(places), turn)
        answer = self._wire.send(self._signed(call))
        if answer.status == 401 and self._settings.auth.kind == "oauth2":
            self._token = ("", 0.0)  # it was taken back before its time
            answer = self._wire.send(self._signed(call))
        return answer

    def _call(self, request: Request, places: Mapping[str, Plain], turn: _Turn | None) -> Call:
        query = {name: http_declared.filled(text, places) for name, text in request.query.items()}
        body = http_declared.filled_body(request.body, places)
        path = http_declared.filled(request.path, places, escape=True)
        if turn is not None:
            path, query, body = turn.asked(path, query, body)
        return Call(
            method=request.method,
            path=path,
            query=tuple(query.items()),
            body=body,
            repeatable=request.repeatable,
        )

    def _signed(self, call: Call) -> Call:
        return msgspec.structs.replace(call, headers={**self._settings.headers, **self._authorisation()})

    def _authorisation(self) -> dict[str, str]:
        auth = self._settings.auth
        match auth.kind:
            case "header":
                return {auth.header: self._secret.read()}
            case "bearer":
                return {"Authorization": f"Bearer {self._secret.read()}"}
            case "basic":
                pair = base64.b64encode(f"{auth.user}:{self._secret.read()}".encode()).decode()
                return {"Authorization": f"Basic {pair}"}
            case "oauth2":
                return {"Authorization": f"Bearer {self._access(auth)}"}
            case _:
                return {}

    def _access(self, auth: Auth) -> str:
        token, until = self._token
        if token and self._clock() < until:
            return token
        form = {"grant_type": "client_credentials", "client_id": auth.client_id}
        form |= {"client_secret": self._secret.read()} | ({"scope": auth.scope} if auth.scope else {})
        answer = self._wire.check(self._wire.send(Call(method="POST", path=auth.token_path, form=form)))
        try:
            made = msgspec.json.decode(answer.body, type=_Token)
        except msgspec.DecodeError:
            raise errors.NotNow("answer_unreadable", expected="a token") from None
        self._token = (made.access_token, self._clock() + made.expires_in - EARLY)
        return made.access_token


class _Turn:
    """Which page comes next."""

    def __init__(self, pages: Pages | None) -> None:
        self._pages = pages
        self._next: Plain = None
        self._seen: set[str] = set()
        if pages is not None and pages.kind in ("page", "offset"):
            self._next = pages.first

    def asked(self, path: str, query: dict[str, str], body: Plain) -> tuple[str, dict[str, str], Plain]:
        """The call for this page."""
        pages, here = self._pages, self._next
        if pages is None or here is None:
            return path, query, body
        if pages.kind == "link":
            return str(here), {}, body
        if pages.query:
            query = {**query, pages.query: plain.text(here) or ""}
        if pages.body and isinstance(body, dict):
            body = {**body, pages.body: here}
        return path, query, body

    def over(self, answer: Answered, decoded: Any, how: Find) -> bool:
        """Turn the page; whether there is one. Raises NotNow for one that came before."""
        if self._pages is None:
            return False
        self._next = self._following(self._pages, answer, decoded, how)
        if self._next is None:
            return False
        name = plain.text(self._next) or ""
        if name in self._seen:
            raise errors.NotNow("answer_repeats", expected="another page")
        self._seen.add(name)
        return True

    def _following(self, pages: Pages, answer: Answered, decoded: Any, how: Find) -> Plain:
        if pages.kind == "link":
            return _next_link(answer.header("link"))
        if pages.kind == "cursor":
            return plain.at(decoded, pages.at) if isinstance(decoded, dict) else None
        rows = len(_listed(decoded, how.rows))
        if rows < pages.size or not isinstance(self._next, int):
            return None
        return self._next + (1 if pages.kind == "page" else rows)


def _listed(decoded: Any, path: str) -> list[dict[str, Plain]]:
    """The rows of an answer. Raises NotNow where they are not what they should be."""
    found = decoded
    for step in path.split(".") if path else ():
        if not isinstance(found, dict) or step not in found:
            raise errors.NotNow("answer_unreadable", expected=f"rows at {path}")
        found = found[step]
    rows = [found] if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise errors.NotNow("answer_unreadable", expected="rows that are objects")
    return rows


def _whole(shape: Shape, row: Mapping[str, Plain]) -> Row:
    """A row with its declared fields. Raises NotNow for one without its key."""
    found = shape.row(row)
    if any(not isinstance(value, str | int | float) for value in shape.key(found).values()):
        raise errors.NotNow("answer_unreadable", expected="a row with its key", got=shape.place)
    return found


def _same_key(shape: Shape, row: Row, key: Key) -> bool:
    return all(plain.text(plain.at(row, path)) == plain.text(key[path]) for path in shape.keys)


def _key_places(key: Key) -> dict[str, Plain]:
    return {f"key.{path}": value for path, value in key.items()}


def _names(shape: Shape) -> dict[str, Plain]:
    """The declared names below each path, for interfaces that give only what is asked for."""
    found: dict[str, list[Plain]] = {"fields": []}
    for path in shape.fields:
        parent, _, name = path.rpartition(".")
        found.setdefault(f"fields.{parent}" if parent else "fields", []).append(name)
    return {name: list(names) for name, names in found.items()} | {
        f"{name}.text": ",".join(map(str, names)) for name, names in found.items()
    }


def _null(value: Plain) -> Plain:
    """An empty text is how many interfaces say null."""
    return None if value == "" else value


def _next_link(header: str) -> str | None:
    """The address of the next page (RFC 8288)."""
    for part in header.split(","):
        target, *parameters = (one.strip() for one in part.split(";"))
        rels = [one.partition("=")[2].strip('"') for one in parameters if one.lower().startswith("rel=")]
        if "next" in " ".join(rels).split() and target.startswith("<") and target.endswith(">"):
            return target[1:-1]
    return None
