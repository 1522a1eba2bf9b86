"""What the proofs cost: the tree in memory, receipts, and the audit and publication of a whole workspace.

Rule. The tree is grown to ten million leaves in memory, nothing durable; a bare loop that hashes twice for each leaf, the
least a Merkle tree can cost, stands beside it. The workspace is made with addresses, consents, and the withdrawals of
every third person, recorded durably on the disk that TMPDIR names; every figure of it is one pass on one thread over the
real databases, with warm file caches. On a busy machine the processor's time says more than the clock. Receipt sizes are
of the typical record at ten million leaves.

    python benchmarks/ledger.py [events, default 100000]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

import ledger_pure
from amana import wiring
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, PointKind, Proof, Status
from amana.ledger import merkle, note, receipt, tiles
from amana.ledger import verify as verifying
from amana.services.keeping import audit
from amana.services.record import publication, receipts, records
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.settings import Settings
from figures import Figure, Spent, show, spent

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
PROOFS = 3_000
TEN_MILLION = 10_000_000
RECEIPT_SIZES = 20_000
MOST_ONES = 2**23 - 1  # of all indexes below ten million, the one with the longest proof
LEAVES_AT_ONCE = 1_000
MOST_EVENTS = 1_000_000
SECTION, DURABLE, READ = "ledger", "SQLite, FULL, keys too", "SQLite, read only"


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


def address(number: int) -> events.Point:
    """A person's address is added."""
    return events.Point(
        id=sha256(f"{number}/address".encode()).hexdigest()[:32],
        occurred=Interval(lo=MOMENT, hi=MOMENT),
        actor=Actor.IMPORT,
        source=1,
        point=0,
        point_kind=PointKind.EMAIL,
        change="added",
        value=f"person{number}@mail.example",
    )


def fill(house: House, wanted: int) -> None:
    """Record about this many events: seven for each three people."""
    keyer = Keyer(house.keys)
    for start in range(0, wanted * 3 // 7, PEOPLE_PER_WRITE):

        def work(session: Session, first: int = start) -> None:
            for number in range(first, first + PEOPLE_PER_WRITE):
                person, added = session.new_person(), address(number)
                found = keyer.stored(added.point_kind.value, added.value)
                if found is not None:
                    session.add_point(person, added.point_kind.value, found.blind, added.value, 0)
                session.record(person, added)
                session.record(person, permission(number, Status.GIVEN))
                if number % 3 == 0:
                    session.record(person, permission(number, Status.WITHDRAWN))

        house.writing().write(work)


def timed(work: Callable[[], T]) -> tuple[T, Spent]:
    found: list[T] = []
    took = spent(lambda: found.append(work()))
    return found[0], took


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of receipts in a log of ten million entries."""

    record: int
    mean: float
    at_99: int
    largest: int  # of any entry
    plain: float  # the share that carries its record as it is
    witnessed: int  # on a checkpoint of ten million entries that one witness cosigned


def receipt_sizes() -> Sizes:
    """The sizes of a full consent's receipts, whenever they are made: each stands on the tree right after its entry."""
    record = records.encode(permission(1, Status.GIVEN), 123_456, sha256(b"the one before").digest())
    signer = note.signer("amana-log/0123456789abcdef", bytes(32))
    witness = note.signer("amana-witness/0123456789abcdef", bytes(32), note.Algorithm.COSIGNATURE)

    def made(leaves: int, index: int, cosigned: bool = False) -> str:
        path = merkle.inclusion_proof(index, leaves, lambda height, number: bytes(32))
        head = note.sign(f"{signer.verifier.name}\n{leaves}\n{note.encode_base64(bytes(32))}\n", signer)
        signed = note.cosign(head, witness, MOMENT) if cosigned else head
        return receipt.make(bytes(32), record, index, path, signed)

    spread = [number * 7_919_011 % TEN_MILLION for number in range(RECEIPT_SIZES)]
    texts = [made(index + 1, index) for index in spread]
    sizes = sorted(len(text.encode()) for text in texts)
    carried = note.encode_base64(bytes(32) + record)
    return Sizes(
        record=len(record),
        mean=statistics.mean(sizes),
        at_99=sizes[len(sizes) * 99 // 100],
        largest=len(made(MOST_ONES + 1, MOST_ONES).encode()),
        plain=sum(carried in text for text in texts) / len(texts),
        witnessed=len(made(TEN_MILLION, spread[1], cosigned=True).encode()),
    )


def in_memory() -> Iterator[Figure]:
    """The tree alone: growing it, and proofs from its tiles."""
    bare = ledger_pure.bare_leaf(ledger_pure.numbered(50_000))
    kept: dict[tuple[int, int], bytes] = {}
    edge, took = tiles.EMPTY, Spent(0.0, 0.0)
    for at in range(0, TEN_MILLION, LEAVES_AT_ONCE):
        entries = [number.to_bytes(32, "big") for number in range(at, at + LEAVES_AT_ONCE)]
        appended, one = timed(lambda edge=edge, entries=entries: tiles.append(edge, entries))  # type: ignore[misc]  # bound now
        edge, took = appended.edge, Spent(took.wall + one.wall, took.cpu + one.cpu)
        kept.update(((tile.level, tile.index), tile.body) for tile in appended.tiles)
    yield Figure(SECTION, "Merkle leaves", *took, TEN_MILLION, "leaves", bare * TEN_MILLION, "in memory")
    indexes = [number * 7_919_011 % TEN_MILLION for number in range(PROOFS)]
    proofs = ledger_pure.proof_times(TEN_MILLION, lambda level, index, width: kept[level, index], indexes)
    at_99 = proofs[len(proofs) * 99 // 100]
    what = f"p50 {statistics.median(proofs) * 1e6:.0f} µs; any leaf of {TEN_MILLION:,}, tiles in memory"
    yield Figure(SECTION, "inclusion proof, warm, p99", at_99, 0.0, 1, "proofs", note=what)
    *_, making, verifying_one = ledger_pure.deep_receipt()
    yield Figure(SECTION, "make a receipt", making, 0.0, 1, "receipts", note="in memory")
    yield Figure(
        SECTION, "verify a receipt with its signature", verifying_one, 0.0, 1, "receipts", note="in memory"
    )
    found = receipt_sizes()
    sizes = f"receipt, bytes: mean {found.mean:,.0f}, p99 {found.at_99:,}, largest {found.largest:,}"
    of = f"{found.record}-byte record, {TEN_MILLION:,} leaves, {found.plain:.0%} carry it as it is"
    yield Figure(SECTION, sizes, 0.0, 0.0, 1, "receipts", note=of)
    sizes = f"receipt with a witness's word, bytes: {found.witnessed:,}"
    yield Figure(
        SECTION, sizes, 0.0, 0.0, 1, "receipts", note=f"on a cosigned checkpoint of {TEN_MILLION:,} leaves"
    )


def measured(folder: Path, wanted: int) -> list[Figure]:
    """A whole workspace: what was done, what it took, and for how many events or receipts."""
    settings = Settings(workspace=folder / "workspace", actor="benchmark")
    wiring.create(settings, WORKSPACE)
    with wiring.opened(settings, writing=True) as house:
        _, filling = timed(lambda: fill(house, wanted))
    with wiring.opened(settings) as house:
        key = publication.log_key(house)
        quick, glance = timed(lambda: audit.quick(house))
        size = quick.size
    with wiring.opened(settings) as house:  # no keys in memory yet, as for a nightly audit
        full, whole = timed(lambda: audit.full(house))
        spread = range(2, size, 7 * max(1, size // (7 * RECEIPTS)))  # the consent of every third person
        batch, making = timed(lambda: receipts.many(house, list(spread)))
        _, checking = timed(lambda: [verifying.verify(one, key.text()) for one in batch])
        _, exporting = timed(lambda: publication.export(house, folder / "published"))
        _, again = timed(lambda: publication.export(house, folder / "published"))
        _, strangers = timed(lambda: publication.check(folder / "published", key))
    million = (
        f"{whole.cpu * 1e6 / size:.0f} processor seconds a million; {full.addresses:,} addresses opened too"
    )
    return [
        Figure(SECTION, "record addresses, consents, withdrawals", *filling, size, "events", note=DURABLE),
        Figure(SECTION, "quick audit", *glance, size, "events", note=READ),
        Figure(SECTION, "full audit", *whole, size, "events", note=f"{READ}; {million}"),
        Figure(SECTION, "make a receipt, in a batch", *making, len(batch), "receipts", note=READ),
        Figure(SECTION, "verify a receipt of it", *checking, len(batch), "receipts", note=READ),
        Figure(SECTION, "publish the log, from nothing", *exporting, size, "events", note="files, synced"),
        Figure(SECTION, "publish the log, nothing new", *again, size, "events", note="files, synced"),
        Figure(SECTION, "check the published log", *strangers, size, "events", note=READ),
    ]


def figures(size: int) -> list[Figure]:
    """The section for the table; a workspace of at most a million events."""
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        return [*in_memory(), *measured(Path(name), min(size, MOST_EVENTS))]


def main() -> None:
    show(figures(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))


if __name__ == "__main__":
    main()
