"""The description of the interface is checked in, and what is served keeps to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from api_samples import DEFINITION, EVERYTHING, Client
from litestar.testing import TestClient

from amana import wiring
from amana.api import app, limits
from amana.services.record import api_keys
from amana.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_description_is_the_one_that_is_checked_in(client: Client) -> None:
    """To renew it: `python tests/api/renew_description.py`."""
    served = client.get("/schema/openapi.json").json()
    assert served == json.loads(PAGE.read_text("utf-8"))


def test_every_route_says_which_key_it_needs_or_is_public_on_purpose(client: Client) -> None:
    paths = client.get("/schema/openapi.json").json()["paths"]
    public = {path for path, item in paths.items() if any("security" not in one for one in item.values())}
    assert public == {
        "/.well-known/authzen-configuration",
        "/log/checkpoint",
        "/log/tile/{place}",
        "/v1/webhooks/{provider}/{key}",
        "/v1/withdrawals",
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """The application over a workspace with one person, and a key."""
    settings = Settings(workspace=tmp_path_factory.mktemp("served") / "workspace", actor="test")
    wiring.create(settings, DEFINITION)
    with wiring.opened(settings, writing=True) as house:
        key = api_keys.make(house, "everything", ["*"], EVERYTHING).key
        with TestClient(app.make(house)) as http:
            Client(http, key).signs_up("ann@example.com")
            yield http, key


DESCRIPTION = schemathesis.openapi.from_dict(json.loads(PAGE.read_text("utf-8")))


@pytest.mark.slow
@DESCRIPTION.parametrize()
@hypothesis.settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    derandomize=True,
)
def test_nothing_that_is_sent_gets_an_undocumented_answer(
    case: schemathesis.Case, served: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    http, key = served
    for name in ("KEYED", "WRITING", "HEAVY", "PUBLIC"):
        monkeypatch.setattr(limits, name, limits.Limit(rate=1e6, burst=1e6))
    request = case.as_transport_kwargs(base_url="http://testserver.local")
    if request["method"] == "OPTIONS":  # what it answers is HTTP's own: 204 and the methods there are
        return
    headers = dict(request.pop("headers", {})) | {"authorization": f"Bearer {key}"}
    answer = http.request(request.pop("method"), request.pop("url"), headers=headers, **_plain(request))
    documented = {int(status) for status in case.operation.definition.raw["responses"]}
    assert answer.status_code in documented | {405}, answer.text
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


def _plain(request: dict[str, Any]) -> dict[str, Any]:
    """What is left of a case for the client: body and query."""
    found = {name: request[name] for name in ("json", "params") if request.get(name) is not None}
    if request.get("data") is not None:
        found["content"] = request["data"] if isinstance(request["data"], (bytes, str)) else b""
    return found
