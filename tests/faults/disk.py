"""What a disk would hold if the power failed: a model that replays a recorded trace (recorder.c).

Rule. A crash point is a number `seq`: the power fails just after operation `seq` (0: before the first).
1. Data. A write or a truncation is on the disk once the same file has been synced after it (fsync, fdatasync,
   sync, or a descriptor opened with O_SYNC or O_DSYNC). sync_file_range promises nothing and keeps nothing.
2. Names (create, mkdir, link, rename, unlink). Ordered metadata, as ext4 and xfs have it by default:
   name changes reach the disk in the order they were made, all of them at the next sync of any file or
   directory. With `strict_directories` only what POSIX promises: a name is kept once its directory has been
   synced (for a rename, the directory it moves to).
3. What was not synced may or may not be there. "none": nothing of it. "all": all of it, as after a mere
   kill -9. "random": seeded; of each file any subset of its unsynced writes, each whole or torn at 512-byte
   sectors; of the names a random beginning (strict: a random subset). So a name may be there without its
   content.
4. A sync for which `drop_syncs` says true never happened: a lying disk, or a program that forgot to call it.
5. Files ending in "-shm" (SQLite's shared index, rebuilt after a crash) are left out.

Not modelled: garbage in place of lost sectors, failing syncs, bits that rot.
Usage: `trace.image_at(seq, directory)` materialises a disk; `trace.acks_before(seq)` is what the program had
promised by then. The promise must hold on the image.
"""

from __future__ import annotations

import enum
import itertools
import random
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from amana.errors import VerificationFailed

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""

KeepUnsynced = Literal["none", "random", "all"]

_MAGIC = 0x31464D41
_HEADER = struct.Struct("<IBIQqQIII")


class Kind(enum.IntEnum):
    """What an operation did; the numbers of `enum operation` in recorder.c."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC = 4
    SYNC_RANGE = 5
    SYNC_ALL = 6
    RENAME = 7
    UNLINK = 8
    MKDIR = 9
    LINK = 10
    ACK = 11


class Op(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded call that succeeded."""

    seq: int  # place in the trace, from 1
    kind: Kind
    pid: int = 0
    inode: int = 0  # 0 where the call names no file: RENAME, UNLINK, SYNC_ALL
    offset: int = 0  # bytes; WRITE and SYNC_RANGE
    length: int = 0  # bytes written, or the new size for TRUNCATE
    path: str = ""  # relative to the root at the time of the call; "" is the root itself
    target: str = ""  # the new name; RENAME and LINK
    payload: bytes = b""  # WRITE and ACK


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file or directory that stood in the root before the program ran, taken as being on the disk."""

    path: str
    inode: int
    content: bytes | None  # None: a directory


def _keep_every_sync(_: Op) -> bool:
    return False


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """All operations of one run, in their true order, and the disk it started from."""

    ops: tuple[Op, ...]
    baseline: tuple[Entry, ...] = ()
    returncode: int = 0  # of the program; negative: the signal that ended it
    stderr: str = ""

    @property
    def last(self) -> int:
        """The crash point after the last operation."""
        return len(self.ops)

    def acks_before(self, seq: int) -> tuple[str, ...]:
        """The whole lines that the program had told the outside world when the power failed at `seq`."""
        told = b"".join(op.payload for op in self.ops[:seq] if op.kind is Kind.ACK)
        return tuple(line.decode() for line in told.split(b"\n")[:-1])

    def files_at(
        self,
        seq: int,
        *,
        keep_unsynced: KeepUnsynced = "none",
        drop_syncs: Callable[[Op], bool] = _keep_every_sync,
        seed: int = 0,
        strict_directories: bool = False,
    ) -> dict[str, bytes | None]:
        """The disk after a power failure just after operation `seq`: path to content, None for a directory.

        The same arguments give the same disk. Raises VerificationFailed when the trace refers to a file whose
        beginning was not recorded.
        """
        disk = _Disk(self.baseline, strict_directories)
        for op in self.ops[:seq]:
            if op.kind in _SYNCS and drop_syncs(op):
                continue
            disk.take(op)
        disk.fail(keep_unsynced, random.Random(f"{seed}:{seq}"))
        return {path: node.content() for path, node in disk.names.items() if not path.endswith("-shm")}

    def image_at(
        self,
        seq: int,
        directory: Path,
        *,
        keep_unsynced: KeepUnsynced = "none",
        drop_syncs: Callable[[Op], bool] = _keep_every_sync,
        seed: int = 0,
        strict_directories: bool = False,
    ) -> Path:
        """Write `files_at` below `directory`, which is made if missing and should be empty, and return it.

        Files are readable by their owner only, so that a program that insists on that for its keys starts.
        """
        files = self.files_at(
            seq,
            keep_unsynced=keep_unsynced,
            drop_syncs=drop_syncs,
            seed=seed,
            strict_directories=strict_directories,
        )
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(files):
            content = files[path]
            if content is None:
                (directory / path).mkdir(mode=0o700)
            else:
                (directory / path).touch(mode=0o600)
                (directory / path).write_bytes(content)
        return directory

    def check_complete(self, root: Path) -> None:
        """Refuse a trace that does not replay to what stands in `root` after the program's own end.

        A difference means that something wrote past the recorder (a memory map, stdio, a static binary), so
        that an image would be fiction. Raises VerificationFailed.
        """
        found = {e.path: e.content for e in read_tree(root) if not e.path.endswith("-shm")}
        replayed = self.files_at(self.last, keep_unsynced="all")
        differing = sorted(
            path
            for path in found.keys() | replayed.keys()
            if (path in found, found.get(path)) != (path in replayed, replayed.get(path))
        )
        if differing:
            raise VerificationFailed(
                "The trace does not lead to the files that the program left",
                expected="every change of a file to pass through the recorder",
                got=f"{len(differing)} differing: {', '.join(differing[:5])}",
                remedy="write through write, pwrite or their kin; not through a memory map or stdio",
            )


def read_trace(trace: Path) -> tuple[Op, ...]:
    """The operations of a trace file. A last record cut short by a kill is left out.

    Raises VerificationFailed where the file is not a trace.
    """
    return tuple(_records(trace.read_bytes()))


def _records(data: bytes) -> Iterator[Op]:
    start, seq = 0, 0
    while len(data) - start >= _HEADER.size:
        magic, kind, pid, inode, offset, length, *sizes = _HEADER.unpack_from(data, start)
        if magic != _MAGIC:
            raise VerificationFailed("The trace is torn in its middle", got=f"no record at byte {start}")
        ends = [start + _HEADER.size]
        for size in sizes:
            ends.append(ends[-1] + size)
        if ends[-1] > len(data):
            return
        path, target, payload = (data[a:b] for a, b in itertools.pairwise(ends))
        seq, start = seq + 1, ends[-1]
        yield Op(
            seq=seq,
            kind=Kind(kind),
            pid=pid,
            inode=inode,
            offset=offset,
            length=length,
            path=path.decode(),
            target=target.decode(),
            payload=payload,
        )


def read_tree(root: Path) -> tuple[Entry, ...]:
    """Every file and directory below `root`, without the root itself; symbolic links are read through."""
    return tuple(
        Entry(
            path=path.relative_to(root).as_posix(),
            inode=path.stat().st_ino,
            content=None if path.is_dir() else path.read_bytes(),
        )
        for path in sorted(root.rglob("*"))
    )


_SYNCS = frozenset({Kind.SYNC, Kind.SYNC_ALL})
_DATA = frozenset({Kind.WRITE, Kind.TRUNCATE})
_NAMES = frozenset({Kind.CREATE, Kind.MKDIR, Kind.LINK, Kind.RENAME, Kind.UNLINK})


class _Node:
    """One file or directory: what is on the disk, and what waits in memory for a sync."""

    def __init__(self, content: bytes | None) -> None:
        self.is_directory = content is None
        self.durable = bytearray(content or b"")
        self.waiting: list[Op] = []

    def content(self) -> bytes | None:
        return None if self.is_directory else bytes(self.durable)

    def sync(self) -> None:
        for op in self.waiting:
            _apply(self.durable, op)
        self.waiting.clear()

    def keep_some(self, rng: random.Random) -> None:
        """Each waiting operation is lost, kept, or (a write) torn at sector boundaries."""
        for op in self.waiting:
            for piece in _survivors(op, rng):
                _apply(self.durable, piece)
        self.waiting.clear()


def _apply(content: bytearray, op: Op) -> None:
    end = op.length if op.kind is Kind.TRUNCATE else op.offset
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if op.kind is Kind.TRUNCATE:
        del content[op.length :]
    else:
        content[op.offset : op.offset + len(op.payload)] = op.payload


def _survivors(op: Op, rng: random.Random) -> Iterable[Op]:
    fate = rng.choice(("lost", "kept", "torn"))
    if fate == "lost":
        return ()
    if fate == "kept" or op.kind is Kind.TRUNCATE:
        return (op,)
    return [sector for sector in sectors_of(op) if rng.random() < 0.5]


def sectors_of(write: Op) -> Iterator[Op]:
    """The write cut at every multiple of 512 bytes in the file."""
    start, end = write.offset, write.offset + len(write.payload)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        piece = write.payload[start - write.offset : stop - write.offset]
        yield msgspec.structs.replace(write, offset=start, length=len(piece), payload=piece)
        start = stop


class _Disk:
    """The model's state: durable names, nodes by inode as the program sees them, and waiting name changes."""

    def __init__(self, baseline: tuple[Entry, ...], strict: bool) -> None:
        self.strict = strict
        self.names: dict[str, _Node] = {}
        self.nodes: dict[int, _Node] = {}
        self.waiting: list[tuple[Op, _Node | None]] = []
        for entry in baseline:
            # Two names of one inode are one file.
            self.names[entry.path] = self.nodes.setdefault(entry.inode, _Node(entry.content))

    def take(self, op: Op) -> None:
        """Carry out one operation."""
        if op.kind in _DATA:
            self.node(op).waiting.append(op)
        elif op.kind in _NAMES:
            self.waiting.append((op, self.named(op)))
        elif op.kind in _SYNCS:
            self.sync(op)

    def node(self, op: Op) -> _Node:
        node = self.nodes.get(op.inode)
        if node is None:
            raise VerificationFailed(
                "The trace writes to a file it has not seen",
                expected="a file that was there before, or whose creation was recorded",
                got=f"operation {op.seq} on {op.path}",
                remedy="create files through open, and inside the root",
            )
        return node

    def named(self, op: Op) -> _Node | None:
        if op.kind in (Kind.CREATE, Kind.MKDIR):
            # A new node even where the number was used before: the old file may still be on the disk.
            self.nodes[op.inode] = _Node(None if op.kind is Kind.MKDIR else b"")
        return self.node(op) if op.inode else None

    def sync(self, op: Op) -> None:
        everything = op.kind is Kind.SYNC_ALL
        is_directory = not everything and (op.path == "" or self.node(op).is_directory)
        for node in self.nodes.values() if everything else () if is_directory else (self.node(op),):
            node.sync()
        if everything or not self.strict:
            self.keep_names(lambda _: True)
        elif is_directory:
            self.keep_names(lambda change: _directory(change) == op.path)

    def keep_names(self, durable: Callable[[Op], bool]) -> None:
        left = []
        for change, node in self.waiting:
            if durable(change):
                self.rename_on_disk(change, node)
            else:
                left.append((change, node))
        self.waiting = left

    def rename_on_disk(self, op: Op, node: _Node | None) -> None:
        """Apply one name change; one whose ground is missing (possible when strict) has no effect."""
        if op.kind is Kind.UNLINK:
            self.names.pop(op.path, None)
        elif op.kind is Kind.RENAME:
            moved = [path for path in self.names if path == op.path or path.startswith(op.path + "/")]
            for path in moved:
                self.put(op.target + path[len(op.path) :], self.names.pop(path))
        elif node is not None:
            self.put(op.target or op.path, node)

    def put(self, path: str, node: _Node) -> None:
        parent = PurePosixPath(path).parent.as_posix()
        if parent == "." or parent in self.names:
            self.names[path] = node

    def fail(self, keep: KeepUnsynced, rng: random.Random) -> None:
        """The power fails: settle what of the waiting operations is on the disk."""
        if keep == "none":
            return
        if keep == "all":
            self.keep_names(lambda _: True)
        elif self.strict:
            self.keep_names(lambda _: rng.random() < 0.5)
        else:
            del self.waiting[rng.randint(0, len(self.waiting)) :]
            self.keep_names(lambda _: True)
        for node in self._reachable():
            if keep == "all":
                node.sync()
            else:
                node.keep_some(rng)

    def _reachable(self) -> list[_Node]:
        """Nodes on the disk, each once: a replaced inode number leaves its old node only in `names`."""
        return list({id(node): node for node in self.names.values()}.values())


def _directory(change: Op) -> str:
    parent = PurePosixPath(change.target or change.path).parent.as_posix()
    return "" if parent == "." else parent
