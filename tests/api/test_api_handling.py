"""Use, sharing and web signals over HTTP: the same gate, and no oracle for addresses."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from api_samples import Client, TestClock, codes, question
from handling_samples import HANDLED, INTERESTS, SHOP, message_token, session_word, web

from amana import errors
from amana.core import workspace
from amana.core.events import Permission
from amana.core.vocabulary import Proof, Status
from amana.services.collection import capture
from amana.services.record import history, tasks
from amana.services.record.house import House

PROFILE = {"name": f"use.{INTERESTS}", "properties": {"purpose": "offers", "manner": "profile"}}
SHARE = {"name": "share.adwise", "properties": {"purpose": "offers", "category": INTERESTS}}
DAY = 86_400
WORKSPACE = HANDLED  # with uses, recipients and a banner


@pytest.fixture
def ann(client: Client) -> str:
    """Somebody of Germany who signed up for offers."""
    client.signs_up("ann@example.com")
    return "p1"


def asks(client: Client, action: dict[str, Any], who: str = "p1") -> dict[str, Any]:
    return client.asks(("person", who), action=action)


# ---- AuthZEN -----------------------------------------------------------------------------------------------------


def test_use_and_sharing_are_asked_about_like_contact(client: Client, ann: str) -> None:
    used = asks(client, PROFILE)
    assert used["decision"] is True
    assert used["context"]["evidence"]["law"][0]["rule"] == "USE.EU.02"
    shared = asks(client, SHARE)
    assert shared["decision"] is False
    assert codes(shared) == ["consent_unknown"]


@pytest.mark.parametrize(
    ("name", "properties", "code"),
    [
        (f"use.{INTERESTS}", {"purpose": "offers"}, "unknown_manner"),
        (f"use.{INTERESTS}", {"purpose": "offers", "manner": "sell"}, "unknown_manner"),
        ("use.user.dreams", {"purpose": "offers", "manner": "profile"}, "unknown_category"),
        ("use.", {"purpose": "offers", "manner": "profile"}, "unknown_category"),
        (f"use.{INTERESTS}", {"purpose": "gifts", "manner": "profile"}, "unknown_purpose"),
        (f"use.{INTERESTS}", {"purpose": "offers", "manner": ["profile"]}, "unknown_purpose"),
        ("share.nobody", {"purpose": "offers"}, "unknown_recipient"),
        ("share.*", {"purpose": "offers"}, "unknown_recipient"),
        ("share.adwise", {"purpose": "offers", "category": "user.dreams"}, "unknown_category"),
        ("share.adwise", {"purpose": "news"}, "not_declared"),
    ],
)
def test_words_that_nobody_declared_are_a_no(
    client: Client, ann: str, name: str, properties: dict[str, Any], code: str
) -> None:
    answer = asks(client, {"name": name, "properties": properties})
    assert answer["decision"] is False
    assert code in codes(answer)


def test_many_evaluations_may_mix_contact_use_and_sharing(client: Client, ann: str) -> None:
    body = question(("person", ann)) | {"evaluations": [{"action": PROFILE}, {"action": SHARE}, {}]}
    answer = client.post("/access/v1/evaluations", body).json()
    assert [one["decision"] for one in answer["evaluations"]] == [True, False, True]


def test_a_search_finds_whose_data_may_be_used_and_what_may_be_done(client: Client, ann: str) -> None:
    client.signs_up("ben@example.com")
    client.post("/v1/people/p2/data", {"brand": "orchard", "object_to": [{"action": "use.profile"}]})
    subject = {"type": "brand", "id": "orchard"}
    found = client.post(
        "/access/v1/search/resource", {"subject": subject, "action": PROFILE, "resource": {"type": "person"}}
    )
    assert found.json()["results"] == [{"type": "person", "id": "p1"}]
    found = client.post(
        "/access/v1/search/action", {"subject": subject, "resource": {"type": "person", "id": ann}}
    )
    assert [one["name"] for one in found.json()["results"]] == ["contact.email", f"use.{INTERESTS}"]


def test_a_permit_is_for_contact_alone(client: Client, ann: str) -> None:
    body = question(("person", ann)) | {"action": SHARE, "requests": [{"person": ann, "content": "0" * 64}]}
    assert client.post("/v1/permits", body).status_code == 404


# ---- the person's choices, told by a server ----------------------------------------------------------------------


def test_a_no_is_recorded_at_once_with_its_receipt_and_shown(client: Client, ann: str) -> None:
    assert asks(client, PROFILE)["decision"] is True
    said = {"brand": "orchard", "refuse": [{"action": "use.*", "category": "user.behavior"}]}
    told = client.post(f"/v1/people/{ann}/data", said)
    assert told.status_code == 200
    assert client.get(f"/v1/receipts/{told.json()['events'][0]}").status_code == 200
    assert codes(asks(client, PROFILE)) == ["withdrawn"]
    shown = client.get(f"/v1/people/{ann}/data/orchard").json()
    profile = next(one for one in shown if one["action"] == "use.profile")
    assert (profile["allowed"], profile["said"]) == (False, "no")


def test_another_brands_key_and_unknown_words_are_refused(client: Client, ann: str) -> None:
    assert client.get(f"/v1/people/{ann}/data/harbour").status_code == 403
    for action in ("email", "use.sell", "share.nobody"):
        said = {"brand": "orchard", "refuse": [{"action": action}]}
        assert client.post(f"/v1/people/{ann}/data", said).status_code == 404


# ---- the banner --------------------------------------------------------------------------------------------------


def test_nothing_is_on_that_was_not_switched_on(client: Client) -> None:
    told = web(client, "choices", {"categories": {"statistics": True, "advertising": "yes", "spying": True}})
    assert told.json()["categories"] == {"statistics": True, "advertising": False, "preferences": False}
    assert told.json()["signals"]["analytics_storage"] == "granted"
    assert told.json()["signals"]["ad_storage"] == "denied"
    assert told.json()["signals"]["security_storage"] == "denied"  # nobody declared it
    assert told.headers["access-control-allow-origin"] == SHOP


def test_the_record_means_the_same_again_until_it_is_old_or_touched(client: Client, clock: TestClock) -> None:
    record = web(client, "choices", {"categories": {"statistics": True}}).json()["record"]
    again = web(client, "signals", {"record": record}).json()
    assert again["signals"]["analytics_storage"] == "granted"
    assert again["record"] == record
    touched = ("A" if record[3] != "A" else "B").join((record[:3], record[4:]))
    for bad in (touched, record[:-2], "", "x.y", "é.ü"):
        told = web(client, "signals", {"record": bad}).json()
        assert set(told["signals"].values()) == {"denied"}
        assert told["record"] == ""
    clock.now += 184 * DAY
    assert web(client, "signals", {"record": record}).json()["record"] == ""


@pytest.mark.parametrize("by_header", [True, False])
def test_a_browsers_signal_switches_off_what_sells_data_whatever_was_chosen(
    client: Client, by_header: bool
) -> None:
    said = {"categories": {"statistics": True, "advertising": True}}
    assert web(client, "choices", said).json()["signals"]["ad_storage"] == "granted"
    headers = {"Sec_GPC": "1"} if by_header else {}
    told = web(client, "choices", said | {"gpc": not by_header}, **headers).json()
    assert told["signals"]["ad_storage"] == "denied"
    assert told["signals"]["analytics_storage"] == "granted"
    later = web(client, "signals", {"record": told["record"]}).json()
    assert later["signals"]["ad_storage"] == "granted"  # the signal is off now, and the choice was yes
    assert web(client, "choices", said, Sec_GPC="0").json()["signals"]["ad_storage"] == "granted"


def test_segments_form_says_the_same_and_missing_is_off(client: Client) -> None:
    said = {"context": {"consent": {"categoryPreferences": {"statistics": True, "preferences": False}}}}
    assert web(client, "choices", said).json()["categories"] == {
        "statistics": True,
        "advertising": False,
        "preferences": False,
    }


def test_for_somebody_known_a_category_is_on_only_if_the_gate_allows_it_too(
    client: Client, house: House, ann: str
) -> None:
    token = message_token(house)
    said = {"categories": {"advertising": True}, "token": token}
    assert web(client, "choices", said).json()["signals"]["ad_user_data"] == "denied"
    yes = {"token": session_word(house), "allow": [{"action": "share.adwise", "purpose": "offers"}]}
    assert web(client, "preferences", yes).status_code == 200
    assert web(client, "choices", said).json()["signals"]["ad_user_data"] == "granted"


def test_a_browsers_signal_of_somebody_known_is_their_no_to_sharing_once(
    client: Client, house: House, ann: str
) -> None:
    said = {"record": "", "token": message_token(house)}
    web(client, "signals", said, Sec_GPC="1")
    assert codes(asks(client, SHARE)) == ["withdrawn", "consent_unknown"]
    size = asks(client, SHARE)["context"]["ledger_size"]
    web(client, "signals", said, Sec_GPC="1")
    assert asks(client, SHARE)["context"]["ledger_size"] == size
    assert client.asks(("person", ann))["decision"] is True  # it says nothing about the site's own messages


# ---- what a script may not do ------------------------------------------------------------------------------------


def test_a_site_that_is_not_declared_is_refused(client: Client) -> None:
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example"):
        assert web(client, "choices", {"categories": {}}, origin=origin).status_code == 403


@pytest.mark.parametrize("path", ["choices", "signals", "captures", "preferences", "decisions"])
@pytest.mark.parametrize("body", ["", "{", "[]", '{"token": 1}'])
def test_a_body_that_is_none_is_400(client: Client, path: str, body: str) -> None:
    answer = client.http.post(f"/web/v1/{path}", content=body, headers={"origin": SHOP})
    assert answer.status_code == 400


def test_a_decision_is_about_the_holder_of_the_token_alone(client: Client, house: House, ann: str) -> None:
    told = web(client, "decisions", {"token": message_token(house), "action": PROFILE}).json()
    assert told["decision"] is True
    shared = web(client, "decisions", {"token": message_token(house), "action": SHARE}).json()
    assert [one["code"] for one in shared["reasons"]] == ["consent_unknown"]
    assert set(shared) == {"decision", "reasons", "valid_until"}  # no evidence, no law, no event ids
    for token in ("", "p1", "ann@example.com", "x" * 24):
        answer = web(client, "decisions", {"token": token, "action": PROFILE})
        assert answer.status_code == 404
        assert answer.json()["detail"]


def test_a_capture_answers_the_same_for_known_and_unknown_addresses(client: Client, ann: str) -> None:
    form = {"capture_point": "web", "choices": [{"purpose": "offers", "channel": "email"}]}
    known = web(client, "captures", form | {"email": "ann@example.com"})
    unknown = web(client, "captures", form | {"email": "zoe@example.com"})
    assert known.status_code == unknown.status_code == 200
    assert known.json() == unknown.json() == {"pending": True}


def test_a_script_may_not_use_a_capture_point_that_proves_addresses(client: Client) -> None:
    form = {"capture_point": "app", "choices": [{"purpose": "offers", "channel": "email"}]}
    assert web(client, "captures", form | {"email": "eve@example.com"}).status_code == 404


def test_the_token_of_a_message_says_no_and_cannot_say_yes(client: Client, house: House, ann: str) -> None:
    token = message_token(house)
    no = {"token": token, "refuse": [{"action": "use.profile", "purpose": "offers"}]}
    stands = web(client, "preferences", no).json()
    assert stands["events"]
    assert not next(one for one in stands["data"] if one["action"] == "use.profile")["allowed"]
    assert codes(asks(client, PROFILE)) == ["withdrawn"]
    yes = {"token": token, "allow": [{"action": "use.profile", "purpose": "offers"}]}
    assert web(client, "preferences", yes).status_code == 404
    assert codes(asks(client, PROFILE)) == ["withdrawn"]


def test_a_yes_in_a_session_lifts_the_no(client: Client, house: House, ann: str, clock: TestClock) -> None:
    web(client, "preferences", {"token": message_token(house), "refuse": [{"action": "use.*"}]})
    assert asks(client, PROFILE)["decision"] is False
    clock.now += 60
    yes = {"action": "use.profile", "purpose": "offers", "category": INTERESTS}
    answer = web(client, "preferences", {"token": session_word(house), "allow": [yes]})
    assert answer.status_code == 200
    assert asks(client, PROFILE)["decision"] is True
    analyse = PROFILE | {"properties": {"purpose": "offers", "manner": "analyse"}}
    assert "withdrawn" in codes(asks(client, analyse))  # the No was to every use, the Yes to one


def given_on(client: Client, house: House, proof: tuple[str, ...], **said: Any) -> Permission:
    """The yes to a profile that a declared site's page took, which says so much of its switches."""
    assert house.workspace.web is not None
    declared = msgspec.structs.replace(house.workspace.web, proof=proof)
    house.workspace = msgspec.structs.replace(house.workspace, web=declared)
    yes = {"action": "use.profile", "purpose": "offers", "category": INTERESTS}
    body = {"token": session_word(house), "allow": [yes]} | said
    (position,) = web(client, "preferences", body).json()["events"]
    return next(
        one.event
        for one in history.of_person(house, 1)
        if one.position == position and isinstance(one.event, Permission)
    )


OURS = Proof.DEMONSTRABLE | Proof.CONFIRMED


@pytest.mark.parametrize(
    ("proof", "express", "shown"),
    [
        ((), False, OURS),
        ((), True, OURS),
        (("explicit",), False, OURS),
        (("explicit",), True, OURS | Proof.EXPLICIT),
        (("purpose_named", "signed_disclosure", "guardian"), False, OURS | Proof.PURPOSE_NAMED),
    ],
)
def test_a_yes_that_a_sites_own_page_took_shows_what_the_workspace_says_of_it(
    client: Client, house: House, ann: str, proof: tuple[str, ...], express: bool, shown: Proof
) -> None:
    taken = given_on(client, house, proof, express=express)
    assert taken.proof == shown
    assert taken.evidence.startswith("site_script | ")


def test_what_a_site_asks_to_turn_on_is_confirmed_with_its_own_proof_and_no_other(
    client: Client, house: House, ann: str
) -> None:
    assert house.workspace.web is not None
    declared = msgspec.structs.replace(house.workspace.web, proof=("purpose_named", "explicit"))
    house.workspace = msgspec.structs.replace(house.workspace, web=declared)
    on = [{"purpose": "offers", "channel": "email"}]
    web(client, "preferences", {"token": message_token(house), "on": on})
    mailed: list[Any] = []
    while tasks.work(house, {"mail": lambda _, __, payload: mailed.append(payload)}):
        pass
    (token,) = [one["token"] for one in mailed if one["template"] == "confirm"]
    capture.confirm(house, token, capture.Context())
    given = [one.event for one in history.of_person(house, 1) if isinstance(one.event, Permission)][-1]
    assert given.status is Status.GIVEN
    assert given.proof == OURS | Proof.PURPOSE_NAMED


def test_a_check_that_nobody_knows_is_refused_with_the_workspace() -> None:
    with pytest.raises(errors.BadWorkspace, match="no evidence check"):
        workspace.read(HANDLED.replace('proof = ["channel_named", "sender_named"', 'proof = ["a_nod"', 1))


@pytest.mark.parametrize("name", ["refuse", "object_to", "off"])
def test_a_request_holds_a_hundred_entries_and_no_more(
    client: Client, house: House, ann: str, name: str
) -> None:
    entry = {"purpose": "offers"} | ({"channel": "email"} if name == "off" else {"action": "use.profile"})
    before = len(history.of_person(house, 1))
    answer = web(client, "preferences", {"token": message_token(house), name: [entry] * 101})
    assert answer.status_code == 400
    assert name in answer.json()["detail"]
    assert len(history.of_person(house, 1)) == before
    told = web(client, "preferences", {"token": message_token(house), name: [entry] * 100})
    assert len(told.json()["events"]) == 1


def test_leaving_everything_from_a_script_leaves_contact_and_data(
    client: Client, house: House, ann: str
) -> None:
    stands = web(client, "preferences", {"token": message_token(house), "leave": True}).json()
    assert stands["left"]
    assert all(one["state"] == "off" for one in stands["contact"])
    assert not any(one["allowed"] for one in stands["data"])


def test_a_no_is_not_limited_and_wrong_tokens_are(client: Client, house: House, ann: str) -> None:
    token = message_token(house)
    wrong = [web(client, "preferences", {"token": "x" * 24, "leave": True}).status_code for _ in range(260)]
    assert wrong[0] == 404
    assert wrong[-1] == 429
    assert web(client, "preferences", {"token": token, "leave": True}).status_code == 200


@pytest.mark.parametrize(("body", "origin"), [("{", "https://shop.example"), ("{}", "https://evil.example")])
def test_what_says_nothing_is_limited_where_a_no_is_not(client: Client, body: str, origin: str) -> None:
    path = "/web/v1/preferences"
    codes = [client.http.post(path, content=body, headers={"origin": origin}).status_code for _ in range(260)]
    assert codes[-1] == 429


def test_the_script_is_small_and_any_site_may_load_it(client: Client) -> None:
    found = client.http.get("/web/v1/amana-sdk.js")
    assert found.status_code == 200
    assert found.headers["access-control-allow-origin"] == "*"
    assert found.headers["content-type"].startswith("text/javascript")
    assert len(found.content) < 8_000
