"""Who is this row about? Addresses and names become keyed hashes; the same address is one person, unless it is not.

Rule. A source's own id, seen before from the same source, is that person. Else the holder of the e-mail address, else
the holder of the phone number; an address inherits nothing, it only identifies. But if the row and the holder differ
in name, birth month or guardian, they are two people: a newcomer is made, both are put up for review, nothing is
merged, and refusals bind every holder of the address. Unknown on either side is no difference, but for the guardian:
whoever has one is a child, often at the parent's address, and a row that names none there is the parent. Only under the
child's own name is such a row the child, so that a file without that column makes no grown-up of them.
"""

from __future__ import annotations

import unicodedata

import msgspec

from amana.core import places, regimes
from amana.core import state as states
from amana.core.address_class import AddressRules, classify
from amana.core.contact_points import Email, Phone, PointProblem, read_email, read_phone
from amana.core.facts import BORN_UNKNOWN
from amana.core.statements import PersonRow, Reject
from amana.core.workspace import Workspace
from amana.keys.store import RECOGNITION, KeyStore
from amana.ledger import sealing
from amana.services.record import addresses as keyed
from amana.services.record.addresses import Address, Keyer
from amana.services.record.writing import Session, Writing
from amana.storage import people, register


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a row offers to recognise a person by, in keyed form."""

    row: PersonRow
    alias: bytes | None
    addresses: tuple[Address, ...]
    name_tag: bytes | None
    birth: str  # YYYY-MM or less
    guardian: bool


class Match(msgspec.Struct, kw_only=True):
    """Whom a row is about."""

    person: Writing
    is_new: bool
    conflicts: tuple[tuple[int, str], ...] = ()  # holders it is not merged with, and why


class Recogniser:
    """Turns rows into identities and identities into people. One per import."""

    def __init__(self, keys: KeyStore, source_name: str, workspace: Workspace, rules: AddressRules) -> None:
        self._keyer = Keyer(keys)
        self._key = keys.secret(RECOGNITION)
        self._alias_kind = f"alias/{source_name}"
        self._rules = rules
        self._name_field = _meaning(workspace, "full_name")
        self._languages = workspace.organisation.languages
        self._birth_field = _meaning(workspace, "birth_date")
        self._guardian_field = _meaning(workspace, "guardian")

    def identify(self, row: PersonRow) -> tuple[Identity | None, list[Reject]]:
        """The row's identity; None with a whole-row reject if there is nothing to recognise anybody by."""
        rejects: list[Reject] = []
        addresses: list[Address] = []
        name = row.fields.get(self._name_field, "")
        email = read_email(row.email) if row.email else PointProblem.EMPTY
        if isinstance(email, Email):
            flags = int(classify(self._rules, email, name))
            addresses.append(self._keyer.email(email, flags))
        elif row.email:
            rejects.append(_reject(row, "email", f"bad_email:{email.value}"))
        country = places.country_of(row.phone_country, self._languages) if row.phone_country else None
        if row.phone and row.phone_country and country is None:
            rejects.append(_reject(row, "phone_country", "unknown_country"))
        phone = read_phone(row.phone, country) if row.phone else PointProblem.EMPTY
        if isinstance(phone, Phone):
            addresses.append(self._keyer.phone(phone))
        elif row.phone:
            rejects.append(_reject(row, "phone", f"bad_phone:{phone.value}"))
        if not addresses and not row.external_id:
            reason = "bad_contact_point" if rejects else "no_contact_point"
            return None, [*rejects, _reject(row, "", reason, whole_row=True)]
        alias = sealing.blind_index(self._key, self._alias_kind, row.external_id) if row.external_id else None
        return (
            Identity(
                row=row,
                alias=alias,
                addresses=tuple(addresses),
                name_tag=self.name_tag(name),
                birth=_birth(row.fields.get(self._birth_field, "")),
                guardian=bool(row.fields.get(self._guardian_field, "")),
            ),
            rejects,
        )

    def name_tag(self, name: str) -> bytes | None:
        """Keyed hash of a name whatever its case, spacing and order of parts; None for no name."""
        folded = unicodedata.normalize("NFKC", name).casefold()
        parts = sorted("".join(c if c.isalnum() or _is_mark(c) else " " for c in folded).split())
        if not parts:
            return None
        return sealing.blind_index(self._key, "name", " ".join(parts))[:8]


class Crowd:
    """The people that a batch of identities may be about, read in a few queries."""

    def __init__(self, session: Session, batch: list[Identity]) -> None:
        self.session = session
        keyed.bring_up(
            session.connection,
            session.keys,
            [address for identity in batch for address in identity.addresses],
        )
        blinds = list({address.blind for identity in batch for address in identity.addresses})
        aliases = [identity.alias for identity in batch if identity.alias]
        self.holders = session.holders(blinds)
        listed = list(
            {blind for identity in batch for address in identity.addresses for blind in address.suppress}
        )
        self.suppressed = register.suppressed(session.connection, listed)
        self.erased = register.suppressed(session.connection, list(self.suppressed), register.ERASED)
        self.aliases = people.by_alias(session.connection, aliases) | {
            alias: session.aliases[alias] for alias in aliases if alias in session.aliases
        }
        session.load(
            {person for held in self.holders.values() for person, _ in held} | set(self.aliases.values())
        )

    def only_erased(self, identity: Identity) -> bool:
        """Whether a row is about nobody known, and has an address of somebody who was erased."""
        if identity.alias is not None and identity.alias in self.aliases:
            return False
        if any(self.holders.get(address.blind) for address in identity.addresses):
            return False
        return any(not self.erased.isdisjoint(address.suppress) for address in identity.addresses)

    def match(self, identity: Identity) -> Match:
        """The person a row is about, new or known. See the module's rule."""
        if identity.alias is not None and identity.alias in self.aliases:
            return Match(person=self.session.person(self.aliases[identity.alias]), is_new=False)
        conflicts: list[tuple[int, str]] = []
        for address in identity.addresses:
            for person_id, _ in self.holders.get(address.blind, ()):
                person = self.session.person(person_id)
                difference = _difference(identity, person)
                if not difference:
                    return Match(person=person, is_new=False, conflicts=tuple(conflicts))
                conflicts.append((person_id, difference))
        made = self.session.new_person(identity.name_tag)
        return Match(person=made, is_new=True, conflicts=tuple(dict.fromkeys(conflicts)))

    def hold(self, address: Address, person: int, ordinal: int) -> None:
        """Remember that a person now holds an address, for later rows of the batch."""
        self.holders.setdefault(address.blind, []).append((person, ordinal))


def _difference(identity: Identity, person: Writing) -> str:
    """In what a row and a holder of its address differ: name, age, guardian, or nothing."""
    if identity.name_tag and person.name_tag and identity.name_tag != person.name_tag:
        return "name"
    birth = states.attribute(person.state, "birth")
    if identity.birth and birth not in ("", regimes.UNREADABLE) and not _same_birth(identity.birth, birth):
        return "age"
    known_guardian = states.attribute(person.state, "guardian") == "yes"
    if identity.guardian and not known_guardian:
        return "guardian"
    named = identity.name_tag is not None and identity.name_tag == person.name_tag
    if known_guardian and not identity.guardian and not named:
        return "guardian"
    return ""


def _birth(text: str) -> str:
    """The month of a birth date that can be read, or what is known of it; else nothing."""
    return regimes.birth_month(text) if regimes.born_by(text) != BORN_UNKNOWN else ""


def _same_birth(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _meaning(workspace: Workspace, meaning: str) -> str:
    """The name of the registered field with a meaning; a name no field has, if there is none."""
    return next((name for name, field in workspace.fields.items() if field.means == meaning), "\0")


def _is_mark(character: str) -> bool:
    """Combining marks carry vowels in Thai, Hebrew and Arabic: part of the name."""
    return unicodedata.category(character).startswith("M")


def _reject(row: PersonRow, column: str, reason: str, *, whole_row: bool = False) -> Reject:
    return Reject(part=row.part, line=row.line, column=column, reason=reason, whole_row=whole_row)
