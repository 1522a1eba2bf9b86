"""The workspace itself: making it, publishing its notices, and how it stands.

Rule. `init` writes the workspace file that comes with this release, with the caller's name in it, and makes everything
beside it; afterwards the file is the caller's to edit. `status` changes nothing and does not fail because something is
amiss among the notices: it says so. Rows of law that counsel has not confirmed are counted and named.
"""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from amana import errors, settings, wiring
from amana.cli import chores, keeping, rendering, session
from amana.cli.session import JsonFlag, answer
from amana.columns.store import ColumnStore
from amana.core import phrases, places, readability
from amana.core.vocabulary import SubjectType
from amana.services.keeping import backup as backups
from amana.services.record import publish as publishing
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.rights import following
from amana.storage import log, people, sources
from amana.storage import register as registers

NAME, CONTACT, COUNTRY = "Your Company Ltd", "privacy@your-company.example", "DE"
"""What the template says where the caller's own words go."""
ROOT_SHOWN = 16  # hexadecimal digits of the root


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("init")(init)
    app.command("status")(status)
    app.command("publish")(publish)


def template() -> str:
    """The workspace file that a new workspace begins with."""
    return (resources.files("amana.data") / "workspace.toml").read_text("utf-8")


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make the workspace in.")],
    name: Annotated[str, typer.Option(help="The company's name.")] = NAME,
    contact: Annotated[str, typer.Option(help="Where people reach you about their data.")] = CONTACT,
    country: Annotated[str, typer.Option(help="Where you are established: a two-letter code.")] = COUNTRY,
    json: JsonFlag = False,
) -> None:
    """Make a workspace: its commented file amana.toml, its database and its keys."""
    found = places.country_of(country, phrases.LANGUAGES)
    if found is None or not places.zones_of(found):
        raise errors.BadInput(
            "The country is not known", expected="two letters of ISO 3166-1, such as DE", remedy="mend it"
        )
    text = template()
    for said, meant in ((NAME, name), (CONTACT, contact), (COUNTRY, found)):
        text = text.replace(_quoted(said), _quoted(meant))
    wiring.create(settings.read(os.environ, folder), text)
    answer(
        {"workspace": folder, "definition": folder / wiring.DEFINITION, "keys": folder / wiring.KEYS},
        json=json,
        render=_made,
    )


def _quoted(text: str) -> str:
    """A TOML basic string."""
    return msgspec.json.encode(text).decode()


def _made(made: dict[str, Path]) -> None:
    folder = made["workspace"]
    rendering.line(f"Made a workspace in {folder}.")
    rendering.line(
        f"  {made['definition']}  who you are, what for, what you tell people, what you hold: read it"
    )
    rendering.line(f"  {made['keys']}  the keys: without them nothing can be opened; back them up apart")
    rendering.heading("Next")
    quoted = shlex.quote(str(folder))
    rendering.line(f"  amana --workspace {quoted} map LIST.csv > list.toml")
    rendering.line(f"  amana --workspace {quoted} import LIST.csv --mapping list.toml --source crm --dry-run")


# ---- publishing -------------------------------------------------------------------------------------------------


def publish(context: typer.Context, json: JsonFlag = False) -> None:
    """Publish what changed in amana.toml: new terms get their numbers, notices their versions."""
    with context.obj.house(writing=True) as house:
        changes = publishing.publish(house)
        texts = {change.id: house.workspace.notices[change.id].text for change in changes}
    readable = {
        name: {language: readability.of(text, language) for language, text in by_language.items()}
        for name, by_language in texts.items()
    }
    answer({"published": changes, "readability": readable}, json=json, render=_published)


def _published(answered: dict[str, Any]) -> None:
    changes = answered["published"]
    if not changes:
        rendering.line("No notice changed.")
        return
    for change in changes:
        rendering.line(f"Published {change.id}@{change.version}: {_meaning(change)}")
        for language, figure in answered["readability"][change.id].items():
            rendering.line(f"  {language}: {_readable(figure)}")


def _readable(figure: readability.Figure) -> str:
    """How readable a wording is, or that no formula says so."""
    if not figure.formula:
        return "readability not measured: no formula is validated for this language"
    doubt = ", estimated: the text carries few vowel marks" if figure.estimated else ""
    return f"readability {figure.score:.0f} by {figure.formula}, higher is easier{doubt}"


def _meaning(change: Any) -> str:
    if change.replaces:
        return f"in place of its earlier wording ({', '.join(change.changed)} changed), which nobody had answered"
    if not change.changed:
        return "its first version" if change.epoch == 1 else "a new version with the same content"
    parts = ", ".join(change.changed)
    if change.material:
        return f"material ({parts} changed): consents given under earlier versions no longer cover it"
    return f"not material ({parts} changed): earlier consents still cover it"


# ---- how it stands ----------------------------------------------------------------------------------------------


def status(context: typer.Context, json: JsonFlag = False) -> None:
    """How the workspace stands: people, ledger, imports, notices, reviews, cache, law, requests."""
    with context.obj.house() as house:
        found = _status(house)
    answer(found, json=json, render=_show_status)


def _status(house: House) -> dict[str, Any]:
    with house.database.read() as connection:
        latest = log.latest(connection)
        counted = people.count(connection)
        imported = sources.all_sources(connection)
        waiting = len(registers.open_reviews(connection))
    manifest = ColumnStore(house.columns).manifest()
    size = latest.size if latest else 0
    return {
        "organisation": house.workspace.organisation.name,
        "folder": house.folder,
        "people": counted,
        "ledger": {"size": size, "root": latest.root.hex() if latest else "", "origin": house.origin},
        "imports": {
            state: sum(1 for one in imported if one.state == state) for state in ("done", "running", "undone")
        },
        "reviews": waiting,
        "cache": {name: group.position for name, group in sorted(manifest.groups.items())},
        "notices": _pending(house),
        "law": _law(house),
        "tasks": tasks.standing(house),
        "requests": following.counted(house),
        "safekeeping": backups.standing(house),
    }


def _pending(house: House) -> dict[str, Any]:
    """What publishing would change, or why it would be refused."""
    try:
        return {"pending": publishing.pending(house), "problem": ""}
    except errors.Conflict as conflict:
        return {"pending": [], "problem": conflict.sentence()}


def _law(house: House) -> dict[str, Any]:
    """Version of the law book, and which of the rows that this workspace may rest on nobody confirmed."""
    served = house.workspace.organisation.serves
    on = datetime.fromtimestamp(house.clock(), UTC).date()
    channels = sorted({c for one in house.workspace.purposes.values() for c in one.channels}, key=str)
    known = [place for place in served if house.book.knows(place)]
    rows = {
        rule.id: rule.confirmed
        for place in known
        for channel in channels
        for subject in SubjectType
        if (rule := house.book.rule(place, channel, subject, on)) is not None
    }
    return {
        "version": house.book.version,
        "serves": served,
        "unknown_places": [place for place in served if place not in known],
        "rows": len(rows),
        "unconfirmed": sorted(row for row, confirmed in rows.items() if not confirmed),
    }


def _show_status(found: dict[str, Any]) -> None:
    ledger, law, notices = found["ledger"], found["law"], found["notices"]
    imported = found["imports"]
    behind = [name for name, position in found["cache"].items() if position < ledger["size"]]
    groups = len(found["cache"])
    rendering.line(found["organisation"], style="bold")
    rows = [
        ("people", f"{found['people']:,}"),
        (
            "ledger",
            f"{rendering.counted(ledger['size'], 'event')}, root {ledger['root'][:ROOT_SHOWN] or 'none'}…",
        ),
        (
            "imports",
            f"{imported['done']} done, {imported['running']} stopped half-way, {imported['undone']} undone",
        ),
        (
            "reviews",
            f"{found['reviews']} open"
            + (f": see `{session.program()} reviews list`" if found["reviews"] else ""),
        ),
        ("cache", f"{groups} groups, {len(behind)} behind the ledger: the next screen catches up"),
        ("law book", f"version {law['version']}; serves {', '.join(law['serves']) or 'no country'}"),
        ("notices", notices["problem"] or ("changes to publish" if notices["pending"] else "all published")),
        ("tasks", _tasks(found["tasks"])),
        ("requests", _open_requests(found["requests"])),
        *keeping.rows(found["safekeeping"]),
    ]
    rendering.table(("", ""), rows)
    for change in notices["pending"]:
        rendering.line(f"To publish: {change.id}@{change.version}, {_meaning(change)}")
    if notices["pending"]:
        rendering.line(f"  {session.program()} publish")
    for sentence in chores.held_up(found["tasks"]):
        rendering.line(sentence)
    _show_doubts(law)


def _tasks(found: list[tasks.Group]) -> str:
    failed = sum(one.count for one in found if one.state == "failed")
    waiting = sum(one.count for one in found) - failed
    more = f": see `{session.program()} tasks list`" if failed or waiting else ""
    return f"{waiting:,} waiting, {failed:,} failed" + more


def _open_requests(found: following.Counted) -> str:
    late = f", {found.late:,} LATE" if found.late else ""
    more = f": see `{session.program()} request list`" if found.open else ""
    return f"{found.open:,} open, {found.deciding:,} to decide, {found.soon:,} due within a week{late}{more}"


def _show_doubts(law: dict[str, Any]) -> None:
    if not law["serves"]:
        rendering.line("No country is served: somebody whose country nobody knows is never contacted.")
    if law["unknown_places"]:
        rendering.line(f"The law of {', '.join(law['unknown_places'])} is not in the book, which denies.")
    if law["unconfirmed"]:
        rendering.line(
            f"Not yet confirmed by counsel: {len(law['unconfirmed'])} of {law['rows']} rows of law that this "
            f"workspace rests on: {', '.join(law['unconfirmed'])}"
        )
