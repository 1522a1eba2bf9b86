"""Jobs: long work with a number, a state and a file at the end.

Rule. One job is done at a time, in its own thread, in the order asked for; at most `MOST` wait. A job belongs to the key
that asked for it, and nobody else sees it. Jobs live in the memory of the process that took them: they are advice and
are asked for again after a restart. Files hold ids and reasons only, stand below the workspace's folder, and are removed
after a day, and when the process starts.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from amana import errors
from amana.services import screening
from amana.services.asking import Inquiry
from amana.services.house import House

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
    trouble: str = ""  # code of the error
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

    def close(self) -> None:
        """Finish the running job, drop the waiting ones."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def screen(
        self, owner: str, inquiry: Inquiry, at: int | None, people: tuple[int, ...] | None, ending: str
    ) -> Job:
        """Screen everybody, or some people by id, into a file. Raises BadInput, Busy (too many jobs wait)."""
        if ending not in ENDINGS:
            raise errors.BadInput("The form of the file is not known", expected=" or ".join(ENDINGS))
        job = self._new(owner)
        path = self._folder / f"{job.id}.{ending}"

        def work() -> dict[str, Any]:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            audience = self._audience(job.id, people)
            try:
                result = screening.screen(self._house, inquiry, at, audience)
            finally:
                if audience is not None:
                    audience.unlink()
            job.progress = 0.8
            screening.write(result, path)
            job.file = path
            return _told(result)

        self._pool.submit(self._run, job, work)
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

    def _run(self, job: Job, work: Callable[[], dict[str, Any]]) -> None:
        job.state, job.progress = "running", 0.1
        try:
            job.answer = work()
        except errors.AmanaError as trouble:
            job.trouble, state = trouble.code, "failed"
        except Exception:
            job.trouble, state = "error", "failed"
            raise
        else:
            job.progress, state = 1.0, "done"
        finally:
            job.ended = self._house.clock()
            job.state = state

    def _audience(self, number: str, people: tuple[int, ...] | None) -> Path | None:
        if people is None:
            return None
        path = self._folder / f"{number}.ids"
        path.write_text("".join(f"p{person}\n" for person in people), "utf-8")
        return path


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
