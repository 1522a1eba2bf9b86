"""Packing: a record as it lies inside its sealed row, or in a long receipt, shorter than it is spelled.

Rule. What is committed to, proved and shown is always the record itself; packing changes only how it is carried.

- packed: `0x01 || DEFLATE(record)`, raw (RFC 1951), against a preset dictionary of the schema's own words. The first
  byte names the form; each form has its dictionary, which is never changed once rows are sealed with it.
- as it is: a record that packing would not shorten, and every row of the releases before packing. It begins with `{`,
  as canonical JSON of an object does; bytes that begin like a packed form are packed, whatever that costs.

In a row nothing limits what a packed form may grow to: it is unpacked only after its cipher's tag showed that the holder
of the person's key made it. A receipt may come from anybody, and says how much it may grow to. The length of a packed
record tells an onlooker of ciphertexts about as much as the length of the record did. Whatever unpacks is held against
its commitment afterwards, so no two packings of one record need be equal.
"""

from __future__ import annotations

import zlib

from amana.errors import VerificationFailed

FORM = b"\x01"

_WINDOW = 11  # 2 kB of window hold the dictionary and a record
_LEVEL, _MEMORY = 6, 4  # a small state is quick to copy
_WORDS = (
    b'"renewed""unknown""requested""invalidated""objected""columns":{"country":"languages":"zone":"birth_month":"'
    b'"sealed":{"name":"given_name":"family_name":"birth_date":"paused_until":"hours":"days":"per_month":"topics_off":["'
    b'"kind":"preference","kind":"restriction","on":true"kind":"retraction","retracts":"also_refusals":true'
    b'"kind":"held","kind":"notice","material":true,"epoch":"kind":"erasure","positions":["kind":"continuation","'
    b'"kind":"relationship","basis":"relationship","basis":"published","basis":"interest","basis":"sale",'
    b'"channel":"messaging","channel":"push","channel":"phone_live","channel":"phone_auto","channel":"post",'
    b'"channel":"ads_audience","channel":"sms","point_kind":"phone","change":"verified","change":"blocked",'
    b'"change":"unblocked","reason":"bounce_hard","reason":"complaint","actor":"guardian","actor":"relayed",'
    b'"actor":"system","actor":"staff","brand":"*","purpose":"*","channel":"*","status":"objected",'
    b'"status":"refused","status":"withdrawn","v":1}'
    b'{"actor":"import","columns":{"id":"kind":"profile","occurred":17'
    b'{"actor":"import","change":"added","country":"flags":1,"id":"kind":"point","occurred":17,"person":1,"point":0,'
    b'"point_kind":"email","prev":"","recorded":17,"source":1,"v":1,"value":".com"}'
    b'{"actor":"person","brand":"channel":"email","confirmed":true,"evidence":"form:","id":"","kind":"permission",'
    b'"notice":"newsletter@202","notice_epoch":1,"notice_hash":"","occurred":17,"person":1,"point":0,"prev":"",'
    b'"proof":511,"purpose":"newsletter","recorded":17,"source":1,"status":"given","v":1}'
)

# A copy of a prepared state costs a fifth of making one anew.
_fresh = zlib.compressobj(_LEVEL, zlib.DEFLATED, -_WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _WORDS)


def pack(record: bytes) -> bytes:
    """The packed form of a record, or the record as it is where that is shorter."""
    state = _fresh.copy()
    packed = FORM + state.compress(record) + state.flush()
    return packed if len(packed) < len(record) or record.startswith(FORM) else record


def unpack(packed: bytes, most: int = 0) -> bytes:
    """The record of a packed form, or of none; `most` bytes of it if that is not 0.

    Raises VerificationFailed for bytes that do not unpack, or to more.
    """
    if not packed.startswith(FORM):
        return packed
    state = zlib.decompressobj(-_WINDOW, _WORDS)
    try:
        record = state.decompress(packed[1:], most)
    except zlib.error:
        raise VerificationFailed("A packed record does not unpack") from None
    if not state.eof or state.unused_data:
        raise VerificationFailed("A packed record is cut short, or goes on after its end")
    return record
