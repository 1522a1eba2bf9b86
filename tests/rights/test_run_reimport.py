"""Whoever was erased stays erased and uncontacted when an old export brings them back, and the report says so."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).with_name("world")))

import shop_people as people
import shop_systems as build
import shop_tables as shop
from shop_fixtures import Clock, ask, settled

from amana import wiring
from amana.cli.main import app
from amana.core.rights import Kind
from amana.core.vocabulary import Channel
from amana.services.gate.asking import Gate, Inquiry
from amana.services.rights import requests
from amana.settings import Settings

MAPPING = """
[source]
zone = "Europe/Berlin"
[person]
external_id = "id"
email = "email"
[fields]
residence = { constant = "DE" }
[[permission]]
purpose = "news"
channel = "email"
status = { column = "news", given = ["yes"] }
when = "since"
proof = ["demonstrable", "channel_named", "sender_named", "purpose_named", "unbundled", "unticked", "confirmed"]
notice = "news@2026-01"
"""


@pytest.fixture
def erased(tmp_path: Path) -> Path:
    """A workspace in which Ada and Chana were erased, and Ben was not."""
    clock = Clock()
    place = Settings(workspace=tmp_path / "workspace", actor="officer")
    wiring.create(place, build.DEFINITION, at=clock)
    clock.wait(10)
    with wiring.opened(place, writing=True, at=clock) as house:
        numbers = people.enter(house)
        for name in ("ada", "chana"):
            ask(house, Kind.ERASURE, numbers[name])
        settled(house, clock)
        assert not requests.people_here(house, [numbers["ada"], numbers["chana"]])
    return place.workspace


def stale_export(folder: Path) -> Path:
    """What the shop's CRM wrote before anybody was erased."""
    path = folder / "crm.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "email", "news", "since"])
        for name in ("ada", "ben", "chana"):
            for email in shop.PEOPLE[name]["emails"]:
                writer.writerow([f"crm-{name}", email.upper(), "yes", "2026-02-03"])
    (folder / "mapping.toml").write_text(MAPPING, "utf-8")
    return path


def run(workspace: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["--workspace", str(workspace), *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_erased_stay_uncontacted_and_the_import_says_how_many_they_are(
    erased: Path, tmp_path: Path
) -> None:
    listed = stale_export(tmp_path)
    words = [
        "import",
        str(listed),
        "--mapping",
        str(tmp_path / "mapping.toml"),
        "--brand",
        "orchard",
        "--source",
        "crm",
    ]
    told: dict[str, Any] = json.loads(run(erased, *words, "--evidence", "CRM export", "--json"))
    assert told["counts"]["kept_out"] == 3
    clock = Clock()
    clock.wait(3_600)
    with wiring.opened(Settings(workspace=erased, actor="o"), at=clock) as house:
        everybody = requests.people_here(house, range(1, 60))
        assert all(one <= len(shop.PEOPLE) for one in everybody)  # nobody came back under another number
        gate = Gate(house)
        inquiry = Inquiry(brand="orchard", purpose="news", channel=Channel.EMAIL)
        for name in ("ada", "chana"):
            for email in shop.PEOPLE[name]["emails"]:
                decision, holders = gate.ask_address(email, inquiry)
                assert not decision.allow
                assert not holders
        gate.close()


def test_the_report_says_it_in_words(erased: Path, tmp_path: Path) -> None:
    listed = stale_export(tmp_path)
    words = [
        "import",
        str(listed),
        "--mapping",
        str(tmp_path / "mapping.toml"),
        "--brand",
        "orchard",
        "--source",
        "crm",
    ]
    assert "people who were erased" in run(erased, *words, "--evidence", "CRM export")
