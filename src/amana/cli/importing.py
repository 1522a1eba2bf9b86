"""`amana import`, `imports` and `undo`: files with a past come in, are listed, and are taken back.

Rule. How a file is read is said by one of a mapping (any table) and a kind with its options (a platform's export).
Without named evidence nobody is granted anything, and that is said before a row is read; opt-outs always count. A dry
run works on a copy and writes nothing. Where rows were refused and not one was taken, the status is that of bad input,
so that a script sees it. Stopping is safe at any moment: what was recorded stays, and the same command
goes on where it stopped. A do-not-call registry goes the same way in, but is a list that comes and goes, not a past.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from amana import errors
from amana.cli import import_pages, paths, question, rehearsal, rendering, replay, session
from amana.cli.question import BrandOption
from amana.cli.session import JsonFlag, answer
from amana.connectors import catalogue, mapping, registry, sends
from amana.connectors.catalogue import Importer
from amana.connectors.moments import Clock
from amana.connectors.tables import Source
from amana.connectors.terms import StatusColumn
from amana.core.lists import Papers
from amana.core.statements import ANY, PersonRow, Reject
from amana.core.vocabulary import REFUSING
from amana.services.audience import past_sends
from amana.services.collection import imports, lists
from amana.services.gate import registries
from amana.services.record.house import House
from amana.storage import sources


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A file and how it is to be read."""

    importer: Importer
    options: Any  # of the importer's own type
    text: str  # the mapping or options as written
    source: Source

    @property
    def fields(self) -> tuple[str, ...]:
        """The registered fields that the rows may carry."""
        return tuple(getattr(self.options, "fields", {}))

    @property
    def only_refuses(self) -> bool:
        """Whether the rows can say nothing but a no, which needs no evidence."""
        if not isinstance(self.options, mapping.Mapping):
            return False
        said = [
            term.status.statuses() if isinstance(term.status, StatusColumn) else frozenset({term.status})
            for term in self.options.permission
        ]
        return not self.options.relationship and frozenset().union(*said) <= REFUSING

    @property
    def purposes(self) -> frozenset[str]:
        """The purposes that the rows may speak of."""
        options = self.options
        if isinstance(options, mapping.Mapping):
            return options.purposes() - {ANY}
        named = [*getattr(options, "purposes", ()), *getattr(options, "types", {}).values()]
        named += getattr(options, "data_use", {}).values()
        named += [target.purpose for target in getattr(options, "targets", {}).values()]
        return frozenset(named) - {ANY}


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("import")(import_file)
    app.command("imports")(list_imports)
    app.command("undo")(undo)


def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV, Excel, Parquet, or a platform's zip.")],
    source: Annotated[
        str, typer.Option("--source", help="What the system is called; the same name next time.")
    ] = "",
    mapping_file: Annotated[
        Path | None, typer.Option("--mapping", help="What the columns of a table mean; see `amana map`.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option("--as", help="A platform's export: mailchimp, hubspot, registry …; sends for a log."),
    ] = "",
    options: Annotated[
        Path | None, typer.Option("--options", help="TOML: what a platform's export does not say itself.")
    ] = None,
    evidence: Annotated[
        str, typer.Option(help="What shows that these people agreed: a sentence, or a file.")
    ] = "",
    brand: BrandOption = "",
    bought: Annotated[
        bool, typer.Option("--bought", help="Somebody else collected the list: it is held without papers.")
    ] = False,
    documents: Annotated[
        Path | None,
        typer.Option(
            "--documents", help="A bought list's papers: a TOML file, or a folder with papers.toml."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, on a copy; write nothing.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Import a file with a past: people, their permissions with evidence, and their opt-outs."""
    if kind == sends.KIND:
        replay.take(
            context.obj, file, _of_sends(mapping_file, source), source, brand, dry_run=dry_run, json=json
        )
        return
    reading = _reading(file, mapping_file, kind, options)
    shown = _evidence(evidence)
    papers = _papers(bought, documents)
    if papers is not None and not shown:
        shown = lists.evidence(papers)
    command: session.Command = context.obj
    if isinstance(reading.options, registry.Options):
        _import_registry(command, reading, dry_run=dry_run, json=json)
        return
    if not source:
        raise errors.BadInput(
            "The import does not say which system the file is from",
            expected="--source with a name such as crm",
            remedy="give one; the same name next time means the same system",
        )
    if not shown and not bought and not reading.only_refuses:
        import_pages.without_evidence()
    with command.copy() if dry_run else command.house(writing=True) as house:
        order = msgspec.structs.replace(
            _order(house, reading, source, shown, brand), bought=bought, papers=papers
        )
        with _bar(reading.source, dry_run=dry_run) as progress:
            nothing_taken = _done(house, order, progress, dry_run=dry_run, json=json)
    if nothing_taken:
        import_pages.nothing_taken()
        raise typer.Exit(session.BAD)


def _done(
    house: House,
    order: imports.Order,
    progress: Callable[[imports.Report], None],
    *,
    dry_run: bool,
    json: bool,
) -> bool:
    """Import or rehearse, and answer; whether rows were refused and not one was taken."""
    if dry_run:
        rehearsed = rehearsal.rehearse(house, order, progress)
        answer(rehearsed, json=json, render=import_pages.show_rehearsal)
        return rehearsed.nothing_taken
    report = imports.run(house, order, progress)
    answer(import_pages.told(report, order.name), json=json, render=import_pages.show_report)
    return report.nothing_taken


def _of_sends(mapping_file: Path | None, source: str) -> Path:
    """The mapping of a log of sends. Raises BadInput if it or the source's name is left out."""
    if mapping_file is None or not source:
        raise errors.BadInput(
            "A log of sends says too little of itself",
            expected="--mapping with a mapping of sends, and --source",
            remedy="name both; the source is the one under which its people were imported",
        )
    return mapping_file


def _order(house: House, reading: Reading, source: str, evidence: str, brand: str) -> imports.Order:
    question.purposes_known(house, reading.purposes)
    options = _with_days(house, reading.options)
    return imports.Order(
        kind=reading.importer.kind,
        name=source,
        digest=reading.source.digest,
        reading=reading.text,
        evidence=evidence,
        brand=question.brand_of(house, brand),
        fields=reading.fields,
        rows=lambda start: reading.importer.read(reading.source, options, house.clock(), start),
    )


def _with_days(house: House, options: Any) -> Any:
    """A mapping whose birth dates are read by its own `dates`; other options as they are."""
    if not isinstance(options, mapping.Mapping):
        return options
    return options.dated(
        name for name, field in house.workspace.fields.items() if field.means == "birth_date"
    )


# ---- how the file is read ---------------------------------------------------------------------------------------


def _reading(file: Path, mapping_file: Path | None, kind: str, options: Path | None) -> Reading:
    """The file with its importer and options. Raises BadInput, NotFound."""
    if mapping_file is not None and (options is not None or kind not in ("", mapping.KIND)):
        raise errors.BadInput(
            "A mapping is for any table, options are for a platform's export",
            expected="either --mapping, or --as with --options",
            remedy="leave one of them out",
        )
    if mapping_file is None and kind in ("", mapping.KIND):
        raise errors.BadInput(
            "Nothing says how to read the file",
            expected=f"--mapping FILE, or --as with one of: {', '.join(_platforms())}",
            remedy="write a mapping with `amana map FILE`, or name the platform",
        )
    importer = catalogue.find(kind or mapping.KIND)
    where = mapping_file or options
    what = "The mapping" if mapping_file else "The file of options"
    text = paths.text_of(where, what) if where is not None else ""
    chosen = _load(importer, text, given=where is not None)
    return Reading(importer=importer, options=chosen, text=text, source=importer.open(file, chosen))


def _platforms() -> list[str]:
    return [kind for kind in catalogue.CATALOGUE if kind != mapping.KIND]


def _load(importer: Importer, text: str, *, given: bool) -> Any:
    try:
        return importer.load(text)
    except errors.BadInput as bad:
        if given:
            raise
        raise errors.BadInput(
            f"The export of {importer.kind} does not say everything itself",
            expected="a TOML file of options",
            got=bad.got,
            remedy="write it and name it with --options",
        ) from bad


def _evidence(text: str) -> str:
    """The evidence as it is recorded: a sentence, or a file by its name and hash. Raises NotFound."""
    said = text.strip()
    if os.path.isfile(said):  # unlike Path.is_file, calm about a sentence too long to be a name
        return _document(Path(said))
    if _looks_like_a_file(said):
        raise errors.NotFound(
            "The evidence looks like a file, and there is none of that name",
            expected="a file, or a sentence that says what shows that these people agreed",
            remedy="check its path, or write a sentence",
        )
    return said


def _papers(bought: bool, documents: Path | None) -> Papers | None:
    """What the seller of a bought list handed over. Raises BadInput for documents of a list that is not bought."""
    if documents is None:
        return None
    if not bought:
        raise errors.BadInput(
            "The documents of a seller belong to a bought list",
            expected="--bought beside --documents",
            remedy="add it, or name your own proof with --evidence",
        )
    return lists.papers_at(documents)


def _looks_like_a_file(said: str) -> bool:
    return " " not in said and "://" not in said and ("/" in said or bool(Path(said).suffix))


def _document(path: Path) -> str:
    return f"{path.name} (SHA-256 {sha256(path.read_bytes()).hexdigest()})"


# ---- progress ---------------------------------------------------------------------------------------------------


@contextmanager
def _bar(source: Source, *, dry_run: bool) -> Iterator[Callable[[imports.Report], None]]:
    """A progress bar on a terminal, and a clean end for Ctrl-C."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    seen = 0
    shown = Progress(*columns, console=session.notes, transient=True, disable=not session.notes.is_terminal)
    task = shown.add_task("Dry run" if dry_run else "Importing", total=source.estimated_rows or None)

    def progress(report: imports.Report) -> None:
        nonlocal seen
        seen = sum(report.counts.get(name, 0) for name in ("rows", "rejected_rows", "empty_rows"))
        shown.update(task, completed=seen)

    try:
        with shown:
            yield progress
    except KeyboardInterrupt:
        if dry_run:
            rendering.note("Stopped. A dry run writes nothing.")
        else:
            rendering.note(
                f"Stopped. Recorded, and there to stay: "
                f"{rendering.counted(seen, 'row')}; run the same command again to go on."
            )
        raise typer.Exit(session.INTERRUPTED) from None


# ---- registries -------------------------------------------------------------------------------------------------


def _import_registry(command: session.Command, reading: Reading, *, dry_run: bool, json: bool) -> None:
    """Load an issue of a do-not-call registry."""
    options: registry.Options = reading.options
    day = Clock(options.zone).read(options.as_of)
    if day is None:
        raise errors.BadInput(
            "The registry's date cannot be read", expected="as_of = YYYY-MM-DD", remedy="mend the options"
        )
    with command.copy() if dry_run else command.house(writing=True) as house:
        rows: Iterator[PersonRow | Reject] = reading.importer.read(reading.source, options, house.clock())
        report = registries.load(house, options.registry, day.lo, rows)
    told = {"dry_run": dry_run, "registry": report.registry, "rejected": report.rejected}
    answer(told, json=json, render=import_pages.show_registry)


# ---- the list, and taking back ----------------------------------------------------------------------------------


def list_imports(context: typer.Context, json: JsonFlag = False) -> None:
    """All imports: what came in, on which evidence, and how each stands."""
    with context.obj.house() as house, house.database.read() as connection:
        found = sources.all_sources(connection)
    answer({"imports": found}, json=json, render=import_pages.show_imports)


def undo(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(metavar="IMPORT", help="The import's number; see `amana imports`.")
    ],
    also_refusals: Annotated[
        bool, typer.Option("--also-refusals", help="Take back its opt-outs too; needs a reason.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "",
    json: JsonFlag = False,
) -> None:
    """Take an import back: its grants and attributes count no more, its opt-outs stay."""
    with context.obj.house(writing=True) as house:
        undone = past_sends.undone(house, number)
        people = (
            imports.undo(house, number, also_refusals=also_refusals, reason=reason)
            if undone is None
            else undone
        )
    told = {"import": number, "people": people, "also_refusals": also_refusals, "reason": reason}
    answer(told, json=json, render=import_pages.show_undone if undone is None else replay.show_undone)
