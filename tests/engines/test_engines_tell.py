"""Choosing an engine, and what it tells of itself.

Rule: an engine has a name, needs its extra, and says what really ran. An unknown name and a missing package are told
in the product's own words.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from crowd import asked, scalar_bits

from amana import errors
from amana.core import decision, rules
from amana.core.plan import Ask, Law
from amana.screening import blocks, engines, terms


def test_an_unknown_engine_is_not_found() -> None:
    with pytest.raises(errors.NotFound, match="numpy, numba, duckdb, postgres, spark"):
        engines.named("abacus")


def test_a_missing_package_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "amana.screening.loop", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(errors.BadSettings, match=r"pip install 'amana\[fast\]'"):
        engines.named("numba")


def test_a_server_that_does_not_answer_is_told() -> None:
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    one = asked(0, 10)
    engine = engines.named("postgres:host=127.0.0.1 port=9 connect_timeout=2")
    with pytest.raises(errors.BadSettings, match="cannot be reached"):
        engine.screen(one.facts, one.law, one.ask)


@pytest.mark.parametrize(("name", "package"), [("numpy", "numpy"), ("numba", "numba"), ("duckdb", "duckdb")])
def test_an_engine_says_what_ran(name: str, package: str) -> None:
    found = pytest.importorskip(package, reason="its extra is not installed")
    one = asked(0, 10)
    ran = engines.named(name).screen(one.facts, one.law, one.ask).ran
    assert ran.engine == name
    assert ran.version.startswith(found.__version__)
    assert ran.rows == 10


def test_duckdb_counts_without_keeping_anybody() -> None:
    duck = pytest.importorskip("amana.screening.duck", reason="the extra duckdb is not installed")
    one = asked(3, 2_000)
    sets, ran = duck.engine().counts(one.facts, one.law, one.ask)
    assert sets == blocks.distinct(scalar_bits(one))
    assert ran.rows == 2_000


@pytest.mark.slow
def test_a_server_counts_without_sending_anybody(postgres: engines.Engine) -> None:
    one = asked(2, 3_000)
    found, ran = postgres.counts(one.facts, one.law, one.ask)  # type: ignore[attr-defined]  # not every engine has it
    assert found == blocks.distinct(scalar_bits(one))
    assert (ran.engine, ran.rows) == ("postgres", 3_000)


def test_duckdb_writes_everybodys_answer(tmp_path: Path) -> None:
    duck = pytest.importorskip("amana.screening.duck", reason="the extra duckdb is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    one = asked(4, 2_000)
    path = tmp_path / "it's.parquet"
    duck.engine().write(one.facts, one.law, one.ask, path)
    table = parquet.read_table(path).sort_by("person")
    expected = scalar_bits(one)
    assert table["person"].to_pylist() == list(range(1, 2_001))
    assert table["allow"].to_pylist() == (expected == 0).tolist()
    assert table["reasons"].to_pylist() == [" ".join(decision.codes(int(bits))) for bits in expected]


KEPT = """
import sys
sys.path.insert(0, {folder!r})
from crowd import asked
from amana.screening import loop
one = asked(0, 10)
loop.engine().screen(one.facts, one.law, one.ask)
print(sum(loop._loop().stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_the_compiled_loop_is_kept_for_the_next_process(tmp_path: Path) -> None:
    pytest.importorskip("numba", reason="the extra fast is not installed")
    program = [sys.executable, "-c", KEPT.format(folder=str(Path(__file__).parent))]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    hits = [
        subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert hits == ["0", "1"]
    kept = [path.name for path in (tmp_path / "amana" / "loop").glob("*.py")]
    assert len(kept) == 1


def test_a_cache_that_others_may_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = pytest.importorskip("amana.screening.loop", reason="the extra fast is not installed")
    folder = tmp_path / "amana" / "loop"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loop._loop.cache_clear()
    with pytest.raises(errors.BadSettings, match="written by others"):
        loop._loop()


def test_more_distinct_sets_than_slots_are_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = pytest.importorskip("amana.screening.loop", reason="the extra fast is not installed")
    one = asked(5, 2_000)
    expected = blocks.distinct(scalar_bits(one))
    assert len(expected) > 64
    monkeypatch.setattr(loop, "SLOTS", 64)
    assert loop.engine().screen(one.facts, one.law, one.ask).sets == expected


def test_a_set_of_reasons_counts_once_for_each_and_once_for_the_first() -> None:
    first, second = rules.BOOK[3], rules.BOOK[9]
    counts = blocks.count({0: 7, 1 << first.bit | 1 << second.bit: 2, 1 << second.bit: 1})
    assert (counts.people, counts.allowed) == (10, 7)
    assert (counts.by_reason[first.code], counts.by_reason[second.code]) == (2, 3)
    assert (counts.by_first[first.code], counts.by_first[second.code]) == (2, 1)


def test_a_question_reads_only_the_facts_that_can_matter() -> None:
    law = Law(*(_neutral(name) for name in Law._fields))
    ask = Ask(0, 0, False, False, 0, 0, 0, False, 0)
    special = terms.special([law], ask, {"sent_day": 0})
    assert "known" in special.facts
    assert not {"sale_at", "registry_hits", "topics_off", "sent_day"} & set(special.facts)
    assert special.params == ()


def _neutral(name: str) -> int | bool:
    if name in ("located", "modelled", "stored_well", "open"):
        return True
    if name.startswith("cap_"):
        return 32_767
    if name.endswith("born_by"):
        return 2**31 - 1
    return 0


def test_arrays_are_not_changed_by_an_engine() -> None:
    one = asked(6, 300)
    before = {name: column.copy() for name, column in one.facts.items()}
    for name in ("numpy", "numba"):
        engines.named(name).screen(one.facts, one.law, one.ask)
    assert all(np.array_equal(before[name], column) for name, column in one.facts.items())
