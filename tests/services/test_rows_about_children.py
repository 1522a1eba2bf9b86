"""A child with a guardian and the parent at the same address stay two people, however often either is told of again."""

from __future__ import annotations

import pytest
from service_samples import reasons

from amana.core.statements import PersonRow
from amana.services.record.house import House
from amana.storage import people
from worlds.lists import given, row, taken

ADDRESS = "family@example.com"
CHILD = {"name": "Mia Lee", "guardian": "Carl Lee", "born": "2016-05-01"}


def population(house: House) -> int:
    with house.database.read() as connection:
        return people.next_id(connection) - 1


def told(house: House, source: str, *rows: PersonRow) -> int:
    """Import rows; how many people there are then."""
    taken(house, source, *rows)
    return population(house)


def test_a_parent_is_not_taken_for_the_child_at_their_address(house: House) -> None:
    assert told(house, "club", row(1, email=ADDRESS, **CHILD)) == 1
    parent = row(1, given(), email=ADDRESS)
    assert told(house, "shop", parent) == 2
    assert told(house, "shop again", parent) == 2
    assert reasons(house, 1) != []


def test_a_child_is_not_taken_for_the_parent_of_whom_nothing_is_known(house: House) -> None:
    bare = PersonRow(part="", line=1, email=ADDRESS)
    assert told(house, "list", bare) == 1
    child = row(2, email=ADDRESS, guardian="Carl Lee")
    assert told(house, "club", child) == 2
    assert told(house, "club again", child) == 2


@pytest.mark.parametrize("name", ["Mia Lee", "LEE, mia"])
def test_a_file_without_the_guardian_makes_no_grown_up_of_a_child_it_names(house: House, name: str) -> None:
    told(house, "club", row(1, email=ADDRESS, **CHILD))
    assert told(house, "newsletter", row(1, given(), email=ADDRESS, name=name)) == 1
    assert reasons(house, 1) != []


def test_a_guardian_who_comes_to_be_known_makes_a_person_of_their_own(house: House) -> None:
    told(house, "list", row(1, email=ADDRESS, name="Mia Lee"))
    assert told(house, "club", row(1, email=ADDRESS, **CHILD)) == 2
