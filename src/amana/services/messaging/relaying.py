"""Relaying: one marketing message to many people, a copy each, and none without a permit redeemed for it.

Rule. For each copy, in this order: everybody who holds the address is asked about, with what the message will carry; a
permit is taken and redeemed, in one transaction with the copy's own links; the answer is asked for once more, because a
batch takes a moment; the copy is handed to the relay; its answer is written down before the sender hears of it. Whoever
withdrew in between gets nothing. The same content goes to the same person once within a day, which is looked up in the
transaction that takes the permit: whoever submits it again is told what became of the first copy. What nobody wrote down
is never told as sent: it is in hand (ask again), or its process died, and then it is not repeated, because twice would be
worse than never. If the relay cannot take a copy now, the copy waits as a task, and needs a permit of its own when its
time comes. A message without the organisation's postal address in its footer does not leave.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from amana import errors
from amana.core import facts, messages
from amana.core import state as states
from amana.core.decision import Decision
from amana.core.messages import Declared, MessageFacts
from amana.core.vocabulary import Channel, RuleClass
from amana.delivery import letters
from amana.delivery.gate import Carried, Errand, Refused
from amana.delivery.raw import Raw
from amana.delivery.stamping import Footer, Stamp, Way
from amana.services.gate import permits
from amana.services.gate.asking import Gate, Inquiry
from amana.services.gate.permits import Request, Taken
from amana.services.law_book import renewing
from amana.services.law_book.renewing import FRESH
from amana.services.record import addresses, links, tasks
from amana.services.record.house import House
from amana.services.record.links import MessageLinks
from amana.services.record.posting import Post
from amana.services.record.writing import Session
from amana.storage import people
from amana.storage import permits as permit_rows
from amana.storage.permits import Fate, Settled
from amana.storage.tasks import DONE, NOT_REPEATED, READY

BATCH = 50  # permits that are taken in one durable write
HANDS = 6  # copies of one message that are on their way to the relay at once
ONCE_WITHIN = 86_400  # seconds
IN_HAND_WITHIN = (
    900  # seconds; fifty copies by six hands, nine rounds of at most nine answers of ten seconds each
)
HAD, IN_HAND = "had_already", "in_hand"
MOST_GATES = 6  # each holds a connection


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient who may be written to: the address as given, and everybody who holds it."""

    recipient: str
    holders: tuple[int, ...]
    language: str


class Outcome(NamedTuple):
    """What became of one copy."""

    target: Target
    code: str = ""  # why it did not leave; "" for one that the relay took
    later: bool = False  # another try may pass: the clock, or the relay
    after: int = 0  # seconds that the relay asked us to wait; 0 where it said nothing


class Permitted(NamedTuple):
    """A copy that may be handed over now."""

    target: Target
    made: MessageLinks
    permit: bytes  # of the first holder; what became of the copy is found under it


class Gates:
    """A few gates, each used by one thread at a time, and made anew when it is a second old."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._renewer = renewing.Renewer(house)
        self._idle: list[tuple[Gate, float]] = []
        self._writing: tuple[Gate, float] | None = None
        self._free = threading.BoundedSemaphore(MOST_GATES)

    @contextmanager
    def held(self) -> Iterator[Gate]:
        """One of the gates, for a moment."""
        self._renewer.look()
        with self._free:
            gate, made = self._fresh(self._idle.pop() if self._idle else None)
            try:
                yield gate
            finally:
                self._idle.append((gate, made))

    def in_turn(self) -> Gate:
        """The gate of the writers' turn: whoever has the turn is alone with it, so that nobody waits with a gate held."""
        self._writing = self._fresh(self._writing)
        return self._writing[0]

    def _fresh(self, held: tuple[Gate, float] | None) -> tuple[Gate, float]:
        if held is not None and time.monotonic() - held[1] <= FRESH:
            return held
        if held is not None:
            held[0].close()
        return Gate(self._house), time.monotonic()

    def close(self) -> None:
        """Give back the connections."""
        while self._idle:
            self._idle.pop()[0].close()
        if self._writing is not None:
            self._writing[0].close()
            self._writing = None


class Relaying:
    """Sends marketing for one workspace. Any number of threads may use one."""

    def __init__(self, house: House, post: Post) -> None:
        self._house, self._post, self._gates = house, post, Gates(house)

    def asked(self, inquiry: Inquiry, recipient: str) -> Refused | None:
        """Why somebody may not be written to now; None if they may. Raises NotFound, BadInput."""
        found = self.target(recipient, inquiry)
        return found if isinstance(found, Refused) else None

    def carry(
        self, errand: Errand, message: Raw, content: bytes, recipients: Sequence[str], *, partial: bool
    ) -> Carried:
        """Send a copy to each who may have it, or, unless `partial`, to nobody if one may not."""
        stamp = Stamp(message, content)
        inquiry = self.inquiry(errand, stamp)
        found = list(self.targets(list(dict.fromkeys(recipients)), inquiry).values())
        targets = [one for one in found if isinstance(one, Target)]
        refused = [one for one in found if isinstance(one, Refused)]
        if refused and not partial:
            return Carried(refused=tuple(refused))
        done = Carried(refused=tuple(refused))
        for start in range(0, len(targets), BATCH):
            done = _together(done, self._carried(stamp, inquiry, targets[start : start + BATCH], content))
        return done

    def _carried(self, stamp: Stamp, inquiry: Inquiry, targets: Sequence[Target], content: bytes) -> Carried:
        """Send one batch, to whom it did not go before; copies that the relay cannot take now become tasks."""
        since = self._house.clock() - ONCE_WITHIN
        permitted, turned = self.permitted(stamp, inquiry, targets, once_since=since)
        became = self._handed_over(stamp, inquiry, permitted)
        self._settle([(one, what) for one, what in zip(permitted, became, strict=True) if not what.later])
        for one, what in zip(permitted, became, strict=True):
            if what.later:
                self._queue(inquiry, one, what, content)
        refused = [one for one in turned if one.code != HAD] + [one for one in became if not one.later]
        now = Carried(
            sent=sum(not one.code for one in became),
            queued=sum(one.later for one in became),
            refused=tuple(Refused(code=one.code, later=one.later) for one in refused if one.code),
        )
        return _together(now, self._known(stamp, [one.target for one in turned if one.code == HAD], since))

    def send(self, stamp: Stamp, inquiry: Inquiry, target: Target) -> Outcome:
        """Send one copy now, and say what became of it."""
        permitted, refused = self.permitted(stamp, inquiry, [target])
        return refused[0] if refused else self._handed_over(stamp, inquiry, permitted)[0]

    def _handed_over(self, stamp: Stamp, inquiry: Inquiry, permitted: Sequence[Permitted]) -> list[Outcome]:
        """Give each copy to the relay, several at a time: most of it is waiting for the relay's answers."""
        if len(permitted) <= 1:
            return [self.hand_over(stamp, inquiry, one.target, one.made) for one in permitted]
        with ThreadPoolExecutor(HANDS, "amana-relay") as pool:
            return list(pool.map(lambda one: self.hand_over(stamp, inquiry, one.target, one.made), permitted))

    def _settle(self, copies: Sequence[tuple[Permitted, Outcome]]) -> None:
        """Write down what became of copies before anybody is told."""
        rows = [Settled(one.permit, one.target.holders[0], what.code) for one, what in copies]
        if rows:
            self._house.writing().write(
                lambda session: permit_rows.settle(session.connection, rows, session.now)
            )

    def _known(self, stamp: Stamp, targets: Sequence[Target], since: int) -> Carried:
        """What became of the copies that these people had a permit redeemed for already."""
        if not targets:
            return Carried()
        everybody = [one for target in targets for one in target.holders]
        with self._house.database.read() as connection:
            found = permit_rows.fates(connection, stamp.content, everybody, since)
        now, done = self._house.clock(), Carried()
        for target in targets:
            done = _together(done, _fate([one for one in found if one.person in target.holders], now))
        return done

    def hand_over(
        self, stamp: Stamp, inquiry: Inquiry, target: Target, made: MessageLinks, head: bytes = b""
    ) -> Outcome:
        """Ask once more, and give one copy to the relay; `head` are header fields of this copy alone."""
        with self._gates.held() as gate:
            decision = _strictest(gate, target.holders, inquiry)
        if any(reason.kind is not RuleClass.TIMING for reason in decision.reasons):
            return Outcome(target, decision.reasons[0].code)
        copy = head + stamp.copy(self._footer(inquiry, target, made), self._way(inquiry, made))
        try:
            self._post.transport.send(
                self._post.return_path(made.token), target.recipient, self._post.signed(copy)
            )
        except errors.Undeliverable as trouble:
            return Outcome(target, trouble.what)
        except errors.NotNow as trouble:
            return Outcome(target, trouble.what, later=True, after=trouble.after)
        return Outcome(target)

    def close(self) -> None:
        """Give back connections."""
        self._gates.close()

    def target(self, recipient: str, inquiry: Inquiry) -> Target | Refused:
        """One recipient, or why not. Raises NotFound, BadInput."""
        return self.targets([recipient], inquiry)[recipient]

    def targets(self, recipients: Sequence[str], inquiry: Inquiry) -> dict[str, Target | Refused]:
        """Each recipient, or why not. Raises NotFound, BadInput."""
        with self._gates.held() as gate:
            return self._sorted_by(gate, inquiry, list(recipients))

    def had(self, stamps: Sequence[Stamp], targets: Sequence[Target], since: int) -> set[int]:
        """Who of these had a permit redeemed for one of these contents since a moment: they have the message already."""
        everybody = [one for target in targets for one in target.holders]
        contents = [stamp.content for stamp in stamps]
        with self._house.database.read() as connection:
            return permit_rows.redeemed_with(connection, contents, everybody, since)

    # ---- who may -------------------------------------------------------------------------------------------------

    def _sorted_by(self, gate: Gate, inquiry: Inquiry, recipients: list[str]) -> dict[str, Target | Refused]:
        typed = gate.typed(recipients)
        with self._house.database.read() as connection:
            held = addresses.holders(connection, typed)
            rows = people.get(connection, [one for pairs in held.values() for one, _ in pairs])
        found: dict[str, Target | Refused] = {}
        for recipient, address in zip(recipients, typed, strict=True):
            pairs = held.get(address.blind, [])
            holders = tuple(sorted({person for person, _ in pairs}))
            reason = (
                _refused(_strictest(gate, holders, inquiry))
                if holders
                else _refused(gate.ask_address(recipient, inquiry)[0])
            )
            if reason is None and not all(_in_use(rows[one].state, ordinal) for one, ordinal in pairs):
                reason = Refused(code="address_not_in_use")
            if reason is not None:
                found[recipient] = reason
                continue
            spoken = next(
                (states.attribute(rows[one].state, "language") for one in holders if one in rows), ""
            )
            language = letters.known(spoken or self._house.workspace.organisation.languages[0])
            found[recipient] = Target(recipient=recipient, holders=holders, language=language)
        return found

    def permitted(
        self, stamp: Stamp, inquiry: Inquiry, targets: Sequence[Target], *, once_since: int | None = None
    ) -> tuple[list[Permitted], list[Outcome]]:
        """Those whose permits were taken and redeemed just now, with their links; and the reasons of the others.

        With `once_since`, a UTC second, whoever had a permit redeemed for this content since then is among the others,
        with the code `HAD`. That is looked up in the writers' turn, so that of two who submit it together one is first.
        """

        def work(session: Session) -> tuple[list[Permitted], list[Outcome]]:
            gate = self._gates.in_turn()
            fresh, had = self._fresh(session, stamp, targets, once_since)
            requests = [
                Request(person=one, inquiry=inquiry, content=stamp.content)
                for target in fresh
                for one in target.holders
            ]
            answers = iter(permits.taking(self._house, gate, requests)(session))
            taken = [(target, [next(answers) for _ in target.holders]) for target in fresh]
            whole = [one for one in taken if _all(one[1])]
            wanted = [(answer.permit, stamp.content, inquiry) for _, own in whole for answer in own]
            redeemed = {one.permit for one in permits.redeeming(self._house, gate, wanted)(session) if one.ok}
            good = [(target, own[0].permit) for target, own in taken if _good(own, redeemed)]
            refused = [_denied(target, own) for target, own in taken if not _good(own, redeemed)]
            made = self._links(session, inquiry, [target for target, _ in good])
            permitted = [Permitted(target, own, one) for (target, one), own in zip(good, made, strict=True)]
            return permitted, refused + [Outcome(target, HAD) for target in had]

        return self._house.writing().write(work)

    def _fresh(
        self, session: Session, stamp: Stamp, targets: Sequence[Target], since: int | None
    ) -> tuple[list[Target], list[Target]]:
        """Who did not have this content since a moment, and who did, or shares a holder with one before them."""
        if since is None:
            return list(targets), []
        everybody = [one for target in targets for one in target.holders]
        had = permit_rows.redeemed_with(session.connection, [stamp.content], everybody, since)
        fresh: list[Target] = []
        for target in targets:
            if had.isdisjoint(target.holders):
                fresh.append(target)
                had.update(target.holders)
        return fresh, [target for target in targets if target not in fresh]

    def _links(self, session: Session, inquiry: Inquiry, targets: Sequence[Target]) -> list[MessageLinks]:
        cell = session.terms.cell(inquiry.brand, inquiry.purpose, inquiry.channel.value)
        people = [(target.holders[0], target.language) for target in targets]
        return links.for_messages(self._house, session, people, cell)

    # ---- what it carries -----------------------------------------------------------------------------------------

    def inquiry(self, errand: Errand, stamp: Stamp) -> Inquiry:
        """The question that a stamped message asks. Raises BadInput without a postal address."""
        organisation = self._house.workspace.organisation
        if not organisation.address:
            raise errors.BadInput("The footer needs a postal address", got="postal_address_missing")
        carried = MessageFacts(
            channel=Channel.EMAIL,
            declared=Declared.MARKETING,
            promotional=True,
            subject=stamp.subject,
            opening=stamp.opening,
            sender_named=True,  # what the footer and the header say
            postal_address=True,
            contact=True,
            unsubscribe_link=True,
            unsubscribe_reply=True,
            refusal_email=True,
            shown_as_advertising=True,
            objection_shown=True,
            header_accurate=True,  # what the sending system vouches for; see docs/delivery.md
            subject_honest=True,
        )
        return Inquiry(
            brand=errand.brand,
            purpose=errand.purpose,
            channel=Channel.EMAIL,
            message=messages.inspect(carried),
        )

    def _footer(self, inquiry: Inquiry, target: Target, made: MessageLinks) -> Footer:
        organisation = self._house.workspace.organisation
        return Footer(
            language=target.language,
            brand=self._house.workspace.brands[inquiry.brand].name,
            address=organisation.address,
            contact=organisation.contact,
            leave=made.unsubscribe,
            choices=made.preferences,
            why=made.why,
        )

    def _way(self, inquiry: Inquiry, made: MessageLinks) -> Way:
        return Way(
            one_click=made.unsubscribe,
            by_mail=self._post.return_path(made.token),
            list_id=f"{inquiry.purpose}.{inquiry.brand}.{self._post.domain}",
        )

    def _queue(self, inquiry: Inquiry, one: Permitted, became: Outcome, content: bytes) -> None:
        target, after = one.target, min(became.after, tasks.LONGEST_PAUSE)
        payload = {
            "template": "passed_on",
            "brand": inquiry.brand,
            "purpose": inquiry.purpose,
            "recipient": target.recipient,
            "content": base64.b64encode(content).decode(),
        }
        key = permit_rows.key(one.permit)

        def work(session: Session) -> None:
            due = session.now + after
            tasks.add(self._house, session, "mail", key, target.holders[0], payload, due)

        self._house.writing().write(work)


def _together(one: Carried, other: Carried) -> Carried:
    return Carried(
        sent=one.sent + other.sent, queued=one.queued + other.queued, refused=one.refused + other.refused
    )


def _fate(found: Iterable[Fate], now: int) -> Carried:
    """What is told of one copy that went before; never "sent" if nobody wrote that down."""
    latest = sorted(found, key=lambda one: one.redeemed, reverse=True)
    known = [one for one in latest if one.state]
    if any(one.state == DONE and not one.trouble for one in known):
        return Carried(sent=1)
    if any(one.state == READY for one in known):
        return Carried(queued=1)
    if known:
        return Carried(refused=(Refused(code=known[0].trouble),))
    if any(one.redeemed <= now - IN_HAND_WITHIN for one in latest[:1]):
        return Carried(refused=(Refused(code=NOT_REPEATED),))
    return Carried(refused=(Refused(code=IN_HAND, later=True),))


def _all(taken: Sequence[Taken]) -> bool:
    return all(answer.permit for answer in taken)


def _good(taken: Sequence[Taken], redeemed: set[bytes]) -> bool:
    return all(answer.permit in redeemed for answer in taken)


def _denied(target: Target, taken: Sequence[Taken]) -> Outcome:
    """Why a copy has no permit: a holder is denied one, or it could not be redeemed after all."""
    no = next((answer for answer in taken if not answer.permit), None)
    if no is None:
        return Outcome(target, "permit_not_redeemed")
    return Outcome(target, no.reasons[0], later=no.only_timing)


def _in_use(state: states.PersonState, ordinal: int) -> bool:
    """Whether an address is the one that permission is about: another of the person's inherits none."""
    return facts.current_point(state, Channel.EMAIL) == ordinal


def _strictest(gate: Gate, holders: Sequence[int], inquiry: Inquiry) -> Decision:
    answers = [gate.ask(one, inquiry) for one in holders]
    return max(answers, key=lambda answer: len(answer.reasons))


def _refused(decision: Decision) -> Refused | None:
    if decision.allow:
        return None
    timing = all(reason.kind is RuleClass.TIMING for reason in decision.reasons)
    return Refused(code=decision.reasons[0].code, later=timing)
