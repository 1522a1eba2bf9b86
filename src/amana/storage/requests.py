"""Requests of people: the requests themselves, the runs that work on them, their steps, and what happened when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import erasure, request, request_log, request_run, request_step

READY, DONE, HELD = "ready", "done", "held"  # of a run
TODO = "todo"  # of a step; done and held as a run
ENDED = ("answered", "refused", "cancelled")  # core.rights.ENDED, by value
CHUNK = 500


class RequestRow(NamedTuple):
    """One request. Times are UTC seconds."""

    id: int
    ref: str
    person: int
    kind: str
    status: str
    via: str
    asker: str
    brand: str
    language: str
    proved: int
    countries: str
    received: int
    due: int
    due_law: str
    extended: int | None
    reminded: int | None
    ended: int | None
    outcome: str
    run: int | None
    sealed: bytes


class RunRow(NamedTuple):
    """One run: the work on one request, or on many of one kind together."""

    id: int
    kind: str
    state: str
    made: int
    due: int
    leased: int
    map: str
    masking: bytes


class StepRow(NamedTuple):
    """One step of a run."""

    run: int
    ordinal: int
    action: str
    system: str
    node: str
    level: int
    state: str
    attempts: int
    due: int
    trouble: str
    found: int
    changed: int
    finished: int | None
    sealed: bytes


class LogRow(NamedTuple):
    """Something that happened to a request."""

    id: int
    request: int
    at: int
    actor: str
    what: str
    detail: str


# ---- requests ---------------------------------------------------------------------------------------------------


def add(connection: sa.Connection, row: RequestRow) -> int:
    """Add a request; its number."""
    values = row._asdict()
    del values["id"]
    return int(connection.execute(request.insert().values(**values).returning(request.c.id)).scalar_one())


def get(connection: sa.Connection, ref: str) -> RequestRow | None:
    """A request by its reference."""
    found = connection.execute(sa.select(request).where(request.c.ref == ref)).one_or_none()
    return RequestRow(*found) if found else None


def of_run(connection: sa.Connection, run: int) -> list[RequestRow]:
    """The requests that a run works on, by number."""
    query = sa.select(request).where(request.c.run == run).order_by(request.c.id)
    return [RequestRow(*one) for one in connection.execute(query)]


def of_person(connection: sa.Connection, person: int) -> list[RequestRow]:
    """A person's requests, latest first."""
    query = sa.select(request).where(request.c.person == person).order_by(request.c.id.desc())
    return [RequestRow(*one) for one in connection.execute(query)]


def of_people(connection: sa.Connection, people: Sequence[int]) -> list[RequestRow]:
    """The requests of some people, a few hundred at once."""
    query = sa.select(request).where(request.c.person.in_(people)).order_by(request.c.id)
    return [RequestRow(*one) for one in connection.execute(query)]


def by_id(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, RequestRow]:
    """Requests by their numbers, a few hundred at once."""
    query = sa.select(request).where(request.c.id.in_(numbers))
    return {row.id: RequestRow(*row) for row in connection.execute(query)}


def of_refs(connection: sa.Connection, refs: Sequence[str]) -> dict[str, RequestRow]:
    """Requests by their references, a few hundred at once."""
    query = sa.select(request).where(request.c.ref.in_(refs))
    return {row.ref: RequestRow(*row) for row in connection.execute(query)}


def every(
    connection: sa.Connection, *, status: str = "", open_only: bool = False, limit: int = 1_000
) -> list[RequestRow]:
    """Requests, those due first."""
    query = sa.select(request).order_by(request.c.due, request.c.id).limit(limit)
    if status:
        query = query.where(request.c.status == status)
    if open_only:
        query = query.where(request.c.status.not_in(ENDED))
    return [RequestRow(*one) for one in connection.execute(query)]


def update(connection: sa.Connection, number: int, **values: object) -> None:
    """Set columns of a request."""
    connection.execute(request.update().where(request.c.id == number).values(**values))


def update_run_of(connection: sa.Connection, run: int, **values: object) -> None:
    """Set columns of every open request of a run."""
    connection.execute(
        request.update().where(request.c.run == run, request.c.status.not_in(ENDED)).values(**values)
    )


def waiting(connection: sa.Connection, status: str, limit: int) -> list[RequestRow]:
    """Requests at a status that no run works on, by due date."""
    query = (
        sa.select(request)
        .where(request.c.status == status, request.c.run.is_(None))
        .order_by(request.c.due, request.c.id)
        .limit(limit)
    )
    return [RequestRow(*one) for one in connection.execute(query)]


def are_waiting(connection: sa.Connection, numbers: Sequence[int], status: str) -> bool:
    """Whether all of these requests are at a status, and no run works on any."""
    found = 0
    for start in range(0, len(numbers), CHUNK):
        query = sa.select(sa.func.count()).where(
            request.c.id.in_(numbers[start : start + CHUNK]),
            request.c.status == status,
            request.c.run.is_(None),
        )
        found += connection.execute(query).scalar_one()
    return found == len(numbers)


def of_erased(connection: sa.Connection, but: str, limit: int) -> list[RequestRow]:
    """Open requests, but for one status, of people whose erasure began, that nobody was told of; by number.

    Not an erasure that a run works on: it goes on with what it found.
    """
    query = (
        sa.select(request)
        .join(erasure, erasure.c.person == request.c.person)
        .where(
            request.c.status.not_in((*ENDED, but)),
            request.c.outcome == "",
            sa.or_(request.c.kind != "erasure", request.c.run.is_(None)),
        )
        .order_by(request.c.id)
        .limit(limit)
    )
    return [RequestRow(*one) for one in connection.execute(query)]


def to_remind(connection: sa.Connection, before: int, limit: int) -> list[RequestRow]:
    """Open requests that are due before a moment and that nobody was reminded of."""
    query = (
        sa.select(request)
        .where(request.c.status.not_in(ENDED), request.c.due < before, request.c.reminded.is_(None))
        .order_by(request.c.due)
        .limit(limit)
    )
    return [RequestRow(*one) for one in connection.execute(query)]


def counts(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """How many requests there are of each kind and status."""
    query = sa.select(request.c.kind, request.c.status, sa.func.count()).group_by(
        request.c.kind, request.c.status
    )
    return {(kind, status): count for kind, status, count in connection.execute(query)}


# ---- runs and steps -----------------------------------------------------------------------------------------------


def add_run(
    connection: sa.Connection, kind: str, requests: Sequence[int], now: int, map_digest: str, masking: bytes
) -> int:
    """Begin a run for these requests; its number."""
    made = connection.execute(
        request_run.insert()
        .values(kind=kind, state=READY, made=now, due=now, leased=0, map=map_digest, masking=masking)
        .returning(request_run.c.id)
    ).scalar_one()
    for start in range(0, len(requests), CHUNK):
        chunk = requests[start : start + CHUNK]
        connection.execute(request.update().where(request.c.id.in_(chunk)).values(run=made))
    return int(made)


def run(connection: sa.Connection, number: int) -> RunRow | None:
    """A run."""
    found = connection.execute(sa.select(request_run).where(request_run.c.id == number)).one_or_none()
    return RunRow(*found) if found else None


def claim(connection: sa.Connection, now: int, until: int) -> RunRow | None:
    """Lease the run that is due longest; None if none is."""
    query = (
        sa.select(request_run)
        .where(request_run.c.state == READY, request_run.c.due <= now, request_run.c.leased <= now)
        .order_by(request_run.c.due, request_run.c.id)
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else _lease(connection, RunRow(*found), until)


def claim_one(connection: sa.Connection, number: int, now: int, until: int) -> RunRow | None:
    """Lease one run, due or not; None if somebody works on it or it is over."""
    query = sa.select(request_run).where(
        request_run.c.id == number, request_run.c.state == READY, request_run.c.leased <= now
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else _lease(connection, RunRow(*found), until)


def _lease(connection: sa.Connection, found: RunRow, until: int) -> RunRow:
    connection.execute(request_run.update().where(request_run.c.id == found.id).values(leased=until))
    return found._replace(leased=until)


def renew(connection: sa.Connection, number: int, held: int, until: int) -> bool:
    """Keep a lease; False if another has taken the run meanwhile."""
    done = connection.execute(
        request_run.update()
        .where(request_run.c.id == number, request_run.c.leased == held)
        .values(leased=until)
    )
    return done.rowcount == 1


def move_run(connection: sa.Connection, number: int, state: str, due: int = 0) -> None:
    """Set where a run stands, and give the lease back."""
    connection.execute(
        request_run.update().where(request_run.c.id == number).values(state=state, due=due, leased=0)
    )


def put_steps(connection: sa.Connection, rows: Sequence[StepRow]) -> None:
    """Add steps."""
    if rows:
        connection.execute(request_step.insert(), [row._asdict() for row in rows])


def steps(connection: sa.Connection, number: int) -> list[StepRow]:
    """The steps of a run, in order."""
    query = sa.select(request_step).where(request_step.c.run == number).order_by(request_step.c.ordinal)
    return [StepRow(*one) for one in connection.execute(query)]


def update_step(connection: sa.Connection, number: int, ordinal: int, **values: object) -> None:
    """Set columns of a step."""
    connection.execute(
        request_step.update()
        .where(request_step.c.run == number, request_step.c.ordinal == ordinal)
        .values(**values)
    )


def replace_steps(connection: sa.Connection, number: int, rows: Sequence[StepRow], map_digest: str) -> None:
    """Plan a run anew, with another map."""
    connection.execute(request_step.delete().where(request_step.c.run == number))
    put_steps(connection, rows)
    connection.execute(request_run.update().where(request_run.c.id == number).values(map=map_digest))


def empty_steps(connection: sa.Connection, number: int) -> None:
    """Drop what the steps of a run kept for each other: personal values have no place in a run that is over."""
    connection.execute(request_step.update().where(request_step.c.run == number).values(sealed=b""))
    connection.execute(request_run.update().where(request_run.c.id == number).values(masking=b""))


# ---- what happened ------------------------------------------------------------------------------------------------


def log(connection: sa.Connection, rows: Sequence[tuple[int, int, str, str, str]]) -> None:
    """Write down what happened: (request, at, actor, what, detail)."""
    if rows:
        names = ("request", "at", "actor", "what", "detail")
        connection.execute(request_log.insert(), [dict(zip(names, row, strict=True)) for row in rows])


def logged(connection: sa.Connection, number: int) -> list[LogRow]:
    """What happened to a request, in order."""
    query = sa.select(request_log).where(request_log.c.request == number).order_by(request_log.c.id)
    return [LogRow(*one) for one in connection.execute(query)]


def logged_after(connection: sa.Connection, last: int, limit: int) -> list[LogRow]:
    """What happened to any request after a line of the log, in order."""
    query = sa.select(request_log).where(request_log.c.id > last).order_by(request_log.c.id).limit(limit)
    return [LogRow(*one) for one in connection.execute(query)]


def open_counts(connection: sa.Connection, now: int, soon: int) -> tuple[int, int, int, int]:
    """Open requests: all, those that wait for somebody's decision, due by `soon`, and late. UTC seconds."""

    def among(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    query = sa.select(
        sa.func.count(),
        among(request.c.status == "deciding"),
        among(sa.and_(request.c.due >= now, request.c.due < soon)),
        among(request.c.due < now),
    ).where(request.c.status.not_in(ENDED))
    every_one, deciding, due, late = connection.execute(query).one()
    return int(every_one), int(deciding), int(due), int(late)


OUTER = "opendsr"
"""What a line of the log says that names the id by which somebody else knows a request."""


def of_outer(connection: sa.Connection, detail: str) -> RequestRow | None:
    """The request that an outer id names, by the detail of its line; the latest one. Looked up in an index of its own."""
    query = (
        sa.select(request)
        .join(request_log, request_log.c.request == request.c.id)
        .where(request_log.c.what == sa.literal_column(f"'{OUTER}'"), request_log.c.detail == detail)
        .order_by(request_log.c.id.desc())
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    return RequestRow(*found) if found else None
