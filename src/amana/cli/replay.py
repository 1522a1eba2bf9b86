"""`amana replay`: what the gate would have said to a log of past sends, and what it would have taken.

Rule. Nothing is recorded. The log may come from any tool: a mapping of sends says where person, moment, purpose and
channel stand. What is shown is counts, what is written to `--out` is one line for each send, known by its line in the
log, with reason codes and no address.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pyarrow.csv as csv
import pyarrow.parquet as parquet
import typer

from amana.cli import import_pages, paths, question, rendering, session, wording
from amana.cli.question import BrandOption, EngineOption
from amana.cli.screen import Row
from amana.cli.session import JsonFlag, answer
from amana.connectors import sends
from amana.connectors.tables import Source
from amana.services.audience import past_sends, replay
from amana.services.audience.past_sends import Log
from amana.services.audience.replay import Replayed

SHOWN_CAMPAIGNS = 20
SHOWN_NEEDS = 8


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign of the log."""

    name: str
    sends: int
    allowed: int


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("replay")(replay_log)


def replay_log(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="SENDS", help="The log: CSV, Excel or Parquet.")],
    mapping_file: Annotated[Path, typer.Option("--mapping", help="Where person, moment and purpose stand.")],
    source: Annotated[
        str, typer.Option("--source", help="The name under which the tool's people were imported.")
    ] = "",
    brand: BrandOption = "",
    known_at: Annotated[
        int | None, typer.Option("--known-at", help="Answer with what this many events told.")
    ] = None,
    remedies: Annotated[
        bool, typer.Option("--remedies/--no-remedies", help="Say what it would have taken.")
    ] = True,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write every send's answer: .csv or .parquet.")
    ] = None,
    engine: EngineOption = "numpy",
    json: JsonFlag = False,
) -> None:
    """Past sends of any tool: what would have been refused, why, and what it would have taken."""
    if out is not None:
        paths.writable(out, (".csv", ".parquet"))
    mapping = sends.load(paths.text_of(mapping_file, "The mapping of sends"))
    log = Source(file, mapping.layout())
    with context.obj.house() as house:
        chosen = question.brand_of(house, brand)
        started = time.perf_counter()
        read = past_sends.read(house, source, sends.read(log, mapping))
        took = time.perf_counter() - started
        replay.check(house, read)
        found = replay.run(house, chosen, read, known_at=known_at, engine=engine, with_remedies=remedies)
    if out is not None:
        table = replay.table(found)
        if out.suffix == ".parquet":
            parquet.write_table(table, out)
        else:
            csv.write_csv(replay.plain(table), out)
    answer(_told(chosen, found, took, out), json=json, render=_show)


def _told(brand: str, found: Replayed, took: float, out: Path | None) -> dict[str, Any]:
    counts, text = found.counts, wording.english()
    reasons = [
        Row(
            code=code,
            sentence=text.why(code),
            people=number,
            share=number / max(counts.people, 1),
            first=counts.by_first[code],
        )
        for code, number in counts.by_reason.items()
        if number
    ]
    look = found.outlook
    return {
        "brand": brand,
        "sends": counts.people,
        "allowed": counts.allowed,
        "refused": counts.people - counts.allowed,
        "rejected": len(found.sends.rejects),
        "reasons": reasons,
        "campaigns": _campaigns(found),
        "needs": () if look is None else look.prospects,
        "opened": found.opened,
        "quarters": found.quarters,
        "rules_version": found.rules_version,
        "ledger_size": found.ledger_size,
        "seconds": {
            "reading": round(took, 4),
            "catching_up": round(found.catch_up_seconds, 4),
            "answering": round(found.seconds, 4),
            "remedies": round(found.remedy_seconds, 4),
        },
        "written": out,
    }


def _campaigns(found: Replayed) -> list[Campaign]:
    log = found.sends
    names = log.campaigns
    made = []
    for number, name in enumerate(names):
        rows = log.campaign == number
        allowed = int((found.bits[rows] == 0).sum())
        made.append(Campaign(name=name, sends=int(rows.sum()), allowed=allowed))
    return sorted(made, key=lambda one: one.allowed - one.sends)


def _show(told: dict[str, Any]) -> None:
    whole = told["sends"]
    rendering.line(f"{whole:,} past sends from {told['brand']}", style="bold")
    rendering.line(
        f"{told['refused']:,} of them would have been refused ({rendering.share(told['refused'], whole)})."
    )
    if told["reasons"]:
        rendering.table(
            ("why", "code", "sends", "share", "shown first"),
            [
                (
                    one.sentence,
                    one.code,
                    f"{one.people:,}",
                    rendering.share(one.people, whole),
                    f"{one.first:,}",
                )
                for one in told["reasons"]
            ],
            right=(2, 3, 4),
        )
    _show_campaigns(told["campaigns"])
    _show_needs(told["needs"])
    rendering.line()
    if told["rejected"]:
        rendering.line(
            f"{rendering.counted(told['rejected'], 'line')} of the log could not be read as sends."
        )
    spent = told["seconds"]
    rendering.line(
        f"Law book {told['rules_version']}, a ledger of {rendering.counted(told['ledger_size'], 'event')}; "
        f"read in {spent['reading']:.2f} s, cache in {spent['catching_up']:.2f} s, "
        f"answered in {spent['answering']:.2f} s ({_rate(whole, spent['answering'])} sends a second), "
        f"remedies in {spent['remedies']:.2f} s; the events of "
        f"{rendering.counted(told['opened'], 'person', 'people')} were opened."
    )
    rendering.line("Nothing was recorded.")
    if told["written"]:
        rendering.line(f"Wrote {told['written']}")


def _show_campaigns(campaigns: list[Campaign]) -> None:
    if len(campaigns) < 2:
        return
    rendering.heading("By campaign, most refusals first")
    rendering.table(
        ("campaign", "sends", "allowed", "refused"),
        [
            (one.name, f"{one.sends:,}", f"{one.allowed:,}", f"{one.sends - one.allowed:,}")
            for one in campaigns[:SHOWN_CAMPAIGNS]
        ],
        right=(1, 2, 3),
    )
    if len(campaigns) > SHOWN_CAMPAIGNS:
        rendering.line(f"and {len(campaigns) - SHOWN_CAMPAIGNS} more: --json")


def _show_needs(needs: Any) -> None:
    if not needs:
        return
    rendering.heading("What it would have taken")
    for one in needs[:SHOWN_NEEDS]:
        words = " and ".join(rendering.words(kind.value) for kind in one.needs) or "nothing turns it"
        confirmed = ", confirmed by the address's holder" if one.double_opt_in else ""
        rendering.line(f"  {one.people:>9,}  {words}{confirmed}")
    if len(needs) > SHOWN_NEEDS:
        rendering.line(f"  and {len(needs) - SHOWN_NEEDS} more ways: --json")


def _rate(whole: int, seconds: float) -> str:
    return f"{whole / seconds:,.0f}" if seconds else "–"


# ---- taking a log in --------------------------------------------------------------------------------------------


def take(
    command: session.Command,
    file: Path,
    mapping_file: Path,
    source: str,
    brand: str,
    *,
    dry_run: bool,
    json: bool,
) -> None:
    """Take a log of sends in, so that limits know them: `amana import --as sends`."""
    text = paths.text_of(mapping_file, "The mapping of sends")
    mapping = sends.load(text)
    log = Source(file, mapping.layout())
    with command.copy() if dry_run else command.house(writing=True) as house:
        chosen = question.brand_of(house, brand)
        order = Log(name=source, digest=log.digest, reading=text, brand=chosen)
        found = past_sends.take(house, order, sends.read(log, mapping))
    told = msgspec.structs.asdict(found) | {"dry_run": dry_run}
    answer(told, json=json, render=_show_taken)
    if found.rejected and not found.sends:
        import_pages.nothing_taken()
        raise typer.Exit(session.BAD)


def _show_taken(told: dict[str, Any]) -> None:
    if told["repeated"]:
        rendering.line(f"This log was taken in before, as import {told['source']}. Nothing was added.")
        return
    rendering.line(
        f"{'A dry run: would take' if told['dry_run'] else 'Took'} "
        f"{rendering.counted(told['contacts'], 'contact')} of "
        f"{rendering.counted(told['sends'], 'send')} in; limits of frequency count them."
    )
    if told["unknown"]:
        rendering.line(f"Left out, for going to nobody known: {rendering.counted(told['unknown'], 'send')}.")
    if told["rejected"]:
        rendering.line(f"{rendering.counted(told['rejected'], 'line')} could not be read as sends.")
    if not told["dry_run"]:
        rendering.line(f"`{session.program()} undo {told['source']}` takes them back.")


def show_undone(told: dict[str, Any]) -> None:
    """A log that was taken back."""
    rendering.line(
        f"Log {told['import']} is taken back: no limit counts its contacts "
        f"with {rendering.counted(told['people'], 'person', 'people')} any more."
    )
