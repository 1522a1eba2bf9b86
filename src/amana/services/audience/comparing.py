"""Comparing answers: with an earlier screen of the same question, and by what people have in common.

Rule. An earlier answer is the Parquet file that a screen wrote. Whoever stands in both and changed sides is counted under
the reasons that made the difference: those they have now, or those they had; whoever is in one alone is new or gone,
which is no change of mind. A breakdown counts everybody in the answer once: by residence, by the import or capture
through which the consent that counts came, and by how old that consent is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from amana import errors
from amana.core import places, rules
from amana.services.audience import attributes, cache, screening
from amana.services.audience.screening import Screened
from amana.services.record.house import House
from amana.storage import sources

Array = np.ndarray[Any, Any]
DAY = 86_400
AGES = ((30, "to_30_days"), (90, "to_90_days"), (365, "to_1_year"), (730, "to_2_years"))
OLDER, NO_CONSENT, UNKNOWN = "older", "no_consent", "unknown"
WAYS = ("country", "source", "age")
_COLUMNS = {"person", "allow", "reasons"}


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an audience."""

    name: str
    people: int
    allowed: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How many of those who changed sides have, or had, a reason."""

    code: str
    people: int


class Difference(NamedTuple):
    """What changed since an earlier screen."""

    people: Array  # who changed sides, ascending
    allowed: Array  # whether each may be contacted now
    reasons: tuple[str, ...]  # of each: those they have now, or those they had
    new: int
    gone: int
    to_no: tuple[Change, ...]
    to_yes: tuple[Change, ...]

    @property
    def turned(self) -> tuple[int, int]:
        """How many turned to no, and to yes."""
        yes = int(self.allowed.sum())
        return len(self.people) - yes, yes


def since(result: Screened, earlier: Path) -> Difference:
    """What changed since an earlier answer. Raises NotFound, BadInput."""
    people, allowed, reasons = _read(earlier)
    common, here, there = np.intersect1d(result.people, people, assume_unique=True, return_indices=True)
    now, was = result.bits[here] == 0, allowed[there]
    turned = now != was
    current = np.asarray(screening.named(result.bits[here][turned]).to_pylist(), object)
    before = reasons[there][turned]
    words = np.where(now[turned], before, current) if turned.any() else before[:0]
    to_yes = now[turned]
    return Difference(
        common[turned],
        to_yes,
        tuple(words.tolist()),
        len(result.people) - len(common),
        len(people) - len(common),
        _counted(words[~to_yes]),
        _counted(words[to_yes]),
    )


def table(found: Difference) -> pa.Table:
    """Everybody who changed sides: person, allowed now, and the reasons that made the difference."""
    return pa.table(
        {
            "person": pa.array(found.people),
            "allow": pa.array(found.allowed),
            "reasons": pa.array(list(found.reasons), pa.string()),
        }
    )


def by_country(caught: cache.Caught, result: Screened) -> tuple[Share, ...]:
    """By residence, most people first."""
    if not len(result.people):
        return ()
    names = np.array([places.iso_place(regime.residence) or UNKNOWN for regime in caught.regimes], object)
    return _shares(*_grouped(screening.regimes_of(caught, result.people), names), result)


def by_source(house: House, origins: attributes.Origins, result: Screened) -> tuple[Share, ...]:
    """By the import or capture through which the consent that counts came."""
    with house.database.read() as connection:
        known = {one.id: f"{one.name} ({one.kind} {one.id})" for one in sources.all_sources(connection)}
    numbers = attributes.column(origins.loaded, attributes.SOURCE, result.people - 1)
    names = np.array(
        [NO_CONSENT, *(known.get(one, f"{one}") for one in range(1, max(known, default=0) + 1))], object
    )
    return _shares(*_grouped(numbers, names), result)


def by_age(caught: cache.Caught, result: Screened) -> tuple[Share, ...]:
    """By the age of the consent that counts."""
    rows = result.people - 1
    held = screening.gathered((caught.cell,), rows, ("granted", "granted_at"))
    days = (result.at - held["granted_at"]) / DAY
    edges = [limit for limit, _ in AGES]
    place = np.searchsorted(edges, days, side="left")
    place[~held["granted"].astype(np.bool_)] = len(AGES) + 1
    names = np.array([*(name for _, name in AGES), OLDER, NO_CONSENT], object)
    return tuple(sorted(_shares(place, names, result), key=lambda one: names.tolist().index(one.name)))


def _grouped(numbers: Array, names: Array) -> tuple[Array, Array]:
    """Numbers of distinct names, and those names."""
    distinct, index = np.unique(names, return_inverse=True)
    return index[numbers], distinct


def _shares(numbers: Array, names: Array, result: Screened) -> tuple[Share, ...]:
    people = np.bincount(numbers, minlength=len(names))
    allowed = np.bincount(numbers[result.bits == 0], minlength=len(names))
    found = [
        Share(name=str(name), people=count, allowed=yes)
        for name, count, yes in zip(names.tolist(), people.tolist(), allowed.tolist(), strict=True)
        if count
    ]
    return tuple(sorted(found, key=lambda one: -one.people))


def _counted(reasons: Array) -> tuple[Change, ...]:
    sets, counts = np.unique(reasons.astype(str), return_counts=True) if len(reasons) else ((), ())
    found: dict[str, int] = {}
    for words, count in zip(sets, counts, strict=True):
        for code in str(words).split():
            found[code] = found.get(code, 0) + int(count)
    ranked = sorted(found.items(), key=lambda one: -one[1])
    return tuple(Change(code=code, people=people) for code, people in ranked)


def _read(path: Path) -> tuple[Array, Array, Array]:
    """People, verdicts and reasons of an earlier answer, by ascending person."""
    if not path.is_file():
        raise errors.NotFound("There is no such earlier answer", remedy="check its path")
    try:
        found = parquet.read_table(path)
    except pa.ArrowInvalid:
        raise _other() from None
    if not set(found.column_names) >= _COLUMNS:
        raise _other()
    people = found["person"].to_numpy()
    order = np.argsort(people, kind="stable")
    words = found["reasons"].cast(pa.string()).to_numpy(zero_copy_only=False)
    known = set(rules.BY_CODE)
    if not {code for one in np.unique(words.astype(str)) for code in one.split()} <= known:
        raise _other()
    return people[order], found["allow"].to_numpy(zero_copy_only=False)[order].astype(np.bool_), words[order]


def _other() -> errors.BadInput:
    return errors.BadInput(
        "The earlier answer cannot be read",
        expected="a Parquet file that `amana screen --out` wrote",
        remedy="name such a file",
    )
