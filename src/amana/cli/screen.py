"""`amana screen`: the same decision for everybody, or for an audience, with a reason each.

Rule. What is shown is counts, what is written is ids and reasons. Addresses are written only with `--with-contact`: then
the export is registered with its recipient and its days, every look is recorded, and only those who may be contacted
now stand in it, each with the one address that the channel uses. A screen is advice about one moment:
it says which, and from which ledger and law book it was read. Files are written only where the caller names one.
Several purposes are several campaigns to the same audience, whose columns are read once; a file of people is for one of
them, a page for all, and an earlier answer to compare with is named for each.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pyarrow.parquet as parquet
import typer

from amana import errors
from amana.cli import paths, question, rendering, screen_page, session, wording
from amana.cli.question import (
    About,
    AtOption,
    BrandOption,
    CategoryOption,
    ContactOption,
    EngineOption,
    MannerOption,
    SegmentOption,
    ShareOption,
    TopicOption,
    UseOption,
)
from amana.cli.session import Command, JsonFlag, answer
from amana.core.vocabulary import POINT_OF_CHANNEL, Channel
from amana.services.audience import comparing, screening, sitting
from amana.services.audience.comparing import Change, Difference, Share
from amana.services.audience.screening import Screened
from amana.services.audience.sitting import Explained, Sitting
from amana.services.gate.asking import Asked, Inquiry
from amana.services.keeping import exports
from amana.services.record.house import House


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
    purpose: Annotated[
        list[str], typer.Option("--purpose", help="What for, by its name in the workspace file; repeatable.")
    ],
    channel: ContactOption = None,
    use: UseOption = "",
    manner: MannerOption = None,
    share: ShareOption = "",
    category: CategoryOption = "",
    brand: BrandOption = "",
    topic: TopicOption = None,
    at: AtOption = "",
    audience: Annotated[
        Path | None, typer.Option(help="Only these: a file of ids, addresses or numbers, one per line.")
    ] = None,
    segment: SegmentOption = "",
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="Break the answer down by country, source or age of the consent; repeatable."
        ),
    ] = None,
    diff: Annotated[
        list[Path] | None,
        typer.Option(
            "--diff",
            help="Compare with an earlier answer: a .parquet that --out wrote; one for each purpose.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write everybody's answer: .csv or .parquet; see also --with-contact."),
    ] = None,
    out_allowed: Annotated[
        Path | None, typer.Option("--out-allowed", help="Write the ids of those who may be contacted.")
    ] = None,
    out_diff: Annotated[
        Path | None,
        typer.Option("--out-diff", help="Write everybody who changed sides since --diff: .parquet."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="Write a page with charts and tables: .html.")
    ] = None,
    language: Annotated[str, typer.Option(help="The page's language: en, he, ar, th or ru.")] = "en",
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
    engine: EngineOption = "numpy",
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what was read, by which engine, and how fast.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Who may be contacted, or whose data used or shared, for this purpose, now; how many not, for which reason."""
    moment = question.moment(at)
    about = About(channel=channel, use=use, manner=manner, share=share, category=category)
    ways = _ways(by, page)
    earlier = _earlier(diff, purpose, out_diff)
    _check_files(out, out_allowed, out_diff, page, several=len(purpose) > 1, with_contact=with_contact)
    order = _order(context.obj, channel, at, out, recipient, days, for_purpose) if with_contact else None
    if page is not None and channel is None:
        raise errors.BadInput(
            "A page is about contact", expected="--channel with --page", remedy="use --json"
        )
    if order is None and (recipient or days or for_purpose):
        raise errors.BadInput(
            "A recipient, days and a purpose belong to a sending list", remedy="add --with-contact"
        )
    with context.obj.house(writing=order is not None) as house, Sitting(house) as desk:
        inquiries = [question.asked(house, brand, one, about, topic) for one in purpose]
        results = desk.campaigns(inquiries, moment, audience, segment=segment, engine=engine)
        since = [
            comparing.since(one, was) if was else None for one, was in zip(results, earlier, strict=True)
        ]
        told = [
            _told(one, result) | _more(house, desk, one, result, ways, turned, engine if explain else "")
            for one, result, turned in zip(inquiries, results, since, strict=True)
        ]
        result = results[0]
        if order is not None:
            _send_list(house, result.allowed.tolist(), order)
    if out is not None and order is None:
        screening.write(result, out)
    if out_allowed is not None:
        out_allowed.write_text("person\n" + "".join(f"p{one}\n" for one in result.allowed.tolist()), "utf-8")
    if out_diff is not None and since[0] is not None:
        parquet.write_table(comparing.table(since[0]), out_diff)
    together = sitting.distinct(results) if len(results) > 1 else None
    if page is not None:
        drawn = [
            screen_page.Campaign(inquiry=one, result=result, breakdowns=more["by"], since=turned)
            for one, result, more, turned in zip(inquiries, results, told, since, strict=True)
            if isinstance(one, Inquiry)
        ]
        page.write_text(screen_page.page(drawn, language, together=together), "utf-8")
    written = [path for path in (out, out_allowed, out_diff, page) if path is not None]
    if together is not None:
        several = {"campaigns": told, "together": together, "written": written}
        answer(several, json=json, render=_show_campaigns)
        return
    told[0] |= {"registered_export": order is not None, "written": written}
    answer(told[0], json=json, render=_show)


def _ways(by: list[str] | None, page: Path | None) -> tuple[str, ...]:
    """By what the answer is broken down; a page has every way. Raises BadInput."""
    wanted = tuple(dict.fromkeys(by or ()))
    for way in wanted:
        if way not in comparing.WAYS:
            raise errors.BadInput(
                "An answer cannot be broken down like this",
                expected=f"--by with one of: {', '.join(comparing.WAYS)}",
                got=way,
                remedy="choose one of them",
            )
    return comparing.WAYS if page is not None else wanted


def _check_files(
    out: Path | None,
    out_allowed: Path | None,
    out_diff: Path | None,
    page: Path | None,
    *,
    several: bool,
    with_contact: bool,
) -> None:
    """Whether everything that is to be written can be, before any work is done. Raises BadInput, NotFound."""
    named = (
        (out, (".csv",) if with_contact else (".csv", ".parquet")),
        (out_allowed, ()),
        (out_diff, (".parquet",)),
        (page, (".html",)),
    )
    for path, endings in named:
        if path is None:
            continue
        if several and path is not page:
            raise errors.BadInput(
                "A file is for one campaign", expected="one --purpose", remedy="ask once for each of them"
            )
        paths.writable(path, endings)


def _earlier(diff: list[Path] | None, purposes: list[str], out_diff: Path | None) -> list[Path | None]:
    """The earlier answer of each campaign, in their order. Raises BadInput."""
    if not diff:
        if out_diff is not None:
            raise errors.BadInput(
                "Nothing says what to compare with", expected="--diff", remedy="name the earlier file"
            )
        return [None for _ in purposes]
    if len(diff) != len(purposes):
        raise errors.BadInput(
            "An earlier answer is one campaign's",
            expected=f"--diff {len(purposes)} times, in the order of the purposes",
            got=f"{len(diff)}",
            remedy="name a file for each --purpose",
        )
    return list(diff)


def _more(
    house: House,
    desk: Sitting,
    inquiry: Asked,
    result: Screened,
    ways: tuple[str, ...],
    turned: Difference | None,
    explained: str,
) -> dict[str, Any]:
    """What was asked for beside the answer: breakdowns, what changed, and how it was found."""
    more: dict[str, Any] = {}
    if ways:
        caught, origins = desk.origins(inquiry, result.at)
        by = {
            "country": lambda: comparing.by_country(caught, result),
            "source": lambda: comparing.by_source(house, origins, result),
            "age": lambda: comparing.by_age(caught, result),
        }
        more["by"] = {way: by[way]() for way in ways}
    if turned is not None:
        more["since"] = _since(turned)
    if explained:
        more["explained"] = desk.explain(inquiry, result.at, result, explained)._asdict()
    return more


def _since(found: Difference) -> dict[str, Any]:
    to_no, to_yes = found.turned
    return {
        "to_no": to_no,
        "to_yes": to_yes,
        "to_no_by_reason": found.to_no,
        "to_yes_by_reason": found.to_yes,
        "new": found.new,
        "gone": found.gone,
    }


def _order(
    command: Command,
    channel: Channel | None,
    at: str,
    out: Path | None,
    recipient: str,
    days: int,
    purpose: str,
) -> Order:
    """What a sending list needs to say, before anything is done. Raises BadInput."""
    if out is None or at or channel is None or POINT_OF_CHANNEL[channel] is None:
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


def _told(inquiry: Asked, result: Screened) -> dict[str, Any]:
    return {
        **question.told(inquiry),
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
    whole = told["people"]
    rendering.line(f"{question.spelt(told)}, at {rendering.moment(told['at'])}", style="bold")
    what = "people may be contacted" if "channel" in told else "people allow it"
    rendering.line(f"{told['allowed']:,} of {whole:,} {what} ({rendering.share(told['allowed'], whole)}).")
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
        rendering.line(
            f"Of the audience, {rendering.counted(told['unknown'], 'entry', 'entries')} of nobody known."
        )
    rendering.line(
        f"Read from a ledger of {rendering.counted(told['ledger_size'], 'event')} "
        f"and law book {told['rules_version']}, in "
        f"{told['seconds']:.3f} s, after {told['catch_up_seconds']:.3f} s to bring the cache to the ledger's head."
    )
    for way, shares in told.get("by", {}).items():
        _show_shares(way, shares)
    if "since" in told:
        _show_since(told["since"])
    if "explained" in told:
        _show_explained(Explained(**told["explained"]))
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


def _show_campaigns(told: dict[str, Any]) -> None:
    """Several campaigns to one audience."""
    campaigns, together = told["campaigns"], told["together"]
    rendering.line(f"{len(campaigns)} campaigns, the first: {question.spelt(campaigns[0])}", style="bold")
    rendering.table(
        ("purpose", "people", "allowed", "share", "mostly not because", "seconds"),
        [
            (
                one["purpose"],
                f"{one['people']:,}",
                f"{one['allowed']:,}",
                rendering.share(one["allowed"], one["people"]),
                max(one["reasons"], key=lambda row: row.first).code if one["reasons"] else "",
                f"{one['seconds']:.3f}",
            )
            for one in campaigns
        ],
        right=(1, 2, 3, 5),
    )
    rendering.line(
        f"{rendering.counted(together['any'], 'person', 'people')} may be "
        f"contacted for at least one of them, {together['all']:,} for all."
    )
    for one in campaigns:
        if "since" in one:
            rendering.line(one["purpose"], style="bold")
            _show_since(one["since"])
    for path in told["written"]:
        rendering.line(f"Wrote {path}")


def _show_shares(way: str, shares: tuple[Share, ...]) -> None:
    rendering.heading(f"By {way}")
    rendering.table(
        (way, "people", "allowed", "share"),
        [
            (
                rendering.words(one.name),
                f"{one.people:,}",
                f"{one.allowed:,}",
                rendering.share(one.allowed, one.people),
            )
            for one in shares
        ],
        right=(1, 2, 3),
    )


def _show_since(since: dict[str, Any]) -> None:
    rendering.heading("Since the earlier answer")
    _show_change(f"{since['to_no']:,} turned to no", since["to_no_by_reason"])
    _show_change(f"{since['to_yes']:,} turned to yes", since["to_yes_by_reason"])
    rendering.line(f"  {since['new']:,} are new in the answer, {since['gone']:,} are no longer in it")


def _show_change(words: str, changes: tuple[Change, ...]) -> None:
    why = ", ".join(f"{one.code} {one.people:,}" for one in changes)
    rendering.line(f"  {words}{': ' + why if why else ''}")


def _show_explained(found: Explained) -> None:
    rendering.heading("How it was found")
    rendering.line(
        f"  engine {found.engine}: {found.rules} rules that can deny anybody here, {found.regimes:,} regimes"
    )
    rendering.line(
        f"  {rendering.counted(len(found.columns), 'column')} "
        f"read, {found.bytes / 1e6:,.1f} MB: {', '.join(found.columns)}"
    )
    rendering.line(f"  {rendering.counted(found.rows, 'row')}, {found.rows_per_second:,.0f} rows a second")
