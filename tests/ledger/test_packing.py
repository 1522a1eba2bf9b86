from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana.errors import VerificationFailed
from amana.ledger import canonical, packing

GRANT = canonical.encode(
    {
        "actor": "person",
        "brand": "orchard",
        "channel": "email",
        "confirmed": True,
        "evidence": "form:checkout",
        "id": "61H3fBbO9a5KwGSQ1LYn1Q",
        "kind": "permission",
        "notice": "offers@2026-01",
        "notice_epoch": 1,
        "notice_hash": "YDA64iuZiGG847KPM-7BvnWKITyGyTwHbb6fVYwRx1I",
        "occurred": 1_700_000_000,
        "person": 123_456,
        "point": 0,
        "prev": "_0DAnrfeAmQXWmmeHKqfDw4E8jOuIf4pMlR4fHn78lw",
        "proof": 511,
        "purpose": "offers",
        "recorded": 1_700_000_000,
        "source": 1,
        "status": "given",
        "v": 1,
    }
)

texts = st.text(max_size=40)
values = st.one_of(
    st.booleans(), st.none(), st.integers(-(2**53) + 1, 2**53 - 1), texts, st.lists(texts, max_size=5)
)


@given(
    record=st.one_of(
        st.binary(max_size=600), st.dictionaries(texts, values, max_size=12).map(canonical.encode)
    )
)
def test_every_record_comes_back_as_it_was_and_none_grows_but_by_what_marks_it(record: bytes) -> None:
    packed = packing.pack(record)
    assert packing.unpack(packed) == record
    assert len(packed) <= len(record) or record.startswith(packing.FORM)


def test_a_record_as_an_earlier_release_sealed_it_is_taken_as_it_is() -> None:
    assert packing.unpack(GRANT) == GRANT


def test_a_full_grant_is_packed_to_less_than_half() -> None:
    assert len(packing.pack(GRANT)) < len(GRANT) / 2


def test_a_row_packed_by_the_first_release_that_packed_opens_for_ever() -> None:
    first = bytes.fromhex(FIRST_PACKED)
    assert packing.unpack(first) == GRANT


def test_the_dictionary_of_the_first_form_never_changes() -> None:
    assert sha256(packing._WORDS).hexdigest() == WORDS_HASH


@pytest.mark.parametrize("cut", [1, 2, 20, -1])
def test_a_packed_record_that_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(VerificationFailed):
        packing.unpack(packing.pack(GRANT)[:cut])


def test_bytes_after_the_end_of_a_packed_record_are_refused() -> None:
    with pytest.raises(VerificationFailed):
        packing.unpack(packing.pack(GRANT) + b"\x00")


# Made once with `pack`; no later release may fail to open it.
FIRST_PACKED = (
    "019dd4d10a82301480e127125cce69978ab1c912d324d39b487164e92cc9966f9f91514825b42738e7fb39fbe154d5697f0b"
    "7f88a5bb2c3d54cdf9298700519899b8d3ad4a055e7a601e71e08d7976df7637d5dd12493218f78c2c03c1bc89738c75a8d1"
    "852369e68587d40e5adc0682240962ab48f857600fe8e5febd25982850451f3a6c64cbe035cb8cd25b876599117a62968033"
    "7def36368347a7f021235cd30bf135d963b141aed70ca3d96e"
)
WORDS_HASH = "c60594d7854600fb7970bb8ee75f416f511bffa83e46d37bc9fb021f2eb2bdc8"
