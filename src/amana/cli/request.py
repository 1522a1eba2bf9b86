"""Requests of people: opened, planned, run, decided about, and shown with their clocks.

Rule. Nothing here shows an address or a name: whoever is meant is named by id, or by an address that the caller already
knows. What a person of ours does to a request is recorded with their name. `plan` reads and never writes; `run` does
what can be done now and says what it waits for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from msgspec import structs

from amana import errors
from amana.cli import rendering, request_told
from amana.cli.request_told import Worked
from amana.cli.session import JsonFlag, answer, program
from amana.connectors.systems.system import Progress
from amana.core.rights import ENDED, USUAL_CITATION, Asker, Identity, Kind, Status, Via
from amana.services.record import addresses
from amana.services.record.house import House
from amana.services.rights import evidence_words, manual_desk, requests, rights_preview, rights_run
from amana.storage import requests as rows
from amana.storage.requests import RequestRow, StepRow

commands = typer.Typer(
    no_args_is_help=True, help="Requests of people: see it, correct it, take it, stop it, erase it."
)

Reference = Annotated[
    str, typer.Argument(metavar="REQUEST", help="The request's reference, such as R-7K3M-9QXD.")
]
Reason = Annotated[str, typer.Option(help="Why; it is recorded and stands in the evidence.")]
DAY = 86_400


def register(app: typer.Typer) -> None:
    """Add the verbs under `request`."""
    app.add_typer(commands, name="request")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is told. No personal values."""

    ref: str
    kind: str
    status: str
    person: str
    brand: str
    via: str
    asker: str
    proved: str
    received: int
    due: int
    due_law: str
    days_left: int
    outcome: str
    next: str  # what to type next, or what it waits for
    systems: tuple[Worked, ...] = ()  # of a run, what was done in each
    steps: tuple[dict[str, Any], ...] = ()
    happened: tuple[dict[str, Any], ...] = ()


# ---- opening and following ----------------------------------------------------------------------------------------


@commands.command("open")
def open_(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What is asked.")],
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="An id such as p12, an e-mail address or a number.")
    ],
    brand: Annotated[str, typer.Option(help="Of one brand alone; otherwise of all.")] = "",
    asker: Annotated[Asker, typer.Option(help="Who asks.")] = Asker.PERSON,
    proved: Annotated[str, typer.Option(help="claimed | controlled | stepped_up | checked")] = "claimed",
    language: Annotated[str, typer.Option(help="In which language they are answered.")] = "en",
    correct: Annotated[
        list[str] | None, typer.Option(help="CATEGORY=VALUE, such as user.name='Noa Levi'; repeatable.")
    ] = None,
    identity: Annotated[
        list[str] | None, typer.Option(help="KIND=VALUE, such as customer_number=4711; repeatable.")
    ] = None,
    received: Annotated[str, typer.Option(help="The day it came, as 2026-11-21; today otherwise.")] = "",
    json: JsonFlag = False,
) -> None:
    """Write a request down. What needs no proof takes effect at once; otherwise a link goes to the address on record."""
    number = addresses.person_id(person)
    said = requests.Said(
        kind=kind,
        via=Via.STAFF,
        asker=asker,
        brand=brand,
        language=language,
        person=number or 0,
        address="" if number else person,
        identities={name: (value,) for name, value in _pairs(identity)},
        corrections=dict(_pairs(correct)),
        proved=_level(proved),
        received=_day(received),
    )
    with context.obj.house(writing=True) as house:
        row = requests.open_(house, said, actor=context.obj.looker())
        shown = _told(house, row)
    answer(shown, json=json, render=_show)


@commands.command("list")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    json: JsonFlag = False,
) -> None:
    """Open requests, those due first."""
    with context.obj.house() as house:
        shown = [_told(house, row, whole=False) for row in requests.every(house, open_only=not every)]
    answer({"requests": shown}, json=json, render=_list)


@commands.command("show")
def show(context: typer.Context, reference: Reference, json: JsonFlag = False) -> None:
    """One request: its clock, each step, and everything that happened to it."""
    with context.obj.house() as house:
        shown = _told(house, requests.get(house, reference))
    answer(shown, json=json, render=_show)


# ---- planning and running -----------------------------------------------------------------------------------------


@commands.command("plan")
def plan(context: typer.Context, reference: Reference, json: JsonFlag = False) -> None:
    """What a run would find, change and keep, collection by collection; nothing is touched."""
    with context.obj.house(writing=True) as house:
        row = requests.get(house, reference)
        with rights_run.open_systems(house) as systems:
            found = rights_preview.preview(house, row, systems)
    answer(found, json=json, render=_plan)


@commands.command("run")
def run(context: typer.Context, reference: Reference, json: JsonFlag = False) -> None:
    """Work on a request now, as far as it goes; what was done is said system by system, also when it stops."""
    with context.obj.house(writing=True) as house:
        row = requests.get(house, reference)
        if Status(row.status) is not Status.READY and (row.run is None or Status(row.status) in ENDED):
            raise errors.Conflict("This request cannot run now", got=row.status, remedy=_advice(row))
        try:
            with rights_run.open_systems(house) as systems:
                row = rights_run.run_now(house, row, systems)
        except errors.AmanaError:
            _stopped(house, requests.get(house, row.ref))
            raise
        did = request_told.worked(house, row)
        request_told.log(row, did)
        shown = structs.replace(_told(house, row), systems=did)
    answer(shown, json=json, render=_ran)


@commands.command("again")
def again(context: typer.Context, reference: Reference, json: JsonFlag = False) -> None:
    """Put a run that was handed to a person back to work."""
    with context.obj.house(writing=True) as house:
        rights_run.again(house, requests.get(house, reference), actor=context.obj.looker())
        shown = _told(house, requests.get(house, reference))
    answer(shown, json=json, render=_show)


@commands.command("done")
def done(
    context: typer.Context,
    reference: Reference,
    system: Annotated[str, typer.Argument(help="The system without an interface.")],
    refused: Annotated[bool, typer.Option("--refused", help="It could not be done.")] = False,
    json: JsonFlag = False,
) -> None:
    """Record that a colleague did what a request asks of a system without an interface."""
    progress = Progress.REFUSED if refused else Progress.DONE
    with context.obj.house(writing=True) as house:
        manual_desk.record(house, reference.strip().upper(), system, progress, actor=context.obj.looker())
        shown = _told(house, requests.get(house, reference))
    answer(shown, json=json, render=_show)


# ---- deciding -----------------------------------------------------------------------------------------------------


@commands.command("decide")
def decide(
    context: typer.Context,
    reference: Reference,
    reason: Reason,
    go: Annotated[bool, typer.Option("--go/--refuse", help="Go on with it, or refuse it.")],
    person: Annotated[str, typer.Option(help="Whom it is about, where an address is several people's.")] = "",
    json: JsonFlag = False,
) -> None:
    """Decide about a request that waits for a person: duplicate, excessive, somebody else's data, no authority."""
    if not reason.strip():
        raise errors.BadInput("A decision has its reason", remedy='write it: --reason "…"')
    about = _person(person)
    with context.obj.house(writing=True) as house:
        row = requests.get(house, reference)
        if Status(row.status) is not Status.DECIDING:
            raise errors.Conflict(
                "This request waits for nobody's decision", got=row.status, remedy=_advice(row)
            )
        row = requests.decide(house, row.ref, go=go, reason=reason, actor=context.obj.looker(), person=about)
        shown = _told(house, requests.get(house, row.ref))
    answer(shown, json=json, render=_show)


@commands.command("extend")
def extend(context: typer.Context, reference: Reference, reason: Reason, json: JsonFlag = False) -> None:
    """Take the longer deadline, once, where the country knows one."""
    with context.obj.house(writing=True) as house:
        requests.extend(house, reference, reason, actor=context.obj.looker())
        shown = _told(house, requests.get(house, reference))
    answer(shown, json=json, render=_show)


@commands.command("lift")
def lift(context: typer.Context, reference: Reference, reason: Reason, json: JsonFlag = False) -> None:
    """End a restriction whose ground is gone. Tell the person before."""
    with context.obj.house(writing=True) as house:
        requests.lift(house, reference, reason, actor=context.obj.looker())
        shown = _told(house, requests.get(house, reference))
    answer(shown, json=json, render=_show)


@commands.command("cancel")
def cancel(context: typer.Context, reference: Reference, json: JsonFlag = False) -> None:
    """Whoever asked takes it back, before it runs."""
    with context.obj.house(writing=True) as house:
        requests.cancel(house, reference, actor=context.obj.looker())
        shown = _told(house, requests.get(house, reference))
    answer(shown, json=json, render=_show)


# ---- words --------------------------------------------------------------------------------------------------------


def _told(house: House, row: RequestRow, *, whole: bool = True) -> Shown:
    steps: list[StepRow] = []
    happened: list[requests.Happened] = []
    if whole:
        happened = requests.happened(house, row)
        with house.database.read() as connection:
            steps = rows.steps(connection, row.run) if row.run is not None else []
    return Shown(
        ref=row.ref,
        kind=row.kind,
        status=row.status,
        person=f"p{row.person}",
        brand=row.brand,
        via=row.via,
        asker=row.asker,
        proved=Identity(row.proved).name.lower(),
        received=row.received,
        due=row.due,
        due_law=row.due_law,
        days_left=(row.due - house.clock()) // DAY,
        outcome=row.outcome,
        next=_advice(row) if Status(row.status) not in ENDED or request_told.has_copy(house, row) else "",
        steps=tuple(
            {
                "action": one.action,
                "system": one.system or "amana",
                "collection": one.node,
                "state": one.state,
                "found": one.found,
                "changed": one.changed,
                "trouble": one.trouble,
            }
            for one in steps
        ),
        happened=tuple(msgspec.to_builtins(one) for one in happened),
    )


def _show(shown: Shown) -> None:
    rendering.line(f"{shown.ref}  {shown.kind} of {shown.person}: {shown.status}", style="bold")
    if shown.outcome:
        rendering.line(f"  answered: {shown.outcome}")
    else:
        days = rendering.counted(abs(shown.days_left), "day")
        left = f"in {days}" if shown.days_left >= 0 else f"OVERDUE by {days}"
        law = _USUAL if shown.due_law == USUAL_CITATION else f"by {shown.due_law}"
        rendering.line(f"  due {rendering.moment(shown.due)}, {left}, {law}")
    rendering.line(
        f"  received {rendering.moment(shown.received)} by {shown.via}; {shown.asker}, {shown.proved}"
    )
    if shown.steps:
        rendering.table(
            ("step", "system", "collection", "state", "found", "changed", "trouble"),
            [tuple(str(value) for value in one.values()) for one in shown.steps],
            right=(4, 5),
        )
    for one in shown.happened:
        spoken = evidence_words.of("en")
        told = spoken.happened({"what": one["what"], **one["detail"]}).striptags()
        rendering.line(f"  {rendering.moment(one['at'])}  {told} ({spoken.who(one['actor'])})", style="dim")
    if shown.next:
        rendering.line(f"Next: {shown.next}")


def _ran(shown: Shown) -> None:
    """A run, system by system, then how the request stands."""
    for told in request_told.lines(shown.systems):
        rendering.line(told)
    _show(shown)


def _stopped(house: House, row: RequestRow) -> None:
    """What a run that stops had done, said beside the error."""
    did = request_told.worked(house, row)
    request_told.log(row, did)
    for told in request_told.lines(did):
        rendering.note(told)


def _advice(row: RequestRow) -> str:
    return request_told.advice(row, planned=row.run is not None)


def _list(answered: dict[str, Any]) -> None:
    if not answered["requests"]:
        rendering.line("No request is open.")
        return
    rendering.table(
        ("request", "kind", "of", "status", "due", "days"),
        [
            (one.ref, one.kind, one.person, one.status, rendering.moment(one.due), str(one.days_left))
            for one in answered["requests"]
        ],
        right=(5,),
    )


_USUAL = "the usual month: no law of their country is entered here (GDPR art. 12(3))"
_UNTOLD = {
    "no_mail": "Nobody will be told of it: no [mail] is set up, and so no text either. A run waits until you decide.",
    "no_address": "Nobody will be told of it: we have no address of theirs to write to. A run waits until you decide.",
}


def _plan(found: rights_preview.Preview) -> None:
    rendering.table(
        ("system", "collection", "asked by", "found", "change", "delete", "trouble"),
        [
            (
                one.system,
                one.node,
                ", ".join(one.by),
                str(one.found),
                str(one.changes),
                str(one.deletes),
                one.trouble,
            )
            for one in found.collections
        ],
        right=(3, 4, 5),
    )
    for one in found.collections:
        for kept in one.kept:
            until = f" until {kept.until}" if kept.until else ""
            where = f"{one.node}.{kept.path} stays in {rendering.counted(kept.rows, 'row')}"
            rendering.line(f"  {where}: {kept.ground} {kept.citation}{until}")
    if found.untold:
        rendering.line(_UNTOLD[found.untold])
    rendering.line("Nothing was touched.")


def _pairs(given: list[str] | None) -> list[tuple[str, str]]:
    pairs = [tuple(one.split("=", 1)) for one in given or []]
    if any(len(one) != 2 or not all(one) for one in pairs):
        raise errors.BadInput("A value is given with its name", expected="NAME=VALUE", remedy="write it so")
    return [(one[0].strip(), one[1].strip()) for one in pairs]


def _person(text: str) -> int:
    """The person that is meant; 0 where nobody was named. Raises BadInput."""
    number = addresses.person_id(text)
    if text and number is None:
        raise errors.BadInput(
            "This is no person's id",
            expected="an id such as p12",
            remedy=f"`{program()} history ADDRESS` shows it; or leave --person out",
        )
    return number or 0


def _level(text: str) -> Identity:
    try:
        return Identity[text.upper()]
    except KeyError:
        known = " | ".join(one.name.lower() for one in Identity)
        raise errors.BadInput(
            "There is no such proof of identity", expected=known, remedy="name one"
        ) from None


def _day(text: str) -> int:
    if not text:
        return 0
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise errors.BadInput(
            "A day cannot be read", expected="a day such as 2026-11-21", remedy="mend it"
        ) from None
