"""Readability: how hard a notice is to read, by a formula that was validated for its language; or none.

Rule. English: Flesch's reading ease (Flesch 1948). Russian: the same with Oborneva's coefficients (Oborneva 2006), for
longer words. Arabic: OSMAN (El-Haj and Rayson 2016), where syllables are counted on text that carries its vowel marks;
where most words have none they are estimated, and the figure says so. Higher is easier; scores of different formulas do
not compare. For Hebrew and Thai no formula is validated, and nothing is better than a number that means nothing.
"""

from __future__ import annotations

import re

import msgspec

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE = re.compile(r"[.!?؟…]+(?:\s|$)")
_ENGLISH_VOWELS = re.compile(r"[aeiouy]+")
_RUSSIAN_VOWELS = re.compile(r"[аеёиоуыэюя]")
_ARABIC_SHORT = re.compile(r"[\u064b-\u0650]")  # the vowel marks but for shadda and sukun
_ARABIC_LONG = re.compile(r"[اويىآ]")
_ARABIC_MARKS = re.compile(r"[\u064b-\u0652\u0670]")
_OSMAN_FAINT = re.compile(r"ء|ئ|وء|ذ|ظ")
_LONG_ARABIC_WORD = 5  # letters


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """How readable a text is."""

    formula: str  # flesch | oborneva | osman, "" where none is validated
    score: float = 0.0  # higher is easier
    estimated: bool = False  # Arabic whose words mostly carry no vowel marks


NONE = Figure(formula="")


def of(text: str, language: str) -> Figure:
    """The figure of a text. A text without words, and a language without a validated formula, have none."""
    words = _WORD.findall(text)
    if not words:
        return NONE
    sentences = max(1, len(_SENTENCE.findall(text.strip())))
    if language == "en":
        syllables = sum(_english(word.lower()) for word in words)
        score = 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)
        return Figure(formula="flesch", score=round(score, 1))
    if language == "ru":
        syllables = sum(max(1, len(_RUSSIAN_VOWELS.findall(word.lower()))) for word in words)
        score = 206.835 - 1.3 * len(words) / sentences - 60.1 * syllables / len(words)
        return Figure(formula="oborneva", score=round(score, 1))
    return _osman(text, sentences) if language == "ar" else NONE


def _english(word: str) -> int:
    """Syllables of an English word: groups of vowels, less a silent e."""
    groups = len(_ENGLISH_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent)


def _osman(text: str, sentences: int) -> Figure:
    words = [word for word in re.split(r"[^\w\u064b-\u0652\u0670]+", text) if word and not word.isdigit()]
    if not words:
        return NONE
    bare = [_ARABIC_MARKS.sub("", word) for word in words]
    syllables = [_arabic(word) for word in words]
    count = len(words)
    long_words = sum(len(word) > _LONG_ARABIC_WORD for word in bare)
    many = sum(number > 4 for number in syllables)
    faint = sum(
        (number > 4 and bool(_OSMAN_FAINT.search(word))) or (number > 4 and word.endswith(("ون", "وا")))
        for number, word in zip(syllables, bare, strict=True)
    )
    score = (
        200.791 - 1.015 * count / sentences - 24.181 * (long_words + sum(syllables) + many + faint) / count
    )
    marked = sum(bool(_ARABIC_SHORT.search(word)) for word in words)
    return Figure(formula="osman", score=round(score, 1), estimated=marked * 2 < count)


def _arabic(word: str) -> int:
    """Syllables of an Arabic word: vowel marks, or where there are none long vowels and half of the rest."""
    short = len(_ARABIC_SHORT.findall(word))
    if short:
        return short + len(_ARABIC_LONG.findall(word))
    long = len(_ARABIC_LONG.findall(word))
    return max(1, long + (len(word) - long + 1) // 2)
