"""A request with an Idempotency-Key is done once; one whose process died may soon be sent again."""

from __future__ import annotations

import pytest

from amana import errors
from amana.services.record import idempotency
from amana.services.record.house import House
from worlds.clock import Clock


class Killed(BaseException):
    """The process ends in the middle."""


class Work:
    """Something that is done and answers."""

    def __init__(self, *, dies: bool = False, refuses: bool = False) -> None:
        self.done, self._dies, self._refuses = 0, dies, refuses

    def __call__(self) -> str:
        if self._refuses:
            raise errors.BadInput("no")
        self.done += 1
        if self._dies:
            raise Killed
        return f"answer {self.done}"


def once(house: House, work: Work, request: bytes = b"leave") -> str:
    return idempotency.once(house, b"shop", "key-1", request, work)


def test_the_same_request_gets_the_first_answer_again(house: House) -> None:
    work = Work()
    assert [once(house, work) for _ in range(3)] == ["answer 1"] * 3
    assert work.done == 1
    with pytest.raises(errors.Conflict):
        once(house, work, b"stay")


def test_a_request_that_was_cut_off_waits_a_minute_and_no_more(house: House, clock: Clock) -> None:
    with pytest.raises(Killed):
        once(house, Work(dies=True))
    again = Work()
    clock.now += idempotency.LEASE - 1
    with pytest.raises(errors.Conflict):
        once(house, again)
    clock.now += 1
    assert once(house, again) == "answer 1"
    assert once(house, again) == "answer 1"
    assert again.done == 1


def test_a_cut_off_key_is_for_the_same_request_only(house: House, clock: Clock) -> None:
    with pytest.raises(Killed):
        once(house, Work(dies=True))
    clock.now += idempotency.LEASE
    with pytest.raises(errors.Conflict):
        once(house, Work(), b"stay")


def test_a_refused_request_leaves_no_trace(house: House) -> None:
    with pytest.raises(errors.BadInput):
        once(house, Work(refuses=True))
    assert once(house, Work(), b"mended") == "answer 1"


def test_whoever_lost_the_lease_does_not_answer_over_the_second_attempt(house: House, clock: Clock) -> None:
    second = Work()

    class Slow(Work):
        def __call__(self) -> str:
            clock.now += idempotency.LEASE
            assert once(house, second) == "answer 1"
            return "too late"

    assert once(house, Slow()) == "too late"
    assert once(house, second) == "answer 1"
    assert second.done == 1
