"""Serves the pages of a workspace and nothing else: `page_server.py WORKSPACE PORT`."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar

from amana import wiring
from amana.services.record.limits import Buckets
from amana.settings import Settings
from amana.web import app
from amana.web.pacing import Pace


async def main(workspace: Path, port: int) -> None:
    """Serve until the process is ended."""
    with wiring.opened(Settings(workspace=workspace, actor="server"), writing=True) as house:
        # One visitor does what a thousand do: a clock that runs on refills every measure at once.
        ticks = itertools.count()
        pace = Pace(Buckets(lambda: float(next(ticks) * 1_000)))
        site = Litestar([app.routes(lambda: house, pace)], openapi_config=None)
        await Server(site, address="127.0.0.1", port=port, interface=Interfaces.ASGI).serve()


if __name__ == "__main__":
    import asyncio

    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
