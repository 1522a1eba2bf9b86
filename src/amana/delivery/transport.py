"""The relay: handing one message to the mail server that the workspace names.

Rule. Handing over either happened, or can be tried again, or never will: `send` returns, raises NotNow (4yz, no
connection) or Undeliverable (5yz). If the connection breaks after the last byte was sent and before the answer came,
nobody can know: that is NotNow, and the second copy bears the same Message-ID. Connections are kept and used again,
never by two threads at once; one that was idle for long is made anew. Encryption is required before anything is said,
unless the relay is this machine; certificates are checked. A relay that says in its answer how long to wait is heard.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import threading
import time
from collections.abc import Sequence

import msgspec

from amana import errors

STEP = 10.0  # seconds that the relay may take for each answer
IDLE = 20.0  # seconds after which a kept connection is not trusted
KEPT = 32


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """Where the relay is, and how it is spoken to."""

    host: str
    port: int
    security: str = "starttls"  # starttls | tls | none
    user: str = ""
    password: str = ""
    hostname: str = "localhost"  # what we call ourselves in EHLO


class Transport:
    """A pool of connections to one relay. Any number of threads may send at once."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._idle: list[tuple[smtplib.SMTP, float]] = []
        self._lock = threading.Lock()

    def send(self, return_path: str, recipient: str, message: bytes) -> None:
        """Hand over one message. Raises NotNow or Undeliverable with a short token such as `smtp_550`."""
        try:
            connection = self._taken()
        except smtplib.SMTPResponseException as refused:
            wait = patience(_bytes(refused.smtp_error))
            raise errors.NotNow(
                f"smtp_{refused.smtp_code}", after=wait
            ) from refused  # of us, not of the message
        except (smtplib.SMTPException, OSError) as trouble:
            raise errors.NotNow("smtp_unreachable") from trouble
        try:
            self._hand_over(connection, return_path, recipient, message)
        except smtplib.SMTPNotSupportedError as trouble:
            connection.close()
            raise errors.Undeliverable("smtp_needs_utf8") from trouble
        except (smtplib.SMTPException, OSError) as trouble:
            connection.close()
            raise _answered(trouble) from trouble
        with self._lock:
            if len(self._idle) < KEPT:
                self._idle.append((connection, time.monotonic()))
                return
        connection.close()

    def close(self) -> None:
        """Give back all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    @staticmethod
    def _hand_over(connection: smtplib.SMTP, return_path: str, recipient: str, message: bytes) -> None:
        options: Sequence[str] = ()
        if not recipient.isascii():  # RFC 6531
            if not connection.has_extn("smtputf8"):
                raise smtplib.SMTPNotSupportedError
            options = ("SMTPUTF8", "BODY=8BITMIME")
        connection.sendmail(return_path, [recipient], message, mail_options=options)

    def _taken(self) -> smtplib.SMTP:
        with self._lock:
            while self._idle:
                connection, since = self._idle.pop()
                if time.monotonic() - since < IDLE:
                    return connection
                connection.close()
        return self._opened()

    def _opened(self) -> smtplib.SMTP:
        relay = self._relay
        if relay.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                relay.host, relay.port, relay.hostname, timeout=STEP, context=ssl.create_default_context()
            )
        else:
            connection = smtplib.SMTP(relay.host, relay.port, relay.hostname, timeout=STEP)
        try:
            connection.ehlo()
            if relay.security == "starttls":
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo()
            if relay.user:
                connection.login(relay.user, relay.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _answered(trouble: Exception) -> errors.AmanaError:
    """What an answer of the relay means for the message."""
    code, said = 0, b""
    if isinstance(trouble, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(trouble.recipients.values()))
    elif isinstance(trouble, smtplib.SMTPResponseException):
        code, said = trouble.smtp_code, _bytes(trouble.smtp_error)
    if 500 <= code < 600:
        return errors.Undeliverable(f"smtp_{code}")
    return errors.NotNow(f"smtp_{code}" if code else "smtp_broken", after=patience(said))


_WAIT = re.compile(
    rb"\b(?:in|after|for|wait)\s+(\d{1,5})\s*(s|m|h)(?:ec|econd|in|inute|r|our)?s?\b", re.IGNORECASE
)
_SECONDS = {b"s": 1, b"m": 60, b"h": 3600}


def patience(said: bytes) -> int:
    """How many seconds a relay's answer asks to wait, such as `4.7.1 try again in 5 minutes`; 0 where it says nothing.

    SMTP has no field for it (RFC 5321, 4.2.1 leaves the text to people); relays that defer senders say it in words.
    """
    found = _WAIT.search(said)
    return int(found[1]) * _SECONDS[found[2].lower()] if found else 0


def _bytes(said: bytes | str) -> bytes:
    return said.encode("utf-8", "replace") if isinstance(said, str) else said
