"""A replayed send gets the answer that the rules give one by one, from what had happened by its own second."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
from audience_samples import CALLS, NEWS, OFFERS, choose, crowd, given, row, said, sent
from hypothesis import given as every
from hypothesis import strategies as st

from amana import errors
from amana.connectors import sends
from amana.connectors.sends import Sent
from amana.connectors.tables import Source
from amana.core import decision, events, facts, rules
from amana.core import state as states
from amana.core.plan import Plan
from amana.core.regimes import Regime
from amana.core.remedies import Kind
from amana.core.vocabulary import Channel, Status
from amana.services.audience import past_sends, replay, screening
from amana.services.audience.past_sends import Log, Sends
from amana.services.gate.asking import NEVER_TARGET, Gate, Inquiry, log_size
from amana.services.keeping import forget
from amana.services.record import history
from amana.services.record.house import House
from amana.storage import register
from amana.storage.tables import sent as contacts
from worlds.clock import DAY, NOW, Clock
from worlds.lists import taken

MAPPING = """
[source]
zone = "UTC"
[person]
external_id = "who"
email = "mail"
[send]
when = "at"
purpose = { column = "what", values = { spring = "offers", news = "news" } }
channel = { constant = "email" }
campaign = "what"
"""


def log_of(count: int, people: int, seed: int) -> list[Sent]:
    """Sends to a crowd, some in one second, some in bursts, over two years."""
    chance = random.Random(seed)
    rush = [NOW - 3 * DAY + second for second in range(0, 1000, 7)]
    return [
        Sent(
            "",
            line,
            str(chance.randrange(people + 5) + 2),
            "",
            "",
            "",
            chance.choice([NOW - chance.randrange(700 * DAY), chance.choice(rush), NOW - 91 * DAY]),
            chance.choice(["offers", "offers", "news"]),
            chance.choice([Channel.EMAIL, Channel.EMAIL, Channel.SMS]),
            "spring",
        )
        for line in range(2, count + 2)
    ]


def one_by_one(house: House, log: Sends, known_at: int | None = None) -> list[set[str]]:
    """The reasons of each send, by the scalar rules, folding each person's events anew."""
    gate, channels = Gate(house), [by for _, by in log.asked]
    everything = sorted(
        (int(log.at[send]), int(send), int(person), channels[log.ask[send]])
        for send, person in zip(log.whose.tolist(), log.person.tolist(), strict=True)
    )
    answers: list[set[str]] = [{"unknown_person"} for _ in range(len(log))]
    for when, send, person, channel in everything:
        inquiry = Inquiry(brand="orchard", purpose=log.asked[log.ask[send]][0], channel=channel)
        plan = Plan(house.book, gate.plan(inquiry, when).question, house.is_holiday)
        told = [one.event for one in history.of_person(house, person, before=known_at)]
        earlier = [
            at
            for at, number, who, by in everything
            if who == person and by is channel and (at, number) < (when, send)
        ]
        windows = tuple(sum(1 for at in earlier if at > when - days * DAY) for days in (1, 7, 30))
        if not told:
            continue
        state = states.fold_all((one for one in told if had_happened(one, when)), gate.terms)
        about = facts.person_facts(state, 0, house.reader.born(state), suppressed=False, topics=gate.topics)
        seen = facts.project(
            state,
            plan.question.cell,
            about,
            never_target_flag=NEVER_TARGET,
            sent=(windows[0], windows[1], windows[2]),
        )
        answers[send] = codes(seen, house.reader.regime(state), plan)
    gate.close()
    return answers


def had_happened(event: events.AnyEvent, when: int) -> bool:
    match event:
        case events.Permission() | events.Relationship() | events.Preference() | events.Restriction():
            return event.occurred.lo <= when
        case events.Point():
            return event.change in ("added", "verified") or event.occurred.lo <= when
    return True


def codes(seen: facts.Facts, regime: Regime, plan: Plan) -> set[str]:
    return set(decision.codes(rules.deny_bits(seen, plan.law(regime), plan.ask))) - {"no_contact_point"}


def told(bits: Iterable[int]) -> list[set[str]]:
    return [set(decision.codes(int(one))) for one in bits]


@pytest.fixture
def lived(house: House, clock: Clock) -> House:
    """A crowd that went on choosing, leaving and coming back."""
    rows = crowd(seed=3, count=60)
    taken(house, "shop", *rows)
    chance = random.Random(5)
    for person in range(1, 41):
        clock.now = NOW - chance.randrange(600 * DAY)
        choose(house, person, **chance.choice([
            {"paused_until": clock.now + chance.randrange(60 * DAY)}, {"hours": 0x3FF00}, {"per_month": 2},
            {"topics_off": ("art",)},
        ]))  # fmt: skip  # one choice on a line
    clock.now = NOW
    again = [
        row(
            one.line,
            chance.choice([said(Status.WITHDRAWN, 80), said(Status.OBJECTED, 2), given(30)]),
            email=one.email,
        )
        for one in rows[::3]
    ]
    taken(house, "shop", *again)
    return house


def test_a_replay_is_what_the_rules_say_of_each_send_one_by_one(lived: House) -> None:
    log = past_sends.read(lived, "shop", log_of(700, 60, seed=11))
    found = replay.run(lived, "orchard", log)
    answers = one_by_one(lived, log)
    assert told(found.bits) == answers
    assert found.opened > 10
    seen = Counter(code for one in answers for code in one)
    assert {"unknown_person", "frequency_cap", "withdrawn", "paused", "consent_unknown"} <= set(seen)
    assert any(not one for one in answers)


def test_a_replay_with_what_the_ledger_knew_leaves_out_what_came_later(lived: House) -> None:
    log = past_sends.read(lived, "shop", log_of(120, 60, seed=12))
    position = log_size(lived) // 2
    found = replay.run(lived, "orchard", log, known_at=position)
    assert told(found.bits) == one_by_one(lived, log, position)


@pytest.mark.parametrize("engine", ["numba", "duckdb"])
def test_every_engine_replays_alike(lived: House, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "FEW", 0)  # the engine runs however few
    log = past_sends.read(lived, "shop", log_of(60, 60, seed=13)[:40])
    runs = [replay.run(lived, "orchard", log, engine=one) for one in ("numpy", engine)]
    assert runs[0].bits.tolist() == runs[1].bits.tolist()


def test_a_withdrawal_after_the_send_does_not_refuse_it_and_one_before_does(house: House) -> None:
    taken(house, "shop", row(2, given(100), said(Status.WITHDRAWN, 10)))
    log = [
        Sent("", line, "2", "", "", "", NOW - days * DAY, "offers", Channel.EMAIL, "")
        for line, days in ((2, 50), (3, 5))
    ]
    found = replay.run(house, "orchard", past_sends.read(house, "shop", log))
    assert [bool(one) for one in found.bits] == [False, True]
    assert "withdrawn" in told(found.bits)[1]


def test_nothing_is_recorded_by_a_replay(lived: House) -> None:
    before = log_size(lived)
    replay.run(lived, "orchard", past_sends.read(lived, "shop", log_of(50, 60, seed=14)))
    assert log_size(lived) == before
    with lived.database.read() as connection:
        assert not register.sends_since(connection, 1, 1, 0, NOW)


def test_what_it_would_have_taken_is_counted(house: House) -> None:
    taken(house, "shop", row(2), row(3, given(100)), row(4))
    log = [Sent("", line, str(line), "", "", "", NOW, "offers", Channel.EMAIL, "") for line in (2, 3, 4)]
    found = replay.run(house, "orchard", past_sends.read(house, "shop", log))
    assert found.outlook is not None
    assert [(one.needs, one.people) for one in found.outlook.prospects] == [((Kind.OWN_CONSENT,), 2)]


def test_an_address_of_several_people_is_refused_if_one_of_them_refuses(house: House) -> None:
    names = {"name": "Ada One"}, {"name": "Bea Two"}
    rows = [
        row(2, given(100), **names[0]),
        row(3, given(100), said(Status.WITHDRAWN, 50), email="p2@example.com", **names[1]),
    ]
    taken(house, "shop", *rows)
    log = [Sent("", 2, "", "p2@example.com", "", "", NOW, "offers", Channel.EMAIL, "")]
    found = past_sends.read(house, "other", log)
    assert len(found.person) == 2
    assert "withdrawn" in told(replay.run(house, "orchard", found).bits)[0]


# ---- windows ----------------------------------------------------------------------------------------------------


@every(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 1), st.integers(0, 40 * DAY)), max_size=30))
def test_trailing_windows_count_as_a_plain_loop_does(log: list[tuple[int, int, int]]) -> None:
    person, channel, at = (np.array([one[place] for one in log], np.int64) for place in range(3))
    found = replay.trailing(person, channel, at)
    for number, one in enumerate(log):
        earlier = [
            other[2]
            for place, other in enumerate(log)
            if other[:2] == one[:2] and (other[2], place) < (one[2], number)
        ]
        for days, counts in zip((1, 7, 30), found, strict=True):
            assert counts[number] == sum(1 for when in earlier if when > one[2] - days * DAY)


# ---- taking a log in --------------------------------------------------------------------------------------------

RECENT = [Sent("", line, "2", "", "", "", NOW - line * 60, "offers", Channel.EMAIL, "") for line in (2, 3)]
LOG = Log(name="shop", digest="d" * 64, reading="", brand="orchard")


def capped(house: House) -> bool:
    result = screening.screen(house, OFFERS, NOW)
    return "frequency_cap" in decision.codes(int(result.bits[0]))


def test_contacts_taken_in_count_for_limits_and_can_be_taken_back(house: House) -> None:
    taken(house, "shop", row(2, given(100)))
    assert not capped(house)
    before = log_size(house)
    first = past_sends.take(house, LOG, RECENT)
    assert (first.contacts, first.repeated) == (2, False)
    assert capped(house)
    assert log_size(house) == before
    assert past_sends.undone(house, first.source) == 2
    assert not capped(house)


def test_the_same_log_again_adds_nothing_and_after_an_undo_it_may_come_again(house: House) -> None:
    taken(house, "shop", row(2, given(100)))
    first = past_sends.take(house, LOG, RECENT)
    again = past_sends.take(house, LOG, RECENT)
    assert again.repeated
    assert again.source == first.source
    past_sends.undone(house, first.source)
    with pytest.raises(errors.Conflict):
        past_sends.undone(house, first.source)
    assert not past_sends.take(house, LOG, RECENT).repeated
    assert capped(house)


def test_taking_one_log_back_leaves_our_own_sends_and_other_logs(house: House) -> None:
    taken(house, "shop", row(2, given(100)))
    sent(house, NEWS, (1, NOW - 5))
    first = past_sends.take(house, LOG, RECENT)
    past_sends.take(house, msgspec.structs.replace(LOG, digest="e" * 64), RECENT[:1])
    past_sends.undone(house, first.source)
    with house.database.read() as connection:
        left = register.sends_since(connection, 1, 1, 0, NOW)
    assert sorted(left) == [(1, NOW - 120), (1, NOW - 5)]


@pytest.mark.parametrize("number", ["p999", "p0", "p²", "p99999999999999999999"])
def test_an_id_that_is_nobodys_is_nobody(house: House, number: str) -> None:
    taken(house, "shop", row(2, given(100)))
    log = [one._replace(external_id=number) for one in RECENT]
    found = replay.run(house, "orchard", past_sends.read(house, "other", log))
    assert told(found.bits) == [{"unknown_person"}] * 2
    first = past_sends.take(house, LOG, log)
    assert (first.contacts, first.unknown) == (0, 2)


def test_whoever_is_erased_while_a_log_is_taken_in_has_no_contacts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(house, "shop", row(2, given(100)))
    read = past_sends.read

    def erased_meanwhile(*arguments: Any) -> Sends:
        found = read(*arguments)
        forget.forget(house, [1])
        return found

    monkeypatch.setattr(past_sends, "read", erased_meanwhile)
    assert past_sends.take(house, LOG, RECENT).contacts == 0
    with house.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(contacts)).scalar_one() == 0


def test_taking_one_log_back_leaves_a_later_one_after_an_erasure(house: House) -> None:
    taken(house, "shop", row(2, given(100)), row(3, given(100), email="ben@example.com"))
    theirs = RECENT[0]._replace(external_id="3")
    first = past_sends.take(house, LOG, [*RECENT, theirs])
    forget.forget(house, [1])
    past_sends.take(house, msgspec.structs.replace(LOG, digest="e" * 64), [theirs])
    assert past_sends.undone(house, first.source) == 1
    with house.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(contacts)).scalar_one() == 1


def test_an_import_is_not_taken_for_a_log(house: House) -> None:
    report = taken(house, "shop", row(2, given(100)))
    assert past_sends.undone(house, report.source) is None


# ---- reading a log ----------------------------------------------------------------------------------------------


def test_rows_that_are_no_sends_are_rejected_with_line_and_reason(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "who,mail,at,what,more\n2,,2026-05-01T10:00,spring,x\n,,2026-05-01,spring,x\n3,,soon,spring,x\n"
        "4,,2026-05-02,autumn,x\n",
        "utf-8",
    )
    options = sends.load(MAPPING)
    found = list(sends.read(Source(tmp_path / "log.csv", options.layout()), options))
    assert isinstance(found[0], Sent)
    assert (found[0].at, found[0].purpose, found[0].campaign) == (1_777_629_600, "offers", "spring")
    assert [(one.line, one.reason) for one in found[1:] if not isinstance(one, Sent)] == [
        (3, "no_identity"),
        (4, "bad_date"),
        (5, "no_purpose"),
    ]


def test_a_log_without_a_zone_is_refused() -> None:
    with pytest.raises(errors.BadInput, match="time zone"):
        sends.load(MAPPING.replace('zone = "UTC"', ""))


def test_a_purpose_that_the_workspace_lacks_is_named(house: House) -> None:
    log = [Sent("", 2, "2", "", "", "", NOW, "gifts", Channel.EMAIL, "")]
    with pytest.raises(errors.NotFound, match="gifts"):
        replay.check(house, past_sends.read(house, "shop", log))


def test_an_empty_log_is_an_answer(house: House) -> None:
    found = replay.run(house, "orchard", past_sends.read(house, "shop", []))
    assert found.counts.people == 0
    assert replay.table(found).num_rows == 0


def test_a_call_is_judged_by_the_law_of_its_day(house: House) -> None:
    """France: calls to consumers need consent from 11 August 2026."""
    taken(house, "shop", row(2, residence="FR", phone="+33612345678"))
    days = ["2026-08-10T10:00", "2026-08-11T10:00"]
    moments = [int(np.datetime64(day, "s").astype(np.int64)) for day in days]
    log = [
        Sent("", line, "2", "", "", "", at, "offers", CALLS.channel, "") for line, at in enumerate(moments, 2)
    ]
    before, after = told(replay.run(house, "orchard", past_sends.read(house, "shop", log)).bits)
    assert "consent_unknown" in after - before
