"""The same question asked of raw history: what a warehouse does that keeps events and no facts.

Rule. Each person's cell facts are taken apart into events (a grant and an older one that it replaced, refusals,
requests, evidence of other bases); window functions put the latest of each kind together again, and the book runs over
the result. The answer must be the same as over the facts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import psycopg
import pyarrow as pa

from amana.core.plan import Ask, Law
from amana.screening import postgres, relation, terms

Array = np.ndarray[Any, Any]

FLAGS = ("objected", "withdrawn", "refused", "invalidated", "requested")
OTHER = ("sale", "interest", "relationship", "published")
GRANT = 0
REPLACED_AFTER = 90 * 86_400


def events(facts: Mapping[str, Array]) -> pa.Table:
    """Events of everybody, by time, as a log would hold them."""
    parts: list[dict[str, Array]] = []

    def add(rows: Array, kind: int, at: Array, **more: Array) -> None:
        empty = np.zeros(len(rows), np.int64)
        parts.append(
            {
                "row": rows,
                "kind": np.full(len(rows), kind, np.int16),
                "moment": at,
                "until": more.get("until", at),
                "proof": more.get("proof", empty),
                "notice": more.get("notice", empty),
                "matches": more.get("matches", empty),
            }
        )

    for number, flag in enumerate(FLAGS, start=1):
        rows = facts[flag].nonzero()[0]
        add(rows, number, np.full(len(rows), 1_700_000_000, np.int64))
    granted = facts["granted"].nonzero()[0]
    at = facts["granted_at"][granted]
    add(granted, GRANT, at - REPLACED_AFTER, proof=np.ones(len(granted), np.int64))
    add(
        granted,
        GRANT,
        at,
        until=facts["granted_by"][granted],
        proof=facts["proof"][granted].astype(np.int64),
        notice=facts["notice"][granted].astype(np.int64),
        matches=facts["point_matches"][granted].astype(np.int64),
    )
    for number, name in enumerate(OTHER, start=len(FLAGS) + 1):
        rows = (facts[f"{name}_at"] > 0).nonzero()[0]
        add(rows, number, facts[f"{name}_at"][rows], proof=facts[f"{name}_proof"][rows].astype(np.int64))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["moment"], kind="stable")
    return pa.table({name: pa.array(column[order]) for name, column in columns.items()})


def counts(log: pa.Table, facts: Mapping[str, Array], law: Sequence[Law], ask: Ask) -> dict[int, int]:
    """The distinct sets of reasons with how many people have each, by DuckDB."""
    asked = _Asked(facts, law, ask, "duckdb", "({})::UTINYINT")
    connection = duckdb.connect(":memory:", config={"threads": 2})
    connection.register("log", log)
    connection.register("people", asked.people)
    connection.register("law", asked.law)
    connection.execute(asked.view)
    found = connection.sql(asked.grouped).fetchall()
    connection.close()
    return {int(bits): int(people) for bits, people in found}


def counts_on_server(
    conninfo: str, log: pa.Table, facts: Mapping[str, Array], law: Sequence[Law], ask: Ask, rounds: int = 1
) -> tuple[dict[int, int], float]:
    """The same by a PostgreSQL server, and the seconds of the best round, loading not counted."""
    asked = _Asked(facts, law, ask, "postgres", "({})")
    with psycopg.connect(conninfo) as connection:
        for name, table in (("log", log), ("people", asked.people), ("law", asked.law)):
            postgres.load(connection, name, table)
        connection.execute(asked.view.encode())
        seconds = float("inf")
        for _ in range(rounds):
            started = time.perf_counter()
            found = connection.execute(asked.grouped.encode()).fetchall()
            seconds = min(seconds, time.perf_counter() - started)
    return {int(bits): int(people) for bits, people in found}, seconds


class _Asked:
    """The question over a table called facts, which is a view that makes it from history."""

    def __init__(
        self, facts: Mapping[str, Array], law: Sequence[Law], ask: Ask, dialect: str, truth: str
    ) -> None:
        special = terms.special(law, ask)
        needed = relation.needed(special)
        derived = {name: text for name, text in _derived(truth).items() if name in needed}
        kept = [name for name in needed if name not in derived]
        held, self.law = (
            relation.arrow(facts, needed, truths=dialect == "postgres"),
            relation.law_table(special),
        )
        self.people = held.select(["row", *kept])
        question = relation.text(special, held, self.law, dialect)
        self.grouped = f"SELECT bits, count(*) FROM ({question}) AS verdict GROUP BY bits"
        columns = ", ".join(f"{text} AS {name}" for name, text in derived.items())
        others = ", ".join(f"people.{name}" for name in kept)
        self.view = (
            "CREATE TEMP VIEW facts AS"
            ' WITH ranked AS (SELECT *, row_number() OVER (PARTITION BY "row", kind ORDER BY moment DESC) AS place'
            " FROM log),"
            f' latest AS (SELECT "row", {_gathered()} FROM ranked WHERE place = 1 GROUP BY "row")'
            f' SELECT people."row", {others}, {columns} FROM people LEFT JOIN latest ON people."row" = latest."row"'
        )


def _gathered() -> str:
    """The latest event of each kind, side by side."""
    one = "max({field}) FILTER (WHERE kind = {kind}) AS {field}_{kind}"
    kinds = range(len(FLAGS) + len(OTHER) + 1)
    fields = [one.format(field=field, kind=kind) for kind in kinds for field in ("moment", "proof")]
    fields += [one.format(field=field, kind=GRANT) for field in ("until", "notice", "matches")]
    return ", ".join(fields)


def _derived(truth: str) -> dict[str, str]:
    """Each fact of the cell from the gathered events; `truth` spells a truth as the table holds it."""
    found = {flag: truth.format(f"moment_{kind} IS NOT NULL") for kind, flag in enumerate(FLAGS, start=1)}
    found |= {
        "granted": truth.format("moment_0 IS NOT NULL"),
        "granted_at": "coalesce(moment_0, 0)",
        "granted_by": "coalesce(until_0, 0)",
        "proof": "coalesce(proof_0, 0)",
        "notice": "coalesce(notice_0, 0)",
        "point_matches": truth.format("coalesce(matches_0, 1) = 1"),
    }
    for kind, name in enumerate(OTHER, start=len(FLAGS) + 1):
        found |= {f"{name}_at": f"coalesce(moment_{kind}, 0)", f"{name}_proof": f"coalesce(proof_{kind}, 0)"}
    return found
