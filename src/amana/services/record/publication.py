"""Publication: the log as static files that anybody may copy, check and keep.

Rule. A folder holds `checkpoint` and the paths of C2SP tlog-tiles below `tile/`; any web server can serve it, and it
holds nothing but 32-byte commitments and hashes. Full tiles never change, so a second export writes only what grew.
Tiles are written and synced first, the checkpoint last by a rename: a reader never sees a checkpoint whose tiles are
missing. A partial tile is removed once the full one is there.

An export refuses to replace a checkpoint that the log does not extend. The folder's old checkpoint is thereby a memory
of its own: a log that was rolled back or rewritten cannot publish over it unnoticed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.keys.store import LOG_SIGNING
from amana.ledger import checkpoint, merkle, nodes, note, tiles
from amana.ledger.checkpoint import Checkpoint
from amana.services.record.house import House
from amana.storage import log, proofs
from amana.storage.log import CheckpointRow

CHECKPOINT = "checkpoint"


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export did."""

    size: int  # of the tree now published
    before: int  # of the tree published before, 0 for none
    written: int  # files


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a published folder found to hold."""

    origin: str
    size: int
    tiles: int  # hash tiles and bundles read
    since: int | None = None  # size of the earlier checkpoint that this one extends
    witnesses: tuple[tuple[str, int], ...] = ()  # name and time, POSIX seconds


def log_signer(house: House) -> note.Signer:
    """What signs under the log's present name."""
    return note.signer(house.origin, house.keys.secret(LOG_SIGNING))


def log_key(house: House) -> note.VerifierKey:
    """The log's public key."""
    return log_signer(house).verifier


def current(house: House, connection: sa.Connection) -> tuple[Checkpoint, str]:
    """The latest checkpoint, verified, and its signed text with any cosignatures. Raises Conflict, LedgerBroken."""
    latest = log.latest(connection)
    if latest is None:
        raise errors.Conflict(
            "The log is empty: there is nothing to publish", remedy="record something first"
        )
    cosigned = proofs.named(connection, proofs.COSIGNED)
    best = cosigned if cosigned is not None and cosigned.root == latest.root else latest
    return verified_row(best, log_key(house)), best.note


def verified_row(row: CheckpointRow, key: note.VerifierKey) -> Checkpoint:
    """The checkpoint of a stored row. Raises LedgerBroken if its signature, size or root is not what the row says."""
    try:
        found = checkpoint.verify(row.note, key).checkpoint
    except errors.VerificationFailed as broken:
        raise errors.LedgerBroken(
            f"A stored checkpoint does not verify: {broken.what}", remedy="restore the database"
        ) from broken
    if (found.size, found.root) != (row.size, row.root):
        raise errors.LedgerBroken(
            "A stored checkpoint's row does not match what was signed",
            expected=f"size {found.size}",
            got=f"size {row.size}",
            remedy="restore the database from its backup",
        )
    return found


def proves_growth(old: Checkpoint, new: Checkpoint, read: tiles.TileReader, who: str) -> None:
    """Raises LedgerBroken, naming rollback or fork, unless the stored tree of `new` extends `old`, which `who` holds."""
    if new.size < old.size:
        raise errors.LedgerBroken(
            f"Rolled back: {who} holds a larger tree than this log",
            expected=f"at least {old.size} entries",
            got=f"{new.size} entries",
            remedy="restore the newest backup; this log must not sign on",
        )
    try:
        path = merkle.consistency_proof(old.size, new.size, nodes.node_reader(new.size, read))
        checkpoint.extends(old, new, path)
    except errors.VerificationFailed as broken:
        raise errors.LedgerBroken(
            f"Forked: this log does not extend the checkpoint of {old.size} entries that {who} holds:"
            f" {broken.what}",
            remedy="keep both as evidence, and restore the backup that extends it",
        ) from broken


def export(house: House, folder: Path) -> Exported:
    """Write or update the published files. Raises LedgerBroken if the log does not extend what is published there."""
    folder.mkdir(parents=True, exist_ok=True)
    with house.database.read() as connection:
        read = log.tile_reader(connection)
        head, signed = current(house, connection)
        before = _published(folder, log_key(house))
        if before is not None:
            proves_growth(before, head, read, "the published folder")
        since = before.size if before is not None else 0
        written = 0
        for level, index, width in _grown(since, head.size):
            _write(folder, tiles.path(level, index, width), _body(read, level, index, width))
            written += 1
    _sync_folder(folder.parent)
    _sync_folders(folder)
    _write(folder, CHECKPOINT, signed.encode())
    _sync_folder(folder)
    for level, index, width in _grown(since, head.size):
        if width == tiles.WIDTH:
            partial = folder / (tiles.path(level, index, width) + ".p")
            shutil.rmtree(partial, ignore_errors=True)
    return Exported(size=head.size, before=since, written=written + 1)


def check(folder: Path, key: note.VerifierKey, earlier: str | None = None) -> Checked:
    """Verify a published folder with the log's public key alone; with `earlier`, that it extends that checkpoint.

    Raises NotFound without a checkpoint, VerificationFailed naming the first file that is wrong, LedgerBroken naming a
    rollback or a fork.
    """
    signed = _read(folder / CHECKPOINT)
    if signed is None:
        raise errors.NotFound("There is no published log here", expected=f"a file named {CHECKPOINT}")
    head = checkpoint.verify(signed, key)
    tree = head.checkpoint
    reader = _Folder(folder)
    nodes.verify_tree(tree.size, reader.read, tree.root)
    since = None
    if earlier is not None:
        old = checkpoint.verify(earlier, key).checkpoint
        proves_growth(old, tree, reader.read, "the earlier checkpoint")
        since = old.size
    return Checked(
        origin=tree.origin, size=tree.size, tiles=reader.files, since=since, witnesses=head.witnesses
    )


class _Folder:
    """Reads tiles from published files, counting them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files = 0

    def read(self, level: int, index: int, width: int) -> bytes:
        """A tile's bytes, from the partial file or else from the full one. Raises VerificationFailed if neither is."""
        name = tiles.path(level, index, width)
        body = _read(self._folder / name)
        if body is None:
            full = _read(self._folder / tiles.path(level, index, tiles.WIDTH))
            body = None if full is None else tiles.narrowed(level, full, width)
        if body is None:
            raise errors.VerificationFailed(f"The published file {name} is missing")
        self.files += 1
        return body


def _published(folder: Path, key: note.VerifierKey) -> Checkpoint | None:
    signed = _read(folder / CHECKPOINT)
    if signed is None:
        return None
    try:
        return checkpoint.verify(signed, key).checkpoint
    except errors.VerificationFailed as broken:
        raise errors.Conflict(
            f"The folder holds another log, or its checkpoint was altered: {broken.what}",
            remedy="export to another folder, or restore this one",
        ) from broken


def _grown(old: int, new: int) -> Iterator[tuple[int, int, int]]:
    """Level, index and width of each tile and bundle of the new tree that the old tree did not have as it is."""
    levels = range((max(new.bit_length(), 1) + tiles.HEIGHT - 1) // tiles.HEIGHT)
    for level in (tiles.ENTRIES, *levels):
        hashes_before = old >> tiles.HEIGHT * max(level, 0)
        for index in range(
            hashes_before // tiles.WIDTH, ((new >> tiles.HEIGHT * max(level, 0)) + 255) // 256
        ):
            width = tiles.width_at(new, level, index)
            if width != tiles.width_at(old, level, index):
                yield level, index, width


def _body(read: tiles.TileReader, level: int, index: int, width: int) -> bytes:
    if level != tiles.ENTRIES:
        return tiles.fetch(read, level, index, width)
    body = read(level, index, width)
    if len(tiles.bundle_entries(body)) != width:
        raise errors.LedgerBroken(
            f"The bundle {tiles.path(level, index, width)} has the wrong width", remedy="run `amana audit`"
        )
    return body


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(folder: Path, name: str, body: bytes) -> None:
    """One file, whole or not at all, durable once its folder is synced."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.new")
    with building.open("wb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
    building.rename(path)


def _sync_folders(top: Path) -> None:
    """From above downwards: a name is safe once the folder it stands in has a name that is."""
    for name, _, _ in os.walk(top):
        _sync_folder(Path(name))


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
