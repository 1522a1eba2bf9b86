"""Records: the canonical JSON of an event, which the log commits to.

Rule. A record is the event's own fields plus `v` (version of the form), `person`, and `prev`, the commitment of the
same person's previous event in base64url (empty for the first): a holder of a late receipt can see that an earlier
event was dropped. Enums are their words, times whole UTC seconds, evidence checks their bits. Fields at their default
are left out. The bytes are canonical (RFC 8785); nothing in a record is a float.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from amana.core import events
from amana.ledger import canonical

VERSION = 1

_EVENT = msgspec.json.Decoder(events.AnyEvent)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An opened record."""

    person: int
    prev: bytes
    event: events.AnyEvent


def encode(event: events.AnyEvent, person: int, prev: bytes) -> bytes:
    """The canonical bytes of one event of one person."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    fields["v"] = VERSION
    fields["person"] = person
    fields["prev"] = base64.urlsafe_b64encode(prev).decode()
    return canonical.encode(fields)


def decode(data: bytes) -> Record:
    """The record behind canonical bytes. Raises VerificationFailed if they are not canonical."""
    fields: Any = canonical.decode(data)
    person, prev = fields.pop("person"), fields.pop("prev")
    fields.pop("v")
    return Record(
        person=person,
        prev=base64.urlsafe_b64decode(prev),
        event=_EVENT.decode(msgspec.json.encode(fields)),
    )
