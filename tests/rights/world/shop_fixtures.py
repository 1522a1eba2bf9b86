"""The shop and a workspace that is connected to it, for the tests: built once for a module, put back for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import shop_people as people
import shop_systems as build
import sqlalchemy as sa
from shop_systems import NOW, Shop

from amana import wiring
from amana.connectors.systems.system import Progress
from amana.core.rights import Identity, Kind, Status, Via
from amana.services.record.house import House
from amana.services.rights import manual_desk, requests, rights_run
from amana.settings import Settings
from amana.storage.requests import RequestRow

_serial = count(1)
OFFICER = "officer"


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now

    def wait(self, seconds: int) -> None:
        self.now += seconds


class World:
    """A shop, its workspace, and the numbers of its people."""

    def __init__(self, shop: Shop, folder: Path, numbers: dict[str, int]) -> None:
        self.shop, self.folder, self.numbers, self.clock = shop, folder, numbers, Clock()
        self.pristine = folder

    @contextmanager
    def house(self) -> Iterator[House]:
        """The workspace, opened for writing."""
        with wiring.opened(
            Settings(workspace=self.folder, actor=OFFICER), writing=True, at=self.clock
        ) as one:
            yield one


def settled(house: House, clock: Clock, turns: int = 40, pause: int = 4 * 3600) -> None:
    """Let the worker work, and time pass, until nothing is due."""
    for _ in range(turns):
        while rights_run.sweep(house):
            pass
        still = [one for one in requests.every(house, open_only=True) if one.status == Status.RUNNING.value]
        if not still:
            return
        clock.wait(pause)


def ask(house: House, kind: Kind, person: int, **more: Any) -> RequestRow:
    """Somebody who proved who they are asks."""
    more.setdefault("proved", Identity.STEPPED_UP)
    if kind is Kind.RECTIFICATION:
        more.setdefault("corrections", {"user.name": "Corrected Name"})
    row = requests.open_(house, requests.Said(kind=kind, via=Via.STAFF, person=person, **more), actor=OFFICER)
    return told_by_letter(house, row)


def told_by_letter(house: House, row: RequestRow) -> RequestRow:
    """The shop has no mail: of an erasure an officer tells people by letter, and says so before it begins."""
    if row.kind == Kind.ERASURE.value and row.status == Status.READY.value:
        requests.to_decide(house, row, "not_told:no_mail", actor="amana")
        row = requests.decide(house, row.ref, go=True, reason="told by letter", actor=OFFICER)
    return row


def callers_did_it(house: House, rows: Sequence[RequestRow]) -> None:
    """The colleague of the system without an interface records that it is done."""
    for row in rows:
        if any(one.what == manual_desk.ASKED for one in requests.happened(house, row)):
            manual_desk.record(house, row.ref, "callers", Progress.DONE, actor=OFFICER)


def kept_of(house: House, row: RequestRow) -> list[list[Any]]:
    """What the answer says stays: [place, path, ground, citation, until, rows]."""
    found = [
        [
            one.detail["node"].replace(":", "/"),
            each["path"],
            each["ground"],
            each["citation"],
            each["until"],
            each["rows"],
        ]
        for one in requests.happened(house, row)
        if one.what == "kept"
        for each in one.detail["kept"]
    ]
    return sorted(found)


@pytest.fixture(scope="module")
def shop_world(
    postgresql_server: Any, mariadb_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The world, built once; `world` puts it back."""
    name = f"world_{next(_serial)}"
    postgresql_server.psql(f"CREATE DATABASE {name};")
    engine = sa.create_engine(
        f"mysql+pymysql://root@localhost/?unix_socket={mariadb_server}", poolclass=sa.NullPool
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    folder = tmp_path_factory.mktemp("shop") / "workspace"
    settings = Settings(workspace=folder, actor=OFFICER)
    wiring.create(settings, build.DEFINITION, at=lambda: NOW - 86_400)
    shop = Shop(
        folder,
        str(postgresql_server.get_uri().replace("/postgres?", f"/{name}?")),
        f"mysql://root@localhost/{name}?unix_socket={mariadb_server}",
    )
    shop.build()
    with wiring.opened(settings, writing=True, at=lambda: NOW - 3_600) as house:
        numbers = people.enter(house)
    pristine = tmp_path_factory.mktemp("pristine") / "workspace"
    shutil.copytree(folder, pristine)
    world = World(shop, folder, numbers)
    world.pristine = pristine
    yield world
    postgresql_server.psql(f"DROP DATABASE {name} WITH (FORCE);")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture
def world(shop_world: World) -> World:
    """The world in its first state."""
    shop_world.shop.put_back()
    pristine: Path = shop_world.pristine
    insight = (shop_world.folder / "insight.db").read_bytes()
    shutil.rmtree(shop_world.folder)
    shutil.copytree(pristine, shop_world.folder)
    (shop_world.folder / "insight.db").write_bytes(insight)
    shop_world.shop.connect()
    shop_world.clock = Clock()
    return shop_world
