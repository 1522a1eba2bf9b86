"""Column files: a cache of facts that engines read in place.

Rule. A group is the person's columns or one cell's. It is one immutable *base* file, whose row i is person i + 1, and at
most one *delta* file with the rows that changed since, each beside its row number. Files are Arrow IPC, uncompressed.
The manifest names the files and the ledger position that each group has reached; it is replaced by a rename, so a
reader sees the old cache or the new one, never half of one. Files that no manifest names are removed at the next write,
and before somebody is erased.

Trusted: rebuilt from the main database at any time. Losable: yes. What its thief gets: pseudonymous facts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec
import numpy as np
import pyarrow as pa

from amana.columns import layout
from amana.core.regimes import Regime

MANIFEST = "manifest.json"
ROW = "row"
FORM = 5  # raise it when the columns change: the cache is then rebuilt

Columns = dict[str, np.ndarray[Any, Any]]
Values = Sequence[Any] | np.ndarray[Any, Any]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One group's files and how far they reach."""

    position: int  # ledger size that the files reflect
    base: str
    delta: str = ""
    rows: int = 0  # in the base
    changed: int = 0  # in the delta


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the cache holds."""

    form: int = FORM
    serial: int = 0
    regimes: tuple[Regime, ...] = ()
    groups: dict[str, Group] = {}
    words: dict[str, tuple[str, ...]] = {}  # of columns that hold words: the text of each number, "" first


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A group in memory: mapped base columns, and the rows that replace some of them."""

    base: Columns
    rows: np.ndarray[Any, Any]  # row numbers of the delta, ascending
    delta: Columns


class ColumnStore:
    """The cache of one workspace. Any number of readers; one writer, who holds the writer lease or a cache lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def manifest(self) -> Manifest:
        """The current manifest; an empty one if there is no cache, or one of another form."""
        try:
            found = msgspec.json.decode((self._folder / MANIFEST).read_bytes(), type=Manifest)
        except FileNotFoundError:
            return Manifest()
        except msgspec.MsgspecError:
            return Manifest()  # a cache is rebuilt, not repaired
        return found if found.form == FORM else Manifest(serial=found.serial)

    def current(self, names: Sequence[str]) -> tuple[Manifest, dict[str, Loaded]]:
        """The current manifest and those of the named groups that it has, mapped; for readers without the cache lock.

        A writer may remove files between the look at the manifest and the opening of a file: then there is a newer
        manifest, and its files are taken. Raises FileNotFoundError if the current manifest itself names a lost file.
        """
        manifest = self.manifest()
        while True:
            try:
                return manifest, {
                    name: self.load(manifest.groups[name]) for name in names if name in manifest.groups
                }
            except FileNotFoundError:
                newer = self.manifest()
                if newer == manifest:
                    raise
                manifest = newer

    def stamp(self) -> tuple[int, int]:
        """Changes whenever another manifest was published; (0, 0) if there is none."""
        try:
            found = (self._folder / MANIFEST).stat()
        except FileNotFoundError:
            return (0, 0)
        return (found.st_ino, found.st_mtime_ns)

    def load(self, group: Group) -> Loaded:
        """A group's columns, mapped from disk."""
        base = _read(self._folder / group.base)
        delta = _read(self._folder / group.delta) if group.delta else {}
        rows = delta.pop(ROW, np.empty(0, np.int64))
        return Loaded(base=base, rows=rows, delta=delta)

    def write_base(self, name: str, serial: int, position: int, columns: Mapping[str, Values]) -> Group:
        """Write a whole group anew."""
        file = f"{name}-{serial}.arrow"
        count = self._write(file, columns)
        return Group(position=position, base=file, rows=count)

    def write_delta(
        self, group: Group, name: str, serial: int, position: int, columns: Mapping[str, Values]
    ) -> Group:
        """Write the rows that replace or extend a base."""
        file = f"{name}-{serial}.delta.arrow"
        count = self._write(file, columns)
        return msgspec.structs.replace(group, position=position, delta=file, changed=count)

    def room(self, size: int, kind: np.dtype[np.generic]) -> np.ndarray[Any, Any]:
        """Zeros in a file without a name, on the cache's disk: more than memory holds, and gone when nobody uses them."""
        if not size:
            return np.zeros(0, kind)
        with self.spool() as file:
            file.truncate(size * kind.itemsize)
            return np.memmap(file, kind, "r+", shape=(size,))

    def spool(self) -> IO[bytes]:
        """A file without a name, on the cache's disk."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return TemporaryFile(dir=self._folder, buffering=0)

    def blank(self, rows: Sequence[int]) -> None:
        """Overwrite rows with zeros in every file, in place and synced: nobody is there any more.

        Readers that have a file mapped see a row before or after, and a blank row is not `known`. The caller holds
        the cache lock. Files that no manifest names go first: a writer that was stopped leaves some.
        """
        self._sweep(manifest := self.manifest())
        for group in manifest.groups.values():
            _blank(self._folder / group.base, np.asarray(rows, np.int64))
            if group.delta:
                held = _read(self._folder / group.delta)[ROW]
                _blank(self._folder / group.delta, np.flatnonzero(np.isin(held, rows)))

    def publish(self, manifest: Manifest) -> None:
        """Make a manifest the current one, and remove files that it does not name."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        building = self._folder / f"{MANIFEST}.new"
        with building.open("wb") as stream:
            stream.write(msgspec.json.encode(manifest))
            stream.flush()
            os.fsync(stream.fileno())
        self._sync_names()  # of the files, before a manifest names them
        building.rename(self._folder / MANIFEST)
        self._sync_names()  # of the manifest, before the files that the old one named go
        self._sweep(manifest)

    def _sweep(self, manifest: Manifest) -> None:
        """Remove files that a manifest does not name."""
        named = {file for group in manifest.groups.values() for file in (group.base, group.delta)}
        for path in self._folder.glob("*.arrow"):
            if path.name not in named:
                path.unlink(missing_ok=True)

    def _sync_names(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _write(self, file: str, columns: Mapping[str, Values]) -> int:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        arrays = {name: _stored(name, values) for name, values in columns.items()}
        table = pa.table(arrays)
        with (self._folder / file).open("wb") as sink:
            with pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table.combine_chunks(), max_chunksize=None)
            sink.flush()
            os.fsync(sink.fileno())  # the manifest must never name a file that is not there after a crash
        return int(table.num_rows)


def _stored(name: str, values: Values) -> pa.Array:
    if name == ROW:
        return pa.array(np.asarray(values, np.int64))
    array = np.asarray(values, layout.dtype(name))
    return pa.array(array.view(np.uint8) if array.dtype == np.bool_ else array)


def _read(path: Path) -> Columns:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    columns: Columns = {}
    for name in table.column_names:
        chunks = table.column(name).chunks
        array = chunks[0].to_numpy(zero_copy_only=True) if len(chunks) == 1 else table.column(name).to_numpy()
        columns[name] = array.view(np.bool_) if name in layout.BOOLEANS else array
    return columns


def _blank(path: Path, rows: np.ndarray[Any, Any]) -> None:
    """Zero some rows of each column of an Arrow file, except its row numbers."""
    with pa.memory_map(str(path), "r") as source:
        start = source.read_buffer(1).address
        source.seek(0)
        table = pa.ipc.open_file(source).read_all()
        places = [
            (chunk.buffers()[1].address - start, chunk.type.bit_width // 8, len(chunk))
            for name in table.column_names
            if name != ROW
            for chunk in table.column(name).chunks[:1]
        ]
    handle = os.open(path, os.O_RDWR)
    try:
        for offset, width, count in places:
            for row in rows[rows < count].tolist():
                os.pwrite(handle, bytes(width), offset + row * width)
        os.fsync(handle)
    finally:
        os.close(handle)
