"""Screening: the same decision for everybody, with a reason each.

Rule. The question is planned once, the cache is brought to the ledger's head, and the engine runs the rule book over the
columns. An audience narrows whom the answer is about; addresses in it that nobody holds are counted as unknown people.
What comes out is ids and reasons. A screen is advice about one moment: whoever acts on it takes permits.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from amana import errors
from amana.columns import layout
from amana.columns.store import Columns
from amana.core import decision, rules
from amana.core.facts import NO_CAP
from amana.core.plan import Plan
from amana.core.vocabulary import PHONE_CHANNELS
from amana.screening import blocks, engines
from amana.services import addresses, cache
from amana.services.asking import Gate, Inquiry
from amana.services.house import House
from amana.storage import register, registries
from amana.storage.reading import DAY

Array = np.ndarray[Any, Any]


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

    @property
    def allowed(self) -> Array:
        """The ids of those who may be contacted."""
        chosen: Array = self.people[self.bits == 0]
        return chosen


def screen(
    house: House,
    inquiry: Inquiry,
    at: int | None = None,
    audience: Path | None = None,
    *,
    engine: str = "numpy",
) -> Screened:
    """Decide for everybody, or for an audience file of ids, addresses or numbers.

    `engine` is a name that `screening.engines` knows. Raises NotFound, BadInput, BadSettings (no such engine here).
    """
    runner = engines.named(engine)
    gate = Gate(house)
    try:
        moment = house.clock() if at is None else at
        plan = gate.plan(inquiry, moment)
        started = time.perf_counter()
        caught = cache.catch_up(house, plan.question.cell)
        prepared = time.perf_counter()
        wanted, unknown = _audience(gate, audience)
        people, bits = evaluate(house, caught, plan, wanted, runner)
        unknown += 0 if wanted is None else len(wanted) - len(people)
        sets = blocks.distinct(bits)
        if unknown:
            nobody = 1 << rules.BY_CODE["unknown_person"].bit
            sets[nobody] = sets.get(nobody, 0) + unknown
        ended = time.perf_counter()
    finally:
        gate.close()
    return Screened(
        people,
        bits,
        blocks.count(sets),
        unknown,
        moment,
        plan.book.version,
        caught.position,
        ended - prepared,
        prepared - started,
    )


def evaluate(
    house: House, caught: cache.Caught, plan: Plan, wanted: Array | None, engine: engines.Engine | None = None
) -> tuple[Array, Array]:
    """Ids and reasons of everybody in the cache, or of the wanted ids. The few changed rows always run on NumPy."""
    if not caught.regimes:  # nobody is known yet
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    law = [plan.law(regime) for regime in caught.regimes]
    base = caught.person.base | caught.cell.base
    size = min(len(column) for column in base.values())
    base = {name: column[:size] for name, column in base.items()}
    everybody = max(
        [size, *(int(loaded.rows[-1]) + 1 for loaded in (caught.person, caught.cell) if len(loaded.rows))]
    )
    momentary = _momentary(house, plan, everybody)
    bits = np.full(everybody, _NOBODY, np.uint64)
    known = np.zeros(everybody, np.bool_)
    whole = base | {name: momentary[name][:size] for name in momentary}
    bits[:size] = (engine or blocks.engine()).screen(whole, law, plan.ask).bits
    known[:size] = base["known"]
    rows = np.union1d(caught.person.rows, caught.cell.rows)
    if len(rows):
        patch = _patched(caught, rows) | {name: momentary[name][rows] for name in momentary}
        bits[rows] = blocks.screen(patch, law, plan.ask)
        known[rows] = patch["known"]
    people = np.flatnonzero(known) + 1
    if wanted is not None:
        people = np.intersect1d(people, wanted)
    return people, bits[people - 1]


def facts_of(house: House, caught: cache.Caught, plan: Plan, people: Array) -> Columns:
    """The facts of some known people, given by ascending id, as columns under their names."""
    rows = people - 1
    momentary = _momentary(house, plan, int(people[-1]) if len(people) else 0)
    return _patched(caught, rows) | {name: momentary[name][rows] for name in momentary}


def write(result: Screened, path: Path) -> int:
    """Write ids with their answer to CSV or Parquet by the file's ending; rows written. Raises BadInput."""
    names = {int(bits): decision.codes(int(bits)) for bits in np.unique(result.bits)}
    if path.suffix == ".parquet":
        index = np.unique(result.bits, return_inverse=True)[1]
        reasons = [" ".join(codes) for codes in names.values()]
        table = pa.table(
            {
                "person": pa.array(result.people),
                "allow": pa.array(result.bits == 0),
                "reasons": pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(reasons)),
            }
        )
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["person", "allow", "reasons"])
            for person, bits in zip(result.people.tolist(), result.bits.tolist(), strict=True):
                writer.writerow([f"p{person}", "no" if bits else "yes", " ".join(names[bits])])
    else:
        raise errors.BadInput(
            "The output's ending is not known", expected=".csv or .parquet", remedy="choose one of them"
        )
    return len(result.people)


_NOBODY = np.uint64(1 << rules.BY_CODE["unknown_person"].bit)


def _patched(caught: cache.Caught, rows: Array) -> Columns:
    """The current facts of some rows: the base's, replaced by the delta's."""
    patch: Columns = {}
    for loaded in (caught.person, caught.cell):
        place = np.searchsorted(loaded.rows, rows)
        place[place == len(loaded.rows)] = 0
        changed = loaded.rows[place] == rows if len(loaded.rows) else np.zeros(len(rows), np.bool_)
        for name, base in loaded.base.items():
            column = np.zeros(len(rows), base.dtype)
            there = rows < len(base)
            column[there] = base[rows[there]]
            if changed.any():
                column[changed] = loaded.delta[name][place[changed]]
            patch[name] = column
    return patch


def _momentary(house: House, plan: Plan, everybody: int) -> Columns:
    """Registry listings, and contacts in the trailing day, week and thirty days, by row."""
    found = {name: np.zeros(everybody, layout.dtype(name)) for name in layout.MOMENTARY}
    at, cell = plan.ask.at, plan.question.cell
    with house.database.read() as connection:
        sends = register.sends_since(connection, cell >> 24, cell & 0xFF, at - 30 * DAY, at)
        listed = registries.listed_people(connection) if plan.question.channel in PHONE_CHANNELS else []
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


def _audience(gate: Gate, path: Path | None) -> tuple[Array | None, int]:
    """The ids that an audience file names, and how many of its entries belong to nobody."""
    if path is None:
        return None, 0
    ids: set[int] = set()
    typed: list[str] = []
    for entry in _entries(path):
        if entry.startswith("p") and entry[1:].isdigit():
            ids.add(int(entry[1:]))
        else:
            typed.append(entry)
    keyed = {address.blind: address for address in gate.typed(typed)}
    with gate.house.database.read() as connection:
        held = addresses.holders(connection, keyed.values())
    ids.update(person for pairs in held.values() for person, _ in pairs)
    unknown = sum(1 for blind in keyed if blind not in held)
    return np.array(sorted(ids), np.int64), unknown


def _entries(path: Path) -> Iterable[str]:
    """One id, address or number per line: the first column of a CSV, with or without a header."""
    if not path.is_file():
        raise errors.NotFound("There is no such audience file", remedy="check its path")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.reader(stream)):
            entry = row[0].strip() if row else ""
            if entry and not (number == 0 and entry.lower() in ("person", "email", "phone", "id")):
                yield entry
