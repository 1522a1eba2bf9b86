"""docs/errors.md lists every error the product raises: its code, its meaning, its remedy and its exit status.

Rule: each class of the error tree has a code of its own. The page has one row for each class and none for a
class that is gone. A code leads to one of the exit statuses that the page lists; only the base class, which
is never raised itself, has none.
"""

from __future__ import annotations

import re

import pytest
from house_tree import ROOT, table

from amana.errors import AmanaError

PAGE = ROOT / "docs" / "errors.md"
NEVER_RAISED = "–"


def tree(top: type[AmanaError]) -> list[type[AmanaError]]:
    """A class and all that derive from it."""
    return [top, *(found for child in top.__subclasses__() for found in tree(child))]


@pytest.fixture(scope="module")
def classes() -> dict[str, type[AmanaError]]:
    return {found.__name__: found for found in tree(AmanaError) if found.__module__ == "amana.errors"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return table(PAGE.read_text(encoding="utf-8"), "code")


@pytest.fixture(scope="module")
def statuses() -> set[str]:
    return {row["exit status"] for row in table(PAGE.read_text(encoding="utf-8"), "exit status")}


def test_each_class_has_a_code_of_its_own(classes: dict[str, type[AmanaError]]) -> None:
    codes = [found.__dict__.get("code") for found in classes.values()]
    assert None not in codes
    assert len(set(codes)) == len(codes)


def test_codes_are_stable_tokens(classes: dict[str, type[AmanaError]]) -> None:
    assert not [found.code for found in classes.values() if not re.fullmatch(r"[a-z]+(_[a-z]+)*", found.code)]


def test_the_page_lists_every_class_and_no_other(
    classes: dict[str, type[AmanaError]], rows: list[dict[str, str]]
) -> None:
    assert {(row["code"], row["class"]) for row in rows} == {
        (found.code, name) for name, found in classes.items()
    }
    assert len(rows) == len(classes)


def test_each_row_says_what_it_means_and_what_to_do(rows: list[dict[str, str]]) -> None:
    assert not [
        row["code"] for row in rows if len(row["meaning"].split()) < 3 or len(row["remedy"].split()) < 3
    ]


def test_each_code_leads_to_a_listed_exit_status(rows: list[dict[str, str]], statuses: set[str]) -> None:
    led = {row["code"]: row["exit"] for row in rows}
    assert led.pop(AmanaError.code) == NEVER_RAISED
    assert set(led.values()) <= statuses - {"0", "1"}  # success and a refusal are answers, not errors


def test_exit_statuses_run_from_nought_without_a_gap(statuses: set[str]) -> None:
    assert statuses == {str(number) for number in range(len(statuses))}
