"""Counts in what the commands say: one is one, and no sentence chooses its noun by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from amana.cli import rendering

CLI = Path(rendering.__file__).parent
NOUNS = "rows|systems|entries|people|days|events|files|messages|lines|receipts|sends|columns|addresses|copies|steps"
BARE = re.compile(rf"\{{([^{{}}]+)\}} (?:{NOUNS})\b(?! a second)")
ALWAYS_MANY = {
    "demo_pages.py": "an invented company of thousands",
    "demo.py": "an invented company of thousands",
    "import_pages.py": "a limit of ours",
    "workspaces.py": "of several hundred rows of law",
    "ledger.py": "parts of a sum",
    "replay.py": "a rate",
}


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_204, "1,204 rows")]
)
def test_a_count_has_its_noun_in_the_form_that_it_takes(number: int, said: str) -> None:
    assert rendering.counted(number, "row") == said


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert rendering.counted(1, "person", "people") == "1 person"
    assert rendering.counted(3, "entry", "entries") == "3 entries"


def test_no_sentence_of_a_command_puts_a_number_before_a_plural() -> None:
    found = [
        (path.name, hit[0])
        for path in sorted(CLI.glob("*.py"))
        if path.name not in ALWAYS_MANY
        for hit in BARE.finditer(path.read_text("utf-8"))
        if "rendering.counted" not in hit[1]
    ]
    assert found == []
