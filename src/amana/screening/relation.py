"""The rule book as one relational expression: facts joined with a small relation of law, a set of reasons per row.

Rule. The specialised terms are turned into Ibis expressions, operator by operator: `&` on truths is AND, on numbers it
is a bitwise and; nothing is left to an engine's own reading. Constants stand in the expression, what differs between
regimes comes from the joined `law` relation, whose columns are called p0, p1 …. The set of reasons is a sum of
powers of two. Parts that several rules share are named once, in layers, so that the text stays as long as the book.
Ibis writes the expression down for each engine; no engine-specific text stands here.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from amana.screening import terms
from amana.screening.engines import Array, Columns
from amana.screening.terms import Special, Term

FACTS, LAW = "facts", "law"
ROW, REGIME, BITS = "row", "regime", "bits"

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "and": operator.and_,
    "or": operator.or_,
    "not": operator.invert,
    "bitand": operator.and_,
    "bitor": operator.or_,
    **terms.COMPARISONS,
}


def needed(special: Special) -> tuple[str, ...]:
    """The fact columns that the expression reads, with the key of the law."""
    return (*special.facts, *((REGIME,) if special.params else ()))


def law_table(special: Special) -> pa.Table:
    """The relation of law: one row for each regime."""
    count = len(special.params[0]) if special.params else 0
    columns: dict[str, Any] = {REGIME: pa.array(range(count), pa.int32())}
    for number, values in enumerate(special.params):
        columns[f"p{number}"] = pa.array(values, pa.bool_() if isinstance(values[0], bool) else pa.int64())
    return pa.table(columns)


def expression(special: Special, facts: ir.Table, law: ir.Table) -> ir.Table:
    """`row` and `bits` of every person. Truths in `facts` may be booleans or bytes."""
    joined = facts
    if special.params:
        joined = facts.join(law, REGIME)
    done: dict[Term, str] = {}
    for layer in _layers(special):
        named = {f"s{len(done) + place}": term for place, term in enumerate(layer)}
        joined = joined.mutate(**{name: _of(term, joined, done) for name, term in named.items()})
        done.update({term: name for name, term in named.items()})
    bits: Any = ibis.literal(0, "int64")
    for denial in special.denials:
        value: Any = ibis.literal(1 << denial.bit, "int64")
        if denial.when != terms.TRUE:
            value = _of(denial.when, joined, done).ifelse(value, ibis.literal(0, "int64"))
        bits = bits + value
    return joined.select(joined[ROW], bits.name(BITS))


def text(special: Special, facts: pa.Table, law: pa.Table, dialect: str) -> str:
    """The expression in an engine's SQL, over tables called `facts` and `law`."""
    shapes = (
        ibis.table(ibis.Schema.from_pyarrow(table.schema), name=name)
        for table, name in ((facts, FACTS), (law, LAW))
    )
    return str(ibis.to_sql(expression(special, *shapes), dialect=dialect))


def arrow(facts: Columns, names: Iterable[str], *, truths: bool = False) -> pa.Table:
    """Fact columns as an Arrow table without copying, with the row's number; truths are bytes unless asked for."""
    rows = len(facts[REGIME])
    columns: dict[str, Any] = {ROW: pa.array(np.arange(rows, dtype=np.int64))}
    for name in names:
        column = facts[name]
        if column.dtype.kind == "b" and not truths:
            column = column.view("u1")
        columns[name] = pa.array(column)
    return pa.table(columns)


def _of(term: Term, table: ir.Table, done: dict[Term, str]) -> Any:
    if term in done:
        return table[done[term]]
    match term.op:
        case "const":
            return ibis.literal(term.args[0], "boolean" if term.logical else "int64")
        case "fact":
            column = table[term.args[0]]
            return column != 0 if term.logical and not column.type().is_boolean() else column
        case "param":
            return table[f"p{term.args[0]}"]
        case op:
            return _OPERATIONS[op](*(_of(part, table, done) for part in term.args))


def _uses(special: Special) -> Counter[Term]:
    """How often each part is read by another part or by a rule."""
    found: Counter[Term] = Counter(one.when for one in special.denials)
    for term in terms.nodes(one.when for one in special.denials):
        if term.op not in terms.LEAVES:
            found.update(term.args)
    return found


def _layers(special: Special) -> list[list[Term]]:
    """Shared parts, in layers: each reads only parts of the layers before."""
    uses = _uses(special)
    depth: dict[Term, int] = {}
    layers: list[list[Term]] = []
    for term in terms.nodes(one.when for one in special.denials):
        if term.op in terms.LEAVES:
            depth[term] = 0
            continue
        depth[term] = max(depth[part] for part in term.args)
        if uses[term] > 1 and term.logical:
            while len(layers) <= depth[term]:
                layers.append([])
            layers[depth[term]].append(term)
            depth[term] += 1
    return layers


def scattered(rows: int, positions: Array, bits: Array) -> Array:
    """Sets in the order of the columns, whatever order an engine returned them in."""
    found = np.zeros(rows, np.uint64)
    found[positions] = bits.astype(np.uint64, copy=False)
    return found
