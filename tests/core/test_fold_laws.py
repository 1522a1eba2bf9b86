"""Folding is a join: order, repetition and batching change nothing, and no event takes a No away."""

from __future__ import annotations

import random

import msgspec
import pytest
from event_samples import CELLS, TERMS, histories, intervals, refusals
from hypothesis import given, settings
from hypothesis import strategies as st

from amana.core import events, facts
from amana.core import state as states
from amana.core.cells import covering
from amana.core.events import AnyEvent
from amana.core.facts import Facts, Topics
from amana.core.state import PersonState
from amana.core.statements import Interval
from amana.core.vocabulary import GRANTING, REFUSING, Actor, PointKind, Proof, Status

PERSON = facts.PersonFacts(True, 0, False, False, facts.BORN_UNKNOWN, 0, 0, 0, 0, 0)


def seen(happened: list[AnyEvent], cell: int) -> Facts:
    """What a question about a cell sees of these events."""
    return facts.project(states.fold_all(happened, TERMS), cell, PERSON, never_target_flag=4)


def refused(found: Facts) -> bool:
    return found.objected or found.withdrawn or found.refused or found.invalidated


# ---- the fold is a join ------------------------------------------------------------------------------------


@given(histories(), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_of_events_make_the_same_state(
    happened: list[AnyEvent], chance: random.Random
) -> None:
    shuffled = happened + chance.choices(happened, k=len(happened)) if happened else []
    chance.shuffle(shuffled)
    assert states.fold_all(shuffled, TERMS) == states.fold_all(happened, TERMS)


@given(histories())
def test_folding_one_by_one_is_folding_at_once_and_leaves_the_earlier_states_as_they_were(
    happened: list[AnyEvent],
) -> None:
    state, kept = PersonState(), []
    for event in happened:
        kept.append((state, msgspec.msgpack.encode(state)))
        state = states.fold(state, event, TERMS)
    assert state == states.fold_all(happened, TERMS)
    assert all(msgspec.msgpack.encode(earlier) == before for earlier, before in kept)


@given(histories())
def test_a_state_reads_back_from_its_stored_form(happened: list[AnyEvent]) -> None:
    state = states.fold_all(happened, TERMS)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=PersonState) == state


# ---- a second, naive reading of the rule -------------------------------------------------------------------


def naive(happened: list[AnyEvent], cell: int) -> tuple[int, bool, tuple[int, int, int] | None]:
    """Refusal bits, pending, and (earliest, latest, proof) of the grant that counts, read off the events."""
    undone = {one.retracts for one in happened if isinstance(one, events.Retraction)}
    wholly = {one.retracts for one in happened if isinstance(one, events.Retraction) and one.also_refusals}
    said = [one for one in happened if isinstance(one, events.Permission)]

    def place(one: events.Permission) -> int:
        return TERMS.cell(one.brand, one.purpose, one.channel)

    noes = [
        one
        for one in said
        if one.status in REFUSING and one.source not in wholly and place(one) in covering(cell)
    ]
    living = [one for one in said if one.source not in undone and place(one) == cell]
    until = max((one.occurred.hi for one in noes), default=None)
    counting = [one for one in strongest(living) if until is None or (own(one) and one.occurred.lo > until)]
    pending = any(
        one.status is Status.REQUESTED and (until is None or one.occurred.lo > until) for one in living
    )
    if counting:
        usable = (-1, in_use(happened, cell))
        best = max(
            counting,
            key=lambda one: (
                one.point in usable,
                one.notice_epoch,
                one.proof.bit_count(),
                one.occurred.lo,
                one.id,
            ),
        )
        return 0, False, (best.occurred.lo, best.occurred.hi, int(best.proof))
    kinds = {states.CLASS_OF_STATUS[one.status] for one in noes}
    return sum(1 << kind for kind in kinds), pending, None


def in_use(happened: list[AnyEvent], cell: int) -> int:
    """The address that the cell's channel uses: the latest added, of equals the higher ordinal."""
    kind = PointKind.EMAIL if cell & 0xFF == CELLS[0] & 0xFF else PointKind.PHONE
    added: dict[int, int] = {}
    for one in happened:
        if isinstance(one, events.Point) and one.point_kind is kind:
            when = one.occurred.lo if one.change == "added" else -1
            added[one.point] = max(added.get(one.point, -1), when)
    return max(added, key=lambda ordinal: (added[ordinal], ordinal), default=-1)


def own(one: events.Permission) -> bool:
    return one.confirmed and one.actor in (Actor.PERSON, Actor.GUARDIAN)


def strongest(living: list[events.Permission]) -> list[events.Permission]:
    """The latest grant of each source for each address, the person's own apart from the others."""
    best: dict[tuple[int, bool, int], events.Permission] = {}
    for one in living:
        held = best.get((one.source, own(one), one.point))
        if one.status in GRANTING and (held is None or age(one) > age(held)):
            best[one.source, own(one), one.point] = one
    return list(best.values())


def age(one: events.Permission) -> tuple[int, int, int, str]:
    return (one.occurred.lo, one.occurred.hi, int(one.proof), one.id)


@settings(max_examples=400)
@given(histories(), st.sampled_from(CELLS))
def test_facts_are_what_a_naive_reading_of_the_events_says(happened: list[AnyEvent], cell: int) -> None:
    found = seen(happened, cell)
    bits, pending, grant = naive(happened, cell)
    assert found.refused is bool(bits & 1 << states.REFUSED)
    assert found.withdrawn is bool(bits & 1 << states.WITHDRAWN)
    assert found.objected is bool(bits & 1 << states.OBJECTED)
    assert found.invalidated is bool(bits & 1 << states.INVALIDATED)
    assert found.requested is pending
    assert found.granted is (grant is not None)
    assert (found.granted_at, found.granted_by, found.proof) == (grant or (0, 0, 0))


# ---- a No stays --------------------------------------------------------------------------------------------


@given(histories(wholly=False), refusals(), st.sampled_from(CELLS))
def test_after_a_no_only_an_own_confirmed_later_grant_for_that_very_cell_counts(
    happened: list[AnyEvent], no: events.Permission, cell: int
) -> None:
    no = msgspec.structs.replace(no, id="f" * 32)
    found = seen([*happened, no], cell)
    if TERMS.cell(no.brand, no.purpose, no.channel) not in covering(cell):
        return
    lifting = [
        one
        for one in happened
        if isinstance(one, events.Permission)
        and one.status in GRANTING
        and own(one)
        and TERMS.cell(one.brand, one.purpose, one.channel) == cell
        and one.occurred.lo > no.occurred.hi
    ]
    assert refused(found) or (found.granted and lifting)


@given(histories(wholly=False), refusals(), st.sampled_from(CELLS))
def test_no_import_merge_staff_or_relayed_grant_and_no_undo_lifts_a_no(
    happened: list[AnyEvent], no: events.Permission, cell: int
) -> None:
    """Merging two profiles brings a withdrawn consent back (peers' defect 1); an import re-subscribes (2)."""
    no = msgspec.structs.replace(no, id="f" * 32)
    if TERMS.cell(no.brand, no.purpose, no.channel) not in covering(cell):
        return
    foreign = [one for one in happened if not (isinstance(one, events.Permission) and own(one))]
    found = seen([no, *foreign], cell)
    assert refused(found)
    assert not found.granted


@given(intervals(), intervals(), st.sampled_from([Actor.PERSON, Actor.GUARDIAN]))
def test_an_own_confirmed_grant_lifts_a_no_only_when_it_is_strictly_later(
    no: Interval, yes: Interval, actor: Actor
) -> None:
    """Equal or unsure means no: the grant at its earliest against the refusal at its latest."""
    found = seen([said(Status.WITHDRAWN, no), said(Status.GIVEN, yes, actor=actor, confirmed=True)], CELLS[0])
    assert found.granted is (yes.lo > no.hi)
    assert found.withdrawn is not found.granted


def test_an_own_grant_that_nobody_confirmed_lifts_nothing() -> None:
    found = seen(
        [said(Status.OBJECTED, at(1)), said(Status.GIVEN, at(9), actor=Actor.PERSON, confirmed=False)],
        CELLS[0],
    )
    assert found.objected
    assert not found.granted


def test_a_no_to_everything_binds_every_cell_and_an_own_grant_opens_its_own_cell_alone() -> None:
    no = said(Status.OBJECTED, at(1), brand="*", purpose="*", channel="*")
    yes = said(Status.GIVEN, at(2), actor=Actor.PERSON, confirmed=True)
    assert [seen([no, yes], cell).objected for cell in CELLS] == [cell != CELLS[0] for cell in CELLS]


def test_starting_again_after_stopping_unblocks_the_number_and_recreates_no_consent() -> None:
    """START after STOP recreating consent (peers' defect 12)."""
    cell = TERMS.cell("orchard", "offers", "sms")
    stop = [said(Status.GIVEN, at(1), channel="sms"), said(Status.WITHDRAWN, at(2), channel="sms")]
    number = [point(1, "added", 0), point(1, "blocked", 2), point(1, "unblocked", 3)]
    found = seen([*stop, *number], cell)
    assert found.has_point
    assert not found.point_blocked
    assert found.withdrawn
    assert not found.granted


@pytest.mark.parametrize("actor", [actor for actor in Actor if actor not in (Actor.PERSON, Actor.GUARDIAN)])
def test_nobody_else_lifts_a_no_even_through_a_confirmed_capture(actor: Actor) -> None:
    found = seen(
        [said(Status.WITHDRAWN, at(1)), said(Status.GIVEN, at(9), actor=actor, confirmed=True)], CELLS[0]
    )
    assert found.withdrawn
    assert not found.granted


def test_of_two_noes_of_one_source_the_one_that_may_be_later_counts() -> None:
    long, short = said(Status.WITHDRAWN, Interval(lo=0, hi=10)), said(Status.WITHDRAWN, at(5), id="e" * 32)
    yes = said(Status.GIVEN, at(7), actor=Actor.PERSON, confirmed=True)
    for happened in ([long, short, yes], [short, long, yes]):
        assert seen(happened, CELLS[0]).withdrawn


def test_of_two_requests_of_one_source_the_later_counts() -> None:
    wide, late = said(Status.REQUESTED, Interval(lo=3, hi=9)), said(Status.REQUESTED, at(5), id="e" * 32)
    no = said(Status.WITHDRAWN, at(4))
    for happened in ([wide, late, no], [late, wide, no]):
        assert seen(happened, CELLS[0]).requested


def test_a_later_grant_of_another_kind_does_not_hide_the_persons_own() -> None:
    no, own_yes = said(Status.WITHDRAWN, at(5)), said(Status.GIVEN, at(8), actor=Actor.PERSON, confirmed=True)
    relayed = said(Status.GIVEN, at(9), actor=Actor.RELAYED, id="e" * 32)
    for happened in ([no, own_yes, relayed], [relayed, own_yes, no]):
        assert seen(happened, CELLS[0]).granted


@pytest.mark.parametrize(
    ("block", "lift", "blocked"),
    [
        (Interval(lo=3, hi=3), Interval(lo=3, hi=3), True),  # in the same second
        (Interval(lo=1, hi=5), Interval(lo=3, hi=3), True),  # the block at its latest
        (Interval(lo=3, hi=3), Interval(lo=2, hi=5), True),  # its lift at its earliest
        (Interval(lo=1, hi=3), Interval(lo=4, hi=5), False),
    ],
)
def test_a_block_holds_unless_it_was_lifted_strictly_later(
    block: Interval, lift: Interval, blocked: bool
) -> None:
    cell = TERMS.cell("orchard", "offers", "sms")
    happened = [point(1, "added", 0), point(1, "blocked", block), point(1, "unblocked", lift)]
    for order in (happened, happened[::-1]):
        assert seen([*order], cell).point_blocked is blocked


def test_a_restriction_holds_unless_it_was_lifted_strictly_later() -> None:
    def restricted(*switched: tuple[bool, int, int]) -> bool:
        state = states.fold_all(
            [
                events.Restriction(
                    id=f"{n:032x}", occurred=Interval(lo=lo, hi=hi), actor=Actor.STAFF, source=1, on=on
                )
                for n, (on, lo, hi) in enumerate(switched)
            ],
            TERMS,
        )
        return facts.person_facts(state, 0, 0, suppressed=False, topics=Topics([])).restricted

    assert not restricted()
    assert restricted((True, 5, 5))
    assert restricted((True, 5, 5), (False, 5, 5))
    assert not restricted((True, 5, 5), (False, 6, 6))
    assert restricted((True, 7, 7), (True, 5, 5), (False, 6, 6))
    assert restricted((True, 5, 8), (False, 6, 9))


def test_a_sources_later_evidence_replaces_its_earlier() -> None:
    def sale(number: int, when: int) -> events.Relationship:
        return events.Relationship(
            id=f"{number:032x}", occurred=at(when), actor=Actor.IMPORT, source=1,
            brand="orchard", purpose="offers", channel="email", basis="sale",
        )  # fmt: skip  # one piece of evidence

    for happened in ([sale(1, 3), sale(2, 7)], [sale(2, 7), sale(1, 3)]):
        assert seen(happened, CELLS[0]).sale_at == 7


# ---- undoing an import -------------------------------------------------------------------------------------


def test_an_undone_import_loses_its_grants_and_evidence_before_and_after_and_keeps_its_noes() -> None:
    undo = events.Retraction(id="a" * 32, occurred=at(5), actor=Actor.STAFF, source=1, retracts=1)
    sale = events.Relationship(
        id="b" * 32, occurred=at(1), actor=Actor.IMPORT, source=1,
        brand="orchard", purpose="offers", channel="email", basis="sale",
    )  # fmt: skip  # one row of values
    home = events.Profile(
        id="c" * 32, occurred=at(1), actor=Actor.IMPORT, source=1, columns={"residence": "DE"}
    )
    yes, no = said(Status.GIVEN, at(1)), said(Status.WITHDRAWN, at(1), purpose="news")
    for order in ([undo, sale, home, yes, no], [sale, home, yes, no, undo]):
        state = states.fold_all(order, TERMS)
        assert not seen(order, CELLS[0]).granted
        assert seen(order, CELLS[0]).sale_at == 0
        assert states.attribute(state, "residence") == ""
        assert seen(order, TERMS.cell("orchard", "news", "email")).withdrawn


def test_noes_go_only_with_an_undo_that_says_so() -> None:
    no = said(Status.WITHDRAWN, at(1))
    undo = events.Retraction(
        id="a" * 32, occurred=at(5), actor=Actor.STAFF, source=1, retracts=1, also_refusals=True
    )
    assert not seen([no, undo], CELLS[0]).withdrawn
    assert not seen([undo, no], CELLS[0]).withdrawn
    assert seen([said(Status.WITHDRAWN, at(1), source=2), undo], CELLS[0]).withdrawn


def at(when: int) -> Interval:
    return Interval(lo=when, hi=when)


def said(status: Status, occurred: Interval, **more: object) -> events.Permission:
    """One statement about orchard × offers × email from import 1, unless said otherwise."""
    words: dict[str, object] = {
        "id": f"{states.CLASS_OF_STATUS[status]:032x}",
        "actor": Actor.IMPORT,
        "source": 1,
        "brand": "orchard",
        "purpose": "offers",
        "channel": "email",
        "proof": Proof.DEMONSTRABLE,
    }
    return events.Permission(**(words | {"status": status, "occurred": occurred} | more))  # type: ignore[arg-type]  # the fields of the event


def point(ordinal: int, change: str, when: int | Interval) -> events.Point:
    occurred = at(when) if isinstance(when, int) else when
    return events.Point(
        id=f"{occurred.lo:016x}{occurred.hi:016x}",
        occurred=occurred,
        actor=Actor.SYSTEM,
        source=1,
        point=ordinal,
        point_kind=PointKind.PHONE,
        change=change,
    )
