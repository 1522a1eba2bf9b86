"""The run: the work on a request, or on many of one kind together, until every system has answered and was asked again.

Rule.
- A run is a row with steps that are rows. Whoever works on it holds a lease; a worker that dies loses it, and the
  next goes on with the first step that is not done. Every step may be done twice.
- A level begins when all below it is done. Inside a level one system's trouble holds up no other.
- What failed for now is tried again with growing pauses. What can never be done, what was tried `MOST_ATTEMPTS`
  times, and what is still there after `MOST_ROUNDS` rounds is handed to a person with its token: the request then
  says `deciding`.
- A request is answered in the transaction in which its run's last step is done, and in no other way.
- The run keeps what steps need for each other sealed under the workspace's key, and empties it when it is over: with it
  goes the key of its masks, so that a masked value leads nowhere.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from amana import errors
from amana.connectors.systems.system import Errand, Match, Progress
from amana.core.data_map import Collection, Place, Row
from amana.core.rights import Kind, Status
from amana.ledger import sealing
from amana.services import connected, data_map, rights_inside, rights_plan, rights_steps
from amana.services import requests as asked
from amana.services.connected import Connected
from amana.services.house import House
from amana.services.manual_desk import ManualBook
from amana.services.rights_plan import Action, Plan
from amana.services.rights_steps import Doing
from amana.services.rights_walk import Find, Found, Walker
from amana.services.writing import Session
from amana.storage import requests
from amana.storage.requests import DONE, HELD, TODO, RequestRow, RunRow, StepRow

LEASE = 300  # seconds
MOST_ATTEMPTS = 12
MOST_ROUNDS = 3
FIRST_PAUSE = 15  # seconds, doubled each time
LONGEST_PAUSE = 6 * 3600
LISTEN = 3600  # seconds between two looks at what a desk says
TOGETHER = 500  # requests in one run
MASKING = b"request_run/masking"
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


def begin(house: House, rows: Sequence[RequestRow], systems: Connected) -> int:
    """Begin a run for proved requests of one kind; its number. Raises BadInput, Conflict."""
    kinds = {row.kind for row in rows}
    if len(kinds) != 1 or any(row.status != Status.READY.value or row.run is not None for row in rows):
        raise errors.Conflict(
            "A run takes requests of one kind that are ready",
            remedy="see `amana request show` for what they wait for",
        )
    kind = Kind(kinds.pop())
    seeds = asked.identities(house, rows)
    corrections = {one for row in rows for one in asked.content(house, row).corrections}
    plan = rights_plan.make(systems.map, kind, {name for one in seeds.values() for name in one}, corrections)

    def work(session: Session) -> int:
        numbers = [row.id for row in rows]
        masking = sealing.wrap(house.keys.keys([0])[0], house.random(12), house.random(32), MASKING)
        run = requests.add_run(session.connection, kind.value, numbers, session.now, digest(systems), masking)
        requests.put_steps(session.connection, _fresh(run, plan, session.now))
        requests.update_run_of(session.connection, run, status=Status.RUNNING.value)
        requests.log(
            session.connection,
            [
                (one, session.now, "amana", "running", _encode({"steps": len(plan.steps)}).decode())
                for one in numbers
            ],
        )
        return run

    return house.writing().write(work)


def _fresh(run: int, plan: Plan, now: int) -> list[StepRow]:
    return [
        StepRow(
            run=run,
            ordinal=ordinal,
            action=one.action.value,
            system=one.system,
            node=_word(one.node),
            level=one.level,
            state=TODO,
            attempts=0,
            due=now,
            trouble="",
            found=0,
            changed=0,
            finished=None,
            sealed=b"",
        )
        for ordinal, one in enumerate(plan.steps)
    ]


def digest(systems: Connected) -> str:
    """A fingerprint of the data map."""
    return hashlib.sha256(msgspec.json.encode(systems.map, order="sorted")).hexdigest()


def sweep(house: House, systems: Callable[[House], Connected] = open_systems) -> int:
    """Begin what is ready and go on with what is due; how many requests and runs were touched."""
    with house.database.read() as connection:
        ready = requests.waiting(connection, Status.READY.value, TOGETHER)
    now = house.clock()
    claimed = (
        None if ready else house.writing().write(lambda s: requests.claim(s.connection, now, now + LEASE))
    )
    if not ready and claimed is None:
        return 0
    with systems(house) as opened:
        if claimed is not None:
            go_on(house, claimed, opened)
            return 1
        together = [row for row in ready if row.kind == ready[0].kind]
        if Kind(ready[0].kind) in (Kind.RECTIFICATION, *rights_plan.COPIES):
            together = together[:1]
        try:
            begin(house, together, opened)
        except errors.AmanaError as trouble:
            for row in together:
                asked.to_decide(house, row, f"no_plan:{trouble.code}", actor="amana")
        return len(together)


def run_now(house: House, row: RequestRow, systems: Connected) -> RequestRow:
    """Work on one request now, whatever its pauses say; how it stands then. Raises Busy, BadInput, Conflict."""
    number = row.run if row.run is not None else begin(house, [row], systems)
    now = house.clock()
    claimed = house.writing().write(lambda s: requests.claim_one(s.connection, number, now, now + LEASE))
    if claimed is None:
        raise errors.Busy("Somebody works on this request already, or it is over", remedy="see it, or wait")
    go_on(house, claimed, systems, patient=False)
    return asked.get(house, row.ref)


def again(house: House, row: RequestRow, *, actor: str) -> None:
    """Put a run that was handed to a person back to work: its held steps are tried anew. Raises Conflict."""

    def work(session: Session) -> None:
        run = requests.run(session.connection, row.run or 0)
        if run is None or run.state != HELD:
            raise errors.Conflict("This request has no run that waits for somebody", remedy="see it")
        for step in requests.steps(session.connection, run.id):
            if step.state == HELD:
                requests.update_step(
                    session.connection,
                    run.id,
                    step.ordinal,
                    state=TODO,
                    attempts=0,
                    due=session.now,
                    trouble="",
                )
        requests.move_run(session.connection, run.id, requests.READY, session.now)
        requests.update_run_of(session.connection, run.id, status=Status.RUNNING.value)
        requests.log(session.connection, [(row.id, session.now, actor, "again", "{}")])

    house.writing().write(work)


# ---- working ------------------------------------------------------------------------------------------------------


def go_on(house: House, run: RunRow, systems: Connected, *, patient: bool = True) -> None:
    """Do what can be done of a leased run now, and give the lease back."""
    _Work(house, run, systems, patient).all()


class _Work:
    """One worker's hold of one run."""

    def __init__(self, house: House, run: RunRow, systems: Connected, patient: bool) -> None:
        self.house, self.run, self.systems, self.patient = house, run, systems, patient
        with house.database.read() as connection:
            self.rows = requests.of_run(connection, run.id)
            self.steps = requests.steps(connection, run.id)
        self.kind = Kind(run.kind)
        self._key = house.keys.keys([0])[0]
        self._states: dict[Place, Found] | None = None
        self._does = {
            Action.ASK: self._ask,
            Action.HEAR: self._hear,
            Action.ERASE: self._change,
            Action.CORRECT: self._change,
            Action.WRITE_BACK: self._change,
            Action.VERIFY: self._verify,
            Action.INSIDE: self._inside,
            Action.COPY: self._inside,
        }

    def all(self) -> None:
        """Level after level, as far as it goes."""
        if digest(self.systems) != self.run.map and self._map_changed():
            return
        tried: set[int] = set()
        while level := self._level(tried):
            for step in level:
                tried.add(step.ordinal)
                if not self._keep_lease():
                    return
                if step.action == Action.FIND.value:
                    self._find()
                    tried.update(one.ordinal for one in level if one.action == Action.FIND.value)
                    break
                self._do(step)
        self._settle()

    def _level(self, tried: set[int]) -> list[StepRow]:
        """The steps that may be done now and were not tried in this turn."""
        open_steps = [one for one in self.steps if one.state != DONE]
        if not open_steps:
            return []
        lowest = min(one.level for one in open_steps)
        now = self.house.clock()
        return [
            one
            for one in open_steps
            if one.level == lowest
            and one.state == TODO
            and one.ordinal not in tried
            and (one.due <= now or not self.patient)
        ]

    def _do(self, step: StepRow) -> None:
        try:
            self._does[Action(step.action)](step)
        except errors.NotNow as trouble:
            self._later(step, trouble)
        except (errors.Undeliverable, errors.BadInput) as trouble:
            self._hold(step, trouble.what if isinstance(trouble, errors.Undeliverable) else trouble.code)

    # ---- finding -------------------------------------------------------------------------------------------------

    def _find(self) -> None:
        """Walk until nothing new comes. A system in trouble is asked again later; the others are asked on."""
        steps = {one.node: one for one in self.steps if one.action == Action.FIND.value}
        seeds = asked.identities(self.house, self.rows)
        plan = self._plan(seeds)
        walker = Walker(self.systems.map, plan.walk, seeds, self.states())
        stopped: dict[str, errors.AmanaError] = {}
        moved = True
        while moved:
            moved = False
            for one in plan.walk.steps:
                word = _word(one.node)
                if word in stopped:
                    continue
                try:
                    new = walker.visit(one.node, self._finder(steps[word].system))
                except (errors.NotNow, errors.Undeliverable) as trouble:
                    stopped[word] = trouble
                    continue
                if new:
                    moved = True
                    state = self.states()[one.node]
                    self._set(steps[word], found=len(state.rows), sealed=self._seal(steps[word], state))
        for word, why in stopped.items():
            if isinstance(why, errors.NotNow):
                self._later(steps[word], why)
            else:
                self._hold(steps[word], why.what)
        if not stopped:
            for step in self._current(Action.FIND):
                if step.state != DONE:
                    self._set(step, state=DONE, trouble="", finished=self.house.clock())

    def _finder(self, system: str) -> Find:
        def find(collection: Collection, matches: list[Match]) -> Iterable[Row]:
            return self.systems.rows(system).find(collection, matches)

        return find

    def _plan(self, seeds: Mapping[int, Mapping[str, tuple[str, ...]]]) -> Plan:
        names = {name for one in seeds.values() for name in one}
        return rights_plan.make(self.systems.map, self.kind, names, self._corrected())

    def states(self) -> dict[Place, Found]:
        """What was found so far."""
        if self._states is None:
            self._states = {
                _place(step.node): self._unseal(step, Found)
                for step in self._current(Action.FIND)
                if step.sealed
            }
        return self._states

    # ---- changing ------------------------------------------------------------------------------------------------

    def _change(self, step: StepRow) -> None:
        node = _place(step.node)
        collection, found = self.systems.map.collection(node), self.states().get(node, Found())
        rows = self.systems.rows(step.system)
        if step.sealed:
            doing = self._unseal(step, Doing)
        else:
            doing = self._doing(step, collection, found)
            step = self._set(step, sealed=self._seal(step, doing), found=len(found.rows))
        changed = rights_steps.do(rows, collection, doing)
        self._set(step, state=DONE, changed=changed, trouble="", finished=self.house.clock())
        if doing.kept:
            kept = [msgspec.to_builtins(one) for one in doing.kept]
            self._tell("kept", system=step.system, node=step.node, kept=kept)

    def _doing(self, step: StepRow, collection: Collection, found: Found) -> Doing:
        if step.action == Action.CORRECT.value:
            return rights_steps.correcting(collection, found, self._corrections())
        if step.action == Action.WRITE_BACK.value:
            return rights_steps.refusing(collection, found, {row.id: row.brand for row in self.rows})
        limits = self.systems.rows(step.system).limits(collection)
        today = datetime.fromtimestamp(self.house.clock(), UTC).date()
        key = sealing.unwrap(self._key, self.run.masking, MASKING)
        return rights_steps.erasing(collection, found, limits, today, key, self.house.random)

    def _verify(self, step: StepRow) -> None:
        node = _place(step.node)
        collection, found = self.systems.map.collection(node), self.states().get(node, Found())
        doing = next(
            (
                self._unseal(one, Doing)
                for one in self.steps
                if one.node == step.node and one.sealed and Action(one.action) in _CHANGING
            ),
            Doing(),
        )
        rows = self.systems.rows(step.system)
        bad = rights_steps.left(rows, collection, found, doing, new_too=self.kind is Kind.ERASURE)
        if not bad:
            self._set(step, state=DONE, found=0, trouble="", finished=self.house.clock())
            return
        self._tell("still_there", system=step.system, node=step.node, rows=bad)
        if step.attempts + 1 >= MOST_ROUNDS:
            self._set(step, found=bad)
            self._hold(step, "still_there")
            return
        self._set(step, found=bad, attempts=step.attempts + 1, trouble="still_there")
        self._once_more()

    def _once_more(self) -> None:
        """Find and change again: what is still there may have come in between."""
        due = self.house.clock() + FIRST_PAUSE
        for state in self.states().values():
            for wanted in state.wanted.values():
                for one in wanted.values():
                    one.asked = False
        for step in self._current(Action.FIND):
            found = self.states().get(_place(step.node), Found())
            self._set(step, state=TODO, due=due, sealed=self._seal(step, found))
        for step in self.steps:
            if Action(step.action) in _CHANGING:
                self._set(step, state=TODO, due=due, sealed=b"")
            elif step.action == Action.VERIFY.value:
                self._set(step, state=TODO, due=due)

    # ---- desks ---------------------------------------------------------------------------------------------------

    def _ask(self, step: StepRow) -> None:
        desk = self.systems.desk(step.system)
        seeds = asked.identities(self.house, self.rows)
        corrections = self._corrections()
        tickets = {}
        for row in self.rows:
            errand = Errand(
                request=row.ref,
                kind=row.kind,
                identities=seeds[row.id],
                received=row.received,
                due=row.due,
                values=dict(corrections[row.id]),
            )
            tickets[str(row.id)] = desk.ask(errand)
        step = self._set(step, state=DONE, trouble="", finished=self.house.clock(), found=len(tickets))
        self._set(step, sealed=self._seal(step, tickets))

    def _hear(self, step: StepRow) -> None:
        asking = next(
            one for one in self.steps if one.action == Action.ASK.value and one.system == step.system
        )
        tickets = self._unseal(asking, dict[str, str])
        desk = self.systems.desk(step.system)
        answers = {number: desk.hear(ticket) for number, ticket in tickets.items()}
        if any(one.progress is Progress.REFUSED for one in answers.values()):
            raise errors.Undeliverable("desk_refused")
        if any(one.progress is Progress.PENDING for one in answers.values()):
            self._set(step, due=self.house.clock() + LISTEN, trouble="desk_pending")
            return
        handed = {number: list(one.found) for number, one in answers.items()}
        count = sum(len(one) for one in handed.values())
        step = self._set(step, state=DONE, found=count, trouble="", finished=self.house.clock())
        self._set(step, sealed=self._seal(step, handed))

    # ---- here ----------------------------------------------------------------------------------------------------

    def _inside(self, step: StepRow) -> None:
        rights_inside.do(self.house, self.kind, self.rows, self._collected, self._corrections)
        self._set(step, state=DONE, trouble="", finished=self.house.clock())

    def _collected(self) -> dict[int, dict[str, list[Row]]]:
        """What was found for each request: `system/dataset:collection` -> rows."""
        found: dict[int, dict[str, list[Row]]] = {row.id: {} for row in self.rows}
        for step in self._current(Action.FIND):
            for held in self.states().get(_place(step.node), Found()).rows.values():
                for owner in held.owners:
                    found[owner].setdefault(f"{step.system}/{step.node}", []).append(held.row)
        for step in self._current(Action.HEAR):
            for number, rows in self._unseal(step, dict[str, list[dict[str, Any]]]).items():
                if rows:
                    found[int(number)].setdefault(step.system, []).extend(rows)
        return found

    def _corrections(self) -> dict[int, dict[str, str]]:
        return {row.id: asked.content(self.house, row).corrections for row in self.rows}

    def _corrected(self) -> set[str]:
        if self.kind is not Kind.RECTIFICATION:
            return set()
        return {category for one in self._corrections().values() for category in one}

    # ---- steps as rows -------------------------------------------------------------------------------------------

    def _current(self, action: Action) -> list[StepRow]:
        return [one for one in self.steps if one.action == action.value]

    def _set(self, step: StepRow, **values: Any) -> StepRow:
        self.house.writing().write(
            lambda session: requests.update_step(session.connection, step.run, step.ordinal, **values)
        )
        self.steps = [one._replace(**values) if one.ordinal == step.ordinal else one for one in self.steps]
        return next(one for one in self.steps if one.ordinal == step.ordinal)

    def _later(self, step: StepRow, trouble: errors.NotNow) -> None:
        attempts = step.attempts + 1
        _log.info("step_again", action=step.action, system=step.system, trouble=trouble.what)
        if attempts >= MOST_ATTEMPTS:
            self._hold(step, trouble.what)
            return
        pause = max(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1)), trouble.after)
        self._set(step, attempts=attempts, due=self.house.clock() + pause, trouble=trouble.what)

    def _hold(self, step: StepRow, token: str) -> None:
        _log.warning("step_held", action=step.action, system=step.system, trouble=token)
        self._set(step, state=HELD, trouble=token)

    def _keep_lease(self) -> bool:
        until = self.house.clock() + LEASE
        held = self.run.leased
        kept = self.house.writing().write(
            lambda session: requests.renew(session.connection, self.run.id, held, until)
        )
        self.run = self.run._replace(leased=until)
        return kept

    def _seal(self, step: StepRow, content: object) -> bytes:
        return sealing.wrap(self._key, self.house.random(12), _encode(content), _context(step))

    def _unseal(self, step: StepRow, kind: type[Any]) -> Any:
        return msgspec.json.decode(sealing.unwrap(self._key, step.sealed, _context(step)), type=kind)

    def _tell(self, what: str, **detail: object) -> None:
        asked.log(self.house, [row.id for row in self.rows], "amana", what, **detail)

    # ---- the end -------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Say where the run stands now, and give the lease back."""
        open_steps = [one for one in self.steps if one.state != DONE]
        if not open_steps:
            self._finish()
            return
        lowest = min(one.level for one in open_steps)
        here = [one for one in open_steps if one.level == lowest]
        waiting = [one.due for one in here if one.state == TODO]

        def work(session: Session) -> None:
            if waiting:
                requests.move_run(session.connection, self.run.id, requests.READY, min(waiting))
                return
            requests.move_run(session.connection, self.run.id, HELD)
            requests.update_run_of(session.connection, self.run.id, status=Status.DECIDING.value)
            grounds = sorted({f"{one.system or 'amana'}:{one.trouble}" for one in here})
            detail = _encode({"ground": " ".join(grounds)}).decode()
            requests.log(
                session.connection, [(row.id, session.now, "amana", "to_decide", detail) for row in self.rows]
            )

        self.house.writing().write(work)

    def _finish(self) -> None:
        found: Counter[int] = Counter()
        for rows in self._collected().items():
            found[rows[0]] = sum(len(one) for one in rows[1].values())
        kept = any(
            self._unseal(one, Doing).kept
            for one in self.steps
            if one.sealed and Action(one.action) in _CHANGING
        )

        def work(session: Session) -> None:
            for row in self.rows:
                outcome = "done_in_part" if kept else "done" if found[row.id] else "nothing_elsewhere"
                requests.update(
                    session.connection,
                    row.id,
                    status=Status.ANSWERED.value,
                    ended=session.now,
                    outcome=outcome,
                )
                detail = {"outcome": outcome, "rows": found[row.id], "late": session.now > row.due}
                requests.log(
                    session.connection, [(row.id, session.now, "amana", "answered", _encode(detail).decode())]
                )
            requests.empty_steps(session.connection, self.run.id)
            requests.move_run(session.connection, self.run.id, DONE)

        self.house.writing().write(work)

    def _map_changed(self) -> bool:
        """The map is not the one that was planned with: plan anew if nothing was touched yet, else hand it over."""
        touched = any(one.action != Action.FIND.value and one.state == DONE for one in self.steps)
        touched = touched or any(one.sealed for one in self.steps if Action(one.action) in _CHANGING)
        if not touched:
            plan = self._plan(asked.identities(self.house, self.rows))
            fresh = _fresh(self.run.id, plan, self.house.clock())
            mark = digest(self.systems)
            self.house.writing().write(
                lambda session: requests.replace_steps(session.connection, self.run.id, fresh, mark)
            )
            self.steps, self._states = fresh, None
            return False
        for step in self.steps:
            if step.state == TODO:
                self._hold(step, "map_changed")
        self._settle()
        return True


_CHANGING = frozenset({Action.ERASE, Action.CORRECT, Action.WRITE_BACK})


def _word(node: Place | None) -> str:
    return "" if node is None else f"{node.dataset}:{node.collection}"


def _place(word: str) -> Place:
    dataset, _, collection = word.partition(":")
    return Place(dataset, collection)


def _context(step: StepRow) -> bytes:
    return f"request_step/{step.run}/{step.ordinal}".encode()
