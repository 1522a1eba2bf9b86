"""Links: the addresses of a person's pages, as messages carry them.

Rule. A message token stands for one person and one cell: whoever holds it may leave, turn things off and see switches,
and nothing else. It lives while the person does, because a withdrawal is never too late. Links to confirm and to prove an
address expire; they are made elsewhere and only spelt here. All pages stand under the workspace's `site`; nothing in an
address names a person, and no link sends the reader to another site.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from amana import errors
from amana.keys.store import EVENT_ID
from amana.ledger import sealing
from amana.services.record import tokens
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import tokens as token_rows

LOCAL = "http://localhost:8080"
"""Where the pages stand when the workspace names no site: on this machine."""
HANDLE_LIFE = 30 * 60
_HANDLES = b"handle/"


class MessageLinks(msgspec.Struct, frozen=True, kw_only=True):
    """What each message carries."""

    token: str  # for headers that need it alone: Message-ID, return path
    unsubscribe: str  # List-Unsubscribe, one click by POST (RFC 8058); the footer's link
    preferences: str
    why: str  # why did I get this message


def for_message(house: House, session: Session, person: int, cell: int, language: str = "") -> MessageLinks:
    """New links for one message to one person about one cell, in a session's transaction."""
    token = tokens.make(house, session, token_rows.MESSAGE, person, cell=cell)
    return of_token(house, token, language)


def for_messages(
    house: House, session: Session, wanted: Sequence[tuple[int, str]], cell: int
) -> list[MessageLinks]:
    """New links for a message to each of these people about one cell, each in a language, in their order."""
    made = tokens.make_all(house, session, token_rows.MESSAGE, [(person, cell) for person, _ in wanted])
    return [of_token(house, token, language) for token, (_, language) in zip(made, wanted, strict=True)]


def of_token(house: House, token: str, language: str = "") -> MessageLinks:
    """The links of a message token that exists."""
    return MessageLinks(
        token=token,
        unsubscribe=page(house, f"u/{token}", language),
        preferences=page(house, f"p/{token}", language),
        why=page(house, f"p/{token}/why", language),
    )


def confirm(house: House, token: str, language: str = "") -> str:
    """The page on which a confirmation token is spent."""
    return page(house, f"c/{token}", language)


def step_up(house: House, token: str, language: str = "") -> str:
    """The page on which the mailed link to somebody's own data is opened."""
    return page(house, f"s/{token}", language)


def form(house: House, capture_point: str, language: str = "") -> str:
    """The hosted form of a capture point."""
    return page(house, f"f/{capture_point}", language)


def page(house: House, path: str, language: str = "") -> str:
    """The full address of a page."""
    site = (house.workspace.organisation.site or LOCAL).rstrip("/")
    return f"{site}/{path}" + (f"?lang={language}" if language else "")


def handle(house: House, person: int, now: int) -> str:
    """An opaque word for somebody who has just given an address, to type a code under; good for half an hour."""
    # Of one length whoever it is: a long id would tell a newcomer from somebody known.
    sealed = sealing.wrap(
        _handle_key(house), house.random(12), struct.pack(">QQ", person, now + HANDLE_LIFE), _HANDLES
    )
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def handled(house: House, word: str) -> int:
    """The person behind a handle. Raises NotFound for any that is not good now, without saying why."""
    try:
        sealed = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
        person, until = struct.unpack(">QQ", sealing.unwrap(_handle_key(house), sealed, _HANDLES))
    except (binascii.Error, ValueError, errors.VerificationFailed):
        raise tokens.gone() from None
    if until <= house.clock():
        raise tokens.gone()
    return int(person)


def _handle_key(house: House) -> bytes:
    return hmac.digest(house.keys.secret(EVENT_ID), _HANDLES, sha256)
