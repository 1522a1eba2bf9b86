"""Reports: what a message that comes back says, without deciding what follows.

Rule. Machine-readable parts count first: a delivery status (RFC 3464) says failed for good only with `Action: failed`
and a status of class 5; a feedback report (RFC 5965) is a complaint unless its type says otherwise. A bounce in free
text is read for what it says, and only if nobody's answer it is. An answer of a machine (RFC 3834) says nothing. Else
the message is somebody's own: its subject and its first word tell. Whose message it was is told by our own token in
the return path or in the headers that came back, never by an address in it: reports hide it, and strangers can write
it.
"""

from __future__ import annotations

import re
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from enum import Enum
from typing import Any

import msgspec
from flufl.bounce import all_failures

from amana.core import reply_words
from amana.core.reply_words import ReplyWord
from amana.delivery import verp


class Kind(Enum):
    """What a message that came in is."""

    HARD = "hard"  # the address takes no mail, for good
    SOFT = "soft"  # not this time
    DELIVERED = "delivered"
    COMPLAINT = "complaint"
    LEAVE = "leave"  # one click, by mail: what the message was for
    LEAVE_ALL = "leave_all"  # somebody's own words
    REVIEW = "review"  # it may be a refusal: a person reads it
    MACHINE = "machine"
    OTHER = "other"


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """What came in, and the token of the message it is about."""

    kind: Kind
    token: str = ""
    sender: str = ""  # address in From, of a person's own words
    text: str = ""  # for review: what was said, cut to 500 characters


MOST_PARTS = 100
_LINK = re.compile(r"/u/([A-Za-z0-9_-]{24})(?![A-Za-z0-9_-])")
_WORDS = re.compile(r"[^\s.,!?;:\"'()<>…]+")
_QUOTED = re.compile(r"^\s*(>|--\s*$|_{5,}|On .+ wrote:|\u200e?\s*(?:בתאריך|في|เมื่อ) .+:\s*$)")
_ADDRESS = re.compile(r"[^\s<>\"',;:()]+@[^\s<>\"',;:()]+")
_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")


def read(content: bytes, recipient: str, base: str) -> Incoming:
    """Read a message that came for `recipient`, where `base` is the address that answers come to."""
    message = BytesParser(policy=policy.compat32).parsebytes(content)
    parts = _parts(message)
    token = verp.token(base, recipient) or _returned_token(parts, base)
    said = _report(parts)
    if said is not None:
        return Incoming(kind=said, token=token)
    subject = _decoded(message.get("Subject", ""))
    sender = next(iter(_ADDRESS.findall(_decoded(message.get("From", "")))), "")
    if _is_free_bounce(sender):
        bounced = _free_bounce(message)
        if bounced is not None:
            return Incoming(kind=bounced, token=token)
    if str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower() != "no":
        return Incoming(kind=Kind.MACHINE, token=token)
    return _own_words(subject, _first_lines(parts), token, sender)


def _own_words(subject: str, lines: list[str], token: str, sender: str) -> Incoming:
    bare = subject.strip()
    if reply_words.read(bare) is ReplyWord.STOP:
        kind = Kind.LEAVE if token and bare.lower() == "unsubscribe" else Kind.LEAVE_ALL
        return Incoming(kind=kind, token=token, sender=sender)
    text = " ".join(lines)
    first = _WORDS.search(text)
    if first is not None and reply_words.read(first[0]) is ReplyWord.STOP:
        return Incoming(kind=Kind.LEAVE_ALL, token=token, sender=sender)
    if mentions_stop(f"{subject} {text}"):
        return Incoming(kind=Kind.REVIEW, token=token, sender=sender, text=f"{subject}\n{text}"[:500])
    return Incoming(kind=Kind.OTHER, token=token, sender=sender)


def mentions_stop(text: str) -> bool:
    """Whether a word of refusal stands somewhere in a text."""
    return any(reply_words.read(word) is ReplyWord.STOP for word in _WORDS.findall(text))


def _parts(message: Message) -> list[Message]:
    found: list[Message] = []
    for part in message.walk():
        found.append(part)
        if len(found) >= MOST_PARTS:
            break
    return found


def _report(parts: list[Message]) -> Kind | None:
    for part in parts:
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            return _delivery_status(part)
        if kind == "message/feedback-report":
            return _feedback(part)
    return None


def _delivery_status(part: Message) -> Kind:
    """RFC 3464 section 2.3: each recipient has an action and a status; one is enough here, a copy has one recipient."""
    groups = [one for one in part.walk() if one is not part]
    for group in groups:
        action = str(group.get("Action", "")).strip().lower()
        status = str(group.get("Status", "")).strip()
        if action == "failed":
            return Kind.HARD if status.startswith("5") else Kind.SOFT
    actions = {str(one.get("Action", "")).strip().lower() for one in groups}
    # `relayed` and `expanded` left the world of reports; `delayed` is tried again, and its end is reported apart.
    return Kind.DELIVERED if "delivered" in actions else Kind.MACHINE


def _feedback(part: Message) -> Kind:
    """RFC 5965 section 3.1. `not-spam` takes a complaint back, which no machine can do for a person."""
    groups = [one for one in part.walk() if one is not part] or [part]
    fields = {name.lower(): str(value) for one in groups for name, value in one.items()}
    if "feedback-type" not in fields:
        plain: Any = part.get_payload(decode=True) or b""
        fields = dict(_line(one) for one in plain.decode("utf-8", "replace").splitlines() if ":" in one)
    kind = fields.get("feedback-type", "").strip().lower()
    if kind in ("opt-out", "opt-out-list"):
        return Kind.LEAVE_ALL
    return Kind.COMPLAINT if kind in ("abuse", "fraud", "virus", "other", "miscategorized") else Kind.MACHINE


def _line(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip().lower(), value.strip()


def _returned_token(parts: list[Message], base: str) -> str:
    """Our token in what was sent back: in the way out of the original's header, or in its return path."""
    for part in parts:
        if part.get_content_type() not in _RETURNED:
            continue
        text = part.as_bytes().decode("latin-1") if part.is_multipart() else str(part.get_payload())
        head = re.sub(r"\r?\n[ \t]+", "", text)[:64_000]
        link = _LINK.search(head)
        if link is not None:
            return link[1]
        for address in _ADDRESS.findall(head):
            token = verp.token(base, address)
            if token:
                return token
    return ""


def _is_free_bounce(sender: str) -> bool:
    """Whether a machine that carries mail wrote it, and no person."""
    local = sender.partition("@")[0].lower()
    return local in ("mailer-daemon", "postmaster", "mailerdaemon") or not sender


def _free_bounce(message: Message) -> Kind | None:
    """What a bounce in free text says; nothing if it is none."""
    try:
        temporary, permanent = all_failures(message)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
    ):  # the library's detectors expect whole messages
        return None
    if permanent:
        return Kind.HARD
    return Kind.SOFT if temporary else None


def _first_lines(parts: list[Message]) -> list[str]:
    """The words above what is quoted, of the first plain text."""
    for part in parts:
        if part.get_content_type() != "text/plain":
            continue
        lines: list[str] = []
        for line in _text(part).splitlines()[:200]:
            if _QUOTED.match(line):
                break
            if line.strip():
                lines.append(line.strip())
        return lines
    return []


def _text(part: Message) -> str:
    """A part's text; in a character set that nobody knows, or that is not one of texts, what UTF-8 makes of it."""
    plain: Any = part.get_payload(decode=True) or b""
    try:
        return str(plain.decode(part.get_content_charset("utf-8"), "replace"))
    except (LookupError, ValueError):
        return str(plain.decode("utf-8", "replace"))


def _decoded(field: Any) -> str:
    try:
        return str(make_header(decode_header(str(field))))
    except (LookupError, ValueError, HeaderParseError):
        return str(field)
