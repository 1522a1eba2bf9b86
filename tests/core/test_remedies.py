"""What would change a refusal: every remedy is true when asked again, none of them is idle, and all are lawful."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from itertools import combinations

import msgspec
import pytest
from event_samples import TERMS, histories
from hypothesis import assume, given, settings

from amana import wiring
from amana.core import decision, events, facts, public_holidays, remedies, rules
from amana.core import state as states
from amana.core.address_class import AddressClass
from amana.core.facts import Facts, Topics
from amana.core.handling import ACTIONS, Handled
from amana.core.pack_values import RegistryNeed
from amana.core.person import Reader
from amana.core.plan import Circumstances, Plan, Question, Registry
from amana.core.regimes import Regime
from amana.core.remedies import Kind, Remedy
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Channel, PointKind, Proof, Status, SubjectType

BOOK = wiring.law_book()
PLACES = (
    "DE",
    "FR",
    "IT",
    "ES",
    "AT",
    "PT",
    "UK",
    "US",
    "US-CA",
    "IL",
    "SA",
    "AE",
    "TH",
    "RU",
    "CA",
    "AU",
    "IN",
    "BR",
)
CONSENT = sum(int(proof) for proof in Proof if proof < Proof.OWN_COLLECTION)
OTHER = sum(int(proof) for proof in Proof if proof >= Proof.OWN_COLLECTION)
SALE = int(
    Proof.OWN_COLLECTION
    | Proof.SALE_CONTEXT
    | Proof.SIMILAR_OFFER
    | Proof.OPT_OUT_AT_COLLECTION
    | Proof.OPT_OUT_IN_MESSAGE
)
REFUSALS = {"suppressed", "objected", "withdrawn", "refused", "invalidated"}
BY_THE_PERSON = {Kind.OWN_CONSENT, Kind.GUARDIAN_CONSENT}

Later = Callable[[int], Plan]
Refusal = tuple[Facts, Regime, Plan, Later]


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOW = seconds("2026-11-24T10:00")  # a Tuesday
DAY = 86_400


def question(channel: Channel = Channel.EMAIL, at: int = NOW, **more: object) -> Question:
    circumstances = msgspec.convert({"served": ("DE",), "stored_in": "DE"} | more, Circumstances)
    return Question(cell=0, channel=channel, at=at, circumstances=circumstances)


def asked(about: Question) -> tuple[Plan, Later]:
    """The plan of a question, and of the same question at other moments."""

    @cache
    def later(at: int) -> Plan:
        return Plan(BOOK, msgspec.structs.replace(about, at=at), public_holidays.in_place)

    return Plan(BOOK, about, public_holidays.in_place), later


def somebody(**changes: object) -> Facts:
    """Somebody known, with an address, who never said anything."""
    known = facts.nobody(0, suppressed=False)._replace(known=True)
    return known._replace(**changes)  # type: ignore[arg-type]  # each test names fields of Facts


def agreed(proof: int = CONSENT & ~int(Proof.GUARDIAN), **changes: object) -> Facts:
    """Somebody who consented a month ago, showing all there is to show."""
    month_ago = NOW - 30 * DAY
    return somebody(granted=True, granted_at=month_ago, granted_by=month_ago, proof=proof, **changes)


def aged(years: int) -> int:
    """The birth day of somebody who is so many years and half a year old."""
    return NOW // DAY - years * 1461 // 4 - 180


def told(person: Facts, where: str = "DE", about: Question | None = None) -> tuple[Remedy, ...]:
    """What would change the answer; the answer must be a refusal that something turns."""
    found = ask(person, where, about)
    assert found
    return found


def ask(person: Facts, where: str = "DE", about: Question | None = None) -> tuple[Remedy, ...] | None:
    plan, later = asked(about or question())
    country, _, region = where.partition("-")
    return remedies.smallest(person, Regime(residence=country, region=region), plan, later)


def only(found: tuple[Remedy, ...]) -> Remedy:
    assert len(found) == 1
    return found[0]


# ---- one refusal, one remedy -------------------------------------------------------------------------------------


def test_an_allow_needs_nothing() -> None:
    assert ask(agreed()) == ()


def test_who_was_never_asked_can_consent_and_the_answer_names_what_the_consent_must_show() -> None:
    remedy = only(told(somebody(), "FR"))
    assert remedy.kind is Kind.OWN_CONSENT
    assert {"channel_named", "sender_named", "unticked", "demonstrable"} <= set(remedy.proofs)
    assert "confirmed" not in remedy.proofs


def test_where_the_country_wants_double_opt_in_the_remedy_says_so() -> None:
    assert "confirmed" in only(told(somebody(), "DE")).proofs


@pytest.mark.parametrize("word", sorted(REFUSALS))
def test_only_the_persons_own_confirmed_consent_lifts_their_refusal_whatever_papers_there_are(
    word: str,
) -> None:
    person = agreed(sale_at=NOW - DAY, sale_proof=SALE, **{word: True})
    remedy = only(told(person, "FR"))
    assert remedy.kind is Kind.OWN_CONSENT
    assert "confirmed" in remedy.proofs


def test_a_consent_with_a_missing_paper_needs_that_paper() -> None:
    person = agreed(CONSENT & ~int(Proof.WITHDRAWAL_TOLD | Proof.GUARDIAN))
    assert only(told(person)) == Remedy(kind=Kind.CONSENT_PROOF, proofs=("withdrawal_told",))


def test_no_paper_shows_afterwards_that_the_holder_of_the_address_confirmed() -> None:
    assert only(told(agreed(CONSENT & ~int(Proof.CONFIRMED)))).kind is Kind.OWN_CONSENT


def test_a_sale_on_record_is_completed_with_what_it_lacks() -> None:
    person = somebody(sale_at=NOW - 90 * DAY, sale_proof=SALE & ~int(Proof.OPT_OUT_AT_COLLECTION))
    assert only(told(person, "UK")) == Remedy(kind=Kind.SALE_PROOF, proofs=("opt_out_at_collection",))


def test_a_sale_that_never_happened_is_not_suggested() -> None:
    assert only(told(somebody(sale_proof=SALE), "UK")).kind is Kind.OWN_CONSENT


def test_an_occasion_that_is_too_old_cannot_be_papered_over() -> None:
    last_year = somebody(relationship_at=NOW - 400 * DAY)
    contract = only(told(last_year, "CA"))
    assert (contract.kind, contract.proofs) == (
        Kind.RELATIONSHIP_PROOF,
        ("contract",),
    )  # counts for two years
    assert only(told(somebody(relationship_at=NOW - 800 * DAY), "CA")).kind is Kind.OWN_CONSENT


def test_legitimate_interest_needs_its_assessment_on_file() -> None:
    assert only(told(somebody(), "UK", question(Channel.POST))).kind is Kind.ASSESSMENT


def test_a_registry_that_was_not_loaded_is_named() -> None:
    remedy = only(told(somebody(), "IT", question(Channel.PHONE_LIVE)))
    assert remedy == Remedy(kind=Kind.REGISTRY, names=("RPO",))


def test_a_bought_list_is_held_until_its_papers_arrive_or_the_person_speaks() -> None:
    assert only(told(somebody(held=True), "US")).kind is Kind.PAPERS
    assert only(told(somebody(held=True), "DE")).kind is Kind.OWN_CONSENT


def test_a_restored_record_waits_for_its_journal() -> None:
    assert only(told(agreed(), about=question(restored=True))).kind is Kind.JOURNAL


def test_every_reason_can_be_turned_or_is_said_to_be_final() -> None:
    final = {"law_unknown", "prohibited", "never_market_to_child", "below_purpose_age"}
    by_residence = {"residence_unknown"}
    assert set(decision.codes(remedies.TURNED)) == set(rules.BY_CODE) - final - by_residence


def test_a_listed_number_may_be_called_with_consent_where_the_country_lets_consent_lift_the_entry() -> None:
    fresh = {"TPS": Registry(bit=1, as_of=NOW), "RPO": Registry(bit=1, as_of=NOW)}
    about = question(Channel.PHONE_LIVE, registries=fresh)
    listed = somebody(registry_hits=1)
    assert only(told(listed, "UK", about)).kind is Kind.OWN_CONSENT
    assert only(told(listed, "IT", about)).kind is Kind.DELISTED


def test_a_country_that_wants_the_record_inside_it_is_named() -> None:
    assert only(told(agreed(), "RU")) == Remedy(kind=Kind.STORAGE, names=("RU",))


def test_the_message_is_told_what_it_lacks() -> None:
    remedy = only(told(agreed(), "DE", question(message=0)))
    assert remedy.kind is Kind.MESSAGE
    assert remedy.names == ("sender", "opt_out", "advertising", "honest_kind")


def test_quiet_hours_wait_for_the_first_open_quarter_in_the_persons_zone() -> None:
    sunday = seconds("2026-11-22T10:00")
    fresh = {"RPO": Registry(bit=1, as_of=sunday)}
    remedy = only(told(somebody(), "IT", question(Channel.PHONE_LIVE, sunday, registries=fresh)))
    assert remedy == Remedy(kind=Kind.WAIT, until=seconds("2026-11-23T08:00"))  # 09:00 in Rome


def test_a_pause_is_waited_out_to_the_next_quarter_of_an_hour() -> None:
    paused = agreed(paused_until=seconds("2027-03-01T12:05"))
    assert only(told(paused)).until == seconds("2027-03-01T12:15")


@pytest.mark.parametrize(
    ("changes", "days"), [({"sent_day": 2}, 1), ({"sent_week": 3}, 7), ({"sent_month": 9}, 30)]
)
def test_a_cap_is_waited_out_until_its_whole_window_has_passed(changes: dict[str, int], days: int) -> None:
    about = question(cap_day=2, cap_week=3, cap_month=9)
    assert only(told(agreed(**changes), about=about)).until == NOW + days * DAY


def test_a_weeks_contacts_still_count_the_day_after() -> None:
    plan, later = asked(question(cap_week=3))
    often, germany = agreed(sent_week=3, sent_month=3), Regime(residence="DE")
    waits = [Remedy(kind=Kind.WAIT, until=NOW + days * DAY) for days in (1, 7)]
    assert [remedies.turns((wait,), often, germany, plan, later) for wait in waits] == [False, True]


def test_a_grant_that_may_lie_ahead_is_waited_for() -> None:
    assert only(told(agreed()._replace(granted_by=NOW + 7200))).until == NOW + 7200


def test_hours_that_never_come_are_the_persons_to_change() -> None:
    assert only(told(agreed(hours=0))).kind is Kind.TIMES
    assert only(told(agreed(per_month=0))).kind is Kind.PACE
    assert only(told(agreed(topics_off=1), about=question(topic=1))).kind is Kind.TOPIC


def test_a_pause_that_outlives_every_consent_is_the_persons_to_end() -> None:
    person = agreed(paused_until=NOW + 500 * DAY)
    assert only(told(person, "FR", question(Channel.PHONE_LIVE))).kind is Kind.RESUMED  # a year, R223-1


def test_a_blocked_address_is_confirmed_anew_and_a_new_one_needs_a_new_consent() -> None:
    assert only(told(agreed(point_blocked=True))).kind is Kind.POINT_CONFIRMED
    operations = told(agreed(never_target=True))
    assert [one.kind for one in operations] == [Kind.POINT_NEW, Kind.OWN_CONSENT]


def test_a_child_needs_a_guardian_and_the_youngest_are_left_alone() -> None:
    assert only(told(somebody(born=aged(15)), "DE")).kind is Kind.GUARDIAN_CONSENT
    assert ask(somebody(born=aged(13)), "IL") is None


def test_a_purpose_for_adults_is_not_for_a_child_and_an_unknown_age_can_be_shown() -> None:
    adults = question(min_age=18)
    assert only(told(agreed(), about=adults)) == Remedy(kind=Kind.AGE, names=("18",))
    assert ask(agreed(born=aged(17)), about=adults) is None


def test_nothing_turns_what_the_law_prohibits() -> None:
    assert ask(agreed(), "FR", question(sector="home_energy_renovation")) is None


def test_nothing_turns_a_law_that_is_not_known() -> None:
    assert ask(agreed(), "ZZ") is None


def test_an_unknown_person_is_recorded_or_consents() -> None:
    assert only(told(somebody(known=False), "US")).kind is Kind.RECORDED
    assert only(told(somebody(known=False), "DE")).kind is Kind.OWN_CONSENT


def test_a_residence_that_nobody_knows_is_named_with_the_countries_for_which_it_suffices() -> None:
    remedy = only(told(somebody(), "", question(served=())))
    assert remedy.kind is Kind.RESIDENCE
    assert "US" in remedy.names
    assert "DE" not in remedy.names


def test_several_things_are_told_together_and_waiting_comes_first() -> None:
    person = somebody(paused_until=NOW + DAY, withdrawn=True, topics_off=1, restricted=True)
    found = told(person, "FR", question(topic=1))
    assert [one.kind for one in found] == [Kind.WAIT, Kind.RESTRICTION, Kind.TOPIC, Kind.OWN_CONSENT]


# ---- the decision carries it -------------------------------------------------------------------------------------


def test_a_decision_says_what_would_change_it_only_when_asked_to() -> None:
    plan, later = asked(question())
    regime = Regime(residence="DE")
    plain = decision.decide(somebody(), regime, plan, later=later)
    assert plain.would_allow is msgspec.UNSET
    assert b"would_allow" not in msgspec.json.encode(plain)
    full = decision.decide(somebody(), regime, plan, later=later, with_remedies=True)
    assert [one.kind for one in full.would_allow or ()] == [Kind.OWN_CONSENT]
    allowed = decision.decide(agreed(), regime, plan, later=later, with_remedies=True)
    assert (allowed.allow, allowed.would_allow) == (True, ())


def test_a_decision_that_only_a_cap_refuses_says_until_when() -> None:
    plan, later = asked(question(cap_week=3))
    answer = decision.decide(agreed(sent_week=3, sent_month=3), Regime(residence="DE"), plan, later=later)
    assert answer.defer_until == NOW + 7 * DAY


# ---- random refusals over the real law ---------------------------------------------------------------------------


def random_question(draw: random.Random) -> Question:
    at = seconds("2026-06-01T00:00") + draw.randrange(300 * DAY)
    message = draw.choice((None, None, 0, 0b11111))
    loaded = {
        need.registry: Registry(bit=1 << index, as_of=at - draw.choice((0, 3, 40)) * DAY)
        for index, need in enumerate(_needs())
        if draw.random() < 0.7
    }
    circumstances = Circumstances(
        served=tuple(draw.sample(PLACES, draw.choice((0, 1, 1, 1, 2, 2, 4)))),
        stored_in=draw.choice(("DE", "RU", "US")),
        min_age=draw.choice((0, 0, 18)),
        notice_floor=draw.choice((0, 0, 2)),
        assessed=draw.random() < 0.4,
        topic=draw.choice((0, 1, 6)),
        sector=draw.choice(("", "", "", "electricity", "home_energy_renovation")),
        cap_day=draw.choice((1, 2, facts.NO_CAP, facts.NO_CAP)),
        cap_week=0 if draw.random() < 0.03 else draw.choice((3, facts.NO_CAP, facts.NO_CAP)),
        registries=loaded,
        message=message,
        restored=draw.choice((False, False, False, True)),
    )
    if draw.random() < 0.2:
        return handled_question(draw, at, circumstances)
    return Question(cell=0, channel=draw.choice(tuple(Channel)), at=at, circumstances=circumstances)


def handled_question(draw: random.Random, at: int, circumstances: Circumstances) -> Question:
    """A question about use or sharing of data."""
    handled = Handled(
        action=draw.choice(ACTIONS),
        special=draw.random() < 0.3,
        country=draw.choice(("", "DE", "US", "IL")),
        safeguarded=draw.random() < 0.5,
    )
    circumstances = msgspec.structs.replace(
        circumstances,
        declared=draw.random() < 0.8,
        agreed=draw.random() < 0.8,
        message=None,
        topic=0,
    )
    return Question(cell=0, channel=None, handled=handled, at=at, circumstances=circumstances)


@cache
def _needs() -> tuple[RegistryNeed, ...]:
    listed = [one for code in BOOK.codes() for one in BOOK.jurisdiction(code).registries]
    return tuple(one.need() for one in listed if not one.voluntary)


def random_regime(draw: random.Random) -> Regime:
    place = draw.choice((*PLACES, ""))
    country, _, region = place.partition("-")
    return Regime(
        residence=country,
        region=region,
        number_country=draw.choice(("", "DE", "US", country)),
        subject=draw.choice(tuple(SubjectType)).value,
        zone=draw.choice(("", "", "Europe/Berlin")),
    )


def random_facts(draw: random.Random, at: int) -> Facts:
    def seldom(share: float = 0.1) -> bool:
        return draw.random() < share

    def moment() -> int:
        return draw.choice(
            (
                0,
                at - draw.randrange(30 * DAY),
                at - draw.randrange(1500 * DAY),
                at + draw.randrange(-900, 3 * DAY),
            )
        )

    def proof(bits: int) -> int:
        return draw.choice((0, bits, bits, bits & ~(1 << draw.randrange(31)), bits & draw.getrandbits(31)))

    granted = seldom(0.5)
    granted_at = moment() if granted else 0
    sent = draw.choice((0, 0, 0, 1, 3))
    return Facts(
        known=not seldom(0.05),
        regime=0,
        held=seldom(0.05),
        restricted=seldom(0.05),
        suppressed=seldom(0.05),
        born=draw.choice((facts.BORN_UNKNOWN, 0, 3650, at // DAY - 16 * 366, at // DAY - 10 * 365))
        if seldom(0.4)
        else facts.BORN_UNKNOWN,
        paused_until=at + draw.randrange(-DAY, 500 * DAY) if seldom() else 0,
        hours=draw.choice((0, 0xF00, draw.getrandbits(24))) if seldom(0.15) else facts.ALL_HOURS,
        days=draw.choice((0, 0b11111, draw.getrandbits(7))) if seldom(0.15) else facts.ALL_DAYS,
        topics_off=draw.choice((0, 0, 0, 1, 2)),
        per_month=draw.choice((0, 2)) if seldom() else facts.NO_CAP,
        has_point=not seldom(),
        point_blocked=seldom(),
        never_target=seldom(0.05),
        registry_hits=draw.getrandbits(8) if seldom(0.2) else 0,
        objected=seldom(0.05),
        withdrawn=seldom(),
        refused=seldom(0.05),
        invalidated=seldom(0.05),
        requested=not granted and seldom(0.2),
        lifted=granted and seldom(0.05),
        granted=granted,
        granted_at=granted_at,
        granted_by=granted_at + draw.choice((0, 0, DAY)) if granted else 0,
        proof=proof(CONSENT) if granted else 0,
        notice=draw.choice((0, 2)),
        point_matches=not seldom(),
        sale_at=moment(),
        sale_proof=proof(OTHER),
        interest_at=moment(),
        interest_proof=proof(OTHER),
        relationship_at=moment(),
        relationship_proof=proof(OTHER),
        published_at=moment(),
        published_proof=proof(OTHER),
        sent_day=min(sent, draw.randrange(4)),
        sent_week=sent,
        sent_month=sent,
    )


def random_refusals(seed: int, count: int, to_a_question: int = 500) -> list[Refusal]:
    draw = random.Random(seed)
    found: list[Refusal] = []
    while len(found) < count:
        plan, later = asked(random_question(draw))
        regimes = [random_regime(draw) for _ in range(8)]
        for _ in range(to_a_question):
            person, regime = random_facts(draw, plan.ask.at), draw.choice(regimes)
            if rules.deny_bits(person, plan.law(regime), plan.ask):
                found.append((person, regime, plan, later))
    return found[:count]


@pytest.mark.slow
def test_ten_thousand_random_refusals_are_turned_by_the_smallest_set_and_by_nothing_less() -> None:
    used: set[Kind] = set()
    hopeless = 0
    for refusal in random_refusals(seed=1, count=10_000):
        person, regime, plan, _ = refusal
        found = remedies.smallest(*refusal)
        if found is None:
            hopeless += 1
            continue
        used |= {one.kind for one in found}
        assert remedies.turns(found, *refusal)
        for size in range(len(found)):
            for fewer in combinations(found, size):
                assert not remedies.turns(fewer, *refusal), (found, fewer)
        said = set(decision.codes(rules.deny_bits(person, plan.law(regime), plan.ask)))
        if said & REFUSALS and not (person.lifted and Kind.WAIT in {one.kind for one in found}):
            assert {one.kind for one in found} & BY_THE_PERSON
        if person.born > plan.law(regime).born_by:
            assert Kind.OWN_CONSENT not in {one.kind for one in found} or regime.residence == ""
    assert len(used) >= len(Kind) - 4  # a few are rare
    assert hopeless < 2_000


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.POST])
def test_every_country_that_a_residence_remedy_names_would_do(channel: Channel) -> None:
    draw, seen = random.Random(2), 0
    plan, later = asked(question(channel, served=(), stored_in="RU", topic=1))
    for _ in range(12):
        person = random_facts(draw, NOW)
        found = remedies.smallest(person, Regime(), plan, later) or ()
        for at, one in enumerate(found):
            for place in one.names if one.kind is Kind.RESIDENCE else ():
                country, _, region = place.partition("-")
                there = Regime(residence=country, region=region)
                assert remedies.turns(found[:at] + found[at + 1 :], person, there, plan, later)
                seen += 1
    assert seen > 100


# ---- the remedies as real events ---------------------------------------------------------------------------------

READER = Reader(wiring.address_rules())
CELL = TERMS.cell("orchard", "offers", "email")
TOPICS = Topics(["sport", "art"])
NEW_SOURCE = 99


def seen(state: states.PersonState) -> tuple[Facts, Regime]:
    about = facts.person_facts(state, 0, READER.born(state), suppressed=False, topics=TOPICS)
    found = facts.project(state, CELL, about, never_target_flag=int(AddressClass.NEVER_TARGET))
    return found, READER.regime(state)


def brought(
    remedy: Remedy, state: states.PersonState, about: Question
) -> tuple[list[events.AnyEvent], Question]:
    """What somebody records, or arranges, to bring a remedy."""
    base = {
        "id": f"{0xABCDEF + list(Kind).index(remedy.kind):032x}",
        "source": NEW_SOURCE,
        "actor": Actor.PERSON,
    }
    now = base | {"occurred": Interval(lo=NOW, hi=NOW)}
    cell = {"brand": "orchard", "purpose": "offers", "channel": "email"}
    proof = sum((Proof[name.upper()] for name in remedy.proofs), Proof(0))
    circumstances = about.circumstances
    point = facts.current_point(state, Channel.EMAIL)
    grant = facts.counting_grant(state, CELL)
    match remedy.kind:
        case Kind.OWN_CONSENT | Kind.GUARDIAN_CONSENT:
            proof |= Proof(
                seen(state)[0].proof
            )  # it shows no less than the one on record, or that one counts
            actor = Actor.PERSON if remedy.kind is Kind.OWN_CONSENT else Actor.GUARDIAN
            consent = {
                "status": Status.GIVEN,
                "proof": proof,
                "confirmed": True,
                "point": point,
                "notice_epoch": 2,
            }
            return [events.Permission(**now | cell | consent | {"actor": actor})], about
        case Kind.CONSENT_PROOF:
            assert grant
            then = {
                "occurred": Interval(lo=grant.lo, hi=grant.hi),
                "source": grant.source,
                "confirmed": grant.own,
            }
            paper = {"proof": proof | Proof(grant.proof), "point": grant.point, "notice_epoch": grant.epoch}
            return [events.Permission(**base | cell | {"status": Status.GIVEN} | then | paper)], about
        case Kind.SALE_PROOF:
            held, _ = seen(state)
            then = {"occurred": Interval(lo=held.sale_at, hi=held.sale_at), "basis": "sale"}
            return [
                events.Relationship(**base | cell | then | {"proof": proof | Proof(held.sale_proof)})
            ], about
        case Kind.RESTRICTION:
            return [events.Restriction(**now, on=False)], about
        case Kind.TOPIC:
            return [events.Preference(**now, topics_off=())], about
        case Kind.TIMES:
            return [events.Preference(**now, hours=facts.ALL_HOURS, days=facts.ALL_DAYS)], about
        case Kind.POINT_CONFIRMED:
            return [events.Point(**now, point=point, point_kind=PointKind.EMAIL, change="unblocked")], about
        case Kind.POINT_NEW:
            return [events.Point(**now, point=7, point_kind=PointKind.EMAIL, change="added")], about
        case Kind.RESIDENCE:
            return [events.Profile(**now, columns={"residence": remedy.names[0]})], about
        case Kind.WAIT:
            return [], msgspec.structs.replace(about, at=remedy.until or NOW)
        case Kind.MESSAGE:
            return [], msgspec.structs.replace(
                about, circumstances=msgspec.structs.replace(circumstances, message=(1 << 31) - 1)
            )
        case _:
            raise AssertionError(f"this world has no {remedy.kind}")


@given(history=histories())
@settings(max_examples=150, deadline=None)
def test_remedies_brought_as_real_events_turn_real_refusals(history: list[events.AnyEvent]) -> None:
    about = question(served=("FR", "UK"), notice_floor=1, topic=1, message=0)
    state = states.fold_all(history, TERMS)
    person, regime = seen(state)
    assume(regime.residence in ("", "DE"))  # the samples also put a year where a country belongs
    plan, later = asked(about)
    found = remedies.smallest(person, regime, plan, later)
    assert found is not None
    for remedy in sorted(found, key=lambda one: list(Kind).index(one.kind)):
        happened, about = brought(remedy, state, about)
        for event in happened:
            state = states.fold(state, event, TERMS)
    after, where = seen(state)
    plan, _ = asked(about)
    assert rules.deny_bits(after, plan.law(where), plan.ask) == 0
