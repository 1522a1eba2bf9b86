"""The program as its own tree of commands says it is: what docs/commands.md is held against.

Rule: the page has one section `## amana <verb>` for each command, in the program's order; in each, the table of words is
the program's, the prose around it is a person's. `python tests/cli/command_tree.py` puts the tables right; a section for
a new command comes with its table, and waits for somebody to say when one needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from amana.cli import explain
from amana.cli.main import app

DOCS = Path(__file__).resolve().parents[2] / "docs"
HEAD = "| word | what it is for |"
NOTHING = "Takes no words of its own."

_SECTION = re.compile(r"^## (amana[^\n]*)\n(.*?)(?=^## |\Z)", re.M | re.S)
_TABLE = re.compile(rf"^{re.escape(HEAD)}\n(?:\|[^\n]*\n?)*|^{re.escape(NOTHING)}\n", re.M)


def commands() -> dict[str, str]:
    """Each command with the table of its arguments and options; `amana` itself among them."""
    return dict(_walk("amana", typer.main.get_command(app)))


def _walk(name: str, command: Any) -> Iterator[tuple[str, str]]:
    own = [_parameter(one) for one in command.params if "--help" not in one.opts]
    children = getattr(command, "commands", None)
    if children is None or own:
        yield name, table(own)
    for child, below in (children or {}).items():
        yield from _walk(f"{name} {child}", below)


def _parameter(one: Any) -> tuple[str, str]:
    names = sorted([*one.opts, *one.secondary_opts], key=len, reverse=True)
    shown = ", ".join(names) if one.param_type_name == "option" else str(one.metavar or one.name).upper()
    needed = "" if one.required is False else " Needed."
    return shown, " ".join((one.help or "").split()) + needed


def table(parameters: list[tuple[str, str]]) -> str:
    """The Markdown table of one command."""
    rows = [f"| `{name}` | {what} |" for name, what in parameters]
    return "\n".join([HEAD, "|---|---|", *rows]) + "\n" if rows else f"{NOTHING}\n"


def sections(page: str) -> dict[str, str]:
    """The text of each section that is about a command."""
    return {name.strip(): text for name, text in _SECTION.findall(page)}


def tables(page: str) -> dict[str, str]:
    """The table of each section."""
    found = {name: _TABLE.search(text) for name, text in sections(page).items()}
    return {name: match.group() if match else "" for name, match in found.items()}


def prose(section: str) -> str:
    """A section without its table."""
    return _TABLE.sub("", section).strip()


def refreshed(page: str) -> str:
    """The page with the program's tables, its sections in the program's order."""
    before = sections(page)
    opening = page[: page.index("## amana")] if before else page
    parts = [opening]
    for name, told in commands().items():
        said = prose(before.get(name, ""))
        parts.append(f"## {name}\n\n" + (f"{said}\n\n" if said else "") + f"{told}\n")
    return "".join(parts).rstrip("\n") + "\n"


def reasons(page: str) -> str:
    """The page of reasons with the rule book's table."""
    opening = page[: page.index("| rank |")] if "| rank |" in page else page
    return f"{opening}{explain.page(explain.explained())}\n"


def main() -> None:
    """Put the pages right."""
    for name, put_right in (("commands.md", refreshed), ("reasons.md", reasons)):
        path = DOCS / name
        path.write_text(put_right(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
