"""The script for other sites, in a real browser on a site of its own, against the real server."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from handling_samples import HANDLED, INTERESTS, SHOP

from amana import wiring
from amana.core.vocabulary import Channel
from amana.services.choices import own_data
from amana.services.collection import capture
from amana.services.collection.capture import Choice, Submission
from amana.services.record import links, tasks
from amana.services.record.house import House
from amana.settings import Settings

pytestmark = pytest.mark.slow
PROGRAM = "import sys; from amana.cli.main import main; main(sys.argv[1:])"
DENIED = {
    f"{name}": "denied"
    for name in (
        "ad_storage",
        "analytics_storage",
        "ad_user_data",
        "ad_personalization",
        "functionality_storage",
        "personalization_storage",
        "security_storage",
    )
}


class Blank(BaseHTTPRequestHandler):
    """The shop: one empty page."""

    def do_GET(self) -> None:
        body = b'<!doctype html><html lang="en"><title>Shop</title>'
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def shop() -> Iterator[str]:
    """A site of another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class World:
    """A shop, another site, and the server that both know."""

    def __init__(self, house: House, server: str, shop: str, other: str) -> None:
        self.house, self.server, self.shop, self.other = house, server, shop, other


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`amana serve` over a workspace that declares the shop, with one customer."""
    folder: Path = tmp_path_factory.mktemp("sdk") / "workspace"
    settings = Settings(workspace=folder, actor="test")
    with shop() as declared, shop() as other:
        wiring.create(settings, HANDLED.replace(SHOP, declared))
        port = free_port()
        words = [sys.executable, "-c", PROGRAM, "-w", str(folder), "serve", "--port", str(port), "--no-work"]
        process = subprocess.Popen(
            words, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        try:
            with wiring.opened(settings, writing=True) as house:
                said = Submission(
                    capture_point="app",
                    brand="orchard",
                    choices=(Choice(purpose="offers", channel=Channel.EMAIL),),
                    email="ann@example.com",
                    fields={"residence": "DE"},
                )
                capture.submit(house, said)
                yield World(house, f"http://localhost:{port}", declared, other)
        finally:
            process.terminate()
            process.wait(30)


Run = Callable[..., Any]


@pytest.fixture
def run(browser: Any, world: World) -> Iterator[Run]:
    """Runs a script on a page of a fresh visitor: `amana` is connected, `gtag` notes what it is told."""
    context = browser.new_context()
    pages: dict[str, Any] = {}

    def running(script: str, site: str = world.shop, token: str = "", server: str = world.server) -> Any:
        if site not in pages:
            pages[site] = context.new_page()
            pages[site].goto(f"{site}/")
        return pages[site].evaluate(
            """async ([sdk, server, token, script]) => {
                const { connect, SIGNALS } = await import(sdk);
                const amana = connect({ server, token, patience: 3000 });
                const told = [];
                const gtag = (...words) => told.push(words);
                return await eval(`(async () => { ${script} })()`);
            }""",
            [f"{world.server}/web/v1/amana-sdk.js", server, token, script],
        )

    running.context = context  # type: ignore[attr-defined]  # for cookies and init scripts
    yield running
    context.close()


def token(world: World) -> str:
    """The token of a message to the customer."""
    cell = world.house.writing().terms.cell("orchard", "offers", "email")
    return world.house.writing().write(lambda session: links.for_message(world.house, session, 1, cell)).token


def word(world: World) -> str:
    """A session of the customer's, opened with a link mailed just now."""
    own_data.ask(world.house, 1, "orchard", "en")
    mailed: list[Any] = []
    while tasks.work(world.house, {"mail": lambda _, __, payload: mailed.append(payload)}):
        pass
    return own_data.begin(world.house, str(mailed[-1]["token"])).word


def test_everything_is_denied_and_no_cookie_is_set_before_the_visitor_chose(run: Run) -> None:
    assert run("return await amana.consentMode();") == DENIED
    assert run("return await amana.undecided();") is True
    assert run.context.cookies() == []  # type: ignore[attr-defined]  # set above


def test_a_choice_is_kept_in_one_first_party_cookie_and_means_the_same_on_the_next_page(run: Run) -> None:
    run("return await amana.choose({ statistics: true });")
    cookies = run.context.cookies()  # type: ignore[attr-defined]  # set above
    assert [(one["name"], one["domain"], one["sameSite"]) for one in cookies] == [
        ("amana_choices", "127.0.0.1", "Lax")
    ]
    told = run("await amana.consentMode(gtag); return told;")
    assert told[0][:2] == ["consent", "default"]
    assert {value for name, value in told[0][2].items() if name != "wait_for_update"} == {"denied"}
    assert told[1] == ["consent", "update", DENIED | {"analytics_storage": "granted"}]
    assert run("return await amana.segment();") == {
        "consent": {"categoryPreferences": {"statistics": True, "advertising": False, "preferences": False}}
    }
    assert run("return await amana.undecided();") is False


def test_a_browsers_signal_is_honoured_whatever_was_chosen(run: Run) -> None:
    choose = "return (await amana.choose({ advertising: true, statistics: true })).signals;"
    assert run(choose)["ad_storage"] == "granted"
    signal = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true });"
    now = run(f"{signal} return await amana.consentMode();")
    assert now == DENIED | {"analytics_storage": "granted"}


def test_a_choice_that_somebody_wrote_themselves_is_worth_nothing(run: Run) -> None:
    forged = "document.cookie = 'amana_choices=eyJvbiI6WyJhZHZlcnRpc2luZyJdfQ.AAAA; Path=/';"
    assert run(f"{forged} return await amana.consentMode();") == DENIED
    assert run.context.cookies() == []  # type: ignore[attr-defined]  # set above


def test_what_cannot_be_reached_is_denied_and_a_no_that_did_not_arrive_is_seen(run: Run) -> None:
    nowhere = f"http://localhost:{free_port()}"
    assert run("return (await amana.choose({ statistics: true })).signals;", server=nowhere) == DENIED
    assert (
        run("return await amana.decide('contact.email', {});", server=nowhere, token="x")["decision"] is False
    )
    failed = "try { await amana.preferences({ leave: true }); return 'done'; } catch { return 'failed'; }"
    assert run(failed, server=nowhere, token="x") == "failed"


def test_another_site_learns_nothing(run: Run, world: World) -> None:
    assert run("return (await amana.choose({ statistics: true })).signals;", site=world.other) == DENIED
    asked = "return await amana.decide('contact.email', { purpose: 'offers' });"
    assert run(asked, site=world.other, token=token(world))["decision"] is False


def test_a_form_is_handed_in_and_waits_for_its_confirmation(run: Run) -> None:
    form = "{ capture_point: 'web', choices: [{ purpose: 'offers', channel: 'email' }], email: 'zoe@example.com' }"
    assert run(f"return await amana.capture({form});") == {"pending": True}


def test_a_holder_of_a_token_sees_and_changes_their_own_and_the_gate_knows_at_once(
    run: Run, world: World
) -> None:
    held = token(world)
    use = f"return await amana.decide('use.{INTERESTS}', {{ purpose: 'offers', manner: 'profile' }});"
    assert run(use, token=held)["decision"] is True
    refuse = "return await amana.preferences({ refuse: [{ action: 'use.profile', purpose: 'offers' }] });"
    stands = run(refuse, token=held)
    assert stands["events"]
    answer = run(use, token=held)
    assert (answer["decision"], answer["reasons"][0]["code"]) == (False, "withdrawn")
    time.sleep(1.1)  # a yes counts only if it is strictly later
    allow = "return await amana.preferences({ allow: [{ action: 'use.profile', purpose: 'offers' }] });"
    assert run(allow, token=word(world))["events"]
    assert run(use, token=held)["decision"] is True


def test_without_a_token_every_decision_is_no_and_nothing_is_sent(run: Run) -> None:
    sent: list[str] = []
    run("return 1;")
    run.context.on("request", lambda one: sent.append(one.url))  # type: ignore[attr-defined]  # set above
    assert run("return await amana.decide('contact.email', { purpose: 'offers' });")["decision"] is False
    assert not [one for one in sent if "/decisions" in one]


def test_consent_mode_of_somebody_known_follows_the_gate(run: Run, world: World) -> None:
    choose = "return (await amana.choose({ advertising: true })).signals.ad_user_data;"
    assert run(choose) == "granted"  # a visitor who is nobody: their choice alone
    assert run(choose, token=token(world)) == "denied"  # the customer has not let their data be shared


def test_the_script_asks_nothing_of_the_browser_that_identifies_anybody(world: World) -> None:
    script = (Path(wiring.__file__).parent / "data" / "web" / "amana-sdk.js").read_text("utf-8")
    assert len(script.encode()) < 8_000
    assert not re.search(
        r"localStorage|sessionStorage|indexedDB|userAgent|canvas|screen\.|import\s*\(", script
    )
