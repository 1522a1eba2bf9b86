"""Screening: the same decision for everybody, with a reason each.

Rule. The question is planned once, the cache is brought to the ledger's head, and the engine runs the rule book over the
columns. An audience narrows whom the answer is about; addresses in it that nobody holds are counted as unknown people.
What comes out is ids and reasons. A screen is advice about one moment: whoever acts on it takes permits.
"""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from amana import errors
from amana.columns import layout
from amana.columns.store import Columns, Loaded
from amana.core import decision, rules
from amana.core.facts import NO_CAP
from amana.core.plan import Plan
from amana.core.vocabulary import PHONE_CHANNELS
from amana.screening import blocks, engines
from amana.services.audience import audiences, cache
from amana.services.gate.asking import Asked, Gate
from amana.services.record.house import House
from amana.storage import register, registries
from amana.storage.reading import DAY

Array = np.ndarray[Any, Any]
FEW = 4  # somebody's rows are gathered where fewer than one in so many is wanted; else all are run over


class Screened(NamedTuple):
    """The answer for an audience."""

    people: Array  # ids, ascending
    bits: Array  # reasons of each, uint64; zero is allow
    counts: blocks.Counts
    unknown: int  # entries of the audience that belong to nobody known
    at: int
    rules_version: str
    ledger_size: int
    seconds: float  # evaluation alone, without catching up the cache
    catch_up_seconds: float
    ran: engines.Ran | None = None  # what really ran over the columns; None if there was nobody to ask about

    @property
    def allowed(self) -> Array:
        """The ids of those who may be contacted."""
        chosen: Array = self.people[self.bits == 0]
        return chosen


def screen(
    house: House,
    inquiry: Asked,
    at: int | None = None,
    audience: Path | None = None,
    *,
    engine: str = "numpy",
    caught_up: Callable[[], None] = lambda: None,
) -> Screened:
    """Decide for everybody, or for an audience file of ids, addresses or numbers.

    `engine` is a name that `screening.engines` knows. `caught_up` is called when the cache is at the ledger's head and
    its lock is free again. Raises NotFound, BadInput, BadSettings (no such engine here).
    """
    runner = engines.named(engine)
    gate = Gate(house)
    try:
        moment = house.clock() if at is None else at
        plan = gate.plan(inquiry, moment)
        started = time.perf_counter()
        caught = cache.catch_up(house, plan.question.cell)
        prepared = time.perf_counter()
        caught_up()
        wanted = None if audience is None else audiences.read(gate, audience)
        return answered(house, caught, plan, wanted, runner, prepared - started)
    finally:
        gate.close()


def answered(
    house: House,
    caught: cache.Caught,
    plan: Plan,
    wanted: audiences.Wanted | None,
    runner: engines.Engine,
    catch_up_seconds: float = 0.0,
) -> Screened:
    """The answer over columns that are at the ledger's head. People that nobody knows are counted as unknown."""
    started = time.perf_counter()
    people, bits, sets, ran = _evaluated(house, caught, plan, None if wanted is None else wanted.ids, runner)
    unknown = 0 if wanted is None else wanted.unknown + len(wanted.ids) - len(people)
    if unknown:
        nobody = int(_NOBODY)
        sets = sets | {nobody: sets.get(nobody, 0) + unknown}
    return Screened(
        people,
        bits,
        blocks.count(sets),
        unknown,
        plan.ask.at,
        plan.book.version,
        caught.position,
        time.perf_counter() - started,
        catch_up_seconds,
        ran,
    )


def evaluate(
    house: House, caught: cache.Caught, plan: Plan, wanted: Array | None, engine: engines.Engine | None = None
) -> tuple[Array, Array]:
    """Ids and reasons of everybody in the cache, or of the wanted ids. The few changed rows always run on NumPy."""
    found = _evaluated(house, caught, plan, wanted, engine or blocks.engine())
    return found.people, found.bits


class _Evaluated(NamedTuple):
    """Ids, the reasons of each, the distinct sets of reasons with how many people have each, and what ran."""

    people: Array
    bits: Array
    sets: dict[int, int]
    ran: engines.Ran | None = None


def _evaluated(
    house: House, caught: cache.Caught, plan: Plan, wanted: Array | None, engine: engines.Engine
) -> _Evaluated:
    """The engine's answer over the base, corrected for whoever changed, came later or is being erased."""
    if not caught.regimes:  # nobody is known yet
        return _Evaluated(np.empty(0, np.int64), np.empty(0, np.uint64), {})
    if wanted is not None and len(wanted) * FEW < len(caught.person.base["known"]):
        return _of_few(house, caught, plan, wanted, engine)
    law = [plan.law(regime) for regime in caught.regimes]
    base = caught.person.base | caught.cell.base
    size = min(len(column) for column in base.values())
    rows = caught.person.rows
    if not np.array_equal(rows, caught.cell.rows):
        rows = np.union1d(rows, caught.cell.rows)
    everybody = max(size, int(rows[-1]) + 1) if len(rows) else size
    momentary = _momentary(house, plan, everybody)
    whole = {name: column[:size] for name, column in (base | momentary).items()}
    answer = engine.screen(whole, law, plan.ask)
    bits, known, sets = answer.bits, whole["known"], Counter(answer.sets)
    if everybody > size:
        bits = np.concatenate([bits, np.full(everybody - size, _NOBODY, np.uint64)])
        known = np.concatenate([known, np.zeros(everybody - size, np.bool_)])
        sets[int(_NOBODY)] += everybody - size
    if len(rows) or len(caught.gone):
        patch = gathered((caught.person, caught.cell), rows)
        patch |= {name: column[rows] for name, column in momentary.items()}
        patched = blocks.screen(patch, law, plan.ask)
        sets.subtract(blocks.distinct(bits[rows]))
        sets.update(blocks.distinct(patched))
        bits[rows] = patched
        known = known.copy()
        known[rows] = patch["known"]
        known[caught.gone[caught.gone < everybody]] = False
    if not known.all():
        sets.subtract(blocks.distinct(bits[~known]))
        people, bits = np.flatnonzero(known) + 1, bits[known]
    else:
        people = np.arange(1, everybody + 1)
    if wanted is not None:
        inside = np.zeros(everybody + 1, np.bool_)
        inside[wanted[wanted <= everybody]] = True
        chosen = inside[people]
        return _Evaluated(people[chosen], bits[chosen], blocks.distinct(bits[chosen]), answer.ran)
    return _Evaluated(people, bits, {one: count for one, count in sets.items() if count}, answer.ran)


def _of_few(
    house: House, caught: cache.Caught, plan: Plan, wanted: Array, engine: engines.Engine
) -> _Evaluated:
    """The same for few of them: their rows are gathered, and the law is read for their regimes alone."""
    columns = facts_of(house, caught, plan, wanted)
    there = columns["known"].astype(np.bool_) & ~np.isin(wanted - 1, caught.gone)
    people = wanted[there]
    if not len(people):
        return _Evaluated(people, np.empty(0, np.uint64), {})
    used, local = np.unique(columns["regime"][there], return_inverse=True)
    law = [plan.law(caught.regimes[number]) for number in used.tolist()]
    facts = {name: column[there] for name, column in columns.items()}
    facts["regime"] = local.astype(layout.dtype("regime"))
    answer = engine.screen(facts, law, plan.ask)
    return _Evaluated(people, answer.bits, answer.sets, answer.ran)


def facts_of(house: House, caught: cache.Caught, plan: Plan, people: Array) -> Columns:
    """The facts of some people, given by id in any order, as columns under their names."""
    rows = people - 1
    momentary = _momentary(house, plan, int(people.max()) if len(people) else 0)
    return gathered((caught.person, caught.cell), rows) | {name: momentary[name][rows] for name in momentary}


def regimes_of(caught: cache.Caught, people: Array) -> Array:
    """The numbers of the regimes of some people, given by id."""
    found: Array = gathered((caught.person,), people - 1, ("regime",))["regime"]
    return found


def named(bits: Array) -> pa.DictionaryArray:
    """Reason codes of each set, ranked and joined by a space, as a dictionary column; empty is allow."""
    distinct, index = np.unique(bits, return_inverse=True)
    words = [" ".join(decision.codes(int(one))) for one in distinct]
    return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(words, pa.string()))


def write(result: Screened, path: Path) -> int:
    """Write ids with their answer to CSV or Parquet by the file's ending; rows written. Raises BadInput."""
    if path.suffix == ".parquet":
        table = pa.table(
            {
                "person": pa.array(result.people),
                "allow": pa.array(result.bits == 0),
                "reasons": named(result.bits),
            }
        )
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        names = {int(bits): " ".join(decision.codes(int(bits))) for bits in np.unique(result.bits)}
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["person", "allow", "reasons"])
            for person, bits in zip(result.people.tolist(), result.bits.tolist(), strict=True):
                writer.writerow([f"p{person}", "no" if bits else "yes", names[bits]])
    else:
        raise errors.BadInput(
            "The output's ending is not known", expected=".csv or .parquet", remedy="choose one of them"
        )
    return len(result.people)


_NOBODY = np.uint64(1 << rules.BY_CODE["unknown_person"].bit)


def gathered(loadeds: Iterable[Loaded], rows: Array, names: Container[str] | None = None) -> Columns:
    """The facts of some rows, of all columns or of the named ones: the base's, replaced by the delta's."""
    patch: Columns = {}
    for loaded in loadeds:
        place = np.searchsorted(loaded.rows, rows)
        place[place == len(loaded.rows)] = 0
        changed = loaded.rows[place] == rows if len(loaded.rows) else np.zeros(len(rows), np.bool_)
        there = (rows >= 0) & (rows < min(map(len, loaded.base.values()), default=0))
        everywhere = bool(there.all())
        for name, base in loaded.base.items():
            if names is not None and name not in names:
                continue
            if everywhere:
                column = base[rows]
            else:
                column = np.zeros(len(rows), base.dtype)
                column[there] = base[rows[there]]
            if changed.any():
                column[changed] = loaded.delta[name][place[changed]]
            patch[name] = column
    return patch


def _momentary(house: House, plan: Plan, everybody: int) -> Columns:
    """Registry listings, and contacts in the trailing day, week and thirty days, by row."""
    nothing = {name: np.zeros(1, layout.dtype(name)) for name in layout.MOMENTARY}
    at, cell = plan.ask.at, plan.question.cell
    with house.database.read() as connection:
        contact = plan.question.channel is not None  # nothing is sent where data is used or shared
        sends = (
            register.sends_since(connection, cell >> 24, cell & 0xFF, at - 30 * DAY, at) if contact else []
        )
        listed = registries.listed_people(connection) if plan.question.channel in PHONE_CHANNELS else []
    # one value in place of a column: engines see that it is the same for everybody
    found: Columns = {name: np.broadcast_to(zero, everybody) for name, zero in nothing.items()}
    if listed:
        found["registry_hits"] = np.zeros(everybody, layout.dtype("registry_hits"))
    if listed:
        found["registry_hits"] = np.zeros(everybody, layout.dtype("registry_hits"))
    for person, code in listed:
        if person <= everybody:
            found["registry_hits"][person - 1] |= 1 << code
    if sends:
        people, times = np.array(sends, np.int64).T
        for name, days in zip(layout.SENT, (1, 7, 30), strict=True):
            inside = people[times > at - days * DAY] - 1
            counted = np.bincount(inside[inside < everybody], minlength=everybody)
            found[name] = np.minimum(counted, NO_CAP).astype(layout.dtype(name))
    return found
