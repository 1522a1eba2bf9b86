"""The run: the work on a request, or on many of one kind together, until every system has answered and was asked again.

Rule.
- A run is a row with steps that are rows. Whoever works on it holds a lease; a worker that dies loses it, and the
  next goes on with the first step that is not done. Every step may be done twice.
- A level begins when all below it is done. Inside a level one system's trouble holds up no other.
- What failed for now is tried again with growing pauses. What can never be done, what was tried too often, and what is
  still there after some rounds is handed to a person with its token: the request then says `deciding`. One request
  that cannot begin holds up no other.
- An erasure of whom nobody could tell does not begin: it waits for a person (`rights_telling`).
- A request is answered in the transaction in which its run's last step is done. Only somebody who was erased meanwhile
  is answered without a run; their erasure is answered so where nothing is connected, and else is for a person to see
  to, because nothing leads into the connected systems any more.
- The run keeps what it needs sealed under the workspace's key, and empties it when it is over: with it goes the key of
  its masks, so that a masked value leads nowhere. How a turn of work goes is `rights_work`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import structlog

from amana import errors
from amana.core.rights import Kind, Status
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.rights import requests as asked
from amana.services.rights import rights_handed, rights_plan, rights_rows, rights_telling
from amana.services.rights.manual_desk import ManualBook
from amana.services.rights.rights_plan import Plan
from amana.services.rights.rights_rows import Secrets
from amana.services.rights.rights_work import ERASED_BEFORE, LEASE, Work
from amana.services.systems import connected, data_map
from amana.services.systems.connected import Connected
from amana.storage import requests
from amana.storage.requests import RequestRow, RunRow

TOGETHER = 500  # requests in one run
ALONE = frozenset({Kind.RECTIFICATION, *rights_plan.COPIES})
"""Kinds of which every request has a run of its own."""
_log = structlog.get_logger("amana.rights")
_encode = msgspec.json.Encoder(order="sorted").encode


def open_systems(house: House) -> Connected:
    """The connected systems of a workspace. Raises BadInput for a map that cannot be read."""
    the_map = data_map.load(house.folder)
    return connected.Connected(the_map, house.folder, house.environment, ManualBook(house))


def plan_of(house: House, row: RequestRow, systems: Connected) -> Plan:
    """The plan for one request, before anything is touched. Raises BadInput naming what cannot be done."""
    kinds = asked.identities(house, [row])[row.id]
    return rights_plan.make(systems.map, Kind(row.kind), set(kinds), asked.content(house, row).corrections)


# ---- beginning ----------------------------------------------------------------------------------------------------


NOT_ASKED = "not_asked"
"""The ground on which a collection that the map says to skip is told as left, never as empty."""


def begin(house: House, rows: Sequence[RequestRow], systems: Connected) -> int:
    """Begin a run for proved requests of one kind; its number. Raises BadInput, Conflict, KeyMissing, NotFound."""
    kinds = {row.kind for row in rows}
    if len(kinds) != 1:
        raise errors.Conflict("A run takes requests of one kind", remedy="begin one for each kind")
    kind = Kind(kinds.pop())
    secrets = Secrets(
        masking=house.random(32),
        identities=asked.identities(house, rows),
        corrections={row.id: asked.content(house, row).corrections for row in rows}
        if kind is Kind.RECTIFICATION
        else {},
    )
    plan = _plan(systems, kind, secrets)

    def work(session: Session) -> int:
        numbers = [row.id for row in rows]
        if not requests.are_waiting(session.connection, numbers, Status.READY.value):
            raise errors.Conflict(
                "A run takes requests that are ready",
                remedy="see `amana request show` for what they wait for",
            )
        run = requests.add_run(
            session.connection,
            kind.value,
            numbers,
            session.now,
            rights_rows.digest(systems.map),
            rights_rows.sealed_secrets(house, secrets),
        )
        requests.put_steps(session.connection, rights_rows.fresh(run, plan, session.now))
        requests.update_run_of(session.connection, run, status=Status.RUNNING.value)
        detail = _encode({"steps": len(plan.steps)}).decode()
        requests.log(session.connection, [(one, session.now, "amana", "running", detail) for one in numbers])
        for place in rights_plan.passed_over(systems.map) if kind is Kind.ERASURE else ():
            told = {
                "system": systems.map.system_of(place.dataset).name,
                "node": f"{place.dataset}:{place.collection}",
                "kept": [{"path": "", "ground": NOT_ASKED, "rows": 0}],
            }
            words = _encode(told).decode()
            requests.log(session.connection, [(one, session.now, "amana", "kept", words) for one in numbers])
        return run

    return house.writing().write(work)


def _plan(systems: Connected, kind: Kind, secrets: Secrets) -> Plan:
    """The plan for all, after each person's own was found whole. Raises BadInput."""
    for names in {frozenset(one) for one in secrets.identities.values()}:
        rights_plan.make(systems.map, kind, names)
    return rights_rows.plan_for(systems.map, kind, secrets)


def sweep(house: House, systems: Callable[[House], Connected] = open_systems) -> int:
    """Begin what is ready and go on with what is due; how many requests and runs were touched."""
    ended = end_erased(house)
    with house.database.read() as connection:
        ready = requests.waiting(connection, Status.READY.value, TOGETHER)
    now = house.clock()
    claimed = (
        None if ready else house.writing().write(lambda s: requests.claim(s.connection, now, now + LEASE))
    )
    if not ready and claimed is None:
        return ended
    with systems(house) as opened:
        if claimed is not None:
            go_on(house, claimed, opened)
            return ended + 1
        together = [row for row in ready if row.kind == ready[0].kind]
        if Kind(ready[0].kind) in ALONE:
            together = together[:1]
        _begin_all(house, _tellable(house, together), opened)
        return ended + len(together)


def _tellable(house: House, rows: Sequence[RequestRow]) -> list[RequestRow]:
    """Those that may begin; an erasure of whom nobody could tell is handed to a person before anything is touched."""
    untold = rights_telling.untold(house, rows)
    for row in rows:
        if row.id in untold:
            asked.to_decide(house, row, f"{rights_telling.UNTOLD}:{untold[row.id]}", actor="amana")
    return [row for row in rows if row.id not in untold]


def _begin_all(house: House, rows: Sequence[RequestRow], systems: Connected) -> None:
    """Begin them together; where that cannot be, half by half, until the one that cannot begin stands alone."""
    if not rows:
        return
    try:
        begin(house, rows, systems)
    except errors.Conflict:
        if len(rows) > 1:  # somebody else began some, or took one back
            _begin_halves(house, rows, systems)
    except (errors.KeyMissing, errors.NotFound) as trouble:  # erased just now: the next sweep ends it
        _log.info("not_begun", trouble=trouble.code)
        if len(rows) > 1:
            _begin_halves(house, rows, systems)
    except errors.AmanaError as trouble:
        if len(rows) > 1:
            _begin_halves(house, rows, systems)
        else:
            asked.to_decide(house, rows[0], f"no_plan:{trouble.code}", actor="amana")


def _begin_halves(house: House, rows: Sequence[RequestRow], systems: Connected) -> None:
    half = len(rows) // 2
    _begin_all(house, rows[:half], systems)
    _begin_all(house, rows[half:], systems)


def end_erased(house: House) -> int:
    """End open requests of people who were erased by another way; how many."""
    running = Status.RUNNING.value
    with house.database.read() as connection:
        if not requests.of_erased(connection, running, 1):
            return 0
    connects = bool(data_map.load(house.folder).systems)

    def work(session: Session) -> int:
        rows = requests.of_erased(session.connection, running, TOGETHER)
        for row in rows:
            rights_handed.leave(session, row)
            if row.kind == Kind.ERASURE.value and connects:
                asked.handed(session, row, ERASED_BEFORE)
            else:
                asked.answered(session, row, ERASED_BEFORE, rows=0)
        return len(rows)

    return house.writing().write(work)


def run_now(house: House, row: RequestRow, systems: Connected) -> RequestRow:
    """Work on one request now, whatever its pauses say; how it stands then. Raises Busy, BadInput, Conflict."""
    ready = row.run is None and row.status == Status.READY.value
    if ready and not _tellable(house, [row]):
        return asked.get(house, row.ref)
    number = row.run if row.run is not None else begin(house, [row], systems)
    now = house.clock()
    claimed = house.writing().write(lambda s: requests.claim_one(s.connection, number, now, now + LEASE))
    if claimed is None:
        raise errors.Busy(
            "Somebody works on this request already, or it is over",
            remedy=f"wait, or `amana request show {row.ref}`",
        )
    go_on(house, claimed, systems, patient=False)
    return asked.get(house, row.ref)


def again(house: House, row: RequestRow, *, actor: str) -> None:
    """Put a run that was handed to a person back to work: its held steps are tried anew. Raises Conflict, Busy."""
    house.writing().write(lambda session: rights_handed.again(session, row, actor=actor))


def go_on(house: House, run: RunRow, systems: Connected, *, patient: bool = True) -> None:
    """Do what can be done of a leased run now, and give the lease back."""
    Work(house, run, systems, patient).all()
