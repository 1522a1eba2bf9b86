"""Addresses in keyed form: how they are found without being stored.

Rule. An address is normalised, then hashed under the workspace's own keys: once under the blind-index key, by which its
holders are found, and once for each spelling that a suppression list may hold, under the suppression key, which outlives
the person. A bare hash of an address appears nowhere.
"""

from __future__ import annotations

import msgspec

from amana import errors
from amana.core.contact_points import Email, Phone, read_email, read_phone, suppression_keys
from amana.core.vocabulary import PointKind
from amana.keys.store import BLIND_INDEX, SUPPRESSION, KeyStore
from amana.ledger import sealing


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One normalised address."""

    kind: PointKind
    value: str  # as it is to be used
    blind: bytes
    suppress: tuple[bytes, ...]  # keyed hashes under which a suppression list may hold it
    flags: int = 0
    country: str = ""


class Keyer:
    """Makes the keyed form of addresses for one workspace."""

    def __init__(self, keys: KeyStore) -> None:
        self.key = keys.secret(BLIND_INDEX)
        self._suppression_key = keys.secret(SUPPRESSION)

    def email(self, email: Email, flags: int = 0) -> Address:
        """The keyed form of an e-mail address."""
        kind = PointKind.EMAIL
        spellings = suppression_keys(email)
        return Address(
            kind=kind,
            value=email.address,
            blind=sealing.blind_index(self.key, kind.value, email.key),
            suppress=tuple(sealing.blind_index(self._suppression_key, kind.value, one) for one in spellings),
            flags=flags,
        )

    def phone(self, phone: Phone) -> Address:
        """The keyed form of a phone number."""
        kind = PointKind.PHONE
        return Address(
            kind=kind,
            value=phone.e164,
            blind=sealing.blind_index(self.key, kind.value, phone.e164),
            suppress=(sealing.blind_index(self._suppression_key, kind.value, phone.e164),),
            country=phone.country,
        )

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
