"""People of an earlier list: rows that a test writes down, and their real import into a workspace.

Rule. A row says what a line of a file would say once it is read; people live in Germany and everything is about offers by
e-mail, ten days before the clock, unless the test says otherwise. A list is the same list again when its name and its
rows are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from amana.core.statements import Interval, PersonRow, Reject, Statement
from amana.core.vocabulary import Channel, Proof, Status
from amana.services.collection import imports
from amana.services.collection.imports import Order, Report
from amana.services.record.house import House
from worlds.clock import DAY, NOW

EVERY_PROOF = Proof(sum(Proof)) & ~Proof.GUARDIAN


def at(when: int, until: int | None = None) -> Interval:
    """A moment, or a span."""
    return Interval(lo=when, hi=when if until is None else until)


def said(status: Status, when: Interval | None = at(NOW - 10 * DAY), **more: Any) -> Statement:
    """One statement about offers by e-mail, unless told otherwise."""
    words: dict[str, Any] = {"purpose": "offers", "channel": Channel.EMAIL} | more
    return Statement(status=status, occurred=when, **words)


def given(when: Interval | None = at(NOW - 10 * DAY), **more: Any) -> Statement:
    """A grant with every proof."""
    return said(Status.GIVEN, when, **({"proof": EVERY_PROOF} | more))


def row(
    line: int, *statements: Statement, id: str = "", email: str = "", phone: str = "", **fields: str
) -> PersonRow:
    """One line of a source; people live in Germany unless told otherwise."""
    return PersonRow(
        part="",
        line=line,
        external_id=id,
        email=email,
        phone=phone,
        fields={"residence": "DE"} | fields,
        statements=statements,
    )


def order(name: str, rows: Sequence[PersonRow | Reject], fields: Sequence[str], **more: Any) -> Order:
    """An import of these rows, which tell these fields, from a source of that name."""

    def read(start: tuple[str, int] | None) -> Iterator[PersonRow | Reject]:
        return (one for one in rows if start is None or one.line >= start[1])

    words: dict[str, Any] = {
        "kind": "table",
        "name": name,
        "digest": sha256(repr(rows).encode()).hexdigest(),
        "reading": "",
        "evidence": "sign-up form of 2026",
        "brand": "orchard",
        "fields": tuple(fields),
        "rows": read,
    }
    return Order(**(words | more))


def taken(house: House, name: str, *rows: PersonRow | Reject, **more: Any) -> Report:
    """Import rows from a source of that name, which tell every field of the workspace unless told otherwise."""
    words: dict[str, Any] = {"fields": tuple(house.workspace.fields)} | more
    return imports.run(house, order(name, rows, **words))
