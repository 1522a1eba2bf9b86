"""Clocks: whose law says until when somebody's request must be answered.

Rule. The law is that of where the person lives, a state or region before its country; of somebody whose country nobody
knows, that of every country the workspace serves. What a country's pack does not say counts as nothing said.
"""

from __future__ import annotations

from datetime import UTC, datetime

from amana.core import state as states
from amana.core.pack_values import Deadline
from amana.services.record.house import House


def deadlines(house: House, state: states.PersonState, received: int) -> list[tuple[str, Deadline | None]]:
    """The deadlines of the countries whose law applies to somebody, as `rights.due` takes them."""
    on = datetime.fromtimestamp(received, UTC).date()
    residence = states.attribute(state, "residence")
    region = states.attribute(state, "region")
    serves = [residence] if residence else list(house.workspace.organisation.serves)
    found: list[tuple[str, Deadline | None]] = []
    for country in serves:
        place = f"{country}-{region}" if region and residence else country
        place = place if house.book.knows(place) else country
        chain = house.book.chain(place) if house.book.knows(place) else ()
        found.append((country, next((due for one in chain for due in one.due("request", on)), None)))
    return found
