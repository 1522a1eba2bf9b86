"""An open workspace: everything that a service may need, built once by the wiring.

Rule. Services take the house as their first argument and keep nothing between calls. The clock and the source of
randomness are functions in it, so that a test can live thirty days in a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from amana.core.address_class import AddressRules
from amana.core.packs import LawBook
from amana.core.person import Reader
from amana.core.windows import IsHoliday
from amana.core.workspace import Workspace
from amana.keys.store import KeyStore
from amana.services.record.writing import Writer
from amana.storage.database import Database


class House(msgspec.Struct, kw_only=True):
    """One open workspace."""

    folder: Path
    workspace: Workspace
    database: Database
    keys: KeyStore
    book: LawBook
    address_rules: AddressRules
    reader: Reader
    is_holiday: IsHoliday
    clock: Callable[[], int]
    random: Callable[[int], bytes]
    origin: str  # name of the log, in its checkpoints
    again: Callable[
        [], AbstractContextManager[House]
    ]  # opens it in another process, for reading; can be sent there
    writer: Writer | None = None  # present in a process that writes
    journal: Path | None = None  # the refusal journal, if one is kept
    backup_days: int = 35  # for how long backups are kept
    environment: Mapping[str, str] = {}  # where connected systems may have their secrets

    def writing(self) -> Writer:
        """The writer; opening the house for reading only does not have one."""
        if self.writer is None:
            raise RuntimeError("this house was opened for reading")
        return self.writer

    @property
    def columns(self) -> Path:
        """Where the column files stand."""
        return self.folder / "columns"

    @property
    def copies(self) -> Path:
        """Where people's copies of their data wait, sealed, until they are fetched."""
        return self.folder / "copies"

    @property
    def rejects(self) -> Path:
        """Where imports leave the lines they could not take."""
        return self.folder / "rejects"

    def close(self) -> None:
        """Give back connections."""
        self.database.close()
        self.keys.close()
