"""Where people's copies wait: one sealed file for each request, in a folder of the workspace.

Rule. A copy is sealed under its person's key before a byte of it is written, so that a kill at any moment leaves sealed
bytes or none, and no file of it is worth anything once the key is destroyed. The file is named by the request and comes
into being by a rename: it is whole or not there. Whoever erases a person removes their files by `remove_of`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from amana.ledger import sealing
from amana.services.record.house import House
from amana.storage import requests
from amana.storage.requests import RequestRow

SUFFIX = ".sealed"
BUILDING = ".new"
CHUNK = 500


def path_of(house: House, row: RequestRow) -> Path:
    """Where the copy of a request stands."""
    return house.copies / f"{row.ref}{SUFFIX}"


def put(house: House, row: RequestRow, plain: bytes) -> None:
    """Seal and store, in place of an earlier one. Raises KeyMissing for an erased person."""
    key = house.keys.keys([row.person])[row.person]
    house.copies.mkdir(mode=0o700, exist_ok=True)
    path = path_of(house, row)
    building = path.with_suffix(BUILDING)
    handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(sealing.wrap(key, house.random(12), plain, _context(row)))
        file.flush()
        os.fsync(file.fileno())
    building.rename(path)
    _sync(house.copies)


def get(house: House, row: RequestRow) -> bytes | None:
    """What is stored for a request; None if nothing is. Raises KeyMissing, VerificationFailed."""
    try:
        body = path_of(house, row).read_bytes()
    except FileNotFoundError:
        return None
    return sealing.unwrap(house.keys.keys([row.person])[row.person], body, _context(row))


def remove(house: House, rows: Sequence[RequestRow]) -> None:
    """Remove the files of these requests, also half-written ones."""
    for row in rows:
        path = path_of(house, row)
        path.unlink(missing_ok=True)
        path.with_suffix(BUILDING).unlink(missing_ok=True)


def remove_of(house: House, people: Sequence[int]) -> None:
    """Remove every file of these people."""
    if not house.copies.is_dir():
        return
    with house.database.read() as connection:
        for start in range(0, len(people), CHUNK):
            remove(house, requests.of_people(connection, people[start : start + CHUNK]))


def sweep(house: House, life: int) -> int:
    """Remove files whose request ended more than `life` seconds ago, or that nobody can open; how many."""
    if not house.copies.is_dir():
        return 0
    paths = sorted(house.copies.iterdir())
    removed = 0
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        with house.database.read() as connection:
            rows = requests.of_refs(connection, [path.stem for path in chunk])
        keys = house.keys.known_keys([row.person for row in rows.values()])
        for path in chunk:
            row = rows.get(path.stem)
            if row is None or row.person not in keys or _is_over(house, path, row, life):
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _is_over(house: House, path: Path, row: RequestRow, life: int) -> bool:
    if row.ended is None:
        return False
    return path.suffix == BUILDING or row.ended + life < house.clock()


def _context(row: RequestRow) -> bytes:
    return b"copy/" + row.ref.encode()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
