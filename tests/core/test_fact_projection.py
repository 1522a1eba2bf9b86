"""What one question sees of a person: points, choices, evidence, and grants that count."""

from __future__ import annotations

import pytest
from event_samples import TERMS

from amana import wiring
from amana.core import events, facts, regimes
from amana.core import state as states
from amana.core.events import AnyEvent
from amana.core.facts import Facts, Topics
from amana.core.person import Reader
from amana.core.regimes import Regime
from amana.core.state import PersonState
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, PointKind, Proof, Status

EMAIL = TERMS.cell("orchard", "offers", "email")
ADS = TERMS.cell("orchard", "offers", "ads_audience")
NEVER_TARGET = 4


def ids() -> str:
    """The next event id."""
    ids.last += 1  # type: ignore[attr-defined]  # a counter of this module
    return f"{ids.last:032x}"  # type: ignore[attr-defined]  # see above


ids.last = 0  # type: ignore[attr-defined]  # see above


def at(lo: int, hi: int | None = None) -> Interval:
    return Interval(lo=lo, hi=lo if hi is None else hi)


def point(ordinal: int, when: int, change: str = "added", **more: object) -> events.Point:
    words: dict[str, object] = {"point_kind": PointKind.EMAIL, "actor": Actor.IMPORT, "source": 1}
    return events.Point(id=ids(), occurred=at(when), point=ordinal, change=change, **(words | more))  # type: ignore[arg-type]  # the fields of the event


def grant(when: Interval, **more: object) -> events.Permission:
    words: dict[str, object] = {
        "actor": Actor.IMPORT, "source": 1, "brand": "orchard", "purpose": "offers", "channel": "email",
        "status": Status.GIVEN, "proof": Proof.DEMONSTRABLE,
    }  # fmt: skip  # one grant
    return events.Permission(id=ids(), occurred=when, **(words | more))  # type: ignore[arg-type]  # the fields of the event


def evidence(basis: str, when: int, proof: Proof, source: int = 1) -> events.Relationship:
    return events.Relationship(
        id=ids(), occurred=at(when, when + 5), actor=Actor.IMPORT, source=source,
        brand="orchard", purpose="offers", channel="email", basis=basis, proof=proof,
    )  # fmt: skip  # one piece of evidence


def seen(*happened: AnyEvent, cell: int = EMAIL) -> Facts:
    state = states.fold_all(happened, TERMS)
    about = facts.person_facts(state, 3, 77, suppressed=False, topics=Topics(["art", "sport"]))
    return facts.project(state, cell, about, never_target_flag=NEVER_TARGET)


# ---- contact points ------------------------------------------------------------------------------------


def test_without_an_address_there_is_no_point_and_a_channel_that_needs_none_has_one() -> None:
    assert not seen().has_point
    assert not seen(point(0, 1, point_kind=PointKind.PHONE)).has_point
    assert seen(cell=ADS).has_point
    assert seen(point(0, 1)).has_point


def test_the_point_in_use_is_the_latest_added_and_of_equals_the_higher_ordinal() -> None:
    old, new = point(0, 1, "blocked"), point(1, 5)
    assert not seen(point(0, 1), old, new).point_blocked
    assert seen(point(0, 6), old, new).point_blocked
    assert not seen(point(0, 5), old, new).point_blocked


def test_an_address_that_is_never_marketed_to_says_so() -> None:
    assert seen(point(0, 1, flags=NEVER_TARGET | 1)).never_target
    assert not seen(point(0, 1, flags=1)).never_target


def test_a_new_address_inherits_no_permission() -> None:
    given = grant(at(1), point=0)
    assert seen(point(0, 1), given).point_matches
    assert not seen(point(0, 1), point(1, 2), given).point_matches
    assert seen(point(0, 1), point(1, 2), grant(at(1))).point_matches  # tied to none
    assert seen(point(0, 1), point(1, 2)).point_matches  # there is no grant
    state = states.fold_all([point(0, 1), point(1, 2)], TERMS)
    assert facts.current_point(state, next(iter(facts.CHANNEL_CODE))) == 1


# ---- grants ----------------------------------------------------------------------------------------------


def test_a_grant_is_seen_at_its_earliest_and_its_latest_moment_with_its_proof_and_notice() -> None:
    found = seen(grant(at(10, 20), notice_epoch=2))
    assert (found.granted_at, found.granted_by, found.proof, found.notice) == (10, 20, Proof.DEMONSTRABLE, 2)


def test_of_several_grants_the_best_proven_counts_then_the_latest() -> None:
    proven = grant(at(1), proof=Proof.DEMONSTRABLE | Proof.UNTICKED)
    assert seen(proven, grant(at(9), source=2)).granted_at == 1
    assert seen(grant(at(1)), grant(at(9), source=2)).granted_at == 9


def test_a_grant_for_the_address_in_use_counts_before_a_better_proven_one_for_another() -> None:
    better = grant(at(1), point=0, proof=Proof.DEMONSTRABLE | Proof.UNTICKED)
    for source in (1, 2):
        found = seen(point(0, 1), point(1, 2), better, grant(at(9), point=1, source=source))
        assert (found.granted_at, found.point_matches) == (9, True)
    untied = seen(point(0, 1), point(1, 2), better, grant(at(9), source=2))
    assert (untied.granted_at, untied.point_matches) == (9, True)


def test_a_request_is_pending_until_a_grant_counts_and_not_after_a_later_no() -> None:
    """A preference page offers a switch that the write refuses (peers' defect 7): pending is a real state."""
    asked, no = grant(at(5), status=Status.REQUESTED), grant(at(5), status=Status.WITHDRAWN)
    assert seen(asked).requested
    assert not seen(asked).granted
    assert not seen(asked, grant(at(6))).requested
    assert not seen(asked, no).requested
    assert seen(grant(at(6), status=Status.REQUESTED), no).requested


def test_unknown_is_no_grant() -> None:
    """A CSV row without an action read as "subscribe" (peers' defect 11)."""
    assert not seen(grant(at(1), status=Status.UNKNOWN)).granted


def test_the_counting_grant_and_the_binding_refusals_are_the_evidence() -> None:
    yes, no = grant(at(1)), grant(at(2), status=Status.WITHDRAWN, purpose="*")
    state = states.fold_all([yes], TERMS)
    counting = facts.counting_grant(state, EMAIL)
    assert counting is not None
    assert counting.event.hex() == yes.id
    assert facts.binding_refusals(state, EMAIL) == []
    refusing = states.fold_all([yes, no], TERMS)
    assert [claim.event.hex() for claim in facts.binding_refusals(refusing, EMAIL)] == [no.id]
    assert facts.counting_grant(refusing, EMAIL) is None
    own = grant(at(3), actor=Actor.PERSON, confirmed=True)
    assert facts.binding_refusals(states.fold(refusing, own, TERMS), EMAIL) == []


# ---- evidence of other bases -----------------------------------------------------------------------------


@pytest.mark.parametrize("basis", states.BASES)
def test_evidence_is_seen_at_its_earliest_with_its_proof_the_best_proven_first(basis: str) -> None:
    weak, strong = evidence(basis, 9, Proof.CONTRACT), evidence(basis, 4, Proof.CONTRACT | Proof.EXPECTED, 2)
    found = seen(weak, strong)
    assert (getattr(found, f"{basis}_at"), getattr(found, f"{basis}_proof")) == (4, strong.proof)
    later = seen(weak, evidence(basis, 10, Proof.CONTRACT, 2))
    assert getattr(later, f"{basis}_at") == 10
    others = [name for name in states.BASES if name != basis]
    assert all(getattr(found, f"{name}_at") == 0 for name in others)
    assert getattr(seen(weak, cell=ADS), f"{basis}_at") == 0


# ---- the person ---------------------------------------------------------------------------------------------


def test_choices_are_the_latest_of_each_kind_and_open_without_one() -> None:
    def choice(when: int, **said: object) -> events.Preference:
        return events.Preference(id=ids(), occurred=at(when), actor=Actor.PERSON, source=1, **said)  # type: ignore[arg-type]  # the fields of the event

    free = seen()
    assert (free.paused_until, free.hours, free.days, free.topics_off, free.per_month) == (
        0, facts.ALL_HOURS, facts.ALL_DAYS, 0, facts.NO_CAP,
    )  # fmt: skip  # in the order of the line above
    found = seen(
        choice(1, paused_until=90, hours=0b11, topics_off=("sport", "gone")),
        choice(2, hours=0b1, days=0b10, per_month=4),
        choice(0, per_month=9),
    )
    assert (found.paused_until, found.hours, found.days, found.topics_off, found.per_month) == (
        90,
        1,
        2,
        2,
        4,
    )
    assert seen(choice(1, paused_until=90), choice(2, paused_until=0)).paused_until == 0
    assert seen(choice(1, per_month=1 << 20)).per_month == facts.NO_CAP


def test_nobody_known_is_not_known_and_may_be_suppressed() -> None:
    assert not facts.nobody(0, suppressed=False).known
    assert facts.nobody(0, suppressed=True).suppressed
    assert not facts.nobody(0, suppressed=False).granted


def test_the_latest_attribute_prevails() -> None:
    def told(when: int, source: int, **columns: str) -> events.Profile:
        return events.Profile(id=ids(), occurred=at(when), actor=Actor.IMPORT, source=source, columns=columns)

    state = states.fold_all(
        [told(1, 1, residence="DE"), told(3, 2, residence="PT"), told(2, 1, zone="UTC")], TERMS
    )
    assert states.attribute(state, "residence") == "PT"
    assert states.attribute(state, "zone") == "UTC"
    assert states.attribute(state, "region") == ""


# ---- from a person to a regime -----------------------------------------------------------------------------


def reader() -> Reader:
    return Reader(wiring.address_rules())


def person(*happened: AnyEvent) -> PersonState:
    return states.fold_all(happened, TERMS)


def test_a_regime_is_read_off_the_attributes_and_the_number_in_use() -> None:
    told = events.Profile(
        id=ids(), occurred=at(1), actor=Actor.IMPORT, source=1,
        columns={"residence": "gb", "region": " sct ", "zone": "Europe/London", "birth": "2012-05"},
    )  # fmt: skip  # one event
    phone = point(0, 1, point_kind=PointKind.PHONE, country="PT")
    newer = point(1, 2, point_kind=PointKind.PHONE, country="GB")
    assert reader().regime(person(told, phone, newer)) == Regime(
        residence="UK", region="SCT", number_country="UK", zone="Europe/London"
    )
    assert Reader.born(person(told)) == regimes.born_by("2012-05-31")
    assert reader().regime(person()) == Regime()


@pytest.mark.parametrize(
    ("text", "latest"),
    [
        ("2012", "2012-12-31"),
        ("2012-02", "2012-02-29"),
        ("2012-02-29", "2012-02-29"),
        ("1999-12-01", "1999-12-01"),
    ],
)
def test_an_unsure_birth_is_the_younger_one(text: str, latest: str) -> None:
    assert regimes.born_by(text) == regimes.born_by(latest) != facts.BORN_UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "2012-13",
        "2012-00",
        "2011-02-29",
        "2012-1-1-1",
        "abcd",
        "19²0",
        "1799",
        "2201",
        "٢٠١٢",
        "-2012",
    ],
)
def test_what_is_no_birth_is_unknown(text: str) -> None:
    assert regimes.born_by(text) == facts.BORN_UNKNOWN
