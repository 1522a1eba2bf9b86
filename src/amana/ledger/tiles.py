"""Tiles: how the tree is stored, and how it grows.

Rule: C2SP tlog-tiles. A tile is up to 256 consecutive hashes of one level, joined; level 0 holds leaf
hashes, and each hash of level l + 1 is the root of a full tile of level l, so that only every eighth level
of the tree is stored. Entries lie in bundles of up to 256, each entry after its length (two bytes,
big-endian). A full tile never changes; the right-most tile of a level is partial until it is full, and a
wider version replaces the narrower one.

- An entry bundle is a `Tile` too, of level `ENTRIES`; (level, index) is the key under which a tile is kept.
- `append` is pure and incremental. It takes the `Edge` (the little that is needed of the old tree), hashes
  each entry once, makes one node for each entry on average, and gives back only what changed, to be written
  in one transaction with the entries themselves.
- `Edge.peaks` are the roots of the perfect subtrees that the size's binary digits name; the tree's root is
  their fold from the right (RFC 9162 section 2.1.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TypeAlias

import msgspec

from amana.errors import BadInput, VerificationFailed
from amana.ledger.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash, node_hash

WIDTH = 256  # hashes in a full tile
HEIGHT = 8  # levels of the tree in a tile
FULL = WIDTH * HASH_SIZE  # bytes of a full tile
ENTRIES = -1  # the level of entry bundles
LARGEST_ENTRY = 0xFFFF  # bytes
HIGHEST_LEVEL = 63

TileReader: TypeAlias = Callable[[int, int, int], bytes]
"""`read(level, index, width)`: a stored tile's bytes. A wider later version of a hash tile is fine too."""

_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)((?:/x[0-9]{3})*/[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One tile or entry bundle, as it stands at one tree size."""

    level: int  # 0 and up for hashes, ENTRIES for a bundle
    index: int
    width: int  # hashes or entries in it, 1 to 256
    body: bytes


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """The right edge of a tree: all that appending needs to know of it."""

    size: int  # leaves
    peaks: tuple[bytes, ...]  # by height: the subtree's root where that bit of size is set, else b""
    partials: tuple[bytes, ...]  # by level: the partial hash tile, b"" where the last one is full
    bundle: bytes  # the partial entry bundle, b"" where the last one is full


EMPTY = Edge(size=0, peaks=(), partials=(), bundle=b"")


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What one append changed."""

    edge: Edge
    tiles: list[Tile]  # hash tiles, level by level
    bundles: list[Tile]  # entry bundles
    root: bytes


def append(edge: Edge, entries: Sequence[bytes]) -> Appended:
    """The tree of `edge` with `entries` added at its end. An entry above 65,535 bytes is `BadInput`."""
    bundles, bundle = _bundles(edge, entries)
    rows, peaks = _climb(edge, [sha256(b"\x00" + entry).digest() for entry in entries])
    partials = list(edge.partials)
    partials.extend([b""] * (len(rows) - len(partials)))
    tiles: list[Tile] = []
    for level, row in enumerate(rows):
        first = edge.size >> HEIGHT * (level + 1)
        body = partials[level] + b"".join(row)
        tiles.extend(_sliced(level, first, body))
        partials[level] = body[len(body) // FULL * FULL :]
    grown = Edge(size=edge.size + len(entries), peaks=tuple(peaks), partials=tuple(partials), bundle=bundle)
    return Appended(edge=grown, tiles=tiles, bundles=bundles, root=root(grown))


def root(edge: Edge) -> bytes:
    """The root hash of the tree."""
    result = b""
    for peak in edge.peaks:
        if peak:
            result = node_hash(peak, result) if result else peak
    return result or EMPTY_ROOT


def edge_from(size: int, read: TileReader) -> Edge:
    """The edge of a stored tree of `size` leaves, from its partial tiles and partial bundle alone.

    The bundle is checked against the tiles, the tiles only by the root they lead to: compare `root(edge)` with
    the last signed checkpoint before appending.
    """
    peaks: list[bytes] = []
    partials: list[bytes] = []
    for level in range((size.bit_length() + HEIGHT - 1) // HEIGHT):
        width = size >> HEIGHT * level & WIDTH - 1
        body = fetch(read, level, size >> HEIGHT * (level + 1), width) if width else b""
        rows = expand(body)
        peaks.extend(rows[bit][-1] if width >> bit & 1 else b"" for bit in range(HEIGHT))
        partials.append(body)
    width = size & WIDTH - 1
    bundle = read(ENTRIES, size >> HEIGHT, width) if width else b""
    if width and b"".join(map(leaf_hash, bundle_entries(bundle))) != partials[0]:
        raise VerificationFailed(
            f"Bundle {path(ENTRIES, size >> HEIGHT, width)} does not match its hash tile"
        )
    return Edge(size=size, peaks=tuple(peaks[: size.bit_length()]), partials=tuple(partials), bundle=bundle)


def followed(edge: Edge, size: int, read: TileReader) -> Edge:
    """The edge of the tree that `edge` has grown into, from the entries that were added since. Time O(added).

    The entries are checked only by the root they lead to: compare `root` with the signed checkpoint. Raises
    `VerificationFailed` if a bundle is too short, or is not the one that `edge` ends in.
    """
    added: list[bytes] = []
    for index in range(edge.size >> HEIGHT, (size + WIDTH - 1) >> HEIGHT):
        width = width_at(size, ENTRIES, index)
        body = read(ENTRIES, index, width)
        entries = bundle_entries(body)
        known = max(0, edge.size - index * WIDTH)
        if len(entries) < width or (known and not body.startswith(edge.bundle)):
            raise VerificationFailed(
                f"Bundle {path(ENTRIES, index, width)} does not go on from the entries before it"
            )
        added.extend(entries[known:width])
    return append(edge, added).edge


def width_at(size: int, level: int, index: int) -> int:
    """The width of a tile in the tree of `size` leaves: 256 when full, 0 when the tree does not reach it."""
    hashes = size >> HEIGHT * max(level, 0)
    return max(0, min(WIDTH, hashes - index * WIDTH))


def fetch(read: TileReader, level: int, index: int, width: int) -> bytes:
    """A hash tile of exactly `width` hashes; raises `VerificationFailed` if less is stored."""
    body = read(level, index, width)
    if len(body) < width * HASH_SIZE or len(body) % HASH_SIZE:
        raise VerificationFailed(
            f"Tile {path(level, index, width)} has the wrong length",
            expected=f"{width * HASH_SIZE} bytes",
            got=f"{len(body)} bytes",
        )
    return body[: width * HASH_SIZE]


def expand(body: bytes) -> list[list[bytes]]:
    """The nodes a tile stands for: row h holds its complete subtrees of `2**h` hashes; row 8 its root."""
    row = [body[at : at + HASH_SIZE] for at in range(0, len(body), HASH_SIZE)]
    rows = [row]
    for _ in range(HEIGHT):
        row = _paired(row)
        rows.append(row)
    return rows


def bundle_entries(body: bytes) -> list[bytes]:
    """The entries of a bundle; raises `VerificationFailed` if a length does not fit."""
    entries: list[bytes] = []
    at = 0
    while at < len(body):
        start = at + 2
        at = start + int.from_bytes(body[at:start], "big")
        if start > len(body) or at > len(body):
            raise VerificationFailed("An entry bundle ends in the middle of an entry")
        entries.append(body[start:at])
    return entries


def narrowed(level: int, body: bytes, width: int) -> bytes:
    """The first `width` hashes or entries of a tile or bundle: what it was when the tree was smaller."""
    if level != ENTRIES:
        return body[: width * HASH_SIZE]
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in bundle_entries(body)[:width])


def path(level: int, index: int, width: int) -> str:
    """Where a tile is published: `tile/0/x001/234`, `tile/1/000.p/5`, `tile/entries/x001/234`."""
    if not (ENTRIES <= level <= HIGHEST_LEVEL and index >= 0 and 1 <= width <= WIDTH):
        raise BadInput("No such tile", expected="a level up to 63, an index, a width of 1 to 256")
    groups = f"{index:0{(len(str(index)) + 2) // 3 * 3}d}"
    parts = [groups[at : at + 3] for at in range(0, len(groups), 3)]
    name = "/x".join(["", *parts[:-1]]) + "/" + parts[-1]
    suffix = "" if width == WIDTH else f".p/{width}"
    return f"tile/{'entries' if level == ENTRIES else level}{name}{suffix}"


def parse_path(text: str) -> tuple[int, int, int]:
    """(level, index, width) of a tile's path; `BadInput` unless it is spelled exactly as `path` spells it."""
    found = _PATH.fullmatch(text)
    if found:
        level = ENTRIES if found[1] == "entries" else int(found[1])
        index = int(found[2].replace("/", "").replace("x", ""))
        width = int(found[3] or WIDTH)
        if level <= HIGHEST_LEVEL and width <= WIDTH and path(level, index, width) == text:
            return level, index, width
    raise BadInput(
        "Not the path of a tile", expected="tile/<level>/<index>[.p/<width>] as in C2SP tlog-tiles"
    )


def _climb(edge: Edge, leaves: list[bytes]) -> tuple[list[list[bytes]], list[bytes]]:
    """The new hashes of each tile level, and the new peaks: one pass up the tree, pairing nodes."""
    peaks = list(edge.peaks)
    rows: list[list[bytes]] = []
    nodes = leaves
    height = 0
    while nodes:
        if height % HEIGHT == 0:
            rows.append(nodes)
        if height == len(peaks):
            peaks.append(b"")
        if peaks[height]:
            nodes = [peaks[height], *nodes]
        peaks[height] = nodes[-1] if len(nodes) & 1 else b""
        nodes = _paired(nodes)
        height += 1
    return rows, peaks


def _paired(nodes: list[bytes]) -> list[bytes]:
    """The parents of neighbouring nodes; the last of an odd number waits. Hashing is inlined: this is the
    hot loop.
    """
    pair = iter(nodes)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(pair, pair, strict=False)]


def _sliced(level: int, first: int, body: bytes) -> list[Tile]:
    parts = (body[at : at + FULL] for at in range(0, len(body), FULL))
    return [
        Tile(level=level, index=first + number, width=len(part) // HASH_SIZE, body=part)
        for number, part in enumerate(parts)
    ]


def _bundles(edge: Edge, entries: Sequence[bytes]) -> tuple[list[Tile], bytes]:
    """The bundles that `entries` touch, and the partial bundle that remains."""
    try:
        framed = [len(entry).to_bytes(2, "big") + entry for entry in entries]
    except OverflowError:
        raise BadInput("A log entry is too large", expected=f"at most {LARGEST_ENTRY} bytes") from None
    bundles: list[Tile] = []
    index, width = divmod(edge.size, WIDTH)
    body = edge.bundle
    start = 0
    while start < len(framed):
        taken = framed[start : start + WIDTH - width]
        start += len(taken)
        width += len(taken)
        body += b"".join(taken)
        bundles.append(Tile(level=ENTRIES, index=index, width=width, body=body))
        if width == WIDTH:
            index, width, body = index + 1, 0, b""
    return bundles, body
