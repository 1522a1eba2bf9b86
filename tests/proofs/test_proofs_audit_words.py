"""The audit holds the columns that people are chosen by against the record, as it does the columns of facts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import proof_house
import pytest

from amana import errors
from amana.columns.store import ColumnStore
from amana.services import attributes, audit


def test_the_columns_of_words_and_of_origins_are_held_against_the_state(folder: Path) -> None:
    with proof_house.opened(folder) as house:
        before = audit.full(house).columns
        attributes.catch_up(house)
        attributes.origins(house, 1)
        assert audit.full(house).columns > before + 200


def test_a_word_that_the_record_does_not_know_is_found(folder: Path) -> None:
    with proof_house.opened(folder) as house:
        attributes.catch_up(house)
        store = ColumnStore(house.columns)
        manifest = store.manifest()
        words = {name: tuple(reversed(held)) for name, held in manifest.words.items()}
        assert words != manifest.words, "the sample has no word in any column"
        store.publish(msgspec.structs.replace(manifest, serial=manifest.serial + 1, words=words))
        with pytest.raises(errors.LedgerBroken, match="columns words of person"):
            audit.full(house)
