"""`amana screen`: the same decision for everybody, or for an audience, with a reason each.

Rule. What is shown is counts, what is written is ids and reasons. Addresses are written only with `--with-contact`: then
the export is registered with its recipient and its days, every look is recorded, and only those who may be contacted
now stand in it, each with the one address that the channel uses. A screen is advice about one moment:
it says which, and from which ledger and law book it was read. Files are written only where the caller names one.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from amana import errors
from amana.cli import paths, question, rendering, session, wording
from amana.cli.question import AtOption, BrandOption, ChannelOption, PurposeOption, TopicOption
from amana.cli.session import Command, JsonFlag, answer
from amana.core.vocabulary import POINT_OF_CHANNEL, Channel
from amana.services import exports, screening
from amana.services.asking import Inquiry
from amana.services.house import House
from amana.services.screening import Screened


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """How many people one reason denies."""

    code: str
    sentence: str
    people: int
    share: float  # of all people asked about
    first: int  # for how many it is the reason shown first


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A sending list: where it is written, and what is recorded about it."""

    out: Path
    channel: Channel
    recipient: str
    days: int
    purpose: str  # in words, for the record of looks
    actor: str


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("screen")(screen)


def screen(
    context: typer.Context,
    purpose: PurposeOption,
    channel: ChannelOption,
    brand: BrandOption = "",
    topic: TopicOption = None,
    at: AtOption = "",
    audience: Annotated[
        Path | None, typer.Option(help="Only these: a file of ids, addresses or numbers, one per line.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write everybody's answer: .csv or .parquet; see also --with-contact."),
    ] = None,
    out_allowed: Annotated[
        Path | None, typer.Option("--out-allowed", help="Write the ids of those who may be contacted.")
    ] = None,
    with_contact: Annotated[
        bool,
        typer.Option(
            "--with-contact", help="Write to --out a sending list: those allowed now, with their addresses."
        ),
    ] = False,
    recipient: Annotated[str, typer.Option(help="Who gets the sending list; it is recorded.")] = "",
    days: Annotated[int, typer.Option(help="For how many days the recipient may keep it.")] = 0,
    for_purpose: Annotated[
        str, typer.Option("--for-purpose", help="What the sending list is for, in words; it is recorded.")
    ] = "",
    json: JsonFlag = False,
) -> None:
    """Who may be contacted, for this purpose, on this channel, now; and how many not, for which reason."""
    moment = question.moment(at)
    if out is not None:
        paths.writable(out, (".csv",) if with_contact else (".csv", ".parquet"))
    if out_allowed is not None:
        paths.writable(out_allowed)
    order = _order(context.obj, channel, at, out, recipient, days, for_purpose) if with_contact else None
    if order is None and (recipient or days or for_purpose):
        raise errors.BadInput(
            "A recipient, days and a purpose belong to a sending list", remedy="add --with-contact"
        )
    with context.obj.house(writing=order is not None) as house:
        inquiry = question.inquiry(house, brand, purpose, channel, topic)
        result = screening.screen(house, inquiry, moment, audience)
        if order is not None:
            _send_list(house, result.allowed.tolist(), order)
    if out is not None and order is None:
        screening.write(result, out)
    if out_allowed is not None:
        out_allowed.write_text("person\n" + "".join(f"p{one}\n" for one in result.allowed.tolist()), "utf-8")
    told = _told(inquiry, result)
    told["registered_export"] = order is not None
    told["written"] = [path for path in (out, out_allowed) if path is not None]
    answer(told, json=json, render=_show)


def _order(
    command: Command, channel: Channel, at: str, out: Path | None, recipient: str, days: int, purpose: str
) -> Order:
    """What a sending list needs to say, before anything is done. Raises BadInput."""
    if out is None or at or POINT_OF_CHANNEL[channel] is None:
        raise errors.BadInput(
            "A sending list cannot be made like this",
            expected="--out with a .csv file, a channel that uses an address or number, and no --at",
            remedy="a list to send to holds for the present moment only",
        )
    if not recipient or days < 1 or not purpose:
        raise errors.BadInput(
            "A sending list needs to say who gets it, for how long, and what for",
            expected='--recipient, --days from 1 and --for-purpose "…"',
            remedy="give all three; they are recorded",
        )
    return Order(
        out=out, channel=channel, recipient=recipient, days=days, purpose=purpose, actor=command.looker()
    )


def _send_list(house: House, people: list[int], order: Order) -> None:
    """Register the export, record the looks, and write one line for each person; readable by the owner only."""
    opened = exports.with_contact(
        house,
        people,
        recipient=order.recipient,
        days=order.days,
        file=order.out.name,
        actor=order.actor,
        purpose=order.purpose,
        channel=order.channel,
    )
    kind = POINT_OF_CHANNEL[order.channel]
    handle = os.open(order.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(handle, 0o600)  # a file that was there keeps its old rights otherwise
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["person", "" if kind is None else kind.value])
        writer.writerows((f"p{one.person}", address) for one in opened for _, address in one.points)


def reasons(result: Screened) -> list[Row]:
    """The reasons that deny anybody, in the order of the rule book."""
    counts, text = result.counts, wording.english()
    return [
        Row(
            code=code,
            sentence=text.why(code),
            people=people,
            share=people / counts.people,
            first=counts.by_first[code],
        )
        for code, people in counts.by_reason.items()
        if people
    ]


def _told(inquiry: Inquiry, result: Screened) -> dict[str, Any]:
    return {
        "brand": inquiry.brand,
        "purpose": inquiry.purpose,
        "channel": inquiry.channel.value,
        "topics": inquiry.topics,
        "at": result.at,
        "people": result.counts.people,
        "allowed": result.counts.allowed,
        "unknown": result.unknown,
        "reasons": reasons(result),
        "rules_version": result.rules_version,
        "ledger_size": result.ledger_size,
        "seconds": round(result.seconds, 4),
        "catch_up_seconds": round(result.catch_up_seconds, 4),
    }


def _show(told: dict[str, Any]) -> None:
    channel = wording.english().channel[told["channel"]]
    whole = told["people"]
    rendering.line(
        f"{told['purpose']} by {channel} from {told['brand']}, at {rendering.moment(told['at'])}",
        style="bold",
    )
    rendering.line(
        f"{told['allowed']:,} of {whole:,} people may be contacted ({rendering.share(told['allowed'], whole)})."
    )
    if told["reasons"]:
        rendering.table(
            ("why not", "code", "people", "share", "shown first"),
            [
                (
                    row.sentence,
                    row.code,
                    f"{row.people:,}",
                    rendering.share(row.people, whole),
                    f"{row.first:,}",
                )
                for row in told["reasons"]
            ],
            right=(2, 3, 4),
        )
        rendering.line("Somebody may have several reasons; each person is shown first for exactly one.")
    if told["unknown"]:
        rendering.line(f"{told['unknown']:,} entries of the audience belong to nobody known.")
    rendering.line(
        f"Read from a ledger of {told['ledger_size']:,} events and law book {told['rules_version']}, in "
        f"{told['seconds']:.3f} s, after {told['catch_up_seconds']:.3f} s to bring the cache to the ledger's head."
    )
    for path in told["written"]:
        rendering.line(f"Wrote {path}")
    if told["registered_export"]:
        rendering.line(
            f"The list is registered: `{session.program()} exports` shows it and when it is due for deletion, "
            f"`{session.program()} looks` who opened it."
        )
    rendering.line(
        f"A screen is advice about one moment. `{session.program()} ask p…` shows one person's answer in full."
    )
