"""What the law asks on a day: the changes of 2024 to 2027, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from amana import errors
from amana.core.packs import ExceptionKind, LawBook, LawRule, Period
from amana.core.vocabulary import Basis, Channel, Confidence, Mark, Proof, SubjectType

GDPR_CONSENT = (
    Proof.DEMONSTRABLE
    | Proof.CHANNEL_NAMED
    | Proof.SENDER_NAMED
    | Proof.PURPOSE_NAMED
    | Proof.UNBUNDLED
    | Proof.UNTICKED
    | Proof.WITHDRAWAL_TOLD
)
SALE = (
    Proof.OWN_COLLECTION
    | Proof.SALE_CONTEXT
    | Proof.SIMILAR_OFFER
    | Proof.OPT_OUT_AT_COLLECTION
    | Proof.OPT_OUT_IN_MESSAGE
)
Look = Callable[..., LawRule]


def test_french_calls_to_consumers_become_opt_in_on_11_august_2026(rule: Look) -> None:
    before, after = rule("FR", "phone_live", "2026-08-10"), rule("FR", "phone_live", "2026-08-11")
    assert (before.id, before.basis, [one.registry for one in before.registries]) == (
        "FR.05",
        Basis.OPT_OUT_REGISTRY,
        ["BLOCTEL"],
    )
    assert (after.id, after.basis, after.registries, after.consent_life) == (
        "FR.06",
        Basis.OPT_IN,
        (),
        Period(months=12),
    )
    assert [one.id for one in after.exceptions] == ["FR.ongoing_contract_call"]


def test_french_hours_are_sure_only_until_the_decree_that_was_not_read(book: LawBook) -> None:
    before = book.quiet("FR", Channel.PHONE_LIVE, date(2026, 8, 10))
    after = book.quiet("FR", Channel.PHONE_LIVE, date(2026, 8, 11))
    assert before is not None
    assert after is not None
    assert before.weekday == after.weekday == ((600, 780), (840, 1200))
    assert (before.saturday, before.sunday, before.holiday) == ((), (), ())
    assert (before.confirmed, after.confirmed) == (True, False)


def test_uk_charities_may_rely_on_supporters_from_5_february_2026(rule: Look) -> None:
    before, on = rule("UK", "email", "2026-02-04"), rule("UK", "email", "2026-02-05")
    assert [one.id for one in before.exceptions] == ["UK.soft_opt_in"]
    assert [one.id for one in on.exceptions] == ["UK.soft_opt_in", "UK.charity_soft_opt_in"]
    assert Proof.CHARITY in on.exceptions[1].proof_needed


def test_supporter_details_from_before_the_day_never_count(rule: Look) -> None:
    for on in ("2026-02-05", "2026-06-30", "2028-03-01"):
        life = rule("UK", "email", on).exceptions[1].life
        assert life is not None
        assert life.before(date.fromisoformat(on)) == date(2026, 2, 5)


def test_russian_consent_is_a_separate_document_from_1_september_2025(rule: Look) -> None:
    before, after = rule("RU", "email", "2025-08-31"), rule("RU", "email", "2025-09-01")
    assert before.proof_needed == GDPR_CONSENT
    assert after.proof_needed == GDPR_CONSENT | Proof.SEPARATE_DOCUMENT
    assert "separate_pd_consent_document" not in {one.token for one in before.conditions}
    assert "separate_pd_consent_document" in {one.token for one in after.conditions}


def test_russian_call_labelling_is_about_calls_only(rule: Look) -> None:
    label = "call_labelling_contract_if_phone"
    assert label in {one.token for one in rule("RU", "phone_live", "2025-09-01").conditions}
    assert label not in {one.token for one in rule("RU", "email", "2025-09-01").conditions}


def test_russian_data_stays_inside_from_1_july_2025(book: LawBook) -> None:
    assert not book.stored_inside("RU", date(2025, 6, 30))
    assert book.stored_inside("RU", date(2025, 7, 1))
    assert not book.stored_inside("DE", date(2026, 1, 1))


def test_italian_energy_calls_need_consent_from_19_june_2026(rule: Look) -> None:
    before, after = rule("IT", "phone_live", "2026-06-18"), rule("IT", "phone_live", "2026-06-19")
    assert before.asked("electricity") is Basis.OPT_OUT_REGISTRY
    assert after.asked("electricity") is after.asked("gas_supply") is Basis.OPT_IN
    assert after.asked("books") is Basis.OPT_OUT_REGISTRY


def test_texan_texts_have_their_own_row_and_hours_from_1_september_2025(rule: Look, book: LawBook) -> None:
    assert rule("US-TX", "sms", "2025-08-31").id == "US.02"
    assert rule("US-TX", "sms", "2025-09-01").id == "US-TX.01"
    sunday = {
        day: book.quiet("US-TX", Channel.SMS, date.fromisoformat(day)) for day in ("2025-08-31", "2025-09-01")
    }
    assert [one.sunday for one in sunday.values() if one] == [((480, 1260),), ((720, 1260),)]


def test_dutch_customers_may_not_be_called_for_being_customers_since_july_2026(rule: Look) -> None:
    assert [one.id for one in rule("NL", "phone_live", "2026-06-30").exceptions] == ["NL.customer_call_3y"]
    assert [one.id for one in rule("NL", "phone_live", "2026-07-01").exceptions] == [
        "NL.charity_lottery_press_customer_call"
    ]


def test_polish_law_changed_its_act_and_not_its_answer(rule: Look) -> None:
    assert [rule("PL", "email", day).id for day in ("2024-11-09", "2024-11-10")] == ["PL.02", "PL.01"]


def test_indian_messages_need_consent_when_the_main_duties_begin(rule: Look) -> None:
    assert rule("IN", "email", "2027-05-12").basis is Basis.OPT_OUT
    assert rule("IN", "email", "2027-05-13").basis is Basis.OPT_IN
    assert rule("IN", "email", "2027-05-13", "corporate_generic").basis is Basis.OPT_OUT


def test_a_row_is_only_as_sure_as_the_least_sure_of_its_parts(rule: Look) -> None:
    before, after = rule("ES", "phone_live", "2025-12-27"), rule("ES", "phone_live", "2025-12-28")
    assert (before.confidence, before.consent_life) == (Confidence.HIGH, None)
    assert (after.confidence, after.consent_life) == (Confidence.LOW, Period(months=24))
    assert (before.confirmed, after.confirmed) == (True, False)
    assert rule("ES", "phone_live", "2026-02-01").asked("electricity") is Basis.PROHIBITED


@pytest.mark.parametrize(
    ("code", "channel", "needed"),
    [
        ("EU", "email", GDPR_CONSENT),
        ("DE", "email", GDPR_CONSENT | Proof.CONFIRMED),
        ("DE", "phone_live", GDPR_CONSENT | Proof.RECORDED_CALL),
        ("FR", "ads_audience", GDPR_CONSENT | Proof.PLATFORM_NAMED),
        ("UK", "email", GDPR_CONSENT),
        ("AE", "sms", GDPR_CONSENT | Proof.ASKED_BY_PERSON),
    ],
)
def test_a_consent_must_show_what_the_law_asks_for(
    rule: Look, code: str, channel: str, needed: Proof
) -> None:
    assert rule(code, channel, "2026-11-21").proof_needed == needed


@pytest.mark.parametrize(
    ("code", "channel", "needed"),
    [
        ("IL", "email", Proof.WRITTEN),
        ("US", "sms", Proof.SIGNED_DISCLOSURE | Proof.NOT_CONDITION),
        ("US-TX", "sms", Proof.SIGNED_DISCLOSURE | Proof.NOT_CONDITION),
        ("US-NY", "phone_auto", Proof.SIGNED_DISCLOSURE | Proof.NOT_CONDITION),
        ("IN", "sms", Proof.CONSENT_LEDGER),
    ],
)
def test_some_laws_ask_for_more(rule: Look, code: str, channel: str, needed: Proof) -> None:
    assert needed in rule(code, channel, "2026-11-21").proof_needed


@pytest.mark.parametrize(
    ("code", "more"),
    [("EU", Proof(0)), ("DE", Proof(0)), ("UK", Proof(0)), ("IL", Proof.ADVERTISING_TOLD)],
)
def test_soft_opt_in_has_five_conditions_and_israel_a_sixth(rule: Look, code: str, more: Proof) -> None:
    sale = [one for one in rule(code, "email", "2026-01-01").exceptions if one.kind is ExceptionKind.SALE]
    assert [one.proof_needed for one in sale] == [SALE | more]


def test_poland_and_saudi_arabia_know_no_soft_opt_in(rule: Look) -> None:
    assert rule("PL", "email", "2026-01-01").exceptions == ()
    assert rule("SA", "email", "2026-01-01").exceptions == ()


def test_the_italian_sale_exception_is_for_email_only(rule: Look) -> None:
    assert rule("IT", "email", "2026-01-01").exceptions
    assert not rule("IT", "sms", "2026-01-01").exceptions


def test_an_exception_for_some_subjects_is_not_shown_to_others(rule: Look) -> None:
    named = {one.id for one in rule("NL", "email", "2026-01-01", "corporate_named").exceptions}
    assert named - {one.id for one in rule("NL", "email", "2026-01-01").exceptions} == {
        "NL.published_for_purpose"
    }


def test_registries_have_an_age_and_say_whether_consent_lifts_them(rule: Look) -> None:
    (tps,) = rule("UK", "phone_live", "2026-01-01").registries
    assert (tps.registry, tps.max_age, tps.lifted_by_consent) == ("TPS", Period(days=28), True)
    (dncr,) = rule("AE", "sms", "2026-01-01").registries
    assert (dncr.registry, dncr.max_age, dncr.lifted_by_consent) == ("DNCR", Period(days=1), False)


def test_a_list_that_only_tempers_the_exception_is_not_lifted_by_it(rule: Look) -> None:
    for code, channel in (("AT", "email"), ("ES", "phone_live")):
        (need,) = rule(code, channel, "2025-06-01").registries
        assert (need.lifted_by_consent, need.lifted_by_exception) == (True, False)


def test_the_austrian_mail_list_says_nothing_about_texts(rule: Look) -> None:
    assert rule("AT", "sms", "2026-01-01").registries == ()


def test_an_assessment_is_asked_for_where_a_person_is_named(rule: Look) -> None:
    assert rule("UK", "email", "2026-01-01", "corporate_named").needs_assessment
    assert not rule("UK", "email", "2026-01-01", "corporate_generic").needs_assessment
    assert rule("EU", "post", "2026-01-01").needs_assessment


@pytest.mark.parametrize(
    ("code", "channel", "subject"),
    [
        ("IE", "phone_live", "consumer"),  # unless the number is a landline
        ("FR", "email", "corporate_named"),  # unless told and offered an opt-out at collection
        ("BR", "email", "consumer"),  # unless there is a relationship
        ("IL", "post", "consumer"),  # unless the data are the sender's own
    ],
)
def test_an_opt_out_with_a_condition_asks_for_consent_until_it_is_met(
    rule: Look, code: str, channel: str, subject: str
) -> None:
    found = rule(code, channel, "2026-01-01", subject)
    assert found.basis <= Basis.OPT_OUT_REGISTRY
    assert found.asked() is Basis.OPT_IN
    assert found.asked(conditions_met=True) is found.basis
    assert found.exceptions  # the condition, as evidence


def test_states_overlay_and_do_not_copy(rule: Look) -> None:
    assert rule("US-CA", "ads_audience", "2026-01-01").id == "US-CA.01"
    assert rule("US-CA", "email", "2026-01-01").id == "US.01"
    assert {one.registry for one in rule("US-TX", "phone_live", "2026-01-01").registries} == {
        "TX_NO_CALL",
        "NATIONAL_DNC",
    }
    assert {one.registry for one in rule("US-FL", "phone_live", "2026-01-01").registries} == {
        "FL_DNC",
        "NATIONAL_DNC",
    }


def test_hours_of_a_state_lie_within_those_of_its_country(book: LawBook) -> None:
    on = date(2026, 1, 1)
    for code in ("US-TX", "US-FL"):
        for channel in (Channel.PHONE_LIVE, Channel.SMS):
            state, country = book.quiet(code, channel, on), book.quiet("US", channel, on)
            assert state is not None
            assert country is not None
            for mine, theirs in ((state.weekday, country.weekday), (state.sunday, country.sunday)):
                assert theirs[0][0] <= mine[0][0] < mine[0][1] <= theirs[0][1]


def test_saudi_hours_are_those_that_every_report_allows(book: LawBook) -> None:
    quiet = book.quiet("SA", Channel.SMS, date(2026, 1, 1))
    assert quiet is not None
    assert quiet.weekday == quiet.holiday == ((540, 1260),)
    assert (quiet.confidence, quiet.confirmed) == (Confidence.LOW, False)


def test_no_row_means_no_legal_limit(book: LawBook) -> None:
    assert book.quiet("DE", Channel.PHONE_LIVE, date(2026, 1, 1)) is None
    assert book.caps("UK", Channel.EMAIL, date(2026, 1, 1)) is None


def test_caps_are_counted_in_days_weeks_and_thirty_days(book: LawBook) -> None:
    on = date(2026, 1, 1)
    limits = {code: book.caps(code, Channel.PHONE_LIVE, on) for code in ("AE", "FR", "US-FL")}
    assert {code: (one.per_day, one.per_week, one.per_month) for code, one in limits.items() if one} == {
        "AE": (1, 2, None),
        "FR": (None, None, 4),
        "US-FL": (3, None, None),
    }


def test_calls_with_a_consent_that_lives_for_a_while(rule: Look) -> None:
    assert rule("IL", "phone_live", "2026-01-01").consent_life == Period(months=12)
    assert rule("AU", "phone_live", "2026-01-01").consent_life == Period(months=3)
    assert rule("UK", "email", "2026-01-01").consent_life is None


def test_members_without_a_pack_have_the_unions_law_and_their_own_age(book: LawBook) -> None:
    on = date(2026, 1, 1)
    for code, years in (("PT", 13), ("SE", 13), ("DK", 15), ("HU", 16), ("NO", 13), ("GR", 15), ("EL", 15)):
        found = book.rule(code, Channel.EMAIL, SubjectType.CONSUMER, on)
        assert found is not None
        assert found.id == "EU.01"
        assert book.age(code, on).consent_age == years
        assert [one.code for one in book.chain(code)] == ["EU"]
    assert book.age("EU", on).consent_age == 16
    assert book.age("DK", on).mark is Mark.SEEN
    assert book.age("SI", on).confidence is Confidence.MEDIUM


def test_places_are_read_along_their_chain(book: LawBook) -> None:
    assert [one.code for one in book.chain("DE")] == ["DE", "EU"]
    assert [one.code for one in book.chain("US-TX")] == ["US-TX", "US"]
    assert [one.code for one in book.chain("US-NY")] == ["US"]
    assert [one.code for one in book.chain("DE-BY")] == ["DE", "EU"]
    assert book.chain("GB") == book.chain("UK") == book.chain("GB-SCT")


@pytest.mark.parametrize("code", ["JP", "AE-DIFC", "AE-ADGM", "", "uk", "US-TEXAS", "XX-YY"])
def test_an_unknown_place_is_not_found(book: LawBook, code: str) -> None:
    assert not book.knows(code)
    with pytest.raises(errors.NotFound):
        book.rule(code, Channel.EMAIL, SubjectType.CONSUMER, date(2026, 1, 1))


def test_ages_where_nobody_is_marketed_to(book: LawBook) -> None:
    age = book.age("IL", date(2026, 1, 1))
    assert (age.consent_age, age.never_below) == (18, 14)
    assert (
        book.age("TH", date(2026, 1, 1)).consent_age,
        book.age("US-CA", date(2026, 1, 1)).consent_age,
    ) == (20, 13)


def test_a_message_carries_what_the_nearest_law_says(book: LawBook) -> None:
    on = date(2026, 1, 1)
    assert book.message("DE", on) == book.message("EU", on) != ()
    assert "first_word:פרסומת" in {one.token for one in book.message("IL", on)}


def test_deadlines_can_be_read_by_a_clock(book: LawBook) -> None:
    on = date(2026, 1, 1)
    (request,) = book.jurisdiction("EU").due("request", on)
    assert (request.within, request.extension) == (Period(months=1), Period(months=2))
    (breach,) = book.jurisdiction("RU").due("breach_authority", on)
    assert breach.hours == 24
    (opt_out,) = book.jurisdiction("US").due("opt_out", on)
    assert opt_out.working_days == 10


def test_open_doubts_are_carried(book: LawBook) -> None:
    for code in ("FR", "ES", "NL", "SA", "AE", "EG", "IL", "IN", "US", "RU", "TH"):
        assert book.jurisdiction(code).doubts
