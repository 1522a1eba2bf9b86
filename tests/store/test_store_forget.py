"""Forgetting: nothing is left but numbers that lead nowhere, wherever it was interrupted, and nobody comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from store_world import OFFERS, Place, allowed, codes, person_of, row, say, take

from amana import errors
from amana.columns.store import ColumnStore
from amana.core.vocabulary import Status
from amana.keys import tables as key_tables
from amana.keys.store import KeyStore
from amana.ledger import verify
from amana.services.audience import cache, screening
from amana.services.gate.asking import Gate
from amana.services.keeping import audit, exports, forget
from amana.services.record import publication, receipts, tasks
from amana.services.record.house import House
from amana.storage import engines, erasures, points, tables
from amana.storage.database import Database

PERSON = 7
STEPS = {
    "before the key is destroyed": (KeyStore, "destroy_keys"),
    "before the events are deleted": (erasures, "delete_events"),
    "inside the transaction that lists them": (erasures, "list_erased"),
    "before the columns are blanked": (ColumnStore, "blank"),
    "before the files are scrubbed": (Database, "scrub"),
    "before it is called done": (KeyStore, "scrub"),
}


def populate(place: Place, folder: Path) -> list[bytes]:
    """Thirty people with columns, rejects and a look; what must not be found of person 7 afterwards."""
    with place.opened(writing=True) as house:
        rows = [row(number) for number in range(1, 31)] + [("x", "no address", "12", "", "yes", "")]
        take(house, folder, rows)
        screening.screen(house, OFFERS)
        say(house, 30, Status.WITHDRAWN)  # so that there is a delta
        screening.screen(house, OFFERS)
        return needles(house)


def needles(house: House) -> list[bytes]:
    """Person 7's values, key and keyed hashes."""
    with house.database.read() as connection:
        held = points.of_people(connection, [PERSON])[PERSON]
    assert len(held) == 2
    with house.keys._engine.connect() as connection:
        query = sa.select(key_tables.person_key.c.wrapped).where(key_tables.person_key.c.person == PERSON)
        wrapped = connection.execute(query).scalar_one()
    names = [b"Person7@example.com", b"person7@example.com", b"Ada Number7", b"447400123007", b"07400 123007"]
    return [
        *names,
        house.keys.keys([PERSON])[PERSON],
        wrapped,
        *(one.blind for one in held),
        *(one.sealed for one in held),
    ]


def found_in_files(folder: Path, wanted: list[bytes]) -> list[tuple[str, int]]:
    """Which needle stands in which file of a workspace."""
    return [
        (path.name, number)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for number, needle in enumerate(wanted)
        if needle in path.read_bytes()
    ]


def found_in_rows(place: Place, wanted: list[bytes]) -> list[tuple[str, int]]:
    """Which needle stands in which table of either database."""
    found = []
    for url, metadata in (
        (place.database or f"sqlite:///{place.folder / 'main.db'}", tables.metadata),
        (place.keys or f"sqlite:///{place.folder / 'keys' / 'keys.db'}", key_tables.metadata),
    ):
        engine = engines.connect(url)
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                for stored in connection.execute(sa.select(table)):
                    cells = [c if isinstance(c, bytes) else str(c).encode() for c in stored]
                    found += [
                        (table.name, number)
                        for number, needle in enumerate(wanted)
                        if any(needle in cell for cell in cells)
                    ]
        engine.dispose()
    return found


@contextmanager
def forgotten(place: Place, folder: Path) -> Iterator[tuple[House, list[bytes]]]:
    """The workspace after person 7 was forgotten, and what must not be found."""
    wanted = populate(place, folder)
    with place.opened(writing=True) as house:
        done = forget.forget(house, [PERSON])
        assert (done.people, done.scrubbed) == (1, True)
        yield house, wanted


# ---- what is left -----------------------------------------------------------------------------------------------


def test_the_search_finds_everything_before_so_that_it_can_fail(place: Place, tmp_path: Path) -> None:
    wanted = populate(place, tmp_path / "..")
    in_rows = {number for _, number in found_in_rows(place, wanted)}
    assert in_rows == {6, 7, 8, 9, 10}  # the wrapped key, the hashes and the sealed addresses; never a value
    if not place.database:
        assert {number for _, number in found_in_files(place.folder, wanted)} == in_rows


def test_neither_key_nor_value_nor_hash_is_in_any_row(place: Place, tmp_path: Path) -> None:
    with forgotten(place, tmp_path) as (_, wanted):
        assert found_in_rows(place, wanted) == []


def test_neither_key_nor_value_nor_hash_is_in_any_file(place: Place, tmp_path: Path) -> None:
    with forgotten(place, tmp_path) as (_, wanted):
        # On PostgreSQL these are the columns, the rejects and the definition: the server's own files are its own.
        assert found_in_files(place.folder, wanted) == []
        assert list(place.folder.rglob("import-*.csv"))


def test_nothing_of_them_stands_in_tasks_exports_journal_published_log_or_what_was_logged(
    make_place: Callable[..., Place], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = make_place(journal=tmp_path / "beside" / "refusals.journal")
    (tmp_path / "beside").mkdir()
    wanted = populate(place.create(), tmp_path)
    address = wanted[0].decode()

    def fails(*_: object) -> None:
        raise RuntimeError(f"cannot write to {address}")

    with place.opened(writing=True) as house:
        add = partial(tasks.add, house, kind="send", key="send/7", person=PERSON, payload={"to": address})
        assert house.writing().write(lambda session: add(session=session))
        with house.database.read() as connection:
            wanted.append(connection.execute(sa.select(tables.task.c.payload)).scalar_one())
        assert tasks.work(house, {"send": fails}) == 1
        said = {"recipient": "the printer", "days": 30, "file": "mail.csv", "actor": "a", "purpose": "p"}
        assert len(exports.with_contact(house, [1, PERSON], **said)) == 2  # type: ignore[arg-type]  # words and a number
        say(house, PERSON, Status.WITHDRAWN)
        assert ("task", 11) in found_in_rows(place, wanted)
        assert forget.forget(house, [PERSON]).scrubbed
        publication.export(house, tmp_path / "beside" / "published")
        assert found_in_rows(place, wanted) == []
        assert found_in_files(place.folder, wanted) == []
        assert found_in_files(tmp_path / "beside", wanted) == []
        with house.database.read() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(tables.task)).scalar_one() == 0
    logged = "".join(capfd.readouterr())
    assert "task_defect" in logged
    assert not any(needle.decode() in logged for needle in wanted[:5])


def test_the_ledger_still_verifies_and_says_what_was_erased(place: Place, tmp_path: Path) -> None:
    with forgotten(place, tmp_path) as (house, _):
        audited = audit.full(house)
        assert audited.opened + audited.erased == audited.size
        assert audited.erased == 4  # two points, a profile, a consent
        with house.database.begin() as connection:
            connection.execute(tables.erased.delete().where(tables.erased.c.leaf > 0))
        with pytest.raises(errors.LedgerBroken):
            audit.full(house)


def test_the_holders_receipt_still_verifies(place: Place, tmp_path: Path) -> None:
    populate(place, tmp_path)
    with place.opened(writing=True) as house:
        position = say(house, PERSON, Status.WITHDRAWN)
        kept, key = receipts.of(house, position), publication.log_key(house).text()
        forget.forget(house, [PERSON])
        assert verify.verify(kept, key).record["status"] == "withdrawn"
        with pytest.raises(errors.NotFound):
            receipts.of(house, position)


def test_the_gate_knows_nobody_and_no_screen_counts_them(place: Place, tmp_path: Path) -> None:
    with forgotten(place, tmp_path) as (house, _):
        assert codes(house, PERSON) == ["unknown_person"]
        people = screening.screen(house, OFFERS).people.tolist()
        assert PERSON not in people
        assert len(people) == 30  # one of them came without an address


@pytest.mark.parametrize(
    "spelling", ["Person7@example.com", "PERSON7@EXAMPLE.COM", "person7+news@example.com"]
)
def test_an_import_of_the_same_address_contacts_nobody(place: Place, tmp_path: Path, spelling: str) -> None:
    with forgotten(place, tmp_path) as (house, _):
        before = screening.screen(house, OFFERS).people.tolist()
        again = ("other", spelling, "", "", "yes", "2026-02-03")
        report = take(house, tmp_path, [again], name="another list")
        assert (report.counts.get("people_new", 0), report.counts["kept_out"]) == (0, 1)
        gate = Gate(house)
        answer, holders = gate.ask_address(spelling, OFFERS)
        gate.close()
        assert holders == ()  # nothing of the row was stored
        assert not answer.allow
        assert "suppressed" in [reason.code for reason in answer.reasons]
        assert screening.screen(house, OFFERS).people.tolist() == before


def test_the_same_line_of_the_same_list_does_not_bring_anybody_back(place: Place, tmp_path: Path) -> None:
    with forgotten(place, tmp_path) as (house, _):
        report = take(house, tmp_path, [row(PERSON), row(40)])
        assert report.counts["kept_out"] == 1
        assert allowed(house, person_of(house, 40)) == [True]
        assert "erased_before" in report.rejects.read_text()


def test_a_registered_export_is_due_for_recall(place: Place, tmp_path: Path) -> None:
    populate(place, tmp_path)
    with place.opened(writing=True) as house:
        exports.with_contact(
            house, [1, PERSON], recipient="the printer", days=30, file="mail.csv", actor="a", purpose="p"
        )
        exports.with_contact(
            house, [1, 2], recipient="the caller", days=30, file="calls.csv", actor="a", purpose="p"
        )
        assert forget.forget(house, [PERSON]).exports_recalled == 1
        assert [(one.recipient, one.recall) for one in exports.listing(house)] == [
            ("the printer", "due"),
            ("the caller", "none"),
        ]


def test_forgetting_twice_is_as_once_and_a_stranger_is_not_found(place: Place, tmp_path: Path) -> None:
    with forgotten(place, tmp_path) as (house, _):
        assert forget.forget(house, [PERSON]).people == 0
        for stranger in (0, 99):
            with pytest.raises(errors.NotFound):
                forget.forget(house, [stranger])


def test_every_column_with_a_persons_number_is_dealt_with() -> None:
    names = {"person", "other"}
    columns = {
        column
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if column.name in names or (table is tables.person and column.name == "id")
    }
    assert columns == set(erasures.BY_PERSON) | set(erasures.KEPT)


# ---- interrupted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_an_erasure_that_fails_between_two_steps_is_finished(
    place: Place, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = populate(place, tmp_path)
    where, name = STEPS[step]

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(step)

    with place.opened(writing=True) as house:
        with monkeypatch.context() as patch:
            patch.setattr(where, name, fail)
            with pytest.raises(RuntimeError, match=step):
                forget.forget(house, [PERSON])
        assert codes(house, PERSON) == ["unknown_person"]  # the fence alone is enough for that
    finish_and_check(place, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_an_erasure_killed_between_two_steps_is_finished(place: Place, tmp_path: Path, step: str) -> None:
    wanted = populate(place, tmp_path)
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_store_forget import STEPS, PERSON
from amana import settings, wiring
from amana.services.keeping import forget
where, name = STEPS[{step!r}]
setattr(where, name, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
with wiring.opened(settings.read(os.environ), writing=True) as house:
    forget.forget(house, [PERSON])
"""
    environment = {**os.environ, **place.environment}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    finish_and_check(place, wanted)


def finish_and_check(place: Place, wanted: list[bytes]) -> None:
    with place.opened(writing=True) as house:
        assert forget.finish(house).scrubbed
        with house.database.read() as connection:
            assert erasures.state_of(connection, PERSON) == erasures.DONE
        audited = audit.full(house)
        assert audited.opened + audited.erased == audited.size
        assert PERSON not in screening.screen(house, OFFERS).people.tolist()
        assert found_in_rows(place, wanted) == []
        assert found_in_files(place.folder, wanted) == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_an_open_reader_holds_up_scrubbing_and_the_state_says_so(place: Place, tmp_path: Path) -> None:
    wanted = populate(place, tmp_path)
    with place.opened(writing=True) as house:
        with place.opened() as other, other.database.read() as reading:
            reading.execute(sa.select(tables.person.c.id)).all()
            assert not forget.forget(house, [PERSON]).scrubbed
            with house.database.read() as connection:
                assert erasures.in_state(connection, erasures.SCRUBBING) == [PERSON]
        assert forget.finish(house).scrubbed
        assert found_in_files(place.folder, wanted) == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_compaction_under_way_does_not_bring_the_columns_back(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(place, tmp_path)
    with place.opened(writing=True) as house, place.opened() as other:
        for number in range(1, 20):
            say(house, number, Status.WITHDRAWN)
        reached, go_on = threading.Event(), threading.Event()
        publish = ColumnStore.publish

        def publish_later(store: ColumnStore, manifest: object) -> None:
            reached.set()
            assert go_on.wait(20)
            publish(store, manifest)  # type: ignore[arg-type]  # the manifest it was given

        monkeypatch.setattr(ColumnStore, "publish", publish_later)
        cell = 1 << 24 | 1 << 8 | 1
        compacting = threading.Thread(target=cache.catch_up, args=(other, cell))
        compacting.start()
        assert reached.wait(20)
        forgetting = threading.Thread(target=forget.forget, args=(house, [PERSON]))
        forgetting.start()
        while erasures.SCRUBBING not in state(house):
            pass
        go_on.set()
        compacting.join()
        forgetting.join()
        monkeypatch.undo()
        forget.finish(house)
        assert PERSON not in screening.screen(house, OFFERS).people.tolist()
        loaded = cache.catch_up(house, cell).person
        assert not loaded.base["known"][PERSON - 1]


def state(house: House) -> str:
    with house.database.read() as connection:
        return erasures.state_of(connection, PERSON) or ""
