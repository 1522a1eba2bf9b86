"""The command `amana`: its verbs, in the order in which somebody meets them.

Rule. A verb stands alone (`amana ask`); a noun comes first only where a thing has several verbs (`amana law show`).
Each module beside this one offers `register(app)`. Errors of the product become one sentence and an exit status here,
and nowhere else; so does Ctrl-C, which never looks like the answer No.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from amana import errors
from amana.cli import (
    ask,
    chores,
    data_map,
    delivering,
    demo,
    discover,
    explain,
    importing,
    keeping,
    law,
    ledger,
    lists,
    mailing,
    mapping_drafts,
    people,
    replay,
    request,
    request_files,
    request_mail,
    retention,
    reviews,
    screen,
    serve,
    session,
    whatif,
    witness,
    workspaces,
)


class Program(typer.core.TyperGroup):
    """The group of all verbs."""

    def invoke(self, ctx: Any) -> Any:
        """Run one verb; a Ctrl-C that it did not take care of ends it with the status of an interruption."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            session.notes.print("Stopped.")
            raise typer.Exit(session.INTERRUPTED) from None


app = typer.Typer(
    name="amana",
    cls=Program,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Who agreed to what, provably; and whether you may contact somebody now, and why.",
)

MODULES: tuple[Any, ...] = (
    demo,
    workspaces,
    reviews,
    mapping_drafts,
    importing,
    lists,
    ask,
    screen,
    whatif,
    replay,
    explain,
    law,
    people,
    request,
    request_files,
    request_mail,
    retention,
    data_map,
    discover,
    ledger,
    witness,
    keeping,
    serve,
    delivering,
    mailing,
    chores,
)

for module in MODULES:
    module.register(app)


@app.callback()
def workspace(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="The workspace folder; otherwise AMANA_WORKSPACE or here."),
    ] = None,
) -> None:
    """Every verb works on one workspace."""
    context.obj = session.Command(folder, context.invoked_subcommand or "")


def main(arguments: list[str] | None = None) -> None:
    """Run the program; its exit status says how it ended (see docs/errors.md)."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=given, prog_name="amana", standalone_mode=True)
    except errors.AmanaError as error:
        sys.exit(session.fail(error, json="--json" in given))
    except OSError as refused:  # a full disk, a folder without permission: the system's No, not a defect
        trouble = errors.BadInput(
            "The system refused to read or write a file",
            got=refused.strerror or type(refused).__name__,
            remedy="check its folder, its permissions and the space left",
        )
        sys.exit(session.fail(trouble, json="--json" in given))
