"""The program as its own tree of commands says it is: what docs/commands.md is held against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from amana.cli.main import app


def commands() -> dict[str, list[tuple[str, str]]]:
    """Each command with its arguments and options: (name, what it is for); `amana` itself among them."""
    return dict(_walk("amana", typer.main.get_command(app)))


def _walk(name: str, command: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    own = [_parameter(one) for one in command.params if "--help" not in one.opts]
    children = getattr(command, "commands", None)
    if children is None or own:
        yield name, own
    for child, below in (children or {}).items():
        yield from _walk(f"{name} {child}", below)


def _parameter(one: Any) -> tuple[str, str]:
    names = sorted([*one.opts, *one.secondary_opts], key=len, reverse=True)
    shown = ", ".join(names) if one.param_type_name == "option" else str(one.metavar or one.name).upper()
    return shown, " ".join((one.help or "").split())


def table(parameters: list[tuple[str, str]]) -> str:
    """The Markdown table of one command."""
    rows = [f"| `{name}` | {what} |" for name, what in parameters]
    return "\n".join(["| word | what it is for |", "|---|---|", *rows]) if rows else "Takes no words of its own."
