"""The commands for audiences answer in words and as JSON, and write what they say they write."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from amana.cli import screen_page
from amana.cli.main import main
from amana.core import phrases, plurals

Amana = Callable[..., Any]
NEWS = ("--purpose", "news", "--channel", "email")
OFFERS = ("--purpose", "offers", "--channel", "email")
AT = ("--at", "2026-05-28T12:00")
SENDS = """
[source]
zone = "UTC"
[person]
external_id = "who"
[send]
when = "at"
purpose = { constant = "offers" }
channel = { constant = "email" }
campaign = "name"
"""


@pytest.fixture
def amana(
    capsys: pytest.CaptureFixture[str], settled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Amana:
    """Run the program on a copy of the workspace with 400 people; (status, answer), the answer read if it is JSON."""
    folder = tmp_path / "workspace"
    shutil.copytree(settled, folder)
    monkeypatch.setenv("AMANA_WORKSPACE", str(folder))
    monkeypatch.setenv("AMANA_ACTOR", "dana")

    def run(*words: object) -> tuple[int, Any]:
        capsys.readouterr()
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
        told = capsys.readouterr()
        text = told.out if not status else told.err
        return status, json.loads(text) if "--json" in words else text

    return run


def test_whatif_tells_both_sides_and_writes_who_turns(amana: Amana, tmp_path: Path) -> None:
    out = tmp_path / "turned.parquet"
    words = ("whatif", *OFFERS, "--from", "2025-11-01", "--at", "2026-05-28", "--out", out)
    status, told = amana(*words, "--json")
    assert status == 0
    assert told["before"]["allowed"] + told["to_yes"] - told["to_no"] == told["after"]["allowed"]
    assert told["to_yes"] > 0
    assert parquet.read_table(out).num_rows == told["to_yes"] + told["to_no"]
    assert sum(one["to_yes"] for one in told["places"].values()) == told["to_yes"]
    status, text = amana(*words[:-2], "--out", tmp_path / "turned.csv")
    assert status == 0
    assert "From no to yes" in text
    assert (tmp_path / "turned.csv").read_text("utf-8").startswith('"person","before"')


def test_whatif_needs_something_to_differ(amana: Amana) -> None:
    status, told = amana("whatif", *OFFERS, "--json")
    assert (status, told["error"]) == (2, "bad_input")


def test_a_screen_of_a_segment_is_broken_down_explained_and_compared(amana: Amana, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.parquet"
    status, first = amana("screen", *OFFERS, "--at", "2025-11-01", "--out", earlier, "--json")
    assert status == 0
    status, told = amana(
        "screen", *OFFERS, *AT, "--segment", "country in (DE, FR)", "--by", "country", "--by", "age", "--by", "source",
        "--explain", "--diff", earlier, "--out-diff", tmp_path / "diff.parquet", "--json",
    )  # fmt: skip  # the words of one command
    assert status == 0
    assert {one["name"] for one in told["by"]["country"]} == {"DE", "FR"}
    assert sum(one["people"] for one in told["by"]["age"]) == told["people"] < first["people"]
    assert told["since"]["gone"] == first["people"] - told["people"]
    assert (
        parquet.read_table(tmp_path / "diff.parquet").num_rows
        == told["since"]["to_no"] + told["since"]["to_yes"]
    )
    assert told["explained"]["bytes"] > 0
    assert "regime" in told["explained"]["columns"]
    status, text = amana("screen", *OFFERS, *AT, "--by", "source", "--explain", "--diff", earlier)
    assert "Since the earlier answer" in text
    assert "rows a second" in text


def test_several_campaigns_are_one_answer(amana: Amana) -> None:
    status, told = amana("screen", *OFFERS, "--purpose", "news", *AT, "--json")
    assert status == 0
    assert [one["purpose"] for one in told["campaigns"]] == ["offers", "news"]
    assert told["together"]["all"] <= min(one["allowed"] for one in told["campaigns"])
    assert "2 campaigns" in amana("screen", *OFFERS, "--purpose", "news", *AT)[1]
    status, told = amana("screen", *OFFERS, "--purpose", "news", "--out", "x.csv", "--json")
    assert (status, told["error"]) == (2, "bad_input")


@pytest.mark.parametrize(
    ("more", "status"),
    [(("--segment", "countri = DE"), 3), (("--segment", "country ="), 2), (("--by", "height"), 2),
     (("--engine", "abacus"), 3), (("--out-diff", "x.parquet"), 2)],
)  # fmt: skip  # one case on a line
def test_what_cannot_be_asked_is_refused_with_its_status(
    amana: Amana, more: tuple[str, ...], status: int
) -> None:
    assert amana("screen", *OFFERS, *more, "--json")[0] == status


class _Reading(HTMLParser):
    """Counts elements and remembers what they carry."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.root: dict[str, str | None] = {}
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "html":
            self.root = dict(attrs)
        self.loads += [name for name, value in attrs if name in ("src", "href", "onload") and value]


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_the_page_has_a_table_beside_each_chart_and_loads_nothing(
    amana: Amana, tmp_path: Path, language: str
) -> None:
    page = tmp_path / "page.html"
    status, _ = amana("screen", *OFFERS, *AT, "--page", page, "--language", language)
    assert status == 0
    read = _Reading()
    read.feed(page.read_text("utf-8"))
    assert read.root == {"lang": language, "dir": "rtl" if language in ("he", "ar") else "ltr"}
    assert read.tags.count("svg") == read.tags.count("table") == read.tags.count("caption") == 4
    assert not read.loads
    assert "script" not in read.tags
    assert "{" not in page.read_text("utf-8").split("</style>")[1]


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_the_page_of_several_campaigns_compares_them_and_says_what_changed_in_each(
    amana: Amana, tmp_path: Path, language: str
) -> None:
    offers, news, page = tmp_path / "offers.parquet", tmp_path / "news.parquet", tmp_path / "both.html"
    earlier = ("--at", "2024-01-01T09:00")
    amana("screen", *OFFERS, *earlier, "--out", offers)
    amana("screen", "--purpose", "news", "--channel", "email", *earlier, "--out", news)
    both = ("screen", *OFFERS, "--purpose", "news", *AT)
    told = amana(*both, "--diff", offers, "--diff", news, "--page", page, "--language", language, "--json")[1]
    assert told["written"] == [str(page)]
    first, second = (one["since"] for one in told["campaigns"])
    assert first["to_no"] + first["to_yes"] > 0
    text, own = page.read_text("utf-8"), screen_page.words(language)
    read = _Reading()
    read.feed(text)
    assert read.tags.count("svg") == read.tags.count("table") == read.tags.count("caption")
    assert read.tags.count("h1") == 1
    assert text.count(f"<h3>{own.since}</h3>") == 2
    assert plurals.chosen(language, own.counted["several"], 2).format(number="2") in text
    assert own.together.format(**{name: f"{count:,}" for name, count in told["together"].items()}) in text
    for since in (first, second):
        said = {name: f"{since[name]:,}" for name in ("to_no", "to_yes", "new", "gone")}
        assert own.since_told.format(**said) in text
    assert "{" not in text.split("</style>")[1]
    assert amana(*both, "--diff", offers, "--json")[0] == 2


def test_every_language_has_the_same_words_for_the_page() -> None:
    english = screen_page.words("en")
    for language in phrases.LANGUAGES:
        own = screen_page.words(language)
        assert set(own.ages) == set(english.ages)
        assert all(getattr(own, name) for name in own.__struct_fields__)


def test_a_log_is_replayed_taken_in_and_taken_back(amana: Amana, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "who,at,name\n" + "".join(f"{line},2026-05-27T10:00,spring\n" for line in range(2, 40)) + ",2026,x\n",
        "utf-8",
    )
    (tmp_path / "log.toml").write_text(SENDS, "utf-8")
    words = (tmp_path / "log.csv", "--mapping", tmp_path / "log.toml", "--source", "shop")
    status, told = amana("replay", *words, "--out", tmp_path / "answers.parquet", "--json")
    assert status == 0
    assert (told["sends"], told["rejected"]) == (38, 1)
    assert told["allowed"] + told["refused"] == 38
    assert sum(one["people"] for one in told["needs"]) == told["refused"]
    answers = parquet.read_table(tmp_path / "answers.parquet")
    assert (answers.num_rows, sum(answers["allow"].to_pylist())) == (38, told["allowed"])
    assert "What it would have taken" in amana("replay", *words, "--out", tmp_path / "answers.csv")[1]

    status, told = amana("import", *words, "--as", "sends", "--dry-run", "--json")
    assert (status, told["contacts"], told["dry_run"]) == (0, 38, True)
    status, told = amana("import", *words, "--as", "sends", "--json")
    assert (status, told["contacts"], told["repeated"]) == (0, 38, False)
    assert amana("import", *words, "--as", "sends", "--json")[1]["repeated"]
    assert amana("undo", told["source"], "--json")[1]["people"] == 38
    assert amana("undo", told["source"], "--json")[0] == 4


def test_a_log_without_a_mapping_or_a_source_is_refused(amana: Amana, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("who,at,name\n", "utf-8")
    assert amana("import", tmp_path / "log.csv", "--as", "sends", "--json")[0] == 2
