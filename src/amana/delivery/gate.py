"""The SMTP gate: any sender points its SMTP here, and only what a permit covers goes on.

Rule.
- What a message is for is said by the credential, else by the sender's address, else by the field `X-Amana-Purpose`
  (`purpose` or `brand/purpose`). A field that contradicts the credential is refused; a message that nobody places is
  too.
- Where the purpose is known by then, each recipient is asked about at RCPT and refused there, with the reason's code:
  5.7.1 for a No, 4.7.1 where only the clock says no and a later try may pass.
- After DATA all are asked about again, with what the message carries. If one is refused the whole message is (550, or
  451 for the clock), unless the sender set `X-Amana-Partial: yes`: then the others get theirs and the answer names how
  many.
- 250 is said after each copy was handed on or stands in the task table. SMTP has one answer for all recipients of
  DATA.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from amana import errors
from amana.delivery import raw
from amana.delivery.raw import Raw

MOST_RECIPIENTS = 5_000
_WORD = re.compile(r"\A[\w.-]{1,64}\Z")


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf, and what for; "" where nothing says it yet."""

    brand: str = ""
    purpose: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a recipient gets nothing."""

    code: str
    later: bool = False  # only the clock says no


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message."""

    sent: int = 0
    queued: int = 0  # to be tried again by a worker
    refused: tuple[Refused, ...] = ()


class Doorman(Protocol):
    """Decides and carries. Called from several threads at once; every call blocks until its answer is durable."""

    def admits(self, user: str, password: str) -> bool:
        """Whether this is a sender's name and password."""

    def placed(self, user: str, sender: str) -> Errand:
        """What a credential or a sender's address sends for. Both may be unknown."""

    def asked(self, errand: Errand, recipient: str) -> Refused | None:
        """Why somebody may not be contacted now; None if they may. Raises NotFound for an unknown purpose."""

    def carry(
        self, errand: Errand, message: Raw, content: bytes, recipients: Sequence[str], *, partial: bool
    ) -> Carried:
        """Send a copy to each who may have it. Raises BadInput, NotFound, NotNow for the message as a whole."""


class GateHandler:
    """The hooks of the SMTP server."""

    run: Callable[..., Awaitable[Any]]

    def __init__(self, doorman: Doorman, *, names_required: bool) -> None:
        self._doorman = doorman
        self._names_required = names_required

    def authenticator(
        self, _server: Any, _session: Session, _envelope: Envelope, _way: str, given: Any
    ) -> AuthResult:
        """Check a name and a password."""
        if not isinstance(given, LoginPassword):
            return AuthResult(success=False, handled=False)
        user, password = (part.decode("utf-8", "replace") for part in (given.login, given.password))
        good = self._doorman.admits(user, password)
        return AuthResult(success=good, handled=False, auth_data=user if good else None)

    async def handle_MAIL(  # noqa: N802  the library's name for the hook
        self, _server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A sender: who it is, and what for."""
        if self._names_required and not session.authenticated:
            return "530 5.7.0 authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(  # noqa: N802  the library's name for the hook
        self, _server: Any, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """A recipient: asked about here if the purpose is known."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        try:
            errand = self._doorman.placed(_user(session), envelope.mail_from or "")
            if errand.purpose:
                refused = await self.run(self._doorman.asked, errand, address)
                if refused is not None:
                    return _status(refused)
        except errors.AmanaError as error:
            return _failed(error)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802  as above
        """The message: asked about again, and carried."""
        content = envelope.original_content or b""
        try:
            answer: str = await self.run(
                self._carried, _user(session), envelope.mail_from or "", list(envelope.rcpt_tos), content
            )
        except errors.AmanaError as error:
            return _failed(error)
        return answer

    async def handle_exception(self, _error: Exception) -> str:
        """A defect of ours: the message stays with its sender, and hears nothing of what went wrong."""
        return "451 4.3.0 internal"

    def _carried(self, user: str, sender: str, recipients: list[str], content: bytes) -> str:
        message = raw.read(content)
        errand = errand_of(self._doorman.placed(user, sender), message.first(b"x-amana-purpose"))
        partial = message.first(b"x-amana-partial").lower() == "yes"
        done = self._doorman.carry(errand, message, content, recipients, partial=partial)
        if done.refused and not (done.sent or done.queued):
            return _status(_gravest(done.refused), after_data=True)
        return f"250 2.0.0 sent {done.sent}, queued {done.queued}, refused {len(done.refused)}"


def errand_of(known: Errand, said: str) -> Errand:
    """What a message is for, from what is known of its sender and what its header says.

    Raises BadInput for a field that is malformed or contradicts what is known, or where nothing names the purpose.
    """
    brand, _, purpose = said.rpartition("/")
    if said and not all(_WORD.match(word) for word in (purpose, brand or purpose)):
        raise errors.BadInput("X-Amana-Purpose cannot be read", got="purpose_malformed")
    if said and known.purpose and (purpose != known.purpose or (brand and brand != known.brand)):
        raise errors.BadInput("X-Amana-Purpose contradicts the sender", got="purpose_contradicts")
    if brand and known.brand and brand != known.brand:
        raise errors.BadInput("X-Amana-Purpose names another brand", got="purpose_contradicts")
    errand = Errand(brand=known.brand or brand, purpose=known.purpose or purpose)
    if not errand.purpose or not errand.brand:
        raise errors.BadInput("Nothing says what the message is for", got="purpose_unknown")
    return errand


def _user(session: Session) -> str:
    return str(session.auth_data or "") if session.authenticated else ""


def _status(refused: Refused, *, after_data: bool = False) -> str:
    """The answer of SMTP: a code that a program reads, and the reason's code."""
    if refused.later:
        return f"{'451' if after_data else '450'} 4.7.1 {refused.code}"
    return f"550 5.7.1 {refused.code}"


def _gravest(refused: Sequence[Refused]) -> Refused:
    """A No before a Not now, so that the sender does not try for ever."""
    return next((one for one in refused if not one.later), refused[0])


def _failed(error: errors.AmanaError) -> str:
    """The answer for a message as a whole. Only our own faults are worth another try."""
    if isinstance(error, errors.BadInput):
        return f"550 5.6.0 {error.got or error.code}"
    if isinstance(error, errors.NotFound):
        return "550 5.7.1 purpose_unknown"
    return f"451 4.3.0 {error.what if isinstance(error, errors.NotNow) else error.code}"
