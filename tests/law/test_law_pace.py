"""The clock and the count: legal frequency, several countries at once, several zones, public holidays; by real packs."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from amana import wiring
from amana.core import facts, public_holidays, rules
from amana.core.facts import NO_CAP, Facts
from amana.core.plan import Circumstances, Plan, Question, Registry
from amana.core.regimes import Regime
from amana.core.vocabulary import Basis, Channel, Proof

BOOK = wiring.law_book()
ADULT = int(Proof(sum(Proof)) & ~Proof.GUARDIAN)


def moment(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp())


def plan(at: int, channel: Channel = Channel.PHONE_LIVE, *served: str, **more: object) -> Plan:
    circumstances = Circumstances(served=served, **more)  # type: ignore[arg-type]  # the words of a test
    return Plan(
        BOOK, Question(cell=1, channel=channel, at=at, circumstances=circumstances), public_holidays.in_place
    )


def caller(at: int, **changes: object) -> Facts:
    """Somebody who gave every proof an hour ago."""
    return facts.nobody(0, suppressed=False)._replace(
        **{"known": True, "granted": True, "granted_at": at - 3600, "granted_by": at - 3600, "proof": ADULT}
        | changes
    )


def codes(plan: Plan, regime: Regime, found: Facts) -> set[str]:
    bits = rules.deny_bits(found, plan.law(regime), plan.ask)
    return {entry.code for entry in rules.BOOK if bits >> entry.bit & 1}


# ---- frequency --------------------------------------------------------------------------------------------------


def test_france_allows_four_calls_in_thirty_days() -> None:
    at = moment("2026-10-06T11:00", "Europe/Paris")
    france = Regime(residence="FR", number_country="FR")
    asked = plan(at)
    assert (asked.law(france).cap_day, asked.law(france).cap_month) == (NO_CAP, 4)
    assert codes(asked, france, caller(at, sent_month=3)) == set()
    assert codes(asked, france, caller(at, sent_month=4)) == {"frequency_cap"}


def test_the_emirates_allow_one_call_a_day_and_two_a_week() -> None:
    at = moment("2026-10-06T11:00", "Asia/Dubai")
    emirates = Regime(residence="AE", number_country="AE")
    asked = plan(at, registries={"DNCR": Registry(bit=1, as_of=at - 3600)})
    assert codes(asked, emirates, caller(at)) == set()
    assert codes(asked, emirates, caller(at, sent_day=1, sent_week=1, sent_month=1)) == {"frequency_cap"}
    assert codes(asked, emirates, caller(at, sent_week=1, sent_month=1)) == set()
    assert codes(asked, emirates, caller(at, sent_week=2, sent_month=2)) == {"frequency_cap"}


def test_e_mail_has_no_legal_frequency_in_either() -> None:
    at = moment("2026-10-06T11:00")
    for place in ("FR", "AE"):
        law = plan(at, Channel.EMAIL).law(Regime(residence=place))
        assert (law.cap_day, law.cap_week, law.cap_month) == (NO_CAP, NO_CAP, NO_CAP)


def test_the_smallest_limit_of_law_and_workspace_counts() -> None:
    at = moment("2026-10-06T11:00", "Europe/Paris")
    law = plan(at, cap_month=2, cap_week=9).law(Regime(residence="FR"))
    assert (law.cap_week, law.cap_month) == (9, 2)


# ---- several countries at once ----------------------------------------------------------------------------------


def test_a_number_of_another_country_brings_that_countrys_law_too() -> None:
    at = moment("2026-10-06T11:00", "Europe/Paris")
    german = Regime(residence="DE", number_country="FR")
    asked = plan(at)
    assert asked.places(german) == ("DE", "FR")
    assert asked.law(german).cap_month == 4  # France's, though the person lives in Germany
    assert plan(at, Channel.EMAIL).places(german) == ("DE",)  # a number says nothing about e-mail


def test_unknown_residence_is_every_country_served_and_the_strictest_of_each() -> None:
    at = moment("2026-10-06T11:00")
    asked = plan(at, Channel.EMAIL, "US", "UK", "DE")
    law = asked.law(Regime())
    assert Basis(law.basis) is Basis.OPT_IN_EXPRESS  # Germany's
    assert law.proof & Proof.CONFIRMED
    assert asked.law(Regime(residence="US")).basis == Basis.OPT_OUT
    assert not law.relationship  # an exception holds only where every country that asks knows it


def test_one_country_that_is_not_modelled_denies_for_all() -> None:
    at = moment("2026-10-06T11:00")
    assert codes(plan(at, Channel.EMAIL, "US", "JP"), Regime(), caller(at)) >= {"law_unknown"}
    assert codes(plan(at, Channel.EMAIL), Regime(), caller(at)) >= {"residence_unknown"}


# ---- several zones ----------------------------------------------------------------------------------------------

AMERICA = Regime(residence="US", number_country="US")


@pytest.mark.parametrize(
    ("new_york", "open_everywhere"),
    [("09:00", False), ("14:59", False), ("15:00", True), ("19:59", True), ("20:00", False)],
)
def test_an_american_of_unknown_state_is_called_only_when_it_is_day_from_hawaii_to_new_york(
    new_york: str, open_everywhere: bool
) -> None:
    # Hawaii is six hours behind in October; the states' own hours hold too: Texas from nine, Florida until eight.
    at = moment(f"2026-10-06T{new_york}", "America/New_York")
    assert plan(at).law(AMERICA).open is open_everywhere


def test_a_known_zone_or_state_is_all_that_counts() -> None:
    at = moment("2026-10-06T09:00", "America/New_York")
    assert plan(at).law(Regime(residence="US", number_country="US", zone="America/New_York")).open
    assert not plan(at).law(Regime(residence="US", number_country="US", zone="America/Los_Angeles")).open
    assert len(plan(at).zones(AMERICA)) > 3


# ---- holidays ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-07-13", set()),  # a Monday
        ("2026-07-14", {"quiet_hours"}),  # the national day, a Tuesday
        ("2026-07-18", {"quiet_hours"}),  # a Saturday
    ],
)
def test_nobody_is_called_in_france_on_a_holiday_or_at_the_weekend(day: str, reason: set[str]) -> None:
    at = moment(f"{day}T11:00", "Europe/Paris")
    france = Regime(residence="FR", number_country="FR")
    asked = plan(at, registries={"BLOCTEL": Registry(bit=1, as_of=at - 3600)})
    assert codes(asked, france, caller(at)) == reason


def test_lunch_is_no_time_for_a_call_in_france() -> None:
    france = Regime(residence="FR", number_country="FR")
    for clock, reason in (
        ("12:59", set()),
        ("13:00", {"quiet_hours"}),
        ("14:00", set()),
        ("20:00", {"quiet_hours"}),
    ):
        at = moment(f"2026-10-06T{clock}", "Europe/Paris")
        assert codes(plan(at), france, caller(at)) == reason
