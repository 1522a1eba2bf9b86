"""How fast a customer's pages answer, and how soon a withdrawal on one of them is in the gate's answer.

Rule. The server is the one of `serving`, as `amana serve` starts it. A page is asked for by one visitor, one request
after the other, so that the seconds are the server's and not a queue's. A withdrawal is the one click of a message's link
(RFC 8058): the clock runs from the click until an evaluation over HTTP, asked as soon as the click was answered, says No.
A Yes to that evaluation ends the benchmark. Percentiles are of single visits.
"""

from __future__ import annotations

import http.client
import json
import time

import lists
from amana.services.record import links
from amana.services.record.house import House
from figures import Figure

SECTION = "http"
VISITS = 400
LEAVING = 200
CLICK = b"List-Unsubscribe=One-Click"


def tokens(house: House) -> dict[int, str]:
    """The word of a message to each of the first people who may be written to."""
    cell = house.writing().terms.cell(
        lists.QUESTION.brand, lists.QUESTION.purpose, lists.QUESTION.channel.value
    )

    def work(session: object) -> dict[int, str]:
        wanted = [(person, "en") for person in range(1, VISITS + 1)]
        made = links.for_messages(house, session, wanted, cell)  # type: ignore[arg-type]  # a writing session
        return {person: one.token for (person, _), one in zip(wanted, made, strict=True)}

    return house.writing().write(work)


def figures(port: int, key: str, words: dict[int, str], question: dict[str, object]) -> list[Figure]:
    """The preference page, and the time from a click to the gate's No."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    seen = [_visit(connection, word) for word in words.values()]
    left = [one for person in words if (one := _leaving(connection, key, words[person], person, question))]
    connection.close()
    return [
        _figure("the preference page, one visitor", seen, "visits", "promise: p99 < 20 ms"),
        _figure("from the click that leaves to the gate's No", left[:LEAVING], "clicks", "promise: < 100 ms"),
    ]


def _figure(what: str, times: list[float], unit: str, promise: str) -> Figure:
    ordered = sorted(times)
    p50, p99 = ordered[len(ordered) // 2] * 1e3, ordered[len(ordered) * 99 // 100] * 1e3
    note = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, slowest {ordered[-1] * 1e3:.1f} ms; {promise}"
    return Figure(SECTION, what, sum(times), 0.0, len(times), unit, note=note)


def _visit(connection: http.client.HTTPConnection, word: str) -> float:
    started = time.perf_counter()
    _answer(connection, "GET", f"/p/{word}")
    return time.perf_counter() - started


def _leaving(
    connection: http.client.HTTPConnection, key: str, word: str, person: int, question: dict[str, object]
) -> float:
    """Seconds until the gate says No to somebody who left; 0 for somebody who could not be written to before."""
    body = json.dumps(question | {"resource": {"type": "person", "id": f"p{person}"}}).encode()
    asked = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    if not _decision(connection, body, asked):
        return 0.0
    started = time.perf_counter()
    form = {"content-type": "application/x-www-form-urlencoded"}
    _answer(connection, "POST", f"/u/{word}", CLICK, form)
    if _decision(connection, body, asked):
        raise RuntimeError("somebody who left may still be written to")
    return time.perf_counter() - started


def _decision(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> bool:
    found = json.loads(_answer(connection, "POST", "/access/v1/evaluation", body, headers))
    return bool(found["decision"])


def _answer(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> bytes:
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path.split('/')[1]}: {answer.status}")
    return text
