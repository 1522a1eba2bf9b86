"""A task that cannot be done now waits as long as the other side asked for, and never less than its own pause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from amana import errors
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage.tasks import TaskRow
from worlds.clock import Clock


def a_task(house: House) -> None:
    """One task about a new person, due now."""

    def work(session: Session) -> None:
        person = session.new_person().id
        tasks.add(house, session, "call", "call/1", person, {})

    house.writing().write(work)


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        (0, tasks.FIRST_PAUSE),
        (tasks.FIRST_PAUSE - 1, tasks.FIRST_PAUSE),
        (3_600, 3_600),
        (10 * 86_400, tasks.LONGEST_PAUSE),
    ],
)
def test_a_task_waits_as_long_as_it_was_asked_to(asked: int, pause: int, house: House, clock: Clock) -> None:
    done: list[int] = []

    def told_to_wait(_: House, __: TaskRow, ___: Mapping[str, Any]) -> None:
        done.append(clock.now)
        raise errors.NotNow("http_rate_limited", after=asked)

    a_task(house)
    tasks.work(house, {"call": told_to_wait})
    clock.now += pause - 1
    tasks.work(house, {"call": told_to_wait})
    assert len(done) == 1, "not a second sooner"
    clock.now += 1
    tasks.work(house, {"call": told_to_wait})
    assert len(done) == 2
