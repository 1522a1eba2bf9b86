"""docs/first-csv.md, done word for word by somebody new: each file saved, each command run, each figure compared.

The page's blocks name the file they are to be saved as; lines that begin with `$` are run as they stand. Of what a
command prints, the lines that carry its answer are compared; times, hashes and hints may change without a lie.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "first-csv.md"
PROGRAM = Path(sys.executable).with_name("amana")
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ANSWERS = re.compile(
    r"may be contacted \(|^(Yes|No): this person|^Missing:|^(rows read|people not known|newsletter email|said:)"
)
ALLOWED = ("Maria (DE)", "Lucy (GB)", "Dan (US)", "Arun (country unknown)")


def answers(printed: str) -> list[str]:
    """The lines that carry the answer, without the spaces that only align."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    return [line for line in lines if ANSWERS.search(line)]


def commands(block: str) -> list[tuple[str, str]]:
    """Each command of a console block with what the page says it prints."""
    found = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    return [(command, printed) for command, printed in found]


def save(folder: Path, name: str, text: str) -> None:
    """Save a file of the page; of the workspace file only the one line that the page changes."""
    if name != "shop/amana.toml":
        (folder / name).write_text(text, "utf-8")
        return
    definition = folder / name
    changed, times = re.subn(
        r"^serves = .*$", text.strip(), definition.read_text("utf-8"), flags=re.MULTILINE
    )
    assert times == 1
    definition.write_text(changed, "utf-8")


@pytest.mark.slow
def test_a_newcomer_gets_what_the_page_shows(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    compared = 0
    for kind, name, text in BLOCK.findall(page):
        if kind != "console":
            save(tmp_path, name, text)
            continue
        for command, shown in commands(text):
            words = [str(PROGRAM), *shlex.split(command)[1:]]
            done = subprocess.run(
                words,
                cwd=tmp_path,
                env=os.environ | {"COLUMNS": "100", "AMANA_ACTOR": "dana"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == (1 if " ask " in command else 0), done.stderr
            assert answers(done.stdout) == answers(shown), command
            compared += len(answers(shown))
    assert compared > 10
    rows = dict(re.findall(r"^\| (\w+ \([^)]+\)) \| (yes|no) \|", page, re.MULTILINE))
    with (tmp_path / "answers.csv").open(encoding="utf-8", newline="") as stream:
        given = [row["allow"] for row in csv.DictReader(stream)]
    assert list(rows.values()) == given
    assert tuple(who for who, allow in rows.items() if allow == "yes") == ALLOWED
