"""Asking: may we contact this person, for this purpose, on this channel, now, and why? May we use or share their data?

Rule. One question is planned once per quarter of an hour and kept; one person is one read of their state. The law in
force and the clock come from `at`, what the ledger knew from `known_at`: then the state is folded again from the events
below that position. An address that several people hold is asked about for all of them, and the strictest answer
counts; an address that nobody holds is unknown, and denied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from amana import errors
from amana.core import decision, events, facts, places, rules
from amana.core.address_class import AddressClass
from amana.core.decision import Decision
from amana.core.facts import Facts, Topics
from amana.core.plan import QUARTER, Circumstances, Plan, Question
from amana.core.regimes import Regime, country_code
from amana.core.state import Claim, PersonState
from amana.core.vocabulary import PHONE_CHANNELS, Channel
from amana.core.workspace import Purpose
from amana.services.gate import handling, registries
from amana.services.gate.handling import Handling
from amana.services.record import addresses, history
from amana.services.record.addresses import Address, Keyer
from amana.services.record.house import House
from amana.storage import log, register, restores
from amana.storage.reading import Read, Reader

NEVER_TARGET = int(AddressClass.NEVER_TARGET)
KEPT_PLANS = 64


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a question."""

    brand: str
    purpose: str
    channel: Channel
    topics: tuple[str, ...] = ()
    message: int | None = None


Asked = Inquiry | Handling
"""What the gate can be asked."""


class Seen(NamedTuple):
    """What the rules saw of a person, and which of them deny."""

    facts: Facts
    regime: Regime
    bits: int


class Gate:
    """Answers questions about one workspace. Keeps plans, never people. One per thread.

    `with_remedies`: every refusal also says what would change it, which takes longer than the answer itself.
    """

    def __init__(self, house: House, *, with_remedies: bool = False) -> None:
        self.house = house
        self._with_remedies = with_remedies
        self._plans: dict[tuple[Asked, int, int | None], Plan] = {}
        self._reader = Reader(house.database.engine)
        self._registries = registries.in_force(house)
        with house.database.read() as connection:
            self._restored = restores.holds(connection)
            self.terms = register.terms(connection)
            self.topics = Topics(register.topics(connection))
            self._epochs = {one.id: one.epoch for one in register.notice_versions(connection)}

    def close(self) -> None:
        """Give back the connection."""
        self._reader.close()

    def plan(self, inquiry: Asked, at: int, known_at: int | None = None) -> Plan:
        """The plan of a question at a moment; its rows of law are resolved once per quarter of an hour."""
        quarter = at - at % QUARTER
        plan = self._plans.get((inquiry, quarter, known_at))
        if plan is None:
            if len(self._plans) >= KEPT_PLANS:
                self._plans.clear()
            plan = Plan(self.house.book, self._question(inquiry, at, known_at), self.house.is_holiday)
        elif plan.ask.at != at:
            plan = plan.moved(self._question(inquiry, at, known_at))
        self._plans[inquiry, quarter, known_at] = plan
        return plan

    def ask(
        self, person: int, inquiry: Asked, at: int | None = None, known_at: int | None = None
    ) -> Decision:
        """The decision for one person. Raises NotFound for words the workspace lacks; an unknown id is a deny."""
        plan = self.plan(inquiry, self.house.clock() if at is None else at, known_at)
        read = self._read(person, plan)
        if known_at is not None:
            state = history.state_at(self.house, person, known_at, self.terms)
            read = read._replace(state=state, ledger_size=known_at) if read and state else None
        if read is None:
            size = self._reader.ledger_size() if known_at is None else known_at
            return self.nobody(inquiry, plan, size, known_at)
        return self.answer(read, inquiry, plan, known_at)

    def facts(self, person: int, inquiry: Asked, at: int) -> tuple[Facts, Regime]:
        """What a question at a moment sees of a person."""
        plan = self.plan(inquiry, at)
        read = self._read(person, plan)
        return self._facts(read, plan) if read else (facts.nobody(0, suppressed=False), Regime())

    def ask_address(
        self, text: str, inquiry: Asked, at: int | None = None, known_at: int | None = None
    ) -> tuple[Decision, tuple[int, ...]]:
        """The strictest decision over all holders of an e-mail address or phone number, and who they are."""
        address = self.address(text)
        with self.house.database.read() as connection:
            held = addresses.holders(connection, [address]).get(address.blind, [])
            listed = bool(register.suppressed(connection, address.suppress))
        holders = tuple(sorted({person for person, _ in held}))
        if not holders:
            plan = self.plan(inquiry, self.house.clock() if at is None else at)
            size = self._reader.ledger_size()
            return self.nobody(inquiry, plan, size, known_at, suppressed=listed), ()
        answers = [self.ask(person, inquiry, at, known_at) for person in holders]
        denied = [answer for answer in answers if not answer.allow]
        return (max(denied, key=lambda answer: len(answer.reasons)) if denied else answers[0]), holders

    def address(self, text: str) -> Address:
        """The keyed form of an address as typed. Raises BadInput if it is neither an address nor a number."""
        return self.typed([text])[0]

    def typed(self, texts: Iterable[str]) -> list[Address]:
        """The keyed forms of many addresses as typed, under one index. Raises BadInput."""
        keyer, country = Keyer(self.house.keys), places.iso_country(self.house.workspace.organisation.country)
        return [keyer.typed(text, country) for text in texts]

    # ---- from words to facts ------------------------------------------------------------------------------------

    def _question(self, inquiry: Asked, at: int, known_at: int | None = None) -> Question:
        if isinstance(inquiry, Handling):
            handled, cell = handling.seen(self.house, inquiry, self.terms)
            circumstances = self._about_data(inquiry, at, known_at)
            return Question(cell=cell, channel=None, handled=handled, at=at, circumstances=circumstances)
        cell = self.terms.cell(inquiry.brand, inquiry.purpose, inquiry.channel.value)
        return Question(
            cell=cell,
            channel=inquiry.channel,
            at=at,
            circumstances=self.circumstances(inquiry, at, known_at),
        )

    def circumstances(self, inquiry: Inquiry, at: int, known_at: int | None = None) -> Circumstances:
        """What the workspace brings to a question about contact. Raises NotFound for an unknown purpose."""
        definition = self.house.workspace
        purpose = self._purpose(inquiry.purpose)
        epoch = self._epoch(purpose.notice, known_at)
        cap = definition.caps.get(inquiry.channel)
        organisation = definition.organisation
        return Circumstances(
            served=tuple(map(country_code, organisation.serves)),
            stored_in=country_code(organisation.stored_in),
            sector=organisation.sector,
            min_age=purpose.min_age,
            notice_floor=epoch if epoch > 1 else 0,
            assessed=_assessed(purpose, at),
            topic=self.topics.mask(" ".join(inquiry.topics)),
            registries=self._registries,
            cap_day=_cap(cap.per_day if cap else None),
            cap_week=_cap(cap.per_week if cap else None),
            cap_month=_cap(cap.per_month if cap else None),
            message=inquiry.message,
            restored=self._restored,
        )

    def _about_data(self, inquiry: Handling, at: int, known_at: int | None) -> Circumstances:
        """What the workspace brings to a question about use or sharing. Raises NotFound for an unknown purpose."""
        organisation = self.house.workspace.organisation
        purpose = self._purpose(inquiry.purpose)
        epoch = self._epoch(purpose.notice, known_at)
        return Circumstances(
            served=tuple(map(country_code, organisation.serves)),
            stored_in=country_code(organisation.stored_in),
            sector=organisation.sector,
            min_age=purpose.min_age,
            notice_floor=epoch if epoch > 1 else 0,
            assessed=_assessed(purpose, at, inquiry.action),
            restored=self._restored,
            declared=handling.is_declared(self.house.workspace, inquiry),
            agreed=handling.is_agreed(self.house.workspace, inquiry),
        )

    def _purpose(self, name: str) -> Purpose:
        definition = self.house.workspace
        purpose = definition.purposes.get(name)
        if purpose is None:
            raise errors.NotFound(
                f"There is no purpose called {name!r}",
                expected=f"one of: {', '.join(definition.purposes)}",
                remedy="check the spelling, or add it to amana.toml",
            )
        return purpose

    def _epoch(self, notice: str, known_at: int | None) -> int:
        """How many material changes a notice had seen, as far as the ledger knew."""
        if known_at is None:
            return self._epochs.get(notice, 1)
        told = (one.event for one in history.of_person(self.house, 0, before=known_at))
        versions = (event for event in told if isinstance(event, events.Notice))
        return max((one.epoch for one in versions if one.notice.rpartition("@")[0] == notice), default=1)

    def _read(self, person: int, plan: Plan) -> Read | None:
        question = plan.question
        phone = question.channel in PHONE_CHANNELS
        return self._reader.person(person, question.cell, plan.ask.at, phone=phone)

    def _facts(self, read: Read, plan: Plan) -> tuple[Facts, Regime]:
        return self.project(read.state, plan, read.registry_hits, read.sent)

    def project(
        self, state: PersonState, plan: Plan, registry_hits: int, sent: tuple[int, int, int]
    ) -> tuple[Facts, Regime]:
        """Facts and regime of a state for a planned question."""
        return self._projected(state, plan, registry_hits, sent)[:2]

    def _projected(
        self, state: PersonState, plan: Plan, registry_hits: int, sent: tuple[int, int, int]
    ) -> tuple[Facts, Regime, Claim | None]:
        """The same, with the grant that counts."""
        reader = self.house.reader
        about = facts.person_facts(state, 0, reader.born(state), suppressed=False, topics=self.topics)
        found, claim = facts.project_with_grant(
            state,
            plan.question.cell,
            about,
            never_target_flag=NEVER_TARGET,
            registry_hits=registry_hits,
            sent=sent,
        )
        return found, reader.regime(state), claim

    def answer(
        self, read: Read, inquiry: Asked, plan: Plan, known_at: int | None = None, *, seen: Seen | None = None
    ) -> Decision:
        """The decision about a state that was read; `seen` is what an engine saw of it already."""
        cell = plan.question.cell
        if seen is None:
            found, regime, claim = self._projected(read.state, plan, read.registry_hits, read.sent)
            seen = Seen(found, regime, rules.deny_bits(found, plan.law(regime), plan.ask))
        else:
            claim = facts.counting_grant(read.state, cell) if seen.facts.granted else None
        found = seen.facts
        refused = found.objected or found.withdrawn or found.refused or found.invalidated
        return decision.explained(
            seen.bits,
            found,
            seen.regime,
            plan,
            grant=claim.event.hex() if claim else "",
            refusals=tuple(one.event.hex() for one in facts.binding_refusals(read.state, cell))
            if refused
            else (),
            ledger_size=read.ledger_size,
            later=self.later(inquiry, known_at),
            with_remedies=self._with_remedies,
        )

    def nobody(
        self, inquiry: Asked, plan: Plan, size: int, known_at: int | None = None, *, suppressed: bool = False
    ) -> Decision:
        """The decision about whoever is not known, in a ledger of a size."""
        return decision.decide(
            facts.nobody(0, suppressed=suppressed),
            Regime(),
            plan,
            ledger_size=size,
            later=self.later(inquiry, known_at),
            with_remedies=self._with_remedies,
        )

    def later(self, inquiry: Asked, known_at: int | None = None) -> Callable[[int], Plan]:
        """The plan of a question at any other moment, made anew each time."""
        return lambda at: Plan(self.house.book, self._question(inquiry, at, known_at), self.house.is_holiday)


def _assessed(purpose: Purpose, at: int, action: str = "") -> bool:
    """Whether a current assessment is on file, for the use asked about if it is one."""
    found = purpose.assessment
    on = datetime.fromtimestamp(at, UTC).date()
    return found is not None and found.on <= on <= found.review_by and (not action or action in found.covers)


def _cap(value: int | None) -> int:
    return facts.NO_CAP if value is None else value


def log_size(house: House) -> int:
    """How many events the ledger holds."""
    with house.database.read() as connection:
        latest = log.latest(connection)
    return latest.size if latest else 0
