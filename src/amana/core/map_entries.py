"""Entries of the files of the data map: plain data from YAML, read entry by entry, with every mistake collected.

Rule.
- YAML is read with the types of its core schema alone. Keys are text as they are written (`yes:` is the word, not
  true); dates stay text; a key that stands twice is refused. Size, depth and the number of entries after aliases are
  spread out are bounded, so that no file can take more than its share of memory.
- A mistake does not end the reading: it becomes a `Problem` with the file, the path inside it, what was expected, what
  was got and what to do, and the entry counts as absent. `refuse` turns all of them into one error.
- `got` shows a word of the map, shortened, never a setting's value: somebody may have written a password there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from typing import Any, TypeAlias, TypeVar

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from amana import errors
from amana.core.data_map import Plain
from amana.core.pack_values import period

MOST_BYTES = 4_000_000
MOST_ENTRIES = 500_000
MOST_DEPTH = 60
LONGEST_SHOWN = 60

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({_TAG + "str", _TAG + "timestamp"})
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")

Chosen = TypeVar("Chosen", bound=Enum)
Raw: TypeAlias = dict[str, Plain]


class Problem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One mistake in the files of the map."""

    file: str
    path: str  # inside the file: dataset → collection → field
    what: str
    expected: str = ""
    got: str = ""
    remedy: str = ""

    def sentence(self) -> str:
        """The whole of it on one line, as an error says it."""
        return errors.BadInput(
            self.where + ": " + self.what, expected=self.expected, got=self.got, remedy=self.remedy
        ).sentence()

    @property
    def where(self) -> str:
        """File and path."""
        return " → ".join(part for part in (self.file, self.path) if part)


def refuse(problems: Sequence[Problem]) -> None:
    """Raise one BadInput that tells the first problem and counts the others; nothing if there is none."""
    if not problems:
        return
    first, more = problems[0], len(problems) - 1
    counted = f" (and {more} more: amana data-map check)" if more else ""
    raise errors.BadInput(
        f"{first.where}: {first.what}{counted}",
        expected=first.expected,
        got=first.got,
        remedy=first.remedy,
    )


# ---- YAML -------------------------------------------------------------------------------------------------------


class _Shallow(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML comes without types
    """Composes nodes to a bounded depth; no object of Python is ever made."""

    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=self.peek_event().start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def parse_yaml(text: str, file: str) -> tuple[Plain, tuple[Problem, ...]]:
    """What a YAML file says, as plain data; None with the one problem where it cannot be read."""
    if len(text.encode()) > MOST_BYTES:
        return None, (_unread(file, f"it is larger than {MOST_BYTES:,} bytes"),)
    try:
        node = yaml.compose(text, Loader=_Shallow)
        return (None if node is None else _Unfolding().plain(node)), ()
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return None, (_unread(file, place + str(bad.problem or bad.context)),)
    except yaml.YAMLError as bad:
        return None, (_unread(file, f"{type(bad).__name__.removesuffix('Error').lower()} it cannot hold"),)


def _unread(file: str, why: str) -> Problem:
    return Problem(
        file=file, path="", what="It cannot be read as YAML", got=why, remedy="mend the place it names"
    )


class _Unfolding:
    """Nodes to plain data. Aliases share their value; what they spread out to is counted."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[Plain, int]] = {}
        self._open: set[int] = set()

    def plain(self, node: Node) -> Plain:
        return self._sized(node)[0]

    def _sized(self, node: Node) -> tuple[Plain, int]:
        known = id(node)
        if known in self._open:
            raise _unfit(node, "an alias stands inside what it names")
        if known not in self._done:
            self._open.add(known)
            self._done[known] = self._made(node)
            self._open.remove(known)
        return self._done[known]

    def _made(self, node: Node) -> tuple[Plain, int]:
        if isinstance(node, ScalarNode):
            return _scalar(node), 1
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            items = [self._sized(one) for one in node.value]
            return [value for value, _ in items], self._bounded(node, 1 + sum(size for _, size in items))
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node)
        raise _unfit(node, "a kind of value that is not plain data")

    def _mapping(self, node: MappingNode) -> tuple[Plain, int]:
        merged: dict[str, Plain] = {}
        own: dict[str, Plain] = {}
        size = 1
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise _unfit(key, "a key that is not text")
            read, its = self._sized(value)
            size += 1 + its
            if key.tag == _TAG + "merge":
                for one in read if isinstance(read, list) else [read]:
                    if not isinstance(one, dict):
                        raise _unfit(key, "a merge of something without keys")
                    merged = one | merged
            elif key.value in own:
                raise _unfit(key, f"the key {shown(key.value)} stands twice")
            else:
                own[key.value] = read
        return merged | own, self._bounded(node, size)

    def _bounded(self, node: Node, size: int) -> int:
        if size > MOST_ENTRIES:
            raise _unfit(node, f"more than {MOST_ENTRIES:,} entries")
        return size


def _unfit(node: Node, why: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=why, problem_mark=node.start_mark)


def _scalar(node: ScalarNode) -> Plain:
    text: str = node.value
    kind = node.tag
    if kind in _TEXT_TAGS:
        return text
    if kind == _TAG + "null":
        return None
    if kind == _TAG + "bool":
        return text.lower() in ("yes", "true", "on")
    if kind == _TAG + "int":
        return int(text) if _INTEGER.fullmatch(text) else text
    if kind == _TAG + "float":
        try:
            return float(text)
        except ValueError:
            return text  # `.inf` and minutes written like 1:30.5 mean nothing in the map
    raise _unfit(node, "a kind of value that is not plain data")


# ---- entries ----------------------------------------------------------------------------------------------------


class Problems:
    """The problems of one file, as they are found."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, path: str, what: str, *, expected: str = "", got: str = "", remedy: str = "") -> None:
        """Note one."""
        self.found.append(
            Problem(file=self.file, path=path, what=what, expected=expected, got=got, remedy=remedy)
        )


class Entries:
    """A table of a file (YAML mapping or TOML table), read by key. What has the wrong form is noted and left out."""

    def __init__(self, raw: Raw, path: str, problems: Problems, position: int = 0) -> None:
        self.raw = raw
        self.path = path
        self.problems = problems
        self.position = position  # its place in its list, from 1

    def wrong(self, what: str, *, expected: str = "", got: str = "", remedy: str = "mend it") -> None:
        """Note a problem of this table."""
        self.problems.add(self.path, what, expected=expected, got=got, remedy=remedy)

    def closed(self, known: Collection[str]) -> None:
        """Note every key that is not known, with the nearest that is."""
        for key in self.raw:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                self.wrong(
                    f"The key {shown(key)} is not known here",
                    expected="one of: " + ", ".join(sorted(known)),
                    got=shown(key),
                    remedy=f"perhaps {near[0]}" if near else "mend it, or leave it out",
                )

    def text(self, key: str, default: str = "") -> str:
        """A word or sentence."""
        value = self.raw.get(key)
        if value is None:
            return default
        if isinstance(value, str):
            return value
        self._form(key, "text (put it in quotes)", value)
        return default

    def needed(self, key: str) -> str:
        """A word that must be there; "" with a problem if it is not."""
        value = self.text(key)
        if not value and not isinstance(self.raw.get(key), bool | int | float | list | dict):
            self.wrong(f"{key} is not there", expected="text", got="nothing", remedy=f"add {key}")
        return value

    def flag(self, key: str) -> bool:
        """True or false; false if absent."""
        value = self.raw.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self._form(key, "true or false", value)
        return False

    def number(self, key: str) -> int | None:
        """A whole number above nought."""
        value = self.raw.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
            return value
        self._form(key, "a whole number above 0", value)
        return None

    def scalar(self, key: str) -> Plain:
        """Text, a number or true/false."""
        value = self.raw.get(key)
        if isinstance(value, list | dict):
            self._form(key, "one value", value)
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of words."""
        value = self.raw.get(key)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return tuple(dict.fromkeys(one for one in value if isinstance(one, str)))
        self._form(key, "a list of words", value)
        return ()

    def word(self, key: str, words: type[Chosen]) -> Chosen | None:
        """A member of a closed set, by its value."""
        value = self.raw.get(key)
        known = {one.value: one for one in words if one.value}
        if value is None:
            return None
        if isinstance(value, str) and value in known:
            return known[value]
        self._form(key, "one of: " + ", ".join(known), value)
        return None

    def span(self, key: str) -> str:
        """An ISO 8601 duration, as it is written."""
        value = self.text(key)
        try:
            if value:
                period(value)
        except errors.BadLaw:
            self._form(key, "an ISO 8601 duration such as P3Y or P30D", value)
            return ""
        return value

    def table(self, key: str) -> Entries | None:
        """The table under a key."""
        value = self.raw.get(key)
        if value is None:
            return None
        if isinstance(value, dict):
            return Entries(value, self.path, self.problems)
        self._form(key, "a table of keys", value)
        return None

    def tables(self, key: str) -> tuple[Entries, ...]:
        """The list of tables under a key."""
        value = self.raw.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._form(key, "a list", value)
            return ()
        for one in value:
            if not isinstance(one, dict):
                self._form(key, "a list of tables, each with keys", one)
        return tuple(
            Entries(one, self.path, self.problems, number)
            for number, one in enumerate(value, start=1)
            if isinstance(one, dict)
        )

    def _form(self, key: str, expected: str, value: Plain) -> None:
        self.wrong(f"{key} does not have the form it needs", expected=expected, got=shown(value))


def shown(value: Plain) -> str:
    """A value of the map in an error: a short word as it is, anything else by its kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names in an error: the first few, and how many more."""
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
