"""A base for systems that are read whole: one document for each row, and no search of their own.

Rule.
- Who writes such a connector says three things: which documents a collection has, how one is written, how one is
  removed. The rest of what a connector owes is here: finding, the order, checks before anything is touched, and the
  second look at what was written, which does not believe a system that says "done" (`not_done`).
- `documents` gives every document of a collection with a handle (a path, a row's id over there); a document that cannot
  be read raises, because it might be the person's. It is called again for every question: nothing is remembered.
- `write` and `remove` are durable when they return. One call is several of them, so it is not all or none; doing it
  again is harmless. A document that is gone already is fine to remove.
- A document is read again right before it is written or removed, and only the fields that change are put into what it
  is then: what somebody over there wrote since it was found stays. One that has another row's key by then is left alone.
  Between that look and the write a moment is left, which `write` alone can close (a version that the system compares).
- A system of many rows deserves a search of its own: this reads everything, each time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from amana import errors
from amana.connectors.systems import plain
from amana.connectors.systems.plain import Shape, Wanted
from amana.connectors.systems.system import Change, Limits, Match
from amana.core.data_map import Collection, Key, Plain, Row

Handle = TypeVar("Handle")


class Documents(ABC, Generic[Handle]):
    """Rows that are documents. Give `documents`, `write` and `remove`."""

    @abstractmethod
    def documents(self, collection: Collection) -> Iterable[tuple[Handle, Row]]:
        """Every document of a collection, with what it is written and removed by. Raises NotNow, Undeliverable."""

    @abstractmethod
    def write(self, handle: Handle, document: Row) -> None:
        """Put a document in the place of the one there. Durable when it returns. Raises NotNow, Undeliverable."""

    @abstractmethod
    def remove(self, handle: Handle) -> None:
        """Remove a document; fine if it is gone. Durable when it returns. Raises NotNow, Undeliverable."""

    def read(self, collection: Collection, handle: Handle) -> Row | None:
        """A document as it is now; None if it is gone. Raises NotNow, Undeliverable.

        This goes through the collection; give a better one where a document can be read by its handle.
        """
        return next((document for each, document in self.documents(collection) if each == handle), None)

    def check(self, collections: Sequence[Collection]) -> None:
        """Read each collection once. Raises NotNow, Undeliverable."""
        for collection in collections:
            Shape(collection)
            for _ in self.documents(collection):
                pass

    def limits(self, collection: Collection) -> dict[str, Limits]:
        """None: a document says nothing of what its fields may hold."""
        return {}

    def find(self, collection: Collection, matches: Sequence[Match]) -> Iterator[Row]:
        """The rows that meet any of the matches, in the order of their keys. Raises NotNow, Undeliverable."""
        shape = Shape(collection)
        wanted = Wanted(shape, matches)
        rows = (shape.row(document) for _, document in self.documents(collection))
        yield from sorted((row for row in rows if wanted.meets(row)), key=shape.sort)

    def change(self, collection: Collection, changes: Sequence[Change]) -> int:
        """Give rows new values, and look at them again; how many were there. Raises NotNow, Undeliverable."""
        shape = Shape(collection)
        for each in changes:
            shape.check_key(each.key)
            shape.check_change(each.values)
            for path, value in each.values.items():
                plain.check_length(shape.field(path), None, value)
        asked = {shape.name(each.key): each for each in changes}
        found = list(self._named(shape, collection, asked))
        for _, document in found:
            _changed(document, asked[shape.name(document)])  # refused before anything is touched
        for handle, document in found:
            now = self._again(shape, collection, handle, document)
            if now is not None:
                self.write(handle, _changed(now, asked[shape.name(now)]))
        for _, document in self._named(shape, collection, asked) if found else ():
            for path, value in asked[shape.name(document)].values.items():
                if plain.text(plain.at(document, path)) != plain.text(value):
                    raise errors.NotNow("not_done", expected=shape.place, got=path)
        return len(found)

    def delete(self, collection: Collection, keys: Sequence[Key]) -> int:
        """Delete rows, and look that they are gone; how many were there. Raises NotNow, Undeliverable."""
        shape = Shape(collection)
        for key in keys:
            shape.check_key(key)
        asked = {shape.name(key) for key in keys}
        found = list(self._named(shape, collection, asked))
        for handle, document in found:
            if self._again(shape, collection, handle, document) is not None:
                self.remove(handle)
        if found and any(self._named(shape, collection, asked)):
            raise errors.NotNow("not_done", expected="the row to be gone", got=shape.place)
        return len(found)

    def close(self) -> None:
        """Nothing is held between calls, unless whoever extends this holds something."""

    def _again(self, shape: Shape, collection: Collection, handle: Handle, document: Row) -> Row | None:
        """A document as it is now; None where it is gone, or is another row by now."""
        now = self.read(collection, handle)
        return now if now is not None and shape.name(now) == shape.name(document) else None

    def _named(
        self, shape: Shape, collection: Collection, names: Iterable[str]
    ) -> Iterator[tuple[Handle, Row]]:
        wanted = frozenset(names)
        return (one for one in self.documents(collection) if shape.name(one[1]) in wanted)


def _changed(document: Row, asked: Change) -> Row:
    """A document with other values. Raises Undeliverable where a path leads through no object."""
    made: Plain = document
    for path, value in asked.values.items():
        made = plain.put(made, path.split("."), value)
    return made if isinstance(made, dict) else document
