"""The model of the disk: what a power failure leaves of a trace. Traces are written by hand here."""

from __future__ import annotations

from pathlib import Path

import pytest
from disk import SECTOR, Entry, Kind, Op, Trace, read_trace, sectors_of
from hypothesis import given
from hypothesis import strategies as st

from amana.errors import VerificationFailed


def trace_of(*ops: Op, baseline: tuple[Entry, ...] = ()) -> Trace:
    """The operations, numbered in order."""
    numbered = tuple(
        Op(
            seq=place,
            kind=op.kind,
            inode=op.inode,
            offset=op.offset,
            length=op.length,
            path=op.path,
            target=op.target,
            payload=op.payload,
        )
        for place, op in enumerate(ops, start=1)
    )
    return Trace(ops=numbered, baseline=baseline)


def create(path: str, inode: int = 1) -> Op:
    return Op(seq=0, kind=Kind.CREATE, path=path, inode=inode)


def mkdir(path: str, inode: int) -> Op:
    return Op(seq=0, kind=Kind.MKDIR, path=path, inode=inode)


def write(payload: bytes, offset: int = 0, inode: int = 1) -> Op:
    return Op(seq=0, kind=Kind.WRITE, inode=inode, offset=offset, length=len(payload), payload=payload)


def truncate(length: int, inode: int = 1) -> Op:
    return Op(seq=0, kind=Kind.TRUNCATE, inode=inode, length=length)


def sync(path: str, inode: int = 1) -> Op:
    return Op(seq=0, kind=Kind.SYNC, path=path, inode=inode)


def rename(path: str, target: str) -> Op:
    return Op(seq=0, kind=Kind.RENAME, path=path, target=target)


def unlink(path: str) -> Op:
    return Op(seq=0, kind=Kind.UNLINK, path=path)


def link(path: str, target: str, inode: int = 1) -> Op:
    return Op(seq=0, kind=Kind.LINK, path=path, target=target, inode=inode)


def said(text: bytes) -> Op:
    return Op(seq=0, kind=Kind.ACK, payload=text)


def test_a_write_is_lost_until_its_own_file_is_synced() -> None:
    trace = trace_of(create("a"), write(b"old"), sync("a"), write(b"new"), create("b", 2), sync("b", 2))
    assert trace.files_at(trace.last) == {"a": b"old", "b": b""}
    assert trace.files_at(trace.last, keep_unsynced="all") == {"a": b"new", "b": b""}


def test_a_truncation_is_lost_until_its_own_file_is_synced() -> None:
    trace = trace_of(create("a"), write(b"long"), sync("a"), truncate(1), sync("a"))
    assert trace.files_at(4) == {"a": b"long"}
    assert trace.files_at(5) == {"a": b"l"}


def test_a_dropped_sync_never_happened() -> None:
    trace = trace_of(create("a"), write(b"x"), sync("a"), create("b", 2), sync("b", 2))
    assert trace.files_at(3, drop_syncs=lambda op: op.path == "a") == {}
    assert trace.files_at(5, drop_syncs=lambda op: op.path == "a") == {"a": b"", "b": b""}


def test_a_write_to_a_hole_leaves_zeros_before_it() -> None:
    trace = trace_of(create("a"), write(b"x", offset=3), sync("a"))
    assert trace.files_at(trace.last) == {"a": b"\0\0\0x"}


def test_sync_file_range_promises_nothing() -> None:
    trace = trace_of(create("a"), sync("a"), write(b"x"), Op(seq=0, kind=Kind.SYNC_RANGE, path="a", inode=1))
    assert trace.files_at(trace.last) == {"a": b""}


def test_sync_of_everything_keeps_everything() -> None:
    trace = trace_of(create("a"), write(b"x"), Op(seq=0, kind=Kind.SYNC_ALL))
    assert trace.files_at(trace.last, strict_directories=True) == {"a": b"x"}


def test_replacing_a_file_without_syncing_the_new_one_can_leave_it_empty() -> None:
    before = (Entry(path="manifest", inode=9, content=b"old"),)
    careless = trace_of(
        create("new"), write(b"new"), rename("new", "manifest"), create("b", 2), sync("b", 2), baseline=before
    )
    assert careless.files_at(careless.last)["manifest"] == b""
    careful = trace_of(create("new"), write(b"new"), sync("new"), rename("new", "manifest"), baseline=before)
    assert careful.files_at(careful.last) == {"manifest": b"old", "new": b"new"}
    assert careful.files_at(careful.last, keep_unsynced="all") == {"manifest": b"new"}


def test_strict_directories_keep_a_name_only_once_its_directory_is_synced() -> None:
    trace = trace_of(
        create("a"), write(b"x"), sync("a"), sync("", 7), rename("a", "b"), sync("b"), sync("", 7)
    )
    assert trace.files_at(3, strict_directories=True) == {}
    assert trace.files_at(4, strict_directories=True) == {"a": b"x"}
    assert trace.files_at(6, strict_directories=True) == {"a": b"x"}
    assert trace.files_at(7, strict_directories=True) == {"b": b"x"}
    assert trace.files_at(6) == {"b": b"x"}


def test_a_file_in_a_directory_that_is_not_on_the_disk_is_not_there_either() -> None:
    trace = trace_of(mkdir("d", 5), create("d/a"), sync("d", 5), sync("", 7))
    assert trace.files_at(3, strict_directories=True) == {}
    assert trace.files_at(3) == {"d": None, "d/a": b""}


def test_ordered_names_survive_as_a_beginning_never_with_a_gap() -> None:
    names = [f"{n}" for n in range(6)]
    trace = trace_of(*(create(name, place) for place, name in enumerate(names, start=1)))
    seen = {tuple(trace.files_at(6, keep_unsynced="random", seed=seed)) for seed in range(60)}
    assert seen == {tuple(names[:n]) for n in range(7)}


def test_a_renamed_directory_takes_its_files_along() -> None:
    trace = trace_of(mkdir("d", 5), create("d/a"), write(b"x"), sync("d/a"), rename("d", "e"), sync("e/a"))
    assert trace.files_at(trace.last) == {"e": None, "e/a": b"x"}


def test_two_names_of_one_file_share_its_content() -> None:
    trace = trace_of(create("a"), link("a", "b"), write(b"x"), sync("a"), unlink("a"), sync("b"))
    assert trace.files_at(4) == {"a": b"x", "b": b"x"}
    assert trace.files_at(6) == {"b": b"x"}


def test_a_deleted_file_comes_back_whole_when_its_inode_number_was_used_again() -> None:
    trace = trace_of(create("a"), write(b"old"), sync("a"), unlink("a"), create("b"), write(b"new"))
    assert trace.files_at(trace.last) == {"a": b"old"}
    assert trace.files_at(trace.last, keep_unsynced="all") == {"b": b"new"}


def test_shared_memory_of_sqlite_is_left_out() -> None:
    assert trace_of(create("m.db-shm"), sync("m.db-shm")).files_at(2) == {}


def test_whole_lines_count_as_said() -> None:
    trace = trace_of(said(b"one\ntw"), create("a"), said(b"o\nthr"))
    assert trace.acks_before(0) == ()
    assert trace.acks_before(2) == ("one",)
    assert trace.acks_before(3) == ("one", "two")


def test_a_trace_that_begins_in_the_middle_is_refused() -> None:
    with pytest.raises(VerificationFailed, match="has not seen"):
        trace_of(write(b"x")).files_at(1)


def test_a_file_that_is_no_trace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trace").write_bytes(b"no trace at all, but longer than one record's header is")
    with pytest.raises(VerificationFailed, match="torn"):
        read_trace(tmp_path / "trace")


def test_an_image_is_private_to_its_owner(tmp_path: Path) -> None:
    image = trace_of(mkdir("d", 5), create("d/a"), write(b"x"), sync("d/a")).image_at(4, tmp_path / "image")
    assert (image / "d/a").read_bytes() == b"x"
    assert (image / "d/a").stat().st_mode & 0o077 == 0


@given(offset=st.integers(0, 3 * SECTOR), payload=st.binary(max_size=4 * SECTOR))
def test_sectors_of_a_write_join_to_the_write_and_never_cross_a_boundary(offset: int, payload: bytes) -> None:
    pieces = list(sectors_of(write(payload, offset)))
    assert b"".join(piece.payload for piece in pieces) == payload
    assert all(p.offset // SECTOR == (p.offset + p.length - 1) // SECTOR for p in pieces)


BLOCKS = 6
STEPS = st.lists(
    st.one_of(st.just("sync"), st.tuples(st.integers(0, BLOCKS - 1), st.integers(1, 3))), max_size=25
)


@given(steps=STEPS, seed=st.integers(0, 1000))
def test_each_sector_after_a_crash_is_the_synced_one_or_one_written_since(
    steps: list[str | tuple[int, int]], seed: int
) -> None:
    ops = [create("a"), write(bytes(BLOCKS * SECTOR + 3 * SECTOR)), sync("a")]
    possible: list[set[int]] = [{0} for _ in range(BLOCKS + 3)]
    newest = [0] * (BLOCKS + 3)
    for number, step in enumerate(steps, start=1):
        if isinstance(step, str):
            ops.append(sync("a"))
            possible = [{value} for value in newest]
        else:
            block, count = step
            ops.append(write(bytes([number]) * count * SECTOR, block * SECTOR))
            for place in range(block, block + count):
                possible[place].add(number)
                newest[place] = number
    content = trace_of(*ops).files_at(len(ops), keep_unsynced="random", seed=seed)["a"]
    assert content is not None
    for place, allowed in enumerate(possible):
        sector = content[place * SECTOR : (place + 1) * SECTOR]
        assert sector == bytes([sector[0]]) * SECTOR
        assert sector[0] in allowed


def test_a_torn_write_happens() -> None:
    trace = trace_of(create("a"), write(bytes(4 * SECTOR)), sync("a"), write(b"x" * 4 * SECTOR))
    contents = {trace.files_at(4, keep_unsynced="random", seed=seed)["a"] for seed in range(40)}
    assert bytes(4 * SECTOR) in contents
    assert b"x" * 4 * SECTOR in contents
    assert any(content is not None and 0 < content.count(b"x" * SECTOR) < 4 for content in contents)
