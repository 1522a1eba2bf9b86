"""Reviews at the command line: a number that many people gave is one thing to look at, not a pair for every two."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_samples import Amana

MAPPING = """\
[person]
external_id = "id"
email = "mail"
phone = "tel"

[fields]
full_name = "name"
"""
FRONT_DESK = "+442079460018"


def takes(amana: Amana, folder: Path, rows: list[str], source: str = "guests") -> None:
    (folder / "guests.toml").write_text(MAPPING)
    (folder / "guests.csv").write_text("\n".join(["id,mail,tel,name", *rows]) + "\n")
    ran = amana("import", folder / "guests.csv", "--mapping", folder / "guests.toml", "--source", source)
    assert ran.status == 0, ran.err


@pytest.fixture
def crowded(workspace: Path, amana: Amana, tmp_path: Path) -> Path:
    """Eight guests with the front desk's number, two of whom share an address too, and a household of two."""
    letters = "ABCDEFGH"
    mails = [f"{one.lower()}@example.com" for one in letters[:6]] + ["both@example.com"] * 2
    rows = [
        f"{place},{mail},{FRONT_DESK},Guest {one}"
        for place, (one, mail) in enumerate(zip(letters, mails, strict=True))
    ]
    takes(amana, tmp_path, [*rows, "20,home@example.com,,Ann Lee", "21,home@example.com,,Tom Lee"])
    return tmp_path


def test_a_number_that_many_people_gave_is_told_once_with_its_people(crowded: Path, amana: Amana) -> None:
    told = amana("reviews", "list", "--json").json
    (crowd,) = told["shared"]
    assert (crowd["kind"], crowd["people"], crowd["differ_in"]) == ("phone", list(range(1, 9)), ["name"])
    assert len(crowd["reviews"]) == 8 * 7 // 2 - 1
    shown = amana("reviews", "list").out
    assert "A number shared by 8 people" in shown
    assert FRONT_DESK not in shown


def test_whoever_shares_an_address_of_few_as_well_stays_a_pair(crowded: Path, amana: Amana) -> None:
    told = amana("reviews", "list", "--json").json["reviews"]
    assert {(one["person"], one["other"]) for one in told} == {(8, 7), (10, 9)}


def test_five_people_at_one_number_are_still_pairs(workspace: Path, amana: Amana, tmp_path: Path) -> None:
    takes(amana, tmp_path, [f"{one},,{FRONT_DESK},Guest {'ABCDE'[one]}" for one in range(5)])
    told = amana("reviews", "list", "--json").json
    assert (len(told["reviews"]), told["shared"]) == (10, [])


def test_a_crowd_is_closed_as_a_whole_only_when_that_is_said(crowded: Path, amana: Amana) -> None:
    (crowd,) = amana("reviews", "list", "--json").json["shared"]
    first, *rest = crowd["reviews"]
    amana("reviews", "close", first, "--why", "looked at this one")
    assert amana("reviews", "list", "--json").json["shared"][0]["reviews"] == rest
    ran = amana("reviews", "close", rest[0], "--whole-crowd", "--why", "the front desk", "--json")
    assert [one["id"] for one in ran.json["closed"]] == rest
    left = amana("reviews", "list", "--json").json
    assert ({one["person"] for one in left["reviews"]}, left["shared"]) == ({8, 10}, [])
