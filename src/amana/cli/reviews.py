"""`amana reviews`: people who share an address and differ, for a person to look at.

Rule. A list shows numbers, what differs, which import brought it and when, and no name or address: who they are is
shown by `amana reveal`, which is recorded. A number that many people gave is one line, with its people once. Closing
needs words, which stand beside who said them; it merges nobody and lifts nothing, because a refusal of one goes on
binding both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from amana.cli import rendering, session
from amana.cli.session import JsonFlag, answer
from amana.services.collection import reviews
from amana.services.collection.reviews import Crowd
from amana.storage import sources
from amana.storage.register import Review

MOST_SHOWN = 50  # people of a crowd that a line names; JSON names them all
SHARED = {"email": "An address", "phone": "A number"}

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
    told = {"reviews": found.pairs, "shared": found.crowds, "sources": names}
    answer(told, json=json, render=_show)


@commands.command("close")
def close(
    context: typer.Context,
    review: Annotated[list[int], typer.Argument(metavar="REVIEW…", help="Numbers of reviews.")],
    why: Annotated[
        str, typer.Option("--why", help="What was found, without naming anybody; it is recorded.")
    ],
    whole_crowd: Annotated[
        bool, typer.Option("--whole-crowd", help="All reviews of the number that these many people share.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Say that somebody looked, and that they are two people; who and why is recorded."""
    actor = context.obj.looker()
    with context.obj.house(writing=True) as house:
        done = reviews.close(house, review, actor=actor, why=why, whole_crowd=whole_crowd)
    answer({"closed": done}, json=json, render=_show_closed)


def _show(answered: dict[str, Any]) -> None:
    found, names = answered["reviews"], answered["sources"]
    for crowd in answered["shared"]:
        _show_crowd(crowd)
    if found:
        _show_pairs(found, names)
    elif not answered["shared"]:
        rendering.line("Nothing to review.")
        return
    rendering.line(
        f"They are kept apart; a refusal of one binds both. `{session.program()} reveal` shows who they are, "
        f"`{session.program()} reviews close` says that somebody looked."
    )


def _show_crowd(crowd: Crowd) -> None:
    names = ", ".join(f"p{one}" for one in crowd.people[:MOST_SHOWN])
    more = len(crowd.people) - MOST_SHOWN
    rendering.line(
        f"{SHARED[crowd.kind]} shared by {rendering.counted(len(crowd.people), 'person', 'people')}, who differ in "
        f"{', '.join(crowd.differ_in)}: {names}{f' and {more:,} more' if more > 0 else ''}. If it is nobody's own, "
        f"`{session.program()} reviews close {crowd.reviews[0]} --whole-crowd` closes "
        f"{rendering.counted(len(crowd.reviews), 'review')}."
    )


def _show_pairs(found: Sequence[Review], names: Mapping[int, str]) -> None:
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


def _show_closed(answered: dict[str, Any]) -> None:
    if len(answered["closed"]) > MOST_SHOWN:
        rendering.line(f"{rendering.counted(len(answered['closed']), 'review')} are closed.")
        return
    for one in answered["closed"]:
        rendering.line(f"Review {one.id} is closed: p{one.person} and p{one.other} are two people.")
