"""Grounds: which fields of a row may go on a day, and by what right the others stay.

Rule.
- A `Keep` of a collection is a ground against erasure (GDPR art. 17(3)). It lives until its span after the row's own
  date is over, that day included; without a span it lives as long as it is declared. Where the row has no readable
  date nobody can say that it ended: it lives, and says so, for a person to decide.
- Erasure (art. 17(1)): every personal field goes, except those that a living ground covers. A ground covers a field,
  what is inside it, and so an object that holds it: of such an object the other parts go by themselves.
- A ground that ended (a purpose withdrawn, art. 7(3), or retention over, art. 5(1)(e)) takes only the fields it held
  and no other holds: another living purpose of the field, where its retention is not over, or a living `Keep`.
- A field's purposes are its own, else those of the object it stands in, else the collection's, else the system's;
  retention likewise. Where the row has no readable date, retention is not over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection as Gathered
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

import msgspec

from amana.core import nested, traversal
from amana.core.data_map import Collection, Field, Keep, Plain, Row
from amana.core.pack_values import period

_NUMBER = (int, float)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A field that stays, and by what right."""

    path: str
    ground: str
    citation: str
    words: str = ""
    until: date | None = None  # the last day; None: as long as it is declared, or nobody can say
    dated: bool = True  # False: the ground ends, and the row does not say since when it runs


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What of a row may go today, and what stays."""

    goes: tuple[Field, ...]
    kept: tuple[Kept, ...]  # one for each field and ground

    @property
    def whole(self) -> bool:
        """Whether nothing keeps any of it, so that the row itself may go."""
        return not self.kept


class Living(msgspec.Struct, frozen=True, kw_only=True):
    """A ground that speaks today."""

    keep: Keep
    until: date | None
    dated: bool


def living(collection: Collection, row: Row, today: date) -> tuple[Living, ...]:
    """The grounds of a collection that live for this row today."""
    found = (_life(keep, row) for keep in collection.keeps)
    return tuple(one for one in found if one.until is None or today <= one.until)


def erasure(
    collection: Collection, row: Row, today: date, categories: Gathered[str] = (traversal.PERSONAL,)
) -> Verdict:
    """What of a row goes when its person asks for erasure of these categories."""
    grounds = living(collection, row, today)
    wanted = traversal.chosen(collection, categories)
    return _verdict(collection, wanted, grounds)


def ended(
    collection: Collection,
    row: Row,
    *,
    ended: Gathered[str],
    living_purposes: Gathered[str],
    today: date,
    purposes: tuple[str, ...] = (),
) -> Verdict:
    """What of a row goes when these purposes ended for its person, or its retention is over.

    `living_purposes` are those that still hold for the person, `purposes` those of the system.
    """
    grounds = living(collection, row, today)
    goes = []
    for field in _parts(collection):
        chain = _chain(collection, field)
        own = next((one.purposes for one in chain if one.purposes), collection.purposes or purposes)
        span = next((one.kept_for for one in chain if one.kept_for), collection.kept_for)
        over = _over(span, collection.kept_since, row, today)
        touched = over or any(one in ended for one in own)
        held = not over and any(one in living_purposes and one not in ended for one in own)
        if touched and not held:
            goes.append(field)
    return _verdict(collection, goes, grounds)


def _life(keep: Keep, row: Row) -> Living:
    if not keep.kept_for:
        return Living(keep=keep, until=None, dated=True)
    since = latest(row, keep.since)
    until = None if since is None else _last_day(keep.kept_for, since)
    return Living(keep=keep, until=until, dated=since is not None)


def latest(row: Row, path: str) -> date | None:
    """The latest day at a path; None where one of its values is no day, or there is none."""
    days = [day_of(value) for value in nested.values(row, path)] if path else []
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


def day_of(value: Plain) -> date | None:
    """The day of an ISO 8601 date or moment, or of UTC seconds; None for anything else."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).date()
        except ValueError:
            return None
    if isinstance(value, _NUMBER) and not isinstance(value, bool) and 0 < value < 253_402_300_800:
        return date(1970, 1, 1) + timedelta(seconds=int(value))
    return None


def _over(span: str, path: str, row: Row, today: date) -> bool:
    """Whether retention is over: the last day of its span is past. Without a readable date nobody can say so."""
    since = latest(row, path) if span else None
    return since is not None and _last_day(span, since) < today


def _last_day(span: str, since: date) -> date:
    """The last day of a span; a span beyond the calendar does not end."""
    try:
        return period(span).after(since)
    except (ValueError, OverflowError):
        return date.max


def _parts(collection: Collection) -> Iterator[Field]:
    """The personal fields; an object in its parts where one of them has purposes or retention of its own."""
    for field in traversal.chosen(collection, (traversal.PERSONAL,)):
        yield from _finest(collection, field)


def _finest(collection: Collection, field: Field) -> Iterator[Field]:
    inside = [one for one in collection.fields if one.path.startswith(field.path + ".")]
    if any(one.purposes or one.kept_for for one in inside):
        for one in _children(collection, field):
            yield from _finest(collection, one)
    else:
        yield field


def _children(collection: Collection, field: Field) -> list[Field]:
    start = field.path + "."
    return [
        one
        for one in collection.fields
        if one.path.startswith(start) and "." not in one.path.removeprefix(start)
    ]


def _chain(collection: Collection, field: Field) -> list[Field]:
    """The field and the objects it stands in, the nearest first."""
    above = [one for one in collection.fields if field.path.startswith(one.path + ".")]
    return [field, *sorted(above, key=lambda one: -len(one.path))]


def _verdict(collection: Collection, fields: Iterable[Field], grounds: tuple[Living, ...]) -> Verdict:
    goes: list[Field] = []
    kept: list[Kept] = []
    waiting = deque(fields)
    while waiting:
        field = waiting.popleft()
        holding = [one for one in grounds if _holds(one.keep, field.path)]
        if holding:
            kept += (_kept(field.path, one) for one in holding)
        elif any(path.startswith(field.path + ".") for one in grounds for path in one.keep.fields):
            waiting.extendleft(reversed(_children(collection, field)))
        else:
            goes.append(field)
    return Verdict(goes=tuple(goes), kept=tuple(kept))


def _holds(keep: Keep, path: str) -> bool:
    """Whether a ground covers the field at a path."""
    return not keep.fields or any(path == one or path.startswith(one + ".") for one in keep.fields)


def _kept(path: str, one: Living) -> Kept:
    return Kept(
        path=path,
        ground=one.keep.ground,
        citation=one.keep.citation,
        words=one.keep.words,
        until=one.until,
        dated=one.dated,
    )
