"""A system that nobody can reach but a colleague: a task for them, and what they recorded.

Rule. Asking writes a task into the book; the book is kept by whoever opens this desk, and gives the same ticket for the
same errand. Hearing reads what a member of staff recorded; nothing is done because time has passed, and a ticket the book
does not know is an error. Whoever does the work sees the errand in the book, with its identities, under the book's own
rules for a look at personal data.
"""

from __future__ import annotations

from typing import Protocol

from amana import errors
from amana.connectors.systems.system import Answer, Errand


class Book(Protocol):
    """Where tasks for colleagues are kept, durably."""

    def note(self, system: str, errand: Errand) -> str:
        """Write a task down; its ticket. The same system, request and kind again give the same ticket, one task."""
        ...

    def read(self, ticket: str) -> Answer | None:
        """What staff recorded for a ticket; None for one that was never given."""
        ...


class Manual:
    """A desk that is a colleague."""

    def __init__(self, system: str, book: Book) -> None:
        self._system = system
        self._book = book

    def check(self) -> None:
        """As Desk.check: a colleague can always be asked."""

    def ask(self, errand: Errand) -> str:
        """As Desk.ask."""
        return self._book.note(self._system, errand)

    def hear(self, ticket: str) -> Answer:
        """As Desk.hear."""
        found = self._book.read(ticket)
        if found is None:
            raise errors.Undeliverable("no_such_ticket", expected="a ticket of this desk", got=self._system)
        return found

    def close(self) -> None:
        """As Desk.close; nothing is held."""
