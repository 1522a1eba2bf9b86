"""What a column of a table probably holds about people, by its values and by its name.

Rule.
- A value is tested by what can be checked of it: an address by its syntax, a number by its country's plan, an account by
  its checksum, an address of the network by its form. The share of the sample that passes is the confidence.
- A name says what values cannot: first name, street, gender. Names are compared by their words, in several languages, and
  alone they give little confidence. Where a name and half of the values agree, it is enough.
- A name of a person has no check, only a shape (`person_names`): it is never more than a guess.
- Free text, by its name or by its length, has no category: it may hold anything about anybody, and that is said.
- Findings hold shares and words, never a value. What is not recognised is not therefore impersonal.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

import msgspec
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from amana.connectors.systems import person_names
from amana.core import places

SURE = 0.8  # share of values that is enough by itself
HINTED = 0.4  # … where the name agrees
LONG = 5  # words of a value that is a sentence
EARLIEST_BIRTH = 1910
_WORD = re.compile(f"{person_names.LETTER}+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_NUMBER = re.compile(r"\+?[\d\s().\-/]{7,20}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Something personal that a column may hold."""

    category: str  # fideslang
    identity: str = ""
    words: frozenset[str] = frozenset()  # of column names


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a column probably holds."""

    category: str  # fideslang; "" for free text
    identity: str
    share: float | None  # of the sampled values that passed the check; None where the name alone speaks
    sample: int  # values that were looked at
    named: bool  # whether the column's name says so too
    guessed: bool = False  # by the shape of the values, which nothing checks

    @property
    def free(self) -> bool:
        """Whether it is free text, which may hold anything."""
        return not self.category

    @property
    def confidence(self) -> str:
        """high, medium or low."""
        if self.share is None or (self.guessed and not self.named):
            return "low"
        if self.guessed:
            return "medium"
        return "high" if self.share >= SURE and self.sample >= 5 else "medium"


def _kind(category: str, words: str, identity: str = "") -> Kind:
    return Kind(category=category, identity=identity, words=frozenset(words.split()))


EMAIL = _kind("user.contact.email", "email mail emails correo courriel почта אימייל דואל بريد อีเมล", "email")
PHONE = _kind(
    "user.contact.phone_number",
    "phone telephone tel mobile cell msisdn telefon telefono handy portable телефон טלפון נייד هاتف جوال โทรศัพท์",
    "phone_number",
)
IBAN = _kind("user.financial.bank_account", "iban account konto compte cuenta счет חשבון حساب")
NETWORK = _kind("user.device.ip_address", "ip ipaddress addr remote")
BORN = _kind(
    "user.demographic.date_of_birth",
    "birth birthday birthdate dob born geburt geburtsdatum geburtstag naissance nacimiento рождения לידה ميلاد เกิด",
)
NAME = _kind(
    "user.name",
    "firstname lastname surname forename fullname givenname familyname fname lname nachname vorname prenom nom "
    "contactname customername invoicename billingname shippingname recipientname kundenname "
    "apellido nombre фамилия отчество משפחה שםפרטי שםמלא นามสกุล ชื่อจริง",
)
FREE = _kind(
    "",
    "note notes comment comments remark remarks memo message messages feedback text body description freetext "
    "bemerkung bemerkungen notiz notizen kommentar nachricht remarque commentaire nota comentario observaciones "
    "הערה הערות הודעה תגובה ملاحظة ملاحظات تعليق رسالة หมายเหตุ ความคิดเห็น ข้อความ บันทึก "
    "примечание примечания комментарий комментарии заметка заметки сообщение отзыв",
)
BY_NAME = (
    NAME,
    _kind(
        "user.contact.address.street",
        "street address addr1 strasse adresse rue calle улица адрес כתובת רחוב عنوان ที่อยู่",
    ),
    _kind("user.contact.address.city", "city town ort stadt ville ciudad город עיר مدينة เมือง"),
    _kind("user.contact.address.postal_code", "zip postcode postal zipcode plz индекс מיקוד رمز ไปรษณีย์"),
    _kind("user.demographic.gender", "gender sex geschlecht sexe sexo пол מין جنس เพศ"),
    _kind("user.government_id", "ssn passport taxid nationalid паспорт инн снилс דרכון جواز บัตรประชาชน"),
    _kind("user.authorization.credentials", "password passwd secret token пароль סיסמה"),
)


def finding(name: str, values: Sequence[str], *, country: str = "", table: str = "") -> Finding | None:
    """What a column probably holds; None where nothing was recognised.

    `country` reads numbers without a prefix; the table's name says whether names in it are those of things.
    """
    words = words_of(name)
    sample = [value.strip() for value in values if value.strip()]
    best: Finding | None = None
    for kind, test in _tests(country):
        share = sum(map(test, sample)) / len(sample) if sample else 0.0
        named = bool(words & kind.words)
        enough = share >= (HINTED if named else SURE) and (named or kind is not BORN)
        if enough and (best is None or share > (best.share or 0.0)):
            best = _found(kind, share, len(sample), named)
    return best or _name(words, sample, table) or _by_name(words, len(sample)) or _free(words, sample)


def _name(words: frozenset[str], sample: Sequence[str], table: str) -> Finding | None:
    """Names of people by their shape, or by a column's name where there are no values to ask."""
    says, owner = bool(words & person_names.SAYING), words_of(table)
    share = person_names.share(sample, words, owner)
    if share:
        return _found(NAME, share, len(sample), says or bool(words & NAME.words), guessed=True)
    if says and not sample and not (words | owner) & person_names.OF_THINGS:
        return _found(NAME, None, 0, True, guessed=True)
    return None


def _free(words: frozenset[str], sample: Sequence[str]) -> Finding | None:
    """Free text by a column's name, or because many values are sentences and differ."""
    if words & FREE.words:
        return _found(FREE, None, len(sample), True)
    if len(sample) < person_names.FEWEST:
        return None
    long = sum(len(value.split()) >= LONG for value in sample) / len(sample)
    if long < HINTED or len(set(sample)) / len(sample) < SURE:
        return None
    return _found(FREE, long, len(sample), False, guessed=True)


def words_of(name: str) -> frozenset[str]:
    """The words of a column's name, in small letters, and those that two of them make together."""
    words = [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", name).replace("_", " "))]
    pairs = {one + other for one, other in pairwise(words)}
    return frozenset(words) | pairs


def _by_name(words: frozenset[str], sample: int) -> Finding | None:
    for kind in (*BY_NAME, EMAIL, PHONE, BORN):
        if words & kind.words:
            return _found(kind, None, sample, True)
    return None


def _found(kind: Kind, share: float | None, sample: int, named: bool, *, guessed: bool = False) -> Finding:
    return Finding(
        category=kind.category,
        identity=kind.identity,
        share=share,
        sample=sample,
        named=named,
        guessed=guessed,
    )


def _tests(country: str) -> tuple[tuple[Kind, Callable[[str], bool]], ...]:
    return (
        (EMAIL, is_email),
        (IBAN, is_iban),
        (NETWORK, is_network_address),
        (BORN, is_birth_date),
        (PHONE, lambda value: is_phone(value, country)),
    )


def is_email(value: str) -> bool:
    """A mail address by its syntax (RFC 5321, 5322, 6531)."""
    try:
        validate_email(value.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


def is_phone(value: str, country: str) -> bool:
    """A number that the plan of its country knows."""
    if not _NUMBER.fullmatch(value.strip()) or _DAY.fullmatch(value.strip()):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(value, places.iso_country(country) or None))
    except phonenumbers.NumberParseException:
        return False


def is_iban(value: str) -> bool:
    """An account number whose check digits fit (ISO 13616, ISO 7064 MOD 97-10)."""
    text = value.replace(" ", "").upper()
    if not _IBAN.fullmatch(text):
        return False
    digits = "".join(str(int(letter, 36)) for letter in text[4:] + text[:4])
    return int(digits) % 97 == 1


def is_network_address(value: str) -> bool:
    """An address of IPv4 or IPv6."""
    try:
        return bool(ipaddress.ip_address(value.strip()))
    except ValueError:
        return False


def is_birth_date(value: str) -> bool:
    """A date that may be somebody's first day."""
    try:
        return date.fromisoformat(value.strip()[:10]).year >= EARLIEST_BIRTH
    except ValueError:
        return False
