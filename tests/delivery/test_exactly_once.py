"""A relay that is down and workers that are killed: every confirmation goes out, and each of them once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from post_samples import asked_for

from amana.services.record import tasks
from amana.services.record.house import House
from worlds.clock import Clock
from worlds.relay import Sink, listening

PEOPLE = 60
SPEED = 20  # a lease of two minutes lasts six seconds
HERE = Path(__file__).parent


def worker(folder: Path) -> subprocess.Popen[bytes]:
    """A worker process."""
    return subprocess.Popen([sys.executable, str(HERE / "worker_driver.py"), str(folder), str(SPEED)])


@pytest.mark.slow
def test_each_confirmation_goes_out_once_though_the_relay_was_down_and_the_workers_were_killed(
    opening: Callable[..., House], clock: Clock, handler: Sink
) -> None:
    with listening(Sink()) as gone:
        port = gone.port  # a port that nobody listens at from here on
    house = opening(port)
    for number in range(PEOPLE):
        asked_for(house, f"person{number}@example.com")
    (house.folder / "started").write_text(str(time.time()))
    for _ in range(2):  # killed while the relay is down
        process = worker(house.folder)
        time.sleep(2.5)
        process.kill()
        process.wait()
    assert tasks.waiting(house) == {"ready": PEOPLE}
    handler.answer = _slow_to_agree(handler)
    with listening(handler, port):
        running = [worker(house.folder) for _ in range(2)]
        try:
            _until(lambda: tasks.waiting(house) == {"done": PEOPLE})
        finally:
            for process in running:
                process.kill()
                process.wait()
    got = Counter(one.recipient for one in handler.taken)
    assert len(got) == PEOPLE
    assert set(got.values()) == {1}
    assert len({one.message["Message-ID"] for one in handler.taken}) == PEOPLE


def _slow_to_agree(handler: Sink) -> Callable[[str], str]:
    """Every message is put off once."""
    seen: set[str] = set()

    def answer(recipient: str) -> str:
        if recipient in seen:
            return "250 ok"
        seen.add(recipient)
        return "451 later"

    return answer


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not end"
        time.sleep(0.1)
