"""Engines: whatever can run the rule book over columns, behind one small interface.

Rule. An engine gets columns of facts (equally long, by name, `regime` among them), the plan's rows of law by number of
the regime, and the ask. It gives each person's set of reasons, the distinct sets with how many people have each, and
says what really ran. All engines give the same bits as the scalar rules, person for person (a differential test
holds this), so the choice of engine is one of speed and place, never of outcome. An engine keeps no people.

By name: `numpy` (always there), `numba` (compiled; extra `fast`), `duckdb` (extra `duckdb`), `postgres:CONNINFO`
(extra `postgres`), `spark` or `spark:MASTER` (extra `spark`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np

from amana import errors
from amana.core.plan import Ask, Law

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Array]

_MODULES = {
    "numpy": ("blocks", "amana"),
    "numba": ("loop", "amana[fast]"),
    "duckdb": ("duck", "amana[duckdb]"),
    "postgres": ("postgres", "amana[postgres]"),
    "spark": ("spark", "amana[spark]"),
}
NAMES = tuple(_MODULES)


class Ran(NamedTuple):
    """What really ran."""

    engine: str
    version: str
    rows: int
    seconds: float  # evaluation alone, without loading columns into a server


class Answer(NamedTuple):
    """Everybody's reasons."""

    bits: Array  # uint64 per row of the columns, in their order; zero is allow
    sets: dict[int, int]  # distinct set of reasons -> people
    ran: Ran


class Engine(Protocol):
    """Runs the rule book over columns.

    Durability: none; nothing is kept but what a server needs while it answers. Concurrency: one call at a time.
    Misuse: columns of unequal length, or a regime without a row of law, are the caller's mistakes.
    """

    def screen(self, facts: Columns, law: Sequence[Law], ask: Ask) -> Answer:
        """The reasons of every person."""


def named(text: str) -> Engine:
    """The engine of a name, or of `name:where` for one that runs elsewhere.

    Raises NotFound for an unknown name, BadSettings if the packages of its extra are not installed or it cannot
    be reached.
    """
    name, _, where = text.partition(":")
    if name not in _MODULES:
        raise errors.NotFound(
            "There is no such engine", expected=f"one of: {', '.join(NAMES)}", remedy="check the spelling"
        )
    module, extra = _MODULES[name]
    engine: Engine = _imported(f"amana.screening.{module}", name, extra).engine(where)
    return engine


def _imported(module: str, name: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as absent:
        raise errors.BadSettings(
            f"The engine {name} is not installed",
            got=f"no package {absent.name}",
            remedy=f"pip install '{extra}', or use the engine numpy",
        ) from absent
