"""Workspaces in folders of their own, open for writing.

Rule. Making a workspace takes ten times as long as copying one, so each definition is made once for the run and tests get
copies; nobody changes a template. On PostgreSQL the databases are copied too. A copy has its template's log and keys: a
test that needs two strangers makes them itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from amana import wiring
from amana.services.record.house import House
from amana.settings import Settings
from worlds import postgresql


class Templates:
    """New workspaces that tests copy: one for each definition and kind of database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, bool], Settings] = {}

    def copied(self, definition: str, to: Path, server: Any = None) -> Settings:
        """A new workspace in that folder; with a server of PostgreSQL, on new databases of it, which go with it."""
        made = self._of(definition, server)
        shutil.copytree(made.workspace, to)
        copy = Settings(workspace=to, actor="test")
        return copy if server is None else _on(copy, server, made.database, made.keys_database)

    @contextmanager
    def opened(self, definition: str, to: Path, at: Callable[[], int]) -> Iterator[House]:
        """A new workspace in that folder, open for writing, with that clock."""
        with wiring.opened(self.copied(definition, to), writing=True, at=at) as house:
            yield house

    def _of(self, definition: str, server: Any) -> Settings:
        found = definition, server is not None
        if found not in self._made:
            new = Settings(workspace=self._folder / str(len(self._made)) / "workspace", actor="test")
            settings = new if server is None else _on(new, server)
            wiring.create(settings, definition)
            self._made[found] = settings
        return self._made[found]


def _on(settings: Settings, server: Any, main: str = "template1", keys: str = "template1") -> Settings:
    return replace(
        settings,
        database=postgresql.database(server, main),
        keys_database=postgresql.database(server, keys),
    )
