"""What a person reads at the command line is words: no log line, no token, and the next thing to type."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
import structlog
from cli_samples import Amana

from amana import errors
from amana.cli import session
from amana.core import phrases
from amana.services.record import wording

ANN = "ann@example.com"


class Terminal(io.StringIO):
    """Standard error where somebody reads."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "verb", "wanted", "written"),
    [
        (True, "request", "", False),
        (True, "request", "1", True),
        (True, "worker", "", True),
        (False, "request", "", True),
    ],
)
def test_log_lines_stay_away_from_a_terminal_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, terminal: bool, verb: str, wanted: str, written: bool
) -> None:
    screen = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("AMANA_LOG", wanted)
    session.Command(tmp_path, verb)
    structlog.get_logger("amana.rights").info("request_run", request="R-1")
    assert ("request_run" in screen.getvalue()) is written


def test_a_setting_that_is_neither_on_nor_off_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AMANA_LOG", "loud")
    with pytest.raises(errors.BadSettings, match="AMANA_LOG"):
        session.Command(tmp_path)


@pytest.fixture
def known(workspace: Path, amana: Amana) -> str:
    """Somebody who asks for a copy of what is held."""
    opened = amana("request", "open", "access", ANN, "--proved", "checked", "--json")
    assert opened.status == 0, opened.err
    return str(opened.json["ref"])


def test_after_an_answer_the_copy_is_the_next_thing_to_type(known: str, amana: Amana) -> None:
    ran = amana("request", "run", known)
    assert f"amana request copy {known} {known}.zip --purpose" in ran.out.replace("\n", "")


def test_what_happened_to_a_request_is_told_in_sentences(known: str, amana: Amana) -> None:
    amana("request", "run", known)
    shown = amana("request", "show", known).out
    erasure = amana("request", "open", "erasure", ANN, "--proved", "checked", "--json").json["ref"]
    waits = amana("request", "run", erasure).out + amana("request", "show", erasure).out
    for token in ("to_decide", "not_told", "no_mail", "took_effect", "(amana)"):
        assert token not in shown + waits
    assert "the person could not be told: no e-mail can be sent" in waits.replace("\n", " ")


def test_a_copy_of_somebody_who_was_erased_says_when_it_went_and_why(
    known: str, amana: Amana, tmp_path: Path
) -> None:
    amana("request", "run", known)
    person = amana("request", "show", known, "--json").json["person"]
    assert amana("forget", person, "--yes").status == 0
    gone = amana("request", "copy", known, tmp_path / "copy.zip", "--purpose", "to hand it over")
    assert gone.status == 3
    assert f"went with the person: {person} was erased on " in gone.err.replace("\n", " ")


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_a_registry_that_is_to_be_loaded_is_named(language: str) -> None:
    text = wording.catalogue(language)
    named = text.turn("registry_stale", ("UK_TPS", "UK_CTPS"))
    assert named == f"{text.turn('registry_stale').rstrip('.')}: UK_TPS, UK_CTPS"
    assert text.turn("withdrawn", ("UK_TPS",)) == text.turn("withdrawn")
