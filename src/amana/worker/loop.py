"""The worker's loop: what is due is done, again and again, until somebody says stop.

Rule. One round turns new events into tasks for hooks and for systems that hold copies of permissions, then claims due
tasks of the kinds it was given and does them; sweepers that it was given (requests of people, copies, retention) each
get their turn. A round that found nothing waits a moment; one that found something goes on at once. Any number of
workers may run, here and on other machines: a task is leased by one. What a worker raises that is no answer of its
kind stops nobody else: it is logged, and the lease runs out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from amana.services.record import hooks, tasks
from amana.services.record.house import House
from amana.services.record.tasks import Worker
from amana.services.upkeep import write_back

PAUSE = 0.5  # seconds between rounds that found nothing
log = structlog.get_logger("amana.worker")

Sweeper = Callable[[House], int]
"""Does what is due of one kind, in sets; how much that was. Safe to repeat."""


def run(
    house: House,
    workers: Mapping[str, Worker],
    stop: threading.Event,
    rounds: Callable[[int], None] | None = None,
    sweepers: Sequence[Sweeper] = (),
) -> None:
    """Work until `stop` is set; `rounds` hears how many tasks each round did."""
    while not stop.is_set():
        done = one_round(house, workers) + swept(house, sweepers)
        if rounds is not None:
            rounds(done)
        if not done:
            stop.wait(PAUSE)


def one_round(house: House, workers: Mapping[str, Worker]) -> int:
    """One round; how many events were told and tasks were done."""
    told = 0
    try:
        told = hooks.sweep(house) + write_back.sweep(house)
        hearing: dict[str, Worker] = dict.fromkeys(hooks.kinds(house), hooks.send)
        copying: dict[str, Worker] = dict.fromkeys(write_back.kinds(house), write_back.carry)
        everything = {**workers, **hearing, **copying}
        return told + tasks.work(house, everything) if everything else told
    except Exception as defect:  # noqa: BLE001  one defect must not end the loop; the task's lease runs out and it is tried again
        log.error("defect", kind=type(defect).__name__)
        return told


def swept(house: House, sweepers: Sequence[Sweeper]) -> int:
    """Give each sweeper its turn; how much they did."""
    done = 0
    for sweep in sweepers:
        try:
            done += sweep(house)
        except Exception as defect:  # noqa: BLE001  one defect must not end the loop; what was begun is gone on with
            log.error("defect", kind=type(defect).__name__, sweeper=sweep.__module__)
    return done
