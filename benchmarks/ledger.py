"""What the proofs of a whole workspace cost: audit, receipts, publication, checking the published log.

A workspace with consents, and the withdrawals of every third person, is made in a temporary folder on the disk that
TMPDIR names; every figure is one pass on one thread over the real databases, with warm file caches. The audit is
printed for each event, so that it can be multiplied; on a busy machine the processor's time says more than the clock.
Receipt sizes are of the typical record at ten million leaves.

    python benchmarks/ledger.py [events, default 100000]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from amana import wiring
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Proof, Status
from amana.ledger import merkle, note, receipt
from amana.ledger import verify as verifying
from amana.services import audit, publication, receipts, records
from amana.services.house import House
from amana.services.writing import Session
from amana.settings import Settings

T = TypeVar("T")

WORKSPACE = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE"]
stored_in = "DE"
[brands.orchard]
name = "Orchard Street"
[purposes.offers]
notice = "offers"
channels = ["email"]
category = "marketing.communications.email"
[notices.offers]
version = "2026-01"
who = "Orchard Street Ltd"
purposes = ["offers"]
channels = ["email"]
kept_for = "P3Y"
withdraw = "link in each message"
text = { en = "We send you offers." }
"""
MOMENT = 1_700_000_000
PEOPLE_PER_WRITE = 700
RECEIPTS = 2_000
TEN_MILLION = 10_000_000


def permission(number: int, status: Status) -> events.Permission:
    """A full record: confirmed consent with its notice, or its withdrawal."""
    return events.Permission(
        id=sha256(f"{number}/{status.value}".encode()).hexdigest()[:32],
        occurred=Interval(lo=MOMENT, hi=MOMENT),
        actor=Actor.PERSON,
        source=1,
        evidence="form:checkout",
        brand="orchard",
        purpose="offers",
        channel="email",
        status=status,
        proof=Proof(0x1FF),
        confirmed=True,
        point=0,
        notice="offers@2026-01",
        notice_hash="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        notice_epoch=1,
    )


def fill(house: House, wanted: int) -> None:
    """Record about this many events: three for each two people or so."""
    for start in range(0, wanted * 3 // 4, PEOPLE_PER_WRITE):

        def work(session: Session, first: int = start) -> None:
            for number in range(first, first + PEOPLE_PER_WRITE):
                person = session.new_person()
                session.record(person, permission(number, Status.GIVEN))
                if number % 3 == 0:
                    session.record(person, permission(number, Status.WITHDRAWN))

        house.writing().write(work)


Spent = tuple[float, float]
"""Seconds by the clock, and seconds of the processor."""


def timed(work: Callable[[], T]) -> tuple[T, Spent]:
    start, busy = time.perf_counter(), time.process_time()
    found = work()
    return found, (time.perf_counter() - start, time.process_time() - busy)


def receipt_sizes() -> tuple[int, float, int, int]:
    """Bytes of the record, of a receipt given at once (mean), at worst, and made much later, at ten million leaves."""
    record = records.encode(permission(1, Status.GIVEN), 123_456, bytes(32))
    signer = note.signer("amana-log/0123456789abcdef", bytes(32))

    def size(leaves: int, index: int) -> int:
        path = merkle.inclusion_proof(index, leaves, lambda height, number: bytes(32))
        head = f"{signer.verifier.name}\n{leaves}\n{note.encode_base64(bytes(32))}\n"
        return len(receipt.make(bytes(32), record, index, path, note.sign(head, signer)).encode())

    at_once = [size(n, n - 1) for n in range(TEN_MILLION, TEN_MILLION + 4_096)]
    return len(record), statistics.mean(at_once), max(at_once), size(TEN_MILLION, 4_123_456)


def measured(folder: Path, wanted: int) -> list[tuple[str, Spent, int]]:
    """What was done, what it took, and for how many events or receipts."""
    settings = Settings(workspace=folder / "workspace", actor="benchmark")
    wiring.create(settings, WORKSPACE)
    with wiring.opened(settings, writing=True) as house:
        _, filling = timed(lambda: fill(house, wanted))
    with wiring.opened(settings) as house:
        key = publication.log_key(house)
        quick, glance = timed(lambda: audit.quick(house))
        size = quick.size
    with wiring.opened(settings) as house:  # no keys in memory yet, as for a nightly audit
        _, whole = timed(lambda: audit.full(house))
        spread = range(1, size, max(1, size // RECEIPTS))
        batch, making = timed(lambda: receipts.many(house, list(spread)))
        _, checking = timed(lambda: [verifying.verify(one, key.text()) for one in batch])
        _, exporting = timed(lambda: publication.export(house, folder / "published"))
        _, again = timed(lambda: publication.export(house, folder / "published"))
        _, strangers = timed(lambda: publication.check(folder / "published", key))
    return [
        ("record the events (whole write path)", filling, size),
        ("quick audit", glance, size),
        ("full audit", whole, size),
        ("make a receipt, in a batch", making, len(batch)),
        ("verify a receipt with its signature", checking, len(batch)),
        ("export the log, from nothing", exporting, size),
        ("export the log, nothing new", again, size),
        ("check the published log", strangers, size),
    ]


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        rows = measured(Path(name), wanted)
    print(f"{'':42}{'of':>10}{'seconds':>10}{'µs each':>10}{'CPU µs':>10}")
    for what, (seconds, busy), count in rows:
        print(f"{what:42}{count:10,}{seconds:10.3f}{seconds / count * 1e6:10.2f}{busy / count * 1e6:10.2f}")
    record, mean, worst, later = receipt_sizes()
    print(
        f"\nreceipt at {TEN_MILLION:,} leaves, {record}-byte record: given at once {mean:,.0f} bytes on average"
        f" ({worst:,} at most), made later {later:,} bytes"
    )


if __name__ == "__main__":
    main()
