"""The compiled engine: the rule book as one loop over people, translated to machine code by Numba.

Rule. The loop's text is generated from the book's terms: every shared part is one assignment, every rule one bit. It
has one text for all questions (`terms.general`), so it is compiled once and kept on disk; a question only supplies
the parameters by regime, truths packed as bits. A fact that this question cannot need (`terms.special`) is not read:
a short column of zeros stands in its place. No rule branches, so time does not depend on who is in the columns. The
distinct sets are counted in a small hash table as they appear. Threads share the rows; the loop holds no lock.

The generated module is kept in `$XDG_CACHE_HOME/amana/loop` under a name that is the hash of its text; a change in
the book is another name. Trusted: like the program itself, for its owner alone may write there. Losable: yes.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np

from amana import errors
from amana.core.plan import Ask, Law
from amana.screening import blocks, terms
from amana.screening.engines import Answer, Array, Columns, Ran
from amana.screening.terms import General, Term

THREADS = 2
CHUNK = 1 << 18
BLOCK = 1 << 11  # rows for which one value stands in place of a column: it stays in the nearest cache
SLOTS = 1 << 14  # of the table of distinct sets; at most half are used
WORD_BITS = 62  # truths in one parameter word; the sign stays free
_SIGNS = {"and": "&", "or": "|", "bitand": "&", "bitor": "|"} | {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}


class Layout(NamedTuple):
    """Where a question's parameters go: `words` of packed truths first, then one column for each number."""

    facts: tuple[str, ...]
    truths: tuple[int, ...]  # numbers of logical parameters, in order of their bits
    numbers: tuple[int, ...]

    @property
    def words(self) -> int:
        """How many columns the packed truths take."""
        return -(-len(self.truths) // WORD_BITS)


class Compiled:
    """The engine `numba`."""

    def screen(self, facts: Columns, law: Sequence[Law], ask: Ask) -> Answer:
        """The reasons of every person."""
        run = _loop()
        started = time.perf_counter()
        rows = len(facts["regime"])
        general, layout = terms.general(), arranged(terms.general())
        supplied = terms.values(general.params, law, ask)
        params, places = _distinct(packed(layout, supplied))
        columns, steps = _columns(layout, facts, frozenset(terms.specialised(supplied, {}).facts))
        regimes = _read_only(facts["regime"])
        bits = np.empty(rows, np.uint64)

        def chunk(start: int) -> dict[int, int]:
            end = min(start + CHUNK, rows)
            keys, people = np.zeros(SLOTS, np.uint64), np.zeros(SLOTS, np.int64)
            full = run(start, end, regimes, places, params, steps, bits, keys, people, *columns)
            if full:  # more distinct sets than slots: count the plain way
                return blocks.distinct(bits[start:end])
            used = people.nonzero()[0]
            return dict(zip(keys[used].tolist(), people[used].tolist(), strict=True))

        sets: Counter[int] = Counter()
        with ThreadPoolExecutor(THREADS) as pool:
            for one in pool.map(chunk, range(0, rows, CHUNK)):
                sets.update(one)
        seconds = time.perf_counter() - started
        return Answer(bits, dict(sets), Ran("numba", numba.__version__, rows, seconds))


def engine(where: str = "") -> Compiled:
    """The engine, for `engines.named`."""
    return Compiled()


def arranged(general: General) -> Layout:
    """The order of facts and parameters in the loop."""
    leaves = [term for term in terms.nodes(one.when for one in general.denials) if term.op in terms.LEAVES]
    numbered = sorted({term for term in leaves if term.op == "param"}, key=lambda term: term.args[0])
    return Layout(
        facts=tuple(sorted({str(term.args[0]) for term in leaves if term.op == "fact"})),
        truths=tuple(term.args[0] for term in numbered if term.logical),
        numbers=tuple(term.args[0] for term in numbered if not term.logical),
    )


def packed(layout: Layout, values: Sequence[Sequence[terms.Value]]) -> Array:
    """A question's parameters by regime: int64, one row for each regime."""
    regimes = len(values[0]) if values else 1
    table = np.zeros((regimes, layout.words + len(layout.numbers)), np.int64)
    for place, number in enumerate(layout.truths):
        table[:, place // WORD_BITS] |= np.asarray(values[number], np.int64) << (place % WORD_BITS)
    for place, number in enumerate(layout.numbers):
        table[:, layout.words + place] = values[number]
    return table


def source(general: General) -> str:
    """The text of the loop's module."""
    layout = arranged(general)
    names: dict[Term, str] = {}
    body: list[str] = []
    for index, term in enumerate(terms.nodes(one.when for one in general.denials)):
        names[term] = f"t{index}"
        body.append(f"t{index} = {_expression(term, layout, names)}")
    body.append("found = np.uint64(0)")
    for denial in general.denials:
        body.append(f"found |= np.uint64({names[denial.when]} << {denial.bit})")
    arguments = ", ".join(f"f_{name}" for name in layout.facts)
    words = [f"w{word} = params[r, {word}]" for word in range(layout.words)]
    views = [
        f"g_{name} = f_{name}[b * steps[{place}] : b * steps[{place}] + n]"
        for place, name in enumerate(layout.facts)
    ]
    return _MODULE.format(
        arguments=arguments,
        block=BLOCK,
        views="\n        ".join(views),
        body="\n            ".join([*words, *body]),
    )


def _expression(term: Term, layout: Layout, names: dict[Term, str]) -> str:
    """One step of the loop. A truth is 0 or 1, as it stands in a byte, so that it is a bit without being asked."""
    match term.op:
        case "const":
            return str(int(term.args[0]))
        case "fact":
            return f"np.int64(g_{term.args[0]}[j])"
        case "param" if term.logical:
            place = layout.truths.index(term.args[0])
            return f"(w{place // WORD_BITS} >> {place % WORD_BITS}) & 1"
        case "param":
            return f"params[r, {layout.words + layout.numbers.index(term.args[0])}]"
        case "not":
            return f"{names[term.args[0]]} ^ 1"
        case op:
            left, right = term.args
            joined = f"{names[left]} {_SIGNS[op]} {names[right]}"
            return f"np.int64({joined})" if op in terms.COMPARISONS else joined


_MODULE = '''"""Generated from the rule book; do not edit."""
import numba
import numpy as np


@numba.njit(nogil=True, cache=True, boundscheck=False)
def run(start, end, regimes, places, params, steps, bits, keys, people, {arguments}):
    """Screen rows start to end; 1 if the table of distinct sets ran full."""
    full = 0
    used = 0
    for b in range(start, end, {block}):
        n = min({block}, end - b)
        rows = regimes[b : b + n]
        out = bits[b : b + n]
        {views}
        for j in range(np.uint64(n)):
            r = np.uint64(places[np.uint64(rows[j])])
            {body}
            out[j] = found
            slot = ((found * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & np.uint64(people.size - 1)
            while people[slot] != 0 and keys[slot] != found:
                slot = (slot + np.uint64(1)) & np.uint64(people.size - 1)
            if people[slot] == 0:
                if used * 2 >= people.size:
                    full = 1
                    continue
                used += 1
                keys[slot] = found
            people[slot] += 1
    return full
'''


def _columns(layout: Layout, facts: Columns, needed: frozenset[str]) -> tuple[list[Array], Array]:
    """The columns in the loop's order, and the step of each: 0 for one value, which stands for a whole block."""
    columns: list[Array] = []
    steps = np.ones(len(layout.facts), np.int64)
    for place, name in enumerate(layout.facts):
        column = facts[name]
        if name not in needed:
            column = np.zeros(BLOCK, column.dtype)
        elif len(column) and column.strides == (0,):
            column = np.full(BLOCK, column[0])
        else:
            columns.append(_read_only(column))
            continue
        steps[place] = 0
        columns.append(_read_only(column))
    return columns, steps


def _distinct(params: Array) -> tuple[Array, Array]:
    """The different rows, few enough for the nearest cache, and the place of each regime among them."""
    rows, places = np.unique(params, axis=0, return_inverse=True)
    return np.ascontiguousarray(rows), places.astype(np.int32)


def _read_only(column: Array) -> Array:
    """A view of one type whoever made the column: a loop is compiled for each combination of types it meets."""
    view = np.ascontiguousarray(column).view(np.uint8 if column.dtype == np.bool_ else column.dtype)
    view.flags.writeable = False
    return view


@cache
def _loop() -> Callable[..., int]:
    """The loop, generated, kept and ready to be compiled at its first call or loaded from the disk."""
    text = source(terms.general())
    folder = _cache_folder()
    path = folder / f"amana_loop_{sha256(text.encode()).hexdigest()[:16]}.py"
    if not path.is_file() or path.read_text("utf-8") != text:
        building = path.with_suffix(f".{os.getpid()}.new")
        building.write_text(text, "utf-8")
        building.rename(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise errors.BadSettings("The compiled loop cannot be loaded", remedy="use the engine numpy")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # by this name a kept compilation finds its module again
    spec.loader.exec_module(module)
    run: Any = module.run
    found: Callable[..., int] = run
    return found


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "amana" / "loop"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise errors.BadSettings(
            "The folder of the compiled loop may be written by others",
            expected="a folder that only you can write",
            remedy="correct its owner and mode, or set XDG_CACHE_HOME",
        )
    return folder
