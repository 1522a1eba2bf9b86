"""Sealing: what is committed to, what is encrypted, and how a value is looked up without being stored.

Rule: the log holds only a commitment, the row beside it only ciphertext. Destroying the person's key leaves
32 bytes that lead nowhere; whoever holds `r` and the record can still open the commitment.

- commitment: `HMAC-SHA256(r, 0x01 || "amana/consent-event/v1" || 0x00 || record)`, hiding because `r` is 32
  fresh random bytes, binding because SHA-256 is. `r` is exactly 32 bytes: HMAC pads shorter keys with zeros,
  so that two different short `r` would give one commitment.
- sealed row: `nonce || AES-256-GCM(person key, r || packed record, aad = commitment)`; `packing` says how a record
  is shortened, and that a record as it is, from an earlier release, opens as well.
- wrapped value: `nonce || AES-256-GCM(key, plaintext, aad = "amana/wrap/v1" || 0x00 || context)`; the
  context names the place (table, row, field), so that a value moved elsewhere does not open.
- blind index: HMAC-SHA256 under a key of its own, cut to 16 bytes. A bare hash of an identifier is never
  made.

Every key is 32 bytes; every nonce is 12 fresh random bytes, never used twice under one key (NIST SP
800-38D).
"""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from amana.errors import BadInput, VerificationFailed
from amana.ledger import packing

KEY_SIZE = 32
NONCE_SIZE = 12
RANDOMNESS_SIZE = 32
COMMITMENT_SIZE = 32
BLIND_INDEX_SIZE = 16

_EVENT_DOMAIN = b"\x01amana/consent-event/v1\x00"
_INDEX_DOMAIN = b"\x02amana/blind-index/v1\x00"
_WRAP_DOMAIN = b"amana/wrap/v1\x00"


def commitment(r: bytes, record: bytes) -> bytes:
    """The 32-byte commitment to `record` under the randomness `r` (exactly 32 bytes, else `BadInput`)."""
    _exactly(r, RANDOMNESS_SIZE, "commitment randomness")
    return hmac.digest(r, _EVENT_DOMAIN + record, "sha256")


def seal(key: bytes, nonce: bytes, r: bytes, record: bytes, commitment: bytes) -> bytes:
    """The sealed row of one event; `commitment` is `commitment(r, record)`, which `open_sealed` checks
    again.
    """
    _exactly(r, RANDOMNESS_SIZE, "commitment randomness")
    _exactly(commitment, COMMITMENT_SIZE, "commitment")
    return _encrypt(key, nonce, r + packing.pack(record), commitment)


def open_sealed(key: bytes, sealed: bytes, commitment: bytes) -> tuple[bytes, bytes]:
    """`(r, record)` of a sealed row.

    Raises `VerificationFailed` if the row does not open under `key` and `commitment`, or opens to something
    that the commitment does not commit to.
    """
    plaintext = _decrypt(key, sealed, commitment, "sealed event")
    r, record = plaintext[:RANDOMNESS_SIZE], packing.unpack(plaintext[RANDOMNESS_SIZE:])
    if len(r) != RANDOMNESS_SIZE or hmac.digest(r, _EVENT_DOMAIN + record, "sha256") != commitment:
        raise VerificationFailed("A sealed event does not match its commitment")
    return r, record


def wrap(key: bytes, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
    """`plaintext` encrypted for one place: a person key under its epoch key, a profile value under a person
    key.
    """
    return _encrypt(key, nonce, plaintext, _WRAP_DOMAIN + context)


def unwrap(key: bytes, wrapped: bytes, context: bytes) -> bytes:
    """The plaintext of `wrap`; raises `VerificationFailed` under another key, in another place, or if
    altered.
    """
    return _decrypt(key, wrapped, _WRAP_DOMAIN + context, "wrapped value")


def blind_index(key: bytes, kind: str, value: str) -> bytes:
    """16 bytes by which `value` (already normalised) is found again; `kind` separates e-mail from phone and
    so on.

    Equal inputs give equal bytes; without `key` nothing can be tried out. `kind` holds no NUL character.
    """
    _exactly(key, KEY_SIZE, "blind-index key")
    if "\x00" in kind:
        raise BadInput("The kind of a blind index holds a NUL character", expected="a plain name")
    try:
        message = _INDEX_DOMAIN + f"{kind}\x00{value}".encode()
    except UnicodeEncodeError:  # carries the value itself; not chained
        raise BadInput("A value holds half of a surrogate pair", expected="valid Unicode text") from None
    return hmac.digest(key, message, "sha256")[:BLIND_INDEX_SIZE]


def _encrypt(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    _exactly(key, KEY_SIZE, "encryption key")
    _exactly(nonce, NONCE_SIZE, "nonce")
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated)


def _decrypt(key: bytes, ciphertext: bytes, associated: bytes, what: str) -> bytes:
    _exactly(key, KEY_SIZE, "encryption key")
    nonce, body = ciphertext[:NONCE_SIZE], ciphertext[NONCE_SIZE:]
    try:
        return AESGCM(key).decrypt(nonce, body, associated)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise VerificationFailed(
            f"A {what} does not open", expected="the key, the place and the bytes it was sealed with"
        ) from None


def _exactly(value: bytes, size: int, what: str) -> None:
    if len(value) != size:
        raise BadInput(f"A {what} has the wrong length", expected=f"{size} bytes", got=f"{len(value)} bytes")
