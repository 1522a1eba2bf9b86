"""The published folder: static files that a stranger checks with one key, and that a changed log cannot replace."""

from __future__ import annotations

import random
from pathlib import Path

import proof_house
import pytest

from amana import errors
from amana.ledger import note, tiles
from amana.services.record import publication
from amana.services.record.publication import Exported


def export(folder: Path, to: Path) -> Exported:
    with proof_house.opened(folder) as house:
        return publication.export(house, to)


def log_key(folder: Path) -> note.VerifierKey:
    with proof_house.opened(folder) as house:
        return publication.log_key(house)


def grow(folder: Path, people: int, first: int = 5_000) -> None:
    with proof_house.opened(folder, writing=True) as house:
        house.writing().write(lambda session: proof_house.populate(session, people, first))


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_published_log_is_checked_with_its_key_alone(original: Path, tmp_path: Path) -> None:
    assert export(original, tmp_path / "out").size == 281
    found = publication.check(tmp_path / "out", log_key(original))
    assert (found.size, found.since) == (281, None)
    assert sorted(files(tmp_path / "out")) == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/25",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/25",
    ]


def test_no_published_file_holds_anything_but_hashes(original: Path, tmp_path: Path) -> None:
    export(original, tmp_path)
    entries = tiles.bundle_entries((tmp_path / "tile/entries/000").read_bytes())
    assert {len(entry) for entry in entries} == {32}
    assert b"example" not in b"".join(files(tmp_path).values())


def test_an_export_writes_what_grew_and_equals_one_made_at_once(folder: Path, tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    before = export(folder, steps)
    early = (steps / "checkpoint").read_text()
    kept = (steps / "tile/0/000").stat().st_mtime_ns
    for round_, people in enumerate((1, 90, 700)):
        grow(folder, people, 5_000 + 1_000 * round_)
        after = export(folder, steps)
        assert after.before == before.size < after.size
        before = after
    export(folder, tmp_path / "at-once")
    current = {name for name in files(steps) if ".p/" not in name or name in files(tmp_path / "at-once")}
    assert {name: files(steps)[name] for name in current} == files(tmp_path / "at-once")
    assert (steps / "tile/0/000").stat().st_mtime_ns == kept
    assert publication.check(steps, log_key(folder), early).since == 281
    assert export(folder, steps).written == 1  # the checkpoint alone


def test_every_export_on_the_way_verifies(folder: Path, tmp_path: Path) -> None:
    for round_ in range(7):
        grow(folder, 1 + round_ * 5, 5_000 + 100 * round_)
        export(folder, tmp_path / "out")
        publication.check(tmp_path / "out", log_key(folder))


def test_any_flipped_byte_of_any_file_is_found_and_a_tile_is_named(original: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "out", log_key(original)
    export(original, out)
    chance = random.Random(7)
    for name, body in files(out).items():
        for at in {0, len(body) - 1, *(chance.randrange(len(body)) for _ in range(12))}:
            (out / name).write_bytes(proof_house.flipped(body, at))
            with pytest.raises(errors.VerificationFailed) as found:
                publication.check(out, key)
            if name.startswith(("tile/0", "tile/1")):
                assert name in found.value.what
        (out / name).write_bytes(body)
    publication.check(out, key)


def test_a_missing_file_is_named(original: Path, tmp_path: Path) -> None:
    export(original, tmp_path)
    (tmp_path / "tile/entries/001.p/25").unlink()
    with pytest.raises(errors.VerificationFailed, match=r"tile/entries/001\.p/25"):
        publication.check(tmp_path, log_key(original))
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(errors.NotFound):
        publication.check(tmp_path, log_key(original))


def test_a_log_that_was_rolled_back_cannot_publish_over_its_own_past(folder: Path, tmp_path: Path) -> None:
    backup = proof_house.copied(folder, tmp_path / "backup")
    grow(folder, 10)
    export(folder, tmp_path / "out")
    published = files(tmp_path / "out")
    with pytest.raises(errors.LedgerBroken, match="Rolled back"):
        export(backup, tmp_path / "out")
    assert files(tmp_path / "out") == published


def test_a_forked_log_cannot_publish_over_the_other_branch(folder: Path, tmp_path: Path) -> None:
    fork = proof_house.copied(folder, tmp_path / "fork")
    grow(folder, 10)
    export(folder, tmp_path / "out")
    kept = (tmp_path / "out" / "checkpoint").read_text()
    grow(fork, 40, first=9_000)
    with pytest.raises(errors.LedgerBroken, match="Forked"):
        export(fork, tmp_path / "out")
    export(fork, tmp_path / "other")  # in a fresh folder nothing speaks against it
    assert publication.check(tmp_path / "other", log_key(fork))
    with pytest.raises(errors.LedgerBroken, match="Forked"):  # whoever kept a checkpoint sees it
        publication.check(tmp_path / "other", log_key(fork), kept)


def test_another_logs_folder_is_left_alone(original: Path, folder: Path, tmp_path: Path) -> None:
    other = proof_house.create(tmp_path / "other", people=2)
    export(other, tmp_path / "out")
    with pytest.raises(errors.Conflict):
        export(original, tmp_path / "out")


def test_an_export_that_was_stopped_before_the_checkpoint_is_simply_done_again(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(folder, out)
    old = (out / "checkpoint").read_bytes()
    grow(folder, 300)
    export(folder, out)
    (out / "checkpoint").write_bytes(old)  # as a reader sees it while the tiles are being written
    assert publication.check(out, log_key(folder)).size == 281
    assert export(folder, out).before == 281
    assert publication.check(out, log_key(folder)).size > 281
