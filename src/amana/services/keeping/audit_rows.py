"""What stands sealed beside the events, held against them: addresses, how they are found, and profiles.

Rule. A person's events say which addresses were added, under which number, and which sealed fields were set, to what. So
of a person whose events are sound:

- each address that was added has its row, which opens under the person's key in that very place, to that address;
- its keyed hash is the one by which the address is looked up: of the index in use, or of the one being replaced;
- the sealed profile is what the latest event to set each field said, no field more and none less;
- no address and no profile stands there for somebody whose events say nothing of one.

A fault is laid to the event that said otherwise, or to the person where there is none. It never quotes a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import events
from amana.core.contact_points import Email, read_email
from amana.core.vocabulary import PointKind
from amana.keys.store import BLIND_INDEX, KeyStore
from amana.ledger import sealing
from amana.services.record.writing import point_context, profile_context
from amana.storage import proofs
from amana.storage.points import PointRow
from amana.storage.proofs import ProfileRow

Row = TypeVar("Row")
Found = tuple[int, str]
"""The log position of the event that says otherwise, -1 for none; and what is wrong."""

ADDED = "added"
_fields = msgspec.json.Decoder(dict[str, str]).decode


class Said(msgspec.Struct):
    """What one person's events say about what stands sealed beside them."""

    addresses: dict[
        int, tuple[int, events.Point]
    ] = {}  # by number: where in the log, and the event that added it
    fields: dict[str, str] = {}
    profiled: int = -1  # where in the log a sealed field was set last

    def hear(self, position: int, event: events.AnyEvent) -> None:
        """Take in the next event."""
        if isinstance(event, events.Point):
            if event.change == ADDED:
                self.addresses[event.point] = position, event
        elif isinstance(event, events.Profile) and event.sealed:
            self.fields |= event.sealed
            self.profiled = position


class InStep(Generic[Row]):
    """Rows in order of person, read beside something else in order of person."""

    def __init__(self, rows: Iterator[Row], person: Callable[[Row], int]) -> None:
        self._rows = rows
        self._person = person
        self._next = next(rows, None)

    def before(self, person: int) -> Iterator[Row]:
        """The rows of people with a lower number, which nobody took."""
        while self._next is not None and self._person(self._next) < person:
            yield self._advance(self._next)

    def take(self, person: int) -> list[Row]:
        """A person's rows."""
        found = []
        while self._next is not None and self._person(self._next) == person:
            found.append(self._advance(self._next))
        return found

    def rest(self) -> Iterator[Row]:
        """All that are left."""
        while self._next is not None:
            yield self._advance(self._next)

    def _advance(self, row: Row) -> Row:
        self._next = next(self._rows, None)
        return row


class Sealed:
    """The addresses and profiles of a database, compared person by person, in order of their number."""

    def __init__(self, connection: sa.Connection, keys: KeyStore, since: int) -> None:
        self.addresses = self.profiles = 0  # compared so far
        self._points = InStep(proofs.points_by_person(connection, since), lambda row: row.person)
        self._profiles = InStep(proofs.profiles_by_person(connection, since), lambda row: row.person)
        self._index_keys = [keys.secret(f"{BLIND_INDEX}{one}") for one in keys.index_generations()]

    def skip(self, person: int) -> None:
        """Pass over the rows of somebody whose events are not sound, or whose erasure was begun."""
        self._points.take(person)
        self._profiles.take(person)

    def compare(self, person: int, key: bytes, said: Said) -> Iterator[Found]:
        """What is wrong with the rows of one person."""
        stored = {row.ordinal: row for row in self._points.take(person)}
        for ordinal, (position, event) in said.addresses.items():
            row = stored.pop(ordinal, None)
            self.addresses += 1
            wrong = "is not stored" if row is None else self._address(row, key, event)
            if wrong:
                yield position, f"added an address that {wrong}"
        for row in stored.values():
            yield -1, _unsaid(row)
        yield from self._profile(person, key, said)

    def before(self, person: int) -> Iterator[str]:
        """What stands there for people before this one who have no events."""
        yield from map(_unsaid, self._points.before(person))
        yield from map(_unsaid, self._profiles.before(person))

    def rest(self) -> Iterator[str]:
        """What stands there for people after the last one with events."""
        yield from map(_unsaid, self._points.rest())
        yield from map(_unsaid, self._profiles.rest())

    def _address(self, row: PointRow, key: bytes, event: events.Point) -> str:
        try:
            value = sealing.unwrap(key, row.sealed, point_context(row.person, row.ordinal)).decode()
        except (errors.VerificationFailed, UnicodeDecodeError):
            return "does not open where it is stored"
        if (row.kind, value) != (event.point_kind.value, event.value):
            return "is not the one that is stored"
        return "" if self._is_found(row, value) else "is found under another keyed hash than its own"

    def _is_found(self, row: PointRow, value: str) -> bool:
        """Whether an address stands under its keyed hash. One that today's rules cannot read is not judged."""
        if row.blind in self._forms(row.kind, value):
            return True
        if row.kind == PointKind.PHONE.value:
            return False
        email = read_email(value)
        return not isinstance(email, Email) or row.blind in self._forms(row.kind, email.key)

    def _forms(self, kind: str, value: str) -> Sequence[bytes]:
        return [sealing.blind_index(key, kind, value) for key in self._index_keys]

    def _profile(self, person: int, key: bytes, said: Said) -> Iterator[Found]:
        rows = self._profiles.take(person)
        if not rows and not said.fields:
            return
        self.profiles += 1
        if not rows or not said.fields:
            yield (
                (said.profiled, "set sealed fields that are not stored")
                if said.fields
                else (-1, _unsaid(rows[0]))
            )
            return
        try:
            held = _fields(sealing.unwrap(key, rows[0].sealed, profile_context(person)))
        except (errors.VerificationFailed, msgspec.MsgspecError):
            yield said.profiled, "is the latest to set sealed fields, and the stored profile does not open"
            return
        if held != said.fields:
            yield said.profiled, "is the latest to set sealed fields, and the stored profile is another one"


def _unsaid(row: PointRow | ProfileRow) -> str:
    what = f"Address {row.ordinal}" if isinstance(row, PointRow) else "The sealed profile"
    return f"{what} of person {row.person} rests on no event"
