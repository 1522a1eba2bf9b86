"""What every command shares: the workspace it works on, how it answers, and how it fails.

Rule. A command parses its words, calls one service and renders the answer. With `--json` the answer is one JSON document
on standard output and nothing else; progress, notes and log lines go to standard error. On a terminal somebody reads, and
log lines stay away unless `AMANA_LOG` asks for them or the command is one that runs on (`RUNNING_ON`). Every error has a
code, a sentence and an exit status from the one table `STATUS`; a traceback is a defect.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
import typer
from rich.console import Console

from amana import errors, settings, wiring
from amana.services.record.house import House

OK, DENIED, BAD, MISSING, CONFLICT, UNVERIFIED, STORE = range(7)
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
RUNNING_ON = frozenset({"serve", "worker", "gate", "answers"})
"""Commands that run until they are stopped: their log is what somebody watches."""

STATUS: dict[type[errors.AmanaError], int] = {
    errors.BadInput: BAD,
    errors.UnregisteredField: BAD,
    errors.BadWorkspace: BAD,
    errors.BadLaw: BAD,
    errors.BadSettings: BAD,
    errors.NotFound: MISSING,
    errors.Conflict: CONFLICT,
    errors.NoticeChanged: CONFLICT,
    errors.Busy: CONFLICT,
    errors.NotNow: CONFLICT,
    errors.Undeliverable: CONFLICT,
    errors.VerificationFailed: UNVERIFIED,
    errors.LedgerBroken: UNVERIFIED,
    errors.KeyMissing: STORE,
    errors.StoreOutdated: STORE,
}

JsonFlag = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]

out = Console()
notes = Console(stderr=True)


_called = ContextVar("called", default="amana")


def program() -> str:
    """The program as it was called: with `--workspace` if that was given, so that what is printed can be run."""
    return _called.get()


class Command:
    """The state of one call of the program: which workspace, on whose behalf."""

    def __init__(self, workspace: Path | None, verb: str = "") -> None:
        self.settings = settings.read(os.environ, workspace)
        shown = self.settings.log or verb in RUNNING_ON or not sys.stderr.isatty()
        structlog.configure(logger_factory=_beside if shown else _nowhere)
        _called.set("amana" if workspace is None else f"amana --workspace {shlex.quote(str(workspace))}")

    def looker(self) -> str:
        """Who is about to look at somebody's address or name. Raises BadInput if nobody says."""
        if self.settings.actor == settings.NOBODY:
            raise errors.BadInput(
                "Nobody knows who is looking, and a look at personal data is recorded with a name",
                expected="AMANA_ACTOR, or a login name in USER or LOGNAME",
                remedy='name yourself: AMANA_ACTOR="your name" amana …',
            )
        return self.settings.actor

    @contextmanager
    def house(self, *, writing: bool = False) -> Iterator[House]:
        """The open workspace."""
        with wiring.opened(self.settings, writing=writing) as house:
            yield house

    @contextmanager
    def copy(self) -> Iterator[House]:
        """A writable copy of the workspace, thrown away at the end."""
        with wiring.opened(self.settings):  # says what is wrong with the original, if anything is
            pass
        with wiring.copied(self.settings) as house:
            yield house


def answer(value: Any, *, json: bool, render: Callable[[Any], None]) -> None:
    """Give the answer: as JSON, or through `render`."""
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2).decode())
    else:
        render(value)


def fail(error: errors.AmanaError, *, json: bool = False) -> int:
    """Say what went wrong on standard error (as JSON if asked); the exit status."""
    if json:
        told = {
            "error": error.code,
            "what": error.what,
            "expected": error.expected,
            "got": error.got,
            "remedy": error.remedy,
        }
        typer.echo(msgspec.json.encode(told).decode(), err=True)
    else:
        notes.print(f"[bold red]{error.code}[/]", end=" ")
        notes.print(error.sentence(), markup=False, highlight=False, soft_wrap=True)
    return status_of(error)


def status_of(error: errors.AmanaError) -> int:
    """The exit status of an error: its class's, else the nearest class's above it."""
    return next(STATUS[kind] for kind in (*type(error).__mro__, errors.BadInput) if kind in STATUS)


def _beside(*_: object) -> structlog.PrintLogger:
    """Where a logger writes: beside the answer, on standard error as it is at that moment."""
    return structlog.PrintLogger(sys.stderr)


def _nowhere(*_: object) -> structlog.PrintLogger:
    """Where a logger writes while somebody reads."""
    return structlog.PrintLogger(io.StringIO())


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"no JSON form for {type(value).__name__}")
