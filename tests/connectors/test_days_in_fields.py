"""Days in fields: read by the mapping's own dates, kept as written days, and never lost when they cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amana import errors
from amana.connectors import mapping
from amana.connectors.moments import Clock
from amana.connectors.tables import Source
from amana.core.statements import UNREADABLE, PersonRow, Reject

Write = Callable[..., Path]

BORN = """
[source]
dates = ["%d.%m.%Y", "%d.%m.%Y %H:%M"]
[person]
external_id = "id"
[fields]
born = { column = "Born", date = true }
"""


def read(path: Path, loaded: mapping.Mapping) -> list[PersonRow | Reject]:
    return list(mapping.read(Source(path, loaded.layout()), loaded, 0))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("03.04.1990", "1990-04-03"),
        ("03.04.1990 23:30", "1990-04-03"),
        ("1990-04-03", "1990-04-03"),
        ("1990", "1990"),
        ("1990-04", "1990-04"),
    ],
)
def test_a_day_is_kept_in_one_form_and_never_more_exactly_than_written(
    write: Write, written: str, kept: str
) -> None:
    [person] = read(write(f"id,Born\n1,{written}\n"), mapping.load(BORN))
    assert isinstance(person, PersonRow)
    assert person.fields == {"born": kept}


@pytest.mark.parametrize("written", ["31.02.1990", "April", "03/04/1990", "1990-13", "90"])
def test_what_is_no_day_is_reported_and_passed_on_as_unreadable(write: Write, written: str) -> None:
    found = read(write(f"id,Born\n1,{written}\n"), mapping.load(BORN))
    [said] = [one for one in found if isinstance(one, Reject)]
    [person] = [one for one in found if isinstance(one, PersonRow)]
    assert (said.column, said.reason, said.whole_row) == ("Born", "bad_date", False)
    assert person.fields == {"born": UNREADABLE}


def test_an_empty_cell_says_nothing(write: Write) -> None:
    [person] = read(write("id,Born\n1,\n"), mapping.load(BORN))
    assert isinstance(person, PersonRow)
    assert person.fields == {}


def test_a_field_can_be_read_as_a_day_without_the_mapping_saying_so(write: Write) -> None:
    plain = mapping.load(BORN.replace('{ column = "Born", date = true }', '"Born"'))
    assert (
        read(write("id,Born\n1,03.04.1990\n"), plain.dated(["born", "other"]))[0]
        == read(write("id,Born\n1,03.04.1990\n"), mapping.load(BORN))[0]
    )


def test_two_formats_that_read_two_days_read_none() -> None:
    clock = Clock("", ["%d/%m/%Y", "%m/%d/%Y"])
    assert clock.day("03/04/1990") is None
    assert clock.day("23/04/1990") == "1990-04-23"
    assert clock.day("04/04/1990") == "1990-04-04"


@pytest.mark.parametrize(
    "mistake",
    [
        BORN.replace('column = "Born", date', 'constant = "1990-01-01", date'),
        BORN.replace('external_id = "id"', 'external_id = { column = "id", date = true }'),
    ],
)
def test_date_belongs_to_a_column_under_fields(mistake: str) -> None:
    with pytest.raises(errors.BadInput, match="date = true"):
        mapping.load(mistake)


def test_a_word_that_is_none_of_a_few_lists_the_few() -> None:
    with pytest.raises(errors.BadInput) as refused:
        mapping.load(BORN + '[[permission]]\nstatus = "refusd"\nchannel = "email"\n')
    assert "refused" in refused.value.remedy
    assert "withdrawn" in refused.value.remedy
    with pytest.raises(errors.BadInput) as refused:
        mapping.load(BORN + '[[permission]]\nstatus = "refused"\nchannel = "mail"\n')
    assert "email" in refused.value.remedy
