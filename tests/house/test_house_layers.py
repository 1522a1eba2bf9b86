"""ARCHITECTURE.md shows the layers that are enforced, and names every room there is.

Rule: the first fenced block of ARCHITECTURE.md that holds an arrow lists the layers, highest first, `→`
between layers and `|` between rooms beside each other. `.importlinter` enforces the same list. Its
brackets, which mark a room that may be absent, are not shown. The table of rooms has a row for each in
src/amana.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from house_tree import PACKAGE, ROOT, table

Layers = list[frozenset[str]]


def layers_shown(markdown: str) -> Layers:
    """The layers in the first fenced block that holds an arrow."""
    for block in re.findall(r"^```[^\n]*\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL):
        if "→" in block:
            return [rooms(layer) for layer in block.split("→")]
    raise AssertionError("ARCHITECTURE.md has no fenced block with the layers")


def layers_enforced(config: str) -> Layers:
    """The layers of the import-linter contract."""
    parser = configparser.ConfigParser()
    parser.read_string(config)
    return [
        rooms(line) for line in parser["importlinter:contract:layers"]["layers"].split("\n") if line.strip()
    ]


def rooms(layer: str) -> frozenset[str]:
    """The rooms of one layer, without the brackets of a room that may be absent."""
    return frozenset(room.strip().strip("()").strip() for room in layer.split("|"))


def rooms_there(package: Path) -> set[str]:
    """Modules and directories of the package that hold a file; `__init__` and caches are no rooms."""
    return {
        path.stem
        for path in package.iterdir()
        if not path.name.startswith(("_", "."))
        and (path.is_file() or any("__pycache__" not in file.parts for file in path.rglob("*.*")))
    }


def test_the_architecture_shows_the_layers_that_are_enforced() -> None:
    shown = layers_shown((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert shown == layers_enforced((ROOT / ".importlinter").read_text(encoding="utf-8"))


def test_the_architecture_names_every_room() -> None:
    rows = table((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), "room")
    named = {row["room"].removesuffix(".py").rstrip("/") for row in rows}
    assert rooms_there(PACKAGE) == named


def test_a_different_order_is_a_difference() -> None:
    drawn = "text\n\n```\na | b\n→ c\n→ d\n```\n"
    assert layers_shown(drawn) == [frozenset("ab"), frozenset("c"), frozenset("d")]
    assert layers_shown(drawn) != layers_enforced(
        "[importlinter:contract:layers]\nlayers =\n    a | b\n    (d)\n    c\n"
    )
    assert layers_shown(drawn) == layers_enforced(
        "[importlinter:contract:layers]\nlayers =\n    (b) | a\n    (c)\n    d\n"
    )
