"""What `amana demo` says: every figure of a run as a person wants to read it.

Rule. Nothing is computed here but shares; each function renders one answer of one service. Reasons are sentences, never
codes alone. No address, name or number of anybody is shown, not even an invented one: people are `p` and a number. Where
a command is printed for the reader to try, it works as it is printed; a test runs each of them.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from amana.cli import rendering, wording
from amana.cli.rendering import heading, line, table
from amana.core.decision import Decision
from amana.core.events import Permission
from amana.core.statements import ANY
from amana.sample.exports import SampleFiles
from amana.services.asking import Inquiry
from amana.services.history import Opened
from amana.services.imports import Report
from amana.services.screening import Screened

COUNTED = (
    ("rows", "rows"),
    ("people_new", "new people"),
    ("events", "events sealed"),
    ("said_given", "a yes that is on record"),
    ("said_unknown", "a yes nobody can show"),
    ("said_refused", "a no"),
    ("said_withdrawn", "left"),
    ("said_blocked", "bounced"),
    ("reviews", "to look at by hand"),
    ("rejected_values", "unreadable values"),
)
"""Counts of an import that are shown, in words."""


def campaign(inquiry: Inquiry) -> str:
    """`newsletter by e-mail`."""
    return f"{inquiry.purpose} by {wording.english().channel[inquiry.channel.value]}"


def exports(files: SampleFiles, folder: Path) -> None:
    """What the invented systems handed over."""
    truth = files.truth
    heading("Three exports of an invented company's old systems")
    newsletter = sum(truth.newsletter_rows.values())
    line(f"{truth.people:,} invented customers, all under reserved domains, in {folder / 'exports'}:")
    line(f"  {files.newsletter.name}: {newsletter:,} members of a newsletter tool; no wording is kept")
    line(f"  {files.crm.name}: {truth.crm_rows:,} rows, {truth.duplicate_rows:,} of them duplicates")
    line(f"  {files.leads.name}: {truth.lead_rows:,} rows of a bought list, without any proof")
    line(
        f"{truth.subscribed_but_left_crm:,} are subscribed in the newsletter tool but said no in the CRM; "
        f"{truth.left_but_granted_in_crm:,} left the newsletter but say yes in the CRM."
    )


def imported(reports: Sequence[tuple[str, Report, float]]) -> None:
    """Counts of each import, and how fast it went."""
    heading("Imported into a sealed record")
    rows = [(what, *(f"{report.counts.get(key, 0):,}" for _, report, _ in reports)) for key, what in COUNTED]
    rows.append(("events a second", *(_speed(report, seconds) for _, report, seconds in reports)))
    table(["", *(name for name, _, _ in reports)], rows, right=range(1, len(reports) + 1))
    if all(report.repeated for _, report, _ in reports):
        line("All three had been imported before: the counts are from then, nothing was added.")
    rejects = sum(report.counts.get("rejected_values", 0) for _, report, _ in reports)
    if rejects:
        line(
            f"{rejects:,} unreadable values were left out; {reports[0][1].rejects.parent} says line, column "
            "and reason of each, never the value."
        )


def _speed(report: Report, seconds: float) -> str:
    return "–" if report.repeated else f"{report.counts.get('events', 0) / seconds:,.0f}"


def verified(size: int, root: bytes, opened: int) -> None:
    """What was checked of the ledger."""
    heading("The ledger verifies")
    line(
        f"{size:,} events. The signed checkpoint holds; every stored tile follows from the entries below it, up to "
        f"the root {root.hex()[:16]}…; {opened:,} events of people across the record were opened, found to match "
        "their commitment, and each person's chain is unbroken."
    )


def screened(inquiry: Inquiry, result: Screened) -> None:
    """The reasons of a campaign, as sentences."""
    counts = result.counts
    heading(f"Screened: may we send {campaign(inquiry)} on {_moment(result.at)}?")
    rows = [("allowed", f"{counts.allowed:,}", "")]
    for code, people in sorted(counts.by_reason.items(), key=lambda one: -one[1]):
        if people:
            rows.append((wording.english().why(code), f"{people:,}", f"{counts.by_first[code]:,}"))
    table(("reason", "people", "shown first"), rows, right=(1, 2))
    line(
        f"{counts.people:,} people, each with every reason, in {result.seconds * 1000:,.0f} ms "
        f"(and {result.catch_up_seconds * 1000:,.0f} ms to bring the columns to the ledger's head)."
    )


def asked(person: int, inquiry: Inquiry, decision: Decision) -> None:
    """One decision in words."""
    heading(f"Asked: may we send {campaign(inquiry)} to p{person}?")
    text = wording.english()
    line(text.verdict.allow if decision.allow else text.verdict.deny)
    for reason in decision.reasons:
        line(f"  • {text.why(reason.code)} ({reason.citation})")
        if reason.detail:
            line(f"    Missing: {text.proofs(reason.detail)}")
        line(f"    What would change it: {text.turn(reason.code)}")
    for law in decision.evidence.law:
        doubt = "" if law.confirmed else f"; {text.verdict.unconfirmed}"
        line(f"  Law of {law.place}: {text.basis[law.basis]} ({law.citation}{doubt})")
    if decision.defer_until is not None:
        line(f"  Ask again at {_moment(decision.defer_until)}: then the answer is yes.")
    line(f"  Read from a ledger of {decision.ledger_size:,} events, law book {decision.rules_version}.")


def told(person: int, opened: Sequence[Opened], sources: Mapping[int, str]) -> None:
    """What each system said about a person, as the ledger proves it."""
    line(f"  What the ledger holds, each event opened and verified, about p{person}'s permissions:")
    rows = [
        (
            str(one.position),
            rendering.interval(one.event.occurred),
            sources.get(one.event.source, "–"),
            _about(one.event),
            wording.english().status[one.event.status.value],
        )
        for one in opened
        if isinstance(one.event, Permission)
    ]
    table(("event", "when", "said by", "about", "said"), rows)


def checked(found: Sequence[tuple[str, Inquiry, Screened]], bought: Screened) -> None:
    """What was held against the truth. Only reached when it holds."""
    heading("Checked against what is true of the sample")
    for name, inquiry, result in found:
        line(
            f"  {result.counts.people:,} people whose address or number {name}: 0 allowed for {campaign(inquiry)}"
        )
    inquiry = found[0][1]
    line("Nobody who said no anywhere is allowed, whatever another system claims. This was checked just now.")
    line(
        f"  {bought.counts.people:,} people known from the bought list alone: {bought.counts.allowed:,} allowed "
        f"for {campaign(inquiry)}, where the law asks for no consent; the list proves none."
    )


def timings(taken: Sequence[tuple[str, float]]) -> None:
    """How long each step took."""
    heading("How long it took")
    rows = [(name, f"{seconds:.2f}") for name, seconds in taken]
    rows.append(("together", f"{sum(seconds for _, seconds in taken):.2f}"))
    table(("step", "seconds"), rows, right=(1,))


def where_next(folder: Path, person: int, lists: Sequence[Path]) -> None:
    """Commands that work as they are printed."""
    heading("Where to look next")
    for command, what in commands(folder, person, lists):
        line(f"  {command}", style="cyan")
        line(f"      {what}")


def commands(folder: Path, person: int, lists: Sequence[Path]) -> list[tuple[str, str]]:
    """What to type next, and what it shows."""
    program = "amana" if shutil.which("amana") else sys.argv[0]
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
        (
            f"{amana} audit",
            "the whole audit: every event opened, every chain and every answer's ground checked",
        ),
        (f"{amana} explain consent_unproven", "what a reason means and what would change it"),
        (f"{amana} undo 3", "take back the bought list: its opt-outs stay"),
    ]


def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%A %d %B %Y, %H:%M UTC")


def _about(event: Permission) -> str:
    """`newsletter by e-mail`, `everything on every channel`."""
    purpose = "everything" if event.purpose == ANY else event.purpose
    channel = "on every channel" if event.channel == ANY else f"by {wording.english().channel[event.channel]}"
    return f"{purpose} {channel}"
