"""A small workspace with a past, for tests of proofs: people who say yes, later no, and a few who never came back.

Everything is invented; addresses stand in reserved domains. The clock stands still unless a test moves it.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from amana import wiring
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, PointKind, Proof, Status
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.settings import Settings
from worlds import orchard

NOW = 1_800_000_000
WORKSPACE = orchard.workspace(
    serves=("DE", "IL", "TH"), category="marketing.communications.email", version="2026-01"
)
WORDING = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"


def settings(folder: Path) -> Settings:
    return Settings(workspace=folder, actor="test")


@contextmanager
def opened(folder: Path, *, writing: bool = False, now: int = NOW) -> Iterator[House]:
    """The workspace, at a moment."""
    with wiring.opened(settings(folder), writing=writing, at=lambda: now) as house:
        yield house


def create(folder: Path, people: int = 40) -> Path:
    """A workspace in which each person gave consent and every third withdrew it."""
    wiring.create(settings(folder), WORKSPACE)
    with opened(folder, writing=True) as house:
        house.writing().write(lambda session: populate(session, people))
    return folder


def populate(session: Session, people: int, first: int = 0) -> None:
    """Consents of new people with their addresses, and the withdrawal of every third."""
    keyer = Keyer(session.keys)
    for number in range(first, first + people):
        person = session.new_person()
        added = address(number)
        found = keyer.stored(PointKind.EMAIL.value, added.value)
        assert found is not None
        session.add_point(person, PointKind.EMAIL.value, found.blind, added.value, 0)
        session.record(person, added)
        session.record(person, permission(number, Status.GIVEN))
        if number % 3 == 0:
            session.record(person, permission(number, Status.WITHDRAWN))


def permission(number: int, status: Status, evidence: str = "form:checkout") -> events.Permission:
    """One person's word about offers by e-mail."""
    moment = NOW - 1_000 + 10 * list(Status).index(status)
    return events.Permission(
        id=_id(f"{number}/{status.value}/{evidence}"),
        occurred=Interval(lo=moment, hi=moment),
        actor=Actor.PERSON,
        source=1,
        evidence=evidence,
        brand="orchard",
        purpose="offers",
        channel="email",
        status=status,
        proof=Proof(0x1FF) if status is Status.GIVEN else Proof(0),
        confirmed=True,
        point=0,
        notice="offers@2026-01",
        notice_hash=WORDING,
        notice_epoch=1,
    )


def address(number: int) -> events.Point:
    """An e-mail address is added."""
    return events.Point(
        id=_id(f"{number}/point"),
        occurred=Interval(lo=NOW - 2_000, hi=NOW - 1_500),
        actor=Actor.IMPORT,
        source=1,
        point=0,
        point_kind=PointKind.EMAIL,
        change="added",
        value=f"person{number}@mail.example",
    )


def copied(folder: Path, to: Path) -> Path:
    """A copy of a closed workspace: a backup."""
    shutil.copytree(folder, to)
    return to


def tampered(folder: Path, statement: str, *values: object, database: str = "main.db") -> None:
    """What somebody with the database file, and no key, can do."""
    connection = sqlite3.connect(folder / database)
    with connection:
        changed = connection.execute(statement, values).rowcount
    connection.close()
    assert changed, "the statement changed nothing"


def stored(folder: Path, query: str, *values: object, database: str = "main.db") -> list[tuple]:
    """Rows of a database file."""
    connection = sqlite3.connect(folder / database)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def flipped(data: bytes, at: int) -> bytes:
    """The bytes with one bit changed."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _id(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
