"""Scripts of declared sites can read what was wrong; scripts of others can read nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from api_samples import Client
from handling_samples import HANDLED, SHOP, web

WORKSPACE = HANDLED
FORM = {
    "capture_point": "web",
    "brand": "orchard",
    "choices": [{"purpose": "offers", "channel": "email"}],
    "email": "ann@example.com",
}
LEAVE, ELSEWHERE = "access-control-allow-origin", "https://elsewhere.example"


def last_of_many(client: Client, body: dict[str, Any], origin: str) -> Any:
    """The answer after an address has asked more often than it may."""
    return next(
        found for _ in range(5_000) if (found := web(client, "captures", body, origin)).status_code == 429
    )


def once(client: Client, body: dict[str, Any], origin: str) -> Any:
    return web(client, "captures", body, origin)


@pytest.mark.parametrize(
    ("status", "send", "body"),
    [
        (404, once, FORM | {"capture_point": "nosuch"}),
        (400, once, FORM | {"choices": "all"}),
        (400, once, FORM | {"email": ""}),
        (409, once, FORM | {"shown": ["offers@7"]}),
        (429, last_of_many, FORM | {"capture_point": "nosuch"}),
    ],
)
def test_a_declared_site_may_read_an_error(
    client: Client, status: int, send: Callable[[Client, dict[str, Any], str], Any], body: dict[str, Any]
) -> None:
    answer = send(client, body, SHOP)
    assert answer.status_code == status
    assert answer.headers.get_list(LEAVE) == [SHOP]
    assert "Origin" in answer.headers["vary"]
    assert answer.json()["status"] == status


def test_what_a_declared_site_may_read_when_all_went_well_is_said_once(client: Client) -> None:
    answer = web(client, "captures", FORM)
    assert answer.status_code == 200
    assert answer.headers.get_list(LEAVE) == [SHOP]
    assert answer.headers.get_list("vary") == ["Origin, Sec-GPC"]


@pytest.mark.parametrize("path", ["captures", "nosuch"])
def test_another_site_may_read_nothing(client: Client, path: str) -> None:
    answer = web(client, path, FORM, ELSEWHERE)
    assert answer.status_code in (403, 404)
    assert LEAVE not in answer.headers
    assert LEAVE not in last_of_many(client, FORM, ELSEWHERE).headers


def test_no_other_path_gives_a_site_leave(client: Client) -> None:
    for path in ("/v1/captures", "/healthz", "/nosuch"):
        assert LEAVE not in client.http.get(path, headers={"origin": SHOP}).headers


def test_the_script_itself_is_for_everybody(client: Client) -> None:
    script = client.http.get("/web/v1/amana-sdk.js", headers={"origin": ELSEWHERE})
    assert script.headers.get_list(LEAVE) == ["*"]
