"""Texts leave through a provider, over a real connection, and its answers mean what it documents."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest

from amana import errors
from amana.core.vocabulary import Channel
from amana.delivery import texting
from amana.delivery.listening import Listener
from amana.services.collection import capture
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.posting import open_post
from worlds.clock import Clock

NUMBER = "+4915123456789"


class Provider(http.server.BaseHTTPRequestHandler):
    """As much of Twilio's Messages resource as sending needs."""

    taken: ClassVar[list[dict[str, str]]] = []
    answers: ClassVar[list[tuple[int, bytes]]] = []

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, body = self.answers.pop(0) if self.answers else (201, b'{"sid": "SM1"}')
        if status == 201:
            self.taken.append(
                {name: values[0] for name, values in form.items()}
                | {"path": self.path, "authorization": self.headers["Authorization"]}
            )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def provider() -> Iterator[int]:
    """The port of a provider on this machine."""
    Provider.taken, Provider.answers = [], []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def texter(opening: Callable[..., House], relay: Listener, provider: int) -> Iterator[tuple[House, Sender]]:
    """A workspace that texts through the provider, in which somebody asked for texts."""
    more = (
        f'\n[sms]\naccount = "AC1"\ntoken_file = "sms.secret"\nsender = "+4930123456"\n'
        f'url = "http://127.0.0.1:{provider}"\n'
    )
    house = opening(relay.port, more=more, files={"sms.secret": "token"})
    post = open_post(house)
    capture.submit(
        house,
        Submission(
            capture_point="preference_centre",
            brand="orchard",
            choices=(Choice(purpose="offers", channel=Channel.SMS),),
            phone=NUMBER,
            fields={"residence": "DE"},
            context=Context(language="ru"),
        ),
    )
    yield house, Sender(house, post)
    post.close()


def test_a_code_goes_out_in_the_readers_language_and_confirms(texter: tuple[House, Sender]) -> None:
    house, sender = texter
    sender.work()
    (taken,) = Provider.taken
    assert taken["To"] == NUMBER
    assert taken["path"] == "/2010-04-01/Accounts/AC1/Messages.json"
    assert taken["authorization"] == "Basic " + base64.b64encode(b"AC1:token").decode()
    assert taken["Body"].startswith("Orchard Street: ваш код ")
    code = taken["Body"].split("код ")[1][:6]
    assert capture.confirm_code(house, 1, code, Context())


def test_a_provider_that_is_busy_is_asked_again_and_a_refusal_ends_it(
    texter: tuple[House, Sender], clock: Clock
) -> None:
    house, sender = texter
    Provider.answers = [(429, b""), (503, b"{"), (400, b'{"code": 21610}')]
    for expected in ({"ready": 1}, {"ready": 1}, {"failed": 1}):
        sender.work()
        assert tasks.waiting(house) == expected
        clock.now += 120
    assert not Provider.taken


def test_a_form_that_is_no_text_is_refused() -> None:
    with pytest.raises(errors.BadInput):
        texting.received({"Body": "STOP"})
