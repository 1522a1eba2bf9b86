"""Incoming: the listener that takes bounces and answers, and the mailbox that is polled for them.

Rule. One message at a time is handed on, and it is taken (250, or marked as seen) only after what it says is recorded: a
crash in between brings it again, and recording twice is harmless. Mail for other addresses than ours is refused. A
message that cannot be handled now stays where it is.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Awaitable, Callable
from email.parser import BytesHeaderParser
from typing import Any

import msgspec
import structlog
from aiosmtpd.smtp import Envelope, Session

from amana import errors
from amana.core import mailing

_log = structlog.get_logger()

TIMEOUT = 30.0  # seconds
IMAPS = 993
ONE_POLL = 200  # messages
Take = Callable[[bytes, str], None]
"""Records what a message says: its content, and the address it came to. Durable when it returns; raises NotNow."""


class AnswersHandler:
    """The hooks of the LMTP or SMTP server that takes answers."""

    run: Callable[..., Awaitable[Any]]

    def __init__(self, base: str, take: Take) -> None:
        self._base, self._take = base.lower(), take

    async def handle_RCPT(  # noqa: N802  the library's name for the hook
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Ours, and one at a time, so that the one answer after DATA is about one recipient."""
        if envelope.rcpt_tos:
            return "452 4.5.3 one recipient at a time"
        if not is_ours(self._base, address):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802  as above
        """Recorded, then taken."""
        try:
            await self.run(self._take, envelope.original_content or b"", envelope.rcpt_tos[0])
        except errors.AmanaError as error:
            return f"451 4.3.0 {error.code}"
        return "250 2.0.0 recorded"

    async def handle_exception(self, _error: Exception) -> str:
        """A defect of ours: the message stays with its sender."""
        return "451 4.3.0 internal"


def is_ours(base: str, address: str) -> bool:
    """Whether an address is `base`, or `base` with something after a plus."""
    local, _, domain = address.lower().rpartition("@")
    ours, _, domain_of_ours = base.lower().rpartition("@")
    return domain == domain_of_ours and local.partition("+")[0] == ours


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """A mailbox that is polled."""

    host: str
    port: int
    user: str
    password: str
    folder: str = "INBOX"


def poll(mailbox: Mailbox, base: str, take: Take) -> int:
    """Hand on every unseen message and mark it as seen; how many. Raises NotNow."""
    try:
        connection = _opened(mailbox)
    except (OSError, imaplib.IMAP4.error) as trouble:
        raise errors.NotNow("imap_unreachable") from trouble
    try:
        return _poll(connection, mailbox, base, take)
    except (OSError, imaplib.IMAP4.error) as trouble:
        raise errors.NotNow("imap_broken") from trouble
    finally:
        connection.shutdown()


def _opened(mailbox: Mailbox) -> imaplib.IMAP4:
    if mailing.is_loopback(mailbox.host) and mailbox.port != IMAPS:
        return imaplib.IMAP4(mailbox.host, mailbox.port, TIMEOUT)
    context = ssl.create_default_context()
    return imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=context, timeout=TIMEOUT)


def _poll(connection: imaplib.IMAP4, mailbox: Mailbox, base: str, take: Take) -> int:
    connection.login(mailbox.user, mailbox.password)
    connection.select(mailbox.folder)
    _, found = connection.uid("SEARCH", "UNSEEN")
    numbers = found[0].split()[:ONE_POLL] if found and found[0] else []
    for number in numbers:
        _, answer = connection.uid("FETCH", number.decode(), "(BODY.PEEK[])")
        content = next((one[1] for one in answer if isinstance(one, tuple)), b"")
        try:
            take(content, _recipient(content, base))
        except errors.NotNow:
            raise
        except Exception as defect:  # noqa: BLE001  one strange message must not stop the reading of the others
            _log.error("message_unread", error=type(defect).__name__)
            continue
        connection.uid("STORE", number.decode(), "+FLAGS.SILENT", r"(\Seen)")
    return len(numbers)


def _recipient(content: bytes, base: str) -> str:
    """The address of ours that a stored message came to, from what the delivering server wrote down, else from To."""
    headers = BytesHeaderParser().parsebytes(content)
    for name in ("Delivered-To", "X-Original-To", "Envelope-To", "To"):
        for value in headers.get_all(name, []):
            for word in str(value).replace(",", " ").split():
                address = word.strip("<>,;\"'")
                if is_ours(base, address):
                    return address
    return base
