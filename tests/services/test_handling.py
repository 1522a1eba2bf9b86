"""Use and sharing of data: the same gate, the same rules, and the person's own word by category and recipient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from service_samples import DEFINITION, OFFERS, reasons

from amana import errors
from amana.core import decision, workspace
from amana.core.phrases import LANGUAGES
from amana.core.statements import ANY
from amana.services.audience import screening
from amana.services.choices import data_choices, own_data
from amana.services.choices.data_choices import DataChoice
from amana.services.collection import preferences
from amana.services.collection.capture import Context
from amana.services.gate.asking import Gate, log_size
from amana.services.gate.handling import Handling
from amana.services.record import publish, tasks, wording
from amana.services.record.house import House
from worlds.clock import NOW, Clock
from worlds.lists import given, row, taken

ANN, BEN, MIA, TOM = 1, 2, 3, 4
DAY = 86_400

HANDLED = """
[purposes.offers.assessment]
on = 2026-01-01
review_by = 2027-01-01
owner = "the privacy office"
covers = ["use.personalise", "use.profile"]

[fields.interests]
purposes = ["offers"]
category = "user.behavior.interests"
why = "to choose what is shown"
kept_for = "P1Y"
hold = "column"
uses = ["personalise", "profile", "analyse"]

[fields.allergies]
purposes = ["offers"]
category = "user.health_and_medical.allergies"
why = "to leave out what harms"
kept_for = "P1Y"
hold = "sealed"
uses = ["personalise"]

[recipients.mailer]
name = "Mailer GmbH"
country = "DE"
role = "processor"
purposes = ["offers"]
categories = ["user.behavior"]
agreement = "agreements/mailer-2026.pdf"

[recipients.partner]
name = "Partner SA"
country = "FR"
role = "controller"
purposes = ["offers"]
categories = ["user.behavior"]
agreement = "agreements/partner-2026.pdf"

[recipients.overseas]
name = "Overseas Inc"
country = "US"
role = "controller"
purposes = ["offers"]
categories = ["user.behavior"]
"""
INTERESTS = "user.behavior.interests"


@pytest.fixture
def house(opening: Callable[..., House]) -> House:
    """A workspace that declares uses and recipients, with four people."""
    text = DEFINITION.replace('version = "1"', 'version = "2"\nshared_with = ["Partner SA"]') + HANDLED
    opened = opening(definition=text)
    publish.publish(opened)
    people = [
        row(1, given(notice="offers@2"), email="ann@example.com"),
        row(2, given(notice="offers@2"), email="ben@example.com", residence="US"),
        row(3, given(notice="offers@2"), email="mia@example.com", born="2012-05-01"),
        row(4, given(notice="offers@2"), email="tom@example.com", residence="TH"),
    ]
    taken(opened, "first", *people)
    return opened


def why(house: House, who: int, action: str, category: str = INTERESTS, purpose: str = "offers") -> list[str]:
    """Why data of somebody may not be handled so; empty for an allow."""
    asked = Handling(brand="orchard", purpose=purpose, action=action, category=category)
    gate = Gate(house)
    try:
        return [one.code for one in gate.ask(who, asked).reasons]
    finally:
        gate.close()


def no(house: House, who: int, action: str, purpose: str = ANY, category: str = "", **more: bool) -> None:
    said = DataChoice(action=action, purpose=purpose, category=category)
    assert data_choices.refuse(house, who, "orchard", [said], Context(), **more)


def session(house: House, who: int) -> str:
    """A session that was opened by a link mailed just now."""
    own_data.ask(house, who, "orchard", "en")
    mailed: list[Any] = []
    while tasks.work(house, {"mail": lambda _, __, payload: mailed.append(payload)}):
        pass
    return own_data.begin(house, str(mailed[-1]["token"])).word


def yes(house: House, who: int, action: str, category: str = INTERESTS, **more: bool) -> None:
    """The person's own yes, in a session of theirs."""
    said = DataChoice(action=action, purpose="offers", category=category)
    assert data_choices.allow(house, session(house, who), [said], Context(), **more)


# ---- what the law asks -------------------------------------------------------------------------------------------


def test_a_consent_to_messages_is_no_consent_to_pass_data_on(house: House) -> None:
    assert reasons(house, ANN, OFFERS) == []
    assert why(house, ANN, "share.partner") == ["consent_unknown"]


def test_profiling_rests_on_an_assessment_that_names_it_or_on_consent(house: House) -> None:
    assert why(house, ANN, "use.profile") == []
    assert why(house, ANN, "use.analyse") == ["assessment_missing"]  # the assessment does not name it
    yes(house, ANN, "use.analyse")
    assert why(house, ANN, "use.analyse") == []


def test_a_child_is_not_profiled_for_marketing_whoever_consents(house: House) -> None:
    assert "never_market_to_child" in why(house, MIA, "use.profile")
    assert "never_market_to_child" not in why(house, MIA, "use.personalise")


def test_a_special_category_needs_the_persons_express_words(house: House) -> None:
    allergies = "user.health_and_medical.allergies"
    assert why(house, ANN, "use.personalise", allergies) == ["consent_unknown"]
    yes(house, ANN, "use.personalise", allergies)
    assert why(house, ANN, "use.personalise", allergies) == ["consent_unproven"]
    yes(house, ANN, "use.personalise", allergies, express=True)
    assert why(house, ANN, "use.personalise", allergies) == []


def test_a_question_about_the_whole_is_special_if_a_part_is(house: House) -> None:
    assert "consent_unknown" in why(house, ANN, "use.personalise", "")


def test_a_processor_is_covered_by_the_purpose_with_its_agreement(house: House) -> None:
    assert why(house, ANN, "share.mailer") == []


def test_a_recipient_without_agreement_or_safeguard_is_refused_in_words(house: House) -> None:
    found = why(house, ANN, "share.overseas")
    assert {"agreement_missing", "transfer_unsafe"} <= set(found)
    assert "transfer_unsafe" not in why(house, BEN, "share.overseas")  # it is their own country
    assert "transfer_unsafe" not in why(house, ANN, "share.partner")  # one union


def test_what_is_not_declared_is_refused(house: House) -> None:
    assert "not_declared" in why(house, ANN, "use.profile", "user.health_and_medical.allergies")
    assert "not_declared" in why(house, ANN, "share.mailer", "user.health_and_medical.allergies")
    assert "not_declared" in why(house, ANN, "use.profile", purpose="news")


def test_where_a_countrys_rule_is_not_modelled_consent_is_asked(house: House) -> None:
    assert why(house, TOM, "use.profile") == ["consent_unknown"]


def test_in_the_united_states_sharing_is_opted_out_of(house: House) -> None:
    assert why(house, BEN, "share.partner") == ["transfer_unsafe"]
    no(house, BEN, "share.*")  # what a browser's signal says
    assert why(house, BEN, "share.partner") == ["withdrawn", "transfer_unsafe"]


def test_pauses_and_hours_are_about_messages_alone(house: House) -> None:
    from_now = NOW + 30 * DAY
    preferences.change(
        house, ANN, "orchard", preferences.Change(paused_until=from_now, per_month=0), Context()
    )
    assert reasons(house, ANN, OFFERS) == ["paused", "frequency_cap"]
    assert why(house, ANN, "use.profile") == []


# ---- the person's word -------------------------------------------------------------------------------------------


def test_a_no_to_one_kind_of_data_counts_at_once_and_for_every_part_of_it(house: House) -> None:
    no(house, ANN, "use.profile", "offers", "user.behavior")
    assert why(house, ANN, "use.profile") == ["withdrawn"]
    assert why(house, ANN, "use.personalise") == []


def test_a_no_to_every_use_of_one_kind_leaves_the_other_kinds(house: House) -> None:
    no(house, ANN, "use.*", category=INTERESTS)
    assert why(house, ANN, "use.profile") == why(house, ANN, "use.personalise") == ["withdrawn"]
    assert why(house, ANN, "share.mailer") == []
    assert "withdrawn" not in why(house, ANN, "use.personalise", "user.health_and_medical.allergies")


def test_an_objection_beats_the_assessment(house: House) -> None:
    no(house, ANN, "use.profile", "offers", objected=True)
    assert why(house, ANN, "use.profile") == ["objected"]


def test_a_no_to_everybody_reaches_those_who_decide_for_themselves_and_a_processor_by_name_only(
    house: House,
) -> None:
    yes(house, ANN, "share.partner")
    assert why(house, ANN, "share.partner") == []
    no(house, ANN, "share.*")
    assert why(house, ANN, "share.partner") == ["withdrawn", "consent_unknown"]
    assert why(house, ANN, "share.mailer") == []
    no(house, ANN, "share.mailer")
    assert why(house, ANN, "share.mailer") == ["withdrawn"]


def test_who_leaves_everything_leaves_every_use_and_every_recipient(house: House) -> None:
    preferences.change(house, ANN, "orchard", preferences.Change(leave=True), Context())
    for action in ("use.profile", "use.personalise", "share.mailer", "share.partner"):
        assert "withdrawn" in why(house, ANN, action)


def test_a_general_yes_does_not_lift_a_particular_no_and_a_particular_yes_does(
    house: House, clock: Clock
) -> None:
    yes(house, ANN, "share.partner", "user.behavior")
    clock.now += 60
    no(house, ANN, "share.partner", "offers", INTERESTS)
    clock.now += 60
    yes(house, ANN, "share.partner", "user.behavior")
    assert "withdrawn" in why(house, ANN, "share.partner")
    assert "withdrawn" in why(house, ANN, "share.partner", "user.behavior")  # the part is in the whole
    clock.now += 60
    yes(house, ANN, "share.partner", INTERESTS)
    assert why(house, ANN, "share.partner") == []
    assert why(house, ANN, "share.partner", "user.behavior") == []


def test_a_yes_for_a_wider_kind_of_data_covers_its_parts_and_not_the_other_way_round(house: House) -> None:
    yes(house, ANN, "share.partner", INTERESTS)
    assert why(house, ANN, "share.partner", "user.behavior") == ["consent_unknown"]
    yes(house, BEN, "use.analyse", "user.behavior")
    assert "consent_unknown" not in why(house, BEN, "use.analyse")


def test_a_yes_needs_a_notice_that_names_the_recipient(house: House) -> None:
    said = DataChoice(action="share.overseas", purpose="offers", category=INTERESTS)
    with pytest.raises(errors.BadInput, match="not covered by the notice"):
        data_choices.allow(house, session(house, ANN), [said], Context())


def test_a_yes_to_a_processor_that_the_notice_does_not_name_is_none_to_who_decides_for_themselves(
    house: House,
) -> None:
    yes(house, ANN, "share.mailer")
    file = house.folder / "amana.toml"
    file.write_text(file.read_text("utf-8").replace('role = "processor"', 'role = "controller"'), "utf-8")
    house.workspace = workspace.read(file.read_text("utf-8"))
    assert why(house, ANN, "share.mailer") == ["consent_unproven"]


def test_a_yes_needs_a_session_and_names_what_it_is_about(house: House) -> None:
    said = DataChoice(action="use.profile", purpose="offers")
    with pytest.raises(errors.NotFound):
        data_choices.allow(house, "no such word", [said], Context())
    with pytest.raises(errors.BadInput):
        data_choices.allow(house, session(house, ANN), [DataChoice(action="use.*")], Context())


@pytest.mark.parametrize("action", ["email", "*", "use.sell", "share.nobody", "contact.email"])
def test_a_word_that_is_no_use_and_no_sharing_is_refused(house: House, action: str) -> None:
    with pytest.raises(errors.NotFound):
        data_choices.refuse(house, ANN, "orchard", [DataChoice(action=action)], Context())


def test_what_the_page_shows_is_what_the_gate_decides(house: House) -> None:
    no(house, ANN, "use.profile", "offers", "user.behavior")
    shown = data_choices.view(house, ANN, "orchard")
    assert {(one.action, one.category) for one in shown} >= {
        ("use.profile", INTERESTS),
        ("share.partner", "user.behavior"),
    }
    for one in shown:
        assert one.allowed == (why(house, ANN, one.action, one.category) == [])
    profile = next(one for one in shown if one.action == "use.profile")
    assert (profile.said, profile.allowed, profile.since) == ("no", False, NOW)


# ---- everybody ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numpy", "numba", "duckdb"])
def test_a_screen_of_everybody_answers_as_the_gate_does(house: House, engine: str) -> None:
    no(house, ANN, "use.profile", "offers", "user.behavior")
    no(house, BEN, "share.*")
    for action in ("use.profile", "share.partner", "share.mailer", "share.overseas"):
        asked = Handling(brand="orchard", purpose="offers", action=action, category=INTERESTS)
        screened = screening.screen(house, asked, NOW, engine=engine)
        told = {
            int(one): decision.codes(int(bits))
            for one, bits in zip(screened.people, screened.bits, strict=True)
        }
        assert told == {who: tuple(why(house, who, action)) for who in (ANN, BEN, MIA, TOM)}


def test_the_ledger_answers_with_what_it_knew(house: House) -> None:
    before = log_size(house)
    no(house, ANN, "use.profile")
    asked = Handling(brand="orchard", purpose="offers", action="use.profile", category=INTERESTS)
    gate = Gate(house)
    try:
        assert gate.ask(ANN, asked, known_at=before).allow
        assert not gate.ask(ANN, asked).allow
    finally:
        gate.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_permission_is_about_has_words_in_every_language(language: str) -> None:
    phrases = wording.catalogue(language)
    words = {phrases.means(one) for one in ("email", "use.*", "use.profile", "share.*", "share.partner")}
    assert len(words) == 5
    assert "partner" in phrases.means("share.partner")
