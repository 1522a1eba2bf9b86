"""Evaluations read together say what each says alone, to the byte, with columns and without, in every language."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from api_samples import EVERYTHING, NOW, Client, TestClock, codes, question

from amana.api import together
from amana.columns.store import ColumnStore
from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Channel, Proof, Status
from amana.services.audience import cache
from amana.services.audience.asking_many import Many
from amana.services.collection import imports
from amana.services.gate.asking import Gate
from amana.services.record import api_keys
from amana.services.record.house import House

EVERYBODY = 24
DAY = 86_400


@pytest.fixture
def people(client: Client, house: House) -> None:
    """People who agreed, who refused, who said too little, who paused, who left and came back."""
    for number in range(4):
        client.signs_up(f"person{number}@example.com")
    client.signs_up("person1@example.com", purpose="news")
    when = Interval(lo=NOW - DAY, hi=NOW - DAY)
    said = [
        (Status.GIVEN, Proof(sum(Proof))),
        (Status.GIVEN, Proof.CHANNEL_NAMED),
        (Status.REFUSED, Proof(0)),
        (Status.WITHDRAWN, Proof(0)),
        (Status.REQUESTED, Proof(0)),
    ]
    rows = [
        PersonRow(
            part="",
            line=line,
            email=f"listed{line}@example.com",
            fields={"residence": ("DE", "GB", "")[line % 3]},
            statements=(
                Statement(
                    status=said[line % 5][0],
                    occurred=when,
                    purpose="offers",
                    channel=Channel.EMAIL,
                    proof=said[line % 5][1],
                ),
            ),
        )
        for line in range(15)
    ]
    order = imports.Order(
        kind="table",
        name="list",
        digest="0" * 64,
        reading="",
        evidence="form",
        brand="orchard",
        fields=("residence",),
        rows=lambda start: iter(rows[start[1] if start else 0 :]),
    )
    imports.run(house, order)
    for person, status in ((2, "withdrawn"), (6, "objected"), (6, "given")):
        event = {"brand": "orchard", "person": f"p{person}", "status": status, "purpose": "offers"}
        client.post("/v1/events", {"events": [event | {"channel": "email"}]})


def parts() -> list[dict[str, Any]]:
    """Everybody, somebody twice, somebody unknown, and whatever else an evaluation may be."""
    mail = {"name": "contact.email", "properties": {"purpose": "news"}}
    text = {"name": "contact.sms", "properties": {"purpose": "offers"}}
    return [
        *({"resource": {"type": "person", "id": f"p{number}"}} for number in (*range(EVERYBODY), 3, 99)),
        *({"action": text, "resource": {"type": "person", "id": f"p{number}"}} for number in range(1, 9)),
        {"resource": {"type": "email", "id": "person0@example.com"}},
        {"resource": {"type": "email", "id": "no address"}},
        {"resource": {"type": "house", "id": "1"}},
        {"action": mail, "resource": {"type": "person", "id": "p2"}},
        {"action": {"name": "use.profile"}},
        {"subject": {"type": "brand", "id": "nobody"}},
        {"context": {"time": "2026-05-28T02:00:00Z"}},
        {"context": {"time": "2027-12-24T12:00:00Z"}, "resource": {"type": "person", "id": "p4"}},
        {"context": {"time": "yesterday"}},
        {},
    ]


@contextmanager
def held_for(house: House, seconds: float) -> Iterator[Callable[[], None]]:
    """Columns that another process is making, for some seconds at most."""
    handle = os.open(house.folder / "columns.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)

    def let_go() -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)

    timer = threading.Timer(seconds, let_go)
    timer.start()
    try:
        yield let_go
    finally:
        timer.cancel()
        timer.join()
        os.close(handle)


def answered(client: Client, given: list[dict[str, Any]], language: str = "", **more: Any) -> bytes:
    """The body of the answers."""
    body = question(("person", "p1")) | {"evaluations": given} | more
    answer = client.post("/access/v1/evaluations", body, accept_language=language)
    assert answer.status_code == 200, answer.text
    found: bytes = answer.content
    return found


def each_alone(client: Client, language: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The same, asked one by one in the server."""
    with monkeypatch.context() as patch:
        patch.setattr(together, "FEWEST", 10_000)
        return answered(client, parts(), language)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("language", ["en", "he", "th"])
def test_together_every_answer_is_the_same_to_the_byte(
    client: Client, house: House, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = each_alone(client, language, monkeypatch)
    assert answered(client, parts(), language) == alone, "before there are columns, or while they are made"
    cache.catch_up(house, house.writing().terms.cell("orchard", "offers", "email"))
    assert answered(client, parts(), language) == alone, "with columns"
    event = {"brand": "orchard", "person": "p1", "status": "withdrawn"}
    assert client.post("/v1/events", {"events": [event]}).status_code == 200
    changed = answered(client, parts(), language)
    assert changed == each_alone(client, language, monkeypatch) != alone, "with columns that are behind"


@pytest.mark.usefixtures("people")
def test_together_answers_wait_for_the_clock_as_alone(
    client: Client, clock: TestClock, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = {"person": "p1", "paused_until": NOW + 400}
    client.post("/v1/preferences", pause)
    for moment in (NOW, NOW + 900, NOW + 6 * 3600, NOW + 400 * DAY):
        clock.now = moment
        cache.catch_up(house, house.writing().terms.cell("orchard", "offers", "email"))
        assert answered(client, parts()) == each_alone(client, "", monkeypatch)


@pytest.mark.usefixtures("people")
def test_the_columns_are_made_beside_the_answers(client: Client, house: House) -> None:
    assert not ColumnStore(house.columns).manifest().groups
    answered(client, parts())
    for _ in range(200):
        if ColumnStore(house.columns).manifest().groups:
            return
        time.sleep(0.05)
    pytest.fail("no columns were made")


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("detail", "number"), [("full", 24), ("brief", 24), ("brief", 1)])
def test_nobody_waits_while_another_process_holds_the_columns(
    client: Client, house: House, detail: str, number: int
) -> None:
    everybody = [{"resource": {"type": "person", "id": f"p{one}"}} for one in range(1, number + 1)]
    questions = [(brand, name) for brand in ("orchard", "harbour") for name in ("offers", "news")]
    every = client.with_key(api_keys.make(house, "every", ["*"], EVERYTHING).key)
    started = time.monotonic()
    with held_for(house, 5.0) as let_go:
        for brand, purpose in [
            *questions,
            ("orchard", "offers"),
        ]:  # as many as the server has threads, and one
            body = question(("person", "p1"), purpose) | {"subject": {"type": "brand", "id": brand}}
            body |= {"evaluations": everybody, "options": {"detail": detail}}
            assert every.post("/access/v1/evaluations", body).status_code == 200
        assert client.signs_up("late@example.com") > 0
        assert time.monotonic() - started < 4.0
        let_go()


@pytest.mark.usefixtures("people")
def test_a_list_that_ends_early_is_not_read_past_its_end(
    client: Client, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    ask = Gate.ask

    def counted(gate: Gate, person: int, *rest: Any) -> Any:
        asked.append(person)
        return ask(gate, person, *rest)

    monkeypatch.setattr(Gate, "ask", counted)
    people = [{"resource": {"type": "person", "id": f"p{number}"}} for number in range(1, EVERYBODY)]
    options = {"evaluations_semantic": "deny_on_first_deny"}
    body = question(("person", "p1")) | {"evaluations": people, "options": options}
    told = client.post("/access/v1/evaluations", body).json()["evaluations"]
    assert [one["decision"] for one in told] == [True, False]
    assert codes(told[-1])[0] == "withdrawn"
    assert asked == [1, 2]


def test_another_keys_brand_is_refused_for_all_together(client: Client, house: House) -> None:
    other = client.with_key(api_keys.make(house, "harbour", ["harbour"], ["decide"]).key)
    body = question(("person", "p1")) | {"evaluations": [{}] * together.FEWEST}
    assert other.post("/access/v1/evaluations", body).status_code == 403


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("detail", ["full", "brief"])
def test_defaults_that_no_evaluation_uses_refuse_nothing(client: Client, house: House, detail: str) -> None:
    orchard = client.with_key(api_keys.make(house, "own", ["orchard"], ["decide"]).key)
    own = {"subject": {"type": "brand", "id": "orchard"}}
    body = question(("person", "p1")) | {"subject": {"type": "brand", "id": "harbour"}}
    for number in (1, together.FEWEST):
        body |= {"evaluations": [own] * number, "options": {"detail": detail}}
        answer = orchard.post("/access/v1/evaluations", body)
        assert (answer.status_code, answer.json()["evaluations"][0]["decision"]) == (200, True)
    body["evaluations"] = [*body["evaluations"], {"resource": {"type": "person", "id": "p2"}}]
    assert orchard.post("/access/v1/evaluations", body).status_code == 403


@pytest.mark.usefixtures("people")
def test_a_question_of_few_is_not_planned_for_columns(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    decisions = Many.decisions

    def counted(many: Many, people: Any, *rest: Any) -> Any:
        read.append(len(people))
        return decisions(many, people, *rest)

    monkeypatch.setattr(Many, "decisions", counted)
    times = [{"context": {"time": f"2026-05-28T0{hour}:00:00Z"}} for hour in range(1, 7)]
    given = [*times, *([{}] * together.SMALLEST), *times]
    alone = [client.asks(("person", "p1"), **one) for one in given]
    body = question(("person", "p1")) | {"evaluations": given}
    assert client.post("/access/v1/evaluations", body).json()["evaluations"] == alone
    assert read == [together.SMALLEST]
