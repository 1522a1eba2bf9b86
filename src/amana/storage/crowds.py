"""The one read behind decisions about many people: what a cache of facts cannot know, in one statement.

Rule. Of the people asked about, it returns those whose erasure began, and those who changed at or after a log position,
with their state; with them the ledger's size, contacts of the trailing thirty days, and listings in registries. Whoever
is not returned is what they were at that position: a person's row goes only with an erasure. One statement is one
snapshot, so the parts belong together. Like `reading` it goes through the driver's own connection, in autocommit; the
text differs between SQLite and PostgreSQL only in how a parameter is marked and a list of ids is unfolded. It has three
forms: one looks at what changed, one at who was asked about, whichever is less; the third, for whole answers, brings
everybody's state, as bytes where the cache knows what is in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from amana.core.state import PersonState
from amana.storage.reading import DAY

_SIZE, _ERASED, _CHANGED, _SENT, _LISTED = range(5)
_decode = msgspec.msgpack.Decoder(PersonState).decode
_encode = msgspec.json.Encoder().encode

_SIZES = f"""
WITH asked AS ({{ids}})
SELECT {_SIZE} AS part, 0 AS person, size AS number, {{none}} AS state FROM checkpoint WHERE name = 'latest'
"""
_ERASURES = f"""
UNION ALL
SELECT {_ERASED}, e.person, 0, {{none}} FROM asked JOIN erasure e ON e.person = asked.id
"""
_BY_CHANGE = f"""
UNION ALL
SELECT {_CHANGED}, p.id, 0, p.state FROM person p
 WHERE p.changed >= {{m}} AND {{as_is}}p.id > 0 AND {{as_is}}p.id IN (SELECT id FROM asked)
"""
_BY_ID = f"""
UNION ALL
SELECT {_CHANGED}, p.id, 0, p.state FROM asked JOIN person p ON p.id = asked.id
 WHERE p.changed >= {{m}} AND p.id > 0
"""
_WHOLE = f"""
UNION ALL
SELECT {_CHANGED}, p.id, p.changed, p.state FROM asked JOIN person p ON p.id = asked.id
 WHERE p.changed >= {{m}} AND p.id > 0
"""
_CONTACTS = f"""
UNION ALL
SELECT {_SENT}, s.person, s.at, {{none}} FROM asked JOIN sent s ON s.person = asked.id
 WHERE s.at > {{m}} AND s.at <= {{m}} AND s.cell >> 24 = {{m}} AND s.cell & 255 = {{m}}
"""
_LISTINGS = f"""
UNION ALL
SELECT {_LISTED}, q.person, r.code, NULL
  FROM asked JOIN point q ON q.person = asked.id AND q.kind = 'phone'
  JOIN listing l ON l.blind = q.blind
  JOIN registry r ON r.code = l.registry AND r.issue = l.issue
"""
_SPELLING = {
    "sqlite": {
        "m": "?",
        "as_is": "+",  # keeps the key out of the search
        "none": "NULL",
        "ids": "SELECT value AS id FROM json_each(?)",
    },
    "postgresql": {
        "m": "%s",
        "as_is": "",
        "none": "NULL::bytea",
        "ids": "SELECT unnest(%s::integer[]) AS id",
    },
}


class Crowd(NamedTuple):
    """What the record says about the people asked for, beyond what a cache at a position knows."""

    ledger_size: int
    erased: list[int]  # whose erasure began, or is done
    changed: dict[int, PersonState]  # who changed at or after the position
    sent: list[tuple[int, int]]  # person and UTC second of a contact
    listed: list[tuple[int, int]]  # person and code of a registry in force
    states: dict[int, bytes]  # for whole answers: who did not change since, with the state as it is stored


class CrowdReader:
    """Reads for decisions about many people over one connection. Not for two threads at once."""

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()
        driver: Any = self._connection.connection.driver_connection
        self._execute = driver.execute
        self._sqlite = engine.dialect.name == "sqlite"
        spelling = _SPELLING[engine.dialect.name]
        self._texts = {
            (form, listings): (
                _SIZES + _ERASURES + form + _CONTACTS + (_LISTINGS if listings else "")
            ).format(**spelling)
            for form in (_BY_CHANGE, _BY_ID, _WHOLE)
            for listings in (False, True)
        }
        # A plan kept for any position would expect a third of everybody to have changed.
        self._planned = {} if self._sqlite else {"prepare": False}
        self._size = 0  # of the ledger, when it was last read

    def read(
        self, ids: list[int], since: int, cell: int, at: int, *, listings: bool, whole: bool = False
    ) -> Crowd:
        """Everything about different ids, of 32 bits each, that a cache at log position `since` does not know.

        Contacts are those of the cell's brand and channel in the thirty days before `at`. `whole`: everybody's state.
        """
        asked = _encode(ids).decode() if self._sqlite else ids
        words = (asked, 0 if whole else since, at - 30 * DAY, at, cell >> 24, cell & 0xFF)
        few = since > 0 and self._size - since <= len(ids)  # fewer changes than questions
        text = self._texts[_WHOLE if whole else _BY_CHANGE if few else _BY_ID, listings]
        found = Crowd(0, [], {}, [], [], {})
        size = 0
        for part, person, number, state in self._execute(text, words, **self._planned).fetchall():
            if part == _SIZE:
                size = number
            elif part == _SENT:
                found.sent.append((person, number))
            elif part == _LISTED:
                found.listed.append((person, number))
            elif part == _CHANGED and whole and number < since:
                found.states[person] = state
            elif part == _CHANGED:
                found.changed[person] = _decode(state)
            else:
                found.erased.append(person)
        self._size = size
        return found._replace(ledger_size=size)

    def close(self) -> None:
        """Give back the connection."""
        self._connection.close()
