"""A small workspace, and the rows and orders of imports into it. All people are invented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from amana.core.statements import Interval, PersonRow, Reject, Statement
from amana.core.vocabulary import Channel, Proof, Status
from amana.services.collection import imports
from amana.services.collection.imports import Order, Report
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record.house import House

NOW = 1_780_000_000  # 2026-05-28, a Thursday, 20:26 UTC
DAY = 86_400

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE", "UK"]
stored_in = "DE"

[brands.orchard]
name = "Orchard Street"
[brands.harbour]
name = "Harbour"

[purposes.offers]
notice = "offers"
channels = ["email", "sms", "post", "ads_audience"]
category = "marketing"

[purposes.news]
notice = "offers"
channels = ["email"]
category = "marketing"

[topics.art]
en = "Art"
[topics.sport]
en = "Sport"

[notices.offers]
version = "1"
who = "Orchard Street Ltd"
purposes = ["offers", "news"]
channels = ["email", "sms"]
kept_for = "P3Y"
withdraw = "link in each message"
text = { en = "We send you offers." }

[caps.email]
per_day = 2
"""
FIELDS = {
    "residence": ("residence", "column"),
    "zone": ("zone", "column"),
    "name": ("full_name", "sealed"),
    "born": ("birth_date", "sealed"),
    "guardian": ("guardian", "sealed"),
    "town": ("", "sealed"),
}
DEFINITION += "".join(
    f'\n[fields.{name}]\npurposes = ["offers"]\ncategory = "user"\nwhy = "the law"\nkept_for = "P3Y"\n'
    f'hold = "{hold}"\nmeans = "{means}"\n'
    for name, (means, hold) in FIELDS.items()
)

OFFERS = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)
TEXTS = Inquiry(brand="orchard", purpose="offers", channel=Channel.SMS)
POST = Inquiry(brand="orchard", purpose="offers", channel=Channel.POST)
EVERY_PROOF = Proof(sum(Proof)) & ~Proof.GUARDIAN


class TestClock:
    """UTC seconds that stand still until the test moves them."""

    __test__ = False  # a clock for tests, not a test

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


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


def order(name: str, rows: Sequence[PersonRow | Reject], **more: Any) -> Order:
    """An import of these rows from a source of that name."""

    def read(start: tuple[str, int] | None) -> Iterator[PersonRow | Reject]:
        return (one for one in rows if start is None or one.line >= start[1])

    words: dict[str, Any] = {
        "kind": "table",
        "name": name,
        "digest": sha256(repr(rows).encode()).hexdigest(),
        "reading": "",
        "evidence": "sign-up form of 2026",
        "brand": "orchard",
        "fields": tuple(FIELDS),
        "rows": read,
    }
    return Order(**(words | more))


def taken(house: House, name: str, *rows: PersonRow | Reject, **more: Any) -> Report:
    """Import rows from a source of that name."""
    return imports.run(house, order(name, rows, **more))


def reasons(house: House, who: int | str, inquiry: Inquiry = OFFERS, **more: Any) -> list[str]:
    """Why a person, or whoever holds an address, may not be contacted; empty for an allow."""
    gate = Gate(house)
    try:
        found = (
            gate.ask(who, inquiry, **more)
            if isinstance(who, int)
            else gate.ask_address(who, inquiry, **more)[0]
        )
    finally:
        gate.close()
    return [reason.code for reason in found.reasons]
