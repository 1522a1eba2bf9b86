from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from amana.errors import BadInput, VerificationFailed
from amana.ledger import packing, sealing

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
NONCE = bytes(range(12))
R = bytes(range(100, 132))
RECORD = b'{"status":"given"}'
COMMITMENT = sealing.commitment(R, RECORD)


def test_the_commitment_is_the_hmac_that_the_rule_names() -> None:
    message = b"\x01" + b"amana/consent-event/v1" + b"\x00" + RECORD
    assert hmac.new(R, message, hashlib.sha256).digest() == COMMITMENT


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_randomness_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(BadInput):
        sealing.commitment(bytes(length), RECORD)
    with pytest.raises(BadInput):
        sealing.seal(KEY, NONCE, bytes(length), RECORD, COMMITMENT)


@given(record=st.binary(max_size=600), r=st.binary(min_size=32, max_size=32))
def test_a_sealed_event_opens_with_its_key_and_commitment(record: bytes, r: bytes) -> None:
    commitment = sealing.commitment(r, record)
    sealed = sealing.seal(KEY, NONCE, r, record, commitment)
    assert sealing.open_sealed(KEY, sealed, commitment) == (r, record)
    assert len(sealed) == 12 + 32 + len(packing.pack(record)) + 16


def test_a_row_of_the_time_before_packing_opens_as_well() -> None:
    before = NONCE + AESGCM(KEY).encrypt(NONCE, R + RECORD, COMMITMENT)
    assert sealing.open_sealed(KEY, before, COMMITMENT) == (R, RECORD)


def test_a_row_whose_packed_record_is_damaged_by_the_key_holder_does_not_open() -> None:
    packed = packing.pack(RECORD * 3)
    commitment = sealing.commitment(R, RECORD * 3)
    for wrong in (packed[:-1], packed + b"\x00", packed[:1] + b"\xff" + packed[2:], packed[:1]):
        row = NONCE + AESGCM(KEY).encrypt(NONCE, R + wrong, commitment)
        with pytest.raises(VerificationFailed):
            sealing.open_sealed(KEY, row, commitment)


def test_flipping_any_bit_of_a_sealed_event_is_detected() -> None:
    sealed = sealing.seal(KEY, NONCE, R, RECORD, COMMITMENT)
    for at in range(len(sealed)):
        for bit in range(8):
            altered = sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :]
            with pytest.raises(VerificationFailed):
                sealing.open_sealed(KEY, altered, COMMITMENT)


def test_a_sealed_event_cut_short_is_detected() -> None:
    sealed = sealing.seal(KEY, NONCE, R, RECORD, COMMITMENT)
    for length in range(len(sealed)):
        with pytest.raises(VerificationFailed):
            sealing.open_sealed(KEY, sealed[:length], COMMITMENT)


def test_a_sealed_event_does_not_open_under_another_key_or_commitment() -> None:
    sealed = sealing.seal(KEY, NONCE, R, RECORD, COMMITMENT)
    with pytest.raises(VerificationFailed):
        sealing.open_sealed(OTHER_KEY, sealed, COMMITMENT)
    with pytest.raises(VerificationFailed):
        sealing.open_sealed(KEY, sealed, sealing.commitment(R, b"another record"))


def test_a_row_sealed_by_the_key_holder_over_another_record_is_detected() -> None:
    forged = sealing.seal(KEY, NONCE, R, b'{"status":"withdrawn"}', COMMITMENT)
    with pytest.raises(VerificationFailed):
        sealing.open_sealed(KEY, forged, COMMITMENT)


def test_a_wrapped_value_opens_only_in_its_place() -> None:
    wrapped = sealing.wrap(KEY, NONCE, b"Noa Levi", b"profile/7/name")
    assert sealing.unwrap(KEY, wrapped, b"profile/7/name") == b"Noa Levi"
    for key, context in [(KEY, b"profile/8/name"), (OTHER_KEY, b"profile/7/name")]:
        with pytest.raises(VerificationFailed):
            sealing.unwrap(key, wrapped, context)


def test_flipping_any_bit_of_a_wrapped_value_is_detected() -> None:
    wrapped = sealing.wrap(KEY, NONCE, OTHER_KEY, b"person-key/7")
    for at in range(len(wrapped)):
        for bit in range(8):
            altered = wrapped[:at] + bytes([wrapped[at] ^ 1 << bit]) + wrapped[at + 1 :]
            with pytest.raises(VerificationFailed):
                sealing.unwrap(KEY, altered, b"person-key/7")


def test_a_wrapped_value_is_never_taken_for_a_sealed_event() -> None:
    wrapped = sealing.wrap(KEY, NONCE, R + RECORD, COMMITMENT)
    with pytest.raises(VerificationFailed):
        sealing.open_sealed(KEY, wrapped, COMMITMENT)


@pytest.mark.parametrize(("key", "nonce"), [(bytes(16), NONCE), (KEY, bytes(16)), (KEY, b"")])
def test_keys_and_nonces_of_another_length_are_refused(key: bytes, nonce: bytes) -> None:
    with pytest.raises(BadInput):
        sealing.wrap(key, nonce, b"value", b"place")


def test_a_blind_index_depends_on_key_kind_and_value_and_on_nothing_else() -> None:
    index = sealing.blind_index(KEY, "email", "noa@example.com")
    assert index == sealing.blind_index(KEY, "email", "noa@example.com")
    assert len(index) == 16
    others = {
        sealing.blind_index(OTHER_KEY, "email", "noa@example.com"),
        sealing.blind_index(KEY, "phone", "noa@example.com"),
        sealing.blind_index(KEY, "email", "noa@example.org"),
        sealing.blind_index(KEY, "emailn", "oa@example.com"),
        index,
    }
    assert len(others) == 5


def test_a_blind_index_refuses_what_would_blur_its_parts() -> None:
    with pytest.raises(BadInput):
        sealing.blind_index(KEY, "email\x00", "noa@example.com")
    with pytest.raises(BadInput):
        sealing.blind_index(bytes(31), "email", "noa@example.com")
    with pytest.raises(BadInput) as refused:
        sealing.blind_index(KEY, "email", "noa\ud800@example.com")
    assert "noa" not in str(refused.value)
