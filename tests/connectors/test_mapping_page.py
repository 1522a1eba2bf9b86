"""docs/mapping.md knows the whole language: every key, every word, and an example that is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from amana.connectors import mapping, terms
from amana.connectors.tables import Source
from amana.core.statements import PersonRow
from amana.core.vocabulary import Channel, Proof, Status

PAGE = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text("utf-8")
EXAMPLE = re.search(r"^```toml mapping\n(.*?)^```", PAGE, re.M | re.S)
TABLES = (
    mapping.Origin,
    mapping.Person,
    mapping.Mapping,
    terms.Value,
    terms.Condition,
    terms.StatusColumn,
    terms.Permission,
    terms.Relationship,
    terms.Blocked,
)
KEYS = sorted({field.encode_name for table in TABLES for field in msgspec.structs.fields(table)})
WORDS = sorted(
    {
        *get_args(terms.Comparison),
        *get_args(terms.Basis),
        *get_args(terms.BlockReason),
        *(status.value for status in Status),
        *(bit.name.lower() for bit in Proof if bit.name),
    }
)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_stands_on_the_page_with_an_example(key: str) -> None:
    assert re.search(rf"`\[*{re.escape(key)}\]*`", PAGE), "not described"
    assert re.search(rf"(?m)^\[*{key}\]*$|\b{key} = |\[\[?{key}\b", PAGE), "no example"


@pytest.mark.parametrize("word", WORDS)
def test_every_word_that_a_mapping_may_use_stands_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_suppression_list_of_the_page_is_taken_whole(tmp_path: Path) -> None:
    example = re.search(r"^```toml suppression\n(.*?)^```", PAGE, re.M | re.S)
    assert example is not None
    loaded, path = mapping.load(example[1]), tmp_path / "list.csv"
    path.write_text(
        "email_address,suppressed_on,why\n"
        "ann@example.com,2025-11-02,unsubscribed\n"
        "bob@example.com,,complained\n"
        "eve@example.com,2025-11-02,hard bounce\n"
    )
    found = list(mapping.read(Source(path, loaded.layout()), loaded, 1_790_000_000))
    rows = [each for each in found if isinstance(each, PersonRow)]
    assert len(rows) == len(found) == 3
    assert [[(said.status, said.reason) for said in row.statements] for row in rows] == [
        [(Status.WITHDRAWN, "export_status")],
        [(Status.OBJECTED, "export_status")],
        [(Status.UNKNOWN, "bounce_hard")],  # of the address, not the person
    ]


def test_the_example_is_read_and_uses_every_table() -> None:
    assert EXAMPLE is not None
    loaded = mapping.load(EXAMPLE[1])
    assert loaded.permission[0].channel is Channel.EMAIL
    assert all(getattr(loaded, field.name) for field in msgspec.structs.fields(mapping.Mapping))
    assert all(getattr(loaded.source, field.name) for field in msgspec.structs.fields(mapping.Origin))
