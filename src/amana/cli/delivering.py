"""Delivery at the command line: `worker`, `gate`, `answers`, `send-test`.

Rule. `worker` does what waits: mail, texts, hooks. `gate` takes other systems' mail and `answers` takes what comes
back; each runs until it is interrupted, and any number may run beside each other. Where the workspace does not say how
mail or texts leave, `worker` says what waits for that. `send-test` sends one message to an
address of one's own and records nothing. None of them says an address.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from amana import errors
from amana.cli import chores, rendering
from amana.core import public_holidays
from amana.services.messaging import gating, inbound, sending
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.posting import open_post
from amana.services.record.tasks import Worker
from amana.services.rights import copies, opendsr, requests, rights_run, rights_telling
from amana.services.upkeep import retention
from amana.worker import loop

POLL = 20.0  # seconds between two looks into the mailbox


def register(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    app.command()(worker)
    app.command()(gate)
    app.command()(answers)
    app.command("send-test")(send_test)


@contextmanager
def workers(house: House) -> Iterator[dict[str, Worker]]:
    """The workers for mail and texts, where the workspace says how mail leaves, and for calls back to controllers."""
    calling: dict[str, Worker] = {opendsr.TASK: opendsr.call_back} if house.workspace.opendsr else {}
    if house.workspace.mail is None:
        yield calling
        return
    post = open_post(house)
    try:
        yield sending.Sender(house, post).workers() | calling
    finally:
        post.close()


def remind(house: House) -> int:
    """Note requests that are due soon; how many."""
    return len(requests.remind(house))


SWEEPERS: tuple[loop.Sweeper, ...] = (
    rights_telling.sweep,
    rights_run.sweep,
    remind,
    copies.sweep,
    retention.sweep,
)
"""What every worker does beside its tasks."""


def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option(help="Do what is due now, and end.")] = False,
) -> None:
    """Do what waits: mail, texts, hooks and requests, until interrupted."""
    with context.obj.house(writing=True) as house, workers(house) as sending_workers:
        if once:
            while loop.one_round(house, sending_workers) + loop.swept(house, SWEEPERS):
                pass
            _say_what_is_held_up(house)
            return
        _say_what_is_held_up(house)
        public_holidays.load()
        rendering.note("Working. Ctrl-C stops after the task in hand.")
        loop.run(house, sending_workers, threading.Event(), sweepers=SWEEPERS)


def _say_what_is_held_up(house: House) -> None:
    for sentence in chores.held_up(tasks.standing(house)):
        rendering.note(sentence)


def gate(context: typer.Context) -> None:
    """Let other systems send through the gate: each recipient with a permit, or not at all."""
    with context.obj.house(writing=True) as house:
        settings = house.workspace.gate
        if settings is None:
            raise _missing("[gate]")
        public_holidays.load()
        sys.setswitchinterval(gating.SWITCH)
        post = open_post(house)
        with gating.listener(house, post, settings) as listening:
            rendering.note(f"The gate listens on port {listening.port}.")
            _until_interrupted()
        post.close()


def answers(
    context: typer.Context,
    once: Annotated[bool, typer.Option(help="Look into the mailbox once, and end.")] = False,
) -> None:
    """Take bounces, complaints and answers: by the listener, from the mailbox, or both."""
    with context.obj.house(writing=True) as house:
        settings = house.workspace.answers
        if settings is None or not (settings.listen or settings.imap_host):
            raise _missing("[answers] with listen or imap_host")
        if once:
            rendering.line(f"{rendering.counted(inbound.poll(house, settings), 'message')}")
            return
        stop = threading.Event()
        if not settings.listen:
            _poll(house, stop)
            return
        with inbound.listener(house, settings) as listening:
            rendering.note(f"Answers are taken on port {listening.port}.")
            if settings.imap_host:
                _poll(house, stop)
            _until_interrupted()


def send_test(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An address of your own.")],
    language: Annotated[str, typer.Option(help="en, he, ar, th or ru.")] = "en",
) -> None:
    """Send one message, to see that mail leaves. Nothing is recorded."""
    with context.obj.house() as house:
        post = open_post(house)
        try:
            sending.send_test(house, post, address, language)
        finally:
            post.close()
    rendering.line("The relay took it.")


def _poll(house: House, stop: threading.Event) -> None:
    settings = house.workspace.answers
    while settings is not None and not stop.is_set():
        try:
            inbound.poll(house, settings)
        except errors.NotNow as trouble:
            rendering.note(f"The mailbox: {trouble.what}. It is tried again.")
        stop.wait(POLL)


def _until_interrupted() -> None:
    threading.Event().wait()


def _missing(section: str) -> errors.BadWorkspace:
    return errors.BadWorkspace(
        f"The workspace has no {section}",
        expected="a section that says where to listen",
        remedy="add it to amana.toml; see docs/delivery.md",
    )
