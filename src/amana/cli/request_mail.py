"""Letters: a request that somebody wrote by mail, handed in as a file.

Rule. The file is read exactly as the privacy mailbox is: machines, quotes and attachments say nothing, who stands in From
is a claim, and the proof goes to the address on record. Neither the words nor the address are shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amana import errors
from amana.cli import rendering
from amana.cli.request import commands
from amana.cli.session import JsonFlag, answer, program
from amana.services.rights import mail_intake
from amana.services.rights.mail_intake import Taken

LARGEST = 25_000_000  # bytes of a message
_TOLD = {
    "machine": "A machine wrote this, or nobody who could be answered: nothing was opened.",
    "ours": "We wrote this ourselves: nothing was opened.",
    "review": "It is not clear what this letter asks: it waits for a reader among the tasks.",
}


def register(_: typer.Typer) -> None:
    """Add the verb under `request`."""
    commands.command("from-mail")(from_mail)


def from_mail(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A message as it came, .eml.")],
    json: JsonFlag = False,
) -> None:
    """Open what a letter asks for; what is not clear waits for a person."""
    try:
        if file.stat().st_size > LARGEST:
            raise errors.BadInput("The message is too large", expected=f"at most {LARGEST:,} bytes")
        content = file.read_bytes()
    except OSError:
        raise errors.NotFound("The message is not there", remedy="check the path") from None
    with context.obj.house(writing=True) as house:
        taken = mail_intake.take(house, content, actor=context.obj.looker())
    answer(taken, json=json, render=_show)


def _show(taken: Taken) -> None:
    if taken.said in _TOLD:
        rendering.line(_TOLD[taken.said])
        return
    rendering.line(f"{taken.ref}: {taken.kind}, {taken.status}")
    rendering.line(f"  {program()} request show {taken.ref}")
