"""`amana mailing`: send one message to a screened audience; and see, stop and go on with what is being sent.

Rule. `start` screens, says who is left out and why, and queues; workers send, each copy with a permit in the moment of
sending. `--dry-run` stops after the screen. The message stands in a TOML file with a table for each language. Nothing
that is shown names a person. Starting a mailing that is running changes nothing about it: each start is one of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from amana.cli import paths, question, rendering, session, wording
from amana.cli.question import BrandOption, PurposeOption, TopicOption
from amana.cli.session import Command, JsonFlag, answer
from amana.core.vocabulary import Channel
from amana.services.audience import audiences
from amana.services.gate.asking import Gate
from amana.services.messaging import mailings
from amana.services.messaging.mailings import Order, Told
from amana.services.record.house import House

NumberArgument = Annotated[str, typer.Argument(help="The mailing's id.")]


def register(app: typer.Typer) -> None:
    """Add the noun to the program."""
    group = typer.Typer(no_args_is_help=True, help="Messages to a screened audience, a permit for each copy.")
    group.command("start")(start)
    group.command("list")(listing)
    group.command("show")(show)
    group.command("stop")(stop)
    group.command("continue")(go_on)
    app.add_typer(group, name="mailing")


def start(
    context: typer.Context,
    message: Annotated[Path, typer.Argument(help="The message: TOML with a table for each language.")],
    purpose: PurposeOption,
    channel: Annotated[
        Channel, typer.Option(help="By which channel; email in this release.")
    ] = Channel.EMAIL,
    brand: BrandOption = "",
    topic: TopicOption = None,
    audience: Annotated[
        Path | None, typer.Option(help="Only these: a file of ids, addresses or numbers, one per line.")
    ] = None,
    hours: Annotated[
        int,
        typer.Option(min=1, max=mailings.MOST_HOURS, help="After so many hours what still waits is dropped."),
    ] = mailings.HOURS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Screen only; queue nothing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Send a message to everybody who may have it, for one purpose; a worker sends what this queues."""
    command: Command = context.obj
    written = mailings.read_letters(paths.text_of(message, "The message's file"))
    with command.house(writing=not dry_run) as house:
        asked = question.inquiry(house, brand, purpose, channel, topic)
        order = Order(inquiry=asked, letters=written, hours=hours, by=command.settings.actor)
        if audience is not None:
            order = _narrowed(house, order, audience)
        told = mailings.preview(house, order) if dry_run else mailings.start(house, order)
    answer(told, json=json, render=_show)
    if not dry_run and not json:
        rendering.line(f"A worker sends it: `{session.program()} worker`, or a server that runs.")


def listing(context: typer.Context, json: JsonFlag = False) -> None:
    """The latest mailings, newest first."""
    with context.obj.house() as house:
        found = mailings.every(house)
    answer({"mailings": found}, json=json, render=_show_all)


def show(context: typer.Context, number: NumberArgument, json: JsonFlag = False) -> None:
    """How a mailing stands: sent, waiting, and not sent by reason."""
    with context.obj.house() as house:
        told = mailings.told(house, number)
    answer(told, json=json, render=_show)


def stop(context: typer.Context, number: NumberArgument, json: JsonFlag = False) -> None:
    """Send no more of a mailing; a few copies that are in hand may still leave."""
    with context.obj.house(writing=True) as house:
        told = mailings.stop(house, number)
    answer(told, json=json, render=_show)


def go_on(context: typer.Context, number: NumberArgument, json: JsonFlag = False) -> None:
    """Go on with a mailing that was stopped."""
    with context.obj.house(writing=True) as house:
        told = mailings.go_on(house, number)
    answer(told, json=json, render=_show)


def _narrowed(house: House, order: Order, audience: Path) -> Order:
    """The order for the people of an audience file alone. Raises NotFound, BadInput."""
    gate = Gate(house)
    try:
        wanted = audiences.read(gate, audience)
    finally:
        gate.close()
    return msgspec.structs.replace(order, people=tuple(wanted.ids.tolist()), unknown=wanted.unknown)


def _show(told: Told) -> None:
    text = wording.english()
    rendering.line(
        f"{told.purpose} by {text.channel[told.channel]} from {told.brand}, in {', '.join(told.languages)}: "
        f"{rendering.words(told.state)}",
        style="bold",
    )
    rows = [
        ("id", told.id or "none: nothing was queued"),
        ("started", f"{rendering.moment(told.made)}, ends {rendering.moment(told.ends)}"),
        ("asked about", f"{rendering.counted(told.audience, 'person', 'people')}"),
        ("get a copy", f"{told.chosen:,}, if they still may when it is sent"),
        ("sent", f"{told.sent:,}"),
        ("waiting", f"{sum(told.waiting.values()):,}"),
    ]
    rendering.table(("", ""), rows)
    for title, counted in (
        ("Left out by the screen", told.left_out),
        ("Waiting", {code: count for code, count in told.waiting.items() if code}),
        ("Not sent", told.not_sent),
    ):
        if counted:
            rendering.heading(title)
            rendering.table(
                ("why", "code", "people"),
                [(_why(code), code, f"{count:,}") for code, count in sorted(counted.items())],
                right=(2,),
            )


def _show_all(answered: dict[str, list[Told]]) -> None:
    if not answered["mailings"]:
        rendering.line("No mailing was started.")
        return
    rendering.table(
        ("id", "purpose", "state", "started", "sent", "waiting", "not sent"),
        [
            (
                one.id,
                one.purpose,
                rendering.words(one.state),
                rendering.moment(one.made),
                f"{one.sent:,}",
                f"{sum(one.waiting.values()):,}",
                f"{sum(one.not_sent.values()):,}",
            )
            for one in answered["mailings"]
        ],
        right=(4, 5, 6),
    )


OWN = {
    mailings.GOT_IT: "They have the message already, or a process that died had it in hand.",
    mailings.TOO_LATE: "The mailing ended before they could have it.",
    "address_gone": "They have no address any more.",
    "address_not_in_use": "Another address of theirs is the one in use.",
}


def _why(code: str) -> str:
    """A code in words: a reason of the rule book, one of the mailing's own, or what the relay answered."""
    reasons = wording.english().reason
    if code in reasons:
        return reasons[code].why
    return OWN.get(code, f"The relay: {rendering.words(code)}")
