from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from amana.errors import BadInput, VerificationFailed
from amana.ledger import canonical

LARGEST = 2**53 - 1

texts = st.text(st.characters(exclude_categories=["Cs"]))
# Characters on both sides of the place where UTF-16 order and code point order part.
awkward = st.text(
    st.sampled_from('a\u0000\u001f"\\/\x7f\u0080\u2028\ud7ff\ue000\ufb33\uffff\U00010000\U0001f600')
)
scalars = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | texts | awkward
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts | awkward, inner, max_size=5)
)


def test_keys_are_sorted_as_the_example_of_rfc_8785_section_3_2_3() -> None:
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    expected = (
        '{"\\r":"Carriage Return","1":"One","\u0080":"Control",'
        '"\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign","\U0001f600":"Emoji: Grinning Face",'
        '"\ufb33":"Hebrew Letter Dalet With Dagesh"}'
    )
    assert canonical.encode(value) == expected.encode()


def test_strings_and_literals_are_written_as_in_rfc_8785_section_3_2_2() -> None:
    value = {"string": '\u20ac$\u000f\nA\'B"\\\\"/', "literals": [None, True, False]}
    expected = '{"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert canonical.encode(value) == expected.encode()


@given(values)
def test_it_agrees_with_an_independent_implementation(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(values)
def test_what_is_encoded_decodes_to_the_same_value(value: Any) -> None:
    assert canonical.decode(canonical.encode(value)) == value


def test_a_tuple_is_an_array() -> None:
    assert canonical.encode((1, ("a",))) == b'[1,["a"]]'


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        2**53,
        -(2**53),
        b"bytes",
        {1, 2},
        {1: "number as key"},
        {"a": 1, 2: "mixed keys"},
        {"inside": [0.5]},
        "half \ud800 pair",
        {"half \udfff pair": 1},
        object(),
    ],
)
def test_a_value_outside_the_schema_is_refused(value: object) -> None:
    with pytest.raises(BadInput):
        canonical.encode(value)


def test_a_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(BadInput) as refused:
        canonical.encode({"name": "Noa \ud800"})
    assert "Noa" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_deep_nesting_is_refused_and_the_limit_itself_is_not() -> None:
    value: object = 1
    for _ in range(canonical.DEEPEST):
        value = [value]
    assert canonical.decode(canonical.encode(value)) == value
    with pytest.raises(BadInput):
        canonical.encode([value])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1 ",
        b"1.0",
        b"1e3",
        b"-0",
        b"9007199254740992",
        b"1" * 5000,
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u00e9"',
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b"\xff",
        b"[1",
        b"[" * 100_000 + b"]" * 100_000,
        '{"\ue000":1,"\U00010000":2}'.encode(),
    ],
)
def test_any_other_spelling_is_not_canonical(data: bytes) -> None:
    with pytest.raises(VerificationFailed):
        canonical.decode(data)
