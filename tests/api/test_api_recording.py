"""Recording over HTTP: captures, relayed statements, leaving, permits, screens, receipts, the public log."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from api_samples import Client, codes, question

from amana.core import state
from amana.ledger import tiles, verify
from amana.services.record import api_keys, links, publication, tasks
from amana.services.record.house import House
from amana.storage import people, register

WHEN = "2026-05-01T12:00:00Z"


def said(**more: Any) -> dict[str, Any]:
    """One statement of Orchard's about Ann's e-mail, unless told otherwise."""
    return {"brand": "orchard", "email": "ann@example.com", "purpose": "offers", "channel": "email"} | more


def message_token(house: House, person: int) -> str:
    """The token of a message about offers by e-mail."""
    return house.writing().write(
        lambda session: (
            links.for_message(house, session, person, session.terms.cell("orchard", "offers", "email")).token
        )
    )


def test_a_capture_is_answered_alike_for_a_known_and_an_unknown_address(client: Client) -> None:
    client.signs_up("ann@example.com")
    form = {"capture_point": "web", "brand": "orchard", "choices": [{"purpose": "news", "channel": "email"}]}
    known, unknown = (
        client.post("/v1/captures", form | {"email": email})
        for email in ("ann@example.com", "bo@example.com")
    )
    assert known.status_code == unknown.status_code == 200
    assert known.json() == unknown.json() == {"pending": True, "events": []}


def test_a_capture_counts_once_its_token_is_spent(client: Client, house: House) -> None:
    form = {
        "capture_point": "web",
        "brand": "orchard",
        "choices": [{"purpose": "offers", "channel": "email"}],
    }
    client.post("/v1/captures", form | {"email": "ann@example.com", "fields": {"residence": "DE"}})
    mailed: dict[str, Any] = {}
    tasks.work(house, {"mail": lambda _house, _row, payload: mailed.update(payload)})
    assert client.asks(("person", "p1"))["decision"] is False
    confirmed = client.post("/v1/captures/confirm", {"token": mailed["token"]})
    assert confirmed.status_code == 200
    assert (
        codes(client.asks(("person", "p1"))) == ["consent_unproven"]
        or client.asks(("person", "p1"))["decision"]
    )
    again = client.post("/v1/captures/confirm", {"token": mailed["token"]})
    assert again.status_code == 404


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"country": "AT"}, "AT"),
        ({"country": "AT", "fields": {"residence": "DE"}}, "DE"),
        ({"country": "AT", "fields": {"residence": ""}}, "AT"),
        ({}, ""),
    ],
)
def test_the_country_of_a_capture_is_the_residence_unless_a_field_says_another(
    client: Client, house: House, said: dict[str, Any], kept: str
) -> None:
    choices = [{"purpose": "offers", "channel": "email"}]
    form = {"capture_point": "app", "brand": "orchard", "choices": choices, "email": "ann@example.com"}
    assert client.post("/v1/captures", form | said).status_code == 200
    with house.database.read() as connection:
        assert state.attribute(people.get(connection, [1])[1].state, "residence") == kept


def test_a_country_is_not_kept_where_the_workspace_keeps_no_residence(client: Client, house: House) -> None:
    fields = {name: one for name, one in house.workspace.fields.items() if one.means != "residence"}
    house.workspace = msgspec.structs.replace(house.workspace, fields=fields)
    choices = [{"purpose": "offers", "channel": "email"}]
    form = {"capture_point": "app", "brand": "orchard", "choices": choices, "email": "ann@example.com"}
    assert client.post("/v1/captures", form | {"country": "AT"}).status_code == 200
    with house.database.read() as connection:
        assert state.attribute(people.get(connection, [1])[1].state, "residence") == ""


def test_only_a_key_of_its_own_may_use_a_capture_point_that_proves_addresses(
    client: Client, house: House
) -> None:
    other = client.with_key(api_keys.make(house, "forms", ["orchard"], ["capture"]).key)
    form = {
        "brand": "orchard",
        "choices": [{"purpose": "offers", "channel": "email"}],
        "email": "ann@example.com",
    }
    assert other.post("/v1/captures", form | {"capture_point": "app"}).status_code == 403
    assert other.post("/v1/captures", form | {"capture_point": "web"}).status_code == 200


def test_a_relayed_grant_never_lifts_a_refusal(client: Client) -> None:
    client.signs_up("ann@example.com")
    client.post("/v1/events", {"events": [said(status="withdrawn")]})
    proof = ["demonstrable", "channel_named", "sender_named", "purpose_named", "unbundled", "unticked"]
    relayed = said(status="given", occurred=WHEN, proof=proof, evidence="form 7", purpose="offers")
    assert client.post("/v1/events", {"events": [relayed]}).status_code == 200
    assert codes(client.asks(("person", "p1")))[0] == "withdrawn"


def test_a_relayed_grant_without_evidence_is_unknown(client: Client) -> None:
    grant = said(status="given", occurred=WHEN, proof=["demonstrable"])
    client.post("/v1/events", {"events": [grant]})
    assert "consent_unknown" in codes(client.asks(("email", "ann@example.com")))


def test_a_refusal_by_id_and_a_pause_are_the_persons_own(client: Client) -> None:
    client.signs_up("ann@example.com")
    paused = {"brand": "orchard", "person": "p1", "preferences": {"paused_until": "2026-12-01T00:00:00Z"}}
    assert client.post("/v1/events", {"events": [paused]}).status_code == 200
    assert "paused" in codes(client.asks(("person", "p1")))
    refused = {
        "brand": "orchard",
        "person": "p1",
        "status": "objected",
        "purpose": "offers",
        "channel": "email",
    }
    assert client.post("/v1/events", {"events": [refused]}).status_code == 200
    assert codes(client.asks(("person", "p1")))[0] == "objected"


@pytest.mark.parametrize("status", ["withdrawn", "objected"])
@pytest.mark.parametrize(
    ("said_of", "offers", "news"),
    [
        ({"purpose": "offers", "channel": "email"}, True, False),
        ({"purpose": "offers"}, True, False),
        ({"channel": "email"}, True, True),
        ({"channel": "sms"}, False, False),
        ({}, True, True),
    ],
)
def test_a_refusal_by_id_that_says_less_refuses_more(
    said_of: dict[str, str], offers: bool, news: bool, status: str, client: Client
) -> None:
    client.signs_up("ann@example.com")
    client.signs_up("ann@example.com", purpose="news")
    refused = {"brand": "orchard", "person": "p1", "status": status} | said_of
    answer = client.post("/v1/events", {"events": [refused]})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["recorded"][0]["events"]) == 1
    for purpose, no in (("offers", offers), ("news", news)):
        asked = client.post("/access/v1/evaluation", question(("person", "p1"), purpose)).json()
        assert (status in codes(asked)) is no


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (said(status="withdrawn", purpose="gifts"), 404),
        (said(status="withdrawn", channel="telepathy"), 404),
        (said(status="withdrawn", email="no address"), 400),
        (said(status="withdrawn", person="p1"), 400),
        (said(), 400),
        (said(status="given", purpose="*"), 400),
        (said(status="given", proof=["magic"]), 400),
        ({"brand": "orchard", "person": "p9", "status": "withdrawn"}, 404),
        (
            {"brand": "orchard", "person": "p1", "status": "given", "purpose": "offers", "channel": "email"},
            400,
        ),
    ],
)
def test_one_wrong_statement_leaves_the_whole_request_unrecorded(
    client: Client, house: House, wrong: dict[str, Any], status: int
) -> None:
    client.signs_up("ann@example.com")
    answer = client.post("/v1/events", {"events": [said(status="withdrawn"), wrong]})
    assert answer.status_code == status
    assert client.asks(("person", "p1"))["decision"] is True


def test_the_token_of_a_message_leaves_without_a_key(client: Client, house: House) -> None:
    client.signs_up("ann@example.com")
    token = message_token(house, 1)
    stranger = client.with_key("")
    assert stranger.post("/v1/withdrawals", {"token": "A" * 24}).status_code == 404
    left = stranger.post("/v1/withdrawals", {"token": token})
    assert left.status_code == 200
    assert len(left.json()["events"]) == 1
    assert codes(client.asks(("person", "p1")))[0] == "withdrawn"


def test_a_repeated_request_is_answered_and_not_done_again(client: Client, house: House) -> None:
    client.signs_up("ann@example.com")
    body = question(("person", "p1")) | {"requests": [{"person": "p1", "content": "00" * 32}]}
    del body["resource"]
    first, second = (client.post("/v1/permits", body, idempotency_key="send-1") for _ in range(2))
    assert first.json() == second.json()
    assert first.json()["permits"][0]["permit"]
    other = body | {"requests": [{"person": "p1", "content": "11" * 32}]}
    assert client.post("/v1/permits", other, idempotency_key="send-1").status_code == 409
    assert client.post("/v1/permits", other, idempotency_key="send-2").status_code == 200


def test_a_refused_request_may_be_mended_under_its_key(client: Client) -> None:
    form = {"capture_point": "web", "brand": "orchard", "choices": [{"purpose": "offers", "channel": "sms"}]}
    wrong = client.post("/v1/captures", form | {"email": "ann@example.com"}, idempotency_key="a")
    assert wrong.status_code == 400
    mended = form | {"email": "ann@example.com", "choices": [{"purpose": "offers", "channel": "email"}]}
    assert client.post("/v1/captures", mended, idempotency_key="a").status_code == 200


def test_a_person_is_told_in_words_and_without_contact_values(client: Client) -> None:
    client.signs_up("ann@example.com")
    answer = client.get("/v1/people/p1")
    assert "ann@" not in answer.text
    states = {
        (one["purpose"], one["channel"]): one["state"] for one in answer.json()["brands"][0]["switches"]
    }
    assert states == {("offers", "email"): "on", ("offers", "sms"): "off", ("news", "email"): "off"}
    assert [one["brand"] for one in answer.json()["brands"]] == ["orchard"]
    assert client.get("/v1/people/p2").status_code == 404


def test_opening_a_contact_value_is_recorded_and_needs_a_purpose(client: Client, house: House) -> None:
    client.signs_up("ann@example.com")
    assert client.post("/v1/people/p1/reveal", {"fields": ["points"]}).status_code == 400
    opened = client.post("/v1/people/p1/reveal", {"fields": ["points"]}, x_amana_purpose="a complaint")
    assert opened.json()["points"] == [{"kind": "email", "value": "ann@example.com"}]
    with house.database.read() as connection:
        assert [look[1:4] for look in register.looks(connection)] == [("api:everything", "a complaint", 1)]


def test_a_receipt_verifies_with_the_logs_key_alone(client: Client, house: House) -> None:
    position = client.signs_up("ann@example.com")
    answer = client.get(f"/v1/receipts/{position}")
    assert verify.verify(answer.text, publication.log_key(house).text())
    assert client.get("/v1/receipts/999").status_code == 404


def test_the_public_log_is_what_a_watcher_can_check(client: Client, house: House) -> None:
    client.signs_up("ann@example.com")
    stranger = client.with_key("")
    signed = stranger.get("/log/checkpoint")
    assert signed.status_code == 200
    assert stranger.get("/log/" + tiles.path(0, 0, 4)).content == stranger.get("/log/tile/0/000.p/4").content
    bundle = stranger.get("/log/" + tiles.path(tiles.ENTRIES, 0, 4))
    assert len(tiles.bundle_entries(bundle.content)) == 4
    assert stranger.get("/log/tile/0/000").status_code == 404
    assert stranger.get("/log/tile/../keys").status_code == 404


def test_a_screen_is_a_job_that_only_its_owner_sees(client: Client, house: House) -> None:
    client.signs_up("ann@example.com")
    client.post("/v1/events", {"events": [said(status="withdrawn", email="bo@example.com")]})
    wanted = {key: value for key, value in question(("", "")).items() if key != "resource"}
    job = client.post("/v1/screens", wanted)
    assert job.status_code == 202
    place = f"/v1/screens/{job.json()['id']}"
    for _ in range(1_200):  # in a process of low priority: a minute on a busy machine
        told = client.get(place).json()
        if told["state"] == "done":
            break
        time.sleep(0.05)
    assert (told["result"]["people"], told["result"]["allowed"]) == (2, 1)
    assert client.get(told["file"]).text.splitlines()[:2] == ["person,allow,reasons", "p1,yes,"]
    other = client.with_key(api_keys.make(house, "other", ["orchard"], ["screen"]).key)
    assert other.get(place).status_code == 404


def test_published_notices_and_words_are_told(client: Client) -> None:
    assert [one["version"] for one in client.get("/v1/notices").json()] == ["1"]
    words = client.get("/v1/words").json()
    assert words["brands"] == ["orchard"]
    assert {one["name"]: one["confirmed"] for one in words["capture_points"]} == {"web": False, "app": True}
