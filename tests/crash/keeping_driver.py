"""A program that keeps a record as its keepers do, and says after each step what nobody may lose from then on.

Usage: keeping_driver.py ROOT PERSON ... Below ROOT stand the workspace, its refusal journal, the published log, a
witness's memory and the backups. Of each two people named the first withdraws, and the other is forgotten, together with
somebody whose key and address were just written. Then the log is published and cosigned; at the end keys are rotated and
everything is backed up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import sqlalchemy as sa
from crash_world import CELL, NOW, acknowledge

from amana import wiring
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, PointKind, Status
from amana.keys import tables as key_tables
from amana.ledger import merkle, nodes
from amana.services.keeping import backup, forget, rotation, witnessing
from amana.services.record import publication
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.settings import Settings
from amana.storage import log, points

LATER = NOW + 40 * 86_400  # another month, so that there is something to rotate


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was said to be kept; one of the fields."""

    withdrawn: str = ""  # event id
    added: int = 0  # person, of whom stand what `needles` holds in hexadecimal
    needles: tuple[str, ...] = ()
    forgotten: int = 0  # person
    published: int = 0  # entries
    cosigned: int = 0  # entries
    rotated: int = 0  # keys
    backed_up: int = 0  # entries


def settings(root: Path) -> Settings:
    """The workspace below a root, with its journal beside it."""
    return Settings(
        workspace=root / "workspace", actor="tester", journal=root / "journal" / "refusals.journal"
    )


@contextmanager
def opened(root: Path, now: int = NOW) -> Iterator[House]:
    """The workspace below a root, open for writing."""
    with wiring.opened(settings(root), writing=True, at=lambda: now) as house:
        yield house


@contextmanager
def witness(root: Path, house: House) -> Iterator[witnessing.Witness]:
    """The witness below a root."""
    with witnessing.serving(
        root / "witness", [publication.log_key(house)], clock=lambda: NOW, random=os.urandom, name="w.example"
    ) as one:
        yield one


def withdraw(house: House, person: int) -> str:
    """Record a person's withdrawal; its event id."""
    brand, purpose, channel = CELL
    event = events.Permission(
        id=house.random(16).hex(),
        occurred=Interval(lo=NOW, hi=NOW),
        actor=Actor.PERSON,
        source=0,
        brand=brand,
        purpose=purpose,
        channel=channel,
        status=Status.WITHDRAWN,
        confirmed=True,
    )
    house.writing().write(lambda session: session.record(session.person(person), event))
    return event.id


def add(house: House) -> int:
    """Record somebody new with an address; their number."""

    def work(session: Session) -> int:
        person, address = session.new_person(), "newcomer@example.com"
        found = Keyer(house.keys).stored(PointKind.EMAIL.value, address)
        assert found is not None
        ordinal = 0
        session.add_point(person, PointKind.EMAIL.value, found.blind, address, ordinal)
        added = events.Point(
            id=house.random(16).hex(),
            occurred=Interval(lo=NOW, hi=NOW),
            actor=Actor.PERSON,
            source=0,
            point=ordinal,
            point_kind=PointKind.EMAIL,
            change="added",
            value=address,
        )
        session.record(person, added)
        return person.id

    return house.writing().write(work)


def needles_of(house: House, person: int) -> list[bytes]:
    """A person's key, as it is and as it is stored, sealed addresses and sealed events."""
    with house.database.read() as connection:
        sealed = [row.sealed for row in points.of_people(connection, [person])[person]]
        sealed += [row.sealed for row in log.events_of(connection, person)]
    with house.keys.engine.connect() as connection:
        query = sa.select(key_tables.person_key.c.wrapped).where(key_tables.person_key.c.person == person)
        wrapped = connection.execute(query).scalar_one()
    return [house.keys.keys([person])[person], wrapped, *sealed]


def cosign(one: witnessing.Witness, house: House, old: int) -> int:
    """Have the latest checkpoint cosigned by a witness that knows `old` entries; how many it knows now."""
    with house.database.read() as connection:
        tree, signed = publication.current(house, connection)
        node = nodes.node_reader(tree.size, log.tile_reader(connection))
        proof = merkle.consistency_proof(old, tree.size, node)
    answer = one.add_checkpoint(witnessing.write(old, proof, signed))
    assert answer.status == 200, answer.body
    return tree.size


def main(place: str, *people: str) -> None:
    """Keep the record, and say so."""
    root, known = Path(place), 0
    with opened(root) as house, witness(root, house) as other:
        for leaves, goes in zip(people[::2], people[1::2], strict=True):
            acknowledge(Kept(withdrawn=withdraw(house, int(leaves))))
            new = add(house)
            acknowledge(Kept(added=new, needles=tuple(one.hex() for one in needles_of(house, new))))
            assert forget.forget(house, [int(goes), new]).scrubbed
            acknowledge(Kept(forgotten=int(goes)))
            acknowledge(Kept(forgotten=new))
            acknowledge(Kept(published=publication.export(house, root / "published").size))
            known = cosign(other, house, known)
            acknowledge(Kept(cosigned=known))
    with opened(root, LATER) as house:
        acknowledge(Kept(rotated=rotation.epochs(house).moved))
        taken = backup.take(house, root / "backups" / "record", root / "backups" / "keys")
        acknowledge(Kept(backed_up=taken.size))


if __name__ == "__main__":
    main(*sys.argv[1:])
