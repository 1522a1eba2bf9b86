"""System files from TOML, and the whole map put together from the texts of its folder.

Rule.
- `systems/<name>.toml` is one system: `[system]` says what it is, `[settings]` how it is reached. The file's name is
  the system's unless `name` says otherwise. Its `datasets` are YAML files of the same folder.
- A secret never stands in a file: it is named by a file or an environment variable (`password_file`, `token_env`). A
  setting that looks like a secret is refused and not shown, not even to whoever wrote it.
- A dataset belongs to one system. What no system names, and what is named and is not there, is a problem.
- A system that is asked to do the whole of it (opendsr, manual) may do without datasets; the others need one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

import msgspec

from amana.core import datasets as dataset_files
from amana.core.data_map import DataMap, Dataset, Plain, System
from amana.core.map_entries import Entries, Problem, Problems, listed, shown
from amana.core.vocabulary import Role

KINDS = frozenset({"sql", "files", "http", "opendsr", "manual"})
DESKS = frozenset({"opendsr", "manual"})
ROLES = frozenset({"ours", *(role.value for role in Role)})
SYSTEM_KEYS = frozenset(
    {"name", "kind", "label", "country", "vendor", "role", "purposes", "datasets", "receives_from"}
)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_SECRET_KEY = re.compile(
    r"(?:^|.*[_-])(?:password|passwd|passphrase|pwd|secret|credentials?|authorization|"
    r"(?:api|private|secret|access|signing|account|shared)[_-]?key|apikey)"
    r"|(?:access|auth|api|bearer|refresh|secret|session)?[_-]?token",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/\s@:]*:[^/\s@]+@"  # user:password@ in a URL
    r"|(?:^|[?&;\s])(?:password|passwd|pwd|secret|token|access_token|api_?key)\s*=\s*[^\s&;{]+"
    r"|^\s*(?:bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY",
    re.IGNORECASE,
)


class SystemFile(msgspec.Struct, frozen=True, kw_only=True):
    """What one file says: the system, still without its datasets' names, and the files of its datasets."""

    system: System
    files: tuple[str, ...]


def read(text: str, source: str) -> tuple[SystemFile | None, tuple[Problem, ...]]:
    """One system, and every problem found in its file; None where there is nothing to go on."""
    problems = Problems(source)
    try:
        raw: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as bad:
        problems.add("", "It cannot be read as TOML", got=str(bad)[:120], remedy="mend the line it names")
        return None, tuple(problems.found)
    top = Entries({key: _plain(value) for key, value in raw.items()}, "", problems)
    top.closed({"system", "settings"})
    entry = top.table("system")
    if entry is None:
        top.wrong("There is no [system]", expected="[system] with its kind", remedy="add it")
        return None, tuple(problems.found)
    entry.path = "system"
    found = _system(entry, top.table("settings"), source)
    return found, tuple(problems.found)


def _system(entry: Entries, settings: Entries | None, source: str) -> SystemFile:
    entry.closed(SYSTEM_KEYS)
    system = System(
        name=entry.text("name") or source.rpartition("/")[2].removesuffix(".toml"),
        kind=entry.needed("kind"),
        label=entry.text("label"),
        country=entry.text("country"),
        vendor=entry.text("vendor"),
        role=entry.text("role", "processor"),
        purposes=entry.texts("purposes"),
        receives_from=entry.texts("receives_from"),
        settings={} if settings is None else settings.raw,
        source=source,
    )
    _one_of(entry, "kind", system.kind, KINDS)
    _one_of(entry, "role", system.role, ROLES)
    if not _NAME.fullmatch(system.name):
        entry.wrong(
            "The name of a system has a form it may not have", expected="a-z 0-9 _ -", got=shown(system.name)
        )
    if system.country and not _COUNTRY.fullmatch(system.country):
        entry.wrong(
            "The country is not a code", expected="two capital letters, ISO 3166-1", got=shown(system.country)
        )
    files = entry.texts("datasets")
    for name in files:
        if "/" in name or "\\" in name or not name.endswith((".yml", ".yaml")):
            entry.wrong(
                "A dataset is not a YAML file beside this one", expected="such as shop.yml", got=shown(name)
            )
    if not files and system.kind in KINDS - DESKS:
        entry.wrong("The system has no datasets", expected='such as datasets = ["shop.yml"]', got="none")
    for path in secrets_in(system.settings):
        entry.problems.add(
            f"settings → {path}",
            "A secret stands in the file",
            expected="the name of a file or of an environment variable that holds it",
            remedy=f"take it out, change it where it is used, and write {_named_instead(path)}",
        )
    return SystemFile(system=system, files=files)


def _one_of(entry: Entries, key: str, word: str, known: frozenset[str]) -> None:
    if word and word not in known:
        entry.wrong(
            f"The {key} is not known", expected="one of: " + ", ".join(sorted(known)), got=shown(word)
        )


def _named_instead(path: str) -> str:
    key = re.sub(r"\W+", "_", path.rpartition(" → ")[2]).strip("_").lower()
    return f"{key}_file or {key}_env" if _SECRET_KEY.fullmatch(key) else "password_file or password_env"


def secrets_in(settings: Mapping[str, Plain], path: str = "") -> Iterator[str]:
    """Paths of settings that look as if they held a secret."""
    for key, value in settings.items():
        here = f"{path} → {key}" if path else key
        yield from _secret(key, value, here)


def _secret(key: str, value: Plain, here: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from secrets_in(value, here)
    elif isinstance(value, list):
        for number, one in enumerate(value, start=1):
            yield from _secret(key, one, f"{here} → {number}")
    elif isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        looks = _SECRET_KEY.fullmatch(key) or _SECRET_VALUE.search(str(value))
        yield from (here,) if looks else ()


def _plain(value: Any) -> Plain:
    """A TOML value as JSON knows it: days and times in ISO 8601."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    plain: Plain = value
    return plain


# ---- the whole --------------------------------------------------------------------------------------------------


def assemble(documents: Mapping[str, str]) -> tuple[DataMap, tuple[Problem, ...]]:
    """The map of a folder from its texts by file name, and every problem of its files and of how they fit.

    References and orders between datasets are `traversal.problems`'s to judge.
    """
    problems: list[Problem] = []
    held: dict[str, tuple[Dataset, ...]] = {}
    for name in sorted(one for one in documents if one.endswith((".yml", ".yaml"))):
        held[name], found = dataset_files.read(documents[name], name)
        problems += found
    systems: list[System] = []
    owner: dict[str, str] = {}  # file of a dataset -> file of its system
    for name in sorted(one for one in documents if one.endswith(".toml")):
        read_file, found = read(documents[name], name)
        problems += found
        if read_file is not None:
            systems.append(_joined(read_file, held, owner, problems))
    for name in sorted(set(held) - set(owner)):
        problems.append(
            Problem(
                file=name, path="", what="No system names this file", remedy="add it to a system's datasets"
            )
        )
    _check_systems(systems, problems)
    _check_names([one for name in sorted(held) for one in held[name]], problems)
    return DataMap(
        systems=tuple(sorted(systems, key=lambda one: one.name)),
        datasets=tuple(one for name in sorted(held) for one in held[name]),
    ), tuple(problems)


def _joined(
    found: SystemFile,
    held: Mapping[str, tuple[Dataset, ...]],
    owner: dict[str, str],
    problems: list[Problem],
) -> System:
    """The system with the names of its datasets."""
    source, names = found.system.source, []
    for file in found.files:
        if file not in held:
            problems.append(_in_system(source, f"The file {shown(file)} is not there", listed(sorted(held))))
        elif file in owner:
            problems.append(
                _in_system(source, f"{shown(file)} belongs to {owner[file]} already", "one system")
            )
        else:
            owner[file] = source
            names += [one.name for one in held[file]]
    return msgspec.structs.replace(found.system, datasets=tuple(names))


def _in_system(source: str, what: str, expected: str) -> Problem:
    return Problem(file=source, path="system", what=what, expected=expected, remedy="mend the name")


def _check_systems(systems: list[System], problems: list[Problem]) -> None:
    seen: dict[str, str] = {}
    for one in systems:
        if one.name in seen:
            problems.append(
                _in_system(
                    one.source, f"The system {one.name} stands in {seen[one.name]} too", "each name once"
                )
            )
        seen[one.name] = one.source
    for one in systems:
        for other in one.receives_from:
            if other not in seen or other == one.name:
                what = f"receives_from names {shown(other)}, which is no other system"
                problems.append(
                    _in_system(one.source, what, listed(sorted(set(seen) - {one.name})) or "none")
                )


def _check_names(datasets: list[Dataset], problems: list[Problem]) -> None:
    seen: dict[str, str] = {}
    for one in datasets:
        if one.name and one.name in seen:
            problems.append(
                Problem(
                    file=one.source,
                    path=one.name,
                    what=f"The dataset {one.name} stands in {seen[one.name]} too",
                    expected="each key once",
                    remedy="rename or drop one",
                )
            )
        seen[one.name] = one.source
