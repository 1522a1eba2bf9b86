"""One worker's turn at a run: level after level, as far as it goes now.

Rule.
- Every step is stored with its outcome in one transaction, and may be done twice: a kill at any moment repeats a step
  and skips none.
- Finding goes round over all collections until nothing new comes; a system in trouble is left out of the rounds and
  asked again after its pause, and the finding is over only when each has answered.
- A look that finds what should be gone sends the run back to finding, with every change and every look to be done
  again. A system that failed does not count as a round, and a desk that answers has not failed.
- Whoever was erased meanwhile gets no copy and no correction: their request ends as `erased_before`. An erasure, and a No
  that is on its way to copies, goes on with what the run keeps sealed.
- A map that changed is planned anew with all that was found and asked; only where something of the run stood in a
  place that the new map no longer has, a person looks first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import structlog

from amana import errors
from amana.connectors.systems.system import Errand, Match, Progress
from amana.core import nested
from amana.core.data_map import Collection, Place, Row
from amana.core.rights import Kind, Status
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.rights import requests as asked
from amana.services.rights import rights_inside, rights_plan, rights_rows, rights_steps, rights_telling
from amana.services.rights.rights_handed import MAP_CHANGED
from amana.services.rights.rights_plan import CHANGING, Action
from amana.services.rights.rights_rows import Secrets
from amana.services.rights.rights_steps import Doing
from amana.services.systems.connected import Connected
from amana.services.systems.rights_walk import Find, Found, Walker
from amana.storage import requests
from amana.storage.requests import DONE, ENDED, HELD, TODO, RequestRow, RunRow, StepRow

LEASE = 300  # seconds
MOST_ATTEMPTS = 12
MOST_ROUNDS = 3
FIRST_PAUSE = 15  # seconds, doubled each time
LONGEST_PAUSE = 6 * 3600
LISTEN = 3600  # seconds between two looks at what a desk says
ERASED_BEFORE = "erased_before"
_log = structlog.get_logger("amana.rights")
_encode = msgspec.json.Encoder(order="sorted").encode


class Work:
    """One worker's hold of one run."""

    def __init__(self, house: House, run: RunRow, systems: Connected, patient: bool) -> None:
        self.house, self.run, self.systems, self.patient = house, run, systems, patient
        with house.database.read() as connection:
            rows = requests.of_run(connection, run.id)
            self.steps = requests.steps(connection, run.id)
        self.rows = [row for row in rows if row.status not in ENDED]
        self.kind = Kind(run.kind)
        self._key = house.keys.keys([0])[0]
        self._known_secrets: Secrets | None = None
        self._states: dict[Place, Found] | None = None
        self._does = {
            Action.ASK: self._ask,
            Action.HEAR: self._hear,
            Action.ERASE: self._change,
            Action.CORRECT: self._change,
            Action.WRITE_BACK: self._change,
            Action.VERIFY: self._verify,
            Action.TELL: self._tell_people,
            Action.INSIDE: self._inside,
            Action.COPY: self._inside,
        }

    def all(self) -> None:
        """Level after level, as far as it goes."""
        if self._ended_without() or self._map_changed():
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
                if self._lowest() < step.level:
                    break  # a look sent the run back
        self._settle()

    def _lowest(self) -> int:
        """The level that is open; -1 once all is done. A desk that was not reached yet holds up no change."""
        levels = [one.level for one in self.steps if one.state != DONE and one.action != Action.ASK.value]
        return min(levels, default=-1)

    def _reachable(self) -> list[StepRow]:
        """The steps that are not done and wait for no other."""
        lowest = self._lowest()
        unasked = {one.system for one in self._current(Action.ASK) if one.state != DONE}
        return [
            one
            for one in self.steps
            if one.state != DONE
            and (one.level == lowest or (one.action == Action.ASK.value and one.level < lowest))
            and not (one.action == Action.HEAR.value and one.system in unasked)
        ]

    def _level(self, tried: set[int]) -> list[StepRow]:
        """The steps that may be done now and were not tried in this turn."""
        now = self.house.clock()
        return [
            one
            for one in self._reachable()
            if one.state == TODO and one.ordinal not in tried and (one.due <= now or not self.patient)
        ]

    def _do(self, step: StepRow) -> None:
        try:
            self._does[Action(step.action)](step)
        except errors.NotNow as trouble:
            self._later(step, trouble)
        except errors.Undeliverable as trouble:
            self._hold(step, trouble.what)
        except errors.BadInput as trouble:
            self._hold(step, trouble.code)
        except (
            errors.KeyMissing,
            errors.NotFound,
        ) as trouble:  # erased between two looks: the next turn sees it
            self._later(step, errors.NotNow(trouble.code))

    # ---- finding -------------------------------------------------------------------------------------------------

    def _find(self) -> None:
        """Walk until nothing new comes. A system in trouble is asked again later; the others are asked on."""
        steps = {one.node: one for one in self._current(Action.FIND)}
        plan = rights_rows.plan_for(self.systems.map, self.kind, self.secrets())
        walker = Walker(self.systems.map, plan.walk, self._identities(), self.states())
        stopped: dict[str, errors.AmanaError | None] = {
            one.node: None for one in steps.values() if self._must_wait(one)
        }
        moved = True
        while moved:
            moved = False
            for one in plan.walk.steps:
                word = rights_rows.word(one.node)
                if word in stopped:
                    continue
                try:
                    new = walker.visit(one.node, self._finder(steps[word].system))
                except (errors.NotNow, errors.Undeliverable, errors.BadInput) as trouble:
                    stopped[word] = trouble
                    continue
                if new:
                    moved = True
                    state = self.states()[one.node]
                    self._set(steps[word], found=len(state.rows), sealed=self._seal(steps[word], state))
        for step in self._current(Action.FIND):
            if step.node not in stopped and step.state != DONE:
                self._set(step, state=DONE, trouble="", finished=self.house.clock())
        for word, why in stopped.items():
            if isinstance(why, errors.NotNow):
                self._later(steps[word], why)
            elif why is not None:
                self._hold(steps[word], why.what if isinstance(why, errors.Undeliverable) else why.code)

    def _must_wait(self, step: StepRow) -> bool:
        """Whether a system is not to be asked in this turn."""
        pausing = step.state == TODO and self.patient and step.due > self.house.clock()
        return step.state == HELD or pausing

    def _finder(self, system: str) -> Find:
        def find(collection: Collection, matches: list[Match]) -> Iterable[Row]:
            return self.systems.rows(system).find(collection, matches)

        return find

    def states(self) -> dict[Place, Found]:
        """What was found so far for those whose requests are open."""
        if self._states is None:
            open_ones = {row.id for row in self.rows}
            self._states = {
                rights_rows.place(step.node): self._unseal(step, Found).only(open_ones)
                for step in self._current(Action.FIND)
                if step.sealed
            }
        return self._states

    def secrets(self) -> Secrets:
        """What the run keeps sealed."""
        if self._known_secrets is None:
            self._known_secrets = rights_rows.opened_secrets(self.house, self.run)
        return self._known_secrets

    def _identities(self) -> dict[int, dict[str, tuple[str, ...]]]:
        return {row.id: self.secrets().identities[row.id] for row in self.rows}

    def _corrections(self) -> dict[int, dict[str, str]]:
        return {row.id: self.secrets().corrections.get(row.id, {}) for row in self.rows}

    # ---- changing ------------------------------------------------------------------------------------------------

    def _change(self, step: StepRow) -> None:
        node = rights_rows.place(step.node)
        collection, found = self.systems.map.collection(node), self.states().get(node, Found())
        rows = self.systems.rows(step.system)
        if not collection.keys:
            doing = rights_steps.by_hand(rows, collection, found, partial(self._doing, step, collection))
            step = self._set(step, sealed=self._seal(step, doing), found=len(found.rows))
            self._changed(step, len(found.rows), doing)
            return
        if step.sealed:
            doing = self._unseal(step, Doing)
        else:
            doing = self._doing(step, collection, found)
            step = self._set(step, sealed=self._seal(step, doing), found=len(found.rows))
        self._changed(step, rights_steps.do(rows, collection, doing), doing)

    def _changed(self, step: StepRow, changed: int, doing: Doing) -> None:
        """A change was made: how many rows, and what stays."""

        def work(session: Session) -> None:
            self._put(session, step, state=DONE, changed=changed, trouble="", finished=session.now)
            for number, kept in doing.kept.items():
                told = [msgspec.to_builtins(one) for one in kept]
                detail = _encode({"system": step.system, "node": step.node, "kept": told}).decode()
                requests.log(session.connection, [(number, session.now, "amana", "kept", detail)])

        self.house.writing().write(work)

    def _doing(self, step: StepRow, collection: Collection, found: Found) -> Doing:
        if step.action == Action.CORRECT.value:
            return rights_steps.correcting(collection, found, self._corrections())
        if step.action == Action.WRITE_BACK.value:
            return rights_steps.refusing(collection, found, {row.id: row.brand for row in self.rows})
        limits = self.systems.rows(step.system).limits(collection)
        today = datetime.fromtimestamp(self.house.clock(), UTC).date()
        return rights_steps.erasing(
            collection, found, limits, today, self.secrets().masking, self.house.random
        )

    def _verify(self, step: StepRow) -> None:
        node = rights_rows.place(step.node)
        collection, found = self.systems.map.collection(node), self.states().get(node, Found())
        doing = next(
            (
                self._unseal(one, Doing)
                for one in self.steps
                if one.node == step.node and one.sealed and Action(one.action) in CHANGING
            ),
            Doing(),
        )
        rows = self.systems.rows(step.system)
        bad = rights_steps.left(rows, collection, found, doing, new_too=self.kind is Kind.ERASURE)
        if not bad:
            self._set(step, state=DONE, found=0, trouble="", finished=self.house.clock())
            return
        self._tell("still_there", system=step.system, node=step.node, rows=bad)
        if self._rounds() >= MOST_ROUNDS:
            self._set(step, found=bad)
            self._hold(step, "still_there")
            return
        self._once_more(step, bad)

    def _rounds(self) -> int:
        """How often the run has found something that should be gone since a person put it to work."""
        happened = asked.happened(self.house, self.rows[0])
        latest = max((at for at, one in enumerate(happened) if one.what == "again"), default=-1)
        return sum(one.what == "still_there" for one in happened[latest + 1 :])

    def _once_more(self, seen: StepRow, bad: int) -> None:
        """Find, change and look again, all of it: what is still there may have come in between."""
        due = self.house.clock() + FIRST_PAUSE
        for state in self.states().values():
            state.to_ask_again()

        def work(session: Session) -> None:
            for step in self.steps:
                action = Action(step.action)
                if action is Action.FIND:
                    found = self.states().get(rights_rows.place(step.node), Found())
                    self._put(session, step, state=TODO, due=due, sealed=self._seal(step, found))
                elif action in CHANGING:
                    self._put(session, step, state=TODO, due=due, sealed=b"")
                elif action is Action.VERIFY:
                    told = {"found": bad, "trouble": "still_there"} if step.ordinal == seen.ordinal else {}
                    self._put(session, step, state=TODO, due=due, attempts=0, **told)

        self.house.writing().write(work)

    # ---- desks ---------------------------------------------------------------------------------------------------

    def _ask(self, step: StepRow) -> None:
        desk = self.systems.desk(step.system)
        identities, corrections = self._identities(), self._corrections()
        tickets = {}
        for row in self.rows:
            errand = Errand(
                request=row.ref,
                kind=row.kind,
                identities=identities[row.id],
                received=row.received,
                due=row.due,
                values=dict(corrections[row.id]),
            )
            tickets[row.id] = desk.ask(errand)
        self._set(
            step,
            state=DONE,
            trouble="",
            finished=self.house.clock(),
            found=len(tickets),
            sealed=self._seal(step, tickets),
        )

    def _hear(self, step: StepRow) -> None:
        asking = next(
            one for one in self.steps if one.action == Action.ASK.value and one.system == step.system
        )
        open_ones = {row.id for row in self.rows}
        tickets = {
            number: ticket
            for number, ticket in self._unseal(asking, dict[int, str]).items()
            if number in open_ones
        }
        desk = self.systems.desk(step.system)
        answers = {number: desk.hear(ticket) for number, ticket in tickets.items()}
        if any(one.progress is Progress.REFUSED for one in answers.values()):
            raise errors.Undeliverable("desk_refused")
        if any(one.progress is Progress.PENDING for one in answers.values()):
            self._set(step, due=self.house.clock() + LISTEN, attempts=0, trouble="desk_pending")
            return
        handed = {number: list(one.found) for number, one in answers.items()}
        self._set(
            step,
            state=DONE,
            found=sum(len(one) for one in handed.values()),
            trouble="",
            finished=self.house.clock(),
            sealed=self._seal(step, handed),
        )

    # ---- here ----------------------------------------------------------------------------------------------------

    def _tell_people(self, step: StepRow) -> None:
        """Nobody is forgotten before the answer has left, or somebody decided about those it cannot reach."""
        told = rights_telling.farewell(self.house, self.rows)
        now = self.house.clock()
        if told.wait:
            self._set(step, due=now + told.wait, trouble="telling")
            return
        if told.untold:
            self._end_some([row for row in self.rows if row.id not in told.untold])
            raise errors.Undeliverable(rights_telling.UNTOLD)
        self._set(step, state=DONE, trouble="", finished=now)

    def _end_some(self, rows: Sequence[RequestRow]) -> None:
        """Forget and answer those who were told, so that they do not wait for the others of their run."""
        if not rows:
            return
        rights_inside.do(self.house, self.kind, rows, self._collected, self._corrections)
        outcomes = self._outcomes()

        def work(session: Session) -> None:
            for row in rows:
                outcome, count = outcomes[row.id]
                asked.answered(session, row, outcome, rows=count)

        self.house.writing().write(work)
        ended = {row.id for row in rows}
        self.rows = [row for row in self.rows if row.id not in ended]
        self._states = None

    def _inside(self, step: StepRow) -> None:
        gone = set() if self.kind is Kind.ERASURE else self._gone()
        here = [row for row in self.rows if row.id not in gone]
        rights_inside.do(self.house, self.kind, here, self._collected, self._corrections)
        self._set(step, state=DONE, trouble="", finished=self.house.clock())

    def _gone(self) -> set[int]:
        """The requests whose people were erased meanwhile."""
        here = asked.people_here(self.house, [row.person for row in self.rows])
        return {row.id for row in self.rows if row.person not in here}

    def _collected(self) -> dict[int, dict[str, list[Row]]]:
        """What was found for each request: `system/dataset:collection` -> rows, of shared arrays only their own."""
        found: dict[int, dict[str, list[Row]]] = {row.id: {} for row in self.rows}
        for step in self._current(Action.FIND):
            node = rights_rows.place(step.node)
            state, collection = self.states().get(node, Found()), self.systems.map.collection(node)
            theirs = {one: nested.concerned(collection, state.sought(collection, one)) for one in found}
            for held in state.rows.values():
                for owner in held.owners:
                    mine = nested.narrowed(held.row, theirs[owner])
                    found[owner].setdefault(f"{step.system}/{step.node}", []).append(mine)
        for step in self._current(Action.HEAR):
            if not step.sealed:
                continue
            for number, rows in self._unseal(step, dict[int, list[dict[str, Any]]]).items():
                if rows and number in found:
                    found[number].setdefault(step.system, []).extend(rows)
        return found

    # ---- steps as rows -------------------------------------------------------------------------------------------

    def _current(self, action: Action) -> list[StepRow]:
        return [one for one in self.steps if one.action == action.value]

    def _put(self, session: Session, step: StepRow, **values: Any) -> StepRow:
        """Set columns of a step, as part of a transaction."""
        requests.update_step(session.connection, step.run, step.ordinal, **values)
        self.steps = [one._replace(**values) if one.ordinal == step.ordinal else one for one in self.steps]
        return self.steps[step.ordinal]

    def _set(self, step: StepRow, **values: Any) -> StepRow:
        return self.house.writing().write(lambda session: self._put(session, step, **values))

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
        return rights_rows.sealed(self._key, self.house.random, step, content)

    def _unseal(self, step: StepRow, kind: type[Any]) -> Any:
        return rights_rows.opened(self._key, step, kind)

    def _tell(self, what: str, **detail: object) -> None:
        asked.log(self.house, [row.id for row in self.rows], "amana", what, **detail)

    # ---- the end -------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Say where the run stands now, and give the lease back."""
        if self._lowest() < 0:
            self._finish()
            return
        here = self._reachable()
        waiting = [one.due for one in here if one.state == TODO]
        grounds = sorted({f"{one.system or 'amana'}:{one.trouble}" for one in here if one.state == HELD})

        def work(session: Session) -> None:
            state, due = (requests.READY, min(waiting)) if waiting else (HELD, 0)
            requests.move_run(session.connection, self.run.id, state, due)
            now_open = [one for one in requests.of_run(session.connection, self.run.id)]
            told = [one for one in now_open if one.status == Status.RUNNING.value]
            if not grounds or not told:
                return
            requests.update_run_of(session.connection, self.run.id, status=Status.DECIDING.value)
            detail = _encode({"ground": " ".join(grounds)}).decode()
            requests.log(
                session.connection, [(one.id, session.now, "amana", "to_decide", detail) for one in told]
            )

        self.house.writing().write(work)

    def _finish(self) -> None:
        """Answer every request of the run, in the transaction that ends it."""
        gone = set() if self.kind is Kind.ERASURE else self._gone()
        outcomes = self._outcomes()

        def work(session: Session) -> None:
            for row in self.rows:
                outcome, count = outcomes[row.id]
                asked.answered(session, row, ERASED_BEFORE if row.id in gone else outcome, rows=count)
            requests.empty_steps(session.connection, self.run.id)
            requests.move_run(session.connection, self.run.id, DONE)

        self.house.writing().write(work)

    def _outcomes(self) -> dict[int, tuple[str, int]]:
        """What each request of the run is answered with, and how many rows were found for it elsewhere."""
        count: Counter[int] = Counter()
        for number, held in self._collected().items():
            count[number] = sum(len(one) for one in held.values())
        kept = {
            number
            for one in self.steps
            if one.sealed and Action(one.action) in CHANGING
            for number in self._unseal(one, Doing).kept
        }
        if self.kind is Kind.ERASURE and rights_plan.passed_over(self.systems.map):
            kept = {row.id for row in self.rows}
        return {
            row.id: (
                "done_in_part" if row.id in kept else "done" if count[row.id] else "nothing_elsewhere",
                count[row.id],
            )
            for row in self.rows
        }

    def _ended_without(self) -> bool:
        """End what can be answered no more because its person was erased; whether that was everybody."""
        if self.kind in rights_plan.COPIES or self.kind is Kind.RECTIFICATION:
            gone = self._gone()
            rows = [row for row in self.rows if row.id in gone]
            self.rows = [row for row in self.rows if row.id not in gone]
            if rows:
                self._answer_erased(rows)
        if not self.rows:
            self._finish()
        return not self.rows

    def _answer_erased(self, rows: Sequence[RequestRow]) -> None:
        def work(session: Session) -> None:
            for row in rows:
                asked.answered(session, row, ERASED_BEFORE, rows=0)

        self.house.writing().write(work)

    # ---- another map ---------------------------------------------------------------------------------------------

    def _map_changed(self) -> bool:
        """Plan anew where the map is not the one that was planned with; whether a person has to look first."""
        mark = rights_rows.digest(self.systems.map)
        if mark == self.run.map or self._lowest() < 0:
            return False
        try:
            plan = rights_rows.plan_for(self.systems.map, self.kind, self.secrets())
        except errors.BadInput:
            return self._hand_over_map()
        steps = rights_rows.fresh(self.run.id, plan, self.house.clock())
        known = {(one.action, one.system, one.node) for one in steps}
        lost = any((one.action, one.system, one.node) not in known for one in self.steps)
        if lost and self.run.map:
            return self._hand_over_map()
        steps = rights_rows.carried(self.systems.map, self._key, self.house.random, self.steps, steps)
        self.house.writing().write(
            lambda session: requests.replace_steps(session.connection, self.run.id, steps, mark)
        )
        self.steps, self._states = steps, None
        self._tell("planned_anew", steps=len(steps))
        return False

    def _hand_over_map(self) -> bool:
        for step in self.steps:
            if step.state == TODO:
                self._hold(step, MAP_CHANGED)
        self._settle()
        return True
