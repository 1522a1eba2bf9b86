"""START lifts what STOP did to the number, and nothing that anybody else or anything else did to it."""

from __future__ import annotations

import pytest
from service_samples import TEXTS, reasons

from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Channel, PointKind
from amana.services.messaging import feedback
from amana.services.messaging.feedback import BOUNCE, COMPLAINT, START, Report
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import people
from worlds.clock import Clock
from worlds.lists import given, row, taken

NUMBER = "+447400123456"
STOP = Report(kind=COMPLAINT, channel=Channel.SMS, phone=NUMBER, reason="stop")
DEAD = Report(kind=BOUNCE, channel=Channel.SMS, phone=NUMBER, reason="number_gone")
GO = Report(kind=START, channel=Channel.SMS, phone=NUMBER)


def is_blocked(house: House) -> bool:
    """Whether the number of the one person is blocked."""
    with house.database.read() as connection:
        (point,) = people.get(connection, [1])[1].state.points.values()
    return point.blocked >= max(point.unblocked, 0)


@pytest.fixture
def told(house: House, clock: Clock) -> None:
    taken(house, "crm", row(2, given(channel=Channel.SMS), phone=NUMBER))


def tell(house: House, clock: Clock, *reports: Report) -> None:
    """Report one thing after the other."""
    for number, report in enumerate(reports):
        clock.now += 60
        feedback.take(house, "texts", "orchard", [report], f"{clock.now}/{number}".encode())


@pytest.mark.usefixtures("told")
def test_start_after_stop_lifts_the_block_and_not_the_withdrawal(house: House, clock: Clock) -> None:
    tell(house, clock, STOP)
    assert is_blocked(house)
    tell(house, clock, GO)
    assert not is_blocked(house)
    assert "withdrawn" in reasons(house, 1, TEXTS)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("order", [(DEAD, STOP), (STOP, DEAD)], ids=["before STOP", "after STOP"])
def test_another_reasons_block_stands_whether_it_came_before_or_after(
    house: House, clock: Clock, order: tuple[Report, ...]
) -> None:
    tell(house, clock, *order, GO)
    assert is_blocked(house)


@pytest.mark.usefixtures("told")
def test_what_was_lifted_before_does_not_count_against_a_later_start(house: House, clock: Clock) -> None:
    tell(house, clock, STOP, GO, STOP, GO)
    assert not is_blocked(house)
    tell(house, clock, STOP)
    assert is_blocked(house)


@pytest.mark.usefixtures("told")
def test_a_reason_that_was_mended_does_not_keep_the_number_blocked(house: House, clock: Clock) -> None:
    tell(house, clock, DEAD)
    clock.now += 60

    def mend(session: Session) -> None:
        now = Interval(lo=session.now, hi=session.now)
        lifted = events.Point(
            id="00" * 16,
            occurred=now,
            actor=Actor.STAFF,
            source=1,
            point=0,
            point_kind=PointKind.PHONE,
            change="unblocked",
        )
        session.record(session.person(1), lifted)

    house.writing().write(mend)
    tell(house, clock, STOP, GO)
    assert not is_blocked(house)


@pytest.mark.usefixtures("told")
def test_start_without_stop_records_nothing(house: House, clock: Clock) -> None:
    assert feedback.take(house, "texts", "orchard", [GO], b"x") == ()
