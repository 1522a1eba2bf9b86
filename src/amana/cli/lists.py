"""Bought lists: which are held and why, until when their people must be told, and letting one go.

Rule. A list comes in with `amana import … --bought --documents`; this is what is done about it afterwards. Nothing here
contacts anybody, and releasing a list grants nothing: it only says that its papers are in order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from amana.cli import rendering
from amana.cli.session import JsonFlag, answer
from amana.services.collection import lists
from amana.services.collection.lists import Released

commands = typer.Typer(no_args_is_help=True, help="Bought lists: what they lack, and letting them go.")

DocumentsOption = Annotated[
    Path,
    typer.Option(
        "--documents", help="The papers: a TOML file, or a folder with papers.toml and the documents."
    ),
]

FAILS = {
    "no_papers": "no papers were named",
    "verbal_assurance": "there is nothing but somebody's word",
    "no_per_record_proof": "no proof for each record: when, how, and what was shown",
    "sender_not_named": "the consent does not name this organisation, or the form is not there",
    "competition_bundle": "agreeing may have been part of entering a competition",
    "inferred_vulnerability": "details may have been inferred from a vulnerability",
}
"""Why a list is held, in words."""


def register(app: typer.Typer) -> None:
    """Add the verbs under `list`."""
    app.add_typer(commands, name="list")


@commands.command("show")
def show(context: typer.Context, json: JsonFlag = False) -> None:
    """Every bought list: held or not, why, which documents are missing, and when its people must be told."""
    with context.obj.house() as house:
        found = lists.shown(house)
    answer({"lists": found}, json=json, render=_show)


@commands.command("release")
def release(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(metavar="IMPORT", help="The import's number; see `amana imports`.")
    ],
    documents: DocumentsOption,
    json: JsonFlag = False,
) -> None:
    """Let a held list go, on papers that are in order. It grants nothing: import the file again for that."""
    papers = lists.papers_at(documents)
    with context.obj.house(writing=True) as house:
        released = lists.release(house, number, papers)
    answer(released, json=json, render=_released)


def held(fails: tuple[str, ...]) -> None:
    """Said after an import whose list is held."""
    rendering.line("The list is held: nobody may be contacted on the strength of it.", style="bold")
    for one in fails:
        rendering.line(f"  - {FAILS[one]}")
    rendering.line("When papers arrive: amana list release IMPORT --documents FOLDER")


def _show(answered: dict[str, Any]) -> None:
    if not answered["lists"]:
        rendering.line("No bought list was imported.")
    for one in answered["lists"]:
        stands = "undone" if one.state == "undone" else "held" if one.held else "not held"
        rendering.line(
            f"Import {one.source}, {one.name}, from {one.seller or 'nobody named'}: {stands}", style="bold"
        )
        for fail in one.fails:
            rendering.line(f"  - {FAILS[fail]}")
        if one.missing:
            rendering.line(f"  Not there: {', '.join(map(rendering.words, one.missing))}")
        if one.notice_due is not None:
            rendering.line(
                f"  Tell its people where their details come from by {rendering.moment(one.notice_due)}"
            )


def _released(released: Released) -> None:
    rendering.line(
        f"Import {released.source} is held no longer: "
        f"{rendering.counted(released.people, 'person', 'people')}.",
        style="bold",
    )
    rendering.line("Nobody is granted anything by this; what law and their own word ask for still holds.")
    if released.missing:
        rendering.line(
            f"A careful buyer would still ask for: {', '.join(map(rendering.words, released.missing))}"
        )
    if released.notice_due is not None:
        rendering.line(f"Tell them where their details come from by {rendering.moment(released.notice_due)}")
