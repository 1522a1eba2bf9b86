"""What a connected system can be asked, whatever it is made of.

Rule.
- There are two kinds. *Rows*: a system whose collections we read and change ourselves. *Desk*: a system that is asked
  to do the whole of it (a vendor's interface for requests, a colleague with a list) and says later how it went.
- Values cross as `Plain`; a connector converts to the types of its system and back, so that what `find` returned can
  be given to `change` and `delete`, today or after a restart. An object is given with its declared fields; an array
  is given and taken whole. Bytes are text with a mark (`plain.MARK`).
- A value equals another when their texts are equal (`plain.text`): 42 in one system is "42" in a file. Null equals
  nothing. Accents and trailing spaces count; letter case counts unless the match says `fold`.
- Every method may be called again with the same arguments, by another process, after a kill at any moment: nothing is
  done twice that matters. `change` and `delete` act on all or none of what one call names, where the system can;
  where it cannot, they raise, and what they already did is harmless to repeat.
- What cannot be done now (down, timed out, rate-limited, rubbish in the answer) raises `NotNow` with a short token.
  What can never be done (no rights, no such column, a value that does not fit) raises `Undeliverable`. Nothing is
  ever skipped in silence, and no error holds a value of a row. What a system says it has done is looked at, where
  the system can be read.
- A connector holds its connections until `close`; it is used by one thread at a time, and a `find` is read to its end
  (or closed) before the next call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Protocol

import msgspec

from amana.core.data_map import Collection, Key, Plain, Row


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Rows whose field at `path` equals one of `values`; of an array field, any element of it."""

    path: str
    values: tuple[Plain, ...]
    fold: bool = False  # without regard to letter case, as mail addresses are compared


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a system lets a field hold, as it says itself."""

    nullable: bool = True  # False: null is refused, so that a mask must be a word
    length: int | None = None  # characters
    unique: bool = False  # True: a value cannot stand twice, so that one word for everybody is refused


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """New values for fields of one row: dotted path -> value. An array is given whole."""

    key: Key
    values: dict[str, Plain]


class Rows(Protocol):
    """A system whose rows we read and change ourselves."""

    def check(self, collections: Sequence[Collection]) -> None:
        """Look that the system answers, and that it has these collections, fields and keys.

        Raises NotNow, Undeliverable.
        """
        ...

    def limits(self, collection: Collection) -> dict[str, Limits]:
        """What its fields may hold, by path; a field that is not named has no known limit.

        Raises NotNow, Undeliverable.
        """
        ...

    def find(self, collection: Collection, matches: Sequence[Match]) -> Iterator[Row]:
        """The rows that meet any of the matches, each once, with every declared field, in the order of their keys.

        Any number of values; the connector splits them as its system needs. The order is the same every time; text
        sorts by code point. Raises NotNow, Undeliverable.
        """
        ...

    def change(self, collection: Collection, changes: Sequence[Change]) -> int:
        """Give rows new values; how many rows were there to be changed. Durable when it returns.

        Key fields cannot be changed. Raises NotNow, Undeliverable.
        """
        ...

    def delete(self, collection: Collection, keys: Sequence[Key]) -> int:
        """Delete rows; how many were there. Rows that are gone already are fine. Durable when it returns.

        Raises NotNow, Undeliverable.
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class Progress(Enum):
    """How far a desk got."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk is asked to do for one person."""

    request: str  # the request's public reference
    kind: str  # core.rights.Kind, by value
    identities: dict[str, tuple[str, ...]]  # email, phone_number … -> values
    received: int  # UTC seconds
    due: int  # UTC seconds
    values: dict[str, Plain] = {}  # of a rectification: field category -> new value


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk said."""

    progress: Progress
    words: str = ""  # a short token or a staff member's code, never a personal value
    found: tuple[Row, ...] = ()  # of an access: what it handed over


class Desk(Protocol):
    """A system that is asked to do the whole of it."""

    def check(self) -> None:
        """Look that the desk can be asked. Raises NotNow, Undeliverable."""
        ...

    def ask(self, errand: Errand) -> str:
        """Hand over an errand; its ticket. The same errand again gives the same ticket and is one errand."""
        ...

    def hear(self, ticket: str) -> Answer:
        """How far it got."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
