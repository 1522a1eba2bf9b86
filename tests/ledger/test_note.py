from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from amana.errors import BadInput, VerificationFailed
from amana.ledger import note

# The example of C2SP signed-note.
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

# The example of the Go checksum database's note package, with its published private key.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_NOTE = (
    f"{GO_TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

# A checkpoint that a public test log published, cosigned by public witnesses.
PUBLIC_NOTE = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
"""  # noqa: E501  the lines of a signed note cannot be broken
PUBLIC_KEYS = [
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
]

TEXT = "log.example/a\n7\nroot\n"
LOG = note.signer("log.example/a", bytes(range(32)))
WITNESS = note.signer("witness.example/w", bytes(range(1, 33)), note.Algorithm.COSIGNATURE)
STRANGER = note.signer("stranger.example", bytes(range(2, 34)))


def test_the_example_of_the_specification_verifies() -> None:
    key = note.parse_key(SPEC_KEY)
    verified = note.verify(SPEC_NOTE, [key])
    assert verified.text == "This is an example message.\n"
    assert verified.seen == ((key, None),)
    assert key.text() == SPEC_KEY


def test_the_published_go_note_is_reproduced_byte_for_byte() -> None:
    signer = note.signer("PeterNeumann", GO_SEED)
    assert signer.verifier.text() == GO_KEY
    assert note.sign(GO_TEXT, signer) == GO_NOTE
    assert note.verify(GO_NOTE.encode(), [note.parse_key(GO_KEY)]).text == GO_TEXT


def test_a_public_checkpoint_with_its_cosignatures_verifies() -> None:
    keys = [note.parse_key(text) for text in PUBLIC_KEYS]
    verified = note.verify(PUBLIC_NOTE, keys)
    assert [key for key, _ in verified.seen] == keys
    assert [time for _, time in verified.seen] == [None, 1779573024, 1779573024]
    with pytest.raises(VerificationFailed):
        note.verify(PUBLIC_NOTE.replace("\n1432088532\n", "\n1432088533\n"), keys[2:])


def test_a_cosignature_signs_the_header_the_time_and_the_text() -> None:
    signed = note.cosign(note.sign(TEXT, LOG), WITNESS, 1679315147)
    seed = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    public = seed.public_key().public_bytes_raw()
    key_id = hashlib.sha256(b"witness.example/w\n\x04" + public).digest()[:4]
    body = seed.sign(b"cosignature/v1\ntime 1679315147\n" + TEXT.encode())
    expected = base64.b64encode(key_id + (1679315147).to_bytes(8, "big") + body).decode()
    assert signed.endswith(f"\n— witness.example/w {expected}\n")
    assert note.verify(signed, [WITNESS.verifier]).seen == ((WITNESS.verifier, 1679315147),)


def test_signatures_by_unknown_keys_are_ignored_even_under_a_known_name() -> None:
    namesake = note.signer("log.example/a", bytes(range(3, 35)))
    signed = note.sign(TEXT, LOG) + note.sign(TEXT, namesake).removeprefix(TEXT + "\n")
    assert note.verify(signed, [LOG.verifier, STRANGER.verifier]).seen == ((LOG.verifier, None),)


def test_a_note_signed_by_no_known_key_fails() -> None:
    with pytest.raises(VerificationFailed):
        note.verify(note.sign(TEXT, STRANGER), [LOG.verifier])
    with pytest.raises(VerificationFailed):
        note.verify(note.sign(TEXT, LOG), [])


def test_one_wrong_signature_by_a_known_key_fails_the_whole_note() -> None:
    other = note.sign("another text\n", STRANGER).removeprefix("another text\n\n")
    with pytest.raises(VerificationFailed):
        note.verify(note.sign(TEXT, LOG) + other, [LOG.verifier, STRANGER.verifier])


def test_a_cosigners_key_does_not_verify_a_plain_signature() -> None:
    as_witness = note.signer("log.example/a", bytes(range(32)), note.Algorithm.COSIGNATURE)
    assert as_witness.verifier.id != LOG.verifier.id
    with pytest.raises(VerificationFailed):
        note.verify(note.sign(TEXT, LOG), [as_witness.verifier])
    with pytest.raises(BadInput):
        note.sign(TEXT, as_witness)
    with pytest.raises(BadInput):
        note.cosign(note.sign(TEXT, LOG), LOG, 0)


def test_the_text_may_hold_empty_lines_and_any_script() -> None:
    text = "שלום\n\n\nสวัสดี\n"
    assert note.verify(note.sign(text, LOG), [LOG.verifier]).text == text


def test_sixteen_signatures_are_accepted_and_hundreds_are_not() -> None:
    signed = note.sign(TEXT, LOG)
    line = signed.removeprefix(TEXT + "\n")
    assert len(note.verify(signed + line * 15, [LOG.verifier]).seen) == 16
    with pytest.raises(VerificationFailed):
        note.verify(signed + line * 200, [LOG.verifier])


SIGNED = note.sign(TEXT, LOG)
LINE = SIGNED.removeprefix(TEXT + "\n")


@pytest.mark.parametrize(
    "signed",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        TEXT + "\n",
        TEXT + LINE,
        SIGNED[:-1],
        SIGNED + "\n",
        SIGNED + "trailing\n",
        SIGNED.replace("\n", "\r\n"),
        SIGNED.replace("log", "l\tg"),
        SIGNED.replace("— ", "- "),
        SIGNED.replace("— ", "—  "),
        SIGNED.replace("log.example/a ", "log.example/a\u00a0b "),
        SIGNED.replace("— log.example/a", "— log+example/a"),
        SIGNED.replace("— log.example/a ", "— "),
        SIGNED.replace("=\n", "\n"),
        SIGNED.replace("=\n", "==\n"),
        SIGNED + "— name \n",
        SIGNED + "— name AAAA\n",
        SIGNED + "— name é===\n",
        SIGNED[:-3] + chr(ord(SIGNED[-3]) + 1) + SIGNED[-2:],
        "half \ud800 pair\n\n" + LINE,
        SIGNED.encode("utf-16"),
        b"\xff" + SIGNED.encode(),
    ],
)
def test_a_malformed_note_is_detected(signed: str | bytes) -> None:
    with pytest.raises(VerificationFailed):
        note.verify(signed, [LOG.verifier])


def test_a_cosignature_from_beyond_time_or_cut_short_is_detected() -> None:
    with pytest.raises(BadInput):
        note.cosign(SIGNED, WITNESS, 2**63)
    message = f"cosignature/v1\ntime {2**63}\n{TEXT}".encode()
    too_late = (2**63).to_bytes(8, "big") + WITNESS.private.sign(message)
    for body in (too_late, b"\x00" * 71, b"\x00" * 3):
        line = f"— witness.example/w {note.encode_base64(WITNESS.verifier.id + body)}\n"
        with pytest.raises(VerificationFailed):
            note.verify(SIGNED + line, [WITNESS.verifier])


@pytest.mark.parametrize("text", ["no newline", "", "a\x00b\n", "a\r\n", "half \ud800 pair\n"])
def test_a_text_that_cannot_be_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(BadInput):
        note.sign(text, LOG)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        note.parse_key(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb"])
def test_a_key_needs_a_name_that_can_stand_in_a_line(name: str) -> None:
    with pytest.raises(BadInput):
        note.signer(name, bytes(32))


def test_a_seed_of_another_length_is_refused() -> None:
    with pytest.raises(BadInput):
        note.signer("log.example", bytes(31))
