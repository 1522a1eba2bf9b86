"""Facts: what one question sees of a person's state. Evidence only, never law; plain integers, never null.

Rule. `project` reads one cell's facts off the state:

- Refusals of the cell and of every cell that covers it bind. A refusal is *active* unless the person's own
  confirmed grant for exactly this cell begins strictly after the refusal's latest moment.
- With an active or lifted refusal only own grants later than it can count; otherwise any grant. Of those one for the
  contact point in use counts before others, then one under a newer notice, then the one with the most proof, then
  the latest. A guardian's grant and the person's own are never mixed: those of whoever spoke last count.
- A request counts as pending when it began after the refusals and no grant counts.
- A grant given for another contact point than the current one does not match (a new address inherits nothing).
- Use and sharing of data stand in cells with a category, and need no contact point. A grant for a wider category counts
  for its parts; it lifts refusals of that width or wider, never the refusal of a part. While a part is refused, the
  whole is.
- The same names stand on one row (this NamedTuple) and on columns (arrays): a rule cannot tell the difference.

Times are UTC seconds, days count from 1970-01-01, NEVER (0) means "no such moment". All bit masks are integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from amana.core import cells
from amana.core import state as states
from amana.core.cells import CHANNEL_CODE, CHANNEL_OF_CODE, covering
from amana.core.state import GRANT, INVALIDATED, OBJECTED, REFUSED, REQUEST, WITHDRAWN, Claim, PersonState
from amana.core.vocabulary import POINT_OF_CHANNEL, Channel, PointKind, Proof

NEVER = 0
BORN_UNKNOWN = -(2**31)
BORN_UNREADABLE = 2**31 - 2  # a birth date was given and cannot be read: the person may be a child
ALL_HOURS = (1 << 24) - 1
ALL_DAYS = (1 << 7) - 1
NO_CAP = 32767
GUARDIAN = int(Proof.GUARDIAN)
FOR_EVER = 2**62
_POINT_OF_CODE: tuple[PointKind | None, ...] = tuple(
    POINT_OF_CHANNEL[CHANNEL_OF_CODE[code]] if code in CHANNEL_OF_CODE else None for code in range(256)
)


class Facts(NamedTuple):
    """One person's facts for one cell. The order is the order of the columns on disk."""

    # the person
    known: bool  # there is such a person
    regime: int  # key of the law that applies, joined to the plan
    restricted: bool
    suppressed: bool  # a suppression entry covers the address
    born: int  # latest day the person can have been born on, BORN_UNKNOWN if unknown
    paused_until: int
    hours: int  # local hours in which messages are welcome
    days: int  # weekdays, bit 0 Monday
    topics_off: int  # bits of the workspace's topics
    per_month: int  # the person's own limit in thirty days, NO_CAP if none
    # the contact point that the channel needs
    has_point: bool
    point_blocked: bool  # bounce, complaint: the address does not take messages
    never_target: bool  # postmaster, abuse, no-reply … (RFC 2142 and the like)
    registry_hits: int  # bits of the do-not-call registries that list the number
    # the cell
    objected: bool
    withdrawn: bool
    refused: bool
    invalidated: bool
    requested: bool
    lifted: bool  # an own grant lifted refusals: it counts only from its own moment on
    granted: bool
    granted_at: int  # earliest moment of the grant that counts
    granted_by: int  # its latest moment
    proof: int
    notice: int  # material epoch of the notice shown
    point_matches: bool  # the grant was given for the current contact point
    sale_at: int  # evidence of other bases: when, and which checks were met
    sale_proof: int
    interest_at: int
    interest_proof: int
    relationship_at: int
    relationship_proof: int
    published_at: int
    published_proof: int
    # contacts in the trailing windows, from the sends table
    sent_day: int
    sent_week: int
    sent_month: int
    held: bool = False  # known through bought lists without papers alone, and no grant is their own


class PersonFacts(NamedTuple):
    """The first group of `Facts`, the same for every cell."""

    known: bool
    regime: int
    restricted: bool
    suppressed: bool
    born: int
    paused_until: int
    hours: int
    days: int
    topics_off: int
    per_month: int


class Topics:
    """Bits of the workspace's topics, in order of first appearance."""

    def __init__(self, names: list[str]) -> None:
        self._bit = {name: 1 << index for index, name in enumerate(names)}

    def mask(self, names: str) -> int:
        """The bits of space-separated topic names; names no longer known have none."""
        return sum(self._bit.get(name, 0) for name in names.split())


def person_facts(
    state: PersonState, regime: int, born: int, *, suppressed: bool, topics: Topics
) -> PersonFacts:
    """The facts that belong to the person. `regime` and `born` are derived by the caller (`person.py`)."""
    choices = state.choices
    if not choices:
        return PersonFacts(
            True, regime, _restricted(state), suppressed, born, NEVER, ALL_HOURS, ALL_DAYS, 0, NO_CAP
        )

    def chosen(name: str, otherwise: int) -> int:
        value = choices.get(name)
        return int(value.value) if value else otherwise

    off = choices.get("topics_off")
    return PersonFacts(
        True,
        regime,
        _restricted(state),
        suppressed,
        born,
        chosen("paused_until", NEVER),
        chosen("hours", ALL_HOURS),
        chosen("days", ALL_DAYS),
        topics.mask(off.value) if off else 0,
        min(NO_CAP, chosen("per_month", NO_CAP)),
    )


def _restricted(state: PersonState) -> bool:
    return state.restricted >= 0 and state.restricted >= state.unrestricted


def project(
    state: PersonState,
    cell: int,
    person: PersonFacts,
    *,
    never_target_flag: int,
    registry_hits: int = 0,
    sent: tuple[int, int, int] = (0, 0, 0),
) -> Facts:
    """The facts of one person for one cell. See the module's rule."""
    return project_with_grant(
        state, cell, person, never_target_flag=never_target_flag, registry_hits=registry_hits, sent=sent
    )[0]


def project_with_grant(
    state: PersonState,
    cell: int,
    person: PersonFacts,
    *,
    never_target_flag: int,
    registry_hits: int = 0,
    sent: tuple[int, int, int] = (0, 0, 0),
) -> tuple[Facts, Claim | None]:
    """The facts, and the grant that counts (`counting_grant`), which is found on the way."""
    ordinal, has_point, blocked, never_target = _point(state, _POINT_OF_CODE[cell & 0xFF], never_target_flag)
    refusals, refused_until, claims = _said(state, cell)
    grant = _grant(claims, refused_until, ordinal)
    if grant is not None:  # an own, later, confirmed grant lifts what came before it
        refusals = 0 if refused_until is not None else refusals
    pending = grant is None and _pending(claims, refused_until)
    evidence = _evidence(state, cell)
    found = Facts(
        *person,
        has_point,
        blocked,
        never_target,
        registry_hits,
        bool(refusals & 1 << OBJECTED),
        bool(refusals & 1 << WITHDRAWN),
        bool(refusals & 1 << REFUSED),
        bool(refusals & 1 << INVALIDATED),
        pending,
        grant is not None and refused_until is not None,
        grant is not None,
        grant.lo if grant else NEVER,
        grant.hi if grant else NEVER,
        grant.proof if grant else 0,
        grant.epoch if grant else 0,
        grant is None or grant.point in (-1, ordinal),
        *evidence,
        *sent,
        is_held(state),
    )
    return found, grant


def current_point(state: PersonState, channel: Channel) -> int:
    """Ordinal of the contact point in use for a channel, -1 if there is none or the channel needs none."""
    return _point(state, POINT_OF_CHANNEL[channel], 0)[0]


def is_pending(state: PersonState, cell: int) -> bool:
    """Whether a request for this cell waits for its confirmation."""
    _, until, claims = _said(state, cell)
    return _pending(claims, until)


def counting_grant(state: PersonState, cell: int) -> Claim | None:
    """The grant that counts for a cell, as evidence for the answer."""
    _, until, claims = _said(state, cell)
    return _grant(claims, until, _in_use(state, cell))


def nobody(regime: int, *, suppressed: bool) -> Facts:
    """The facts of an address that belongs to nobody known: neutral but for `known` and `suppressed`."""
    person = PersonFacts(
        False, regime, False, suppressed, BORN_UNKNOWN, NEVER, ALL_HOURS, ALL_DAYS, 0, NO_CAP
    )
    empty = PersonState()
    any_cell = 1 << 24 | 1 << 8 | CHANNEL_CODE[Channel.ADS_AUDIENCE]
    return project(empty, any_cell, person, never_target_flag=0)


def is_held(state: PersonState) -> bool:
    """Whether only bought lists without papers know the person: nothing vouches, and no grant is their own."""
    if not state.held or state.vouched:
        return False
    return not any(claim.own and claim.kind == GRANT for claims in state.cells.values() for claim in claims)


def binding_refusals(state: PersonState, cell: int) -> list[Claim]:
    """The refusals that bind a cell now, latest first; empty when an own grant lifted them."""
    _, until, claims = _said(state, cell)
    if until is None or _grant(claims, until, _in_use(state, cell)) is not None:
        return []
    places = _bound_by(state, cell) if cells.is_handling(cell) else covering(cell)
    found = [claim for place in places for claim in state.cells.get(place, ()) if claim.kind >= REFUSED]
    return sorted(set(found), key=Claim.rank, reverse=True)


_Claims = list[Claim] | tuple[Claim, ...]


def _said(state: PersonState, cell: int) -> tuple[int, int | None, _Claims]:
    """Bit set of the kinds of refusal that bind the cell, the latest moment any of them may have been made, and the
    claims among which a grant is looked for.
    """
    if cell & 0xFF >= cells.ANY_USE:
        return _said_of_data(state, cell)
    kinds, until = _refusals(state, covering(cell))
    return kinds, until, state.cells.get(cell, ())


def _refusals(state: PersonState, places: Iterable[int]) -> tuple[int, int | None]:
    kinds, until = 0, None
    held = state.cells
    for place in places:
        for claim in held.get(place, ()):
            if claim.kind >= REFUSED:
                kinds |= 1 << claim.kind
                if until is None or claim.hi > until:
                    until = claim.hi
    return kinds, until


def _said_of_data(state: PersonState, cell: int) -> tuple[int, int | None, _Claims]:
    """The same for a cell of use or sharing."""
    wider = [place for place in state.cells if cells.binds(place, cell)]
    kinds, until = _refusals(state, wider)
    refused = [place for place in wider if _refuses(state, place)]
    narrowest = max((cells.depth(cells.category_of(place)) for place in refused), default=0)
    claims = [
        claim
        for place in state.cells
        if cells.carries(place, cell) and cells.depth(cells.category_of(place)) >= narrowest
        for claim in state.cells[place]
    ]
    for place in _refused_parts(state, cell):
        kinds |= _refusals(state, [place])[0]
        until = FOR_EVER
    return kinds, until, claims


def _refused_parts(state: PersonState, cell: int) -> list[int]:
    """The refused cells of parts of the cell's category that no grant for the part lifted: they hold for the whole."""
    return [
        place
        for place in state.cells
        if cells.is_part(place, cell)
        and _refuses(state, place)
        and not _is_lifted(state, cells.at_category(cell, cells.category_of(place)))
    ]


def _is_lifted(state: PersonState, cell: int) -> bool:
    _, until, claims = _said_of_data(state, cell)
    return _grant(claims, until, -1) is not None


def _bound_by(state: PersonState, cell: int) -> list[int]:
    return [place for place in state.cells if cells.binds(place, cell)] + _refused_parts(state, cell)


def _refuses(state: PersonState, place: int) -> bool:
    return any(claim.kind >= REFUSED for claim in state.cells[place])


def _in_use(state: PersonState, cell: int) -> int:
    """Ordinal of the contact point in use for a cell's channel, -1 if there is none or the cell names none."""
    channel = CHANNEL_OF_CODE.get(cell & 0xFF)
    return -1 if channel is None else current_point(state, channel)


def _grant(claims: _Claims, refused_until: int | None, in_use: int) -> Claim | None:
    counting = [
        claim
        for claim in claims
        if claim.kind == GRANT and (refused_until is None or (claim.own and claim.lo > refused_until))
    ]
    if len(counting) < 2:
        return counting[0] if counting else None
    counting = _of_who_spoke_last(counting)

    def rank(claim: Claim) -> tuple[bool, int, int, int, bytes]:
        return claim.point in (-1, in_use), claim.epoch, claim.proof.bit_count(), claim.lo, claim.event

    return max(counting, key=rank, default=None)


def _of_who_spoke_last(grants: list[Claim]) -> list[Claim]:
    """A guardian's grant and the young person's own are never mixed: those of whoever spoke last count."""
    last = max(grants, key=lambda claim: (claim.lo, claim.event)).proof & GUARDIAN
    return [claim for claim in grants if claim.proof & GUARDIAN == last]


def _pending(claims: _Claims, refused_until: int | None) -> bool:
    return any(
        claim.kind == REQUEST and (refused_until is None or claim.lo > refused_until) for claim in claims
    )


def _point(state: PersonState, kind: PointKind | None, never_target: int) -> tuple[int, bool, bool, bool]:
    """Ordinal, presence, block and never-target of the person's current contact point of a kind.

    The current one is the latest added; ties go to the higher ordinal. A channel that needs no point has one.
    """
    if kind is None:
        return -1, True, False, False
    code = states.POINT_KIND_CODE[kind]
    current = -1
    for ordinal, point in state.points.items():
        if point.kind == code and (
            current < 0 or (point.added, ordinal) > (state.points[current].added, current)
        ):
            current = ordinal
    if current < 0:
        return -1, False, False, False
    point = state.points[current]
    blocked = point.blocked >= 0 and point.blocked >= point.unblocked
    return current, True, blocked, bool(point.flags & never_target)


def _evidence(state: PersonState, cell: int) -> tuple[int, int, int, int, int, int, int, int]:
    shown = state.shown.get(cell & ~cells.PROCESSOR)
    if not shown:
        return (0, 0, 0, 0, 0, 0, 0, 0)
    best: list[states.Shown | None] = [None, None, None, None]
    for one in shown:
        held = best[one.basis]
        if held is None or (one.proof.bit_count(), *one.rank()) > (held.proof.bit_count(), *held.rank()):
            best[one.basis] = one
    flat = [part for one in best for part in ((one.at, one.proof) if one else (NEVER, 0))]
    return (flat[0], flat[1], flat[2], flat[3], flat[4], flat[5], flat[6], flat[7])
