"""Each language has a sentence for every code, and a catalogue that lacks one is refused."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from amana import errors
from amana.cli import wording
from amana.core import phrases

ENGLISH = (resources.files("amana") / "locale" / "en.toml").read_text("utf-8")
SCRIPT = {
    "he": r"[\u0590-\u05ff]",
    "ar": r"[\u0600-\u06ff]",
    "th": r"[\u0e00-\u0e7f]",
    "ru": r"[\u0400-\u04ff]",
}


def sentences(language: str) -> dict[str, str]:
    """Every translated sentence by its place."""
    read = wording.catalogue(language)
    found = {
        f"{code}.{part}": getattr(told, part)
        for code, told in read.reason.items()
        for part in ("why", "turn")
    }
    for section in phrases.codes_needed():
        if section != "reason":
            found |= {f"{section}.{code}": told for code, told in getattr(read, section).items()}
    return found


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_a_catalogue_is_complete_and_calls_itself_by_its_name(language: str) -> None:
    read = wording.catalogue(language)
    assert read.language == language
    assert read.direction == ("rtl" if language in ("he", "ar") else "ltr")


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    folder = resources.files("amana") / "locale"
    assert {file.name for file in folder.iterdir() if file.name.endswith(".toml")} == {
        f"{language}.toml" for language in phrases.LANGUAGES
    }


@pytest.mark.parametrize("language", list(SCRIPT))
def test_a_translation_is_written_in_its_own_script(language: str) -> None:
    unwritten = [
        place for place, told in sentences(language).items() if not re.search(SCRIPT[language], told)
    ]
    assert not unwritten


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_two_reasons_never_read_the_same(language: str) -> None:
    why = [told.why for told in wording.catalogue(language).reason.values()]
    assert len(set(why)) == len(why)


@pytest.mark.parametrize("language", [one for one in phrases.LANGUAGES if one != "th"])
def test_a_reason_is_one_sentence(language: str) -> None:
    for code, told in wording.catalogue(language).reason.items():
        for sentence in (told.why, told.turn):
            assert sentence.endswith("."), code
            assert not re.search(r"\. [^ ]", sentence), code


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[reason.quiet_hours]", "[reason.quiet_days]", "missing: quiet_hours; stale: quiet_days"),
        ('sender_identity = "Say', 'sender_name = "Say', "missing: sender_identity"),
        ('sms = "text message"\n', "", "missing: sms; stale: none"),
        ('sms = "text message"\n', 'sms = "text message"\nfax = "fax"\n', "missing: none; stale: fax"),
        ('withdrawn = "withdrawn"', 'withdrawn = " "', "status.withdrawn"),
        ('turn = "Wait until the pause ends."', 'turn = ""', "reason.paused.turn"),
        ('allow = "Yes', 'maybe = "Yes', "maybe"),
        ('direction = "ltr"', 'direction = "up"', "which way"),
        ("[kind]", "[kind", "cannot be read"),
    ],
)
def test_a_catalogue_with_a_gap_a_stale_key_or_an_empty_sentence_is_refused(
    old: str, new: str, named: str
) -> None:
    assert old in ENGLISH
    with pytest.raises(errors.BadInput, match=re.escape(named)):
        phrases.read(ENGLISH.replace(old, new))
