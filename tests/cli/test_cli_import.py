"""Importing at the command line: counts, dry runs, evidence, mistakes, undo, and the words that say so."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cli_samples import EVIDENCE, MAPPING, NEWS, Amana


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder by its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_import_counts_what_it_took_and_names_the_lines_it_did_not(
    workspace: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana(*list_import, "--evidence", EVIDENCE, "--json")
    assert ran.status == 0
    counts = ran.json["counts"]
    assert (counts["rows"], counts["people_new"]) == (5, 5)
    assert (counts["said_given"], counts["said_refused"], counts["said_withdrawn"]) == (3, 1, 1)
    assert {(one["column"], one["first_line"]) for one in ran.json["rejects"]} == {
        ("email", 5),
        ("Newsletter", 6),
    }
    assert Path(ran.json["rejects_file"]).is_file()
    assert "example.com" not in ran.out + ran.err


def test_in_words_it_says_where_the_rejects_are_and_what_to_do_next(
    workspace: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana(*list_import, "--evidence", EVIDENCE)
    assert "Import 1 of crm is done." in ran.out
    assert str(workspace / "rejects" / "import-1.csv") in ran.out
    assert "amana undo 1" in ran.out
    assert not ran.err


def test_a_dry_run_says_what_would_change_and_changes_no_byte(
    imported: Path, amana: Amana, files: Path
) -> None:
    more = files / "more.csv"
    more.write_text(
        (files / "list.csv").read_text("utf-8") + "6,sami@example.com,,Sami Haddad,GB,yes,2026-03-06,\n",
        "utf-8",
    )
    before = contents(imported)
    ran = amana(
        "import",
        more,
        "--mapping",
        files / "list.toml",
        "--source",
        "crm",
        "--evidence",
        EVIDENCE,
        "--dry-run",
        "--json",
    )
    assert ran.status == 0, ran.err
    told = ran.json
    assert told["dry_run"] is True
    assert (told["people_before"], told["people_after"]) == (5, 6)
    assert (told["counts"]["people_new"], told["counts"]["rows_unchanged"]) == (1, 5)
    reach = {(one["purpose"], one["channel"]): (one["before"], one["after"]) for one in told["reach"]}
    assert reach["newsletter", "email"] == (1, 2)
    assert contents(imported) == before


def test_a_dry_run_of_what_is_imported_already_says_that_it_adds_nothing(
    imported: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana(*list_import, "--evidence", EVIDENCE, "--dry-run")
    assert "adds nothing" in ran.out


def test_a_dry_run_in_words_shows_reach_and_rejects(
    workspace: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana(*list_import, "--evidence", EVIDENCE, "--dry-run")
    assert "nothing was written" in ran.out
    assert "unknown status" in ran.out
    assert "who may be contacted now" in ran.out
    assert amana("imports", "--json").json["imports"] == []


def test_the_same_file_again_adds_nothing(
    imported: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana(*list_import, "--evidence", EVIDENCE)
    assert "nothing was added" in ran.out
    assert amana("status", "--json").json["people"] == 5


def test_a_list_that_only_refuses_is_not_asked_for_evidence(
    workspace: Path, amana: Amana, tmp_path: Path
) -> None:
    left, says = tmp_path / "left.csv", tmp_path / "left.toml"
    left.write_text("address\nann@example.com\n")
    says.write_text('[person]\nemail = "address"\n\n[[permission]]\nstatus = "withdrawn"\n')
    ran = amana("import", left, "--mapping", says, "--source", "agency", "--json")
    assert ran.json["counts"]["said_withdrawn"] == 1
    assert "evidence" not in ran.err


def test_a_list_of_hashes_is_said_to_refuse_for_nobody(workspace: Path, amana: Amana, tmp_path: Path) -> None:
    left, says = tmp_path / "left.csv", tmp_path / "left.toml"
    left.write_text("address\n0cc175b9c0f1b6a831c399e269772661\n")
    says.write_text('[person]\nemail = "address"\n\n[[permission]]\nstatus = "withdrawn"\n')
    ran = amana("import", left, "--mapping", says, "--source", "agency", "--dry-run")
    assert "hashes of addresses cannot be read" in ran.out


@pytest.mark.parametrize("dry", [("--dry-run",), ()])
def test_an_import_that_took_not_one_row_ends_as_bad_input_in_one_clear_line(
    workspace: Path, amana: Amana, tmp_path: Path, dry: tuple[str, ...]
) -> None:
    left, says = tmp_path / "left.csv", tmp_path / "left.toml"
    left.write_text("address\n0cc175b9c0f1b6a831c399e269772661\n92eb5ffee6ae2fec3ad71c777531578f\n")
    says.write_text('[person]\nemail = "address"\n\n[[permission]]\nstatus = "withdrawn"\n')
    words = ("import", left, "--mapping", says, "--source", "agency", *dry)
    ran = amana(*words, "--json")
    assert ran.status == 2
    assert "Not one row could be taken" in ran.err
    assert amana(*words, "--json").status == 2  # also when the file is known by now


def test_a_log_of_which_not_one_line_is_a_send_ends_as_bad_input(
    imported: Path, amana: Amana, tmp_path: Path
) -> None:
    log, says = tmp_path / "log.csv", tmp_path / "log.toml"
    log.write_text("to,at\nmaya@example.com,yesterday\n")
    says.write_text(
        '[source]\nzone = "UTC"\n[person]\nemail = "to"\n[send]\nwhen = "at"\n'
        'purpose = { constant = "newsletter" }\nchannel = { constant = "email" }\n'
    )
    ran = amana("import", log, "--as", "sends", "--mapping", says, "--source", "crm", "--dry-run")
    assert ran.status == 2
    assert "Not one row could be taken" in ran.err


def test_an_issue_of_a_registry_without_a_number_does_not_replace_the_one_before(
    workspace: Path, amana: Amana, tmp_path: Path
) -> None:
    issue, says = tmp_path / "issue.txt", tmp_path / "issue.toml"
    says.write_text('registry = "tps"\ncountry = "GB"\nas_of = "2026-11-01"\nzone = "Europe/London"\n')
    words = ("import", issue, "--as", "registry", "--options", says, "--json")
    issue.write_text("+44 20 7946 0018\n\n")
    loaded = amana(*words)
    assert (loaded.json["registry"]["entries"], loaded.json["rejected"]) == (1, 0)
    issue.write_text("<html>\nnot found\n")
    ran = amana(*words)
    assert ran.status == 2
    assert "stays in force" in ran.err
    issue.write_text("+44 20 7946 0018\n")
    assert amana(*words).status == 0


def test_empty_rows_are_counted_so_that_the_sums_agree(
    workspace: Path, amana: Amana, files: Path, list_import: tuple[object, ...]
) -> None:
    listed = files / "list.csv"
    written = listed.read_text("utf-8").splitlines()
    listed.write_text(
        "\n".join([*written[:3], ",,,,,,,", *written[3:], "a row that is too short"]) + "\n", "utf-8"
    )
    ran = amana(*list_import, "--evidence", EVIDENCE, "--json")
    counts = ran.json["counts"]
    assert (counts["rows"], counts["rejected_rows"], counts["empty_rows"]) == (5, 1, 1)
    assert {one["reason"] for one in ran.json["rejects"] if one["whole_row"]} == {"ragged"}


def test_without_evidence_everybody_is_unknown_and_that_is_said_first(
    workspace: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana(*list_import, "--json")
    assert "everybody in the file becomes unknown" in ran.err
    assert ran.json["counts"]["said_unknown"] == 3
    assert "said_given" not in ran.json["counts"]
    answer = amana("ask", "p1", *NEWS, "--json")
    assert [reason["code"] for reason in answer.json["reasons"]] == ["consent_unknown"]


def test_evidence_that_is_a_file_is_recorded_by_name_and_hash(
    workspace: Path, amana: Amana, list_import: tuple[object, ...], files: Path
) -> None:
    paper = files / "form 2021.pdf"
    paper.write_bytes(b"what the form showed")
    amana(*list_import, "--evidence", paper)
    basis = amana("imports", "--json").json["imports"][0]["basis"]
    assert basis == f"form 2021.pdf (SHA-256 {hashlib.sha256(b'what the form showed').hexdigest()})"


@pytest.mark.parametrize("typed", ["papers/form.pdf", "form.pdf"])
def test_evidence_that_names_a_file_which_is_not_there_is_no_evidence(
    workspace: Path, amana: Amana, list_import: tuple[object, ...], typed: str
) -> None:
    ran = amana(*list_import, "--evidence", typed)
    assert ran.status == 3
    assert "write a sentence" in ran.err


@pytest.mark.parametrize(
    "said", ["double opt-in since 2021, v1.2", "https://forms.example/signup", "x " * 3000]
)
def test_a_sentence_or_an_address_of_a_page_is_evidence(
    workspace: Path, amana: Amana, list_import: tuple[object, ...], said: str
) -> None:
    assert amana(*list_import, "--evidence", said).status == 0
    assert amana("imports", "--json").json["imports"][0]["basis"] == said.strip()


def test_a_column_that_nobody_decided_about_is_named_with_the_line_to_add(
    workspace: Path, amana: Amana, files: Path, list_import: tuple[object, ...]
) -> None:
    table = (files / "list.csv").read_text("utf-8").replace("Left", "Left,Shoe size").replace(",\n", ",,\n")
    (files / "list.csv").write_text(table.replace("yes\n", "yes,\n"), "utf-8")
    ran = amana(*list_import)
    assert ran.status == 2
    assert "unregistered_field" in ran.err
    assert "Shoe size" in ran.err
    assert 'ignore = ["Shoe size"]' in ran.err


def test_a_field_that_is_not_registered_is_named_with_the_lines_to_add(
    workspace: Path, amana: Amana, files: Path, list_import: tuple[object, ...]
) -> None:
    (files / "list.toml").write_text(MAPPING.replace("residence = ", "shoe_size = "), "utf-8")
    ran = amana(*list_import)
    assert ran.status == 2
    assert "[fields.shoe_size]" in ran.err
    assert 'purposes = ["newsletter"]' in ran.err


def test_a_purpose_that_the_workspace_lacks_is_refused_before_a_row_is_read(
    workspace: Path, amana: Amana, files: Path, list_import: tuple[object, ...]
) -> None:
    (files / "list.toml").write_text(MAPPING.replace('"newsletter"', '"surveys"', 1), "utf-8")
    ran = amana(*list_import)
    assert ran.status == 3
    assert "newsletter, offers" in ran.err
    assert amana("imports", "--json").json["imports"] == []


def test_a_file_without_a_way_to_read_it_says_how_to_make_one(
    workspace: Path, amana: Amana, files: Path
) -> None:
    ran = amana("import", files / "list.csv", "--source", "crm")
    assert ran.status == 2
    assert "amana map" in ran.err
    assert "mailchimp" in ran.err


def test_an_export_that_needs_options_says_so(workspace: Path, amana: Amana, files: Path) -> None:
    ran = amana("import", files / "list.csv", "--as", "mailchimp", "--source", "news")
    assert ran.status == 2
    assert "--options" in ran.err


def test_an_import_needs_the_name_of_its_system(workspace: Path, amana: Amana, files: Path) -> None:
    ran = amana("import", files / "list.csv", "--mapping", files / "list.toml")
    assert ran.status == 2
    assert "--source" in ran.err


def test_a_platforms_export_is_read_with_its_options(workspace: Path, amana: Amana, files: Path) -> None:
    table = files / "contacts.csv"
    table.write_text(
        "email,status,created_at,updated_at\nlea@example.com,disabled,2026-01-01,2026-02-01\n", "utf-8"
    )
    options = files / "options.toml"
    options.write_text('purposes = ["newsletter"]\n', "utf-8")
    ran = amana("import", table, "--as", "listmonk", "--options", options, "--source", "old", "--json")
    assert ran.status == 0, ran.err
    assert ran.json["counts"]["said_withdrawn"] == 1


def test_a_registry_is_loaded_as_an_issue_and_replaces_the_one_before(
    workspace: Path, amana: Amana, files: Path
) -> None:
    numbers = files / "numbers.csv"
    numbers.write_text("+442079460018\n+442079460019\nno number\n", "utf-8")
    options = files / "tps.toml"
    options.write_text('registry = "UK_TPS"\ncountry = "GB"\nas_of = "2026-11-01"\n', "utf-8")
    words = ("import", numbers, "--as", "registry", "--options", options, "--json")
    before = contents(workspace)
    assert amana(*words, "--dry-run").json["registry"]["entries"] == 2
    assert contents(workspace) == before
    ran = amana(*words)
    assert ran.status == 0, ran.err
    assert (ran.json["registry"]["entries"], ran.json["rejected"]) == (2, 1)
    numbers.write_text("+442079460018\n", "utf-8")
    assert amana(*words).json["registry"]["entries"] == 1
    assert amana("status", "--json").json["people"] == 0


def test_undo_takes_grants_back_and_leaves_refusals(imported: Path, amana: Amana) -> None:
    assert amana("ask", "p1", *NEWS).status == 0
    ran = amana("undo", 1)
    assert ran.status == 0
    assert "opt-outs stay" in ran.out
    assert amana("ask", "p1", *NEWS).status == 1
    codes = [reason["code"] for reason in amana("ask", "p2", *NEWS, "--json").json["reasons"]]
    assert codes[0] == "refused"
    assert amana("imports", "--json").json["imports"][0]["state"] == "undone"


def test_undoing_refusals_needs_a_reason_and_an_import_that_exists(imported: Path, amana: Amana) -> None:
    assert amana("undo", 1, "--also-refusals").status == 2
    assert amana("undo", 9).status == 3
    assert amana("undo", 1, "--also-refusals", "--reason", "wrong column").status == 0
    codes = [reason["code"] for reason in amana("ask", "p2", *NEWS, "--json").json["reasons"]]
    assert "refused" not in codes
    assert amana("undo", 1).status == 4


def test_a_drafted_mapping_is_read_and_leaves_what_is_uncertain_to_a_person(
    workspace: Path, amana: Amana, files: Path
) -> None:
    ran = amana("map", files / "list.csv", "--out", files / "draft.toml", "--json")
    assert ran.status == 0
    assert ran.json["mapped"] == {
        "Customer ID": "external_id",
        "E-mail": "email",
        "Mobile": "phone",
        "Full name": "full_name",
        "Country": "residence",
    }
    assert ran.json["open"] == ["Newsletter", "News date", "Left"]
    assert '"no", "perhaps", "yes"' in ran.json["mapping"]
    assert "example.com" not in ran.json["mapping"]
    refused = amana("import", files / "list.csv", "--mapping", files / "draft.toml", "--source", "crm")
    assert refused.status == 2
    assert 'ignore = ["Newsletter", "News date", "Left"]' in refused.err


def test_words_that_may_be_somebodys_own_do_not_reach_a_draft(
    workspace: Path, amana: Amana, files: Path
) -> None:
    table = files / "odd.csv"
    table.write_text(
        "email,consent\nmaya@example.com,maya@example.com\nlin@example.org,+442079460018\n", "utf-8"
    )
    assert "words seen: …" in amana("map", table).out
    assert "maya" not in amana("map", table).out
