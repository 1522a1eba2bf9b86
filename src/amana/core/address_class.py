"""Whose address it is: a role's, a private person's, a named person's at work, or nobody's to write to.

Rule: a class is read from the address alone, without its +tag; it is a hint and never a permission.
- ROLE: the local part begins with a role name, and all that follows is another one, a country code, a number
  or a word such as "team": `info@`, `sales-team@`, `info.uk@`, `support2@`; and `cyclists-request@`.
- NEVER_TARGET: a role that is never marketed to, `abuse@` or `no-reply@` for example. It is a ROLE too.
- FREEMAIL: the domain belongs to a provider of private mailboxes.
- NAMED: not a role, and either two words like a name (`first.last`, `f.last`), or the person's known name.
The type of subject follows evidence of legal form. **A domain alone never makes anybody corporate**, a
private mailbox stays a consumer's, an unknown legal form is a consumer's, and an address at a company that is
not clearly a role's is a named person's.

The lists are data (`data/address_rules.toml`, RFC 2142 and names in use), parsed by `read_rules`.
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntFlag

import msgspec

from amana.core import places
from amana.core.contact_points import Email
from amana.core.vocabulary import SubjectType
from amana.errors import BadInput


class AddressClass(IntFlag):
    """Flags of one address. Bits are stored: appended, never reordered."""

    ROLE = 1 << 0
    FREEMAIL = 1 << 1
    NEVER_TARGET = 1 << 2
    NAMED = 1 << 3


class AddressRules(msgspec.Struct, frozen=True, kw_only=True):
    """The lists of one version of the address rules, ready for look-up."""

    version: str
    citation: str
    roles: frozenset[str]
    list_suffix: str
    qualifiers: frozenset[str]
    never_target: frozenset[str]
    freemail: frozenset[str]
    freemail_families: frozenset[str]
    incorporated: frozenset[str]
    sole_trader: frozenset[str]


class _Role(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    standard: list[str]
    list_suffix: str
    common: list[str]
    qualifiers: list[str]
    local: dict[str, list[str]]


class _NeverTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    citation: str
    names: list[str]


class _Freemail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    domains: list[str]
    families: list[str]


class _LegalForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    citation: str
    incorporated: list[str]
    sole_trader: list[str]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: str
    citation: str
    role: _Role
    never_target: _NeverTarget
    freemail: _Freemail
    legal_form: _LegalForm


_SEPARATORS = re.compile(r"[._-]+")
_WORD_WITH_NUMBER = re.compile(r"(.*?)[0-9]*\Z")
_FAMILY_ENDING = re.compile(r"(?:com?\.)?[a-z]{2,3}\Z")
_LONG_ENOUGH = 3  # letters a name must have to be found inside a one-word local part


def read_rules(text: str) -> AddressRules:
    """Parse the TOML text of the address rules. Errors: `BadInput` for a wrong shape."""
    try:
        file = msgspec.toml.decode(text, type=_File)
    except msgspec.DecodeError as error:
        raise BadInput(
            "The address rules cannot be read",
            expected="the tables role, never_target, freemail and legal_form",
            got=str(error),
            remedy="Compare the file with the address_rules.toml that came with this release",
        ) from error
    local = [name for names in file.role.local.values() for name in names]
    return AddressRules(
        version=file.version,
        citation=file.citation,
        roles=frozenset([*file.role.standard, *file.role.common, *local, *file.never_target.names]),
        list_suffix=file.role.list_suffix,
        qualifiers=frozenset(file.role.qualifiers),
        never_target=frozenset(file.never_target.names),
        freemail=frozenset(file.freemail.domains),
        freemail_families=frozenset(file.freemail.families),
        incorporated=frozenset(map(_plain_form, file.legal_form.incorporated)),
        sole_trader=frozenset(map(_plain_form, file.legal_form.sole_trader)),
    )


def classify(rules: AddressRules, email: Email, person_name: str = "") -> AddressClass:
    """The flags of one address; `person_name` is the full name on record, if any, in any order."""
    local, _, domain = email.key.rpartition("@")
    local = local.partition("+")[0]
    flags = AddressClass.FREEMAIL if _is_freemail(rules, domain) else AddressClass(0)
    roles = _role_names(rules, local)
    if roles:
        flags |= AddressClass.ROLE
        if roles & rules.never_target:
            flags |= AddressClass.NEVER_TARGET
    elif _looks_like_a_name(local) or _is_name_of(local, person_name):
        flags |= AddressClass.NAMED
    return flags


def subject_type(rules: AddressRules, flags: AddressClass, legal_form: str | None) -> SubjectType:
    """Whom the law sees behind an address of this class.

    `legal_form` is the form that a register or a document states for the organisation on the record ("Ltd",
    "sole_trader"); None or a form that is not listed is no evidence, and the subject stays a consumer.
    """
    if legal_form is None or AddressClass.FREEMAIL in flags:
        return SubjectType.CONSUMER
    form = _plain_form(legal_form)
    if form in rules.sole_trader:
        return SubjectType.SOLE_TRADER
    if form not in rules.incorporated:
        return SubjectType.CONSUMER
    return SubjectType.CORPORATE_GENERIC if AddressClass.ROLE in flags else SubjectType.CORPORATE_NAMED


def _role_names(rules: AddressRules, local: str) -> frozenset[str]:
    """The role names that make up a local part; none if any word of it is something else."""
    written = _SEPARATORS.sub("-", local).strip("-")
    if written.endswith(rules.list_suffix) and written != rules.list_suffix:
        return frozenset({rules.list_suffix})
    found: set[str] = set()
    words = written.split("-")
    while words:
        role, length = _leading_role(rules, words)
        if role:
            found.add(role)
        elif not found or not _is_qualifier(rules, words[0]):
            return frozenset()
        words = words[length:]
    return frozenset(found)


def _leading_role(rules: AddressRules, words: list[str]) -> tuple[str, int]:
    """The longest role name at the front (`do-not-reply` is one of three words), and its number of words."""
    for length in range(min(3, len(words)), 0, -1):
        head = "-".join(words[:length])
        for name in (head, _without_number(head)):
            if name in rules.roles:
                return name, length
    return "", 1


def _is_qualifier(rules: AddressRules, word: str) -> bool:
    bare = _without_number(word)
    return not bare or bare in rules.qualifiers or places.zones_of(bare) != ()


def _without_number(word: str) -> str:
    match = _WORD_WITH_NUMBER.match(word)
    return match[1] if match else word


def _is_freemail(rules: AddressRules, domain: str) -> bool:
    if domain in rules.freemail:
        return True
    name, _, ending = domain.partition(".")
    return name in rules.freemail_families and _FAMILY_ENDING.match(ending) is not None


def _looks_like_a_name(local: str) -> bool:
    """Two or three words of letters of which one is more than an initial: `first.last`, `f.last`."""
    words = [_without_number(word) for word in _SEPARATORS.split(local)]
    if not 2 <= len(words) <= 3:
        return False
    return all(map(_is_letters, words)) and any(len(word) > 1 for word in words)


def _is_letters(word: str) -> bool:
    # Vowel signs of Thai, Hindi and others are marks and not letters; a name has both.
    return word != "" and all(unicodedata.category(character)[0] in "LM" for character in word)


def _is_name_of(local: str, person_name: str) -> bool:
    names = [_bare_letters(word) for word in person_name.split()]
    written = _bare_letters(local)
    return any(len(name) >= _LONG_ENOUGH and name in written for name in names)


def _bare_letters(text: str) -> str:
    """Letters only, case-folded and without accents, so that `Müller` is found in `j.muller`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalpha())


def _plain_form(form: str) -> str:
    return " ".join(form.casefold().replace(".", "").split())
