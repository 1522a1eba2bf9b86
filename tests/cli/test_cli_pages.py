"""The pages about commands, reasons, exit statuses and the workspace file say what the program does, and no more."""

from __future__ import annotations

import re
import signal
import tomllib
from pathlib import Path
from typing import Any

import command_tree
import msgspec
import pytest

from amana import errors, wiring
from amana.cli import session, workspaces
from amana.core import mailing, packs, signals, workspace
from amana.core.phrases import LANGUAGES
from amana.core.vocabulary import Channel, Proof

DOCS = command_tree.DOCS

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "organisation": workspace.Organisation,
    "brands": workspace.Brand,
    "purposes": workspace.Purpose,
    "assessment": workspace.Assessment,
    "notices": workspace.NoticeText,
    "capture_points": workspace.CapturePoint,
    "fields": workspace.Field,
    "recipients": workspace.Recipient,
    "web": signals.Web,
    "categories": signals.BannerCategory,
    "caps": workspace.Cap,
    "mail": mailing.Mail,
    "answers": mailing.Answers,
    "sms": mailing.Texting,
    "gate": mailing.MailGate,
    "retention": workspace.Retention,
}


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def rows(section: str) -> dict[str, list[str]]:
    """The rows of a section's table by their first cell."""
    found = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    return {cells[0].strip("`"): cells[1:] for cells in found}


def section(text: str, name: str) -> str:
    """What stands under a heading, up to the next one."""
    found = re.search(rf"^##+ {re.escape(name)}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    assert found, f"no section {name}"
    return found.group(1)


# ---- commands ---------------------------------------------------------------------------------------------------


def test_every_command_has_a_section_in_the_programs_order_and_no_other_has() -> None:
    assert list(command_tree.sections(page("commands.md"))) == list(command_tree.commands())


@pytest.mark.parametrize("name", list(command_tree.commands()))
def test_a_commands_words_are_those_of_the_program(name: str) -> None:
    assert command_tree.tables(page("commands.md"))[name].strip() == command_tree.commands()[name].strip()


@pytest.mark.parametrize("name", list(command_tree.commands()))
def test_somebody_says_in_prose_when_one_needs_a_command(name: str) -> None:
    assert len(command_tree.prose(command_tree.sections(page("commands.md"))[name]).split()) >= 4


@pytest.mark.parametrize(
    "verb",
    [
        "init",
        "import",
        "imports",
        "map",
        "undo",
        "ask",
        "screen",
        "explain",
        "status",
        "publish",
        "reviews list",
        "history",
        "reveal",
        "looks",
    ],
)
def test_every_verb_can_answer_with_json(verb: str) -> None:
    assert "`--json`" in command_tree.commands()[f"amana {verb}"]


def test_the_check_of_the_page_sees_a_change() -> None:
    told = page("commands.md").replace("| `--known-at` |", "| `--known` |")
    assert command_tree.tables(told)["amana ask"] != command_tree.commands()["amana ask"]
    assert command_tree.refreshed(told) == page("commands.md")


# ---- reasons, statuses ------------------------------------------------------------------------------------------


def test_the_page_of_reasons_is_the_rule_book() -> None:
    assert command_tree.reasons(page("reasons.md")) == page("reasons.md")


def test_each_code_of_the_page_of_errors_ends_with_the_status_that_it_says() -> None:
    told = {code: cells[-1] for code, cells in rows(page("errors.md")).items() if len(cells) == 4}
    assert told.pop("error") == "–"
    assert told == {kind.code: str(status) for kind, status in session.STATUS.items()}


def test_the_status_of_an_interruption_is_on_the_page_of_errors() -> None:
    assert session.INTERRUPTED == 128 + signal.SIGINT
    assert f"the shell's own status, {session.INTERRUPTED}" in page("errors.md")


# ---- the workspace file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(SECTIONS))
def test_the_page_of_the_workspace_file_has_every_key_and_says_which_are_needed(name: str) -> None:
    told = {key: cells[0] == "yes" for key, cells in rows(section(page("workspace.md"), name)).items()}
    assert told == {one.name: one.required for one in msgspec.structs.fields(SECTIONS[name])}


def test_the_page_has_a_section_for_every_table_of_the_file() -> None:
    tables = {one.name for one in msgspec.structs.fields(workspace.Workspace)}
    assert tables <= set(re.findall(r"^##+ (\w+)$", page("workspace.md"), re.M))


def test_the_page_of_the_workspace_file_names_every_evidence_check() -> None:
    assert set(rows(section(page("workspace.md"), "Evidence checks"))) == {
        str(one.name).lower() for one in Proof
    }


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return tomllib.loads(workspaces.template())


def test_the_template_is_a_workspace_file(template: dict[str, Any]) -> None:
    read = workspace.read(workspaces.template())
    assert list(read.brands) == ["main"]
    assert list(read.purposes) == ["newsletter", "offers"]
    assert {field.means for field in read.fields.values()} >= {"full_name", "birth_date", "residence", "zone"}
    assert read.caps.keys() == {Channel.EMAIL, Channel.SMS}


def test_the_template_speaks_to_people_in_every_language(template: dict[str, Any]) -> None:
    for told in (*template["notices"].values(), *({"text": topic} for topic in template["topics"].values())):
        assert tuple(told["text"]) == LANGUAGES
        assert all(told["text"].values())


def test_the_template_becomes_the_callers_own(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        command_tree.app(["init", str(tmp_path / "w"), "--name", 'A "quoted" \\ name', "--country", "uk"])
    read = workspace.read((tmp_path / "w" / wiring.DEFINITION).read_text("utf-8"))
    organisation = read.organisation
    assert organisation.name == read.brands["main"].name == read.notices["offers"].who == 'A "quoted" \\ name'
    assert (organisation.country, organisation.serves, organisation.stored_in) == ("GB", ("GB",), "GB")


def test_the_countries_of_the_template_are_in_the_law_book(template: dict[str, Any]) -> None:
    book: packs.LawBook = wiring.law_book()
    assert all(book.knows(place) for place in template["organisation"]["serves"])


def test_every_error_class_has_a_status_and_no_other_has() -> None:
    classes = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.AmanaError)
    }
    assert set(session.STATUS) == classes - {errors.AmanaError}
