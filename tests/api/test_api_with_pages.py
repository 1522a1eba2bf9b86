"""The pages behind the front: what a page allows itself stays allowed, and a proxy's https counts as https."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar.exceptions import LitestarDeprecationWarning
from litestar.testing import TestClient

from amana.api import app, providers
from amana.api.desk import Options
from amana.core.vocabulary import Channel
from amana.services.choices import own_data
from amana.services.collection import capture
from amana.services.collection.capture import Choice, Submission
from amana.services.record import links, tasks
from amana.services.record.house import House
from amana.web import app as pages


@pytest.fixture
def site(house: House) -> Iterator[TestClient[Any]]:
    """The interface and the pages, behind one proxy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)  # of how the pages take a body
        made = app.make(house, Options(trusted_hops=1), [pages.routes(lambda: house)])
        with TestClient(made) as http:
            yield http


def test_the_page_that_checks_receipts_may_run_its_own_script(site: TestClient[Any]) -> None:
    policies = site.get("/verify").headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "script-src 'unsafe-inline'" in policies[0]
    assert "default-src 'none'" in policies[0]


def test_a_session_behind_a_proxy_with_https_has_a_secure_cookie(site: TestClient[Any], house: House) -> None:
    choices = (Choice(purpose="offers", channel=Channel.EMAIL),)
    said = Submission(
        capture_point="preference_centre", brand="orchard", choices=choices, email="ann@example.com"
    )
    person = links.handled(house, capture.submit(house, said).handle)
    own_data.ask(house, person, "orchard", "en")
    found: dict[str, str] = {}
    while tasks.work(house, {"mail": lambda _, __, told: found.update({told["template"]: told["token"]})}):
        pass
    answer = site.post(f"/s/{found['step_up']}", headers={"x-forwarded-proto": "https"})
    assert "; Secure" in answer.headers["set-cookie"]


def test_leaving_through_amazon_counts_from_when_they_left_not_from_when_the_mail_was_sent() -> None:
    body = {
        "eventType": "Subscription",
        "mail": {"timestamp": "2026-05-01T10:00:00.000Z", "destination": ["ann@example.com"]},
        "subscription": {"timestamp": "2026-05-20T10:00:00.000Z", "source": "UnsubscribeHeader"},
    }
    (told,) = providers.ses(msgspec.json.encode(body))
    assert told.at == 1_779_271_200
