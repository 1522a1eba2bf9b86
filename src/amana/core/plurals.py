"""Counted sentences: which form of a sentence a number takes in a language.

Rule. A sentence with a number in it is written once for each plural form of its language, by CLDR's names (`one`, `two`,
`few`, `many`, `other` …), and a catalogue has exactly the forms that its language knows: Thai one, English two, Hebrew
three, Russian four, Arabic six. Which one a whole number takes is CLDR's to say (UTS #35, Language Plural Rules), through
Babel; nothing elsewhere compares a number with one to choose a word that people read in their language.
"""

from __future__ import annotations

from collections.abc import Mapping

import babel

from amana import errors


def forms(language: str) -> frozenset[str]:
    """The forms that counted sentences of a language have, by CLDR's names."""
    return frozenset({*babel.Locale.parse(language).plural_form.tags, "other"})


def chosen(language: str, sentences: Mapping[str, str], number: int) -> str:
    """The form of a counted sentence that a number takes, not yet filled in."""
    return sentences[babel.Locale.parse(language).plural_form(number)]


def check(place: str, language: str, counted: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse counted sentences that lack a form of their language or have another's. Raises BadInput naming them."""
    needed = forms(language)
    for key, sentences in counted.items():
        if set(sentences) != needed:
            raise errors.BadInput(
                f"The {place} catalogue is not complete under {key}",
                expected=f"the forms {', '.join(sorted(needed))}",
                got=", ".join(sorted(sentences)) or "none",
                remedy="write each form that the language has, and no other",
            )
