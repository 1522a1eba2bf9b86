"""Receipts: the proof that a person keeps, made from the stored log and checked before it is handed out.

Rule. A receipt is a C2SP tlog-proof of one event against the latest signed checkpoint, or against the latest one that a
witness cosigned. It holds the opened record and needs nothing but the log's public key to be checked, for ever, also
after the person was erased here. The server keeps none.

A batch shares one checkpoint and one node reader, so that a thousand receipts read few tiles. Every proof is verified
before it leaves: a log that would hand out a broken one says so instead. An event that holds an address or a profile is
an identifying value: its receipt goes through `revealed`, which records who looked and what for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import events
from amana.ledger import checkpoint, merkle, nodes, note, receipt, sealing
from amana.services.record import history, publication, records
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import log, proofs, register
from amana.storage.log import EventRow

IDENTIFYING = (events.Point, events.Profile)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint that receipts of one batch stand on."""

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
    line = next(line for line in text.splitlines() if line.startswith("extra "))
    record = note.decode_base64(line.removeprefix("extra "))[sealing.RANDOMNESS_SIZE :]
    return str(getattr(records.decode(record).event, "brand", ""))


def many(house: House, positions: Sequence[int], *, witnessed: bool = False) -> list[str]:
    """The receipts of several events under one checkpoint, in the order asked for. Raises as `of`."""
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
    key = publication.log_key(house)
    head = _head(connection, key, witnessed)
    node = nodes.node_reader(head.tree.size, log.tile_reader(connection))
    return [_receipt(one, head, node) for one in opened]


def _receipt(one: Opened, head: Head, node: merkle.Reader) -> str:
    tree = head.tree
    if one.position >= tree.size:
        raise errors.Conflict(
            f"No witness has cosigned a checkpoint that covers event {one.position} yet",
            remedy="run `amana witness ask`, or leave --witnessed out",
        )
    path = merkle.inclusion_proof(one.position, tree.size, node)
    try:
        merkle.verify_inclusion(merkle.leaf_hash(one.commitment), one.position, tree.size, path, tree.root)
    except errors.VerificationFailed as broken:
        raise errors.LedgerBroken(
            f"The stored tree does not prove event {one.position}: {broken.what}", remedy="run `amana audit`"
        ) from broken
    return receipt.make(one.r, one.data, one.position, path, head.note)


def _head(connection: sa.Connection, key: note.VerifierKey, witnessed: bool) -> Head:
    """The latest checkpoint, with cosignatures if it has any; or the latest cosigned one."""
    latest, cosigned = log.latest(connection), proofs.named(connection, proofs.COSIGNED)
    row = cosigned if witnessed else latest
    if row is None:
        what = "No witness has cosigned this log yet" if witnessed else "The log is empty"
        raise errors.Conflict(what, remedy="run `amana witness ask`" if witnessed else "")
    signed = row.note
    if cosigned is not None and latest is not None and cosigned.root == latest.root:
        signed = cosigned.note
    return Head(tree=checkpoint.verify(signed, key).checkpoint, note=signed)


def page(text: str, key: note.VerifierKey) -> str:
    """A page, whole in one file, that checks this receipt in any current browser without a network."""
    given = msgspec.json.encode({"receipt": text, "key": key.text()}).decode().replace("<", "\\u003c")
    blank = resources.files("amana.data").joinpath("verify.html").read_text("utf-8")
    return blank.replace(_GIVEN, _GIVEN.replace("{}", given), 1)


_GIVEN = '<script id="given" type="application/json">{}</script>'
