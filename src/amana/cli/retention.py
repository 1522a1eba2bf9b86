"""`amana retention`: what has no ground any more, looked through, approved by a person, and gone.

Rule. `review` counts and changes nothing. `approve` is somebody's word, recorded with their name; it then does what it
approved. Everything can be stopped and run again: it goes on where it stopped. Counts and places are shown, no data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from amana.cli import rendering, session
from amana.cli.session import JsonFlag, answer, program
from amana.services.upkeep import retention
from amana.services.upkeep.retention import Heard, Review

commands = typer.Typer(no_args_is_help=True, help="What has no ground any more: look, approve, let it go.")

Number = Annotated[int, typer.Argument(metavar="REVIEW", help="The review's number.")]


def register(app: typer.Typer) -> None:
    """Add the verbs under `retention`."""
    app.add_typer(commands, name="retention")


@commands.command("review")
def review(context: typer.Context, json: JsonFlag = False) -> None:
    """Go through everybody and every connected system, and count what has no ground any more; nothing is changed."""
    with context.obj.house(writing=True) as house:
        open_ = _open(retention.latest(house))
        number = open_.number if open_ else retention.begin(house, actor=context.obj.looker())
        with _bar("Reviewing") as heard:
            found = retention.work(house, number, heard)
    answer(found, json=json, render=_show)


def _open(latest: Review | None) -> Review | None:
    """A review that was begun and not ended, to go on with."""
    return latest if latest is not None and latest.state == "reviewing" else None


@commands.command("show")
def show(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(metavar="REVIEW", help="The review's number; the latest if left out.")
    ] = 0,
    json: JsonFlag = False,
) -> None:
    """A review: what it counted, what was done, and everything that happened to it."""
    with context.obj.house() as house:
        found = retention.get(house, number)
        happened = retention.happened(house, found.number)
    told = {**msgspec.to_builtins(found), "happened": msgspec.to_builtins(happened)}
    answer(told, json=json, render=lambda _: _show(found, happened))


@commands.command("approve")
def approve(
    context: typer.Context,
    number: Number,
    beyond: Annotated[
        str, typer.Option(help="Why more may go than the workspace lets go at once; it is recorded.")
    ] = "",
    json: JsonFlag = False,
) -> None:
    """Approve what a review counted, and let it go: here and in every connected system."""
    with context.obj.house(writing=True) as house:
        if retention.get(house, number).state != "running":  # else: go on
            retention.approve(house, number, actor=context.obj.looker(), beyond=beyond)
        with _bar("Letting go") as heard:
            found = retention.work(house, number, heard)
    answer(found, json=json, render=_show)


@commands.command("drop")
def drop(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    json: JsonFlag = False,
) -> None:
    """Decide that nothing, or nothing more, of a review goes."""
    with context.obj.house(writing=True) as house:
        retention.drop(house, number, reason, actor=context.obj.looker())
        found = retention.get(house, number)
    answer(found, json=json, render=_show)


@commands.command("again")
def again(context: typer.Context, number: Number, json: JsonFlag = False) -> None:
    """Try the parts of a review again that were handed to a person."""
    with context.obj.house(writing=True) as house:
        retention.again(house, number, actor=context.obj.looker())
        with _bar("Trying again") as heard:
            found = retention.work(house, number, heard)
    answer(found, json=json, render=_show)


# ---- words --------------------------------------------------------------------------------------------------------


@contextmanager
def _bar(words: str) -> Iterator[Heard]:
    """A progress bar on a terminal, and a clean end for Ctrl-C."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = Progress(*columns, console=session.notes, transient=True, disable=not session.notes.is_terminal)
    task = shown.add_task(words, total=None)
    try:
        with shown:
            yield lambda done, total: shown.update(task, completed=done, total=total)
    except KeyboardInterrupt:
        rendering.note("Stopped. Run the same command again to go on.")
        raise typer.Exit(session.INTERRUPTED) from None


def _show(found: Review, happened: Sequence[Any] = ()) -> None:
    rendering.line(f"Review {found.number} of {rendering.moment(found.made)}: {found.state}", style="bold")
    if not found.places:
        rendering.line("  Nothing was looked at yet.")
    else:
        _places(found)
    if found.endless:
        rendering.line(f"  Neither purpose nor span, so no row of them goes: {', '.join(found.endless)}")
    if found.silent:
        rendering.line(
            f"  Asked as a whole, and the map does not say how long they hold people: {', '.join(found.silent)}"
        )
    if found.endless or found.silent:
        rendering.line("  Whoever stands there, or may, is not forgotten here.")
    for part in found.parts:
        if part.trouble:
            name = {"": "Amana", "+": "people in Amana"}.get(part.system, part.system)
            rendering.line(f"  {name}: {part.state}, {part.trouble}", style="bold")
    for one in happened:
        words = rendering.details(one.detail)
        rendering.line(f"  {rendering.moment(one.at)}  {one.what} ({one.actor})  {words}", style="dim")
    if found.state == "waiting" and found.due:
        beyond = ' --beyond "…"' if any(one.too_much for one in found.places) else ""
        rendering.line(f"Nothing was changed. Next: {program()} retention approve {found.number}{beyond}")
    elif found.state == "waiting":
        rendering.line("Nothing has to go.")


def _places(found: Review) -> None:
    rendering.table(
        ("place", "found", "would go", "deleted", "no purpose", "too old", "stays by", "gone", ""),
        [
            (
                one.place,
                str(one.counted.found),
                str(one.counted.due),
                str(one.counted.deletes),
                str(one.counted.ended),
                str(one.counted.over),
                ", ".join(f"{ground} {count}" for ground, count in sorted(one.counted.kept.items())),
                str(one.done.due),
                "MORE THAN AT ONCE" if one.too_much else "",
            )
            for one in found.places
        ],
        right=(1, 2, 3, 4, 5, 7),
    )
