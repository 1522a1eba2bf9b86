"""Readability: known sentences have the formulas' own figures; where no formula is validated there is none."""

from __future__ import annotations

import pytest

from amana.core import readability


def test_flesch_is_the_published_formula() -> None:
    # 6 words, 1 sentence, 6 syllables.
    assert readability.of("The cat sat on the mat.", "en").score == pytest.approx(
        206.835 - 1.015 * 6 - 84.6, abs=0.05
    )


def test_oborneva_counts_vowels_as_syllables() -> None:
    # 3 words, 1 sentence, 5 syllables.
    score = 206.835 - 1.3 * 3 - 60.1 * 5 / 3
    assert readability.of("Мама мыла пол.", "ru").score == pytest.approx(score, abs=0.05)


def test_osman_says_whether_it_had_to_estimate() -> None:
    marked = readability.of("كَتَبَ الوَلَدُ دَرسَهُ.", "ar")
    assert (marked.formula, marked.estimated) == ("osman", False)
    assert readability.of("كتب الولد درسه.", "ar").estimated


@pytest.mark.parametrize(
    ("language", "easy", "hard"),
    [
        (
            "en",
            "We write to you. You can stop.",
            "Notwithstanding contractual considerations, personalisation continues.",
        ),
        (
            "ru",
            "Мы вам пишем. Вы решаете.",
            "Персонализированное информирование осуществляется незамедлительно.",
        ),
        ("ar", "نكتب لك. أنت تقرر.", "واستخداماتهم المستقبلية لمعلوماتكم الشخصية واحتياجاتكم الاستثنائية."),
    ],
)
def test_short_words_and_sentences_are_easier(language: str, easy: str, hard: str) -> None:
    assert readability.of(easy, language).score > readability.of(hard, language).score


@pytest.mark.parametrize(
    ("language", "text"), [("he", "נכתוב לך."), ("th", "เราเขียนถึงคุณ"), ("en", "123 …"), ("ar", "٣ …")]
)
def test_nothing_is_said_where_nothing_can_be(language: str, text: str) -> None:
    assert readability.of(text, language) == readability.NONE
