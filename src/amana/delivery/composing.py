"""Composing: a message of our own, as bytes that any relay takes.

Rule. Every message has a plain text and an HTML form of the same words, a date, and a Message-ID that follows from the
key of its task, so that a second sending is the same message. Lines are short and in seven bits, so that no relay has
a reason to change them under the signature. What a DKIM signature covers includes the fields of the way out (RFC 8058
section 4); a field that is signed is signed once more than it occurs, so that none can be added. A line end in a
header is refused.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from hashlib import sha256

import dkim  # type: ignore[import-untyped]  # the package ships no types
import msgspec

from amana import errors

SIGNED = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"reply-to",
    b"list-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"auto-submitted",
)
"""The fields that a signature covers where they are present."""

ALWAYS = frozenset({b"from", b"to", b"subject", b"date", b"list-unsubscribe", b"list-unsubscribe-post"})
"""Covered even where absent, so that nobody can add one."""

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one recipient."""

    sender: str
    sender_name: str
    recipient: str
    message_id: str  # with its angle brackets
    date: int  # UTC second
    language: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = {}
    attachments: Mapping[str, bytes] = {}  # by file name


def compose(message: Outgoing) -> bytes:
    """The message as bytes with CRLF line ends. Raises BadInput for a value that does not fit a header."""
    made = EmailMessage(policy=_POLICY)
    try:
        made["From"] = Address(display_name=message.sender_name, addr_spec=message.sender)
        made["To"] = Address(addr_spec=message.recipient)
        made["Subject"] = message.subject
        made["Date"] = formatdate(message.date)
        made["Message-ID"] = message.message_id
        made["Content-Language"] = message.language
        for name, value in message.headers.items():
            made[name] = value
    except ValueError as bad:  # a line end, or an address that RFC 5322 does not know
        raise errors.BadInput("A header's value does not fit a header", got=type(bad).__name__) from bad
    made.set_content(message.text, cte="base64")
    made.add_alternative(message.html, subtype="html", cte="base64")
    for name, content in message.attachments.items():
        made.add_attachment(
            content, maintype="application", subtype="octet-stream", cte="base64", filename=name
        )
    for depth, part in enumerate(one for one in made.walk() if one.is_multipart()):
        seed = f"{message.message_id}{depth or ''}"
        part.set_boundary("=_" + sha256(seed.encode()).hexdigest()[:32])
    return made.as_bytes()


def addressed(recipient: str, message_id: str) -> bytes:
    """The header fields that are one copy's alone. Raises BadInput for a value that does not fit a header."""
    made = EmailMessage(policy=_POLICY)
    try:
        made["To"] = Address(addr_spec=recipient)
        made["Message-ID"] = message_id
    except (ValueError, IndexError) as bad:  # the parser's answer to no address at all
        raise errors.BadInput("A header's value does not fit a header", got=type(bad).__name__) from bad
    return made.as_bytes().removesuffix(b"\r\n")


def message_id(key: str, domain: str) -> str:
    """The Message-ID that follows from the key of a task."""
    digest = base64.b32encode(sha256(b"message-id/" + key.encode()).digest()[:20]).decode().lower()
    return f"<{digest}@{domain}>"


class Signer:
    """Signs messages for one domain (RFC 6376, rsa-sha256, relaxed/relaxed)."""

    def __init__(self, domain: str, selector: str, key: bytes) -> None:
        self._domain, self._selector, self._key = domain.encode(), selector.encode(), key

    def sign(self, message: bytes) -> bytes:
        """The message with its signature in front. Raises BadSettings for a key that cannot sign."""
        signer = dkim.DKIM(message)
        names = [name.lower() for name, _ in signer.headers]
        covered = [name for name in SIGNED if name in names or name in ALWAYS]
        # RFC 6376 section 5.4.2: a name that is listed once more than it occurs stands for its absence.
        covered = [one for name in covered for one in [name] * (names.count(name) + 1)]
        try:
            field: bytes = signer.sign(
                self._selector,
                self._domain,
                self._key,
                canonicalize=(b"relaxed", b"relaxed"),
                include_headers=covered,
            )
        except dkim.DKIMException as bad:
            raise errors.BadSettings(
                "The DKIM key cannot sign", expected="an RSA private key in PEM", remedy="make a new one"
            ) from bad
        return field + message
