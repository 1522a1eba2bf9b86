"""Rotation: keys are exchanged while the house is lived in, can be stopped anywhere, and nobody is lost on the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from store_world import DAY, DEFINITION, NOW, OFFERS, Place, allowed, codes, person_of, row, say, take

from amana import errors, wiring
from amana.core.statements import PersonRow
from amana.core.vocabulary import Channel, Status
from amana.keys.root import LocalRoot
from amana.keys.store import KeyStore
from amana.services.audience import screening
from amana.services.gate import registries
from amana.services.gate.asking import Gate, Inquiry
from amana.services.keeping import audit, rotation
from amana.services.record import addresses, history, reveal
from amana.services.record.addresses import Address
from amana.services.record.house import House
from amana.services.record.writing import month_of
from amana.storage import points, tables

YEAR = 365 * DAY
Maker = Callable[..., Place]


def populate(place: Place, folder: Path, people: int = 30) -> None:
    with place.opened(writing=True) as house:
        take(
            house, folder, [row(number, "left" if number == 5 else "yes") for number in range(1, people + 1)]
        )


# ---- epochs -----------------------------------------------------------------------------------------------------


def test_every_key_moves_to_this_month_and_still_opens(place: Place, tmp_path: Path) -> None:
    populate(place, tmp_path)
    told: list[int] = []
    with place.opened(writing=True, now=NOW + YEAR) as house:
        done = rotation.epochs(house, told.append, chunk=10)
        assert done.moved == 31  # the workspace has one too
        assert told == [10, 20, 30, 31]
        assert rotation.standing(house).epochs == {month_of(NOW + YEAR): 31}
        assert done.destroyed == (month_of(NOW),)
    with place.opened(writing=True, now=NOW + YEAR) as house:
        shown = reveal.reveal(house, 3, ["points"], actor="tester", purpose="a call back")
        assert ("email", "Person3@example.com") in shown.points
        audit.full(house)


def test_an_empty_epoch_is_kept_while_backups_may_need_it(place: Place, tmp_path: Path) -> None:
    populate(place, tmp_path)
    soon = NOW + 30 * DAY
    with place.opened(writing=True, now=soon) as house:
        done = rotation.epochs(house)
        assert (done.destroyed, done.waiting) == ((), (month_of(NOW),))
        assert rotation.standing(house).epochs == {month_of(NOW): 0, month_of(soon): 31}
    with place.opened(writing=True, now=soon + 60 * DAY) as house:
        assert month_of(NOW) in rotation.epochs(house).destroyed


def test_a_rotation_that_was_stopped_goes_on(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(place, tmp_path)
    rotate, turns = KeyStore.rotate, iter(range(3))

    def stop_at_the_third(store: KeyStore, epoch: str, limit: int) -> int:
        if next(turns) == 2:
            raise RuntimeError("stopped")
        return rotate(store, epoch, limit)

    with place.opened(writing=True, now=NOW + YEAR) as house:
        with monkeypatch.context() as patch:
            patch.setattr(KeyStore, "rotate", stop_at_the_third)
            with pytest.raises(RuntimeError):
                rotation.epochs(house, chunk=10)
        assert rotation.standing(house).epochs == {month_of(NOW): 11, month_of(NOW + YEAR): 20}
        assert rotation.epochs(house, chunk=10).moved == 11
        history.of_person(house, 30)


# ---- the index of addresses -------------------------------------------------------------------------------------


def blinds(house: House) -> set[bytes]:
    with house.database.read() as connection:
        return {one.blind for one in points.all_points(connection)}


def test_the_index_gets_a_new_key_and_everybody_is_found_under_it(place: Place, tmp_path: Path) -> None:
    populate(place, tmp_path)
    with place.opened(writing=True) as house:
        before = blinds(house)
        done = rotation.index(house, chunk=7)
        assert (done.moved, done.stuck) == (60, 0)
        assert before.isdisjoint(blinds(house))
        assert [person_of(house, number) for number in (1, 17, 30)] == [1, 17, 30]
        assert rotation.standing(house).index == 2
        assert rotation.standing(house).replacing is None
        assert allowed(house, 4, 5) == [True, False]
        report = take(house, tmp_path, [row(3), row(60)], name="another list")
        assert report.counts["people_new"] == 1


def test_an_old_index_key_is_destroyed_when_no_backup_needs_it(place: Place, tmp_path: Path) -> None:
    populate(place, tmp_path, 3)
    with place.opened(writing=True) as house:
        rotation.index(house)
        assert len(rotation.epochs(house).waiting) == 1
    with place.opened(writing=True, now=NOW + 36 * DAY) as house:
        gone = rotation.epochs(house).destroyed
        assert [name for name in gone if name.endswith("blind_index/1")]
        assert person_of(house, 2) == 2


def test_while_addresses_move_both_generations_are_searched_and_holders_stay_together(
    place: Place, tmp_path: Path
) -> None:
    populate(place, tmp_path)
    with place.opened(writing=True) as house:
        with house.database.begin():
            house.keys.new_index_generation()  # as a rotation that was stopped at once leaves it
        assert [person_of(house, number) for number in (1, 17, 30)] == [1, 17, 30]
        listed = tmp_path / "audience.csv"
        listed.write_text("person3@example.com\nperson4@example.com\nnobody@example.com\n")
        assert screening.screen(house, OFFERS, audience=listed).people.tolist() == [3, 4]
        shared = ("x", "Person7@example.com", "", "Grace Other", "left", "2026-03-04")
        take(house, tmp_path, [shared], name="another list")  # another person, the same address
        with house.database.read() as connection:
            found = connection.execute(
                sa.select(tables.point.c.blind).where(
                    tables.point.c.person.in_([7, 31]), tables.point.c.kind == "email"
                )
            )
            assert len(set(found.scalars())) == 1
        assert codes(house, 7) == ["withdrawn"]
        assert rotation.index(house, chunk=7).stuck == 0
        gate = Gate(house)
        assert gate.ask_address("person7@example.com", OFFERS)[1] == (7, 31)
        gate.close()


def test_an_import_across_an_exchange_of_the_index_stops_and_goes_on(place: Place, tmp_path: Path) -> None:
    populate(place, tmp_path, 3)
    with place.opened(writing=True) as house:
        gate = Gate(house)
        keyed = gate.address("person2@example.com")
        gate.close()
        rotation.index(house)
        with pytest.raises(errors.Conflict, match="run it again"):
            from_before(house, keyed)
        assert "people_new" not in take(house, tmp_path, [row(2)], name="another list").counts


def from_before(house: House, keyed: Address) -> None:
    """What an import does that recognised its rows before the exchange."""
    house.writing().write(lambda session: addresses.bring_up(session.connection, session.keys, [keyed]))


def test_a_registry_counts_only_under_the_index_it_was_loaded_with(place: Place, tmp_path: Path) -> None:
    populate(place, tmp_path, 3)
    calls = Inquiry(brand="orchard", purpose="offers", channel=Channel.PHONE_LIVE)
    listed = [PersonRow(part="", line=1, phone="+447400123001")]
    with place.opened(writing=True) as house:

        def registry_codes() -> set[str]:
            gate = Gate(house)
            found = {reason.code for reason in gate.ask(1, calls).reasons}
            gate.close()
            return {code for code in found if code.startswith("registry")}

        registries.load(house, "NATIONAL_DNC", NOW, listed)
        fresh = registry_codes()
        assert "registry_listed" in fresh
        with house.database.begin():
            house.keys.new_index_generation()
        assert registry_codes() == {"registry_stale"}
        gate = Gate(house)
        (stale,) = (one for one in gate.ask(1, calls).reasons if one.code == "registry_stale")
        gate.close()
        assert "NATIONAL_DNC" in stale.detail
        with pytest.raises(errors.Conflict):
            registries.load(house, "NATIONAL_DNC", NOW, listed)
        rotation.index(house)
        assert registry_codes() == {"registry_stale"}
        registries.load(house, "NATIONAL_DNC", NOW, listed)
        assert registry_codes() == fresh


# ---- the root ---------------------------------------------------------------------------------------------------


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text("a quince, two figs and a pomegranate\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_locked_root_key_file_opens_with_its_passphrase_alone(
    make_place: Maker, passphrase: Path, tmp_path: Path
) -> None:
    place = make_place()
    locked = msgspec.structs.replace(place.settings, root_passphrase_file=passphrase)
    wiring.create(locked, DEFINITION, at=lambda: NOW)
    with wiring.opened(locked):
        pass
    with pytest.raises(errors.KeyMissing, match="locked"), wiring.opened(place.settings):
        pass
    wrong = tmp_path / "wrong"
    wrong.write_text("something else")
    wrong.chmod(0o600)
    with (
        pytest.raises(errors.KeyMissing, match="does not open"),
        wiring.opened(msgspec.structs.replace(locked, root_passphrase_file=wrong)),
    ):
        pass
    passphrase.chmod(0o644)
    with pytest.raises(errors.KeyMissing, match="read by others"), wiring.opened(locked):
        pass


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_root_key_file_in_the_clear_is_locked_and_the_key_stays_the_same(
    place: Place, passphrase: Path, tmp_path: Path
) -> None:
    populate(place, tmp_path, 2)
    clear = (place.folder / "keys" / "root.key").read_bytes()
    locked = msgspec.structs.replace(place.settings, root_passphrase_file=passphrase)
    with pytest.raises(errors.KeyMissing, match="not locked"), wiring.opened(locked):
        pass
    path = wiring.lock_root(locked)
    assert clear.strip() not in path.read_bytes()
    with wiring.opened(locked, writing=True, at=lambda: NOW) as house:
        say(house, 1, Status.WITHDRAWN)
        assert allowed(house, 1, 2) == [False, True]
    with wiring.copied(locked) as copy:  # a dry run finds its root too
        assert person_of(copy, 2) == 2


def test_a_root_key_file_is_never_overwritten(tmp_path: Path) -> None:
    LocalRoot(bytes(32)).write(tmp_path / "root.key", b"", os.urandom)
    with pytest.raises(errors.Conflict):
        LocalRoot(bytes(32)).write(tmp_path / "root.key", b"x", os.urandom)
