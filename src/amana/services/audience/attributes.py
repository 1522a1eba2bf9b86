"""Attributes in columns: what people are chosen and compared by, beside the facts that rules read.

Rule. Each registered field with `hold = "column"` is a column of numbers; the manifest keeps the word behind each number,
and the number of a value never changes. Beside them stands the latest moment in a person's record that a later look
back must not see. A second group holds, for one cell, the import or capture through which the grant that counts came.
Both are a cache like the facts: rebuilt from the record, at the ledger's head before they are read, blank where somebody
was erased. When the registered fields change, the group is written anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from amana.columns import layout
from amana.columns.store import Columns, ColumnStore, Group, Loaded, Manifest
from amana.core import facts, state
from amana.core.state import PersonState
from amana.core.vocabulary import Hold
from amana.services.audience import cache, screening
from amana.services.record.house import House
from amana.storage import log, people

Array = np.ndarray[Any, Any]
LATEST = "latest"
SOURCE = "source"
GROUP = "words"
ORIGIN = "origin-"


class Attributes(NamedTuple):
    """The fields of everybody at one ledger position."""

    position: int
    loaded: Loaded
    words: dict[str, tuple[str, ...]]  # field -> the word of each number; "" is none


class Origins(NamedTuple):
    """For one cell: the source of each person's counting grant, 0 for none."""

    loaded: Loaded


def fields(house: House) -> tuple[str, ...]:
    """The registered fields that stand in columns."""
    return tuple(name for name, one in house.workspace.fields.items() if one.hold is Hold.COLUMN)


def catch_up(house: House) -> Attributes:
    """Bring the fields to the ledger's head, and map them."""
    names = fields(house)
    wanted = (LATEST, *(layout.WORDS + name for name in names))
    known: dict[str, dict[str, int]] = {}

    def project(person: PersonState) -> tuple[int, ...]:
        return (
            latest(person),
            *(_number(known[name], state.attribute(person, name)) for name in names),
        )

    def begin(manifest: Manifest) -> None:
        for name in names:
            words = manifest.words.get(name, ("",))
            known[name] = {word: number for number, word in enumerate(words)}

    manifest, loaded = _caught(house, GROUP, wanted, project, begin, lambda: known)
    return Attributes(
        manifest.groups[GROUP].position, loaded, {name: manifest.words.get(name, ("",)) for name in names}
    )


def origins(house: House, cell: int) -> Origins:
    """Bring the sources of one cell's grants to the ledger's head, and map them."""

    def project(person: PersonState) -> tuple[int, ...]:
        grant = facts.counting_grant(person, cell)
        return (grant.source if grant else 0,)

    return Origins(_caught(house, f"{ORIGIN}{cell}", (SOURCE,), project)[1])


def column(loaded: Loaded, name: str, rows: Array) -> Array:
    """One column for some rows, with what changed since the base was written."""
    found: Array = screening.gathered((loaded,), rows, (name,))[name]
    return found


def latest(person: PersonState) -> int:
    """The latest moment of anything in a state that had to happen before it can be seen; 0 if there is nothing."""
    moments = [claim.lo for claims in person.cells.values() for claim in claims]
    moments += [shown.at for held in person.shown.values() for shown in held]
    moments += [choice.at for choice in person.choices.values()]
    moments += [moment for point in person.points.values() for moment in (point.blocked, point.unblocked)]
    return max([0, person.restricted, person.unrestricted, *moments])


def projected(manifest: Manifest, name: str, person: PersonState) -> dict[str, int]:
    """What one of these groups has to say of a person: column -> number, -1 for a word that has none."""
    if name != GROUP:
        grant = facts.counting_grant(person, int(name.removeprefix(ORIGIN)))
        return {SOURCE: grant.source if grant else 0}
    numbers = {LATEST: latest(person)}
    for field, words in manifest.words.items():
        word = state.attribute(person, field)
        numbers[layout.WORDS + field] = words.index(word) if word in words else -1
    return numbers


# ---- one group --------------------------------------------------------------------------------------------------


def _caught(
    house: House, name: str, wanted: tuple[str, ...], project: Any, begin: Any = None, words: Any = None
) -> tuple[Manifest, Loaded]:
    """The group at the ledger's head. `words` gives, after the projection, the numbers of all words by field."""
    store = ColumnStore(house.columns)
    with cache.locked(house), house.database.read() as connection:
        checkpoint = log.latest(connection)
        head = checkpoint.size if checkpoint else 0
        manifest = cache.not_ahead(store.manifest(), head)
        group = _usable(store, manifest.groups.get(name), wanted)
        if group is None or group.position < head:
            if begin is not None:
                begin(manifest)
            rows, values = [], []
            for person, held in people.changed_since(connection, group.position if group else 0):
                rows.append(person - 1)
                values.append(project(held))
            serial = manifest.serial + 1
            group = cache.stored(store, group, name, serial, head, rows, values, wanted)
            held_words = manifest.words | _listed(words() if words is not None else {})
            groups = manifest.groups | {name: group}
            manifest = msgspec.structs.replace(manifest, serial=serial, groups=groups, words=held_words)
            store.publish(manifest)
        return manifest, store.load(group)


def _usable(store: ColumnStore, group: Group | None, wanted: Iterable[str]) -> Group | None:
    """The group, unless it has other columns than are wanted now."""
    if group is None:
        return None
    held: Columns = store.load(group).base
    return group if set(held) == set(wanted) else None


def _number(numbers: dict[str, int], word: str) -> int:
    return numbers.setdefault(word, len(numbers))


def _listed(numbers: dict[str, dict[str, int]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(words) for name, words in numbers.items()}
