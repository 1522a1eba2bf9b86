"""Past sends: another tool's send log, read into columns, looked back at or taken in as facts for limits.

Rule. A person is found by the id under which an import of the same source knows them, by `p12`, by their address, then by
their number; an address that several people hold means each of them, an entry that nobody holds nobody. Taking a log in
adds contacts for frequency limits and nothing else: no permission, no person, no event. The same file and mapping add
nothing again; what was taken in can be taken back, exactly. Taken-in contacts have ids below zero, each file's in one
block, so that they are told from our own sends.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from amana import errors
from amana.connectors import sends
from amana.connectors.sends import Sent
from amana.core import places
from amana.core.contact_points import Email, Phone, read_email, read_phone
from amana.core.statements import Reject
from amana.core.vocabulary import Channel
from amana.keys.store import RECOGNITION
from amana.ledger import canonical, sealing
from amana.services.record import addresses
from amana.services.record.addresses import Address, Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import people, register, sources
from amana.storage.sources import Source

Array = np.ndarray[Any, Any]


class Sends(NamedTuple):
    """A send log in columns, in the order of its lines."""

    lines: Array
    parts: tuple[str, ...]
    part: Array  # number of each line's part
    at: Array  # UTC seconds
    asked: tuple[tuple[str, Channel], ...]  # the distinct (purpose, channel)
    ask: Array  # number of each send's
    campaigns: tuple[str, ...]
    campaign: Array
    whose: Array  # pairs of send and person: the send's row
    person: Array  # and the person; a send to nobody known has no pair
    rejects: tuple[Reject, ...]

    def __len__(self) -> int:
        return len(self.lines)


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """A send log to be taken in."""

    name: str  # what the tool is called: the name under which its people were imported
    digest: str  # SHA-256 of the file, hexadecimal
    reading: str  # the mapping, as text
    brand: str


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a log."""

    source: int
    sends: int  # read from the file
    contacts: int  # recorded, one for each person reached
    unknown: int  # sends to nobody known
    rejected: int
    repeated: bool = False  # the file had been taken in before; nothing was added


def read(house: House, name: str, rows: Iterable[Sent | Reject]) -> Sends:
    """A log as columns, with the people of each send; `name` is what the tool is called."""
    rejects: list[Reject] = []
    parts: dict[str, int] = {}
    asked: dict[tuple[str, Channel], int] = {}
    campaigns: dict[str, int] = {}
    identities: dict[tuple[str, str, str, str], int] = {}
    table: list[tuple[int, int, int, int, int, int]] = []
    for row in rows:
        if isinstance(row, Reject):
            rejects.append(row)
            continue
        table.append(
            (
                row.line,
                parts.setdefault(row.part, len(parts)),
                row.at,
                asked.setdefault((row.purpose, row.channel), len(asked)),
                campaigns.setdefault(row.campaign, len(campaigns)),
                identities.setdefault(
                    (row.external_id, row.email, row.phone, row.phone_country), len(identities)
                ),
            )
        )
    columns = np.array(table, np.int64).reshape(len(table), 6).T
    whose, person = _pairs(columns[5], _found(house, name, list(identities)))
    return Sends(
        columns[0],
        tuple(parts),
        columns[1],
        columns[2],
        tuple(asked),
        columns[3],
        tuple(campaigns),
        columns[4],
        whose,
        person,
        tuple(rejects),
    )


def take(house: House, log: Log, rows: Iterable[Sent | Reject]) -> Taken:
    """Take a log in, in one transaction. Raises NotFound for a purpose or brand that the workspace lacks."""
    digest = _identity(log)
    with house.database.read() as connection:
        earlier = sources.of_digest(connection, digest)
    living = [one for one in earlier if one.state != "undone"]
    if living:
        return _told(living[-1], repeated=True)
    found = read(house, log.name, rows)

    def work(session: Session) -> Source:
        if any(one.state != "undone" for one in sources.of_digest(session.connection, digest)):
            raise errors.Conflict("Another process takes this log in", remedy="run it again")
        cells = np.array(
            [session.terms.cell(log.brand, word, by.value) for word, by in found.asked], np.int64
        )
        here = people.which(session.connection, np.unique(found.person).tolist())
        still = np.isin(found.person, np.array(sorted(here), np.int64))  # nobody who was erased meanwhile
        whose, person = found.whose[still], found.person[still]
        contacts = zip(
            person.tolist(),
            cells[found.ask[whose]].tolist() if len(cells) else [],
            found.at[whose].tolist(),
            strict=True,
        )
        first = register.put_past(session.connection, list(contacts), _lowest(session.connection))
        counts = {
            "rows": len(found),
            "contacts": len(person),
            "unknown": len(found) - len(np.unique(whose)),
            "rejected_rows": len(found.rejects),
        }
        source = Source(
            id=sources.next_id(session.connection),
            kind=sends.KIND,
            name=log.name,
            digest=digest,
            generation=len(earlier),
            basis="",
            state="done",
            started=session.now,
            finished=session.now,
            counts=counts | {"first": first},
        )
        sources.put(session.connection, source)
        return source

    return _told(house.writing().write(work))


def undone(house: House, number: int) -> int | None:
    """Take a log back: its contacts count no more. How many; None if the number is not a log's. Raises Conflict."""
    with house.database.read() as connection:
        source = sources.get(connection, number)
    if source is None or source.kind != sends.KIND:
        return None
    if source.state == "undone":
        raise errors.Conflict(f"Import {number} was undone already")

    def work(session: Session) -> int:
        first = source.counts["first"]
        gone = register.drop_past(session.connection, first, first + source.counts["contacts"])
        sources.put(session.connection, msgspec.structs.replace(source, state="undone"))
        return gone

    return house.writing().write(work)


def _lowest(connection: sa.Connection) -> int:
    """The lowest id that a taken-in contact was ever given."""
    logs = (one for one in sources.all_sources(connection) if one.kind == sends.KIND)
    return min((one.counts["first"] for one in logs), default=0)


def _told(source: Source, *, repeated: bool = False) -> Taken:
    counts = source.counts
    return Taken(
        source=source.id,
        sends=counts["rows"],
        contacts=counts["contacts"],
        unknown=counts["unknown"],
        rejected=counts["rejected_rows"],
        repeated=repeated,
    )


def _identity(log: Log) -> str:
    parts: dict[str, object] = {
        "file": log.digest,
        "kind": sends.KIND,
        "reading": log.reading,
        "name": log.name,
        "brand": log.brand,
    }
    return sha256(canonical.encode(parts)).hexdigest()


# ---- whom a send went to ----------------------------------------------------------------------------------------


def _pairs(identity: Array, holders: list[tuple[int, ...]]) -> tuple[Array, Array]:
    """Each send beside each of its people."""
    counts = np.array([len(one) for one in holders], np.int64)
    flat = np.array([person for one in holders for person in one], np.int64)
    starts = np.cumsum(counts) - counts
    each = counts[identity] if len(identity) else np.empty(0, np.int64)
    whose = np.repeat(np.arange(len(identity)), each)
    place = np.arange(len(whose)) - np.repeat(np.cumsum(each) - each, each)
    return whose, flat[np.repeat(starts[identity], each) + place] if len(whose) else flat[:0]


def _found(house: House, name: str, identities: list[tuple[str, str, str, str]]) -> list[tuple[int, ...]]:
    """The people of each identity: by id, by address, by number, in this order."""
    keyer = Keyer(house.keys)
    keyed = [_keyed(house, keyer, *one[1:]) for one in identities]
    secret, kind = house.keys.secret(RECOGNITION), f"alias/{name}"
    aliases = {one[0]: sealing.blind_index(secret, kind, one[0]) for one in identities if one[0]}
    with house.database.read() as connection:
        by_alias = people.by_alias(connection, list(aliases.values()))
        numbered = {one[0]: addresses.person_id(one[0]) or 0 for one in identities}
        here = people.which(connection, numbered.values())
        wanted = {address.blind: address for pair in keyed for address in pair if address is not None}
        held = addresses.holders(connection, wanted.values())
    found: list[tuple[int, ...]] = []
    for (number, *_), pair in zip(identities, keyed, strict=True):
        person = by_alias.get(aliases[number]) if number else None
        if person is not None:
            found.append((person,))
        elif numbered[number] in here and not any(pair):
            found.append((numbered[number],))
        else:
            holders = next((held[one.blind] for one in pair if one is not None and one.blind in held), ())
            found.append(tuple(sorted({holder for holder, _ in holders})))
    return found


def _keyed(
    house: House, keyer: Keyer, email: str, phone: str, country: str
) -> tuple[Address | None, Address | None]:
    """The keyed forms of an address and a number; None for what is not there or cannot be read."""
    mail = read_email(email) if email else None
    home = house.workspace.organisation
    where = places.country_of(country, home.languages) if country else home.country
    number = read_phone(phone, places.iso_country(where or "") or None) if phone else None
    return (
        keyer.email(mail) if isinstance(mail, Email) else None,
        keyer.phone(number) if isinstance(number, Phone) else None,
    )
