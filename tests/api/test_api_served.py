"""The server as it is started: a process of its own, answering over a socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from api_samples import EVERYTHING, question

from amana import errors, wiring
from amana.api import serving
from amana.services.record import api_keys
from amana.settings import Settings
from worlds.serving import PROGRAM, free_port, served


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    """`amana serve` over the workspace, on a port of its own."""
    told = {"AMANA_DATABASE": settings.database, "AMANA_KEYS_DATABASE": settings.keys_database}
    named = {name: value for name, value in told.items() if value}
    with served(settings.workspace, environment=named) as found:
        yield found


@pytest.mark.slow
def test_the_server_answers_a_key_that_was_made_while_it_runs(settings: Settings, port: int) -> None:
    with wiring.opened(settings, writing=True) as house:
        key = api_keys.make(house, "shop", ["orchard"], EVERYTHING).key
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection.request("POST", "/access/v1/evaluation", json.dumps(question(("person", "p1"))), headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["decision"] is False
    connection.request("GET", "/about")
    page = connection.getresponse()
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    page.read()
    connection.close()


@pytest.mark.slow
def test_plain_http_off_this_machine_is_refused_at_the_start(settings: Settings) -> None:
    words = [sys.executable, "-c", PROGRAM, "-w", str(settings.workspace), "serve", "--host", "192.0.2.1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--tls-cert" in done.stderr


def test_a_port_that_is_taken_is_one_clear_error_and_nobody_is_told_of_serving(settings: Settings) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as another server of this kind holds it
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = int(other.getsockname()[1])
        words = [sys.executable, "-c", PROGRAM, "-w", str(settings.workspace), "serve", "--port", str(taken)]
        told = {"AMANA_DATABASE": settings.database, "AMANA_KEYS_DATABASE": settings.keys_database}
        named = {name: value for name, value in told.items() if value}
        ended = subprocess.run(
            words, env=dict(os.environ) | named, capture_output=True, text=True, timeout=60, check=False
        )
    assert ended.returncode == 4
    assert f"Another program listens at 127.0.0.1:{taken}" in ended.stderr
    assert f"--port {taken % 65_535 + 1}" in ended.stderr
    assert "Serving" not in ended.stdout + ended.stderr


def test_an_address_of_another_machine_is_named_and_a_free_one_is_let_pass() -> None:
    with pytest.raises(errors.BadInput, match="not an address of this machine"):
        serving.free(serving.Place(host="192.0.2.1"))
    with pytest.raises(errors.BadInput, match="not an address of this machine"):
        serving.free(serving.Place(host="no-such-host.invalid"))
    assert serving.free(serving.Place(host="localhost", port=free_port())) == "127.0.0.1"
