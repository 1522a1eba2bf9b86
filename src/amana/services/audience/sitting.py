"""A sitting: one process that asks many questions about audiences, each answered from what is open already.

Rule. Columns stay mapped and plans stay made as long as the ledger's head, the registries in force and the state of a
restore are the ones they were made for; that is looked up before every answer, so that no answer is older than the
record. Every answer is that of `screening.screen`. Several campaigns are asked about the same people, whose columns are
read once. One sitting serves one thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from amana.core import public_holidays
from amana.core.plan import Plan
from amana.core.segment import Node
from amana.screening import engines, terms
from amana.services.audience import attributes, audiences, cache, screening, segments
from amana.services.audience.attributes import Attributes
from amana.services.audience.audiences import Wanted
from amana.services.audience.screening import Screened
from amana.services.gate import registries
from amana.services.gate.asking import Asked, Gate, log_size
from amana.services.record.house import House
from amana.storage import restores

Array = np.ndarray[Any, Any]


class Explained(NamedTuple):
    """How a question is answered: what is read, and how fast it went."""

    engine: str  # that really ran, as it says itself
    version: str  # of it; "" if there was nobody to ask about
    regimes: int
    rules: int  # that can deny anybody here
    columns: tuple[str, ...]  # read for everybody
    bytes: int  # of these columns
    rows: int
    rows_per_second: float


class Sitting:
    """Answers questions about audiences of one workspace. A context manager."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._stamp: tuple[Any, ...] = ()
        self._gate: Gate | None = None
        self._caught: dict[int, cache.Caught] = {}
        self._attributes: Attributes | None = None
        self._audiences: dict[Path, tuple[Any, Wanted]] = {}

    def __enter__(self) -> Sitting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Load what the first question about calls or texts would wait for; for a sitting that will last."""
        public_holidays.load()

    def close(self) -> None:
        """Give back the connection."""
        if self._gate is not None:
            self._gate.close()
            self._gate = None

    def screen(
        self,
        inquiry: Asked,
        at: int | None = None,
        audience: Path | None = None,
        *,
        segment: str = "",
        engine: str = "numpy",
    ) -> Screened:
        """Decide for everybody, an audience file, a segment, or whoever is in both. Raises as `screening.screen`."""
        runner = engines.named(engine)
        node = segments.check(self.house, segment) if segment else None
        gate = self._current()
        plan = gate.plan(inquiry, self.house.clock() if at is None else at)
        started = time.perf_counter()
        caught = self._columns(plan.question.cell)
        wanted = self._wanted(gate, caught, plan, audience, node)
        return screening.answered(self.house, caught, plan, wanted, runner, time.perf_counter() - started)

    def campaigns(
        self,
        inquiries: Sequence[Asked],
        at: int | None = None,
        audience: Path | None = None,
        *,
        segment: str = "",
        engine: str = "numpy",
    ) -> list[Screened]:
        """The same audience for several campaigns, at one moment."""
        moment = self.house.clock() if at is None else at
        return [self.screen(one, moment, audience, segment=segment, engine=engine) for one in inquiries]

    def explain(self, inquiry: Asked, at: int, result: Screened, engine: str = "numpy") -> Explained:
        """What an answer that was just given read."""
        plan = self._current().plan(inquiry, at)
        caught = self._columns(plan.question.cell)
        base = caught.person.base | caught.cell.base
        law = [plan.law(regime) for regime in caught.regimes]
        special = terms.special(law, plan.ask, {}) if law else terms.Special((), ())
        names = tuple(name for name in (*special.facts, "regime") if name in base)
        rows = max((len(column) for column in base.values()), default=0)
        return Explained(
            result.ran.engine if result.ran else engine,
            result.ran.version if result.ran else "",
            len(caught.regimes),
            len(special.denials),
            names,
            sum(base[name].nbytes for name in names),
            rows,
            rows / result.seconds if result.seconds else 0.0,
        )

    def origins(self, inquiry: Asked, at: int) -> tuple[cache.Caught, attributes.Origins]:
        """Columns by which an answer is broken down: the facts, and the source of each grant."""
        cell = self._current().plan(inquiry, at).question.cell
        return self._columns(cell), attributes.origins(self.house, cell)

    # ---- what is kept -------------------------------------------------------------------------------------------

    def _current(self) -> Gate:
        """The gate, made anew when what it rests on has changed."""
        with self.house.database.read() as connection:
            held = restores.holds(connection)
        stamp = (log_size(self.house), repr(registries.in_force(self.house)), held)
        if self._gate is None or stamp != self._stamp:
            self.close()
            self._gate, self._stamp = Gate(self.house), stamp
            self._caught.clear()
            self._audiences.clear()
            self._attributes = None
        return self._gate

    def _columns(self, cell: int) -> cache.Caught:
        caught = self._caught.get(cell)
        if caught is None:
            caught = self._caught[cell] = cache.catch_up(self.house, cell)
        return caught

    def _wanted(
        self, gate: Gate, caught: cache.Caught, plan: Plan, audience: Path | None, node: Node | None
    ) -> Wanted | None:
        """Who is meant; a segment narrows a file, and what it leaves out of one is not counted as unknown."""
        wanted = None if audience is None else self._file(gate, audience)
        if node is None:
            return wanted
        if self._attributes is None:
            self._attributes = attributes.catch_up(self.house)
        inside = segments.chosen(self.house, node, caught, self._attributes, plan.ask.at)
        known = segments.known(caught, len(inside))
        if wanted is None:
            return Wanted(np.flatnonzero(inside & known) + 1)
        held = wanted.ids[wanted.ids <= len(inside)]
        return Wanted(held[(inside & known)[held - 1]], 0)

    def _file(self, gate: Gate, path: Path) -> Wanted:
        """An audience file, read again when it was changed."""
        stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None
        kept = self._audiences.get(path)
        if kept is None or kept[0] != stamp:
            kept = self._audiences[path] = (stamp, audiences.read(gate, path))
        return kept[1]


def distinct(results: Sequence[Screened]) -> dict[str, int]:
    """Of several campaigns to one audience: how many people may be contacted by at least one, and by all."""
    if not results:
        return {"any": 0, "all": 0}
    allowed = [result.bits == 0 for result in results]
    return {
        "any": int(np.logical_or.reduce(allowed).sum()),
        "all": int(np.logical_and.reduce(allowed).sum()),
    }
