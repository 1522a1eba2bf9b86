"""Many evaluations, briefly: the same answers and reasons as in full, as fresh, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from api_samples import Client, codes, question

from amana.services.audience import cache
from amana.services.record import api_keys
from amana.services.record.house import House


def asked(client: Client, parts: list[dict[str, Any]], detail: str, **more: Any) -> list[dict[str, Any]]:
    """The answers to many evaluations."""
    body = question(("person", "p1")) | {"evaluations": parts, "options": {"detail": detail} | more}
    answer = client.post("/access/v1/evaluations", body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["evaluations"]
    return found


def told(answers: list[dict[str, Any]]) -> list[tuple[bool, list[str], list[str], Any]]:
    """Decision, codes and sentences, and the trouble of what cannot be asked."""
    return [
        (
            one["decision"],
            codes(one),
            [reason["sentence"] for reason in one["context"].get("reasons", ())],
            one["context"].get("error"),
        )
        for one in answers
    ]


def mixed() -> list[dict[str, Any]]:
    """Evaluations of every kind, known and unknown, well formed and not."""
    news = {"name": "contact.email", "properties": {"purpose": "news"}}
    return [
        *({"resource": {"type": "person", "id": f"p{number}"}} for number in (1, 2, 3, 1, 77)),
        {"resource": {"type": "person", "id": "p0"}},
        {"resource": {"type": "person", "id": "nobody"}},
        {"resource": {"type": "email", "id": "ann@example.com"}},
        {"resource": {"type": "email", "id": "no address"}},
        {"resource": {"type": "house", "id": "1"}},
        {"action": news},
        {"action": news, "resource": {"type": "person", "id": "p2"}},
        {"action": {"name": "use.profile"}},
        {"subject": {"type": "brand", "id": "nobody"}},
        {"context": {"time": "2026-12-24T12:00:00Z"}},
        {"context": {"time": "yesterday"}},
        {},
    ]


@pytest.fixture
def people(client: Client) -> None:
    """Three people, one of whom left."""
    for name in ("ann", "bo", "cy"):
        client.signs_up(f"{name}@example.com")
    client.signs_up("bo@example.com", purpose="news")
    leaving = {"brand": "orchard", "person": "p3", "status": "withdrawn"}
    assert client.post("/v1/events", {"events": [leaving]}).status_code == 200


@pytest.mark.usefixtures("people")
def test_brief_answers_are_the_full_ones_without_their_evidence(client: Client) -> None:
    brief, full = asked(client, mixed(), "brief"), asked(client, mixed(), "full")
    assert told(brief) == told(full)
    assert [one["decision"] for one in brief[:3]] == [True, True, False]
    for one in brief:
        assert not {"evidence", "obligations", "valid_until"} & set(one["context"])


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("semantic", ["execute_all", "deny_on_first_deny", "permit_on_first_permit"])
def test_brief_answers_end_where_the_full_ones_end(client: Client, semantic: str) -> None:
    brief = asked(client, mixed(), "brief", evaluations_semantic=semantic)
    assert told(brief) == told(asked(client, mixed(), "full", evaluations_semantic=semantic))


@pytest.mark.usefixtures("people")
def test_a_withdrawal_is_in_the_next_brief_answer_however_old_the_columns_are(
    client: Client, house: House
) -> None:
    cache.catch_up(house, house.writing().terms.cell("orchard", "offers", "email"))
    parts = [{"resource": {"type": "person", "id": f"p{number}"}} for number in range(1, 40)]
    assert asked(client, parts, "brief")[0]["decision"] is True
    leaving = {"brand": "orchard", "person": "p1", "status": "withdrawn"}
    client.post("/v1/events", {"events": [leaving]})
    first = asked(client, parts, "brief")[0]
    assert (first["decision"], codes(first)[0]) == (False, "withdrawn")


def test_another_brand_and_another_detail_are_refused_as_ever(client: Client, house: House) -> None:
    other = client.with_key(api_keys.make(house, "harbour", ["harbour"], ["decide"]).key)
    body = question(("person", "p1")) | {"evaluations": [{}], "options": {"detail": "brief"}}
    assert other.post("/access/v1/evaluations", body).status_code == 403
    body["options"] = {"detail": "some"}
    assert client.post("/access/v1/evaluations", body).status_code == 400
