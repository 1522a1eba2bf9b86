"""A date is never more exact than it was written."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana import errors
from amana.connectors.moments import Clock
from amana.core.statements import Interval

BERLIN = Clock("Europe/Berlin", ("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"))


def at(text: str, zone: str = "Europe/Berlin") -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("written", "lo", "hi"),
    [
        ("2024-05-01", "2024-05-01T00:00:00", "2024-05-01T23:59:59"),
        ("20240501", "2024-05-01T00:00:00", "2024-05-01T23:59:59"),
        ("01.05.2024", "2024-05-01T00:00:00", "2024-05-01T23:59:59"),
        ("01.05.2024 10:30", "2024-05-01T10:30:00", "2024-05-01T10:30:59"),
        ("01.05.2024 10:30:15", "2024-05-01T10:30:15", "2024-05-01T10:30:15"),
        ("2024-05-01 10:30", "2024-05-01T10:30:00", "2024-05-01T10:30:59"),
        ("2024-05-01T10:30:15.999", "2024-05-01T10:30:15", "2024-05-01T10:30:15"),
    ],
)
def test_a_text_names_the_interval_it_shows(written: str, lo: str, hi: str) -> None:
    assert BERLIN.read(written) == Interval(lo=at(lo), hi=at(hi))


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-01T08:30:15Z",
        "2024-05-01 08:30:15 UTC",
        "2024-05-01T10:30:15+02:00",
        "2024-05-01 08:30:15+00",
    ],
)
def test_an_offset_is_stronger_than_the_zone(written: str) -> None:
    assert BERLIN.read(written) == Interval(lo=at("2024-05-01T10:30:15"), hi=at("2024-05-01T10:30:15"))


def test_days_of_clock_changes_have_their_own_length() -> None:
    spring, autumn = BERLIN.read("2024-03-31"), BERLIN.read("2024-10-27")
    assert spring is not None
    assert autumn is not None
    assert (spring.hi - spring.lo + 1, autumn.hi - autumn.lo + 1) == (23 * 3600, 25 * 3600)


def test_an_hour_that_happens_twice_covers_both() -> None:
    found = BERLIN.read("2024-10-27 02:30:00")
    assert found is not None
    assert found.hi - found.lo == 3600


def test_a_text_that_two_formats_read_covers_both_readings() -> None:
    clock = Clock("UTC", ("%d/%m/%Y", "%m/%d/%Y"))
    assert clock.read("05/06/2024") == Interval(
        lo=at("2024-05-06", "UTC"), hi=at("2024-06-05T23:59:59", "UTC")
    )
    assert clock.read("25/06/2024") == Interval(
        lo=at("2024-06-25", "UTC"), hi=at("2024-06-25T23:59:59", "UTC")
    )


def test_epochs_are_read_where_they_are_declared() -> None:
    assert Clock("", ("epoch",)).read("1714552215") == Interval(lo=1714552215, hi=1714552215)
    assert Clock("", ("epoch_ms",)).read("1714552215999") == Interval(lo=1714552215, hi=1714552215)
    assert BERLIN.read("1714552215") is None


@pytest.mark.parametrize(
    "written", ["x", "0000-00-00", "2024-13-01", "9999-12-31", "2024-05", "10:30", "2024-W01-1", "٢٠٢٤"]
)
def test_what_is_no_date_is_none(written: str) -> None:
    assert BERLIN.read(written) is None


def test_a_local_time_without_a_zone_is_none() -> None:
    assert Clock("").read("2024-05-01 10:30:00") is None
    assert not Clock("").reads_local_times


@pytest.mark.parametrize("pattern", ["%d.%m", "%Y-%m", "%H:%M", "%y-%m-%d", "nonsense"])
def test_a_format_without_a_whole_day_is_refused(pattern: str) -> None:
    with pytest.raises(errors.BadInput, match="whole day"):
        Clock("UTC", (pattern,))


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(errors.BadInput, match="Europe/Berlin"):
        Clock("Mars/Olympus")


@given(moment=st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2090, 1, 1)))
def test_the_interval_holds_the_moment_it_was_written_for(moment: dt.datetime) -> None:
    zone = ZoneInfo("Europe/Berlin")
    seconds = int(moment.replace(tzinfo=zone, microsecond=0).timestamp())
    for text in (moment.isoformat(), moment.date().isoformat(), moment.strftime("%d.%m.%Y %H:%M")):
        found = BERLIN.read(text)
        assert found is not None
        assert found.lo <= seconds <= found.hi
