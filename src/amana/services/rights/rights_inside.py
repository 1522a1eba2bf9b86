"""What a request does in Amana itself, once every connected system has answered.

Rule. An erasure forgets the person, as `services.forget` says. A rectification is an event of the person's. Of a
restriction, an objection and a withdrawal nothing is left to do but to look: the gate is asked for everything that
the request is about, and one Yes keeps the request open. A copy is made from what was found, here and elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from amana import errors
from amana.core.data_map import Row
from amana.core.rights import Kind
from amana.services.choices import own_data
from amana.services.collection import capture, fields
from amana.services.gate.asking import Gate, Inquiry
from amana.services.keeping import forget
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.rights import copies
from amana.services.rights import requests as asked
from amana.storage import erasures, requests
from amana.storage.requests import RequestRow

Collected = Callable[[], Mapping[int, Mapping[str, Sequence[Row]]]]
Corrections = Callable[[], Mapping[int, Mapping[str, str]]]
_encode = msgspec.json.Encoder(order="sorted").encode


def do(
    house: House, kind: Kind, rows: Sequence[RequestRow], collected: Collected, corrections: Corrections
) -> None:
    """Do it; safe to repeat. Raises NotNow, Undeliverable."""
    match kind:
        case Kind.ERASURE:
            _erase(house, rows)
        case Kind.RECTIFICATION:
            for row in rows:
                _correct(house, row, corrections()[row.id])
        case Kind.RESTRICTION | Kind.OBJECTION | Kind.WITHDRAWAL:
            for row in rows:
                _refused(house, row)
        case Kind.ACCESS | Kind.PORTABILITY:
            found = collected()
            for row in rows:
                copies.make(house, row, found[row.id])


def _erase(house: House, rows: Sequence[RequestRow]) -> None:
    found = {row.id: _entries(house, row) for row in rows}
    lines = {
        number: entries for number, entries in found.items() if entries
    }  # none are left when it is done again
    if lines:
        house.writing().write(lambda session: _note(session, lines))
    done = forget.forget(house, [row.person for row in rows])
    if not done.scrubbed:
        raise errors.NotNow("scrubbing")


def _note(session: Session, lines: Mapping[int, Sequence[int]]) -> None:
    """Write down for each request what of the record goes, in one transaction."""
    told = [
        (
            number,
            session.now,
            "amana",
            "erasing",
            _encode({"entries": len(entries), "last": entries[-1]}).decode(),
        )
        for number, entries in lines.items()
    ]
    requests.log(session.connection, told)


def _correct(house: House, row: RequestRow, values: Mapping[str, str]) -> None:
    """Registered fields of exactly these categories; addresses change where they are proved, on a form."""
    named = {
        name: values[field.category]
        for name, field in house.workspace.fields.items()
        if field.category in values
    }
    if not named:
        return
    before = _entries(house, row)
    try:
        own_data.correct(house, row.person, named, capture.Context(page=asked.SOURCE))
    except errors.BadInput as refused:
        raise errors.Undeliverable("value_refused") from refused
    held = own_data.show(house, row.person).fields
    typed = fields.read(house.workspace, named)  # a country by its name is kept as its code
    kept = {
        name: typed.columns.get(house.workspace.fields[name].means or name) for name in named
    } | typed.sealed
    if any(held.get(name) != value for name, value in kept.items()):
        raise errors.NotNow("not_read_back")
    asked.log(house, [row.id], "amana", "took_effect", entries=_entries(house, row)[len(before) :])


def _entries(house: House, row: RequestRow) -> list[int]:
    """The log positions of a person's events: numbers that lead nowhere once the events are erased."""
    with house.database.read() as connection:
        return erasures.positions_of(connection, [row.person])


def _refused(house: House, row: RequestRow) -> None:
    gate = Gate(house)
    try:
        brands = [row.brand] if row.brand else list(house.workspace.brands)
        for brand in brands:
            for name, purpose in house.workspace.purposes.items():
                for channel in purpose.channels:
                    if gate.ask(row.person, Inquiry(brand=brand, purpose=name, channel=channel)).allow:
                        raise errors.Undeliverable("still_allowed")
    finally:
        gate.close()
