"""Records: the canonical JSON of an event, which the log commits to.

Rule. A record is the event's own fields plus `v` (version of the form), `person`, and `prev`, the commitment of the
same person's previous event (empty for the first): a holder of a late receipt can see that an earlier event was
dropped. Enums are their words, times whole UTC seconds, evidence checks their bits. Fields at their default are left
out. The bytes are canonical (RFC 8785); nothing in a record is a float.

A person keeps this, so it is short: event id and hashes are base64url without padding, and `occurred` is one number
where the moment is exact, else `[earliest, latest]`. Nothing is left out for it, and names stay words.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, get_args

import msgspec

from amana import errors
from amana.core import events
from amana.core.vocabulary import Proof
from amana.ledger import canonical

VERSION = 1
HASH_SIZE = 32  # bytes
_HASHES = ("notice_hash", "replaces")  # fields of events

_json = msgspec.json.Decoder()
# By kind: a struct's own form is kept by msgspec, a union's is worked out anew at each conversion.
_KINDS: dict[str, type[events.AnyEvent]] = {
    kind.__struct_config__.tag: kind for kind in get_args(events.AnyEvent)
}
_VERIFIED_FORM = "a record of this program's form"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An opened record."""

    person: int
    prev: bytes
    event: events.AnyEvent


def encode(event: events.AnyEvent, person: int, prev: bytes) -> bytes:
    """The canonical bytes of one event of one person. Raises BadInput for an id or a hash that is not hexadecimal."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    fields["v"] = VERSION
    fields["person"] = person
    fields["prev"] = _short(prev)
    try:
        fields["id"] = _short(bytes.fromhex(event.id))
        for name in _HASHES:
            if fields.get(name):
                fields[name] = _short(_hash(fields[name]))
    except ValueError:
        raise errors.BadInput(
            "An event's id or notice hash is malformed", expected="32 and 64 hexadecimal digits"
        ) from None
    when = event.occurred
    fields["occurred"] = when.lo if when.lo == when.hi else [when.lo, when.hi]
    return canonical.encode(fields)


def decode(data: bytes) -> Record:
    """The record behind canonical bytes. Raises VerificationFailed if they are not canonical, or not a record."""
    return _record(canonical.decode(data))


def decode_committed(data: bytes) -> Record:
    """As `decode`, for bytes that were just held against their commitment, in a third less time.

    That they are canonical was seen to when they were committed to, and is looked at again in every receipt.
    """
    try:
        fields = _json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise errors.VerificationFailed("A record is not JSON", expected=_VERIFIED_FORM) from None
    return _record(fields)


def _record(fields: Any) -> Record:
    try:
        person, prev = fields.pop("person"), _long(fields.pop("prev"))
        if fields.pop("v") != VERSION or not isinstance(person, int):
            raise ValueError
        fields["id"] = _long(fields["id"]).hex()
        for name in _HASHES:
            if name in fields:
                fields[name] = _long(fields[name]).hex()
        when = fields["occurred"]
        lo, hi = when if isinstance(when, list) else (when, when)
        fields["occurred"] = {"lo": lo, "hi": hi}
        proof = fields.pop("proof", 0)
        event: events.AnyEvent = msgspec.convert(fields, _KINDS[fields["kind"]])
        if proof:
            event = msgspec.structs.replace(event, proof=_proof(proof))
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.ValidationError):
        # The original error may quote a value; it is not chained.
        raise errors.VerificationFailed("A record has another form", expected=_VERIFIED_FORM) from None
    return Record(person=person, prev=prev, event=event)


def _proof(bits: Any) -> Proof:
    """The checks of a bit set. Apart from the rest, because msgspec would compose the same flags anew each time."""
    if type(bits) is not int or bits < 0:
        raise ValueError
    return Proof(bits)


def _hash(text: str) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != HASH_SIZE:
        raise ValueError
    return found


def _short(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _long(text: str) -> bytes:
    standard = text.replace("-", "+").replace("_", "/")
    return binascii.a2b_base64(standard + "=" * (-len(text) % 4), strict_mode=True)
