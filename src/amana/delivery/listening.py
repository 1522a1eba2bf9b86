"""Listening: an SMTP or LMTP server of ours, on a thread of its own.

Rule. What comes in is handled by blocking code on a few worker threads, so that one slow message holds up no other.
Every limit is ours: size, time, recipients. Nothing of a message or an address is logged. `with` starts it, and
leaving the block stops it after the messages that are being handled.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from amana import errors

T = TypeVar("T")
THREADS = 24
PATIENCE = 120  # seconds that a client may be silent

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # the library would log addresses


class Listener:
    """One listening address. `handler` has aiosmtpd's `handle_*` hooks and gets `run` to call blocking code."""

    def __init__(
        self,
        place: tuple[str, int],
        handler: Any,
        *,
        lmtp: bool = False,
        most_bytes: int,
        tls: ssl.SSLContext | None = None,
        **options: Any,
    ) -> None:
        self._place, self._handler = place, handler
        self._kind = LMTP if lmtp else SMTP
        self._options: dict[str, Any] = {
            "data_size_limit": most_bytes,
            "enable_SMTPUTF8": True,
            "hostname": "amana",
            "ident": "ESMTP",
            "timeout": PATIENCE,
            "tls_context": tls,
        } | options
        self._threads = ThreadPoolExecutor(THREADS, "amana-mail")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="amana-listener", daemon=True)
        self._server: asyncio.Server | None = None
        self._trouble: OSError | None = None
        self._ready = threading.Event()
        self.port = 0

    def __enter__(self) -> Listener:
        """Listen. Raises BadInput if the address cannot be had."""
        self._handler.run = self.run
        self._thread.start()
        self._ready.wait()
        if self._trouble is not None:
            self._thread.join()
            raise errors.BadInput(
                "The place to listen at cannot be had",
                got=self._trouble.strerror or "",
                remedy="choose another port, or stop what uses it",
            )
        return self

    def __exit__(self, *failure: object) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._threads.shutdown()

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        """Run blocking code on a worker thread."""
        return await self._loop.run_in_executor(self._threads, work, *given)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            host, port = self._place
            self._server = self._loop.run_until_complete(
                self._loop.create_server(self._protocol, host, port, backlog=512)
            )
            self.port = self._server.sockets[0].getsockname()[1]
        except OSError as trouble:
            self._trouble = trouble
        self._ready.set()
        if self._trouble is None:
            self._loop.run_forever()
            self._loop.run_until_complete(self._ended())
        self._loop.close()

    def _protocol(self) -> asyncio.BaseProtocol:
        return self._kind(self._handler, loop=self._loop, **self._options)

    async def _ended(self) -> None:
        if self._server is not None:
            self._server.close()
        open_ = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        for one in open_:
            one.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
        await asyncio.sleep(0)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The context of a server's certificate. Raises BadSettings."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as bad:
        raise errors.BadSettings(
            "The certificate cannot be used",
            expected="a certificate chain and its key, both PEM",
            remedy="check the two files that the workspace names",
        ) from bad
    return context
