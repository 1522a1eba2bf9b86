"""When a person may be reached: allowed hours, read in the person's own local time.

Rule: each limit (`Allowed`) lists the minutes of the local day in which contact is allowed, separately for
Monday to Friday, Saturday, Sunday and public holidays; a holiday's list replaces the list of its weekday.
A moment is open only if, in **every** zone the person may live in, the local time lies inside a window of
**every** limit. Windows are half-open: 09:00-18:00 contains 09:00 and not 18:00. An empty list is a closed
day. No limit at all: open. Limits but no zone: closed, because nobody can say what time it is there.

Moments are whole UTC seconds. Local time comes from the IANA time zone database, so that the hour a clock
change skips or repeats is read as people there read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from amana.errors import BadInput

Windows = tuple[tuple[int, int], ...]
"""Half-open `(start, end)` in minutes of the local day, 0 <= start < end <= 1440; past midnight, two."""

IsHoliday = Callable[[str, date], bool]
"""Whether a date is a public holiday in a place such as `FR` or `US-TX`."""

DAY_MINUTES = 1440
SEARCH_STEP = 15 * 60
"""Seconds between the moments that `next_open` tries; today every zone's offset is a multiple of it."""
SEARCH_SPAN = 14 * 86_400
"""Seconds ahead that `next_open` looks."""

_LAST_MOMENT = 253_402_128_000  # 9999-12-31: one day of room for zones east of UTC


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """One limit on hours, and the place whose public holidays it means.

    Errors: `BadInput` for an impossible window.
    """

    weekday: Windows  # Monday to Friday
    saturday: Windows
    sunday: Windows
    holiday: Windows
    place: str = ""  # "": this limit knows no public holidays

    def __post_init__(self) -> None:
        for start, end in (*self.weekday, *self.saturday, *self.sunday, *self.holiday):
            if not 0 <= start < end <= DAY_MINUTES:
                raise BadInput(
                    "A window of allowed hours is not possible",
                    expected="0 <= start < end <= 1440 minutes of the day",
                    got=f"{start} to {end}",
                    remedy="Write a window that passes midnight as two windows",
                )

    def on(self, day: date, is_holiday: IsHoliday) -> Windows:
        """The windows of one local date."""
        if self.place and is_holiday(self.place, day):
            return self.holiday
        weekday = day.weekday()
        return self.weekday if weekday < 5 else self.saturday if weekday == 5 else self.sunday


def open_at(allowed: Sequence[Allowed], zones: Sequence[str], at: int, is_holiday: IsHoliday) -> bool:
    """Whether every limit allows contact at `at` (UTC seconds) in every zone.

    Errors: `BadInput` for an unknown zone or a moment before 1970.
    """
    if not allowed:
        return True
    if not zones:
        return False
    return all(_open_on_clock(allowed, _local(zone, at), is_holiday) for zone in zones)


def next_open(allowed: Sequence[Allowed], zones: Sequence[str], at: int, is_holiday: IsHoliday) -> int | None:
    """The first UTC second, `at` or a later quarter of an hour, at which `open_at` is true.

    Looks fourteen days ahead; None if there is no such moment. A window that begins between two quarters is
    found at the next quarter, never early.
    """
    if open_at(allowed, zones, at, is_holiday):
        return at
    if not zones:
        return None
    first = (at // SEARCH_STEP + 1) * SEARCH_STEP
    for moment in range(first, at + SEARCH_SPAN + 1, SEARCH_STEP):
        if open_at(allowed, zones, moment, is_holiday):
            return moment
    return None


def local_hours(zones: Sequence[str], at: int) -> int:
    """The local hours it is now in these zones as a bit set: bit 0 is 00:00-00:59, bit 23 is 23:00-23:59."""
    mask = 0
    for zone in zones:
        mask |= 1 << _local(zone, at).hour
    return mask


def local_days(zones: Sequence[str], at: int) -> int:
    """The local days of the week it is now in these zones as a bit set: bit 0 is Monday, bit 6 is Sunday."""
    mask = 0
    for zone in zones:
        mask |= 1 << _local(zone, at).weekday()
    return mask


def _open_on_clock(allowed: Sequence[Allowed], local: datetime, is_holiday: IsHoliday) -> bool:
    minute = local.hour * 60 + local.minute
    day = local.date()
    return all(any(start <= minute < end for start, end in limit.on(day, is_holiday)) for limit in allowed)


def _local(zone: str, at: int) -> datetime:
    if not 0 <= at < _LAST_MOMENT:
        raise BadInput("A moment is out of range", expected="UTC seconds from 1970 to 9999", got=str(at))
    return datetime.fromtimestamp(at, _zone(zone))


def knows(zone: str) -> bool:
    """Whether this is a zone of the IANA time zone database."""
    try:
        return bool(_zone(zone))
    except BadInput:
        return False


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadInput(
            "A time zone is not known",
            expected="an IANA zone name such as Europe/Paris",
            got=repr(name),
            remedy="Take zone names from places.zones_of",
        ) from error
