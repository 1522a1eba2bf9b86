"""Events in words: what the ledger says happened to one person, without any value that identifies them.

Rule. Each event becomes one sentence part and its details. Addresses and the values of sealed fields are never said, only
that there is one; `amana reveal` opens them and leaves a record of the look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from amana.cli import rendering
from amana.core import events
from amana.core.phrases import Phrases
from amana.core.statements import ANY
from amana.core.vocabulary import Proof
from amana.services.record.history import Opened
from amana.storage.sources import Source

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
            instead = ", in place of a wording under which nobody had said anything" if event.replaces else ""
            return f"notice {event.notice} published{instead}" + (
                ", a material change" if event.material else ""
            )
        case events.Erasure():
            return f"people erased: {rendering.counted(len(event.positions), 'event')} no longer open"
        case events.Continuation():
            return f"the log goes on after a restore, from {rendering.counted(event.size, 'event')} of {event.origin}"


def sources(known: Iterable[Source]) -> dict[int, str]:
    """What each import and capture point is called, by number."""
    return {
        one.id: f"{one.name} (capture point)" if one.kind == "capture" else f"{one.name} (import {one.id})"
        for one in known
    }


def source(number: int, names: Mapping[int, str]) -> str:
    """Through which import or capture point an event came; `names` are those of `sources`."""
    return names.get(number, "the workspace")


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
