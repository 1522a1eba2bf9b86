"""Cells of use and sharing: numbers that say what lies in what, and refusals that reach as far as their words."""

from __future__ import annotations

from datetime import date
from importlib import resources
from itertools import permutations, product
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as some

from amana import errors, wiring
from amana.core import cells, facts, handling
from amana.core import state as states
from amana.core.cells import Terms
from amana.core.events import Permission
from amana.core.facts import Facts
from amana.core.handling import ACTIONS, Handled
from amana.core.statements import ANY, Interval
from amana.core.vocabulary import Actor, Basis, Manner, Proof, Status

CATEGORIES = (
    "user",
    "user.contact",
    "user.contact.email",
    "user.contact.email.work",
    "user.cookie",
    "user.cookie_id",
)
RECIPIENTS = ("adwise", "mailer")
TERMS = Terms.of(["orchard", "harbour"], ["offers", "news"], RECIPIENTS, CATEGORIES)
ACTION_WORDS = (*(f"use.{manner.value}" for manner in Manner), *(f"share.{name}" for name in RECIPIENTS))


class Words(NamedTuple):
    """A cell in words."""

    brand: str
    purpose: str
    means: str
    category: str

    @property
    def cell(self) -> int:
        return TERMS.cell(*self)


QUESTIONS = some.builds(
    Words,
    some.sampled_from(["orchard", "harbour"]),
    some.sampled_from(["offers", "news"]),
    some.sampled_from(ACTION_WORDS),
    some.sampled_from(["", *CATEGORIES]),
)
REFUSALS = some.builds(
    Words,
    some.sampled_from(["orchard", "harbour", ANY]),
    some.sampled_from(["offers", "news", ANY]),
    some.sampled_from([*ACTION_WORDS, "use.*", "share.*", ANY, "email"]),
    some.sampled_from(["", *CATEGORIES]),
)


def said(words: Words, status: Status, when: int, number: int = 0) -> Permission:
    return Permission(
        id=f"{when * 100 + number:032x}",
        occurred=Interval(lo=when, hi=when),
        actor=Actor.PERSON,
        source=1,
        brand=words.brand,
        purpose=words.purpose,
        channel=words.means,
        category=words.category,
        status=status,
        confirmed=status is Status.GIVEN,
        proof=Proof.DEMONSTRABLE if status is Status.GIVEN else Proof(0),
    )


def seen(words: Words, *happened: Permission) -> Facts:
    """What a question sees of somebody of whom this is known."""
    state = states.fold_all(happened, TERMS)
    person = facts.PersonFacts(
        True, 0, False, False, facts.BORN_UNKNOWN, 0, facts.ALL_HOURS, facts.ALL_DAYS, 0, facts.NO_CAP
    )
    return facts.project(state, words.cell, person, never_target_flag=0)


def overlap(one: str, other: str) -> bool:
    """Whether two kinds of data have something in common; "" is every kind."""
    return not one or not other or handling.lies_in(one, other) or handling.lies_in(other, one)


def reaches(refusal: Words, question: Words) -> bool:
    """The rule in words: whether a refusal is about something that the question is about."""
    family = f"{question.means.split('.')[0]}.*"
    return (
        refusal.brand in (ANY, question.brand)
        and refusal.purpose in (ANY, question.purpose)
        and refusal.means in (ANY, question.means, family)
        and overlap(refusal.category, question.category)
    )


# ---- numbers -----------------------------------------------------------------------------------------------------


def test_a_category_lies_in_another_by_its_number_exactly_if_it_does_by_its_dots() -> None:
    for one, other in product(CATEGORIES, CATEGORIES):
        inside = cells.lies_in(TERMS.categories[one], TERMS.categories[other])
        assert inside == handling.lies_in(one, other), (one, other)
    assert all(cells.lies_in(code, 0) for code in TERMS.categories.values())


@given(QUESTIONS)
def test_a_cell_says_its_words_again_and_fits_a_column_of_the_record(words: Words) -> None:
    assert (*TERMS.words(words.cell), TERMS.category(words.cell)) == words
    assert 0 < words.cell < 2**63
    assert cells.is_handling(words.cell)


def test_numbers_stay_when_categories_are_added() -> None:
    more = cells.numbered(TERMS.categories, ["user.behavior.clicks", "system.operations", *CATEGORIES])
    assert more.keys() == {"user.behavior", "user.behavior.clicks", "system", "system.operations"}
    assert not set(more.values()) & set(TERMS.categories.values())


@pytest.mark.parametrize("name", ["", "user..name", ".user", "a.b.c.d.e"])
def test_a_category_that_is_no_path_is_refused(name: str) -> None:
    with pytest.raises(errors.BadWorkspace):
        cells.numbered({}, [name])


def test_more_categories_than_there_are_numbers_are_refused() -> None:
    full = cells.numbered({}, [f"user.c{number}" for number in range(127)])
    assert len(set(full.values())) == 128
    with pytest.raises(errors.BadWorkspace, match="too many"):
        cells.numbered(full, ["user.one_more"])


# ---- what a refusal reaches --------------------------------------------------------------------------------------


@given(QUESTIONS, REFUSALS)
def test_a_refusal_binds_what_it_has_in_common_with_the_question_and_nothing_else(
    question: Words, refusal: Words
) -> None:
    found = seen(question, said(question, Status.GIVEN, 1), said(refusal, Status.WITHDRAWN, 2))
    assert found.withdrawn == reaches(refusal, question)
    assert found.granted != found.withdrawn


@given(QUESTIONS, some.lists(REFUSALS, max_size=4), some.lists(QUESTIONS, max_size=4), REFUSALS)
def test_one_more_no_never_makes_a_yes(
    question: Words, refusals: list[Words], grants: list[Words], more: Words
) -> None:
    happened = [said(one, Status.REFUSED, 10 + at) for at, one in enumerate(refusals)]
    happened += [said(one, Status.GIVEN, 12 + at) for at, one in enumerate(grants)]
    before = seen(question, *happened)
    after = seen(question, *happened, said(more, Status.OBJECTED, 13, 7))
    assert before.granted or not after.granted
    assert not (before.refused and not after.refused)


@given(QUESTIONS, QUESTIONS)
def test_a_yes_carries_its_own_kind_of_data_and_the_parts_of_it(question: Words, grant: Words) -> None:
    found = seen(question, said(grant, Status.GIVEN, 1))
    inside = not grant.category or (question.category and handling.lies_in(question.category, grant.category))
    assert found.granted == (grant[:3] == question[:3] and bool(inside))


@given(QUESTIONS, some.lists(some.one_of(QUESTIONS, REFUSALS), min_size=2, max_size=4))
def test_the_order_in_which_it_is_told_changes_nothing(question: Words, told: list[Words]) -> None:
    happened = [
        said(
            one,
            Status.GIVEN if at % 2 and ANY not in one[:3] and "*" not in one.means else Status.REFUSED,
            at + 1,
        )
        for at, one in enumerate(told)
    ]
    assert len({seen(question, *order) for order in permutations(happened)}) == 1


def test_messages_and_data_do_not_bind_each_other_but_by_leaving_everything() -> None:
    email = Words("orchard", "offers", "email", "")
    profile = Words("orchard", "offers", "use.profile", "user")
    for refusal, other in ((email, profile), (profile, email), (Words(ANY, ANY, "use.*", ""), email)):
        assert not seen(other, said(refusal, Status.WITHDRAWN, 1)).withdrawn
    everything = said(Words("orchard", ANY, ANY, ""), Status.WITHDRAWN, 1)
    assert seen(email, everything).withdrawn
    assert seen(profile, everything).withdrawn


# ---- the page of law ---------------------------------------------------------------------------------------------

BOOK = wiring.law_book()
TODAY = date(2026, 11, 21)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("special", [False, True])
def test_exactly_one_row_speaks_for_every_place_action_and_kind_of_data(action: str, special: bool) -> None:
    handled = Handled(action=action, special=special)
    for place in (*BOOK.codes(), *BOOK.members()):
        row = BOOK.handling_rule(place, handled, TODAY)
        assert row is not None
        if special:
            assert row.basis >= Basis.OPT_IN
        if action in ("controller", "joint") and row.basis >= Basis.OPT_IN:
            assert row.proof_needed & Proof.RECIPIENT_NAMED


def test_before_the_law_is_modelled_and_in_a_book_without_the_page_nothing_is_known() -> None:
    handled = Handled(action="profile", special=False)
    assert BOOK.handling_rule("DE", handled, date(2020, 1, 1)) is None
    assert handling.UseLaw().row(("DE", "EU"), handled, TODAY) is None


def test_special_categories_are_known_by_their_parts_and_in_the_whole() -> None:
    uses = BOOK.uses
    assert uses.is_special("user.health_and_medical.allergies", [])
    assert uses.is_special("user", ["user.health_and_medical"])
    assert uses.is_special("", ["user.genetic.markers"])
    assert uses.is_special("user.demographic.disability", [])
    assert uses.is_special("user.religion.faith", [])
    assert not uses.is_special("user.behavior", ["user.health_and_medical"])
    assert not uses.is_special("user.health_and_medical_site_visits", [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('basis = "opt_out"', 'basis = "opt_sideways"'),
        ('actions = ["profile"]', 'actions = ["sell"]'),
        ('needs = ["explicit"]', 'needs = ["a nod"]'),
        ('id = "USE.EU.01"', 'idd = "USE.EU.01"'),
        ("special = [", "special = ["[:-1]),
    ],
)
def test_a_page_with_a_wrong_word_is_refused(old: str, new: str) -> None:
    text = (resources.files("amana.data") / "law" / handling.PAGE).read_text("utf-8")
    assert old in text
    handling.read(text)
    with pytest.raises(errors.BadLaw):
        handling.read(text.replace(old, new, 1))


def test_two_rows_for_one_question_are_refused_when_they_are_asked() -> None:
    uses = BOOK.uses
    doubled = handling.UseLaw(rows=(*uses.rows, uses.rows[0]), special=uses.special)
    with pytest.raises(errors.BadLaw, match="not sound"):
        doubled.row(("EU",), Handled(action="analyse", special=False), TODAY)


@pytest.mark.parametrize(
    ("country", "place", "within"),
    [("DE", "FR", True), ("GB", "UK", True), ("US", "US-CA", True), ("US", "DE", False), ("TH", "UK", False)],
)
def test_a_transfer_stays_in_a_country_or_its_union_or_does_not(
    country: str, place: str, within: bool
) -> None:
    assert BOOK.is_within(country, place) is within


def test_a_word_that_a_restored_record_does_not_know_widens_a_refusal_and_never_narrows_it() -> None:
    assert TERMS.known_means("share.adwise") == "share.adwise"
    assert TERMS.known_means("share.somebody_new") == "share.*"
    assert TERMS.known_means("use.sell") == "use.*"
    assert TERMS.known_means("telepathy") == ANY
