"""Telling people about their requests: received, extended, refused, answered; by e-mail, or by text where there is none.

Rule.
- What is told follows the log of requests: each line that a person is owed (GDPR art. 12(3), (4)) becomes one message,
  in the transaction that moves the place to which the log was read. Nothing is told twice, nothing is left out, and
  whoever writes the log need not know. What is overtaken, a receipt of what is answered already, is not told.
- An erasure is told before it happens: the answer leaves while there is an address and a key, with what was erased and
  what the law keeps, and the person is forgotten once it was handed over. Whom nobody can tell, for want of an address
  or of a way to send, is not erased in silence: before anything is touched, and again where the answer could not be
  handed over, the request waits for a person, who tells them in another way and says so (`decide … --go`), or mends
  the way. What a controller asks for by OpenDSR is told by that controller.
- A message holds the reference, the day and a link that shows no value. Values are fetched through a fresh proof.
- At most `MOST` of these a day go to one person, so that nobody's address is filled by asking in their name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from amana.core import facts
from amana.core.rights import Kind, Via
from amana.core.state import PersonState
from amana.core.statements import ANY
from amana.core.vocabulary import Channel
from amana.services.record import links, tasks
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.rights import copy_words, following
from amana.services.rights.copy_words import Words
from amana.storage import people, positions, requests
from amana.storage import tasks as task_rows
from amana.storage.requests import LogRow, RequestRow

READER = "requests_told"
"""What the place is called to which the log was read."""
BATCH = 200
MOST = 20
DAY = 86_400
WAIT = 60  # seconds between two looks whether an answer was handed over
MOST_GROUNDS = 20  # lines of what the law keeps in one letter
RECEIVED, EXTENDED, REFUSED = "request_received", "request_extended", "request_refused"
ANSWERED, FAREWELL = "request_answered", "request_erased"
TEMPLATES = (RECEIVED, EXTENDED, REFUSED, ANSWERED, FAREWELL)
_TOLD = {"opened": RECEIVED, "extended": EXTENDED, "decided": REFUSED, "answered": ANSWERED}
UNTOLD = "not_told"
"""The ground on which an erasure waits for a person: nobody could tell its person."""
_COPIES = frozenset({Kind.ACCESS.value, Kind.PORTABILITY.value})
_encode = msgspec.json.Encoder(order="sorted").encode


def sweep(house: House) -> int:
    """Queue what people are to be told since the last look; how many lines of the log were read."""
    with house.database.read() as connection:
        last = positions.get(connection, READER) or 0
        if not requests.logged_after(connection, last, 1):
            return 0

    def work(session: Session) -> int:
        start = positions.get(session.connection, READER) or 0
        lines = requests.logged_after(session.connection, start, BATCH)
        rows = requests.by_id(session.connection, [one.request for one in lines])
        for line in lines:
            _follow(house, session, line, rows[line.request])
        if lines:
            positions.put(session.connection, READER, lines[-1].id)
        return len(lines)

    return house.writing().write(work)


class Farewell(msgspec.Struct, frozen=True, kw_only=True):
    """How far the last messages of some requests are."""

    wait: int = 0  # seconds before looking again; 0 once nothing is on its way
    untold: frozenset[int] = (
        frozenset()
    )  # requests whose people could not be told, and nobody decided to go on


def farewell(house: House, rows: Sequence[RequestRow]) -> Farewell:
    """Tell people that they are erased. Safe to repeat. Who cannot be told is written down."""

    def work(session: Session) -> Farewell:
        stands = {row.id: _farewell(house, session, row) for row in rows}
        return Farewell(
            wait=max((one for one in stands.values() if one is not None), default=0),
            untold=frozenset(number for number, one in stands.items() if one is None),
        )

    return house.writing().write(work)


def untold(house: House, rows: Sequence[RequestRow]) -> dict[int, str]:
    """The erasures among these whose people nobody could tell, with the reason; not those decided about already."""
    asked = [row for row in rows if row.kind == Kind.ERASURE.value and row.via != Via.OPENDSR.value]
    if not asked:
        return {}
    with house.database.read() as connection:
        states = {
            one: row.state for one, row in people.get(connection, [row.person for row in asked]).items()
        }
        found = {row: _no_way(house, states[row.person]) for row in asked if row.person in states}
        return {
            row.id: why
            for row, why in found.items()
            if why and not _is_let_go(requests.logged(connection, row.id))
        }


# ---- what is told -------------------------------------------------------------------------------------------------


def _follow(house: House, session: Session, line: LogRow, row: RequestRow) -> None:
    template = _TOLD.get(line.what, "")
    detail: dict[str, Any] = msgspec.json.decode(line.detail)
    over = row.status in requests.ENDED or task_rows.standing_of(session.connection, _last(row)) is not None
    is_overtaken = line.what in ("opened", "extended") and over
    is_no_refusal = line.what == "decided" and detail["go"]
    if not template or is_overtaken or is_no_refusal or row.person not in house.keys.known_keys([row.person]):
        return
    words = copy_words.of(row.language)
    told = _facts(words, row) | {"reason": str(detail.get("reason", ""))}
    _queue(house, session, row, template, f"request/{row.ref}/{line.id}", told, _points(words, row, template))


def _facts(words: Words, row: RequestRow) -> dict[str, str]:
    return {"ref": row.ref, "due": words.day(row.due), "right": words.catalogue.right[row.kind]}


def _points(words: Words, row: RequestRow, template: str) -> tuple[str, ...]:
    """What stands as a list in a letter."""
    if template == ANSWERED and row.kind in _COPIES:
        return (words("letter_copy"),)
    if template == ANSWERED and row.outcome == "done_in_part":
        return (words("letter_part"),)
    return ()


def _kept(session: Session, words: Words, row: RequestRow) -> tuple[str, ...]:
    """What the law keeps of an erased person, each ground once, without a name of a system or a field."""
    grounds: set[tuple[str, str, str]] = set()
    for line in requests.logged(session.connection, row.id):
        if line.what == "kept":
            for one in msgspec.json.decode(line.detail)["kept"]:
                grounds.add((str(one["ground"]), str(one.get("citation", "")), str(one.get("until", ""))))
    told = [_ground(words, *one) for one in sorted(grounds)]
    return tuple(told[:MOST_GROUNDS]) or (words("letter_all"),)


def _ground(words: Words, ground: str, law: str, until: str) -> str:
    """One ground in words; `until` is an ISO date, or empty."""
    if not law:
        return words("letter_kept_other", ground=words.ground(ground))
    if not until:
        return words("letter_kept", ground=words.ground(ground), law=law)
    day = words.day(int(datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp()))
    return words("letter_kept_until", ground=words.ground(ground), law=law, day=day)


# ---- the last message ---------------------------------------------------------------------------------------------


def _farewell(house: House, session: Session, row: RequestRow) -> int | None:
    """How many seconds to wait for the answer to leave, 0 for none; None where it cannot leave and nobody decided."""
    lines = requests.logged(session.connection, row.id)
    if row.via == Via.OPENDSR.value or _has_said(lines, "told"):
        return 0
    let_go = _is_let_go(lines)
    begun = max((at for at, line in enumerate(lines) if line.what == "again"), default=-1)
    if _has_said(lines if let_go else lines[begun + 1 :], "not_told"):
        return 0 if let_go else None
    if row.person not in house.keys.known_keys([row.person]):
        _note(session, row, "not_told", FAREWELL, why="person_erased")
        return 0
    attempt = sum(line.what == "again" for line in lines)
    key = f"{_last(row)}/{attempt}" if attempt else _last(row)
    found = task_rows.standing_of(session.connection, key)
    if found is None:
        words = copy_words.of(row.language)
        if _queue(house, session, row, FAREWELL, key, _facts(words, row), _kept(session, words, row)):
            return WAIT
        return 0 if let_go else None
    state, trouble = found
    if state == task_rows.READY:
        return WAIT
    if state == task_rows.DONE:
        _note(session, row, "told", FAREWELL)
        return 0
    _note(session, row, "not_told", FAREWELL, why=trouble)
    return 0 if let_go else None


def _has_said(lines: Sequence[LogRow], what: str) -> bool:
    """Whether a line says of the last message that it was told, or was not."""
    return any(
        line.what == what and msgspec.json.decode(line.detail).get("template") == FAREWELL for line in lines
    )


def _is_let_go(lines: Sequence[LogRow]) -> bool:
    """Whether a person decided to go on although nobody could be told from here."""
    waits = False
    for line in lines:
        detail: dict[str, Any] = msgspec.json.decode(line.detail)
        if line.what == "to_decide":
            waits = UNTOLD in str(detail.get("ground", ""))
        elif line.what == "decided" and waits and detail["go"]:
            return True
    return False


def _last(row: RequestRow) -> str:
    """The key of the message after which there is nobody to write to."""
    return f"request/{row.ref}/farewell"


# ---- the way ------------------------------------------------------------------------------------------------------


def _queue(
    house: House,
    session: Session,
    row: RequestRow,
    template: str,
    key: str,
    told: dict[str, str],
    points: Sequence[str],
) -> bool:
    """Queue one message, and write it down; whether there is a way to the person."""
    state = session.person(row.person).state
    way, point = _way(house, state)
    recent = task_rows.made_since(session.connection, row.person, "request/", session.now - DAY)
    why = _no_way(house, state)
    if not why and template != FAREWELL and recent >= MOST:
        why = "too_many"
    if why:
        _note(session, row, "not_told", template, why=why)
        return False
    brand = row.brand or next(iter(house.workspace.brands))
    payload = {
        "template": template,
        "brand": brand,
        "point": point,
        "language": row.language,
        "link": _link(house, session, row, template, brand),
        "told": told,
        "lines": list(points),
    }
    tasks.add(house, session, way, key, row.person, payload)
    _note(session, row, "telling", template, by=way)
    return True


def _way(house: House, state: PersonState) -> tuple[str, int]:
    """The kind of task and the contact point: e-mail before text; "" where neither leads to the person."""
    if house.workspace.mail is None:
        return "", -1
    email = facts.current_point(state, Channel.EMAIL)
    if email >= 0:
        return "mail", email
    number = facts.current_point(state, Channel.SMS)
    return ("sms", number) if number >= 0 and house.workspace.sms is not None else ("", -1)


def _no_way(house: House, state: PersonState) -> str:
    """Why no way leads to the person; "" where one does."""
    if _way(house, state)[0]:
        return ""
    return "no_mail" if house.workspace.mail is None else "no_address"


def _link(house: House, session: Session, row: RequestRow, template: str, brand: str) -> str:
    """The page that a message leads to: where a fresh proof is asked for, to fetch a copy, or how the request stands."""
    language = copy_words.known(row.language)
    if template == ANSWERED and row.kind in _COPIES:
        cell = session.terms.cell(brand, ANY, ANY)
        return links.for_message(house, session, row.person, cell, language).preferences
    return links.page(house, f"q/{following.word(house, row.ref)}", language)


def _note(session: Session, row: RequestRow, what: str, template: str, **detail: str) -> None:
    body = _encode({"template": template, **detail}).decode()
    requests.log(session.connection, [(row.id, session.now, "amana", what, body)])
