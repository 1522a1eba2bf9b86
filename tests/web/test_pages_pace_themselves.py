"""How much a visitor and a network may ask of the pages: whoever leaves always may, whoever guesses soon may not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from litestar import Litestar
from litestar.exceptions import LitestarDeprecationWarning
from litestar.testing import TestClient
from web_samples import LANGUAGES, OFFERS, Site, mailed, member, token

from amana.api import app as api
from amana.api.desk import Options
from amana.core import events
from amana.services.choices import own_data
from amana.services.collection import preferences
from amana.services.record.limits import Buckets
from amana.web import app, pacing, words
from amana.web.pacing import Pace

Asking = Callable[..., TestClient[Any]]


class Ticker:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticker() -> Ticker:
    return Ticker()


@pytest.fixture
def asking(site: Site, ticker: Ticker) -> Iterator[Asking]:
    """The pages in this process with a fresh measure; alone, or behind the front and one trusted proxy."""
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)  # of how the pages take a body

        def made(*, hops: int | None = None) -> TestClient[Any]:
            routes = app.routes(lambda: site.house, Pace(Buckets(ticker)))
            server: Any = Litestar([routes], openapi_config=None)
            if hops is not None:
                server = api.make(site.house, Options(trusted_hops=hops), [routes])
            return stack.enter_context(TestClient(server))

        yield made


def exhausted(client: TestClient[Any]) -> int:
    """Ask for dead words until the answer changes; after how many it did."""
    for number in range(1, 200):
        if client.get(f"/c/dead{number}").status_code == 429:
            return number
    raise AssertionError("nobody ever said stop")


def test_who_tries_dead_words_is_told_to_wait_in_their_own_language(asking: Asking) -> None:
    client = asking()
    assert exhausted(client) == int(pacing.DEAD.burst) + 1
    for language in LANGUAGES:
        answer = client.get("/s/dead", params={"lang": language})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert words.of(language).plain("trouble_slow") in answer.text
        assert f'lang="{language}"' in answer.text


def test_a_network_that_guessed_too_much_cannot_tell_a_good_word_from_a_dead_one(
    site: Site, asking: Asking
) -> None:
    client = asking()
    site.ask("/f/signup", [("choice", "news:email"), ("email", "oracle@pace.example")])
    waiting = str(mailed(site.house, "confirm")[-1]["token"])
    assert client.get(f"/c/{waiting}").status_code == 200
    exhausted(client)
    good, dead = client.get(f"/c/{waiting}"), client.get("/c/" + "A" * len(waiting))
    assert good.status_code == dead.status_code == 429
    assert good.text.replace(waiting, "") == dead.text.replace("A" * len(waiting), "")


def test_a_valid_withdrawal_is_never_limited_whatever_its_network_asked_before(
    site: Site, asking: Asking
) -> None:
    client = asking()
    exhausted(client)
    assert client.get("/p/dead").status_code == 429
    assert client.post("/u/dead", data={"List-Unsubscribe": "One-Click"}).status_code == 429
    for number in range(3):
        person = member(site.house, f"leaver{number}@pace.example", OFFERS)
        held = token(site.house, person)
        assert client.get(f"/u/{held}").status_code == 200
        assert client.post(f"/u/{held}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
        again = token(site.house, person)
        assert client.get(f"/p/{again}").status_code == 200
        assert client.post(f"/p/{again}", data={"leave": "1"}).status_code == 200
        assert preferences.view(site.house, person, "orchard").left
        assert {one.state for one in preferences.view(site.house, person, "orchard").switches} == {"off"}


def test_the_measure_fills_again(asking: Asking, ticker: Ticker) -> None:
    client = asking()
    exhausted(client)
    ticker.now += 1 / pacing.DEAD.rate
    assert client.get("/c/dead").status_code == 404
    assert client.get("/c/dead").status_code == 429


def test_forms_from_one_network_have_a_measure_and_the_page_that_shows_one_does_not_count(
    asking: Asking,
) -> None:
    client = asking()
    empty = [client.post("/f/signup", data={}).status_code for _ in range(int(pacing.FORMS.burst) + 1)]
    assert set(empty[:-1]) == {400}
    assert empty[-1] == 429
    assert client.get("/f/signup").status_code == 200


def test_behind_a_trusted_proxy_each_visitor_has_their_own_measure_and_is_the_one_on_record(
    site: Site, asking: Asking
) -> None:
    client = asking(hops=1)
    first = {"x-forwarded-for": "203.0.113.7"}
    for number in range(int(pacing.DEAD.burst)):
        assert client.get(f"/c/dead{number}", headers=first).status_code == 404
    assert client.get("/c/dead", headers=first).status_code == 429
    other = {"x-forwarded-for": "203.0.113.9, 198.51.100.23"}
    assert client.get("/c/dead", headers=other).status_code == 404
    person = member(site.house, "proxied@pace.example", OFFERS)
    client.post(f"/u/{token(site.house, person)}", data={"scope": "this"}, headers=other)
    latest = own_data.happened(site.house, person)[0].event
    assert isinstance(latest, events.Permission)
    assert "198.51.100.0/24" in latest.evidence


def test_without_a_trusted_proxy_nobody_is_believed_about_their_address(site: Site, asking: Asking) -> None:
    client = asking(hops=0)
    told = [
        client.get("/c/dead", headers={"x-forwarded-for": f"198.51.{number}.7"}).status_code
        for number in range(int(pacing.DEAD.burst) + 1)
    ]
    assert told[-1] == 429


def test_an_address_with_too_many_fields_is_refused_with_a_page(site: Site, asking: Asking) -> None:
    client = asking()
    query = "&".join(f"f{number}=1" for number in range(600))
    for path in (
        "/about",
        "/f/signup",
        "/me",
        f"/p/{token(site.house, member(site.house, 'q@pace.example'))}",
    ):
        answer = client.get(f"{path}?{query}")
        assert answer.status_code == 400, path
        assert words.of("en").plain("trouble_refused") in answer.text
    assert client.post(f"/f/signup?{query}", data={"email": "a@b.example"}).status_code == 400
