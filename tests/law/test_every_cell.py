"""Every cell of every day has exactly one row, in the product's packs; a pack where it has not is found out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana import errors
from amana.core.packs import LawBook
from amana.core.vocabulary import Channel, SubjectType

LAST = date(2027, 12, 31)
CONSUMER = SubjectType.CONSUMER


def months(first: date) -> list[date]:
    """The first modelled day, then the first of each month to the end of 2027."""
    count = (LAST.year - first.year) * 12 + LAST.month - first.month
    following = [
        date(first.year + (first.month + n - 1) // 12, (first.month + n - 1) % 12 + 1, 1)
        for n in range(1, count + 1)
    ]
    return [first, *following]


def modelled_from(book: LawBook, code: str) -> date:
    return max(one.modelled_from for one in book.chain(code))


def test_every_place_channel_subject_and_month_has_exactly_one_rule(book: LawBook) -> None:
    seen = 0
    for code in (*book.codes(), *book.members(), "US-NY"):
        for on in months(modelled_from(book, code)):
            for channel in Channel:
                for subject in SubjectType:
                    assert book.rule(code, channel, subject, on) is not None  # a gap or a double raises
                    seen += 1
    assert seen > 50_000


def test_the_check_finds_no_gap_no_double_and_no_unknown_word(book: LawBook) -> None:
    grave = [one for one in book.check() if one.kind in {"gap", "double", "unknown_word"}]
    assert grave == []


def test_every_place_has_an_age_of_consent_on_every_modelled_month(book: LawBook) -> None:
    for code in (*book.codes(), *book.members()):
        for on in months(modelled_from(book, code)):
            assert 12 <= book.age(code, on).consent_age <= 20


def test_the_day_before_the_law_is_modelled_has_no_rule(book: LawBook) -> None:
    for code in book.codes():
        first = modelled_from(book, code)
        before = date.fromordinal(first.toordinal() - 1)
        assert book.rule(code, Channel.EMAIL, CONSUMER, before) is None


def test_a_region_without_a_pack_is_modelled_as_long_as_its_country(examplia: Callable[..., LawBook]) -> None:
    book = examplia()
    assert book.rule("XA-BB", Channel.EMAIL, CONSUMER, date(2024, 12, 31)) is None
    assert book.rule("XA-BB", Channel.EMAIL, CONSUMER, date(2025, 1, 1)) is not None


STATE = """
code = "XA-ST"
name = "A state"
parent = "XA"
modelled_from = 2024-01-01
regulator = "none"
instruments = []
"""


def test_a_state_is_not_modelled_before_its_country_is(examplia: Callable[..., LawBook]) -> None:
    book = examplia(region=STATE)
    assert book.rule("XA-ST", Channel.EMAIL, CONSUMER, date(2024, 12, 31)) is None
    assert book.rule("XA-ST", Channel.EMAIL, CONSUMER, date(2025, 1, 1)) is not None


def test_a_parent_that_is_missing_is_refused(examplia: Callable[..., LawBook]) -> None:
    with pytest.raises(errors.BadLaw, match="its parent XB is missing"):
        examplia(region=STATE.replace('parent = "XA"', 'parent = "XB"'))


def test_a_gap_is_an_error_that_names_the_cell(examplia: Callable[..., LawBook]) -> None:
    book = examplia(('"push", ', ""))
    with pytest.raises(errors.BadLaw, match=r"XA push consumer on 2025-03-01.*no row speaks"):
        book.rule("XA", Channel.PUSH, CONSUMER, date(2025, 3, 1))
    assert [one.where for one in book.check() if one.kind == "gap"] == [
        f"XA push {subject.value} on 2025-01-01" for subject in SubjectType
    ]


def test_a_gap_that_opens_later_is_found_on_its_first_day(examplia: Callable[..., LawBook]) -> None:
    book = examplia(('basis = "opt_in"', 'basis = "opt_in"\neffective_to = 2026-05-31'))
    assert {one.where for one in book.check() if one.kind == "gap"} >= {"XA email consumer on 2026-06-01"}
    assert not any("2025" in one.where for one in book.check())


SECOND = """
[[rule]]
id = "XA.02"
channels = ["post"]
subjects = ["consumer"]
basis = "opt_out"
effective_from = 2025-07-01
citation = "Act 2"
confidence = "high"
mark = "seen"
"""


def test_a_double_is_an_error_that_names_the_cell_and_both_rows(examplia: Callable[..., LawBook]) -> None:
    book = examplia(more=SECOND)
    assert book.rule("XA", Channel.POST, CONSUMER, date(2025, 6, 30)) is not None
    with pytest.raises(errors.BadLaw, match=r"XA post consumer on 2025-07-01.*XA\.01, XA\.02"):
        book.rule("XA", Channel.POST, CONSUMER, date(2025, 7, 1))
    assert [(one.where, one.words) for one in book.check() if one.kind == "double"] == [
        ("XA post consumer on 2025-07-01", "XA.01, XA.02")
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('basis = "opt_in"', 'basis = "opt_inn"', "opt_inn"),
        ('mark = "seen"', 'mark = "heard"', "heard"),
        ('["demonstrable"]', '["demonstrabel"]', "demonstrabel"),
        ('citation = "Act 1 s.1"', 'citation = "Act 1 s.1"\nconsent_live = "P1Y"', "consent_live"),
        ('citation = "Act 1 s.1"', 'citation = "Act 1 s.1"\nconsent_life = "one year"', "one year"),
        ('citation = "Act 1 s.1"', 'citation = "Act 1 s.1"\ndouble_opt_in = "maybe"', "maybe"),
        ('citation = "Act 1 s.1"\n', "", "citation"),
        ("[[rule]]", "[[rule]", "Expected"),
    ],
)
def test_a_word_that_the_form_does_not_know_is_refused(
    examplia: Callable[..., LawBook], old: str, new: str, told: str
) -> None:
    with pytest.raises(errors.BadLaw, match=re.escape(told)):
        examplia((old, new))


def test_the_check_names_a_condition_that_is_kept_in_no_known_way(examplia: Callable[..., LawBook]) -> None:
    book = examplia(more='[rule.conditions]\nsender_named = "somehow"\ncaller_id = "not_enforced"\n')
    assert [(one.kind, one.words) for one in book.check()] == [
        ("unknown_word", "sender_named: somehow"),
        ("not_enforced", "caller_id"),
    ]


def test_the_check_lists_rows_that_counsel_has_not_confirmed(examplia: Callable[..., LawBook]) -> None:
    for change in (('mark = "seen"', 'mark = "believed"'), ('"high"', '"medium"')):
        assert [(one.kind, one.where) for one in examplia(change).check()] == [("unconfirmed", "XA.01")]


def test_a_name_without_a_definition_is_found(examplia: Callable[..., LawBook]) -> None:
    book = examplia(
        ('citation = "Act 1 s.1"', 'exceptions = ["XA.none"]\nregistries = ["NONE"]\ncitation = "Act 1 s.1"')
    )
    assert [one.words for one in book.check()] == ["XA.none is not defined", "NONE is not defined"]
    with pytest.raises(errors.BadLaw, match=r"XA\.none"):
        book.rule("XA", Channel.EMAIL, CONSUMER, date(2026, 1, 1))


@given(
    st.sampled_from(sorted(Channel, key=lambda one: one.value)),
    st.sampled_from(sorted(SubjectType, key=lambda one: one.value)),
    st.dates(date(2025, 12, 1), LAST),
)
def test_the_answer_for_a_day_is_the_row_that_covers_it(
    book: LawBook, channel: Channel, subject: SubjectType, on: date
) -> None:
    for code in book.codes():
        found = book.rule(code, channel, subject, on)
        assert found is not None
        assert found.covers(on)
        row = next(one for one in book.rows() if one.id == found.id)
        assert row.speaks(channel, subject, on)
        assert (row.basis, row.jurisdiction) == (found.basis, found.jurisdiction)
        assert found.jurisdiction in {one.code for one in book.chain(code)}
