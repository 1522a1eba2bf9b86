"""How fast the interface answers over HTTP: evaluations one by one and by the thousand, on one serving process.

Rule. The server runs in a process of its own, as `amana serve` starts it; the client is a bare asyncio loop in this one,
with 64 open connections that each wait for their answer before they ask again. Beside the evaluation stand a document of
the same server, which decides nothing and shows what HTTP itself costs, and the gate asked without HTTP. Permits are
taken and redeemed in batches, each one durable transaction (SQLite in WAL mode, `synchronous=FULL`, answered after its
commit). Client and server share the machine's cores, so the figures are floors. Percentiles are of single requests.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lists
import pages
from amana import wiring
from amana.services.audience import cache
from amana.services.gate import permits
from amana.services.gate.asking import Gate
from amana.services.record import api_keys
from amana.services.record.house import House
from amana.settings import Settings
from figures import Figure, spent

SECTION = "http"
PEOPLE = 50_000
CONNECTIONS = 64
REQUESTS = 20_000
BATCH = 1_000
BATCHES = 20
DOCUMENT = "/.well-known/authzen-configuration"


def figures(size: int) -> list[Figure]:
    """All figures, on at least fifty thousand people and at most a million."""
    people = min(max(size, PEOPLE), 1_000_000)
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        folder = Path(name)
        settings = Settings(workspace=folder / "workspace", actor="benchmark")
        wiring.create(settings, lists.WORKSPACE)
        lists.write(folder / "list.csv", people)
        with wiring.opened(settings, writing=True) as house:
            lists.imported(house, folder / "list.csv")
            key = api_keys.make(house, "benchmark", ["*"], ["decide", "permit"]).key
            alone = _gate(Gate(house), people)
            in_process = [one for size in (50, BATCH) for one in _permits(house, people, size)]
            words = pages.tokens(house)
            cell = house.writing().terms.cell(
                lists.QUESTION.brand, lists.QUESTION.purpose, lists.QUESTION.channel.value
            )
            cache.catch_up(house, cell)  # the server would make the columns beside its answers
        gc.collect()
        gc.freeze()  # the client's own collections are not the server's time
        with _served(settings.workspace) as port:
            asyncio.run(_load(port, _batches(people, key, "brief")[:1], 1))  # warms up
            return [
                alone,
                _figure(
                    "a request that decides nothing",
                    port,
                    [_get("/.well-known/authzen-configuration", key)] * REQUESTS,
                    1,
                    alone,
                ),
                _figure("evaluation", port, _evaluations(people, key), 1, alone),
                _figure(
                    f"evaluations of {BATCH:,}", port, _batches(people, key), BATCH, alone, connections=2
                ),
                _figure(
                    f"evaluations of {BATCH:,}, briefly",
                    port,
                    _batches(people, key, "brief") * 5,
                    BATCH,
                    alone,
                    connections=2,
                ),
                *in_process,
                _figure(f"permits of {BATCH:,}", port, _wanted(people, key), BATCH, alone, connections=2),
                *pages.figures(port, key, words, _question(1)),
            ]


def _gate(gate: Gate, people: int) -> Figure:
    draw = random.Random(7)
    at = gate.house.clock()
    wanted = [draw.randrange(1, people + 1) for _ in range(REQUESTS)]
    used = spent(lambda: [gate.ask(person, lists.QUESTION, at) for person in wanted])
    gate.close()
    return Figure(SECTION, "the gate alone, without HTTP", used.wall, used.cpu, REQUESTS, "decisions")


def _permits(house: House, people: int, size: int) -> list[Figure]:
    """Taking and redeeming permits in batches, without HTTP."""
    gate, draw = Gate(house), random.Random(7)
    content = house.random(32)
    batches = [
        [
            permits.Request(person=person, inquiry=lists.QUESTION, content=content)
            for person in draw.sample(range(1, people + 1), size)
        ]
        for _ in range(1 + 10_000 // size)
    ]
    permits.take(house, gate, batches[0])  # warms up
    taken: list[list[permits.Taken]] = []
    took = spent(lambda: taken.extend(permits.take(house, gate, one) for one in batches[1:]))
    wanted = [[(one.permit, content, lists.QUESTION) for one in batch if one.permit] for batch in taken]
    redeemed = spent(lambda: [permits.redeem(house, gate, one) for one in wanted])
    gate.close()
    good = sum(map(len, wanted))
    note = f"{good:,} of {size * len(taken):,} granted; a synced commit each; promise: 5,000 a second"
    return [
        Figure(
            SECTION, f"permits asked for, {size:,} at a time", *took, size * len(taken), "requests", note=note
        ),
        Figure(SECTION, f"permits redeemed, {size:,} at a time", *redeemed, good, "permits"),
    ]


def _wanted(people: int, key: str) -> list[bytes]:
    draw = random.Random(7)
    question = _question(1)
    return [
        _post(
            "/v1/permits",
            key,
            {
                "subject": question["subject"],
                "action": question["action"],
                "requests": [
                    {"person": f"p{draw.randrange(1, people + 1)}", "content": f"{number:064x}"}
                    for _ in range(BATCH)
                ],
            },
        )
        for number in range(BATCHES)
    ]


def _figure(
    what: str, port: int, requests: list[bytes], each: int, alone: Figure, connections: int = CONNECTIONS
) -> Figure:
    asyncio.run(_load(port, requests[: max(len(requests) // 10, 2)], connections))  # warms up
    seconds, times = asyncio.run(_load(port, requests, connections))
    times.sort()
    p50, p99 = times[len(times) // 2] * 1e3, times[len(times) * 99 // 100] * 1e3
    count = len(requests) * each
    against = alone.seconds * count / alone.count
    note = f"{connections} connections; p50 {p50:.1f} ms, p99 {p99:.1f} ms; ratio is against the gate alone"
    return Figure(SECTION, what, seconds, 0.0, count, "decisions", against=against, note=note)


def _evaluations(people: int, key: str) -> list[bytes]:
    draw = random.Random(7)
    return [
        _post("/access/v1/evaluation", key, _question(draw.randrange(1, people + 1))) for _ in range(REQUESTS)
    ]


def _batches(people: int, key: str, detail: str = "full") -> list[bytes]:
    draw = random.Random(7)
    found = []
    for _ in range(BATCHES):
        parts = [
            {"resource": {"type": "person", "id": f"p{draw.randrange(1, people + 1)}"}} for _ in range(BATCH)
        ]
        whole = _question(1) | {"evaluations": parts, "options": {"detail": detail}}
        found.append(_post("/access/v1/evaluations", key, whole))
    return found


def _question(person: int) -> dict[str, object]:
    return {
        "subject": {"type": "brand", "id": lists.QUESTION.brand},
        "action": {
            "name": f"contact.{lists.QUESTION.channel.value}",
            "properties": {"purpose": lists.QUESTION.purpose},
        },
        "resource": {"type": "person", "id": f"p{person}"},
    }


def _post(path: str, key: str, value: dict[str, object]) -> bytes:
    body = json.dumps(value).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n".encode()


async def _load(port: int, requests: list[bytes], connections: int) -> tuple[float, list[float]]:
    waiting = iter(requests)
    times: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(*(_client(port, waiting, times) for _ in range(connections)))
    return time.perf_counter() - started, times


async def _client(port: int, waiting: Iterator[bytes], times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in waiting:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode("latin-1"))
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        times.append(time.perf_counter() - started)
    writer.close()


@contextmanager
def _served(workspace: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    words = ["-w", str(workspace), "serve", "--no-work", "--port", str(port)]
    code = "import sys; from amana.cli.main import main; main(sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):  # a loaded machine takes its time
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)
