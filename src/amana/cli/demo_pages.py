"""What `amana demo` says: every figure of a run as a person wants to read it.

Rule. Nothing is computed here but shares; each function renders one answer of one service. Reasons are sentences, never
codes alone. No address, name or number of anybody is shown, not even an invented one: people are `p` and a number. Where
a command is printed for the reader to try, it works as it is printed; a test runs each of them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path

from rich import box
from rich.table import Table

from amana.cli.session import out
from amana.core import phrases
from amana.core.decision import Decision
from amana.core.events import Permission
from amana.core.phrases import Phrases
from amana.core.statements import Interval
from amana.sample.exports import SampleFiles
from amana.services.asking import Inquiry
from amana.services.history import Opened
from amana.services.imports import Report
from amana.services.screening import Screened

COUNTED = (
    ("rows", "rows"),
    ("people_new", "people not known before"),
    ("events", "events sealed"),
    ("said_given", "say yes, with a date and a form"),
    ("said_unknown", "say yes, but nobody can show how"),
    ("said_refused", "say no"),
    ("said_withdrawn", "left"),
    ("said_blocked", "bounced"),
    ("reviews", "share an address: for a person to look at"),
    ("rejected_values", "unreadable values left out"),
)
"""Counts of an import that are shown, in words."""


@cache
def words() -> Phrases:
    """The English sentences."""
    return phrases.read((resources.files("amana") / "locale" / "en.toml").read_text("utf-8"))


def campaign(inquiry: Inquiry) -> str:
    """`newsletter by email`."""
    return f"{inquiry.purpose} by {inquiry.channel.value}"


def heading(text: str) -> None:
    """One heading of the run."""
    out.print()
    out.print(text, style="bold")


def exports(files: SampleFiles, folder: Path) -> None:
    """What the invented systems handed over."""
    truth = files.truth
    heading("1. Three exports of an invented company's old systems")
    newsletter = sum(truth.newsletter_rows.values())
    out.print(f"{truth.people:,} invented customers, all under reserved domains, in {folder / 'exports'}:")
    out.print(f"  {files.newsletter.name}: {newsletter:,} members of a newsletter tool; no wording is kept")
    out.print(f"  {files.crm.name}: {truth.crm_rows:,} rows, {truth.duplicate_rows:,} of them duplicates")
    out.print(f"  {files.leads.name}: {truth.lead_rows:,} rows of a bought list, without any proof")
    out.print(
        f"{truth.subscribed_but_left_crm:,} are subscribed in the newsletter tool but said no in the CRM; "
        f"{truth.left_but_granted_in_crm:,} left the newsletter but say yes in the CRM."
    )


def imported(reports: Sequence[tuple[str, Report, float]]) -> None:
    """Counts of each import, and how fast it went."""
    heading("2. Imported into a sealed record")
    table = Table("", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, _, _ in reports:
        table.add_column(name, justify="right")
    for key, what in COUNTED:
        table.add_row(what, *(f"{report.counts.get(key, 0):,}" for _, report, _ in reports))
    table.add_row("events a second", *(_speed(report, seconds) for _, report, seconds in reports))
    out.print(table)
    if all(report.repeated for _, report, _ in reports):
        out.print("All three had been imported before: the counts are from then, nothing was added.")
    rejects = sum(report.counts.get("rejected_values", 0) for _, report, _ in reports)
    if rejects:
        out.print(
            f"{rejects:,} unreadable values were left out; {reports[0][1].rejects.parent} says line, column "
            "and reason of each, never the value."
        )


def _speed(report: Report, seconds: float) -> str:
    return "–" if report.repeated else f"{report.counts.get('events', 0) / seconds:,.0f}"


def verified(size: int, root: bytes, opened: int) -> None:
    """What was checked of the ledger."""
    heading("3. The ledger verifies")
    out.print(
        f"{size:,} events. The signed checkpoint holds; every stored tile follows from the entries below it, up to "
        f"the root {root.hex()[:16]}…; {opened:,} events of people across the record were opened, found to match "
        "their commitment, and each person's chain is unbroken."
    )


def screened(inquiry: Inquiry, result: Screened) -> None:
    """The reasons of a campaign, as sentences."""
    counts = result.counts
    heading(f"4. May we send {campaign(inquiry)} on {_moment(result.at)}?")
    table = Table("reason", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("people", justify="right")
    table.add_column("shown first", justify="right")
    table.add_row("[green]allowed[/]", f"[green]{counts.allowed:,}[/]", "")
    for code, people in sorted(counts.by_reason.items(), key=lambda one: -one[1]):
        if people:
            table.add_row(words().why(code), f"{people:,}", f"{counts.by_first[code]:,}")
    out.print(table)
    out.print(
        f"{counts.people:,} people, each with every reason, in {result.seconds * 1000:,.0f} ms "
        f"(and {result.catch_up_seconds * 1000:,.0f} ms to bring the columns to the ledger's head)."
    )


def asked(person: int, inquiry: Inquiry, decision: Decision) -> None:
    """One decision in words."""
    heading(f"5. May we send {campaign(inquiry)} to p{person}?")
    text = words()
    out.print(text.verdict.allow if decision.allow else text.verdict.deny)
    for reason in decision.reasons:
        out.print(f"  • {text.why(reason.code)} ({reason.citation})", highlight=False)
        if reason.detail:
            out.print(f"    Missing: {text.proofs(reason.detail)}", highlight=False)
        out.print(f"    What would change it: {text.turn(reason.code)}", highlight=False)
    for law in decision.evidence.law:
        doubt = "" if law.confirmed else f"; {text.verdict.unconfirmed}"
        out.print(f"  Law of {law.place}: {text.basis[law.basis]} ({law.citation}{doubt})", highlight=False)
    if decision.defer_until is not None:
        out.print(f"  Ask again at {_moment(decision.defer_until)}: then the answer is yes.")
    out.print(f"  Read from a ledger of {decision.ledger_size:,} events, law book {decision.rules_version}.")


def told(person: int, opened: Sequence[Opened], sources: Mapping[int, str]) -> None:
    """What each system said about a person, as the ledger proves it."""
    out.print(f"  What the ledger holds, each event opened and verified, about p{person}'s permissions:")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("event", "when", "said by", "about", "said"):
        table.add_column(name)
    for one in opened:
        event = one.event
        if isinstance(event, Permission):
            table.add_row(
                str(one.position),
                _when(event.occurred),
                sources.get(event.source, "–"),
                f"{_open(event.purpose)} by {_open(event.channel)}",
                words().status[event.status.value],
            )
    out.print(table)


def checked(found: Sequence[tuple[str, Inquiry, Screened]], bought: Screened) -> None:
    """What was held against the truth. Only reached when it holds."""
    heading("6. Checked against what is true of the sample")
    for name, inquiry, result in found:
        out.print(
            f"  {result.counts.people:,} people whose address or number {name}: 0 allowed for {campaign(inquiry)}"
        )
    inquiry = found[0][1]
    out.print(
        "Nobody who said no anywhere is allowed, whatever another system claims. This was checked just now."
    )
    out.print(
        f"  {bought.counts.people:,} people known from the bought list alone: {bought.counts.allowed:,} allowed "
        f"for {campaign(inquiry)}, where the law asks for no consent; the list proves none."
    )


def timings(taken: Sequence[tuple[str, float]]) -> None:
    """How long each step took."""
    heading("How long it took")
    table = Table("step", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("seconds", justify="right")
    for name, seconds in taken:
        table.add_row(name, f"{seconds:.2f}")
    table.add_row("[bold]together[/]", f"[bold]{sum(seconds for _, seconds in taken):.2f}[/]")
    out.print(table)


def where_next(folder: Path, person: int, lists: Sequence[Path]) -> None:
    """Commands that work as they are printed."""
    heading("Where to look next")
    for command, what in commands(folder, person, lists):
        out.print(f"  {command}", style="cyan", highlight=False, soft_wrap=True)
        out.print(f"      {what}", highlight=False)


def commands(folder: Path, person: int, lists: Sequence[Path]) -> list[tuple[str, str]]:
    """What to type next, and what it shows."""
    program = "amana" if shutil.which("amana") else os.path.relpath(sys.argv[0])
    amana = f"{program} --workspace {shlex.quote(str(folder))}"
    newsletter = "--purpose newsletter --channel email"
    return [
        (f"{amana} status", "people, events, the ledger's root, imports and notices"),
        (f"{amana} ask p{person} {newsletter}", "one person: verdict, every reason, law, evidence"),
        (f"{amana} history p{person}", "what the ledger holds about them, event by event"),
        (
            f"{amana} screen {newsletter} --audience {shlex.quote(str(lists[0]))}",
            "the check of above by hand: everybody who said no to e-mail",
        ),
        (f"{amana} explain consent_unproven", "what a reason means and what would change it"),
        (f"{amana} undo 3", "take back the bought list: its opt-outs stay"),
    ]


def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%A %d %B %Y, %H:%M UTC")


def _when(occurred: Interval) -> str:
    """The day it happened; a statement without a date is as early as can be."""
    if occurred.lo == 0:
        return "undated"
    return datetime.fromtimestamp(occurred.lo, UTC).strftime("%Y-%m-%d")


def _open(word: str) -> str:
    return "anything" if word == "*" else word
