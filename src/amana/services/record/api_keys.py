"""API keys: who may ask over the network, for which brands, and for what.

Rule. A key is `amana_` and 32 random bytes; it is shown once, and only its keyed hash is stored. Its scopes are closed
words: what is not named is refused. `capture:<point>` names a capture point that proves addresses itself; nothing else
lets a key speak with the person's own confirmed word. A wrong, revoked or expired key gets one and the same answer. A key
lives ninety days unless somebody says otherwise, and never longer than `MOST_DAYS`.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from amana import errors
from amana.keys.store import EVENT_ID
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import api_keys
from amana.storage.api_keys import ApiKeyRow

PREFIX = "amana_"
SIZE = 32  # bytes
DAYS = 90
MOST_DAYS = 730
DAY = 86_400

SCOPES = {
    "decide": "ask the gate: evaluations and searches",
    "screen": "screen whole audiences",
    "permit": "take permits",
    "send": "start, see and stop mailings; each copy still needs a permit",
    "record": "relay refusals, preferences and grants",
    "capture": "hand in captures that a person confirms afterwards",
    "read": "read people's permissions, receipts and notices; no contact values",
    "reveal": "open contact values, each look recorded",
    "request": "open, plan, run and decide requests of people; what it says of their identity is a claim",
    "vouch": "say that the papers of somebody who asks were checked",
    "webhook": "be the address that another system reports bounces, complaints and opt-outs to",
}
"""The closed words; beside them `capture:<point>`."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}\Z")


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever holds a valid key."""

    name: str
    brands: frozenset[str]  # "*" for all
    actions: frozenset[str]
    digest: bytes

    def may(self, action: str) -> bool:
        """Whether a scope was given to this key."""
        return action in self.actions

    def speaks_for(self, brand: str) -> bool:
        """Whether the key was given this brand."""
        return brand in self.brands or "*" in self.brands


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A new key, shown once."""

    name: str
    key: str
    expires: int  # UTC second


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is listed."""

    name: str
    brands: tuple[str, ...]
    actions: tuple[str, ...]
    made: int
    expires: int
    revoked: int | None


def make(house: House, name: str, brands: Sequence[str], actions: Sequence[str], *, days: int = DAYS) -> Made:
    """Make a key. Raises BadInput, NotFound (brand, capture point), Conflict (the name was given before)."""
    _check(house, name, brands, actions, days)
    key = _fresh(house)

    def work(session: Session) -> int:
        expires = session.now + days * DAY
        row = ApiKeyRow(
            digest(house, key), name, " ".join(brands), " ".join(actions), session.now, expires, None
        )
        api_keys.put(session.connection, row)
        return expires

    return Made(name=name, key=key, expires=house.writing().write(work))


def rotate(house: House, name: str, *, days: int = DAYS) -> Made:
    """Another key for the same name and scopes; the old one is good no more. Raises NotFound, BadInput."""
    _check_days(days)
    key = _fresh(house)

    def work(session: Session) -> int:
        _held(session, name)
        expires = session.now + days * DAY
        api_keys.replace_hash(session.connection, name, digest(house, key), expires)
        return expires

    return Made(name=name, key=key, expires=house.writing().write(work))


def revoke(house: House, name: str) -> None:
    """A key is good no more, at once. Raises NotFound."""

    def work(session: Session) -> None:
        _held(session, name)
        api_keys.revoke(session.connection, name, session.now)

    house.writing().write(work)


def every(house: House) -> list[Listed]:
    """All keys by name."""
    with house.database.read() as connection:
        rows = api_keys.every(connection)
    return [
        Listed(
            name=row.name,
            brands=tuple(row.brands.split()),
            actions=tuple(row.actions.split()),
            made=row.made,
            expires=row.expires,
            revoked=row.revoked,
        )
        for row in rows
    ]


def known(house: House, key: str) -> Caller | None:
    """Who holds a key that is good now; None for any other."""
    if not key.startswith(PREFIX) or len(key) > 64:
        return None
    with house.database.read() as connection:
        row = api_keys.by_hash(connection, digest(house, key))
    if row is None or row.revoked is not None or row.expires <= house.clock():
        return None
    return Caller(
        name=row.name,
        brands=frozenset(row.brands.split()),
        actions=frozenset(row.actions.split()),
        digest=row.hash,
    )


def digest(house: House, key: str) -> bytes:
    """The keyed hash under which a key stands."""
    return hmac.digest(house.keys.secret(EVENT_ID), b"api-key/" + key.encode(), sha256)


def _fresh(house: House) -> str:
    return PREFIX + base64.urlsafe_b64encode(house.random(SIZE)).rstrip(b"=").decode()


def _held(session: Session, name: str) -> ApiKeyRow:
    row = api_keys.named(session.connection, name)
    if row is None or row.revoked is not None:
        raise errors.NotFound("There is no API key of this name in use", remedy="see `amana api-key list`")
    return row


def _check(house: House, name: str, brands: Sequence[str], actions: Sequence[str], days: int) -> None:
    if not _NAME.match(name):
        raise errors.BadInput(
            "The name of an API key cannot be used",
            expected="up to 63 of a-z, 0-9, dot, dash and underscore",
            remedy="choose another",
        )
    _check_days(days)
    if not brands or not actions:
        raise errors.BadInput("A key needs at least one brand and one action", remedy="name them")
    for brand in brands:
        if brand != "*" and brand not in house.workspace.brands:
            raise errors.NotFound(
                f"There is no brand called {brand!r}",
                expected=f"* or some of: {', '.join(house.workspace.brands)}",
                remedy="check the spelling",
            )
    for action in actions:
        _check_action(house, action)


def _check_action(house: House, action: str) -> None:
    scope, colon, point = action.partition(":")
    if colon and scope == "capture":
        if point not in house.workspace.capture_points:
            raise errors.NotFound(
                f"There is no capture point called {point!r}",
                expected=f"one of: {', '.join(house.workspace.capture_points)}",
                remedy="check the spelling, or add it to amana.toml",
            )
    elif action not in SCOPES:
        raise errors.BadInput(
            "An action of a key is not known",
            expected=f"some of: {', '.join(SCOPES)}, capture:<point>",
            got=action,
            remedy="check the spelling",
        )


def _check_days(days: int) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise errors.BadInput(
            "A key cannot live so long",
            expected=f"1 to {MOST_DAYS} days",
            got=str(days),
            remedy="rotate it instead",
        )
