"""Requests: what a person may ask of us, the way a request goes, and until when it must be answered.

Rule.
- Kinds are those of GDPR art. 15 to 22, with withdrawal of everything (art. 7(3)) beside them.
- A request goes `received -> verifying -> ready -> running -> answered`; it may wait for a person to decide
  (`deciding`), and ends as `answered`, `refused` or `cancelled`. Only the moves in `MOVES` exist. It is never
  answered while a step of it is not done or a verification found something, unless the person was erased meanwhile.
- The clock starts with receipt. It is the shortest of the deadlines of the countries whose law applies; a country
  without a modelled one counts as one month (the strictest common rule). It may be extended once, before it is due,
  by what the country gives. Where a country's pack says so, whole days of waiting for a proof of identity do not count,
  if it was asked for within `PROMPT` of receipt: our reading of "without undue delay" (EDPB Guidelines 01/2022, 157-159).
- Proof of identity is in proportion: what changes nothing for the worse needs the claim alone (withdrawal,
  objection); what shows or destroys needs control of an address on record, freshly proved (art. 12(6), recital 64).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, IntEnum

import msgspec

from amana.core.pack_values import Deadline, Period


class Kind(Enum):
    """What is asked."""

    ACCESS = "access"  # art. 15
    RECTIFICATION = "rectification"  # art. 16
    ERASURE = "erasure"  # art. 17
    RESTRICTION = "restriction"  # art. 18
    OBJECTION = "objection"  # art. 21
    PORTABILITY = "portability"  # art. 20
    WITHDRAWAL = "withdrawal"  # art. 7(3), of everything


class Status(Enum):
    """How far a request is, in words that a person can read in their language."""

    RECEIVED = "received"
    VERIFYING = "verifying"  # waiting for proof of who asks
    DECIDING = "deciding"  # a person of ours decides: duplicate, excessive, third parties
    READY = "ready"
    RUNNING = "running"
    ANSWERED = "answered"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Via(Enum):
    """Where a request came in."""

    CENTRE = "centre"
    API = "api"
    MAIL = "mail"
    STAFF = "staff"
    OPENDSR = "opendsr"


class Asker(Enum):
    """Who asks."""

    PERSON = "person"
    GUARDIAN = "guardian"
    AGENT = "agent"


class Identity(IntEnum):
    """What was proved about who asks; each level includes those below."""

    CLAIMED = 0  # somebody says so
    CONTROLLED = 1  # holds the token of a message to an address on record
    STEPPED_UP = 2  # proved an address on record now
    CHECKED = 3  # a person of ours checked papers; nothing of them is kept


MOVES: dict[Status, frozenset[Status]] = {
    Status.RECEIVED: frozenset({Status.VERIFYING, Status.DECIDING, Status.READY, Status.CANCELLED}),
    Status.VERIFYING: frozenset(
        {Status.DECIDING, Status.READY, Status.REFUSED, Status.CANCELLED, Status.ANSWERED}
    ),
    Status.DECIDING: frozenset(
        {
            Status.VERIFYING,
            Status.READY,
            Status.RUNNING,
            Status.REFUSED,
            Status.CANCELLED,
            Status.ANSWERED,
        }
    ),
    Status.READY: frozenset(
        {Status.RUNNING, Status.DECIDING, Status.REFUSED, Status.CANCELLED, Status.ANSWERED}
    ),
    Status.RUNNING: frozenset({Status.ANSWERED, Status.DECIDING}),
    Status.ANSWERED: frozenset(),
    Status.REFUSED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""Which statuses follow one. Without a run a request is answered only because the person is erased already."""
ENDED = frozenset({Status.ANSWERED, Status.REFUSED, Status.CANCELLED})

NEEDED: dict[Kind, Identity] = {
    Kind.ACCESS: Identity.STEPPED_UP,
    Kind.RECTIFICATION: Identity.STEPPED_UP,
    Kind.ERASURE: Identity.STEPPED_UP,
    Kind.PORTABILITY: Identity.STEPPED_UP,
    Kind.RESTRICTION: Identity.CONTROLLED,
    Kind.OBJECTION: Identity.CLAIMED,
    Kind.WITHDRAWAL: Identity.CLAIMED,
}
"""The proof that a kind needs."""

USUAL = Period(months=1)
"""Where no country says anything that can be counted."""
USUAL_CITATION = "GDPR art.12(3), taken where no law is modelled"
"""What stands for the usual month in the record; whoever reads it is told in a sentence of their language."""
REMIND_BEFORE = timedelta(days=7)
PROMPT = timedelta(days=3)
"""A proof asked for within this time of receipt was asked for without undue delay."""
WEEKEND = frozenset(
    {5, 6}
)  # Saturday and Sunday; working days of a country are as its pack says, where it does


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Until when a request must be answered, and why."""

    at: int  # UTC seconds, the end of the last day
    country: str  # whose law gives this day; "" for the usual month
    citation: str


def due(
    received: int,
    deadlines: Sequence[tuple[str, Deadline | None]],
    *,
    extended: bool = False,
    waited: int = 0,
    pausing: Collection[str] = (),
) -> Due:
    """The earliest end of these countries' deadlines for something received at `received` (UTC seconds).

    One entry for each country whose law applies; None where its pack has no deadline for requests. In the countries of
    `pausing`, `waited` days do not count.
    """
    start = datetime.fromtimestamp(received, UTC).date()
    found = [
        Due(
            at=_end_of(_last_day(start, deadline, extended) + timedelta(days=waited * (country in pausing))),
            country=country,
            citation=deadline.citation,
        )
        if deadline is not None and _countable(deadline)
        else Due(at=_end_of(USUAL.after(start)), country="", citation=USUAL_CITATION)
        for country, deadline in deadlines or (("", None),)
    ]
    return min(found, key=lambda one: (one.at, one.country))


def waited(received: int, asked: int, proved: int) -> int:
    """The whole days in which a proof was waited for, 0 where it was asked for late. UTC seconds."""
    prompt = asked - received <= PROMPT.total_seconds()
    return max(0, proved - asked) // int(timedelta(days=1).total_seconds()) if prompt else 0


def can_extend(deadlines: Sequence[tuple[str, Deadline | None]]) -> bool:
    """Whether every country whose law applies knows an extension."""
    return bool(deadlines) and all(one is not None and one.extension is not None for _, one in deadlines)


def _countable(deadline: Deadline) -> bool:
    return deadline.within is not None or deadline.working_days is not None or deadline.hours is not None


def _last_day(start: date, deadline: Deadline, extended: bool) -> date:
    if deadline.within is not None:
        last = deadline.within.after(start)
    elif deadline.working_days is not None:
        last = _working(start, deadline.working_days)
    else:
        last = start + timedelta(hours=deadline.hours or 0)
    return deadline.extension.after(last) if extended and deadline.extension is not None else last


def _working(start: date, days: int) -> date:
    """The day after so many working days; holidays are not counted off, which only makes it earlier."""
    last = start
    while days > 0:
        last += timedelta(days=1)
        days -= last.weekday() not in WEEKEND
    return last


def _end_of(day: date) -> int:
    return int(datetime.combine(day, time(23, 59, 59), UTC).timestamp())
