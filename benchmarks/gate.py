"""How many messages a second the gate passes on, to a relay in a process of its own.

Rule. Real sockets, real permits, durable commits; the senders and the relay are processes of their own. The figure
counts copies that the relay took. Two shapes: one
recipient a message, as a sending system has it that writes to each person; and fifty recipients a message. Usage:
`python benchmarks/gate.py [messages] [senders]`.
"""

from __future__ import annotations

import multiprocessing
import smtplib
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from amana import wiring
from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Channel, Proof, Status
from amana.delivery.listening import Listener
from amana.services.collection import imports
from amana.services.messaging import gating
from amana.services.record.house import House
from amana.services.record.posting import open_post
from amana.settings import Settings

NOW = 1_779_957_000  # a Thursday morning
DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE"]
stored_in = "DE"
address = "1 Orchard Street, Berlin"
site = "https://my.orchard.example"
[brands.orchard]
name = "Orchard Street"
[purposes.offers]
notice = "offers"
channels = ["email"]
category = "marketing"
[notices.offers]
version = "1"
who = "Orchard Street Ltd"
purposes = ["offers"]
channels = ["email"]
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
[mail]
sender = "hello@orchard.example"
port = PORT
security = "none"
[gate]
listen = "127.0.0.1:0"
[gate.senders."shop@orchard.example"]
brand = "orchard"
purpose = "offers"
"""


class Counting:
    """Takes everything and counts."""

    run: Any = None

    def __init__(self) -> None:
        self.taken = 0

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802  the library's name
        """One message."""
        self.taken += 1
        return "250 ok"


def relay(told: Connection) -> None:
    """The relay's process: says its port, then how much it took."""
    handler = Counting()
    with Listener(("127.0.0.1", 0), handler, most_bytes=1_000_000) as listening:
        told.send(listening.port)
        told.recv()
        told.send(handler.taken)


def people(house: House, number: int) -> list[str]:
    """People who agreed; their addresses."""
    addresses = [f"person{one}@example.com" for one in range(number)]
    when = Interval(lo=NOW - 864_000, hi=NOW - 864_000)
    given = Statement(
        status=Status.GIVEN, occurred=when, purpose="offers", channel=Channel.EMAIL, proof=Proof(sum(Proof))
    )
    rows = [
        PersonRow(part="", line=line, email=address, fields={"residence": "DE"}, statements=(given,))
        for line, address in enumerate(addresses)
    ]
    order = imports.Order(
        kind="table",
        name="list",
        digest="0" * 64,
        reading="",
        evidence="form",
        brand="orchard",
        fields=("residence",),
        rows=lambda start: iter(rows[start[1] if start else 0 :]),
    )
    imports.run(house, order)
    return addresses


def letter(number: int) -> bytes:
    """One campaign message."""
    made = EmailMessage(policy=SMTP)
    made["From"] = "Orchard Street <shop@orchard.example>"
    made["To"] = "undisclosed-recipients:;"
    made["Subject"] = "Apples"
    made["Message-ID"] = f"<{sha256(str(number).encode()).hexdigest()[:20]}@shop.orchard.example>"
    made.set_content("Apples are ripe.\n" * 20)
    made.add_alternative("<html><body>" + "<p>Apples are ripe.</p>" * 20 + "</body></html>", subtype="html")
    return made.as_bytes()


def send(port: int, batches: list[tuple[int, bytes, list[str]]]) -> None:
    """One sending system."""
    with smtplib.SMTP("127.0.0.1", port, timeout=120) as smtp:
        for _, content, recipients in batches:
            smtp.sendmail("shop@orchard.example", recipients, content)


def passed(port: int, addresses: list[str], shape: int, senders: int) -> float:
    """Copies a second for messages of `shape` recipients."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=sending, args=(theirs, port, addresses, shape, senders)
    )
    process.start()
    seconds: float = ours.recv()
    process.join()
    return len(addresses) / seconds


def sending(told: Connection, port: int, addresses: list[str], shape: int, senders: int) -> None:
    """The sending systems' process: says how many seconds it took."""
    batches = [
        (start, letter(start), addresses[start : start + shape]) for start in range(0, len(addresses), shape)
    ]
    began = time.perf_counter()
    with ThreadPoolExecutor(senders) as pool:
        done = [pool.submit(send, port, batches[one::senders]) for one in range(senders)]
        for one in done:
            one.result()
    told.send(time.perf_counter() - began)


def main(number: int, senders: int) -> None:
    """Measure and print both shapes."""
    sys.setswitchinterval(gating.SWITCH)  # as `amana gate` does
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=relay, args=(theirs,))
    process.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory(prefix="amana-gate-") as folder:
        settings = Settings(workspace=Path(folder) / "workspace", actor="bench")
        wiring.create(settings, DEFINITION.replace("PORT", str(port)))
        with wiring.opened(settings, writing=True, at=lambda: NOW) as house:
            addresses = people(house, 2 * number)
            post = open_post(house)
            gate = house.workspace.gate
            if gate is None:
                raise SystemExit("the workspace has no gate")
            with gating.listener(house, post, gate) as listening:
                for shape, some in ((1, addresses[:number]), (50, addresses[number:])):
                    rate = passed(listening.port, some, shape, senders)
                    print(f"{shape:3} recipients a message: {rate:,.0f} copies/s")
            post.close()
    ours.send("done")
    print(f"the relay took {ours.recv():,} of {2 * number:,}")
    process.join()


if __name__ == "__main__":
    main(*(int(word) for word in (sys.argv[1:] + ["1000", "16"][len(sys.argv) - 1 :])))
