"""A moment is open only if every limit allows it on the clock of every zone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana.core import places, public_holidays, windows
from amana.core.windows import Allowed, Windows
from amana.errors import BadInput

PARIS, LONDON, RIYADH, NEW_YORK = "Europe/Paris", "Europe/London", "Asia/Riyadh", "America/New_York"

FRANCE = Allowed(weekday=((600, 780), (840, 1200)), saturday=(), sunday=(), holiday=(), place="FR")
NINE_TO_NINE = ((540, 1260),)


def daily(hours: Windows) -> Allowed:
    return Allowed(weekday=hours, saturday=hours, sunday=hours, holiday=hours)


def at(zone: str, year: int, month: int, day: int, hour: int, minute: int = 0, fold: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def is_open(allowed: Allowed, zones: tuple[str, ...], moment: int) -> bool:
    return windows.open_at([allowed], zones, moment, public_holidays.in_place)


def following(allowed: Allowed, zones: tuple[str, ...], moment: int) -> int | None:
    return windows.next_open([allowed], zones, moment, public_holidays.in_place)


@pytest.mark.parametrize(
    ("hour", "minute", "allowed"),
    [
        (9, 59, False),
        (10, 0, True),
        (12, 59, True),
        (13, 0, False),
        (13, 59, False),
        (14, 0, True),
        (19, 59, True),
        (20, 0, False),
    ],
)
def test_french_calls_are_allowed_from_ten_to_one_and_from_two_to_eight(
    hour: int, minute: int, allowed: bool
) -> None:
    assert is_open(FRANCE, (PARIS,), at(PARIS, 2026, 7, 15, hour, minute)) is allowed


def test_french_weekends_and_holidays_are_closed() -> None:
    assert not is_open(FRANCE, (PARIS,), at(PARIS, 2026, 7, 18, 11))  # Saturday
    assert not is_open(FRANCE, (PARIS,), at(PARIS, 2026, 7, 19, 11))  # Sunday
    assert not is_open(FRANCE, (PARIS,), at(PARIS, 2026, 7, 14, 11))  # Tuesday, Bastille Day


def test_the_window_of_a_holiday_replaces_that_of_its_weekday() -> None:
    texas = Allowed(
        weekday=NINE_TO_NINE,
        saturday=NINE_TO_NINE,
        sunday=((720, 1260),),
        holiday=((720, 1260),),
        place="US-TX",
    )
    zones = places.zones_of("US-TX")
    independence_of_texas = at("America/Denver", 2026, 3, 2, 10)  # a Monday
    assert not is_open(texas, zones, independence_of_texas)
    assert is_open(texas, zones, independence_of_texas + 2 * 3600)
    assert is_open(texas, zones, independence_of_texas + 86_400)


def test_the_holiday_is_that_of_the_local_date() -> None:
    asked: list[tuple[str, date]] = []

    def never(place: str, day: date) -> bool:
        asked.append((place, day))
        return False

    limit = Allowed(weekday=NINE_TO_NINE, saturday=(), sunday=(), holiday=(), place="SA")
    windows.open_at([limit], (RIYADH,), at(LONDON, 2026, 1, 5, 22), never)
    assert asked == [("SA", date(2026, 1, 6))]


def test_an_unknown_region_is_the_intersection_of_its_zones() -> None:
    limit = daily(((480, 1260),))  # 08:00-21:00, 47 CFR 64.1200(c)(1)
    zones = places.zones_of("US")
    # 08:00 in Adak (UTC-10 in winter) is 13:00 in New York; 21:00 in New York ends the day for all.
    assert not is_open(limit, zones, at(NEW_YORK, 2026, 1, 15, 12, 59))
    assert is_open(limit, zones, at(NEW_YORK, 2026, 1, 15, 13))
    assert is_open(limit, zones, at(NEW_YORK, 2026, 1, 15, 20, 59))
    assert not is_open(limit, zones, at(NEW_YORK, 2026, 1, 15, 21))


def test_every_limit_must_allow() -> None:
    early, late = daily(((480, 720),)), daily(((660, 1200),))
    zones = (LONDON,)

    def open_under_both(hour: int) -> bool:
        moment = at(LONDON, 2026, 2, 2, hour)
        return windows.open_at([early, late], zones, moment, public_holidays.in_place)

    assert [hour for hour in range(24) if open_under_both(hour)] == [11]


def test_no_limit_is_open_and_no_zone_is_closed() -> None:
    assert windows.open_at([], (), 0, public_holidays.in_place)
    assert not is_open(daily(((0, 1440),)), (), 0)
    assert following(daily(((0, 1440),)), (), 0) is None


def test_a_window_that_passes_midnight_is_two() -> None:
    night = daily(((0, 120), (1380, 1440)))
    assert [hour for hour in range(24) if is_open(night, (PARIS,), at(PARIS, 2026, 5, 5, hour))] == [0, 1, 23]


def test_the_hour_that_spring_skips_is_never_found() -> None:
    # Clocks in Paris go from 02:00 to 03:00 on 29 March 2026.
    only_two = daily(((120, 180),))
    before = at(PARIS, 2026, 3, 29, 1, 59)
    assert not is_open(only_two, (PARIS,), before)
    assert not is_open(only_two, (PARIS,), before + 60)
    assert following(only_two, (PARIS,), before) == at(PARIS, 2026, 3, 30, 2)


def test_the_hour_that_autumn_repeats_is_open_twice() -> None:
    # Clocks in Paris go from 03:00 back to 02:00 on 25 October 2026.
    only_two = daily(((120, 180),))
    first, second = at(PARIS, 2026, 10, 25, 2, 30), at(PARIS, 2026, 10, 25, 2, 30, fold=1)
    assert second - first == 3600
    assert is_open(only_two, (PARIS,), first)
    assert is_open(only_two, (PARIS,), second)


def test_nine_in_the_morning_moves_with_the_clock_change() -> None:
    limit = daily(NINE_TO_NINE)
    evening_before = at(NEW_YORK, 2026, 3, 7, 22)
    found = following(limit, (NEW_YORK,), evening_before)
    assert found == at(NEW_YORK, 2026, 3, 8, 9)
    assert found - evening_before == 10 * 3600  # eleven hours by the clock on the wall


def test_next_open_is_now_when_it_is_open_now() -> None:
    now = at(PARIS, 2026, 7, 15, 11, 7) + 13
    assert following(FRANCE, (PARIS,), now) == now


def test_next_open_passes_over_a_long_weekend() -> None:
    # Good Friday is no national holiday in France, Easter Monday is.
    assert following(FRANCE, (PARIS,), at(PARIS, 2026, 4, 3, 20)) == at(PARIS, 2026, 4, 7, 10)


def test_next_open_gives_up_after_fourteen_days() -> None:
    assert following(daily(()), (PARIS,), at(PARIS, 2026, 4, 3, 20)) is None
    impossible = [daily(((480, 540),)), daily(((540, 600),))]
    moment = at(PARIS, 2026, 4, 3, 20)
    assert windows.next_open(impossible, (PARIS,), moment, public_holidays.in_place) is None


@given(
    st.integers(at("UTC", 2025, 1, 1, 0), at("UTC", 2028, 1, 1, 0)),
    st.sampled_from([FRANCE, daily(NINE_TO_NINE), daily(((600, 601),)), daily(((547, 549), (1200, 1440)))]),
    st.sampled_from([(PARIS,), (LONDON, NEW_YORK), ("Asia/Kathmandu",), ("Australia/Lord_Howe", RIYADH)]),
)
def test_next_open_is_open_and_nothing_opens_before_it(
    moment: int, limit: Allowed, zones: tuple[str, ...]
) -> None:
    found = following(limit, zones, moment)
    end = moment + windows.SEARCH_SPAN if found is None else found
    quarters = range((moment // 900 + 1) * 900, end, 900)
    assert not any(is_open(limit, zones, quarter) for quarter in quarters)
    if found is not None:
        assert is_open(limit, zones, found)
        assert found == moment or (found % 900 == 0 and not is_open(limit, zones, moment))


def test_local_hours_and_days_are_those_of_every_zone() -> None:
    moment = at(LONDON, 2026, 1, 4, 22, 30)  # a Sunday; Monday 01:30 in Riyadh, 04:00 in Kolkata
    zones = (LONDON, RIYADH, "Asia/Kolkata")
    assert windows.local_hours(zones, moment) == 1 << 22 | 1 << 1 | 1 << 4
    assert windows.local_days(zones, moment) == 1 << 6 | 1 << 0
    assert windows.local_hours((), moment) == windows.local_days((), moment) == 0


@pytest.mark.parametrize("window", [(600, 600), (700, 600), (-1, 60), (1380, 1500)])
def test_an_impossible_window_is_refused(window: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match="0 <= start < end <= 1440"):
        daily((window,))


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd", "/etc/passwd"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(BadInput, match="zone"):
        is_open(daily(NINE_TO_NINE), (zone,), 0)


@pytest.mark.parametrize("moment", [-1, 2**40])
def test_a_moment_out_of_range_is_refused(moment: int) -> None:
    with pytest.raises(BadInput, match="moment"):
        windows.local_hours((PARIS,), moment)
