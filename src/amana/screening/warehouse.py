"""The question as text for a warehouse, to be run there by whoever has one: written, and not run by us.

Rule. The expression is that of `relation`, written down by Ibis for the warehouse, over two tables that are exported
beside it: `facts` (one row for each person, truths as booleans, `row` their number) and `law` (one row for each
regime). Constants of the moment stand in the text, so it is good for its moment alone. Dialects that this program has
run stand in `engines`; what stands here was never run on the warehouse itself, and the text says so in its first line.
A test reads it back and runs it on DuckDB, which shows what was written and not what a warehouse makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import ibis
import pyarrow as pa

from amana import errors
from amana.core.plan import Ask, Law
from amana.screening import relation, terms
from amana.screening.engines import Columns

DIALECTS = ("snowflake", "bigquery")
NOT_RUN = "-- not run: {dialect} was never asked this; compare its answer with an engine's before it decides anything"


class Written(NamedTuple):
    """A question for a warehouse."""

    text: str  # a SELECT of `row` and `bits`; zero is allow
    tables: Mapping[str, pa.Table]  # what it reads, by name


def written(facts: Columns, law: Sequence[Law], ask: Ask, dialect: str) -> Written:
    """The text and its tables. Raises NotFound for a dialect that is not written."""
    if dialect not in DIALECTS:
        raise errors.NotFound(
            "There is no such warehouse",
            expected=f"one of: {', '.join(DIALECTS)}",
            remedy="check the spelling, or use an engine",
        )
    special = terms.special(law, ask)
    held = relation.arrow(facts, relation.needed(special), truths=True)
    table = relation.law_table(special)
    heading = NOT_RUN.format(dialect=dialect) + f" (ibis {ibis.__version__})"
    return Written(
        f"{heading}\n{relation.text(special, held, table, dialect)}\n",
        {relation.FACTS: held, relation.LAW: table},
    )
