"""The Merkle tree: hashes, proofs that a leaf is in it, proofs that it only grew.

Rule: RFC 6962 section 2.1 (the same tree as RFC 9162), SHA-256.

- leaf hash `SHA-256(0x00 || entry)`, node hash `SHA-256(0x01 || left || right)`, empty tree `SHA-256("")`.
- A tree of n > 1 leaves splits at the largest power of two smaller than n.
- Proofs list hashes from the leaf upwards. They are made by walking down from the root (RFC 9162 sections
  2.1.3.1 and 2.1.4.1) and checked by the separate upward algorithms of sections 2.1.3.2 and 2.1.4.2.
- Making a proof reads nodes through a `Reader`: the hash of the perfect subtree of `2**height` leaves that
  starts at leaf `index * 2**height`. Only subtrees that are complete in the tree are ever asked for.
- Verification raises; sizes, indexes and proofs come from strangers and are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TypeAlias

from amana.errors import BadInput, VerificationFailed

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

Reader: TypeAlias = Callable[[int, int], bytes]
"""`read(height, index)`: the hash of leaves `[index * 2**height, (index + 1) * 2**height)`."""


def leaf_hash(entry: bytes) -> bytes:
    """The RFC 6962 hash of one log entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The RFC 6962 hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def tree_root(size: int, read: Reader) -> bytes:
    """The root of the first `size` leaves."""
    return _range_hash(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: Reader) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf's sibling upwards."""
    if not 0 <= index < size:
        raise BadInput("No such leaf in the tree", expected=f"an index below {size}", got=str(index))
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(start, middle, read))
            start = middle
    path.reverse()
    return path


def consistency_proof(old: int, new: int, read: Reader) -> list[bytes]:
    """The proof that `new` leaves extend the first `old`; empty when `old` is 0 or `new`."""
    if not 0 <= old <= new:
        raise BadInput("A tree cannot shrink", expected=f"an old size of 0 to {new}", got=str(old))
    if old in {0, new}:
        return []
    start, end = 0, new
    whole = True  # the remaining range is the whole old tree, whose root the verifier already holds
    path: list[bytes] = []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(start, middle, read))
            start = middle
            whole = False
    if not whole:
        path.append(_range_hash(start, end, read))
    path.reverse()
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raises `VerificationFailed` unless leaf hash `leaf` is at `index` under `root` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        raise VerificationFailed(
            "The entry's index is outside the tree", expected=f"below {size}", got=str(index)
        )
    _check_hashes([leaf, *path, root])
    node, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise VerificationFailed("An inclusion proof is too long")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise VerificationFailed("An inclusion proof is too short")
    if result != root:
        raise VerificationFailed("An inclusion proof does not lead to the root of the tree")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raises `VerificationFailed` unless the new tree extends the old one (RFC 9162 2.1.4.2).

    Sizes in leaves. Everything extends the empty tree, whose root must be the root of the empty tree.
    """
    if not 0 <= old <= new:
        raise VerificationFailed(
            "A tree cannot shrink", expected=f"at least {old} leaves", got=f"{new} leaves"
        )
    _check_hashes([old_root, new_root, *path])
    if old in {0, new}:
        _verify_trivial(EMPTY_ROOT if old == 0 else new_root, old_root, path)
        if new == 0 and new_root != EMPTY_ROOT:
            raise VerificationFailed("An empty tree has the wrong root")
        return
    # A perfect old tree is a node of the new one; the proof leaves it out.
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    from_old, from_new = _roots_of_consistency(old, new, hashes)
    if from_old != old_root:
        raise VerificationFailed("A consistency proof does not lead to the old root")
    if from_new != new_root:
        raise VerificationFailed("A consistency proof does not lead to the new root")


def _roots_of_consistency(old: int, new: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The old and the new root that a consistency proof implies."""
    if not hashes:
        raise VerificationFailed("A consistency proof is too short")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    from_old = from_new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise VerificationFailed("A consistency proof is too long")
        if node & 1 or node == last:
            from_old = node_hash(sibling, from_old)
            from_new = node_hash(sibling, from_new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            from_new = node_hash(from_new, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise VerificationFailed("A consistency proof is too short")
    return from_old, from_new


def _verify_trivial(expected: bytes, old_root: bytes, path: Sequence[bytes]) -> None:
    if path:
        raise VerificationFailed(
            "A consistency proof between these sizes is empty", got=f"{len(path)} hashes"
        )
    if old_root != expected:
        raise VerificationFailed("Two trees of one size have different roots")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_SIZE for one in hashes):
        raise VerificationFailed("A hash in a proof has the wrong length", expected=f"{HASH_SIZE} bytes")


def _split(count: int) -> int:
    """The largest power of two smaller than `count` (at least 2)."""
    return 1 << (count - 1).bit_length() - 1


def _range_hash(start: int, end: int, read: Reader) -> bytes:
    """The hash of leaves `[start, end)`, a range that the tree's own splitting produces."""
    parts: list[bytes] = []
    while start < end:
        height = (end - start).bit_length() - 1
        parts.append(read(height, start >> height))
        start += 1 << height
    result = parts.pop()
    while parts:
        result = node_hash(parts.pop(), result)
    return result
