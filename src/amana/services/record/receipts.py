"""Receipts: the proof that a person keeps, made from the stored log and checked before it is handed out.

Rule. A receipt is a C2SP tlog-proof of one event. It stands on the latest checkpoint that a witness cosigned, where that
one covers the event, because another party's word is worth more than brevity. Otherwise it stands on the tree as it was
right after the event, in which its proof is the shortest there is: that checkpoint is signed now, under the log's present
name, after its root was proved to be a beginning of the last signed tree (decisions/0010). A receipt holds the opened
record and needs nothing but the log's public key to be checked, for ever, also after the person was erased here. The
server keeps none.

A batch shares one node reader, so that a thousand receipts read few tiles. Every proof is verified before it leaves: a
log that would hand out a broken one says so instead. An event that holds an address or a profile is an identifying value:
its receipt goes through `revealed`, which records who looked and what for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import events
from amana.ledger import checkpoint, merkle, nodes, note, receipt, sealing
from amana.services.record import history, publication, records, verify_page
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import log, proofs, register
from amana.storage.log import EventRow

IDENTIFYING = (events.Point, events.Profile)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that receipts stand on."""

    tree: checkpoint.Checkpoint
    note: str  # as signed, with whatever cosignatures it has


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """One event ready to be proved."""

    position: int
    r: bytes
    data: bytes  # the record's canonical bytes
    record: records.Record
    commitment: bytes


def of(house: House, position: int, *, witnessed: bool = False) -> str:
    """The receipt of the event at a log position.

    Raises NotFound (no such position, or erased), Conflict (identifying: use `revealed`; or, when `witnessed`, no
    cosigned checkpoint covers it yet), KeyMissing, VerificationFailed, LedgerBroken.
    """
    return many(house, [position], witnessed=witnessed)[0]


def of_event_id(house: House, event_id: str, *, witnessed: bool = False) -> str:
    """The receipt of the event with this id (32 hexadecimal digits). Raises as `of`."""
    return of(house, find(house, event_id), witnessed=witnessed)


def find(house: House, event_id: str) -> int:
    """The log position of an event id. Raises BadInput, NotFound."""
    try:
        wanted = bytes.fromhex(event_id)
    except ValueError:
        raise errors.BadInput("Not an event id", expected="32 hexadecimal digits") from None
    with house.database.read() as connection:
        position = proofs.position_of(connection, wanted)
    if position is None:
        raise errors.NotFound(
            "There is no event with this id", remedy="check the id; erased events have none"
        )
    return position


def brand_of(text: str) -> str:
    """The brand that a receipt's event speaks of; empty for an event of no brand."""
    return str(getattr(records.decode(receipt.claimed(text)).event, "brand", ""))


def many(house: House, positions: Sequence[int], *, witnessed: bool = False) -> list[str]:
    """The receipts of several events, in the order asked for. Raises as `of`."""
    with house.database.read() as connection:
        opened = _open(house, connection, positions)
        if any(isinstance(one.record.event, IDENTIFYING) for one in opened):
            raise errors.Conflict(
                "This event holds an address or a profile",
                remedy="say what the look is for (--purpose), so that it can be recorded",
            )
        return _made(house, connection, opened, witnessed)


def revealed(house: House, position: int, *, actor: str, purpose: str, witnessed: bool = False) -> str:
    """The receipt of an event that may hold identifying values; the look is recorded first. Raises as `of`, BadInput."""
    if not actor or not purpose:
        raise errors.BadInput(
            "A look at personal data needs to say who looks and what for", expected="an actor and a purpose"
        )

    def work(session: Session) -> str:
        opened = _open(house, session.connection, [position])
        person = opened[0].record.person
        register.note_look(session.connection, session.now, actor, purpose, person, f"receipt {position}")
        return _made(house, session.connection, opened, witnessed)[0]

    return house.writing().write(work)


def _open(house: House, connection: sa.Connection, positions: Iterable[int]) -> list[Opened]:
    commitments = history.Commitments(connection)
    opened: list[Opened] = []
    for position in positions:
        row = proofs.event_at(connection, position) if position >= 0 else None
        if row is None:
            raise errors.NotFound(
                f"No event is stored at position {position}", remedy="check it; erased events have no receipt"
            )
        opened.append(_opened(house, row, commitments.at(position)))
    return opened


def _opened(house: House, row: EventRow, commitment: bytes) -> Opened:
    key = house.keys.keys([row.person])[row.person]
    try:
        r, data = sealing.open_sealed(key, row.sealed, commitment)
        record = records.decode(data)
    except errors.VerificationFailed as broken:
        raise errors.VerificationFailed(
            f"Event {row.position} does not verify: {broken.what}", remedy="run `amana audit`"
        ) from broken
    return Opened(position=row.position, r=r, data=data, record=record, commitment=commitment)


def _made(house: House, connection: sa.Connection, opened: Sequence[Opened], witnessed: bool) -> list[str]:
    heads = _Heads(house, connection)
    return [_receipt(one, heads, witnessed) for one in opened]


def _receipt(one: Opened, heads: _Heads, witnessed: bool) -> str:
    try:
        head = heads.cosigned_for(one.position) if witnessed else heads.best_for(one.position)
        tree = head.tree
        path = merkle.inclusion_proof(one.position, tree.size, heads.node)
        merkle.verify_inclusion(merkle.leaf_hash(one.commitment), one.position, tree.size, path, tree.root)
    except errors.VerificationFailed as broken:
        raise errors.LedgerBroken(
            f"The stored tree does not prove event {one.position}: {broken.what}", remedy="run `amana audit`"
        ) from broken
    return receipt.make(one.r, one.data, one.position, path, head.note)


class _Heads:
    """The checkpoints that the receipts of one batch may stand on. `node` reads the tree of the latest one."""

    def __init__(self, house: House, connection: sa.Connection) -> None:
        self._signer = publication.log_signer(house)
        row, cosigned = log.latest(connection), proofs.named(connection, proofs.COSIGNED)
        if row is None:
            raise errors.Conflict("The log is empty")
        self._latest = self._held(row)
        self._cosigned = None if cosigned is None else self._held(cosigned)
        self.node = nodes.node_reader(row.size, log.tile_reader(connection))

    def _held(self, row: log.CheckpointRow) -> Head:
        return Head(tree=checkpoint.verify(row.note, self._signer.verifier).checkpoint, note=row.note)

    def cosigned_for(self, position: int) -> Head:
        """The latest cosigned checkpoint. Raises Conflict if there is none, or none that covers a log position."""
        if self._cosigned is None:
            raise errors.Conflict("No witness has cosigned this log yet", remedy="run `amana witness ask`")
        if position >= self._cosigned.tree.size:
            raise errors.Conflict(
                f"No witness has cosigned a checkpoint that covers event {position} yet",
                remedy="run `amana witness ask`, or leave --witnessed out",
            )
        return self._cosigned

    def best_for(self, position: int) -> Head:
        """The cosigned checkpoint where it covers a log position, or else that of the tree right after it."""
        if self._cosigned is not None and position < self._cosigned.tree.size:
            return self._cosigned
        return self._right_after(position)

    def _right_after(self, position: int) -> Head:
        """The tree whose newest leaf stands at a position, proved to be a beginning of the latest one, then signed.

        Raises VerificationFailed if the stored tree does not prove it.
        """
        latest = self._latest.tree
        size = position + 1
        if size >= latest.size:
            return self._latest
        tree = checkpoint.Checkpoint(origin=latest.origin, size=size, root=merkle.tree_root(size, self.node))
        checkpoint.extends(tree, latest, merkle.consistency_proof(size, latest.size, self.node))
        return Head(tree=tree, note=checkpoint.sign(tree, self._signer))


def page(text: str, key: note.VerifierKey, language: str = "") -> str:
    """A page, whole in one file, that checks this receipt in any current browser without a network.

    It speaks every language of the product and opens in `language`, or in the browser's.
    """
    return verify_page.made({"receipt": text, "key": key.text()}, language)
