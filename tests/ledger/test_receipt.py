from __future__ import annotations

import base64

import pytest
from naive_tree import Store, entries

from amana.errors import BadInput, VerificationFailed
from amana.ledger import canonical, checkpoint, merkle, nodes, note, receipt, sealing, tiles

LOG = note.signer("log.example/a", bytes(range(32)))
WITNESS = note.signer("w1.example", bytes(range(1, 33)), note.Algorithm.COSIGNATURE)
NOW = 1_800_000_000
R = bytes(range(100, 132))
RECORD = canonical.encode({"brand": "Example Shop", "channel": "email", "status": "given"})
INDEX, SIZE = 300, 700


def tree() -> tuple[Store, checkpoint.Checkpoint]:
    """A log of 700 entries, of which one is the commitment to RECORD."""
    store = Store()
    log = [*entries(0, INDEX), sealing.commitment(R, RECORD), *entries(INDEX + 1, SIZE)]
    appended = tiles.append(tiles.EMPTY, log)
    store.put(appended)
    return store, checkpoint.Checkpoint(origin="log.example/a", size=SIZE, root=appended.root)


STORE, HEAD = tree()
PATH = merkle.inclusion_proof(INDEX, SIZE, nodes.node_reader(SIZE, STORE.read))
SIGNED = note.cosign(checkpoint.sign(HEAD, LOG), WITNESS, NOW)
RECEIPT = receipt.make(R, RECORD, INDEX, PATH, SIGNED)


def test_a_receipt_is_a_tlog_proof_line_by_line() -> None:
    hashes = [base64.b64encode(one).decode() for one in PATH]
    extra = base64.b64encode(R + RECORD).decode()
    expected = ["c2sp.org/tlog-proof@v1", f"extra {extra}", "index 300", *hashes, "", SIGNED]
    assert "\n".join(expected) == RECEIPT


def test_a_receipt_proves_its_record_offline_with_the_logs_key_alone() -> None:
    verified = receipt.verify(RECEIPT, LOG.verifier)
    assert (verified.record, verified.index, verified.checkpoint) == (RECORD, INDEX, HEAD)
    assert verified.commitment == sealing.commitment(R, RECORD)
    assert receipt.verify(RECEIPT.encode(), LOG.verifier, [WITNESS.verifier]).witnesses == (
        ("w1.example", NOW),
    )


def test_flipping_any_bit_of_a_receipt_is_detected() -> None:
    data = RECEIPT.encode()
    for at in range(len(data)):
        for bit in range(8):
            altered = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            with pytest.raises(VerificationFailed):
                receipt.verify(altered, LOG.verifier, [WITNESS.verifier])


def test_a_receipt_cut_anywhere_is_detected() -> None:
    for length in range(len(RECEIPT)):
        with pytest.raises(VerificationFailed):
            receipt.verify(RECEIPT[:length], LOG.verifier, [WITNESS.verifier])


def test_the_only_entry_of_a_log_has_a_receipt_without_hashes() -> None:
    root = merkle.leaf_hash(sealing.commitment(R, RECORD))
    head = checkpoint.Checkpoint(origin="log.example/a", size=1, root=root)
    made = receipt.make(R, RECORD, 0, [], checkpoint.sign(head, LOG))
    assert receipt.verify(made, LOG.verifier).record == RECORD


def test_a_receipt_needs_the_key_of_its_log_and_the_witnesses_asked_for() -> None:
    stranger = note.signer("log.example/a", bytes(range(3, 35)))
    missing = note.signer("w2.example", bytes(range(2, 34)), note.Algorithm.COSIGNATURE)
    with pytest.raises(VerificationFailed):
        receipt.verify(RECEIPT, stranger.verifier)
    with pytest.raises(VerificationFailed):
        receipt.verify(RECEIPT, LOG.verifier, [WITNESS.verifier, missing.verifier])
    either = receipt.verify(RECEIPT, LOG.verifier, [WITNESS.verifier, missing.verifier], quorum=1)
    assert either.record == RECORD


def test_a_receipt_for_another_record_randomness_or_index_does_not_verify() -> None:
    for r, record, index in [
        (R, RECORD + b" ", INDEX),
        (bytes(32), RECORD, INDEX),
        (R, RECORD, INDEX + 1),
        (R, RECORD, SIZE),
    ]:
        with pytest.raises(VerificationFailed):
            receipt.verify(receipt.make(r, record, index, PATH, SIGNED), LOG.verifier)


HEAD_LINES, _, _ = RECEIPT.partition("\n\n")
LINES = HEAD_LINES.split("\n")


@pytest.mark.parametrize(
    "head",
    [
        ["c2sp.org/tlog-proof@v2", *LINES[1:]],
        [LINES[0], *LINES[2:]],
        [LINES[0], "extra ", *LINES[2:]],
        [LINES[0], "extra AAAA", *LINES[2:]],
        [LINES[0], LINES[1] + " ", *LINES[2:]],
        [LINES[0], LINES[2], LINES[1], *LINES[3:]],
        [*LINES[:2], "index 0300", *LINES[3:]],
        [*LINES[:2], "index -1", *LINES[3:]],
        [*LINES[:2], "index", *LINES[3:]],
        [*LINES, LINES[-1]],
        LINES[:-1],
        [*LINES[:3], "AAAA", *LINES[4:]],
    ],
)
def test_a_malformed_receipt_is_detected(head: list[str]) -> None:
    with pytest.raises(VerificationFailed):
        receipt.verify("\n".join(head) + "\n\n" + SIGNED, LOG.verifier)


def test_bytes_that_are_not_text_are_not_a_receipt() -> None:
    with pytest.raises(VerificationFailed):
        receipt.verify(b"\xff\xfe" + RECEIPT.encode(), LOG.verifier)


def test_a_receipt_needs_its_randomness_and_a_place() -> None:
    with pytest.raises(BadInput):
        receipt.make(bytes(31), RECORD, INDEX, PATH, SIGNED)
    with pytest.raises(BadInput):
        receipt.make(R, RECORD, -1, PATH, SIGNED)
