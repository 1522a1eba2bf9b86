"""The answer: every reason ranked, what it rests on, when it may change. Deny beats allow."""

from __future__ import annotations

import pytest
from hand_made_law import book, exception, hours, moment, pack, plan
from lawful_case import PERSON_FACTS

from amana.core import decision, facts, rules
from amana.core.decision import Decision, Obligation
from amana.core.facts import Facts
from amana.core.messages import Element
from amana.core.plan import QUARTER, Plan
from amana.core.regimes import Regime
from amana.core.vocabulary import Channel, Proof, RuleClass

NOON = moment("2026-03-04T12:00:00")
HOME = Regime(residence="DE", zone="UTC")
GOOD = PERSON_FACTS._replace(granted_at=NOON - 90_000, granted_by=NOON - 90_000)
LAW = book(pack("DE", more=hours("09:00-18:00", "10:00-12:00")))


def planned(at: int, channel: Channel = Channel.EMAIL, **more: object) -> Plan:
    return plan(LAW, at, channel, **more)


def answer(found: Facts, at: int = NOON, channel: Channel = Channel.EMAIL, **more: object) -> Decision:
    return decision.decide(
        found, HOME, planned(at, channel, **more), later=lambda moment: planned(moment, channel)
    )


def codes(found: Decision) -> list[str]:
    return [reason.code for reason in found.reasons]


def test_an_allow_has_no_reasons_and_names_what_it_rests_on() -> None:
    found = decision.decide(GOOD, HOME, planned(NOON), grant="ab", ledger_size=7)
    assert found.allow
    assert found.reasons == ()
    assert found.defer_until is None
    assert (found.at, found.ledger_size, found.rules_version) == (NOON, 7, LAW.version)
    assert found.evidence.grant == "ab"
    assert [(one.place, one.rule, one.basis, one.confirmed) for one in found.evidence.law] == [
        ("DE", "DE.01", "opt_in", True)
    ]


def test_every_reason_is_given_in_the_books_order_and_one_is_enough_to_deny() -> None:
    found = answer(
        GOOD._replace(withdrawn=True, has_point=False, objected=True, proof=0, sent_day=9), cap_day=2
    )
    assert not found.allow
    assert codes(found) == ["objected", "withdrawn", "no_contact_point", "consent_unproven", "frequency_cap"]
    assert [rules.BY_CODE[code].bit for code in codes(found)] == sorted(
        rules.BY_CODE[code].bit for code in codes(found)
    )
    assert found.obligations == ()


def test_bits_and_codes_are_one() -> None:
    assert decision.codes(0) == ()
    assert decision.codes((1 << len(rules.BOOK)) - 1) == tuple(rules.BY_CODE)


def test_missing_proofs_are_named() -> None:
    found = answer(GOOD._replace(proof=int(Proof.UNTICKED)))
    assert [(one.code, one.detail) for one in found.reasons] == [("consent_unproven", ("channel_named",))]


def test_a_pre_ticked_box_is_no_consent() -> None:
    """Pre-ticked boxes (peers' defect 10)."""
    strict = book(pack("DE", rule='needs = ["strict"]'))
    ticked = GOOD._replace(proof=int(Proof.CHANNEL_NAMED | Proof.CONFIRMED))
    found = decision.decide(ticked, HOME, plan(strict, NOON))
    assert [(one.code, one.detail) for one in found.reasons] == [("consent_unproven", ("unticked",))]
    unticked = ticked._replace(proof=ticked.proof | Proof.UNTICKED)
    assert decision.decide(unticked, HOME, plan(strict, NOON)).allow


def test_of_several_unfinished_bases_the_nearest_to_complete_names_what_is_missing() -> None:
    more = exception("DE.sale", "sale", '"own_collection", "sale_context", "similar_offer"') + exception(
        "DE.known", "relationship", '"contract", "expected"'
    )
    made = plan(book(pack("DE", rule='exceptions = ["DE.sale", "DE.known"]', more=more)), NOON)
    tried = facts.nobody(0, suppressed=False)._replace(
        known=True,
        sale_at=5,
        sale_proof=int(Proof.OWN_COLLECTION),
        relationship_at=5,
        relationship_proof=int(Proof.CONTRACT),
    )
    reasons = decision.decide(tried, HOME, made).reasons
    assert [(one.code, one.detail) for one in reasons] == [("other_basis_incomplete", ("expected",))]


# ---- time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "found", "until"),
    [
        ("2026-03-04T18:00:00", GOOD, "2026-03-05T09:00:00"),
        ("2026-03-04T08:59:59", GOOD, "2026-03-04T09:00:00"),
        ("2026-03-06T19:00:00", GOOD, "2026-03-07T10:00:00"),  # Friday evening to Saturday
        ("2026-03-07T12:07:00", GOOD, "2026-03-09T09:00:00"),  # over Sunday
        (
            "2026-03-04T12:00:00",
            GOOD._replace(paused_until=moment("2026-03-04T13:10:00")),
            "2026-03-04T13:15:00",
        ),
        (
            "2026-03-04T12:00:00",
            GOOD._replace(paused_until=moment("2026-03-04T20:00:00")),
            "2026-03-05T09:00:00",
        ),
        ("2026-03-04T12:00:00", GOOD._replace(hours=1 << 15), "2026-03-04T15:00:00"),
        ("2026-03-04T12:00:00", GOOD._replace(days=1 << 5), "2026-03-07T10:00:00"),
    ],
)
def test_when_only_the_clock_denies_the_answer_says_when_asking_again_allows(
    at: str, found: Facts, until: str
) -> None:
    said = answer(found, moment(at))
    assert not said.allow
    assert said.defer_until == moment(until)
    assert answer(found, said.defer_until).allow
    assert not answer(found, said.defer_until - QUARTER).allow


def test_a_pause_is_enforced() -> None:
    """A pause that is stored and not enforced (peers' defect 5)."""
    assert codes(answer(GOOD._replace(paused_until=NOON + 1))) == ["paused"]


def test_no_time_helps_where_more_than_the_clock_denies_or_no_hour_ever_comes() -> None:
    evening = moment("2026-03-04T19:00:00")
    assert answer(GOOD._replace(withdrawn=True), evening).defer_until is None
    assert answer(GOOD._replace(hours=1 << 3), evening).defer_until is None
    assert decision.decide(GOOD, HOME, planned(evening)).defer_until is None


def test_an_answer_is_valid_to_the_quarters_end_or_to_the_moment_it_turns() -> None:
    begin = NOON - NOON % QUARTER
    assert answer(GOOD, begin + 10).valid_until == begin + QUARTER
    assert answer(GOOD._replace(paused_until=begin + 100), begin + 10).valid_until == begin + 100
    assert answer(GOOD._replace(granted_by=begin + 100), begin + 10).valid_until == begin + 101
    assert answer(GOOD._replace(paused_until=begin + 5), begin + 10).valid_until == begin + QUARTER


# ---- what to do on an allow --------------------------------------------------------------------------------


def test_each_channel_brings_its_duties() -> None:
    mail, call = answer(GOOD).obligations, answer(GOOD, channel=Channel.PHONE_LIVE).obligations
    assert Obligation.ONE_CLICK_UNSUBSCRIBE in mail
    assert Obligation.POSTAL_ADDRESS in mail
    assert Obligation.SAY_WHO_AND_WHY in call
    assert Obligation.ONE_CLICK_UNSUBSCRIBE not in call
    labelled = plan(book(pack("DE", "opt_in")), NOON)
    labelled._rows[HOME] = labelled.law(HOME)._replace(message=int(Element.LABEL_HE))
    assert Obligation.ADVERTISING_LABEL in decision.decide(GOOD, HOME, labelled).obligations
    assert Obligation.ADVERTISING_LABEL not in mail


def test_law_that_counsel_has_not_confirmed_says_so() -> None:
    name, text = pack("DE", rule='conditions = { caller_id = "not_enforced", sender_named = "proof" }')
    for old, new in (('"seen"', '"believed"'), ('"high"', '"medium"')):
        cited = decision.decide(GOOD, HOME, plan(book((name, text.replace(old, new, 1))), NOON)).evidence.law
        assert not cited[0].confirmed
        assert cited[0].not_enforced == ("caller_id",)


def test_a_reason_says_whose_no_it_is() -> None:
    kinds = {
        reason.code: reason.kind for reason in answer(GOOD._replace(withdrawn=True, has_point=False)).reasons
    }
    assert kinds == {"withdrawn": RuleClass.CHOICE, "no_contact_point": RuleClass.TECHNICAL}
