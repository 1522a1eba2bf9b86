"""Words that one kind of page has for itself are read whole, or not at all.

Rule: a language that lacks a key, or keeps one that English dropped, is refused with both named; so is a counted sentence
without a plural form of its language, and a language that the product does not speak.
"""

from __future__ import annotations

import msgspec
import pytest

from amana import errors
from amana.services.record import wording


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: dict[str, str]
    counted: dict[str, dict[str, str]] = {}


ENGLISH = '[text]\nhello = "Hello"\nbye = "Bye"\n'


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files of a folder `page`, in place of those of the package."""
    found = {"page/en.toml": ENGLISH}
    monkeypatch.setattr(wording, "_file", found.__getitem__)
    return found


def test_a_language_with_the_keys_of_english_is_read(files: dict[str, str]) -> None:
    files["page/he.toml"] = '[text]\nhello = "שלום"\nbye = "להתראות"\n'
    assert wording.words(Page, "page", "he").text["hello"] == "שלום"


def test_a_missing_and_a_stale_key_are_named_together(files: dict[str, str]) -> None:
    files["page/he.toml"] = '[text]\nhello = "שלום"\nold = "ישן"\n'
    with pytest.raises(errors.BadInput, match=r"page/he\.toml, \[text\]") as refused:
        wording.words(Page, "page", "he")
    assert "bye" in refused.value.expected
    assert "old" in refused.value.got


def test_a_counted_sentence_needs_every_plural_form_of_its_language(files: dict[str, str]) -> None:
    forms = '[counted.rows]\none = "{number} row"\nother = "{number} rows"\n'
    files["page/en.toml"] = ENGLISH + forms
    files["page/ru.toml"] = ENGLISH + forms
    assert wording.words(Page, "page", "en").counted["rows"]["one"] == "{number} row"
    with pytest.raises(errors.BadInput, match="rows"):
        wording.words(Page, "page", "ru")


def test_a_language_that_is_not_spoken_is_refused_before_any_file_is_looked_for(
    files: dict[str, str],
) -> None:
    with pytest.raises(errors.BadInput, match="does not speak"):
        wording.words(Page, "../web", "xx")
