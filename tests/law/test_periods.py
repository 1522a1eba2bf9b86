"""A span of time is true to the calendar."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana import errors
from amana.core import packs
from amana.core.packs import Period

DAYS = st.dates(date(1950, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("when", "span", "day"),
    [
        ("2026-08-31", "P6M", "2026-02-28"),
        ("2024-08-31", "P6M", "2024-02-29"),
        ("2024-02-29", "P1Y", "2023-02-28"),
        ("2026-03-31", "P1M", "2026-02-28"),
        ("2026-01-15", "P1M", "2025-12-15"),
        ("2026-12-31", "P12M", "2025-12-31"),
        ("2026-03-01", "P30D", "2026-01-30"),
        ("2026-03-15", "P2W", "2026-03-01"),
        ("2026-03-31", "P1M1D", "2026-02-27"),  # months first, then days
        ("2026-07-01", "P0D", "2026-07-01"),
    ],
)
def test_a_span_before_a_day(when: str, span: str, day: str) -> None:
    assert packs.period(span).before(date.fromisoformat(when)) == date.fromisoformat(day)


@pytest.mark.parametrize(
    "text", ["", "P", "P1", "1Y", "PT1H", "P1.5Y", "P-1D", "P1D1M", "p1y", "P1Y ", "P٣D"]
)
def test_what_is_not_a_span_of_days_is_refused(text: str) -> None:
    with pytest.raises(errors.BadLaw, match="span of time"):
        packs.period(text)


@given(DAYS, st.integers(0, 600))
def test_months_back_keep_the_day_or_end_the_month(when: date, months: int) -> None:
    day = Period(months=months).before(when)
    assert (when.year * 12 + when.month) - (day.year * 12 + day.month) == months
    assert day.day == when.day or (day.day < when.day and date.fromordinal(day.toordinal() + 1).day == 1)


@given(DAYS, DAYS, st.integers(0, 240), st.integers(0, 400))
def test_an_earlier_day_never_gives_a_later_one(one: date, other: date, months: int, days: int) -> None:
    span = Period(months=months, days=days)
    assert span.before(min(one, other)) <= span.before(max(one, other))
