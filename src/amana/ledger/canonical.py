"""Canonical JSON: one value, one spelling in bytes.

Rule: RFC 8785 (JSON Canonicalization Scheme) on a restricted schema, so that a commitment to a record means
the same everywhere, in any language.

- Allowed: `str`, `bool`, `None`, `int` within ±(2^53 - 1) (the range RFC 7493 section 2.2 calls
  interoperable), arrays (`list` or `tuple`), objects (`dict` with `str` keys), nested at most 32 deep.
  Exactly these types: an enum or a struct goes through `msgspec.to_builtins` first.
- Refused: floating point numbers, larger integers, bytes, unpaired surrogates.
- Object keys are sorted by UTF-16 code units (RFC 8785 section 3.2.3), which differs from the order by code
  point above U+FFFF; no white space; UTF-8; nothing escaped that need not be.

`decode` accepts canonical bytes alone: it re-encodes what it read and compares.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from amana.errors import BadInput, VerificationFailed

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 32

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encode(value: object) -> bytes:
    """The canonical bytes of `value`. Raises `BadInput` on anything outside the restricted schema."""
    try:
        return _encoder.encode(_ordered(value, 0))
    except UnicodeEncodeError:
        # The original error carries the text itself, which may be personal; it is not chained.
        raise BadInput("A text holds half of a surrogate pair", expected="valid Unicode text") from None


def decode(data: bytes) -> object:
    """The value of canonical bytes. Raises `VerificationFailed` if they are not canonical."""
    try:
        value: object = _decoder.decode(data)
        again = encode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError, BadInput):
        raise VerificationFailed("A record is not JSON of the restricted schema") from None
    if again != data:
        raise VerificationFailed("A record is not canonical JSON", expected="the bytes RFC 8785 gives")
    return value


def _ordered(value: Any, depth: int) -> Any:
    """`value` with every object's keys in canonical order; refuses what the schema does not allow."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        if -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            return value
        raise BadInput("An integer is too large for canonical JSON", expected="at most 2^53 - 1 either way")
    if depth == DEEPEST:
        raise BadInput("A value is nested too deeply", expected=f"at most {DEEPEST} levels")
    if kind is dict:
        return {key: _ordered(value[key], depth + 1) for key in _sorted_keys(value)}
    if kind is list or kind is tuple:
        return [_ordered(item, depth + 1) for item in value]
    raise BadInput(
        "A value has no canonical form",
        expected="str, bool, None, int, list, tuple or dict",
        got=kind.__name__,
        remedy="pass structs and enums through msgspec.to_builtins; write fractions as scaled integers",
    )


def _sorted_keys(keys: Iterable[Any]) -> list[str]:
    try:
        if "".join(keys).isascii():  # the common case, where both orders agree
            return sorted(keys)
    except TypeError:
        raise BadInput("An object has a key that is not text", expected="keys of type str") from None
    return sorted(keys, key=_utf16)


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")
