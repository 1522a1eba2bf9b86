"""What a person takes with them is imported elsewhere: the same permissions, with the evidence they rest on."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from copies_world import NOW, Clock, asked, opened, ran, shop, told

from amana.cli.main import main
from amana.core import events, facts
from amana.core import state as states
from amana.core.cells import Terms
from amana.core.rights import Kind
from amana.core.state import PersonState
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Channel, Proof, Status
from amana.services.choices import own_data
from amana.services.collection import capture, preferences
from amana.services.collection.capture import Choice
from amana.services.record.house import House
from amana.services.rights import copies
from amana.storage import people, register
from worlds.lists import EVERY_PROOF

PHONE = "+4915112345678"
DAY = 86_400


def taken_out(
    folder: Path, clock: Clock, before: Callable[[House, int], None] = lambda *_: None
) -> dict[str, bytes]:
    """The files of somebody's portable copy."""
    with opened(folder, clock) as house:
        shop(folder)
        person = told(house, phone=PHONE)
        before(house, person)
        row = ran(house, asked(house, Kind.PORTABILITY, person))
        body = copies.zipped(copies.package(house, row, actor="x"))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put_in(
    folder: Path, found: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, brand: str = "orchard"
) -> None:
    """Import them into a new workspace, by the command that everybody has."""
    with opened(folder, Clock()):
        pass
    for ending in ("csv", "toml"):
        (folder.parent / f"list.{ending}").write_bytes(found[f"amana-import-{brand}.{ending}"])
    monkeypatch.setenv("AMANA_ACTOR", "test")
    words = ["import", str(folder.parent / "list.csv"), "--mapping", str(folder.parent / "list.toml")]
    words += ["--source", "elsewhere", "--evidence", "their copy", "--brand", brand, "--json"]
    with pytest.raises(SystemExit) as ended:
        main(["--workspace", str(folder), *words])
    assert not ended.value.code


def known(house: House, person: int = 1) -> tuple[PersonState, Terms]:
    with house.database.read() as connection:
        return people.get(connection, [person])[person].state, register.terms(connection)


def test_permissions_come_back_with_their_date_their_proof_and_their_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = taken_out(tmp_path / "old", Clock())
    put_in(tmp_path / "new", found, monkeypatch)
    with opened(tmp_path / "old", Clock()) as old, opened(tmp_path / "new", Clock()) as new:
        (before, terms), (after, same) = known(old), known(new)
        cell = terms.cell("orchard", "offers", Channel.EMAIL.value)
        was, now = (
            facts.counting_grant(before, cell),
            facts.counting_grant(after, same.cell("orchard", "offers", "email")),
        )
        assert was
        assert now
        assert (now.lo, now.epoch) == (was.lo, was.epoch)
        assert Proof(now.proof) == Proof(was.proof)
        sms = terms.cell("orchard", "offers", Channel.SMS.value)
        refusals = [facts.binding_refusals(state, sms) for state in (before, after)]
        assert [[one.kind for one in some] for some in refusals] == [[states.WITHDRAWN], [states.WITHDRAWN]]
        assert refusals[0][0].hi == refusals[1][0].hi == NOW - 100 * DAY
        mine = own_data.show(new, 1)
        assert mine.fields["full_name"] == "Noa Levi"
        assert mine.fields["shoe"] == "=41"  # as it was, not quoted for a spreadsheet
        assert sorted(mine.points) == [("email", "noa@example.com"), ("phone", PHONE)]


def test_a_refusal_of_everything_comes_back_and_binds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(house: House, person: int) -> None:
        preferences.change(
            house, person, "orchard", preferences.Change(leave=True), capture.Context(page="x")
        )

    found = taken_out(tmp_path / "old", Clock(), leave)
    put_in(tmp_path / "new", found, monkeypatch)
    with opened(tmp_path / "new", Clock()) as new:
        state, terms = known(new)
        for channel in ("email", "sms"):
            assert facts.binding_refusals(state, terms.cell("orchard", "offers", channel))
            assert facts.counting_grant(state, terms.cell("orchard", "offers", channel)) is None


def test_a_refusal_that_the_person_lifted_is_history_and_does_not_bind_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()

    def leave_and_come_back(house: House, person: int) -> None:
        off = preferences.Change(off=(Choice(purpose="offers", channel=Channel.EMAIL),))
        preferences.change(house, person, "orchard", off, capture.Context(page="x"))
        clock.now += DAY
        given_again(house, person, clock)

    found = taken_out(tmp_path / "old", clock, leave_and_come_back)
    assert b"offers/email,given" in found["amana-import-orchard.csv"]
    assert b"offers/email,withdrawn" not in found["amana-import-orchard.csv"]
    assert b"withdrawn" in found["amana-history.json"]
    put_in(tmp_path / "new", found, monkeypatch)
    with opened(tmp_path / "new", clock) as new:
        state, terms = known(new)
        assert facts.counting_grant(state, terms.cell("orchard", "offers", "email"))


def given_again(house: House, person: int, clock: Clock) -> None:
    """The person's own grant, through a confirmed form."""
    from_page = own_grant(house, clock)
    house.writing().write(lambda session: session.record(session.person(person), from_page))


def own_grant(house: House, clock: Clock) -> events.Permission:
    return events.Permission(
        id=house.random(16).hex(),
        occurred=Interval(lo=clock.now, hi=clock.now),
        actor=Actor.PERSON,
        source=1,
        brand="orchard",
        purpose="offers",
        channel="email",
        status=Status.GIVEN,
        proof=EVERY_PROOF,
        confirmed=True,
        point=0,
        notice="offers@1",
    )


def test_each_brand_has_its_own_table_and_an_access_has_none(tmp_path: Path) -> None:
    found = taken_out(tmp_path / "old", Clock())
    assert {name for name in found if name.startswith("amana-import")} == {
        f"amana-import-{brand}.{ending}" for brand in ("orchard", "harbour") for ending in ("csv", "toml")
    }
    with opened(tmp_path / "other", Clock()) as house:
        shop(tmp_path / "other")
        row = ran(house, asked(house, Kind.ACCESS, told(house)))
        assert copies.package(house, row, actor="x").portable == {}
