"""One person and everybody get the same answer, from the record of then and of now; addresses get the strictest."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from service_samples import DEFINITION, OFFERS, POST, TEXTS, reasons

from amana import errors
from amana.columns.store import ColumnStore
from amana.core import decision, events
from amana.core.statements import PersonRow, Statement
from amana.core.vocabulary import Actor, Channel, PointKind, Proof, Status
from amana.services.audience import screening
from amana.services.gate.asking import Gate, Inquiry, log_size
from amana.services.record import publish
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import register
from worlds.clock import DAY, NOW, Clock
from worlds.lists import at, given, row, said, taken

ADS = Inquiry(brand="orchard", purpose="offers", channel=Channel.ADS_AUDIENCE)
EVERYTHING = (OFFERS, TEXTS, POST, ADS)


def agree(house: House, inquiry: Inquiry, when: int | None = None) -> dict[int, tuple[str, ...]]:
    """Screen everybody, ask about everybody; both say the same. The reasons by person."""
    result = screening.screen(house, inquiry, when)
    screened = {
        person: decision.codes(bits)
        for person, bits in zip(result.people.tolist(), result.bits.tolist(), strict=True)
    }
    gate = Gate(house)
    try:
        for person in range(max(screened, default=0) + 3):
            asked = tuple(reason.code for reason in gate.ask(person, inquiry, result.at).reasons)
            assert screened.get(person, asked) == asked
            assert person in screened or "unknown_person" in asked
    finally:
        gate.close()
    assert result.counts.allowed == sum(1 for codes in screened.values() if not codes)
    return screened


# ---- everybody --------------------------------------------------------------------------------------------


def people(chance: random.Random, first: int, count: int) -> list[PersonRow]:
    """Rows of all sorts: several countries, ages, channels, bases, Noes, blocks, and people with nothing at all."""
    found = []
    for line in range(first, first + count):
        found.append(
            row(
                line,
                *(statement(chance) for _ in range(chance.randrange(4))),
                id=str(chance.randrange(first + count)),
                email=chance.choice(["", f"p{line}@example.com", "family@example.com", "abuse@example.com"]),
                phone=chance.choice(["", f"+4915112345{line:03}"]),
                residence=chance.choice(["DE", "UK", "FR", "US", "IL", "", "Nowhere"]),
                zone=chance.choice(["", "", "Europe/Berlin", "Asia/Tokyo"]),
                born=chance.choice(["", "2015-03", "1980", "2010-05-28"]),
            )
        )
    return found


def statement(chance: random.Random) -> Statement:
    channel = chance.choice([Channel.EMAIL, Channel.EMAIL, Channel.SMS, Channel.POST, Channel.ADS_AUDIENCE])
    when = chance.choice([at(NOW - chance.randrange(900) * DAY), None, at(NOW)])
    kind = chance.randrange(8)
    if kind == 0:
        return said(
            Status.WITHDRAWN,
            when,
            channel=chance.choice([channel, None]),
            purpose=chance.choice(["offers", "*"]),
        )
    if kind == 1:
        return said(chance.choice([Status.REQUESTED, Status.UNKNOWN]), when, channel=channel)
    if kind == 2:
        return said(Status.UNKNOWN, when, channel=Channel.EMAIL, point_blocked=True, reason="bounce_hard")
    if kind == 3:
        proof = Proof(chance.getrandbits(31)) | Proof.DEMONSTRABLE
        reason = chance.choice(["sale", "interest", "relationship", "published"])
        return said(Status.UNKNOWN, when, channel=channel, relationship=True, proof=proof, reason=reason)
    if kind == 4:
        return given(when, channel=channel, proof=Proof(chance.getrandbits(18)) | Proof.DEMONSTRABLE)
    return given(when, channel=channel)


def meddle(house: House, chance: random.Random, clock: Clock) -> None:
    """What comes in between imports: choices, restrictions, own grants, contacts."""

    def work(session: Session) -> None:
        for person_id in chance.sample(range(1, 20), 6):
            person = session.person(person_id)
            head = {
                "id": f"{chance.getrandbits(128):032x}",
                "occurred": at(clock.now),
                "actor": Actor.PERSON,
                "source": 0,
            }
            session.record(
                person,
                chance.choice(
                    [
                        events.Preference(**head, paused_until=clock.now + DAY, topics_off=("sport",)),
                        events.Preference(**head, hours=0xFFF, days=0b11111),
                        events.Restriction(**head, on=True),
                        events.Permission(
                            **head,
                            brand="orchard",
                            purpose="offers",
                            channel="email",
                            status=Status.GIVEN,
                            proof=Proof(0xFFF),
                            confirmed=True,
                        ),
                    ]
                ),
            )
        cell = session.terms.cell("orchard", "offers", "email")
        register.note_sent(
            session.connection, [(chance.randrange(1, 40), cell, clock.now - 5) for _ in range(30)]
        )

    house.writing().write(work)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_screen_and_the_gate_agree_about_everybody_also_after_changes(
    house: House, clock: Clock, seed: int
) -> None:
    """The page says "allowed" while the send gate refuses (peers' defect 6)."""
    chance = random.Random(seed)
    shapes = set()
    for step, count in enumerate((60, 8, 3, 90, 1)):
        taken(house, f"source-{step % 2}", *people(chance, step * 100 + 1, count))
        if step:
            meddle(house, chance, clock)
        for inquiry in chance.sample(EVERYTHING, 3):
            agree(house, inquiry)
            agree(house, inquiry, clock.now - 200 * DAY)
            groups = ColumnStore(house.columns).manifest().groups.values()
            shapes.update((bool(group.delta), group.changed > 0) for group in groups)
        clock.now += DAY
    assert shapes >= {(True, True), (False, False)}


def test_a_small_change_is_laid_over_the_columns_and_a_large_one_rewrites_them(house: House) -> None:
    def group() -> tuple[bool, int]:
        found = ColumnStore(house.columns).manifest().groups["person"]
        return bool(found.delta), found.rows

    taken(house, "shop", *(row(line, given(), email=f"p{line}@example.com") for line in range(1, 21)))
    assert set(agree(house, OFFERS).values()) == {()}
    assert group() == (False, 20)
    taken(
        house, "news", row(1, said(Status.WITHDRAWN), email="p3@example.com"), row(2, email="new@example.com")
    )
    found = agree(house, OFFERS)
    assert (group(), found[3], found[21]) == (
        (True, 20),
        ("withdrawn", "consent_unknown"),
        ("consent_unknown",),
    )
    taken(
        house,
        "shop",
        *(row(line, said(Status.OBJECTED), email=f"p{line}@example.com") for line in range(4, 9)),
    )
    assert agree(house, OFFERS)[4][0] == "objected"
    assert group() == (False, 21)


def test_somebody_who_changes_twice_before_a_rewrite_is_seen_as_they_are_now(house: House) -> None:
    taken(house, "shop", *(row(line, given(), email=f"p{line}@example.com") for line in range(1, 21)))
    agree(house, OFFERS)
    for status, codes in ((Status.WITHDRAWN, ("withdrawn",)), (Status.OBJECTED, ("objected", "withdrawn"))):
        taken(house, "news", row(1, said(status), email="p3@example.com"))
        assert agree(house, OFFERS)[3] == (*codes, "consent_unknown")
        assert ColumnStore(house.columns).manifest().groups["person"].delta


def test_an_empty_workspace_is_screened(house: House) -> None:
    result = screening.screen(house, OFFERS)
    assert (result.counts.people, result.counts.allowed) == (0, 0)


def test_the_workspace_itself_and_somebody_about_whom_nothing_is_recorded_are_unknown(house: House) -> None:
    taken(house, "shop", row(1, id="7", residence=""), row(2, email="ann@example.com"))
    assert "unknown_person" in reasons(house, 0, ADS)
    assert "unknown_person" in reasons(house, 1, ADS)
    assert "unknown_person" not in reasons(house, 2, ADS)
    assert list(agree(house, ADS)) == [2]


def test_an_audience_counts_those_whom_nobody_knows(house: House, tmp_path: Path) -> None:
    taken(house, "shop", row(1, given(), email="ann@example.com"), row(2, email="ben@example.com"))
    audience = tmp_path / "audience.csv"
    audience.write_text("person\np1\np77\np99\nBEN@example.com\nnobody@example.com\n")
    result = screening.screen(house, OFFERS, audience=audience)
    assert result.people.tolist() == [1, 2]
    assert result.unknown == 3
    assert result.counts.people == 5
    assert result.counts.by_first["unknown_person"] == 3
    assert result.allowed.tolist() == [1]


# ---- then and now --------------------------------------------------------------------------------------


def test_known_at_answers_what_was_answered_then(house: House, clock: Clock) -> None:
    told: list[tuple[int, int, list[list[str]]]] = []

    def note() -> None:
        told.append((log_size(house), clock.now, [reasons(house, person) for person in (1, 2, 3)]))
        clock.now += DAY

    note()
    taken(house, "shop", row(1, given(), email="ann@example.com"), row(2, given(), email="ben@example.com"))
    note()
    taken(house, "news", row(1, said(Status.WITHDRAWN, at(NOW)), email="ann@example.com", residence="UK"))
    note()
    taken(house, "shop", row(9, given(), email="carl@example.com", born="2015"))
    note()
    undo_first(house)
    note()
    for size, when, answers in told:
        for person in (1, 2, 3):
            assert reasons(house, person, at=when, known_at=size) == answers[person - 1]
    assert len({str(answers) for _, _, answers in told}) == len(told)


def undo_first(house: House) -> None:
    """Take the first import back, one retraction each."""

    def work(session: Session) -> None:
        for person_id in (1, 2):
            session.record(
                session.person(person_id),
                events.Retraction(
                    id=f"{person_id:032x}", occurred=at(session.now), actor=Actor.STAFF, source=1, retracts=1
                ),
            )

    house.writing().write(work)


def test_a_material_change_of_the_notice_outdates_earlier_consents_and_not_what_was_known_before(
    opening: Callable[..., House], clock: Clock
) -> None:
    first = opening()
    taken(first, "shop", row(1, given(notice="offers@1"), email="ann@example.com"))
    assert reasons(first, 1) == []
    size = log_size(first)
    clock.now += DAY
    changed = DEFINITION.replace('version = "1"', 'version = "2"').replace(
        'kept_for = "P3Y"\nwithdraw', 'kept_for = "P9Y"\nwithdraw'
    )
    second = opening(definition=changed)
    assert publish.publish(second)[0].material
    assert reasons(second, 1) == ["notice_outdated"]
    assert reasons(second, 1, known_at=size) == []
    taken(second, "shop", row(1, given(at(clock.now), notice="offers@2"), email="ann@example.com"))
    assert reasons(second, 1) == []
    with pytest.raises(errors.Conflict, match="published before"):
        publish.publish(opening(definition=changed.replace('version = "2"', 'version = "1"')))


# ---- addresses ----------------------------------------------------------------------------------------------


def test_an_address_gets_the_strictest_answer_of_its_holders(house: House) -> None:
    family = "family@example.com"
    taken(
        house,
        "shop",
        row(1, given(), email=family, name="Ann Lee"),
        row(2, given(), email=family, name="Ben Lee"),
    )
    assert reasons(house, family) == []
    taken(
        house,
        "news",
        row(1, given(at(NOW - 900 * DAY), proof=Proof.DEMONSTRABLE), email=family, name="Carl Lee"),
    )
    assert reasons(house, 1) == reasons(house, 2) == []
    assert reasons(house, family) == reasons(house, 3) != []


def test_an_address_of_nobody_is_unknown_and_what_is_no_address_is_refused(house: House) -> None:
    assert reasons(house, "nobody@example.com")[0] == "unknown_person"
    with pytest.raises(errors.BadInput, match="neither"):
        reasons(house, "nobody at all")
    with pytest.raises(errors.NotFound, match="purpose"):
        reasons(house, 1, Inquiry(brand="orchard", purpose="surveys", channel=Channel.EMAIL))


# ---- peers' defects that can be seen at the gate --------------------------------------------------------


def choose(house: House, person: int, **choices: object) -> None:
    """The person chooses their pace."""
    event = events.Preference(
        id="a" * 32,
        occurred=at(house.clock()),
        actor=Actor.PERSON,
        source=0,
        **choices,  # type: ignore[arg-type]  # the choices
    )
    house.writing().write(lambda session: session.record(session.person(person), event))


def test_a_stored_pause_is_enforced_and_ends(house: House, clock: Clock) -> None:
    """A pause that is stored and not enforced (peers' defect 5)."""
    taken(house, "shop", row(1, given(), email="ann@example.com"))
    choose(house, 1, paused_until=NOW + 3 * DAY)
    assert reasons(house, 1) == ["paused"]
    assert agree(house, OFFERS)[1] == ("paused",)
    assert reasons(house, 1, at=NOW + 3 * DAY) == []


def test_a_topic_that_was_turned_off_is_off_for_messages_about_it(house: House) -> None:
    taken(house, "shop", row(1, given(), email="ann@example.com"))
    choose(house, 1, topics_off=("sport",))
    about = {
        topic: Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL, topics=(topic,))
        for topic in ("art", "sport")
    }
    assert reasons(house, 1, about["sport"]) == ["topic_off"]
    assert reasons(house, 1, about["art"]) == []


def test_the_workspaces_own_cap_counts_contacts_of_the_brand_on_the_channel_whatever_their_purpose(
    house: House,
) -> None:
    """Frequency caps (peers' defect 9); contacts that are in flight count with the permits that make them."""
    taken(house, "shop", row(1, given(), email="ann@example.com"), row(2, given(), email="ben@example.com"))

    def sent(brand: str, purpose: str, channel: str, when: int) -> None:
        house.writing().write(
            lambda session: register.note_sent(
                session.connection, [(1, session.terms.cell(brand, purpose, channel), when)]
            )
        )

    sent("orchard", "offers", "email", NOW)
    sent("orchard", "offers", "email", NOW - DAY)  # a day ago to the second: outside
    sent("orchard", "offers", "sms", NOW)
    sent("harbour", "offers", "email", NOW)
    sent("orchard", "offers", "email", NOW + 1)
    assert reasons(house, 1) == []
    sent("orchard", "news", "email", NOW - DAY + 1)
    assert reasons(house, 1) == ["frequency_cap"]
    assert agree(house, OFFERS) == {1: ("frequency_cap",), 2: ()}


def test_a_requested_permission_is_pending_and_not_given(house: House) -> None:
    """A switch that the write refuses (peers' defect 7): "pending confirmation" is a real state."""
    taken(house, "shop", row(1, said(Status.REQUESTED, at(NOW)), email="ann@example.com"))
    assert reasons(house, 1) == ["consent_pending"]


def test_a_box_that_was_ticked_beforehand_gives_nothing(house: House) -> None:
    """Pre-ticked boxes (peers' defect 10)."""
    ticked = given(proof=Proof(0xFFF) & ~Proof.UNTICKED)
    taken(house, "shop", row(1, ticked, email="ann@example.com"), row(2, given(), email="ben@example.com"))
    assert reasons(house, 1) == ["consent_unproven"]
    assert reasons(house, 2) == []


def test_stopping_and_starting_again_lifts_the_block_of_the_number_and_no_refusal(house: House) -> None:
    """START after STOP recreating consent (peers' defect 12)."""
    taken(
        house, "shop",
        row(1, given(channel=Channel.SMS), said(Status.WITHDRAWN, at(NOW - DAY), channel=Channel.SMS, point_blocked=True,
                                                reason="complaint"), phone="+4915112345678"),
    )  # fmt: skip  # one person
    assert set(reasons(house, 1, TEXTS)) >= {"withdrawn", "contact_point_blocked"}
    start = events.Point(
        id="b" * 32, occurred=at(NOW), actor=Actor.PERSON, source=0, point=0, point_kind=PointKind.PHONE,
        change="unblocked",
    )  # fmt: skip  # one event
    house.writing().write(lambda session: session.record(session.person(1), start))
    assert "withdrawn" in reasons(house, 1, TEXTS)
    assert "contact_point_blocked" not in reasons(house, 1, TEXTS)
