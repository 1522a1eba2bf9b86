"""Mailings: one message, for one purpose, to an audience that is screened, each copy with a permit of its own.

Rule. A mailing is a row in the task table, and so is each copy. The screen says who gets a copy: everybody who may be
contacted now, and those whom only the clock stops, who wait. Everybody else is left out and counted by reason. What
counts is asked in the moment of sending: the permit is taken and redeemed, and the answer is asked for once more before
the copy is handed over, so that whoever withdraws while it runs gets nothing after their answer. Whoever got the message
already, in whatever language, does not get it twice: that is also what happens to the few copies that a killed process
had in hand, of which nobody can know. A mailing goes on where it stood after any interruption; stopping it leaves what
waits where it is, and it can go on later; after `hours` what still waits is dropped. Only e-mail is sent in this release.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import msgspec
import numpy as np

from amana import errors
from amana.core import decision, facts, rules
from amana.core.vocabulary import Channel
from amana.delivery import composing, letters, raw
from amana.delivery.composing import Outgoing
from amana.delivery.gate import Errand, Refused
from amana.delivery.letters import Letter
from amana.delivery.stamping import Stamp
from amana.ledger import sealing
from amana.services.audience import screening_apart
from amana.services.audience.screening import Screened
from amana.services.gate.asking import Inquiry
from amana.services.messaging.relaying import Outcome, Permitted, Relaying, Target
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.posting import Post
from amana.services.record.writing import Session, point_context
from amana.storage import mailings, people, points
from amana.storage import tasks as task_rows
from amana.storage.mailings import HeadRow
from amana.storage.tasks import DONE, FAILED, READY, STOPPED, TaskRow

HOURS = 72  # after which what still waits is dropped
MOST_HOURS = 24 * 14
QUEUED_AT_ONCE = 500  # copies to a transaction
BATCH = 20  # copies whose permits are taken in one transaction
THREADS = 8  # that hand copies over
TURN = 2.0  # seconds after which a mailing lets other tasks go before it
CLOCK = 900  # seconds until a copy that only the clock stops is asked about again
MOST_LISTED = 200
GOT_IT = "got_it_already"
TOO_LATE = "too_late"


class Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The message in one language."""

    subject: str
    text: str
    html: str = ""  # made from the text if it is left out


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent, and to whom."""

    inquiry: Inquiry
    letters: dict[str, Text]  # by language
    people: tuple[int, ...] | None = None  # None: everybody
    unknown: int = 0  # entries of the audience that belong to nobody, for the count alone
    hours: int = HOURS
    by: str = ""  # who started it


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How a mailing stands. No field names a person."""

    id: str
    state: str  # preview | queueing | sending | stopped | done, or the code of what ended it
    brand: str
    purpose: str
    channel: str
    languages: tuple[str, ...]
    made: int  # UTC second
    ends: int  # when what still waits is dropped
    by: str
    audience: int  # people asked about
    chosen: int  # who get a copy, if they still may in the moment of sending
    left_out: dict[str, int]  # by the reason shown first
    sent: int
    waiting: dict[str, int]  # by what they wait for; "" for their turn
    not_sent: dict[str, int]  # by code


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a mailing's row."""

    order: Order
    audience: int
    chosen: int
    left_out: dict[str, int]
    wanted: str = ""  # the ids of `order.people`, packed, until all copies are queued
    queued: bool = False


def read_letters(text: str) -> dict[str, Text]:
    """A message's languages from TOML: a table `[en]` with `subject`, `text` and, if wanted, `html`. Raises BadInput."""
    try:
        found = msgspec.toml.decode(text, type=dict[str, Text])
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise errors.BadInput(
            "The message's file cannot be read",
            expected="TOML with a table for each language, such as [en], each with subject and text",
            got=str(bad),
            remedy="mend it; docs/delivery.md shows one",
        ) from bad
    return found


def preview(house: House, order: Order) -> Told:
    """Whom a mailing would reach if it started now; nothing is recorded, and nothing needs to be able to leave.

    Raises BadInput, NotFound.
    """
    held = _planned(house, order)
    return _described(held, id="", state="preview", made=house.clock())


def start(house: House, order: Order) -> Told:
    """Start a mailing; workers do the rest. Raises BadInput, NotFound, BadWorkspace."""
    _can_leave(house)
    held = _planned(house, order)
    number = house.random(8).hex()

    def work(session: Session) -> None:
        tasks.add(house, session, mailings.HEAD, mailings.key(number), 0, msgspec.to_builtins(held))

    house.writing().write(work)
    return told(house, number)


def stop(house: House, number: str) -> Told:
    """Send no more of a mailing; copies in hand may still leave. Raises NotFound, Conflict."""
    return _moved(house, number, (READY,), FAILED, STOPPED, "it is not running")


def go_on(house: House, number: str) -> Told:
    """Go on with a mailing that was stopped. Raises NotFound, Conflict."""
    return _moved(house, number, (FAILED,), READY, "", "it was not stopped")


def told(house: House, number: str) -> Told:
    """How a mailing stands. Raises NotFound."""
    with house.database.read() as connection:
        head = mailings.head(connection, number)
        tally = mailings.tally(connection, number)
    if head is None:
        raise _unknown()
    return _told(house, head, tally)


def every(house: House) -> list[Told]:
    """The latest mailings, newest first."""
    with house.database.read() as connection:
        heads = mailings.heads(connection, MOST_LISTED)
        tallies = [mailings.tally(connection, _number(head.key)) for head in heads]
    return [_told(house, head, tally) for head, tally in zip(heads, tallies, strict=True)]


class Mailer:
    """The worker of the tasks `mailing`. Any number of threads and processes may have one."""

    def __init__(self, house: House, post: Post, relaying: Relaying) -> None:
        self._house, self._post, self._relaying = house, post, relaying

    def work(self, _house: House, row: TaskRow, payload: Mapping[str, Any]) -> int | None:
        """Go on with a mailing for a moment; in how many seconds it wants to go on, 0 if it is over."""
        number, held = _number(row.key), msgspec.convert(payload, _Held)
        until = monotonic() + TURN
        if not held.queued and not self._queue(number, held, until):
            return 0
        run = _Run(self._house, self._post, self._relaying, number, held)
        while monotonic() < until:
            claimed = self._claimed(number, held.order.hours)
            if not claimed:
                break
            run.send(claimed)
        return self._pause(number)

    def _queue(self, number: str, held: _Held, until: float) -> bool:
        """Add the copies of those who are chosen; whether all are there."""
        wanted = _unpacked(held.wanted) if held.wanted else None
        chosen = _chosen(_screen(self._house, held.order.inquiry, wanted))

        def work(session: Session) -> bool:
            if not mailings.is_running(session.connection, number):
                return False
            rest = chosen[chosen > mailings.highest(session.connection, number)][:QUEUED_AT_ONCE]
            mailings.add_copies(session.connection, number, rest.tolist(), session.now)
            if len(rest) == QUEUED_AT_ONCE:
                return True
            over = msgspec.to_builtins(msgspec.structs.replace(held, queued=True, wanted=""))
            sealed = tasks.sealed(self._house, session, mailings.key(number), 0, over)
            mailings.set_payload(session.connection, number, sealed)
            return False

        more = True
        while more and monotonic() < until:
            more = self._house.writing().write(work)
        return not more

    def _claimed(self, number: str, hours: int) -> list[TaskRow]:
        def work(session: Session) -> list[TaskRow]:
            head = mailings.head(session.connection, number)
            if head is None or head.state != READY or head.made + hours * 3600 <= session.now:
                return []
            kinds, now = [mailings.copies(number)], session.now
            return task_rows.claim(session.connection, kinds, now, now + tasks.LEASE, BATCH)

        return self._house.writing().write(work)

    def _pause(self, number: str) -> int:
        """Seconds until the next copy is due; ends a mailing that is over."""

        def work(session: Session) -> int:
            head = mailings.head(session.connection, number)
            if head is None or head.state != READY:
                return 0
            held = _opened(self._house, head)
            if held.queued and head.made + held.order.hours * 3600 <= session.now:
                mailings.end(session.connection, number, TOO_LATE)
            due = mailings.next_due(session.connection, number)
            if due is not None:
                return max(0, due - session.now)
            if held.queued:
                mailings.set_state(session.connection, number, (READY,), DONE)
            return 0

        return self._house.writing().write(work)


class _Run:
    """One turn of one mailing: its messages as stamped, and what became of each copy."""

    def __init__(self, house: House, post: Post, relaying: Relaying, number: str, held: _Held) -> None:
        self._house, self._post, self._relaying, self._held = house, post, relaying, held
        self._number = number
        stamps = {language: self._stamp(language) for language in held.order.letters}
        errand = Errand(brand=held.order.inquiry.brand, purpose=held.order.inquiry.purpose)
        self._made = {
            language: (
                stamp,
                msgspec.structs.replace(relaying.inquiry(errand, stamp), topics=held.order.inquiry.topics),
            )
            for language, stamp in stamps.items()
        }

    def send(self, claimed: Sequence[TaskRow]) -> None:
        """Send the copies of one batch and write down what became of them."""
        became: dict[int, str] = {}  # by row id: "" for sent, else the code
        later: dict[int, Outcome] = {}
        addressed = self._addresses(claimed)
        became |= {row.id: "address_gone" for row in claimed if row.person not in addressed}
        rows: dict[str, list[TaskRow]] = {}
        for row in claimed:
            if row.person in addressed:
                rows.setdefault(addressed[row.person], []).append(row)
        for recipient, outcome in self._outcomes(rows).items():
            first, *others = rows[recipient]
            if outcome.later:
                later |= {row.id: outcome for row in rows[recipient]}
                continue
            became[first.id] = outcome.code
            for row in others:  # who share an address get one copy
                became[row.id] = outcome.code or GOT_IT
        self._settle(claimed, became, later)

    def _outcomes(self, rows: Mapping[str, Sequence[TaskRow]]) -> dict[str, Outcome]:
        """What became of the copy for each address."""
        plain = self._held.order.inquiry
        found: dict[str, Outcome] = {}
        groups: dict[str, list[Target]] = {}
        for recipient, target in self._relaying.targets(list(rows), plain).items():
            if isinstance(target, Refused):
                nobody = Target(recipient=recipient, holders=(), language="")
                found[recipient] = Outcome(nobody, target.code, target.later)
            else:
                groups.setdefault(self._language(target), []).append(target)
        stamps = [stamp for stamp, _ in self._made.values()]  # a language may have changed since a copy left
        for language, targets in groups.items():
            stamp, inquiry = self._made[language]
            had = self._relaying.had(stamps, targets, 0)
            # A try that ended with a known trouble did not reach anybody; of one that did not end, nobody knows.
            fresh = [
                one
                for one in targets
                if had.isdisjoint(one.holders) or any(row.trouble for row in rows[one.recipient])
            ]
            found |= {one.recipient: Outcome(one, GOT_IT) for one in targets if one not in fresh}
            found |= {one.target.recipient: one for one in self._sent(stamp, inquiry, fresh, rows)}
        return found

    def _sent(
        self,
        stamp: Stamp,
        inquiry: Inquiry,
        targets: Sequence[Target],
        rows: Mapping[str, Sequence[TaskRow]],
    ) -> list[Outcome]:
        permitted, refused = self._relaying.permitted(stamp, inquiry, targets)

        def hand_over(one: Permitted) -> Outcome:
            recipient = one.target.recipient
            key = rows[recipient][0].key
            head = composing.addressed(recipient, composing.message_id(key, self._post.domain))
            return self._relaying.hand_over(stamp, inquiry, one.target, one.made, head)

        with ThreadPoolExecutor(THREADS, "amana-mailing") as pool:
            return [*refused, *pool.map(hand_over, permitted)]

    def _settle(
        self, claimed: Sequence[TaskRow], became: Mapping[int, str], later: Mapping[int, Outcome]
    ) -> None:
        attempts = {row.id: row.attempts for row in claimed}

        def work(session: Session) -> None:
            for code in sorted(set(became.values())):
                ids = [one for one, said in became.items() if said == code]
                mailings.settle(session.connection, ids, code)
            for one, outcome in later.items():
                code = outcome.code
                if _is_timing(code):
                    mailings.put_off(session.connection, [one], session.now + CLOCK, code)
                elif attempts[one] >= tasks.MOST_ATTEMPTS:
                    task_rows.give_up(session.connection, one, code)
                else:
                    pause = max(tasks.pause(attempts[one]), min(outcome.after, tasks.LONGEST_PAUSE))
                    task_rows.again(session.connection, one, session.now + pause, code)

        self._house.writing().write(work)

    # ---- words and addresses -------------------------------------------------------------------------------------

    def _addresses(self, claimed: Sequence[TaskRow]) -> dict[int, str]:
        """The address in use of each person who has one."""
        ids = [row.person for row in claimed]
        with self._house.database.read() as connection:
            held, states = points.of_people(connection, ids), people.get(connection, ids)
        keys = self._house.keys.known_keys(set(ids))
        found: dict[int, str] = {}
        for one in ids:
            if one not in keys or one not in states:
                continue
            used = facts.current_point(states[one].state, Channel.EMAIL)
            row = next((row for row in held.get(one, ()) if row.ordinal == used), None)
            if row is not None:
                found[one] = sealing.unwrap(keys[one], row.sealed, point_context(one, used)).decode()
        return found

    def _language(self, target: Target) -> str:
        """The language of somebody's copy: their own if the message has it, else English, else its first."""
        known = self._held.order.letters
        return next((one for one in (target.language, "en") if one in known), next(iter(known)))

    def _stamp(self, language: str) -> Stamp:
        said = self._held.order.letters[language]
        sender = self._post.mail.sender
        key = f"{mailings.key(self._number)}/{language}"
        composed = composing.compose(
            Outgoing(
                sender=sender,
                sender_name=self._house.workspace.brands[self._held.order.inquiry.brand].name,
                recipient=sender,  # taken out again: each copy has its own
                message_id=composing.message_id(key, self._post.domain),
                date=self._house.clock(),
                language=language,
                subject=said.subject,
                text=said.text,
                html=said.html or letters.html(_letter(language, said)),
            )
        )
        content = b"%s\0%s" % (key.encode(), msgspec.json.encode(said))  # the same on every turn
        return Stamp(raw.read(composed).without((b"to", b"message-id")), content)


# ---- who, and how it stands -----------------------------------------------------------------------------------------


def _check(order: Order) -> None:
    """Whether there is a message that can be sent. Raises BadInput."""
    if order.inquiry.channel is not Channel.EMAIL:
        raise errors.BadInput("A mailing leaves by e-mail in this release", expected="the channel email")
    if not order.letters or any(
        not said.subject.strip() or not said.text.strip() for said in order.letters.values()
    ):
        raise errors.BadInput(
            "A mailing has no message",
            expected="a subject and a text in at least one language",
            remedy="write one",
        )
    strange = [language for language in order.letters if language not in letters.LANGUAGES]
    if strange:
        raise errors.BadInput(
            "A message's language is not known", expected=f"some of: {', '.join(letters.LANGUAGES)}"
        )
    if any(ord(sign) < 32 for said in order.letters.values() for sign in said.subject):
        raise errors.BadInput("A subject holds a line end or a control character", remedy="take it out")
    if not 1 <= order.hours <= MOST_HOURS:
        raise errors.BadInput("A mailing cannot wait so long", expected=f"1 to {MOST_HOURS} hours")


def _can_leave(house: House) -> None:
    """Whether mail leaves this workspace at all, and with what the law asks of each. Raises BadWorkspace."""
    if house.workspace.mail is None:
        raise errors.BadWorkspace(
            "The workspace does not say how mail leaves",
            expected="[mail] with sender and host",
            remedy="add it to amana.toml; see docs/delivery.md",
        )
    if not house.workspace.organisation.address:
        raise errors.BadWorkspace(
            "The workspace has no postal address, and no marketing leaves without one",
            expected="organisation.address",
            remedy="add it to amana.toml",
        )


def _planned(house: House, order: Order) -> _Held:
    """What is written down of a mailing when it starts."""
    _check(order)
    wanted = None if order.people is None else np.array(order.people, np.int64)
    screened = _screen(house, order.inquiry, wanted)
    unknown = screened.unknown + order.unknown
    return _Held(
        order=msgspec.structs.replace(order, people=None),
        audience=len(screened.people) + unknown,
        chosen=int(_chosen(screened).size),
        left_out=({"unknown_person": unknown} if unknown else {}) | _left_out(screened),
        wanted="" if order.people is None else _packed(order.people),
    )


def _screen(house: House, inquiry: Inquiry, wanted: np.ndarray[Any, Any] | None) -> Screened:
    screened = screening_apart.screened(house, inquiry)
    if wanted is None:
        return screened
    there = np.isin(screened.people, wanted)
    unknown = int(np.unique(wanted).size - there.sum())
    return screened._replace(people=screened.people[there], bits=screened.bits[there], unknown=unknown)


def _chosen(screened: Screened) -> np.ndarray[Any, Any]:
    """Who gets a copy: everybody whom nothing but the clock stops."""
    stopped = screened.bits & ~np.uint64(rules.TIMING_BITS)
    chosen: np.ndarray[Any, Any] = screened.people[stopped == 0]
    return chosen


def _left_out(screened: Screened) -> dict[str, int]:
    found: dict[str, int] = {}
    stopped = screened.bits[(screened.bits & ~np.uint64(rules.TIMING_BITS)) != 0]
    for bits, count in zip(*np.unique(stopped, return_counts=True), strict=True):
        first = decision.codes(int(bits))[0]
        found[first] = found.get(first, 0) + int(count)
    return found


def _packed(ids: Sequence[int]) -> str:
    gaps = np.diff(np.unique(np.array(ids, np.int64)), prepend=0)
    return base64.b64encode(zlib.compress(gaps.tobytes())).decode()


def _unpacked(text: str) -> np.ndarray[Any, Any]:
    ids: np.ndarray[Any, Any] = np.cumsum(
        np.frombuffer(zlib.decompress(base64.b64decode(text)), np.int64), dtype=np.int64
    )
    return ids


def _is_timing(code: str) -> bool:
    return code in rules.BY_CODE and bool(1 << rules.BY_CODE[code].bit & rules.TIMING_BITS)


def _letter(language: str, said: Text) -> Letter:
    paragraphs = tuple(" ".join(one.split()) for one in said.text.split("\n\n") if one.strip())
    return Letter(language=language, subject=said.subject, title=said.subject, paragraphs=paragraphs)


def _number(key: str) -> str:
    return key.rpartition("/")[2]


def _opened(house: House, head: HeadRow) -> _Held:
    return msgspec.convert(tasks.opened(house, head.key, 0, head.payload), _Held)


def _moved(house: House, number: str, held: Sequence[str], state: str, code: str, why: str) -> Told:
    def work(session: Session) -> bool:
        return mailings.set_state(session.connection, number, held, state, code)

    moved = house.writing().write(work)
    found = told(house, number)
    if not moved:
        raise errors.Conflict(f"The mailing cannot be moved: {why}", got=found.state)
    return found


def _told(house: House, head: HeadRow, tally: Sequence[tuple[str, str, int]]) -> Told:
    held = _opened(house, head)
    ended = {code: count for state, code, count in tally if state != READY}
    states = {DONE: "done", FAILED: head.trouble, READY: "sending" if held.queued else "queueing"}
    return _described(
        held,
        id=_number(head.key),
        state=states[head.state],
        made=head.made,
        sent=ended.pop("", 0),
        waiting={code: count for state, code, count in tally if state == READY},
        not_sent=ended,
    )


def _described(held: _Held, *, made: int, **more: Any) -> Told:
    order = held.order
    counted: dict[str, Any] = {"sent": 0, "waiting": {}, "not_sent": {}}
    return Told(
        brand=order.inquiry.brand,
        purpose=order.inquiry.purpose,
        channel=order.inquiry.channel.value,
        languages=tuple(order.letters),
        made=made,
        ends=made + order.hours * 3600,
        by=order.by,
        audience=held.audience,
        chosen=held.chosen,
        left_out=held.left_out,
        **counted | more,
    )


def _unknown() -> errors.NotFound:
    return errors.NotFound("There is no such mailing", remedy="see `amana mailing list`")
