"""The server and what belongs to it: `serve`, `api-key`, `hook`.

Rule. A key and a hook's secret are shown once, when they are made; nothing shows them again. What another system may do
is said in words of `api_keys.SCOPES`. `serve` works off tasks as well, unless workers of their own do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from litestar.types import ControllerRouterHandler

from amana.api import serving
from amana.cli import delivering, rendering, session
from amana.services.record import api_keys, hooks
from amana.services.record.house import House
from amana.services.record.tasks import Worker
from amana.web import app as web
from amana.worker import loop

WORKERS: dict[str, Worker] = {}
"""Kinds of task that `serve` and `worker` do beside hooks; other modules add theirs."""


def register(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    app.command()(serve)
    keys = typer.Typer(no_args_is_help=True, help="Keys for other systems: each may do what it names.")
    keys.command("make")(make_key)
    keys.command("list")(list_keys)
    keys.command("rotate")(rotate_key)
    keys.command("revoke")(revoke_key)
    app.add_typer(keys, name="api-key")
    hearing = typer.Typer(
        no_args_is_help=True, help="Other systems that hear of events (CloudEvents, signed)."
    )
    hearing.command("make")(make_hook)
    hearing.command("list")(list_hooks)
    hearing.command("stop")(stop_hook)
    app.add_typer(hearing, name="hook")


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port.")] = 8080,
    tls_cert: Annotated[Path | None, typer.Option(help="The certificate's PEM file.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key, a PEM file.")] = None,
    trusted_hops: Annotated[
        int, typer.Option(min=0, max=9, help="How many proxies in front are believed about whom they serve.")
    ] = 0,
    work: Annotated[bool, typer.Option(help="Work off tasks as well.")] = True,
) -> None:
    """Serve the interface and the pages until interrupted."""
    command: session.Command = context.obj
    place = serving.Place(host=host, port=port, tls_cert=tls_cert, tls_key=tls_key, trusted_hops=trusted_hops)
    named = f"[{host}]" if ":" in host else host
    told = f"Serving on {'https' if tls_cert else 'http'}://{named}:{port}"
    serving.serve(command.settings, place, pages, worked if work else None, lambda: rendering.note(told))


def pages(house: Callable[[], House]) -> Sequence[ControllerRouterHandler]:
    """The customer's pages, for the process that serves."""
    return (web.routes(house),)


def worked(house: House, stop: threading.Event) -> None:
    """Do what is due, in the process that serves, until it ends."""
    with delivering.workers(house) as sending:
        loop.run(house, WORKERS | sending, stop, sweepers=delivering.SWEEPERS)


def make_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the system is called; it stands in records and looks.")],
    brands: Annotated[str, typer.Option(help="Brands it speaks for, separated by commas; * for all.")],
    actions: Annotated[str, typer.Option(help="What it may do, separated by commas.")],
    days: Annotated[int, typer.Option(help="For how many days it is good.")] = api_keys.DAYS,
    json: session.JsonFlag = False,
) -> None:
    """Make a key for another system. It is shown once."""
    with context.obj.house(writing=True) as house:
        made = api_keys.make(house, name, _words(brands), _words(actions), days=days)
    session.answer(made, json=json, render=_show_key)


def rotate_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The key's name.")],
    days: Annotated[int, typer.Option(help="For how many days the new one is good.")] = api_keys.DAYS,
    json: session.JsonFlag = False,
) -> None:
    """Replace a key by another with the same scopes. The old one is good no more."""
    with context.obj.house(writing=True) as house:
        made = api_keys.rotate(house, name, days=days)
    session.answer(made, json=json, render=_show_key)


def revoke_key(context: typer.Context, name: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """Revoke a key; servers know within a second."""
    with context.obj.house(writing=True) as house:
        api_keys.revoke(house, name)
    rendering.line(f"Revoked {name}.")


def list_keys(context: typer.Context, json: session.JsonFlag = False) -> None:
    """All keys: what each may do and until when."""
    with context.obj.house() as house:
        held = api_keys.every(house)
    session.answer(held, json=json, render=_show_keys)


def make_hook(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where events are sent: https.")],
    events: Annotated[str, typer.Option(help="Types of event, separated by commas; * for all.")] = "*",
    json: session.JsonFlag = False,
) -> None:
    """Let another system hear of events from now on. Its signing secret is shown once."""
    with context.obj.house(writing=True) as house:
        made = hooks.make(house, url, _words(events))
    session.answer(made, json=json, render=_show_hook)


def stop_hook(
    context: typer.Context, number: Annotated[int, typer.Argument(help="The hook's number.")]
) -> None:
    """Tell a hook nothing more."""
    with context.obj.house(writing=True) as house:
        hooks.stop(house, number)
    rendering.line(f"Stopped hook {number}.")


def list_hooks(context: typer.Context, json: session.JsonFlag = False) -> None:
    """All hooks."""
    with context.obj.house() as house:
        held = [
            {"id": one.id, "url": one.url, "events": one.events, "stopped": one.stopped is not None}
            for one in hooks.every(house)
        ]
    session.answer(held, json=json, render=_show_hooks)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _show_key(made: api_keys.Made) -> None:
    rendering.line(made.key)
    rendering.note(
        f"The key of {made.name}, good until {rendering.moment(made.expires)}. It is not shown again."
    )


def _show_keys(held: list[api_keys.Listed]) -> None:
    rendering.table(
        ("name", "brands", "may", "until"),
        [
            (
                one.name,
                " ".join(one.brands),
                " ".join(one.actions),
                "revoked" if one.revoked is not None else rendering.moment(one.expires),
            )
            for one in held
        ],
    )


def _show_hook(made: hooks.MadeHook) -> None:
    rendering.line(made.secret)
    rendering.note(f"Hook {made.id} hears of events from now on. Its secret is not shown again.")


def _show_hooks(held: list[dict[str, object]]) -> None:
    rendering.table(
        ("id", "url", "events", "state"),
        [
            (str(one["id"]), str(one["url"]), str(one["events"]), "stopped" if one["stopped"] else "hears")
            for one in held
        ],
    )
