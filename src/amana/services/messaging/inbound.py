"""Inbound: bounces, complaints and answers, recorded in the same record as everything else before they are taken.

Rule. Mail: the person is found by our own token. A hard bounce blocks the address the message went to; a soft one is
counted (`bounces`). A complaint blocks it and withdraws the brand's e-mail. Leaving by one click withdraws what the
message was for, in somebody's own words everything of the brand; without a token such words count for the holders of
the address they came from, for every brand. A report without a token is nobody's, and changes nothing. What comes to
the privacy mailbox is a letter, and is read as one (`mail_intake`).
Texts: STOP withdraws and blocks, START lifts that block and nothing more, HELP is answered. A word of refusal inside a
sentence changes nothing by itself: it waits for a person, as a task of the kind `review`.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from amana import errors
from amana.core import events, mailing, reply_words
from amana.core.contact_points import Phone, read_phone
from amana.core.reply_words import ReplyWord
from amana.core.statements import ANY, Interval
from amana.core.vocabulary import Actor, Channel, PointKind
from amana.delivery import incoming, reports
from amana.delivery.incoming import AnswersHandler, Mailbox
from amana.delivery.listening import Listener
from amana.delivery.reports import Incoming, Kind
from amana.delivery.texting import Received
from amana.services.collection import capture
from amana.services.messaging import bounces, feedback, sending
from amana.services.messaging.feedback import BOUNCE, COMPLAINT, LEAVE, START, Report
from amana.services.messaging.sending import RETURN, Job
from amana.services.record import addresses, tasks, tokens
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.posting import secret
from amana.services.record.tokens import Opened
from amana.services.record.writing import Session, Staged
from amana.services.rights import mail_intake
from amana.storage import tokens as token_rows

SOURCE = "mail_answers"
TEXTS = "text_answers"
WHATSAPP = "whatsapp:"
"""Stands before a number that wrote by WhatsApp, as Twilio hands it on."""
COUNTED = (Kind.SOFT, Kind.DELIVERED)
MOST_BYTES = 2_000_000


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message."""

    said: str  # reports.Kind, or STOP | START | HELP | review | other of a text, or mail_intake.Taken.said
    events: tuple[int, ...] = ()


def mail(house: House, content: bytes, recipient: str) -> Recorded:
    """Record what a mail says that came to our answers' address."""
    if mail_intake.is_ours(_base(house).address, recipient):
        return Recorded(said=mail_intake.take(house, content).said)
    found = reports.read(content, recipient, _base(house).address)
    opened = _opened(house, found.token)
    if opened is not None and opened.kind == RETURN:
        return _service_mail(house, found, opened)
    if found.kind in COUNTED and opened is not None:
        report = Report(kind=found.kind.value, channel=Channel.EMAIL, token=found.token)
        return Recorded(said=found.kind.value, events=bounces.take(house, SOURCE, [report]))
    if found.kind is Kind.REVIEW:
        _review(house, opened.person if opened else 0, content, found.text)
        return Recorded(said=found.kind.value)
    told = _report(found, opened is not None)
    if told is None:
        return Recorded(said=found.kind.value)
    context = sha256(content).digest()[:16]
    positions: tuple[int, ...] = ()
    for brand, purpose in _about(house, opened):
        whole = msgspec.structs.replace(told, purpose=purpose if found.kind is Kind.LEAVE else ANY)
        positions += feedback.take(house, SOURCE, brand, [whole], context + brand.encode())
    return Recorded(said=found.kind.value, events=positions)


def text(house: House, received: Received, brand: str = "") -> Recorded:
    """Record what a text says that somebody sent us; `brand` is whose number it came to, where the workspace is silent.

    On WhatsApp, STOP withdraws and blocks no number, and START lifts no block that a text message set.
    """
    said = _meaning(received)
    if said is None:
        if not reports.mentions_stop(received.body):
            return Recorded(said="other")
        holders = _holders(house, received.number)
        _review(house, holders[0][0] if holders else 0, received.id.encode(), received.body[:500])
        return Recorded(said="review")
    if said is ReplyWord.HELP:
        return _help(house, received, brand)
    by_app = received.number.startswith(WHATSAPP)
    if by_app and said is ReplyWord.START:
        return Recorded(said=said.name)
    stop = LEAVE if by_app else COMPLAINT  # which leaves, and blocks the number
    report = Report(
        kind=stop if said is ReplyWord.STOP else START,
        channel=Channel.MESSAGING if by_app else Channel.SMS,
        phone=received.number.removeprefix(WHATSAPP),
        reason="stop",
    )
    positions: tuple[int, ...] = ()
    for one in _brands(house, received.ours, brand):
        positions += feedback.take(house, TEXTS, one, [report], f"{received.id}/{one}".encode())
    return Recorded(said=said.name, events=positions)


def listener(house: House, answers: mailing.Answers) -> Listener:
    """The listener for bounces and answers, ready to be entered."""

    def take(content: bytes, recipient: str) -> None:
        mail(house, content, recipient)

    handler = AnswersHandler(answers.address, take)
    return Listener(
        mailing.place(answers.listen), handler, lmtp=answers.protocol == "lmtp", most_bytes=MOST_BYTES
    )


def poll(house: House, answers: mailing.Answers) -> int:
    """Record what came into the mailbox; how many messages. Raises NotNow, BadSettings."""
    mailbox = Mailbox(
        host=answers.imap_host,
        port=answers.imap_port,
        user=answers.imap_user,
        password=secret(house, answers.imap_password_file),
        folder=answers.imap_folder,
    )

    def take(content: bytes, recipient: str) -> None:
        mail(house, content, recipient)

    return incoming.poll(mailbox, answers.address, take)


# ---- mail ---------------------------------------------------------------------------------------------------------


def _report(found: Incoming, known: bool) -> Report | None:
    """What is to be recorded; nothing for what no token of ours vouches for, but a person's own No."""
    kinds = {
        Kind.HARD: (BOUNCE, "bounce_hard"),
        Kind.COMPLAINT: (COMPLAINT, "complaint"),
        Kind.LEAVE: (LEAVE, "one_click_mail"),
        Kind.LEAVE_ALL: (LEAVE, "reply"),
    }
    if found.kind not in kinds:
        return None
    kind, reason = kinds[found.kind]
    if not known and not (kind == LEAVE and found.sender):
        return None
    token, email = (found.token, "") if known else ("", found.sender)
    return Report(kind=kind, channel=Channel.EMAIL, token=token, email=email, reason=reason)


def _service_mail(house: House, found: Incoming, opened: Opened) -> Recorded:
    """What came back for a message of ours that was no marketing: only a bounce says something, about one address."""
    if found.kind in COUNTED:
        delivered = found.kind is Kind.DELIVERED
        noted = bounces.note(house, SOURCE, opened.person, opened.data["point"], delivered=delivered)
        return Recorded(said=found.kind.value, events=noted)
    if found.kind is not Kind.HARD:
        return Recorded(said=found.kind.value)

    def work(session: Session) -> Staged:
        return session.record(
            session.person(opened.person),
            events.Point(
                id=house.random(16).hex(),
                occurred=Interval(lo=session.now, hi=session.now),
                actor=Actor.RELAYED,
                source=capture.source_of(session, SOURCE),
                point=opened.data["point"],
                point_kind=PointKind.EMAIL,
                change="blocked",
                reason="bounce_hard",
            ),
        )

    return Recorded(said=found.kind.value, events=(house.writing().write(work).position,))


def _opened(house: House, token: str) -> Opened | None:
    if not token:
        return None
    try:
        return house.writing().write(
            lambda session: tokens.look(house, session, token, token_rows.MESSAGE, RETURN)
        )
    except errors.NotFound:
        return None


def _about(house: House, opened: Opened | None) -> list[tuple[str, str]]:
    """The brands, and the purpose, that a message was about; every brand where nothing says it."""
    if opened is None or not opened.cell:
        return [(brand, ANY) for brand in house.workspace.brands]
    brand, purpose, _ = house.writing().terms.words(opened.cell)
    return [(brand, purpose)]


def _base(house: House) -> mailing.Answers:
    if house.workspace.answers is None:
        raise errors.BadWorkspace(
            "The workspace does not say where answers come in",
            expected="[answers] with an address",
            remedy="add it to amana.toml; see docs/delivery.md",
        )
    return house.workspace.answers


# ---- texts --------------------------------------------------------------------------------------------------------


def _meaning(received: Received) -> ReplyWord | None:
    """What the provider read in it, else what we do."""
    if received.said in ReplyWord.__members__:
        return ReplyWord[received.said]
    return reply_words.read(received.body)


def _brands(house: House, ours: str, brand: str = "") -> list[str]:
    named = house.workspace.sms.brands.get(ours) if house.workspace.sms else None
    return [named or brand] if named or brand else list(house.workspace.brands)


def _holders(house: House, number: str) -> list[tuple[int, int]]:
    phone = read_phone(number.removeprefix(WHATSAPP))
    if not isinstance(phone, Phone):
        return []
    address = Keyer(house.keys).phone(phone)
    with house.database.read() as connection:
        return addresses.holders(connection, [address]).get(address.blind, [])


def _help(house: House, received: Received, brand: str) -> Recorded:
    """Tell who is writing, once for each text, to somebody we know, unless the provider has answered already."""
    holders = _holders(house, received.number)
    if holders and house.workspace.sms is not None and received.said != ReplyWord.HELP.name:
        person, ordinal = holders[0]
        job = Job(
            template="help",
            brand=_brands(house, received.ours, brand)[0],
            point=ordinal,
            language=house.workspace.organisation.languages[0],
        )
        house.writing().write(
            lambda session: sending.queue(house, session, "sms", f"help/{received.id}", person, job)
        )
    return Recorded(said="HELP")


def _review(house: House, person: int, key: bytes, said: str) -> None:
    """Let a person read it."""
    name = f"review/{sha256(key).hexdigest()[:24]}"
    house.writing().write(lambda session: tasks.add(house, session, "review", name, person, {"said": said}))
