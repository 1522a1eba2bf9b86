"""`amana screen`: the same decision for everybody, or for an audience, with a reason each.

Rule. What is shown is counts, what is written is ids and reasons, never an address. A screen is advice about one moment:
it says which, and from which ledger and law book it was read. Files are written only where the caller names one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from amana.cli import paths, question, rendering, wording
from amana.cli.question import AtOption, BrandOption, ChannelOption, PurposeOption, TopicOption
from amana.cli.session import JsonFlag, answer
from amana.services import screening
from amana.services.asking import Inquiry
from amana.services.screening import Screened


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """How many people one reason denies."""

    code: str
    sentence: str
    people: int
    share: float  # of all people asked about
    first: int  # for how many it is the reason shown first


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
        Path | None, typer.Option("--out", help="Write everybody's answer: .csv or .parquet.")
    ] = None,
    out_allowed: Annotated[
        Path | None, typer.Option("--out-allowed", help="Write the ids of those who may be contacted.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Who may be contacted, for this purpose, on this channel, now; and how many not, for which reason."""
    moment = question.moment(at)
    if out is not None:
        paths.writable(out, (".csv", ".parquet"))
    if out_allowed is not None:
        paths.writable(out_allowed)
    with context.obj.house() as house:
        inquiry = question.inquiry(house, brand, purpose, channel, topic)
        result = screening.screen(house, inquiry, moment, audience)
    if out is not None:
        screening.write(result, out)
    if out_allowed is not None:
        out_allowed.write_text("".join(f"p{one}\n" for one in result.allowed.tolist()), "utf-8")
    told = _told(inquiry, result)
    told["written"] = [path for path in (out, out_allowed) if path is not None]
    answer(told, json=json, render=_show)


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
    rendering.line("A screen is advice about one moment. `amana ask p…` shows one person's answer in full.")
