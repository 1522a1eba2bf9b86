"""Addresses in keyed form: how they are found without being stored.

Rule. An address is normalised, then hashed under the workspace's own keys: once under the blind-index key, by which its
holders are found, and once for each spelling that a suppression list may hold, under the suppression key, which outlives
the person. A bare hash of an address appears nowhere.

While the index is being rotated an address has two keyed forms, and both are searched. Whoever writes first brings the
holders that they touch under the new form, so that all holders of an address always stand under the same one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core.contact_points import Email, Phone, read_email, read_phone, suppression_keys
from amana.core.vocabulary import PointKind
from amana.keys.store import BLIND_INDEX, SUPPRESSION, KeyStore
from amana.ledger import sealing
from amana.storage import points

_PERSON = re.compile(r"p([1-9][0-9]{0,9})\Z")
HIGHEST = 2**31 - 1


def person_id(text: str) -> int | None:
    """The id of a person as it is written, `p12`; None for anything else."""
    found = _PERSON.match(text)
    number = int(found[1]) if found else 0
    return number if 0 < number <= HIGHEST else None


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One normalised address."""

    kind: PointKind
    value: str  # as it is to be used
    blind: bytes
    generation: int  # of the index that `blind` was made with
    before: bytes | None = None  # the same under the generation that is being replaced, if one is
    suppress: tuple[bytes, ...]  # keyed hashes under which a suppression list may hold it
    flags: int = 0
    country: str = ""


class Keyer:
    """Makes the keyed form of addresses for one workspace. Make a new one for each piece of work."""

    def __init__(self, keys: KeyStore) -> None:
        generations = keys.index_generations()
        self.generation = generations[0]
        self._key = keys.secret(f"{BLIND_INDEX}{generations[0]}")
        self._old_key = keys.secret(f"{BLIND_INDEX}{generations[1]}") if len(generations) > 1 else None
        self._suppression_key = keys.secret(SUPPRESSION)

    def email(self, email: Email, flags: int = 0) -> Address:
        """The keyed form of an e-mail address."""
        kind = PointKind.EMAIL
        spellings = suppression_keys(email)
        return Address(
            kind=kind,
            value=email.address,
            blind=sealing.blind_index(self._key, kind.value, email.key),
            generation=self.generation,
            before=self._before(kind, email.key),
            suppress=tuple(sealing.blind_index(self._suppression_key, kind.value, one) for one in spellings),
            flags=flags,
        )

    def phone(self, phone: Phone) -> Address:
        """The keyed form of a phone number."""
        kind = PointKind.PHONE
        return Address(
            kind=kind,
            value=phone.e164,
            blind=sealing.blind_index(self._key, kind.value, phone.e164),
            generation=self.generation,
            before=self._before(kind, phone.e164),
            suppress=(sealing.blind_index(self._suppression_key, kind.value, phone.e164),),
            country=phone.country,
        )

    def _before(self, kind: PointKind, value: str) -> bytes | None:
        return sealing.blind_index(self._old_key, kind.value, value) if self._old_key else None

    def stored(self, kind: str, value: str) -> Address | None:
        """The keyed form of an address as it stands sealed; None if today's rules cannot read it."""
        if kind == PointKind.PHONE.value:
            phone = read_phone(value)
            return self.phone(phone) if isinstance(phone, Phone) else None
        email = read_email(value)
        return self.email(email) if isinstance(email, Email) else None

    def typed(self, text: str, country: str) -> Address:
        """The keyed form of what somebody typed; `country` reads national numbers. Raises BadInput."""
        email = read_email(text)
        if isinstance(email, Email):
            return self.email(email)
        phone = read_phone(text, country or None)
        if isinstance(phone, Phone):
            return self.phone(phone)
        raise errors.BadInput(
            "This is neither a person's id, an e-mail address nor a phone number",
            expected="p123, name@example.com or +44…",
            remedy="check it",
        )


def holders(connection: sa.Connection, addresses: Iterable[Address]) -> dict[bytes, list[tuple[int, int]]]:
    """Who holds these addresses, (person, ordinal) by their keyed form, whichever generation they stand under."""
    newest = {address.blind: address.blind for address in addresses}
    newest |= {address.before: address.blind for address in addresses if address.before is not None}
    found: dict[bytes, list[tuple[int, int]]] = {}
    for blind, pairs in points.holders(connection, list(newest)).items():
        found.setdefault(newest[blind], []).extend(pairs)
    return {blind: sorted(set(pairs)) for blind, pairs in found.items()}


def bring_up(connection: sa.Connection, keys: KeyStore, addresses: Iterable[Address]) -> None:
    """In a write transaction: bring the holders of these addresses under the index in use.

    Raises Conflict if the index was exchanged since the addresses were keyed.
    """
    current = keys.index_generations()[0]
    if any(address.generation != current for address in addresses):
        raise errors.Conflict(
            "The index of addresses was exchanged while this ran", remedy="run it again: it goes on from here"
        )
    points.move(connection, {one.before: one.blind for one in addresses if one.before is not None})
