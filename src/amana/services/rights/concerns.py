"""Why a person of ours looks at a request before anything runs.

Rule. A machine refuses nobody. What could harm somebody else (an address that is several people's, an agent or a guardian
without proof) and what is repeated beyond reason (GDPR art. 12(5)) waits for a person, with its ground as a token. A No
never waits: it binds everybody who holds the address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from amana.core import state as states
from amana.core.rights import Asker, Identity, Kind
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.systems import data_map
from amana.storage.requests import RequestRow

MANY = 3
"""So many requests of one kind that ended in `RECENT` are looked at by a person before another runs."""
RECENT = 180 * 86_400


def of(
    session: Session,
    kind: Kind,
    asker: Asker,
    proved: Identity,
    held: Sequence[int],
    known: Sequence[RequestRow],
) -> str:
    """Why a person should look first; "" for no reason. `held` are those who hold the address, `known` their requests.

    Of a child on whose record a guardian stands, the address on record is the guardian's: proving it is their proof.
    """
    if len(held) > 1 and kind not in (Kind.OBJECTION, Kind.WITHDRAWAL):
        return "address_of_several_people"
    if asker is Asker.AGENT and proved < Identity.CHECKED:
        return "agent_without_authority"
    theirs = states.attribute(session.person(held[0]).state, "guardian") == "yes"
    if asker is Asker.GUARDIAN and proved < Identity.STEPPED_UP and not theirs:
        return "guardian_not_proved"
    since = session.now - RECENT
    ended = [one for one in known if one.kind == kind.value and (one.ended or 0) > since]
    if len(ended) >= MANY and kind in (Kind.ACCESS, Kind.PORTABILITY):
        return "asked_often"
    return ""


def unheld(house: House, categories: Iterable[str]) -> str:
    """The ground of a correction that no registered field and no connected system could take; "" for none."""
    held = {field.category for field in house.workspace.fields.values()}
    for dataset in data_map.load(house.folder).datasets:
        for collection in dataset.collections:
            held.update(one for field in collection.fields for one in field.categories)
    return "" if held.issuperset(categories) else "nothing_holds_it"
