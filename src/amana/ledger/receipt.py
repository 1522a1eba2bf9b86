"""Receipts: what a person keeps, and anyone can check, without asking the server again.

Rule: C2SP tlog-proof. One text, in this order: the version line; `extra` with base64 of `r || record`;
`index`; the inclusion proof, one base64 hash on each line, from the leaf's sibling upwards; an empty line;
the checkpoint.

`extra` is not authenticated by the format. Here it is what the leaf is computed from: the commitment to the
record under `r` is the log's entry, so that altering either breaks the proof. A receipt still verifies after
the person was erased from the server, and carries everything that checking it needs but the log's public
key.

Size: 45 bytes for each hash of the proof, 4/3 of (32 + the record), and about 300 bytes of head and
checkpoint. The record stands there as it is, to be read by anybody, unless the text would then be longer than
`ROOMY` bytes: a longer one carries the record packed (`packing`; its first byte says so), which spares some 320.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from amana.errors import BadInput, VerificationFailed
from amana.ledger import checkpoint, merkle, note, packing, sealing

VERSION = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"  # of a file that holds a receipt

ROOMY = 1_500  # bytes of a receipt up to which its record is not packed
LARGEST_PACKED = 65_536  # bytes of a record that a receipt may carry packed

_HEAD_LINES = 3


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt proves: this record is in the log, at this index, under this checkpoint."""

    record: bytes  # canonical JSON
    index: int
    commitment: bytes  # the log's entry
    checkpoint: checkpoint.Checkpoint
    witnesses: tuple[tuple[str, int], ...]  # name and time of each cosignature that was asked for


def make(r: bytes, record: bytes, index: int, path: Sequence[bytes], signed_checkpoint: str) -> str:
    """The receipt for the record at `index`, with its inclusion proof in the tree of the checkpoint.

    Nothing is verified here (`verify` does that); `r` is exactly 32 bytes and `index` not negative, else
    `BadInput`.
    """
    if len(r) != sealing.RANDOMNESS_SIZE or index < 0:
        raise BadInput(
            "A receipt cannot be written", expected="32 bytes of randomness and an index of 0 or more"
        )
    proof = "\n".join([f"index {index}", *map(note.encode_base64, path)]) + "\n\n" + signed_checkpoint
    plain = _with_extra(r + record, proof)
    too_long = len(plain.encode()) > ROOMY and len(record) <= LARGEST_PACKED
    if too_long or record.startswith(packing.FORM):
        return _with_extra(r + packing.pack(record), proof)
    return plain


def _with_extra(extra: bytes, proof: str) -> str:
    return f"{VERSION}\nextra {note.encode_base64(extra)}\n{proof}"


def verify(
    receipt: str | bytes,
    log_key: note.VerifierKey,
    witness_keys: Sequence[note.VerifierKey] = (),
    quorum: int | None = None,
) -> Verified:
    """The record that a receipt proves, offline, with the log's public key (and witnesses', if asked for).

    Raises `VerificationFailed` if the receipt is malformed or altered in any byte that it is checked by:
    signature lines of keys that were not given are ignored, as C2SP signed-note requires.
    """
    lines, signed = _parts(receipt)
    r, record = _opened(lines[1])
    index = checkpoint.parse_number(lines[2].removeprefix("index "))
    path = [note.decode_base64(line) for line in lines[_HEAD_LINES:]]
    commitment = sealing.commitment(r, record)
    head = checkpoint.verify(signed, log_key, witness_keys, quorum)
    tree = head.checkpoint
    merkle.verify_inclusion(merkle.leaf_hash(commitment), index, tree.size, path, tree.root)
    return Verified(
        record=record, index=index, commitment=commitment, checkpoint=tree, witnesses=head.witnesses
    )


def claimed(receipt: str | bytes) -> bytes:
    """The record that a receipt carries, of which nothing was checked. Raises VerificationFailed if it is malformed."""
    lines, _ = _parts(receipt)
    return _opened(lines[1])[1]


def _opened(line: str) -> tuple[bytes, bytes]:
    """`r` and the record of the line of extra data."""
    extra = note.decode_base64(line.removeprefix("extra "))
    if len(extra) < sealing.RANDOMNESS_SIZE:
        raise VerificationFailed("A receipt's extra data is too short", expected="32 bytes and a record")
    r, carried = extra[: sealing.RANDOMNESS_SIZE], extra[sealing.RANDOMNESS_SIZE :]
    return r, packing.unpack(carried, LARGEST_PACKED)


def _parts(receipt: str | bytes) -> tuple[list[str], str]:
    """The lines before the empty line, and the signed checkpoint after it."""
    head, gap, signed = note.decoded(receipt).partition("\n\n")
    lines = head.split("\n")
    in_order = len(lines) >= _HEAD_LINES and lines[1].startswith("extra ") and lines[2].startswith("index ")
    if not gap or lines[0] != VERSION or not in_order:
        raise VerificationFailed(
            "A receipt is malformed", expected=f"{VERSION}, extra, index, proof, checkpoint"
        )
    return lines, signed
