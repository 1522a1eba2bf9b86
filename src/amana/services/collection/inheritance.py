"""Inheritance: whoever comes to hold a known address is bound by every refusal that binds the address.

Rule. A No for an address is a No of the address: a newcomer takes over the refusals that bind its other holders on the
channels which that kind of address serves, with their times; and the block of an address that bounced or complained. A
refusal that its holder lifted themselves binds nobody new. An address on a suppression list makes its new holder one who
objected to everything. Nothing else is inherited: a permission is never.

Imports and captures record what is found here in their own words; neither decides it.
"""

from __future__ import annotations

import msgspec

from amana.core import facts
from amana.core import state as states
from amana.core.cells import CHANNEL_CODE, Terms
from amana.core.state import PersonState
from amana.core.statements import Interval
from amana.core.vocabulary import POINT_OF_CHANNEL, Channel, PointKind, Status

SHARED = "shared_address"
"""The reason that an inherited refusal carries."""

CODES_OF_KIND = {
    kind: frozenset({0, *(CHANNEL_CODE[one] for one in Channel if POINT_OF_CHANNEL[one] is kind)})
    for kind in PointKind
}
_STATUS_OF_CLASS = {
    states.REFUSED: Status.REFUSED,
    states.WITHDRAWN: Status.WITHDRAWN,
    states.OBJECTED: Status.OBJECTED,
    states.INVALIDATED: Status.INVALIDATED,
}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal that a new holder takes over."""

    brand: str
    purpose: str
    channel: str
    status: Status
    when: Interval


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block of the address itself."""

    when: Interval
    reason: str


def refusals(holder: PersonState, kind: PointKind, terms: Terms) -> list[Refusal]:
    """What binds a holder on the channels of one kind of address, cell by cell."""
    found: list[Refusal] = []
    for cell, claims in sorted(holder.cells.items()):
        if cell & 0xFF not in CODES_OF_KIND[kind] or not facts.binding_refusals(holder, cell):
            continue
        brand, purpose, channel = terms.words(cell)
        found += [
            Refusal(
                brand=brand,
                purpose=purpose,
                channel=channel,
                status=_STATUS_OF_CLASS[claim.kind],
                when=Interval(lo=claim.lo, hi=claim.hi),
            )
            for claim in claims
            if claim.kind >= states.REFUSED
        ]
    return found


CARRIER_BLOCKS = frozenset({"stop", "carrier_stop"})
"""Reasons of a block that the number's holder lifts with START."""


def block(holder: PersonState, ordinal: int) -> Block | None:
    """The block that stands on a holder's address, if one does."""
    point = holder.points.get(ordinal)
    if point is None or point.blocked < 0 or point.blocked < point.unblocked:
        return None
    return Block(when=Interval(lo=0, hi=point.blocked), reason=point.reason)
