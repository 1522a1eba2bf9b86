"""Plain values: how they are compared, ordered, and taken apart along dotted paths.

Rule.
- Two values are equal when their texts are: 42 and "42" and 42.0 are one, true and "true" are one, null equals nothing.
  Systems disagree about types; a reference from a file to a table must still be found.
- Bytes are the text `data:;base64,…` (RFC 2397); nothing else begins with that mark.
- A path walks objects by name and arrays through all of their elements. To change a value, a path may not lead through
  an array: an array is given whole.
- Nothing here says which value was wrong, only where.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from amana import errors
from amana.connectors.systems.system import Match
from amana.core.data_map import Collection, Field, Key, Plain, Row

MARK = "data:;base64,"
"""Begins a text that stands for bytes."""

EXACT = 2**53  # whole numbers below it are the same as floats


def text(value: Plain) -> str | None:
    """A value in the form that comparison uses; None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        whole = math.isfinite(value) and value.is_integer() and abs(value) < EXACT
        return str(int(value)) if whole else repr(value)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def fold(value: str | None) -> str | None:
    """A text without regard to letter case, as `Match.fold` compares."""
    return None if value is None else value.lower()


def order(value: Plain) -> tuple[int, float, str]:
    """What a value sorts by: null, then numbers by size, then texts by code point."""
    if value is None:
        return (0, 0, "")
    if isinstance(value, int | float):
        return (1, value, "")
    return (2, 0, text(value) or "")


def from_bytes(value: bytes) -> str:
    """Bytes as marked text."""
    return MARK + base64.b64encode(value).decode("ascii")


def to_bytes(value: str) -> bytes | None:
    """The bytes that a marked text stands for; None for any other text."""
    if not value.startswith(MARK):
        return None
    try:
        return base64.b64decode(value[len(MARK) :], validate=True)
    except ValueError:
        return None


def leaves(value: Plain, path: Sequence[str]) -> Iterator[Plain]:
    """Every value that a path leads to, through arrays, an array at its end taken apart."""
    if isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from leaves(value[path[0]], path[1:])


def at(document: Mapping[str, Plain], path: str) -> Plain:
    """The value at a path of objects; None where there is none."""
    here: Plain = dict(document)
    for step in path.split("."):
        if not isinstance(here, dict):
            return None
        here = here.get(step)
    return here


def put(document: Plain, path: Sequence[str], value: Plain) -> Plain:
    """A document with another value at a path; the given one is left as it is.

    Objects that are missing on the way are made, unless the value is null. Raises Undeliverable where the path leads
    through an array or a plain value.
    """
    if not path:
        return value
    if document is None:
        return None if value is None else {path[0]: put(None, path[1:], value)}
    if isinstance(document, list):
        raise errors.Undeliverable("path_through_array", expected="the whole array", got=path[-1])
    if not isinstance(document, dict):
        raise errors.Undeliverable("path_through_value", expected="an object on the way", got=path[-1])
    return {**document, path[0]: put(document.get(path[0]), path[1:], value)}


def nested(values: Mapping[str, Plain]) -> Row:
    """Values by dotted path as one nested object."""
    made: Plain = {}
    for path, value in values.items():
        parent, _, name = path.rpartition(".")
        steps = parent.split(".") if parent else []
        inside = at(made, parent) if parent and isinstance(made, dict) else made
        known = inside if isinstance(inside, dict) else {}
        made = put(made, steps, {**known, name: value})
    return made if isinstance(made, dict) else {}


class Shape:
    """What a collection's rows look like: their declared fields, nested.

    Rows of a collection without a key can be found and sort by all they hold; no change can name one.
    """

    def __init__(self, collection: Collection) -> None:
        self.place = str(collection.place)
        self.fields = {field.path: field for field in collection.fields}
        self.keys = tuple(field.path for field in collection.keys)
        self.top = tuple(dict.fromkeys(path.partition(".")[0] for path in self.fields))
        self._inside: dict[str, list[str]] = {}
        for path in self.fields:
            parent, _, name = path.rpartition(".")
            if name not in self._inside.setdefault(parent, []):
                self._inside[parent].append(name)
            while parent:  # an object that is not declared itself
                parent, _, name = parent.rpartition(".")
                here = self._inside.setdefault(parent, [])
                if name not in here:
                    here.append(name)

    def row(self, document: Mapping[str, Plain]) -> Row:
        """The declared fields of a document; null where one is missing, arrays whole."""
        return self._object(document, "")

    def key(self, row: Mapping[str, Plain]) -> Key:
        """The primary key of a row."""
        return {path: at(row, path) for path in self.keys}

    def name(self, row: Mapping[str, Plain]) -> str:
        """The key of a row as one text; also of a key, whose paths are not nested."""
        return repr([text(row[path] if path in row else at(row, path)) for path in self.keys])

    def field(self, path: str) -> Field:
        """A declared field. Raises Undeliverable."""
        if path not in self.fields:
            raise errors.Undeliverable("no_such_field", expected=f"a field of {self.place}", got=path)
        return self.fields[path]

    def check_change(self, values: Iterable[str]) -> None:
        """Refuse a change of keys, of fields nobody declared and of those that are read only."""
        for path in values:
            if any(path == key or key.startswith(path + ".") for key in self.keys):
                raise errors.Undeliverable("key_change", expected="fields beside the key", got=path)
            if self.field(path).read_only:
                raise errors.Undeliverable("read_only", expected="a field that may be written", got=path)

    def check_key(self, key: Key) -> None:
        """Refuse a key that does not name every key field with a value, and any key where there are none."""
        if not self.keys:
            raise errors.Undeliverable("no_key", expected="a field with primary_key", got=self.place)
        if set(key) != set(self.keys) or any(value is None for value in key.values()):
            raise errors.Undeliverable("bad_key", expected=", ".join(self.keys), got=self.place)

    def sort(self, row: Mapping[str, Plain]) -> tuple[tuple[int, float, str], ...]:
        """What a row sorts by: its key, or without one all it holds."""
        if not self.keys:
            return ((0, 0, repr(row)),)
        return tuple(order(at(row, path)) for path in self.keys)

    def _object(self, document: Mapping[str, Plain], path: str) -> Row:
        prefix = f"{path}." if path else ""
        found: Row = {}
        for name in self._inside[path]:
            value = document.get(name)
            inside = prefix + name in self._inside and isinstance(value, dict)
            found[name] = self._object(value, prefix + name) if inside and isinstance(value, dict) else value
        return found


class Wanted:
    """Matches, made ready to be held against rows in memory."""

    def __init__(self, shape: Shape, matches: Sequence[Match]) -> None:
        self._parts = [self._part(shape, match) for match in matches]

    def meets(self, row: Mapping[str, Plain]) -> bool:
        """Whether a row meets any of the matches."""
        document = dict(row)
        return any(
            (fold(text(leaf)) if folds else text(leaf)) in texts
            for steps, texts, folds in self._parts
            for leaf in leaves(document, steps)
        )

    def _part(self, shape: Shape, match: Match) -> tuple[list[str], frozenset[str | None], bool]:
        shape.field(match.path)
        texts = (text(value) for value in match.values if value is not None)
        wanted = frozenset(fold(one) if match.fold else one for one in texts)
        return match.path.split("."), wanted, match.fold


def check_length(field: Field, length: int | None, value: Plain) -> None:
    """Refuse a text that is longer than its field, before anything is written."""
    bounds = [one for one in (field.length, length) if one is not None]
    if bounds and isinstance(value, str) and len(value) > min(bounds):
        raise errors.Undeliverable(
            "value_too_long", expected=f"at most {min(bounds)} characters", got=field.path
        )
