"""Connected systems, opened: one connector for each, held for one piece of work and given back at its end.

Rule. What a system is comes from the workspace's `systems/` folder, secrets from the files and variables named there. A
connector is made when it is first asked for, by one thread. A system that cannot be opened now is a trouble of that
system alone: the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from amana.connectors.systems import catalogue
from amana.connectors.systems.manual import Book
from amana.connectors.systems.system import Desk, Rows
from amana.core.data_map import DataMap, System


class Connected:
    """The systems of a workspace. A context manager."""

    def __init__(
        self, the_map: DataMap, folder: Path, environment: Mapping[str, str], book: Book | None = None
    ) -> None:
        self.map = the_map
        self._folder, self._environment, self._book = folder, environment, book
        self._systems = {one.name: one for one in the_map.systems}
        self._rows: dict[str, Rows] = {}
        self._desks: dict[str, Desk] = {}

    def system(self, name: str) -> System:
        """A system by name. Raises KeyError."""
        return self._systems[name]

    def rows(self, name: str) -> Rows:
        """A system whose rows we read and change. Raises NotNow, Undeliverable, BadInput."""
        if name not in self._rows:
            self._rows[name] = catalogue.open_rows(self._systems[name], self._folder, self._environment)
        return self._rows[name]

    def desk(self, name: str) -> Desk:
        """A system that is asked to do the whole of it. Raises as `rows`."""
        if name not in self._desks:
            system = self._systems[name]
            self._desks[name] = catalogue.open_desk(system, self._folder, self._environment, self._book)
        return self._desks[name]

    def close(self) -> None:
        """Give back every connection."""
        for rows in self._rows.values():
            rows.close()
        for desk in self._desks.values():
            desk.close()
        self._rows.clear()
        self._desks.clear()

    def __enter__(self) -> Connected:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
