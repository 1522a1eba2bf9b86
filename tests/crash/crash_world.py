"""The small world of the crash tests: a workspace, a list with everything that lists have, and how it is imported.

Rule. The clock stands still and the list is drawn from a seed, so that two imports of it into copies of one workspace
record the same events under the same ids: the uninterrupted import tells what an interrupted one must become. The
list holds newcomers, people seen again, leavers, shared addresses, bounces, and lines and values to be rejected.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from amana import wiring
from amana.connectors import mapping
from amana.connectors.tables import Source
from amana.services.collection.imports import Order
from amana.services.record.house import House
from amana.settings import Settings
from worlds import orchard

NOW = 1_790_000_000
"""UTC second at which the clock stands, after the workspace was made."""

CELL = ("orchard", "offers", "email")
"""Brand, purpose and channel of the permissions in the list."""

DEFINITION = orchard.workspace(
    orchard.residence(),
    orchard.full_name(),
    serves=("DE", "UK"),
    organisation='languages = ["en"]\n',
    purposes={"offers": ("email", "sms")},
    category="marketing.communications.email",
    version="2026-01",
)

MAPPING = """
[source]
zone = "Europe/Berlin"
[person]
external_id = "id"
email = "email"
phone = "phone"
phone_country = { constant = "GB" }
[fields]
residence = "country"
full_name = "name"
[[permission]]
purpose = "offers"
channel = "email"
status = { column = "offers", given = ["yes"], refused = ["no"], withdrawn = ["left"], unknown = ["maybe"] }
when = "since"
proof = ["demonstrable", "channel_named", "sender_named"]
notice = "offers@2026-01"
[[blocked]]
channel = "email"
reason = "bounce_hard"
where = [{ column = "bounces", is = ">=", value = 3 }]
"""

COLUMNS = ("id", "email", "phone", "name", "country", "offers", "since", "bounces")


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Where the pristine workspace stands."""

    workspace: Path

    def copy_to(self, folder: Path) -> Path:
        """A copy of the workspace, to be changed."""
        return Path(shutil.copytree(self.workspace, folder))


def make_world(folder: Path) -> World:
    """Make the workspace below `folder`."""
    return World(workspace=wiring.create(settings(folder / "workspace"), DEFINITION))


def settings(workspace: Path) -> Settings:
    """Settings that read nothing from the environment."""
    return Settings(workspace=workspace, actor="tester")


def write_list(path: Path, rows: int, seed: int = 1) -> Path:
    """A list of `rows` lines below its header."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(rows, random.Random(seed)))
    return path


def _rows(rows: int, rng: random.Random) -> Iterator[tuple[str, ...]]:
    for number in range(rows):
        email, name = f"person{number}@example.com", f"Person Number{number}"
        external = str(number)
        match rng.randrange(20) if number > 10 else number:
            case 0:
                email = "no address at all"
            case 1:
                email, external = "", ""
            case 2 | 3 | 4:  # somebody who was there before
                number = rng.randrange(max(1, number))
                external, email, name = str(number), f"person{number}@example.com", f"Person Number{number}"
            case 5:  # another person at a known address
                email = f"person{rng.randrange(max(1, number))}@example.com"
            case _:
                pass
        yield (
            external,
            email,
            rng.choice(("07400 123456", "12", *[""] * 38)),
            name,
            rng.choice(("DE", "GB")),
            rng.choice(("yes", "yes", "yes", "no", "left", "maybe", "", "perhaps")),
            rng.choice(("2026-02-03", "2026-03-04T05:06:07Z", "", "2031-01-01", "last week")),
            rng.choice(("0", "0", "0", "5")),
        )


def order(house: House, path: Path) -> Order:
    """The import of a list."""
    options = mapping.load(MAPPING)
    source = Source(path, options.layout())
    return Order(
        kind=mapping.KIND,
        name="the list",
        digest=source.digest,
        reading=MAPPING,
        evidence="form archive",
        brand="orchard",
        fields=options.field_names(),
        rows=lambda start: mapping.read(source, options, house.clock(), start),
    )


def acknowledge(told: object) -> None:
    """Tell the outside world something, as one line of JSON in one write."""
    os.write(1, msgspec.json.encode(told) + b"\n")
