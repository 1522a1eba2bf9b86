"""`amana whatif`: whose answer another law or another moment turns.

Rule. What is before is now and the law in use, unless `--from` or `--from-law` says otherwise; what is after needs one
of `--at` and `--law` at least. A law alone keeps the clock, so that what turns is the law's doing; a moment alone lets
law and time pass together, so that a consent may also have grown old. Nothing is written but the file that the caller
names, which holds ids and reason codes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pyarrow.csv as csv
import pyarrow.parquet as parquet
import typer

from amana import errors
from amana.cli import paths, question, rendering, wording
from amana.cli.question import BrandOption, ChannelOption, EngineOption, PurposeOption, TopicOption
from amana.cli.session import JsonFlag, answer
from amana.services.audience import whatif
from amana.services.audience.whatif import Flips, Side, Turned
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House

SHOWN_PLACES = 12


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("whatif")(what_if)


def what_if(
    context: typer.Context,
    purpose: PurposeOption,
    channel: ChannelOption,
    brand: BrandOption = "",
    topic: TopicOption = None,
    law: Annotated[
        str,
        typer.Option("--law", help="Another law: a day's, a folder of packs, a signed book, or a version."),
    ] = "",
    at: Annotated[str, typer.Option("--at", help="Another moment: ISO date or time.")] = "",
    from_law: Annotated[
        str, typer.Option("--from-law", help="The law to compare with; the one in use if left out.")
    ] = "",
    since: Annotated[str, typer.Option("--from", help="The moment to compare with; now if left out.")] = "",
    audience: Annotated[
        Path | None, typer.Option(help="Only these: a file of ids, addresses or numbers, one per line.")
    ] = None,
    timing: Annotated[
        bool, typer.Option("--timing", help="Count pauses, hours and limits too, which come and go.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write everybody whose answer turns: .csv or .parquet.")
    ] = None,
    engine: EngineOption = "numpy",
    json: JsonFlag = False,
) -> None:
    """Whose answer turns under another law, or at another moment, and for which reason."""
    if not law and not at:
        raise errors.BadInput(
            "Nothing differs between before and after",
            expected="--law, --at or both",
            remedy="say what is to be different",
        )
    if out is not None:
        paths.writable(out, (".csv", ".parquet"))
    with context.obj.house() as house:
        inquiry = question.inquiry(house, brand, purpose, channel, topic)
        sides = _sides(house, (from_law, since), (law, at))
        flips = whatif.compare(house, inquiry, *sides, audience, engine=engine, with_timing=timing)
    if out is not None:
        _write(flips, out)
    answer(told(inquiry, sides, flips, out), json=json, render=_show)


def _sides(house: House, before: tuple[str, str], after: tuple[str, str]) -> tuple[Side, Side]:
    """Both sides; a moment that is not said is the other's, and now for the first."""
    start = question.moment(before[1]) or house.clock()
    made = []
    for law, at in (before, after):
        book, name = whatif.law_of(house, law)
        made.append(Side(book=book, at=question.moment(at) or start, law=name))
    return made[0], made[1]


def told(inquiry: Inquiry, sides: tuple[Side, Side], flips: Flips, out: Path | None = None) -> dict[str, Any]:
    """The comparison as a document."""
    allowed = flips.allowed
    return {
        "brand": inquiry.brand,
        "purpose": inquiry.purpose,
        "channel": inquiry.channel.value,
        "topics": inquiry.topics,
        "before": {"law": sides[0].law, "at": sides[0].at, "allowed": allowed[0]},
        "after": {"law": sides[1].law, "at": sides[1].at, "allowed": allowed[1]},
        "people": len(flips.people),
        "to_no": flips.turned_to_no,
        "to_yes": flips.turned_to_yes,
        "to_no_by_reason": flips.to_no,
        "to_yes_by_reason": flips.to_yes,
        "places": {place: {"to_no": no, "to_yes": yes} for place, (no, yes) in flips.places.items()},
        "other_reasons": flips.other_reasons,
        "ledger_size": flips.ledger_size,
        "seconds": round(flips.seconds, 4),
        "written": out,
    }


def _write(flips: Flips, out: Path) -> None:
    table = whatif.table(flips)
    if out.suffix == ".parquet":
        parquet.write_table(table, out)
    else:
        csv.write_csv(whatif.plain(table), out)


def _show(told: dict[str, Any]) -> None:
    channel = wording.english().channel[told["channel"]]
    rendering.line(f"{told['purpose']} by {channel} from {told['brand']}", style="bold")
    for word in ("before", "after"):
        side = told[word]
        rendering.line(
            f"  {word:<7} {side['allowed']:,} of {told['people']:,} may be contacted: law {side['law']}, "
            f"{rendering.moment(side['at'])}"
        )
    show_turned("From yes to no", told["to_no"], told["to_no_by_reason"], "reason then")
    show_turned("From no to yes", told["to_yes"], told["to_yes_by_reason"], "reason before")
    _show_places(told["places"])
    rendering.line()
    if told["other_reasons"]:
        rendering.line(f"{told['other_reasons']:,} stay refused, for other reasons than before.")
    rendering.line(
        f"Read from a ledger of {rendering.counted(told['ledger_size'], 'event')}; "
        f"both sides in {told['seconds']:.3f} s."
    )
    if told["written"]:
        rendering.line(f"Wrote {told['written']}")


def show_turned(title: str, people: int, reasons: tuple[Turned, ...], heading: str) -> None:
    """How many turn one way, by reason."""
    rendering.heading(f"{title}: {people:,}")
    if reasons:
        text = wording.english()
        rendering.table(
            (heading, "code", "class", "people"),
            [(text.why(one.code), one.code, one.kind, f"{one.people:,}") for one in reasons],
            right=(3,),
        )


def _show_places(places: dict[str, dict[str, int]]) -> None:
    if not places:
        return
    rendering.heading("By residence")
    shown = list(places.items())[:SHOWN_PLACES]
    rendering.table(
        ("place", "yes to no", "no to yes"),
        [(place, f"{one['to_no']:,}", f"{one['to_yes']:,}") for place, one in shown],
        right=(1, 2),
    )
    if len(places) > len(shown):
        rendering.line(f"and {len(places) - len(shown)} more places: --json")
