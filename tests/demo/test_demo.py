"""`amana demo`, run as the program that a newcomer runs, on a small sample.

What it prints is read from its standard output; what it left behind is looked at through the services. The check at its
end is tried on a workspace whose opt-outs got lost, because a check that cannot fail checks nothing.
"""

from __future__ import annotations

import csv
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana import errors, wiring
from amana.cli import demo, demo_rights
from amana.core.rights import Identity, Kind, Via
from amana.core.statements import PersonRow
from amana.sample.exports import SampleFiles, write_exports
from amana.sample.people import people as sample_people
from amana.sample.records import records
from amana.services.audience import screening
from amana.services.collection import imports
from amana.services.collection.identities import Recogniser
from amana.services.record import history
from amana.services.record.house import House
from amana.services.rights import requests
from amana.settings import Settings
from amana.storage import people

PROGRAM = Path(sys.executable).with_name("amana")
COUNT = 1_500


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=120, check=False)


def make(folder: Path, count: int = COUNT) -> subprocess.CompletedProcess[str]:
    return run("demo", "--folder", folder, "--people", str(count))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("newcomer") / "demo"


@pytest.fixture(scope="module")
def first(folder: Path) -> str:
    """What the first run printed."""
    done = make(folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def house(folder: Path, first: str) -> Iterator[House]:
    with wiring.opened(Settings(workspace=folder, actor="test"), writing=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return write_exports(tmp_path_factory.mktemp("again"), demo.SEED, COUNT)


def test_it_ends_by_saying_that_nobody_who_said_no_is_allowed(first: str) -> None:
    assert "Nobody who said no anywhere is allowed" in first
    assert re.search(r"\d people whose address or number said no to e-mail: 0 allowed", first)
    assert re.search(r"\d people whose address or number said no to text messages: 0 allowed", first)


def test_it_verifies_the_ledger_screens_twice_and_asks_about_two_people(first: str) -> None:
    assert "The ledger verifies" in first
    assert first.count("Screened: may we send") == 2
    assert first.count("Asked: may we send") == 2
    assert first.count("No: this person may not be contacted.") == 2


def test_reasons_are_sentences_and_never_bare_codes(first: str) -> None:
    before_commands = first.partition("Where to look next")[0]
    assert "The law asks for consent, and none is recorded." in before_commands
    assert "consent_unknown" not in before_commands


def test_it_shows_no_address_and_no_number(first: str, files: SampleFiles) -> None:
    assert "@" not in first
    assert not any(number in first for number in files.truth.said_no_sms)


def test_it_is_not_all_refusals(house: House) -> None:
    result = screening.screen(house, demo.NEWSLETTER, demo.moment(house.clock()))
    assert COUNT / 10 < result.counts.allowed < COUNT / 2


def test_children_are_refused_whatever_their_parents_said(house: House, files: SampleFiles) -> None:
    recogniser = Recogniser(house.keys, files.crm.stem, house.workspace, house.address_rules)
    rows = [PersonRow(part="", line=1, external_id=number) for number in files.truth.children]
    aliases = [identity.alias for row in rows if (identity := recogniser.identify(row)[0]) and identity.alias]
    with house.database.read() as connection:
        children = people.by_alias(connection, aliases)
    assert len(children) == len(files.truth.children) > 10
    for inquiry in (demo.NEWSLETTER, demo.OFFERS, demo.OFFERS_BY_EMAIL):
        allowed = screening.screen(house, inquiry, demo.moment(house.clock())).allowed
        assert not set(children.values()) & set(allowed.tolist())


def test_a_second_run_adds_nothing(folder: Path, first: str) -> None:
    again = make(folder)
    assert again.returncode == 0, again.stderr
    assert "nothing was added" in again.stdout
    assert _root(again.stdout) == _root(first)


def test_a_dated_change_of_law_turns_people_of_its_country(first: str) -> None:
    section = _section(first, "What if")
    turned = re.search(r"(\d+) turn to no: The country wants its residents' data stored inside it", section)
    assert turned is not None
    assert int(turned[1]) > 0
    assert "RU " in section
    assert "DE " not in section


def test_a_replay_says_what_would_have_been_refused_and_why(first: str, folder: Path) -> None:
    section = _section(first, "Replayed")
    sends = (folder / "exports" / "newsletter_sends.csv").read_text("utf-8").count("\n") - 1
    assert f"Replayed: {sends:,} messages" in section
    refused = re.search(r"^([\d,]+) would have been refused", section, re.MULTILINE)
    assert refused is not None
    assert 0 < int(refused[1].replace(",", "")) < sends


def test_whoever_asks_is_gone_from_the_shop_but_for_what_tax_law_keeps(first: str, folder: Path) -> None:
    assert "shop:orders.invoice_name stays in" in _section(first, "Forgotten")
    with closing(sqlite3.connect(folder / "shop.db")) as shop:
        masked = "SELECT id, full_name FROM customers WHERE email LIKE '%.invalid'"
        ((customer, name),) = shop.execute(masked).fetchall()
        assert name is None
        orders = shop.execute(
            "SELECT item, ship_to, invoice_name FROM orders WHERE customer = ?", (customer,)
        )
        kept = orders.fetchall()
        assert len(kept) > 1
        assert all(item is ship_to is None and invoiced for item, ship_to, invoiced in kept)
        assert not shop.execute("SELECT 1 FROM reviews WHERE customer = ?", (customer,)).fetchall()
        assert shop.execute("SELECT count(*) FROM reviews").fetchone()[0] > 100


def test_whoever_asks_is_gone_from_the_record_and_an_old_export_brings_nobody_back(
    first: str, house: House, folder: Path
) -> None:
    section = _section(first, "Forgotten")
    asked = re.search(r"p(\d+), a customer of the web shop", section)
    assert asked is not None
    assert history.of_person(house, int(asked[1])) == []
    counts = re.search(r"([\d,]+) of its people may be contacted, and ([\d,]+) before", section)
    assert counts is not None
    assert counts[1] == counts[2] != "0"
    kept_out = re.search(r"Rows about the erased in it: (\d)", section)
    assert kept_out is not None
    assert int(kept_out[1]) > 0
    copy = demo_rights.old_copy(folder / "exports")
    assert demo_rights.allowed(house, copy, demo.NEWSLETTER, demo.moment(house.clock()))[2] == int(
        kept_out[1]
    )


def test_the_check_fails_when_an_old_export_brings_somebody_back() -> None:
    demo_rights.check(5, 4)
    with pytest.raises(errors.VerificationFailed, match="brought somebody back"):
        demo_rights.check(5, 6)


def test_a_request_that_was_left_half_way_is_gone_on_with(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "workspace", actor="test")
    crm = write_exports(tmp_path, demo.SEED, 300)
    held = list(records(sample_people(demo.SEED, 300), demo.SEED))
    demo.settle_in(settings, tmp_path, held)
    with wiring.opened(settings, writing=True) as house:
        for arrival in demo.arrivals(crm):
            imports.run(house, demo.order(house, arrival)[0])
        person = next(iter(screening.screen(house, demo.NEWSLETTER, house.clock()).allowed.tolist()))
        said = requests.Said(kind=Kind.ERASURE, via=Via.STAFF, person=person, proved=Identity.STEPPED_UP)
        opened = requests.open_(house, said, actor="test")
        gone = demo_rights.forget(house, (), crm.crm, demo.NEWSLETTER, house.clock())
        again = demo_rights.forget(house, (), crm.crm, demo.NEWSLETTER, house.clock())
    assert gone is not None
    assert again is not None
    assert gone.request.ref == again.request.ref == opened.ref
    assert gone.over
    assert gone.events > 0
    assert again.plan is None


@pytest.mark.slow
def test_every_command_it_prints_works_as_printed(tmp_path: Path) -> None:
    shown = make(tmp_path / "a demo", 200).stdout
    printed = [line.strip() for line in shown.partition("Where to look next")[2].splitlines()]
    commands = [line for line in printed if " --workspace " in line]
    assert len(commands) >= 6
    for command in commands:
        done = run(*shlex.split(command)[1:])
        asked_and_refused = " ask " in command and done.returncode == 1
        assert done.returncode == 0 or asked_and_refused, command + done.stderr


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    done = make(tmp_path)
    assert done.returncode == 4
    assert "holds something else" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine", "utf-8")
    done = make(tmp_path / "demo")
    assert done.returncode == 4
    assert "this is a file" in done.stderr


def test_another_size_needs_another_folder(folder: Path, first: str) -> None:
    done = make(folder, COUNT + 1)
    assert done.returncode == 4
    assert f"--people {COUNT}" in done.stderr


def test_the_check_fails_when_the_opt_outs_get_lost(tmp_path: Path, files: SampleFiles) -> None:
    forgetful = tmp_path / "crm_customers.csv"
    _without_opt_outs(files.crm, forgetful)
    settings = Settings(workspace=tmp_path / "workspace", actor="test")
    wiring.create(settings, demo.sample("amana.toml"))
    with wiring.opened(settings, writing=True) as house:
        for arrival in demo.arrivals(msgspec.structs.replace(files, crm=forgetful)):
            imports.run(house, demo.order(house, arrival)[0])
        with pytest.raises(errors.VerificationFailed, match="The check failed"):
            demo.check(house, demo.write_truth(tmp_path, files), demo.moment(house.clock()))


def test_the_check_fails_when_an_address_is_not_known_at_all(
    house: House, files: SampleFiles, tmp_path: Path
) -> None:
    lists = demo.write_truth(tmp_path, files)
    with lists["said no to e-mail"].open("a", encoding="utf-8") as stream:
        stream.write("nobody-knows-me@example.com\n")
    with pytest.raises(errors.VerificationFailed, match="1 unknown"):
        demo.check(house, lists, demo.moment(house.clock()))


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_the_moment_asked_about_is_the_coming_wednesday_evening(now: int) -> None:
    at = datetime.fromtimestamp(demo.moment(now), UTC)
    assert (at.weekday(), at.hour, at.minute, at.second) == (2, 18, 0, 0)
    assert 0 < demo.moment(now) - now <= 8 * 86_400
    assert at.date() != datetime.fromtimestamp(now, UTC).date()


def _without_opt_outs(crm: Path, copy: Path) -> None:
    """A copy of the export in which nobody said no."""
    with (
        crm.open(encoding="utf-8", newline="") as stream,
        copy.open("w", encoding="utf-8", newline="") as out,
    ):
        reader = csv.DictReader(stream)
        writer = csv.DictWriter(out, reader.fieldnames or ())
        writer.writeheader()
        for row in reader:
            no = {name: "" for name in ("email_consent", "sms_consent") if row[name] == "no"}
            writer.writerow(row | no | {"unsubscribed": ""})


def _root(printed: str) -> str:
    found = re.search(r"the root ([0-9a-f]{16})", printed)
    assert found is not None
    return found[1]


def _section(printed: str, heading: str) -> str:
    """The paragraph that begins with a heading, up to the next one."""
    found = re.search(rf"^{heading}.*?(?=^(?:The ledger verifies|Replayed|Forgotten))", printed, re.M | re.S)
    assert found is not None
    return found[0]
