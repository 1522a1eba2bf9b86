from __future__ import annotations

import base64

import pytest
from naive_tree import Store, entries

from amana.errors import BadInput, VerificationFailed
from amana.ledger import canonical, checkpoint, merkle, nodes, note, packing, receipt, sealing, tiles

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


# ---- long receipts, whose record is packed ---------------------------------------------------------------------------

WORDY = canonical.encode({"evidence": "form:checkout", "kind": "permission", "told": "newsletter " * 90})


def of_only_entry(record: bytes) -> str:
    root = merkle.leaf_hash(sealing.commitment(R, record))
    head = checkpoint.Checkpoint(origin="log.example/a", size=1, root=root)
    return receipt.make(R, record, 0, [], checkpoint.sign(head, LOG))


def with_extra(text: str, carried: bytes) -> str:
    """The receipt with other bytes where its record stands."""
    first, _, *rest = text.split("\n")
    return "\n".join([first, f"extra {note.encode_base64(R + carried)}", *rest])


def test_a_record_is_packed_only_where_the_receipt_would_be_too_long() -> None:
    plain, packed = of_only_entry(RECORD), of_only_entry(WORDY)
    assert note.encode_base64(R + RECORD) in plain
    assert note.encode_base64(R + packing.pack(WORDY)) in packed
    assert len(packed) < receipt.ROOMY < len(with_extra(packed, WORDY))
    for text, record in ((plain, RECORD), (packed, WORDY)):
        assert receipt.verify(text, LOG.verifier).record == receipt.claimed(text) == record


def test_both_ways_to_carry_a_record_prove_the_same() -> None:
    for record in (RECORD, WORDY):
        text = of_only_entry(record)
        for carried in (record, packing.pack(record)):
            assert receipt.verify(with_extra(text, carried), LOG.verifier).record == record


def test_a_packed_record_altered_anywhere_is_detected() -> None:
    """But for bits that DEFLATE itself passes over after its end: they never give another record."""
    packed, passed_over = packing.pack(WORDY), 0
    for at in range(len(packed)):
        for bit in range(8):
            altered = packed[:at] + bytes([packed[at] ^ 1 << bit]) + packed[at + 1 :]
            try:
                found = receipt.verify(with_extra(of_only_entry(WORDY), altered), LOG.verifier)
            except VerificationFailed:
                continue
            assert found.record == WORDY
            passed_over += 1
    assert passed_over < 8


def test_a_packed_record_is_not_let_grow_without_end() -> None:
    for size, detail in ((receipt.LARGEST_PACKED + 1, "cut short"), (50_000_000, "cut short")):
        with pytest.raises(VerificationFailed, match=detail):
            receipt.verify(with_extra(RECEIPT, packing.pack(bytes(size))), LOG.verifier)
    large = canonical.encode("a" * receipt.LARGEST_PACKED)
    assert note.encode_base64(R + large) in of_only_entry(large)  # as it is, however long
    assert receipt.verify(of_only_entry(large), LOG.verifier).record == large
