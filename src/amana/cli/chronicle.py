"""Events in words: what the ledger says happened to one person, without any value that identifies them.

Rule. Each event becomes one sentence part and its details. Addresses and the values of sealed fields are never said, only
that there is one; `amana reveal` opens them and leaves a record of the look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from amana.cli import rendering
from amana.core import events
from amana.core.phrases import Phrases
from amana.core.statements import ANY
from amana.core.vocabulary import Proof
from amana.services.record.history import Opened

HIDDEN = "(sealed)"


def told(event: events.AnyEvent, text: Phrases) -> str:
    """What happened, in words."""
    match event:
        case events.Permission():
            return f"permission {text.status[event.status.value]}: {_cell(event, text)}{_extra(event)}"
        case events.Relationship():
            return f"evidence of another basis ({event.basis}): {_cell(event, text)}"
        case events.Point():
            reason = f" ({rendering.words(event.reason)})" if event.reason else ""
            return f"contact point {event.point + 1} ({event.point_kind.value}) {event.change}{reason}"
        case events.Profile():
            known = ", ".join([*event.columns, *event.sealed])
            return f"recorded about the person: {known}"
        case events.Preference():
            return f"preference of the person: {_preference(event)}"
        case events.Restriction():
            return "processing restricted" if event.on else "restriction of processing lifted"
        case events.Retraction():
            return _retraction(event)
        case events.Held():
            return (
                "known through a bought list without papers: held"
                if event.on
                else "vouched for by this source"
            )
        case events.Notice():
            return f"notice {event.notice} published" + (", a material change" if event.material else "")
        case events.Erasure():
            return f"people erased: {len(event.positions)} events no longer open"
        case events.Continuation():
            return f"the log goes on after a restore, from {event.size} events of {event.origin}"


def source(number: int, names: Mapping[int, str]) -> str:
    """Through which import or capture point an event came."""
    return f"{names[number]} (import {number})" if number in names else "the workspace"


def plain(opened: Opened) -> dict[str, Any]:
    """An event as JSON, with what identifies the person left out."""
    event: dict[str, Any] = msgspec.to_builtins(opened.event)
    if event.get("value"):
        event["value"] = HIDDEN
    if "sealed" in event:
        event["sealed"] = dict.fromkeys(event["sealed"], HIDDEN)
    return {"position": opened.position, "commitment": opened.commitment.hex(), "event": event}


def _cell(event: events.Permission | events.Relationship, text: Phrases) -> str:
    purpose = "every purpose" if event.purpose == ANY else event.purpose
    channel = "every channel" if event.channel == ANY else text.means(event.channel)
    brand = "every brand" if event.brand == ANY else event.brand
    about = f" of {event.category}" if isinstance(event, events.Permission) and event.category else ""
    return f"{purpose}, {channel}{about}, for {brand}"


def shown(event: events.AnyEvent, text: Phrases) -> str:
    """The evidence checks that an event's capture met, in words; nothing for an event that has none."""
    if not isinstance(event, events.Permission | events.Relationship):
        return ""
    return text.proofs(str(proof.name).lower() for proof in Proof if proof & event.proof)


def _retraction(event: events.Retraction) -> str:
    also = ", refusals too" if event.also_refusals else "; its refusals stay"
    because = f" ({event.reason})" if event.reason else ""
    return f"import {event.retracts} undone{also}{because}"


def _extra(event: events.Permission) -> str:
    parts = [f"notice {event.notice}"] if event.notice else []
    parts += [rendering.words(event.reason)] if event.reason else []
    parts += ["confirmed by the holder of the address"] if event.confirmed else []
    return f" ({'; '.join(parts)})" if parts else ""


def _preference(event: events.Preference) -> str:
    parts: list[str] = []
    if event.paused_until is not None:
        parts.append(f"paused until {rendering.moment(event.paused_until)}")
    if event.hours is not None or event.days is not None:
        parts.append("days or hours chosen")
    if event.topics_off is not None:
        parts.append(f"topics off: {', '.join(event.topics_off) or 'none'}")
    if event.per_month is not None:
        parts.append(f"at most {event.per_month} in thirty days")
    return "; ".join(parts)
