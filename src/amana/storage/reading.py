"""The one read behind a decision: a person's state, the ledger's size, recent contacts and registry listings.

Rule. One statement through the driver's own connection, in autocommit, so that it sees the latest commit of anybody and
nothing half-done. SQLAlchemy would double its cost; it is the only place that goes around it. The text differs between
SQLite and PostgreSQL in the marker of a parameter and in how a list is joined into one value.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from amana.core.state import PersonState

DAY = 86_400
_decode = msgspec.msgpack.Decoder(PersonState).decode

_PLAIN = """
SELECT p.state,
       (SELECT size FROM checkpoint WHERE name = 'latest'),
       (SELECT {join_at} FROM sent
         WHERE person = p.id AND at > {m} AND at <= {m} AND cell >> 24 = {m} AND cell & 255 = {m})
       {listed}
  FROM person p WHERE p.id = {m} AND p.id > 0 AND p.changed >= 0
"""
_LISTED = """,
       (SELECT {join_code} FROM point q
          JOIN listing l ON l.blind = q.blind
          JOIN registry r ON r.code = l.registry AND r.issue = l.issue
         WHERE q.person = p.id AND q.kind = 'phone')
"""
_SPELLING = {
    "sqlite": {"m": "?", "join_at": "group_concat(at)", "join_code": "group_concat(r.code)"},
    "postgresql": {
        "m": "%s",
        "join_at": "string_agg(at::text, ',')",
        "join_code": "string_agg(r.code::text, ',')",
    },
}


def state_of(stored: bytes) -> PersonState:
    """A state as it is stored."""
    return _decode(stored)


class Read(NamedTuple):
    """What one decision needs to know."""

    state: PersonState
    ledger_size: int
    sent: tuple[int, int, int]  # contacts in the trailing day, week and thirty days
    registry_hits: int  # bits


class Reader:
    """Reads for decisions over one connection. Not for two threads at once."""

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()
        driver: Any = self._connection.connection.driver_connection
        if engine.dialect.name == "postgresql":
            # one cursor for all questions, answers in binary: a sixth less than the round trip through a new one each
            driver = driver.cursor(binary=True)
        self._execute = driver.execute
        spelling = _SPELLING[engine.dialect.name]
        self._plain = _PLAIN.format(listed="", **spelling)
        self._phone = _PLAIN.format(listed=_LISTED.format(**spelling), **spelling)

    def person(self, person: int, cell: int, at: int, *, phone: bool) -> Read | None:
        """What is recorded about a person for one cell; None if nothing is (person 0 is the workspace itself)."""
        words = (at - 30 * DAY, at, cell >> 24, cell & 0xFF, person)
        row = self._execute(self._phone if phone else self._plain, words).fetchone()
        if row is None:
            return None
        sent = _windows(row[2], at) if row[2] else (0, 0, 0)
        hits = sum(1 << int(code) for code in set(row[3].split(","))) if phone and row[3] else 0
        return Read(_decode(row[0]), row[1] or 0, sent, hits)

    def ledger_size(self) -> int:
        """How many events the ledger holds now."""
        row = self._execute("SELECT size FROM checkpoint WHERE name = 'latest'").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Give back the connection."""
        self._connection.close()


def _windows(joined: str, at: int) -> tuple[int, int, int]:
    moments = [int(moment) for moment in joined.split(",")]
    day = sum(1 for moment in moments if moment > at - DAY)
    week = sum(1 for moment in moments if moment > at - 7 * DAY)
    return day, week, len(moments)
