"""The audit holds the columns that people are chosen by against the record, as it does the columns of facts."""

from __future__ import annotations

from pathlib import Path

import proof_house
import pytest

from amana import errors
from amana.services.audience import attributes
from amana.services.keeping import audit
from amana.storage import people


def test_the_columns_of_words_and_of_origins_are_held_against_the_state(folder: Path) -> None:
    with proof_house.opened(folder) as house:
        before = audit.full(house).columns
        attributes.catch_up(house)
        attributes.origins(house, 1)
        assert audit.full(house).columns > before + 200


def test_a_moment_that_the_record_does_not_know_is_found(folder: Path) -> None:
    with proof_house.opened(folder) as house:
        attributes.catch_up(house)
        with house.database.read() as connection:
            latest = attributes.latest(people.get(connection, [1])[1].state)
    (base,) = (folder / "columns").glob("words-*.arrow")
    held = base.read_bytes()
    assert held.count(latest.to_bytes(8, "little")) >= 1
    base.write_bytes(held.replace(latest.to_bytes(8, "little"), (latest + 1).to_bytes(8, "little"), 1))
    with (
        proof_house.opened(folder) as house,
        pytest.raises(errors.LedgerBroken, match="columns words of person"),
    ):
        audit.full(house)
