"""A screen of a real workspace is the same whichever engine is named, also when people changed since.

Rule: the service hands base columns to the engine and patches the few changed rows; ids, reasons and counts do not
depend on the choice.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from buyers import OFFER, take_in

from amana import errors
from amana.services.audience import screening
from amana.services.audience.sitting import Sitting
from amana.services.record.house import House


@pytest.mark.parametrize("engine", ["numba", "duckdb"])
def test_the_choice_of_engine_changes_nothing(engine: str, house: House, tmp_path: Path) -> None:
    pytest.importorskip({"numba": "numba", "duckdb": "ibis"}[engine], reason="its extra is not installed")
    take_in(house, tmp_path, [month % 12 + 1 for month in range(60)], "DE")
    assert screening.screen(house, OFFER).counts.people == 60  # the base files are written here
    take_in(house, tmp_path, [1, 6, 7, 12], "US")
    usual = screening.screen(house, OFFER)
    other = screening.screen(house, OFFER, engine=engine)
    assert len(usual.people) == 64
    assert 0 < usual.counts.allowed < 64
    assert np.array_equal(usual.people, other.people)
    assert np.array_equal(usual.bits, other.bits)
    assert usual.counts == other.counts


@pytest.mark.parametrize("engine", ["numpy", "numba", "duckdb"])
def test_an_answer_says_what_really_ran(engine: str, house: House, tmp_path: Path) -> None:
    pytest.importorskip({"duckdb": "ibis"}.get(engine, engine), reason="its extra is not installed")
    take_in(house, tmp_path, [1, 2, 3], "DE")
    with Sitting(house) as desk:
        found = desk.screen(OFFER, engine=engine)
        explained = desk.explain(OFFER, found.at, found, engine)
    assert found.ran is not None
    assert (found.ran.engine, found.ran.rows) == (engine, 3)
    assert explained.engine == engine
    assert explained.version.startswith(importlib.metadata.version(engine))


def test_an_unknown_engine_is_told_before_anything_is_read(house: House) -> None:
    with pytest.raises(errors.NotFound, match="no such engine"):
        screening.screen(house, OFFER, engine="abacus")
