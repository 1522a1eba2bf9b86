"""Masks: what takes the place of a value that is erased where its row stays.

Rule.
- The mask is the field's, else NULL. Where NULL cannot stand it is CONSTANT, and where a constant cannot stand twice it
  is HASH. Nothing (null, an empty text or array) stays what it is.
- CONSTANT is `erased`, 0, false, an empty object or array. HASH is keyed; a text that it made is known again under the
  same key and stays (16 characters are needed for that), so equal values stay equal though one of them is done twice.
  Whoever throws the key away makes it lead nowhere. RANDOM puts a letter for a letter and a digit for a digit.
- A value keeps the form that its column may insist on: a day, a time, a UUID, an object id, an e-mail address, digits.
  A masked address ends in `.invalid` (RFC 2606) and a random phone number begins with 0000: nobody else is reached.
- A number becomes a whole number with fewer digits, so that it fits wherever it fitted, one digit becomes 0; true and
  false become false; an object is masked as a whole.
- No text is longer than `length`, the smaller of the field's and what its system says.
- An array is masked element by element. Where only some elements are the person's, only those are, and NULL and
  CONSTANT take them out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Protocol

from amana.core import data_map, nested
from amana.core.data_map import DataType, Field, Mask, Plain, Row
from amana.core.nested import Change, Concerned, Sought

Random = Callable[[int], bytes]
"""So many random bytes."""

WORD = "erased"
DOMAIN = "@erased.invalid"
PHONES = "user.contact.phone_number"
BYTES = "data:;base64,"  # how bytes cross as text
TOKEN = 32  # characters of a keyed text, where there is room
CHECKED = 8  # of them, those that say it is ours
AMPLE = 1_000_000  # characters where nothing bounds them
LEAST_CHECKED = 16  # characters that a text needs to be known again

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d+)?)?", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_FIRST_DAY = date(1900, 1, 1)
_DAYS = 73_000


class Limits(Protocol):
    """What a system says about a field."""

    @property
    def nullable(self) -> bool:
        """Whether NULL can stand in it."""
        ...

    @property
    def length(self) -> int | None:
        """Characters that fit."""
        ...


def fits(mask: Mask, field: Field) -> bool:
    """Whether a mask means something for the type of a field."""
    whole = field.type in (DataType.OBJECT, DataType.BOOLEAN)
    return not whole or mask in (Mask.NULL, Mask.CONSTANT)


def chosen(field: Field, *, nullable: bool = True, unique: bool = False) -> Mask:
    """The mask of a field where its system lets NULL stand or not, and values twice or not."""
    mask = field.mask or Mask.NULL
    if mask is Mask.NULL and not nullable:
        mask = Mask.CONSTANT
    return Mask.HASH if mask is Mask.CONSTANT and unique and fits(Mask.HASH, field) else mask


def mask(
    value: Plain, field: Field, how: Mask, key: bytes, random: Random, length: int | None = None
) -> Plain:
    """The value masked. `key` is the secret of HASH: 16 bytes or more, thrown away when the erasure is done. `length` is
    what the system can hold."""
    if value is None or value in ("", []):
        return value
    if how is Mask.NULL:
        return None
    if isinstance(value, list):
        return [] if how is Mask.CONSTANT else [mask(one, field, how, key, random, length) for one in value]
    if isinstance(value, dict):
        return {}
    if isinstance(value, bool):
        return False
    source = _Source(how, key, random)
    if isinstance(value, str):
        room = min((one for one in (length, field.length) if one is not None), default=None)
        return _text(value, field, source, room)
    digits = len(str(abs(int(value)))) if math.isfinite(value) else 1
    number = source.number(nested.text_of(value) or "", digits)
    return float(number) if isinstance(value, float) else number


def erased(
    row: Row,
    collection: data_map.Collection,
    fields: Iterable[Field],
    *,
    key: bytes,
    random: Random,
    sought: Sequence[Sought] = (),
    theirs: Concerned | None = None,
    limits: Mapping[str, Limits] | None = None,
    unique: Collection[str] = frozenset(),
) -> dict[str, Plain]:
    """New values for a row whose `fields` are erased: dotted path -> value, an array whole, as a system takes them.

    `sought` is what led to the row: of an array that led to it only the person's elements change; `theirs` says the same
    for many rows at once. `limits` is what the
    system says by path, `unique` the paths whose values cannot stand twice. What is masked already is not named again.
    """
    theirs = nested.concerned(collection, sought) if theirs is None else theirs
    changes: dict[str, Change] = {}
    tops: dict[str, None] = {}
    for field in fields:
        said = (limits or {}).get(field.path)
        how = chosen(field, nullable=said is None or said.nullable, unique=field.path in unique)
        length = None if said is None else said.length
        one = partial(mask, field=field, how=how, key=key, random=random, length=length)
        changes[field.path] = partial(_elements, field.path, one, how, theirs)
        tops[nested.array_above(collection, field.path)] = None
    made = nested.changed_all(row, changes, theirs)
    return {path: new for path in tops if (new := nested.at(made, path)) != nested.at(row, path)}


def _elements(path: str, one: Change, how: Mask, theirs: Concerned, value: Plain) -> Plain:
    """A value masked; of an array that other people share, only the person's elements."""
    if not isinstance(value, list) or all(theirs(path, element) for element in value):
        return one(value)
    stays = how not in (Mask.NULL, Mask.CONSTANT)
    return [
        one(element) if theirs(path, element) else element
        for element in value
        if stays or not theirs(path, element)
    ]


# ---- text -------------------------------------------------------------------------------------------------------


class _Source:
    """Where the digits and letters of a mask come from."""

    def __init__(self, how: Mask, key: bytes, random: Random) -> None:
        self.how, self.key, self._random = how, key, random

    def digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self.key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256)

    def whole(self, text: str) -> int:
        """A large whole number for a text: 0, keyed or random."""
        if self.how is Mask.CONSTANT:
            return 0
        return int.from_bytes(
            self._random(16) if self.how is Mask.RANDOM else self.digest("whole", text)[:16]
        )

    def number(self, text: str, digits: int) -> int:
        """A whole number of fewer digits than `digits`."""
        bound: int = 10 ** (digits - 1)
        return self.whole(text) % bound

    def letters(self, text: str) -> str:
        """A letter for each letter, a digit for each digit; of ASCII, marks and spaces stay."""
        drawn = self._random(4 * len(text))
        words = (int.from_bytes(drawn[4 * n : 4 * n + 4]) for n in range(len(text)))
        return "".join(_alike(character, word) for character, word in zip(text, words, strict=True))

    def token(self, text: str, room: int) -> str:
        """A keyed text that it knows again, if there is room."""
        size = min(TOKEN, room)
        checked = CHECKED if size >= LEAST_CHECKED else 0
        if (
            checked
            and len(text) == size
            and hmac.compare_digest(
                self._check(text[:-checked]), text[-checked:].encode("utf-8", "surrogatepass")
            )
        ):
            return text
        body = _base32(self.digest("body", text))[: size - checked]
        return body + (self._check(body).decode() if checked else "")

    def _check(self, body: str) -> bytes:
        return _base32(self.digest("check", body))[:CHECKED].encode()


def _text(text: str, field: Field, source: _Source, room: int | None) -> str:
    """A text masked in its own form; the first form that fits it counts."""
    if text.startswith(BYTES):
        made = BYTES
    elif field.type is DataType.OBJECT:
        made = "{}"
    elif _DAY.fullmatch(text):
        made = _day(text, source)
    elif _TIME.fullmatch(text):
        made = re.sub(r"\d", "0", text)
    elif _UUID.fullmatch(text):
        digits = f"{source.whole(text):032x}"
        made = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    elif field.type is DataType.OBJECT_ID and _OBJECT_ID.fullmatch(text):
        made = f"{source.whole(text):032x}"[-24:]
    elif field.type in (DataType.INTEGER, DataType.FLOAT) and (found := _NUMBER.fullmatch(text)):
        made = str(source.number(text, len(found[0].partition(".")[0].lstrip("+-"))))
    elif any(data_map.covers(PHONES, one) for one in field.categories) and source.how is Mask.RANDOM:
        made = _phone(source.letters(text))
    else:
        return _words(text, source, room)
    return made[:room]


def _words(text: str, source: _Source, room: int | None) -> str:
    space = AMPLE if room is None else room
    if not _ADDRESS.fullmatch(text) or space <= len(DOMAIN):
        return _plain_words(text, source, space)
    local = text.rpartition("@")[0]
    whole = source.how is Mask.HASH and not text.endswith(DOMAIN)  # the same name at two hosts is two people
    return _plain_words(text if whole else local, source, space - len(DOMAIN)) + DOMAIN


def _plain_words(text: str, source: _Source, room: int) -> str:
    if source.how is Mask.CONSTANT:
        return WORD[:room]
    return (source.letters(text) if source.how is Mask.RANDOM else source.token(text, room))[:room]


def _day(text: str, source: _Source) -> str:
    """Another day, at midnight; the constant is 1970-01-01."""
    day = date(1970, 1, 1)
    if source.how is not Mask.CONSTANT:
        day = _FIRST_DAY + timedelta(days=source.whole(text) % _DAYS)
    return day.isoformat() + re.sub(r"\d", "0", text[10:])


def _phone(text: str) -> str:
    """A number whose first four digits are 0."""
    places = [place for place, character in enumerate(text) if character.isdigit()][:4]
    return "".join("0" if place in places else character for place, character in enumerate(text))


def _alike(character: str, word: int) -> str:
    if character.isascii() and not character.isalnum():
        return character
    if character.isdigit():
        return chr(ord("0") + word % 10)
    return chr(ord("A" if character.isupper() else "a") + word % 26)


def _base32(digest: bytes) -> str:
    return base64.b32encode(digest).decode().rstrip("=").lower()
