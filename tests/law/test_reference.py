"""The packs say what the compiled reference says: every row and exception once, as sure as it is there."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from amana.core.pack_values import ENFORCED_BY, period
from amana.core.packs import LawBook
from amana.core.vocabulary import Basis, Channel

PLACE = Path(__file__).parents[3] / "shared" / "reference" / "jurisdictions.json"

OWN_PACKS = {"CH"}
"""Countries beside the reference."""

OWN_ROWS = {"US-FL.01", "CH.01", "CH.02", "CH.03", "CH.04"}
"""Rows beside the reference: the state list of Florida, which it names among registries only; own packs' rows."""

pytestmark = pytest.mark.skipif(
    not PLACE.exists(), reason="the compiled reference is not beside this repository"
)


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(PLACE.read_text(encoding="utf-8"))
    return read


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def test_every_row_appears_once(book: LawBook, reference: dict[str, Any]) -> None:
    ids = [row.id for row in book.rows()]
    assert len(ids) == len(set(ids))
    assert set(ids) == {row["id"] for row in reference["rules"]} | OWN_ROWS


def test_every_row_says_the_same(book: LawBook, reference: dict[str, Any]) -> None:
    rows = {row.id: row for row in book.rows()}
    for said in reference["rules"]:
        row = rows[said["id"]]
        assert row.jurisdiction == said["jurisdiction"]
        assert row.basis is Basis[said["basis"].upper()]
        assert (row.confidence.value, row.mark.value) == (said["confidence"], said["evidence"])
        assert row.citation == said["citation"]
        assert row.double_opt_in == said["double_opt_in"]
        assert {one.value for one in row.channels} == set(said["channels"])
        assert {one.value for one in row.subjects} == set(said["subjects"])
        assert (row.effective_from, row.effective_to) == (
            day(said["effective_from"]),
            day(said["effective_to"]),
        )


def test_every_condition_appears_once_with_how_it_is_kept(book: LawBook, reference: dict[str, Any]) -> None:
    rows = {row.id: row for row in book.rows()}
    for said in reference["rules"]:
        conditions = rows[said["id"]].all_conditions()
        assert sorted(one.token for one in conditions) == sorted(said["conditions"]), said["id"]
        assert {one.enforced for one in conditions} <= ENFORCED_BY


def test_every_exception_appears_with_its_terms(book: LawBook, reference: dict[str, Any]) -> None:
    exceptions = {one.id: one for one in book.exceptions()}
    for name, said in reference["exceptions"].items():
        mine = [one for key, one in exceptions.items() if key == name or key.startswith(f"{name}.")]
        assert mine, name
        tokens = [token.token.removeprefix("never:") for one in mine for token in one.conditions]
        assert sorted(tokens) == sorted(
            [*said.get("all_of", []), *said.get("any_of", []), *said.get("never", [])]
        )
        for one in mine:
            assert (one.citation, one.confidence.value) == (said["citation"], said["confidence"])
            assert one.effective_to == day(said.get("effective_to"))
            if "max_age" in said:
                assert one.life == period(said["max_age"])
            assert one.max_messages == said.get("max_messages", one.max_messages)


def test_every_row_knows_the_exceptions_of_the_reference(book: LawBook, reference: dict[str, Any]) -> None:
    rows = {row.id: row for row in book.rows()}
    for said in reference["rules"]:
        mine = rows[said["id"]].exceptions
        for name in said["exceptions"]:
            assert any(one == name or one.startswith(f"{name}.") for one in mine), (said["id"], name)


def test_every_registry_of_a_condition_is_consulted(book: LawBook, reference: dict[str, Any]) -> None:
    rows = {row.id: row for row in book.rows()}
    for said in reference["rules"]:
        for token in said["conditions"]:
            if token.startswith("registry_scrub:"):
                name = token.removeprefix("registry_scrub:")
                assert any(name.startswith(one) for one in rows[said["id"]].registries), token


def test_ages_of_digital_consent_are_those_of_the_reference(book: LawBook, reference: dict[str, Any]) -> None:
    for code, years in reference["eu_eea_age_of_digital_consent"]["values"].items():
        assert book.age(code, date(2026, 11, 21)).consent_age == years, code
    for said in reference["jurisdictions"]:
        rule = said.get("age_of_digital_consent", {}).get("rule")
        if isinstance(rule, int):
            assert book.age(said["code"], date(2027, 6, 1)).consent_age == rule


def test_the_unions_table_agrees_with_the_members_own_packs(book: LawBook) -> None:
    members = book.jurisdiction("EU").members
    own = [code for code in book.codes() if code in members]
    assert len(own) == 9
    for code in own:
        assert members[code].consent_age == book.age(code, date(2026, 1, 1)).consent_age


def test_hours_and_registries_are_those_of_the_reference(book: LawBook, reference: dict[str, Any]) -> None:
    for said in reference["jurisdictions"]:
        for hours in said["quiet_hours"]:
            for channel in hours["channels"]:
                mine = book.quiet(said["code"], Channel(channel), date(2026, 1, 1))
                assert mine is not None
                written = [(mine.weekday, "mon_fri"), (mine.saturday, "sat")]
                written += [(mine.sunday, "sun"), (mine.holiday, "public_holiday")]
                for windows, name in written:
                    clock = [[f"{at // 60:02}:{at % 60:02}" for at in window] for window in windows]
                    assert clock == hours["allowed"][name], (said["code"], name)
        registries = {one.id: one for one in book.jurisdiction(said["code"]).registries}
        assert set(registries) == {one["id"] for one in said["dnc_registries"]}
        for one in said["dnc_registries"]:
            if "scrub_max_age" in one:
                assert registries[one["id"]].max_age == period(one["scrub_max_age"])


def test_the_book_is_as_of_the_reference(book: LawBook, reference: dict[str, Any]) -> None:
    assert (book.version, book.as_of.isoformat()) == (reference["dataset_version"], reference["as_of"])
    assert set(book.codes()) == {one["code"] for one in reference["jurisdictions"]} | OWN_PACKS
