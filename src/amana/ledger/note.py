"""Signed notes: text that people can read, with signatures that say which key made them.

Rule: C2SP signed-note, and the Ed25519 cosignatures of C2SP tlog-cosignature.

- A note is a text that ends in a newline, an empty line, and one or more lines `— name base64(key id ||
  signature)`. UTF-8; no control character but the newline; the last empty line separates text from
  signatures.
- A key is its name, its algorithm and its public key. Its id is the first four bytes of `SHA-256(name ||
  0x0A || algorithm || public key)`; its text is `name+hex(id)+base64(algorithm || public key)`.
- Algorithm 0x01 signs the text. Algorithm 0x04 (a witness) signs `cosignature/v1`, the time, and the text;
  its signature starts with the time, eight bytes, big-endian, POSIX seconds.
- A signature by a key that the verifier was not given is ignored. One by a known key must verify, or the
  whole note fails; and at least one must be by a known key.
- Base64 is the standard alphabet, padded, and canonical: no byte of a note can change unseen.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from enum import IntEnum
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from amana.errors import BadInput, VerificationFailed

MOST_SIGNATURES = 64
LATEST_TIME = 2**63 - 1  # POSIX seconds
_KEY_SIZE = 32
_ID_SIZE = 4
_TIME_SIZE = 8
_DASH = "\u2014 "
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")


class Algorithm(IntEnum):
    """The signature type byte of C2SP signed-note."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


class VerifierKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key by which notes are verified."""

    name: str  # for a log: its origin
    algorithm: Algorithm
    public: bytes  # 32 bytes, RFC 8032

    @property
    def id(self) -> bytes:
        """The key id, four bytes."""
        return sha256(self.name.encode() + b"\n" + self._material()).digest()[:_ID_SIZE]

    def text(self) -> str:
        """The verifier key as it is published."""
        return f"{self.name}+{self.id.hex()}+{encode_base64(self._material())}"

    def _material(self) -> bytes:
        return bytes([self.algorithm]) + self.public


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """A private key with the verifier key that belongs to it; made by `signer`."""

    verifier: VerifierKey
    private: Ed25519PrivateKey


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One signature line, not verified."""

    name: str
    key_id: bytes
    body: bytes


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed note, not verified."""

    text: str  # with its final newline
    signatures: tuple[Signature, ...]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A note of which at least one signature was verified, and none by a known key failed."""

    text: str
    seen: tuple[tuple[VerifierKey, int | None], ...]  # key, and the time of a cosignature in POSIX seconds


def signer(name: str, seed: bytes, algorithm: Algorithm = Algorithm.ED25519) -> Signer:
    """A signer from the 32 secret bytes of an Ed25519 key (RFC 8032). `BadInput` on a bad name or seed."""
    _check_name(name)
    if len(seed) != _KEY_SIZE:
        raise BadInput("A signing seed has the wrong length", expected="32 bytes", got=f"{len(seed)} bytes")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    return Signer(verifier=VerifierKey(name=name, algorithm=algorithm, public=public), private=private)


def parse_key(text: str) -> VerifierKey:
    """A verifier key from its text; `BadInput` if it is malformed or its id does not belong to it."""
    name, key_id, encoded = (*text.split("+", 2), "", "")[:3]
    _check_name(name)
    material = _base64_or_none(encoded)
    if material is None or len(material) != 1 + _KEY_SIZE or material[0] not in set(Algorithm):
        raise BadInput(
            "A verifier key is malformed", expected="name+id+base64 of an Ed25519 key or cosigner key"
        )
    key = VerifierKey(name=name, algorithm=Algorithm(material[0]), public=material[1:])
    if key.id.hex() != key_id:
        raise BadInput("A verifier key's id does not belong to it", expected=key.id.hex(), got=key_id)
    return key


def sign(text: str, signer: Signer) -> str:
    """The note of `text` signed by `signer`. `BadInput` if the text cannot be a note."""
    _expect(signer, Algorithm.ED25519)
    if not text.endswith("\n") or not _is_text(text):
        raise BadInput(
            "This text cannot be a note", expected="lines ending in a newline, no control characters"
        )
    return f"{text}\n{_line(signer, signer.private.sign(text.encode()))}"


def cosign(signed: str, signer: Signer, time: int) -> str:
    """`signed` with the cosignature of `signer` added, made at `time` (POSIX seconds).

    A witness calls this only once it checked that the checkpoint extends the last one it saw.
    """
    _expect(signer, Algorithm.COSIGNATURE)
    if not 0 <= time <= LATEST_TIME:
        raise BadInput("A cosignature's time is out of range", expected="POSIX seconds from 0 to 2^63 - 1")
    body = signer.private.sign(_cosigned(parse(signed).text, time))
    return signed + _line(signer, time.to_bytes(_TIME_SIZE, "big") + body)


def parse(signed: str | bytes) -> Note:
    """The text and signature lines of a note; raises `VerificationFailed` if it is malformed."""
    content = decoded(signed)
    text, gap, lines = content.rpartition("\n\n")
    if not gap or not lines.endswith("\n") or not _is_text(content):
        raise VerificationFailed("A note is malformed", expected="text, an empty line, signature lines")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MOST_SIGNATURES:
        raise VerificationFailed("A note has too many signatures", expected=f"at most {MOST_SIGNATURES}")
    return Note(text=text + "\n", signatures=tuple(_parse_line(line) for line in signatures))


def verify(signed: str | bytes, keys: Sequence[VerifierKey]) -> Verified:
    """The note's text and who signed it, among `keys`; else `VerificationFailed`, as the rule above says."""
    note = parse(signed)
    known = {(key.name, key.id): key for key in keys}
    seen: list[tuple[VerifierKey, int | None]] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            seen.append((key, _check(key, signature.body, note.text)))
    if not seen:
        raise VerificationFailed("A note is not signed by any key that is trusted")
    return Verified(text=note.text, seen=tuple(seen))


def only(signed: str, keys: Sequence[VerifierKey]) -> str:
    """The note with the first signature of each of `keys` and no other. Nothing is verified here."""
    note = parse(signed)
    wanted = {(key.name, key.id) for key in keys}
    kept: dict[tuple[str, bytes], str] = {}
    for line, signature in zip(signed.rpartition("\n\n")[2].split("\n"), note.signatures, strict=False):
        by = (signature.name, signature.key_id)
        if by in wanted:
            kept.setdefault(by, line)
    return "\n".join([note.text, *kept.values(), ""])


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False).decode()


def decode_base64(text: str) -> bytes:
    """The bytes of canonical standard base64; raises `VerificationFailed` on any other spelling."""
    data = _base64_or_none(text)
    if data is None:
        raise VerificationFailed("A base64 field is malformed", expected="canonical standard base64")
    return data


def decoded(data: str | bytes) -> str:
    """UTF-8 bytes as text; raises `VerificationFailed` if they are not UTF-8."""
    try:
        return data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError:
        raise VerificationFailed("A signed text is not UTF-8") from None


def _base64_or_none(text: str) -> bytes | None:
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # also binascii.Error, and text outside ASCII
        return None
    return data if encode_base64(data) == text else None


def _check(key: VerifierKey, body: bytes, text: str) -> int | None:
    """Verifies one signature by a known key; the time of a cosignature, else None."""
    time = None
    message = text.encode()
    if key.algorithm is Algorithm.COSIGNATURE:
        time = int.from_bytes(body[:_TIME_SIZE], "big")
        message, body = _cosigned(text, time), body[_TIME_SIZE:]
        if time > LATEST_TIME:
            raise VerificationFailed("A cosignature's time is out of range")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(body, message)
    except InvalidSignature:
        raise VerificationFailed(f"The signature of {key.name} does not verify") from None
    return time


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _line(signer: Signer, body: bytes) -> str:
    return f"{_DASH}{signer.verifier.name} {encode_base64(signer.verifier.id + body)}\n"


def _parse_line(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    body = decode_base64(encoded)
    if not line.startswith(_DASH) or not _is_name(name) or len(body) <= _ID_SIZE:
        raise VerificationFailed("A signature line is malformed", expected="em dash, key name, base64")
    return Signature(name=name, key_id=body[:_ID_SIZE], body=body[_ID_SIZE:])


def _is_text(text: str) -> bool:
    """Whether a note may hold `text`: no control character but the newline, no unpaired surrogate."""
    return _FORBIDDEN.search(text) is None


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and _is_text(name) and not any(map(str.isspace, name))


def _check_name(name: str) -> None:
    if not _is_name(name):
        raise BadInput("A key name is malformed", expected="at least one character, no space and no plus")


def _expect(signer: Signer, algorithm: Algorithm) -> None:
    if signer.verifier.algorithm is not algorithm:
        raise BadInput("This key makes another kind of signature", expected=algorithm.name.lower())
