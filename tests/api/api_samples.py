"""A workspace whose words an interface may use, and a client of the application itself. All people are invented."""

from __future__ import annotations

from typing import Any

from litestar.testing import TestClient

NOW = 1_780_000_000  # 2026-05-28, a Thursday, 20:26 UTC

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE", "UK"]
stored_in = "DE"

[brands.orchard]
name = "Orchard Street"
[brands.harbour]
name = "Harbour"

[purposes.offers]
notice = "offers"
channels = ["email", "sms"]
category = "marketing"

[purposes.news]
notice = "offers"
channels = ["email"]
category = "marketing"

[topics.art]
en = "Art"

[notices.offers]
version = "1"
who = "Orchard Street Ltd"
purposes = ["offers", "news"]
channels = ["email", "sms"]
kept_for = "P3Y"
withdraw = "link in each message"
text = { en = "We send you offers." }

[fields.residence]
purposes = ["offers"]
category = "user"
why = "the law"
kept_for = "P3Y"
hold = "column"
means = "residence"

[capture_points.web]
kind = "form"

[capture_points.app]
kind = "api"
confirmed = true
proof = ["channel_named", "sender_named", "purpose_named", "unbundled", "unticked", "not_condition",
  "withdrawal_told", "written"]
"""

EVERYTHING = (
    *("decide", "screen", "permit", "send", "record", "capture", "capture:app", "read", "reveal", "request"),
    "vouch",
)


class TestClock:
    """UTC seconds that stand still until the test moves them."""

    __test__ = False  # a clock for tests, not a test

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Client:
    """Speaks to the application over ASGI, with one key."""

    def __init__(self, client: TestClient[Any], key: str = "") -> None:
        self.http = client
        self.key = key

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """POST a value as JSON."""
        return self.http.post(path, json=body, headers=self._headers(headers))

    def get(self, path: str, **headers: str) -> Any:
        """GET."""
        return self.http.get(path, headers=self._headers(headers))

    def with_key(self, key: str) -> Client:
        """The same application, another key; "" for none."""
        return Client(self.http, key)

    def signs_up(self, email: str, purpose: str = "offers") -> int:
        """A person of Germany signs up in the app and is confirmed by it; the log position of the grant."""
        said = {
            "capture_point": "app",
            "brand": "orchard",
            "choices": [{"purpose": purpose, "channel": "email"}],
            "email": email,
            "fields": {"residence": "DE"},
        }
        answer = self.post("/v1/captures", said)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["events"][0])

    def asks(self, resource: tuple[str, str], **more: Any) -> dict[str, Any]:
        """The whole answer to one evaluation."""
        answer = self.post("/access/v1/evaluation", question(resource) | more)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return ({"authorization": f"Bearer {self.key}"} if self.key else {}) | named


def question(
    resource: tuple[str, str], purpose: str = "offers", action: str = "contact.email"
) -> dict[str, Any]:
    """May Orchard contact this resource?"""
    return {
        "subject": {"type": "brand", "id": "orchard"},
        "action": {"name": action, "properties": {"purpose": purpose}},
        "resource": {"type": resource[0], "id": resource[1]},
    }


def codes(answer: dict[str, Any]) -> list[str]:
    """The reason codes of an answer."""
    return [one["code"] for one in answer["context"].get("reasons", ())]
