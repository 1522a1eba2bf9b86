"""The crowds are sharp: a change to any rule, comparison, fact, row of law or ask is seen by the differential test.

Rule: a mutant is the book with one comparison turned (`>=` into `>`), one number shifted, one rule dropped, or one
column of law changed. Each must give somebody other reasons than the scalar rules give; a mutant that survives says that
the crowds miss an edge, or that the text distinguishes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from crowd import Array, Asked, asked

from amana.core import rules
from amana.core.facts import Facts
from amana.core.plan import Ask, Law
from amana.screening import blocks, terms
from amana.screening.terms import Denial, Term

TURNED = {"ge": "gt", "gt": "ge", "le": "lt", "lt": "le", "eq": "ne", "ne": "eq", "and": "or", "or": "and"}
CROWDS = 24


@pytest.fixture(scope="module")
def crowds() -> list[tuple[Asked, Array]]:
    found = []
    for seed in range(CROWDS):
        one = asked(seed, 20_000)
        found.append((one, blocks.screen(one.facts, one.law, one.ask)))
    return found


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Puts another book in the place of the real one for the length of a test."""

    def replace(denials: tuple[Denial, ...]) -> None:
        monkeypatch.setattr(terms, "book", lambda: denials)
        terms.general.cache_clear()

    yield replace
    monkeypatch.undo()
    terms.general.cache_clear()


def seen(crowds: list[tuple[Asked, Array]]) -> bool:
    return any(not np.array_equal(blocks.screen(one.facts, one.law, one.ask), bits) for one, bits in crowds)


def turned(term: Term, old: Term, new: Term) -> Term:
    """The term with one of its parts replaced, wherever it stands."""
    if term == old:
        return new
    if term.op in terms.LEAVES:
        return term
    return Term(term.op, tuple(turned(part, old, new) for part in term.args), term.logical)


@pytest.mark.slow
def test_every_turned_operator_is_seen(crowds: list[tuple[Asked, Array]], book: object) -> None:
    real = terms.book()
    survivors = []
    for part in list(terms.nodes(one.when for one in real)):
        if part.op not in TURNED:
            continue
        mutant = part._replace(op=TURNED[part.op])
        book(tuple(Denial(one.bit, turned(one.when, part, mutant)) for one in real))
        if not seen(crowds):
            survivors.append(written(part))
    assert survivors == []


@pytest.mark.slow
def test_every_shifted_number_of_a_rule_is_seen(crowds: list[tuple[Asked, Array]], book: object) -> None:
    real = terms.book()
    survivors = []
    for part in list(terms.nodes(one.when for one in real)):
        for place, number in enumerate(part.args):
            if part.op in terms.LEAVES or number.op != "const" or number.logical:
                continue
            shifted = tuple(
                terms.const(one.args[0] + 1) if where == place else one for where, one in enumerate(part.args)
            )
            mutant = part._replace(args=shifted)
            book(tuple(Denial(one.bit, turned(one.when, part, mutant)) for one in real))
            if not seen(crowds):
                survivors.append(written(part))
    assert survivors == []


def written(term: Term) -> str:
    if term.op in terms.LEAVES:
        return f"{term.op}.{term.args[0]}"
    return f"({term.op} {' '.join(map(written, term.args))})"


def test_every_dropped_rule_is_seen(crowds: list[tuple[Asked, Array]], book: object) -> None:
    real = terms.book()
    for entry in rules.BOOK:
        book(tuple(one for one in real if one.bit != entry.bit))
        assert seen(crowds), entry.code


@pytest.mark.slow
@pytest.mark.parametrize("name", Law._fields)
def test_every_column_of_law_matters(name: str, crowds: list[tuple[Asked, Array]]) -> None:
    def changed(row: Law) -> Law:
        value = getattr(row, name)
        return row._replace(**{name: not value if isinstance(value, bool) else value ^ 1})

    mutants = [(one._replace(law=[changed(row) for row in one.law]), bits) for one, bits in crowds]
    assert seen(mutants)


@pytest.mark.parametrize("name", [name for name in Facts._fields if name != "regime"])
def test_every_fact_matters(name: str, crowds: list[tuple[Asked, Array]]) -> None:
    mutants = [
        (one._replace(facts=one.facts | {name: np.roll(one.facts[name], 1)}), bits) for one, bits in crowds
    ]
    assert seen(mutants)


@pytest.mark.parametrize("name", Ask._fields)
def test_every_part_of_the_ask_matters(name: str, crowds: list[tuple[Asked, Array]]) -> None:
    mutants = []
    for one, bits in crowds:
        value = getattr(one.ask, name)
        other = not value if isinstance(value, bool) else value + 1
        mutants.append((one._replace(ask=one.ask._replace(**{name: other})), bits))
    assert seen(mutants)
