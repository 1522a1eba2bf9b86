"""The tree seen through its stored tiles: any node, any proof, or everything checked.

Rule: stored bytes are not trusted. `node_reader` turns a tile reader into the node reader that
`merkle.inclusion_proof` and `merkle.consistency_proof` take, reading at most two tiles for each level of
tiles (O(log n)); a proof made from altered tiles does not verify. `verify_tree` reads every tile and bundle
once, from the entries upwards, and names the first tile that does not follow from what is below it.

A node reader belongs to one tree size and keeps the nodes of the tiles it used last, so that the thousand
proofs of one batch cost about as much as a few: make one for each checkpoint and throw it away with it.
"""

from __future__ import annotations

from functools import lru_cache

from amana.errors import BadInput, VerificationFailed
from amana.ledger import merkle, tiles

KEPT_TILES = 64  # about 1.5 MB of nodes


def node_reader(size: int, read: tiles.TileReader) -> merkle.Reader:
    """Reads the nodes of the tree of `size` leaves from its tiles. A node beyond the tree is `BadInput`."""

    @lru_cache(maxsize=KEPT_TILES)
    def rows(level: int, index: int) -> list[list[bytes]]:
        return tiles.expand(tiles.fetch(read, level, index, tiles.width_at(size, level, index)))

    def node(height: int, index: int) -> bytes:
        if index < 0 or (index + 1) << height > size:
            raise BadInput("No such node in the tree", expected=f"a subtree of the first {size} leaves")
        level, row = divmod(height, tiles.HEIGHT)
        across = tiles.HEIGHT - row
        return rows(level, index >> across)[row][index & (1 << across) - 1]

    return node


def verify_tree(size: int, read: tiles.TileReader, root: bytes, trusted: tiles.Edge = tiles.EMPTY) -> None:
    """Checks every entry bundle and every tile of the tree against `root`, the root of a verified checkpoint.

    With `trusted`, the edge of an earlier tree that was checked before, only what grew since is read.
    Raises `VerificationFailed` naming the tile. Time O(n), memory O(log n).
    """
    edge = trusted
    for index in range(edge.size // tiles.WIDTH, (size + tiles.WIDTH - 1) // tiles.WIDTH):
        width = tiles.width_at(size, 0, index)
        known = max(0, edge.size - index * tiles.WIDTH)
        appended = tiles.append(edge, _entries(read, index, width)[known:])
        for tile in appended.tiles:
            if tile.level == 0 or tile.width == tiles.WIDTH:
                _check_tile(tile, read)
        edge = appended.edge
    for level, partial in enumerate(edge.partials):
        if level and partial:
            index, width = divmod(size >> tiles.HEIGHT * level, tiles.WIDTH)
            _check_tile(tiles.Tile(level=level, index=index, width=width, body=partial), read)
    if tiles.root(edge) != root:
        raise VerificationFailed("The stored tree does not have the root of the checkpoint")


def _entries(read: tiles.TileReader, index: int, width: int) -> list[bytes]:
    entries = tiles.bundle_entries(read(tiles.ENTRIES, index, width))
    if len(entries) != width:
        raise VerificationFailed(
            f"Entry bundle {tiles.path(tiles.ENTRIES, index, width)} has the wrong width",
            expected=f"{width} entries",
            got=f"{len(entries)} entries",
        )
    return entries


def _check_tile(tile: tiles.Tile, read: tiles.TileReader) -> None:
    if tiles.fetch(read, tile.level, tile.index, tile.width) != tile.body:
        raise VerificationFailed(
            f"Tile {tiles.path(tile.level, tile.index, tile.width)} does not follow from the entries below it"
        )
