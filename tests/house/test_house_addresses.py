"""No file names a package registry or a place on somebody's machine.

Rule: locks pin by hash, so where a package is fetched from is the installer's own business, and a path of
one machine means nothing on another. Patterns below are written so that this file does not match itself.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house_tree import name_of, repository_files

FORBIDDEN = {
    "registry host": re.compile(
        r"[p]ypi\.org|[p]ythonhosted\.org|[n]pmjs\.(?:org|com)|[y]arnpkg\.com|[c]rates\.io|[p]roxy\.golang\.org"
    ),
    "index or file address": re.compile(
        r"(?<!no-emit-)[i]ndex-url|(?<!no-emit-)[f]ind-links|[t]rusted-host|https?://\S+/[s]imple/?(?:\s|$)"
    ),
    "path of one machine": re.compile(r"(?<![\w.])/(?:[w]ork|[r]oot|[h]ome|[o]pt|[U]sers)/\w"),
}
LOCKS_WITH_ADDRESSES = {"uv.lock", "poetry.lock", "Pipfile.lock"}


def faults(text: str) -> list[str]:
    """Every forbidden address in a text, as `line: kind: match`."""
    return [
        f"{number}: {kind}: {match.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for kind, pattern in FORBIDDEN.items()
        for match in pattern.finditer(line)
    ]


@pytest.fixture(scope="module")
def files() -> tuple[Path, ...]:
    listed = repository_files()
    if listed is None:
        pytest.skip("not a git checkout: which files belong to the repository is unknown")
    return listed


def test_no_file_names_a_registry_or_a_path_of_one_machine(files: tuple[Path, ...]) -> None:
    found = [
        f"{name_of(path)}:{fault}"
        for path in files
        for fault in faults(path.read_bytes().decode("utf-8", errors="replace"))
    ]
    assert not found


def test_no_lock_file_that_carries_addresses_is_kept(files: tuple[Path, ...]) -> None:
    assert not [name_of(path) for path in files if path.name in LOCKS_WITH_ADDRESSES]


@pytest.mark.parametrize(
    "line",
    [
        "--index" + "-url https://mirror.example/",
        "--extra-index" + "-url=https://mirror.example/",
        "--find" + "-links wheels",
        "see https://" + "pypi" + ".org/project/amana",
        "https://files." + "pythonhosted" + ".org/packages/x.whl",
        "https://registry." + "npmjs" + ".org/htmx",
        "https://mirror.example/" + "simple/",
        "open('/" + "home/maya/data.csv')",
        "file:///" + "work/main",
        "cd /" + "root/amana",
    ],
)
def test_the_patterns_find_an_address_when_there_is_one(line: str) -> None:
    assert faults(line)


@pytest.mark.parametrize(
    "line",
    [
        "uv pip compile --no-emit-index-url --no-emit-find-links",
        "https://shop.example/home/offers",
        "src/work/thing.py",
        "make PYTHON=/path/to/python3.11",
    ],
)
def test_the_patterns_leave_ordinary_lines_alone(line: str) -> None:
    assert not faults(line)
