"""Random events of one person over a small world, so that moments, sources and cells collide often."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from amana.core import events
from amana.core.cells import Terms
from amana.core.events import AnyEvent
from amana.core.statements import ANY, Interval
from amana.core.vocabulary import REFUSING, Actor, PointKind, Proof, Status

TERMS = Terms.of(["orchard", "harbour"], ["offers", "news"])
BRANDS, PURPOSES, CHANNELS = ("orchard", "harbour"), ("offers", "news"), ("email", "sms")
CELLS = tuple(TERMS.cell(b, p, c) for b in BRANDS for p in PURPOSES for c in CHANNELS)
KINDS = (PointKind.EMAIL, PointKind.PHONE, PointKind.EMAIL)  # by ordinal
SOURCES = st.integers(1, 3)
PROOFS = st.sampled_from([Proof(0), Proof.DEMONSTRABLE, Proof.CHANNEL_NAMED | Proof.UNTICKED, Proof(0x3FF)])
NO_ID = "0" * 32


@st.composite
def intervals(draw: st.DrawFn, first: int = 0, last: int = 12) -> Interval:
    """A moment or a short span."""
    lo = draw(st.integers(first, last))
    return Interval(lo=lo, hi=lo + draw(st.sampled_from([0, 0, 1, 4])))


@st.composite
def grants(draw: st.DrawFn) -> AnyEvent:
    """A grant, request or unknown: always for one exact cell."""
    return events.Permission(
        id=NO_ID,
        occurred=draw(intervals()),
        actor=draw(st.sampled_from(list(Actor))),
        source=draw(SOURCES),
        brand=draw(st.sampled_from(BRANDS)),
        purpose=draw(st.sampled_from(PURPOSES)),
        channel=draw(st.sampled_from(CHANNELS)),
        status=draw(st.sampled_from([Status.GIVEN, Status.RENEWED, Status.REQUESTED, Status.UNKNOWN])),
        proof=draw(PROOFS),
        confirmed=draw(st.booleans()),
        point=draw(st.integers(-1, 2)),
        notice_epoch=draw(st.integers(0, 2)),
    )


@st.composite
def refusals(draw: st.DrawFn) -> AnyEvent:
    """A No, for one cell or for many."""
    return events.Permission(
        id=NO_ID,
        occurred=draw(intervals()),
        actor=draw(st.sampled_from(list(Actor))),
        source=draw(SOURCES),
        brand=draw(st.sampled_from([*BRANDS, ANY])),
        purpose=draw(st.sampled_from([*PURPOSES, ANY])),
        channel=draw(st.sampled_from([*CHANNELS, ANY])),
        status=draw(st.sampled_from(sorted(REFUSING, key=lambda one: one.value))),
    )


@st.composite
def other_events(draw: st.DrawFn) -> AnyEvent:
    """Evidence of other bases, addresses, attributes, choices, restrictions."""
    base = {"id": NO_ID, "occurred": draw(intervals()), "actor": Actor.IMPORT, "source": draw(SOURCES)}
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return events.Relationship(
            **base,
            brand=draw(st.sampled_from(BRANDS)),
            purpose=draw(st.sampled_from(PURPOSES)),
            channel=draw(st.sampled_from(CHANNELS)),
            basis=draw(st.sampled_from(["sale", "interest", "relationship", "published"])),
            proof=draw(PROOFS),
        )
    if kind == 1:
        ordinal = draw(st.integers(0, 2))
        return events.Point(
            **base,
            point=ordinal,
            point_kind=KINDS[ordinal],
            change=draw(st.sampled_from(["added", "verified", "blocked", "unblocked"])),
            flags=draw(st.sampled_from([0, 1, 4])),
            reason=draw(st.sampled_from(["", "bounce_hard", "complaint"])),
        )
    if kind == 2:
        return events.Profile(
            **base,
            columns=draw(
                st.dictionaries(st.sampled_from(["residence", "birth"]), st.sampled_from(["DE", "2011"]))
            ),
        )
    if kind == 3:
        return events.Preference(
            **base,
            paused_until=draw(st.none() | st.integers(0, 30)),
            hours=draw(st.none() | st.integers(0, 7)),
            topics_off=draw(st.none() | st.just(("sport", "art")) | st.just(())),
        )
    return events.Restriction(**base, on=draw(st.booleans()))


@st.composite
def retractions(draw: st.DrawFn, *, wholly: bool = True) -> AnyEvent:
    """An import is undone; `wholly` lets its refusals go too."""
    return events.Retraction(
        id=NO_ID,
        occurred=draw(intervals()),
        actor=Actor.STAFF,
        source=draw(SOURCES),
        retracts=draw(SOURCES),
        also_refusals=draw(st.booleans()) if wholly else False,
    )


def any_event(*, wholly: bool = True) -> st.SearchStrategy[AnyEvent]:
    """Any event; grants and refusals most of all."""
    return st.one_of(grants(), grants(), refusals(), refusals(), other_events(), retractions(wholly=wholly))


@st.composite
def histories(draw: st.DrawFn, *, wholly: bool = True, most: int = 14) -> list[AnyEvent]:
    """Some events of one person, each with an id of its own that says nothing about its place."""
    found = draw(st.lists(any_event(wholly=wholly), max_size=most))
    return numbered(found, draw(st.randoms(use_true_random=False)).sample(range(1 << 16), len(found)))


def numbered(found: list[AnyEvent], ids: list[int]) -> list[AnyEvent]:
    """The events under these ids."""
    return [msgspec.structs.replace(one, id=f"{number:032x}") for one, number in zip(found, ids, strict=True)]
