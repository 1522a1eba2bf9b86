"""What a reason means: the rule book in words, in the order in which reasons are shown.

Rule. Everything said here is read from the rule book and the catalogue of sentences; nothing is written twice. The page
docs/reasons.md is this list, made by `--markdown`.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any

import msgspec
import typer

from amana import errors
from amana.cli import rendering, wording
from amana.cli.session import JsonFlag, answer
from amana.core import rules


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One rule in words."""

    rank: int  # from 1: the order in which reasons are shown
    code: str
    kind: str
    means: str
    turn: str
    citation: str


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explain")(explain)


def explain(
    rule: Annotated[str, typer.Argument(help="A reason code; all of them if left out.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="The list as a Markdown table.")] = False,
    json: JsonFlag = False,
) -> None:
    """What a reason for No means, whose No it is, and what would turn it."""
    book = explained()
    if rule:
        answer(_find(book, rule), json=json, render=_show)
    elif markdown:
        typer.echo(page(book))
    else:
        answer({"rules": book}, json=json, render=_list)


def explained() -> tuple[Explained, ...]:
    """The whole rule book in words."""
    text = wording.english()
    return tuple(
        Explained(
            rank=entry.bit + 1,
            code=entry.code,
            kind=entry.kind.value,
            means=text.why(entry.code),
            turn=text.turn(entry.code),
            citation=entry.citation,
        )
        for entry in rules.BOOK
    )


def page(book: tuple[Explained, ...]) -> str:
    """The table of docs/reasons.md."""
    rows = [f"| {one.rank} | `{one.code}` | {one.kind} | {one.means} | {one.turn} |" for one in book]
    head = ["| rank | code | class | why not | what would change it |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def _find(book: tuple[Explained, ...], code: str) -> Explained:
    for one in book:
        if one.code == code:
            return one
    near = difflib.get_close_matches(code, [one.code for one in book], n=1)
    raise errors.NotFound(
        "There is no such reason",
        expected="a code of `amana explain`",
        remedy=f"perhaps you mean {near[0]}" if near else "run `amana explain` for all of them",
    )


def _show(one: Explained) -> None:
    rendering.line(f"{one.code}: {one.means}", style="bold")
    rendering.line(f"  Whose No          {wording.english().kind[one.kind]} ({one.kind})")
    rendering.line(f"  Rests on          {one.citation}")
    rendering.line(f"  What would turn it  {one.turn}")
    rendering.line(f"  Shown as number   {one.rank} of {len(rules.BOOK)}, if several reasons deny")


def _list(answered: dict[str, Any]) -> None:
    rendering.line("Every reason for No, in the order in which they are shown. One is enough to deny.")
    rendering.table(
        ("", "code", "class", "means"),
        [(str(one.rank), one.code, one.kind, one.means) for one in answered["rules"]],
        right=(0,),
    )
