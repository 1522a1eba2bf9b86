"""The lives of purposes: for which of them there still is a ground to hold somebody's data, and since when not.

Rule.
- A purpose *lives* for a person where, for one of its brands and channels, contact is allowed, or there is a grant or
  other evidence that no No and no age undoes: what only the hour, a full inbox or a missing address stops lives on. A
  request for confirmation counts for `PENDING`.
- It *ended* where it does not live and somebody said No, or the consent grew older than the law lets it be.
- A purpose that nobody ever said anything about does neither: only time takes what was held for it.
- A registered field goes when one of its purposes ended and none lives, or when its `kept_for` is over. That runs from
  the person's last word for it: the latest grant, evidence or value. Where there is none, nobody can say it is over.
- Somebody for whom nothing lives is forgotten once everything they ever said is older than the workspace keeps proof
  (GDPR art. 17(3)(e)). Whoever's processing is restricted keeps everything (art. 18(1)(c)).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import msgspec

from amana.core import state as states
from amana.core.cells import PROCESSOR
from amana.core.pack_values import period
from amana.core.state import GRANT, REQUEST, PersonState
from amana.core.workspace import Field
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record.house import House

PENDING = 90 * 86_400  # seconds
ENDED = frozenset({"suppressed", "objected", "withdrawn", "refused", "invalidated", "consent_expired"})
"""Reasons of the rule book that end a purpose; every other is a circumstance, or says that nothing was ever said."""
BORN = "birth"  # the coarse column of a birth date


class Lives(msgspec.Struct, frozen=True, kw_only=True):
    """What lives and what ended for one person. Times are UTC seconds, 0 for none."""

    living: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    last: dict[str, int] = {}  # purpose -> the last word for it
    newest: int = 0  # the newest of everything that is known of them
    restricted: bool = False


def of(gate: Gate, person: int, state: PersonState) -> Lives:
    """The lives of every purpose for one person."""
    house = gate.house
    living, ended, last = set[str](), set[str](), dict[str, int]()
    for name, purpose in house.workspace.purposes.items():
        alive = over = False
        for brand in house.workspace.brands:
            for channel in purpose.channels:
                cell = gate.terms.cell(brand, name, channel.value)
                words = list(_words(state, cell))
                last[name] = max([last.get(name, 0), *(at for _, at in words)])
                lives, ends = _stands(
                    gate, person, Inquiry(brand=brand, purpose=name, channel=channel), words
                )
                alive, over = alive or lives, over or ends
        if alive:
            living.add(name)
        elif over:
            ended.add(name)
    return Lives(
        living=frozenset(living),
        ended=frozenset(ended),
        last=last,
        newest=max(_moments(state), default=0),
        restricted=state.restricted >= 0 and state.restricted >= state.unrestricted,
    )


def _stands(gate: Gate, person: int, inquiry: Inquiry, words: list[tuple[int, int]]) -> tuple[bool, bool]:
    """Whether a purpose lives by one brand and channel, and whether it ended by them."""
    answer = gate.ask(person, inquiry)
    codes = {reason.code for reason in answer.reasons}
    if codes & ENDED:
        return False, True
    pending = gate.house.clock() - PENDING
    return answer.allow or any(kind != REQUEST or at > pending for kind, at in words), False


def _words(state: PersonState, cell: int) -> Iterator[tuple[int, int]]:
    """What speaks for a cell: kind and moment."""
    for claim in state.cells.get(cell, ()):
        if claim.kind in (GRANT, REQUEST):
            yield claim.kind, claim.lo
    for shown in state.shown.get(cell & ~PROCESSOR, ()):
        yield GRANT, shown.at


def _moments(state: PersonState) -> Iterator[int]:
    """Every moment of which something is known, but of what was emptied."""
    yield from (claim.hi for claims in state.cells.values() for claim in claims)
    yield from (shown.at for shown in (one for many in state.shown.values() for one in many))
    yield from (value.at for values in state.attributes.values() for value in values if value.value)
    yield from (value.at for value in state.choices.values())
    yield from (moment for point in state.points.values() for moment in (point.added, point.verified))


def field_goes(house: House, name: str, state: PersonState, lives: Lives) -> str:
    """Why a registered field of somebody goes: `ended`, `over`, or "" if it stays."""
    field = house.workspace.fields[name]
    if lives.restricted:
        return ""
    if _over(field.kept_for, _last_word(name, field, state, lives), house.clock()):
        return "over"
    touched = any(one in lives.ended for one in field.purposes)
    return "ended" if touched and not any(one in lives.living for one in field.purposes) else ""


def is_forgotten(house: House, lives: Lives) -> bool:
    """Whether nothing keeps somebody here any more."""
    if lives.living or lives.restricted:
        return False
    return _over(house.workspace.retention.forget_after, lives.newest, house.clock())


def columns_of(name: str, field: Field) -> tuple[str, ...]:
    """The column attributes that a registered field stands in."""
    if field.means == "birth_date":
        return (BORN,)
    return (field.means or name,) if field.hold.value == "column" else ()


def _last_word(name: str, field: Field, state: PersonState, lives: Lives) -> int:
    values = [
        value.at for one in columns_of(name, field) for value in state.attributes.get(one, ()) if value.value
    ]
    return max([*values, *(lives.last.get(one, 0) for one in field.purposes)], default=0)


def _over(span: str, since: int, now: int) -> bool:
    """Whether the last day of a span is past; one without a beginning is never over."""
    if since <= 0:
        return False
    try:
        last = period(span).after(_day(since))
    except (ValueError, OverflowError):
        return False
    return last < _day(now)


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def holds(state: PersonState, name: str, field: Field, sealed: frozenset[str]) -> bool:
    """Whether a value of a registered field stands here; `sealed` are the sealed fields that are not empty."""
    return name in sealed or any(states.attribute(state, one) for one in columns_of(name, field))
