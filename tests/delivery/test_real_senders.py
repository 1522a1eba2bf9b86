"""Real sending systems send a campaign through the gate: whom the screen allows gets it, and nobody else.

Exim stands for a company's mail server, swaks for a program that speaks SMTP itself. Both are real programs in processes
of their own; `tests/senders.sh` installs them where it may. The relay behind the gate takes what it gets, really.
"""

from __future__ import annotations

import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from post_samples import OFFERS, known, letter

from amana.core.vocabulary import Channel
from amana.delivery.listening import Listener
from amana.services.audience import screening
from amana.services.collection import preferences
from amana.services.collection.capture import Choice, Context
from amana.services.gate.asking import Gate
from amana.services.messaging import gating
from amana.services.record.house import House
from amana.services.record.posting import open_post
from worlds.relay import Sink
from worlds.serving import free_port

EXIM = shutil.which("exim4", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SHOP = "shop@orchard.example"
OFF = preferences.Change(off=(Choice(purpose="offers", channel=Channel.EMAIL),))
SENDERS = f"""
[gate]
listen = "127.0.0.1:0"
[gate.senders."{SHOP}"]
brand = "orchard"
purpose = "offers"
"""
PEOPLE = {f"person{number}@example.com": number % 5 != 0 for number in range(1_000)}
ALLOWED = {address for address, agreed in PEOPLE.items() if agreed}
LEAVING = ("person998@example.com", "person999@example.com")
PATIENCE = 50  # seconds

CONFIGURATION = """
primary_hostname = shop.orchard.example
spool_directory = {folder}/spool
log_file_path = {folder}/log-%s
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
acl_smtp_rcpt = taken
acl_smtp_data = taken
never_users =
tls_advertise_hosts =
recipients_max = 5000
remote_max_parallel = 2
queue_run_max = 5
ignore_bounce_errors_after = 0s
keep_environment =
begin acl
taken:
  accept
begin routers
bounces:
  driver = redirect
  senders = :
  data = :blackhole:
gate:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  self = send
  transport = gate
begin transports
gate:
  driver = smtp
  port = {gate}
  max_rcpt = 50
  hosts_avoid_tls = *
  hosts_avoid_pipelining = *
begin retry
* * F,1h,1s
"""


class Campaign:
    """A workspace of a thousand people, its gate, and two who leave while the campaign runs."""

    def __init__(self, house: House, handler: Sink) -> None:
        self.house, self.handler = house, handler
        known(house, PEOPLE)
        gate = Gate(house)
        self._leaving = [gate.ask_address(one, OFFERS)[1][0] for one in LEAVING]
        gate.close()
        self.left_after = -1
        handler.answer = self._leave

    def _leave(self, recipient: str) -> str:
        if self.left_after < 0 and len(self.handler.taken) >= 200:
            self.left_after = len(self.handler.taken)
            threading.Thread(target=self._withdraw).start()
        return "250 ok"

    def _withdraw(self) -> None:
        for one in self._leaving:
            preferences.change(self.house, one, "orchard", OFF, Context())

    @contextmanager
    def gate(self) -> Iterator[int]:
        """The gate's port."""
        assert self.house.workspace.gate is not None
        post = open_post(self.house)
        with gating.listener(self.house, post, self.house.workspace.gate) as listening:
            yield listening.port
        post.close()

    def check(self) -> None:
        """Exactly those whom the screen allowed got it, once each, but for the two who left meanwhile."""
        got = [one.recipient for one in self.handler.taken]
        assert len(got) == len(set(got))
        assert set(got) == ALLOWED - set(LEAVING)
        assert 0 < self.left_after < len(got)  # they left while it ran


@pytest.fixture
def campaign(opening: Callable[..., House], relay: Listener, handler: Sink) -> Campaign:
    """The campaign, not sent yet."""
    house = opening(relay.port, more=SENDERS)
    made = Campaign(house, handler)
    assert screening.screen(house, OFFERS).counts.allowed == len(ALLOWED)
    return made


@pytest.mark.slow
@pytest.mark.skipif(EXIM is None or os.geteuid() != 0, reason="needs exim4 and root; see tests/senders.sh")
def test_a_mail_server_sends_a_campaign_through_the_gate(campaign: Campaign) -> None:
    with campaign.gate() as gate, mail_server(gate) as (port, folder):
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as smtp:
            everybody = list(PEOPLE)
            for start in range(0, len(everybody), 100):
                batch = everybody[start : start + 100]
                smtp.sendmail(SHOP, batch, letter(str(start), X_Amana_Partial="yes"))
        until = time.monotonic() + PATIENCE
        while any((folder / "spool" / "input").rglob("*-H")) and time.monotonic() < until:
            time.sleep(0.1)
        log = (folder / "log-main").read_text("utf-8")
    campaign.check()
    assert "550 5.7.1 withdrawn" in log  # the server learned the reason of each No


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed; see tests/senders.sh")
def test_a_script_sends_a_campaign_through_the_gate(campaign: Campaign, tmp_path: Path) -> None:
    everybody, refused = list(PEOPLE), ""
    with campaign.gate() as gate:
        for start in range(0, len(everybody), 200):
            message = tmp_path / f"{start}.eml"
            message.write_bytes(letter(str(start), X_Amana_Partial="yes"))
            words = ["--server", "127.0.0.1", "--port", str(gate), "--from", SHOP, "--data", f"@{message}"]
            to = ",".join(everybody[start : start + 200])
            ran = subprocess.run(
                ["swaks", *words, "--to", to], capture_output=True, text=True, check=False, timeout=PATIENCE
            )
            assert ran.returncode == 0, ran.stdout[-500:]
            refused += ran.stdout
    campaign.check()
    assert refused.count("550 5.7.1 withdrawn") >= len(PEOPLE) - len(ALLOWED)


@contextmanager
def mail_server(gate: int) -> Iterator[tuple[int, Path]]:
    """An Exim of our own that sends everything to the gate; its port and its folder."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="amana-exim-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.chown(folder, "Debian-exim", "Debian-exim")
        written = folder / "exim.conf"
        written.write_text(CONFIGURATION.format(folder=folder, port=port, gate=gate), "utf-8")
        assert EXIM is not None
        process = subprocess.Popen([EXIM, "-C", str(written), "-bdf", "-q1s"])
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield port, folder
        finally:
            process.terminate()
            process.wait(timeout=20)
