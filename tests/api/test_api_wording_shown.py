"""Over HTTP too a yes belongs to the wording that was shown, where the caller says which; a No waits for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from api_samples import Client, TestClock
from handling_samples import HANDLED, INTERESTS, message_token, session_word, web

from amana import wiring
from amana.core.events import Permission
from amana.core.vocabulary import Status
from amana.services.collection import preferences
from amana.services.record import history, publish
from amana.services.record.house import House
from amana.settings import Settings

WORKSPACE = HANDLED
OTHER_TEXT = HANDLED.replace("We send you offers.", "May we send you offers?")
WORDED = OTHER_TEXT.replace('version = "1"', 'version = "2"')
MATERIAL = HANDLED.replace('version = "1"', 'version = "2"').replace(
    'kept_for = "P3Y"\nwithdraw', 'kept_for = "P9Y"\nwithdraw'
)
NEWS = {"purpose": "news", "channel": "email"}
OFFERS = {"purpose": "offers", "channel": "email"}
USE = {"action": "use.profile", "purpose": "offers", "category": INTERESTS}
FORM = {"capture_point": "web", "brand": "orchard", "choices": [NEWS], "email": "bo@example.com"}
Publishing = Callable[[str], None]
Hand = Callable[[Client, dict[str, Any]], Any]


@pytest.fixture
def clock() -> TestClock:
    """Later than when the workspace was made, which had a real clock."""
    made = TestClock()
    made.now = 2_000_000_000
    return made


@pytest.fixture
def published(settings: Settings, clock: TestClock) -> Publishing:
    """Publishes another workspace file beside the running application."""

    def publishing(definition: str) -> None:
        clock.now += 10
        (settings.workspace / "amana.toml").write_text(definition)
        with wiring.opened(settings, writing=True, at=clock) as house:
            assert publish.publish(house)
        clock.now += 10

    return publishing


def mark(client: Client) -> str:
    """The latest wording of offers as a caller names it, from what the interface tells."""
    latest = client.get("/v1/notices").json()[-1]
    return f"{latest['id']}@{latest['version']}#{latest['hash']}"


def yeses(house: House, person: int) -> list[tuple[Status, str]]:
    """Every yes of somebody, with the version it is under."""
    told = [one.event for one in history.of_person(house, person)]
    return [(one.status, one.notice) for one in told if isinstance(one, Permission) and one.notice]


def size(house: House) -> int:
    with house.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT max(size) FROM checkpoint").scalar_one() or 0)


def by_key(client: Client, form: dict[str, Any]) -> Any:
    return client.post("/v1/captures", form)


def by_script(client: Client, form: dict[str, Any]) -> Any:
    return web(client, "captures", form)


@pytest.mark.parametrize("hand", [by_key, by_script])
def test_a_capture_is_under_the_wording_that_the_caller_says_it_showed(
    client: Client, house: House, published: Publishing, hand: Hand
) -> None:
    client.signs_up("ann@example.com")  # so that the first version was answered
    seen = mark(client)
    published(WORDED)
    assert hand(client, FORM | {"shown": [seen]}).status_code == 200
    assert yeses(house, 2) == [(Status.REQUESTED, "offers@1")]
    assert hand(client, FORM | {"email": "cy@example.com", "shown": ["offers@1"]}).status_code == 200
    assert yeses(house, 3) == [(Status.REQUESTED, "offers@1")]
    assert hand(client, FORM | {"email": "di@example.com"}).status_code == 200
    assert yeses(house, 4) == [(Status.REQUESTED, "offers@2")]  # nothing said: the latest


@pytest.mark.parametrize("hand", [by_key, by_script])
@pytest.mark.parametrize("definition", [MATERIAL, OTHER_TEXT])
def test_a_capture_under_a_wording_that_does_not_hold_is_a_conflict_and_nothing_is_recorded(
    client: Client, house: House, published: Publishing, hand: Hand, definition: str
) -> None:
    seen = mark(client)
    published(definition)
    before = size(house)
    for shown in ([seen], [f"offers@1#{'0' * 64}"], ["offers@7"], []):
        answer = hand(client, FORM | {"shown": shown})
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:amana:problem:notice_changed"
    assert size(house) == before
    assert hand(client, FORM | {"shown": [mark(client)]}).status_code == 200


def test_an_app_that_proves_the_address_gives_no_yes_under_an_earlier_material_text(
    client: Client, house: House, published: Publishing
) -> None:
    form = FORM | {"capture_point": "app"}
    seen = mark(client)
    published(MATERIAL)
    assert client.post("/v1/captures", form | {"shown": [seen]}).status_code == 409
    assert client.post("/v1/captures", form | {"shown": [mark(client)]}).status_code == 200
    assert yeses(house, 1) == [(Status.GIVEN, "offers@2")]


def test_a_script_asks_again_for_a_switch_whose_text_changed_and_its_no_is_taken(
    client: Client, house: House, published: Publishing
) -> None:
    client.signs_up("ann@example.com")
    seen, token = mark(client), message_token(house)
    published(MATERIAL)
    answer = web(client, "preferences", {"token": token, "on": [NEWS], "off": [OFFERS], "shown": [seen]})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:amana:problem:notice_changed"
    states = {one.purpose: one.state for one in preferences.view(house, 1, "orchard").switches[::-1]}
    assert states == {"offers": "off", "news": "off"}
    assert (
        web(client, "preferences", {"token": token, "on": [NEWS], "shown": [mark(client)]}).status_code == 200
    )
    assert yeses(house, 1)[-1] == (Status.REQUESTED, "offers@2")


def test_a_script_brings_a_yes_about_data_under_the_text_it_showed_or_not_at_all(
    client: Client, house: House, published: Publishing
) -> None:
    client.signs_up("ann@example.com")
    seen, word = mark(client), session_word(house)
    published(WORDED)
    said = {"token": word, "allow": [USE], "shown": [seen]}
    assert web(client, "preferences", said).status_code == 200
    assert yeses(house, 1)[-1] == (Status.GIVEN, "offers@1")
    published(MATERIAL.replace('version = "2"', 'version = "3"'))
    refused = web(client, "preferences", said | {"refuse": [USE]})
    assert refused.status_code == 409
    told = [one.event for one in history.of_person(house, 1)]
    assert [one.status for one in told if isinstance(one, Permission)][-1] is Status.WITHDRAWN


def test_a_relayed_grant_that_names_a_hash_is_under_that_wording_or_none(
    client: Client, house: House, published: Publishing
) -> None:
    seen = mark(client)
    published(OTHER_TEXT)
    said = OFFERS | {"brand": "orchard", "status": "given", "occurred": "2026-05-01T12:00:00Z"}
    events = [
        said | {"email": f"{n}@example.com", "notice": one} for n, one in enumerate((seen, mark(client)))
    ]
    stale, good = client.post("/v1/events", {"events": events}).json()["recorded"]
    assert any("unknown_notice" in one for one in stale["rejected"])
    assert good["rejected"] == []
    assert yeses(house, 2)[-1][1] == "offers@1"
