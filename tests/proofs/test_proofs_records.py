"""The record that a receipt carries: short, and yet the whole event."""

from __future__ import annotations

import json

import msgspec
import proof_house
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, PointKind, Proof, Status
from amana.errors import BadInput, VerificationFailed
from amana.ledger import canonical
from amana.services.record import records

NUMBERS = st.integers(0, 2**40)
WORDS = st.text(max_size=12)
HEX = {size: st.binary(min_size=size, max_size=size).map(bytes.hex) for size in (16, 32)}
COMMON = {
    "id": HEX[16],
    "occurred": st.builds(Interval, lo=NUMBERS, hi=NUMBERS),
    "actor": st.sampled_from(Actor),
    "source": NUMBERS,
    "recorded": NUMBERS,
    "evidence": WORDS,
}
CELL = {"brand": WORDS, "purpose": WORDS, "channel": WORDS}
EVENTS = st.one_of(
    st.builds(
        events.Permission,
        **COMMON,
        **CELL,
        status=st.sampled_from(Status),
        proof=st.integers(0, 2**18 - 1).map(Proof),
        confirmed=st.booleans(),
        point=st.integers(-1, 9),
        notice=WORDS,
        notice_hash=st.just("") | HEX[32],
        notice_epoch=NUMBERS,
        reason=WORDS,
    ),
    st.builds(events.Relationship, **COMMON, **CELL, basis=WORDS),
    st.builds(
        events.Point,
        **COMMON,
        point=st.integers(0, 9),
        point_kind=st.sampled_from(PointKind),
        change=WORDS,
        value=WORDS,
    ),
    st.builds(events.Profile, **COMMON, columns=st.dictionaries(WORDS, WORDS, max_size=3)),
    st.builds(
        events.Preference,
        **COMMON,
        paused_until=st.none() | NUMBERS,
        topics_off=st.none() | st.lists(WORDS, max_size=3).map(tuple),
    ),
    st.builds(events.Restriction, **COMMON, on=st.booleans()),
    st.builds(events.Retraction, **COMMON, retracts=NUMBERS, also_refusals=st.booleans()),
    st.builds(
        events.Notice, **COMMON, notice=WORDS, notice_hash=HEX[32], material=st.booleans(), epoch=NUMBERS
    ),
)


@given(event=EVENTS, person=NUMBERS, prev=st.just(b"") | st.binary(min_size=32, max_size=32))
def test_a_record_decodes_to_the_event_that_it_was_made_from(
    event: events.AnyEvent, person: int, prev: bytes
) -> None:
    assert records.decode(records.encode(event, person, prev)) == records.Record(
        person=person, prev=prev, event=event
    )


def test_a_typical_consent_takes_a_third_of_a_kilobyte() -> None:
    data = records.encode(proof_house.permission(1, Status.GIVEN), 123_456, bytes(32))
    assert len(data) < 450
    fields = json.loads(data)
    assert fields["notice_hash"] == "YDA64iuZiGG847KPM-7BvnWKITyGyTwHbb6fVYwRx1I"
    assert fields["occurred"] == proof_house.permission(1, Status.GIVEN).occurred.lo


@pytest.mark.parametrize(
    "change",
    [{"notice_hash": "cafe"}, {"notice_hash": "not hexadecimal"}, {"id": "zz"}],
)
def test_an_id_or_a_hash_that_is_none_is_refused_before_it_is_committed_to(change: dict[str, str]) -> None:
    event = msgspec.structs.replace(proof_house.permission(1, Status.GIVEN), **change)
    with pytest.raises(BadInput):
        records.encode(event, 1, b"")


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"prev": "A"},
        {"prev": 7},
        {"person": "one"},
        {"kind": "nothing"},
        {"occurred": [1]},
        {"occurred": "now"},
        {"id": None},
        {"status": "perhaps"},
    ],
)
def test_what_is_no_record_is_said_to_be_none(change: dict[str, object]) -> None:
    fields = json.loads(records.encode(proof_house.permission(1, Status.GIVEN), 1, b"")) | change
    with pytest.raises(VerificationFailed):
        records.decode(canonical.encode(fields))


def test_a_list_or_a_number_is_no_record() -> None:
    for data in (b"[]", b"7", b"{}", b'"text"'):
        with pytest.raises(VerificationFailed):
            records.decode(data)
