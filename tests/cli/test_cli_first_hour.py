"""The first hour: drafts that see what the file shows, rejects that say what mends them, and a list to send to."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest
from cli_samples import EVIDENCE, MAPPING, NEWS, Amana

from amana.cli import chronicle, session
from amana.connectors import mapping
from amana.storage.sources import Source

SHOP = """\
Contact E-mail,Buyer,Customer No,Ship-to country,Newsletter,Newsletter date,Newsletter form,Order date,Born
ann@example.com,Ann Bell,1,Germany,Yes,14.03.2025 09:30,form A,04/05/2025,03.04.1990
bob@example.com,Bob Cole,2,Holland,yes,15.03.2025 10:00,web,04/06/2025,31.12.1985
cy@example.com,Cy Dean,3,UK,NO,15.03.2025 10:00,web,05/06/2025,31.12.1985
"""

FULL = """\
ignore = ["Newsletter", "Newsletter date", "Newsletter form", "Order date"]
[source]
dates = ["%d.%m.%Y"]
[person]
external_id = "Customer No"
email = "Contact E-mail"
[fields]
full_name = "Buyer"
residence = "Ship-to country"
birth_date = "Born"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop's export, and a mapping beside it."""
    (tmp_path / "shop.csv").write_text(SHOP, "utf-8")
    (tmp_path / "shop.toml").write_text(FULL, "utf-8")
    return tmp_path / "shop.csv"


def test_a_draft_knows_more_names_and_how_the_file_writes_dates(
    workspace: Path, amana: Amana, shop: Path
) -> None:
    told = amana("map", shop, "--json").json
    assert told["mapped"] == {
        "Contact E-mail": "email",
        "Customer No": "external_id",
        "Buyer": "full_name",
        "Ship-to country": "residence",
        "Born": "birth_date",
    }
    text = told["mapping"]
    assert mapping.load(text).source.dates == ("%d.%m.%Y %H:%M", "%d.%m.%Y")
    assert '# dates = ["%d/%m/%Y"]    # or "%m/%d/%Y"' in text
    assert 'values = { Germany = "DE", Holland = "…", UK = "GB" }' in text
    assert 'when = "Order date"' in text
    assert "ann@" not in text
    assert "Ann Bell" not in text


def test_a_draft_counts_words_without_case_and_takes_no_form_for_a_status(
    workspace: Path, amana: Amana, shop: Path
) -> None:
    text = amana("map", shop).out
    assert 'words seen: "NO", "Yes"' in text
    assert text.count("[[permission]]") == 1
    assert 'column = "Newsletter form"' not in text
    assert 'when = "Newsletter date"' in text


def test_an_unknown_country_and_a_bad_day_are_rejected_with_what_mends_them(
    workspace: Path, amana: Amana, shop: Path
) -> None:
    shop.write_text(SHOP.replace("03.04.1990", "3rd of April"), "utf-8")
    words = (
        "import",
        shop,
        "--mapping",
        shop.with_suffix(".toml"),
        "--source",
        "shop",
        "--evidence",
        "paper",
    )
    shown = amana(*words, "--dry-run").out
    assert 'dates = ["%d.%m.%Y"]` under [source]' in shown
    assert 'values = { Holland = "NL" }' in shown
    ran = amana(*words, "--json")
    assert {(one["column"], one["reason"], one["count"]) for one in ran.json["rejects"]} == {
        ("residence", "unknown_country", 1),
        ("Born", "bad_date", 1),
    }
    told = [amana("history", f"p{one}", "--json").out for one in (1, 2, 3)]
    assert '"birth": "unreadable"' in told[0]
    assert '"residence": "DE"' in told[0]
    assert "residence" not in told[1]
    assert '"residence": "GB"' in told[2]
    assert '"birth": "1985-12"' in told[2]


def test_what_to_do_next_names_the_workspace_that_was_named(
    made: Path, workspace: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana("--workspace", workspace, *list_import, "--evidence", EVIDENCE)
    assert f"amana --workspace {workspace} undo 1" in ran.out
    assert f"amana --workspace {workspace} ask" in amana("--workspace", workspace, "screen", *NEWS).out
    assert "--workspace" not in amana("screen", *NEWS).out


def test_the_list_counts_rows_and_values_apart(imported: Path, amana: Amana) -> None:
    shown = amana("imports").out
    assert "rows not taken" in shown
    assert "values not taken" in shown


def test_a_code_is_whole_on_a_narrow_terminal(
    imported: Path, amana: Amana, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = amana("screen", *NEWS, "--json").json
    monkeypatch.setattr(session.out, "_width", 80)
    shown = amana("screen", *NEWS).out
    assert told["reasons"]
    assert all(reason["code"] in shown for reason in told["reasons"])
    assert max(map(len, shown.split("Somebody")[0].splitlines())) <= 80


def test_a_misspelt_field_offers_the_nearest(
    workspace: Path, amana: Amana, files: Path, list_import: tuple[object, ...]
) -> None:
    (files / "list.toml").write_text(MAPPING.replace("residence = ", "residense = "), "utf-8")
    assert "perhaps residence" in amana(*list_import).err


def test_a_file_that_is_not_there_is_named_without_its_folders(
    workspace: Path, amana: Amana, files: Path
) -> None:
    ran = amana("map", files / "lsit.csv")
    assert ran.status == 3
    assert "lsit.csv" in ran.err
    assert str(files) not in ran.err
    assert "maya" not in amana("map", files / "maya@example.com.csv").err


SEND = ("--with-contact", "--recipient", "Mail house", "--days", "14", "--for-purpose", "spring letter")


def test_a_sending_list_holds_the_allowed_is_registered_and_its_looks_are_recorded(
    imported: Path, amana: Amana, tmp_path: Path
) -> None:
    out = tmp_path / "send.csv"
    out.write_text("old", "utf-8")
    ran = amana("screen", *NEWS, "--out", out, *SEND)
    assert ran.status == 0, ran.err
    with out.open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [["person", "email"], ["p1", "maya@example.com"]]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "maya@" not in ran.out
    [export] = amana("exports", "--json").json["exports"]
    assert (export["recipient"], export["file"], export["people"]) == ("Mail house", "send.csv", 1)
    [look] = amana("looks", "--json").json["looks"]
    assert (look["actor"], look["purpose"], look["person"]) == ("dana", "spring letter", "p1")


@pytest.mark.parametrize(
    "words",
    [
        SEND[:3],
        (*SEND, "--at", "2026-01-01"),
        ("--recipient", "Mail house"),
        ("--with-contact", "--recipient", "x", "--days", "0", "--for-purpose", "y"),
    ],
)
def test_a_sending_list_that_does_not_say_enough_is_not_made(
    imported: Path, amana: Amana, tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = tmp_path / "send.csv"
    assert amana("screen", *NEWS, "--out", out, *words).status == 2
    assert not out.exists()
    assert amana("looks", "--json").json["looks"] == []


def test_nobody_looks_without_a_name(
    imported: Path, amana: Amana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AMANA_ACTOR", "USER", "LOGNAME"):
        monkeypatch.delenv(name, raising=False)
    looking = amana("reveal", "p1", "--purpose", "a call", "--field", "points")
    sending = amana("screen", *NEWS, "--out", tmp_path / "send.csv", *SEND)
    assert (looking.status, sending.status) == (2, 2)
    assert "AMANA_ACTOR" in looking.err
    assert "AMANA_ACTOR" in sending.err
    assert amana("looks", "--json").json["looks"] == []


@pytest.mark.parametrize("written", ["UK", "GB"])
def test_the_kingdom_is_understood_as_people_write_it_and_spelt_one_way(
    imported: Path, amana: Amana, written: str
) -> None:
    definition = imported / "amana.toml"
    text = definition.read_text("utf-8").replace('"GB"', f'"{written}"')
    definition.write_text(text, "utf-8")
    words = ("--purpose", "newsletter", "--channel", "email", "--json")
    told = amana("ask", "maya@example.com", *words).json
    assert {row["place"] for row in told["evidence"]["law"]} == {"GB"}
    assert '"UK"' not in amana("screen", *words, "--by", "country").out
    segment = ("--segment", f"country = {written}")
    assert amana("screen", *words, *segment).json["people"] == amana("screen", *words).json["people"]
    assert amana("status", "--json").json["law"]["serves"] == ["GB"]


def test_a_country_is_given_to_init_by_code_or_by_name(amana: Amana, tmp_path: Path) -> None:
    for number, country in enumerate(("uk", "United Kingdom", "GBR")):
        assert amana("init", tmp_path / str(number), "--country", country).status == 0
        assert 'country = "GB"' in (tmp_path / str(number) / "amana.toml").read_text("utf-8")
    assert amana("init", tmp_path / "other", "--country", "Atlantis").status == 2


def test_the_wording_of_the_first_hour_is_changed_without_a_new_version(
    workspace: Path, amana: Amana, files: Path
) -> None:
    definition = workspace / "amana.toml"
    text = definition.read_text("utf-8")
    definition.write_text(text.replace("Orchard Street Ltd", "Orchard Lane Ltd"), "utf-8")
    assert "in place of its earlier wording" in amana("status").out
    assert "which nobody had answered" in amana("publish").out
    assert amana("audit").status == 0
    list_ = ("import", files / "list.csv", "--mapping", files / "list.toml", "--source", "crm")
    assert amana(*list_, "--evidence", EVIDENCE).status == 0
    definition.write_text(text, "utf-8")
    refused = amana("publish")
    assert refused.status == 4
    assert "[notices.newsletter] version" in refused.err


def test_a_row_that_is_not_taken_says_what_mends_it(workspace: Path, amana: Amana, files: Path) -> None:
    text = (files / "list.csv").read_text("utf-8")
    (files / "list.csv").write_text(
        text + "6,six@example.com,,One Cell,GB,yes,2026-03-04,,too many\n", "utf-8"
    )
    ran = amana(
        "import", files / "list.csv", "--mapping", files / "list.toml", "--source", "crm", "--dry-run"
    )
    assert "ragged: the row has more or fewer cells than the header" in ran.out
    assert "bad email: no address by its form" in ran.out


def test_a_file_that_is_not_utf_8_is_drafted_with_its_encoding(
    workspace: Path, amana: Amana, tmp_path: Path
) -> None:
    (tmp_path / "old.csv").write_bytes("Mail;Straße\nann@example.com;Königsweg\n".encode("cp1252"))
    refused = amana("map", tmp_path / "old.csv")
    assert refused.status == 2
    assert "amana map … --encoding windows-1252" in refused.err
    text = amana("map", tmp_path / "old.csv", "--encoding", "windows-1252").out
    assert mapping.load(text).source.encoding == "windows-1252"
    assert "Straße" in text


def test_where_an_event_came_through_is_an_import_or_a_capture_point() -> None:
    words = {"digest": "", "generation": 0, "basis": "", "state": "open", "started": 0}
    names = chronicle.sources(
        [
            Source(id=1, kind="table", name="crm", **words),
            Source(id=2, kind="capture", name="signup", **words),
        ]
    )
    assert [chronicle.source(number, names) for number in (1, 2, 0)] == [
        "crm (import 1)",
        "signup (capture point)",
        "the workspace",
    ]


def test_a_log_of_sends_gets_the_mapping_and_the_verbs_that_logs_have(
    imported: Path, amana: Amana, tmp_path: Path
) -> None:
    log, says = tmp_path / "log.csv", tmp_path / "log.toml"
    log.write_text("Recipient,Sent At,Campaign\nmaya@example.com,2026-04-01 09:00,For Maya\n")
    ran = amana("map", log, "--out", says)
    assert "amana replay" in ran.err
    told = amana("map", log, "--json").json
    assert (told["kind"], told["mapped"]["Recipient"], told["open"]) == ("sends", "recipient", [])
    text = says.read_text("utf-8")
    assert "Maya" not in text
    refused = amana("replay", log, "--mapping", says, "--source", "crm")
    assert refused.status == 2
    assert "purpose" in refused.err  # what a campaign was for is for somebody to say
    completed = text.replace("# zone", "zone").replace("# purpose = { constant", "purpose = { constant")
    says.write_text(completed, "utf-8")
    ran = amana("replay", log, "--mapping", says, "--source", "crm", "--json")
    assert ran.status == 0, ran.err
    assert (ran.json["sends"], ran.json["rejected"]) == (1, 0)


def test_a_list_that_names_its_last_letter_is_still_a_list(
    workspace: Path, amana: Amana, tmp_path: Path
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("Email,Opt-in,Sent At,Campaign\nmaya@example.com,yes,2026-04-01 09:00,Spring\n")
    assert amana("map", listed, "--json").json["kind"] == "table"
