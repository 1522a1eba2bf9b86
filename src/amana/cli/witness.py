"""Witnesses: being one for other people's logs, and asking others to be one for ours.

Rule. `serve` needs no workspace: a folder, the keys of the logs it watches, and a port. It listens on this machine
alone unless told otherwise; whoever wants it on the network puts it behind a server that speaks TLS. Each refusal that
speaks against a log is said on standard error by its name. `add`, `list`, `ask` and `remove` are the log's side.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

import typer

from amana import errors, wiring
from amana.cli import rendering
from amana.cli.session import JsonFlag, answer
from amana.ledger import note
from amana.ledger import verify as verifying
from amana.services.keeping import witness as asking
from amana.services.keeping import witnessing
from amana.services.keeping.witnessing import Answer, Refusal, Witness
from amana.storage import proofs

READ_TIMEOUT = 20  # seconds that a connection may be silent
ALARMS = (Refusal.ROLLBACK, Refusal.SPLIT_VIEW, Refusal.FORK)

UrlArgument = Annotated[str, typer.Argument(help="The witness's address, such as https://witness.example.")]

witness = typer.Typer(
    no_args_is_help=True, help="Witnesses: others who vouch for the log, and vouching for others."
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(witness, name="witness")


@witness.command("serve")
def serve(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the witness keeps its key and what it signed.")
    ],
    log: Annotated[
        list[str], typer.Option("--log", help="The key of a log to watch, or a file that holds it.")
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free port.")] = 8190,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    name: Annotated[str, typer.Option("--name", help="What a new witness calls itself.")] = "",
) -> None:
    """Be a witness (C2SP tlog-witness): cosign only what extends what was cosigned before."""
    keys = [note.parse_key(verifying.key_text(one).strip()) for one in log]
    with (
        witnessing.serving(folder, keys, clock=wiring.clock, random=os.urandom, name=name) as made,
        server(made, host, port) as listening,
    ):
        typer.echo(made.key.text())
        typer.echo(f"http://{host}:{listening.server_port}")
        sys.stdout.flush()
        listening.serve_forever()


@witness.command("add")
def add(
    context: typer.Context,
    url: UrlArgument,
    key: Annotated[str, typer.Argument(help="The witness's public key, or a file that holds it.")],
    json: JsonFlag = False,
) -> None:
    """Ask this witness from now on."""
    with context.obj.house(writing=True) as house:
        answer(asking.add(house, url, verifying.key_text(key)), json=json, render=_shown)


@witness.command("list")
def listed(context: typer.Context, json: JsonFlag = False) -> None:
    """The witnesses that are asked, and the size that each cosigned last."""
    with context.obj.house() as house:
        answer(asking.known(house), json=json, render=_listed)


@witness.command("ask")
def ask(
    context: typer.Context,
    url: Annotated[str | None, typer.Argument(help="One witness; otherwise all of them.")] = None,
    json: JsonFlag = False,
) -> None:
    """Have the latest checkpoint cosigned, and keep the cosignatures for receipts and the published log."""
    with context.obj.house(writing=True) as house:
        wanted = [url] if url is not None else [one.url for one in asking.known(house)]
        if not wanted:
            raise errors.NotFound("There is no witness to ask", remedy="run `amana witness add`")
        answer([asking.cosign(house, one) for one in wanted], json=json, render=_cosigned)


@witness.command("remove")
def remove(context: typer.Context, url: UrlArgument) -> None:
    """Ask this witness no more."""
    with context.obj.house(writing=True) as house:
        asking.remove(house, url)


def server(made: Witness, host: str, port: int) -> ThreadingHTTPServer:
    """The HTTP server of a witness; the caller runs and closes it. Raises BadInput if it cannot listen there."""

    class Handler(_Handler):
        witness = made

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except OSError as failed:
        raise errors.BadInput(
            "The witness cannot listen there", got=failed.strerror or "", remedy="choose another port"
        ) from None


class _Handler(BaseHTTPRequestHandler):
    """HTTP to one call of the witness and back."""

    protocol_version = "HTTP/1.1"
    timeout = READ_TIMEOUT
    server_version = "amana-witness"
    sys_version = ""
    witness: Witness

    def do_POST(self) -> None:
        """add-checkpoint, and nothing else."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > witnessing.LARGEST_REQUEST:
            self.close_connection = True  # what follows cannot be told from the next request
            self._reply(Answer(status=400, body="a Content-Length of at most 64 KiB is needed\n"))
            return
        body = self.rfile.read(int(length))
        if self.path != witnessing.ADD_CHECKPOINT:
            self._reply(Answer(status=404, body="no such place\n"))
            return
        self._reply(self.witness.add_checkpoint(body))

    def do_GET(self) -> None:
        """`/<SHA-256 of the origin>/checkpoint`: what was cosigned last."""
        name, _, rest = self.path.removeprefix("/").partition("/")
        found = (
            self.witness.latest(name) if rest == "checkpoint" else Answer(status=404, body="no such place\n")
        )
        self._reply(found)

    def _reply(self, said: Answer) -> None:
        if said.refusal in ALARMS:
            sys.stderr.write(f"refused: {said.refusal.value}\n")
        body = said.body.encode()
        self.send_response(said.status)
        self.send_header("Content-Type", said.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who asks is nobody's business, and refusals are said above."""


def _shown(one: proofs.Witness) -> None:
    typer.echo(
        f"{one.url}  {note.parse_key(one.key).name}  "
        f"{rendering.counted(one.size, 'entry', 'entries')} cosigned"
    )


def _listed(found: list[proofs.Witness]) -> None:
    for one in found:
        _shown(one)


def _cosigned(found: list[asking.Cosigned]) -> None:
    for one in found:
        when = datetime.fromtimestamp(one.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        typer.echo(f"{one.name} cosigned {rendering.counted(one.size, 'entry', 'entries')} at {when}.")
