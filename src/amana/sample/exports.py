"""Write the files that the sample company's old systems would hand over.

Rule: three files, the same bytes for the same seed and count. `newsletter_export.zip` is a Mailchimp
audience export: three CSVs whose names carry the status. `crm_customers.csv` has one row for each customer,
faults put in on purpose, and behind them the rows of customers who were entered twice. `bought_leads.csv`
is a list from sellers, without any proof, with some customers and some leavers in it. The zip is stored,
not deflated, with one fixed time: compressors differ between machines, bytes must not.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from amana.core.vocabulary import Channel
from amana.sample.dirt import SHARES, Row, duplicate, soil
from amana.sample.draw import Draw
from amana.sample.layouts import (
    CRM_COLUMNS,
    LEAD_COLUMNS,
    MEMBER_COLUMNS,
    crm_row,
    kept,
    lead_row,
    newsletter_row,
)
from amana.sample.people import people
from amana.sample.records import Member, Records, records
from amana.sample.truth import SampleTruth, Tally

_PACKED_ON: Final = (2026, 10, 1, 0, 0, 0)


class SampleFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where the files are, and what is true about them."""

    newsletter: Path  # zip; times are in layouts.NEWSLETTER_ZONE
    crm: Path  # CSV, UTF-8, comma
    leads: Path  # CSV, UTF-8, comma
    truth: SampleTruth


def write_exports(directory: Path, seed: int, count: int) -> SampleFiles:
    """Write the three files about `count` people into a directory, made if missing; older ones are replaced.

    Raises BadInput when `count` is below one, before anything is written.
    """
    held = records(people(seed, count), seed)
    sheets = _Sheets(seed, count)
    for one in held:
        sheets.add(one)
    directory.mkdir(parents=True, exist_ok=True)
    files = SampleFiles(
        newsletter=directory / "newsletter_export.zip",
        crm=directory / "crm_customers.csv",
        leads=directory / "bought_leads.csv",
        truth=sheets.tally.truth(),
    )
    _write_zip(files.newsletter, sheets.members, seed)
    files.crm.write_bytes(_csv(CRM_COLUMNS, [*sheets.customers, *sheets.repeated]))
    files.leads.write_bytes(_csv(LEAD_COLUMNS, sheets.leads))
    return files


class _Sheets:
    """The rows of all files, in the order they will be written, and the truth about them."""

    def __init__(self, seed: int, count: int) -> None:
        self._count = count
        self._newsletter_draw = Draw("newsletter", seed)
        self._crm_draw = Draw("crm", seed)
        self._lead_draw = Draw("leads", seed)
        self.members: dict[Member, list[Row]] = {status: [] for status in Member}
        self.customers: list[Row] = []
        self.repeated: list[Row] = []
        self.leads: list[Row] = []
        self.tally = Tally()

    def add(self, held: Records) -> None:
        self.tally.person(held)
        if held.newsletter is not None:
            row = newsletter_row(held.person, held.newsletter, self._newsletter_draw)
            self.members[held.newsletter.status].append(row)
        if held.crm is not None:
            self._add_customer(held, crm_row(held.person, held.crm, self._crm_draw))
        if held.bought:
            self.leads.append(lead_row(held.person, len(self.leads) + 1, self._lead_draw))

    def _add_customer(self, held: Records, row: Row) -> None:
        faults = soil(row, self._crm_draw, kept(row, held))
        self.customers.append(row)
        self.tally.crm_row(held, faults)
        if self._crm_draw.chance(SHARES.duplicate):
            number = f"C{self._count + len(self.repeated) + 1:06d}"
            tag_allowed = Channel.EMAIL not in held.says_no()
            self.repeated.append(duplicate(row, self._crm_draw, number, tag_allowed))
            self.tally.duplicate_row(held, number)


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return text.getvalue().encode()


def _write_zip(path: Path, members: dict[Member, list[Row]], seed: int) -> None:
    digest = hashlib.sha256(str(seed).encode()).hexdigest()[:10]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for status, rows in members.items():
            entry = zipfile.ZipInfo(f"{status.value}_members_export_{digest}.csv", date_time=_PACKED_ON)
            entry.create_system = 3  # the same on every system
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, _csv(MEMBER_COLUMNS[status], rows))
