"""Systems that are read whole: what somebody over there writes between finding and writing stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from amana import errors
from amana.connectors.systems.documents import Documents
from amana.connectors.systems.system import Change
from amana.core.data_map import Collection, DataType, Field, Row

PEOPLE = Collection(
    dataset="shop",
    name="people",
    fields=(
        Field(path="id", type=DataType.INTEGER, primary_key=True),
        Field(path="name", type=DataType.STRING),
        Field(path="address", type=DataType.OBJECT),
        Field(path="address.town", type=DataType.STRING),
    ),
)


class Shelf(Documents[str]):
    """Documents in memory; `meanwhile` happens as the first of them is written or removed, after all were found."""

    def __init__(self, *documents: Row) -> None:
        self.held = {f"d{number}": document for number, document in enumerate(documents)}
        self.meanwhile: Callable[[], None] = dict

    def documents(self, collection: Collection) -> Iterable[tuple[str, Row]]:
        return list(self.held.items())

    def write(self, handle: str, document: Row) -> None:
        self.held[handle] = document
        self._once()

    def remove(self, handle: str) -> None:
        self.held.pop(handle, None)
        self._once()

    def _once(self) -> None:
        happens, self.meanwhile = self.meanwhile, dict
        happens()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(
        {"id": 1, "name": "Dana", "address": {"town": "Ulm", "street": "Mill Lane"}, "note": "a"},
        {"id": 2, "name": "Omar", "address": {"town": "Ulm", "street": "High Street"}, "note": "b"},
    )


def empties(*ids: int) -> list[Change]:
    """Names and towns are emptied."""
    return [Change(key={"id": one}, values={"name": None, "address.town": None}) for one in ids]


def test_what_was_changed_over_there_after_a_document_was_found_stays(shelf: Shelf) -> None:
    def meanwhile() -> None:
        shelf.held["d1"] = {
            **shelf.held["d1"],
            "note": "called today",
            "address": {"town": "Bonn", "street": "New Street"},
        }

    shelf.meanwhile = meanwhile
    assert shelf.change(PEOPLE, empties(1, 2)) == 2
    assert shelf.held["d1"] == {
        "id": 2,
        "name": None,
        "address": {"town": None, "street": "New Street"},
        "note": "called today",
    }


def test_a_document_that_became_another_row_is_neither_written_nor_removed(shelf: Shelf) -> None:
    other = {"id": 7, "name": "Ruth", "address": {"town": "Kiel"}, "note": ""}
    shelf.meanwhile = lambda: shelf.held.update(d1=other)
    shelf.change(PEOPLE, empties(1, 2))
    assert shelf.held["d1"] == other
    shelf.held["d1"] = {"id": 2, "name": "Omar", "address": None, "note": "b"}
    shelf.meanwhile = lambda: shelf.held.update(d1=other)
    shelf.delete(PEOPLE, [{"id": 1}, {"id": 2}])
    assert shelf.held == {"d1": other}


def test_a_document_that_is_gone_by_then_is_not_put_back(shelf: Shelf) -> None:
    shelf.meanwhile = lambda: shelf.held.pop("d1") and None
    shelf.change(PEOPLE, empties(1, 2))
    assert list(shelf.held) == ["d0"]


def test_nothing_is_touched_where_one_path_leads_nowhere(shelf: Shelf) -> None:
    shelf.held["d1"] = {**shelf.held["d1"], "address": [{"town": "Ulm"}]}
    before = dict(shelf.held)
    with pytest.raises(errors.Undeliverable, match="path_through_array"):
        shelf.change(PEOPLE, empties(1, 2))
    assert shelf.held == before
