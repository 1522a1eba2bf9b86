"""`amana data-map discover`: a first draft of a connected database's dataset.

Rule. The database is read, never changed, and no value of it is printed: the draft has names, types, references and what
the columns probably hold, with the share of a sample that says so. A person reads it before it becomes part of the map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from amana import errors
from amana.cli import data_map, rendering
from amana.cli.session import JsonFlag, answer
from amana.connectors.systems import catalogue
from amana.connectors.systems import discover as drafting
from amana.core import places
from amana.services.systems import data_map as maps


def register(app: typer.Typer) -> None:
    """Add the verb under `data-map`, which is there already."""
    del app
    data_map.commands.command("discover")(discover)


def discover(
    context: typer.Context,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="A system of kind sql, by its name.")],
    country: Annotated[
        str, typer.Option("--country", help="Two letters: reads telephone numbers that have no prefix.")
    ] = "",
    sample: Annotated[
        int, typer.Option("--sample", min=1, max=100_000, help="Rows of each table that are looked at.")
    ] = drafting.SAMPLE,
    json: JsonFlag = False,
) -> None:
    """Draft a database's dataset as YAML: tables, keys, references, and what looks personal. No value is printed."""
    if country and not places.zones_of(country):
        raise errors.BadInput(
            "The country is not known", expected="two letters of ISO 3166-1, such as DE", got=country
        )
    with context.obj.house() as house:
        known = {one.name: one for one in maps.checked(house.folder, house.workspace).map.systems}
        if system not in known:
            raise errors.NotFound(
                "There is no such system",
                expected=", ".join(sorted(known)) or "a file in systems/",
                got=system,
            )
        found = drafting.tables(
            catalogue.sql_settings(known[system]),
            house.folder,
            house.environment,
            country=country,
            sample=sample,
        )
    told = {"dataset": system, "tables": found}
    answer(told, json=json, render=_draft)


def _draft(told: Mapping[str, Any]) -> None:
    rendering.line(drafting.written(told["dataset"], told["tables"]).rstrip("\n"))
