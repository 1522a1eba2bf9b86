from __future__ import annotations

import pytest
from naive_tree import read_node, tree_hash

from amana.errors import BadInput, VerificationFailed
from amana.ledger import checkpoint, merkle, note

ORIGIN = "log.example/a"
LOG = note.signer(ORIGIN, bytes(range(32)))
FIRST = note.signer("w1.example", bytes(range(1, 33)), note.Algorithm.COSIGNATURE)
SECOND = note.signer("w2.example", bytes(range(2, 34)), note.Algorithm.COSIGNATURE)
NOW = 1_800_000_000


def head(size: int, origin: str = ORIGIN) -> checkpoint.Checkpoint:
    return checkpoint.Checkpoint(origin=origin, size=size, root=tree_hash(0, size))


def test_the_example_of_the_specification_is_read_and_written() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    parsed = checkpoint.parse(text)
    assert (parsed.origin, parsed.size) == ("example.com/behind-the-sofa", 20852163)
    assert parsed.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert checkpoint.body(parsed) == text


def test_extension_lines_are_kept() -> None:
    text = checkpoint.body(head(3)) + "first\nsecond\n"
    assert checkpoint.parse(text).extensions == ("first", "second")
    assert checkpoint.body(checkpoint.parse(text)) == text


ROOT = note.encode_base64(tree_hash(0, 3))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        f"{ORIGIN}\n3\n",
        f"{ORIGIN}\n3\n{ROOT}",
        f"\n3\n{ROOT}\n",
        f"{ORIGIN}\n03\n{ROOT}\n",
        f"{ORIGIN}\n-3\n{ROOT}\n",
        f"{ORIGIN}\n+3\n{ROOT}\n",
        f"{ORIGIN}\n3 \n{ROOT}\n",
        f"{ORIGIN}\n٣\n{ROOT}\n",
        f"{ORIGIN}\n9223372036854775808\n{ROOT}\n",
        f"{ORIGIN}\n99999999999999999999\n{ROOT}\n",
        f"{ORIGIN}\n3\n{ROOT[:-1]}\n",
        f"{ORIGIN}\n3\n{ROOT} \n",
        f"{ORIGIN}\n3\nAAAA\n",
        f"{ORIGIN}\n3\n{ROOT}\n\n",
        f"{ORIGIN}\n3\n{ROOT}\n\nextension\n",
    ],
)
def test_a_malformed_checkpoint_is_detected(text: str) -> None:
    with pytest.raises(VerificationFailed):
        checkpoint.parse(text)


def test_a_signed_checkpoint_verifies_with_the_logs_key() -> None:
    signed = checkpoint.sign(head(5), LOG)
    verified = checkpoint.verify(signed, LOG.verifier)
    assert verified == checkpoint.Verified(checkpoint=head(5), witnesses=())
    assert checkpoint.verify(signed.encode(), LOG.verifier) == verified


def test_a_log_signs_under_its_own_name_only() -> None:
    with pytest.raises(BadInput):
        checkpoint.sign(head(5, "log.example/b"), LOG)


@pytest.mark.parametrize(
    "value",
    [
        checkpoint.Checkpoint(origin="", size=0, root=merkle.EMPTY_ROOT),
        checkpoint.Checkpoint(origin="a\nb", size=0, root=merkle.EMPTY_ROOT),
        checkpoint.Checkpoint(origin="a", size=-1, root=merkle.EMPTY_ROOT),
        checkpoint.Checkpoint(origin="a", size=2**63, root=merkle.EMPTY_ROOT),
        checkpoint.Checkpoint(origin="a", size=0, root=b""),
        checkpoint.Checkpoint(origin="a", size=0, root=merkle.EMPTY_ROOT, extensions=("",)),
    ],
)
def test_a_checkpoint_that_cannot_be_read_back_is_not_written(value: checkpoint.Checkpoint) -> None:
    with pytest.raises(BadInput):
        checkpoint.body(value)


def test_a_checkpoint_of_another_origin_is_refused_even_when_rightly_signed() -> None:
    signed = note.sign(checkpoint.body(head(5, "log.example/b")), LOG)
    with pytest.raises(VerificationFailed):
        checkpoint.verify(signed, LOG.verifier)


def test_witnesses_alone_do_not_make_a_checkpoint() -> None:
    stranger = note.signer("stranger.example", bytes(range(3, 35)))
    signed = note.cosign(note.sign(checkpoint.body(head(5)), stranger), FIRST, NOW)
    with pytest.raises(VerificationFailed):
        checkpoint.verify(signed, LOG.verifier, [FIRST.verifier])


def test_as_many_witnesses_as_asked_for_must_have_cosigned() -> None:
    keys = [FIRST.verifier, SECOND.verifier]
    signed = checkpoint.sign(head(5), LOG)
    once = note.cosign(signed, FIRST, NOW)
    repeated = note.cosign(once, FIRST, NOW + 60)
    twice = note.cosign(once, SECOND, NOW + 5)
    assert checkpoint.verify(once, LOG.verifier, keys, quorum=1).witnesses == (("w1.example", NOW),)
    assert checkpoint.verify(repeated, LOG.verifier, keys, 1).witnesses == (("w1.example", NOW + 60),)
    assert checkpoint.verify(twice, LOG.verifier, keys).witnesses == (
        ("w1.example", NOW),
        ("w2.example", NOW + 5),
    )
    for short in (signed, once, repeated):
        with pytest.raises(VerificationFailed):
            checkpoint.verify(short, LOG.verifier, keys)


def test_flipping_any_bit_of_a_signed_checkpoint_is_detected() -> None:
    signed = note.cosign(checkpoint.sign(head(5), LOG), FIRST, NOW).encode()
    for at in range(len(signed)):
        for bit in range(8):
            altered = signed[:at] + bytes([signed[at] ^ 1 << bit]) + signed[at + 1 :]
            with pytest.raises(VerificationFailed):
                checkpoint.verify(altered, LOG.verifier, [FIRST.verifier])


def test_a_checkpoint_extends_an_older_one_by_a_consistency_proof() -> None:
    proof = merkle.consistency_proof(5, 9, read_node)
    checkpoint.extends(head(5), head(9), proof)
    checkpoint.extends(head(9), head(9), [])
    checkpoint.extends(head(0), head(9), [])


def test_a_fork_a_shrinking_tree_and_another_log_do_not_extend() -> None:
    proof = merkle.consistency_proof(5, 9, read_node)
    forked = checkpoint.Checkpoint(origin=ORIGIN, size=9, root=tree_hash(1, 10))
    for old, new, path in [
        (head(5), forked, proof),
        (head(9), head(5), proof),
        (head(5), head(9, "log.example/b"), proof),
        (head(9), forked, []),
        (head(5), head(9), []),
    ]:
        with pytest.raises(VerificationFailed):
            checkpoint.extends(old, new, path)
