"""The desk: what all handlers of one process share: the open house, a gate for each thread, and who holds a key.

Rule. Work that may block is done in a few threads of the desk's own, each with its gate. What another process changed
(registries, notices, terms, a restore, the workspace file, the law book, a revoked key) is noticed within `FRESH`
seconds: the surroundings are read again then, and gates made before are replaced. A workspace file that cannot be read
leaves the old one in force and says so in the log (`services.renewing`).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import msgspec
import structlog

from amana.services.audience import jobs
from amana.services.audience.asking_many import Many
from amana.services.gate import registries
from amana.services.gate.asking import Gate
from amana.services.law_book import renewing
from amana.services.law_book.renewing import FRESH
from amana.services.record import api_keys
from amana.services.record.api_keys import Caller
from amana.services.record.house import House
from amana.storage import register, restores

_log = structlog.get_logger("amana.api")
P = ParamSpec("P")
T = TypeVar("T")

THREADS = 4
MOST_KEYS = 1_000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How this process is reached."""

    trusted_hops: int = 0  # proxies in front of it whose X-Forwarded-For is believed
    tls: bool = False


class Desk:
    """Shared by all handlers of one process."""

    def __init__(self, house: House, options: Options = Options()) -> None:
        self.house = house
        self.options = options
        self.jobs = jobs.Jobs(house)
        self.printer = (
            asyncio.Lock()
        )  # held while a document is printed, so that one thread at most waits for it
        self._threads = ThreadPoolExecutor(THREADS, "amana-api")
        self._beside = ThreadPoolExecutor(1, "amana-beside")  # its own: what waits there holds up no answer
        self._local = threading.local()
        self._gates: list[Gate] = []
        self._manies: list[Many] = []
        self._done: dict[Hashable, float] = {}
        self._lock = threading.Lock()
        self._checked = time.monotonic()
        self._generation = 0
        self._renewer = renewing.Renewer(house)
        self._around = self._surroundings()
        self._callers: dict[str, tuple[Caller, float]] = {}

    def close(self) -> None:
        """Finish what runs, give back connections."""
        self.jobs.close()
        self._beside.shutdown(wait=True, cancel_futures=True)
        self._threads.shutdown(wait=True)
        for many in self._manies:
            many.close()
        for gate in self._gates:
            gate.close()
        self._gates.clear()
        self._manies.clear()

    async def run(self, work: Callable[P, T], *args: P.args, **words: P.kwargs) -> T:
        """Do blocking work in one of the desk's threads."""

        def call() -> T:
            return work(*args, **words)

        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def begin(self, work: Callable[P, object], *args: P.args, **words: P.kwargs) -> None:
        """Begin blocking work beside the answers, one piece after the other; what it raises goes to the log."""

        def call() -> None:
            try:
                work(*args, **words)
            except Exception as defect:  # noqa: BLE001  nobody is left to raise it to; the answers go on without it
                _log.error("beside", kind=type(defect).__name__)

        self._beside.submit(call)

    def gate(self, *, with_remedies: bool = False) -> Gate:
        """The gate of this thread, which knows what was committed until a second ago; people are always read anew."""
        self.look_around()
        name = "explaining" if with_remedies else "deciding"
        held: tuple[int, Gate] | None = getattr(self._local, name, None)
        if held is not None and held[0] == self._generation:
            return held[1]
        generation, gate = self._generation, Gate(self.house, with_remedies=with_remedies)
        with self._lock:
            self._gates.append(gate)
            if held is not None:
                self._gates.remove(held[1])
        if held is not None:
            held[1].close()
        setattr(self._local, name, (generation, gate))
        self._local.kept = {}
        self._forget_many()
        return gate

    def many(self) -> Many:
        """What answers about many people by id, over this thread's gate."""
        gate = self.gate()
        held: Many | None = getattr(self._local, "many", None)
        if held is None:
            held = self._local.many = Many(gate)
            with self._lock:
                self._manies.append(held)
        return held

    def is_due(self, what: Hashable, pause: float) -> bool:
        """Whether something was not done by this process in the last `pause` seconds; then it counts as done now."""
        now = time.monotonic()
        with self._lock:
            if now - self._done.get(what, -pause) < pause:
                return False
            self._done[what] = now
            return True

    def _forget_many(self) -> None:
        held: Many | None = getattr(self._local, "many", None)
        if held is not None:
            with self._lock:
                self._manies.remove(held)
            held.close()
            self._local.many = None

    def kept(self) -> dict[Any, Any]:
        """What this thread made from its gates; empty again whenever one of them is replaced."""
        found: dict[Any, Any] = self._local.kept
        return found

    def caller(self, authorization: str) -> Caller | None:
        """Who sends this `Authorization: Bearer` header; None without a key that is good."""
        scheme, _, key = authorization.partition(" ")
        return self.holder(key.strip()) if scheme.lower() == "bearer" else None

    def holder(self, key: str) -> Caller | None:
        """Who holds a key; looked up at most once a second for each."""
        held = self._callers.get(key)
        now = time.monotonic()
        if held is not None and now - held[1] < FRESH:
            return held[0]
        found = api_keys.known(self.house, key)
        if found is None:
            self._callers.pop(key, None)
            return None
        if len(self._callers) >= MOST_KEYS:
            self._callers.clear()
        self._callers[key] = (found, now)
        return found

    # ---- what others may have changed ---------------------------------------------------------------------------

    async def renew(self) -> None:
        """Look around before a request that asks no gate; whoever comes while another looks does not wait."""
        if time.monotonic() - self._checked >= FRESH and not self._lock.locked():
            await asyncio.to_thread(self.look_around)

    def look_around(self) -> None:
        """Notice, at most once in `FRESH` seconds, what others changed."""
        if time.monotonic() - self._checked < FRESH:
            return
        with self._lock:
            if time.monotonic() - self._checked < FRESH:
                return
            self._renewer.look(at_once=True)
            found = self._surroundings()
            if found != self._around:
                self.house.writing().reload_terms()
                self._around = found
                self._generation += 1
            self._checked = time.monotonic()

    def _surroundings(self) -> tuple[Any, ...]:
        house = self.house
        with house.database.read() as connection:
            terms = register.terms(connection)
            return (
                house.workspace,
                house.book.version,
                terms.brands,
                terms.purposes,
                register.topics(connection),
                [(one.id, one.version, one.hash, one.epoch) for one in register.notice_versions(connection)],
                restores.holds(connection),
                registries.in_force(house),
            )
