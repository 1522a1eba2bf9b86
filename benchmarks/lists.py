"""A newsletter list as a CSV file, and a workspace that takes it in: what the import and ask benchmarks share.

Rule. The list follows from its size: addresses in reserved domains, six countries, a status, a day, a wording. Three in
four people have a consent with its proofs, one in eight refused, the rest are unclear. Nothing here is a person.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

from amana.connectors import catalogue
from amana.core.vocabulary import Channel
from amana.services.collection import imports
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House

HEADER = ("id", "email", "country", "status", "day", "wording", "note")
COUNTRIES = ("DE", "UK", "US", "IL", "FR", "TH")
STATUSES = ("yes", "yes", "yes", "yes", "yes", "yes", "no", "")
FIRST_DAY = date(2023, 1, 2)
QUESTION = Inquiry(brand="orchard", purpose="newsletter", channel=Channel.EMAIL)

WORKSPACE = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE", "UK", "US", "IL", "FR", "TH"]
stored_in = "DE"

[brands.orchard]
name = "Orchard Street"

[purposes.newsletter]
notice = "news"
channels = ["email"]
category = "marketing.communications.email"

[notices.news]
version = "1"
who = "Orchard Street Ltd"
purposes = ["newsletter"]
channels = ["email"]
kept_for = "P3Y"
withdraw = "the link in every e-mail"
text = { en = "We would like to send you our newsletter by e-mail." }

[fields.residence]
purposes = ["newsletter"]
category = "user.contact.address.country"
why = "decides whose law applies"
kept_for = "P3Y"
hold = "column"
means = "residence"
"""

MAPPING = """
ignore = ["note"]

[source]
zone = "UTC"

[person]
external_id = "id"
email = "email"

[fields]
residence = "country"

[[permission]]
purpose = "newsletter"
channel = "email"
status = { column = "status", given = ["yes"], refused = ["no"] }
when = "day"
notice = { template = "news@{wording}" }
proof = [
    "channel_named", "sender_named", "purpose_named", "unbundled", "unticked",
    "not_condition", "withdrawal_told", "demonstrable", "confirmed",
]
"""


def write(path: Path, size: int, note: str = "") -> None:
    """Write a list of so many people. Another `note` makes another file with the same people and permissions."""
    days = [(FIRST_DAY + timedelta(days=number)).isoformat() for number in range(1_000)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        for number in range(size):
            writer.writerow(
                (
                    f"n{number}",
                    f"reader{number}@list{number % 97}.example",
                    COUNTRIES[number % len(COUNTRIES)],
                    STATUSES[number * 7 % len(STATUSES)],
                    days[number * 31 % len(days)],
                    "1",
                    note,
                )
            )


def imported(house: House, path: Path, evidence: str = "sign-up form") -> imports.Report:
    """Import a list."""
    importer = catalogue.find("table")
    mapping = importer.load(MAPPING)
    source = importer.open(path, mapping)
    return imports.run(
        house,
        imports.Order(
            kind="table",
            name="list",
            digest=source.digest,
            reading=MAPPING,
            evidence=evidence,
            brand="orchard",
            fields=mapping.field_names(),
            rows=lambda start: importer.read(source, mapping, house.clock(), start),
        ),
    )
