"""A mail relay on this machine, which takes messages over a real socket and remembers them.

Rule. Every message comes to one recipient: one to several is the product's fault and is refused. `answer` says what the
relay answers for a recipient; only what it answers with 250 was taken.
"""

from __future__ import annotations

import email
import threading
import time
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from typing import Any

from amana.delivery.listening import Listener


class Taken:
    """One message as the relay got it."""

    def __init__(self, sender: str, recipient: str, content: bytes) -> None:
        self.sender, self.recipient, self.content = sender, recipient, content
        self.message = parsed(content)
        self.at = time.monotonic()

    def text(self, kind: str = "plain") -> str:
        """The text of one form."""
        return text(self.message, kind)


class Sink:
    """What a relay took, and what it answers."""

    run: Any = None  # the listener hands it in

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.answer: Callable[[str], str] = lambda recipient: "250 ok"
        self._lock = threading.Lock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """One message."""
        (recipient,) = envelope.rcpt_tos
        said = self.answer(recipient)
        if said.startswith("250"):
            with self._lock:
                self.taken.append(Taken(envelope.mail_from, recipient, envelope.original_content))
        return said

    def subjects(self) -> list[str]:
        """The subjects, in order."""
        return [str(one.message["Subject"]) for one in self.taken]


def listening(sink: Sink, port: int = 0) -> Listener:
    """The relay at a port of this machine, for a `with` block."""
    return Listener(("127.0.0.1", port), sink, most_bytes=20_000_000)


def parsed(content: bytes) -> EmailMessage:
    """A message as a mail program reads it."""
    found = email.message_from_bytes(content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def text(message: EmailMessage, kind: str = "plain") -> str:
    """The text of one form of a message."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())
