"""How many would be reachable with what: counted in groups, and true of every person that is counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from service_samples import DEFINITION, OFFERS, POST, TEXTS

from amana.core import events
from amana.core.remedies import Kind
from amana.core.statements import PersonRow, Statement
from amana.core.vocabulary import Actor, Channel, Proof, Status
from amana.services.audience import outlook, screening
from amana.services.audience.outlook import Outlook, Prospect
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record import publish
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import register
from worlds.clock import DAY, NOW
from worlds.lists import at, given, row, said, taken

ADVICE = msgspec.structs.replace(POST, topics=("art",))


def statements(chance: random.Random) -> list[Statement]:
    """What a source may say of somebody: fresh and old, proven and not, yes and no."""
    channel = chance.choice([Channel.EMAIL, Channel.SMS, Channel.POST])
    when = at(NOW - chance.choice([1, 40, 300, 364, 365, 366, 700, 731, 900]) * DAY)
    proof = chance.choice(
        [Proof.DEMONSTRABLE, Proof(0x1FF), Proof(0xFF), Proof(0x1FF) & ~Proof.WITHDRAWAL_TOLD]
    )
    shown = Proof.OWN_COLLECTION | Proof.SALE_CONTEXT | Proof.SIMILAR_OFFER | Proof.OPT_OUT_IN_MESSAGE
    return chance.choice(
        [
            [],
            [],
            [given(when, channel=channel, proof=proof)],
            [given(at(NOW - DAY, NOW + DAY), channel=channel, proof=proof)],
            [said(Status.REQUESTED, when, channel=channel)],
            [said(Status.WITHDRAWN, when, channel=chance.choice([channel, None]))],
            [
                said(
                    Status.UNKNOWN,
                    when,
                    channel=channel,
                    relationship=True,
                    reason="sale",
                    proof=shown | Proof.DEMONSTRABLE,
                )
            ],
        ]
    )


def people(seed: int, count: int) -> list[PersonRow]:
    chance = random.Random(seed)
    return [
        row(
            line,
            *statements(chance),
            *statements(chance),
            id=str(line),
            email=chance.choice(["", f"p{line}@example.com", f"p{line}@example.com", "abuse@example.com"]),
            phone=chance.choice(["", f"+4915112345{line:03}"]),
            residence=chance.choice(["DE", "DE", "UK", "FR", "US", "IL", "RU", ""]),
            zone=chance.choice(["", "", "Europe/Berlin", "Asia/Tokyo"]),
            born=chance.choice(["", "", "1980", "2012-05", "2010-05-28"]),
        )
        for line in range(2, count + 2)
    ]


def live_on(house: House, seed: int, count: int) -> None:
    """What people choose, and what they were sent."""
    chance = random.Random(seed)
    channels = (Channel.EMAIL, Channel.SMS, Channel.POST)

    def work(session: Session) -> None:
        for person in range(1, count + 1):
            chosen: dict[str, Any] = chance.choice(
                [
                    {},
                    {},
                    {"paused_until": NOW + chance.choice([1, 90, 400]) * DAY},
                    {"hours": chance.choice([0, 0x3FF00])},
                    {"topics_off": chance.choice([("art",), ("sport",), ("art", "sport")])},
                    {"per_month": chance.choice([0, 2])},
                ]
            )
            if chosen:
                head = {"id": f"{person:032x}", "occurred": at(NOW - DAY), "actor": Actor.PERSON, "source": 1}
                session.record(session.person(person), events.Preference(**head | chosen))
        cells = [session.terms.cell("orchard", "offers", channel.value) for channel in channels]
        sends = [
            (chance.randrange(count) + 1, cell, NOW - chance.randrange(20 * DAY))
            for cell in cells
            for _ in range(count)
        ]
        register.note_sent(session.connection, sends)

    house.writing().write(work)


def one_by_one(house: House, inquiry: Inquiry, when: int) -> Counter[tuple[tuple[Kind, ...], bool]]:
    """The same count, by asking about each person."""
    gate = Gate(house, with_remedies=True)
    found: Counter[tuple[tuple[Kind, ...], bool]] = Counter()
    try:
        for person in screening.screen(house, inquiry, when).people.tolist():
            answer = gate.ask(person, inquiry, when)
            assert answer.would_allow is not msgspec.UNSET
            if not answer.allow:
                found[outlook.key(answer.would_allow)] += 1
    finally:
        gate.close()
    return found


def counted(told: Outlook) -> Counter[tuple[tuple[Kind, ...], bool]]:
    return Counter({(one.needs, one.double_opt_in): one.people for one in told.prospects})


@pytest.mark.slow
@pytest.mark.parametrize("inquiry", [OFFERS, TEXTS, ADVICE], ids=["email", "sms", "post"])
@pytest.mark.parametrize("hours", [0, 12])
def test_the_outlook_is_what_asking_about_each_person_adds_up_to(
    house: House, inquiry: Inquiry, hours: int
) -> None:
    taken(house, "shop", *people(seed=hours, count=400))
    live_on(house, seed=hours, count=300)
    when = NOW + hours * 3600
    told = outlook.foresee(house, inquiry, screening.screen(house, inquiry, when))
    assert counted(told) == one_by_one(house, inquiry, when)
    assert told.groups < told.refused
    assert {kind for one in told.prospects for kind in one.needs} >= {Kind.OWN_CONSENT, Kind.WAIT, Kind.TIMES}


def test_a_consent_under_an_older_notice_is_counted_apart(opening: Callable[..., House]) -> None:
    taken(opening(), "shop", row(2, given(notice="offers@1"), id="2", email="p2@example.com"))
    changed = DEFINITION.replace('version = "1"', 'version = "2"')
    house = opening(definition=changed.replace('kept_for = "P3Y"\nwithdraw', 'kept_for = "P9Y"\nwithdraw'))
    publish.publish(house)
    unproven = given(notice="offers@2", proof=Proof(0x1FF) & ~Proof.WITHDRAWAL_TOLD)
    taken(house, "fair", row(3, unproven, id="3", email="p3@example.com"))
    told = outlook.foresee(house, OFFERS, screening.screen(house, OFFERS))
    assert counted(told) == {((Kind.OWN_CONSENT,), True): 1, ((Kind.CONSENT_PROOF,), False): 1}


def test_people_are_counted_under_what_they_need(house: House) -> None:
    asked = [row(line, id=str(line), email=f"p{line}@example.com") for line in range(2, 9)]
    pending = row(9, said(Status.REQUESTED), id="9", email="p9@example.com")
    allowed = row(10, given(), id="10", email="p10@example.com")
    without_address = row(11, id="11", phone="+4915112345678")
    taken(house, "shop", *asked, pending, allowed, without_address)
    told = outlook.foresee(house, OFFERS, screening.screen(house, OFFERS))
    assert told.prospects == (
        Prospect(needs=(Kind.OWN_CONSENT,), double_opt_in=True, people=8),
        Prospect(needs=(Kind.POINT_NEW, Kind.OWN_CONSENT), double_opt_in=True, people=1),
    )
    assert told.refused == 9


def test_people_whose_facts_make_no_difference_are_one_group(house: House) -> None:
    old = [
        row(line, said(Status.WITHDRAWN, at(NOW - line * DAY)), id=str(line), email=f"p{line}@example.com")
        for line in range(2, 40)
    ]
    consents = [
        row(
            line,
            given(at(NOW - line * DAY), proof=Proof.DEMONSTRABLE),
            id=str(line),
            email=f"p{line}@example.com",
        )
        for line in range(40, 60)
    ]
    taken(house, "shop", *old, *consents)
    assert outlook.foresee(house, OFFERS, screening.screen(house, OFFERS)).groups == 2


def test_nobody_refused_needs_nothing(house: House) -> None:
    told = outlook.foresee(house, OFFERS, screening.screen(house, OFFERS))
    assert (told.refused, told.prospects) == (0, ())
