"""One person: what the ledger holds, opening what identifies them, and who looked.

Rule. History never shows an address or a name. `reveal` does, through the one door that records who looked, when, what
for and at which fields, before anything is shown; the actor comes from the settings. Whoever is meant is named by id, or
by an address that the caller already knows.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from amana import errors
from amana.cli import chronicle, rendering, wording
from amana.cli.ask import PersonArgument
from amana.cli.session import JsonFlag, answer
from amana.services.gate.asking import Gate
from amana.services.record import addresses, consent_records
from amana.services.record import history as histories
from amana.services.record import reveal as revealing
from amana.services.record.house import House
from amana.storage import register as registers
from amana.storage import sources


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("history")(history)
    app.command("reveal")(reveal)
    app.command("looks")(looks)


def who(house: House, text: str) -> tuple[int, ...]:
    """The people whom an id or an address names. Raises BadInput, NotFound."""
    number = addresses.person_id(text)
    if number is not None:
        return (number,)
    gate = Gate(house)
    try:
        address = gate.address(text)
    finally:
        gate.close()
    with house.database.read() as connection:
        held = addresses.holders(connection, [address]).get(address.blind, [])
    if not held:
        raise errors.NotFound("Nobody known holds this address", remedy="check it, or name the person's id")
    return tuple(sorted({person for person, _ in held}))


# ---- history ----------------------------------------------------------------------------------------------------


def history(
    context: typer.Context,
    person: PersonArgument,
    dpv: Annotated[
        bool, typer.Option("--dpv", help="As ISO/IEC TS 27560 consent records: W3C DPV in JSON-LD.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """What the ledger holds about a person, event by event, each verified. Shows no address."""
    with context.obj.house() as house:
        meant = who(house, person)
        if dpv:
            graph = [one for found in meant for one in consent_records.of_person(house, found)["@graph"]]
            if not graph:
                raise errors.NotFound("No permission is recorded about this person", remedy="check the id")
            answer({"@context": consent_records.CONTEXT, "@graph": graph}, json=True, render=_show_history)
            return
        for one in meant:
            histories.not_erased(house, one)
        found = {one: histories.of_person(house, one) for one in meant}
        with house.database.read() as connection:
            names = chronicle.sources(sources.all_sources(connection))
    if not any(found.values()):
        raise errors.NotFound("Nothing is recorded about this person", remedy="check the id")
    if json:
        told = [{"person": f"p{one}", "events": [chronicle.plain(e) for e in found[one]]} for one in found]
        answer({"people": told}, json=True, render=_show_history)
    else:
        _show_history({"found": found, "names": names})


def _show_history(answered: dict[str, Any]) -> None:
    text = wording.english()
    for person, opened in answered["found"].items():
        rendering.line(
            f"p{person}: {rendering.counted(len(opened), 'event')}, each opened and verified", style="bold"
        )
        for one in opened:
            rendering.line(f"  {rendering.interval(one.event.occurred)}: {chronicle.told(one.event, text)}")
            through = chronicle.source(one.event.source, answered["names"])
            rendering.line(
                f"      position {one.position}, event {one.event.id}, recorded "
                f"{rendering.moment(one.event.recorded)} through {through}",
                style="dim",
            )
    rendering.line("Addresses and names stay sealed: `amana reveal` opens them and records the look.")


# ---- looking ----------------------------------------------------------------------------------------------------


def reveal(
    context: typer.Context,
    person: PersonArgument,
    purpose: Annotated[str, typer.Option(help="What the look is for; it is recorded.")],
    field: Annotated[
        list[str], typer.Option(help="A sealed field, or `points` for addresses and numbers; repeatable.")
    ],
    json: JsonFlag = False,
) -> None:
    """Open identifying values of a person. Who looked, when and what for is recorded."""
    actor = context.obj.looker()
    with context.obj.house(writing=True) as house:
        people = who(house, person)
        opened = revealing.reveal_many(house, people, field, actor=actor, purpose=purpose)
    answer({"actor": actor, "purpose": purpose, "people": opened}, json=json, render=_show_revealed)


def _show_revealed(answered: dict[str, Any]) -> None:
    for one in answered["people"]:
        rendering.line(f"p{one.person}", style="bold")
        rows = [*one.points, *one.fields.items()]
        for name, value in rows:
            rendering.line(f"  {name}  {value}")
        if not rows:
            rendering.line("  none of these is recorded")
    rendering.note(f"This look of {answered['actor']} is recorded: see `amana looks`.")


def looks(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Only looks at this person.")] = "",
    json: JsonFlag = False,
) -> None:
    """Who looked at whose identifying values, when and what for."""
    with context.obj.house() as house:
        people = who(house, person) if person else (None,)
        with house.database.read() as connection:
            found = [look for one in people for look in registers.looks(connection, one)]
    told = [
        {"at": at, "actor": actor, "purpose": purpose, "person": f"p{one}", "fields": fields.split()}
        for at, actor, purpose, one, fields in sorted(found)
    ]
    answer({"looks": told}, json=json, render=_show_looks)


def _show_looks(answered: dict[str, Any]) -> None:
    if not answered["looks"]:
        rendering.line("Nobody looked.")
        return
    rendering.table(
        ("when", "who", "at", "fields", "what for"),
        [
            (
                rendering.moment(one["at"]),
                one["actor"],
                one["person"],
                ", ".join(one["fields"]),
                one["purpose"],
            )
            for one in answered["looks"]
        ],
    )
