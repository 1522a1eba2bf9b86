"""A server that runs follows the workspace file in its pages and captures too, and waits for what is not published."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from api_samples import DEFINITION, EVERYTHING, Client
from litestar.exceptions import LitestarDeprecationWarning
from litestar.testing import TestClient

from amana import wiring
from amana.api import app
from amana.core.vocabulary import Channel
from amana.services.collection import capture
from amana.services.collection.capture import Choice, Submission
from amana.services.record import api_keys, publish, tasks
from amana.services.record.house import House
from amana.settings import Settings
from amana.web import app as pages

WITH_A_FIELD = DEFINITION.replace('kind = "form"\n', 'kind = "form"\nfields = ["residence"]\n')
GIFTS = '\n[purposes.gifts]\nnotice = "gifts"\nchannels = ["email"]\ncategory = "marketing"\n'
GIFTS_NOTICE = """
[notices.gifts]
version = "1"
who = "Orchard Street Ltd"
purposes = ["gifts"]
channels = ["email"]
kept_for = "P3Y"
withdraw = "link in each message"
text = { en = "We send you gifts." }
"""
WITH_A_PURPOSE = DEFINITION + GIFTS + GIFTS_NOTICE
YES = {"capture_point": "app", "brand": "orchard", "choices": [{"purpose": "offers", "channel": "email"}]}


@pytest.fixture
def site(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient[Any]]:
    """The interface and the pages of a process that looks around before each request."""
    monkeypatch.setattr("amana.api.desk.FRESH", 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)  # of how the pages take a body
        with TestClient(app.make(house, extra_routes=[pages.routes(lambda: house)])) as http:
            yield http


def saved(settings: Settings, definition: str) -> None:
    """The workspace file as somebody saved it."""
    (settings.workspace / wiring.DEFINITION).write_text(definition, "utf-8")


def published(settings: Settings) -> None:
    """`amana publish` beside the server."""
    with wiring.opened(settings, writing=True) as other:
        publish.publish(other)


def test_a_form_asks_for_a_field_that_its_capture_point_was_given(
    site: TestClient[Any], settings: Settings
) -> None:
    assert 'name="country"' not in site.get("/f/web").text
    saved(settings, WITH_A_FIELD)
    assert 'name="country"' in site.get("/f/web").text


def test_a_capture_takes_a_capture_point_that_was_added(
    site: TestClient[Any], settings: Settings, house: House
) -> None:
    client = Client(site, api_keys.make(house, "till", ["orchard"], EVERYTHING).key)
    said = YES | {"capture_point": "till", "email": "ann@example.com"}
    assert client.post("/v1/captures", said).status_code == 404
    saved(settings, DEFINITION + '\n[capture_points.till]\nkind = "store"\n')
    assert client.post("/v1/captures", said).status_code == 200


def test_the_centre_shows_a_purpose_once_it_is_published_and_stands_until_then(
    site: TestClient[Any], settings: Settings, house: House
) -> None:
    confirmed = Submission(
        capture_point="app",
        brand="orchard",
        choices=(Choice(purpose="offers", channel=Channel.EMAIL),),
        email="ann@example.com",
    )
    capture.submit(house, confirmed)
    token: dict[str, str] = {}
    tasks.work(house, {"mail": lambda _, __, told: token.update(word=told["token"])})
    for definition in (DEFINITION, WITH_A_PURPOSE):
        saved(settings, definition)
        for page in (f"/p/{token['word']}", "/f/web"):
            shown = site.get(page)
            assert shown.status_code == 200
            assert "gifts:email" not in shown.text
    published(settings)
    assert "gifts:email" in site.get(f"/p/{token['word']}").text
    assert "gifts:email" in site.get("/f/web").text


def test_a_broken_file_leaves_the_form_as_it_was_and_is_said_in_the_log_without_its_content(
    site: TestClient[Any], settings: Settings
) -> None:
    saved(settings, WITH_A_FIELD)
    before = site.get("/f/web").text
    with structlog.testing.capture_logs() as logged:
        saved(settings, WITH_A_FIELD + '\n[brands.ann@example.com\nname = "secret"\n')
        assert site.get("/f/web").text == before
    assert [one["event"] for one in logged] == ["workspace_file_unreadable"]
    assert "secret" not in str(logged)
    saved(settings, DEFINITION)
    assert 'name="country"' not in site.get("/f/web").text
