"""Serves the pages of a workspace and nothing else: `page_server.py WORKSPACE PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar

from amana import wiring
from amana.settings import Settings
from amana.web import app


async def main(workspace: Path, port: int) -> None:
    """Serve until the process is ended."""
    with wiring.opened(Settings(workspace=workspace, actor="server"), writing=True) as house:
        site = Litestar([app.routes(lambda: house)], openapi_config=None)
        await Server(site, address="127.0.0.1", port=port, interface=Interfaces.ASGI).serve()


if __name__ == "__main__":
    import asyncio

    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
