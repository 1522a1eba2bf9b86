"""A worker killed at any of its writes loses no request, and the next one ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).with_name("world")))

import make_expected
import shop_systems as build
from shop_fixtures import World, ask, kept_of, shop_world, world

from amana.core.rights import Kind, Status
from amana.services.rights import copies, requests
from amana.storage import requests as rows

__all__ = ["shop_world", "world"]
SOAK = bool(os.environ.get("AMANA_SOAK"))
KILLS = 1_000 if SOAK else 50
DRIVER = Path(__file__).parent / "world" / "run_driver.py"
WHO = {Kind.ERASURE: "ada", Kind.ACCESS: "ben", Kind.RECTIFICATION: "gil", Kind.WITHDRAWAL: "chana"}
"""One person for each kind, who share no row but a ticket."""
HOUR = 3_600


def worked(world: World, write: int) -> subprocess.CompletedProcess[str]:
    """One worker's life, killed at a write."""
    words = [str(world.folder), str(world.clock.now), str(write)]
    return subprocess.run(
        [sys.executable, str(DRIVER), *words], capture_output=True, text=True, check=False, timeout=300
    )


def expected(kind: Kind, name: str) -> dict[str, Any]:
    found = json.loads((make_expected.FOLDER / f"{kind.value}.json").read_text("utf-8"))
    return dict(found[name])


def asked(world: World) -> dict[Kind, str]:
    """All of them ask; their references."""
    with world.house() as house:
        return {kind: ask(house, kind, world.numbers[name]).ref for kind, name in WHO.items()}


def check_end(world: World, refs: dict[Kind, str]) -> None:
    """Everything is answered as it would have been, everywhere, and nothing is left in the runs."""
    changed: dict[str, dict[str, Any]] = {}
    with world.house() as house:
        for kind, ref in refs.items():
            row, wanted = requests.get(house, ref), expected(kind, WHO[kind])
            assert (row.status, row.outcome) == (Status.ANSWERED.value, wanted["outcome"]), kind
            if kind is Kind.ACCESS:
                found = {
                    one.collection.replace(":", "/"): len(one.rows)
                    for one in copies.package(house, row, actor="officer").parts
                    if one.system
                }
                assert found == {table: len(its) for table, its in wanted["rows"].items()}
                continue
            assert [each[:5] for each in kept_of(house, row)[: len(wanted["kept"])]] == [
                each[:5] for each in wanted["kept"]
            ]
            for table, its in wanted["changed"].items():
                changed.setdefault(table, {}).update(its)
        with house.database.read() as connection:
            for number in range(1, 5):
                assert all(not one.sealed for one in rows.steps(connection, number))
    found = build.hashes_marked(world.shop.dump(), changed, make_expected.HASHED)
    assert found == build.after(changed)


def again(world: World, folder: Path) -> None:
    """The workspace and the shop as they were when everybody had asked."""
    world.shop.put_back()
    insight = (world.folder / "insight.db").read_bytes()
    leads = (world.folder / "leads" / "leads.csv").read_bytes()
    shutil.rmtree(world.folder)
    shutil.copytree(folder, world.folder)
    (world.folder / "insight.db").write_bytes(insight)
    (world.folder / "leads" / "leads.csv").write_bytes(leads)


@pytest.mark.slow
def test_a_worker_killed_at_any_write_loses_nothing(world: World, tmp_path: Path) -> None:
    refs = asked(world)
    asking = tmp_path / "asking"
    shutil.copytree(world.folder, asking)
    whole = worked(world, 0)
    assert whole.returncode == 0, whole.stderr
    check_end(world, refs)
    writes = int(whole.stdout)
    assert writes > KILLS or SOAK
    start = world.clock.now
    dead = 0
    while dead < KILLS:
        again(world, asking)
        world.clock.now = start
        # each world is killed on and on, a different stretch further each time, until a worker comes to its end
        step = 1 + (dead * 37) % writes
        while dead < KILLS:
            world.clock.now += HOUR  # leases run out
            run = worked(world, step)
            if run.returncode == 0:
                break
            assert run.returncode == -9, run.stderr
            dead += 1
            with world.house() as house:
                known = {row.ref for row in requests.every(house)}
                assert known == set(refs.values()), "no request is lost"
            step = 1 + (step * 7) % 40
            if dead % 5 == 0:
                break
        world.clock.now += HOUR
        last = worked(world, 0)
        assert last.returncode == 0, last.stderr
        check_end(world, refs)
