"""Safekeeping: forgetting people, backups, the refusal journal, keys, migrations, and exports that are out.

Rule. What cannot be taken back asks first on a terminal, and needs `--yes` anywhere else. What runs long shows how far it
is on a terminal, can be stopped, and goes on when it is run again. After a restore the program says what has to be done
before anybody is contacted, and nothing else counts until then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress

from amana import errors, wiring
from amana.cli import paths, people, rendering, session
from amana.cli.session import JsonFlag, answer
from amana.services.keeping import backup as backups
from amana.services.keeping import exports as exporting
from amana.services.keeping import forget as forgetting
from amana.services.keeping import journal as journals
from amana.services.keeping import rotation

keys = typer.Typer(no_args_is_help=True, help="The keys: how they stand, and exchanging them.")
journal = typer.Typer(no_args_is_help=True, help="The refusal journal, after a restore.")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("forget")(forget)
    app.command("exports")(exports)
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("restored")(restored)
    app.command("migrate")(migrate)
    app.add_typer(journal, name="journal")
    app.add_typer(keys, name="keys")


# ---- forgetting -------------------------------------------------------------------------------------------------


def forget(
    context: typer.Context,
    person: Annotated[
        list[str] | None, typer.Argument(help="Whom: ids such as p123, addresses or numbers.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it cannot be taken back.")] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Go on with erasures that were interrupted or held up.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Erase people: keys, events, addresses, columns. What is left leads nowhere; they are not contacted again."""
    if bool(person) == finish:
        raise errors.BadInput("Say whom to forget, or --finish", expected="one of the two")
    with context.obj.house(writing=True) as house:
        if finish:
            done = forgetting.finish(house)
        else:
            ids = sorted({one for text in person or () for one in people.who(house, text)})
            sure(f"Forget {_named(ids)} for good?", yes)
            done = forgetting.forget(house, ids)
    answer(done, json=json, render=_show_forgotten)


def _named(ids: list[int]) -> str:
    return (
        ", ".join(f"p{one}" for one in ids)
        if len(ids) <= 5
        else rendering.counted(len(ids), "person", "people")
    )


def sure(question: str, yes: bool) -> None:
    """Ask on a terminal; anywhere else `--yes` must have been said. Raises BadInput, Abort."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise errors.BadInput("This cannot be taken back", remedy="say --yes if it is meant")
    typer.confirm(question, abort=True, err=True)


def _show_forgotten(done: forgetting.Forgotten) -> None:
    rendering.line(
        f"Forgot {rendering.counted(done.people, 'person', 'people')} "
        f"and {rendering.counted(done.events, 'event')}."
    )
    if done.exports_recalled:
        rendering.line(f"{done.exports_recalled} exports hold them and are due for recall: `amana exports`.")
    if not done.scrubbed:
        rendering.line(
            "Scrubbing is held up by an open reader: traces may stand in files. Run `amana forget --finish`."
        )


def exports(
    context: typer.Context,
    confirm: Annotated[
        int | None, typer.Option("--confirm", help="The recipient has deleted the export of this number.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Files with addresses that were given out: to whom, until when, and which are due for recall."""
    with context.obj.house(writing=confirm is not None) as house:
        if confirm is not None:
            exporting.confirm(house, confirm)
        found = exporting.listing(house)
    answer({"exports": found}, json=json, render=_show_exports)


def _show_exports(answered: dict[str, Any]) -> None:
    if not answered["exports"]:
        rendering.line("No addresses were given out.")
        return
    rendering.table(
        ("number", "when", "recipient", "file", "people", "until", "recall"),
        [
            (
                str(one.id),
                rendering.moment(one.at),
                one.recipient,
                one.file,
                f"{one.people:,}",
                rendering.moment(one.expires),
                one.recall,
            )
            for one in answered["exports"]
        ],
        right=(0, 4),
    )
    if any(one.recall == exporting.DUE for one in answered["exports"]):
        rendering.line(
            "Ask the recipients of those that are due to delete them, then: amana exports --confirm N"
        )


# ---- backups ----------------------------------------------------------------------------------------------------


def backup(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A new folder for the record.")],
    keys: Annotated[
        Path | None, typer.Option("--keys", help="A new folder for the keys, on another disk.")
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Let both stand in one place: its thief can open everything.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Back up the record, and the keys apart from it; read again and verified before it ends."""
    with context.obj.house(writing=True) as house:
        taken = backups.take(house, folder, keys, together=together)
    answer(taken, json=json, render=_show_taken)


def _show_taken(taken: backups.Taken) -> None:
    rendering.line(
        f"Backed up and verified: {rendering.counted(taken.size, 'event')} "
        f"of the ledger, {rendering.counted(taken.people, 'person', 'people')}, "
        f"{rendering.moment(taken.made)}."
    )
    if taken.keys is None:
        rendering.line("The keys were not copied: without them nothing in this backup opens (--keys FOLDER).")
    else:
        rendering.line("The root key is in neither folder: keep it, or its passphrase, in a third place.")


def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The backup of the record.")],
    into: Annotated[Path, typer.Argument(help="A new folder for the workspace.")],
    keys: Annotated[
        Path, typer.Option("--keys", help="The backup of the keys, as old as the record or newer.")
    ],
    root_key: Annotated[
        Path | None, typer.Option("--root-key", help="The root key file, copied into the workspace.")
    ] = None,
    last: Annotated[
        Path | None, typer.Option("--last", help="The latest checkpoint that a witness or mirror holds.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Make a workspace from a backup. It denies everything until the refusals since then are back."""
    known = paths.text_of(last, "The checkpoint") if last is not None else None
    settings = msgspec.structs.replace(context.obj.settings, workspace=into)
    found = wiring.restore(settings, folder, keys, root_key_file=root_key, last=known)
    answer(found, json=json, render=lambda one: _show_restored(one, into))


def restored(
    context: typer.Context,
    last: Annotated[
        Path | None, typer.Option("--last", help="The latest checkpoint that a witness or mirror holds.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: everything will deny.")] = False,
    json: JsonFlag = False,
) -> None:
    """Say that the databases were put back by other means, such as the server's own: it denies as after a restore."""
    known = paths.text_of(last, "The checkpoint") if last is not None else None
    sure("Deny everything until the refusals since that backup are back?", yes)
    found = wiring.put_back(context.obj.settings, last=known)
    answer(found, json=json, render=lambda one: _show_restored(one, context.obj.settings.workspace))


def _show_restored(found: Any, into: Path) -> None:
    rendering.line(
        f"Restored {rendering.counted(found.size, 'event')}, as they stood at {rendering.moment(found.made)}."
    )
    rendering.line(f"The log goes on under a new name; {found.origin} never signs again.")
    rendering.line("Everything denies until the refusals since then are back:")
    rendering.line(f"  amana --workspace {into} journal replay FILE")
    rendering.line(f'  amana --workspace {into} journal waive --reason "…"   (if there is no journal)')


@journal.command("replay")
def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The refusal journal.")],
    json: JsonFlag = False,
) -> None:
    """Put back every refusal and erasure that the journal holds. Twice is as once."""
    with context.obj.house(writing=True) as house:
        done = journals.replay(house, file)
    answer(done, json=json, render=_show_replayed)


def _show_replayed(done: journals.Replayed) -> None:
    rendering.line(
        f"{rendering.counted(done.lines, 'line')}: {rendering.counted(done.recorded, 'refusal')} "
        f"put back, {rendering.counted(done.erased, 'person', 'people')} erased again, "
        f"{done.suppressed:,} hashes of unknown addresses suppressed."
    )
    if done.begun_too_late:
        rendering.line("The journal was begun after the backup: what was refused in between is not in it.")
    if done.unreadable:
        rendering.line(f"{rendering.counted(done.unreadable, 'line')} cannot be read: altered, or damaged.")
    if done.lifted:
        rendering.line("The restore is over: the gate answers again.")
    elif done.begun_too_late or done.unreadable:
        rendering.line('Everything still denies. If you can answer for the rest: journal waive --reason "…"')


@journal.command("waive")
def waive(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="Why it can be done without; kept with your name.")],
    json: JsonFlag = False,
) -> None:
    """Let a restored workspace answer again without the refusals since its backup, for a reason."""
    with context.obj.house(writing=True) as house:
        lifted = journals.waive(house, reason=reason, actor=context.obj.settings.actor)
    answer({"lifted": lifted}, json=json, render=_show_waived)


def _show_waived(answered: dict[str, bool]) -> None:
    rendering.line("The gate answers again." if answered["lifted"] else "Nothing was restored here.")


def migrate(context: typer.Context, json: JsonFlag = False) -> None:
    """Bring the database to this program's schema, all or nothing. Make a backup first."""
    applied = wiring.migrate(context.obj.settings)
    answer({"applied": applied}, json=json, render=_show_migrated)


def _show_migrated(answered: dict[str, list[str]]) -> None:
    applied = answered["applied"]
    rendering.line(f"Applied {', '.join(applied)}." if applied else "Nothing to apply.")


# ---- keys -------------------------------------------------------------------------------------------------------


@keys.command("status")
def keys_status(context: typer.Context, json: JsonFlag = False) -> None:
    """How the keys stand: epochs, the index of addresses, what waits to be destroyed."""
    with context.obj.house() as house:
        found = rotation.standing(house)
    answer(found, json=json, render=_show_keys)


def _show_keys(found: rotation.Standing) -> None:
    rendering.table(
        ("epoch", "keys"), [(name, f"{count:,}") for name, count in found.epochs.items()], right=(1,)
    )
    moving = f", replacing {found.replacing}: go on with `amana keys rotate-index`" if found.replacing else ""
    rendering.line(f"Index of addresses: generation {found.index}{moving}")
    for name, at in found.retired.items():
        rendering.line(
            f"Retired {rendering.moment(at)}, kept for {rendering.counted(found.backup_days, 'day')}: {name}"
        )


@keys.command("rotate")
def keys_rotate(context: typer.Context, json: JsonFlag = False) -> None:
    """Move every person's key under this month's epoch, and destroy what no backup needs any more."""
    with context.obj.house(writing=True) as house, _counting("keys") as told:
        done = rotation.epochs(house, told)
    answer(done, json=json, render=_show_rotated)


@keys.command("rotate-index")
def keys_rotate_index(context: typer.Context, json: JsonFlag = False) -> None:
    """Give the index of addresses a new key. Do-not-call registries must be loaded again afterwards."""
    with context.obj.house(writing=True) as house, _counting("addresses") as told:
        done = rotation.index(house, told)
    answer(done, json=json, render=_show_rotated)


@keys.command("lock")
def keys_lock(context: typer.Context, json: JsonFlag = False) -> None:
    """Lock a root key file that stands in the clear with the passphrase of AMANA_ROOT_PASSPHRASE_FILE."""
    path = wiring.lock_root(context.obj.settings)
    answer({"locked": path}, json=json, render=lambda _: rendering.line("The root key file is locked."))


def _show_rotated(done: rotation.Rotated) -> None:
    rendering.line(f"Moved {done.moved:,}.")
    for name in done.destroyed:
        rendering.line(f"Destroyed {name}.")
    for name in done.waiting:
        rendering.line(f"Kept while a backup may need it: {name}.")
    if done.stuck:
        rendering.line(
            f"The old generation stays: {rendering.counted(done.stuck, 'address', 'addresses')} "
            "with another hash than the one under which it stands."
        )


@contextmanager
def _counting(what: str) -> Iterator[Callable[[int], None]]:
    """A count on the terminal; nothing anywhere else."""
    with Progress(console=session.notes, transient=True, disable=not session.notes.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda moved: bar.update(task, completed=moved, description=f"{moved:,} {what}")


# ---- what `status` says -----------------------------------------------------------------------------------------


def rows(found: backups.Standing) -> list[tuple[str, str]]:
    """The lines on safekeeping for `amana status`."""
    told = [("backup", _backup(found)), ("journal", _journal(found))]
    if found.erasing or found.scrubbing:
        told.append(
            (
                "erasures",
                f"{found.erasing} under way, {found.scrubbing} scrubbing: run `amana forget --finish`",
            )
        )
    if found.restored is not None:
        told.append(("restored", _restored(found.restored)))
    return told


def _backup(found: backups.Standing) -> str:
    if found.backup is None:
        return "none was taken: `amana backup`"
    return f"{rendering.moment(found.backup.at)}, {rendering.counted(found.unkept, 'event')} since"


def _journal(found: backups.Standing) -> str:
    if found.journal is not None and not found.journal.exists():
        return "not begun yet: the next write begins it, or stops if AMANA_JOURNAL names no place to write"
    if found.journal is not None:
        return "kept: no refusal acknowledged since it was begun is lost with this machine"
    return (
        f"none (AMANA_JOURNAL): refusals among the {found.unkept:,} latest events are lost with this machine"
    )


def _restored(one: Any) -> str:
    if one.lifted is None:
        return "from a backup: EVERYTHING DENIES until `amana journal replay` or `amana journal waive`"
    how = f"{one.how} {rendering.moment(one.lifted)}" + (
        f" by {one.actor}: {one.reason}" if one.reason else ""
    )
    return f"{rendering.moment(one.at)} from {one.origin}, then {how}"
