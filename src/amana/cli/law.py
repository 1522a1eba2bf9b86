"""The law book, read: what a country asks, what changes when, and how sound and how sure the book is.

Rule. A workspace is not needed: without one the book of this release speaks, with one the book that it uses. Whatever is
not confirmed by counsel says so on its own line. `check` ends with exit status 2 if the book has a gap, two rows for one
cell, or a word without a meaning: such a book must not be used. The pages of docs/law are made here and nowhere else.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from amana import errors, wiring
from amana.cli import keeping, law_pages, paths, rendering, session, wording
from amana.cli.session import JsonFlag, answer
from amana.core.packs import LawBook
from amana.core.vocabulary import Channel, SubjectType
from amana.ledger import verify as verifying
from amana.services.audience import whatif
from amana.services.audience.whatif import Affected
from amana.services.law_book import law as reading
from amana.services.law_book import law_changes, law_updates
from amana.services.law_book.law import Shown, Source

commands = typer.Typer(no_args_is_help=True, help="The law book: read it, compare days, check it, renew it.")

PlaceArgument = Annotated[
    str, typer.Argument(metavar="PLACE", help="A country or region of the book: DE, UK, US-TX.")
]
OnOption = Annotated[str, typer.Option("--at", help="The day asked about, YYYY-MM-DD; today if left out.")]
KeyOption = Annotated[
    str, typer.Option("--key", "-k", help="The publisher's public key, or a file that holds it.")
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A signed law book.")]
_SHOWN_PROBLEMS = 20


def register(app: typer.Typer) -> None:
    """Add the verbs under `law`."""
    app.add_typer(commands, name="law")


def book_of(context: typer.Context) -> LawBook:
    """The book that the workspace uses, or this release's own."""
    return wiring.law_book(context.obj.settings.workspace)


# ---- show -------------------------------------------------------------------------------------------------------


@commands.command("show")
def show(
    context: typer.Context,
    place: PlaceArgument,
    channel: Annotated[Channel, typer.Argument(case_sensitive=False, help="By which channel.")],
    subject: Annotated[
        SubjectType, typer.Argument(case_sensitive=False, help="Who is behind the address.")
    ] = SubjectType.CONSUMER,
    at: OnOption = "",
    json: JsonFlag = False,
) -> None:
    """What a country asks before a contact: basis, proofs, exceptions, hours, ages, limits, deadlines."""
    found = reading.show(book_of(context), place.upper(), channel, subject, _day(at))
    answer(found, json=json, render=_show)


def _show(shown: Shown) -> None:
    text = wording.english()
    rendering.line(
        f"{shown.name} ({' < '.join(shown.chain)}): {text.channel[shown.channel]} to a "
        f"{rendering.words(shown.subject)} on {shown.on}",
        style="bold",
    )
    rendering.line(f"Law book {shown.version}. {shown.notice}", style="dim")
    if shown.row is None:
        rendering.line(f"Not modelled before {shown.modelled_from}: the answer is no.")
    else:
        _show_row(shown.row)
    _show_times(shown)
    if shown.message:
        rendering.heading("The message must carry")
        rendering.line(f"  {', '.join(map(rendering.words, shown.message))}")
    rendering.heading("Age")
    never = f"; nobody below {shown.age.never_below} is marketed to" if shown.age.never_below else ""
    rendering.line(f"  {shown.age.consent_age} to consent alone; a guardian before that{never}")
    _show_source(shown.age.source)
    for title, lines in (("Deadlines", shown.deadlines), ("Also", shown.facts)):
        if lines:
            rendering.heading(title)
        for one in lines:
            rendering.line(f"  {rendering.words(one.kind)}: {one.words}")
            _show_source(one.source)
    if shown.stored_inside:
        rendering.line("  The record must be kept inside the country.")


def _show_row(row: reading.RowShown) -> None:
    text = wording.english()
    rendering.heading(f"Basis: {text.basis[row.basis]}")
    _show_source(row.source)
    if row.unless_shown:
        rendering.line(f"  Unless its conditions are shown to be met: {text.basis[row.unless_shown]}")
    for sector, basis in row.sectors.items():
        rendering.line(f"  Senders in {rendering.words(sector)}: {text.basis[basis]}")
    if row.proofs:
        rendering.line("  A consent must show:")
        for proof in row.proofs:
            rendering.line(f"    - {text.proof[proof]}")
    rendering.line(f"  Double opt-in: {rendering.words(row.double_opt_in)}")
    if row.consent_life:
        rendering.line(f"  A consent lasts {law_pages.span(row.consent_life)}")
    if row.needs_assessment:
        rendering.line("  An assessment of legitimate interest must be on file")
    _show_exceptions(row)
    for registry in row.registries:
        rendering.line(f"  Registry {registry.name}: {law_pages.registry(registry)}")
    unkept = [token for token, kept in row.conditions.items() if kept == "not_enforced"]
    if unkept:
        rendering.line(f"  Not enforced here, yours to keep: {', '.join(map(rendering.words, unkept))}")


def _show_exceptions(row: reading.RowShown) -> None:
    text = wording.english()
    for one in row.exceptions:
        rendering.heading(f"Or: {one.id} ({one.kind})")
        _show_source(one.source)
        for proof in one.proofs:
            rendering.line(f"    - {text.proof[proof]}")
        if one.life:
            rendering.line(f"    its evidence counts for {law_pages.span(one.life)}")
        if one.max_messages is not None:
            rendering.line(f"    at most {one.max_messages} message(s)")
        if one.not_enforced:
            rendering.line(f"    not enforced here: {', '.join(map(rendering.words, one.not_enforced))}")


def _show_times(shown: Shown) -> None:
    if shown.quiet is not None:
        rendering.heading("Allowed hours, local time")
        rendering.line(f"  {law_pages.hours(shown.quiet)}")
        _show_source(shown.quiet.source)
    if shown.caps is not None:
        rendering.heading("At most")
        rendering.line(f"  {law_pages.limits(shown.caps)}")
        _show_source(shown.caps.source)


def _show_source(source: Source) -> None:
    doubt = "" if source.confirmed else f" [{source.mark}, {source.confidence}: not yet confirmed by counsel]"
    rendering.line(f"      {source.citation}{doubt}", style="dim")
    if source.note:
        rendering.line(f"      {source.note}", style="dim")


# ---- diff -------------------------------------------------------------------------------------------------------


@commands.command("diff")
def diff(
    context: typer.Context,
    start: Annotated[str, typer.Argument(metavar="FROM", help="A day, YYYY-MM-DD.")],
    end: Annotated[str, typer.Argument(metavar="TO", help="A later day.")],
    place: Annotated[str, typer.Option("--place", help="Only this country or region.")] = "",
    json: JsonFlag = False,
) -> None:
    """What changes in the law between two days, each change on its own day."""
    book = book_of(context)
    found = law_changes.diff(book, _day(start), _day(end))
    if place:
        code = book.jurisdiction(place.upper()).code
        found = tuple(one for one in found if one.place == code)
    answer({"from": start, "to": end, "version": book.version, "changes": found}, json=json, render=_diff)


def _diff(answered: dict[str, Any]) -> None:
    changes = answered["changes"]
    if not changes:
        rendering.line("Nothing changes between these days in any country of the book.")
    seen: tuple[object, ...] = ()
    for one in changes:
        head = (one.on, one.name, one.channel, one.subjects)
        if head != seen:
            who = ", ".join(map(rendering.words, one.subjects)) or "everybody"
            channel = wording.english().channel[one.channel] if one.channel else "every channel"
            rendering.heading(f"{one.on}  {one.name}: {channel}, {who}")
            seen = head
        rendering.line(f"  {rendering.words(one.aspect)}: {one.before or 'none'}  →  {one.after or 'none'}")
        if one.aspect == "basis" and one.citation:
            rendering.line(f"      {one.citation}", style="dim")


# ---- check ------------------------------------------------------------------------------------------------------


@commands.command("check")
def check(
    context: typer.Context,
    every: Annotated[
        bool, typer.Option("--all", help="Every line, not only the first of each kind.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Gaps, conflicts, what counsel has not confirmed, what is not enforced. Exit status 2 for an unfit book."""
    book = book_of(context)
    problems = reading.check(book)
    unfit = reading.unfit(problems)
    told = {"version": book.version, "fit": not unfit, "problems": problems, "all": every}
    answer(told, json=json, render=_check)
    if unfit:
        raise typer.Exit(session.BAD)


def _check(answered: dict[str, Any]) -> None:
    kinds = {
        "gap": "cells in which no row speaks",
        "double": "conflicts: cells in which two rows speak",
        "unknown_word": "words without a meaning",
        "unconfirmed": "lines not yet confirmed by counsel",
        "not_enforced": "conditions that nothing here keeps: yours to keep",
    }
    rendering.line(
        f"Law book {answered['version']}: {'fit for use' if answered['fit'] else 'NOT fit for use'}",
        style="bold",
    )
    for kind, meaning in kinds.items():
        found = [one for one in answered["problems"] if one.kind == kind]
        rendering.heading(f"{len(found)} {meaning}")
        shown = found if answered["all"] else found[:_SHOWN_PROBLEMS]
        for one in shown:
            rendering.line(f"  {one.where}: {one.words}")
        if len(shown) < len(found):
            rendering.line(f"  and {len(found) - len(shown)} more: --all")


# ---- pages ------------------------------------------------------------------------------------------------------


@commands.command("page")
def page(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for the pages.")] = Path("docs/law"),
) -> None:
    """Write one page for each country, as docs/law has them."""
    pages = law_pages.pages(book_of(context))
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (out / name).write_text(text, "utf-8")
    rendering.note(f"Wrote {len(pages)} pages to {out}")


# ---- updates ----------------------------------------------------------------------------------------------------


@commands.command("verify")
def verify(context: typer.Context, file: FileArgument, key: KeyOption, json: JsonFlag = False) -> None:
    """Check a signed law book before it is taken: who signed it, whether it is sound, and what it changes."""
    offered = law_updates.verify(
        paths.text_of(file, "The law book"), law_updates.key(verifying.key_text(key))
    )
    told = law_updates.compared(book_of(context), offered)
    flips = _flips(context, offered.book)
    answer(_told(told, flips), json=json, render=lambda _: _offered(told, flips))


@commands.command("take")
def take(
    context: typer.Context,
    file: FileArgument,
    key: KeyOption,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: an older book is never taken again.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Use a signed law book in this workspace from now on, instead of the one that came with the program."""
    with context.obj.house() as house:
        offered = law_updates.verify(
            paths.text_of(file, "The law book"), law_updates.key(verifying.key_text(key))
        )
        told = law_updates.compared(house.book, offered)
        flips = whatif.of_book(house, offered.book)
        if not json:
            _offered(told, flips)  # before it counts
        keeping.sure(f"Use law book {told.version} from now on?", yes)
        law_updates.take(house, offered)
    answer(_told(told, flips), json=json, render=_taken)


@commands.command("pack")
def pack(
    folder: Annotated[Path, typer.Argument(help="A folder of packs: book.toml and one file for each place.")],
    seed: Annotated[Path, typer.Option("--seed", help="A file of 64 hexadecimal digits: the signing key.")],
    name: Annotated[str, typer.Option("--name", help="The publisher's name, as its key has it.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The signed law book to write.")],
) -> None:
    """Make a signed law book of a folder of packs; tells the public key that verifies it."""
    documents = {
        file.name: file.read_text("utf-8") for file in sorted(folder.iterdir()) if file.suffix == ".toml"
    }
    signer = law_updates.signer(name, paths.text_of(seed, "The signing key"))
    out.write_text(law_updates.packed(documents, signer), "utf-8")
    typer.echo(signer.verifier.text())


def _flips(context: typer.Context, book: LawBook) -> tuple[Affected, ...] | None:
    """What a book would turn in the workspace; None where there is no workspace."""
    if not (context.obj.settings.workspace / wiring.DEFINITION).is_file():
        return None
    with context.obj.house() as house:
        return whatif.of_book(house, book)


def _offered(told: law_updates.Compared, flips: tuple[Affected, ...] | None) -> None:
    rendering.line(f"Law book {told.version} of {told.as_of}, signed by {told.signed_by}.", style="bold")
    rendering.line(f"In use: {told.in_use}. {len(told.places)} places.")
    for words, places in (("New", told.added), ("Gone: unknown law, which denies", told.removed)):
        if places:
            rendering.line(f"  {words}: {', '.join(places)}")
    rendering.line(f"  Places whose page differs: {', '.join(told.changed) or 'none'}")
    if flips is not None:
        _show_flips(flips)


def _told(told: law_updates.Compared, flips: tuple[Affected, ...] | None) -> dict[str, Any]:
    """The comparison as a document, with what it turns where there is a workspace."""
    return msgspec.structs.asdict(told) | ({} if flips is None else {"turns": flips})


def _show_flips(flips: tuple[Affected, ...]) -> None:
    """Whose answers the book would turn."""
    turning = [one for one in flips if one.to_no or one.to_yes]
    if not turning:
        rendering.line("Nobody's answer turns, timing left aside.")
        return
    rendering.heading("Whose answer turns, timing left aside")
    rendering.table(
        ("purpose", "channel", "may be contacted", "then", "yes to no", "no to yes", "code"),
        [
            (
                one.purpose,
                one.channel,
                f"{one.allowed_before:,}",
                f"{one.allowed_after:,}",
                f"{one.to_no:,}",
                f"{one.to_yes:,}",
                ", ".join(reasons[0].code for reasons in (one.why_no, one.why_yes) if reasons),
            )
            for one in turning
        ],
        right=(2, 3, 4, 5),
    )
    rendering.line(f"`{session.program()} whatif --law FILE …` says who they are.")


def _taken(told: dict[str, Any]) -> None:
    rendering.line("It is in use from now on in this workspace.")


# ---- words ------------------------------------------------------------------------------------------------------


def _day(text: str) -> date:
    if not text:
        return datetime.fromtimestamp(wiring.clock(), UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise errors.BadInput(
            "The day cannot be read", expected="YYYY-MM-DD", remedy="write it like 2026-11-21"
        ) from None
