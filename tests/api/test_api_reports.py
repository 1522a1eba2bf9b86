"""What providers report back, and what hooks of others hear: nothing is lost, and nobody learns who is known."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from api_samples import Client, TestClock, codes

from amana import errors
from amana.core import reply_words
from amana.core.reply_words import ReplyWord
from amana.services.record import api_keys, hooks, links
from amana.services.record.house import House
from amana.worker import loop

_serial = count(1)
NUMBER = phonenumbers.format_number(
    phonenumbers.example_number_for_type("DE", phonenumbers.PhoneNumberType.MOBILE),
    phonenumbers.PhoneNumberFormat.E164,
)


@pytest.fixture
def reporter(house: House) -> str:
    """A key that may report for Orchard and nothing else."""
    return api_keys.make(house, "provider", ["orchard"], ["webhook"]).key


def reports(client: Client, key: str, provider: str, body: Any) -> Any:
    """Send a report as JSON."""
    return client.with_key("").post(f"/v1/webhooks/{provider}/{key}", body)


def texts(client: Client, key: str, **form: str) -> Any:
    """Send a text message as Twilio hands it on."""
    whole = {"MessageSid": f"SM{next(_serial)}", "From": NUMBER, **form}
    return client.http.post(f"/v1/webhooks/twilio/{key}", data=whole)


def ses(kind: str, email: str, token: str = "") -> dict[str, Any]:
    """A notification of SES inside one of SNS."""
    part = {"Bounce": "bounce", "Complaint": "complaint"}[kind]
    whom = {"Bounce": "bouncedRecipients", "Complaint": "complainedRecipients"}[kind]
    said: dict[str, Any] = {
        "notificationType": kind,
        part: {"bounceType": "Permanent", whom: [{"emailAddress": email}]},
        "mail": {"headers": [{"name": "List-Unsubscribe", "value": f"<https://x.example/u/{token}>"}]},
    }
    return {"Type": "Notification", "Message": json.dumps(said)}


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("ses", ses("Bounce", "ann@example.com")),
        ("sendgrid", [{"event": "bounce", "type": "bounce", "email": "ann@example.com"}]),
        ("postmark", {"RecordType": "Bounce", "Type": "HardBounce", "Email": "ann@example.com"}),
    ],
)
def test_a_hard_bounce_blocks_the_address(client: Client, reporter: str, provider: str, body: Any) -> None:
    client.signs_up("ann@example.com")
    assert reports(client, reporter, provider, body).status_code == 200
    assert (
        codes(client.asks(("person", "p1"))) == ["point_blocked"]
        or "block" in codes(client.asks(("person", "p1")))[0]
    )


SOFT: dict[str, tuple[Any, Any]] = {
    "ses": (
        {
            "notificationType": "Bounce",
            "bounce": {"bounceType": "Transient", "bouncedRecipients": [{"emailAddress": "ann@example.com"}]},
        },
        {"notificationType": "Delivery", "mail": {"destination": ["ann@example.com"]}},
    ),
    "sendgrid": (
        [{"event": "bounce", "type": "blocked", "email": "ann@example.com"}],
        [{"event": "delivered", "email": "ann@example.com"}],
    ),
    "postmark": (
        {"RecordType": "Bounce", "Type": "SoftBounce", "Email": "ann@example.com"},
        {"RecordType": "Delivery", "Recipient": "ann@example.com"},
    ),
}


@pytest.mark.parametrize("provider", SOFT)
@pytest.mark.parametrize("delivered", [False, True])
def test_five_soft_bounces_in_more_than_a_week_block_unless_one_message_arrived(
    delivered: bool, provider: str, client: Client, reporter: str, clock: TestClock
) -> None:
    client.signs_up("ann@example.com")
    soft, arrived = SOFT[provider]
    for number in range(5):
        assert reports(client, reporter, provider, soft).status_code == 200
        blocked = "contact_point_blocked" in codes(client.asks(("person", "p1")))
        assert blocked is (number == 4 and not delivered)
        clock.now += 2 * 86_400
        if delivered and number == 2:
            assert reports(client, reporter, provider, arrived).status_code == 200


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("ses", ses("Complaint", "ann@example.com")),
        ("sendgrid", [{"event": "spamreport", "email": "ann@example.com"}]),
        ("sendgrid", [{"event": "unsubscribe", "email": "ann@example.com"}]),
        ("postmark", {"RecordType": "SpamComplaint", "Email": "ann@example.com"}),
        (
            "segment",
            {
                "event": "Segment Consent Preference Updated",
                "context": {
                    "traits": {"email": "ann@example.com"},
                    "consent": {"categoryPreferences": {"offers": False, "news": True}},
                },
            },
        ),
    ],
)
def test_a_complaint_and_an_opt_out_withdraw(client: Client, reporter: str, provider: str, body: Any) -> None:
    client.signs_up("ann@example.com")
    assert reports(client, reporter, provider, body).status_code == 200
    assert codes(client.asks(("person", "p1")))[0] == "withdrawn"


def test_the_person_is_found_by_our_own_token_before_the_address(
    client: Client, house: House, reporter: str
) -> None:
    client.signs_up("ann@example.com")
    client.signs_up("bo@example.com")
    token = house.writing().write(
        lambda session: (
            links.for_message(house, session, 1, session.terms.cell("orchard", "offers", "email")).token
        )
    )
    reports(client, reporter, "ses", ses("Complaint", "bo@example.com", token))
    assert client.asks(("person", "p1"))["decision"] is False
    assert client.asks(("person", "p2"))["decision"] is True


def test_a_report_makes_nobody_known_by_a_bounce_and_answers_alike(client: Client, reporter: str) -> None:
    client.signs_up("ann@example.com")
    known, unknown = (
        reports(client, reporter, "sendgrid", [{"event": "bounce", "email": email}])
        for email in ("ann@example.com", "nobody@example.com")
    )
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert client.get("/v1/people/p2").status_code == 404


def test_a_wrong_key_is_an_address_that_does_not_exist(client: Client, reporter: str) -> None:
    for place in (f"ses/{client.key}", "ses/amana_wrong", f"nobody/{reporter}"):
        provider, _, key = place.partition("/")
        assert reports(client, key, provider, {}).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[1, 2]", b"\xff\xfe"])
@pytest.mark.parametrize("provider", ["ses", "sendgrid", "postmark", "whatsapp", "segment", "twilio"])
def test_a_broken_report_is_refused_or_says_nothing(
    client: Client, reporter: str, provider: str, body: bytes
) -> None:
    answer = client.http.post(f"/v1/webhooks/{provider}/{reporter}", content=body)
    assert answer.status_code in (200, 400)


def test_stop_leaves_every_purpose_and_start_brings_no_consent_back(client: Client, reporter: str) -> None:
    form = {
        "capture_point": "app",
        "brand": "orchard",
        "choices": [{"purpose": "offers", "channel": "sms"}],
        "phone": NUMBER,
        "fields": {"residence": "DE"},
    }
    assert client.post("/v1/captures", form).status_code == 200
    asked = {"action": {"name": "contact.sms", "properties": {"purpose": "offers"}}}
    assert "withdrawn" not in codes(client.asks(("person", "p1"), **asked))
    assert "<Response></Response>" in texts(client, reporter, Body="anything", OptOutType="STOP").text
    assert codes(client.asks(("person", "p1"), **asked))[0] == "withdrawn"
    texts(client, reporter, Body="START", OptOutType="START")
    assert codes(client.asks(("person", "p1"), **asked))[0] == "withdrawn"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (" Stop. ", ReplyWord.STOP),
        ("הסר", ReplyWord.STOP),
        ("إلغاء", ReplyWord.STOP),
        ("ยกเลิก", ReplyWord.STOP),
        ("СТОП", ReplyWord.STOP),
        ("start", ReplyWord.START),
        ("помощь", ReplyWord.HELP),
        ("please do not stop", None),
        ("", None),
    ],
)
def test_only_a_whole_message_of_one_word_is_a_command(text: str, word: ReplyWord | None) -> None:
    assert reply_words.read(text) is word


def test_whatsapp_is_challenged_and_its_stop_is_kept(client: Client, reporter: str) -> None:
    place = f"/v1/webhooks/whatsapp/{reporter}"
    assert client.http.get(place, params={"hub.challenge": "1158201444"}).text == "1158201444"
    assert client.http.get(place, params={"hub.challenge": "<script>"}).status_code == 404
    one = {"wa_id": NUMBER[1:], "category": "marketing_messages", "value": "stop", "timestamp": "1779999000"}
    body = {"entry": [{"changes": [{"field": "user_preferences", "value": {"user_preferences": [one]}}]}]}
    assert reports(client, reporter, "whatsapp", body).status_code == 200
    assert client.get("/v1/people/p1").status_code == 200


# ---- hooks: what others hear --------------------------------------------------------------------------------------


class Listener:
    """A real listener on this machine, that refuses as often as it is told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.refuse = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if outer.refuse:
                    outer.refuse -= 1
                    self.send_response(500)
                else:
                    outer.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/events"

    def messages(self) -> list[dict[str, Any]]:
        """What was heard."""
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener that runs."""
    found = Listener()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def worked(house: House, rounds: int = 10) -> None:
    """Let the worker do what is due."""
    for _ in range(rounds):
        loop.one_round(house, {})


def test_a_hook_hears_of_events_once_in_order_and_signed(
    client: Client, house: House, listener: Listener
) -> None:
    client.signs_up("before@example.com")
    made = hooks.make(house, listener.url)
    client.signs_up("ann@example.com")
    worked(house)
    assert hooks.sweep(house) == 0
    messages = listener.messages()
    assert [one["type"] for one in messages] == [
        "amana.point.added",
        "amana.profile",
        "amana.permission.given",
    ]
    assert {one["subject"] for one in messages} == {"p2"}
    assert b"ann@" not in b"".join(body for _, body in listener.heard)
    for head, body in listener.heard:
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        secret = base64.b64decode(made.secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.digest(secret, signed, sha256)).decode()
        assert head["webhook-signature"] == f"v1,{expected}"


def test_a_hook_that_is_down_hears_everything_later_in_order(
    client: Client, house: House, listener: Listener, clock: TestClock
) -> None:
    hooks.make(house, listener.url, ["amana.permission.given", "amana.permission.withdrawn"])
    listener.refuse = 1
    client.signs_up("ann@example.com")
    said = {
        "brand": "orchard",
        "person": "p1",
        "status": "withdrawn",
        "purpose": "offers",
        "channel": "email",
    }
    client.post("/v1/events", {"events": [said]})
    worked(house)
    assert listener.messages() == []  # the later one waits for the earlier
    clock.now += 60
    worked(house)
    assert [one["type"] for one in listener.messages()] == [
        "amana.permission.given",
        "amana.permission.withdrawn",
    ]


def test_an_empty_body_is_answered_with_a_sentence(client: Client) -> None:
    answer = client.http.post(
        "/v1/permits", headers={"Authorization": f"Bearer {client.key}", "Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The request does not have the expected form"


def test_a_hook_for_a_type_that_does_not_exist_is_not_made(house: House) -> None:
    with pytest.raises(errors.BadInput) as refused:
        hooks.make(house, "https://hooks.example/x", ["amana.permission.given", "permission.withdrawn"])
    assert refused.value.got == "permission.withdrawn"
    assert hooks.every(house) == []


def test_what_a_hook_hears_is_of_a_type_that_the_page_names(
    client: Client, house: House, listener: Listener
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    assert {one for one in hooks.TYPES if f"`{one}`" not in page} == set()
    hooks.make(house, listener.url)
    client.signs_up("ann@example.com")
    worked(house)
    heard = {one["type"] for one in listener.messages()}
    assert heard
    assert heard <= set(hooks.TYPES)


def test_a_stopped_hook_hears_nothing_more(client: Client, house: House, listener: Listener) -> None:
    made = hooks.make(house, listener.url)
    hooks.stop(house, made.id)
    client.signs_up("ann@example.com")
    worked(house)
    assert listener.heard == []


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example/x", "ftp://hooks.example", "https://u:p@hooks.example", "nonsense", "https://"],
)
def test_a_hook_is_told_over_https_only(house: House, url: str) -> None:
    with pytest.raises(errors.BadInput):
        hooks.make(house, url)
