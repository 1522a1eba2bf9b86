"""The state of one person, and `fold`, which makes it from events.

Rule. State keeps, for each cell, source and contact point, the strongest claim of each class (grant, request, unknown
and the four refusals); for each attribute and source the latest value; for each contact point what is known of it.
Every part is a maximum over a total order, so folding is a join: events may come in any order, twice, or in
batches, and the result is the same (a property test holds this). Nothing is decided here: which claim prevails
is read off by `facts`.

- A refusal is never removed by another event; a later own grant only outranks it when facts are read.
- A retraction removes the grants, requests, unknowns and attributes of its source, past and future; refusals
  only when it says so.
- A restriction holds unless it was lifted strictly later.
- A list that holds a person goes on holding them; a source that vouches for them does so until it is retracted.

State is stored as MessagePack arrays: fields are appended, never reordered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from amana.core import events
from amana.core.cells import Terms
from amana.core.vocabulary import Actor, PointKind, Proof, Status

_K = TypeVar("_K")
_V = TypeVar("_V")

GRANT, REQUEST, UNKNOWN, REFUSED, WITHDRAWN, OBJECTED, INVALIDATED = range(7)

CLASS_OF_STATUS = {
    Status.GIVEN: GRANT,
    Status.RENEWED: GRANT,
    Status.REQUESTED: REQUEST,
    Status.UNKNOWN: UNKNOWN,
    Status.REFUSED: REFUSED,
    Status.WITHDRAWN: WITHDRAWN,
    Status.OBJECTED: OBJECTED,
    Status.INVALIDATED: INVALIDATED,
}
POINT_KIND_CODE = {kind: code for code, kind in enumerate(PointKind)}
BASES = ("sale", "interest", "relationship", "published")


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """The strongest claim of one class that one source makes about one cell and contact point."""

    source: int
    kind: int  # GRANT … INVALIDATED
    lo: int  # earliest moment, UTC seconds
    hi: int  # latest moment
    proof: int
    own: bool  # the person's or guardian's own, through a confirmed capture: may lift a refusal
    point: int  # contact point ordinal, -1 when not tied to one
    epoch: int  # material epoch of the notice shown
    event: bytes  # 16-byte event id: the evidence

    def rank(self) -> tuple[int, ...] | tuple[int, int, bytes]:
        """Grants compare by their earliest moment, refusals by their latest: unsure means no."""
        if self.kind <= UNKNOWN:
            return (self.lo, self.hi, int(self.own), self.proof, int.from_bytes(self.event, "big"))
        return (self.hi, self.lo, 0, 0, int.from_bytes(self.event, "big"))


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """Evidence of another basis for a cell, from one source."""

    source: int
    basis: int  # index into BASES
    at: int  # earliest moment
    proof: int
    event: bytes

    def rank(self) -> tuple[int, int, int]:
        """The latest evidence counts."""
        return (self.at, self.proof, int.from_bytes(self.event, "big"))


class Value(msgspec.Struct, frozen=True, array_like=True):
    """One column attribute's value from one source."""

    source: int
    at: int
    event: bytes
    value: str

    def rank(self) -> tuple[int, int]:
        """The latest value counts."""
        return (self.at, int.from_bytes(self.event, "big"))


class PointState(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one contact point. Times are UTC seconds, -1 for never."""

    kind: int
    flags: int
    country: str
    added: int
    verified: int  # latest verification, at its earliest
    blocked: int  # latest block, at its latest
    unblocked: int  # latest lift of a block, at its earliest
    reason: str  # of the latest block


class PersonState(msgspec.Struct, array_like=True):
    """Everything that decisions about one person rest on. Pseudonymous: no address, no name."""

    cells: dict[int, list[Claim]] = {}
    shown: dict[int, list[Shown]] = {}
    attributes: dict[str, list[Value]] = {}
    points: dict[int, PointState] = {}
    choices: dict[str, Value] = {}
    restricted: int = -1  # latest restriction, at its latest
    unrestricted: int = -1  # latest lift, at its earliest
    retracted: list[int] = []
    retracted_wholly: list[int] = []
    held: list[int] = []  # sources without papers that made the person known, ascending
    vouched: list[int] = []  # sources with papers or evidence that know the person too, ascending


def fold(state: PersonState, event: events.AnyEvent, terms: Terms) -> PersonState:
    """A new state that also knows `event`. Pure; order-tolerant; idempotent."""
    folded = copy(state)
    apply(folded, event, terms)
    return folded


def fold_all(happened: Iterable[events.AnyEvent], terms: Terms) -> PersonState:
    """The state that a person's events amount to."""
    state = PersonState()
    for event in happened:
        apply(state, event, terms)
    return state


def copy(state: PersonState) -> PersonState:
    """A copy that `apply` may change without touching the original."""
    return PersonState(
        {cell: list(claims) for cell, claims in state.cells.items()},
        {cell: list(shown) for cell, shown in state.shown.items()},
        {name: list(values) for name, values in state.attributes.items()},
        dict(state.points),
        dict(state.choices),
        state.restricted,
        state.unrestricted,
        list(state.retracted),
        list(state.retracted_wholly),
        list(state.held),
        list(state.vouched),
    )


def apply(state: PersonState, event: events.AnyEvent, terms: Terms) -> None:
    """Fold `event` into `state` in place: the write path's form of `fold`, for a state that it owns."""
    match event:
        case events.Permission():
            _permission(state, event, terms)
        case events.Relationship():
            _relationship(state, event, terms)
        case events.Point():
            _point(state, event)
        case events.Profile():
            _profile(state, event)
        case events.Preference():
            _preference(state, event)
        case events.Restriction():
            _restriction(state, event)
        case events.Retraction():
            _retraction(state, event)
        case events.Held():
            _held(state, event)
        case events.Notice() | events.Erasure() | events.Continuation():
            pass  # the workspace's own; no person's state


def _permission(state: PersonState, event: events.Permission, terms: Terms) -> None:
    kind = CLASS_OF_STATUS[event.status]
    silenced = state.retracted if kind <= UNKNOWN else state.retracted_wholly
    if event.source in silenced:
        return
    claim = Claim(
        event.source,
        kind,
        event.occurred.lo,
        event.occurred.hi,
        int(event.proof),
        event.confirmed and event.actor in (Actor.PERSON, Actor.GUARDIAN),
        event.point,
        event.notice_epoch,
        bytes.fromhex(event.id),
    )
    cell = terms.cell(event.brand, event.purpose, event.channel, event.category)
    claims = state.cells.setdefault(cell, [])
    for index, held in enumerate(claims):
        if (held.source, held.kind, held.own, held.point) == (claim.source, kind, claim.own, claim.point):
            if claim.rank() > held.rank():
                claims[index] = claim
            return
    claims.append(claim)
    claims.sort(key=lambda held: (held.source, held.kind, held.own, held.point))


def _relationship(state: PersonState, event: events.Relationship, terms: Terms) -> None:
    if event.source in state.retracted:
        return
    shown = Shown(
        event.source, BASES.index(event.basis), event.occurred.lo, int(event.proof), bytes.fromhex(event.id)
    )
    held = state.shown.setdefault(terms.cell(event.brand, event.purpose, event.channel), [])
    for index, other in enumerate(held):
        if other.source == shown.source and other.basis == shown.basis:
            if shown.rank() > other.rank():
                held[index] = shown
            return
    held.append(shown)
    held.sort(key=lambda other: (other.source, other.basis))


def _point(state: PersonState, event: events.Point) -> None:
    lo, hi = event.occurred.lo, event.occurred.hi
    held = state.points.get(event.point) or PointState(
        POINT_KIND_CODE[event.point_kind], 0, "", -1, -1, -1, -1, ""
    )
    blocks = event.change == "blocked"
    newest = blocks and (hi, event.reason) > (held.blocked, held.reason)
    state.points[event.point] = PointState(
        held.kind,
        held.flags | event.flags,
        max(held.country, event.country),
        max(held.added, lo) if event.change == "added" else held.added,
        max(held.verified, lo) if event.change == "verified" else held.verified,
        max(held.blocked, hi) if blocks else held.blocked,
        max(held.unblocked, lo) if event.change == "unblocked" else held.unblocked,
        event.reason if newest else held.reason,
    )


def _profile(state: PersonState, event: events.Profile) -> None:
    if event.source in state.retracted:
        return
    for name, text in event.columns.items():
        value = Value(event.source, event.occurred.lo, bytes.fromhex(event.id), text)
        values = state.attributes.setdefault(name, [])
        for index, held in enumerate(values):
            if held.source == value.source:
                if value.rank() > held.rank():
                    values[index] = value
                break
        else:
            values.append(value)
            values.sort(key=lambda held: held.source)


def _preference(state: PersonState, event: events.Preference) -> None:
    chosen = {
        "paused_until": event.paused_until,
        "hours": event.hours,
        "days": event.days,
        "per_month": event.per_month,
        "topics_off": None if event.topics_off is None else " ".join(sorted(event.topics_off)),
    }
    for name, choice in chosen.items():
        if choice is None:
            continue
        value = Value(event.source, event.occurred.lo, bytes.fromhex(event.id), str(choice))
        held = state.choices.get(name)
        if held is None or value.rank() > held.rank():
            state.choices[name] = value


def _restriction(state: PersonState, event: events.Restriction) -> None:
    if event.on:
        state.restricted = max(state.restricted, event.occurred.hi)
    else:
        state.unrestricted = max(state.unrestricted, event.occurred.lo)


def _held(state: PersonState, event: events.Held) -> None:
    if event.on:
        _remember(state.held, event.source)
    elif event.source not in state.retracted:
        _remember(state.vouched, event.source)


def _retraction(state: PersonState, event: events.Retraction) -> None:
    gone = event.retracts
    _remember(state.retracted, gone)
    state.vouched = [source for source in state.vouched if source != gone]
    if event.also_refusals:
        _remember(state.retracted_wholly, gone)
    for cell, claims in list(state.cells.items()):
        left = [
            claim
            for claim in claims
            if claim.source != gone or (claim.kind > UNKNOWN and not event.also_refusals)
        ]
        _keep(state.cells, cell, left)
    for cell, shown in list(state.shown.items()):
        _keep(state.shown, cell, [one for one in shown if one.source != gone])
    for name, values in list(state.attributes.items()):
        _keep(state.attributes, name, [value for value in values if value.source != gone])


def _remember(gone: list[int], source: int) -> None:
    if source not in gone:
        gone.append(source)
        gone.sort()


def _keep(table: dict[_K, list[_V]], key: _K, left: list[_V]) -> None:
    if left:
        table[key] = left
    else:
        table.pop(key, None)


def attribute(state: PersonState, name: str) -> str:
    """The prevailing value of a column attribute, or the empty string: latest wins, then the larger event id."""
    values = state.attributes.get(name)
    if not values:
        return ""
    return values[0].value if len(values) == 1 else max(values, key=Value.rank).value


def proof_of(claim: Claim) -> Proof:
    """The evidence bits of a claim."""
    return Proof(claim.proof)
