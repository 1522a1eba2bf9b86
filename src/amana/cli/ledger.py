"""The proofs: receipts, their verification, the published log, and the audit.

Rule. `receipt` and `audit` need the workspace; `verify` and `log check` need nothing but a public key and a file, and
run anywhere. A key is given as text or as the name of a file that holds it. Whatever does not verify ends with exit
status 5 and names what is wrong. An audit that found everything in order is remembered, so that `--since last` can go on
from there.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress

from amana import errors
from amana.cli import rendering
from amana.cli.session import JsonFlag, answer, notes
from amana.ledger import note
from amana.ledger import verify as verifying
from amana.services.keeping import audit as auditing
from amana.services.record import publication, receipts
from amana.services.record.house import House

ID_LENGTH = 32  # hexadecimal digits of an event id
LAST = "last"

KeyOption = Annotated[str, typer.Option("--key", "-k", help="The log's public key, or a file that holds it.")]

log = typer.Typer(no_args_is_help=True, help="The log as files that anybody can check.")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("receipt")(receipt)
    app.command("verify")(verify)
    app.command("audit")(audit)
    app.add_typer(log, name="log")


def receipt(
    context: typer.Context,
    event: Annotated[str, typer.Argument(help="An event id (32 hexadecimal digits) or a log position.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write it to this file.")] = None,
    page: Annotated[
        bool, typer.Option("--page", help="A page that holds the receipt and checks it offline.")
    ] = False,
    witnessed: Annotated[
        bool, typer.Option("--witnessed", help="Stand on the latest checkpoint that a witness cosigned.")
    ] = False,
    purpose: Annotated[
        str, typer.Option("--purpose", help="What the look is for, if the event holds an address or profile.")
    ] = "",
) -> None:
    """The receipt that a person keeps: it proves one event to anybody who has the log's public key."""
    with context.obj.house(writing=bool(purpose)) as house:
        position = _position(house, event)
        if purpose:
            actor = context.obj.looker()
            text = receipts.revealed(house, position, actor=actor, purpose=purpose, witnessed=witnessed)
        else:
            text = receipts.of(house, position, witnessed=witnessed)
        if page:
            text = receipts.page(text, publication.log_key(house))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, "utf-8")
        notes.print(f"Wrote {out}", markup=False, highlight=False)


def verify(
    file: Annotated[Path, typer.Argument(help="The receipt.")],
    key: KeyOption,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="A witness's public key; it must have cosigned.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Check a receipt with nothing but the log's public key. Needs no workspace."""
    keys = [verifying.key_text(one) for one in witness or ()]
    proven = verifying.verify(_contents(file), verifying.key_text(key), keys)
    answer(proven, json=json, render=_proven)


def audit(
    context: typer.Context,
    quick: Annotated[
        bool, typer.Option("--quick", help="Signatures, root and counts; opens nothing.")
    ] = False,
    since: Annotated[
        str, typer.Option("--since", help="Go on from `last`, or from a signed checkpoint in a file.")
    ] = "",
    json: JsonFlag = False,
) -> None:
    """Check that everything the log committed to is here and unaltered: opened + erased = tree size."""
    started = time.perf_counter()
    with context.obj.house() as house:
        if quick:
            answer(auditing.quick(house), json=json, render=_quick)
            return
        earlier = _earlier(house, since)
        with Progress(console=notes, transient=True) as bar:
            task = bar.add_task("Opening events", total=None)
            found = auditing.full(
                house, lambda done, total: bar.update(task, completed=done, total=total), since=earlier
            )
    with context.obj.house(writing=True) as house:
        auditing.remember(house, found)
    seconds = round(time.perf_counter() - started, 2)
    told = msgspec.structs.asdict(found) | {"seconds": seconds}
    answer(told, json=json, render=_audited)


@log.command("export")
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder to publish; only what grew is written.")],
    json: JsonFlag = False,
) -> None:
    """Write the log as static files: checkpoint, tiles and entry bundles. They hold no personal data."""
    with context.obj.house() as house:
        answer(publication.export(house, folder), json=json, render=_exported)


@log.command("check")
def check(
    folder: Annotated[Path, typer.Argument(help="A published log.")],
    key: KeyOption,
    since: Annotated[
        Path | None, typer.Option("--since", help="A checkpoint kept from earlier; the log must extend it.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Verify a published log with its public key alone. Needs no workspace."""
    earlier = None if since is None else note.decoded(_contents(since))
    found = publication.check(folder, note.parse_key(verifying.key_text(key).strip()), earlier)
    answer(found, json=json, render=_checked)


@log.command("key")
def show_key(context: typer.Context, json: JsonFlag = False) -> None:
    """Print the log's public key, by which everybody checks receipts and the published log."""
    with context.obj.house() as house:
        answer(
            {"key": publication.log_key(house).text()}, json=json, render=lambda told: typer.echo(told["key"])
        )


def _position(house: House, event: str) -> int:
    if len(event) == ID_LENGTH:
        return receipts.find(house, event)
    if event.isascii() and event.isdigit():
        return int(event)
    raise errors.BadInput(
        "Neither an event id nor a log position", expected="32 hexadecimal digits, or a number from 0"
    )


def _earlier(house: House, since: str) -> str | None:
    if not since:
        return None
    if since != LAST:
        return note.decoded(_contents(Path(since)))
    held = auditing.last(house)
    if held is None:
        raise errors.NotFound("No full audit is remembered here", remedy="run `amana audit` without --since")
    return held


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failed:
        raise errors.NotFound(
            "A file cannot be read", got=failed.strerror or "", remedy="check its path"
        ) from None


def _proven(proven: verifying.Proven) -> None:
    for line in verifying.lines(proven):
        typer.echo(line)


def _quick(found: auditing.Quick) -> None:
    typer.echo(
        f"The signed tree of {rendering.counted(found.size, 'entry', 'entries')} "
        f"stands, and no row is missing. Nothing was opened."
    )
    for name in found.extends:
        typer.echo(f"It extends the {name} checkpoint.")


def _audited(told: dict[str, Any]) -> None:
    if told["since"]:
        typer.echo(
            f"Since entry {told['since']:,} of {told['size']:,}: "
            f"{rendering.counted(told['opened'], 'event')} opened again."
        )
    else:
        erasing = f" + {told['erasing']:,} being erased" if told["erasing"] else ""
        typer.echo(
            f"{told['opened']:,} opened{erasing} + {told['erased']:,} "
            f"erased = {rendering.counted(told['size'], 'entry', 'entries')}."
        )
    typer.echo(
        f"Chains, states and notices hold for {told['people']:,} people; {told['columns']:,} column values agree."
        f" {told['seconds']} s."
    )


def _exported(found: publication.Exported) -> None:
    typer.echo(
        f"Published {rendering.counted(found.size, 'entry', 'entries')} "
        f"({found.before:,} before); {rendering.counted(found.written, 'file')} written."
    )


def _checked(found: publication.Checked) -> None:
    typer.echo(
        f"The log {found.origin} holds {rendering.counted(found.size, 'entry', 'entries')}, "
        f"and every file follows from them."
    )
    if found.since is not None:
        typer.echo(f"It extends the checkpoint of {rendering.counted(found.since, 'entry', 'entries')}.")
