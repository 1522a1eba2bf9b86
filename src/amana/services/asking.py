"""Asking: may we contact this person, for this purpose, on this channel, now, and why?

Rule. One question is planned once per quarter of an hour and kept; one person is one read of their state. The law in
force and the clock come from `at`, what the ledger knew from `known_at`: then the state is folded again from the events
below that position. An address that several people hold is asked about for all of them, and the strictest answer
counts; an address that nobody holds is unknown, and denied.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from amana import errors
from amana.core import decision, facts, places
from amana.core import state as states
from amana.core.address_class import AddressClass
from amana.core.contact_points import Email, Phone, read_email, read_phone
from amana.core.decision import Decision
from amana.core.facts import Facts, Topics
from amana.core.plan import Circumstances, Plan, Question
from amana.core.regimes import Regime
from amana.core.vocabulary import Channel, PointKind
from amana.ledger import sealing
from amana.services import history
from amana.services.house import House
from amana.storage import log, people, points, register

NEVER_TARGET = int(AddressClass.NEVER_TARGET)
KEPT_PLANS = 64
DAY = 86_400


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a question."""

    brand: str
    purpose: str
    channel: Channel
    topics: tuple[str, ...] = ()
    message: int | None = None


class Gate:
    """Answers questions about one workspace. Keeps plans, never people. One per thread."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._plans: dict[tuple[Inquiry, int], Plan] = {}
        self._connection = house.database.engine.connect()
        self._driver = self._connection.connection.driver_connection
        with house.database.read() as connection:
            self.terms = register.terms(connection)
            self.topics = Topics(register.topics(connection))
            self._epochs = {one.id: one.epoch for one in register.notice_versions(connection)}

    def close(self) -> None:
        """Give back the connection."""
        self._connection.close()

    def plan(self, inquiry: Inquiry, at: int) -> Plan:
        """The plan of a question at a moment, made once per quarter of an hour and second asked about."""
        plan = self._plans.get((inquiry, at))
        if plan is None:
            if len(self._plans) >= KEPT_PLANS:
                self._plans.clear()
            plan = Plan(self.house.book, self._question(inquiry, at), self.house.is_holiday)
            self._plans[inquiry, at] = plan
        return plan

    def ask(
        self, person: int, inquiry: Inquiry, at: int | None = None, known_at: int | None = None
    ) -> Decision:
        """The decision for one person. Raises NotFound for words the workspace lacks; an unknown id is a deny."""
        moment = self.house.clock() if at is None else at
        plan = self.plan(inquiry, moment)
        if known_at is not None:
            state = history.state_at(self.house, person, known_at, self.terms)
            return self._decide(state, inquiry, plan, person, known_at)
        found = people.read_state(self._driver, person)
        return self._decide(found[0] if found else None, inquiry, plan, person, None)

    def bits(self, person: int, inquiry: Inquiry, at: int) -> Facts:
        """The facts of one person, for tests that compare engines."""
        found = people.read_state(self._driver, person)
        plan = self.plan(inquiry, at)
        return self._facts(found[0] if found else None, plan, person)[0]

    def ask_address(
        self, text: str, inquiry: Inquiry, at: int | None = None, known_at: int | None = None
    ) -> tuple[Decision, tuple[int, ...]]:
        """The strictest decision over all holders of an e-mail address or phone number, and who they are."""
        blinds = self.blinds(text)
        with self.house.database.read() as connection:
            held = points.holders(connection, blinds)
            listed = bool(register.suppressed(connection, blinds))
        holders = tuple(sorted({person for pairs in held.values() for person, _ in pairs}))
        if not holders:
            return self._nobody(inquiry, at, suppressed=listed), ()
        answers = [self.ask(person, inquiry, at, known_at) for person in holders]
        denied = [answer for answer in answers if not answer.allow]
        return (max(denied, key=lambda answer: len(answer.reasons)) if denied else answers[0]), holders

    def blinds(self, text: str) -> list[bytes]:
        """The keyed hashes of an address as typed. Raises BadInput if it is neither an address nor a number."""
        key = self.house.keys.secret("blind_index")
        email = read_email(text)
        if isinstance(email, Email):
            return [sealing.blind_index(key, PointKind.EMAIL.value, email.key)]
        phone = read_phone(text, places.iso_country(self.house.workspace.organisation.country))
        if isinstance(phone, Phone):
            return [sealing.blind_index(key, PointKind.PHONE.value, phone.e164)]
        raise errors.BadInput(
            "This is neither a person's id, an e-mail address nor a phone number",
            expected="p123, name@example.com or +44…",
            remedy="check it",
        )

    # ---- from words to facts ------------------------------------------------------------------------------------

    def _question(self, inquiry: Inquiry, at: int) -> Question:
        cell = self.terms.cell(inquiry.brand, inquiry.purpose, inquiry.channel.value)
        return Question(
            cell=cell, channel=inquiry.channel, at=at, circumstances=self.circumstances(inquiry, at)
        )

    def circumstances(self, inquiry: Inquiry, at: int) -> Circumstances:
        """What the workspace brings to a question. Raises NotFound for an unknown purpose."""
        definition = self.house.workspace
        purpose = definition.purposes.get(inquiry.purpose)
        if purpose is None:
            raise errors.NotFound(
                f"There is no purpose called {inquiry.purpose!r}",
                expected=f"one of: {', '.join(definition.purposes)}",
                remedy="check the spelling, or add it to amana.toml",
            )
        on = datetime.fromtimestamp(at, UTC).date()
        assessment = purpose.assessment
        epoch = self._epochs.get(purpose.notice, 1)
        cap = definition.caps.get(inquiry.channel)
        organisation = definition.organisation
        return Circumstances(
            served=organisation.serves,
            stored_in=organisation.stored_in,
            sector=organisation.sector,
            min_age=purpose.min_age,
            notice_floor=epoch if epoch > 1 else 0,
            assessed=assessment is not None and assessment.on <= on <= assessment.review_by,
            topic=self.topics.mask(" ".join(inquiry.topics)),
            cap_day=_cap(cap.per_day if cap else None),
            cap_week=_cap(cap.per_week if cap else None),
            cap_month=_cap(cap.per_month if cap else None),
            message=inquiry.message,
        )

    def _facts(self, state: states.PersonState | None, plan: Plan, person: int) -> tuple[Facts, Regime]:
        if state is None:
            return facts.nobody(0, suppressed=False), Regime()
        reader = self.house.reader
        regime = reader.regime(state)
        about = facts.person_facts(state, 0, reader.born(state), suppressed=False, topics=self.topics)
        found = facts.project(
            state,
            plan.question.cell,
            about,
            never_target_flag=NEVER_TARGET,
            sent=self._sent(person, plan),
        )
        return found, regime

    def _sent(self, person: int, plan: Plan) -> tuple[int, int, int]:
        """Contacts of this brand on this channel in the trailing day, week and thirty days."""
        at, cell = plan.ask.at, plan.question.cell
        rows = self._driver.execute(  # type: ignore[union-attr]  # the driver connection is open with the gate
            "SELECT at FROM sent WHERE person = ? AND at > ? AND at <= ? AND cell / 16777216 = ? AND cell % 256 = ?",
            (person, at - 30 * DAY, at, cell >> 24, cell & 0xFF),
        ).fetchall()
        return (
            sum(1 for (when,) in rows if when > at - DAY),
            sum(1 for (when,) in rows if when > at - 7 * DAY),
            len(rows),
        )

    def _decide(
        self,
        state: states.PersonState | None,
        inquiry: Inquiry,
        plan: Plan,
        person: int,
        known_at: int | None,
    ) -> Decision:
        found, regime = self._facts(state, plan, person)
        grant: str = ""
        refusals: tuple[str, ...] = ()
        cell = plan.question.cell
        if state is not None:
            claim = facts.counting_grant(state, cell)
            grant = claim.event.hex() if claim else ""
            refusals = tuple(one.event.hex() for one in facts.binding_refusals(state, cell))
        return decision.decide(
            found,
            regime,
            plan,
            grant=grant,
            refusals=refusals,
            ledger_size=self.ledger_size() if known_at is None else known_at,
            later=self._later(inquiry),
        )

    def _later(self, inquiry: Inquiry) -> Callable[[int], Plan]:
        return lambda at: Plan(self.house.book, self._question(inquiry, at), self.house.is_holiday)

    def ledger_size(self) -> int:
        """How many events the ledger holds now."""
        row = self._driver.execute("SELECT size FROM checkpoint WHERE name = 'latest'").fetchone()  # type: ignore[union-attr]  # see _sent
        return int(row[0]) if row else 0

    def _nobody(self, inquiry: Inquiry, at: int | None, *, suppressed: bool) -> Decision:
        plan = self.plan(inquiry, self.house.clock() if at is None else at)
        return decision.decide(
            facts.nobody(0, suppressed=suppressed), Regime(), plan, ledger_size=self.ledger_size()
        )


def _cap(value: int | None) -> int:
    return facts.NO_CAP if value is None else value


def log_size(house: House) -> int:
    """How many events the ledger holds."""
    with house.database.read() as connection:
        latest = log.latest(connection)
    return latest.size if latest else 0
