"""Tasks: work that leaves the process is a row first.

Rule. A task is added in the transaction of its cause, under a key that makes it one task however often the
cause is told. A worker leases it for a while, does the work, and finishes it; a worker that dies loses its
lease and another goes on. A failure is tried again with growing pauses, at most `MOST_ATTEMPTS` times, then
handed to a person. Tasks of one person and kind are done in their order. Payloads are sealed under the person's
key, so that they go when the person does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from amana import errors
from amana.ledger import sealing
from amana.services.house import House
from amana.services.writing import Session
from amana.storage import tasks
from amana.storage.tasks import TaskRow

_log = structlog.get_logger()
LEASE = 120  # seconds
MOST_ATTEMPTS = 12
FIRST_PAUSE = 15  # seconds, doubled each time
LONGEST_PAUSE = 6 * 3600
_encode = msgspec.json.Encoder(order="sorted").encode


Worker = Callable[[House, TaskRow, Mapping[str, Any]], None]
"""Does one task. Raises NotNow or Undeliverable with a short token; must be safe to repeat with the same key."""


def add(
    house: House,
    session: Session,
    kind: str,
    key: str,
    person: int,
    payload: Mapping[str, Any],
    due: int | None = None,
) -> bool:
    """Add a task in a session's transaction; False if one with this key exists."""
    plain = _encode(payload)
    sealed = sealing.wrap(session.key_of(person), house.random(12), plain, _context(key))
    return tasks.add(
        session.connection, kind, key, person, session.now if due is None else due, sealed, session.now
    )


def work(house: House, workers: Mapping[str, Worker], limit: int = 100) -> int:
    """Claim what is due and do it; how many were claimed."""
    claimed = house.writing().write(
        lambda session: tasks.claim(
            session.connection, list(workers), session.now, session.now + LEASE, limit
        )
    )
    half = house.clock() + LEASE // 2
    for row in claimed:
        if house.clock() > half:
            break  # the rest waits until its lease is over: two workers never do one task at once
        _do(house, workers[row.kind], row)
    return len(claimed)


def _do(house: House, worker: Worker, row: TaskRow) -> None:
    try:
        worker(house, row, _payload(house, row))
    except errors.KeyMissing:
        _settle(house, lambda session: tasks.give_up(session.connection, row.id, "person_erased"))
    except errors.Undeliverable as trouble:
        code = trouble.what
        _settle(house, lambda session: tasks.give_up(session.connection, row.id, code))
    except errors.NotNow as trouble:
        _try_again(house, row, trouble.what)
    except Exception as defect:  # noqa: BLE001  one defective task must not stop the others, nor be tried for ever
        _log.error("task_defect", kind=row.kind, error=type(defect).__name__)
        _try_again(house, row, "defect")
    else:
        _settle(house, lambda session: tasks.finish(session.connection, row.id))


def _try_again(house: House, row: TaskRow, code: str) -> None:
    if row.attempts >= MOST_ATTEMPTS:
        _settle(house, lambda session: tasks.give_up(session.connection, row.id, code))
        return
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (row.attempts - 1))
    _settle(house, lambda session: tasks.again(session.connection, row.id, session.now + pause, code))


def _settle(house: House, change: Callable[[Session], None]) -> None:
    house.writing().write(change)


def _payload(house: House, row: TaskRow) -> Mapping[str, Any]:
    key = house.keys.keys([row.person])[row.person]
    found: Mapping[str, Any] = msgspec.json.decode(sealing.unwrap(key, row.payload, _context(row.key)))
    return found


def _context(key: str) -> bytes:
    return b"task/" + key.encode()


def waiting(house: House) -> dict[str, int]:
    """How many tasks stand in each state."""
    with house.database.read() as connection:
        return tasks.waiting(connection)


KINDS: Sequence[str] = ("mail", "sms", "webhook")
