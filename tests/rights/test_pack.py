"""Evidence for an authority: what was done about a request, checked without us, with no value of the person in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from copies_world import DAY, NOA, Clock, asked, opened, ran, shop, told

from amana.cli.main import main
from amana.core.rights import Identity, Kind, Via
from amana.ledger import verify
from amana.services.record.house import House
from amana.services.rights import evidence_pack, requests
from amana.services.rights.evidence_pack import Made
from amana.storage.requests import RequestRow

PHONE = "+4915112345678"
VALUES = (NOA, "Noa", "Levi", PHONE, "invoice 1", "ring twice", "Dana")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """A workspace with a shop that knows Noa."""
    with opened(tmp_path / "workspace", clock) as found:
        shop(tmp_path / "workspace")
        yield found


def packed(house: House, row: RequestRow, **more: Any) -> Made:
    return evidence_pack.make(house, requests.get(house, row.ref), actor="dpo", **more)


def unpacked(folder: Path, made: Made) -> Path:
    """The archive of a pack, as files in a folder of its own."""
    folder.mkdir()
    (folder / "pack.zip").write_bytes(evidence_pack.zipped(made))
    with zipfile.ZipFile(folder / "pack.zip") as archive:
        archive.extractall(folder)
    return folder


def proven(folder: Path) -> list[dict[str, Any]]:
    """What each receipt of a pack proves, with nothing but the key beside it."""
    key = (folder / "log.key").read_text("utf-8")
    files = sorted((folder / "receipts").iterdir())
    return [verify.verify(one.read_bytes(), key).record for one in files]


# ---- what it says -----------------------------------------------------------------------------------------------


def test_an_erasure_is_told_from_its_receipt_to_its_end(house: House) -> None:
    made = packed(house, ran(house, asked(house, Kind.ERASURE, told(house, phone=PHONE))))
    pack = made.pack
    assert (pack.kind, pack.outcome, pack.due_law) == ("erasure", "done_in_part", "DE: GDPR art.12(3)")
    assert pack.identity[0]["level"] == "stepped_up"
    assert pack.needed == "stepped_up"
    actions = [one.action for one in pack.steps]
    assert actions == ["find", "find", "erase", "erase", "verify", "verify", "tell", "inside"]
    assert all(one.finished for one in pack.steps)
    changed = {(one.action, one.collection): (one.found, one.changed) for one in pack.steps}
    assert changed["erase", "shop:orders"] == (2, 2)
    (kept,) = pack.kept
    assert (kept["path"], kept["ground"], kept["citation"]) == ("invoice", "tax", "AO § 147(3)")
    assert kept["until"] == "2034-01-05"
    assert len(pack.map_digest) == 64
    assert pack.law_version == house.book.version
    assert pack.log_origin == house.origin


def test_every_decision_has_its_reason_and_whose_it_was(house: House, clock: Clock) -> None:
    said = requests.Said(kind=Kind.ACCESS, via=Via.MAIL, person=told(house))
    row = requests.open_(house, said, actor="front desk")
    clock.now += DAY
    requests.prove(house, row.person, Identity.CHECKED, actor="Dr. Example")
    requests.extend(house, row.ref, "nine systems", actor="dpo")
    requests.to_decide(house, row, "asked_often", actor="front desk")
    requests.decide(house, row.ref, go=False, reason="every week since May", actor="dpo")
    pack = packed(house, row).pack
    assert [(one["what"], one["actor"], one["reason"]) for one in pack.decisions] == [
        ("extended", "dpo", "nine systems"),
        ("decided", "dpo", "every week since May"),
    ]
    assert pack.identity == ({"level": "checked", "at": clock.now, "by": "Dr. Example"},)
    assert pack.extended == clock.now


@pytest.mark.parametrize(
    "kind", [Kind.ACCESS, Kind.ERASURE, Kind.RESTRICTION, Kind.RECTIFICATION, Kind.OBJECTION]
)
def test_no_value_of_the_person_stands_in_it(kind: Kind, house: House) -> None:
    corrections = {"user.name": "Dana Levi"} if kind is Kind.RECTIFICATION else {}
    row = ran(house, asked(house, kind, told(house, phone=PHONE), corrections=corrections))
    assert row.status == "answered"
    for name, body in packed(house, row).files.items():
        for value in VALUES:
            # As a word: three letters of it may stand in a receipt's base64 by chance.
            word = rb"(?<![0-9A-Za-z+/])" + re.escape(value.encode()) + rb"(?![0-9A-Za-z+/])"
            assert not re.search(word, body), (name, value)


def test_the_page_is_in_the_language_that_was_asked_for(house: House) -> None:
    row = ran(house, asked(house, Kind.ACCESS, told(house)))
    page = packed(house, row, language="ar").files["evidence.html"].decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert (
        "Every system was asked again" not in packed(house, row).files["evidence.html"].decode()
    )  # none was


# ---- what it proves ---------------------------------------------------------------------------------------------


def test_each_receipt_verifies_in_a_folder_without_the_database(house: House, tmp_path: Path) -> None:
    person = told(house)
    row = ran(house, asked(house, Kind.RESTRICTION, person))
    folder = unpacked(tmp_path / "pack", packed(house, row))
    (record,) = proven(folder)
    assert (record["kind"], record["evidence"], record["on"]) == ("restriction", row.ref, True)
    receipt = next((folder / "receipts").iterdir())
    command = [sys.executable, "-m", "amana.ledger.verify", str(receipt), str(folder / "log.key")]
    done = subprocess.run(command, capture_output=True, check=False, cwd=folder, env={})
    assert done.returncode == verify.VERIFIED
    receipt.write_bytes(receipt.read_bytes().replace(b"index ", b"index 1", 1))
    assert subprocess.run(command, capture_output=True, check=False, cwd=folder, env={}).returncode


def test_an_objection_comes_with_the_refusals_that_it_recorded(house: House, tmp_path: Path) -> None:
    told(house)
    said = requests.Said(kind=Kind.OBJECTION, via=Via.API, address=NOA)
    row = ran(house, requests.open_(house, said, actor="api"))
    records = proven(unpacked(tmp_path / "pack", packed(house, row)))
    assert {record["status"] for record in records} == {"objected"}
    assert {record["brand"] for record in records} == {"orchard", "harbour"}


def test_the_objection_of_somebody_known_is_an_objection_too(house: House, tmp_path: Path) -> None:
    noa = told(house)
    asks = {Kind.OBJECTION: "objected", Kind.WITHDRAWAL: "withdrawn"}
    for kind, status in asks.items():
        said = requests.Said(kind=kind, via=Via.API, person=noa)
        row = ran(house, requests.open_(house, said, actor="api"))
        records = proven(unpacked(tmp_path / status, packed(house, row)))
        assert {record["status"] for record in records} == {status}
        assert {record["brand"] for record in records} == {"orchard", "harbour"}


def test_another_holder_of_the_address_is_not_in_it(house: House) -> None:
    first = told(house)
    told(house, name="Ben Levi")  # shares the address
    said = requests.Said(kind=Kind.OBJECTION, via=Via.API, address=NOA)
    row = requests.open_(house, said, actor="api")
    made = packed(house, row)
    records = [
        verify.verify(body, made.files["log.key"].decode()).record
        for name, body in made.files.items()
        if "/" in name
    ]
    assert row.person == first
    assert {record["person"] for record in records} == {first}


def test_after_an_erasure_the_leaf_proves_it_and_nothing_of_the_person_is_left(
    house: House, tmp_path: Path
) -> None:
    person = told(house)
    row = ran(house, asked(house, Kind.ERASURE, person))
    assert not house.keys.known_keys([person])
    made = packed(house, row)
    (record,) = proven(unpacked(tmp_path / "pack", made))
    assert record["kind"] == "erasure"
    last = next(one["last"] for one in made.pack.log if one["what"] == "erasing")
    assert last in record["positions"]


def test_a_receipt_with_values_is_given_only_where_somebody_says_what_for(house: House) -> None:
    corrections = {"user.name": "Dana Levi"}
    row = ran(house, asked(house, Kind.RECTIFICATION, told(house), corrections=corrections))
    (entry,) = packed(house, row).pack.entries
    assert (entry.what, entry.file) == ("profile", "")
    made = packed(house, row, values_for="the authority asked")
    (entry,) = made.pack.entries
    assert b"Dana" not in made.files["evidence.html"]
    record = verify.verify(made.files[entry.file], made.files["log.key"].decode()).record
    assert record["sealed"] == {"full_name": "Dana Levi"}
    with house.database.read() as connection:
        looks = connection.exec_driver_sql("SELECT actor, purpose FROM look").all()
    assert ("dpo", "the authority asked") in [tuple(one) for one in looks]


# ---- at the command line ----------------------------------------------------------------------------------------


def amana(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.slow
def test_both_archives_are_written_once_and_for_their_owner_alone(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "workspace"
    with opened(folder, clock) as house:
        shop(folder)
        row = ran(house, asked(house, Kind.ACCESS, told(house)))
    monkeypatch.setenv("AMANA_ACTOR", "dpo")
    with opened(folder, clock) as house:  # the copy is thirty days old to the machine's clock
        house.writing().write(
            lambda session: session.connection.exec_driver_sql("UPDATE request SET ended = 4000000000")
        )
    at = ("--workspace", folder, "request")
    capsys.readouterr()
    assert amana(*at, "pack", row.ref, tmp_path / "pack.zip", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pdf"] is True
    assert amana(*at, "copy", row.ref, tmp_path / "copy.zip", "--purpose", "handing it over", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pdf"] is True
    for name, needed in (("pack.zip", "evidence.pdf"), ("copy.zip", "copy.pdf")):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        with zipfile.ZipFile(tmp_path / name) as archive:
            assert archive.read(needed).startswith(b"%PDF")
    assert amana(*at, "pack", row.ref, tmp_path / "pack.zip") != 0
    assert amana(*at, "pack", row.ref, tmp_path / "other.zip", "--language", "xx") != 0
    assert not (tmp_path / "other.zip").exists()
