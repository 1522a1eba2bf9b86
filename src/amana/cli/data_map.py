"""`amana data-map`: the connected systems, what they hold about people, and how a request would go through them.

Rule. The map is read from the workspace's folder `systems`. Nothing here asks a connected system or changes anything,
but `carry`, which writes the permissions of now into a system's copies of them. `check` tells every mistake at once and
ends with exit status 2 if there is one; notes alone do not. The other verbs need a map without mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from amana.cli import paths, rendering, session
from amana.cli.session import JsonFlag, answer
from amana.core import traversal
from amana.core.data_map import DataMap, System
from amana.core.map_entries import Problem, listed
from amana.core.traversal import Walk
from amana.services.systems import data_map as maps
from amana.services.systems import map_picture
from amana.services.systems.data_map import Note
from amana.services.upkeep import write_back
from amana.services.upkeep.write_back import Carried

commands = typer.Typer(no_args_is_help=True, help="The data map: connected systems and what they hold.")


class ShownSystem(msgspec.Struct, frozen=True, kw_only=True):
    """A system as `show` tells it."""

    name: str
    label: str
    kind: str
    country: str
    vendor: str
    role: str
    purposes: tuple[str, ...]
    receives_from: tuple[str, ...]
    datasets: dict[str, int]  # name -> collections
    categories: tuple[str, ...]
    identities: tuple[str, ...]  # by which rows are found


def register(app: typer.Typer) -> None:
    """Add the verbs under `data-map`."""
    app.add_typer(commands, name="data-map")


# ---- check ------------------------------------------------------------------------------------------------------


@commands.command("check")
def check(context: typer.Context, json: JsonFlag = False) -> None:
    """Every mistake of the map with its place, and what deserves a look. Exit status 2 for a mistake."""
    with context.obj.house() as house:
        found = maps.checked(house.folder, house.workspace)
    told = {"systems": len(found.map.systems), "problems": found.problems, "notes": found.notes}
    answer(told, json=json, render=_check)
    if found.problems:
        raise typer.Exit(session.BAD)


def _check(told: Mapping[str, Any]) -> None:
    problems: tuple[Problem, ...] = told["problems"]
    notes: tuple[Note, ...] = told["notes"]
    stands = f"{len(problems)} to mend" if problems else "nothing to mend"
    rendering.line(f"{rendering.counted(told['systems'], 'system')}: {stands}.", style="bold")
    for one in problems:
        rendering.line(f"  {one.sentence()}")
    if notes:
        rendering.heading("Worth a look")
    for note in notes:
        rendering.line(f"  {note.where}: {note.words}")


# ---- show -------------------------------------------------------------------------------------------------------


@commands.command("show")
def show(context: typer.Context, json: JsonFlag = False) -> None:
    """The connected systems: where each stands, what it holds about people, where its data comes from."""
    with context.obj.house() as house:
        found = maps.load(house.folder)
    answer({"systems": [_shown(found, one) for one in found.systems]}, json=json, render=_show)


def _shown(found: DataMap, system: System) -> ShownSystem:
    datasets = [one for one in found.datasets if one.name in system.datasets]
    fields = [field for dataset in datasets for one in dataset.collections for field in one.fields]
    return ShownSystem(
        name=system.name,
        label=system.label,
        kind=system.kind,
        country=system.country,
        vendor=system.vendor,
        role=system.role,
        purposes=system.purposes,
        receives_from=system.receives_from,
        datasets={one.name: len(one.collections) for one in datasets},
        categories=map_picture.held(found, system),
        identities=tuple(sorted({field.identity for field in fields if field.identity})),
    )


def _show(told: Mapping[str, list[ShownSystem]]) -> None:
    if not told["systems"]:
        rendering.line("No system is connected. See docs/data-map.md for the first one.")
    for one in told["systems"]:
        rendering.heading(f"{one.label or one.name} ({one.name})")
        where = ", ".join(
            part for part in (one.country or "country not stated", one.vendor, one.role) if part
        )
        rendering.line(f"  {one.kind}: {where}")
        held = ", ".join(f"{name} ({number})" for name, number in one.datasets.items())
        rendering.line(f"  Datasets (collections): {held or 'none'}")
        rendering.line(f"  Holds: {', '.join(one.categories) or 'nothing about people'}")
        rendering.line(f"  Rows are found by: {', '.join(one.identities) or 'references alone'}")
        if one.receives_from:
            rendering.line(f"  Receives data from: {', '.join(one.receives_from)}")


# ---- draw -------------------------------------------------------------------------------------------------------


@commands.command("draw")
def draw(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The HTML page to write.")],
    language: Annotated[str, typer.Option("--language", help="en, he, ar, th or ru.")] = "en",
    json: JsonFlag = False,
) -> None:
    """Draw the map: one page with the systems as boxes, the flows as arrows, and both as tables."""
    target = paths.writable(file, (".html", ".htm"))
    with context.obj.house() as house:
        found = maps.load(house.folder)
        text = map_picture.page(found, house.workspace.organisation.name, language)
    target.write_text(text, "utf-8")
    answer({"file": target, "systems": len(found.systems)}, json=json, render=_drawn)


def _drawn(told: Mapping[str, Any]) -> None:
    rendering.line(f"Drew {rendering.counted(told['systems'], 'system')}: {told['file']}")


# ---- plan -------------------------------------------------------------------------------------------------------


@commands.command("plan")
def plan(
    context: typer.Context,
    identity: Annotated[
        list[str] | None,
        typer.Option(
            "--identity", help="A kind of identity that the request has: email, phone_number … Repeat."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """In which order a request would ask and erase, and by what: the walk without any data."""
    with context.obj.house() as house:
        found = maps.load(house.folder)
    kinds = frozenset(identity or traversal.identities_of(found))
    walk = traversal.walk(found, kinds)
    answer({"identities": sorted(kinds), "walk": walk}, json=json, render=_plan)
    if walk.unreached or walk.held:
        raise typer.Exit(session.BAD)


def _plan(told: Mapping[str, Any]) -> None:
    walk: Walk = told["walk"]
    rendering.line(f"By {', '.join(told['identities']) or 'no identity'}:", style="bold")
    rows = []
    for number, step in enumerate(walk.steps, start=1):
        ways = [f"{path} = {kind}" for path, kind in step.identities]
        ways += [f"{edge.target.path} = {edge.source}" for edge in step.edges]
        rows.append((str(number), str(step.node), "\n".join(ways)))
    rendering.table(("", "collection", "found by any of"), rows, right=(0,))
    rendering.heading("Erasure")
    for number, level in enumerate(walk.erasure, start=1):
        rendering.line(f"  {number}. {listed(map(str, level), most=20)}")
    if walk.desks:
        rendering.line(f"  Asked as a whole: {', '.join(walk.desks)}")
    for words, places in (("Not reached", walk.unreached), ("Held back for ever", walk.held)):
        if places:
            rendering.line(f"{words}: {', '.join(map(str, places))}", style="bold")


# ---- carry ------------------------------------------------------------------------------------------------------


@commands.command("carry")
def carry(
    context: typer.Context,
    system: Annotated[
        str, typer.Argument(help="The system whose copies of permissions are brought up to date.")
    ],
    turn: Annotated[
        bool, typer.Option("--turn", help="Also write a Yes over every No where the record allows contact.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Bring everybody's copies of permissions in one system up to date now; run again, it goes on where it stopped."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = Progress(*columns, console=session.notes, transient=True, disable=not session.notes.is_terminal)
    with context.obj.house(writing=True) as house:
        task = shown.add_task("Carrying", total=write_back.everybody(house))
        try:
            with shown:
                done = write_back.carry_everybody(
                    house, system, lambda one: shown.update(task, completed=one.people), turn=turn
                )
        except KeyboardInterrupt:
            rendering.note("Stopped. What was carried stays; run the same command again to go on.")
            raise typer.Exit(session.INTERRUPTED) from None
    answer(done, json=json, render=_carried)


def _carried(done: Carried) -> None:
    rendering.line(
        f"{rendering.counted(done.people, 'person', 'people')} gone "
        f"through, {rendering.counted(done.changed, 'row')} changed."
    )
    if done.left:
        rendering.line(
            f"No there and yes in the record: "
            f"{rendering.counted(done.left, 'copy', 'copies')}. They stay, because "
            "somebody may have left there. "
            "Import that system's list, or write a yes with --turn."
        )
    if done.apart:
        rendering.line(
            f"Not written now, and tried again: the copies of "
            f"{rendering.counted(done.apart, 'person', 'people')}."
        )
