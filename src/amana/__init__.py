"""Amana as a library: about ten names, each loaded when it is first used.

    import amana

    with amana.workspace("shop") as shop:
        gate = amana.Gate(shop)
        inquiry = amana.Inquiry(brand="shop", purpose="newsletter", channel=amana.Channel.EMAIL)
        decision, _ = gate.ask_address("ann@example.com", inquiry)
        everybody = amana.screen(shop, inquiry)

The names stand for `wiring.workspace_at` and the services of the same words. Loading is lazy, so that the ledger's
verifier (`python -m amana.ledger.verify`) stays small: nothing is imported here but what is asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

_SURFACE = {
    "workspace": ("amana.wiring", "workspace_at"),
    "Gate": ("amana.services.gate.asking", "Gate"),
    "Many": ("amana.services.audience.asking_many", "Many"),
    "Inquiry": ("amana.services.gate.asking", "Inquiry"),
    "Handling": ("amana.services.gate.handling", "Handling"),
    "Decision": ("amana.core.decision", "Decision"),
    "Channel": ("amana.core.vocabulary", "Channel"),
    "screen": ("amana.services.audience.screening", "screen"),
    "submit": ("amana.services.collection.capture", "submit"),
    "change_preferences": ("amana.services.collection.preferences", "change"),
    "take_permits": ("amana.services.gate.permits", "take"),
    "history": ("amana.services.record.history", "of_person"),
    "reveal": ("amana.services.record.reveal", "reveal"),
    "forget": ("amana.services.keeping.forget", "forget"),
    "AmanaError": ("amana.errors", "AmanaError"),
}

__all__ = list(_SURFACE)


def __getattr__(name: str) -> Any:
    """Load one name of the surface (PEP 562)."""
    place = _SURFACE.get(name)
    if place is None:
        raise AttributeError(f"amana has no {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(place[0]), place[1])
