"""Each right of each person of the shop gives exactly what a program without the product says it must."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).with_name("world")))

import make_expected
import shop_systems as build
import shop_tables as shop
from shop_fixtures import World, ask, callers_did_it, kept_of, settled, shop_world, world

from amana.core.rights import Kind, Status
from amana.services.record.house import House
from amana.services.rights import copies, requests, rights_run
from amana.storage.requests import RequestRow

__all__ = ["shop_world", "world"]
COPIES = (Kind.ACCESS, Kind.PORTABILITY)
SHARED = ("store/tickets", "books/households")  # rows of several people: each changes their own part of them
CHANGES = tuple(kind for kind in Kind if kind not in COPIES)


def expected(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((make_expected.FOLDER / f"{kind.value}.json").read_text("utf-8"))
    return found


def answered(world: World, house: House, rows: list[RequestRow]) -> list[RequestRow]:
    """Work until everything is answered; the call centre's colleague does their part."""
    settled(house, world.clock, turns=1)
    callers_did_it(house, rows)
    world.clock.wait(3_601)
    settled(house, world.clock, turns=3)
    rows = [requests.get(house, row.ref) for row in rows]
    assert {row.status for row in rows} == {Status.ANSWERED.value}
    return rows


def brand_of(kind: Kind) -> str:
    return "grove" if kind is Kind.OBJECTION else ""


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
def test_the_expected_files_are_what_their_program_writes(kind: Kind) -> None:
    path = make_expected.FOLDER / f"{kind.value}.json"
    assert path.read_text("utf-8") == make_expected.written(kind.value)


@pytest.mark.slow
@pytest.mark.parametrize("kind", COPIES, ids=lambda kind: kind.value)
def test_a_copy_holds_each_persons_own_rows_and_nobody_elses(world: World, kind: Kind) -> None:
    wanted = expected(kind)
    with world.house() as house:
        rows = [ask(house, kind, number) for number in world.numbers.values()]
        for name, row in zip(world.numbers, answered(world, house, rows), strict=True):
            package = copies.package(house, row, actor="officer")
            found = {
                one.collection.replace(":", "/"): sorted(
                    one.rows, key=lambda r, one=one: shop.key(one.collection.replace(":", "/"), r)
                )
                for one in package.parts
                if one.system
            }
            assert found == wanted[name]["rows"], name
            assert row.outcome == wanted[name]["outcome"], name
    assert world.shop.dump() == build.first_state(), "a copy changes nothing"


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.value)
def test_one_persons_right_changes_their_rows_and_no_other(world: World, kind: Kind) -> None:
    wanted = expected(kind)
    with world.house() as house:
        for name, number in world.numbers.items():
            world.shop.put_back()
            (row,) = answered(world, house, [ask(house, kind, number, brand=brand_of(kind))])
            assert kept_of(house, row) == wanted[name]["kept"], name
            assert row.outcome == wanted[name]["outcome"], name
            changed = wanted[name]["changed"]
            found = build.hashes_marked(world.shop.dump(), changed, make_expected.HASHED)
            assert found == build.after(changed), name


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.value)
def test_everybody_at_once_gives_each_what_they_would_get_alone(world: World, kind: Kind) -> None:
    wanted = expected(kind)
    with world.house() as house:
        rows = [ask(house, kind, number, brand=brand_of(kind)) for number in world.numbers.values()]
        runs = set()
        for name, row in zip(world.numbers, answered(world, house, rows), strict=True):
            assert row.outcome == wanted[name]["outcome"], name
            assert kept_of(house, row) == wanted[name]["kept"], name
            runs.add(row.run)
        assert (len(runs) == 1) == (kind not in rights_run.ALONE)
    changed: dict[str, dict[str, Any]] = {}
    for one in wanted.values():
        for table, its in one["changed"].items():
            if table not in SHARED:
                changed.setdefault(table, {}).update(its)
    found = build.hashes_marked(world.shop.dump(), changed, make_expected.HASHED)
    assert {table: found[table] for table in changed} == {
        table: build.after(changed)[table] for table in changed
    }
