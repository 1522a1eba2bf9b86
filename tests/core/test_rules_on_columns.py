"""One text, two readers: the rules over columns give each person bit for bit what they give one row.

Facts and laws are random and extreme; the columns have the widths that they have on disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from lawful_case import ASK, AT, LAW, PERSON_FACTS

from amana.columns import layout
from amana.core import rules
from amana.core.facts import ALL_DAYS, ALL_HOURS, BORN_UNKNOWN, NO_CAP, Facts
from amana.core.plan import ALWAYS, NOBODY_TOO_YOUNG, Ask, Law
from amana.core.vocabulary import Basis, Proof
from amana.screening import blocks

MOMENTS = [0, 1, AT - 1, AT, AT + 1]
SINCE = [ALWAYS, 1, AT - 1, AT, AT + 1]
EVERY_PROOF = int(sum(Proof))
MASKS = [0, 1, 2, 3, EVERY_PROOF]
BIRTHS = [BORN_UNKNOWN, -1, 14_000, 14_001, 20_000]
BY_NAME: dict[str, list[Any]] = {
    "born": BIRTHS,
    "born_by": [*BIRTHS, NOBODY_TOO_YOUNG],
    "never_born_by": [*BIRTHS, NOBODY_TOO_YOUNG],
    "born_floor": [BORN_UNKNOWN + 1],
    "basis": [int(basis) for basis in Basis],
    "hours": [0, 1, 1 << 23, ALL_HOURS],
    "days": [0, 1, 1 << 6, ALL_DAYS],
    "topics_off": [0, 1, 6, 1 << 40],
    "topic": [0, 2, 1 << 40],
    "per_month": [0, 1, NO_CAP],
    "notice": [0, 1, 5],
    "notice_floor": [0, 1, 5],
    "paused_until": MOMENTS,
    "at": [AT],
}


def values(name: str, example: Any) -> list[Any]:
    """Values of a column that sit on the edges of the others'."""
    if name in BY_NAME:
        return BY_NAME[name]
    if isinstance(example, bool):
        return [False, True]
    if name.startswith("sent_"):
        return [0, 1, 2, NO_CAP]
    if name.startswith("cap_"):
        return [0, 1, 2, NO_CAP]
    if name.endswith("_since"):
        return SINCE
    if name.endswith(("_at", "_by")):
        return MOMENTS
    return MASKS


def chosen(example: Any) -> st.SearchStrategy[Any]:
    """A random row: mostly the lawful case, so that rules are not all drowned by others."""
    parts = {
        name: st.sampled_from([value, value, *values(name, value)])
        for name, value in example._asdict().items()
    }
    return st.fixed_dictionaries(parts).map(lambda drawn: type(example)(**drawn))


@settings(deadline=None)
@given(
    st.lists(chosen(PERSON_FACTS), min_size=1, max_size=8),
    st.lists(chosen(LAW), min_size=1, max_size=3),
    chosen(ASK),
)
def test_columns_and_rows_give_the_same_reasons(people: list[Facts], laws: list[Law], ask: Ask) -> None:
    placed = [one._replace(regime=place % len(laws)) for place, one in enumerate(people)]
    columns = {
        name: np.array([getattr(one, name) for one in placed], layout.dtype(name)) for name in Facts._fields
    }
    expected = [rules.deny_bits(one, laws[one.regime], ask) for one in placed]
    assert blocks.screen(columns, laws, ask).tolist() == expected
