"""The connectors by kind, and how to open any of them.

Rule. The catalogue is closed: a kind that is not in it cannot be read. A system's settings are read strictly: an unknown
key is an error that names it, and a secret in clear is refused. Opening connects to nothing; that is done by the first
question. A new connector is a function in `ROWS` or `DESKS`, and the conformance tests run over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from amana import errors
from amana.connectors.systems import files, http, http_declared, manual, opendsr, sql
from amana.connectors.systems.manual import Book
from amana.connectors.systems.system import Desk, Rows
from amana.core.data_map import System

Reader = Callable[[Mapping[str, Any]], Any]  # settings as their file has them -> as the connector takes them
Opener = Callable[[Any, Path, Mapping[str, str]], Any]


def _reader(kind: type[Any]) -> Reader:
    return lambda settings: msgspec.convert(settings, kind)


ROWS: dict[str, tuple[Reader, Opener]] = {
    "sql": (_reader(sql.Settings), sql.open_sql),
    "files": (_reader(files.Settings), files.open_files),
    "http": (http_declared.read, http.open_http),
}
DESKS: dict[str, tuple[Reader, Opener]] = {"opendsr": (_reader(opendsr.Settings), opendsr.open_opendsr)}
KINDS = (*ROWS, *DESKS, "manual")


def is_desk(kind: str) -> bool:
    """Whether a system of this kind is asked to do the whole of it."""
    return kind in DESKS or kind == "manual"


def open_rows(system: System, folder: Path, environment: Mapping[str, str]) -> Rows:
    """A system whose rows we read and change; nothing is connected yet.

    `folder` is where relative paths in settings start, `environment` where variables are looked up. Raises BadInput.
    """
    if system.kind not in ROWS:
        raise _unknown(system, tuple(ROWS))
    read, opened = ROWS[system.kind]
    found: Rows = opened(_settings(system, read), folder, environment)
    return found


def open_desk(system: System, folder: Path, environment: Mapping[str, str], book: Book | None = None) -> Desk:
    """A system that is asked to do the whole of it. Raises BadInput."""
    if system.kind == "manual":
        if book is None:
            raise errors.BadInput("A manual system needs a book of tasks", got=system.name)
        return manual.Manual(system.name, book)
    if system.kind not in DESKS:
        raise _unknown(system, (*DESKS, "manual"))
    read, opened = DESKS[system.kind]
    found: Desk = opened(_settings(system, read), folder, environment)
    return found


def sql_settings(system: System) -> sql.Settings:
    """The settings of a database. Raises BadInput for another kind of system."""
    if system.kind != "sql":
        raise errors.BadInput(
            f"The system “{system.name}” is no database", expected="kind sql", got=system.kind
        )
    found: sql.Settings = _settings(system, ROWS["sql"][0])
    return found


def _settings(system: System, read: Reader) -> Any:
    try:
        return read(system.settings)
    except msgspec.ValidationError as error:
        raise errors.BadInput(
            f"The settings of the system “{system.name}” cannot be read", got=str(error)
        ) from None


def _unknown(system: System, known: tuple[str, ...]) -> errors.BadInput:
    return errors.BadInput(
        f"The system “{system.name}” is of an unknown kind", expected=", ".join(known), got=system.kind
    )
