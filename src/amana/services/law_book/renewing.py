"""Renewing: what a process that is open for long notices of the workspace file and the law book.

Rule. A process looks at most once in `FRESH` seconds whether the workspace file or the law book that the workspace took
was replaced, and uses the new one. A file that names what is not published yet (a brand, a purpose, a topic, a recipient,
a category, a notice) waits until it is: no page fails for the time between the edit and `publish`. A file that cannot
be read, or is not sound, leaves the old one in force and is said in the log, without its content. Terms, notices,
registries and restores stand in the database and are read by whoever makes a gate.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import structlog

from amana import errors
from amana.core import packs, workspace
from amana.services.law_book import law_updates
from amana.services.record.house import House
from amana.storage import register

FRESH = 1.0  # seconds
DEFINITION = "amana.toml"
log = structlog.get_logger("amana.renewing")

Stamp = tuple[int, int, int]


class Renewer:
    """Keeps the workspace file and the law book of one house fresh. Safe for several threads."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._definition = _stamp(house.folder / DEFINITION)
        self._law = _stamp(_law_file(house))
        self._unpublished: workspace.Workspace | None = None  # read, and waiting for what it names

    def look(self, *, at_once: bool = False) -> None:
        """Look whether something was replaced, at most once in `FRESH` seconds unless `at_once`."""
        if at_once:
            self._looked = 0.0
        if time.monotonic() - self._looked < FRESH:
            return
        with self._lock:
            if time.monotonic() - self._looked < FRESH:
                return
            self._definition = self._renew_definition(_stamp(self._house.folder / DEFINITION))
            self._law = self._renew_law(_stamp(_law_file(self._house)))
            self._looked = time.monotonic()

    def _renew_definition(self, stamp: Stamp) -> Stamp:
        if stamp != self._definition:
            self._unpublished = None
            try:
                text = (self._house.folder / DEFINITION).read_text("utf-8")
                self._unpublished = workspace.read(text)
            except (errors.BadWorkspace, OSError, UnicodeDecodeError):
                log.warning("workspace_file_unreadable", kept="the one read before")
        if self._unpublished is not None:
            if _is_published(self._house, self._unpublished):
                self._house.workspace, self._unpublished = self._unpublished, None
            elif stamp != self._definition:
                log.info("workspace_file_waits", until="`amana publish` ran")
        return stamp

    def _renew_law(self, stamp: Stamp) -> Stamp:
        if stamp != self._law:
            try:
                documents = law_updates.taken(self._house.folder)
                if documents is not None:
                    self._house.book = packs.read(documents)
            except (errors.AmanaError, OSError):
                log.warning("law_book_unreadable", kept="the one read before")
        return stamp


def _is_published(house: House, definition: workspace.Workspace) -> bool:
    """Whether all that a definition names has its number, and its notices a published wording."""
    with house.database.read() as connection:
        terms = register.terms(connection)
        return (
            definition.brands.keys() <= terms.brands.keys()
            and definition.purposes.keys() <= terms.purposes.keys()
            and definition.recipients.keys() <= terms.recipients.keys()
            and set(workspace.categories(definition)) <= terms.categories.keys()
            and definition.topics.keys() <= set(register.topics(connection))
            and definition.notices.keys() <= {one.id for one in register.notice_versions(connection)}
        )


def _law_file(house: House) -> Path:
    return house.folder / law_updates.FOLDER / law_updates.FILE


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)
