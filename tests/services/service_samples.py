"""A small workspace that lists are imported into, and what the gate says of it. All people are invented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amana.core.statements import PersonRow, Reject
from amana.core.vocabulary import Channel
from amana.services.collection.imports import Order
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record.house import House
from worlds import lists, orchard

FIELDS = {
    "residence": ("residence", "column"),
    "zone": ("zone", "column"),
    "name": ("full_name", "sealed"),
    "born": ("birth_date", "sealed"),
    "guardian": ("guardian", "sealed"),
    "town": ("", "sealed"),
}
DEFINITION = orchard.workspace(
    '\n[topics.art]\nen = "Art"\n[topics.sport]\nen = "Sport"\n',
    "\n[caps.email]\nper_day = 2\n",
    *(orchard.field(name, means=means, hold=hold) for name, (means, hold) in FIELDS.items()),
    serves=("DE", "UK"),
    brands=("orchard", "harbour"),
    purposes={"offers": ("email", "sms", "post", "ads_audience"), "news": ("email",)},
    told=("email", "sms"),
)

OFFERS = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)
TEXTS = Inquiry(brand="orchard", purpose="offers", channel=Channel.SMS)
POST = Inquiry(brand="orchard", purpose="offers", channel=Channel.POST)


def order(name: str, rows: Sequence[PersonRow | Reject]) -> Order:
    """An import of these rows from a source of that name."""
    return lists.order(name, rows, tuple(FIELDS))


def reasons(house: House, who: int | str, inquiry: Inquiry = OFFERS, **more: Any) -> list[str]:
    """Why a person, or whoever holds an address, may not be contacted; empty for an allow."""
    gate = Gate(house)
    try:
        found = (
            gate.ask(who, inquiry, **more)
            if isinstance(who, int)
            else gate.ask_address(who, inquiry, **more)[0]
        )
    finally:
        gate.close()
    return [reason.code for reason in found.reasons]
