"""The pages on trust and operations say what the program does: its settings, its commands, its stores.

Rule: the table of settings is the program's. Every command that a page shows exists, with the options it is shown with.
The page on trust has a row for everything that a workspace keeps.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from amana import settings
from amana.cli.main import app

DOCS = Path(__file__).resolve().parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def shown(text: str) -> list[list[str]]:
    """Every call of the program in code on a page, without `--workspace`."""
    found = re.findall(r"`amana ([^`\n]+)`|^(?:\$ |  )amana ([^\n]+)$", text, re.M)
    calls = [(one or other).split("   (")[0].split() for one, other in found]
    return [call[2:] if call[0] == "--workspace" else call for call in calls]


def missing(words: list[str]) -> str:
    """What of a call the program does not know; empty if it knows all."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if word.startswith("--"):
            if not any(word in one.opts for one in command.params):
                return word
        elif children := getattr(command, "commands", None):
            if word not in children:
                return word
            command = children[word]
    return ""


@pytest.mark.parametrize("name", ["operations.md", "trust.md"])
def test_every_command_that_a_page_shows_exists(name: str) -> None:
    calls = shown(page(name))
    assert len(calls) > 3
    assert [(call, missing(call)) for call in calls if missing(call)] == []


def test_the_table_of_settings_is_the_programs() -> None:
    rows = re.findall(r"^\| `(AMANA_\w+)` \| (.+) \|$", page("operations.md"), re.M)
    assert dict(rows) == settings.VARIABLES


def test_every_store_and_secret_has_its_line() -> None:
    text = page("trust.md")
    for name in ("main.db", "keys/keys.db", "keys/root.key", "columns/", "rejects/", "amana.toml"):
        assert f"`{name}`" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| what |")]
    assert all(len(row.strip("|").split("|")) == 6 and all(row.strip("|").split("|")) for row in rows)


def test_a_command_that_does_not_exist_is_seen() -> None:
    assert missing(["backup", "--nowhere"]) == "--nowhere"
    assert missing(["keys", "sing"]) == "sing"
    assert missing(["keys", "rotate"]) == ""
    assert shown("text `amana forget --finish` and\n$ amana --workspace shop status\n") == [
        ["forget", "--finish"],
        ["status"],
    ]
