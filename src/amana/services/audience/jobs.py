"""Jobs: long work with a number, a state and a file at the end.

Rule. One job is done at a time, in a process of its own (`screening_apart`), in the order asked for; at most `MOST` wait.
A job belongs to the key that asked for it, and nobody else sees it. Jobs live in the memory of the process that took
them: they are advice and are asked for again after a restart, or after their process was ended from outside. Files hold
ids and reasons only, stand below the workspace's folder, and are removed after a day, and when the process starts.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from amana import errors
from amana.services.audience import screening_apart
from amana.services.audience.screening_apart import Line, Order
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House

MOST = 20
LIFE = 86_400  # seconds
ENDINGS = ("csv", "parquet")


class Job(msgspec.Struct, kw_only=True):
    """One job. Progress is a share between nought and one."""

    id: str
    owner: str
    state: str  # waiting | running | done | failed
    made: int
    progress: float = 0.0
    ended: int | None = None
    answer: dict[str, Any] = {}
    trouble: str = ""  # code of the error, or `screening_apart.ENDED`
    file: Path | None = None


class Jobs:
    """The jobs of one process. Safe for several threads."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._folder = house.folder / "screens"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._pool = ThreadPoolExecutor(1, "amana-job")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def close(self) -> None:
        """End the running job, drop the waiting ones."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def screen(
        self, owner: str, inquiry: Inquiry, at: int | None, people: tuple[int, ...] | None, ending: str
    ) -> Job:
        """Screen everybody, or some people by id, into a file. Raises BadInput, Busy (too many jobs wait)."""
        if ending not in ENDINGS:
            raise errors.BadInput("The form of the file is not known", expected=" or ".join(ENDINGS))
        job = self._new(owner)
        path = self._folder / f"{job.id}.{ending}"
        self._pool.submit(self._run, job, inquiry, at, people, path)
        return job

    def get(self, owner: str, number: str) -> Job:
        """A job of this owner. Raises NotFound."""
        job = self._jobs.get(number)
        if job is None or job.owner != owner:
            raise errors.NotFound(
                "There is no such job", remedy="jobs live a day, or until the server restarts"
            )
        return job

    def _new(self, owner: str) -> Job:
        now = self._house.clock()
        with self._lock:
            self._forget(now - LIFE)
            if sum(1 for job in self._jobs.values() if job.ended is None) >= MOST:
                raise errors.Busy("Too many jobs wait", expected=f"at most {MOST}", remedy="ask again later")
            job = Job(id=self._house.random(12).hex(), owner=owner, state="waiting", made=now)
            self._jobs[job.id] = job
        return job

    def _forget(self, before: int) -> None:
        for number in [number for number, job in self._jobs.items() if (job.ended or before) < before]:
            path = self._jobs.pop(number).file
            if path is not None:
                path.unlink(missing_ok=True)

    def _run(
        self, job: Job, inquiry: Inquiry, at: int | None, people: tuple[int, ...] | None, path: Path
    ) -> None:
        def tell(share: float) -> None:
            job.progress = share

        job.state, job.progress, state = "running", 0.1, "failed"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            moment = self._house.clock() if at is None else at
            order = Order(inquiry=inquiry, at=moment, people=people, path=path)
            last = self._apart(order, tell)
            job.trouble = last.trouble
            if last.answer is not None:
                job.answer, job.file, job.progress, state = last.answer, path, 1.0, "done"
        except Exception:
            job.trouble = "error"
            raise
        finally:
            job.ended = self._house.clock()
            job.state = state

    def _apart(self, order: Order, tell: Callable[[float], None]) -> Line:
        """The last line of a process that does it."""
        with self._lock:
            if self._closed:
                return Line(trouble=screening_apart.ENDED)
            process = self._process = screening_apart.begin()
        try:
            return screening_apart.finish(self._house, process, order, tell)
        finally:
            with self._lock:
                self._process = None
