"""Masks: what takes the place of an erased value, in every form that a value has, and inside rows."""

from __future__ import annotations

import random as seeded
import re
import uuid
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana.core import masking, nested
from amana.core.data_map import Collection, DataType, Field, Mask, Plain, Row
from amana.core.nested import Sought

KEY = b"k" * 32
drawn = seeded.Random(7).randbytes


def field(kind: DataType = DataType.STRING, **more: object) -> Field:
    return Field(path="f", type=kind, **more)


def mask(value: Plain, how: Mask, kind: DataType = DataType.STRING, **more: object) -> Plain:
    return masking.mask(value, field(kind, **more), how, KEY, drawn)


# ---- single values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", Mask)
@pytest.mark.parametrize("kind", [one for one in DataType if one is not DataType.UNKNOWN])
def test_nothing_stays_nothing_whatever_the_mask(how: Mask, kind: DataType) -> None:
    assert mask(None, how, kind) is None
    assert mask("", how, kind) == ""


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        (DataType.STRING, "Dana Levi", "erased"),
        (DataType.INTEGER, 4711, 0),
        (DataType.FLOAT, 12.5, 0.0),
        (DataType.FLOAT, "12.50", "0"),
        (DataType.BOOLEAN, True, False),
        (DataType.OBJECT_ID, "507f1f77bcf86cd799439011", "0" * 24),
        (DataType.OBJECT, {"a": 1}, {}),
        (DataType.OBJECT, '{"a": 1}', "{}"),
        (DataType.STRING, ["a", "b"], []),
        (DataType.STRING, "2001-02-03", "1970-01-01"),
        (DataType.STRING, "2001-02-03T04:05:06+02:00", "1970-01-01T00:00:00+00:00"),
        (DataType.STRING, "23:59", "00:00"),
        (DataType.STRING, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "00000000-0000-0000-0000-000000000000"),
        (DataType.STRING, "dana@example.com", "erased@erased.invalid"),
        (DataType.STRING, "data:;base64,AAEC", "data:;base64,"),
    ],
)
def test_the_constant_of_each_form(kind: DataType, value: Plain, masked: Plain) -> None:
    assert mask(value, Mask.CONSTANT, kind) == masked
    assert mask(value, Mask.NULL, kind) is None


def test_random_puts_a_letter_for_a_letter_and_a_digit_for_a_digit() -> None:
    found = mask("Wood St. 12a, אבג ไทย ١٢", Mask.RANDOM)
    assert isinstance(found, str)
    assert re.fullmatch(r"[A-Z][a-z]{3} [A-Z][a-z]\. \d\d[a-z], [a-z]{3} [a-z]{3} \d\d", found)
    assert found != mask("Wood St. 12a, אבג ไทย ١٢", Mask.RANDOM)


def test_marks_that_only_some_scripts_have_do_not_stay() -> None:
    found = mask("ที่อยู่ مُحَمَّد", Mask.RANDOM)
    assert isinstance(found, str)
    assert re.fullmatch(r"[a-z]+ [a-z]+", found)


@given(st.emails())
def test_a_masked_address_is_an_address_that_reaches_nobody(address: str) -> None:
    for how in (Mask.CONSTANT, Mask.HASH, Mask.RANDOM):
        found = mask(address, how)
        assert isinstance(found, str)
        assert re.fullmatch(r"\S+@erased\.invalid", found)
        short = mask(address, how, length=10)
        assert isinstance(short, str)
        assert len(short) <= 10


def test_addresses_with_one_name_at_two_hosts_stay_apart() -> None:
    assert mask("info@a.example", Mask.HASH) != mask("info@b.example", Mask.HASH)
    assert mask("info@a.example", Mask.HASH) == mask("info@a.example", Mask.HASH)


def test_a_random_phone_number_begins_as_nobodys_does() -> None:
    found = mask("+44 20 7946 0958", Mask.RANDOM, categories=("user.contact.phone_number",))
    assert isinstance(found, str)
    assert re.fullmatch(r"\+00 00 \d{4} \d{4}", found)


@given(st.dates(), st.sampled_from([Mask.HASH, Mask.RANDOM]))
def test_a_masked_day_is_a_day(day: date, how: Mask) -> None:
    found = mask(day.isoformat(), how)
    assert isinstance(found, str)
    date.fromisoformat(found)
    moment = mask(day.isoformat() + "T10:20:30.5Z", how)
    assert isinstance(moment, str)
    assert datetime.fromisoformat(moment).hour == 0


@given(st.uuids(), st.sampled_from([Mask.CONSTANT, Mask.HASH, Mask.RANDOM]))
def test_a_masked_uuid_is_a_uuid(one: uuid.UUID, how: Mask) -> None:
    found = mask(str(one), how)
    assert uuid.UUID(str(found)) != one


@given(st.integers(), st.sampled_from([Mask.CONSTANT, Mask.HASH, Mask.RANDOM]))
def test_a_masked_number_fits_wherever_it_fitted(number: int, how: Mask) -> None:
    found = mask(number, how, DataType.INTEGER)
    assert isinstance(found, int)
    assert 0 <= found <= abs(number)
    assert found < abs(number) or number == 0
    assert mask(str(number), how, DataType.INTEGER) == str(found) or how is Mask.RANDOM


@given(st.floats(), st.sampled_from([Mask.CONSTANT, Mask.HASH, Mask.RANDOM]))
def test_a_masked_decimal_is_a_whole_one_and_no_larger(number: float, how: Mask) -> None:
    found = mask(number, how, DataType.FLOAT)
    assert isinstance(found, float)
    assert found.is_integer()
    assert not found > abs(number)


def test_equal_values_stay_equal_under_one_key_and_no_other() -> None:
    assert mask("Dana Levi", Mask.HASH) == mask("Dana Levi", Mask.HASH)
    assert mask("Dana Levi", Mask.HASH) != mask("Dana Levy", Mask.HASH)
    assert mask("Dana Levi", Mask.HASH) != masking.mask("Dana Levi", field(), Mask.HASH, b"x" * 32, drawn)
    assert mask(4711, Mask.HASH, DataType.INTEGER) == mask(4711, Mask.HASH, DataType.INTEGER)


TEXTS = st.text(max_size=80) | st.emails() | st.dates().map(str) | st.uuids().map(str)
LENGTHS = st.none() | st.integers(1, 60)


@given(TEXTS, LENGTHS, st.sampled_from(Mask))
def test_a_text_masked_twice_is_no_error_and_no_text_is_too_long(
    text: str, length: int | None, how: Mask
) -> None:
    once = mask(text, how, length=length)
    twice = mask(once, how, length=length)
    for found in (once, twice):
        assert found is None or isinstance(found, str)
        assert found is None or not text or length is None or len(found) <= length
    if how in (Mask.NULL, Mask.CONSTANT) and (length is None or len(text) <= length):
        assert once == twice


@given(st.text(min_size=1, max_size=80), st.integers(16, 60))
def test_what_the_hash_made_is_known_again_and_a_lookalike_is_not(text: str, length: int) -> None:
    field_ = field(length=length)
    word = text if "@" not in text else "x"
    once = masking.mask(word, field_, Mask.HASH, KEY, drawn)
    if isinstance(once, str) and re.fullmatch("[a-z2-7]{16,32}", once):
        assert masking.mask(once, field_, Mask.HASH, KEY, drawn) == once
        other = ("a" if once[0] != "a" else "b") + once[1:]
        assert masking.mask(other, field_, Mask.HASH, KEY, drawn) != other


def test_a_hashed_address_is_known_again() -> None:
    for length in (None, 31, 60):
        once = mask("dana@example.com", Mask.HASH, length=length)
        assert mask(once, Mask.HASH, length=length) == once


def test_the_shorter_of_two_lengths_bounds() -> None:
    assert masking.mask("Dana", field(length=5), Mask.CONSTANT, KEY, drawn, 3) == "era"
    assert masking.mask("Dana", field(length=2), Mask.CONSTANT, KEY, drawn, 3) == "er"


@pytest.mark.parametrize(
    ("own", "nullable", "unique", "chosen"),
    [
        (None, True, False, Mask.NULL),
        (None, False, False, Mask.CONSTANT),
        (None, False, True, Mask.HASH),
        (Mask.NULL, False, False, Mask.CONSTANT),
        (Mask.CONSTANT, True, True, Mask.HASH),
        (Mask.RANDOM, False, True, Mask.RANDOM),
        (None, True, True, Mask.NULL),
    ],
)
def test_the_mask_of_a_field_follows_what_its_column_allows(
    own: Mask | None, nullable: bool, unique: bool, chosen: Mask
) -> None:
    assert masking.chosen(field(mask=own), nullable=nullable, unique=unique) is chosen


# ---- rows -------------------------------------------------------------------------------------------------------

CONTACTS = Collection(
    dataset="d",
    name="teams",
    fields=(
        Field(path="id", type=DataType.INTEGER, primary_key=True),
        Field(path="emails", type=DataType.STRING, array=True, identity="email"),
        Field(path="people", type=DataType.OBJECT, array=True),
        Field(path="people.email", type=DataType.STRING, identity="email"),
        Field(path="people.name", type=DataType.STRING),
        Field(path="people.tags", type=DataType.STRING, array=True),
        Field(path="site", type=DataType.OBJECT),
        Field(path="site.city", type=DataType.STRING),
        Field(path="site.geo", type=DataType.OBJECT),
        Field(path="site.geo.lat", type=DataType.FLOAT),
        Field(path="log", type=DataType.STRING, array=True, whole_array=True),
    ),
)
TEAM: Row = {
    "id": 7,
    "emails": ["Dana@example.com", "lin@example.com"],
    "people": [
        {"email": "dana@example.com", "name": "Dana", "tags": ["a"], "extra": 1},
        {"email": "lin@example.com", "name": "Lin", "tags": ["b"]},
    ],
    "site": {"city": "Haifa", "geo": {"lat": 32.8}},
    "log": ["dana@example.com joined", "lin@example.com joined"],
}
BY_PATH = {one.path: one for one in CONTACTS.fields}


def sought(*paths: str) -> tuple[Sought, ...]:
    return tuple(Sought(path=path, values=("dana@EXAMPLE.com",), fold=True) for path in paths)


def erased(
    *paths: str, by: tuple[Sought, ...] = (), masks: Mask | None = None, row: Row = TEAM
) -> dict[str, Plain]:
    fields = [
        Field(path=path, type=BY_PATH[path].type, array=BY_PATH[path].array, mask=masks) for path in paths
    ]
    return masking.erased(row, CONTACTS, fields, key=KEY, random=drawn, sought=by)


def test_a_field_in_an_object_is_named_by_its_path_and_one_in_an_array_by_the_array() -> None:
    assert erased("site.city", "site.geo.lat") == {"site.city": None, "site.geo.lat": None}
    assert erased("people.name") == {
        "people": [
            {"email": "dana@example.com", "name": None, "tags": ["a"], "extra": 1},
            {"email": "lin@example.com", "name": None, "tags": ["b"]},
        ]
    }


def test_of_an_array_that_led_to_the_row_only_the_persons_elements_change() -> None:
    assert erased("people.name", "people.tags", by=sought("people.email")) == {
        "people": [
            {"email": "dana@example.com", "name": None, "tags": None, "extra": 1},
            {"email": "lin@example.com", "name": "Lin", "tags": ["b"]},
        ]
    }
    assert erased("emails", by=sought("emails")) == {"emails": ["lin@example.com"]}
    masked = erased("emails", by=sought("emails"), masks=Mask.HASH)["emails"]
    assert isinstance(masked, list)
    assert str(masked[0]).endswith("@erased.invalid")
    assert masked[1:] == ["lin@example.com"]
    assert erased("people", by=sought("people.email")) == {"people": [TEAM["people"][1]]}


def test_an_array_of_the_person_alone_is_masked_as_a_whole() -> None:
    assert erased("emails") == {"emails": None}
    assert erased("emails", masks=Mask.CONSTANT) == {"emails": []}
    assert erased("log", by=sought("log")) == {"log": None}  # return_all_elements


def test_what_is_masked_already_and_what_is_not_there_is_not_named() -> None:
    assert not erased("site.city", row={"id": 7, "site": {"city": None}})
    assert not erased("site.city", row={"id": 7})
    assert not erased("site.city", row={"id": 7, "site": "a word"})
    assert not erased("people.name", row={"id": 7, "people": None})


def test_the_row_that_was_given_is_left_as_it_is() -> None:
    before = repr(TEAM)
    erased("people.name", "emails", "site", by=sought("people.email"))
    assert repr(TEAM) == before


def test_what_a_system_says_chooses_the_mask_and_its_length() -> None:
    class Said:
        nullable = False
        length = 3

    limits = {"site.city": Said()}
    fields = [BY_PATH["site.city"]]
    assert masking.erased(TEAM, CONTACTS, fields, key=KEY, random=drawn, limits=limits) == {
        "site.city": "era"
    }
    unique = masking.erased(
        TEAM, CONTACTS, fields, key=KEY, random=drawn, limits=limits, unique={"site.city"}
    )
    assert re.fullmatch("[a-z2-7]{3}", str(unique["site.city"]))


def test_a_row_is_shown_with_only_the_persons_elements() -> None:
    theirs = nested.concerned(CONTACTS, sought("people.email", "emails", "log"))
    seen = nested.narrowed(TEAM, theirs)
    assert seen["emails"] == ["Dana@example.com"]
    assert seen["people"] == TEAM["people"][:1]
    assert seen["log"] == TEAM["log"]
    assert nested.narrowed(TEAM, nested.concerned(CONTACTS, ())) == TEAM


@pytest.mark.parametrize("flagged", ["people", "people.email"])
def test_an_entry_that_takes_all_elements_takes_the_whole_array(flagged: str) -> None:
    whole = Collection(
        dataset="d",
        name="teams",
        fields=(
            Field(path="people", type=DataType.OBJECT, array=True, whole_array=flagged == "people"),
            Field(path="people.email", type=DataType.STRING, whole_array=flagged == "people.email"),
        ),
    )
    assert nested.narrowed(TEAM, nested.concerned(whole, sought("people.email"))) == TEAM


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("id", [7]),
        ("emails", ["Dana@example.com", "lin@example.com"]),
        ("people.name", ["Dana", "Lin"]),
        ("people.tags", ["a", "b"]),
        ("site.geo.lat", [32.8]),
        ("site.gone", []),
        ("id.gone", []),
    ],
)
def test_values_are_found_through_objects_and_arrays(path: str, found: list[Plain]) -> None:
    assert list(nested.values(TEAM, path)) == found


@pytest.mark.parametrize(
    ("one", "other"), [(42, "42"), (42.0, 42), (True, "true"), (2**60, str(2**60)), ("a", "a")]
)
def test_values_that_systems_write_differently_are_one(one: Plain, other: Plain) -> None:
    assert nested.text_of(one) == nested.text_of(other)


def test_nothing_equals_nothing_and_letter_case_counts_unless_folded() -> None:
    assert nested.text_of(None) is None
    assert nested.text_of("A") != nested.text_of("a")
    assert nested.text_of("A", fold=True) == nested.text_of("a", fold=True)
