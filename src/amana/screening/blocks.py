"""The NumPy engine: the rule book over columns, a block of rows at a time.

Rule. The book is specialised for the question (`terms.special`), so that only what can still deny is computed, and
every shared part once. A block is small enough to stay in the processor's cache; within it each part is one pass over
short arrays, with parameters of the law gathered by regime. Denials are collected as single bits in bytes, eight rules
to a byte, and joined to 64-bit sets at the end of the block; the distinct sets are counted there too, while they are
warm. Two threads take blocks in turn. Nothing here knows a rule by name.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amana.core import rules
from amana.core.plan import Ask, Law
from amana.screening import terms
from amana.screening.engines import Answer, Array, Columns, Ran
from amana.screening.terms import Special, Term

BLOCK = 1 << 16
THREADS = 2
_WORD = np.dtype("<u8")  # byte k of a set holds the rules 8k to 8k+7


class Counts(NamedTuple):
    """What a screen counted."""

    people: int
    allowed: int
    by_reason: dict[str, int]  # people for whom a rule denies
    by_first: dict[str, int]  # people for whom it is the reason shown first


class Step(NamedTuple):
    """One pass over a block: where its operands are, and where its result goes."""

    place: int
    run: Callable[..., Any]
    operands: tuple[int, ...]


class Program:
    """A specialised book as a list of passes over numbered places. Immutable; threads share it."""

    def __init__(self, special: Special) -> None:
        numbers: dict[Term, int] = {}
        self.constants: dict[int, Any] = {}
        self.facts: list[tuple[int, str]] = []
        self.params: list[tuple[int, Array]] = []
        flags: list[tuple[int, Array]] = []
        self.steps: list[Step] = []
        for term in terms.nodes(one.when for one in special.denials):
            place = numbers[term] = len(numbers)
            if term.op == "const":
                self.constants[place] = term.args[0]
            elif term.op == "fact":
                self.facts.append((place, term.args[0]))
            elif term.op == "param":
                values = special.params[term.args[0]]
                if term.logical:
                    flags.append((place, np.asarray(values, np.uint8)))
                else:
                    self.params.append((place, _narrow(values)))
            else:
                operands = tuple(numbers[part] for part in term.args)
                self.steps.append(Step(place, terms.OPERATIONS[term.op], operands))
        self.flags = [_together(flags[first : first + 8]) for first in range(0, len(flags), 8)]
        self.places = len(numbers)
        self.denials = [(one.bit, numbers[one.when]) for one in special.denials]

    def run(self, facts: Columns, start: int, end: int) -> dict[int, Array]:
        """Run over some rows: byte number -> the eight rules' bits of each row; bytes without a rule are absent."""
        held: list[Any] = [None] * self.places
        for place, value in self.constants.items():
            held[place] = value
        for place, name in self.facts:
            held[place] = facts[name][start:end]
        if self.params or self.flags:
            self._gather(held, facts["regime"][start:end].astype(np.intp))
        for step in self.steps:
            held[step.place] = step.run(*(held[one] for one in step.operands))
        return self._packed(held, end - start)

    def bits(self, facts: Columns) -> Array:
        """The reasons of every row, for few rows: in one pass and without threads."""
        found = np.zeros(len(facts["regime"]), _WORD)
        bytes_of = found.view(np.uint8).reshape(-1, 8)
        for byte, values in self.run(facts, 0, len(found)).items():
            bytes_of[:, byte] = values
        return found

    def _gather(self, held: list[Any], regimes: Array) -> None:
        for place, table in self.params:
            held[place] = table.take(regimes)
        for places, table in self.flags:
            gathered = table.take(regimes)
            for bit, place in enumerate(places):
                held[place] = (gathered & np.uint8(1 << bit)).astype(np.bool_)

    def _packed(self, held: Sequence[Any], rows: int) -> dict[int, Array]:
        packed: dict[int, Array] = {}
        for bit, place in self.denials:
            denied = np.ones(rows, np.bool_) if held[place] is True else held[place]
            shifted = denied.view(np.uint8) << np.uint8(bit & 7)
            byte = bit >> 3
            if byte in packed:
                packed[byte] |= shifted
            else:
                packed[byte] = shifted
        return packed


class Blocks:
    """The engine `numpy`."""

    def screen(self, facts: Columns, law: Sequence[Law], ask: Ask) -> Answer:
        """The reasons of every person."""
        started = time.perf_counter()
        rows = len(facts["regime"])
        program = Program(terms.special(law, ask, constants(facts)))
        bits = np.zeros(rows, _WORD)
        sets: Counter[int] = Counter()
        starts = range(0, rows, BLOCK)
        if rows <= BLOCK:
            found = [_block(program, facts, bits, start) for start in starts]
        else:
            with ThreadPoolExecutor(THREADS) as pool:
                found = list(pool.map(lambda start: _block(program, facts, bits, start), starts))
        for one in found:
            sets.update(one)
        seconds = time.perf_counter() - started
        return Answer(bits, dict(sets), Ran("numpy", np.__version__, rows, seconds))


def engine(where: str = "") -> Blocks:
    """The engine, for `engines.named`."""
    return Blocks()


def screen(facts: Columns, law: Sequence[Law], ask: Ask) -> Array:
    """The reasons of every person: uint64, zero is allow. `facts` holds equally long columns by name."""
    return Blocks().screen(facts, law, ask).bits


def constants(facts: Columns) -> dict[str, terms.Value]:
    """Facts given as one value broadcast over all rows, such as contacts when nothing was sent."""
    return {
        name: column[0].item()
        for name, column in facts.items()
        if name != "regime" and len(column) and column.strides == (0,)
    }


def distinct(bits: Array) -> dict[int, int]:
    """The distinct sets of reasons, and how many people have each."""
    counted = pc.value_counts(pa.array(bits))
    numbers, people = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
    return dict(zip(numbers, people, strict=True))


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


def _block(program: Program, facts: Columns, bits: Array, start: int) -> dict[int, int]:
    end = min(start + BLOCK, len(bits))
    bytes_of = bits[start:end].view(np.uint8).reshape(-1, 8)
    for byte, values in program.run(facts, start, end).items():
        bytes_of[:, byte] = values
    return distinct(bits[start:end])


def _together(flags: Sequence[tuple[int, Array]]) -> tuple[tuple[int, ...], Array]:
    """Up to eight truths by regime as the bits of one byte: one gather in place of eight."""
    table = np.zeros_like(flags[0][1])
    for bit, (_, values) in enumerate(flags):
        table |= values << np.uint8(bit)
    return tuple(place for place, _ in flags), table


def _narrow(values: Sequence[terms.Value]) -> Array:
    """A parameter in the narrowest type that holds it; the same type as the narrow facts it meets, where it can."""
    array = np.asarray(values)
    fits = next(
        kind
        for kind in (np.int16, np.int32, np.int64)
        if np.iinfo(kind).min <= array.min() and array.max() <= np.iinfo(kind).max
    )
    return array.astype(fits)
