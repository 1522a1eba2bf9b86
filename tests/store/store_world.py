"""The world of the store tests: a small list of invented people, and a workspace on either database.

Rule. A `Place` says where a workspace stands: its folder and, on PostgreSQL, its two databases. Everybody lives in the
United States, where e-mail is opt-out: whoever has not said no is allowed, so a lost No shows as an allowed person.
The clock stands still unless a test moves it. Addresses stand in reserved domains, numbers are example numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from amana import wiring
from amana.connectors import catalogue
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Channel, Status
from amana.services.collection import imports
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.settings import Settings
from worlds import orchard

NOW = 1_800_000_000
DAY = 86_400
OFFERS = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)

DEFINITION = orchard.workspace(
    orchard.residence(),
    orchard.full_name(),
    country="US",
    purposes={"offers": ("email", "sms", "phone_live")},
    category="marketing.communications.email",
    version="2026-01",
)

MAPPING = """
[source]
zone = "Europe/Berlin"
[person]
external_id = "id"
email = "email"
phone = "phone"
phone_country = { constant = "GB" }
[fields]
residence = { constant = "US" }
full_name = "name"
[[permission]]
purpose = "offers"
channel = "email"
status = { column = "offers", given = ["yes"], refused = ["no"], withdrawn = ["left"] }
when = "since"
proof = ["demonstrable", "channel_named", "sender_named"]
"""
COLUMNS = ("id", "email", "phone", "name", "offers", "since")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workspace stands."""

    folder: Path
    database: str = ""
    keys: str = ""
    journal: Path | None = None

    @property
    def settings(self) -> Settings:
        """Settings that read nothing from the environment."""
        return Settings(
            workspace=self.folder,
            actor="tester",
            database=self.database,
            keys_database=self.keys,
            journal=self.journal,
        )

    @property
    def environment(self) -> dict[str, str]:
        """The same, for a child process."""
        said = {
            "AMANA_WORKSPACE": str(self.folder),
            "AMANA_ACTOR": "tester",
            "AMANA_DATABASE": self.database,
            "AMANA_KEYS_DATABASE": self.keys,
            "AMANA_JOURNAL": str(self.journal or ""),
        }
        return {name: value for name, value in said.items() if value}

    @contextmanager
    def opened(self, *, writing: bool = False, now: int = NOW) -> Iterator[House]:
        """The workspace at a moment."""
        with wiring.opened(self.settings, writing=writing, at=lambda: now) as house:
            yield house

    def create(self) -> Place:
        """Make the workspace."""
        wiring.create(self.settings, DEFINITION, at=lambda: NOW)
        return self


def row(number: int, offers: str = "yes", since: str = "2026-02-03") -> tuple[str, ...]:
    """One line of a list."""
    return (
        str(number),
        f"Person{number}@example.com",
        f"07400 123{number:03d}",
        f"Ada Number{number}",
        offers,
        since,
    )


def write_list(path: Path, rows: list[tuple[str, ...]]) -> Path:
    """A list as a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


def order(house: House, path: Path, name: str = "the list") -> imports.Order:
    """The import of a list."""
    importer = catalogue.find("table")
    options = importer.load(MAPPING)
    source = importer.open(path, options)
    return imports.Order(
        kind="table",
        name=name,
        digest=source.digest,
        reading=MAPPING,
        evidence="form archive",
        brand="orchard",
        fields=options.field_names(),
        rows=lambda start: importer.read(source, options, house.clock(), start),
    )


def take(house: House, folder: Path, rows: list[tuple[str, ...]], name: str = "the list") -> imports.Report:
    """Import rows."""
    path = folder / f"{sha256(repr((rows, name)).encode()).hexdigest()[:8]}.csv"
    return imports.run(house, order(house, write_list(path, rows), name))


def word(status: Status, at: int, number: int = 0, **more: object) -> events.Permission:
    """A person's own word about offers by e-mail."""
    return events.Permission(
        id=sha256(b"word/%d/%d/%s" % (number, at, status.value.encode())).hexdigest()[:32],
        occurred=Interval(lo=at, hi=at),
        actor=Actor.PERSON,
        source=0,
        brand="orchard",
        purpose="offers",
        channel="email",
        status=status,
        **more,  # type: ignore[arg-type]  # the words of a test
    )


def say(house: House, person: int, status: Status, at: int = NOW) -> int:
    """Record a person's own word; its position in the log."""

    def work(session: Session) -> object:
        return session.record(session.person(person), word(status, at, person))

    return house.writing().write(work).position  # type: ignore[attr-defined]  # a staged event


def allowed(house: House, *people: int) -> list[bool]:
    """What the gate says about people now."""
    gate = Gate(house)
    try:
        return [gate.ask(one, OFFERS).allow for one in people]
    finally:
        gate.close()


def codes(house: House, person: int) -> list[str]:
    """Why the gate refuses a person."""
    gate = Gate(house)
    try:
        return [reason.code for reason in gate.ask(person, OFFERS).reasons]
    finally:
        gate.close()


def person_of(house: House, number: int) -> int:
    """The person behind a line of the list."""
    gate = Gate(house)
    try:
        _, holders = gate.ask_address(f"person{number}@example.com", OFFERS)
    finally:
        gate.close()
    return holders[0]
