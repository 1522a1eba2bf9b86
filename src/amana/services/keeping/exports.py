"""Registered exports: addresses that leave the house, and how they are called back.

Rule. A file with contact values is registered before any value is opened: who gets it, until when, and whom it holds.
Each opening is a look, recorded like any other. When somebody in it is erased, or its time is over, the export is due
for recall: whoever sent it asks the recipient to delete it, and confirms that here. The values themselves are not kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from amana import errors
from amana.core.vocabulary import Channel
from amana.services.record import reveal
from amana.services.record.house import House
from amana.services.record.reveal import POINTS, Revealed
from amana.services.record.writing import Session
from amana.storage import exports

DAY = 86_400
BATCH = 1_000
NONE, DUE, CONFIRMED = "none", "due", "confirmed"


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """One export, as it stands now. Times are UTC seconds."""

    id: int
    at: int
    recipient: str
    file: str
    expires: int
    people: int  # that it held when it was made
    recall: str  # none | due | confirmed


def with_contact(
    house: House,
    people: Sequence[int],
    *,
    recipient: str,
    days: int,
    file: str,
    actor: str,
    purpose: str,
    fields: Sequence[str] = (POINTS,),
    channel: Channel | None = None,
) -> list[Revealed]:
    """Register an export of these people and open their values; each look is recorded.

    `file` is the name it will bear, `days` for how long the recipient may keep it. With a `channel`, only the address
    or number in use for it is opened. Raises BadInput without a recipient,
    days, an actor or a purpose; NotFound for unknown people or fields, with nothing given out.
    """
    if not recipient or days < 1:
        raise errors.BadInput(
            "An export of addresses needs to say who gets it, and for how long",
            expected="a recipient, and a number of days from 1",
            remedy="give --recipient and --days",
        )
    reveal.check(house, fields, actor, purpose)
    wanted = list(dict.fromkeys(people))

    def register(session: Session) -> None:
        unknown = exports.unknown(session.connection, wanted)
        if unknown:
            raise errors.NotFound("There is no such person", got=f"p{unknown[0]}", remedy="check the ids")
        number = exports.add(
            session.connection, session.now, recipient, file, session.now + days * DAY, len(wanted)
        )
        exports.add_members(session.connection, number, wanted)

    house.writing().write(register)
    opened: list[Revealed] = []
    for start in range(0, len(wanted), BATCH):
        chunk = wanted[start : start + BATCH]
        opened += reveal.reveal_many(house, chunk, fields, actor=actor, purpose=purpose, channel=channel)
    return opened


def listing(house: House) -> list[Export]:
    """Every export, oldest first; one whose time is over is due."""
    now = house.clock()
    with house.database.read() as connection:
        rows = exports.all_exports(connection)
    return [
        Export(**row._asdict() | {"recall": DUE if row.recall == NONE and row.expires <= now else row.recall})
        for row in rows
    ]


def confirm(house: House, number: int) -> None:
    """The recipient deleted an export. Raises NotFound."""
    changed = house.writing().write(lambda session: exports.recall(session.connection, number, CONFIRMED))
    if not changed:
        raise errors.NotFound(f"There is no export {number}", remedy="see `amana exports`")
