"""`amana reviews`: people who share an address and differ, for a person to look at.

Rule. A list shows numbers, what differs, which import brought it and when, and no name or address: who they are is
shown by `amana reveal`, which is recorded. Closing needs words, which stand beside who said them; it merges nobody and
lifts nothing, because a refusal of one goes on binding both.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from amana.cli import rendering, session
from amana.cli.session import JsonFlag, answer
from amana.services.collection import reviews
from amana.storage import sources

commands = typer.Typer(no_args_is_help=True, help="People who share an address and differ.")


def register(app: typer.Typer) -> None:
    """Add the verbs under `reviews`."""
    app.add_typer(commands, name="reviews")


@commands.command("list")
def list_(
    context: typer.Context,
    closed: Annotated[bool, typer.Option("--closed", help="Those that somebody closed, and why.")] = False,
    json: JsonFlag = False,
) -> None:
    """People who share an address and differ in name, age or guardian: for a person to look at."""
    with context.obj.house() as house:
        found = reviews.settled(house) if closed else reviews.waiting(house)
        with house.database.read() as connection:
            names = {one.id: one.name for one in sources.all_sources(connection)}
    answer({"reviews": found, "sources": names}, json=json, render=_show)


@commands.command("close")
def close(
    context: typer.Context,
    review: Annotated[list[int], typer.Argument(metavar="REVIEW…", help="Numbers of reviews.")],
    why: Annotated[
        str, typer.Option("--why", help="What was found, without naming anybody; it is recorded.")
    ],
    json: JsonFlag = False,
) -> None:
    """Say that somebody looked, and that they are two people; who and why is recorded."""
    actor = context.obj.looker()
    with context.obj.house(writing=True) as house:
        done = reviews.close(house, review, actor=actor, why=why)
    answer({"closed": done}, json=json, render=_show_closed)


def _show(answered: dict[str, Any]) -> None:
    found, names = answered["reviews"], answered["sources"]
    if not found:
        rendering.line("Nothing to review.")
        return
    rendering.table(
        ("review", "person", "shares an address with", "they differ in", "import", "since", "closed"),
        [
            (
                str(one.id),
                f"p{one.person}",
                f"p{one.other}",
                one.reason,
                names.get(one.source, str(one.source)),
                rendering.moment(one.at),
                f"{rendering.moment(one.closed)} by {one.actor}: {one.why}" if one.closed else "",
            )
            for one in found
        ],
    )
    rendering.line(
        f"They are kept apart; a refusal of one binds both. `{session.program()} reveal` shows who they are, "
        f"`{session.program()} reviews close` says that somebody looked."
    )


def _show_closed(answered: dict[str, Any]) -> None:
    for one in answered["closed"]:
        rendering.line(f"Review {one.id} is closed: p{one.person} and p{one.other} are two people.")
