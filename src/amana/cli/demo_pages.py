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
from amana.cli.demo_rights import Forgotten
from amana.cli.rendering import heading, line, table
from amana.core.decision import Decision
from amana.core.events import Permission
from amana.core.statements import ANY
from amana.sample.exports import SampleFiles
from amana.services.audience.replay import Replayed
from amana.services.audience.screening import Screened
from amana.services.audience.whatif import Flips
from amana.services.collection.imports import Report
from amana.services.gate.asking import Inquiry
from amana.services.record.history import Opened

COUNTED = (
    ("rows", "rows"),
    ("events", "events sealed"),
    ("said_given", "a yes that is on record"),
    ("said_unknown", "a yes nobody can show"),
    ("said_refused", "a no"),
    ("said_withdrawn", "left"),
)
"""Counts of an import that are shown, in words."""
SHOWN = 5  # reasons of the first campaign; of a later one less


def campaign(inquiry: Inquiry) -> str:
    """`newsletter by e-mail`."""
    return f"{inquiry.purpose} by {wording.english().channel[inquiry.channel.value]}"


def exports(files: SampleFiles, folder: Path) -> None:
    """What the invented systems handed over."""
    truth = files.truth
    heading("Three exports of an invented company's old systems, in five languages")
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
    """Counts of each import, and how fast they went."""
    heading("Imported into a sealed record")
    rows = [(what, *(f"{report.counts.get(key, 0):,}" for _, report, _ in reports)) for key, what in COUNTED]
    table(["", *(name for name, _, _ in reports)], rows, right=range(1, len(reports) + 1))
    if all(report.repeated for _, report, _ in reports):
        line("All three had been imported before: the counts are from then, nothing was added.")
        return
    fresh = [
        (report.counts.get("events", 0), seconds) for _, report, seconds in reports if not report.repeated
    ]
    speed = sum(events for events, _ in fresh) / sum(seconds for _, seconds in fresh)
    rejects = sum(report.counts.get("rejected_values", 0) for _, report, _ in reports)
    line(
        f"{speed:,.0f} events a second. {rejects:,} unreadable values were left out: "
        f"{reports[0][1].rejects.parent} has line, column and reason of each, never the value."
    )


def verified(size: int, root: bytes, opened: int) -> None:
    """What was checked of the ledger."""
    heading("The ledger verifies")
    line(
        f"{size:,} events, with all of the above. The signed checkpoint holds; every stored tile follows from the "
        f"entries below it, up to the root {root.hex()[:16]}…;"
    )
    line(f"{opened:,} events were opened: each matches its commitment, each person's chain is unbroken.")


def screened(inquiry: Inquiry, result: Screened, shown: int = SHOWN) -> None:
    """The commonest reasons of a campaign, as sentences."""
    counts = result.counts
    heading(f"Screened: may we send {campaign(inquiry)} on {_moment(result.at)}?")
    rows = [("allowed", f"{counts.allowed:,}", "")]
    found = sorted(
        ((code, number) for code, number in counts.by_reason.items() if number), key=lambda one: -one[1]
    )
    for code, people in found[:shown]:
        rows.append((wording.english().why(code), f"{people:,}", f"{counts.by_first[code]:,}"))
    table(("reason", "people", "shown first"), rows, right=(1, 2))
    more = f"; {len(found) - shown} more reasons are not shown here" if len(found) > shown else ""
    line(f"{counts.people:,} people, each with every reason, in {result.seconds * 1000:,.0f} ms{more}.")


def asked(person: int, inquiry: Inquiry, decision: Decision) -> None:
    """One decision in words."""
    heading(f"Asked: may we send {campaign(inquiry)} to p{person}?")
    text = wording.english()
    line(text.verdict.allow if decision.allow else text.verdict.deny)
    for reason in decision.reasons:
        line(f"  • {text.why(reason.code)} ({reason.citation})")
        if reason.detail:
            line(f"    Missing: {text.proofs(reason.detail)}")
        line(f"    What would change it: {text.turn(reason.code, reason.detail)}")
    for law in decision.evidence.law:
        doubt = "" if law.confirmed else f"; {text.verdict.unconfirmed}"
        line(f"  Law of {law.place}: {text.basis[law.basis]} ({law.citation}{doubt})")
    if decision.defer_until is not None:
        line(f"  Ask again at {_moment(decision.defer_until)}: then the answer is yes.")


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


def turned(inquiry: Inquiry, flips: Flips, days: tuple[str, str]) -> None:
    """Whom a dated change of law turns."""
    heading(f"What if: {campaign(inquiry)} under the law of {days[0]}, then of {days[1]}")
    before, after = flips.allowed
    line(
        f"{before:,} may be contacted before, {after:,} after; nothing but the law differs, both in "
        f"{flips.seconds * 1000:,.0f} ms."
    )
    for one in flips.to_no:
        line(f"  {one.people:,} turn to no: {wording.english().why(one.code)}")
    for one in flips.to_yes:
        line(f"  {one.people:,} turn to yes, who had: {wording.english().why(one.code)}")
    places = ", ".join(f"{place} {no + yes:,}" for place, (no, yes) in flips.places.items())
    line(f"  By residence: {places or 'nobody turns'}.")


def replayed(found: Replayed) -> None:
    """What the gate would have said to past sends."""
    counts, log = found.counts, found.sends
    names = ", ".join(log.campaigns)
    heading(f"Replayed: {len(log):,} messages that the newsletter tool sent ({names})")
    refused = counts.people - counts.allowed
    line(
        f"{refused:,} would have been refused ({rendering.share(refused, counts.people)}), each asked at its own "
        f"moment with what had happened until then, in {found.seconds * 1000:,.0f} ms. Most often:"
    )
    reasons = sorted(counts.by_reason.items(), key=lambda one: -one[1])
    for code, number in reasons[:3]:
        if number:
            line(f"  {number:,}  {wording.english().why(code)}")


def forgotten(gone: Forgotten) -> None:
    """A request for erasure: what was planned, what was done, what stays and why."""
    row, plan = gone.request, gone.plan
    heading(f"Forgotten: p{row.person}, a customer of the web shop, asks for erasure ({row.ref})")
    if plan is None:
        line(f"Asked in an earlier run: {row.status} {rendering.words(row.outcome)}.")
        return
    line(
        f"Due {rendering.moment(row.due)}, by {row.due_law}. Who they are is taken as proved here. Planned, before "
        "anything was touched:"
    )
    table(
        ("system", "collection", "found", "would change", "would delete"),
        [
            (one.system, one.node, f"{one.found:,}", f"{one.changes:,}", f"{one.deletes:,}")
            for one in plan.collections
        ],
        right=(2, 3, 4),
    )
    for one in plan.collections:
        for kept in one.kept:
            until = f", until {kept.until}" if kept.until else ""
            line(
                f"  {one.node}.{kept.path} stays in {rendering.counted(kept.rows, 'row')}: "
                f"{kept.ground}, {kept.citation}{until}"
            )
    if not gone.over:
        line(f"Run, and not answered yet: {row.status}.")
        return
    line(
        f"Run and answered, {rendering.words(row.outcome)}: "
        f"{rendering.counted(gone.rows, 'row')} changed or deleted there; asked again, the "
        "shop has nothing of theirs but what stays."
    )
    line(f"Here p{row.person}'s key is destroyed: of {gone.events} sealed events none opens any more.")


def brought_back(
    path: Path, report: Report, before: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    """What an old file with somebody forgotten in it did: nothing."""
    again = "was imported before" if report.repeated else "is imported"
    line(f"An old export with them in it, {path.name}, {report.counts.get('rows', 0):,} rows, {again}:")
    line(
        f"  {after[0]:,} of its people may be contacted, and {before[0]:,} before. Rows about the erased in it: "
        f"{report.counts.get('kept_out', 0)}, kept out whole."
    )


def timings(taken: Sequence[tuple[str, float]]) -> None:
    """How long each step took."""
    whole = sum(seconds for _, seconds in taken)
    longest = sorted(taken, key=lambda one: -one[1])[:3]
    named = ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest)
    line()
    line(f"It took {whole:.1f} seconds; the longest: {named}.")


def where_next(folder: Path, person: int, gone: Forgotten | None) -> None:
    """Commands that work as they are printed, and pages to open."""
    heading("Where to look next")
    for command, what in commands(folder, person, gone):
        line(f"  {command}", style="cyan")
        line(f"      {what}")
    line(f"Open {folder / 'data-map.html'} in a browser: which system holds what about people.")
    line(
        "`make serve` starts the server on the demo: docs/pages.md says which pages it has, docs/api.md the calls."
    )


def commands(folder: Path, person: int, gone: Forgotten | None) -> list[tuple[str, str]]:
    """What to type next, and what it shows."""
    program = "amana" if shutil.which("amana") else sys.argv[0]
    amana = f"{program} --workspace {shlex.quote(str(folder))}"
    newsletter = "--purpose newsletter --channel email"
    listed = [
        (f"{amana} status", "people, events, the ledger's root, imports and notices"),
        (f"{amana} ask p{person} {newsletter}", "one person: verdict, every reason, law, evidence"),
        (f"{amana} history p{person}", "what the ledger holds about them, event by event"),
        (
            f"{amana} whatif {newsletter} --law 2027-01-01",
            "whose answer another law turns; --from-law, a folder of packs or a signed book work too",
        ),
        (
            f"{amana} audit",
            "the whole audit: every event opened, every chain and every answer's ground checked",
        ),
        (f"{amana} undo 3", "take back the bought list: its opt-outs stay"),
    ]
    if gone is not None:
        shown = f"{amana} request show {gone.request.ref}"
        listed.insert(3, (shown, "the evidence: the clock, each step, and everything that happened"))
    return listed


def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%A %d %B %Y, %H:%M UTC")


def _about(event: Permission) -> str:
    """`newsletter by e-mail`, `everything on every channel`."""
    purpose = "everything" if event.purpose == ANY else event.purpose
    channel = "on every channel" if event.channel == ANY else f"by {wording.english().channel[event.channel]}"
    return f"{purpose} {channel}"
