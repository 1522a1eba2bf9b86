"""What is wrong or unsure in a law book.

Rule. For every pack, cell and day from `modelled_from` on, exactly one row must speak at the most specific
level that speaks at all: none is a *gap*, more are a *double*. Rows begin on their first day and end after
their last, so only those days are looked at, which is the whole calendar. A word without a meaning is an
*unknown_word*. A row that is believed rather than seen, or not of high confidence, is *unconfirmed*. A
condition that nothing keeps is *not_enforced*. The first three make a book unfit for use; the last two are
shown to people.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from amana.core.pack_values import (
    ENFORCED_BY,
    NOT_ENFORCED,
    Condition,
    Jurisdiction,
    Marked,
    Pack,
    Problem,
    Row,
    cell,
)
from amana.core.vocabulary import Channel, SubjectType

Packs = Mapping[str, Pack]
Chains = Mapping[str, tuple[str, ...]]
"""Pack code -> itself and its parents, most specific first."""


def problems(packs: Packs, chains: Chains) -> list[Problem]:
    """Everything a reader of the book should know, gravest first."""
    found = [problem for code in sorted(packs) for problem in _cells(packs, chains[code])]
    found += _undefined(packs, chains)
    conditions = _conditions(packs)
    found += [
        Problem(kind="unknown_word", where=where, words=f"{one.token}: {one.enforced}")
        for where, one in conditions
        if one.enforced not in ENFORCED_BY
    ]
    found += _unconfirmed(packs)
    found += [
        Problem(kind=NOT_ENFORCED, where=where, words=one.token)
        for where, one in conditions
        if one.enforced == NOT_ENFORCED
    ]
    return found


def _cells(packs: Packs, chain: tuple[str, ...]) -> list[Problem]:
    found = []
    for on in _turning_days(packs, chain):
        for channel in Channel:
            for subject in SubjectType:
                rows = _speaking(packs, chain, channel, subject, on)
                if len(rows) != 1:
                    words = ", ".join(row.id for row in rows) or "no row speaks"
                    where = cell(chain[0], channel, subject, on)
                    found.append(Problem(kind="double" if rows else "gap", where=where, words=words))
    return found


def _speaking(
    packs: Packs, chain: tuple[str, ...], channel: Channel, subject: SubjectType, on: date
) -> list[Row]:
    for code in chain:
        rows = [row for row in packs[code].rows if row.speaks(channel, subject, on)]
        if rows:
            return rows
    return []


def _turning_days(packs: Packs, chain: tuple[str, ...]) -> list[date]:
    """The modelled days on which another row may begin to speak."""
    first = max(packs[code].jurisdiction.modelled_from for code in chain)
    days = {first}
    for row in (row for code in chain for row in packs[code].rows):
        if row.effective_from is not None:
            days.add(row.effective_from)
        if row.effective_to is not None:
            days.add(row.effective_to + timedelta(days=1))
    return sorted(day for day in days if day >= first)


def _undefined(packs: Packs, chains: Chains) -> list[Problem]:
    exceptions = {one.id for pack in packs.values() for one in pack.exceptions}
    found = []
    for code in sorted(packs):
        registries = {one.id for up in chains[code] for one in packs[up].jurisdiction.registries}
        for row in packs[code].rows:
            missing = [name for name in row.exceptions if name not in exceptions]
            missing += [name for name in row.registries if name not in registries]
            found += [
                Problem(kind="unknown_word", where=row.id, words=f"{name} is not defined") for name in missing
            ]
    return found


def _conditions(packs: Packs) -> list[tuple[str, Condition]]:
    """Every condition of the book with the place where it stands."""
    found: list[tuple[str, Condition]] = []
    for code in sorted(packs):
        pack = packs[code]
        found += [(row.id, one) for row in pack.rows for one in row.all_conditions()]
        found += [(rule.id, one) for rule in pack.exceptions for one in rule.conditions]
        found += [(f"{code} message", one) for rule in pack.jurisdiction.messages for one in rule.requires]
    return found


def _unconfirmed(packs: Packs) -> list[Problem]:
    marked: list[tuple[str, Marked]] = []
    for code in sorted(packs):
        marked += [(row.id, row) for row in packs[code].rows]
        marked += [(one.id, one) for one in packs[code].exceptions]
        marked += [(f"{code} {kind}", one) for kind, one in _parts(packs[code].jurisdiction)]
    return [
        Problem(kind="unconfirmed", where=where, words=f"{row.mark.value}, {row.confidence.value}")
        for where, row in marked
        if not row.confirmed
    ]


def _parts(jurisdiction: Jurisdiction) -> list[tuple[str, Marked]]:
    """Every marked row of a jurisdiction beside its rules, with a word for its kind."""
    parts: list[tuple[str, Marked]] = [(f"registry {one.id}", one) for one in jurisdiction.registries]
    parts += [("age", one) for one in jurisdiction.ages]
    parts += [(f"age of {code}", one) for code, one in jurisdiction.members.items()]
    parts += [("quiet hours", one) for one in jurisdiction.quiet]
    parts += [("caps", one) for one in jurisdiction.caps]
    parts += [("message", one) for one in jurisdiction.messages]
    parts += [(f"{one.kind} deadline", one) for one in jurisdiction.deadlines]
    parts += [(one.topic, one) for one in jurisdiction.facts]
    return parts
