from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_tree import Store, audit_path, consistency, stored, tree_hash

from amana.errors import BadInput, VerificationFailed
from amana.ledger import merkle, nodes, tiles

SIZE = 66_000


@pytest.fixture(scope="module")
def store() -> Store:
    return stored(SIZE)[0]


def test_every_proof_up_to_300_can_be_made_from_stored_tiles() -> None:
    for size in range(1, 301):
        small, _ = stored(size)
        read = nodes.node_reader(size, small.read)
        assert merkle.tree_root(size, read) == tree_hash(0, size)
        for index in range(size):
            assert merkle.inclusion_proof(index, size, read) == audit_path(index, 0, size)
        for old in range(1, size + 1):
            assert merkle.consistency_proof(old, size, read) == consistency(old, 0, size)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_large_trees_need_a_few_tiles_for_a_proof_also_of_an_older_size(
    store: Store, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, SIZE))
    index = data.draw(st.integers(0, size - 1))
    store.reads = 0
    path = merkle.inclusion_proof(index, size, nodes.node_reader(size, store.read))
    assert path == audit_path(index, 0, size)
    assert store.reads <= 2 * 3
    store.reads = 0
    proof = merkle.consistency_proof(index, size, nodes.node_reader(size, store.read))
    assert proof == ([] if index == 0 else consistency(index, 0, size))
    assert store.reads <= 2 * 3


def test_the_proofs_of_one_batch_read_each_tile_once(store: Store) -> None:
    store.reads = 0
    read = nodes.node_reader(SIZE, store.read)
    for index in range(SIZE - 1000, SIZE):
        merkle.inclusion_proof(index, SIZE, read)
    assert store.reads <= 5 + 2 + 1


def test_a_node_beyond_the_tree_is_refused(store: Store) -> None:
    read = nodes.node_reader(1000, store.read)
    for height, index in [(0, 1000), (9, 1), (10, 0), (0, -1)]:
        with pytest.raises(BadInput):
            read(height, index)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600, SIZE])
def test_a_whole_tree_verifies_against_its_root(store: Store, size: int) -> None:
    small = store if size == SIZE else stored(size)[0]
    nodes.verify_tree(size, small.read, tree_hash(0, size))
    with pytest.raises(VerificationFailed):
        nodes.verify_tree(size, small.read, tree_hash(0, size + 1))


def test_flipping_any_byte_of_a_small_stored_tree_is_detected() -> None:
    small, _ = stored(20)
    for key, body in [*small.rows.items()]:
        for at in range(len(body)):
            small.rows[key] = body[:at] + bytes([body[at] ^ 0x10]) + body[at + 1 :]
            with pytest.raises(VerificationFailed):
                nodes.verify_tree(20, small.read, tree_hash(0, 20))
        small.rows[key] = body


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_flipping_a_byte_of_a_stored_tree_is_detected_and_located(data: st.DataObject) -> None:
    size = 700
    small, _ = stored(size)
    level, index = data.draw(st.sampled_from(sorted(small.rows)))
    body = small.rows[level, index]
    at = data.draw(st.integers(0, len(body) - 1))
    small.rows[level, index] = body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1 :]
    with pytest.raises(VerificationFailed) as failure:
        nodes.verify_tree(size, small.read, tree_hash(0, size))
    if level >= 0:
        assert tiles.path(level, index, tiles.width_at(size, level, index)) in str(failure.value)


def test_a_proof_from_an_altered_tile_does_not_verify() -> None:
    small, _ = stored(700)
    root, leaf = tree_hash(0, 700), tree_hash(3, 4)
    body = small.rows[0, 0]
    small.rows[0, 0] = body[:640] + bytes([body[640] ^ 1]) + body[641:]
    path = merkle.inclusion_proof(3, 700, nodes.node_reader(700, small.read))
    with pytest.raises(VerificationFailed):
        merkle.verify_inclusion(leaf, 3, 700, path, root)


def test_a_full_tile_of_a_higher_level_is_checked_too(store: Store) -> None:
    body = store.rows[1, 0]
    altered = Store()
    altered.rows = {**store.rows, (1, 0): body[:-1] + bytes([body[-1] ^ 1])}
    with pytest.raises(VerificationFailed, match="tile/1/000 "):
        nodes.verify_tree(SIZE, altered.read, tree_hash(0, SIZE))
