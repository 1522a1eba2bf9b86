"""Backup and restore: what was acknowledged is there again, and nobody is contacted because the backup was old."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from store_world import DAY, NOW, OFFERS, Place, allowed, codes, person_of, row, say, take

from amana import errors, wiring
from amana.core import events
from amana.core.vocabulary import Status
from amana.keys.store import LOG_SIGNING
from amana.ledger import checkpoint, note, receipt
from amana.services.audience import screening
from amana.services.gate import permits
from amana.services.gate.asking import Gate
from amana.services.keeping import audit, backup, forget, journal
from amana.services.record import history, publication, receipts
from amana.services.record.house import House
from amana.storage import log, proofs, tables

Maker = Callable[..., Place]
LATER = NOW + DAY


@pytest.fixture
def lived_in(make_place: Maker, tmp_path: Path) -> Place:
    """A workspace with a journal and ten people, of whom the fifth left."""
    place = make_place(journal=tmp_path / "elsewhere.journal").create()
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(number, "left" if number == 5 else "yes") for number in range(1, 11)])
    return place


def backed_up(place: Place, folder: Path, name: str = "backup") -> tuple[Path, Path]:
    with place.opened(writing=True) as house:
        taken = backup.take(house, folder / name / "record", folder / name / "keys")
        assert taken.keyless == 0
    return folder / name / "record", folder / name / "keys"


def restored(
    make_place: Maker,
    place: Place,
    folders: tuple[Path, Path],
    name: str = "restored",
    last: str | None = None,
    **more: object,
) -> Place:
    """A new workspace made from a backup, with the root key of the old one."""
    new = make_place(name, **({"journal": place.journal} | more))
    root = place.folder / "keys" / "root.key"
    wiring.restore(new.settings, *folders, root_key_file=root, last=last, at=lambda: LATER)
    return new


# ---- a copy is a copy -------------------------------------------------------------------------------------------


def test_a_restored_workspace_holds_the_same_and_verifies(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    new = restored(make_place, lived_in, backed_up(lived_in, tmp_path))
    with lived_in.opened() as old, new.opened(writing=True, now=LATER) as house:
        before, after = audit.full(old), audit.full(house)
        assert (after.people, after.notices) == (before.people, before.notices)
        assert after.size == before.size + 1  # what the log says about going on
        assert [one.event for one in history.of_person(house, 3)] == [
            one.event for one in history.of_person(old, 3)
        ]


@pytest.mark.parametrize("way", ["sqlite to postgresql", "postgresql to sqlite"])
def test_a_backup_moves_from_one_database_to_the_other(
    way: str, tmp_path: Path, new_databases: tuple[str, str]
) -> None:
    main, keys = new_databases
    small, large = Place(folder=tmp_path / "a"), Place(folder=tmp_path / "b", database=main, keys=keys)
    old, new = (small, large) if way.startswith("sqlite") else (large, small)
    old.create()
    with old.opened(writing=True) as house:
        take(house, tmp_path, [row(number) for number in range(1, 6)])
    root = old.folder / "keys" / "root.key"
    wiring.restore(new.settings, *backed_up(old, tmp_path), root_key_file=root, at=lambda: LATER)
    with new.opened(writing=True, now=LATER) as house:
        journal.waive(house, reason="moved while nothing was running", actor="tester")
        assert allowed(house, 1, 2) == [True, True]
        say(house, 1, Status.WITHDRAWN, LATER)
        take(house, tmp_path, [row(6)], name="another list")
        audit.full(house)


def test_record_and_keys_never_stand_in_one_folder_unless_somebody_insists(
    lived_in: Place, tmp_path: Path
) -> None:
    with lived_in.opened(writing=True) as house:
        for keys in (tmp_path / "b", tmp_path / "b" / "keys", tmp_path):
            with pytest.raises(errors.Conflict):
                backup.take(house, tmp_path / "b", keys)
        assert backup.take(house, tmp_path / "b", tmp_path / "b", together=True).keys == 11
        with pytest.raises(errors.Conflict):
            backup.take(house, tmp_path / "b")  # never over another one


def test_a_backup_that_was_altered_or_never_finished_is_refused(lived_in: Place, tmp_path: Path) -> None:
    record, keys = backed_up(lived_in, tmp_path)
    for path in (record / "main.db", record / "amana.toml", keys / "keys.db"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-10] + bytes([whole[-10] ^ 1]) + whole[-9:])
        with pytest.raises(errors.VerificationFailed):
            backup.verify(record, keys)
        path.write_bytes(whole)
    backup.verify(record, keys)
    (record / "manifest.json").unlink()
    with pytest.raises(errors.NotFound):
        backup.verify(record, keys)


def test_keys_older_than_the_record_are_refused(lived_in: Place, tmp_path: Path) -> None:
    _, old_keys = backed_up(lived_in, tmp_path, "first")
    with lived_in.opened(writing=True, now=LATER) as house:
        take(house, tmp_path, [row(20)], name="another list")
        backup.take(house, tmp_path / "second")
    with pytest.raises(errors.VerificationFailed, match="older"):
        backup.verify(tmp_path / "second", old_keys)


def test_whoever_was_erased_between_record_and_keys_is_erased_again(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    with lived_in.opened(writing=True) as house:
        backup.take(house, tmp_path / "record")
        forget.forget(house, [3])
        backup.take(house, tmp_path / "later", tmp_path / "keys")
    new = restored(make_place, lived_in, (tmp_path / "record", tmp_path / "keys"))
    with new.opened(writing=True, now=LATER) as house:
        assert "unknown_person" in codes(house, 3)
        assert audit.full(house).erased == 4


# ---- nobody is contacted because a backup was old ---------------------------------------------------------------


def live_on(place: Place, folder: Path) -> None:
    """What happens after the backup: one leaves, one is erased, a newcomer comes and leaves, one shares an address."""
    with place.opened(writing=True, now=NOW + 60) as house:
        say(house, person_of(house, 1), Status.WITHDRAWN, NOW + 60)
        forget.forget(house, [person_of(house, 2)])
        take(house, folder, [row(50, "left", ""), row(51)], name="another list")


def assert_nobody_who_left_is_allowed(house: House, allowed_people: set[int]) -> None:
    gate = Gate(house)
    for number in (1, 2, 5, 50):
        answer, _ = gate.ask_address(f"person{number}@example.com", OFFERS)
        assert not answer.allow, number
    gate.close()
    assert set(screening.screen(house, OFFERS).allowed.tolist()) == allowed_people


def test_nobody_who_left_or_was_erased_is_allowed_after_an_old_backup(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    folders = backed_up(lived_in, tmp_path)
    live_on(lived_in, tmp_path)
    new = restored(make_place, lived_in, folders)
    assert lived_in.journal is not None
    with new.opened(writing=True, now=LATER) as house:
        assert all("restored" in codes(house, one) for one in range(1, 11))
        gate = Gate(house)
        taken = permits.take(house, gate, [permits.Request(person=3, inquiry=OFFERS, content=b"x" * 32)])
        gate.close()
        assert taken[0].reasons == ("restored",)
        assert_nobody_who_left_is_allowed(house, set())

        done = journal.replay(house, lived_in.journal)
        assert (done.erased, done.recorded, done.lifted) == (1, 1, True)  # 5 had left before
        assert_nobody_who_left_is_allowed(house, {3, 4, 6, 7, 8, 9, 10})
        assert codes(house, 1) == ["withdrawn"]
        assert codes(house, 2) == ["unknown_person"]

        take(house, tmp_path, [row(2), row(50), row(51)], name="a third list")
        assert_nobody_who_left_is_allowed(house, {3, 4, 6, 7, 8, 9, 10, person_of(house, 51)})
        audit.full(house)


def test_replaying_twice_is_as_once(lived_in: Place, make_place: Maker, tmp_path: Path) -> None:
    folders = backed_up(lived_in, tmp_path)
    live_on(lived_in, tmp_path)
    new = restored(make_place, lived_in, folders, journal=None)
    with new.opened(writing=True, now=LATER) as house:
        journal.replay(house, lived_in.journal)  # type: ignore[arg-type]  # it has one
        again = journal.replay(house, lived_in.journal)  # type: ignore[arg-type]  # it has one
        assert (again.recorded, again.erased, again.suppressed) == (0, 0, 0)


def test_without_a_journal_it_takes_a_reason(lived_in: Place, make_place: Maker, tmp_path: Path) -> None:
    new = restored(make_place, lived_in, backed_up(lived_in, tmp_path), journal=None)
    with new.opened(writing=True, now=LATER) as house:
        with pytest.raises(errors.BadInput):
            journal.waive(house, reason="", actor="tester")
        assert allowed(house, 3) == [False]
        assert journal.waive(house, reason="the shop was closed", actor="tester")
        assert allowed(house, 3, 5) == [True, False]
        found = backup.standing(house).restored
        assert found is not None
        assert (found.how, found.reason, found.actor) == ("waived", "the shop was closed", "tester")


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_journal_that_does_not_reach_back_or_cannot_be_read_lifts_nothing(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    folders = backed_up(lived_in, tmp_path)
    live_on(lived_in, tmp_path)
    whole = lived_in.journal.read_bytes()  # type: ignore[union-attr]  # it has one
    new = restored(make_place, lived_in, folders, journal=None)
    young = tmp_path / "young.journal"
    with msgspec.structs.replace(lived_in, journal=young).opened(writing=True, now=NOW + 90):
        pass
    torn = tmp_path / "torn.journal"
    lines = whole.splitlines(keepends=True)
    torn.write_bytes(b"".join([lines[0], lines[1].replace(b"withdrawn", b"refused__"), *lines[2:]]))
    foreign = tmp_path / "foreign.journal"
    foreign.write_text("nothing of ours\n")
    with new.opened(writing=True, now=LATER) as house:
        late = journal.replay(house, young)
        assert (late.begun_too_late, late.lifted) == (True, False)
        broken = journal.replay(house, torn)
        assert (broken.unreadable, broken.lifted) == (1, False)
        assert allowed(house, 3) == [False]
        for path, error in ((foreign, errors.BadInput), (tmp_path / "none", errors.NotFound)):
            with pytest.raises(error):
                journal.replay(house, path)
        good = tmp_path / "good.journal"
        good.write_bytes(whole + lines[1][:30])  # a last line that was never acknowledged
        assert journal.replay(house, good).lifted


# ---- the journal comes first ------------------------------------------------------------------------------------


def test_a_refusal_that_cannot_be_journalled_is_not_recorded(lived_in: Place) -> None:
    with lived_in.opened(writing=True) as house:
        path = lived_in.journal
        assert path is not None
        path.rename(path.with_suffix(".kept"))
        path.mkdir()  # nothing can be written there
        with pytest.raises(errors.BadSettings):
            say(house, 3, Status.WITHDRAWN)
        assert allowed(house, 3) == [True]  # it was not acknowledged either
        say(house, 3, Status.GIVEN)  # what refuses nothing needs no journal
        path.rmdir()
        path.with_suffix(".kept").rename(path)
        say(house, 3, Status.WITHDRAWN, NOW + 1)
        assert allowed(house, 3) == [False]


def test_a_refusal_is_in_the_journal_before_it_is_committed(
    lived_in: Place, make_place: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = backed_up(lived_in, tmp_path)
    with lived_in.opened(writing=True) as house:
        write = journal.RefusalJournal.write

        def write_and_die(self: journal.RefusalJournal, session: object) -> None:
            write(self, session)  # type: ignore[arg-type]  # the session it was given
            raise RuntimeError("the machine goes down here")

        with monkeypatch.context() as patch:
            patch.setattr(journal.RefusalJournal, "write", write_and_die)
            with pytest.raises(RuntimeError):
                say(house, 3, Status.WITHDRAWN)
        assert allowed(house, 3) == [True]
    new = restored(make_place, lived_in, folders)
    with new.opened(writing=True, now=LATER) as house:
        journal.replay(house, lived_in.journal)  # type: ignore[arg-type]  # it has one
        assert codes(house, 3) == ["withdrawn"]  # it only refuses more


def test_the_journal_holds_no_value(lived_in: Place, tmp_path: Path) -> None:
    live_on(lived_in, tmp_path)
    text = lived_in.journal.read_bytes().lower()  # type: ignore[union-attr]  # it has one
    assert b"withdrawn" in text
    assert b"fence" in text
    for value in (b"person1@", b"person2@", b"number1", b"447400"):
        assert value not in text


# ---- the log goes on under another name -------------------------------------------------------------------------


def test_the_log_goes_on_under_a_new_name_and_the_old_one_never_signs_again(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    folders = backed_up(lived_in, tmp_path)
    with lived_in.opened(writing=True) as house:
        old_key = publication.log_key(house)
        audit.remember(house, audit.full(house))
    new = restored(make_place, lived_in, folders)
    with new.opened(writing=True, now=LATER) as house:
        say(house, 3, Status.WITHDRAWN, LATER)
        new_key = publication.log_key(house)
        assert (new_key.name, new_key.public) != (old_key.name, old_key.public)
        assert new_key.name != old_key.name
        assert note.signer(old_key.name, house.keys.secret(LOG_SIGNING)).verifier != old_key
        with house.database.read() as connection:
            notes = dict(
                connection.execute(sa.select(tables.checkpoint.c.name, tables.checkpoint.c.note)).all()
            )
            latest = log.latest(connection)
        assert latest is not None
        assert set(notes) == {"latest"}
        assert checkpoint.verify(notes["latest"], new_key).checkpoint.size == latest.size
        told = [one.event for one in history.of_person(house, 0)]
        continuation = next(one for one in told if isinstance(one, events.Continuation))
        assert continuation.origin == old_key.name
        found = backup.standing(house).restored
        assert found is not None
        signed = checkpoint.verify(found.note, note.parse_key(found.key)).checkpoint
        assert (signed.size, signed.root.hex()) == (continuation.size, continuation.root)


def test_what_was_recorded_before_a_restore_is_proved_under_the_new_name(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    folders = backed_up(lived_in, tmp_path)

    def proved(place: Place) -> tuple[receipt.Verified, note.VerifierKey]:
        with place.opened(now=LATER) as house:
            consents = [
                one for one in history.of_person(house, 1) if isinstance(one.event, events.Permission)
            ]
            key = publication.log_key(house)
            return receipt.verify(receipts.of(house, consents[0].position), key), key

    before, old_key = proved(lived_in)
    after, new_key = proved(restored(make_place, lived_in, folders))
    assert (after.record, after.index, after.commitment) == (before.record, before.index, before.commitment)
    assert (after.checkpoint.size, after.checkpoint.root) == (before.checkpoint.size, before.checkpoint.root)
    assert (before.checkpoint.origin, after.checkpoint.origin) == (old_key.name, new_key.name)
    assert old_key.name != new_key.name


def test_what_a_witness_saw_after_the_backup_is_named_and_a_fork_is_refused(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    folders = backed_up(lived_in, tmp_path)
    with lived_in.opened(writing=True) as house:
        say(house, 3, Status.WITHDRAWN)
        with house.database.read() as connection:
            witnessed = log.latest(connection)
        assert witnessed is not None
        signer = note.signer(house.origin, house.keys.secret(LOG_SIGNING))
    new = restored(make_place, lived_in, folders, last=witnessed.note)
    with new.opened() as house:
        told = [one.event for one in history.of_person(house, 0)]
        assert [one.size for one in told if isinstance(one, events.Continuation)] == [witnessed.size]
    forged = checkpoint.Checkpoint(origin=signer.verifier.name, size=witnessed.size - 1, root=b"x" * 32)
    with pytest.raises(errors.LedgerBroken):
        restored(
            make_place, lived_in, folders, name="fork", last=checkpoint.sign(forged, signer), journal=None
        )
    assert not (tmp_path / "fork" / "amana.toml").exists()


def test_what_was_audited_under_the_old_name_is_kept_and_counts_no_more(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    with lived_in.opened(writing=True) as house:
        audit.remember(house, audit.full(house))
        origin = house.origin
    new = restored(make_place, lived_in, backed_up(lived_in, tmp_path))
    with new.opened(writing=True, now=LATER) as house:
        assert audit.last(house) is None
        with house.database.read() as connection:
            assert proofs.named(connection, f"{proofs.AUDITED}@{origin}") is not None


def test_databases_put_back_by_other_means_deny_too_once_it_is_said(lived_in: Place, tmp_path: Path) -> None:
    wiring.put_back(lived_in.settings, at=lambda: LATER)
    with lived_in.opened(writing=True, now=LATER) as house:
        assert codes(house, 3) == ["restored"]
        assert journal.replay(house, lived_in.journal).lifted  # type: ignore[arg-type]  # it has one
        assert allowed(house, 3, 5) == [True, False]
        audit.full(house)


def test_a_restore_into_a_place_that_is_taken_touches_nothing(
    lived_in: Place, make_place: Maker, tmp_path: Path
) -> None:
    folders = backed_up(lived_in, tmp_path)
    new = make_place("taken")
    new.folder.mkdir()
    (new.folder / "letter.txt").write_text("mine")
    with pytest.raises(errors.Conflict):
        wiring.restore(new.settings, *folders, root_key_file=lived_in.folder / "keys" / "root.key")
    assert [path.name for path in new.folder.iterdir()] == ["letter.txt"]


def test_standing_says_what_a_loss_of_the_machine_would_take(lived_in: Place, tmp_path: Path) -> None:
    with lived_in.opened(writing=True) as house:
        assert backup.standing(house).backup is None
    backed_up(lived_in, tmp_path)
    with lived_in.opened(writing=True) as house:
        assert backup.standing(house).unkept == 0
        say(house, 3, Status.WITHDRAWN)
        found = backup.standing(house)
        assert (found.unkept, found.journal, found.scrubbing) == (1, lived_in.journal, 0)
    shutil.rmtree(tmp_path / "backup")
