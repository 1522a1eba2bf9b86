"""A notice's wording may be replaced until somebody answers it; from then on, for ever, it may not."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import msgspec
import pytest
from service_samples import DEFINITION, order

from amana import errors
from amana.core import events
from amana.core.vocabulary import Actor, Status
from amana.core.workspace import NoticeText
from amana.ledger import canonical
from amana.services.collection import imports
from amana.services.keeping import audit, forget
from amana.services.record import history, publish, records
from amana.services.record.house import House
from amana.services.record.writing import Session, _Queued
from amana.storage import log, register
from worlds.clock import Clock
from worlds.lists import at, given, row, taken

BETTER = DEFINITION.replace("We send you offers.", "May we send you offers?")
LATER = 2_000_000_000  # after the template was made, which had a real clock
RENAMED = DEFINITION.replace('who = "Orchard Street Ltd"', 'who = "Orchard Lane Ltd"')


def told(house: House) -> list[events.Notice]:
    """What the ledger says of notices."""
    return [one.event for one in history.of_person(house, 0) if isinstance(one.event, events.Notice)]


def held(house: House) -> list[tuple[str, str, int, object]]:
    """Version, hash, epoch and sender of every published wording."""
    with house.database.read() as connection:
        return [
            (one.version, one.hash, one.epoch, one.content["who"])
            for one in register.notice_versions(connection)
        ]


def size(house: House) -> int:
    """How many events the log has."""
    with house.database.read() as connection:
        head = log.latest(connection)
    assert head is not None
    return head.size


def answer(house: House, **more: object) -> None:
    """Somebody agrees under the first version."""
    taken(house, "crm", row(1, given(notice="offers@1"), email="ann@example.com"), **more)


def test_a_wording_that_nobody_answered_is_replaced_under_its_version_and_the_ledger_says_so(
    opening: Callable[..., House],
) -> None:
    house = opening(definition=RENAMED)
    before = held(house)
    changes = publish.publish(house)
    assert [(one.version, one.changed, one.replaces) for one in changes] == [("1", ("who",), before[0][1])]
    first, second = told(house)
    assert second.replaces == first.notice_hash
    assert held(house) == [("1", second.notice_hash, 1, "Orchard Lane Ltd")]
    assert publish.pending(house) == []
    assert audit.full(house).notices == 1


def test_a_wording_that_somebody_answered_stays(opening: Callable[..., House]) -> None:
    answer(opening())
    house = opening(definition=RENAMED)
    before = held(house)
    with pytest.raises(errors.Conflict, match="people have answered"):
        publish.publish(house)
    assert held(house) == before
    assert len(told(house)) == 1


def test_people_who_answered_nothing_or_another_version_do_not_hold_a_wording_fast(
    opening: Callable[..., House], clock: Clock
) -> None:
    first = opening()
    taken(first, "crm", row(1, email="bob@example.com"), row(2, given(notice=""), email="cat@example.com"))
    answer(first)
    clock.now = LATER
    second = opening(definition=BETTER.replace('version = "1"', 'version = "2"'))
    publish.publish(second)
    third = opening(definition=RENAMED.replace('version = "1"', 'version = "2"'))
    (change,) = publish.publish(third)
    assert change.replaces
    assert [(one[0], one[2], one[3]) for one in held(third)] == [
        ("1", 1, "Orchard Street Ltd"),
        ("2", 2, "Orchard Lane Ltd"),
    ]


def test_an_answer_that_can_no_longer_be_read_still_holds_the_wording_fast(
    opening: Callable[..., House],
) -> None:
    first = opening()
    answer(first)
    forget.forget(first, [1])
    house = opening(definition=RENAMED)
    with pytest.raises(errors.Conflict, match="people have answered"):
        publish.publish(house)


def second_and_third(opening: Callable[..., House], clock: Clock) -> House:
    """Two more versions: the first of them while the clock was an hour ahead, the other once that was mended."""
    clock.now = LATER + 3_600
    publish.publish(opening(definition=BETTER.replace('version = "1"', 'version = "2"')))
    clock.now = LATER
    third = opening(definition=BETTER.replace('version = "1"', 'version = "3"').replace("May", "Might"))
    publish.publish(third)
    return third


def test_the_latest_version_is_the_one_published_last_whatever_the_clock_says(
    opening: Callable[..., House], clock: Clock
) -> None:
    answer(opening())
    house = second_and_third(opening, clock)
    assert [one[0] for one in held(house)] == ["1", "2", "3"]
    assert publish.pending(house) == []
    assert publish.publish(house) == []


def test_versions_published_in_one_second_stand_in_their_order(
    opening: Callable[..., House], clock: Clock
) -> None:
    answer(opening())
    clock.now = LATER
    for number in ("9", "10", "2"):
        publish.publish(opening(definition=BETTER.replace('version = "1"', f'version = "{number}"')))
    assert [one[0] for one in held(opening())] == ["1", "9", "10", "2"]


def test_the_log_is_read_before_the_writers_turn_and_in_it_only_what_came_since(
    opening: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [row(one, email=f"p{one}@example.com") for one in range(1, 20)]
    taken(opening(), "crm", *people)
    house = opening(definition=RENAMED)
    opened: list[int] = []
    open_row, look = history.open_row, publish.look
    turns: list[tuple[int, int]] = []

    def opens(held: object, *more: object) -> object:
        opened.append(held.position)  # type: ignore[attr-defined]  # a row of the log
        return open_row(held, *more)  # type: ignore[arg-type]  # handed on

    def looks(*asked: object) -> publish.Looked:
        found = look(*asked)  # type: ignore[arg-type]  # handed on
        opened.clear()
        taken(house, "more", row(1, email="late@example.com"))
        turns.append((found.upto, size(house)))
        opened.clear()
        return found

    monkeypatch.setattr(history, "open_row", opens)
    monkeypatch.setattr(publish, "look", looks)
    assert [one.replaces for one in publish.publish(house)]
    [(upto, end)] = turns
    assert end > upto > len(people)
    assert opened
    assert set(opened) <= set(range(upto, end))


@pytest.mark.parametrize("when", ["after the look", "in the same batch"])
def test_an_answer_that_comes_while_the_log_is_read_holds_the_wording_fast(
    opening: Callable[..., House], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    taken(opening(), "crm", row(1, email="ann@example.com"))
    house = opening(definition=RENAMED)
    look, writer = publish.look, house.writing()

    def late(session: Session) -> None:
        words = {
            "id": house.random(16).hex(),
            "occurred": at(session.now),
            "actor": Actor.PERSON,
            "source": 0,
        }
        word = events.Permission(
            **words,
            brand="orchard",
            purpose="offers",
            channel="email",
            status=Status.GIVEN,
            notice="offers@1",
        )
        session.record(session.person(1), word)

    def looks(*asked: object) -> publish.Looked:
        found = look(*asked)  # type: ignore[arg-type]  # handed on
        if when == "after the look":
            writer.write(late)
        else:
            writer._queue.append(_Queued(late))
        return found

    monkeypatch.setattr(publish, "look", looks)
    with pytest.raises(errors.Conflict, match="people have answered"):
        publish.publish(house)
    assert len(told(house)) == 1


def test_a_replacement_never_makes_a_version_less_material(
    opening: Callable[..., House], clock: Clock
) -> None:
    answer(opening())
    clock.now = LATER
    publish.publish(opening(definition=RENAMED.replace('version = "1"', 'version = "2"')))
    house = opening(definition=BETTER.replace('version = "1"', 'version = "2"'))
    (change,) = publish.publish(house)
    assert (change.material, change.epoch) == (True, 2)
    assert [one.epoch for one in told(house)] == [1, 2, 2]


def test_an_import_that_stopped_half_way_holds_the_wording_that_it_began_with(
    opening: Callable[..., House],
) -> None:
    first = opening()

    def read(start: tuple[str, int] | None) -> object:
        yield row(1, email="dan@example.com")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        imports.run(first, msgspec.structs.replace(order("crm", ()), rows=read))
    house = opening(definition=RENAMED)
    with pytest.raises(errors.Conflict, match="people have answered"):
        publish.publish(house)


def test_the_hash_of_a_published_wording_is_that_of_what_people_see(opening: Callable[..., House]) -> None:
    house = opening(definition=BETTER)
    publish.publish(house)
    notice: NoticeText = house.workspace.notices["offers"]
    assert held(house)[0][1] == sha256(canonical.encode(publish.notices.content(notice))).hexdigest()


def test_the_hash_of_what_was_replaced_is_part_of_the_record() -> None:
    words = {"id": "0" * 32, "occurred": at(0), "actor": Actor.STAFF, "source": 0, "notice": "offers@1"}
    event = events.Notice(**words, notice_hash="0" * 64, material=True, epoch=1, replaces="1" * 64)
    record = records.decode(records.encode(event, 0, b""))
    assert record.event == event
