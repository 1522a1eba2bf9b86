"""Rows of a folder of CSV and Parquet files.

Rule.
- A collection is one file, `<name>.csv` or `<name>.parquet`. A search reads it from its beginning, batch by batch; only
  the rows that were found are kept, to be given in the order of their keys.
- A change writes the file again beside itself, makes it durable and takes the old one's place in one step: whoever
  reads sees the old file or the new one. Nothing to change writes nothing.
- One writer at a time: a lock file beside it. A file that became another one meanwhile is left alone (`file_changed`).
  What an interrupted writer left behind is written over by the next.
- A line that cannot be read stops the work (`file_unreadable`); a person's row might stand in it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from amana import errors
from amana.connectors.systems import plain
from amana.connectors.systems.files_columns import Columns
from amana.connectors.systems.files_lines import Lines
from amana.connectors.systems.plain import Shape, Wanted
from amana.connectors.systems.system import Change, Limits, Match
from amana.core.data_map import Collection, Key, Plain, Row

Edit = Callable[[Row], Mapping[str, Plain] | None]
"""What becomes of a row: its new top-level values ({} to leave it), or None to drop it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the system's file says of a folder."""

    folder: str
    encoding: str = ""  # as for imports: a byte order mark, this, UTF-8
    delimiter: str = ""


class Form(Protocol):
    """One file, read and rewritten as a stream."""

    def names(self) -> list[str]:
        """Its columns."""
        ...

    def limits(self) -> dict[str, Limits]:
        """What it says of its columns."""
        ...

    def rows(self) -> Iterator[Row]:
        """Its rows by column."""
        ...

    def rewrite(self, edit: Edit, target: Path) -> None:
        """Write all rows to another file, each as `edit` says."""
        ...


def open_files(settings: Settings, folder: Path, environment: Mapping[str, str]) -> Files:
    """A folder of files. Raises BadInput."""
    del environment  # there is no secret
    if not settings.folder:
        raise errors.BadInput("The system names no folder", expected="folder", got="nothing")
    return Files(folder / settings.folder, settings)


class Files:
    """Rows of the files of one folder."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings

    def check(self, collections: Sequence[Collection]) -> None:
        """As Rows.check."""
        for collection in collections:
            shape = Shape(collection)
            _, form = self._form(collection)
            with _told(shape.place):
                _check_columns(shape, form.names())

    def limits(self, collection: Collection) -> dict[str, Limits]:
        """As Rows.limits."""
        shape = Shape(collection)
        _, form = self._form(collection)
        with _told(shape.place):
            return {path: one for path, one in form.limits().items() if path in shape.fields}

    def find(self, collection: Collection, matches: Sequence[Match]) -> Iterator[Row]:
        """As Rows.find."""
        shape = Shape(collection)
        wanted = Wanted(shape, matches)
        _, form = self._form(collection)
        with _told(shape.place):
            _check_columns(shape, form.names())
            found = [row for each in form.rows() if wanted.meets(row := shape.row(each))]
        yield from sorted(found, key=shape.sort)

    def change(self, collection: Collection, changes: Sequence[Change]) -> int:
        """As Rows.change."""
        shape = Shape(collection)
        limits = self.limits(collection)
        asked: dict[str, Mapping[str, Plain]] = {}
        for each in changes:
            shape.check_key(each.key)
            _check_values(shape, each.values, limits)
            name = shape.name(each.key)
            asked[name] = {**asked.get(name, {}), **each.values}
        present: set[str] = set()

        def edit(row: Row) -> Mapping[str, Plain] | None:
            name = shape.name(row)
            if name not in asked:
                return {}
            present.add(name)
            return _changed(row, asked[name])

        self._rewrite(collection, shape, edit)
        return len(present)

    def delete(self, collection: Collection, keys: Sequence[Key]) -> int:
        """As Rows.delete."""
        shape = Shape(collection)
        for key in keys:
            shape.check_key(key)
        asked = {shape.name(key) for key in keys}
        gone = 0

        def edit(row: Row) -> Mapping[str, Plain] | None:
            nonlocal gone
            if shape.name(row) not in asked:
                return {}
            gone += 1
            return None

        self._rewrite(collection, shape, edit)
        return gone

    def close(self) -> None:
        """As Rows.close; nothing is held between calls."""

    def _form(self, collection: Collection) -> tuple[Path, Form]:
        if "/" in collection.name or collection.name.startswith("."):
            raise errors.Undeliverable(
                "file_missing", expected="a plain file name", got=str(collection.place)
            )
        # Behind a link: what takes the link's place would leave the rows where it led to.
        lines = Path(os.path.realpath(self._folder / f"{collection.name}.csv"))
        columns = Path(os.path.realpath(self._folder / f"{collection.name}.parquet"))
        if lines.exists() and columns.exists():
            raise errors.Undeliverable(
                "file_twice", expected="one of .csv and .parquet", got=str(collection.place)
            )
        if lines.exists():
            fields = {field.path: field for field in collection.fields}
            return lines, Lines(lines, fields, self._settings.encoding, self._settings.delimiter)
        if columns.exists():
            return columns, Columns(columns)
        token = "file_missing" if self._folder.is_dir() else "folder_missing"
        raise errors.NotNow(token, expected="a .csv or .parquet file", got=str(collection.place))

    def _rewrite(self, collection: Collection, shape: Shape, edit: Edit) -> None:
        """Let every row pass `edit`; the file is replaced only if one was touched."""
        path, form = self._form(collection)
        touched = False

        def watched(row: Row) -> Mapping[str, Plain] | None:
            nonlocal touched
            became = edit(row)
            touched = touched or became is None or bool(became)
            return became

        target = path.with_name(f".{path.name}.amana")
        with _told(shape.place), _locked(path):
            _check_columns(shape, form.names())
            before = _identity(path)
            try:
                _empty(target, path)
                form.rewrite(watched, target)
                if touched:
                    _take_place(target, path, before)
            finally:
                target.unlink(missing_ok=True)


def _check_columns(shape: Shape, names: Sequence[str]) -> None:
    missing = [name for name in shape.top if name not in names]
    if missing:
        raise errors.Undeliverable("no_such_column", expected=shape.place, got=missing[0])


def _check_values(shape: Shape, values: Mapping[str, Plain], limits: Mapping[str, Limits]) -> None:
    shape.check_change(values)
    for path, value in values.items():
        known = limits.get(path, Limits())
        plain.check_length(shape.field(path), known.length, value)
        if value is None and not known.nullable:
            raise errors.Undeliverable("not_null", expected="a value", got=path)


def _changed(row: Row, values: Mapping[str, Plain]) -> Row:
    """The new top-level values that differ from those of the row."""
    became: Row = {}
    for path, value in values.items():
        name, *inside = path.split(".")
        became[name] = plain.put(became.get(name, row.get(name)), inside, value) if inside else value
    return {name: value for name, value in became.items() if plain.text(value) != plain.text(row.get(name))}


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Says what the file system refused in our words."""
    try:
        yield
    except (PermissionError, IsADirectoryError):
        raise errors.Undeliverable("file_denied", got=place) from None
    except FileNotFoundError:
        raise errors.NotNow("file_missing", got=place) from None
    except OSError:
        raise errors.NotNow("file_trouble", got=place) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer of a file at a time, on this machine. Raises NotNow."""
    lock = path.with_name(f".{path.name}.lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise errors.NotNow("file_busy", got=path.suffix) from None
        yield
    finally:
        os.close(handle)


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _empty(target: Path, path: Path) -> None:
    """A new, empty file that only those may read who may read the old one."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    kept = path.stat()
    target.chmod(stat.S_IMODE(kept.st_mode))
    if os.geteuid() == 0:
        os.chown(target, kept.st_uid, kept.st_gid)


def _take_place(target: Path, path: Path, before: tuple[int, int, int]) -> None:
    """Make the new file durable and put it where the old one is."""
    with target.open("rb") as stream:
        os.fsync(stream.fileno())
    if _identity(path) != before:
        raise errors.NotNow("file_changed", got=path.suffix)
    target.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
