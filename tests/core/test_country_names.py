"""A country is read from its code or its name; what might be two countries, or none, is not read at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana.core import places


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("DE", "DE"),
        (" de ", "DE"),
        ("UK", "GB"),
        ("gb", "GB"),
        ("USA", "US"),
        ("United Kingdom", "GB"),
        ("ALLEMAGNE", "DE"),
        ("Alemania", "DE"),
        ("Germania", "DE"),
        ("espana", "ES"),
        ("Turkey", "TR"),
        ("Côte d'Ivoire", "CI"),
    ],
)
def test_codes_and_names_are_read_in_any_case(written: str, code: str) -> None:
    assert places.country_of(written) == code


@pytest.mark.parametrize(
    "written", ["", "Holland", "Congo", "XX", "ZZ", "US-TX", "Bavaria", "12", "\ufffd", "World"]
)
def test_anything_else_is_no_country(written: str) -> None:
    assert places.country_of(written) is None


def test_a_language_of_the_workspace_adds_its_names() -> None:
    assert places.country_of("ישראל") is None
    assert places.country_of("ישראל", ("he",)) == "IL"
    assert places.country_of("Japan", ("no-such-language",)) == "JP"


@given(st.text(max_size=30))
def test_whatever_is_read_is_a_country_with_zones(written: str) -> None:
    code = places.country_of(written)
    assert code is None or places.zones_of(code)


@given(st.sampled_from(["Germany", "United States", "Österreich", "Perú"]), st.data())
def test_case_and_accents_never_turn_one_country_into_another(name: str, data: st.DataObject) -> None:
    changed = data.draw(st.sampled_from([name.upper(), name.lower(), f" {name}", name.replace(" ", "-")]))
    assert places.country_of(changed) == places.country_of(name) is not None
