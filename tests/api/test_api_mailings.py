"""Mailings and tasks over HTTP: whoever starts one sees counts, and nobody sees another brand's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from api_samples import Client, question

from amana import errors, wiring
from amana.core import workspace
from amana.services.messaging.sending import Job, queue
from amana.services.record import api_keys, tasks
from amana.services.record.house import House
from amana.services.record.tasks import Worker

MAIL = '\n[mail]\nsender = "hello@orchard.example"\nsecurity = "none"\n'


@pytest.fixture
def house(house: House) -> House:
    """A workspace that says how mail leaves, and where it is."""
    path: Path = house.folder / wiring.DEFINITION
    text = path.read_text("utf-8").replace(
        'stored_in = "DE"\n', 'stored_in = "DE"\naddress = "1 Orchard Street, Berlin"\n'
    )
    path.write_text(text + MAIL, "utf-8")
    house.workspace = workspace.read(text + MAIL)
    return house


def wanted(**more: Any) -> dict[str, Any]:
    """A mailing about apples to everybody."""
    asked = question(("person", "p1"))
    said = {"en": {"subject": "Apples", "text": "Apples are ripe."}}
    return {"subject": asked["subject"], "action": asked["action"], "messages": said} | more


def test_a_mailing_is_started_once_for_its_key_seen_stopped_and_continued(client: Client) -> None:
    client.signs_up("ana@example.com")
    client.signs_up("ben@example.com", purpose="news")
    first = client.post("/v1/mailings", wanted(), idempotency_key="may")
    again = client.post("/v1/mailings", wanted(), idempotency_key="may")
    assert first.status_code == 202, first.text
    assert first.json() == again.json()
    told = first.json()
    assert (told["audience"], told["chosen"], told["by"]) == (2, 1, "api:everything")
    assert sum(told["left_out"].values()) == 1
    (listed,) = client.get("/v1/mailings").json()
    assert listed["id"] == told["id"]
    assert "example.com" not in first.text
    place = f"/v1/mailings/{told['id']}"
    assert client.post(f"{place}/stop", {}).json()["state"] == "stopped"
    assert client.post(f"{place}/stop", {}).status_code == 409
    assert client.post(f"{place}/continue", {}).json()["state"] == "queueing"
    assert client.get(place).json()["state"] == "queueing"


def test_a_dry_run_queues_nothing(client: Client) -> None:
    client.signs_up("ana@example.com")
    told = client.post("/v1/mailings", wanted(dry_run=True)).json()
    assert (told["state"], told["id"], told["chosen"]) == ("preview", "", 1)
    assert client.get("/v1/mailings").json() == []


def test_another_brands_mailing_is_no_different_from_none(client: Client, house: House) -> None:
    number = client.post("/v1/mailings", wanted()).json()["id"]
    other = client.with_key(api_keys.make(house, "harbour", ["harbour"], ["send"]).key)
    assert other.get("/v1/mailings").json() == []
    for answer in (
        other.get(f"/v1/mailings/{number}"),
        other.get("/v1/mailings/0000"),
        other.post(f"/v1/mailings/{number}/stop", {}),
    ):
        assert answer.status_code == 404
    assert other.post("/v1/mailings", wanted()).status_code == 403


@pytest.mark.parametrize(
    "more",
    [
        {"messages": {}},
        {"messages": {"en": {"subject": "x\r\nBcc: eve@example.com", "text": "x"}}},
        {"messages": {"en": {"subject": "x"}}},
        {"people": []},
        {"hours": 0},
    ],
)
def test_a_mailing_that_cannot_be_sent_is_refused(more: dict[str, Any], client: Client) -> None:
    assert client.post("/v1/mailings", wanted(**more)).status_code == 400
    assert client.get("/v1/mailings").json() == []


def test_a_workspace_that_does_not_say_how_mail_leaves_says_so(client: Client, house: House) -> None:
    house.workspace = msgspec.structs.replace(house.workspace, mail=None)
    answer = client.post("/v1/mailings", wanted())
    assert (answer.status_code, answer.json()["expected"]) == (409, "[mail] with sender and host")


def test_tasks_are_counted_for_a_key_that_speaks_for_every_brand(client: Client, house: House) -> None:
    client.signs_up("ana@example.com")
    job = Job(template="nonsense", brand="orchard", point=0)
    house.writing().write(lambda session: queue(house, session, "mail", "a-key", 1, job))
    assert client.get("/v1/tasks").status_code == 403
    all_brands = client.with_key(api_keys.make(house, "office", ["*"], ["read"]).key)
    assert counted(all_brands) == [("mail", "ready", 2)]  # and that she was told what is on
    worker: dict[str, Worker] = {"mail": _fails}
    tasks.work(house, worker)
    assert counted(all_brands) == [("mail", "failed", 1), ("mail", "ready", 1)]
    assert tasks.retry(house, kind="sms") == 0
    assert tasks.retry(house, kind="mail", trouble="smtp_550") == 1
    assert counted(all_brands) == [("mail", "ready", 1), ("mail", "ready", 1)]


def _fails(*_: object) -> None:
    raise errors.Undeliverable("smtp_550")


def counted(client: Client) -> list[tuple[str, str, int]]:
    """Kind, state and number of the tasks that are not done."""
    return [(one["kind"], one["state"], one["count"]) for one in client.get("/v1/tasks").json()]
