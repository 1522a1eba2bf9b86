"""What every request passes: keys, scopes, limits, sizes, forms, headers; and problems for everything that fails."""

from __future__ import annotations

import asyncio
import time
from importlib import resources
from typing import Any

import pytest
from api_samples import NOW, Client, TestClock, codes, question
from litestar.exceptions import HTTPException

from amana import errors, wiring
from amana.api import desk, front, limits, problems, serving
from amana.api.limits import Buckets, Limit
from amana.core.statements import PersonRow
from amana.core.vocabulary import Channel
from amana.services.gate import registries
from amana.services.gate.asking import Inquiry
from amana.services.law_book import law_updates
from amana.services.record import api_keys, publish
from amana.services.record.house import House
from amana.settings import Settings

DAY = 86_400


def kinds(top: type[errors.AmanaError]) -> list[type[errors.AmanaError]]:
    """All classes of errors below one."""
    return [one for child in top.__subclasses__() for one in (child, *kinds(child))]


def test_every_error_of_the_product_has_its_status() -> None:
    assert set(problems.STATUS) == {
        one for one in kinds(errors.AmanaError) if one.__module__ == "amana.errors"
    }


@pytest.mark.parametrize("path", ["/v1/words", "/v1/people/p1", "/v1/receipts/0"])
def test_without_a_good_key_nothing_is_told(client: Client, path: str) -> None:
    for key in ("", "amana_wrong", client.key[:-1]):
        answer = client.with_key(key).get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "no_key"


def test_a_key_may_only_do_what_it_names(client: Client, house: House) -> None:
    reader = client.with_key(api_keys.make(house, "reader", ["orchard"], ["read"]).key)
    assert reader.get("/v1/words").status_code == 200
    for path in (
        "/access/v1/evaluation",
        "/v1/events",
        "/v1/captures",
        "/v1/permits",
        "/v1/people/p1/reveal",
    ):
        assert reader.post(path, {}).status_code in (400, 403)
    assert reader.post("/access/v1/evaluation", question(("person", "p1"))).status_code == 403


def test_a_key_speaks_for_its_own_brands_alone(client: Client) -> None:
    harbour = {"type": "brand", "id": "harbour"}
    assert (
        client.post("/access/v1/evaluation", question(("person", "p1")) | {"subject": harbour}).status_code
        == 403
    )
    said = {"brand": "harbour", "email": "ann@example.com", "status": "withdrawn"}
    assert client.post("/v1/events", {"events": [said]}).status_code == 403


def test_a_key_ends_when_its_days_are_over(
    client: Client, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/v1/words").status_code == 200
    clock.now += api_keys.DAYS * DAY
    monkeypatch.setattr("amana.api.desk.FRESH", 0.0)
    assert client.get("/v1/words").status_code == 401


def test_a_revoked_and_a_rotated_key_are_good_no_more_within_a_second(client: Client, house: House) -> None:
    one = api_keys.make(house, "one", ["orchard"], ["read"])
    two = api_keys.make(house, "two", ["orchard"], ["read"])
    assert client.with_key(one.key).get("/v1/words").status_code == 200
    assert client.with_key(two.key).get("/v1/words").status_code == 200
    api_keys.revoke(house, "one")
    new = api_keys.rotate(house, "two")
    time.sleep(1.1)
    assert client.with_key(one.key).get("/v1/words").status_code == 401
    assert client.with_key(two.key).get("/v1/words").status_code == 401
    assert client.with_key(new.key).get("/v1/words").status_code == 200


def test_the_key_itself_is_stored_nowhere(client: Client, house: House) -> None:
    house.database.scrub()
    for file in house.folder.rglob("*"):
        if file.is_file():
            assert client.key.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("brands", "actions", "days"),
    [
        ([], ["read"], 1),
        (["orchard"], [], 1),
        (["orchard"], ["everything"], 1),
        (["orchard"], ["read"], 9_999),
    ],
)
def test_a_key_is_not_made_too_wide(house: House, brands: list[str], actions: list[str], days: int) -> None:
    with pytest.raises(errors.BadInput):
        api_keys.make(house, "wide", brands, actions, days=days)


def test_security_headers_stand_on_every_answer(client: Client) -> None:
    for path in ("/v1/words", "/log/checkpoint", "/nothing", "/schema/openapi.json"):
        headers = client.with_key("").get(path).headers
        for name, value in front.HEADERS:
            if name != b"cache-control":
                assert headers[name.decode()] == value.decode()
        assert "strict-transport-security" not in headers


def test_a_request_id_is_echoed_if_it_is_printable(client: Client) -> None:
    assert client.get("/v1/words", x_request_id="abc-1").headers["x-request-id"] == "abc-1"
    made = client.get("/v1/words", x_request_id="x" * 200).headers["x-request-id"]
    assert made
    assert len(made) < 60


def test_a_body_that_is_too_large_is_not_read_on(client: Client) -> None:
    whole = client.post("/v1/events", {"events": ["x" * front.LARGEST_BODY]})
    headers = {"authorization": f"Bearer {client.key}", "content-type": "application/json"}
    parts = (b" " * 100_000 for _ in range(20))
    streamed = client.http.post("/v1/events", content=parts, headers=headers)
    assert whole.status_code == streamed.status_code == 413
    assert whole.json()["code"] == "too_large"


def test_a_body_of_another_form_is_refused(client: Client) -> None:
    headers = {"authorization": f"Bearer {client.key}", "content-type": "text/plain"}
    assert client.http.post("/v1/events", content=b"{}", headers=headers).status_code == 415


def test_an_unknown_place_and_method_are_problems_too(client: Client) -> None:
    assert client.get("/v1/nothing").json()["code"] == "not_found"
    assert client.get("/v1/events").json()["code"] == "method_not_allowed"


def test_what_was_sent_is_not_repeated_in_a_problem(client: Client) -> None:
    said = {"brand": "orchard", "email": "secret@example.com", "status": "secret@example.com"}
    answer = client.post("/v1/events", {"events": [said]})
    assert answer.status_code == 400
    assert "secret" not in answer.text


def test_a_defect_tells_nothing_of_itself(
    client: Client, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("amana.services.gate.asking.log_size", broken)
    answer = client.get("/healthz")
    assert answer.status_code == 500
    assert "inside" not in answer.text


def test_guessing_keys_is_soon_answered_with_too_many(client: Client) -> None:
    statuses = [client.with_key(f"amana_{number}").get("/v1/words").status_code for number in range(40)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    refused = client.with_key("amana_x").get("/v1/words")
    assert int(refused.headers["retry-after"]) >= 1
    assert client.get("/v1/words").status_code == 200  # a good key from the same address goes on


def test_leaving_goes_on_when_everything_else_is_limited(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.signs_up("ann@example.com")
    for name in ("WRITING", "PUBLIC"):
        monkeypatch.setattr(limits, name, Limit(rate=0.001, burst=1))
    said = {"brand": "orchard", "email": "ann@example.com", "purpose": "offers", "channel": "email"}
    withdrawn, unknown = ({"events": [said | {"status": status}]} for status in ("withdrawn", "unknown"))
    assert [client.post("/v1/events", unknown).status_code for _ in range(2)] == [200, 429]
    assert [client.post("/v1/events", withdrawn).status_code for _ in range(20)] == [200] * 20
    assert codes(client.asks(("person", "p1")))[0] == "withdrawn"


def test_a_bucket_empties_and_fills_again() -> None:
    now = [0.0]
    buckets, limit = Buckets(lambda: now[0]), Limit(rate=2, burst=3)
    assert [buckets.take("a", limit) for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take("b", limit) == 0
    now[0] = 0.5
    assert [buckets.take("a", limit) for _ in range(2)] == [0, 1]


def test_only_a_trusted_proxy_is_believed_about_whom_it_serves() -> None:
    assert limits.owner_of("192.0.2.1", ["198.51.100.7"], 0) == "192.0.2.1"
    assert limits.owner_of("192.0.2.1", ["203.0.113.9, 198.51.100.7"], 1) == "198.51.100.7"
    assert limits.owner_of("2001:db8::1", [], 0) == limits.owner_of("2001:db8::ffff", [], 0)
    assert limits.owner_of("not an address", [], 0) == "unknown"


def test_plain_http_is_served_on_this_machine_only() -> None:
    with pytest.raises(errors.BadInput):
        serving.check(serving.Place(host="192.0.2.1"))
    serving.check(serving.Place(host="192.0.2.1", trusted_hops=1))
    serving.check(serving.Place())


def test_what_another_process_publishes_is_known_within_a_second(client: Client, settings: Settings) -> None:
    gifts = question(("person", "p1"), purpose="gifts")
    assert codes(client.post("/access/v1/evaluation", gifts).json()) == ["unknown_purpose"]
    file = settings.workspace / wiring.DEFINITION
    file.write_text(
        file.read_text("utf-8")
        + '\n[purposes.gifts]\nnotice = "offers"\nchannels = ["email"]\ncategory = "m"\n',
        "utf-8",
    )
    with wiring.opened(settings, writing=True) as other:
        publish.publish(other)
    time.sleep(1.1)
    assert codes(client.post("/access/v1/evaluation", gifts).json())[0] == "unknown_person"


def test_a_law_book_that_another_process_takes_is_used_within_a_second(
    client: Client, settings: Settings
) -> None:
    before = client.asks(("person", "p1"))["context"]["rules_version"]
    folder = resources.files("amana.data").joinpath("law")
    packs = {one.name: one.read_text("utf-8") for one in folder.iterdir() if one.name.endswith(".toml")}
    packs["book.toml"] = packs["book.toml"].replace('version = "', 'version = "9', 1)
    signer = law_updates.signer("counsel.example/law", "07" * 32)
    with wiring.opened(settings, writing=True) as other:
        offered = law_updates.verify(law_updates.packed(packs, signer), signer.verifier)
        law_updates.take(other, offered)
    time.sleep(1.1)
    assert client.asks(("person", "p1"))["context"]["rules_version"] == offered.book.version != before


def test_a_registry_that_another_process_loads_is_known_within_a_second(
    house: House, settings: Settings
) -> None:
    by_text, shared = Inquiry(brand="orchard", purpose="offers", channel=Channel.SMS), desk.Desk(house)
    assert not shared.gate().plan(by_text, NOW).question.circumstances.registries
    with wiring.opened(settings, writing=True, at=house.clock) as other:
        row = PersonRow(part="", line=1, phone="+4915123456789")
        registries.load(other, "a_list", NOW - 10, [row])
    time.sleep(1.1)
    assert "a_list" in shared.gate().plan(by_text, NOW).question.circumstances.registries
    shared.close()


def test_a_workspace_file_that_cannot_be_read_leaves_the_old_one_in_force(
    client: Client, settings: Settings
) -> None:
    before = codes(client.asks(("person", "p1")))
    (settings.workspace / wiring.DEFINITION).write_text("[organisation", "utf-8")
    time.sleep(1.1)
    assert codes(client.asks(("person", "p1"))) == before


def test_a_body_that_does_not_arrive_is_given_up_and_one_that_does_is_not() -> None:
    patience = front.Patience(0.1)

    async def arrives(seconds: float) -> str:
        with patience:
            await asyncio.sleep(seconds)
        return "arrived"

    async def both() -> list[Any]:
        return await asyncio.gather(arrives(10), arrives(0), arrives(0.01), return_exceptions=True)

    for _ in range(2):  # also in another loop
        late, *others = asyncio.run(both())
        assert isinstance(late, HTTPException)
        assert late.status_code == 408
        assert others == ["arrived", "arrived"]


def test_who_is_cancelled_from_outside_is_not_told_about_patience() -> None:
    patience = front.Patience(5)

    async def arrives() -> None:
        with patience:
            await asyncio.sleep(10)

    async def cut() -> None:
        task = asyncio.ensure_future(arrives())
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cut())


def test_a_path_with_idle_slashes_is_limited_like_the_one_it_leads_to(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEAVY", Limit(rate=0.001, burst=2))
    paths = (
        "/v1/requests/R-0000-0000/pack/",
        "/v1/requests//R-0000-0000/pack",
        "/v1//screens",
        "/v1/screens/",
    )
    assert [client.post(path, {}).status_code for path in paths][2:] == [429, 429]


def test_a_body_that_ends_early_is_not_read_as_a_whole_one(house: House) -> None:
    sent: list[front.Message] = []
    parts: list[front.Message] = [
        {"type": "http.request", "body": b"choice=offers%3Aemail", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> front.Message:
        return parts.pop(0)

    async def send(message: front.Message) -> None:
        sent.append(message)

    async def inner(*_: Any) -> None:
        pytest.fail("half a body was read")

    scope = {"type": "http", "method": "POST", "path": "/f/web", "headers": []}
    held = desk.Desk(house)
    try:
        asyncio.run(front.Front(inner, held)(scope, receive, send))
    finally:
        held.close()
    assert sent[0]["status"] == 400
