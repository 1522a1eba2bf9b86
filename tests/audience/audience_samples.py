"""A workspace with columns to choose by, invented people in several countries, and what they were sent."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from amana.core import events
from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Actor, Channel, Proof, Status
from amana.services.collection import imports
from amana.services.collection.imports import Order, Report
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import register

NOW = 1_780_000_000  # 2026-05-28, a Thursday, 20:26 UTC
DAY = 86_400
EVERY_PROOF = Proof(sum(Proof)) & ~Proof.GUARDIAN

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE", "UK", "FR"]
stored_in = "DE"

[brands.orchard]
name = "Orchard Street"

[purposes.offers]
notice = "offers"
channels = ["email", "sms", "phone_live"]
category = "marketing"
[purposes.news]
notice = "offers"
channels = ["email"]
category = "marketing"

[topics.art]
en = "Art"
[topics.garden]
en = "Garden"

[notices.offers]
version = "1"
who = "Orchard Street Ltd"
purposes = ["offers", "news"]
channels = ["email", "sms", "phone_live"]
kept_for = "P3Y"
withdraw = "link in each message"
text = { en = "We send you offers." }

[caps.email]
per_day = 2
per_week = 4
"""
FIELDS = {
    "residence": ("residence", "column", "user.contact.address.country"),
    "language": ("language", "column", "user.demographic.language"),
    "interests": ("", "column", "user.behavior"),
    "tier": ("", "column", "user.account"),
    "faith": ("", "column", "user.demographic.religious_belief"),
    "name": ("full_name", "sealed", "user.name"),
}
DEFINITION += "".join(
    f'\n[fields.{name}]\npurposes = ["offers"]\ncategory = "{category}"\nwhy = "to choose by"\n'
    f'kept_for = "P3Y"\nhold = "{hold}"\nmeans = "{means}"\n'
    for name, (means, hold, category) in FIELDS.items()
)
OFFERS = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)
NEWS = Inquiry(brand="orchard", purpose="news", channel=Channel.EMAIL)
TEXTS = Inquiry(brand="orchard", purpose="offers", channel=Channel.SMS)
CALLS = Inquiry(brand="orchard", purpose="offers", channel=Channel.PHONE_LIVE)


class HandClock:
    """UTC seconds that stand still until the test moves them."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def at(when: int) -> Interval:
    """One second."""
    return Interval(lo=when, hi=when)


def said(status: Status, days_ago: float, **more: Any) -> Statement:
    """A statement about offers by e-mail so many days ago, unless told otherwise."""
    words: dict[str, Any] = {"purpose": "offers", "channel": Channel.EMAIL} | more
    return Statement(status=status, occurred=at(NOW - round(days_ago * DAY)), **words)


def given(days_ago: float, **more: Any) -> Statement:
    """A grant with every proof."""
    return said(Status.GIVEN, days_ago, **({"proof": EVERY_PROOF} | more))


def row(line: int, *statements: Statement, **more: str) -> PersonRow:
    """One line of a source; everybody has an address and a German number of their own."""
    words: dict[str, Any] = {"email": f"p{line}@example.com", "phone": f"+4915112{line:06}"}
    words |= {key: more.pop(key) for key in ("email", "phone") if key in more}
    return PersonRow(
        part="",
        line=line,
        external_id=str(line),
        fields={"residence": "DE"} | more,
        statements=statements,
        **words,
    )


def taken(house: House, name: str, *rows: PersonRow) -> Report:
    """Import rows from a source of that name."""

    def read(start: tuple[str, int] | None) -> Iterator[PersonRow]:
        return (one for one in rows if start is None or one.line >= start[1])

    return imports.run(
        house,
        Order(
            kind="table",
            name=name,
            digest=sha256(repr(rows).encode()).hexdigest(),
            reading="",
            evidence="sign-up form of 2026",
            brand="orchard",
            fields=tuple(FIELDS),
            rows=read,
        ),
    )


def crowd(seed: int, count: int) -> list[PersonRow]:
    """People who differ in everything that a question may turn on."""
    chance = random.Random(seed)
    return [
        row(
            line,
            *(_statement(chance) for _ in range(chance.randrange(4))),
            residence=chance.choice(["DE", "DE", "UK", "FR", "NL", "ES", "AE", "US", ""]),
            language=chance.choice(["de", "en", "fr", "ru", ""]),
            interests=chance.choice(["", "garden", "art;garden", "books; garden", "art"]),
            tier=chance.choice(["gold", "silver", ""]),
            email=chance.choice(["", f"p{line}@example.com", f"p{line}@example.com"]),
        )
        for line in range(2, count + 2)
    ]


def _statement(chance: random.Random) -> Statement:
    channel = chance.choice([Channel.EMAIL, Channel.EMAIL, Channel.SMS, Channel.PHONE_LIVE])
    days = chance.choice([1, 40, 89, 90, 91, 300, 364, 366, 700, 731, 900])
    proof = chance.choice([EVERY_PROOF, Proof(0x1FF), Proof(0xFF), Proof.DEMONSTRABLE])
    status = chance.choice([Status.GIVEN, Status.GIVEN, Status.REQUESTED, Status.WITHDRAWN, Status.UNKNOWN])
    if status is Status.WITHDRAWN:
        return said(status, days, channel=chance.choice([channel, None]))
    return said(status, days, channel=channel, proof=proof)


def choose(house: House, person: int, **chosen: Any) -> None:
    """Let a person choose something themselves."""

    def work(session: Session) -> None:
        event = events.Preference(
            id=house.random(16).hex(), occurred=at(session.now), actor=Actor.PERSON, source=1, **chosen
        )
        session.record(session.person(person), event)

    house.writing().write(work)


def sent(house: House, inquiry: Inquiry, *contacts: tuple[int, int]) -> None:
    """Remember contacts: (person, UTC second)."""

    def work(session: Session) -> None:
        cell = session.terms.cell(inquiry.brand, inquiry.purpose, inquiry.channel.value)
        register.note_sent(session.connection, [(person, cell, when) for person, when in contacts])

    house.writing().write(work)


def shuffled(rows: Sequence[PersonRow], seed: int) -> list[PersonRow]:
    """The same rows in another order."""
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    return mixed
