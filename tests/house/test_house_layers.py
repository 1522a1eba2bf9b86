"""ARCHITECTURE.md shows the layers that are enforced, and names every room there is.

Rule: the first fenced block of ARCHITECTURE.md that holds an arrow lists the layers, highest first, `→`
between layers and `|` between rooms beside each other; the second lists the rooms of services the same way.
`.importlinter` enforces the same lists. Its brackets, which mark a room that may be absent, are not shown. The
tables of rooms have a row for each in src/amana, and for each in src/amana/services.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from house_tree import PACKAGE, ROOT, table

Layers = list[frozenset[str]]


def layers_shown(markdown: str, block: int = 0) -> Layers:
    """The layers in the fenced block with that number, of those that hold an arrow."""
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL)
    drawn = [text for text in fenced if "→" in text]
    assert len(drawn) > block, f"ARCHITECTURE.md has {len(drawn)} fenced blocks with layers"
    return [rooms(layer) for layer in drawn[block].split("→")]


def layers_enforced(config: str, contract: str = "layers") -> Layers:
    """The layers of an import-linter contract."""
    parser = configparser.ConfigParser()
    parser.read_string(config)
    lines = parser[f"importlinter:contract:{contract}"]["layers"].split("\n")
    return [rooms(line) for line in lines if line.strip()]


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


def test_the_architecture_shows_the_order_of_the_services() -> None:
    shown = layers_shown((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), block=1)
    assert shown == layers_enforced((ROOT / ".importlinter").read_text(encoding="utf-8"), "services")


def test_the_architecture_names_every_room() -> None:
    rows = table((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), "room")
    named = {row["room"].removesuffix(".py").rstrip("/") for row in rows}
    assert rooms_there(PACKAGE) == named


def test_the_architecture_names_every_room_of_the_services() -> None:
    rows = table((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), "room of services")
    named = {row["room of services"].removeprefix("services/").rstrip("/") for row in rows}
    assert rooms_there(PACKAGE / "services") == named


def test_a_different_order_is_a_difference() -> None:
    drawn = "text\n\n```\na | b\n→ c\n→ d\n```\n"
    assert layers_shown(drawn) == [frozenset("ab"), frozenset("c"), frozenset("d")]
    assert layers_shown(drawn) != layers_enforced(
        "[importlinter:contract:layers]\nlayers =\n    a | b\n    (d)\n    c\n"
    )
    assert layers_shown(drawn) == layers_enforced(
        "[importlinter:contract:layers]\nlayers =\n    (b) | a\n    (c)\n    d\n"
    )
