"""How fast the ledger's mathematics is, in memory: no database, no key store, nothing durable.

Every figure is the best of several rounds on one thread, printed beside its ratio to a bare loop that hashes
twice for each leaf (the least a Merkle tree can cost), measured in the same run: ratios compare across
machines, plain figures do not.

    python benchmarks/ledger_pure.py [leaves of the tree for proofs, default 1000000]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from hashlib import sha256

from amana.ledger import canonical, checkpoint, merkle, nodes, note, receipt, sealing, tiles

BATCH = 1_000
ROUNDS = 5
LEVELS_AT_TEN_MILLION = 24

RECORD = canonical.encode(
    {
        "actor": "person",
        "brand": "example-shop",
        "channel": "email",
        "event": "0190a6e2-7c1f-7cc3-98c4-dc0c0c07398f",
        "evidence": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "notice": {
            "hash": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
            "id": "newsletter",
            "version": 3,
        },
        "occurred": [1_800_000_000, 1_800_000_000],
        "previous": "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13",
        "purpose": "newsletter",
        "recorded": 1_800_000_000,
        "source": "form:checkout",
        "status": "given",
    }
)


def numbered(count: int) -> list[bytes]:
    """`count` distinct 32-byte entries."""
    return [sha256(number.to_bytes(8, "big")).digest() for number in range(count)]


def seconds(work: Callable[[], object]) -> float:
    """The best time of one call of `work`."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def seconds_once(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bare_leaf(entries: list[bytes]) -> float:
    """Seconds for one leaf hash and one node hash, with nothing around them."""

    def loop() -> None:
        for entry in entries:
            leaf = sha256(b"\x00" + entry).digest()
            sha256(b"\x01" + leaf + leaf).digest()

    return seconds(loop) / len(entries)


def grown(entries: list[bytes]) -> tuple[dict[tuple[int, int], bytes], bytes, float]:
    """The tiles and root of the tree, appended in batches, and the seconds inside `append`."""
    rows: dict[tuple[int, int], bytes] = {}
    edge, root, spent = tiles.EMPTY, merkle.EMPTY_ROOT, 0.0
    for at in range(0, len(entries), BATCH):
        start = time.perf_counter()
        appended = tiles.append(edge, entries[at : at + BATCH])
        spent += time.perf_counter() - start
        edge, root = appended.edge, appended.root
        for tile in [*appended.tiles, *appended.bundles]:
            rows[tile.level, tile.index] = tile.body
    return rows, root, spent


def proof_times(size: int, read: tiles.TileReader, indexes: list[int]) -> list[float]:
    """Seconds for each inclusion proof, one node reader for all."""
    node = nodes.node_reader(size, read)
    merkle.inclusion_proof(indexes[0], size, node)
    times = []
    for index in indexes:
        start = time.perf_counter()
        merkle.inclusion_proof(index, size, node)
        times.append(time.perf_counter() - start)
    return sorted(times)


def sealing_times() -> tuple[float, float, float]:
    """Seconds to encode one record, to commit to and seal it, and to open it again."""
    key, r, nonce = bytes(range(32)), bytes(range(32, 64)), bytes(12)
    value = canonical.decode(RECORD)
    count = 2_000

    def seal() -> bytes:
        return sealing.seal(key, nonce, r, RECORD, sealing.commitment(r, RECORD))

    sealed, commitment = seal(), sealing.commitment(r, RECORD)
    return (
        seconds(lambda: [canonical.encode(value) for _ in range(count)]) / count,
        seconds(lambda: [seal() for _ in range(count)]) / count,
        seconds(lambda: [sealing.open_sealed(key, sealed, commitment) for _ in range(count)]) / count,
    )


def deep_receipt() -> tuple[str, note.Signer, float, float]:
    """A receipt of a tree as deep as ten million leaves; seconds to make and to verify it."""
    signer = note.signer("log.example.com/consent", bytes(range(32)))
    r, size, index = bytes(range(32)), 10_000_000, 4_123_456
    path = [sha256(b"sibling %d" % level).digest() for level in range(LEVELS_AT_TEN_MILLION)]
    root = merkle.leaf_hash(sealing.commitment(r, RECORD))
    for level, sibling in enumerate(path):
        root = merkle.node_hash(sibling, root) if index >> level & 1 else merkle.node_hash(root, sibling)
    head = checkpoint.Checkpoint(origin=signer.verifier.name, size=size, root=root)
    signed = checkpoint.sign(head, signer)
    text = receipt.make(r, RECORD, index, path, signed)
    count = 300
    making = seconds(lambda: [receipt.make(r, RECORD, index, path, signed) for _ in range(count)]) / count
    verifying = seconds(lambda: [receipt.verify(text, signer.verifier) for _ in range(count)]) / count
    return text, signer, making, verifying


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    entries = numbered(size)
    bare = bare_leaf(entries[:50_000])
    rows, root, spent = grown(entries)

    def read(level: int, index: int, width: int) -> bytes:
        return rows[level, index]

    scattered = proof_times(size, read, [index * 7_919 % size for index in range(3_000)])
    recent = proof_times(size, read, list(range(max(0, size - BATCH), size)))
    checked = seconds_once(lambda: nodes.verify_tree(size, read, root))
    encoding, seal, opening = sealing_times()
    text, _, making, verifying = deep_receipt()
    table = [
        ("bare loop, two hashes a leaf", bare),
        (f"append, batches of {BATCH:,}, each leaf", spent / size),
        ("check the whole stored tree, each leaf", checked / size),
        (f"inclusion proof at {size:,}, any leaf, p50", statistics.median(scattered)),
        (f"inclusion proof at {size:,}, any leaf, p99", scattered[len(scattered) * 99 // 100]),
        ("inclusion proof, leaves of the last batch, p50", statistics.median(recent)),
        ("inclusion proof, leaves of the last batch, p99", recent[len(recent) * 99 // 100]),
        (f"encode a record of {len(RECORD)} bytes", encoding),
        ("commit and seal", seal),
        ("open and check", opening),
        ("make a receipt", making),
        ("verify a receipt with its signature", verifying),
    ]
    print(f"{'':50}{'µs':>10}{'per second':>14}{'x bare':>9}")
    for what, spent_on_one in table:
        print(f"{what:50}{spent_on_one * 1e6:10.2f}{1 / spent_on_one:14,.0f}{spent_on_one / bare:9.1f}")
    print(
        f"\nreceipt, {len(RECORD)}-byte record, {LEVELS_AT_TEN_MILLION} levels: {len(text.encode()):,} bytes"
    )


if __name__ == "__main__":
    main()
