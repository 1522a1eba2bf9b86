"""AuthZEN over HTTP: the one gate, in the shape of the specification."""

from __future__ import annotations

import pytest
from api_samples import Client, codes, question

from amana.core.vocabulary import Channel
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record.house import House

OFFERS = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)


def test_a_person_who_agreed_may_be_contacted_and_the_answer_says_on_what_it_rests(client: Client) -> None:
    client.signs_up("ann@example.com")
    answer = client.asks(("person", "p1"))
    assert answer["decision"] is True
    assert answer["context"]["evidence"]["grant"]
    assert answer["context"]["obligations"][0]["id"] == "one_click_unsubscribe"
    assert answer["context"]["valid_until"].endswith("Z")
    assert answer["context"]["ledger_size"] == 4


def test_the_answer_is_the_gates_own(client: Client, house: House) -> None:
    client.signs_up("ann@example.com")
    gate = Gate(house)
    for person in (1, 2):
        decision = gate.ask(person, OFFERS)
        answer = client.asks(("person", f"p{person}"))
        assert answer["decision"] is decision.allow
        assert codes(answer) == [one.code for one in decision.reasons]
    gate.close()


def test_an_address_is_asked_about_however_it_is_typed(client: Client) -> None:
    client.signs_up("ann@example.com")
    assert client.asks(("email", " Ann@EXAMPLE.com "))["decision"] is True
    assert codes(client.asks(("email", "bo@example.com")))[0] == "unknown_person"
    assert codes(client.asks(("email", "no address")))[0] == "unknown_person"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"subject": {"type": "brand", "id": "nobody"}}, "unknown_subject"),
        ({"subject": {"type": "robot", "id": "orchard"}}, "unknown_subject"),
        ({"action": {"name": "contact.telepathy", "properties": {"purpose": "offers"}}}, "unknown_action"),
        ({"action": {"name": "use.user", "properties": {"purpose": "offers"}}}, "unknown_manner"),
        ({"action": {"name": "share.partner", "properties": {"purpose": "offers"}}}, "unknown_recipient"),
        ({"action": {"name": "contact.email", "properties": {"purpose": "gifts"}}}, "unknown_purpose"),
        ({"action": {"name": "contact.email", "properties": {"purpose": ["offers"]}}}, "unknown_purpose"),
        ({"action": {"name": "contact.email"}}, "unknown_purpose"),
        ({"resource": {"type": "planet", "id": "p1"}}, "unknown_resource"),
        ({"resource": {"type": "person", "id": "p99999999999999999999"}}, "unknown_person"),
        ({"resource": {"type": "person", "id": "0"}}, "unknown_person"),
    ],
)
def test_what_nobody_knows_is_a_no_and_not_an_error(
    client: Client, changed: dict[str, object], code: str
) -> None:
    client.signs_up("ann@example.com")
    answer = client.post("/access/v1/evaluation", question(("person", "p1")) | changed).json()
    assert answer["decision"] is False
    assert codes(answer)[0] == code


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"subject": 1}', '{"subject": {"type": "brand", "id": "orchard"}}']
)
def test_only_what_is_no_question_at_all_is_refused(client: Client, body: str) -> None:
    headers = {"authorization": f"Bearer {client.key}", "content-type": "application/json"}
    answer = client.http.post("/access/v1/evaluation", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_system_acts_for_the_brand_it_names(client: Client) -> None:
    client.signs_up("ann@example.com")
    system = {"type": "system", "id": "crm", "properties": {"brand": "orchard"}}
    assert client.asks(("person", "p1"), subject=system)["decision"] is True


def test_unknown_fields_are_ignored_and_another_moment_can_be_asked_about(client: Client) -> None:
    client.signs_up("ann@example.com")
    before = client.asks(("person", "p1"), context={"time": "2026-01-01T12:00:00Z"}, more=1)
    assert before["decision"] is False
    wrong = client.post("/access/v1/evaluation", question(("person", "p1")) | {"context": {"time": "noon"}})
    assert wrong.status_code == 400


def test_what_would_turn_a_no_is_told_when_it_is_asked_for(client: Client) -> None:
    plain, explained = (
        client.asks(("person", "p9"), context=context) for context in ({}, {"would_allow": True})
    )
    assert "would_allow" not in plain["context"]
    assert "would_allow" in explained["context"]


def test_sentences_come_in_the_language_that_is_preferred(client: Client) -> None:
    said = {
        language: client.post(
            "/access/v1/evaluation", question(("person", "p9")), accept_language=language
        ).json()["context"]["reasons"][0]["sentence"]
        for language in ("en", "he;q=0.9, fr", "ar", "th", "ru", "xx")
    }
    assert said["en"] == said["xx"]
    assert len(set(said.values())) == 5


def test_many_evaluations_take_what_they_lack_from_the_defaults(client: Client) -> None:
    client.signs_up("ann@example.com")
    parts = [{}, {"resource": {"type": "person", "id": "p2"}}, {"action": {"name": "use.profile"}}]
    answers = client.post(
        "/access/v1/evaluations", question(("person", "p1")) | {"evaluations": parts}
    ).json()
    assert [one["decision"] for one in answers["evaluations"]] == [True, False, False]


def test_without_a_list_the_defaults_are_the_one_evaluation(client: Client) -> None:
    client.signs_up("ann@example.com")
    assert client.post("/access/v1/evaluations", question(("person", "p1"))).json()["decision"] is True


@pytest.mark.parametrize(
    ("semantic", "count"), [("execute_all", 4), ("deny_on_first_deny", 2), ("permit_on_first_permit", 1)]
)
def test_evaluation_stops_where_its_semantic_says(client: Client, semantic: str, count: int) -> None:
    client.signs_up("ann@example.com")
    people = [{"resource": {"type": "person", "id": one}} for one in ("p1", "p2", "p1", "p2")]
    body = question(("person", "p1")) | {"evaluations": people, "options": {"evaluations_semantic": semantic}}
    assert len(client.post("/access/v1/evaluations", body).json()["evaluations"]) == count


def test_one_malformed_evaluation_among_many_is_a_no_of_its_own(client: Client) -> None:
    client.signs_up("ann@example.com")
    whole = question(("person", "p1"))
    answers = client.post("/access/v1/evaluations", {"evaluations": [whole, {}]}).json()["evaluations"]
    assert [one["decision"] for one in answers] == [True, False]
    assert answers[1]["context"]["error"]["status"] == 400


def test_more_than_a_thousand_evaluations_are_refused(client: Client) -> None:
    body = question(("person", "p1")) | {"evaluations": [{}] * 1_001}
    assert client.post("/access/v1/evaluations", body).status_code == 400


def test_an_action_search_names_every_channel_that_is_open(client: Client) -> None:
    client.signs_up("ann@example.com")
    body = {"subject": {"type": "brand", "id": "orchard"}, "resource": {"type": "person", "id": "p1"}}
    found = client.post("/access/v1/search/action", body).json()["results"]
    assert found == [{"name": "contact.email", "properties": {"purpose": "offers"}}]


def test_a_resource_search_gives_everybody_once_in_pages(client: Client) -> None:
    for number in range(5):
        client.signs_up(f"person{number}@example.com")
    body = {key: value for key, value in question(("person", "p1")).items()} | {
        "resource": {"type": "person"}
    }
    found, token = [], ""
    for _ in range(3):
        page = client.post("/access/v1/search/resource", body | {"page": {"limit": 2, "token": token}}).json()
        found += [one["id"] for one in page["results"]]
        token = page["page"]["next_token"]
    assert found == ["p1", "p2", "p3", "p4", "p5"]
    assert token == ""
    made_up = client.post("/access/v1/search/resource", body | {"page": {"token": "xxxx"}})
    assert made_up.status_code == 400


def test_the_decision_point_says_where_it_is(client: Client) -> None:
    told = client.with_key("").get("/.well-known/authzen-configuration").json()
    assert told["access_evaluation_endpoint"].endswith("/access/v1/evaluation")


def test_a_withdrawal_is_known_to_the_very_next_evaluation(client: Client) -> None:
    client.signs_up("ann@example.com")
    assert client.asks(("person", "p1"))["decision"] is True
    said = {"brand": "orchard", "email": "ann@example.com", "status": "withdrawn", "channel": "email"}
    assert client.post("/v1/events", {"events": [said]}).status_code == 200
    assert codes(client.asks(("person", "p1")))[0] == "withdrawn"
