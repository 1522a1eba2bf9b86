"""A workspace with columns to choose by, invented people in several countries, and what they were sent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from amana.core import events
from amana.core.statements import PersonRow, Statement
from amana.core.vocabulary import Actor, Channel, Proof, Status
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import register
from worlds import lists, orchard
from worlds.clock import DAY, NOW
from worlds.lists import EVERY_PROOF, at

FIELDS = {
    "language": ("language", "column", "user.demographic.language"),
    "interests": ("", "column", "user.behavior"),
    "tier": ("", "column", "user.account"),
    "faith": ("", "column", "user.demographic.religious_belief"),
    "name": ("full_name", "sealed", "user.name"),
}
DEFINITION = orchard.workspace(
    '\n[topics.art]\nen = "Art"\n[topics.garden]\nen = "Garden"\n',
    "\n[caps.email]\nper_day = 2\nper_week = 4\n",
    orchard.residence(),
    *(
        orchard.field(name, category, means=means, hold=hold, why="to choose by")
        for name, (means, hold, category) in FIELDS.items()
    ),
    serves=("DE", "UK", "FR"),
    purposes={"offers": ("email", "sms", "phone_live"), "news": ("email",)},
)
OFFERS = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)
NEWS = Inquiry(brand="orchard", purpose="news", channel=Channel.EMAIL)
TEXTS = Inquiry(brand="orchard", purpose="offers", channel=Channel.SMS)
CALLS = Inquiry(brand="orchard", purpose="offers", channel=Channel.PHONE_LIVE)


def said(status: Status, days_ago: float, **more: Any) -> Statement:
    """A statement about offers by e-mail so many days ago, unless told otherwise."""
    return lists.said(status, at(NOW - round(days_ago * DAY)), **more)


def given(days_ago: float, **more: Any) -> Statement:
    """A grant with every proof."""
    return lists.given(at(NOW - round(days_ago * DAY)), **more)


def row(line: int, *statements: Statement, **more: str) -> PersonRow:
    """One line of a source; everybody has an address and a German number of their own."""
    own = {"email": f"p{line}@example.com", "phone": f"+4915112{line:06}"}
    return lists.row(line, *statements, id=str(line), **(own | more))


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
