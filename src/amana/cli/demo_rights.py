"""The part of `amana demo` in which somebody asks to be forgotten, and an old file tries to bring them back.

Rule. Whoever asks is a settled customer of the sample who may be contacted until then; the first that fits, so that it is
the same person every time. The request goes the way of every other: written down, planned, run against the sample's web
shop, verified there, and only then the person is erased here. Run again, it finds the request and goes on with it, or
tells how it ended. The old copy of the CRM's export is written before, while their row can still be found.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import msgspec

from amana import errors
from amana.core.rights import Identity, Kind, Status, Via
from amana.sample.people import SamplePerson
from amana.services.audience import screening
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record import addresses, history
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.rights import requests, rights_preview, rights_run
from amana.services.rights.rights_preview import Preview
from amana.services.systems.connected import Connected
from amana.storage.requests import RequestRow

ACTOR = "demo"
BY_LETTER = "told by letter: a demo sends no mail"
OLD_ROWS = 200  # rows of the old copy besides theirs


class OldCopy(msgspec.Struct, frozen=True, kw_only=True):
    """An old copy of the CRM's export, with somebody in it who asks to be forgotten."""

    path: Path
    addresses: Path  # the addresses in it, as an audience


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """A request for erasure, as far as it went."""

    request: RequestRow
    events: int = 0  # of theirs in the ledger before it; 0 where it was over already
    plan: Preview | None = None  # None where it was over already
    rows: int = 0  # changed or deleted in connected systems

    @property
    def over(self) -> bool:
        """The request is answered."""
        return self.request.status == Status.ANSWERED.value


def old_copy(folder: Path) -> OldCopy:
    """Where the old copy stands in a folder of exports."""
    return OldCopy(path=folder / "crm_old_copy.csv", addresses=folder / "in-the-old-copy.csv")


def forget(
    house: House, settled: Iterable[SamplePerson], crm: Path, inquiry: Inquiry, at: int
) -> Forgotten | None:
    """Open, plan and run the request, or go on with the one of an earlier demo; None if nobody fits.

    Raises VerificationFailed if anything of theirs can still be opened once it is answered.
    """
    row = _earlier(house)
    if row is None:
        person = _choose(house, settled, crm, inquiry, at)
        if not person:
            return None
        said = requests.Said(kind=Kind.ERASURE, via=Via.STAFF, person=person, proved=Identity.STEPPED_UP)
        row = requests.open_(house, said, actor=ACTOR)
    if row.status not in (Status.READY.value, Status.RUNNING.value, Status.DECIDING.value):
        return Forgotten(request=row)
    events = len(history.of_person(house, row.person))
    with rights_run.open_systems(house) as systems:
        plan = rights_preview.preview(house, row, systems)
        row = _run(house, row, systems)
    found = Forgotten(
        request=row, events=events, plan=plan, rows=sum(one.changes + one.deletes for one in plan.collections)
    )
    if found.over and _still_opens(house, row.person):
        raise errors.VerificationFailed(
            "The check failed: somebody was erased and can still be read",
            expected="no event that opens",
            remedy="report it as a defect",
        )
    return found


def allowed(house: House, copy: OldCopy, inquiry: Inquiry, at: int) -> tuple[int, int, int]:
    """Of the addresses in the old copy: how many of their people may be contacted, how many there are, and how many
    addresses are not known."""
    result = screening.screen(house, inquiry, at, copy.addresses)
    return result.counts.allowed, result.counts.people, result.unknown


def check(before: int, after: int) -> None:
    """Hold that an import of old rows turned nobody into one who may be contacted. Raises VerificationFailed."""
    if after > before:
        raise errors.VerificationFailed(
            "The check failed: an old file brought somebody back",
            expected=f"{before} allowed, as before",
            got=f"{after} allowed",
            remedy="report it as a defect",
        )


# ---- who asks ---------------------------------------------------------------------------------------------------


def _run(house: House, row: RequestRow, systems: Connected) -> RequestRow:
    """As far as it goes. A demo sends no mail: that the person is told in another way is decided for everybody to see."""
    if row.status != Status.DECIDING.value:
        row = rights_run.run_now(house, row, systems)
    if row.status == Status.DECIDING.value and row.run is None:
        requests.decide(house, row.ref, go=True, reason=BY_LETTER, actor=ACTOR)
        row = rights_run.run_now(house, requests.get(house, row.ref), systems)
    return row


def _earlier(house: House) -> RequestRow | None:
    return next((one for one in requests.every(house) if one.kind == Kind.ERASURE.value), None)


def _choose(house: House, settled: Iterable[SamplePerson], crm: Path, inquiry: Inquiry, at: int) -> int:
    """The first who is allowed and alone at their address, with the old copy written around them; or 0."""
    with crm.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        columns = list(reader.fieldnames or ())
        rows = {row["customer_id"]: row for row in reader}
    gate, keyer = Gate(house), Keyer(house.keys)
    try:
        for one in settled:
            if rows[one.id]["email"] != one.email:
                continue  # mistyped in the CRM
            address = keyer.typed(one.email, "")
            with house.database.read() as connection:
                held = addresses.holders(connection, [address]).get(address.blind, [])
            if len(held) == 1 and gate.ask(held[0][0], inquiry, at).allow:
                others = islice((row for number, row in rows.items() if number != one.id), OLD_ROWS)
                _write(old_copy(crm.parent), columns, [*others, rows[one.id]])
                return held[0][0]
    finally:
        gate.close()
    return 0


def _write(copy: OldCopy, columns: list[str], rows: list[dict[str, str]]) -> None:
    with copy.path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    typed = sorted({row["email"] for row in rows if row["email"].count("@") == 1})
    copy.addresses.write_text("\n".join(["email", *typed]) + "\n", "utf-8")


def _still_opens(house: House, person: int) -> bool:
    try:
        return bool(history.of_person(house, person))
    except errors.KeyMissing:
        return False
