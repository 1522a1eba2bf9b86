"""A server's screens run in processes of their own: the same answer, low priority, and nothing lost when one is ended.

Rule: a test that must catch a screen in the middle holds the lock on the columns, at which the screen waits.
"""

from __future__ import annotations

import csv
import fcntl
import functools
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from buyers import ASKED_AT, OFFER, take_in

from amana import errors, wiring
from amana.services.audience import cache, screening, screening_apart
from amana.services.audience.jobs import Job, Jobs
from amana.services.gate.asking import Gate
from amana.services.record import api_keys
from amana.services.record.house import House
from amana.settings import Settings

OWNER = "shop"
PROGRAM = "import sys; from amana.cli.main import main; main(sys.argv[1:])"


@pytest.fixture
def buyers(house: House, tmp_path: Path) -> House:
    """Forty people, some of whom may be written to."""
    take_in(house, tmp_path, [month % 12 + 1 for month in range(40)], "DE")
    return house


@pytest.fixture
def jobs(buyers: House) -> Iterator[Jobs]:
    made = Jobs(buyers)
    yield made
    made.close()


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def ended(job: Job) -> Job:
    until(lambda: job.ended is not None)
    return job


@contextmanager
def held_up(house: House, jobs: Jobs, job: Job) -> Iterator[int]:
    """A screen that has opened the workspace and waits for the columns; the number of its process."""
    with cache.locked(house):
        until(lambda: job.progress >= 0.2)
        process = jobs._process
        assert process is not None
        yield process.pid


def test_a_screen_apart_is_the_screen(buyers: House, jobs: Jobs) -> None:
    job = ended(jobs.screen(OWNER, OFFER, None, None, "csv"))
    assert (job.state, job.trouble, job.progress) == ("done", "", 1.0)
    here = screening.screen(buyers, OFFER)
    assert job.answer["at"] == ASKED_AT
    assert job.answer["people"] == 40
    assert job.answer["allowed"] == here.counts.allowed > 0
    assert job.answer["by_reason"] == {code: count for code, count in here.counts.by_reason.items() if count}
    assert job.file is not None
    rows = list(csv.DictReader(job.file.read_text("utf-8").splitlines()))
    assert [row["allow"] == "yes" for row in rows] == (here.bits == 0).tolist()
    assert list(job.file.parent.iterdir()) == [job.file], "nothing else is left there"


def test_some_people_can_be_named_and_a_moment_given(jobs: Jobs) -> None:
    job = ended(jobs.screen(OWNER, OFFER, ASKED_AT - 3_600, (3, 4, 4_000), "parquet"))
    assert job.answer["at"] == ASKED_AT - 3_600
    assert (job.answer["people"], job.answer["unknown"]) == (2, 1)
    assert job.file is not None
    assert pq.read_table(job.file)["person"].to_pylist() == [3, 4]


def test_it_is_another_process_of_low_priority_and_asking_goes_on(buyers: House, jobs: Jobs) -> None:
    screening.screen(buyers, OFFER)
    job = jobs.screen(OWNER, OFFER, None, None, "csv")
    with held_up(buyers, jobs, job) as number:
        assert number != os.getpid()
        assert os.getpriority(os.PRIO_PROCESS, number) == screening_apart.LOW
        gate = Gate(buyers)
        assert gate.ask(1, OFFER).ledger_size > 0
        gate.close()
    assert ended(job).state == "done"


def test_who_waits_for_the_columns_waits_for_no_idle_moment(buyers: House) -> None:
    def look() -> None:
        handle = os.open(buyers.folder / "columns.lock", os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if the screen still holds it
        os.close(handle)
        seen.append(True)

    seen: list[bool] = []
    screening.screen(buyers, OFFER, caught_up=look)
    assert seen == [True]


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="the platform has no such policy")
def test_once_the_columns_are_caught_up_it_gives_way_to_everybody(buyers: House, jobs: Jobs) -> None:
    job = jobs.screen(OWNER, OFFER, None, None, "csv")
    until((buyers.folder / "screens").is_dir)
    writing = buyers.folder / "screens" / f"{job.id}-unfinished.csv"
    os.mkfifo(writing)  # whoever opens it to write waits for a reader
    until(lambda: job.progress >= 0.8)
    process = jobs._process
    assert process is not None
    assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
    with writing.open() as reader:
        assert len(reader.read().splitlines()) == 41
    assert ended(job).state == "done"


@pytest.mark.slow
def test_screens_wait_for_each_other(buyers: House, jobs: Jobs) -> None:
    first, second = (jobs.screen(OWNER, OFFER, None, None, "csv") for _ in range(2))
    with held_up(buyers, jobs, first):
        assert (first.state, second.state) == ("running", "waiting")
    assert ended(second).state == "done"
    assert first.state == "done"


def test_one_that_is_killed_has_failed_leaves_nothing_and_can_be_begun_again(
    buyers: House, jobs: Jobs
) -> None:
    job = jobs.screen(OWNER, OFFER, None, (1, 2), "csv")
    with held_up(buyers, jobs, job) as number:
        os.kill(number, signal.SIGKILL)
        ended(job)
    assert (job.state, job.trouble, job.file) == ("failed", screening_apart.ENDED, None)
    assert not list((buyers.folder / "screens").iterdir())
    assert ended(jobs.screen(OWNER, OFFER, None, (1, 2), "csv")).state == "done"


@pytest.mark.slow
def test_the_end_of_the_server_is_the_end_of_the_running_screen_and_of_those_that_wait(buyers: House) -> None:
    jobs = Jobs(buyers)
    running, waiting = (jobs.screen(OWNER, OFFER, None, None, "csv") for _ in range(2))
    with held_up(buyers, jobs, running) as number:
        jobs.close()
    assert (running.state, running.trouble) == ("failed", screening_apart.ENDED)
    assert waiting.state != "done"
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_an_error_is_told_by_its_code(buyers: House, jobs: Jobs) -> None:
    (buyers.folder / "amana.toml").write_text("[organisation]\nname = 3\n", "utf-8")
    job = ended(jobs.screen(OWNER, OFFER, None, None, "csv"))
    assert (job.state, job.trouble) == ("failed", "bad_workspace")


@pytest.mark.slow
def test_a_defect_is_an_error_and_the_next_one_runs(buyers: House) -> None:
    broken: Any = functools.partial(int, "no house")
    jobs = Jobs(msgspec.structs.replace(buyers, again=broken))
    first, second = (ended(jobs.screen(OWNER, OFFER, None, None, "csv")) for _ in range(2))
    jobs.close()
    assert (first.state, first.trouble) == (second.state, second.trouble) == ("failed", "error")


def test_who_serves_others_screens_many_people_apart_and_few_at_once(
    buyers: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    begin = screening_apart.begin

    def counted() -> subprocess.Popen[bytes]:
        process = begin()
        begun.append(process.pid)
        return process

    monkeypatch.setattr(screening_apart, "begin", counted)
    here = screening_apart.screened(buyers, OFFER)
    assert begun == []
    monkeypatch.setattr(screening_apart, "MANY", 40)
    apart = screening_apart.screened(buyers, OFFER)
    assert len(begun) == 1
    assert apart.people.tolist() == here.people.tolist()
    assert apart.bits.tolist() == here.bits.tolist()
    assert apart.counts == here.counts
    assert (apart.at, apart.rules_version, apart.ledger_size) == (
        here.at,
        here.rules_version,
        here.ledger_size,
    )
    assert not list(buyers.folder.glob("screen-*"))


def test_a_screen_apart_that_ended_is_said_and_may_be_asked_again(
    buyers: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended_at_once() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        until(lambda: os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT) is not None)
        return process

    screening.screen(buyers, OFFER)
    monkeypatch.setattr(screening_apart, "MANY", 1)
    monkeypatch.setattr(screening_apart, "begin", ended_at_once)
    with pytest.raises(errors.Busy):
        screening_apart.screened(buyers, OFFER)
    assert not list(buyers.folder.glob("screen-*"))


@pytest.fixture
def port(settings: Settings, buyers: House) -> Iterator[int]:
    """`amana serve` over the workspace."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = int(free.getsockname()[1])
    words = [sys.executable, "-c", PROGRAM, "-w", str(settings.workspace), "serve", "--port", str(found)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: _answers(found))
    yield found
    process.terminate()
    assert process.wait(timeout=30) in (0, -15)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
def test_the_server_screens_in_a_process_of_its_own(settings: Settings, port: int) -> None:
    with wiring.opened(settings, writing=True) as house:
        key = api_keys.make(house, "shop", ["mainstreet"], ["screen"]).key
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    wanted = {
        "subject": {"type": "brand", "id": OFFER.brand},
        "action": {"name": "contact.email", "properties": {"purpose": OFFER.purpose}},
    }

    def spoken(method: str, path: str, body: Any = None) -> bytes:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status in (200, 202), said
        return said

    place = f"/v1/screens/{json.loads(spoken('POST', '/v1/screens', wanted))['id']}"
    until(lambda: json.loads(spoken("GET", place))["state"] in ("done", "failed"))
    told = json.loads(spoken("GET", place))
    assert (told["state"], told["result"]["people"]) == ("done", 40)
    assert len(spoken("GET", told["file"]).splitlines()) == 41
    connection.close()
