"""Tokens: opaque words in links and codes in messages, each for one person and one use of theirs.

Rule. A token is 18 random bytes in base64url; only its keyed hash is stored. A *message* token lives while the person
does and opens switches without contact values. A *confirm* token and a *code* are single-use and expire. A *step-up*
token follows a fresh proof of an address and is short-lived. Whoever presents a wrong, used or expired one gets the same
answer. What a token carries is sealed under the person's key. `peek` reads one without changing or locking anything.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from amana import errors
from amana.keys.store import EVENT_ID
from amana.ledger import sealing
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import tokens
from amana.storage.tokens import TokenRow

SIZE = 18
MOST_TRIES = 5
_encode = msgspec.json.Encoder(order="sorted").encode


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a valid token stands for."""

    digest: bytes
    kind: str
    person: int
    cell: int
    made: int
    data: dict[str, Any]


def make(
    house: House,
    session: Session,
    kind: str,
    person: int,
    *,
    cell: int = 0,
    life: int = 0,
    data: Mapping[str, Any] | None = None,
    word: str = "",
) -> str:
    """A new token in a session's transaction; `life` in seconds, 0 for as long as the person lives here.

    `word` is given for codes that people type; it is stored bound to the person, so equal codes do not collide.
    """
    token, row = _made(
        house, session, TokenRow(b"", kind, person, cell, session.now, 0, None, 0, b""), word, data
    )
    tokens.put(session.connection, row._replace(expires=session.now + life if life else 0))
    return token


def make_all(house: House, session: Session, kind: str, wanted: Sequence[tuple[int, int]]) -> list[str]:
    """New tokens of one kind, each of a person and a cell, in their order; they live while the person does."""
    made = [
        _made(house, session, TokenRow(b"", kind, person, cell, session.now, 0, None, 0, b""))
        for person, cell in wanted
    ]
    tokens.put(session.connection, *(row for _, row in made))
    return [token for token, _ in made]


def _made(
    house: House, session: Session, row: TokenRow, word: str = "", data: Mapping[str, Any] | None = None
) -> tuple[str, TokenRow]:
    """A token, and its row with the hash and the sealed data filled in."""
    token = word or base64.urlsafe_b64encode(house.random(SIZE)).decode()
    digest = _digest(house, token, row.person if word else 0)
    key = session.key_of(row.person)
    sealed = sealing.wrap(key, house.random(12), _encode(data or {}), _context(digest))
    return token, row._replace(hash=digest, data=sealed)


def look(house: House, session: Session, token: str, *kinds: str) -> Opened:
    """A token that is valid now, in a session's transaction. Raises NotFound for any that is not, without saying why."""
    return _valid(house, session.now, tokens.get(session.connection, _digest(house, token, 0)), kinds)


def spend(house: House, session: Session, token: str, *kinds: str) -> Opened:
    """A single-use token, used up. Raises NotFound as `look`."""
    opened = look(house, session, token, *kinds)
    tokens.use(session.connection, opened.digest, session.now)
    return opened


def spend_code(house: House, session: Session, person: int, code: str) -> Opened:
    """A code that a person typed, used up; after `MOST_TRIES` wrong ones the code is dead. Raises NotFound."""
    row = tokens.open_for(session.connection, person, tokens.CODE, session.now)
    if row is None or row.tries >= MOST_TRIES:
        raise gone()
    if not hmac.compare_digest(row.hash, _digest(house, code, person)):
        tokens.tried(session.connection, row.hash)
        return Opened(digest=b"", kind="", person=0, cell=0, made=0, data={})
    tokens.use(session.connection, row.hash, session.now)
    return _valid(house, session.now, row, (tokens.CODE,))


def peek(house: House, token: str, *kinds: str) -> Opened:
    """A token that is valid now, read without changing or locking anything: what a GET may do. Raises as `look`."""
    with house.database.read() as connection:
        row = tokens.get(connection, _digest(house, token, 0))
    return _valid(house, house.clock(), row, kinds)


def _valid(house: House, now: int, row: TokenRow | None, kinds: tuple[str, ...]) -> Opened:
    if row is None or row.kind not in kinds or (row.expires and row.expires <= now):
        raise gone()
    if row.used is not None:
        raise gone()
    keys = house.keys.known_keys([row.person])
    if row.person not in keys:
        raise gone()  # the person was erased
    data = msgspec.json.decode(sealing.unwrap(keys[row.person], row.data, _context(row.hash)))
    return Opened(digest=row.hash, kind=row.kind, person=row.person, cell=row.cell, made=row.made, data=data)


def _digest(house: House, token: str, person: int) -> bytes:
    key = house.keys.secret(EVENT_ID)
    return hmac.digest(key, b"token/%d/" % person + token.encode(), sha256)[:16]


def _context(digest: bytes) -> bytes:
    return b"token/" + digest


def gone() -> errors.NotFound:
    """The one answer to whoever presents a word that is not good, whatever the reason."""
    return errors.NotFound("This link or code is not valid any more", remedy="ask for a new one")
