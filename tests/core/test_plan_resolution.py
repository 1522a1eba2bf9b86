"""From a question and a regime to one row of law: the strictest of all countries, by the calendar and the clock."""

from __future__ import annotations

from datetime import date

import pytest
from hand_made_law import book, caps, exception, holidays, hours, moment, pack, plan, registry
from hypothesis import given
from hypothesis import strategies as st

from amana import wiring
from amana.core import facts, rules
from amana.core.plan import ALWAYS, NOBODY_TOO_YOUNG, QUARTER, Law, Plan, Registry, latest_birth
from amana.core.regimes import Regime
from amana.core.vocabulary import Basis, Channel, Proof

NOON = moment("2026-03-04T12:00:00")
GERMAN, PORTUGUESE, NOBODY = Regime(residence="DE"), Regime(residence="PT"), Regime()
CONSENT, STRICT = int(Proof.CHANNEL_NAMED), int(Proof.CHANNEL_NAMED | Proof.UNTICKED | Proof.CONFIRMED)


def law(made: Plan, regime: Regime = GERMAN) -> Law:
    return made.law(regime)


# ---- which countries ---------------------------------------------------------------------------------------


def test_nobody_knows_where_and_no_country_is_served_so_nothing_is_located() -> None:
    assert not law(plan(book(pack("DE")), NOON), NOBODY).located


def test_the_country_of_a_number_does_not_stand_in_for_an_unknown_residence() -> None:
    made = plan(book(pack("US", "opt_out")), NOON, Channel.PHONE_LIVE)
    assert not law(made, Regime(number_country="US")).located


def test_an_unknown_residence_is_every_country_served_and_all_must_allow() -> None:
    made = plan(book(pack("DE", "opt_out"), pack("PT", "opt_in_express")), NOON, served=("DE", "PT"))
    assert law(made, NOBODY).basis == Basis.OPT_IN_EXPRESS
    assert law(made, GERMAN).basis == Basis.OPT_OUT
    one_unknown = plan(book(pack("DE", "opt_out")), NOON, served=("DE", "ZZ"))
    assert not law(one_unknown, NOBODY).modelled


def test_a_number_adds_its_country_on_phone_channels_alone() -> None:
    abroad = Regime(residence="DE", number_country="PT")
    both = book(pack("DE", "opt_out"), pack("PT", "prohibited"))
    assert law(plan(both, NOON, Channel.PHONE_LIVE), abroad).basis == Basis.PROHIBITED
    assert law(plan(both, NOON, Channel.SMS), abroad).basis == Basis.PROHIBITED
    assert law(plan(both, NOON, Channel.EMAIL), abroad).basis == Basis.OPT_OUT
    assert plan(both, NOON, Channel.SMS).places(abroad) == ("DE", "PT")


def test_a_state_with_a_law_of_its_own_stands_in_place_of_its_country() -> None:
    both = book(pack("US", "opt_out"), pack("US-TX", "opt_in", parent="US"))
    home = Regime(residence="US", region="TX", number_country="US")
    assert plan(both, NOON, Channel.SMS).places(home) == ("US-TX",)
    assert law(plan(both, NOON, Channel.SMS), home).basis == Basis.OPT_IN
    assert law(plan(both, NOON), Regime(residence="US", region="NY")).basis == Basis.OPT_OUT


# ---- the strictest of each ---------------------------------------------------------------------------------


def test_proofs_are_joined_life_is_the_shortest_ages_the_highest_caps_the_smallest() -> None:
    made = plan(
        book(
            pack("DE", rule='needs = ["consent", "written"]\nconsent_life = "P2Y"', age=16, never_below=10),
            pack("PT", rule='needs = ["strict"]\nconsent_life = "P1Y"', age=13, never_below=12,
                 more=caps(per_day=3, per_week=4)),
        ),
        NOON, served=("DE", "PT"), cap_day=7, cap_week=2, cap_month=30,
    )  # fmt: skip  # one country a row
    row = law(made, NOBODY)
    on = date(2026, 3, 4)
    assert row.proof == STRICT | Proof.WRITTEN
    assert row.consent_since == moment("2025-03-04T12:15:00")
    assert row.born_by == latest_birth(on, 16)
    assert row.never_born_by == latest_birth(on, 12)
    assert (row.cap_day, row.cap_week, row.cap_month) == (3, 2, 30)
    assert law(made, GERMAN).cap_day == 7


def test_without_limits_nothing_is_too_old_too_young_or_too_often() -> None:
    row = law(plan(book(pack("DE", age=12)), NOON))
    assert row.consent_since == ALWAYS
    assert row.never_born_by == NOBODY_TOO_YOUNG
    assert (row.cap_day, row.cap_week, row.cap_month) == (facts.NO_CAP,) * 3
    assert row.open


SOFT = exception("DE.soft", "sale", '"own_collection"', life="P2Y")


def test_an_exception_holds_only_if_every_country_that_asks_knows_it() -> None:
    soft = pack("DE", rule='exceptions = ["DE.soft"]', more=SOFT)
    stern = pack(
        "PT",
        rule='exceptions = ["PT.soft"]',
        more=exception("PT.soft", "sale", '"similar_offer"', life="P1Y"),
    )
    both = law(plan(book(soft, stern), NOON, served=("DE", "PT")), NOBODY)
    assert both.sale
    assert both.sale_proof == Proof.OWN_COLLECTION | Proof.SIMILAR_OFFER
    assert both.sale_since == moment("2025-03-04T12:15:00")
    assert not law(plan(book(soft, pack("PT")), NOON, served=("DE", "PT")), NOBODY).sale
    assert law(plan(book(soft, pack("PT", "opt_out")), NOON, served=("DE", "PT")), NOBODY).sale
    assert not law(plan(book(pack("DE", "opt_out", rule='exceptions = ["DE.soft"]', more=SOFT)), NOON)).sale


def test_two_relationships_of_one_country_are_alternatives_the_easier_first() -> None:
    more = exception("DE.inquiry", "relationship", '"inquiry"', life="P3M") + exception(
        "DE.contract", "relationship", '"inquiry", "contract"', life="P18M"
    )
    row = law(plan(book(pack("DE", rule='exceptions = ["DE.contract", "DE.inquiry"]', more=more)), NOON))
    assert (row.relationship_proof, row.inquiry_proof) == (Proof.INQUIRY, Proof.INQUIRY | Proof.CONTRACT)
    assert row.inquiry_since < row.relationship_since


def test_a_consent_with_conditions_of_its_own_replaces_the_rules_proofs_and_life() -> None:
    more = exception("DE.call", "consent", '"recorded_call"', life="P6M")
    row = law(plan(book(pack("DE", rule='exceptions = ["DE.call"]\nconsent_life = "P3Y"', more=more)), NOON))
    assert row.proof == Proof.RECORDED_CALL
    assert row.consent_since == moment("2025-09-04T12:15:00")


def test_an_assessment_is_asked_for_only_where_nothing_else_is() -> None:
    assert law(plan(book(pack("DE", "opt_out", rule="needs_assessment = true")), NOON)).assessment
    assert not law(plan(book(pack("DE", "opt_in", rule="needs_assessment = true")), NOON)).assessment


def test_the_basis_of_the_senders_sector_applies() -> None:
    made = book(pack("DE", "opt_out", rule='sectors = { energy = "prohibited" }'))
    assert law(plan(made, NOON, sector="energy")).basis == Basis.PROHIBITED
    assert law(plan(made, NOON, sector="books")).basis == Basis.OPT_OUT


STORED = '\n[[fact]]\ntopic = "localisation"\nwords = "kept inside"\nstored_inside = true\n'


def test_a_country_that_wants_its_records_inside_is_served_from_inside() -> None:
    made = book(pack("DE", more=STORED + 'citation = "x"\nconfidence = "high"\nmark = "seen"\n'))
    assert law(plan(made, NOON, stored_in="DE")).stored_well
    assert not law(plan(made, NOON, stored_in="PT")).stored_well
    assert not law(plan(made, NOON)).stored_well
    assert law(plan(book(pack("DE")), NOON, stored_in="PT")).stored_well


def test_registries_by_what_lifts_them_and_how_old_a_copy_may_be() -> None:
    lists = (
        registry("NEVER", max_age='"P31D"')
        + registry("CONSENT", lifted_by_consent="true", lifted_by_exception="false")
        + registry("EITHER", lifted_by_consent="true")
    )
    made = book(
        pack("DE", "opt_out_registry", rule='registries = ["NEVER", "CONSENT", "EITHER"]', more=lists)
    )
    month_old = moment("2026-02-01T12:15:00")  # 31 days before the quarter ends

    def row(**loaded: Registry) -> Law:
        return law(plan(made, NOON, Channel.PHONE_LIVE, registries=loaded))

    empty = row()
    assert (empty.stale_always != 0, empty.stale_consent != 0, empty.stale != 0) == (True, True, True)
    assert (empty.registries_always, empty.registries_consent, empty.registries) == (0, 0, 0)
    fresh = row(
        NEVER=Registry(bit=1, as_of=month_old),
        CONSENT=Registry(bit=2, as_of=NOON),
        EITHER=Registry(bit=4, as_of=NOON),
    )
    assert (fresh.registries_always, fresh.registries_consent, fresh.registries) == (1, 2, 4)
    assert (fresh.stale_always, fresh.stale_consent, fresh.stale) == (0, 0, 0)
    assert row(NEVER=Registry(bit=1, as_of=month_old - 1)).stale_always == 1
    assert row(CONSENT=Registry(bit=2, as_of=NOON - 86_400)).stale_consent == 2  # no age given: the same day


# ---- the calendar ------------------------------------------------------------------------------------------


def test_a_date_before_the_law_is_modelled_denies() -> None:
    made = book(pack("DE", "opt_out", modelled_from="2026-03-04"))
    assert law(plan(made, moment("2026-03-04T00:00:00"))).modelled
    before = law(plan(made, moment("2026-03-03T23:59:59")))
    assert before.located
    assert not before.modelled


def test_a_place_without_a_pack_is_not_modelled() -> None:
    assert not law(plan(book(pack("DE")), NOON), Regime(residence="ZZ")).modelled
    assert not law(plan(book(pack("DE")), NOON), Regime(residence="DEUTSCHLAND")).modelled


@pytest.mark.parametrize(
    ("life", "at", "since"),
    [
        ("P6M", "2026-03-04T12:00:00", "2025-09-04T12:15:00"),
        ("P6M", "2026-03-04T12:14:59", "2025-09-04T12:15:00"),  # the whole quarter is cut at its end
        ("P6M", "2026-03-04T12:15:00", "2025-09-04T12:30:00"),
        ("P6M", "2026-08-28T10:00:00", "2026-02-28T10:15:00"),
        ("P6M", "2026-08-28T23:45:00", "2026-03-01T00:00:00"),
        (
            "P6M",
            "2026-08-29T00:00:00",
            "2026-03-01T00:00:00",
        ),  # there is no 29 February: nothing comes back to life
        ("P6M", "2026-08-31T23:45:00", "2026-03-01T00:00:00"),
        ("P6M", "2026-09-01T00:00:00", "2026-03-01T00:15:00"),
        ("P2Y", "2028-02-29T08:00:00", "2026-03-01T00:00:00"),
        ("P30D", "2026-03-31T12:00:00", "2026-03-01T12:15:00"),
        ("P1M1D", "2026-03-31T12:00:00", "2026-02-28T00:00:00"),
    ],
)
def test_the_life_of_a_consent_ends_by_the_calendar(life: str, at: str, since: str) -> None:
    made = plan(book(pack("DE", rule=f'consent_life = "{life}"')), moment(at))
    assert law(made).consent_since == moment(since)


@given(st.integers(0, 4 * 366 * 96), st.sampled_from(["P1M", "P6M", "P1Y", "P2Y", "P1M3D", "P45D"]))
def test_a_consent_that_has_expired_never_comes_back_to_life(quarter: int, life: str) -> None:
    made = book(pack("DE", rule=f'consent_life = "{life}"', modelled_from="2020-01-01"))
    at = moment("2024-01-01T00:00:00") + quarter * QUARTER
    assert law(plan(made, at)).consent_since <= law(plan(made, at + QUARTER)).consent_since


def test_a_change_of_law_applies_from_its_first_day() -> None:
    later = """
[[rule]]
id = "DE.02"
channels = ["push"]
subjects = ["consumer"]
basis = "prohibited"
effective_from = 2026-03-05
citation = "Act 2"
confidence = "high"
mark = "seen"
"""
    name, text = pack("DE", "opt_out", more=later)
    text = text.replace('"push", ', "", 1) + later.replace("DE.02", "DE.03").replace(
        "prohibited", "opt_out"
    ).replace("effective_from = 2026-03-05", "effective_to = 2026-03-04")
    changing = book((name, text))
    push = {
        text: law(plan(changing, moment(text), Channel.PUSH)).basis
        for text in ("2026-03-04T23:59:59", "2026-03-05T00:00:00")
    }
    assert list(push.values()) == [Basis.OPT_OUT, Basis.PROHIBITED]


@pytest.mark.parametrize(
    ("on", "age", "born"),
    [
        (date(2026, 3, 4), 16, date(2010, 3, 4)),
        (date(2028, 2, 29), 18, date(2010, 2, 28)),  # somebody born on 1 March 2010 is not yet 18
        (date(2026, 2, 28), 14, date(2012, 2, 28)),  # somebody born on 29 February 2012 is not yet 14
        (date(2026, 3, 1), 14, date(2012, 3, 1)),
    ],
)
def test_the_latest_birth_that_is_old_enough(on: date, age: int, born: date) -> None:
    assert latest_birth(on, age) == (born - date(1970, 1, 1)).days


def test_a_purpose_for_adults_asks_for_a_known_birth() -> None:
    asked = plan(book(pack("DE")), NOON, min_age=18).ask
    assert asked.gated
    assert asked.born_by == latest_birth(date(2026, 3, 4), 18)
    assert asked.born_floor > facts.BORN_UNKNOWN
    assert not plan(book(pack("DE")), NOON).ask.gated


# ---- the clock ---------------------------------------------------------------------------------------------


def opened(made: Plan, regime: Regime) -> bool:
    return made.law(regime).open


def test_an_unknown_zone_is_every_zone_of_the_country() -> None:
    made = book(pack("PT", more=hours("10:00-20:00")))

    def at(text: str, regime: Regime = PORTUGUESE) -> bool:
        return opened(plan(made, moment(text)), regime)

    assert not at("2026-03-04T10:30:00")  # 09:30 in the Azores
    assert at("2026-03-04T11:00:00")
    assert at("2026-03-04T10:30:00", Regime(residence="PT", zone="Europe/Lisbon"))
    assert not at("2026-03-04T20:30:00")  # 19:30 in the Azores, past eight in Lisbon
    assert at("2026-03-04T20:30:00", Regime(residence="PT", zone="Atlantic/Azores"))


def test_a_zone_that_does_not_exist_is_an_unknown_zone() -> None:
    made = book(pack("PT", more=hours("10:00-20:00")))
    for text, wanted in (("2026-03-04T10:30:00", False), ("2026-03-04T12:00:00", True)):
        assert opened(plan(made, moment(text)), Regime(residence="PT", zone="Mars/Base")) is wanted


def test_several_countries_are_open_only_when_all_are() -> None:
    made = book(pack("DE", more=hours("08:00-12:00")), pack("PT", more=hours("10:00-20:00")))
    home = Regime(residence="DE", number_country="PT", zone="Europe/Berlin")

    def at(text: str) -> bool:
        return opened(plan(made, moment(text, "Europe/Berlin"), Channel.PHONE_LIVE), home)

    assert not at("2026-03-04T09:30:00")
    assert at("2026-03-04T10:00:00")
    assert not at("2026-03-04T12:00:00")


@pytest.mark.parametrize(
    ("local", "wanted"),
    [
        ("2026-03-28T09:30:00", False),  # Saturday: closed
        ("2026-03-27T08:59:59", False),
        ("2026-03-27T09:00:00", True),
        ("2026-03-30T09:00:00", True),  # the Monday after the clocks went forward
        ("2026-03-30T17:59:59", True),
        ("2026-03-30T18:00:00", False),
        ("2026-10-26T08:59:59", False),  # the Monday after they went back
        ("2026-10-26T09:00:00", True),
        ("2026-05-01T10:00:00", False),  # a holiday
    ],
)
def test_hours_are_read_off_the_local_clock_on_both_sides_of_a_clock_change(local: str, wanted: bool) -> None:
    made = book(pack("DE", more=hours("09:00-18:00")))
    calendar = holidays(("DE", "2026-05-01"))
    at = moment(local, "Europe/Berlin")
    assert opened(plan(made, at, is_holiday=calendar), GERMAN) is wanted


def test_the_local_hour_and_day_that_it_may_be_now() -> None:
    row = law(plan(book(pack("PT")), moment("2026-03-01T00:30:00")), PORTUGUESE)  # a Sunday in Lisbon
    assert row.hours == 1 << 0 | 1 << 23
    assert row.days == 1 << 6 | 1 << 5


@given(st.integers(0, 2**31 - 2), st.sampled_from([GERMAN, PORTUGUESE, NOBODY]))
def test_rows_hold_for_their_whole_quarter_of_an_hour(at: int, regime: Regime) -> None:
    made = book(
        pack("DE", rule='consent_life = "P6M"', more=hours("09:15-18:45", "10:00-13:30")),
        pack("PT", more=hours("10:00-20:00") + caps(per_day=1)),
    )
    first = plan(made, at - at % QUARTER, served=("DE", "PT"))
    assert law(first, regime) == law(plan(made, at, served=("DE", "PT")), regime)


def test_every_hour_in_the_law_book_stands_on_a_quarter() -> None:
    """Otherwise a row would not hold for its quarter."""
    law_book = wiring.law_book()
    said = [quiet for code in law_book.codes() for quiet in law_book.jurisdiction(code).quiet]
    assert said
    for quiet in said:
        for windows in (quiet.weekday, quiet.saturday, quiet.sunday, quiet.holiday):
            assert all(minute % 15 == 0 for window in windows for minute in window)


# ---- the rules read it -------------------------------------------------------------------------------------


def test_an_unknown_country_denies_whatever_the_person_agreed_to() -> None:
    made = plan(book(pack("DE", "opt_out")), NOON)
    for regime, code in ((NOBODY, "residence_unknown"), (Regime(residence="ZZ"), "law_unknown")):
        bits = rules.deny_bits(
            facts.nobody(0, suppressed=False)._replace(known=True), made.law(regime), made.ask
        )
        assert bits == 1 << rules.BY_CODE[code].bit
