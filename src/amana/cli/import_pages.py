"""What imports say: counts, what was left out, and what to do next.

Rule. Nothing is computed here. Counts that are nought are left out; a row that was not taken is never silent: the file
that names its line is named. What the list cannot show is said in one plain sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amana.cli import lists, rehearsal, rendering, session
from amana.cli.rehearsal import Rehearsed, Rejected
from amana.services.collection.imports import Report
from amana.storage.sources import Source

COUNTED = {
    "rows": "rows read",
    "people_new": "people not known before",
    "people_changed": "rows that change somebody known",
    "rows_unchanged": "rows that change nothing",
    "events": "events sealed",
    "said_given": "said: given, with evidence, a form and a date",
    "said_renewed": "said: renewed",
    "said_requested": "said: asked for, not confirmed",
    "said_unknown": "said: unknown, nobody can show how",
    "said_relationship": "said: evidence of another basis",
    "relationship_unproven": "said: another basis, without evidence: left out",
    "relationship_of_seller": "said: a sale or contract, which is the seller's and not yours: left out",
    "held": "held: nobody may contact them on the strength of this list",
    "known_otherwise": "known from elsewhere already: nothing but their opt-outs is taken",
    "vouched": "were held by a bought list, and this source vouches for them",
    "said_refused": "said: refused",
    "said_withdrawn": "said: withdrawn",
    "said_objected": "said: objected",
    "said_invalidated": "said: found invalid",
    "said_blocked": "addresses that bounced or complained",
    "suppressed": "addresses on a suppression list: counted as an objection",
    "kept_out": "rows about people who were erased: kept out, nothing of them is stored",
    "reviews": "share an address and differ: for a person to look at",
    "rejected_rows": "rows not taken",
    "empty_rows": "empty rows",
    "rejected_values": "values not taken, their row was",
}
"""Counts of an import in words, in the order in which they are read."""


REMEDIES = {
    "bad_date": (
        "no such day, or not written as 2026-03-14; if the file writes dates in another way, say so in the mapping: "
        '`dates = ["%d.%m.%Y"]` under [source] reads 14.03.2026, `"%d/%m/%Y %H:%M"` reads 14/03/2026 09:30'
    ),
    "unknown_country": (
        "write a two-letter code such as DE, or map the file's words: "
        '`residence = { column = "Country", values = { Holland = "NL" } }`; until then the residence is unknown'
    ),
    "unknown_status": "put the word into one of the lists of `status`, such as given, refused or withdrawn",
    "unknown_value": "add the word to `values` of this column",
    "erased_before": "nothing to mend: whoever was erased does not come back by a list",
    "bad_zone": "write an IANA name such as Europe/Berlin",
    "ragged": (
        "the row has more or fewer cells than the header: look for a delimiter too many, or a quote that is not closed "
        "and so takes the lines after it along"
    ),
    "encoding": "the row holds bytes that its encoding does not know: check `encoding` under [source]",
    "nul": "the row holds a NUL, which no table has: export the file again",
    "no_identity": "the row has neither an id nor an address nor a number, so it is nobody's",
    "bad_email": "no address by its form; mend it in the file, or leave it: the person is kept without it",
    "bad_contact_point": (
        "nothing else in the row says who it is, so a No in it counts for nobody; hashes of addresses cannot be read: "
        "ask for the addresses"
    ),
    "bad_phone": (
        "no number of its country's plan; a number without its country needs `phone_country` under [person]; "
        "the person is kept without it"
    ),
    "bad_number": "not a number; write it with digits and a point",
    "bad_json": "not JSON; mend it in the file",
    "future_date": "lies in the future: check `zone` and `dates` under [source]",
}
"""What mends a reject, by its reason."""


def without_evidence() -> None:
    """Said before a row is read."""
    rendering.note(
        "No --evidence: nobody can show that these people agreed, so everybody in the file becomes unknown, and unknown "
        "means no. Opt-outs count all the same."
    )


def nothing_taken() -> None:
    """Said at the end, beside a status that is not nought."""
    rendering.note(
        "Not one row could be taken: check that the mapping belongs to this file, and mend what is named."
    )


def told(report: Report, source: str) -> dict[str, Any]:
    """A report as an answer."""
    return {
        "dry_run": False,
        "import": report.source,
        "source": source,
        "state": report.state,
        "repeated": report.repeated,
        "counts": {name: count for name, count in report.counts.items() if name != "rejects_bytes"},
        "rejects_file": report.rejects if _left_out(report.counts) else None,
        "rejects": rehearsal.rejected(report.rejects),
        "held_because": report.fails,
    }


def show_report(answered: dict[str, Any]) -> None:
    """A finished import."""
    number, counts = answered["import"], answered["counts"]
    if answered["repeated"]:
        rendering.line(f"This file was imported before, as import {number}: nothing was added.", style="bold")
        return
    rendering.line(f"Import {number} of {answered['source']} is done.", style="bold")
    _show_counts(counts)
    if answered["held_because"]:
        lists.held(answered["held_because"])
    if answered["rejects_file"] is not None:
        _show_rejects(answered["rejects"])
        rendering.line(f"Line, column and reason of each: {answered['rejects_file']}")
    rendering.heading("Next")
    called = session.program()
    if counts.get("reviews"):
        rendering.line(f"  {called} reviews list     who shares an address with whom")
    rendering.line(f"  {called} screen --purpose … --channel …     who may be contacted now, and why not")
    rendering.line(f"  {called} undo {number}     take it back; its opt-outs stay")


def show_rehearsal(rehearsed: Rehearsed) -> None:
    """What an import would change."""
    rendering.line(f"Dry run of {rehearsed.source}: nothing was written.", style="bold")
    if rehearsed.repeated:
        rendering.line("This file was imported before: importing it again adds nothing.")
        return
    rendering.line(
        f"People: {rehearsed.people_before:,} before, {rehearsed.people_after:,} after"
        + (f"; resting on: {rehearsed.evidence}" if rehearsed.evidence else "; no evidence named")
    )
    _show_counts(rehearsed.counts)
    _show_rejects(rehearsed.rejects)
    _show_reach(rehearsed)
    rendering.line("To import it: the same command without --dry-run.")


def show_registry(answered: dict[str, Any]) -> None:
    """A loaded issue of a registry."""
    one = answered["registry"]
    rendering.line(
        f"{'Dry run: ' if answered['dry_run'] else ''}{one.name}, issue of {rendering.moment(one.as_of)[:10]}: "
        f"{rendering.counted(one.entries, 'number')} in force; "
        f"{rendering.counted(answered['rejected'], 'line')} not taken."
    )
    rendering.line("It replaces the issue before. Country packs say how old a copy may be.")


def show_imports(answered: dict[str, Any]) -> None:
    """The list of imports."""
    found: list[Source] = answered["imports"]
    if not found:
        rendering.line("Nothing was imported yet.")
        return
    rendering.table(
        (
            "import",
            "source",
            "kind",
            "state",
            "started",
            "rows",
            "events",
            "rows not taken",
            "values not taken",
            "evidence",
        ),
        [
            (
                str(one.id),
                one.name,
                one.kind,
                _state(one),
                rendering.moment(one.started)[:10],
                f"{one.counts.get('rows', 0):,}",
                f"{one.counts.get('events', 0):,}",
                f"{one.counts.get('rejected_rows', 0):,}",
                f"{one.counts.get('rejected_values', 0):,}",
                one.basis or "none: unknown",
            )
            for one in found
        ],
        right=(0, 5, 6, 7, 8),
    )


def show_undone(answered: dict[str, Any]) -> None:
    """What an undo did."""
    rendering.line(
        f"Import {answered['import']} is undone for "
        f"{rendering.counted(answered['people'], 'person', 'people')}: what it granted and said about them "
        "counts no more."
    )
    if answered["also_refusals"]:
        rendering.line(f"Its opt-outs were taken back too. Reason recorded: {answered['reason']}")
    else:
        rendering.line("Its opt-outs stay. The record keeps both the import and its undoing.")


def _state(one: Source) -> str:
    return {"done": "done", "running": "stopped half-way", "undone": "undone"}[one.state]


def _left_out(counts: Mapping[str, int]) -> int:
    return counts.get("rejected_rows", 0) + counts.get("rejected_values", 0)


def _show_counts(counts: Mapping[str, int]) -> None:
    shown = [name for name in COUNTED if counts.get(name)]
    rendering.table(("", "count"), [(COUNTED[name], f"{counts[name]:,}") for name in shown], right=(1,))


def _show_rejects(rejects: tuple[Rejected, ...]) -> None:
    if not rejects:
        return
    rendering.line("Not taken:")
    rendering.table(
        ("part", "column", "reason", "count", "first line"),
        [
            (
                one.part,
                one.column or "the row",
                rendering.words(one.reason),
                f"{one.count:,}",
                str(one.first_line),
            )
            for one in rejects
        ],
        right=(3, 4),
    )
    for reason in dict.fromkeys(one.reason.partition(":")[0] for one in rejects):
        if reason in REMEDIES:
            rendering.line(f"{rendering.words(reason)}: {REMEDIES[reason]}")


def _show_reach(rehearsed: Rehearsed) -> None:
    if not rehearsed.reach_counted:
        rendering.line(
            f"Reach is counted up to {rehearsal.REACH_UP_TO:,} people; after the import, "
            f"`{session.program()} screen` says it."
        )
        return
    rendering.line("People who may be contacted now:")
    rendering.table(
        ("purpose", "channel", "before", "after"),
        [(one.purpose, one.channel, f"{one.before:,}", f"{one.after:,}") for one in rehearsed.reach],
        right=(2, 3),
    )
