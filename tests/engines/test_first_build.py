"""The first columns of everybody go through files, part by part; what comes out is what each person's state says.

Rule: a part is a handful of people here, and some of them are gone, so that parts begin and end beside gaps.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from buyers import OFFER, take_in

from amana.columns.store import ColumnStore
from amana.core.vocabulary import Channel
from amana.services.audience import cache, screening
from amana.services.gate.asking import Gate
from amana.services.keeping import forget
from amana.services.record.house import House

PEOPLE = 40
GONE = (1, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 40)


def cell_of(house: House, channel: Channel = Channel.EMAIL) -> int:
    """The cell of the buyers' question, or of another channel of the same purpose."""
    gate = Gate(house)
    try:
        return gate.plan(msgspec.structs.replace(OFFER, channel=channel), house.clock()).question.cell
    finally:
        gate.close()


@pytest.mark.parametrize("part", [1, 7, 8, 1_000])
def test_a_first_build_in_parts_is_what_everybodys_state_says(
    part: int, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(house, tmp_path, [month % 12 + 1 for month in range(PEOPLE)], "DE")
    forget.forget(house, GONE)
    monkeypatch.setattr(cache, "PART", part)
    caught = cache.catch_up(house, cell_of(house))
    there = [one for one in range(1, PEOPLE) if one not in GONE]
    assert (np.flatnonzero(caught.person.base["known"]) + 1).tolist() == there
    gate = Gate(house)
    for person in there:
        facts, regime = gate.facts(person, OFFER, house.clock())
        row = screening.gathered((caught.person, caught.cell), np.array([person - 1]))
        assert caught.regimes[int(row.pop("regime")[0])] == regime
        assert {name: int(column[0]) for name, column in row.items()} == {
            name: int(getattr(facts, name)) for name in row
        }
    gate.close()


def test_nobody_has_columns_too(house: House) -> None:
    caught = cache.catch_up(house, cell_of(house))
    assert len(caught.person.base["known"]) == 0
    assert len(screening.screen(house, OFFER).people) == 0


def test_a_second_channels_first_build_reads_of_the_others_only_who_changed(
    house: House, tmp_path: Path
) -> None:
    take_in(house, tmp_path, [1] * PEOPLE, "DE")
    cache.catch_up(house, cell_of(house))
    take_in(house, tmp_path, [6, 7], "US")
    caught = cache.catch_up(house, cell_of(house, Channel.SMS))
    person = ColumnStore(house.columns).manifest().groups[cache.PERSON_GROUP]
    assert person.changed == len(caught.person.rows) == 2
    assert len(caught.cell.base["granted"]) == PEOPLE + 2
    assert len(caught.cell.rows) == 0
    assert [path.name for path in house.columns.iterdir() if "arrow" not in path.name] == ["manifest.json"]


def test_a_large_group_that_is_written_anew_stands_in_files_meanwhile_and_says_the_same(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MANY", 10)
    take_in(house, tmp_path, [1] * PEOPLE, "DE")
    first = ColumnStore(house.columns)
    cache.catch_up(house, cell_of(house))
    before = first.manifest().groups[cache.PERSON_GROUP].base
    take_in(house, tmp_path, [month % 12 + 1 for month in range(PEOPLE)], "US")
    usual = screening.screen(house, OFFER)
    after = first.manifest().groups[cache.PERSON_GROUP]
    assert (after.base != before, after.rows, after.changed) == (True, 2 * PEOPLE, 0)
    for path in house.columns.iterdir():
        path.unlink()
    assert np.array_equal(screening.screen(house, OFFER).bits, usual.bits)
    assert len(usual.bits) == 2 * PEOPLE
