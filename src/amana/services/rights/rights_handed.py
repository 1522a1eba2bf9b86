"""Runs that were handed to a person: put back to work, or left by a request that goes on no further.

Rule.
- A run that cannot go on by itself keeps what it found, and its requests say `deciding`. Once what was wrong is mended,
  a person puts it back to work: steps that were held are tried anew. Where the data map had changed beneath it, that
  is also the word to plan anew with the map of now.
- A request that ends while its run waits (refused, cancelled, its person erased) leaves it: nothing more is done for
  it. A run that nobody is left in is over, and emptied.
- While a worker holds the run's lease nothing of it is touched here: the worker would not see it.
"""

from __future__ import annotations

from amana import errors
from amana.core.rights import Status
from amana.services.record.writing import Session
from amana.services.rights.rights_plan import CHANGING, Action
from amana.storage import requests
from amana.storage.requests import DONE, ENDED, HELD, READY, TODO, RequestRow, RunRow, StepRow

MAP_CHANGED = "map_changed"
"""What holds the steps of a run that was planned with another map."""


def again(session: Session, row: RequestRow, *, actor: str) -> None:
    """Put the run of a request back to work, for all its requests. Raises Conflict, Busy."""
    run = requests.run(session.connection, row.run or 0)
    steps = requests.steps(session.connection, run.id) if run is not None else []
    if run is None or not any(one.state == HELD for one in steps):
        raise errors.Conflict(
            "This request has no run that waits for somebody", remedy=f"`amana request show {row.ref}`"
        )
    _require_free(session, run)
    planned = "" if any(one.trouble == MAP_CHANGED for one in steps) else run.map
    requests.replace_steps(session.connection, run.id, [_anew(session, one) for one in steps], planned)
    requests.move_run(session.connection, run.id, READY, session.now)
    here = [one for one in requests.of_run(session.connection, run.id) if one.status not in ENDED]
    requests.update_run_of(session.connection, run.id, status=Status.RUNNING.value)
    requests.log(session.connection, [(one.id, session.now, actor, "again", "{}") for one in here])


def leave(session: Session, row: RequestRow) -> None:
    """Take a request that ends out of its run, if it has one. The caller ends it. Raises Busy."""
    run = requests.run(session.connection, row.run or 0)
    if run is None or run.state == DONE:
        return
    _require_free(session, run)
    others = [
        one
        for one in requests.of_run(session.connection, run.id)
        if one.id != row.id and one.status not in ENDED
    ]
    if not others:
        requests.empty_steps(session.connection, run.id)
        requests.move_run(session.connection, run.id, DONE)
        return
    for step in requests.steps(session.connection, run.id):
        if Action(step.action) in CHANGING and step.state != DONE and step.sealed:
            requests.update_step(
                session.connection, run.id, step.ordinal, sealed=b""
            )  # made again, without it


def _anew(session: Session, step: StepRow) -> StepRow:
    if step.state != HELD:
        return step
    return step._replace(state=TODO, attempts=0, due=session.now, trouble="")


def _require_free(session: Session, run: RunRow) -> None:
    if run.leased > session.now:
        raise errors.Busy("A worker is at this request now", remedy="try again in a few minutes")
