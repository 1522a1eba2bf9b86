"""Segments of a workspace: which words may stand in one, and who is in it.

Rule. A segment may name registered fields that stand in columns, topics, and when the consent that counts was given;
nothing that is sealed can be chosen by. A field whose category is special (GDPR art. 9, or criminal convictions, art.
10), by its name, by the law book or by the workspace's own word, is refused even where it is a column: contacting people
because of it needs more than a filter. Of fields with a meaning, `country` is the residence, and the meaning's own word
works as well. Every name is checked before anybody is looked at.
A segment is read from the ledger's head, and chooses people, never permissions: what it leaves is screened as ever.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np

from amana import errors
from amana.columns import layout
from amana.columns.store import Loaded
from amana.core import regimes, segment
from amana.core.segment import Node, Test
from amana.core.vocabulary import Hold
from amana.core.workspace import Field
from amana.services.audience import cache
from amana.services.audience.attributes import Attributes
from amana.services.record.house import House
from amana.storage import register

Array = np.ndarray[Any, Any]
LAST_GRANT = "last_grant"
TOPIC = "topic"


def named(house: House, text: str) -> str:
    """A saved segment's text for its name, or the text itself."""
    saved = house.workspace.segments.get(text.strip())
    return text if saved is None else saved.where


def check(house: House, text: str) -> Node:
    """A segment whose names the workspace knows and lets people be chosen by. Raises BadInput, NotFound."""
    node = segment.parse(named(house, text))
    with house.database.read() as connection:
        topics = register.topics(connection)
    for test in segment.tests(node):
        _check(house, test, topics)
    return node


def chosen(house: House, node: Node, caught: cache.Caught, held: Attributes, at: int) -> Array:
    """Whether each row belongs to the segment, as of a moment. `node` is one that `check` gave."""
    with house.database.read() as connection:
        topics = register.topics(connection)
    return segment.mask(node, _Columns(house, caught, held, topics, at))


def _check(house: House, test: Test, topics: list[str]) -> None:
    if test.name == LAST_GRANT:
        if test.op not in ("within", "before", "after", "known"):
            raise _unfit(test, "within, before, after, is known")
        return
    if test.name == TOPIC:
        if test.op != "has" or test.values[0].casefold() not in map(str.casefold, topics):
            raise _unfit(
                test, f"topic: and one of {', '.join(topics) or 'none, the workspace has no topics'}"
            )
        return
    name, field = _field(house, test)
    if field.hold is not Hold.COLUMN:
        raise errors.BadInput(
            f"The field {name!r} is sealed, so nobody can be chosen by it (character {test.place})",
            expected='a field with hold = "column"',
            remedy="choose by another field",
        )
    if field.special or house.book.uses.is_special(field.category, ()):
        raise errors.BadInput(
            f"The field {name!r} is of a special category, so nobody can be chosen by it (character {test.place})",
            expected="a field that is not about health, belief, opinion, origin, sex life, biometrics or crime",
            got=field.category,
            remedy="choose by what people asked for, such as a topic",
        )
    if test.op in ("within", "before", "after"):
        raise _unfit(test, ": = != < <= > >= in or is known; only last_grant has a moment")


def _field(house: House, test: Test) -> tuple[str, Field]:
    """The registered field that a test names: by its name, its meaning, or `country` for the residence."""
    known = house.workspace.fields
    meaning = "residence" if test.name == "country" else test.name
    for name, field in known.items():
        if name.casefold() == test.name:
            return name, field
    for name, field in known.items():
        if field.means == meaning:
            return name, field
    columns = [name for name, field in known.items() if field.hold is Hold.COLUMN]
    near = difflib.get_close_matches(test.name, [*columns, "country", LAST_GRANT, TOPIC], n=1)
    raise errors.NotFound(
        f"There is no field called {test.name!r} to choose by (character {test.place})",
        expected=f"one of: {', '.join([*columns, LAST_GRANT])}, or topic:…",
        remedy=f"perhaps you mean {near[0]}" if near else "register the field in amana.toml first",
    )


def _unfit(test: Test, expected: str) -> errors.BadInput:
    return errors.BadInput(
        f"{test.name} cannot be asked that (character {test.place})",
        expected=expected,
        got=f"{test.op} {' '.join(test.values)}".strip(),
        remedy="docs/audiences.md has the words of a segment",
    )


class _Columns:
    """Answers tests over mapped columns. A test of a field is decided once for each of its words."""

    def __init__(
        self, house: House, caught: cache.Caught, held: Attributes, topics: list[str], at: int
    ) -> None:
        self._house, self._caught, self._held, self._at = house, caught, held, at
        self._topics = [topic.casefold() for topic in topics]
        self._rows = everybody(caught, held)

    def holds(self, test: Test) -> Array:
        """For which rows a test holds."""
        if test.name == LAST_GRANT:
            return self._grant(test)
        if test.name == TOPIC:
            bit = 1 << self._topics.index(test.values[0].casefold())
            on: Array = (self._whole(self._caught.person, "topics_off") & bit) == 0
            return on
        name, field = _field(self._house, test)
        decides = _decision(test, field)
        words = self._held.words[name]
        table = np.fromiter((bool(word) and decides(word) for word in words), np.bool_, len(words))
        numbers = self._whole(self._held.loaded, layout.WORDS + name)
        found: Array = table.take(numbers)
        return found

    def _grant(self, test: Test) -> Array:
        granted = self._whole(self._caught.cell, "granted").astype(np.bool_)
        moment = self._whole(self._caught.cell, "granted_at")
        found: Array
        match test.op:
            case "known":
                found = granted.copy()
            case "within":
                found = granted & (moment > self._at - int(test.number)) & (moment <= self._at)
            case "before":
                found = granted & (moment < int(test.number))
            case _:
                found = granted & (moment >= int(test.number) + segment.DAY)
        return found

    def _whole(self, loaded: Loaded, name: str) -> Array:
        """One column of everybody: the base with the changed rows put in. Read-only where nothing changed."""
        base = loaded.base[name]
        if len(base) == self._rows and not len(loaded.rows):
            return base
        column = np.zeros(self._rows, base.dtype)
        column[: len(base)] = base
        column[loaded.rows] = loaded.delta[name] if len(loaded.rows) else []
        return column


def everybody(caught: cache.Caught, held: Attributes) -> int:
    """How many rows a mask over these columns has."""
    groups = (caught.person, caught.cell, held.loaded)
    sizes = [len(column) for loaded in groups for column in list(loaded.base.values())[:1]]
    return max([0, *sizes, *(int(loaded.rows[-1]) + 1 for loaded in groups if len(loaded.rows))])


def known(caught: cache.Caught, rows: int) -> Array:
    """Whether each row is somebody."""
    found = np.zeros(rows, np.bool_)
    found[: len(caught.person.base["known"])] = caught.person.base["known"]
    if len(caught.person.rows):
        found[caught.person.rows] = caught.person.delta["known"]
    found[caught.gone[caught.gone < rows]] = False
    return found


def _decision(test: Test, field: Field) -> Callable[[str], bool]:
    """Whether a test of a field holds for one of its words."""
    plain = regimes.country_code if field.means == "residence" else str.casefold
    wanted = frozenset(plain(one) for one in test.values)
    match test.op:
        case "known":
            return bool
        case "has":
            return lambda word: not wanted.isdisjoint(map(plain, segment.words(word)))
        case "=" | "in":
            return lambda word: plain(word) in wanted
    return lambda word: _ordered(test.op, word, test.number)


def _ordered(op: str, word: str, number: float) -> bool:
    try:
        value = float(word)
    except ValueError:
        return False
    match op:
        case "<":
            return value < number
        case "<=":
            return value <= number
        case ">":
            return value > number
    return value >= number
