"""Screening apart: a screen in a process of its own, of low priority, so that a question about one person need not wait.

Rule. The process is a new program, never a fork of a server with threads. It opens the workspace anew for reading,
screens as of the moment in its order, writes the file under another name and renames it at the end. What it says on its
way is lines of JSON: shares done, then the answer or the code of an error. One that is ended from outside says nothing
more, leaves no file, and may be begun again. Nothing but counts, ids and reasons comes back.

Priority. It is nice from its start, and once the columns are caught up and their lock is free again it gives way
altogether: where the platform knows such a policy (Linux: SCHED_IDLE), a question that comes in takes the core from it
at once, and not at the end of a slice of some milliseconds. Not before: whoever waits for the lock would wait for an
idle moment of the machine. On one whose cores are all busy a screen takes long.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import msgspec
import numpy as np

from amana import errors
from amana.columns.store import ColumnStore
from amana.screening import blocks
from amana.services.audience import cache, screening
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House

LOW = 10  # niceness
MANY = 100_000
"""People from whom on a program that serves others screens apart: fewer take some milliseconds, a process a second."""
ENDED = "screen_ended"
"""The trouble of a screen whose process was ended before it was done."""

Opening = Callable[[], AbstractContextManager[House]]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be screened, and where the answer goes."""

    inquiry: Inquiry
    at: int  # UTC second
    people: tuple[int, ...] | None  # ids; None for everybody
    path: Path  # .csv or .parquet; .npz for a program that reads it again


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line that the process says."""

    share: float = 0.0  # done so far, between nought and one
    answer: dict[str, Any] | None = None  # at the end
    trouble: str = ""  # code of an error, at the end


def give_way() -> None:
    """Let everybody else go first, from now on: this thread, and those that it starts from now on.

    Not on a single core, where a busy server would let it wait for ever.
    """
    policy = getattr(os, "SCHED_IDLE", None)
    if policy is not None and (os.cpu_count() or 1) > 1:
        os.sched_setscheduler(0, policy, os.sched_param(0))


def begin() -> subprocess.Popen[bytes]:
    """Start the process that will screen this workspace; it waits for its order."""
    process = subprocess.Popen(
        [sys.executable, "-m", "amana.services.audience.screener"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    os.setpriority(os.PRIO_PROCESS, process.pid, LOW)
    return process


def finish(
    house: House, process: subprocess.Popen[bytes], order: Order, tell: Callable[[float], None]
) -> Line:
    """Hand over the order and hear the process out: its last line, with an answer or a trouble."""
    last = Line(trouble=ENDED)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(pickle.dumps((house.again, order)))
            process.stdin.close()
        except BrokenPipeError:
            return last  # ended before it heard us
        for text in process.stdout:
            line = msgspec.json.decode(text, type=Line)
            if line.answer is not None or line.trouble:
                last = line
            else:
                tell(line.share)
    if process.returncode:
        for left in (_beside(order.path), _audience(order.path)):
            left.unlink(missing_ok=True)
        return Line(trouble=ENDED if process.returncode < 0 else "error")
    return last


def screened(house: House, inquiry: Inquiry) -> screening.Screened:
    """Everybody's answer now, as `screening.screen` gives it; where there are many people, by a process of its own.

    For threads of a program that answers others meanwhile. Raises as `screening.screen`, and Busy if it was cut short.
    """
    group = ColumnStore(house.columns).manifest().groups.get(cache.PERSON_GROUP)
    if group is None or group.rows < MANY:
        return screening.screen(house, inquiry)
    with TemporaryDirectory(prefix="screen-", dir=house.folder) as folder:
        path = Path(folder) / "answer.npz"
        order = Order(inquiry=inquiry, at=house.clock(), people=None, path=path)
        last = finish(house, begin(), order, lambda share: None)
        if last.answer is None:
            raise errors.Busy("A screen of everybody was not finished", got=last.trouble, remedy="ask again")
        with np.load(path) as held:
            people, bits = held["people"], held["bits"]
    told = last.answer
    return screening.Screened(
        people,
        bits,
        blocks.count(blocks.distinct(bits)),
        0,
        told["at"],
        told["rules_version"],
        told["ledger_size"],
        told["seconds"],
        told["catch_up_seconds"],
    )


def screen(opening: Opening, order: Order, out: BinaryIO) -> None:
    """The work of the process: say how far it is, and at last what came out."""

    def say(line: Line) -> None:
        out.write(msgspec.json.encode(line) + b"\n")
        out.flush()

    try:
        with opening() as house:
            say(Line(share=0.2))
            answer = _screened(house, order, lambda: say(Line(share=0.8)))
    except errors.AmanaError as trouble:
        say(Line(trouble=trouble.code))
    else:
        say(Line(answer=answer))


def _screened(house: House, order: Order, is_screened: Callable[[], None]) -> dict[str, Any]:
    audience = None
    if order.people is not None:
        audience = _audience(order.path)
        audience.write_text("".join(f"p{person}\n" for person in order.people), "utf-8")
    try:
        result = screening.screen(house, order.inquiry, order.at, audience, caught_up=give_way)
    finally:
        if audience is not None:
            audience.unlink()
    is_screened()
    building = _beside(order.path)
    if building.suffix == ".npz":
        np.savez(building, people=result.people, bits=result.bits)
    else:
        screening.write(result, building)
    building.replace(order.path)
    seconds = {"seconds": result.seconds, "catch_up_seconds": result.catch_up_seconds}
    return _told(result) | (seconds if building.suffix == ".npz" else {})


def _beside(path: Path) -> Path:
    return path.with_stem(f"{path.stem}-unfinished")


def _audience(path: Path) -> Path:
    return path.with_suffix(".ids")


def _told(result: screening.Screened) -> dict[str, Any]:
    return {
        "people": len(result.people),
        "allowed": int(result.counts.allowed),
        "by_reason": {code: int(count) for code, count in result.counts.by_reason.items() if count},
        "unknown": int(result.unknown),
        "at": int(result.at),
        "rules_version": result.rules_version,
        "ledger_size": int(result.ledger_size),
    }
