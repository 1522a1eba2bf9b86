"""The data map of a workspace: read from its folder `systems`, and checked.

Rule.
- `load` gives a map that can be walked, or raises; `checked` gives all that is wrong with it, and holds it against the
  workspace too: purposes, brands and channels that it names exist there.
- A collection whose rows an erasure must change and nothing names (no primary key) is a mistake that `checked` gives
  and `load` lets pass: every other collection goes on being walked, and that one is a person's work each time.
- What may stand and yet deserves a look is a note: a personal field without a purpose, or one that erasure could not
  mask; retention that nobody can count; a system without its country. Notes stop nothing here; a plan that meets a
  field it cannot mask is refused by itself.
- Reading happens once for each state of the folder: names, sizes and times of change of its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from amana import errors
from amana.core import places, system_files, traversal
from amana.core.data_map import Collection, DataMap, Dataset, Field, Permission, System
from amana.core.map_entries import Problem, listed, refuse
from amana.core.system_files import DESKS
from amana.core.workspace import Workspace

FOLDER = "systems"
ENDINGS = frozenset({".toml", ".yml", ".yaml"})
KEPT_MAPS = 8

Stamp = tuple[str, int, int]


class Note(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something in the map that may stand and deserves a look."""

    where: str
    words: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A map with everything that is to be said about it."""

    map: DataMap
    problems: tuple[Problem, ...]
    notes: tuple[Note, ...]


def load(folder: Path) -> DataMap:
    """The map of the workspace in a folder; empty where nothing is connected. Raises BadInput."""
    data_map, problems = _read(folder, _stamps(folder))
    refuse(problems)
    return data_map


def checked(folder: Path, workspace: Workspace) -> Checked:
    """The map with all its problems, of itself and against the workspace, and its notes."""
    data_map, problems = _read(folder, _stamps(folder))
    found = (*problems, *_against(data_map, workspace), *_keyless(data_map))
    return Checked(map=data_map, problems=found, notes=tuple(sorted(set(_notes(data_map)))))


def _stamps(folder: Path) -> tuple[Stamp, ...]:
    """The files of the map, and what says whether they changed."""
    where = folder / FOLDER
    if not where.is_dir():
        return ()
    files = sorted(one for one in where.iterdir() if one.suffix in ENDINGS and one.is_file())
    return tuple((one.name, (found := one.stat()).st_mtime_ns, found.st_size) for one in files)


@lru_cache(maxsize=KEPT_MAPS)
def _read(folder: Path, stamps: tuple[Stamp, ...]) -> tuple[DataMap, tuple[Problem, ...]]:
    """The map in one state of its files; orders and references are looked at once every file can be read."""
    documents: dict[str, str] = {}
    problems: list[Problem] = []
    for name, _, _ in stamps:
        try:
            documents[name] = (folder / FOLDER / name).read_text("utf-8-sig")
        except UnicodeDecodeError:
            problems.append(
                Problem(file=name, path="", what="It is not UTF-8 text", remedy="save it as UTF-8")
            )
        except OSError as refused:
            raise errors.BadInput(
                f"A file of the data map cannot be read: {name}",
                got=refused.strerror or "",
                remedy="check its permissions",
            ) from refused
    data_map, found = system_files.assemble(documents)
    problems += found
    return data_map, tuple(problems) or traversal.problems(data_map)


# ---- against the workspace --------------------------------------------------------------------------------------


def _against(data_map: DataMap, workspace: Workspace) -> Iterator[Problem]:
    for system in data_map.systems:
        yield from _purposes(system.source, "system", system.purposes, workspace)
        if system.country and not places.zones_of(system.country):
            yield Problem(
                file=system.source,
                path="system",
                what="The country is not known",
                expected="two letters of ISO 3166-1",
                got=system.country,
                remedy="mend it",
            )
    for dataset in data_map.datasets:
        for one in dataset.collections:
            path = f"{dataset.name} → {one.name}"
            yield from _purposes(dataset.source, path, one.purposes, workspace)
            for field in one.fields:
                inside = f"{path} → {field.path.replace('.', ' → ')}"
                yield from _purposes(dataset.source, inside, field.purposes, workspace)
                if field.permission is not None:
                    yield from _permission(dataset.source, inside, field.permission, workspace)


def _purposes(file: str, path: str, names: tuple[str, ...], workspace: Workspace) -> Iterator[Problem]:
    for name in names:
        if name not in workspace.purposes:
            yield _unknown(file, path, f"The purpose {name} is not one of the workspace", workspace.purposes)


def _permission(file: str, path: str, named: Permission, workspace: Workspace) -> Iterator[Problem]:
    if named.brand not in workspace.brands:
        yield _unknown(file, path, f"The brand {named.brand} is not one of the workspace", workspace.brands)
    purpose = workspace.purposes.get(named.purpose)
    if purpose is None:
        yield _unknown(
            file, path, f"The purpose {named.purpose} is not one of the workspace", workspace.purposes
        )
    elif named.channel not in (channels := [channel.value for channel in purpose.channels]):
        yield _unknown(file, path, f"{named.channel} is not a channel of {named.purpose}", channels)


def _unknown(file: str, path: str, what: str, known: Iterable[str]) -> Problem:
    return Problem(
        file=file,
        path=path,
        what=what,
        expected=listed(sorted(known)) or "none",
        remedy="mend the name, or add it to amana.toml",
    )


def _keyless(data_map: DataMap) -> Iterator[Problem]:
    """Collections whose rows an erasure must change and nothing tells apart."""
    sources = {dataset.name: dataset.source for dataset in data_map.datasets}
    for place, one in traversal.walked(data_map).items():
        if not one.keys and traversal.wanted(one):
            yield Problem(
                file=sources[place.dataset],
                path=f"{place.dataset} → {place.collection}",
                what="No row of it can be changed or deleted: every erasure waits for a person to do it there",
                expected="a field with primary_key: true",
                remedy="name its key, or give the table one; skip_processing: true leaves it out, and says so",
            )


# ---- notes ------------------------------------------------------------------------------------------------------


def _notes(data_map: DataMap) -> Iterator[Note]:
    for system in data_map.systems:
        if not system.country:
            yield Note(where=system.name, words="no country: nobody can say where the data stands")
        held = [one for one in data_map.datasets if one.name in system.datasets]
        for dataset in held:
            for one in dataset.collections:
                yield from _collection_notes(system, dataset, one)


def _collection_notes(system: System, dataset: Dataset, one: Collection) -> Iterator[Note]:
    personal = traversal.chosen(one, (traversal.PERSONAL,))
    where = str(one.place)
    aimless = [field.path for field in personal if not (field.purposes or one.purposes or system.purposes)]
    if aimless:
        yield Note(where=where, words=f"personal fields without a purpose: {listed(aimless)}")
    if one.kept_for and not one.kept_since:
        yield Note(where=where, words="kept_for without kept_since: nobody can count when it is over")
    if one.skip and personal:
        yield Note(where=where, words="skipped, though fields of it are personal")
    if system.kind not in DESKS and not one.skip:
        yield from _unerasable(one, personal, where)


def _unerasable(one: Collection, personal: tuple[Field, ...], where: str) -> Iterator[Note]:
    found = traversal.classified(one, personal)
    unmaskable = [each for each in found.unmaskable if each.why is not traversal.Why.NO_KEY]
    if unmaskable:
        named = listed(f"{each.field.path} ({each.why.value})" for each in unmaskable)
        yield Note(where=where, words=f"no erasure can be planned before these are mended: {named}")
    if found.read_only:
        named = listed(field.path for field in found.read_only)
        yield Note(where=where, words=f"read only, will stay and be reported: {named}")
