"""Audiences: who a question is about, when it is not about everybody.

Rule. An audience file holds one id, e-mail address or phone number on a line, or in the first column of a CSV; anything
else in it is refused with its line number, never with its text. An address that several people hold means all of them;
an entry that nobody holds is counted, because unknown means no. A segment narrows further, never widens.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amana import errors
from amana.services.gate.asking import Gate
from amana.services.record import addresses

Array = np.ndarray[Any, Any]
HEADERS = frozenset({"person", "id", "email", "e-mail", "phone", "mobile"})


class Wanted(NamedTuple):
    """Whom a question is about."""

    ids: Array  # ascending
    unknown: int = 0  # entries that belong to nobody


def read(gate: Gate, path: Path) -> Wanted:
    """The people that a file names. Raises NotFound, BadInput with the line of an entry that cannot be read."""
    ids: set[int] = set()
    typed: list[str] = []
    for number, entry in _entries(path):
        if (person := addresses.person_id(entry)) is not None:
            ids.add(person)
            continue
        typed.append(entry)
        if len(entry) > LONGEST:
            raise _unreadable(number)
    keyed = {address.blind: address for address in _keyed(gate, path, typed)}
    with gate.house.database.read() as connection:
        held = addresses.holders(connection, keyed.values())
    ids.update(person for pairs in held.values() for person, _ in pairs)
    return Wanted(np.array(sorted(ids), np.int64), sum(1 for blind in keyed if blind not in held))


LONGEST = 320  # characters of the longest address


def _keyed(gate: Gate, path: Path, typed: list[str]) -> list[addresses.Address]:
    try:
        return gate.typed(typed)
    except errors.BadInput:
        pass
    for number, entry in _entries(path):  # again, one by one, to say which line it is
        if addresses.person_id(entry) is None:
            try:
                gate.typed([entry])
            except errors.BadInput:
                raise _unreadable(number) from None
    raise _unreadable(0)


def _unreadable(line: int) -> errors.BadInput:
    return errors.BadInput(
        f"Line {line} of the audience is neither a person's id, an e-mail address nor a phone number",
        expected="p123, name@example.com or +44…, one on a line",
        remedy="mend or remove the line",
    )


def _entries(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and entry: the first column of a CSV, with or without a header."""
    if not path.is_file():
        raise errors.NotFound("There is no such audience file", remedy="check its path")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.reader(stream), start=1):
                entry = row[0].strip() if row else ""
                if entry and not (number == 1 and entry.lower() in HEADERS):
                    yield number, entry
    except UnicodeDecodeError:
        raise errors.BadInput("The audience file is not UTF-8 text", remedy="save it as UTF-8") from None
