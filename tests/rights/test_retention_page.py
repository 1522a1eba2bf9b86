"""docs/rights.md says what the program does: its commands exist, its clocks are those of the law packs."""

from __future__ import annotations

import re
import shlex
from datetime import date
from pathlib import Path

import pytest
import typer

from amana import wiring
from amana.cli.main import app
from amana.core.pack_values import Deadline, Period
from amana.core.rights import NEEDED

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rights.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.M | re.S)
TOLD = [line for block in BLOCKS for line in block.splitlines() if line.startswith("amana ")]
TOLD += re.findall(r"`(amana [^`]*)`", PAGE)
ON = date(2026, 11, 22)


def clocks() -> dict[str, list[str]]:
    rows = re.findall(r"^\| ([A-Z][A-Z -]+) \|(.*)\|$", PAGE, re.M)
    return {
        place: [cell.strip() for cell in rest.split("|")] for named, rest in rows for place in named.split()
    }


@pytest.mark.parametrize("line", TOLD)
def test_every_command_of_the_page_is_one(line: str) -> None:
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert words, line
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known
    context = command.make_context("amana", words, resilient_parsing=True)
    assert context.params is not None


def words_of(one: Deadline) -> list[str]:
    within = f"{one.working_days} working days" if one.working_days else span(one.within)
    return [within, span(one.extension) if one.extension else "no", one.citation]


def span(found: Period | None) -> str:
    assert found is not None
    number, unit = (found.months, "month") if found.months else (found.days, "day")
    return f"{number} {unit}{'s' if number > 1 else ''}"


@pytest.mark.parametrize("place", sorted(clocks()))
def test_the_clock_of_a_country_is_its_packs(place: str) -> None:
    book = wiring.law_book()
    first = next(one for pack in book.chain(place) for one in pack.due("request", ON))
    assert clocks()[place] == words_of(first)


def test_every_country_with_a_clock_stands_on_the_page() -> None:
    book = wiring.law_book()
    counted = {
        name
        for name in book.codes()
        for one in [next((due for pack in book.chain(name) for due in pack.due("request", ON)), None)]
        if one is not None and (one.within or one.working_days)
    }
    assert counted - {"EU"} == set(clocks())


def test_every_right_stands_on_the_page_and_those_without_proof_say_so() -> None:
    rows = dict(re.findall(r"^\| (\w+) \((?:GDPR )?art\. .*\| ([^|]+) \|$", PAGE, re.M))
    assert set(rows) == {kind.value for kind in NEEDED}
    assert {kind.value for kind, level in NEEDED.items() if not level} == {
        name for name, proof in rows.items() if proof.startswith("none")
    }
