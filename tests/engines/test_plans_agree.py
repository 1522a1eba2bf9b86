"""A plan remembers what regimes have in common; nobody's row of law may depend on who was asked about before.

Rule: each regime's row from a plan that resolved all of them is the row of a plan that resolved nothing else, over all
packs, for questions about contact, use and sharing, and around the moments at which clocks change.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from crowd import HANDLED, question, regimes

from amana import wiring
from amana.core import public_holidays
from amana.core.plan import QUARTER, Plan, Question
from amana.core.regimes import Regime
from amana.core.vocabulary import Channel

CLOCK_CHANGES = ("2025-03-30T00:59:59", "2025-03-30T01:00:00", "2026-10-25T01:00:00", "2026-11-01T08:07:00")
OTHER_DAYS = ("2024-02-29T12:00:00", "2025-12-25T09:15:00", "2026-08-31T06:45:00", "2026-12-31T22:30:00")
BOOK = wiring.law_book()


def planned(asked: Question) -> Plan:
    return Plan(BOOK, asked, public_holidays.in_place)


def somebody(seed: int) -> tuple[Question, list[Regime]]:
    """A random question and everybody it may be about: shuffled, every zone and subject of a place somewhere."""
    rng = np.random.default_rng(seed)
    channel = None if seed % 40 in HANDLED else list(Channel)[seed % len(Channel)]
    asked = question(BOOK, channel, rng, lacking=seed)
    return asked, regimes(BOOK, rng, 250)


@pytest.mark.parametrize("seed", [*range(8), *HANDLED])
def test_a_row_of_law_does_not_depend_on_what_was_planned_before(seed: int) -> None:
    asked, known = somebody(seed)
    shared = planned(asked)
    for regime in known:
        assert shared.law(regime) == planned(asked).law(regime)


@pytest.mark.parametrize("text", [*CLOCK_CHANGES, *OTHER_DAYS])
def test_nor_on_the_day_when_clocks_change(text: str) -> None:
    asked, known = somebody(len(Channel) + 1)
    moment = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    asked = msgspec.structs.replace(asked, at=moment, channel=Channel.SMS)
    shared = planned(asked)
    rows = {regime: shared.law(regime) for regime in known}
    assert rows == {regime: planned(asked).law(regime) for regime in known}
    assert len({(row.hours, row.days) for row in rows.values()}) > 5, "people live in many zones"


def test_a_plan_moved_within_its_quarter_keeps_its_rows_and_one_of_the_next_quarter_has_its_own() -> None:
    asked, known = somebody(1)
    asked = msgspec.structs.replace(asked, channel=Channel.PHONE_LIVE, at=asked.at - asked.at % QUARTER)
    first = planned(asked)
    held = [first.law(regime) for regime in known]
    moved = first.moved(msgspec.structs.replace(asked, at=asked.at + QUARTER - 1))
    assert [moved.law(regime) for regime in known] == held
    later = [planned(msgspec.structs.replace(asked, at=asked.at + 4 * QUARTER)).law(one) for one in known]
    assert [row.hours for row in later] != [row.hours for row in held]
