"""Tasks: work that leaves the process is a row first.

Rule. A task is added in the transaction of its cause, under a key that makes it one task however often the
cause is told. A worker leases it for a while, does the work, and finishes it; a worker that dies loses its
lease and another goes on. A failure is tried again with growing pauses, none shorter than the other side asked
for (up to `LONGEST_PAUSE`), at most `MOST_ATTEMPTS` times, then handed to a person. Tasks of one person and kind
are done in their order. Payloads are sealed under the person's key, so that they go when the person does. What no worker
can take, because the workspace does not say how it leaves, waits untried, and is told with that as its trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog

from amana import errors
from amana.ledger import sealing
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import mailings, tasks
from amana.storage.tasks import TaskRow

_log = structlog.get_logger()
LEASE = 120  # seconds
MOST_ATTEMPTS = 12
FIRST_PAUSE = 15  # seconds, doubled each time
LONGEST_PAUSE = 6 * 3600
NO_MAIL, NO_TEXTS = "no_mail", "sms_no_provider"
"""Troubles of what waits for `[mail]` or `[sms]` in the workspace file."""
RETRIED = 500  # failed tasks put back in one transaction
_encode = msgspec.json.Encoder(order="sorted").encode


Worker = Callable[[House, TaskRow, Mapping[str, Any]], int | None]
"""Does one task; a number means that it is not over and goes on after so many seconds, which is no failure.

Raises NotNow or Undeliverable with a short token; must be safe to repeat with the same key.
"""


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
    body = sealed(house, session, key, person, payload)
    return tasks.add(
        session.connection, kind, key, person, session.now if due is None else due, body, session.now
    )


def sealed(house: House, session: Session, key: str, person: int, payload: Mapping[str, Any]) -> bytes:
    """A payload as it is stored: under the person's key, bound to the task's."""
    return sealing.wrap(session.key_of(person), house.random(12), _encode(payload), _context(key))


def opened(house: House, key: str, person: int, payload: bytes) -> Mapping[str, Any]:
    """What a stored payload says. Raises KeyMissing if the person was erased, VerificationFailed if it was altered."""
    secret = house.keys.keys([person])[person]
    found: Mapping[str, Any] = msgspec.json.decode(sealing.unwrap(secret, payload, _context(key)))
    return found


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
        wait = worker(house, row, opened(house, row.key, row.person, row.payload))
    except errors.KeyMissing:
        _settle(house, lambda session: tasks.give_up(session.connection, row.id, "person_erased"))
    except errors.Undeliverable as trouble:
        code = trouble.what
        _settle(house, lambda session: tasks.give_up(session.connection, row.id, code))
    except errors.NotNow as trouble:
        _try_again(house, row, trouble.what, trouble.after)
    except Exception as defect:  # noqa: BLE001  one defective task must not stop the others, nor be tried for ever
        _log.error("task_defect", kind=row.kind, error=type(defect).__name__)
        _try_again(house, row, "defect")
    else:
        if wait is None:
            _settle(house, lambda session: tasks.finish(session.connection, row.id))
        else:
            _settle(house, lambda session: tasks.go_on(session.connection, row.id, session.now + wait))


def _try_again(house: House, row: TaskRow, code: str, after: int = 0) -> None:
    if row.attempts >= MOST_ATTEMPTS:
        _settle(house, lambda session: tasks.give_up(session.connection, row.id, code))
        return
    due = max(pause(row.attempts), min(after, LONGEST_PAUSE))
    _settle(house, lambda session: tasks.again(session.connection, row.id, session.now + due, code))


def pause(attempts: int) -> int:
    """Seconds until the next attempt, after some."""
    return min(LONGEST_PAUSE, FIRST_PAUSE << (attempts - 1))


def _settle(house: House, change: Callable[[Session], None]) -> None:
    house.writing().write(change)


def _context(key: str) -> bytes:
    return b"task/" + key.encode()


def waiting(house: House) -> dict[str, int]:
    """How many tasks stand in each state."""
    with house.database.read() as connection:
        return tasks.waiting(connection)


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks that stand alike. Nothing in it names a person."""

    kind: str  # mail | sms | webhook | mailing | copy | review
    state: str  # ready | failed
    trouble: str  # what no attempt is made for want of, else the code of the last failure; "" for none
    count: int
    oldest: int  # when the first of them was made, UTC second


def standing(house: House) -> list[Group]:
    """What is not done: by kind (all hooks together, all mailings' copies together), state and trouble."""
    with house.database.read() as connection:
        rows = tasks.standing(connection)
    found: dict[tuple[str, str, str], Group] = {}
    for row in rows:
        kind = row.kind.partition("/")[0]
        missing = _missing(house, kind) if row.state == tasks.READY else ""
        name = (kind, row.state, missing or row.trouble)
        before = found.get(name)
        found[name] = Group(
            kind=name[0],
            state=name[1],
            trouble=name[2],
            count=row.number + (before.count if before else 0),
            oldest=min(row.oldest, before.oldest) if before else row.oldest,
        )
    return list(found.values())


def _missing(house: House, kind: str) -> str:
    """Why no worker of this workspace takes a kind of task that the post carries; "" where one does."""
    if kind in ("mail", "sms", mailings.HEAD) and house.workspace.mail is None:
        return NO_MAIL
    return NO_TEXTS if kind == "sms" and house.workspace.sms is None else ""


def retry(house: House, kind: str = "", trouble: str = "") -> int:
    """Put failed tasks back, due at once, a batch to a transaction; how many.

    Of one kind or with one trouble unless they are empty. A marketing message still needs a permit of its own. Whom an
    erasure took, and what somebody stopped, is not put back. A mailing whose copies are put back is no longer over.
    """

    def batch(session: Session) -> int:
        rows = tasks.failed(session.connection, kind, trouble, RETRIED)
        for number in sorted({found for row in rows if (found := mailings.of_copy(row.kind))}):
            mailings.set_state(session.connection, number, (tasks.DONE,), tasks.READY)
        ids = [row.id for row in rows]
        return tasks.put_back(session.connection, ids, session.now)

    done = 0
    while count := house.writing().write(batch):
        done += count
    return done
