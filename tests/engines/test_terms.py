"""Writing a rule down as a term, folding it and computing it gives what the rule itself gives.

Rule: whatever stays inside the rule language means the same as a term, with any of its facts known beforehand or not.
What leaves the language is refused while the rule is written down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana.core import rules
from amana.core.plan import ALWAYS, NOBODY_TOO_YOUNG
from amana.errors import BadLaw
from amana.screening import terms
from amana.screening.terms import Term

TRUTHS, NUMBERS = ("p", "q", "r"), ("x", "y", "z")
Values = dict[str, Any]


class Said(NamedTuple):
    """An expression twice: as a term, and as a function of plain values."""

    term: Term
    value: Callable[[Values], Any]


def truth_leaf(name: str) -> Said:
    return Said(Term("fact", (name,), True), lambda held: held[name])


def number_leaf(name: str) -> Said:
    return Said(Term("fact", (name,), False), lambda held: held[name])


def compared(op: str, left: Said, right: Said) -> Said:
    return Said(
        terms.comparison(op, left.term, right.term),
        lambda held: terms.COMPARISONS[op](left.value(held), right.value(held)),
    )


def masked(left: Said, right: Said) -> Said:
    return Said(
        terms.bitwise("bitand", left.term, right.term), lambda held: left.value(held) & right.value(held)
    )


def both(left: Said, right: Said) -> Said:
    return Said(terms.conjunction(left.term, right.term), lambda held: left.value(held) & right.value(held))


def either(left: Said, right: Said) -> Said:
    return Said(terms.disjunction(left.term, right.term), lambda held: left.value(held) | right.value(held))


def denied(one: Said) -> Said:
    return Said(terms.negation(one.term), lambda held: rules.not_(one.value(held)))


def constant(value: int | bool) -> Said:
    return Said(terms.const(value), lambda held: value)


numbers = st.recursive(
    st.sampled_from(NUMBERS).map(number_leaf) | st.integers(0, 7).map(constant),
    lambda inner: st.builds(masked, inner, inner),
    max_leaves=4,
)
truths = st.recursive(
    st.sampled_from(TRUTHS).map(truth_leaf)
    | st.booleans().map(constant)
    | st.builds(compared, st.sampled_from(sorted(terms.COMPARISONS)), numbers, numbers),
    lambda inner: st.builds(both, inner, inner) | st.builds(either, inner, inner) | st.builds(denied, inner),
    max_leaves=12,
)
held_values = st.fixed_dictionaries(
    dict.fromkeys(TRUTHS, st.booleans()) | dict.fromkeys(NUMBERS, st.integers(0, 7))
)


def computed(term: Term, held: Values) -> Any:
    if term.op == "const":
        return term.args[0]
    if term.op == "fact":
        return held[term.args[0]]
    return terms.OPERATIONS[term.op](*(computed(part, held) for part in term.args))


@given(truths, held_values, st.sets(st.sampled_from(TRUTHS + NUMBERS)))
def test_a_folded_term_means_what_was_said(said: Said, held: Values, known: set[str]) -> None:
    def leaf(term: Term) -> Term:
        return terms.const(held[term.args[0]]) if term.op == "fact" and term.args[0] in known else term

    folded = terms.rebuilt(said.term, leaf, {})
    assert bool(computed(folded, held)) == bool(said.value(held))
    left = {one.args[0] for one in terms.nodes([folded]) if one.op == "fact"}
    assert not left & known


@given(truths, held_values)
def test_everything_known_leaves_a_constant(said: Said, held: Values) -> None:
    folded = terms.rebuilt(
        said.term, lambda term: terms.const(held[term.args[0]]) if term.op == "fact" else term, {}
    )
    assert folded == terms.const(bool(said.value(held)))


@pytest.mark.parametrize("op", sorted(terms.COMPARISONS))
def test_the_opposite_of_a_comparison_is_true_when_it_is_not(op: str) -> None:
    x = Term("fact", ("x",), False)
    opposite = terms.negation(terms.comparison(op, x, terms.const(3)))
    for value in (2, 3, 4):
        assert computed(opposite, {"x": value}) == (not terms.COMPARISONS[op](value, 3))


def test_bounds_that_no_fact_reaches_are_known_beforehand() -> None:
    moment, born = Term("fact", ("granted_at",), False), Term("fact", ("born",), False)
    assert terms.comparison("lt", moment, terms.const(ALWAYS)) == terms.FALSE
    assert terms.comparison("ge", moment, terms.const(ALWAYS)) == terms.TRUE
    assert terms.comparison("gt", born, terms.const(NOBODY_TOO_YOUNG)) == terms.FALSE
    assert terms.comparison("le", born, terms.const(NOBODY_TOO_YOUNG)) == terms.TRUE
    assert terms.comparison("gt", moment, terms.const(NOBODY_TOO_YOUNG)).op == "gt"


X, P = terms._Symbol(Term("fact", ("x",), False)), terms._Symbol(Term("fact", ("p",), True))


@pytest.mark.parametrize(
    "rule",
    [
        lambda: X and P,
        lambda: not P,
        lambda: 1 < X < 3,
        lambda: X & P,
        lambda: P | 1,
        lambda: P < True,
        lambda: X == P,
        lambda: P & None,
    ],
    ids=[
        "and",
        "not",
        "chain",
        "number with truth",
        "truth with number",
        "order of truths",
        "mixed",
        "nothing",
    ],
)
def test_what_leaves_the_rule_language_is_refused(rule: Callable[[], object]) -> None:
    with pytest.raises(BadLaw):
        rule()


def test_every_rule_of_the_book_is_written_down() -> None:
    assert [one.bit for one in terms.book()] == [entry.bit for entry in rules.BOOK]
    assert all(one.when.logical for one in terms.book())
