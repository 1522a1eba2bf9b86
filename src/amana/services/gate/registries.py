"""Do-not-call registries: loading an issue, and how it counts.

Rule. Being listed is not a person's word to the brand: it holds while the issue that says so is in force. A new issue is
loaded beside the old one and takes its place in one step; a load that stops half-way changes nothing. The country packs
say how old a copy may be: an older one, or none, denies where the registry must be consulted. Numbers are kept as keyed
hashes only, made with the index of addresses: when that is rotated, every registry is missing until it is loaded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from amana import errors
from amana.core.contact_points import Phone, read_phone
from amana.core.plan import Registry as Loaded
from amana.core.statements import PersonRow, Reject
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import registries
from amana.storage.registries import Registry

BATCH = 5_000
MOST = 60  # registries have one bit each in an integer column


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a load did."""

    registry: Registry
    rejected: int


def load(house: House, name: str, as_of: int, rows: Iterable[PersonRow | Reject]) -> Report:
    """Load a whole issue and put it in force.

    Raises Conflict for an issue older than the one in force; BadInput, which leaves that one in force, where lines were
    refused and not one holds a number.
    """
    keyer, taken, rejected = Keyer(house.keys), 0, 0
    house.writing().write(lambda session: _same_index(session, keyer))
    with house.database.read() as connection:
        held = registries.all_registries(connection)
    before = held.get(name)
    if before is not None and as_of < before.as_of:
        raise errors.Conflict(
            f"The issue of {name} in force is newer than this one", remedy="load the newest issue you have"
        )
    code = before.code if before else len(held)
    if code >= MOST:
        raise errors.Conflict("Too many registries are loaded", expected=f"at most {MOST}", got=str(code + 1))
    issue = (before.issue if before else 0) + 1
    house.writing().write(lambda session: registries.drop_other_issues(session.connection, code, issue - 1))
    for chunk in _chunks(rows):
        blinds = [blind for row in chunk if (blind := _blind(keyer, row)) is not None]
        taken, rejected = taken + len(blinds), rejected + len(chunk) - len(blinds)
        _add(house, code, issue, blinds)
    if rejected and not taken:
        raise errors.BadInput(
            f"Not one line of this issue of {name} is a number",
            expected="one telephone number in each line",
            got=f"{rejected} lines that are none",
            remedy="check the file and its options; what was in force before stays in force",
        )

    def put_in_force(session: Session) -> Registry:
        _same_index(session, keyer)
        entries = registries.count(session.connection, code, issue)
        one = Registry(name=name, code=code, as_of=as_of, issue=issue, loaded=session.now, entries=entries)
        registries.put(session.connection, one)
        registries.drop_other_issues(session.connection, code, issue)
        return one

    return Report(registry=house.writing().write(put_in_force), rejected=rejected)


def in_force(house: House) -> dict[str, Loaded]:
    """The registries as a plan sees them: bit and date."""
    with house.database.read() as connection:
        if house.keys.index_generations() != [registries.generation(connection)]:
            return {}  # they match nobody, which is not the same as nobody being listed
        held = registries.all_registries(connection)
    return {name: Loaded(bit=1 << one.code, as_of=one.as_of) for name, one in held.items()}


def _same_index(session: Session, keyer: Keyer) -> None:
    """Listings are matched under one index: drop those of an older one, and refuse a load that straddles two."""
    if session.keys.index_generations() != [keyer.generation]:
        raise errors.Conflict(
            "The index of addresses is being rotated",
            remedy="finish `amana keys rotate-index`, then load the registry again",
        )
    if registries.generation(session.connection) != keyer.generation:
        registries.begin_generation(session.connection, keyer.generation)


def _add(house: House, code: int, issue: int, blinds: list[bytes]) -> None:
    house.writing().write(lambda session: registries.add_listings(session.connection, code, issue, blinds))


def _blind(keyer: Keyer, row: PersonRow | Reject) -> bytes | None:
    if isinstance(row, Reject):
        return None
    phone = read_phone(row.phone, row.phone_country or None)
    return keyer.phone(phone).blind if isinstance(phone, Phone) else None


def _chunks(rows: Iterable[PersonRow | Reject]) -> Iterator[list[PersonRow | Reject]]:
    stream = (row for row in rows if not (isinstance(row, Reject) and row.empty))
    while chunk := list(islice(stream, BATCH)):
        yield chunk
