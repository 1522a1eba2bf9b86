"""Answers at the command line: ask, screen, explain, status, publish, history and looks, in words and as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cli_samples import NEWS, Amana, Ran

from amana.cli import wording
from amana.core import rules

WEDNESDAY = ("--at", "2026-11-18T18:00")


def codes(ran: Ran) -> list[str]:
    """The reason codes of an answer in JSON."""
    return [reason["code"] for reason in ran.json["reasons"]]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own zone is not UTC."""
    monkeypatch.setenv("TZ", "Asia/Jerusalem")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# ---- ask --------------------------------------------------------------------------------------------------------


def test_an_allow_ends_with_status_0_and_says_what_it_rests_on(imported: Path, amana: Amana) -> None:
    ran = amana("ask", "p1", *NEWS)
    assert ran.status == 0
    text = wording.english()
    assert text.verdict.allow in ran.out
    assert text.obligation["one_click_unsubscribe"] in ran.out
    assert "permission given: newsletter, e-mail, for main (notice newsletter@1" in ran.out
    assert text.proof["demonstrable"] in ran.out
    assert "wording shown: SHA-256" in ran.out
    assert "GB: consent first" in ran.out
    assert "through crm (import 1)" in ran.out
    assert "only a new event can change it" in ran.out


def test_somebody_who_withdrew_is_denied_with_status_1_and_told_what_would_change_it(
    imported: Path, amana: Amana
) -> None:
    ran = amana("ask", "lin@example.org", *NEWS)
    assert ran.status == 1
    text = wording.english()
    assert text.verdict.deny in ran.out
    assert text.why("withdrawn") in ran.out
    assert text.turn("withdrawn") in ran.out
    assert "permission withdrawn: every purpose, every channel, for main (unsubscribe)" in ran.out
    assert not ran.err


def test_the_answer_in_json_holds_sentences_evidence_and_law(imported: Path, amana: Amana) -> None:
    told = amana("ask", "p3", *NEWS, "--json").json
    assert told["allow"] is False
    assert told["asked"]["people"] == ["p3"]
    assert told["reasons"][0]["code"] == "withdrawn"
    assert told["reasons"][0]["sentence"] == wording.english().why("withdrawn")
    assert told["evidence"]["refusals"][0] == told["events"][0]["event"]["id"]
    assert told["evidence"]["law"][0]["place"] == "GB"
    assert [remedy["kind"] for remedy in told["would_allow"]] == ["own_consent"]
    assert "example.org" not in json.dumps(told)


def test_a_person_may_be_named_by_id_address_or_number(imported: Path, amana: Amana) -> None:
    named = [
        amana("ask", who, *NEWS, *WEDNESDAY, "--json").json
        for who in ("p1", "Maya@EXAMPLE.com", "020 7946 0018")
    ]
    assert [one["asked"]["people"] for one in named] == [["p1"]] * 3
    assert len({one["allow"] for one in named}) == 1


def test_the_smallest_change_that_would_allow_it_is_told(imported: Path, amana: Amana) -> None:
    ran = amana("ask", "p3", *NEWS)
    assert "The smallest change that would allow it" in ran.out
    assert wording.english().remedy["own_consent"] in ran.out
    assert "smallest change" not in amana("ask", "p1", *NEWS).out


def test_an_address_that_nobody_holds_is_denied_and_not_an_error(imported: Path, amana: Amana) -> None:
    ran = amana("ask", "stranger@example.com", *NEWS, "--json")
    assert ran.status == 1
    assert "unknown_person" in codes(ran)
    assert ran.json["asked"]["people"] == []


def test_missing_proofs_are_named_in_words(
    workspace: Path, amana: Amana, files: Path, list_import: tuple[object, ...]
) -> None:
    mapping = (files / "list.toml").read_text("utf-8").replace('"unticked", ', "")
    (files / "list.toml").write_text(mapping, "utf-8")
    amana(*list_import, "--evidence", "the form")
    ran = amana("ask", "p1", *NEWS)
    assert ran.status == 1
    assert f"Missing: {wording.english().proof['unticked']}." in ran.out


def test_the_moment_may_be_a_date_a_utc_time_or_one_with_an_offset(
    imported: Path, amana: Amana, elsewhere: None
) -> None:
    moments = ("2026-11-18", "2026-11-18T00:00", "2026-11-18T02:00+02:00", "2026-11-18T00:00Z")
    assert {amana("ask", "p1", *NEWS, "--at", one, "--json").json["at"] for one in moments} == {1794960000}


def test_a_moment_that_cannot_be_read_is_status_2(imported: Path, amana: Amana) -> None:
    ran = amana("ask", "p1", *NEWS, "--at", "tomorrow")
    assert ran.status == 2
    assert "2026-11-21T14:00+02:00" in ran.err


def test_before_the_consent_was_given_the_answer_is_no(imported: Path, amana: Amana) -> None:
    assert amana("ask", "p1", *NEWS, "--at", "2026-02-01").status == 1


def test_known_at_answers_with_what_the_ledger_knew_then(imported: Path, amana: Amana) -> None:
    ran = amana("ask", "p1", *NEWS, "--known-at", 2, "--json")
    assert ran.status == 1
    assert ran.json["ledger_size"] == 2
    size = amana("status", "--json").json["ledger"]["size"]
    assert amana("ask", "p1", *NEWS, "--known-at", size).status == 0
    too_far = amana("ask", "p1", *NEWS, "--known-at", size + 1)
    assert (too_far.status, f"from 0 to {size}" in too_far.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("p1", "--purpose", "surveys", "--channel", "email"), 3),
        (("p1", *NEWS, "--brand", "other"), 3),
        (("p1", *NEWS, "--topic", "boats"), 3),
        (("p1", "--purpose", "newsletter", "--channel", "pigeon"), 2),
        (("neither id nor address", *NEWS), 2),
        (("p1", "--channel", "email"), 2),
    ],
)
def test_words_that_are_not_known_are_refused(
    imported: Path, amana: Amana, words: tuple[str, ...], status: int
) -> None:
    assert amana("ask", *words).status == status


def test_an_error_in_json_holds_code_and_remedy(imported: Path, amana: Amana) -> None:
    ran = amana("ask", "p1", "--purpose", "surveys", "--channel", "email", "--json")
    told = json.loads(ran.err)
    assert (ran.out, told["error"]) == ("", "not_found")
    assert "amana.toml" in told["remedy"]


def test_a_term_that_was_written_and_not_published_says_so(imported: Path, amana: Amana) -> None:
    definition = imported / "amana.toml"
    definition.write_text(definition.read_text("utf-8") + '\n[topics.boats]\nen = "Boats"\n', "utf-8")
    ran = amana("ask", "p1", *NEWS, "--topic", "boats")
    assert (ran.status, "amana publish" in ran.err) == (4, True)
    amana("publish")
    assert amana("ask", "p1", *NEWS, "--topic", "boats").status == 0


# ---- screen -----------------------------------------------------------------------------------------------------


def test_a_screen_counts_the_allowed_and_each_reason(imported: Path, amana: Amana) -> None:
    told = amana("screen", *NEWS, "--json").json
    assert (told["people"], told["allowed"]) == (5, 1)
    rows = {row["code"]: row for row in told["reasons"]}
    assert rows["withdrawn"]["people"] == 1
    assert rows["withdrawn"]["share"] == pytest.approx(0.2)
    assert sum(row["first"] for row in told["reasons"]) == 4
    order = list(rules.BY_CODE)
    assert [order.index(row["code"]) for row in told["reasons"]] == sorted(order.index(code) for code in rows)


def test_a_screen_in_words_has_a_sentence_for_each_reason(imported: Path, amana: Amana) -> None:
    ran = amana("screen", *NEWS)
    assert "1 of 5 people may be contacted (20.0 %)" in ran.out
    assert wording.english().why("withdrawn") in ran.out


def test_a_screen_agrees_with_asking_each_person(imported: Path, amana: Amana, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    amana("screen", *NEWS, *WEDNESDAY, "--out", out)
    rows = [line.split(",") for line in out.read_text("utf-8").splitlines()[1:]]
    asked = {who: amana("ask", who, *NEWS, *WEDNESDAY, "--json") for who, _, _ in rows}
    assert {who: reasons.split() for who, _, reasons in rows} == {
        who: codes(ran) for who, ran in asked.items()
    }
    assert {who: allow == "yes" for who, allow, _ in rows} == {
        who: ran.status == 0 for who, ran in asked.items()
    }


def test_an_audience_narrows_the_screen_and_strangers_are_counted(
    imported: Path, amana: Amana, tmp_path: Path
) -> None:
    audience = tmp_path / "audience.csv"
    audience.write_text("email\nmaya@example.com\nstranger@example.com\np2\n", "utf-8")
    told = amana("screen", *NEWS, "--audience", audience, "--json").json
    assert (told["people"], told["allowed"], told["unknown"]) == (3, 1, 1)


def test_answers_and_the_allowed_ids_are_written_where_they_are_wanted(
    imported: Path, amana: Amana, tmp_path: Path
) -> None:
    table, allowed = tmp_path / "answers.parquet", tmp_path / "allowed.txt"
    amana("screen", *NEWS, "--out", table, "--out-allowed", allowed)
    assert pq.read_table(table).num_rows == 5
    assert allowed.read_text("utf-8") == "person\np1\n"


@pytest.mark.parametrize(("name", "status"), [("answers.txt", 2), ("no/such/folder.csv", 3)])
def test_a_place_that_cannot_be_written_is_refused_before_work(
    imported: Path, amana: Amana, tmp_path: Path, name: str, status: int
) -> None:
    assert amana("screen", *NEWS, "--out", tmp_path / name).status == status


def test_an_empty_workspace_can_be_screened(workspace: Path, amana: Amana) -> None:
    ran = amana("screen", *NEWS)
    assert (ran.status, "0 of 0 people" in ran.out) == (0, True)


# ---- explain ----------------------------------------------------------------------------------------------------


def test_explain_lists_every_reason_in_order(amana: Amana) -> None:
    told = amana("explain", "--json").json["rules"]
    assert [one["code"] for one in told] == list(rules.BY_CODE)
    assert [one["rank"] for one in told] == list(range(1, len(rules.BOOK) + 1))


def test_explain_one_says_what_it_means_and_what_would_turn_it(amana: Amana) -> None:
    ran = amana("explain", "quiet_hours")
    text = wording.english()
    assert text.why("quiet_hours") in ran.out
    assert text.turn("quiet_hours") in ran.out
    assert rules.BY_CODE["quiet_hours"].citation in ran.out


def test_a_reason_that_does_not_exist_offers_the_nearest(amana: Amana) -> None:
    ran = amana("explain", "quiet_hour")
    assert (ran.status, "quiet_hours" in ran.err) == (3, True)


# ---- the workspace ----------------------------------------------------------------------------------------------


def test_status_says_how_it_stands(imported: Path, amana: Amana) -> None:
    told = amana("status", "--json").json
    assert told["people"] == 5
    assert told["imports"]["done"] == 1
    assert len(told["ledger"]["root"]) == 64
    assert told["notices"] == {"pending": [], "problem": ""}
    assert told["law"]["serves"] == ["GB"]
    words = amana("status").out
    assert told["ledger"]["root"][:16] in words
    assert "all published" in words


def test_status_names_the_rows_of_law_that_counsel_has_not_confirmed(imported: Path, amana: Amana) -> None:
    definition = imported / "amana.toml"
    definition.write_text(
        definition.read_text("utf-8").replace('serves = ["GB"]', 'serves = ["GB", "EG", "ZZ"]'), "utf-8"
    )
    told = amana("status", "--json").json["law"]
    assert told["unknown_places"] == ["ZZ"]
    assert any(row.startswith("EG") for row in told["unconfirmed"])
    assert "Not yet confirmed by counsel" in amana("status").out


def test_a_change_of_wording_is_not_material_and_a_change_of_content_is(imported: Path, amana: Amana) -> None:
    definition = imported / "amana.toml"
    text = definition.read_text("utf-8")
    reworded = text.replace('version = "1"', 'version = "2"', 1).replace(
        "May we send you our newsletter", "May we send our newsletter"
    )
    definition.write_text(reworded, "utf-8")
    assert amana("status", "--json").json["notices"]["pending"][0]["material"] is False
    assert "not material (text changed)" in amana("publish").out
    assert amana("ask", "p1", *NEWS).status == 0
    definition.write_text(
        reworded.replace('version = "2"', 'version = "3"', 1).replace(
            "shared_with = []", 'shared_with = ["Quarry Lists"]', 1
        ),
        "utf-8",
    )
    assert "material (shared_with changed)" in amana("publish").out
    assert "notice_outdated" in codes(amana("ask", "p1", *NEWS, "--json"))
    assert "No notice changed." in amana("publish").out


def test_a_change_under_a_published_version_is_shown_by_status_and_refused_by_publish(
    imported: Path, amana: Amana
) -> None:
    definition = imported / "amana.toml"
    definition.write_text(
        definition.read_text("utf-8").replace("May we send you our newsletter", "Hello"), "utf-8"
    )
    assert "give it a new version" in amana("status", "--json").json["notices"]["problem"]
    assert amana("publish").status == 4


def test_people_who_share_an_address_are_listed_for_review(imported: Path, amana: Amana, files: Path) -> None:
    more = files / "more.csv"
    more.write_text(
        "Customer ID,E-mail,Mobile,Full name,Country,Newsletter,News date,Left\n"
        "77,maya@example.com,,Dov Levi,GB,yes,2026-04-01,\n",
        "utf-8",
    )
    amana("import", more, "--mapping", files / "list.toml", "--source", "shop", "--evidence", "the form")
    told = amana("reviews", "list", "--json").json["reviews"]
    assert {(one["person"], one["other"]) for one in told} == {(6, 1)}
    assert "p6" in amana("reviews", "list").out
    assert "maya" not in amana("reviews", "list").out
    assert "1 open" in amana("status").out
    ran = amana("ask", "maya@example.com", *NEWS)
    assert "strictest answer counts" in ran.out
    assert amana("reviews", "close", 1, "--why", " ").status == 2
    assert amana("reviews", "close", 1, 9, "--why", "two people of one household").status == 3
    assert amana("reviews", "list", "--json").json["reviews"] == told
    assert amana("reviews", "close", 1, "--why", "two people of one household").status == 0
    assert amana("reviews", "list", "--json").json["reviews"] == []
    assert "0 open" in amana("status").out
    closed = amana("reviews", "list", "--closed", "--json").json["reviews"][0]
    assert (closed["actor"], closed["why"]) == ("dana", "two people of one household")
    assert closed["closed"] > 0
    assert amana("reviews", "close", 1, "--why", "again").status == 4


# ---- one person -------------------------------------------------------------------------------------------------


def test_history_tells_what_happened_and_no_address(imported: Path, amana: Amana) -> None:
    ran = amana("history", "p1")
    assert "contact point 1 (email) added" in ran.out
    assert "permission given: newsletter, e-mail, for main" in ran.out
    told = amana("history", "maya@example.com", "--json").json
    assert [one["person"] for one in told["people"]] == ["p1"]
    for private in ("maya@example.com", "Maya Cohen", "7946"):
        assert private not in ran.out + json.dumps(told)


def test_a_look_is_shown_and_recorded(imported: Path, amana: Amana) -> None:
    ran = amana(
        "reveal", "p1", "--field", "points", "--field", "full_name", "--purpose", "call back", "--json"
    )
    assert ran.json["people"][0]["fields"] == {"full_name": "Maya Cohen"}
    assert ["email", "maya@example.com"] in ran.json["people"][0]["points"]
    looks = amana("looks", "p1", "--json").json["looks"]
    assert [(one["actor"], one["purpose"], one["fields"]) for one in looks] == [
        ("dana", "call back", ["full_name", "points"])
    ]
    assert amana("looks", "p2", "--json").json["looks"] == []
    assert "dana" in amana("looks").out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("reveal", "p1", "--field", "points"), 2),
        (("reveal", "p1", "--field", "points", "--purpose", ""), 2),
        (("reveal", "p1", "--field", "shoe_size", "--purpose", "x"), 3),
        (("reveal", "p99", "--field", "points", "--purpose", "x"), 3),
        (("history", "p99"), 3),
        (("history", "stranger@example.com"), 3),
    ],
)
def test_a_look_that_cannot_be_is_refused_and_not_recorded(
    imported: Path, amana: Amana, words: tuple[str, ...], status: int
) -> None:
    assert amana(*words).status == status
    assert amana("looks", "--json").json["looks"] == []
