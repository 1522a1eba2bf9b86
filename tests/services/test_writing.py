"""The one write path: consecutive, all or nothing, sealed, chained; what was altered is found out."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service_samples import reasons

from amana import errors, wiring
from amana.core import events
from amana.core.vocabulary import Actor, Status
from amana.keys.root import LocalRoot
from amana.services.record import history, records
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.settings import Settings
from worlds.clock import NOW
from worlds.lists import at, row, taken


def no(number: int) -> events.Permission:
    return events.Permission(
        id=f"{number:032x}", occurred=at(NOW), actor=Actor.PERSON, source=1,
        brand="orchard", purpose="offers", channel="email", status=Status.WITHDRAWN,
    )  # fmt: skip  # one event


def newcomer(number: int) -> Callable[[Session], int]:
    """Work that makes a person with one event; its answer is the person's id."""

    def work(session: Session) -> int:
        person = session.new_person()
        session.record(person, no(number))
        return person.id

    return work


def table(house: House, query: str, file: str = "main.db") -> list[tuple[object, ...]]:
    connection = sqlite3.connect(house.folder / file)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_eight_threads_at_once_get_consecutive_places_and_a_chain_each(house: House) -> None:
    begin = len(table(house, "SELECT position FROM event"))
    people: list[int] = []
    failures: list[BaseException] = []

    def write(lane: int) -> None:
        for number in range(10):
            try:
                if number % 5 == 4:
                    with pytest.raises(ZeroDivisionError):
                        house.writing().write(lambda session: session.new_person().id // 0)
                else:
                    people.append(house.writing().write(newcomer(lane * 100 + number)))
            except BaseException as failure:  # noqa: BLE001  a thread's failure is the test's
                failures.append(failure)

    lanes = [threading.Thread(target=write, args=(lane,)) for lane in range(8)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    assert failures == []
    positions = [place for (place,) in table(house, "SELECT position FROM event ORDER BY position")]
    assert positions == list(range(begin + 64))
    assert sorted(people) == list(range(1, 65))
    assert all(len(history.of_person(house, person)) == 1 for person in people)


def test_a_failing_work_leaves_nothing_not_even_a_key_and_the_next_one_takes_its_place(
    opening: Callable[..., House],
) -> None:
    house = opening()
    before = table(house, "SELECT position FROM event")

    def failing(session: Session) -> None:
        newcomer(1)(session)
        session.merge_profile(session.people[1], {"town": "Ulm"})
        raise errors.BadInput("no")

    with pytest.raises(errors.BadInput):
        house.writing().write(failing)
    assert table(house, "SELECT position FROM event") == before
    assert table(house, "SELECT person FROM profile") == []
    again = opening()
    assert table(again, "SELECT person FROM person_key", "keys/keys.db") == [(0,)]
    assert again.writing().write(newcomer(2)) == 1
    assert [one.event.id for one in history.of_person(again, 1)] == [no(2).id]


def test_a_key_of_somebody_who_never_came_to_be_is_swept_when_the_workspace_is_opened(
    opening: Callable[..., House],
) -> None:
    house = opening()
    house.keys.create_keys([1, 2], "2026-05")
    again = opening()
    assert table(again, "SELECT person FROM person_key", "keys/keys.db") == [(0,)]


def test_the_same_event_id_is_recorded_once(house: House) -> None:
    house.writing().write(newcomer(1))
    size = len(table(house, "SELECT position FROM event"))
    with pytest.raises(errors.Conflict, match="recorded already"):
        house.writing().write(newcomer(1))
    assert len(table(house, "SELECT position FROM event")) == size
    assert house.writing().write(newcomer(2)) == 2


def test_a_persons_events_are_shown_in_order_each_following_the_one_before(house: House) -> None:
    person = house.writing().write(newcomer(1))
    for number in (2, 3, 4):
        house.writing().write(lambda session, n=number: session.record(session.person(person), no(n)))
    opened = history.of_person(house, person)
    assert [one.event.id for one in opened] == [no(number).id for number in (1, 2, 3, 4)]
    assert all(one.event.recorded == NOW for one in opened)
    assert [one.position for one in opened] == sorted(one.position for one in opened)
    assert [one.event.id for one in history.of_person(house, person, before=opened[2].position)] == [
        no(1).id, no(2).id,
    ]  # fmt: skip  # what was known then


@pytest.mark.parametrize(
    "alteration",
    [
        "UPDATE event SET sealed = zeroblob(length(sealed)) WHERE person = 1 AND source = 1",
        "DELETE FROM event WHERE position = (SELECT min(position) FROM event WHERE person = 1)",
        "UPDATE event SET person = 2 WHERE position = (SELECT max(position) FROM event WHERE person = 1)",
    ],
)
def test_an_altered_a_dropped_and_a_moved_event_are_found_out(house: House, alteration: str) -> None:
    person = house.writing().write(newcomer(1))
    house.writing().write(newcomer(9))
    house.writing().write(lambda session: session.record(session.person(person), no(2)))
    connection = sqlite3.connect(house.folder / "main.db")
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute(alteration)
    connection.commit()
    connection.close()
    with pytest.raises(errors.VerificationFailed):
        histories(house, 1, 2)


def histories(house: House, *ids: int) -> list[list[history.Opened]]:
    return [history.of_person(house, one) for one in ids]


def test_a_log_that_does_not_match_its_checkpoint_is_never_signed_again(
    opening: Callable[..., House],
) -> None:
    house = opening()
    house.writing().write(newcomer(1))
    connection = sqlite3.connect(house.folder / "main.db")
    connection.execute("UPDATE tile SET body = zeroblob(length(body)) WHERE level = 0")
    connection.commit()
    connection.close()
    with pytest.raises(errors.LedgerBroken):
        opening()


WORDS = st.text(max_size=12)
MOMENTS = st.integers(0, 2**40)
ANY_EVENT = st.one_of(
    st.builds(
        events.Permission,
        id=st.just("0" * 32), occurred=st.builds(at, MOMENTS, MOMENTS), actor=st.sampled_from(Actor),
        source=MOMENTS, recorded=MOMENTS, evidence=WORDS, brand=WORDS, purpose=WORDS, channel=WORDS,
        status=st.sampled_from(Status), confirmed=st.booleans(), point=st.integers(-1, 9), reason=WORDS,
    ),
    st.builds(
        events.Profile,
        id=st.just("1" * 32), occurred=st.builds(at, MOMENTS), actor=st.sampled_from(Actor), source=MOMENTS,
        columns=st.dictionaries(WORDS, WORDS, max_size=3), sealed=st.dictionaries(WORDS, WORDS, max_size=3),
    ),
    st.builds(
        events.Preference,
        id=st.just("2" * 32), occurred=st.builds(at, MOMENTS), actor=st.sampled_from(Actor), source=MOMENTS,
        paused_until=st.none() | MOMENTS, topics_off=st.none() | st.tuples(WORDS),
    ),
)  # fmt: skip  # the fields of three kinds of event


@settings(deadline=None)
@given(ANY_EVENT, st.integers(0, 2**40), st.binary(max_size=32))
def test_a_record_reads_back_as_the_event_it_was(event: events.AnyEvent, person: int, prev: bytes) -> None:
    data = records.encode(event, person, prev)
    assert records.decode(data) == records.Record(person=person, prev=prev, event=event)
    assert records.encode(event, person, prev) == data


# ---- keys ------------------------------------------------------------------------------------------------------


def reopened(folder: Path, **more: str) -> None:
    with wiring.opened(Settings(workspace=folder, actor="test", **more)):
        pass


def test_the_wrong_root_opens_nothing(house: House) -> None:
    reopened(house.folder)
    with pytest.raises(errors.KeyMissing, match="root key does not open"):
        reopened(house.folder, root_key="A" * 43 + "=")
    with pytest.raises(errors.KeyMissing, match="cannot be read"):
        reopened(house.folder, root_key="short")


def test_the_root_key_file_is_its_owners_alone(house: House) -> None:
    path = house.folder / wiring.KEYS / wiring.KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(errors.KeyMissing, match="read by others"):
        reopened(house.folder)
    path.chmod(0o600)
    with pytest.raises(errors.Conflict):
        LocalRoot(bytes(32)).write(path, b"", bytes)
    path.rename(path.with_suffix(".gone"))
    with pytest.raises(errors.KeyMissing, match="missing"):
        reopened(house.folder)


def test_without_its_key_store_a_workspace_does_not_open_and_makes_no_new_one(house: House) -> None:
    store = house.folder / wiring.KEYS / "keys.db"
    store.rename(store.with_suffix(".gone"))
    with pytest.raises(errors.KeyMissing, match="key store is missing"):
        reopened(house.folder)
    assert not store.exists()


def test_a_person_without_a_key_is_an_error_and_gets_no_new_one(house: House) -> None:
    taken(house, "shop", row(1, email="ann@example.com"))
    connection = sqlite3.connect(house.folder / wiring.KEYS / "keys.db")
    connection.execute("DELETE FROM person_key WHERE person = 1")
    connection.commit()
    connection.close()
    with wiring.opened(Settings(workspace=house.folder, actor="test")) as reader:
        with pytest.raises(errors.KeyMissing):
            history.of_person(reader, 1)
        assert reasons(reader, 1) == ["consent_unknown"]
