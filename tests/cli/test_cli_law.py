"""The law book, bought lists and registries from the command line."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import pytest
from cli_samples import Amana

PAPERS = """
seller = "Leads Trading Ltd"
per_record_proof = true
sender_named = {named}
competition_bundle = false
inferred_vulnerability = false
[documents.form]
file = "form.png"
[documents.records]
file = "records.csv"
"""


def papers(folder: Path, *, named: bool) -> Path:
    folder.mkdir()
    (folder / "papers.toml").write_text(PAPERS.format(named=str(named).lower()))
    (folder / "form.png").write_bytes(b"a picture")
    (folder / "records.csv").write_bytes(b"when,how\n")
    return folder


def test_the_law_of_a_cell_is_shown_with_its_source_and_doubts(amana: Amana) -> None:
    ran = amana("law", "show", "FR", "phone_live", "consumer", "--at", "2026-08-11")
    assert ran.status == 0
    for words in (
        "consent first",
        "loi 2025-594",
        "not yet confirmed by counsel",
        "4 in thirty days",
        "10:00-13:00",
    ):
        assert words in ran.out
    before = amana("law", "show", "fr", "phone_live", "--at", "2026-08-10", "--json").json
    assert (before["row"]["basis"], before["row"]["registries"][0]["name"]) == ("opt_out_registry", "BLOCTEL")


def test_a_day_before_the_law_is_modelled_says_no(amana: Amana) -> None:
    ran = amana("law", "show", "DE", "email", "--at", "2020-01-01")
    assert (ran.status, "the answer is no" in ran.out) == (0, True)


def test_the_change_of_french_calls_stands_on_its_day(amana: Amana) -> None:
    ran = amana("law", "diff", "2026-01-01", "2026-09-01", "--place", "FR", "--json")
    found = [one for one in ran.json["changes"] if one["aspect"] == "basis"]
    assert [(one["on"], one["subjects"], one["before"], one["after"]) for one in found] == [
        ("2026-08-11", ["consumer"], "opt_out_registry", "opt_in")
    ]
    assert "2026-08-11  France" in amana("law", "diff", "2026-01-01", "2026-09-01").out


@pytest.mark.parametrize(
    "words",
    [("show", "XX", "email"), ("diff", "2026-09-01", "2026-01-01"), ("show", "DE", "email", "--at", "May")],
)
def test_words_that_mean_nothing_are_refused(amana: Amana, words: tuple[str, ...]) -> None:
    assert amana("law", *words).status in (2, 3)


def test_the_book_is_fit_and_says_what_is_unsure(amana: Amana) -> None:
    ran = amana("law", "check", "--json")
    kinds = {one["kind"] for one in ran.json["problems"]}
    assert (ran.status, ran.json["fit"], kinds) == (0, True, {"unconfirmed", "not_enforced"})


def test_a_bought_list_is_held_until_its_papers_are_in_order(
    workspace: Path, amana: Amana, list_import: tuple[object, ...], tmp_path: Path
) -> None:
    bad, good = papers(tmp_path / "bad", named=False), papers(tmp_path / "good", named=True)
    ran = amana(*list_import, "--bought", "--documents", bad, "--json")
    assert (ran.status, ran.json["held_because"], ran.json["counts"]["held"]) == (0, ["sender_not_named"], 5)
    asked = amana("ask", "maya@example.com", "--purpose", "newsletter", "--channel", "email", "--json")
    assert "source_held" in {one["code"] for one in asked.json["reasons"]}
    assert "does not name this organisation" in amana("list", "show").out
    assert amana("list", "release", "1", "--documents", bad).status == 2
    released = amana("list", "release", "1", "--documents", good, "--json")
    assert (released.status, released.json["people"]) == (0, 5)
    assert amana("list", "show", "--json").json["lists"][0]["held"] is False


def test_a_list_without_papers_says_what_to_do(
    workspace: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana(*list_import, "--bought")
    assert (ran.status, "amana list release" in ran.out) == (0, True)
    assert amana(*list_import, "--documents", "nowhere").status == 2


def test_a_registry_is_loaded_by_the_import_command(workspace: Path, amana: Amana, files: Path) -> None:
    (files / "tps.txt").write_text("+442079460018\n+442079460019\nnone\n")
    (files / "tps.toml").write_text('registry = "TPS"\ncountry = "GB"\nas_of = "2026-05-01"\n')
    words = ("import", files / "tps.txt", "--as", "registry", "--options", files / "tps.toml", "--json")
    ran = amana(*words)
    assert ran.status == 0, ran.err
    assert (ran.json["registry"]["entries"], ran.json["rejected"]) == (2, 1)
    (files / "tps.toml").write_text('registry = "TPS"\ncountry = "GB"\nas_of = "2026-04-01"\n')
    assert amana(*words).status == 4


def test_a_book_is_taken_only_by_whoever_said_yes(workspace: Path, amana: Amana, tmp_path: Path) -> None:
    packs = Path(str(resources.files("amana"))) / "data" / "law"
    folder = tmp_path / "packs"
    shutil.copytree(packs, folder)
    book = folder / "book.toml"
    version = amana("status", "--json").json["law"]["version"]
    book.write_text(book.read_text("utf-8").replace(version, "2099.1.1"), "utf-8")
    (tmp_path / "seed").write_text("07" * 32, "utf-8")
    file = tmp_path / "book.law"
    packed = amana("law", "pack", folder, "--seed", tmp_path / "seed", "--name", "law.example", "-o", file)
    key = packed.out.strip()
    refused = amana("law", "take", file, "--key", key)
    assert (refused.status, "--yes" in refused.err) == (2, True)
    assert amana("status", "--json").json["law"]["version"] == version
    assert amana("law", "take", file, "--key", key, "--yes").status == 0
    assert amana("status", "--json").json["law"]["version"] == "2099.1.1"
