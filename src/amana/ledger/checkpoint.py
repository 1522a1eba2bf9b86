"""Checkpoints: the signed statement "at this size, the tree had this root".

Rule: C2SP tlog-checkpoint, a signed note whose text is the log's origin, the tree size in decimal, the root
hash in base64, and nothing else. Extension lines of other logs are read and kept; this log writes none.

- The log's key is named by the origin. A checkpoint counts only if the log's own signature is on it;
  witnesses come on top, as many as the verifier asks for.
- A log never signs a checkpoint that does not extend the last one it signed: `extends` is asked before
  `sign`, also after a restore. A log that must break this continues under a new origin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from amana.errors import BadInput, VerificationFailed
from amana.ledger import merkle, note

LARGEST_SIZE = 2**63 - 1

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A tree head."""

    origin: str  # the log's identity, a URL without its scheme, such as example.com/log
    size: int  # leaves
    root: bytes  # 32 bytes
    extensions: tuple[str, ...] = ()


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint signed by its log and by enough witnesses."""

    checkpoint: Checkpoint
    witnesses: tuple[tuple[str, int], ...]  # name, and the latest time it cosigned, in POSIX seconds


def body(checkpoint: Checkpoint) -> str:
    """The note text of a checkpoint; `BadInput` if it has none."""
    lines = [
        checkpoint.origin,
        str(checkpoint.size),
        note.encode_base64(checkpoint.root),
        *checkpoint.extensions,
    ]
    text = "\n".join(lines) + "\n"
    if any(not line or "\n" in line for line in lines) or not 0 <= checkpoint.size <= LARGEST_SIZE:
        raise BadInput(
            "A checkpoint cannot be written", expected="an origin, a size from 0 to 2^63 - 1, full lines"
        )
    if len(checkpoint.root) != merkle.HASH_SIZE:
        raise BadInput("A root hash has the wrong length", expected=f"{merkle.HASH_SIZE} bytes")
    return text


def parse(text: str) -> Checkpoint:
    """The checkpoint of a note text, not yet verified; raises `VerificationFailed` if it is malformed."""
    if not text.endswith("\n"):
        raise VerificationFailed("A checkpoint does not end in a newline")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise VerificationFailed("A checkpoint is malformed", expected="origin, size and root, one line each")
    root = note.decode_base64(lines[2])
    size = parse_number(lines[1])
    if len(root) != merkle.HASH_SIZE:
        raise VerificationFailed(
            "A checkpoint's root has the wrong length", expected=f"{merkle.HASH_SIZE} bytes"
        )
    return Checkpoint(origin=lines[0], size=size, root=root, extensions=tuple(lines[3:]))


def sign(checkpoint: Checkpoint, signer: note.Signer) -> str:
    """The signed checkpoint. The signer's name is the origin, else `BadInput`. Call `extends` first."""
    if signer.verifier.name != checkpoint.origin:
        raise BadInput("A log signs with the key that bears its origin", expected=checkpoint.origin)
    return note.sign(body(checkpoint), signer)


def verify(
    signed: str | bytes,
    log_key: note.VerifierKey,
    witness_keys: Sequence[note.VerifierKey] = (),
    quorum: int | None = None,
) -> Verified:
    """The checkpoint that the log signed and that at least `quorum` of `witness_keys` cosigned (None: all of
    them).

    Raises `VerificationFailed` if a signature is missing or wrong, or the origin is not the key's name.
    """
    verified = note.verify(signed, (log_key, *witness_keys))
    keys = [key for key, _ in verified.seen]
    if log_key not in keys:
        raise VerificationFailed("A checkpoint is not signed by its log", expected=log_key.name)
    checkpoint = parse(verified.text)
    if checkpoint.origin != log_key.name:
        raise VerificationFailed("A checkpoint is of another log", expected=log_key.name)
    asked = set(witness_keys)
    wanted = len(asked) if quorum is None else quorum
    if len(asked.intersection(keys)) < wanted:
        raise VerificationFailed("A checkpoint lacks cosignatures", expected=f"{wanted} witnesses")
    latest: dict[str, int] = {}
    for key, time in verified.seen:
        if time is not None and key in asked:
            latest[key.name] = max(time, latest.get(key.name, 0))
    return Verified(checkpoint=checkpoint, witnesses=tuple(latest.items()))


def extends(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Raises `VerificationFailed` unless `new` is of the same log and its tree extends that of `old`."""
    if old.origin != new.origin:
        raise VerificationFailed("Two checkpoints are of different logs", expected=old.origin, got=new.origin)
    merkle.verify_consistency(old.size, new.size, old.root, new.root, proof)


def parse_number(text: str) -> int:
    """A decimal number without leading zeroes, up to 2^63 - 1; anything else is `VerificationFailed`."""
    number = int(text) if _NUMBER.fullmatch(text) else LARGEST_SIZE + 1
    if number > LARGEST_SIZE:
        raise VerificationFailed("A number is malformed", expected="decimal digits without leading zeroes")
    return number
