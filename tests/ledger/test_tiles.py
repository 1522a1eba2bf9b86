from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_tree import Store, entries, entry, stored, tree_hash

from amana.errors import BadInput, VerificationFailed
from amana.ledger import merkle, tiles

PATHS = {
    (0, 0, 256): "tile/0/000",
    (0, 1234067, 256): "tile/0/x001/x234/067",
    (0, 1234, 5): "tile/0/x001/234.p/5",
    (2, 999, 255): "tile/2/999.p/255",
    (63, 1000, 1): "tile/63/x001/000.p/1",
    (tiles.ENTRIES, 273, 112): "tile/entries/273.p/112",
    (tiles.ENTRIES, 1000000, 256): "tile/entries/x001/x000/000",
}


@pytest.mark.parametrize(("tile", "text"), PATHS.items())
def test_a_path_is_spelled_as_in_the_specification(tile: tuple[int, int, int], text: str) -> None:
    assert tiles.path(*tile) == text
    assert tiles.parse_path(text) == tile


@given(st.integers(-1, 63), st.integers(0, 2**55), st.integers(1, 256))
def test_every_path_is_read_back(level: int, index: int, width: int) -> None:
    assert tiles.parse_path(tiles.path(level, index, width)) == (level, index, width)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tile/0/0",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/x01/000",
        "tile/0/001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/05",
        "tile/0/000.p/5\n",
        "tile/0/٠٠٠",
        "tile/0/../000",
        "/tile/0/000",
    ],
)
def test_another_spelling_is_not_a_tile(text: str) -> None:
    with pytest.raises(BadInput):
        tiles.parse_path(text)


@pytest.mark.parametrize("tile", [(-2, 0, 256), (64, 0, 256), (0, -1, 256), (0, 0, 0), (0, 0, 257)])
def test_a_tile_that_cannot_be_has_no_path(tile: tuple[int, int, int]) -> None:
    with pytest.raises(BadInput):
        tiles.path(*tile)


def test_a_tree_of_70_000_leaves_has_the_tiles_of_the_specifications_example() -> None:
    store, edge = stored(70_000)
    widths = {key: len(body) // 32 for key, body in store.rows.items() if key[0] >= 0}
    assert sorted(key for key in widths if widths[key] < 256) == [(0, 273), (1, 1), (2, 0)]
    assert (widths[0, 273], widths[1, 1], widths[2, 0]) == (112, 17, 1)
    assert [sum(key[0] == level for key in widths) for level in range(4)] == [274, 2, 1, 0]
    assert tiles.width_at(70_000, 0, 273) == 112
    assert tiles.width_at(70_000, 1, 0) == 256
    assert tiles.width_at(70_000, 1, 2) == 0
    assert tiles.width_at(70_000, tiles.ENTRIES, 273) == 112
    assert tiles.edge_from(70_000, store.read) == edge


def test_every_hash_in_a_tile_is_the_subtree_that_the_specification_names() -> None:
    store, _ = stored(600)
    for (level, index), body in store.rows.items():
        if level == tiles.ENTRIES:
            assert tiles.bundle_entries(body) == entries(index * 256, min(600, (index + 1) * 256))
            continue
        span = 256**level
        for at in range(len(body) // 32):
            start = (index * 256 + at) * span
            assert body[at * 32 : at * 32 + 32] == tree_hash(start, start + span)


def test_a_bundle_is_entries_after_their_lengths() -> None:
    bundles = tiles.append(tiles.EMPTY, [b"", b"a", b"\xff" * 300]).bundles
    assert [(one.level, one.index, one.width) for one in bundles] == [(tiles.ENTRIES, 0, 3)]
    assert bundles[0].body == b"\x00\x00" + b"\x00\x01a" + b"\x01\x2c" + b"\xff" * 300


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=12))
def test_any_batches_give_the_tiles_of_one_batch(batches: list[int]) -> None:
    store, edge = Store(), tiles.EMPTY
    for batch in batches:
        appended = tiles.append(edge, entries(edge.size, edge.size + batch))
        edge = store.put(appended)
        assert appended.root == tiles.root(edge) == tree_hash(0, edge.size)
        assert tiles.edge_from(edge.size, store.read) == edge
    at_once, edge_at_once = stored(sum(batches))
    assert store.rows == at_once.rows
    assert edge == edge_at_once


def test_a_tree_grown_one_by_one_across_two_levels_gives_the_same_tiles() -> None:
    store, edge = Store(), tiles.append(tiles.EMPTY, entries(0, 65_000)).edge
    for number in range(65_000, 66_000):
        edge = store.put(tiles.append(edge, [entry(number)]))
    at_once, edge_at_once = stored(66_000)
    assert edge == edge_at_once
    assert all(at_once.rows[key] == body for key, body in store.rows.items())


def test_only_what_changed_is_given_back() -> None:
    edge = tiles.append(tiles.EMPTY, entries(0, 511)).edge
    appended = tiles.append(edge, entries(511, 512))
    changed = [(one.level, one.index, one.width) for one in [*appended.tiles, *appended.bundles]]
    assert changed == [(0, 1, 256), (1, 0, 2), (tiles.ENTRIES, 1, 256)]
    assert appended.edge.partials[0] == appended.edge.bundle == b""
    nothing = tiles.append(appended.edge, [])
    assert (nothing.tiles, nothing.bundles, nothing.edge) == ([], [], appended.edge)


def test_the_empty_tree_has_an_edge() -> None:
    assert tiles.edge_from(0, Store().read) == tiles.EMPTY
    assert tiles.root(tiles.EMPTY) == merkle.EMPTY_ROOT


def test_an_entry_may_have_65_535_bytes_and_no_more() -> None:
    largest = tiles.append(tiles.EMPTY, [bytes(0xFFFF)])
    assert tiles.bundle_entries(largest.bundles[0].body) == [bytes(0xFFFF)]
    with pytest.raises(BadInput):
        tiles.append(tiles.EMPTY, [bytes(0x10000)])


@pytest.mark.parametrize("body", [b"\x00", b"\x00\x02a", b"\x00\x01a\x00", b"\x00\x01a\x01\x00"])
def test_a_bundle_that_ends_within_an_entry_is_detected(body: bytes) -> None:
    with pytest.raises(VerificationFailed):
        tiles.bundle_entries(body)


def test_an_edge_is_not_made_from_tiles_that_are_cut_or_missing_entries() -> None:
    for key, kept in [((0, 1), slice(0, -32)), ((0, 1), slice(0, -1)), ((tiles.ENTRIES, 1), slice(0, 0))]:
        store, _ = stored(300)
        store.rows[key] = store.rows[key][kept]
        with pytest.raises(VerificationFailed):
            tiles.edge_from(300, store.read)


def test_an_edge_is_not_made_from_a_bundle_that_was_altered() -> None:
    store, _ = stored(300)
    body = store.rows[tiles.ENTRIES, 1]
    for at in (2, len(body) - 1):
        store.rows[tiles.ENTRIES, 1] = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        with pytest.raises(VerificationFailed):
            tiles.edge_from(300, store.read)


def test_an_altered_hash_tile_gives_an_edge_of_another_root() -> None:
    store, edge = stored(300 * 256)
    body = store.rows[1, 1]
    for at in range(0, len(body), 32):
        store.rows[1, 1] = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert tiles.root(tiles.edge_from(edge.size, store.read)) != tiles.root(edge)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=4))
def test_following_a_tree_by_its_new_entries_gives_its_edge(steps: list[int]) -> None:
    store = Store()
    edge = followed = tiles.EMPTY
    for step in steps:
        edge = store.put(tiles.append(edge, entries(edge.size, edge.size + step)))
        followed = tiles.followed(followed, edge.size, store.read)
        assert followed == edge


def test_following_refuses_a_bundle_that_is_short_or_another_one() -> None:
    store, edge = stored(10)
    store.put(tiles.append(edge, entries(10, 15)))
    with pytest.raises(VerificationFailed):
        tiles.followed(edge, 16, store.read)
    body = store.rows[tiles.ENTRIES, 0]
    store.rows[tiles.ENTRIES, 0] = body[:20] + bytes([body[20] ^ 1]) + body[21:]
    with pytest.raises(VerificationFailed):
        tiles.followed(edge, 15, store.read)
