"""Clocks: whose law says until when somebody's request must be answered, and which days do not count.

Rule. The law is that of where the person lives, a state or region before its country; of somebody whose country nobody
knows, that of every country the workspace serves. What a country's pack does not say counts as nothing said: only where
it says so (a fact `identity`) are days of waiting for a proof of identity left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from amana.core import state as states
from amana.core.pack_values import Deadline, Jurisdiction
from amana.services.record.house import House

IDENTITY = "identity"
"""The topic of the fact that such days do not count."""


def deadlines(house: House, state: states.PersonState, received: int) -> list[tuple[str, Deadline | None]]:
    """The deadlines of the countries whose law applies to somebody, as `rights.due` takes them."""
    on = _day(received)
    return [
        (country, next((due for one in chain for due in one.due("request", on)), None))
        for country, chain in _chains(house, state)
    ]


def pausing(house: House, state: states.PersonState, received: int) -> frozenset[str]:
    """Those of these countries in which days of waiting for a proof of identity do not count."""
    on = _day(received)
    return frozenset(
        country for country, chain in _chains(house, state) if any(one.about(IDENTITY, on) for one in chain)
    )


def _chains(house: House, state: states.PersonState) -> Iterator[tuple[str, tuple[Jurisdiction, ...]]]:
    """Each country with its packs, the most specific first."""
    residence = states.attribute(state, "residence")
    region = states.attribute(state, "region")
    for country in [residence] if residence else house.workspace.organisation.serves:
        place = f"{country}-{region}" if region and residence else country
        place = place if house.book.knows(place) else country
        yield country, tuple(house.book.chain(place)) if house.book.knows(place) else ()


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
