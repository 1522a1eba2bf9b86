"""The Merkle tree as RFC 6962 section 2.1 writes it down, recursive and slow: what the ledger is held
against.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from amana.ledger import tiles


def entry(number: int) -> bytes:
    """The log entry that tests use at one index: 32 bytes, as a commitment is."""
    return sha256(b"entry %d" % number).digest()


def entries(start: int, end: int) -> list[bytes]:
    return [entry(number) for number in range(start, end)]


@cache
def tree_hash(start: int, end: int) -> bytes:
    """MTH(D[start:end])."""
    if start == end:
        return sha256().digest()
    if end - start == 1:
        return sha256(b"\x00" + entry(start)).digest()
    middle = start + split(end - start)
    return sha256(b"\x01" + tree_hash(start, middle) + tree_hash(middle, end)).digest()


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def audit_path(index: int, start: int, end: int) -> list[bytes]:
    """PATH(m, D[n])."""
    if end - start == 1:
        return []
    middle = start + split(end - start)
    if index < middle:
        return [*audit_path(index, start, middle), tree_hash(middle, end)]
    return [*audit_path(index, middle, end), tree_hash(start, middle)]


def consistency(old: int, start: int, end: int, *, known: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b), with m counted from the beginning of the whole tree."""
    if old == end:
        return [] if known else [tree_hash(start, end)]
    middle = start + split(end - start)
    if old <= middle:
        return [*consistency(old, start, middle, known=known), tree_hash(middle, end)]
    return [*consistency(old, middle, end, known=False), tree_hash(start, middle)]


def read_node(height: int, index: int) -> bytes:
    return tree_hash(index << height, (index + 1) << height)


class Store:
    """Tiles kept as a storage layer keeps them: one row for each level and index, the widest version."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], bytes] = {}
        self.reads = 0

    def put(self, appended: tiles.Appended) -> tiles.Edge:
        for tile in [*appended.tiles, *appended.bundles]:
            self.rows[tile.level, tile.index] = tile.body
        return appended.edge

    def read(self, level: int, index: int, width: int) -> bytes:
        self.reads += 1
        return self.rows[level, index]


def stored(size: int) -> tuple[Store, tiles.Edge]:
    """A store with the tree of the first `size` entries, appended at once."""
    store = Store()
    return store, store.put(tiles.append(tiles.EMPTY, entries(0, size)))
