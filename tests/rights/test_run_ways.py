"""A request's way: its clock by country, what a person decides about, what takes effect when, and which moves exist."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).with_name("world")))

import shop_people as people
import shop_systems as build
from shop_fixtures import Clock, ask, settled, told_by_letter

from amana import errors, wiring
from amana.core import rights
from amana.core.rights import Asker, Identity, Kind, Status, Via
from amana.core.vocabulary import Channel
from amana.services.gate.asking import Gate, Inquiry
from amana.services.keeping import forget
from amana.services.record.house import House
from amana.services.rights import requests, rights_run
from amana.services.rights.requests import Said
from amana.settings import Settings
from amana.storage.requests import RequestRow

DAY = 86_400
NUMBERS = {name: number for number, name in enumerate(build.shop.PEOPLE, start=1)}


class Office:
    """A workspace that is connected to nothing, its clock, and the shop's people."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house, self.clock = house, clock

    def ask(self, kind: Kind, name: str, **more: object) -> RequestRow:
        return ask(self.house, kind, NUMBERS[name], **more)

    def now(self, row: RequestRow) -> RequestRow:
        return requests.get(self.house, row.ref)

    def may_send(self, name: str, brand: str = "orchard") -> bool:
        gate = Gate(self.house)
        try:
            inquiry = Inquiry(brand=brand, purpose="news", channel=Channel.EMAIL)
            return bool(gate.ask(NUMBERS[name], inquiry).allow)
        finally:
            gate.close()

    def work(self) -> None:
        settled(self.house, self.clock)

    def grounds(self, row: RequestRow) -> list[str]:
        return [one.detail["ground"] for one in requests.happened(self.house, row) if one.what == "to_decide"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    clock = Clock()
    place = Settings(workspace=tmp_path_factory.mktemp("office") / "workspace", actor="officer")
    wiring.create(place, build.DEFINITION, at=clock)
    clock.wait(10)
    with wiring.opened(place, writing=True, at=clock) as house:
        assert people.enter(house) == NUMBERS
        yield Office(house, clock)


def day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


@pytest.mark.parametrize(
    ("name", "due", "country"),
    [
        ("eli", "2026-10-21", "IL"),  # thirty days
        ("ada", "2026-10-21", "DE"),  # one month
        ("mona", "2026-09-29", "EG"),  # six working days
        ("kim", "2026-09-29", "EG"),  # residence unknown: the shortest of those served
    ],
)
def test_the_clock_is_the_shortest_of_the_countries_whose_law_applies(
    office: Office, name: str, due: str, country: str
) -> None:
    row = office.ask(Kind.PORTABILITY, name, received=build.NOW)
    assert day(row.due) == due
    assert row.due_law.startswith(f"{country}: ")
    requests.cancel(office.house, row.ref, actor="officer")


def test_a_deadline_is_extended_once_where_the_country_knows_it(office: Office) -> None:
    of_germany = office.ask(Kind.PORTABILITY, "ada", received=build.NOW)
    longer = requests.extend(office.house, of_germany.ref, "complex", actor="officer")
    assert day(longer.due) == "2026-12-21"
    with pytest.raises(errors.Conflict):
        requests.extend(office.house, of_germany.ref, "again", actor="officer")
    of_egypt = office.ask(Kind.PORTABILITY, "mona", received=build.NOW)
    with pytest.raises(errors.Conflict):
        requests.extend(office.house, of_egypt.ref, "complex", actor="officer")
    for row in (of_germany, of_egypt):
        requests.cancel(office.house, row.ref, actor="officer")


def test_each_open_request_is_reminded_of_once_a_week_before_it_is_due(office: Office) -> None:
    row = office.ask(Kind.ACCESS, "ben", proved=Identity.CLAIMED)
    assert row.ref not in {one.ref for one in requests.remind(office.house)}
    office.clock.now = row.due - 6 * DAY
    assert row.ref in {one.ref for one in requests.remind(office.house)}
    assert row.ref not in {one.ref for one in requests.remind(office.house)}
    requests.cancel(office.house, row.ref, actor="officer")


def test_a_restriction_holds_until_it_is_lifted_and_no_longer(office: Office) -> None:
    assert office.may_send("dara")
    row = office.ask(Kind.RESTRICTION, "dara")
    assert not office.may_send("dara"), "it takes effect when it is proved, not when it has run"
    office.work()
    assert office.now(row).status == Status.ANSWERED.value
    office.clock.wait(60)
    requests.lift(office.house, row.ref, "the data were right", actor="officer")
    assert office.may_send("dara")
    with pytest.raises(errors.Conflict):
        requests.lift(office.house, row.ref, "once more", actor="officer")


def test_an_erasure_that_is_taken_back_ends_the_restriction_it_had_begun(office: Office) -> None:
    row = office.ask(Kind.ERASURE, "joel")
    assert not office.may_send("joel")
    office.clock.wait(60)
    requests.cancel(office.house, row.ref, actor="joel")
    assert office.may_send("joel")


def test_a_restriction_stays_while_another_request_holds_it(office: Office) -> None:
    held = office.ask(Kind.RESTRICTION, "lea")
    erasure = office.ask(Kind.ERASURE, "lea")
    office.clock.wait(60)
    requests.cancel(office.house, erasure.ref, actor="lea")
    assert not office.may_send("lea")
    requests.cancel(office.house, held.ref, actor="lea")
    assert office.may_send("lea")


def test_an_objection_to_one_brand_is_of_that_brand_and_another_is_another_request(office: Office) -> None:
    first = office.ask(Kind.OBJECTION, "niko", brand="grove")
    assert office.may_send("niko", "orchard")
    same = office.ask(Kind.OBJECTION, "niko", brand="grove")
    other = office.ask(Kind.OBJECTION, "niko", brand="orchard")
    assert (same.ref, other.ref != first.ref) == (first.ref, True)
    assert not office.may_send("niko", "orchard")
    whole = office.ask(Kind.OBJECTION, "niko")
    assert whole.ref not in (first.ref, other.ref)
    assert office.ask(Kind.OBJECTION, "niko", brand="grove").ref == whole.ref, "it is asked for all brands"
    office.work()


def test_a_correction_is_read_back_and_another_correction_is_not_lost(office: Office) -> None:
    first = office.ask(Kind.RECTIFICATION, "gil", corrections={"user.name": "Gil One"})
    second = office.ask(Kind.RECTIFICATION, "gil", corrections={"user.name": "Gil Two"})
    assert second.ref != first.ref
    assert office.ask(Kind.RECTIFICATION, "gil", corrections={"user.name": "Gil Two"}).ref == second.ref
    office.work()
    assert {office.now(row).status for row in (first, second)} == {Status.ANSWERED.value}


def test_asked_beyond_reason_goes_to_a_person_who_may_refuse_it(office: Office) -> None:
    for _ in range(3):
        row = office.ask(Kind.ACCESS, "omer")
        office.work()
        assert office.now(row).status == Status.ANSWERED.value
    often = office.ask(Kind.ACCESS, "omer")
    assert (often.status, office.grounds(often)) == (Status.DECIDING.value, ["asked_often"])
    ended = requests.decide(office.house, often.ref, go=False, reason="a fourth in a week", actor="officer")
    assert (ended.status, office.now(often).outcome) == (Status.REFUSED.value, "refused")


def test_an_agent_without_authority_waits_for_a_person(office: Office) -> None:
    row = office.ask(Kind.ACCESS, "pia", asker=Asker.AGENT)
    assert office.grounds(row) == ["agent_without_authority"]
    assert (
        requests.decide(office.house, row.ref, go=True, reason="papers seen", actor="officer").status
        == "ready"
    )
    office.work()


def test_an_address_of_two_people_waits_for_a_person_who_says_whose_it_is(office: Office) -> None:
    telling_row = people.telling.rows
    telling_row(
        office.house,
        "till",
        "orchard",
        [people.PersonRow(part="", line=1, email="kim@mail.example", fields={"full_name": "Another Kim"})],
        b"another",
    )
    said = Said(kind=Kind.ERASURE, via=Via.MAIL, address="KIM@mail.example", proved=Identity.STEPPED_UP)
    row = requests.open_(office.house, said, actor="officer")
    assert (row.status, office.grounds(row)) == (Status.DECIDING.value, ["address_of_several_people"])
    newcomer = max(requests.people_here(office.house, range(1, 200)))
    decided = requests.decide(
        office.house, row.ref, go=True, reason="by the order", actor="officer", person=newcomer
    )
    assert (decided.person, decided.status) == (newcomer, Status.READY.value)
    told_by_letter(office.house, decided)
    office.work()
    here = requests.people_here(office.house, [newcomer, NUMBERS["kim"]])
    assert set(here) == {NUMBERS["kim"]}, "the one is gone, the other is not"


ACTS = ("prove", "decide", "refuse", "cancel", "extend", "sweep", "forget", "wait", "again", "ask_again")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(Kind),
    proved=st.sampled_from(Identity),
    asker=st.sampled_from(Asker),
    acts=st.lists(st.sampled_from(ACTS), max_size=8),
)
def test_a_status_moves_only_as_the_rule_says(
    office: Office, kind: Kind, proved: Identity, asker: Asker, acts: list[str]
) -> None:
    house = office.house
    said = Said(
        kind=kind,
        via=Via.API,
        address=f"moves{house.random(6).hex()}@mail.example",
        proved=proved,
        asker=asker,
        corrections={"user.name": "N"} if kind is Kind.RECTIFICATION else {},
    )
    row = requests.open_(house, said, actor="t")
    seen = [Status(row.status)]
    assert seen[0] in rights.MOVES[Status.RECEIVED]
    for act in acts:
        try:
            _act(office, row, said, act)
        except errors.AmanaError:
            continue
        finally:
            seen.append(Status(office.now(row).status))
    for before, then in pairwise(seen):
        assert before is then or _leads(before, then), (before, then, acts)
    if Status(office.now(row).status) in rights.ENDED:
        assert office.now(row).ended is not None
        assert office.now(row).outcome


def _act(office: Office, row: RequestRow, said: Said, act: str) -> None:
    house = office.house
    match act:
        case "prove":
            requests.prove(house, row.person, Identity.CHECKED, actor="t")
        case "decide" | "refuse":
            requests.decide(house, row.ref, go=act == "decide", reason="r", actor="t")
        case "cancel":
            requests.cancel(house, row.ref, actor="t")
        case "extend":
            requests.extend(house, row.ref, "r", actor="t")
        case "sweep":
            rights_run.sweep(house)
        case "forget":
            forget.forget(house, [row.person])
        case "again":
            rights_run.again(house, office.now(row), actor="t")
        case "ask_again":
            requests.open_(house, said, actor="t")
        case _:
            office.clock.wait(DAY)


def _leads(before: Status, then: Status) -> bool:
    """Whether moves of the rule lead from one to the other; one act may make several."""
    reached, edge = {before}, {before}
    while edge := {to for one in edge for to in rights.MOVES[one]} - reached:
        reached |= edge
    return then in reached
