"""People are told about their requests: what came in, what takes longer, the answer; and before they are erased."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from copies_world import DAY, Clock, asked, opened, ran, relayed, shop, told

from amana.core.rights import Identity, Kind, Via
from amana.delivery import letters
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.rights import (
    copy_words,
    following,
    requests,
    rights_preview,
    rights_run,
    rights_telling,
)
from amana.storage.requests import RequestRow
from worlds.relay import Sink

Told = tuple[House, Sink, Sender, Clock]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Told]:
    """A workspace with a shop and a relay."""
    clock = Clock()
    with relayed(tmp_path / "workspace", clock) as (house, inbox, sender):
        shop(tmp_path / "workspace")
        yield house, inbox, sender, clock


def happened(house: House, row: RequestRow, what: str) -> list[dict[str, Any]]:
    return [one.detail for one in requests.happened(house, row) if one.what == what]


def carried(house: House, sender: Sender) -> None:
    """Queue what is to be told, and send it."""
    while rights_telling.sweep(house) + sender.work():
        pass


# ---- in their language ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", letters.LANGUAGES)
def test_a_request_is_confirmed_with_its_number_its_day_and_a_link(language: str, world: Told) -> None:
    house, inbox, sender, _ = world
    row = asked(house, Kind.ACCESS, told(house), language=language)
    carried(house, sender)
    (mail,) = inbox.taken
    words = letters.words(language).request_received
    assert mail.message["Subject"] == words["subject"].format(ref=row.ref, brand="Orchard Street")
    assert mail.message["To"] == "noa@example.com"
    said = mail.text()
    assert row.ref in said
    assert copy_words.of(language).day(row.due) in said
    assert copy_words.of(language).catalogue.right["access"] in said
    link = re.search(r"https://my\.orchard\.example/q/([\w-]+)", said)
    assert link
    assert following.opened(house, link[1]).ref == row.ref
    assert f'dir="{letters.words(language).direction}"' in mail.text("html")


def test_nothing_is_told_twice_and_what_is_overtaken_is_not_told(world: Told) -> None:
    house, inbox, sender, _ = world
    row = ran(house, asked(house, Kind.PORTABILITY, told(house)))
    assert row.status == "answered"
    carried(house, sender)
    carried(house, sender)
    assert inbox.subjects() == [f"Answered: request {row.ref}"]


def test_an_answer_leads_to_the_copy_and_holds_none_of_it(world: Told) -> None:
    house, inbox, sender, _ = world
    ran(house, asked(house, Kind.ACCESS, told(house)))
    carried(house, sender)
    (mail,) = inbox.taken
    assert "https://my.orchard.example/p/" in mail.text()
    assert "Noa" not in mail.text()
    assert not list(mail.message.iter_attachments())


def test_an_extension_and_a_refusal_say_why(world: Told) -> None:
    house, inbox, sender, _ = world
    row = asked(house, Kind.ACCESS, told(house))
    requests.extend(house, row.ref, "many systems {here}", actor="dpo")
    carried(house, sender)
    assert "many systems {here}" in inbox.taken[-1].text()
    requests.to_decide(house, row, "asked_often", actor="dpo")
    requests.decide(house, row.ref, go=False, reason="the same every week", actor="dpo")
    carried(house, sender)
    assert inbox.subjects()[-1] == f"Your request {row.ref}: Orchard Street"
    assert "the same every week" in inbox.taken[-1].text()
    assert "court" in inbox.taken[-1].text()


def test_a_decision_to_go_on_is_no_refusal(world: Told) -> None:
    house, inbox, sender, _ = world
    row = asked(house, Kind.ACCESS, told(house))
    requests.to_decide(house, row, "asked_often", actor="dpo")
    requests.decide(house, row.ref, go=True, reason="fine", actor="dpo")
    carried(house, sender)
    assert len(inbox.taken) == 1


# ---- an erasure is told before it happens -----------------------------------------------------------------------


def test_a_person_is_erased_only_after_the_answer_has_left(world: Told) -> None:
    house, inbox, sender, clock = world
    person = told(house)
    row = ran(house, asked(house, Kind.ERASURE, person))
    assert row.status == "running"
    assert house.keys.known_keys([person])  # nothing of theirs is gone here yet
    inbox.answer = lambda _: "451 later"
    carried(house, sender)
    clock.now += rights_telling.WAIT
    assert ran(house, row).status == "running"
    inbox.answer = lambda _: "250 ok"
    clock.now += tasks.LONGEST_PAUSE
    carried(house, sender)
    clock.now += rights_telling.WAIT
    row = ran(house, row)
    assert (row.status, row.outcome) == ("answered", "done_in_part")
    assert not house.keys.known_keys([person])
    last = inbox.taken[-1]
    assert last.message["Subject"] == f"Erased: request {row.ref}"
    assert "AO § 147(3)" in last.text()
    assert "5 January 2034" in last.text()
    assert happened(house, row, "told") == [{"template": "request_erased"}]
    carried(house, sender)
    assert inbox.taken[-1] is last  # nobody writes to somebody who was erased


def refused(world: Told, row: RequestRow) -> RequestRow:
    """The request, once the person's server took no letter."""
    house, inbox, sender, clock = world
    inbox.answer = lambda _: "550 no such person"
    carried(house, sender)
    clock.now += rights_telling.WAIT
    row = ran(house, row)
    assert row.status == "deciding"
    assert happened(house, row, "to_decide")[-1] == {"ground": "amana:not_told"}
    assert happened(house, row, "not_told")[-1] == {"template": "request_erased", "why": "smtp_550"}
    return row


def test_an_answer_that_cannot_be_delivered_waits_for_a_person_who_tells_in_another_way(world: Told) -> None:
    house = world[0]
    person = told(house)
    row = refused(world, ran(house, asked(house, Kind.ERASURE, person)))
    assert house.keys.known_keys([person])
    requests.decide(house, row.ref, go=True, reason="told by letter", actor="dpo")
    row = ran(house, row)
    assert (row.status, row.outcome) == ("answered", "done_in_part")
    assert not house.keys.known_keys([person])
    assert happened(house, row, "told") == []


def test_an_answer_that_could_not_be_delivered_is_sent_again_once_the_way_is_mended(world: Told) -> None:
    house, inbox, sender, clock = world
    row = refused(world, ran(house, asked(house, Kind.ERASURE, told(house))))
    inbox.answer = lambda _: "250 ok"
    rights_run.again(house, row, actor="dpo")
    assert ran(house, row).status == "running"
    carried(house, sender)
    clock.now += rights_telling.WAIT
    row = ran(house, row)
    assert row.status == "answered"
    assert inbox.subjects()[-1] == f"Erased: request {row.ref}"


def test_of_many_in_one_run_those_who_were_told_are_erased_and_the_others_wait(world: Told) -> None:
    house, inbox, sender, clock = world
    people = [told(house), told(house, "mia@example.com")]
    rows = [asked(house, Kind.ERASURE, one) for one in people]
    with rights_run.open_systems(house) as systems:
        assert rights_run.begin(house, [requests.get(house, one.ref) for one in rows], systems)
    assert ran(house, rows[0]).status == "running"
    inbox.answer = lambda who: "550 no such person" if who == "mia@example.com" else "250 ok"
    carried(house, sender)
    clock.now += rights_telling.WAIT
    ran(house, rows[0])
    stands = [requests.get(house, one.ref) for one in rows]
    assert [(one.status, one.outcome) for one in stands] == [("answered", "done_in_part"), ("deciding", "")]
    assert set(house.keys.known_keys(people)) == {people[1]}
    requests.decide(house, rows[1].ref, go=True, reason="told by letter", actor="dpo")
    assert ran(house, rows[1]).status == "answered"
    assert not house.keys.known_keys(people)


def untold(house: House) -> RequestRow:
    said = requests.Said(kind=Kind.ERASURE, via=Via.STAFF, person=told(house), proved=Identity.CHECKED)
    return requests.open_(house, said, actor="dpo")


def test_without_a_way_to_send_an_erasure_touches_nothing_and_waits_for_a_person(tmp_path: Path) -> None:
    with opened(tmp_path / "workspace", Clock()) as house:
        shop(tmp_path / "workspace")
        row = untold(house)
        with rights_run.open_systems(house) as systems:
            assert rights_preview.preview(house, row, systems).untold == "no_mail"
        row = ran(house, row)
        assert (row.status, row.run) == ("deciding", None)
        assert happened(house, row, "to_decide") == [{"ground": "not_told:no_mail"}]
        requests.decide(house, row.ref, go=True, reason="told by letter", actor="dpo")
        row = ran(house, row)
        assert row.status == "answered"
        assert happened(house, row, "not_told") == [{"template": "request_erased", "why": "no_mail"}]


def test_the_worker_begins_no_erasure_of_whom_nobody_could_tell(tmp_path: Path) -> None:
    with opened(tmp_path / "workspace", Clock()) as house:
        row = untold(house)
        while rights_run.sweep(house):
            pass
        assert requests.get(house, row.ref).status == "deciding"
        assert house.keys.known_keys([row.person])


def test_what_a_controller_asks_for_is_told_by_the_controller(tmp_path: Path) -> None:
    with opened(tmp_path / "workspace", Clock()) as house:
        said = requests.Said(kind=Kind.ERASURE, via=Via.OPENDSR, person=told(house), proved=Identity.CHECKED)
        assert ran(house, requests.open_(house, said, actor="api:c")).status == "answered"


def test_nobodys_address_is_filled_by_asking_in_their_name(world: Told) -> None:
    house, inbox, sender, clock = world
    person = told(house)
    for _ in range(rights_telling.MOST + 5):
        requests.cancel(house, asked(house, Kind.ACCESS, person).ref, actor="the person")
        asked_again = asked(house, Kind.ACCESS, person)
        carried(house, sender)
        requests.cancel(house, asked_again.ref, actor="the person")
    assert len(inbox.taken) == rights_telling.MOST
    assert happened(house, asked_again, "not_told")[-1]["why"] == "too_many"
    clock.now += DAY + 1
    asked(house, Kind.ACCESS, person)
    carried(house, sender)
    assert len(inbox.taken) == rights_telling.MOST + 1


# ---- by text ----------------------------------------------------------------------------------------------------


@pytest.fixture
def provider() -> Iterator[tuple[int, list[dict[str, list[str]]]]]:
    """A provider of texts on this machine: its port, and what it got."""
    taken: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(json.dumps({"sid": "SM1"}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_who_has_no_address_is_told_by_text(
    tmp_path: Path, provider: tuple[int, list[dict[str, list[str]]]]
) -> None:
    port, taken = provider
    folder, clock = tmp_path / "workspace", Clock()
    more = f'\n[sms]\nsender = "+15005550006"\naccount = "AC1"\ntoken_file = "token"\nurl = "http://127.0.0.1:{port}"\n'
    folder.mkdir()
    (folder / "token").write_text("secret")
    (folder / "token").chmod(0o600)
    with relayed(folder, clock, more) as (house, inbox, sender):
        shop(folder)
        person = told(house, "", phone="+4915112345678")
        row = asked(house, Kind.ACCESS, person, language="ru")
        carried(house, sender)
        (sent,) = taken
        assert sent["To"] == ["+4915112345678"]
        assert row.ref in sent["Body"][0]
        assert "https://my.orchard.example/q/" in sent["Body"][0]
        assert not inbox.taken
