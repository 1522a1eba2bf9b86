"""Withdrawals and permits for the same people at the same time: nothing is redeemed after its withdrawal was answered.

The clock ticks once for each commit, so that the order of what was recorded can be read off the record afterwards: the
replay knows nothing of the threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from post_samples import NOW, OFFERS, definition, known

from amana import wiring
from amana.core import events
from amana.core.vocabulary import Channel, Status
from amana.services.collection import preferences
from amana.services.collection.capture import Choice, Context
from amana.services.gate import permits
from amana.services.gate.asking import Gate
from amana.services.gate.permits import Request
from amana.services.record import history
from amana.services.record.house import House
from amana.storage import permits as permit_rows
from worlds.houses import Templates

PEOPLE = 100
CONTENT = b"c" * 32
OFF = preferences.Change(off=(Choice(purpose="offers", channel=Channel.EMAIL),))


@pytest.fixture(params=["sqlite", "postgresql"])
def ticking(request: pytest.FixtureRequest, tmp_path: Path, templates: Templates) -> Iterator[House]:
    """A workspace whose clock ticks with each commit."""
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    settings = templates.copied(definition(25), tmp_path / "workspace", server)
    ticks = count(NOW)
    with wiring.opened(settings, writing=True, at=lambda: next(ticks)) as house:
        yield house


@pytest.mark.slow
def test_no_permit_is_redeemed_after_its_withdrawal_was_answered(
    ticking: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "LIFE", 1_000_000)  # here ticks are commits, not seconds
    known(ticking, {f"person{number}@example.com": True for number in range(PEOPLE)})
    answered: dict[int, int] = {}
    serial, start = count(), threading.Event()
    wrong: list[int] = []
    good: list[int] = []
    gate = Gate(ticking)  # one for all: it is used inside the writer's turn alone

    def withdraw(person: int) -> None:
        start.wait()
        time.sleep(person % 10 / 20)  # so that they leave between others' permits
        preferences.change(ticking, person, "orchard", OFF, Context())
        answered[person] = next(serial)

    def send(person: int) -> None:
        start.wait()
        for _ in range(6):
            (taken,) = permits.take(ticking, gate, [Request(person=person, inquiry=OFFERS, content=CONTENT)])
            if not taken.permit:
                break
            before = person in answered
            (redeemed,) = permits.redeem(ticking, gate, [(taken.permit, CONTENT, OFFERS)])
            if redeemed.ok:
                (wrong if before else good).append(person)

    with ThreadPoolExecutor(2 * PEOPLE) as pool:
        work = [pool.submit(one, person) for person in range(1, PEOPLE + 1) for one in (send, withdraw)]
        start.set()
        for one in work:
            one.result()
    gate.close()
    assert not wrong
    assert good, "nothing was redeemed: the race was not one"
    assert len(answered) == PEOPLE
    _replay(ticking)


def _replay(house: House) -> None:
    """From the record alone: every redemption is before its person's withdrawal, in commits and in log positions."""
    redeemed = 0
    for person in range(1, PEOPLE + 1):
        left = [
            (one.event.recorded, one.position)
            for one in history.of_person(house, person)
            if isinstance(one.event, events.Permission) and one.event.status is Status.WITHDRAWN
        ]
        assert len(left) == 1
        (at, position) = left[0]
        with house.database.read() as connection:
            for row in permit_rows.of_person(connection, person):
                assert row.known <= position
                if row.redeemed is not None:
                    redeemed += 1
                    assert row.redeemed <= at
    assert redeemed
