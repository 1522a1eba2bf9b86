"""Permits: a screen is advice; to act, a sender takes a permit in the moment of acting.

Rule. Taking is one transaction in the writer's turn: states are read again, the decision is made, contacts sent and
permits in flight are counted against the caps, and a permit is written that is good once, for `LIFE` seconds, for one
content. Redeeming is another such transaction: states are read again, so that a withdrawal that was answered before is
never missed, because both take the same turn. Only delivery redeems. The redeemed permit is what answers "why did I get
this?" later, and permits against withdrawals are the proof that nobody was contacted after leaving.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from amana import errors
from amana.core import decision, facts, rules
from amana.core.facts import NO_CAP, Facts
from amana.core.plan import Plan
from amana.core.regimes import Regime
from amana.core.vocabulary import PHONE_CHANNELS
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import permits, register, registries
from amana.storage.permits import PermitRow
from amana.storage.reading import DAY

LIFE = 60  # seconds


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to send to one person."""

    person: int
    inquiry: Inquiry
    content: bytes  # SHA-256 of the message, 32 bytes


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one request: a permit, or the reasons why not."""

    person: int
    permit: bytes = b""  # 16 bytes; empty when denied
    expires: int = 0
    reasons: tuple[str, ...] = ()
    only_timing: bool = False  # nothing but the clock denies: try again later


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one redemption."""

    permit: bytes
    person: int = 0
    ok: bool = False
    reasons: tuple[str, ...] = ()  # a rule's code, or: unknown_permit, used, expired, other_content


def take(house: House, gate: Gate, requests: Sequence[Request]) -> list[Taken]:
    """Take permits for a batch, durably. Raises NotFound for words the workspace lacks."""
    return house.writing().write(taking(house, gate, requests))


def taking(house: House, gate: Gate, requests: Sequence[Request]) -> Callable[[Session], list[Taken]]:
    """The work of `take`, for a sender that redeems in the same transaction."""
    if any(len(request.content) != 32 for request in requests):
        raise errors.BadInput("A permit is bound to the SHA-256 of its content", expected="32 bytes")
    noise = house.random(16 * len(requests))

    def work(session: Session) -> list[Taken]:
        desk = _Desk(house, gate, session, [request.person for request in requests])
        answers: list[Taken] = []
        rows: list[PermitRow] = []
        for index, request in enumerate(requests):
            plan = gate.plan(request.inquiry, session.now)
            found, regime = desk.facts(request.person, plan)
            bits = rules.deny_bits(found, plan.law(regime), plan.ask)
            if bits:
                answers.append(_denied(request.person, bits))
                continue
            row = desk.permit(noise[16 * index : 16 * index + 16], request, plan)
            rows.append(row)
            answers.append(Taken(person=request.person, permit=row.id, expires=row.expires))
        permits.put(session.connection, rows)
        return answers

    return work


def redeem(house: House, gate: Gate, wanted: Sequence[tuple[bytes, bytes, Inquiry]]) -> list[Redeemed]:
    """Redeem a batch of (permit, content hash, inquiry) in the moment of sending. Only delivery calls this."""
    return house.writing().write(redeeming(house, gate, wanted))


def redeeming(
    house: House, gate: Gate, wanted: Sequence[tuple[bytes, bytes, Inquiry]]
) -> Callable[[Session], list[Redeemed]]:
    """The work of `redeem`, for a sender that also took in the same transaction."""

    def work(session: Session) -> list[Redeemed]:
        held = permits.get(session.connection, [permit for permit, _, _ in wanted])
        desk = _Desk(house, gate, session, [row.person for row in held.values()])
        answers = [
            _redeem(desk, held.get(permit), permit, content, inquiry) for permit, content, inquiry in wanted
        ]
        good = [answer.permit for answer in answers if answer.ok]
        permits.redeem(session.connection, good, session.now)
        register.note_sent(
            session.connection, [(held[one].person, held[one].cell, session.now) for one in good]
        )
        return answers

    return work


class _Desk:
    """The people of one batch, read again in the transaction, with their contacts so far."""

    def __init__(self, house: House, gate: Gate, session: Session, people: Sequence[int]) -> None:
        self.session = session
        self.gate = gate
        session.load(people)
        self._contacts = permits.contacts(session.connection, people, session.now - 30 * DAY, session.now)
        self._hits: dict[int, int] | None = None
        self._spent: set[bytes] = set()

    def facts(self, person: int, plan: Plan, own: PermitRow | None = None) -> tuple[Facts, Regime]:
        """A person's facts now; `own` is the permit that is being redeemed and does not count against itself."""
        held = self.session.people.get(person)
        if held is None:
            return facts.nobody(0, suppressed=False), Regime()
        hits = self._listed(person) if plan.question.channel in PHONE_CHANNELS else 0
        return self.gate.project(held.state, plan, hits, self._sent(person, plan, own))

    def permit(self, permit_id: bytes, request: Request, plan: Plan) -> PermitRow:
        """A new permit, counted at once against the next request of the batch."""
        now, cell = self.session.now, plan.question.cell
        self._contacts.setdefault(request.person, []).append((cell, now))
        claim = facts.counting_grant(self.session.people[request.person].state, cell)
        return PermitRow(
            permit_id,
            request.person,
            cell,
            now,
            now + LIFE,
            request.content,
            self.session.ledger_size,
            plan.book.version,
            claim.event.hex() if claim else "",
            None,
        )

    def spend(self, permit_id: bytes) -> bool:
        """Whether this is the first redemption of a permit in the batch."""
        first = permit_id not in self._spent
        self._spent.add(permit_id)
        return first

    def _sent(self, person: int, plan: Plan, own: PermitRow | None) -> tuple[int, int, int]:
        cell, now = plan.question.cell, self.session.now
        contacts = [
            at
            for place, at in self._contacts.get(person, ())
            if place >> 24 == cell >> 24 and place & 0xFF == cell & 0xFF
        ]
        if own is not None and own.taken in contacts:
            contacts.remove(own.taken)
        day, week = (sum(1 for at in contacts if at > now - days * DAY) for days in (1, 7))
        return min(day, NO_CAP), min(week, NO_CAP), min(len(contacts), NO_CAP)

    def _listed(self, person: int) -> int:
        if self._hits is None:
            self._hits = {}
            for one, code in registries.listed_people(self.session.connection, list(self.session.people)):
                self._hits[one] = self._hits.get(one, 0) | 1 << code
        return self._hits.get(person, 0)


def _redeem(desk: _Desk, row: PermitRow | None, permit: bytes, content: bytes, inquiry: Inquiry) -> Redeemed:
    trouble = _trouble(desk, row, content, inquiry)
    if trouble or row is None:
        return Redeemed(permit=permit, reasons=(trouble or "unknown_permit",))
    plan = desk.gate.plan(inquiry, desk.session.now)
    found, regime = desk.facts(row.person, plan, own=row)
    bits = rules.deny_bits(found, plan.law(regime), plan.ask)
    if bits:
        return Redeemed(permit=permit, person=row.person, reasons=decision.codes(bits))
    return Redeemed(permit=permit, person=row.person, ok=True)


def _trouble(desk: _Desk, row: PermitRow | None, content: bytes, inquiry: Inquiry) -> str:
    """Why a permit is not good, or nothing."""
    if row is None:
        return "unknown_permit"
    cell = desk.session.terms.cell(inquiry.brand, inquiry.purpose, inquiry.channel.value)
    if row.content != content or row.cell != cell:
        return "other_content"
    if row.redeemed is not None or not desk.spend(row.id):
        return "used"
    return "expired" if row.expires < desk.session.now else ""


def _denied(person: int, bits: int) -> Taken:
    return Taken(person=person, reasons=decision.codes(bits), only_timing=not bits & ~rules.TIMING_BITS)
