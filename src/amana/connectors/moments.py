"""Dates and times as exports write them, read into intervals of UTC seconds.

Rule: a text names an interval, never more exactly than it is written: a bare date is the whole day in the
source's zone, a time without seconds is the whole minute, and a local hour that a clock change repeats or
skips covers both readings. A text that several declared formats can read covers all readings. ISO 8601 is
read when no declared format fits. A time without an offset needs the source's zone; there is no default,
because most exports are written in the account's zone and do not say so.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from amana import errors
from amana.core.statements import Interval

EPOCHS = {"epoch": 1, "epoch_ms": 1_000}
_NEEDED = ("%Y", "%d")
_MONTHS = ("%m", "%b", "%B")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?P<seconds>:\d{2}([.,]\d{1,9})?)?")
_OFFSET = re.compile(r" ?(UTC|GMT|Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$")
_PARTIAL = re.compile(r"(18|19|20|21)\d\d(-(0[1-9]|1[0-2]))?")
_DAY = dt.timedelta(days=1)


class Clock:
    """Reads one source's dates: its zone and the formats it declares.

    Raises:
        BadInput: the zone is unknown, or a format leaves out year, month or day.
    """

    def __init__(self, zone: str, formats: Sequence[str] = ()) -> None:
        self._zone = _zone(zone) if zone else None
        for each in formats:
            _check_format(each)
        self._formats = tuple(formats)
        self.read = lru_cache(maxsize=8_192)(self._read)

    @property
    def reads_local_times(self) -> bool:
        """False when a time without an offset could not be read."""
        return self._zone is not None or (bool(self._formats) and all(map(_is_absolute, self._formats)))

    def day(self, text: str) -> str | None:
        """The calendar day that `text` names where it was written, as `YYYY-MM-DD`; None when it names none, or two.

        A year, or a year and month, stay as they are (`1984`, `1984-05`): nothing is made more exact. No zone is needed.
        """
        days = {
            found.date().isoformat()
            for each in self._formats
            if each not in EPOCHS and (found := _moment(text, each)) is not None
        }
        if len(days) == 1:
            return days.pop()
        if days:
            return None
        if _PARTIAL.fullmatch(text):
            return text
        if not (_DATE.fullmatch(text) or _TIME.fullmatch(_OFFSET.sub("", text))):
            return None
        try:
            return dt.date.fromisoformat(text[:10] if "-" in text else text).isoformat()
        except ValueError:
            return None

    def _read(self, text: str) -> Interval | None:
        """The interval that `text` (trimmed, not empty) names, or None when it is no date."""
        readings = [found for each in self._formats if (found := self._by_format(text, each))]
        if not readings and (iso := self._iso(text)):
            readings = [iso]
        if not readings:
            return None
        return Interval(lo=min(each.lo for each in readings), hi=max(each.hi for each in readings))

    def _by_format(self, text: str, pattern: str) -> Interval | None:
        if pattern in EPOCHS:
            whole = text.removesuffix(".0")
            if not whole.isascii() or not whole.isdigit() or len(whole) > 14:
                return None
            return Interval(lo=int(whole) // EPOCHS[pattern], hi=int(whole) // EPOCHS[pattern])
        moment = _moment(text, pattern)
        return None if moment is None else self._spanning(moment, _width(pattern))

    def _iso(self, text: str) -> Interval | None:
        try:
            if _DATE.fullmatch(text):
                day = dt.date.fromisoformat(text)
                return self._spanning(dt.datetime.combine(day, dt.time()), _DAY)
            bare = _OFFSET.sub("", text)
            shape = _TIME.fullmatch(bare)
            if not shape:
                return None
            offset = text[len(bare) :].strip().replace("UTC", "Z").replace("GMT", "Z")
            moment = dt.datetime.fromisoformat(bare.replace(",", ".") + offset)
        except ValueError:
            return None
        return self._spanning(moment, dt.timedelta(seconds=1 if shape["seconds"] else 60))

    def _spanning(self, moment: dt.datetime, width: dt.timedelta) -> Interval | None:
        """From the earliest reading of the moment to just before the latest of the moment one width later."""
        if moment.tzinfo is None and self._zone is None:
            return None
        try:
            after = moment.replace(microsecond=0) + width
            low = min(self._seconds(moment, fold) for fold in (0, 1))
            high = max(self._seconds(after, fold) for fold in (0, 1)) - 1
        except (OverflowError, ValueError):
            return None
        return Interval(lo=low, hi=high)

    def _seconds(self, moment: dt.datetime, fold: int) -> int:
        aware = moment if moment.tzinfo else moment.replace(tzinfo=self._zone, fold=fold)
        return int(aware.timestamp() // 1)


def _moment(text: str, pattern: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text, pattern)  # noqa: DTZ007 (the zone, if one is needed, is added later)
    except ValueError:
        return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise errors.BadInput(
            "The time zone is unknown", expected="an IANA name such as Europe/Berlin or UTC", got=name
        ) from None


def _check_format(pattern: str) -> None:
    if pattern in EPOCHS:
        return
    if not all(each in pattern for each in _NEEDED) or not any(each in pattern for each in _MONTHS):
        raise errors.BadInput(
            "A date format does not name a whole day",
            expected=f"%Y, %d and one of {', '.join(_MONTHS)}, or one of {', '.join(EPOCHS)}",
            got=pattern,
        )


def _is_absolute(pattern: str) -> bool:
    return pattern in EPOCHS or "%z" in pattern


def _width(pattern: str) -> dt.timedelta:
    if "%S" in pattern or "%T" in pattern:
        return dt.timedelta(seconds=1)
    if "%M" in pattern:
        return dt.timedelta(minutes=1)
    return dt.timedelta(hours=1) if "%H" in pattern or "%I" in pattern else _DAY
