"""Children: below the age of digital consent a guardian consents; from the birthday on, only the young person does.

Rule: real packs, real rules. A birth month is read as its last day, so nobody is counted as old enough too early; on
the day somebody is old enough, the guardian's consent no longer counts and their own is asked, with no day between.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from amana import wiring
from amana.core import facts, public_holidays, regimes, rules
from amana.core.cells import Terms
from amana.core.events import AnyEvent, Permission
from amana.core.facts import Facts
from amana.core.plan import Circumstances, Plan, Question
from amana.core.regimes import Regime
from amana.core.state import fold_all
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Channel, Proof, Status

ADULT = Proof(sum(Proof)) & ~Proof.GUARDIAN
GUARDIAN = ADULT | Proof.GUARDIAN
TERMS = Terms(brands={"orchard": 1}, purposes={"offers": 1})
CELL = TERMS.cell("orchard", "offers", "email")
BOOK = wiring.law_book()
AGES = {"DE": 16, "FR": 15, "AT": 14, "UK": 13, "US": 13, "PT": 13, "TH": 20}


def moment(on: date) -> int:
    """Noon of a day, so that no zone turns it into another."""
    return int(datetime(on.year, on.month, on.day, 12, tzinfo=UTC).timestamp())


def denied(found: Facts, place: str, on: date, *, min_age: int = 0) -> set[str]:
    question = Question(
        cell=CELL,
        channel=Channel.EMAIL,
        at=moment(on),
        circumstances=Circumstances(served=(place,), stored_in=place.split("-")[0], min_age=min_age),
    )
    plan = Plan(BOOK, question, public_holidays.in_place)
    bits = rules.deny_bits(found, plan.law(Regime(residence=place)), plan.ask)
    return {entry.code for entry in rules.BOOK if bits >> entry.bit & 1} - {"quiet_hours", "registry_stale"}


def consented(proof: Proof, born: str, on: date) -> Facts:
    return facts.nobody(0, suppressed=False)._replace(
        known=True,
        born=regimes.born_by(born),
        granted=True,
        granted_at=moment(on) - 3600,
        granted_by=moment(on) - 3600,
        proof=int(proof),
    )


def grant(actor: Actor, on: date, proof: Proof, source: int = 1) -> AnyEvent:
    at = Interval(lo=moment(on), hi=moment(on))
    return Permission(
        id=f"{moment(on):031x}{int(actor is Actor.GUARDIAN)}",
        occurred=at,
        actor=actor,
        source=source,
        brand="orchard",
        purpose="offers",
        channel="email",
        status=Status.GIVEN,
        proof=proof,
        confirmed=True,
    )


def folded(*said: AnyEvent, born: str) -> Facts:
    person = facts.nobody(0, suppressed=False)._replace(known=True, born=regimes.born_by(born))
    about = facts.PersonFacts(*person[: len(facts.PersonFacts._fields)])
    found = facts.project(fold_all(said, TERMS), CELL, about, never_target_flag=0)
    return found._replace(has_point=True)


@pytest.mark.parametrize(("place", "age"), AGES.items())
def test_each_country_has_its_own_age_and_the_birthday_is_the_day(place: str, age: int) -> None:
    birthday = date(2026, 6, 15)
    born = birthday.replace(year=2026 - age).isoformat()
    eve = date(2026, 6, 14)
    assert denied(consented(ADULT, born, eve), place, eve) == {"below_age"}
    assert denied(consented(GUARDIAN, born, eve), place, eve) == set()
    assert denied(consented(ADULT, born, birthday), place, birthday) == set()
    assert denied(consented(GUARDIAN, born, birthday), place, birthday) == {"guardian_outgrown"}


def test_a_birth_month_counts_from_its_last_day() -> None:
    for day, expected in ((date(2026, 6, 29), {"below_age"}), (date(2026, 6, 30), set())):
        assert denied(consented(ADULT, "2010-06", day), "DE", day) == expected


def test_a_guardians_consent_for_somebody_of_unknown_age_proves_nothing() -> None:
    on = date(2026, 6, 15)
    assert denied(consented(GUARDIAN, "", on), "DE", on) == {"guardian_outgrown"}


def test_below_fourteen_in_israel_nobody_may_consent_for_a_child() -> None:
    on = date(2026, 6, 15)
    assert "never_market_to_child" in denied(consented(GUARDIAN, "2013-01-01", on), "IL", on)
    assert "never_market_to_child" not in denied(consented(GUARDIAN, "2011-01-01", on), "IL", on)
    assert "below_age" not in denied(consented(GUARDIAN, "2011-01-01", on), "IL", on)


def test_unknown_residence_is_the_highest_age_of_all_countries_served() -> None:
    on = date(2026, 6, 15)
    question = Question(
        cell=CELL,
        channel=Channel.EMAIL,
        at=moment(on),
        circumstances=Circumstances(served=("UK", "DE")),
    )
    plan = Plan(BOOK, question, public_holidays.in_place)
    law = plan.law(Regime())
    assert law.born_by == regimes.born_by("2010-06-15")  # sixteen, as in Germany


def test_a_purpose_for_adults_asks_for_a_known_age() -> None:
    on = date(2026, 6, 15)
    assert denied(consented(ADULT, "2009-01-01", on), "DE", on, min_age=18) == {"below_purpose_age"}
    assert denied(consented(ADULT, "", on), "DE", on, min_age=18) == {"age_unknown"}
    assert denied(consented(ADULT, "2008-06-15", on), "DE", on, min_age=18) == set()


# ---- whose word counts ------------------------------------------------------------------------------------------

CHILD_UNTIL = date(2026, 6, 15)
BORN = "2010-06-15"


def test_the_young_persons_own_later_consent_takes_over() -> None:
    by_guardian = grant(Actor.GUARDIAN, date(2025, 1, 1), GUARDIAN)
    own = grant(
        Actor.PERSON, date(2026, 6, 20), ADULT & ~Proof.WRITTEN, source=2
    )  # fewer proofs, and it counts
    assert denied(folded(by_guardian, born=BORN), "DE", date(2026, 6, 14)) == set()
    assert denied(folded(by_guardian, born=BORN), "DE", date(2026, 7, 1)) == {"guardian_outgrown"}
    assert denied(folded(by_guardian, own, born=BORN), "DE", date(2026, 7, 1)) == set()


def test_a_childs_own_word_is_no_consent_and_the_guardian_may_speak_again() -> None:
    by_child = grant(Actor.PERSON, date(2025, 3, 1), ADULT, source=2)
    for said, expected in (
        ([grant(Actor.GUARDIAN, date(2025, 1, 1), GUARDIAN), by_child], {"below_age"}),
        ([by_child, grant(Actor.GUARDIAN, date(2025, 5, 1), Proof.GUARDIAN | ADULT & ~Proof.WRITTEN)], set()),
    ):
        assert denied(folded(*said, born=BORN), "DE", date(2026, 1, 1)) == expected


def test_a_guardians_consent_lifts_no_registry_once_it_is_outgrown() -> None:
    found = consented(GUARDIAN, "2000-01-01", date(2026, 6, 15))
    question = Question(
        cell=CELL,
        channel=Channel.EMAIL,
        at=moment(date(2026, 6, 15)),
        circumstances=Circumstances(served=("DE",)),
    )
    plan = Plan(BOOK, question, public_holidays.in_place)
    law = plan.law(Regime(residence="DE"))
    assert not rules.consent(found, law, plan.ask)
    assert rules.consent(found._replace(proof=int(ADULT)), law, plan.ask)
