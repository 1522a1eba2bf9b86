"""Requests of people over HTTP: who may open and see them, what is claimed and what is vouched for, and their way."""

from __future__ import annotations

from typing import Any

import pytest
from api_samples import Client, TestClock

from amana.core.rights import Kind, Via
from amana.services.record import api_keys
from amana.services.record.house import House
from amana.services.rights import requests, rights_run
from amana.services.rights.requests import Said

ANN = "ann@example.com"


@pytest.fixture
def whole(client: Client, house: House) -> Client:
    """A key of all brands that may open requests and vouch for people."""
    client.signs_up(ANN)
    return client.with_key(api_keys.make(house, "desk", ["*"], ["request", "vouch"]).key)


def opens(client: Client, **said: Any) -> Any:
    """The answer to opening a request about Ann, unless told otherwise."""
    return client.post("/v1/requests", {"kind": "access", "email": ANN} | said)


def row(client: Client, ref: str) -> dict[str, Any]:
    answer = client.get(f"/v1/requests/{ref}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_a_key_says_of_identity_is_a_claim_and_the_person_is_asked(whole: Client, house: House) -> None:
    claimed = whole.with_key(api_keys.make(house, "shop", ["*"], ["request"]).key)
    opened = opens(claimed, kind="erasure")
    assert opened.status_code == 201
    assert set(opened.json()) == {"ref", "due"}
    told = row(claimed, opened.json()["ref"])
    assert (told["status"], told["proved"]) == ("verifying", "claimed")
    refused = opens(claimed, kind="access", checked=True)
    assert refused.status_code == 403
    assert len(requests.every(house)) == 1


def test_a_key_that_vouches_opens_what_runs_at_once(whole: Client, house: House) -> None:
    ref = opens(whole, checked=True).json()["ref"]
    assert row(whole, ref)["status"] == "ready"
    ran = whole.post(f"/v1/requests/{ref}/run", None)
    assert ran.status_code == 200, ran.text
    assert (ran.json()["status"], ran.json()["outcome"]) == ("answered", "nothing_elsewhere")
    assert [one["reached"] for one in ran.json()["stages"]] == ["done"] * 5
    again = whole.post(f"/v1/requests/{ref}/run", None)
    assert (again.status_code, again.json()["got"]) == (409, "answered")  # not 429: waiting does not help


def test_no_answer_holds_an_address_and_an_unknown_one_is_answered_in_the_same_form(whole: Client) -> None:
    known, unknown = opens(whole, checked=True), opens(whole, checked=True, email="nobody@example.com")
    assert known.status_code == unknown.status_code == 201
    assert set(known.json()) == set(unknown.json())
    refs = [one.json()["ref"] for one in (known, unknown)]
    said = [
        whole.get(path).text for ref in refs for path in (f"/v1/requests/{ref}", f"/v1/requests/{ref}/plan")
    ]
    said.append(whole.get("/v1/requests").text)
    assert not [one for one in said if "@" in one]


def test_the_same_request_under_one_key_is_opened_once(whole: Client, house: House) -> None:
    first, again = (
        whole.post("/v1/requests", {"kind": "access", "email": ANN}, Idempotency_Key="k1") for _ in range(2)
    )
    assert first.json() == again.json()
    other = whole.post("/v1/requests", {"kind": "erasure", "email": ANN}, Idempotency_Key="k1")
    assert other.status_code == 409
    assert len(requests.every(house)) == 1


def test_a_key_of_one_brand_sees_and_touches_its_own_requests_only(
    whole: Client, house: House, client: Client
) -> None:
    of_all = opens(whole, checked=True).json()["ref"]
    mine = opens(client, kind="objection", brand="orchard").json()["ref"]
    unnamed, foreign = opens(client, kind="objection"), opens(client, kind="objection", brand="harbour")
    assert (unnamed.status_code, foreign.status_code) == (403, 403)
    assert "names no brand" in unnamed.json()["detail"]
    assert "names no brand" not in foreign.json()["detail"]
    seen = client.get("/v1/requests").json()["requests"]
    assert [one["ref"] for one in seen] == [mine]
    for path, body in (
        ("", None),
        ("/plan", None),
        ("/run", {}),
        ("/cancel", {}),
        ("/extend", {"reason": "x"}),
    ):
        path = f"/v1/requests/{of_all}{path}"
        answer = client.get(path) if body is None else client.post(path, body)
        assert answer.status_code == 404, path
    assert client.get("/v1/requests/R-0000-0000").json()["detail"] == answer.json()["detail"]
    assert requests.get(house, of_all).status == "ready"


def test_an_objection_counts_before_it_is_answered(whole: Client, client: Client) -> None:
    question = {
        "subject": {"type": "brand", "id": "orchard"},
        "action": {"name": "contact.email", "properties": {"purpose": "offers"}},
        "resource": {"type": "email", "id": ANN},
    }
    assert client.post("/access/v1/evaluation", question).json()["decision"] is True
    assert opens(whole, kind="objection").status_code == 201
    assert client.post("/access/v1/evaluation", question).json()["decision"] is False


def test_a_decision_and_an_extension_have_a_reason_and_an_actor(
    whole: Client, house: House, clock: TestClock
) -> None:
    said = Said(kind=Kind.ACCESS, via=Via.MAIL, address=ANN, ground="unclear_mail")
    ref = requests.open_(house, said, actor="test").ref
    before = row(whole, ref)["due"]
    longer = whole.post(f"/v1/requests/{ref}/extend", {"reason": "Many systems."})
    assert longer.status_code == 200, longer.text
    assert longer.json()["due"] > before
    assert whole.post(f"/v1/requests/{ref}/extend", {"reason": "Again."}).status_code == 409
    assert whole.post(f"/v1/requests/{ref}/decide", {"go": False, "reason": " "}).status_code == 400
    assert row(whole, ref)["status"] == "deciding"
    refused = whole.post(f"/v1/requests/{ref}/decide", {"go": False, "reason": "Not a request."})
    assert refused.json()["status"] == "refused"
    line = requests.happened(house, requests.get(house, ref))[-1]
    assert (line.actor, line.detail["reason"]) == ("api:desk", "Not a request.")
    assert [one["ref"] for one in whole.get("/v1/requests").json()["requests"]] == []
    everything = whole.get("/v1/requests?ended=true").json()["requests"]
    assert [one["ref"] for one in everything] == [ref]
    assert whole.get("/v1/requests?status=refused").json()["requests"] == everything
    assert whole.get("/v1/requests?status=lost").status_code == 400


def test_a_request_is_taken_back_until_it_runs(whole: Client) -> None:
    ref = opens(whole, checked=True).json()["ref"]
    assert whole.post(f"/v1/requests/{ref}/cancel", None).json()["status"] == "cancelled"
    assert whole.post(f"/v1/requests/{ref}/cancel", None).status_code == 409
    assert whole.get(f"/v1/requests/{ref}/plan").status_code == 409
    assert whole.post(f"/v1/requests/{ref}/run", None).status_code == 409


@pytest.mark.parametrize(
    "said",
    [
        {"person": "p1"},
        {"email": ""},
        {"email": "not an address"},
        {"person": "p999", "email": ""},
        {"kind": "everything"},
        {"kind": "rectification"},
        {"corrections": {"user.name": "Ann"}},
        {"identities": {"customer_number": " "}},
        {"identities": {f"n{one}": "x" for one in range(60)}},
        {"language": "tlh"},
        {"received": "2031-01-01T00:00:00Z"},
        {"surprise": 1},
    ],
)
def test_what_is_no_request_is_refused_and_nothing_is_written(
    whole: Client, house: House, said: dict[str, Any]
) -> None:
    answer = opens(whole, **said)
    assert answer.status_code in (400, 404), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert ANN not in answer.text
    assert requests.every(house) == []


def test_a_key_without_the_scope_and_nobody_at_all_are_refused(whole: Client, house: House) -> None:
    reader = whole.with_key(api_keys.make(house, "reader", ["*"], ["read"]).key)
    assert opens(reader).status_code == 403
    assert opens(whole.with_key("")).status_code == 401


@pytest.mark.parametrize("typed", ["United Kingdom", "GB", "de"])
def test_a_correction_is_read_as_a_form_reads_it_and_goes_its_way(
    whole: Client, house: House, clock: TestClock, typed: str
) -> None:
    clock.now += 60  # after what they signed up with
    ref = opens(whole, kind="rectification", checked=True, corrections={"user": typed}).json()["ref"]
    while rights_run.sweep(house):
        pass
    assert row(whole, ref)["status"] == "answered"


def test_a_word_that_is_none_of_a_fixed_few_is_refused_with_those_few_and_not_repeated(whole: Client) -> None:
    refused = opens(whole, kind="erase")
    assert refused.status_code == 400
    assert refused.json()["expected"] == f"kind: {', '.join(sorted(one.value for one in Kind))}"
    assert "'erase'" not in refused.text
