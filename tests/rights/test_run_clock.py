"""Days in which we wait for a proof of identity: where the law leaves them out of the clock, and where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from copies_world import DAY, Clock, opened, relayed, told
from hypothesis import given
from hypothesis import strategies as st

from amana.core import rights
from amana.core.pack_values import Confidence, Deadline, Mark, Period
from amana.core.rights import Identity, Kind, Via
from amana.services.messaging.sending import Sender
from amana.services.record.house import House
from amana.services.rights import requests
from amana.services.rights.requests import Said
from amana.storage.requests import RequestRow
from worlds.relay import Sink

NOW = 1_790_000_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[House, Sink, Sender, Clock]]:
    clock = Clock()
    with relayed(tmp_path / "workspace", clock) as (house, inbox, sender):
        yield house, inbox, sender, clock


def claimed(house: House, person: int, **more: Any) -> RequestRow:
    said = Said(kind=Kind.ACCESS, via=Via.STAFF, person=person, **more)
    row = requests.open_(house, said, actor="dpo")
    assert row.status == "verifying"
    return row


def proved(house: House, row: RequestRow) -> RequestRow:
    requests.prove(house, row.person, Identity.STEPPED_UP, actor="the person")
    return requests.get(house, row.ref)


def paused(house: House, row: RequestRow) -> list[int]:
    return [one.detail["days"] for one in requests.happened(house, row) if one.what == "clock_paused"]


def test_days_of_waiting_for_a_proof_do_not_count_where_the_pack_says_so(
    world: tuple[House, Sink, Sender, Clock],
) -> None:
    house, _, _, clock = world
    row = claimed(house, told(house))
    clock.now += 9 * DAY + 100
    after = proved(house, row)
    assert (after.status, after.due - row.due) == ("ready", 9 * DAY)
    assert paused(house, row) == [9]
    extended = requests.extend(house, row.ref, "many systems", actor="dpo")
    assert extended.due > after.due + 50 * DAY
    assert paused(house, row) == [9]
    plain = rights.due(row.received, [("DE", deadline(months=1, more=2))], extended=True)
    assert extended.due - plain.at == 9 * DAY


def test_less_than_a_day_and_no_waiting_at_all_change_nothing(
    world: tuple[House, Sink, Sender, Clock],
) -> None:
    house, _, _, clock = world
    row = claimed(house, told(house))
    clock.now += DAY - 1
    assert proved(house, row).due == row.due
    assert paused(house, row) == []


def test_where_we_asked_late_every_day_counts(world: tuple[House, Sink, Sender, Clock]) -> None:
    house, _, _, clock = world
    row = claimed(house, told(house), received=clock.now - 5 * DAY)
    clock.now += 9 * DAY
    assert proved(house, row).due == row.due


def test_whom_no_link_reached_was_asked_nothing(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "workspace", clock) as house:
        row = claimed(house, told(house))
        clock.now += 9 * DAY
        assert proved(house, row).due == row.due


def deadline(months: int, more: int = 0) -> Deadline:
    return Deadline(
        kind="request",
        words="",
        within=Period(months=months),
        extension=Period(months=more) if more else None,
        citation="x",
        confidence=Confidence.HIGH,
        mark=Mark.SEEN,
    )


@given(days=st.integers(0, 400), more=st.integers(0, 400), pauses=st.sets(st.sampled_from(["DE", "FR"])))
def test_a_deadline_is_never_earlier_for_days_left_out_and_another_country_keeps_its_own(
    days: int, more: int, pauses: set[str]
) -> None:
    laws = [("DE", deadline(1)), ("FR", deadline(1)), ("XX", None)]
    due = [rights.due(NOW, laws[:2], waited=one, pausing=pauses).at for one in (0, days, days + more)]
    assert due == sorted(due)
    assert (due[1] > due[0]) == (days > 0 and pauses == {"DE", "FR"})
    assert rights.due(NOW, laws, waited=days, pausing=pauses | {""}).at == rights.due(NOW, laws).at


@given(received=st.integers(0, NOW), asked=st.integers(0, NOW), waited=st.integers(-DAY, 500 * DAY))
def test_no_day_is_left_out_that_was_not_waited_for(received: int, asked: int, waited: int) -> None:
    days = rights.waited(received, asked, asked + waited)
    assert 0 <= days * DAY <= max(0, waited)
