"""No sequence of real imports, repeats, resumptions and undos lifts a No, whoever shares the address.

The files are small and generated; they go through the importer for tables, as a customer's would.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_samples import OFFERS

from amana import errors
from amana.connectors import catalogue
from amana.services.collection import imports
from amana.services.gate.asking import Gate
from amana.services.record.house import House
from worlds.clock import DAY, NOW, Clock

MAPPING = """
[source]
zone = "UTC"
[person]
external_id = "id"
email = "email"
[fields]
name = "name"
residence = { constant = "DE" }
[[permission]]
purpose = "offers"
channel = "email"
when = "when"
proof = ["demonstrable", "channel_named", "sender_named", "purpose_named", "unbundled", "unticked", "not_condition",
         "withdrawal_told", "confirmed", "written"]
status = { column = "status", given = ["yes"], withdrawn = ["no"], objected = ["never"], refused = ["declined"] }
"""
COLUMNS = ("id", "email", "name", "status", "when")
ADDRESSES = ("ann@example.com", "ben@example.com", "carl@example.com")

LINES = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["", "1", "2"]),
        "email": st.sampled_from(ADDRESSES),
        "name": st.sampled_from(["", "Ann Lee", "Ben Lee"]),
        "status": st.sampled_from(["yes", "yes", "no", "never", "declined", ""]),
        "when": st.sampled_from(["", "2026-05-01", "2026-05-28", "2026-05-27T10:00:00", "1900-01-01"]),
    }
)
FILES = st.lists(LINES, min_size=1, max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("import"), st.sampled_from(["shop", "news"]), FILES),
    st.tuples(st.just("import"), st.sampled_from(["shop", "news"]), FILES),
    st.tuples(st.just("stopped"), st.sampled_from(["shop", "news"]), FILES),
    st.tuples(st.just("undo"), st.integers(1, 4), st.none()),
    st.tuples(st.just("repeat"), st.integers(0, 3), st.none()),
)


class StoppedError(Exception):
    """Somebody pulled the plug."""


def written(folder: Path, lines: list[dict[str, str]]) -> Path:
    """The lines as a file; equal lines are the same file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    path = folder / f"{abs(hash(text.getvalue())):x}.csv"
    path.write_text(text.getvalue(), "utf-8")
    return path


def import_file(house: House, name: str, path: Path, progress: imports.Progress | None = None) -> None:
    """Import a file as `amana import` does."""
    importer = catalogue.find("table")
    options = importer.load(MAPPING)
    source = importer.open(path, options)
    order = imports.Order(
        kind="table",
        name=name,
        digest=source.digest,
        reading=MAPPING,
        evidence="form",
        brand="orchard",
        fields=options.field_names(),
        rows=lambda start: importer.read(source, options, house.clock(), start),
    )
    imports.run(house, order, progress, batch=1)


def said_no(house: House) -> set[int]:
    """Everybody whom a No binds now."""
    gate = Gate(house)
    found = set()
    for person in range(1, 20):
        codes = {reason.code for reason in gate.ask(person, OFFERS).reasons}
        if codes & {"withdrawn", "objected", "refused", "invalidated"}:
            found.add(person)
    gate.close()
    return found


def stop(report: imports.Report) -> None:
    raise StoppedError


def act(house: House, folder: Path, step: tuple[str, Any, Any], files: list[tuple[str, Path]]) -> None:
    """One step of somebody who works with the record."""
    match step:
        case ("import", name, lines):
            files.append((name, written(folder, lines)))
            import_file(house, *files[-1])
        case ("stopped", name, lines):
            files.append((name, written(folder, lines)))
            with suppress(StoppedError):
                import_file(house, *files[-1], progress=stop)
        case ("repeat", place, _) if place < len(files):
            import_file(house, *files[place])
        case ("undo", number, _):
            with suppress(errors.NotFound, errors.Conflict):
                imports.undo(house, number)


NUMBERS = count()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=2, max_size=5))
def test_who_said_no_stays_out_whatever_is_imported_repeated_or_undone(
    opening: Callable[..., House], clock: Clock, tmp_path: Path, steps: list[tuple[str, Any, Any]]
) -> None:
    clock.now = NOW
    house = opening(f"workspace-{next(NUMBERS)}")
    files: list[tuple[str, Path]] = []
    bound: set[int] = set()
    for step in steps:
        act(house, tmp_path, step, files)
        now_bound = said_no(house)
        assert bound <= now_bound
        bound = now_bound
        clock.now += DAY
    everything_again = list(files)
    for name, path in everything_again:
        import_file(house, name, path)
    assert bound <= said_no(house)
