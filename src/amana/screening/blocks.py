"""The NumPy engine: the rule book over columns, a block of rows at a time.

Rule. A block is small enough to stay in the processor's cache; within it each rule is one pass over short arrays, with
the law gathered by regime. Gathered law columns are kept for the block, since several rules read the same one. The
result is one 64-bit set of reasons per person, the same bits that the scalar rules give (a differential test holds
this). Nothing here knows a rule by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from amana.core import rules
from amana.core.plan import Ask, Law

BLOCK = 1 << 15
THREADS = 2

Array = np.ndarray[Any, Any]


class LawTable:
    """The plan's rows as arrays, indexed by regime."""

    def __init__(self, rows: Sequence[Law]) -> None:
        self._columns: dict[str, Array] = {}
        self._constant: dict[str, Any] = {}
        for name, values in zip(Law._fields, zip(*rows, strict=True), strict=True):
            array = np.asarray(values)
            self._columns[name] = array
            if len(set(values)) == 1:
                self._constant[name] = values[0]

    def at(self, regimes: Array) -> _Gathered:
        """The law of each row of a block."""
        return _Gathered(self._columns, self._constant, regimes)


class _Gathered:
    """Law columns for the rows of one block, gathered when first read. A column with one value stays one value."""

    def __init__(self, columns: Mapping[str, Array], constant: Mapping[str, Any], regimes: Array) -> None:
        self.__dict__.update(constant)
        self._columns = columns
        self._regimes = regimes

    def __getattr__(self, name: str) -> Array:
        gathered = self._columns[name][self._regimes]
        self.__dict__[name] = gathered
        return gathered


class _Rows:
    """Fact columns of one block under their names."""

    def __init__(self, columns: Mapping[str, Array], start: int, end: int) -> None:
        for name, column in columns.items():
            self.__dict__[name] = column[start:end]


class Counts(NamedTuple):
    """What a screen counted."""

    people: int
    allowed: int
    by_reason: dict[str, int]  # people for whom a rule denies
    by_first: dict[str, int]  # people for whom it is the reason shown first


def screen(facts: Mapping[str, Array], law: LawTable, ask: Ask) -> Array:
    """The reasons of every person: uint64, zero is allow. `facts` holds equally long columns by name."""
    count = len(facts["regime"])
    bits = np.zeros(count, np.uint64)
    starts = range(0, count, BLOCK)
    if count <= BLOCK:
        for start in starts:
            _block(facts, law, ask, bits, start)
        return bits
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(_block, facts, law, ask, bits, start) for start in starts]:
            done.result()
    return bits


def _block(facts: Mapping[str, Array], law: LawTable, ask: Ask, bits: Array, start: int) -> None:
    end = min(start + BLOCK, len(bits))
    rows = _Rows(facts, start, end)
    gathered = law.at(facts["regime"][start:end])
    found = rules.shows(rows, gathered, ask)
    block = bits[start:end]
    for entry in rules.BOOK:
        denied = entry.denies(rows, gathered, ask, found)
        if denied is False or denied is np.False_:
            continue
        mask = np.uint64(1 << entry.bit)
        if denied is True or denied is np.True_:
            block |= mask
        elif denied.any():
            block |= np.multiply(denied, mask, dtype=np.uint64)


def count(sets: Mapping[int, int]) -> Counts:
    """Sum up the distinct sets of reasons, each with how many people have it."""
    by_reason = dict.fromkeys(rules.BY_CODE, 0)
    by_first = dict.fromkeys(rules.BY_CODE, 0)
    for bits, people in sets.items():
        codes = [entry.code for entry in rules.BOOK if bits >> entry.bit & 1]
        for code in codes:
            by_reason[code] += people
        if codes:
            by_first[codes[0]] += people
    return Counts(sum(sets.values()), sets.get(0, 0), by_reason, by_first)
