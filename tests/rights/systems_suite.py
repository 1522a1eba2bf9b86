"""What every system of rows owes its caller, as one suite.

A world is one system with the invented people and visits in it, put there without the connector. Whoever writes a
connector makes a world of their own and inherits `RowsConformance`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from amana import errors
from amana.connectors.systems import plain
from amana.connectors.systems.system import Change, Match, Rows
from amana.core.data_map import Collection, DataType, Field, Row

WORDS, WHOLE, NUMBER = DataType.STRING, DataType.INTEGER, DataType.FLOAT

PEOPLE = Collection(
    dataset="shop",
    name="people",
    fields=(
        Field(path="id", type=WHOLE, primary_key=True),
        Field(path="email", type=WORDS, identity="email"),
        Field(path="name", type=WORDS, length=40),
        Field(path="born", type=WORDS),
        Field(path="joined", type=WORDS),
        Field(path="balance", type=WORDS),
        Field(path="score", type=NUMBER),
        Field(path="active", type=DataType.BOOLEAN),
        Field(path="profile", type=DataType.OBJECT),
        Field(path="profile.phone", type=WORDS),
        Field(path="profile.city", type=WORDS),
        Field(path="tags", type=WORDS, array=True),
        Field(path="since", type=WORDS, read_only=True),
    ),
)
VISITS = Collection(
    dataset="shop",
    name="visits",
    fields=(
        Field(path="person_id", type=WHOLE, primary_key=True),
        Field(path="page", type=WORDS, primary_key=True),
        Field(path="address", type=WORDS),
    ),
)


def person(number: int, called: str, /, **more: Any) -> Row:
    """An invented person as a system holds them."""
    return {
        "id": number,
        "email": f"{called.lower()}@shop.example",
        "name": called,
        "born": f"1980-03-{number % 27 + 1:02}",
        "joined": f"2024-05-{number % 27 + 1:02}T10:20:30",
        "balance": f"{number}.50",
        "score": number + 0.25,
        "active": number % 2 == 0,
        "profile": {"phone": f"+44 20 7946 0{number:03}", "city": "Haifa"},
        "tags": ["news", f"t{number}"],
        "since": "2020",
        **more,
    }


EVERYBODY = [
    person(1, "Dana"),
    person(2, "Omar", tags=[], profile={"phone": None, "city": "Cairo"}),
    person(3, "José", email="jose@shop.example"),
    person(4, "Jose", email="josé@shop.example"),
    person(
        10, "Nok", email="Nok@Shop.example", tags=["sales"], name='Nok "the, first"\nof Thonburi — ตัวอย่าง'
    ),
    person(
        11,
        "Ivan",
        **dict.fromkeys(("name", "born", "joined", "balance", "score", "active", "profile", "tags")),
    ),
]
SEEN = [
    {"person_id": 1, "page": "/a", "address": "192.0.2.1"},
    {"person_id": 1, "page": "/b", "address": "192.0.2.2"},
    {"person_id": 2, "page": "/a", "address": "192.0.2.3"},
]
SECRETS = ["shop.example", "Dana", "Omar", "Zelda", "7946", "192.0.2"]
"""What no error may hold."""

Fault = Callable[[], AbstractContextManager[Any]]


@dataclass
class World:
    """One system with `EVERYBODY` and `SEEN` in it."""

    rows: Rows
    dump: Callable[[], str]  # all that the system holds, as text
    faults: dict[str, Fault] = field(default_factory=dict)
    people: Collection = PEOPLE
    visits: Collection = VISITS
    atomic: bool = True  # one call is all or none


def ids(world: World, *matches: Match) -> list[Any]:
    """The ids of the people who are found."""
    return [row["id"] for row in world.rows.find(world.people, matches)]


def one(world: World, number: int) -> Row:
    """One person's row."""
    [row] = world.rows.find(world.people, [Match(path="id", values=(number,))])
    return row


def told(trouble: BaseException) -> str:
    """All that an error says to whoever prints it."""
    return "".join(traceback.format_exception(trouble)) + repr(vars(trouble))


def holds_no_value(trouble: BaseException) -> None:
    """An error's own words hold no value of a row; nor does what is printed with it."""
    said = str(trouble) + repr(vars(trouble))
    printed = [line for line in told(trouble).splitlines() if not line.startswith("    ")]  # our source lines
    for secret in SECRETS:
        assert secret not in said
        assert not any(secret in line for line in printed)


ALL = Match(path="id", values=(1, 2, 3, 4, 10, 11))


class RowsConformance:
    """The rules of `connectors/systems/system.py`, one test for each."""

    def test_a_system_that_has_what_is_declared_passes_the_check(self, world: World) -> None:
        world.rows.check([world.people, world.visits])

    def test_rows_come_with_every_declared_field_and_nothing_else(self, world: World) -> None:
        row = one(world, 1)
        assert list(row) == [f.path for f in world.people.fields if "." not in f.path]
        assert row["profile"] == EVERYBODY[0]["profile"]
        assert row["email"] == "dana@shop.example"
        assert row["tags"] == ["news", "t1"]
        assert row["active"] is False
        assert row["born"] == "1980-03-02"
        assert str(row["joined"]).startswith("2024-05-02T10:20:30")
        assert float(str(row["balance"])) == 1.5

    def test_null_comes_as_null(self, world: World) -> None:
        row = one(world, 11)
        assert [row[name] for name in ("name", "born", "joined", "balance", "score", "active", "tags")] == [
            None
        ] * 7
        assert plain.at(row, "profile.phone") is None

    def test_a_row_that_meets_several_matches_comes_once_and_rows_come_by_key(self, world: World) -> None:
        found = ids(
            world,
            Match(path="email", values=("nok@shop.example", "dana@shop.example"), fold=True),
            Match(path="id", values=(10, 2)),
            Match(path="profile.phone", values=("+44 20 7946 0001",)),
        )
        assert found == [1, 2, 10]

    def test_case_counts_unless_the_match_folds_and_accents_always_count(self, world: World) -> None:
        assert ids(world, Match(path="email", values=("nok@shop.example",))) == []
        assert ids(world, Match(path="email", values=("Nok@Shop.example",))) == [10]
        assert ids(world, Match(path="email", values=("NOK@shop.EXAMPLE",), fold=True)) == [10]
        assert ids(world, Match(path="email", values=("jose@shop.example",))) == [3]
        assert ids(world, Match(path="email", values=("JOSÉ@shop.example",), fold=True)) == [4]
        assert ids(world, Match(path="email", values=("dana@shop.example ",))) == []

    def test_values_are_compared_by_their_text(self, world: World) -> None:
        assert ids(world, Match(path="id", values=("10",))) == [10]
        assert ids(world, Match(path="id", values=("ten", "", "10x", None))) == []
        assert ids(world, Match(path="id", values=(2**70,))) == []
        assert ids(world, Match(path="born", values=("1980-03-02",))) == [1]

    def test_null_and_nothing_find_nothing(self, world: World) -> None:
        assert ids(world, Match(path="name", values=(None,))) == []
        assert ids(world, Match(path="email", values=())) == []
        assert ids(world) == []

    def test_any_element_of_an_array_is_found_and_the_array_comes_whole(self, world: World) -> None:
        assert ids(world, Match(path="tags", values=("news",))) == [1, 3, 4]
        [row] = world.rows.find(world.people, [Match(path="tags", values=("T1",), fold=True)])
        assert row["tags"] == ["news", "t1"]

    def test_a_path_into_an_object_is_found(self, world: World) -> None:
        assert ids(world, Match(path="profile.city", values=("Cairo", "Nowhere"))) == [2]
        assert ids(world, Match(path="profile.city", values=("CAIRO",), fold=True)) == [2]
        assert ids(world, Match(path="profile.city", values=("CAIRO",))) == []

    def test_any_number_of_values_may_be_asked_for(self, world: World) -> None:
        many = tuple(f"n{number}@shop.example" for number in range(2_500))
        assert ids(world, Match(path="email", values=(*many, "dana@shop.example"))) == [1]

    def test_what_find_returned_can_be_given_back_unchanged(self, world: World) -> None:
        before = list(world.rows.find(world.people, [ALL]))
        keep = ("email", "name", "born", "joined", "balance", "score", "active", "profile", "tags")
        scramble = {"email": "x", "name": "x", "born": "2001-01-01", "joined": "2001-01-01T00:00:00"}
        scramble |= {"balance": "7.25", "score": 7.5, "active": True, "profile": {"phone": "x", "city": "x"}}
        asked = [Change(key={"id": row["id"]}, values={**scramble, "tags": ["x"]}) for row in before]
        assert world.rows.change(world.people, asked) == 6
        assert one(world, 1) != before[0]
        back = [Change(key={"id": row["id"]}, values={name: row[name] for name in keep}) for row in before]
        assert world.rows.change(world.people, back) == 6
        assert list(world.rows.find(world.people, [ALL])) == before

    def test_a_change_touches_only_the_fields_and_rows_it_names(self, world: World) -> None:
        before = {row["id"]: row for row in world.rows.find(world.people, [ALL])}
        assert (
            world.rows.change(world.people, [Change(key={"id": 1}, values={"name": None, "email": "gone"})])
            == 1
        )
        after = {row["id"]: row for row in world.rows.find(world.people, [ALL])}
        assert after[1] == {**before[1], "name": None, "email": "gone"}
        assert {k: v for k, v in after.items() if k != 1} == {k: v for k, v in before.items() if k != 1}
        assert "Dana" not in world.dump()

    def test_a_change_inside_an_object_keeps_the_rest_of_it(self, world: World) -> None:
        assert world.rows.change(world.people, [Change(key={"id": 1}, values={"profile.phone": None})]) == 1
        assert one(world, 1)["profile"] == {"phone": None, "city": "Haifa"}

    def test_changing_again_is_the_same_and_absent_rows_are_not_counted(self, world: World) -> None:
        asked = [Change(key={"id": number}, values={"name": "gone"}) for number in (1, 2, 999)]
        assert world.rows.change(world.people, asked) == 2
        seen = world.dump()
        assert world.rows.change(world.people, asked) == 2
        assert world.dump() == seen
        assert world.rows.change(world.people, []) == 0

    def test_deleting_again_is_fine(self, world: World) -> None:
        assert world.rows.delete(world.people, [{"id": 1}, {"id": 10}, {"id": 999}]) == 2
        assert world.rows.delete(world.people, [{"id": 1}, {"id": 10}]) == 0
        assert ids(world, ALL) == [2, 3, 4, 11]
        assert "dana@" not in world.dump()

    def test_rows_are_named_by_every_part_of_their_key(self, world: World) -> None:
        found = list(world.rows.find(world.visits, [Match(path="person_id", values=(1,))]))
        assert [row["page"] for row in found] == ["/a", "/b"]
        keys = [{"person_id": 1, "page": "/b"}, {"person_id": 2, "page": "/b"}]
        assert (
            world.rows.change(world.visits, [Change(key=key, values={"address": "0"}) for key in keys]) == 1
        )
        assert world.rows.delete(world.visits, [{"person_id": 1, "page": "/a"}]) == 1
        left = list(world.rows.find(world.visits, [Match(path="person_id", values=(1, 2))]))
        assert left == [{"person_id": 1, "page": "/b", "address": "0"}, SEEN[2]]

    @pytest.mark.parametrize("key", [{}, {"person_id": 1}, {"person_id": 1, "page": None}, {"id": 1}])
    def test_half_a_key_names_nothing(self, world: World, key: dict[str, Any]) -> None:
        seen = world.dump()
        with pytest.raises(errors.Undeliverable):
            world.rows.delete(world.visits, [key])
        with pytest.raises(errors.Undeliverable):
            world.rows.change(world.visits, [Change(key=key, values={"address": "Zelda"})])
        assert world.dump() == seen

    @pytest.mark.parametrize(
        ("values", "token"),
        [
            ({"id": 5}, "key_change"),
            ({"nickname": "Zelda"}, "no_such_field"),
            ({"since": "Zelda"}, "read_only"),
            ({"name": "Zelda" * 20}, "value_too_long"),
        ],
    )
    def test_what_can_never_be_written_is_refused_before_anything_is(
        self, world: World, values: dict[str, Any], token: str
    ) -> None:
        seen = world.dump()
        asked = [Change(key={"id": 1}, values={"name": "Omar"}), Change(key={"id": 2}, values=values)]
        with pytest.raises(errors.Undeliverable) as refused:
            world.rows.change(world.people, asked)
        assert refused.value.what == token
        holds_no_value(refused.value)
        assert world.dump() == seen

    def test_a_field_that_is_not_there_is_an_error_and_not_an_empty_answer(self, world: World) -> None:
        with pytest.raises(errors.Undeliverable) as refused:
            list(world.rows.find(world.people, [Match(path="nickname", values=("Dana",))]))
        holds_no_value(refused.value)

    def test_limits_name_declared_fields_only(self, world: World) -> None:
        assert set(world.rows.limits(world.people)) <= {f.path for f in world.people.fields}

    @pytest.mark.parametrize(
        "fault", ["gone", "busy", "slow", "limited", "broken", "cut", "rubbish", "denied"]
    )
    def test_a_system_in_trouble_raises_and_never_passes(self, world: World, fault: str) -> None:
        if fault not in world.faults:
            pytest.skip("this kind of system has no such fault")
        never = fault in ("denied",)
        with world.faults[fault]():
            for act in (
                lambda: world.rows.change(world.people, [Change(key={"id": 1}, values={"name": "Zelda"})]),
                lambda: world.rows.delete(world.people, [{"id": 1}]),
            ):
                with pytest.raises((errors.NotNow, errors.Undeliverable)) as refused:
                    act()
                if fault not in ("rubbish",):
                    assert isinstance(refused.value, errors.Undeliverable if never else errors.NotNow)
                holds_no_value(refused.value)
        assert one(world, 1)["name"] == "Dana"

    @pytest.mark.parametrize("fault", ["gone", "slow", "limited", "broken", "cut", "rubbish", "denied"])
    def test_a_search_in_trouble_raises_and_is_never_empty(self, world: World, fault: str) -> None:
        if fault not in world.faults:
            pytest.skip("this kind of system has no such fault")
        with world.faults[fault](), pytest.raises((errors.NotNow, errors.Undeliverable)) as refused:
            list(world.rows.find(world.people, [Match(path="email", values=("dana@shop.example",))]))
        holds_no_value(refused.value)

    @pytest.mark.parametrize("act", ["change", "delete"])
    def test_a_system_that_says_done_and_did_not_is_not_believed(self, world: World, act: str) -> None:
        lies = world.faults.get("lies") or world.faults.get(f"lies about {act}")
        if lies is None:
            pytest.skip("this kind of system cannot lie so")
        acts = {
            "change": lambda: world.rows.change(
                world.people, [Change(key={"id": 1}, values={"name": "Zelda"})]
            ),
            "delete": lambda: world.rows.delete(world.people, [{"id": 1}]),
        }
        with lies(), pytest.raises((errors.NotNow, errors.Undeliverable)) as refused:
            acts[act]()
        assert refused.value.what == "not_done"
        holds_no_value(refused.value)

    def test_a_call_that_fails_half_way_leaves_all_or_none_or_can_be_repeated(self, world: World) -> None:
        if "half" not in world.faults:
            pytest.skip("this kind of system has no such fault")
        seen = world.dump()
        asked = [Change(key={"id": number}, values={"name": "Zelda"}) for number in (1, 2, 3)]
        with world.faults["half"](), pytest.raises((errors.NotNow, errors.Undeliverable)) as refused:
            world.rows.change(world.people, asked)
        holds_no_value(refused.value)
        if world.atomic:
            assert world.dump() == seen
        assert world.rows.change(world.people, asked) == 3
        assert [one(world, number)["name"] for number in (1, 2, 3)] == ["Zelda"] * 3
