"""Receipts made from a workspace, and checked by a stranger's program with the log's key alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import proof_house
import pytest

import amana
from amana import errors
from amana.ledger import merkle, note, packing, receipt
from amana.ledger import verify as verifying
from amana.services.record import history, publication, receipts
from amana.storage import log, register

CONSENT = 2  # the notice stands at 0, the first person's address at 1


def key_of(folder: Path) -> str:
    with proof_house.opened(folder) as house:
        return publication.log_key(house).text()


def receipt_of(folder: Path, position: int = CONSENT) -> str:
    with proof_house.opened(folder) as house:
        return receipts.of(house, position)


def test_a_receipt_proves_a_consent_with_the_logs_key_alone(original: Path) -> None:
    proven = verifying.verify(receipt_of(original), key_of(original))
    assert (proven.record["kind"], proven.record["status"], proven.index) == ("permission", "given", CONSENT)


def test_an_event_is_found_by_its_id(original: Path) -> None:
    with proof_house.opened(original) as house:
        event_id = history.of_person(house, 1)[1].event.id
        assert receipts.of_event_id(house, event_id) == receipts.of(house, CONSENT)
        with pytest.raises(errors.NotFound):
            receipts.of_event_id(house, "00" * 16)
        with pytest.raises(errors.BadInput):
            receipts.of_event_id(house, "not an id")


def test_the_receipts_of_a_batch_are_those_of_its_events_one_by_one(original: Path) -> None:
    with proof_house.opened(original) as house:
        wanted = [entry.position for entry in history.of_person(house, 1)[1:]] + [CONSENT]
        assert receipts.many(house, wanted) == [receipts.of(house, one) for one in wanted]


def test_a_batch_reads_far_fewer_tiles_than_its_receipts_one_by_one(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[tuple[int, int]] = []
    plain = log.tile_reader

    def counting(connection):  # type: ignore[no-untyped-def]  # wraps the reader, whatever its types
        read = plain(connection)

        def counted(level: int, index: int, width: int) -> bytes:
            reads.append((level, index))
            return read(level, index, width)

        return counted

    monkeypatch.setattr(log, "tile_reader", counting)
    with proof_house.opened(original) as house:
        consents = [
            entry.position for person in range(1, 41) for entry in history.of_person(house, person)[1:]
        ]
        reads.clear()
        receipts.many(house, consents)
    assert len(reads) < 10 < len(consents)


def test_a_position_without_an_event_has_no_receipt(original: Path) -> None:
    with proof_house.opened(original) as house:
        for position in (-1, 10**9):
            with pytest.raises(errors.NotFound):
                receipts.of(house, position)


def test_an_address_is_proved_only_to_somebody_who_says_what_for(folder: Path) -> None:
    with proof_house.opened(folder, writing=True) as house:
        with pytest.raises(errors.Conflict):
            receipts.of(house, 1)
        with pytest.raises(errors.BadInput):
            receipts.revealed(house, 1, actor="dpo", purpose="")
        text = receipts.revealed(house, 1, actor="dpo", purpose="request 7")
        with house.database.read() as connection:
            looks = register.looks(connection)
    assert verifying.verify(text, key_of(folder)).record["value"] == "person0@mail.example"
    assert [look[1:] for look in looks] == [("dpo", "request 7", 1, "receipt 1")]


def test_an_old_receipt_still_verifies_after_the_log_has_grown(folder: Path) -> None:
    old = receipt_of(folder)
    with proof_house.opened(folder, writing=True) as house:
        house.writing().write(lambda session: proof_house.populate(session, 300, first=1_000))
    assert verifying.verify(old, key_of(folder)).index == CONSENT


def test_a_receipt_made_later_is_the_one_that_could_have_been_given_at_once(folder: Path) -> None:
    with proof_house.opened(folder, writing=True) as house:
        house.writing().write(lambda session: proof_house.populate(session, 1, first=1_000))
        with house.database.read() as connection:
            signed = log.latest(connection)
        assert signed is not None
        at_once = receipts.of(house, signed.size - 1)
        house.writing().write(lambda session: proof_house.populate(session, 300, first=2_000))
        assert at_once == receipts.of(house, signed.size - 1)
    assert at_once.endswith(signed.note)


def test_every_receipt_stands_on_the_tree_right_after_its_event(original: Path) -> None:
    key = key_of(original)
    with proof_house.opened(original) as house:
        consents = [entry.position for one in range(1, 121) for entry in history.of_person(house, one)[1:]]
        for position, text in zip(consents, receipts.many(house, consents), strict=True):
            assert verifying.verify(text, key).size == position + 1
            hashes = text.partition("\n\n")[0].count("\n") - 2
            assert hashes == position.bit_count()


def test_no_earlier_tree_is_signed_that_the_last_signed_one_does_not_extend(folder: Path) -> None:
    """What was altered stands behind the event: the proof in the earlier tree alone would not show it."""
    ((body,),) = proof_house.stored(folder, "SELECT body FROM tile WHERE level = 0 AND number = 0")
    altered = proof_house.flipped(body, 32 * 200)
    proof_house.tampered(folder, "UPDATE tile SET body = ? WHERE level = 0 AND number = 0", altered)
    with pytest.raises(errors.LedgerBroken, match=f"event {CONSENT}"):
        receipt_of(folder)


def test_a_receipt_outlives_the_row_it_was_made_from(folder: Path) -> None:
    text, key = receipt_of(folder), key_of(folder)
    proof_house.tampered(folder, "DELETE FROM event WHERE position = ?", CONSENT)
    assert verifying.verify(text, key).record["status"] == "given"
    with pytest.raises(errors.NotFound):
        receipt_of(folder)


def test_a_later_receipt_shows_which_record_it_follows(original: Path) -> None:
    first, second = (
        receipt.verify(receipt_of(original, at), note.parse_key(key_of(original))) for at in (2, 3)
    )
    assert verifying.verify(receipt_of(original, 3), key_of(original)).record["prev"] == (
        note.encode_base64(first.commitment).rstrip("=").replace("+", "-").replace("/", "_")
    )
    assert second.index == first.index + 1


@pytest.mark.parametrize("what", ["sealed", "bundle", "tile"])
def test_nothing_is_handed_out_from_altered_rows(folder: Path, what: str) -> None:
    if what == "sealed":
        ((body,),) = proof_house.stored(folder, "SELECT sealed FROM event WHERE position = ?", CONSENT)
        altered = ("UPDATE event SET sealed = ? WHERE position = ?", proof_house.flipped(body, 40), CONSENT)
    else:
        level, at = (-1, 34 * CONSENT + 5) if what == "bundle" else (0, 32 * (CONSENT + 1))
        ((body,),) = proof_house.stored(folder, "SELECT body FROM tile WHERE level = ? AND number = 0", level)
        altered = (
            "UPDATE tile SET body = ? WHERE level = ? AND number = 0",
            proof_house.flipped(body, at),
            level,
        )
    proof_house.tampered(folder, *altered)
    with pytest.raises((errors.VerificationFailed, errors.LedgerBroken), match=str(CONSENT)):
        receipt_of(folder)


# ---- the stranger's program ------------------------------------------------------------------------------------------


def lonely_amana(place: Path) -> Path:
    """A directory with the ledger room and the error tree of Amana, and nothing else of it."""
    package = Path(amana.__file__).parent
    shutil.copytree(
        package / "ledger", place / "amana" / "ledger", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(package / "errors.py", place / "amana")
    (place / "amana" / "__init__.py").touch()
    return place


# Every other package of the installation is out of reach, as on a machine that never saw a workspace.
RUNNER = """
import runpy, sys
class Refuser:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sqlalchemy", "alembic", "numpy", "typer", "rich", "pyarrow", "sqlite3"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuser())
sys.path.insert(0, sys.argv[1])
sys.argv[:2] = ["amana.ledger.verify"]
runpy.run_module("amana.ledger.verify", run_name="__main__")
"""


def run_verify(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", RUNNER, str(place), *words],
        capture_output=True,
        text=True,
        cwd=place,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )


def test_a_stranger_checks_a_receipt_without_workspace_or_database(original: Path, tmp_path: Path) -> None:
    place = lonely_amana(tmp_path / "elsewhere")
    (place / "mine.tlog-proof").write_text(receipt_of(original))
    (place / "log.key").write_text(key_of(original) + "\n")
    by_file = run_verify(place, "mine.tlog-proof", "log.key")
    assert (by_file.returncode, by_file.stderr) == (0, "")
    assert "status: given" in by_file.stdout
    assert "2027-01-15" in by_file.stdout
    assert run_verify(place, "mine.tlog-proof", key_of(original)).stdout == by_file.stdout

    (place / "altered").write_text(receipt_of(original).replace("index 2", "index 3"))
    altered = run_verify(place, "altered", "log.key")
    assert (altered.returncode, altered.stdout) == (5, "")
    assert altered.stderr.startswith("NOT VERIFIED")

    for words in (["mine.tlog-proof"], ["mine.tlog-proof", "nowhere"], ["nowhere", "log.key"], []):
        assert run_verify(place, *words).returncode == 2


def test_a_receipt_of_another_log_does_not_verify(original: Path, tmp_path: Path) -> None:
    other = proof_house.create(tmp_path / "other", people=1)
    with pytest.raises(errors.VerificationFailed):
        verifying.verify(receipt_of(original), key_of(other))


def test_a_record_cannot_move_the_cursor_of_whoever_reads_it() -> None:
    proven = verifying.Proven(
        record={"evidence": "\x1b[2J\u202egood", "occurred": [0, 10**15]},
        index=0,
        origin="o",
        size=1,
        witnesses=(),
    )
    told = "\n".join(verifying.lines(proven))
    assert told.replace("\n", "").isprintable()
    assert "1970-01-01 00:00:00 UTC to 1000000000000000" in told


def test_every_byte_of_a_receipt_counts(original: Path) -> None:
    """But for signature lines of keys that nobody asked about, which the format tells verifiers to pass over."""
    text, key = receipt_of(original).encode(), key_of(original)
    for at in range(0, len(text), 3):
        with pytest.raises(errors.VerificationFailed):
            verifying.verify(proof_house.flipped(text, at), key)


# ---- size ------------------------------------------------------------------------------------------------------------


def size_at(index: int, record: bytes) -> int:
    """Bytes of a receipt in the tree right after an entry: the path's length is what matters, not its hashes."""
    path = merkle.inclusion_proof(index, index + 1, lambda height, number: bytes(32))
    signer = note.signer("amana-log/0123456789abcdef", bytes(32))
    head = f"{signer.verifier.name}\n{index + 1}\n{note.encode_base64(bytes(32))}\n"
    return len(receipt.make(bytes(32), record, index, path, note.sign(head, signer)).encode())


def test_the_size_of_a_receipt_is_what_the_documents_say(original: Path) -> None:
    proven = receipt.verify(receipt_of(original), note.parse_key(key_of(original)))
    sizes = sorted(size_at(number * 7_919_011 % 10_000_000, proven.record) for number in range(2_000))
    assert sizes[-20] <= 1_500  # all but a hundredth
    assert size_at(2**23 - 1, proven.record) < 1_600  # the longest proof there is below ten million


def test_the_page_knows_the_words_of_the_packed_form() -> None:
    page = resources.files("amana.data").joinpath("verify.html").read_text("utf-8")
    listed = page.partition("const WORDS = [\n")[2].partition('].join("");')[0].splitlines()
    assert "".join(line.strip()[1:-2] for line in listed).encode() == packing._WORDS
