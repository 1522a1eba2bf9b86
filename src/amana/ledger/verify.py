"""Verify: what somebody without a workspace runs to check a receipt they were given.

    python -m amana.ledger.verify RECEIPT KEY [WITNESS_KEY ...]

Rule. A key is given as text, or as a file that holds it. The receipt's record is shown only once everything holds:
the log signed the checkpoint, the checkpoint's tree holds the commitment at the index, and the commitment is to this
very record. With witness keys, each of them must have cosigned. Nothing of Amana is needed but this room and
`amana.errors`: no workspace, no database, no network.

Exit status 0 when it verifies, 5 when it does not, 2 when the receipt, the key or the call cannot be read. This is the
one module of the room that opens a file, and only when it is run as a program.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from amana.errors import AmanaError, BadInput, NotFound, VerificationFailed
from amana.ledger import canonical, note, receipt

VERIFIED, UNREADABLE, REFUSED = 0, 2, 5

_MOMENTS = ("occurred", "recorded", "paused_until")  # fields of a record in UTC seconds
_LATEST = 253_402_300_799  # the last second that a calendar date has


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt was found to prove."""

    record: dict[str, Any]  # the fields of the record
    index: int  # its place in the log
    origin: str  # the log's name
    size: int  # entries in the tree that the checkpoint signs
    witnesses: tuple[tuple[str, int], ...]  # name and time (POSIX seconds) of each witness asked for


def verify(text: str | bytes, log_key: str, witness_keys: Sequence[str] = ()) -> Proven:
    """What a receipt proves under the text of the log's key, and of every witness's.

    Raises VerificationFailed if it proves nothing, BadInput for a key that cannot be read.
    """
    witnesses = [note.parse_key(one.strip()) for one in witness_keys]
    found = receipt.verify(text, note.parse_key(log_key.strip()), witnesses)
    record = canonical.decode(found.record)
    if not isinstance(record, dict):
        raise VerificationFailed("A receipt's record is not an object", expected="the fields of one event")
    tree = found.checkpoint
    return Proven(
        record=record, index=found.index, origin=tree.origin, size=tree.size, witnesses=found.witnesses
    )


def lines(proven: Proven) -> list[str]:
    """What to tell a person: one fact a line."""
    told = [
        f"Verified: entry {proven.index} of the log {proven.origin}, which then held {proven.size} entries.",
        *(f"Cosigned by {name} at {_moment(time)}." for name, time in proven.witnesses),
        "The record, exactly as it was committed to:",
    ]
    return told + [f"  {_plain(name)}: {_shown(name, value)}" for name, value in proven.record.items()]


def main(arguments: Sequence[str]) -> int:
    """Verify a receipt file; the exit status."""
    try:
        if len(arguments) < 2:
            raise BadInput("Not enough words", expected="a receipt and the log's key")
        path, *keys = arguments
        log_key, *witness_keys = map(key_text, keys)
        told = lines(verify(_contents(path), log_key, witness_keys))
    except VerificationFailed as broken:
        sys.stderr.write(f"NOT VERIFIED. {broken.sentence()}\n")
        return REFUSED
    except AmanaError as error:
        sys.stderr.write(f"{error.sentence()}\n")
        return UNREADABLE
    sys.stdout.write("\n".join(told) + "\n")
    return VERIFIED


def key_text(given: str) -> str:
    """The text of a key that was given as text, or as the name of a file that holds it. Raises NotFound, BadInput."""
    if given.count("+") >= 2:
        return given
    try:
        return _contents(given).decode().strip()
    except UnicodeDecodeError:
        raise BadInput("The key file is not text", expected="one verifier key: name+id+base64") from None


def _contents(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as failed:
        raise NotFound("A file cannot be read", got=failed.strerror or "", remedy="check its path") from None


def _shown(name: str, value: object) -> str:
    if name in _MOMENTS and isinstance(value, list):
        return " to ".join(_moment(one) for one in value)
    if name in _MOMENTS:
        return _moment(value)
    return _plain(value if isinstance(value, str) else canonical.encode(value).decode())


def _plain(text: str) -> str:
    """Text that cannot move a terminal's cursor or reverse its line: a receipt may come from anybody."""
    return text if text.isprintable() else ascii(text)


def _moment(value: object) -> str:
    """UTC seconds as a date; anything else as it stands."""
    if isinstance(value, int) and 0 <= value <= _LATEST:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
