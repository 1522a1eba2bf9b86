"""Many evaluations in full, read together: what each is told is what it would be told alone, to the byte.

Rule. Evaluations of one question at one moment go together: one statement for all of them, the reasons from the columns
where there are columns, the evidence from everybody's own state (`asking_many.decisions`). What is no question about a
person's contact (addresses, use and sharing of data, words that nobody knows), and a question that few ask, is answered
one by one, in its place. A list that ends with its first Yes or No is answered one by one throughout, so that nothing
is asked past the end.

Columns are made, and brought to the ledger's head, beside the answers and now and then; nobody waits for them. Until
they are there everybody is read from their state, which takes longer and says the same.
"""

from __future__ import annotations

from amana import errors
from amana.api import briefly, decisions
from amana.api.decisions import Answer, Asker, Asks
from amana.api.desk import Desk

FEWEST = 16  # evaluations for which reading together costs less than one by one
SMALLEST = 8  # … and of one question: planning it for columns costs as much as answering so many


def is_worth_it(asks: Asks) -> bool:
    """Whether these evaluations are to be read together."""
    return len(asks.evaluations) >= FEWEST and asks.options.evaluations_semantic == "execute_all"


def answered(desk: Desk, asker: Asker, asks: Asks) -> tuple[Answer, ...]:
    """The answers in order. Raises PermissionDeniedException (another key's brand)."""
    told: list[Answer | None] = [None] * len(asks.evaluations)
    for group, (places, people) in _groups(asker, asks, told).items():
        if len(places) < SMALLEST:
            for place in places:
                told[place] = asker.part(asks, asks.evaluations[place])
            continue
        for place, answer in zip(places, _of_one_question(desk, asker, group, people), strict=True):
            told[place] = answer
    return tuple(one for one in told if one is not None)


def _groups(
    asker: Asker, asks: Asks, told: list[Answer | None]
) -> dict[briefly.Group, tuple[list[int], list[int]]]:
    """The places and people of each question; what is no such question is answered in its place."""
    groups: dict[briefly.Group, tuple[list[int], list[int]]] = {}
    shared = briefly.shared(asker, asks)
    for place, part in enumerate(asks.evaluations):
        group = shared if briefly.is_plain(part) else None
        resource = part.resource or asks.resource
        if group is None:
            group = _group(asker, asks, part)
        if group is None or resource is None:
            told[place] = asker.part(asks, part)
            continue
        places, people = groups.setdefault(group, ([], []))
        places.append(place)
        people.append(max(0, decisions.person_id(resource.id)))
    return groups


def _group(asker: Asker, asks: Asks, part: decisions.Part) -> briefly.Group | None:
    """The question about contact that an evaluation asks of a person; None if it asks something else."""
    ask = decisions.merged(asks, part)
    if ask is None or ask.resource.type != "person":
        return None
    try:
        at = decisions.moment(ask.context.get("time"))
    except errors.BadInput:
        return None
    inquiry = asker.inquiry(ask.subject, ask.action)
    return None if isinstance(inquiry, str) else (inquiry, at)


def _of_one_question(desk: Desk, asker: Asker, group: briefly.Group, people: list[int]) -> list[Answer]:
    inquiry, at = group
    briefly.keep_up(desk, inquiry)
    return [asker.told(decision) for decision in desk.many().decisions(people, inquiry, at)]
