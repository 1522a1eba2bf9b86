"""E-mail addresses and phone numbers in one normal form each.

Rule: one contact point has one spelling, so that a refusal is found however the address was typed.
An e-mail address keeps the case of its part before the @ for sending (RFC 5321 section 2.4) and gives it up
in its `key`, which is case-folded in Unicode form NFC (RFC 6532 section 3.1). Its domain is in lower-case
A-labels (RFC 5891) in both, and in its own letters in `display`. Tags and dots stay: they may be the name.
A phone number is E.164; it must be possible, and in an assigned range of its country.
Reserved names (`example.com`, `.example`, `.test`, RFC 2606) are addresses like any other; names that can
never receive mail (`.invalid`, `.localhost`, RFC 6761; `.local`, RFC 6762) are not.

Reading looks nothing up. `read_*` return the point or a `PointProblem`, which is cheap in bulk and whose
value is a stable token; `normalise_*` raise. Nothing here ever repeats the value in an error.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

import email_validator
import msgspec
import phonenumbers
from phonenumbers import PhoneNumberType

from amana.core import places
from amana.errors import BadInput


class PointProblem(Enum):
    """Why a text is not a contact point. The value is the token for reject files and answers."""

    EMPTY = "empty"
    SYNTAX = "syntax"  # not one e-mail address
    DOMAIN = "domain"  # the part after the @ cannot receive mail
    TOO_LONG = "too_long"
    NOT_A_NUMBER = "not_a_number"  # letters, an extension, a spreadsheet's 9.7E+11, or no digits
    NOT_POSSIBLE = "not_possible"  # too short, too long or no such country calling code
    NOT_VALID = "not_valid"  # no range of that country's numbering plan
    NO_COUNTRY = "no_country"  # a national number, and no country is known


class Email(msgspec.Struct, frozen=True, kw_only=True):
    """A readable e-mail address."""

    address: str  # as to be sent: local part with its case, @, A-label domain
    display: str  # as to be shown: the same with the domain in its own letters
    key: str  # what the blind index is computed over: case-folded, NFC, A-label domain
    domain: str  # A-labels, lower case


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """A readable phone number."""

    e164: str  # + and at most fifteen digits; also what the blind index is computed over
    country: str  # ISO 3166-1 alpha-2 of the numbering plan; "" for a number of no country (+800, +883)
    mobile: bool | None  # None: the plan does not tell (North America), or neither kind fits


EMAIL_MAX_BYTES = 254  # RFC 5321 section 4.5.3.1.3 with erratum 1690 of RFC 3696
_PHONE_MAX_CHARACTERS = 64

# White space and marks that cling to cells of exported tables: zero-width, direction, byte order.
_EDGES = (
    " \t\r\n\v\f\u00a0\u00ad\u061c\u200b\u200c\u200d\u200e\u200f"
    "\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)

# Less than the library accepts, on purpose: what matches here needs no second opinion.
_PLAIN_EMAIL = re.compile(
    r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)"
    r"@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63})\Z"
)
_SPECIAL_TLDS = frozenset({"arpa", "invalid", "local", "localhost", "onion"})
_CASELESS_NAMES = frozenset(email_validator.rfc_constants.CASE_INSENSITIVE_MAILBOX_NAMES)
_MORE_THAN_ONE = re.compile(r"[\s<>,;]")

_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_ZERO_ZERO = re.compile(r"\A\(?00[\s).-]*(?=[1-9])")
_FLOAT_OF_SPREADSHEET = re.compile(r"(\+?[0-9]{7,15})\.0\Z")

_MOBILE: dict[int, bool | None] = {
    PhoneNumberType.MOBILE: True,
    PhoneNumberType.FIXED_LINE: False,
    PhoneNumberType.TOLL_FREE: False,
    PhoneNumberType.PREMIUM_RATE: False,
    PhoneNumberType.SHARED_COST: False,
    PhoneNumberType.UAN: False,
    PhoneNumberType.VOICEMAIL: False,
}


def read_email(text: str) -> Email | PointProblem:
    """Read one e-mail address; white space and invisible marks around it are dropped."""
    plain = _PLAIN_EMAIL.match(text)
    if plain is not None and len(text) <= EMAIL_MAX_BYTES:
        local, domain = plain.groups()
        domain = domain.lower()
        if "--" not in domain and domain[domain.rindex(".") + 1 :] not in _SPECIAL_TLDS:
            folded = local.lower()
            if folded in _CASELESS_NAMES:
                local = folded
            address = f"{local}@{domain}"
            return Email(address=address, display=address, key=f"{folded}@{domain}", domain=domain)
    trimmed = text.strip(_EDGES)
    if not trimmed:
        return PointProblem.EMPTY
    return _read_unusual_email(trimmed) if trimmed == text else read_email(trimmed)


def normalise_email(text: str) -> Email:
    """Like `read_email`. Errors: `BadInput`, whose `got` is the problem's token, never the address."""
    email = read_email(text)
    if isinstance(email, PointProblem):
        raise BadInput(
            "The e-mail address cannot be read",
            expected="one address such as name@example.com",
            got=email.value,
            remedy="Correct the address at its source",
        )
    return email


def suppression_keys(email: Email) -> tuple[str, ...]:
    """Every key under which a refusal of this address is kept and looked up: its own, and that without +tag.

    Keeping and asking both use all keys: a refusal of `ana+shop@` also stops `ana@`, and the other way round.
    """
    local, _, domain = email.key.rpartition("@")
    base = local.partition("+")[0]
    return (email.key,) if base in ("", local) else (email.key, f"{base}@{domain}")


def read_phone(text: str, country: str | None = None) -> Phone | PointProblem:
    """Read one phone number, in any script's digits, with `+`, with `00`, or national to `country`.

    `country` is ISO 3166-1 alpha-2 (`UK` is understood); without it a national number is NO_COUNTRY.
    """
    if _E164.match(text):
        return _read_number(text, None)
    written = _plain_digits(text)
    if not written:
        return PointProblem.EMPTY
    if len(written) > _PHONE_MAX_CHARACTERS:
        return PointProblem.TOO_LONG
    if any(map(str.isalpha, written)):
        return PointProblem.NOT_A_NUMBER
    region = places.iso_country(country) if country else None
    international = _ZERO_ZERO.sub("+", written, count=1)
    if international != written:
        # 00 is the usual prefix for "abroad" (ITU-T E.164); where that fails, the country's own reading.
        abroad = _read_number(international, None)
        if isinstance(abroad, Phone) or region is None:
            return abroad
    return _read_number(written, region)


def normalise_phone(text: str, country: str | None = None) -> Phone:
    """Like `read_phone`. Errors: `BadInput`, whose `got` is the problem's token, never the number."""
    phone = read_phone(text, country)
    if isinstance(phone, PointProblem):
        raise BadInput(
            "The phone number cannot be read",
            expected="one number in international form such as +12015550123, or its country beside it",
            got=phone.value,
            remedy="Correct the number at its source, or name the country of national numbers",
        )
    return phone


def _read_unusual_email(text: str) -> Email | PointProblem:
    """Everything the short pattern does not know: other scripts, rare characters, and what is wrong."""
    if len(text.encode("utf-8", "surrogatepass")) > EMAIL_MAX_BYTES:
        return PointProblem.TOO_LONG
    checked = _check(text)
    if checked is None:
        return _problem_of(text)
    local, domain = checked.local_part, checked.ascii_domain
    if "." not in domain:
        return PointProblem.DOMAIN
    return Email(
        address=f"{local}@{domain}",
        display=f"{local}@{checked.domain}",
        key=f"{_fold(local)}@{domain}",
        domain=domain,
    )


def _check(text: str) -> email_validator.ValidatedEmail | None:
    try:
        # test_environment: the library's way to accept the reserved name .test; it looks nothing up.
        return email_validator.validate_email(text, check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError:
        return None


def _problem_of(text: str) -> PointProblem:
    local, _, domain = text.rpartition("@")
    if not local or not domain or _MORE_THAN_ONE.search(text):
        return PointProblem.SYNTAX
    return PointProblem.DOMAIN if _check(f"x@{domain}") is None else PointProblem.SYNTAX


def _fold(local: str) -> str:
    """Canonical caseless form (Unicode section 3.13, D145), composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", local).casefold())


def _plain_digits(text: str) -> str:
    """The text in ASCII digits, without invisible marks, and a right-to-left cell's last plus put first."""
    if not text.isascii():
        text = "".join(_plain_character(character) for character in text)
    text = text.strip()
    if text.endswith("+") and "+" not in text[:-1]:
        text = "+" + text[:-1]
    number_as_float = _FLOAT_OF_SPREADSHEET.match(text)
    return number_as_float[1] if number_as_float else text


def _plain_character(character: str) -> str:
    if unicodedata.category(character) == "Cf":
        return ""
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _read_number(text: str, region: str | None) -> Phone | PointProblem:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        return _parse_problem(error, text)
    if number.extension:
        return PointProblem.NOT_A_NUMBER
    if not phonenumbers.is_possible_number(number):
        return PointProblem.NOT_POSSIBLE
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:  # the library's definition of a number that is not valid
        return PointProblem.NOT_VALID
    code = phonenumbers.region_code_for_number(number)
    return Phone(
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        country="" if code is None or code == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else code,
        mobile=_MOBILE.get(kind),
    )


def _parse_problem(error: phonenumbers.NumberParseException, text: str) -> PointProblem:
    if error.error_type == phonenumbers.NumberParseException.NOT_A_NUMBER:
        return PointProblem.NOT_A_NUMBER
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and "+" not in text:
        return PointProblem.NO_COUNTRY
    return PointProblem.NOT_POSSIBLE
