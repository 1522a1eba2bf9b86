"""What the steps of a run do to the rows of connected systems.

Rule.
- What a step is about to write is stored before it is written, so that a kill in between repeats the same change.
- A row goes only as far as the living grounds let it (`core.grounds`): what is kept is told with its ground, what
  cannot be written is told too, and neither is passed over in silence.
- Looking again is done with every value that rows were found by, and with the keys of the rows that were changed. A
  row that should be gone, a value that is as it was, a row that is new: each keeps the request open.
- In a collection without a key a person deletes the rows or empties the fields. It is done once nothing is left to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import msgspec

from amana import errors
from amana.connectors.systems.system import Change, Limits, Match, Rows
from amana.core import grounds, masking, nested, traversal
from amana.core.data_map import Collection, OnErasure, Plain, Row
from amana.core.nested import Concerned
from amana.services.rights import rights_plan
from amana.services.systems import rights_walk
from amana.services.systems.rights_walk import Found, Held

CHUNK = 500  # rows to one call of a connector
NO_KEY = "no_key"
"""Why a person has to do it: nothing names a row of the collection, so that none can be changed from here."""
READ_ONLY = "read_only"
"""The ground of what stays because its system lets nobody write it."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that stay although they were asked to go, of how many rows, and why."""

    path: str
    ground: str  # of a keep; `read_only` where the system lets nobody write it
    citation: str = ""
    until: str = ""  # ISO date of the last row's end; "" for no end
    rows: int = 0


class Rewrite(msgspec.Struct, kw_only=True):
    """New values of one row, beside those they replace."""

    key: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


class Doing(msgspec.Struct, kw_only=True):
    """Everything one step is about to do to one collection."""

    rewrites: list[Rewrite] = []
    deletes: list[dict[str, Any]] = []
    kept: dict[int, list[Kept]] = {}  # request number -> what stays of theirs


def erasing(
    collection: Collection,
    found: Found,
    limits: Mapping[str, Limits],
    today: date,
    key: bytes,
    random: Callable[[int], bytes],
) -> Doing:
    """What erasure does to the rows that were found. Raises BadInput for a field that cannot be masked."""
    doing = Doing()
    tally = _Tally()
    read_only = {field.path for field in traversal.targets(collection).read_only}
    theirs = nested.concerned(collection, found.sought(collection))
    for held in found.rows.values():
        verdict = grounds.erasure(collection, held.row, today)
        for one in verdict.kept:
            if not _holds(held.row, one.path):
                continue
            until = one.until.isoformat() if one.until else ""
            tally.add(held.owners, (one.path, one.ground, one.citation), until)
        if collection.on_erasure is OnErasure.DELETE and not verdict.kept:
            doing.deletes.append(rights_walk.key_of(collection, held.row))
            continue
        goes = [field for field in verdict.goes if field.path not in read_only]
        for field in verdict.goes:
            if field.path in read_only and _holds(held.row, field.path):
                tally.add(held.owners, (field.path, READ_ONLY, ""))
        after = masking.erased(
            held.row,
            collection,
            goes,
            key=key,
            random=random,
            theirs=theirs,
            limits=limits,
            unique={path for path, one in limits.items() if one.unique},
        )
        _rewrite(doing, collection, held, after)
    doing.kept = tally.told()
    return doing


def correcting(collection: Collection, found: Found, corrections: Mapping[int, Mapping[str, str]]) -> Doing:
    """What a rectification writes: request number -> field category -> right value."""
    doing = Doing()
    tally = _Tally()
    theirs = nested.concerned(collection, found.sought(collection))
    for held in found.rows.values():
        values: dict[str, Plain] = {}
        for owner in sorted(held.owners):
            for category, value in corrections[owner].items():
                for field in rights_plan.corrected(collection, [category]):
                    if field.read_only:
                        tally.add((owner,), (field.path, READ_ONLY, ""))
                    else:
                        values[field.path] = value
        _rewrite(doing, collection, held, _put(collection, held.row, values, theirs))
    doing.kept = tally.told()
    return doing


def refusing(collection: Collection, found: Found, brands: Mapping[int, str]) -> Doing:
    """The No that goes to every copy of a permission; request number -> brand, "" for all."""
    doing = Doing()
    theirs = nested.concerned(collection, found.sought(collection))
    for held in found.rows.values():
        values = {
            field.path: field.permission.no
            for field in collection.fields
            if field.permission is not None
            and any(brands[owner] in ("", field.permission.brand) for owner in held.owners)
        }
        _rewrite(doing, collection, held, _put(collection, held.row, values, theirs))
    return doing


def setting(collection: Collection, found: Found, said: Callable[[Held], Mapping[str, Plain]]) -> Doing:
    """What each row that was found should say: path -> value."""
    doing = Doing()
    theirs = nested.concerned(collection, found.sought(collection))
    for held in found.rows.values():
        _rewrite(doing, collection, held, _put(collection, held.row, said(held), theirs))
    return doing


def by_hand(rows: Rows, collection: Collection, found: Found, wanted: Callable[[Found], Doing]) -> Doing:
    """Look whether a person did in a collection without a key what nothing else can do; what stays of it.

    `wanted` says what is to be done to rows. Raises Undeliverable as long as anything is, NotNow.
    """
    matches = found.matches(collection, new_only=False) if found.rows else []
    now = Found(wanted=found.wanted)
    for row in rows.find(collection, matches) if matches else ():
        if owners := rights_walk.owners_of(found, collection, row):
            now.rows[rights_walk.key_text(collection, row)] = Held(row=row, owners=owners)
    doing = wanted(now)
    if doing.rewrites or doing.deletes:
        raise errors.Undeliverable(NO_KEY, expected="a person to do it", got=str(collection.place))
    return doing


def do(rows: Rows, collection: Collection, doing: Doing) -> int:
    """Write it; how many rows were changed or deleted. Raises NotNow, Undeliverable."""
    count = 0
    for start in range(0, len(doing.rewrites), CHUNK):
        chunk = doing.rewrites[start : start + CHUNK]
        count += rows.change(collection, [Change(key=one.key, values=one.after) for one in chunk])
    for start in range(0, len(doing.deletes), CHUNK):
        count += rows.delete(collection, doing.deletes[start : start + CHUNK])
    return count


def left(rows: Rows, collection: Collection, found: Found, doing: Doing, *, new_too: bool) -> int:
    """Look again: how many rows are not as they should be. Raises NotNow, Undeliverable.

    `new_too` counts rows that were not there before, and match: after an erasure there should be none.
    """
    wanted = {_text(one.key): one for one in doing.rewrites}
    gone = {_text(key) for key in doing.deletes}
    seen = {_text(rights_walk.key_of(collection, held.row)) for held in found.rows.values()}
    matches = found.matches(collection, new_only=False) + _keys(collection, [*doing.deletes])
    matches += _keys(collection, [one.key for one in doing.rewrites])
    bad = 0
    if not matches:
        return 0
    for row in rows.find(collection, matches):
        key = _text(rights_walk.key_of(collection, row))
        if key in gone:
            bad += 1
        elif key in wanted:
            bad += not _as_written(row, wanted[key])
        elif new_too and key not in seen and _concerns(collection, found, row):
            bad += 1
    return bad


class _Tally:
    """Counts what stays, for each request."""

    def __init__(self) -> None:
        self._rows: Counter[tuple[int, str, str, str]] = Counter()
        self._until: dict[tuple[int, str, str, str], str] = {}

    def add(self, owners: Iterable[int], what: tuple[str, str, str], until: str = "") -> None:
        """A field of one row stays: its path, ground and citation."""
        for owner in owners:
            self._rows[owner, *what] += 1
            self._until[owner, *what] = max(self._until.get((owner, *what), ""), until)

    def told(self) -> dict[int, list[Kept]]:
        found: dict[int, list[Kept]] = {}
        for (owner, path, ground, citation), rows in sorted(self._rows.items()):
            until = self._until[owner, path, ground, citation]
            kept = Kept(path=path, ground=ground, citation=citation, until=until, rows=rows)
            found.setdefault(owner, []).append(kept)
        return found


def _put(
    collection: Collection, row: Row, values: Mapping[str, Plain], theirs: Concerned
) -> dict[str, Plain]:
    """New values as a system takes them: an array whole, in which only the person's elements are other ones.

    What stands in an object that is not there has no place to stand, and is left out.
    """
    changes = {path: partial(_elements, path, value, theirs) for path, value in values.items()}
    made = nested.changed_all(row, changes, theirs)
    tops = dict.fromkeys(nested.array_above(collection, path) for path in values)
    return {path: nested.at(made, path) for path in tops}


def _holds(row: Row, path: str) -> bool:
    """Whether anything stands at a path: of what is empty nothing stays."""
    return any(value is not None and value != "" for value in nested.values(row, path))


def _elements(path: str, new: Plain, theirs: Concerned, old: Plain) -> Plain:
    return [new if theirs(path, one) else one for one in old] if isinstance(old, list) else new


def _rewrite(doing: Doing, collection: Collection, held: Held, after: Mapping[str, Plain]) -> None:
    """Add what changes; what is so already is not written."""
    before = {path: nested.at(held.row, path) for path in after}
    moved = {path: value for path, value in after.items() if not _same(before[path], value)}
    if moved:
        doing.rewrites.append(
            Rewrite(
                key=rights_walk.key_of(collection, held.row),
                before={path: before[path] for path in moved},
                after=moved,
            )
        )


def _as_written(row: Row, wanted: Rewrite) -> bool:
    """Whether every value is what was written, or at least no longer what it was."""
    return all(
        _same(nested.at(row, path), after) or not _same(nested.at(row, path), wanted.before[path])
        for path, after in wanted.after.items()
    )


def _concerns(collection: Collection, found: Found, row: Row) -> bool:
    return bool(rights_walk.owners_of(found, collection, row))


def _same(one: Plain, other: Plain) -> bool:
    if isinstance(one, list | dict) or isinstance(other, list | dict):
        return one == other
    return nested.text_of(one) == nested.text_of(other)


def _text(key: Mapping[str, Plain]) -> str:
    return "\0".join(str(nested.text_of(value)) for value in key.values())


def _keys(collection: Collection, keys: Sequence[Mapping[str, Plain]]) -> list[Match]:
    """Asks for rows by the first field of their key; others that come along are told apart by the whole key."""
    if not keys:
        return []
    first = collection.keys[0].path
    return [
        Match(path=first, values=tuple({nested.text_of(key[first]): key[first] for key in keys}.values()))
    ]
