"""Real cases of enforcement: what was done is refused for its reason, its repair is allowed, nothing lawful is idle."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from amana import wiring
from amana.core import decision, events, facts, messages, public_holidays, remedies, rules
from amana.core import state as states
from amana.core.cells import Terms
from amana.core.facts import Topics
from amana.core.messages import Declared, MessageFacts
from amana.core.person import Reader
from amana.core.plan import Circumstances, Plan, Question, Registry
from amana.core.regimes import Regime
from amana.core.statements import Interval
from amana.core.vocabulary import POINT_OF_CHANNEL, Actor, Channel, Proof, Status

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "cases.json"
ELSEWHERE = {"E22", "E26"}
"""About audits of processors and clocks of breaches, not about a contact."""

NOW = int(datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp())  # a Tuesday, within everybody's calling hours
DAY = 86_400
TERMS = Terms.of(["shop"], ["offers"])
READER = Reader(wiring.address_rules())


class World(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person and a message in plain words. The defaults promise nothing."""

    place: str
    channel: Channel
    law: str = ""
    required: tuple[str, ...] = ()
    known: bool = True
    address: bool = True
    consent: bool | None = None  # None: if there is proof of one
    consent_channel: Channel | None = None  # None: the channel asked about
    verbal: bool = False  # somebody says that there was a consent
    proof: tuple[str, ...] = ()
    days_ago: int = 30
    sale: tuple[str, ...] = ()
    interest: tuple[str, ...] = ()
    assessed: bool = False
    said: Status | None = None  # a No, after all that
    said_on: Channel | None = None  # None: about every channel
    again: bool = False  # the person's own confirmed consent, later than the No
    held: bool = False  # came with a bought list whose papers are missing
    papers: bool = False  # they have arrived since
    registries: tuple[str, ...] = ()  # loaded yesterday
    listed: tuple[str, ...] = ()
    contacts: int = 0  # in the last thirty days
    message: bool = True  # it names its sender and shows the way out
    declared: Declared = Declared.MARKETING
    promotional: bool = True
    disguised: bool = False


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an authority found."""

    id: str
    who: str
    what: str
    baseline: str
    change: dict[str, Any]
    because: tuple[str, ...]
    repair: dict[str, Any]


TOML = tomllib.loads((Path(__file__).parent / "cases.toml").read_text("utf-8"))
BASELINES: dict[str, dict[str, Any]] = TOML["baseline"]
CASES = msgspec.convert(TOML["case"], tuple[Case, ...])


def world(*layers: dict[str, Any]) -> World:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer
    return msgspec.convert(merged, World)


# ---- from words to events ----------------------------------------------------------------------------------------


def happened(told: World) -> Iterable[events.AnyEvent]:
    """The events that the words mean."""
    then, cell = (
        NOW - told.days_ago * DAY,
        {"brand": "shop", "purpose": "offers", "channel": told.channel.value},
    )
    numbers = iter(range(1, 100))

    def base(when: int) -> dict[str, Any]:
        occurred = Interval(lo=when, hi=when)
        return {"id": f"{next(numbers):032x}", "occurred": occurred, "actor": Actor.IMPORT, "source": 1}

    country, _, region = told.place.partition("-")
    yield events.Profile(**base(then), columns={"residence": country, "region": region})
    kind = POINT_OF_CHANNEL[told.channel]
    if told.address and kind is not None:
        yield events.Point(**base(then), point=0, point_kind=kind, change="added", country=country)
    if told.proof if told.consent is None else told.consent:
        on = {"channel": (told.consent_channel or told.channel).value}
        said = (
            {"status": Status.UNKNOWN} if told.verbal else {"status": Status.GIVEN, "proof": bits(told.proof)}
        )
        yield events.Permission(**base(then) | cell | on | said)
    for basis in ("sale", "interest"):
        if shown := getattr(told, basis):
            yield events.Relationship(**base(then), **cell, basis=basis, proof=bits(shown))
    if told.said is not None:
        on = {"channel": told.said_on.value if told.said_on else "*"}
        yield events.Permission(**base(NOW - 2 * DAY) | cell | on | {"status": told.said})
    if told.again:
        own = {"actor": Actor.PERSON, "confirmed": True, "status": Status.GIVEN, "proof": bits(told.proof)}
        yield events.Permission(**base(NOW - DAY) | cell | own)
    if told.held:
        yield events.Held(**base(then), on=True)
    if told.papers:
        yield events.Held(**base(NOW - DAY), on=False)


def bits(names: Iterable[str]) -> Proof:
    return sum((Proof[name.upper()] for name in names), Proof(0))


def message(told: World) -> MessageFacts | None:
    if told.channel in (Channel.ADS_AUDIENCE, Channel.PHONE_LIVE, Channel.PHONE_AUTO):
        return None
    return MessageFacts(
        channel=told.channel,
        declared=told.declared,
        promotional=told.promotional,
        sender_named=told.message,
        unsubscribe_link=told.message,
        shown_as_advertising=not told.disguised,
    )


def plan_of(told: World) -> Plan:
    registries = {
        name: Registry(bit=1 << place, as_of=NOW - DAY) for place, name in enumerate(told.registries)
    }
    written = message(told)
    circumstances = Circumstances(
        served=(told.place,),
        assessed=told.assessed,
        registries=registries,
        cap_month=30,
        message=None if written is None else messages.inspect(written),
    )
    cell = TERMS.cell("shop", "offers", told.channel.value)
    question = Question(cell=cell, channel=told.channel, at=NOW, circumstances=circumstances)
    return Plan(wiring.law_book(), question, public_holidays.in_place)


def found(told: World) -> tuple[facts.Facts, Regime, Plan]:
    plan = plan_of(told)
    if not told.known:
        return facts.nobody(0, suppressed=False), Regime(), plan
    state = states.fold_all(happened(told), TERMS)
    about = facts.person_facts(state, 0, READER.born(state), suppressed=False, topics=Topics([]))
    loaded = plan.question.circumstances.registries
    seen = facts.project(
        state,
        plan.question.cell,
        about,
        never_target_flag=0,
        registry_hits=sum(loaded[name].bit for name in told.listed if name in loaded),
        sent=(0, 0, told.contacts),
    )
    return seen, READER.regime(state), plan


def reasons(told: World) -> tuple[str, ...]:
    person, regime, plan = found(told)
    return decision.codes(rules.deny_bits(person, plan.law(regime), plan.ask))


WITHOUT: dict[str, Any] = {
    "known": False,
    "address": False,
    "consent": False,
    "sale": (),
    "interest": (),
    "assessed": False,
    "registries": (),
    "message": False,
}
"""How a required thing looks when it is missing."""


# ---- the cases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BASELINES)
def test_a_lawful_baseline_is_allowed(name: str) -> None:
    assert reasons(world(BASELINES[name])) == ()


@pytest.mark.parametrize(
    ("name", "thing"), [(name, thing) for name, said in BASELINES.items() for thing in said["required"]]
)
def test_a_baseline_without_one_thing_that_it_requires_is_refused(name: str, thing: str) -> None:
    assert reasons(world(BASELINES[name], {thing: WITHOUT[thing]})) != ()


@pytest.mark.parametrize(
    ("name", "field", "part"),
    [
        (name, field, part)
        for name, said in BASELINES.items()
        for field in ("proof", "sale", "interest", "registries")
        for part in said.get(field, ())
    ],
)
def test_a_baseline_without_one_of_its_proofs_or_registries_is_refused(
    name: str, field: str, part: str
) -> None:
    left = [one for one in BASELINES[name][field] if one != part]
    denied = reasons(world(BASELINES[name], {field: left, "consent": field == "proof" or None}))
    assert len(denied) == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_was_done_is_refused_for_its_reasons(case: Case) -> None:
    assert reasons(world(BASELINES[case.baseline], case.change)) == case.because


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_its_repair_is_allowed(case: Case) -> None:
    assert reasons(world(BASELINES[case.baseline], case.change, case.repair)) == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_refusal_says_what_would_change_it_and_that_is_true(case: Case) -> None:
    refusal = found(world(BASELINES[case.baseline], case.change))

    def later(at: int) -> Plan:
        plan = refusal[2]
        return Plan(plan.book, msgspec.structs.replace(plan.question, at=at), plan.is_holiday)

    turned = remedies.smallest(*refusal, later)
    assert turned
    assert remedies.turns(turned, *refusal, later)


def test_every_baseline_serves_a_case() -> None:
    assert {case.baseline for case in CASES} == set(BASELINES)
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the compiled reference is not beside this repository")
def test_every_case_of_the_reference_about_contact_consent_or_content_is_here() -> None:
    listed = {one["id"] for one in json.loads(REFERENCE.read_text("utf-8"))["cases"]}
    assert {case.id.split(".")[0] for case in CASES} == listed - ELSEWHERE
