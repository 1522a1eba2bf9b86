"""What cannot leave, because the workspace file does not say how, is said wherever somebody looks after the queue."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_samples import Amana

LETTER = (
    "From: Ann Bell <ann@example.com>\r\nTo: privacy@orchard.example\r\nSubject: My data\r\n"
    "Message-ID: <1@example.com>\r\nDate: Thu, 28 May 2026 10:00:00 +0000\r\n\r\n"
    "Please delete my account.\r\n"
)
MAIL = '\n[mail]\nsender = "post@orchard.example"\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\n'
SAID = "1 task cannot leave: [mail] is missing in amana.toml."


@pytest.fixture
def written(workspace: Path, tmp_path: Path, amana: Amana) -> Path:
    """A workspace without `[mail]`, which somebody wrote a letter to."""
    (tmp_path / "letter.eml").write_bytes(LETTER.encode())
    taken = amana("request", "from-mail", tmp_path / "letter.eml")
    assert taken.status == 0, taken.err
    return workspace


def test_the_worker_says_what_no_mail_holds_up(written: Path, amana: Amana) -> None:
    ran = amana("worker", "--once")
    assert ran.status == 0
    assert SAID in ran.err
    assert "docs/delivery.md" in ran.err


def test_the_list_of_tasks_names_the_trouble_and_its_remedy(written: Path, amana: Amana) -> None:
    (task,) = amana("tasks", "list", "--json").json["tasks"]
    assert (task["kind"], task["state"], task["trouble"]) == ("mail", "ready", "no_mail")
    ran = amana("tasks", "list")
    assert "no_mail" in ran.out
    assert SAID in ran.out


def test_the_status_says_it(written: Path, amana: Amana) -> None:
    assert SAID in amana("status").out
    assert [one["trouble"] for one in amana("status", "--json").json["tasks"]] == ["no_mail"]


def test_nothing_of_it_is_said_where_mail_has_a_way_out(written: Path, amana: Amana) -> None:
    file = written / "amana.toml"
    file.write_text(file.read_text("utf-8") + MAIL, "utf-8")
    assert [one["trouble"] for one in amana("status", "--json").json["tasks"]] == [""]
    assert "cannot leave" not in amana("status").out + amana("tasks", "list").out


def test_an_empty_queue_is_held_up_by_nothing(workspace: Path, amana: Amana) -> None:
    assert "cannot leave" not in amana("status").out + amana("worker", "--once").err
