"""Finding what connected systems hold about people: the walk over the data map, for one person or for many at once.

Rule.
- It starts from the identities of each request and asks every collection in the order of `core.traversal`, with the
  values that are new to it. A row belongs to every request one of whose values it matched; what it refers to is asked
  next. It goes round until nothing new comes, so that a cycle ends and no order of files changes the answer.
- What was asked and what was found is state that can be stored after each collection and gone on with after a kill.
- Mail addresses are compared without letter case, everything else by its text (42 is "42"). Null matches nothing. What
  the map calls a number refers in its shortest form (42.00 to 42). A row that a system gave for a value is that value's
  where they differ in nothing but trailing blanks, or zeros behind the point: the types of two ends may differ so.
- A value that brings more rows of one collection to a request than `MOST_ROWS` is no identity but a mistake in the
  map: it stops and a person looks, before somebody is erased for living in the same country.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as Collected
from typing import Any

import msgspec

from amana import errors
from amana.connectors.systems.system import Match
from amana.core import nested, traversal
from amana.core.data_map import Collection, DataMap, DataType, Field, Place, Plain, Row, covers
from amana.core.nested import Sought
from amana.core.traversal import Step, Walk

MOST_ROWS = 20_000
"""Rows of one collection for one request."""

SCALED = re.compile(r"(?P<whole>[+-]?[0-9]+)(?P<part>\.[0-9]+)", re.ASCII)
"""A number with digits behind its point."""
Find = Callable[[Collection, list[Match]], Iterable[Row]]
"""Asks one collection. Raises NotNow, Undeliverable."""


class Held(msgspec.Struct, kw_only=True):
    """A row that was found, and whose requests it concerns."""

    row: dict[str, Any]  # a Row, in a form that can be read back from storage
    owners: set[int]


class Wanted(msgspec.Struct, kw_only=True):
    """A value that was or is to be asked for, and for whom."""

    value: Any  # a Plain, likewise
    owners: set[int]
    asked: bool = False


class Found(msgspec.Struct, kw_only=True):
    """What is known of one collection: values by path and text, rows by the text of their key."""

    wanted: dict[str, dict[str, Wanted]] = {}
    rows: dict[str, Held] = {}

    def want(self, path: str, value: Plain, owners: Iterable[int], *, fold: bool) -> None:
        """Ask for a value on behalf of these requests, unless it is known already."""
        text = nested.text_of(value, fold=fold)
        if not text:
            return
        one = self.wanted.setdefault(path, {}).setdefault(text, Wanted(value=value, owners=set()))
        if not one.owners.issuperset(owners):
            one.owners.update(owners)
            one.asked = False

    def sought(self, collection: Collection, owner: int | None = None) -> list[Sought]:
        """Everything that rows were found by, for one request or for all."""
        return [
            Sought(
                path=path,
                values=tuple(one.value for one in asked.values() if owner is None or owner in one.owners),
                fold=folds(field_of(collection, path)),
            )
            for path, asked in self.wanted.items()
        ]

    def to_ask_again(self) -> Found:
        """The same, every value to be asked for once more."""
        for wanted in self.wanted.values():
            for one in wanted.values():
                one.asked = False
        return self

    def only(self, owners: Collected[int]) -> Found:
        """The same for some of the requests: what concerns none of them is left out."""
        kept = {
            path: {
                text: Wanted(value=one.value, owners=one.owners.intersection(owners), asked=one.asked)
                for text, one in asked.items()
                if one.owners.intersection(owners)
            }
            for path, asked in self.wanted.items()
        }
        rows = {
            key: Held(row=held.row, owners=held.owners.intersection(owners))
            for key, held in self.rows.items()
            if held.owners.intersection(owners)
        }
        return Found(wanted={path: asked for path, asked in kept.items() if asked}, rows=rows)

    def matches(self, collection: Collection, *, new_only: bool) -> list[Match]:
        """What to ask."""
        found = []
        for path, asked in self.wanted.items():
            values = tuple(one.value for one in asked.values() if not (new_only and one.asked))
            if values:
                found.append(Match(path=path, values=values, fold=folds(field_of(collection, path))))
        return found


class Walker:
    """One walk. `states` is what was stored of it before, and is kept up to date."""

    def __init__(
        self,
        the_map: DataMap,
        walk: Walk,
        seeds: Mapping[int, Mapping[str, tuple[str, ...]]],
        states: dict[Place, Found],
    ) -> None:
        self._steps = {step.node: step for step in walk.steps}
        nodes = traversal.walked(the_map)
        self._collections = {node: nodes[node] for node in self._steps}
        self._seeds = seeds
        self.states = states
        for node in self._steps:
            states.setdefault(node, Found())

    def visit(self, node: Place, find: Find) -> bool:
        """Ask one collection for what is new to it; whether there was anything. Raises NotNow, Undeliverable."""
        step, collection, state = self._steps[node], self._collections[node], self.states[node]
        self._gather(step, collection, state)
        matches = state.matches(collection, new_only=True)
        if not matches:
            return False
        for row in self._read(node, find(collection, matches)):
            owners = owners_of(state, collection, row)
            if not owners:
                raise errors.NotNow("answer_unasked", expected=str(node))
            key = key_text(collection, row)
            held = state.rows.setdefault(key, Held(row=row, owners=set()))
            held.row = row
            held.owners |= owners
        _limit(node, state)
        for asked in state.wanted.values():
            for one in asked.values():
                one.asked = True
        return True

    def _read(self, node: Place, rows: Iterable[Row]) -> list[Row]:
        """Every row, as long as they are few enough to be these people's."""
        most = MOST_ROWS * max(1, len(self._seeds))
        read: list[Row] = []
        for row in rows:
            read.append(row)
            if len(read) > most:
                raise _too_many(node)
        return read

    def _gather(self, step: Step, collection: Collection, state: Found) -> None:
        for path, kind in step.identities:
            field = field_of(collection, path)
            for owner, kinds in self._seeds.items():
                for value in kinds.get(kind, ()):
                    state.want(path, value, (owner,), fold=folds(field))
        for edge in step.edges:
            source = self.states[edge.source.node]
            if not source.rows:
                continue
            origin = self._collections[edge.source.node]
            target = field_of(collection, edge.target.path)
            theirs = nested.concerned(origin, source.sought(origin))
            for held in source.rows.values():
                seen = nested.narrowed(held.row, theirs)
                for reached in nested.values(seen, edge.source.path):
                    reached = referring(field_of(origin, edge.source.path), reached)
                    state.want(edge.target.path, reached, held.owners, fold=folds(target))


def owners_of(state: Found, collection: Collection, row: Row) -> set[int]:
    """The requests whose values a row meets."""
    owners: set[int] = set()
    for path, asked in state.wanted.items():
        fold = folds(field_of(collection, path))
        for value in nested.values(row, path):
            one = asked.get(nested.text_of(value, fold=fold) or "")
            if one is not None:
                owners |= one.owners
    return owners or _owners_by_type(state, collection, row)


def _owners_by_type(state: Found, collection: Collection, row: Row) -> set[int]:
    """As `owners_of`, for a row that meets none of the texts: a column's type wrote its value in another way."""
    owners: set[int] = set()
    for path, asked in state.wanted.items():
        fold = folds(field_of(collection, path))
        met = {loose(nested.text_of(value, fold=fold)) for value in nested.values(row, path)} - {""}
        for text, one in asked.items() if met else ():
            if loose(text) in met:
                owners |= one.owners
    return owners


def referring(field: Field, value: Plain) -> Plain:
    """A value as it refers to others: of what the map calls a number the shortest form."""
    is_text = isinstance(value, str) and field.type in (DataType.INTEGER, DataType.FLOAT)
    return loose(str(value)) if is_text else value


def loose(text: str | None) -> str:
    """A text without trailing blanks, a number without zeros behind its point."""
    text = (text or "").rstrip(" ")
    scaled = SCALED.fullmatch(text)
    return (
        scaled["whole"] + (scaled["part"].rstrip("0") if scaled["part"].strip(".0") else "")
        if scaled
        else text
    )


def key_of(collection: Collection, row: Row) -> dict[str, Plain]:
    """A row's primary key, by path; empty if its collection declares none."""
    return {field.path: next(iter(nested.values(row, field.path)), None) for field in collection.keys}


def key_text(collection: Collection, row: Row) -> str:
    """A text that tells the rows of a collection apart; without a primary key, the row itself."""
    key = key_of(collection, row)
    return msgspec.json.encode(list(key.values()) if key else row, order="sorted").decode()


def field_of(collection: Collection, path: str) -> Field:
    """A declared field. Raises KeyError."""
    for field in collection.fields:
        if field.path == path:
            return field
    raise KeyError(path)


def folds(field: Field) -> bool:
    """Whether values of a field are compared without letter case."""
    return field.identity == "email" or any(covers("user.contact.email", one) for one in field.categories)


def _limit(node: Place, state: Found) -> None:
    counts: dict[int, int] = {}
    for held in state.rows.values():
        for owner in held.owners:
            counts[owner] = counts.get(owner, 0) + 1
    if any(count > MOST_ROWS for count in counts.values()):
        raise _too_many(node)


def _too_many(node: Place) -> errors.Undeliverable:
    return errors.Undeliverable("too_many_rows", expected=f"at most {MOST_ROWS} in {node}")
