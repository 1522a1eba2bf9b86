from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_tree import audit_path, consistency, read_node, tree_hash

from amana.errors import BadInput, VerificationFailed
from amana.ledger import merkle, tiles

# The reference inputs and results of Certificate Transparency.
CT_ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOT = bytes.fromhex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
CT_SIX_TO_EIGHT = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
CT_PATH_OF_SEVEN = [
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]


def ct_node(height: int, index: int) -> bytes:
    if height == 0:
        return merkle.leaf_hash(CT_ENTRIES[index])
    return merkle.node_hash(ct_node(height - 1, 2 * index), ct_node(height - 1, 2 * index + 1))


def test_the_certificate_transparency_vectors_are_met() -> None:
    assert merkle.tree_root(8, ct_node) == CT_ROOT
    assert tiles.append(tiles.EMPTY, CT_ENTRIES).root == CT_ROOT
    assert [one.hex() for one in merkle.consistency_proof(6, 8, ct_node)] == CT_SIX_TO_EIGHT
    assert [one.hex() for one in merkle.inclusion_proof(7, 8, ct_node)] == CT_PATH_OF_SEVEN


def test_every_leaf_of_every_tree_up_to_300_has_the_proof_of_the_naive_tree() -> None:
    for size in range(301):
        root = tree_hash(0, size)
        assert merkle.tree_root(size, read_node) == root
        for index in range(size):
            path = merkle.inclusion_proof(index, size, read_node)
            assert path == audit_path(index, 0, size)
            merkle.verify_inclusion(tree_hash(index, index + 1), index, size, path, root)


def test_every_pair_of_trees_up_to_130_has_the_proof_of_the_naive_tree() -> None:
    for new in range(131):
        for old in range(new + 1):
            path = merkle.consistency_proof(old, new, read_node)
            assert path == ([] if old == 0 else consistency(old, 0, new))
            merkle.verify_consistency(old, new, tree_hash(0, old), tree_hash(0, new), path)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 5000), st.data())
def test_larger_trees_agree_with_the_naive_tree_too(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    path = merkle.consistency_proof(old, new, read_node)
    assert path == consistency(old, 0, new)
    merkle.verify_consistency(old, new, tree_hash(0, old), tree_hash(0, new), path)
    merkle.verify_inclusion(
        tree_hash(old - 1, old), old - 1, new, audit_path(old - 1, 0, new), tree_hash(0, new)
    )


@given(st.integers(2, 300), st.data())
def test_an_inclusion_proof_holds_for_its_leaf_index_size_and_root_only(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf, root = tree_hash(index, index + 1), tree_hash(0, size)
    path = merkle.inclusion_proof(index, size, read_node)
    wrong_index = data.draw(st.integers(0, size - 1).filter(lambda other: other != index))
    at = data.draw(st.integers(0, len(path) - 1))
    flipped = [*path]
    flipped[at] = bytes([path[at][0] ^ 1]) + path[at][1:]
    for attempt in (
        (tree_hash(wrong_index, wrong_index + 1), index, size, path, root),
        (leaf, wrong_index, size, path, root),
        (leaf, index, size, path, tree_hash(0, size - 1)),
        (leaf, index, size, flipped, root),
        (leaf, index, size, path[:-1], root),
        (leaf, index, size, [*path, root], root),
        (leaf, index, size, [*path[:-1], path[-1][:31]], root),
        (leaf, index, index, path, root),
        (leaf, -1, size, path, root),
    ):
        with pytest.raises(VerificationFailed):
            merkle.verify_inclusion(*attempt)


@given(st.integers(2, 300), st.data())
def test_a_consistency_proof_holds_for_its_two_trees_only(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    old_root, new_root = tree_hash(0, old), tree_hash(0, new)
    path = merkle.consistency_proof(old, new, read_node)
    at = data.draw(st.integers(0, len(path) - 1))
    flipped = [*path]
    flipped[at] = bytes([path[at][0] ^ 1]) + path[at][1:]
    forked = tree_hash(1, old + 1)
    for attempt in (
        (old, new, forked, new_root, path),
        (old, new, old_root, forked, path),
        (old, new, old_root, new_root, flipped),
        (old, new, old_root, new_root, path[:-1]),
        (old, new, old_root, new_root, [*path, new_root]),
        (new, old, new_root, old_root, path),
        (old, old, old_root, new_root, []),
        (old, old, old_root, old_root, path),
        (0, new, old_root, new_root, []),
        (0, new, merkle.EMPTY_ROOT, new_root, path),
        (0, 0, merkle.EMPTY_ROOT, new_root, []),
        (-1, new, old_root, new_root, path),
    ):
        with pytest.raises(VerificationFailed):
            merkle.verify_consistency(*attempt)


def test_the_root_of_the_empty_tree_is_the_hash_of_nothing() -> None:
    expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.EMPTY_ROOT.hex() == expected
    merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])


def test_a_proof_of_a_leaf_or_tree_that_is_not_there_is_refused() -> None:
    for index in (-1, 5, 6):
        with pytest.raises(BadInput):
            merkle.inclusion_proof(index, 5, read_node)
    for old in (-1, 6):
        with pytest.raises(BadInput):
            merkle.consistency_proof(old, 5, read_node)


def test_an_inner_node_is_not_taken_for_a_leaf() -> None:
    with pytest.raises(VerificationFailed):
        merkle.verify_inclusion(tree_hash(0, 2), 0, 4, [tree_hash(2, 4)], tree_hash(0, 4))


def test_a_taller_tree_is_not_taken_for_a_lower_one() -> None:
    left, right, root = tree_hash(0, 1), tree_hash(1, 2), tree_hash(0, 2)
    with pytest.raises(VerificationFailed):
        merkle.verify_inclusion(right, 0, 1, [left], root)
    beside = tree_hash(4, 8)
    old, new = merkle.node_hash(beside, tree_hash(0, 3)), merkle.node_hash(beside, tree_hash(0, 4))
    with pytest.raises(VerificationFailed):
        merkle.verify_consistency(3, 4, old, new, [*merkle.consistency_proof(3, 4, read_node), beside])


def test_a_root_is_not_claimed_for_two_sizes() -> None:
    root = tree_hash(0, 2)
    with pytest.raises(VerificationFailed):
        merkle.verify_consistency(2, 4, root, root, [])
    with pytest.raises(VerificationFailed):
        merkle.verify_consistency(3, 4, root, root, [root])


def test_a_byte_cannot_move_from_one_hash_to_its_neighbour() -> None:
    left, right = tree_hash(0, 1), tree_hash(1, 2)
    with pytest.raises(VerificationFailed):
        merkle.verify_inclusion(left + right[:1], 0, 2, [right[1:]], tree_hash(0, 2))
