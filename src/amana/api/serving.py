"""Serving: one process of the server, from settings to an application that granian runs.

Rule. The house is opened once, in the process that serves; that process is spawned, never forked, so that no lock, thread
or connection is inherited. What works beside it is a thread of the same process over the same house: one writer to a
process. Both end with the server. Off this machine plain HTTP is refused: there must be a certificate, or a proxy in
front that is said to be there. An address that somebody listens at is refused, also where the system would share it,
and that it is served is said once it is held. The pages of other rooms are handed in as a function of the open house.
"""

from __future__ import annotations

import errno
import gc
import multiprocessing
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from litestar.types import ControllerRouterHandler

from amana import errors, wiring
from amana.api import app
from amana.api.desk import Options
from amana.core import public_holidays
from amana.services.record.house import House
from amana.settings import Settings

Pages = Callable[[Callable[[], House]], Sequence[ControllerRouterHandler]]

Work = Callable[[House, threading.Event], None]
"""What works beside the server, until the event is set."""

HEADER_PATIENCE = 10  # seconds for a request's headers to arrive
LEAVING = 20  # seconds for the work in hand to end
LOCAL = ("127.0.0.1", "::1", "localhost")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how the server listens."""

    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_hops: int = 0


class Loader:
    """Makes the application inside the process that serves it; can be sent there."""

    def __init__(
        self, settings: Settings, place: Place, pages: Pages | None = None, work: Work | None = None
    ) -> None:
        self._settings, self._place, self._pages, self._work = settings, place, pages, work

    def __call__(self, *_: object) -> app.Application:
        """Open the house, begin the work beside the server, and build the application."""
        stack = ExitStack()
        house = stack.enter_context(wiring.opened(self._settings, writing=True))
        public_holidays.load()
        if self._work is not None:
            stack.callback(_begin(self._work, house))
        options = Options(trusted_hops=self._place.trusted_hops, tls=self._place.tls_cert is not None)
        more = self._pages(lambda: house) if self._pages else ()
        made = app.make(house, options, more, closing=stack.close)
        gc.collect()
        gc.freeze()  # what lives as long as the server is not looked through again while answers wait
        return made


def _begin(work: Work, house: House) -> Callable[[], None]:
    """Begin the work in a thread; what ends it."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(house, stop), name="amana-worker", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=LEAVING)

    return end


def check(place: Place) -> None:
    """Refuse a place that would carry people's choices in the clear. Raises BadInput."""
    if (place.tls_cert is None) != (place.tls_key is None):
        raise errors.BadInput(
            "A certificate and its key belong together", remedy="give --tls-cert and --tls-key"
        )
    if place.host not in LOCAL and place.tls_cert is None and not place.trusted_hops:
        raise errors.BadInput(
            "Plain HTTP is served on this machine only",
            expected="--tls-cert and --tls-key, or --trusted-hops 1 behind a proxy that ends TLS",
            remedy="give one of them, or leave --host out",
        )
    for path in (place.tls_cert, place.tls_key):
        if path is not None and not path.is_file():
            raise errors.NotFound("The certificate or its key is not there", remedy="check the path")


def free(place: Place) -> str:
    """The number of the address that is to be listened at, which is free.

    Raises Conflict where another program listens at it, BadInput where nobody could.
    """
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        with socket.socket(family, kind, protocol) as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past connections do not count
            held.bind(address)
    except OSError as trouble:  # of a name that is not known, too
        where = f"{place.host}:{place.port}"
        if trouble.errno == errno.EADDRINUSE:
            raise errors.Conflict(
                f"Another program listens at {where}",
                expected="a port that is free",
                remedy=f"stop it, or choose another port: --port {place.port % 65_535 + 1}",
            ) from trouble
        if trouble.errno == errno.EACCES:
            raise errors.BadInput(
                f"This user may not listen at {where}", remedy="choose a port from 1024 on: --port 8080"
            ) from trouble
        raise errors.BadInput(
            f"{place.host} is not an address of this machine",
            expected="one of its addresses, such as 127.0.0.1",
            remedy="mend --host, or leave it out",
        ) from trouble
    return str(address[0])


def serve(
    settings: Settings,
    place: Place,
    pages: Pages | None = None,
    work: Work | None = None,
    listening: Callable[[], None] | None = None,
) -> None:
    """Serve until interrupted; `listening` is called once the address is held.

    Raises BadInput, NotFound, Conflict, and what opening the workspace raises.
    """
    check(place)
    with wiring.opened(settings, writing=True):  # says here, once and in words, what is wrong
        pass
    number = free(place)
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "amana",
        address=number,
        port=place.port,
        interface=Interfaces.ASGI,
        workers=1,
        websockets=False,
        log_enabled=False,
        ssl_cert=place.tls_cert,
        ssl_key=place.tls_key,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_PATIENCE * 1_000),
        backpressure=1_024,
    )
    if listening is not None:
        server.on_startup(listening)
    server.serve(target_loader=Loader(settings, place, pages, work), wrap_loader=False)
