"""The page for those who write connectors: its example is run through the suite, and is as short as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from systems_suite import EVERYBODY, SEEN, RowsConformance, World
from systems_worlds import moved

from amana.connectors.systems import catalogue
from amana.core import system_files

PAGE = Path(__file__).parents[2] / "docs" / "connectors.md"
LONGEST = 60  # lines that are not blank, imports and docstrings included


def example() -> str:
    """The page's connector."""
    [found] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return str(found)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A folder of documents, read by the connector of the page."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example(), str(PAGE), "exec"), names)  # the page's own code
    shop = tmp_path / "shop"
    for name, rows in (("people", EVERYBODY), ("visits", SEEN)):
        (shop / name).mkdir(parents=True)
        for number, row in enumerate(rows):
            (shop / name / f"{number}.json").write_text(json.dumps(row))

    def dump() -> str:
        return repr([json.loads(path.read_bytes()) for path in sorted(shop.glob("*/*.json"))])

    rows = names["Folder"](shop)
    return World(
        rows=rows,
        dump=dump,
        faults={"gone": lambda: moved(shop / "people"), "lies": lambda: lying(rows)},
        atomic=False,
    )


@contextmanager
def lying(rows: Any) -> Iterator[None]:
    """Meanwhile, a system that says "done" and does nothing."""
    rows.write = rows.remove = lambda *_: None
    try:
        yield
    finally:
        del rows.write, rows.remove


class TestTheConnectorOfThePage(RowsConformance):
    """It owes what every connector owes."""


def test_the_connector_of_the_page_is_within_sixty_lines() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) <= LONGEST


def test_what_is_shipped_can_be_named_by_a_file_and_the_page_says_where_that_is_said() -> None:
    text = PAGE.read_text("utf-8")
    assert set(catalogue.KINDS) == system_files.KINDS
    assert "`KINDS` of `core/system_files.py`" in text
    assert "`connectors/systems/catalogue.py`" in text


def test_the_page_has_a_section_for_every_kind() -> None:
    text = PAGE.read_text("utf-8")
    for kind in catalogue.KINDS:
        assert f"### `{kind}`" in text


def test_the_page_names_every_setting() -> None:
    text = PAGE.read_text("utf-8")
    for kind in (catalogue.sql.Settings, catalogue.files.Settings, catalogue.opendsr.Settings):
        for setting in kind.__struct_fields__:
            assert f"`{setting}`" in text
