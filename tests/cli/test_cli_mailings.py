"""A mailing and the tasks at the command line: started, seen, stopped, continued; failures counted and put back."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_samples import Amana

MESSAGE = '[en]\nsubject = "News"\ntext = "Apples are ripe."\n'
MAIL = '\n[mail]\nsender = "hello@orchard.example"\nport = 9\nsecurity = "none"\n'


@pytest.fixture
def message(imported: Path, tmp_path: Path) -> Path:
    """A message, in a workspace that can send."""
    definition = imported / "amana.toml"
    text = definition.read_text("utf-8")
    lines = [
        "[organisation]\n" + 'address = "1 Orchard Street, Leeds"' if line == "[organisation]" else line
        for line in text.splitlines()
        if not line.startswith("address =")
    ]
    definition.write_text("\n".join(lines) + MAIL, "utf-8")
    path = tmp_path / "news.toml"
    path.write_text(MESSAGE, "utf-8")
    return path


def test_a_mailing_is_tried_started_stopped_and_continued(amana: Amana, message: Path) -> None:
    words = ("mailing", "start", message, "--purpose", "newsletter")
    tried = amana(*words, "--dry-run", "--json").json
    assert (tried["state"], tried["id"]) == ("preview", "")
    assert tried["audience"] == tried["chosen"] + sum(tried["left_out"].values())
    assert amana("mailing", "list").out.strip() == "No mailing was started."
    started = amana(*words, "--json").json
    number = started["id"]
    assert started["by"] == "dana"
    assert amana("mailing", "stop", number, "--json").json["state"] == "stopped"
    assert amana("mailing", "stop", number).status == 4
    assert "stopped" in amana("mailing", "show", number).out
    assert amana("mailing", "continue", number, "--json").json["state"] == "queueing"
    assert amana("mailing", "show", "0000").status == 3
    (listed,) = amana("mailing", "list", "--json").json["mailings"]
    assert listed["id"] == number
    assert "example.com" not in amana("mailing", "show", number).out


def test_a_mailing_is_tried_where_no_mail_can_leave_and_not_started(
    imported: Path, amana: Amana, tmp_path: Path
) -> None:
    message = tmp_path / "news.toml"
    message.write_text(MESSAGE, "utf-8")
    words = ("mailing", "start", message, "--purpose", "newsletter")
    assert amana(*words, "--dry-run", "--json").json["state"] == "preview"
    refused = amana(*words)
    assert refused.status == 2
    assert "[mail]" in refused.err


def test_an_audience_file_narrows_and_a_message_without_a_subject_is_refused(
    amana: Amana, message: Path, tmp_path: Path
) -> None:
    (tmp_path / "some.csv").write_text("email\nmaya@example.com\nnobody@example.com\n", "utf-8")
    words = ("mailing", "start", message, "--purpose", "newsletter", "--audience", tmp_path / "some.csv")
    tried = amana(*words, "--dry-run", "--json").json
    assert (tried["audience"], tried["left_out"]["unknown_person"]) == (2, 1)
    message.write_text('[en]\ntext = "x"\n', "utf-8")
    assert amana("mailing", "start", message, "--purpose", "newsletter").status == 2


def test_tasks_are_counted_and_status_says_how_many(amana: Amana, message: Path) -> None:
    assert amana("tasks", "list").out.strip() == "Nothing waits, and nothing failed."
    amana("mailing", "start", message, "--purpose", "newsletter")
    (group,) = amana("tasks", "list", "--json").json["tasks"]
    assert (group["kind"], group["state"], group["count"]) == ("mailing", "ready", 1)
    assert "1 waiting, 0 failed: see" in amana("status").out
    assert amana("tasks", "retry", "--json").json == {"put_back": 0}
