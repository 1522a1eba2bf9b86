"""What a request leaves behind, as files: the person's copy, and the evidence for an authority.

Rule. `copy` opens everything that was found about a person: it needs a purpose, and the look is recorded. `pack` holds no
value of theirs, unless somebody says what the receipts with values are needed for. Both write one archive with a page, a
PDF where this machine can print, and the files for machines; an archive that is there already is not written over.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from amana import errors
from amana.cli import paths, rendering
from amana.cli.request import Reference, commands
from amana.cli.session import JsonFlag, answer
from amana.core.phrases import LANGUAGES
from amana.services.rights import copies, evidence_pack, requests


def register(_: typer.Typer) -> None:
    """Add the verbs under `request`."""
    commands.command("copy")(copy)
    commands.command("pack")(pack)


OutFile = Annotated[Path, typer.Argument(metavar="OUT", help="The archive to write, such as evidence.zip.")]


def copy(
    context: typer.Context,
    reference: Reference,
    out: OutFile,
    purpose: Annotated[str, typer.Option(help="What you open it for; the look is recorded.")],
    json: JsonFlag = False,
) -> None:
    """The person's copy: a page and a PDF in their language, and everything as files."""
    place = _new(out)
    with context.obj.house(writing=True) as house:
        row = requests.get(house, reference)
        package = copies.package(house, row, actor=f"{context.obj.looker()}: {purpose}")
    printed = _printed(lambda: copies.pdf(package))
    _write(place, copies.zipped(package, printed=printed))
    told = {"file": place.name, "rows": sum(len(one.rows) for one in package.parts), "pdf": bool(printed)}
    answer(told, json=json, render=_copied)


def pack(
    context: typer.Context,
    reference: Reference,
    out: OutFile,
    language: Annotated[str, typer.Option(help="Language of the page.")] = "en",
    values_for: Annotated[
        str,
        typer.Option("--values-for", help="Add receipts with values of the person, and say what for."),
    ] = "",
    json: JsonFlag = False,
) -> None:
    """The evidence of a request for an authority: what was done, when, on what ground, with receipts of the log."""
    place = _new(out)
    if language not in LANGUAGES:
        raise errors.BadInput(
            "The language is not one of the product",
            expected=", ".join(LANGUAGES),
            remedy="choose one of them",
        )
    with context.obj.house(writing=True) as house:
        row = requests.get(house, reference)
        made = evidence_pack.make(
            house, row, actor=context.obj.looker(), language=language, values_for=values_for
        )
    printed = _printed(lambda: evidence_pack.pdf(made))
    _write(place, evidence_pack.zipped(made, printed=printed))
    told = {
        "file": place.name,
        "receipts": sum(bool(one.file) for one in made.pack.entries),
        "with_values": sum(not one.file for one in made.pack.entries),
        "pdf": bool(printed),
    }
    answer(told, json=json, render=_packed)


def _new(out: Path) -> Path:
    """The place of an archive that is not there yet. Raises BadInput, NotFound, Conflict."""
    place = paths.writable(out, (".zip",))
    if place.exists():
        raise errors.Conflict("There is a file of that name already", remedy="name another")
    return place


def _printed(press: Callable[[], bytes]) -> bytes:
    """The PDF; none where this machine cannot print, which is said."""
    try:
        return press()
    except errors.BadSettings as cannot:
        rendering.note(f"Without a PDF. {cannot.sentence()}")
        return b""


def _write(place: Path, body: bytes) -> None:
    """Write a file that its owner alone can read."""
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)


def _copied(told: dict[str, Any]) -> None:
    rendering.line(
        f"About the person, in {told['file']}: {rendering.counted(told['rows'], 'entry', 'entries')}."
    )
    rendering.line("It is readable to whoever holds the file: hand it over, then delete it.")


def _packed(told: dict[str, Any]) -> None:
    rendering.line(
        f"The evidence is in {told['file']}, with the log's "
        f"key and {rendering.counted(told['receipts'], 'receipt')}."
    )
    if told["with_values"]:
        rendering.line(
            f"Left out, because they hold values of the person: "
            f"{rendering.counted(told['with_values'], 'receipt')}."
        )
