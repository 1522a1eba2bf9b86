"""Passes one message on in a process of its own, so that it can be killed: folder, UTC second, message, recipients."""

from __future__ import annotations

import sys
from pathlib import Path

from amana import wiring
from amana.delivery.gate import Errand
from amana.delivery.raw import read
from amana.services.messaging.relaying import Relaying
from amana.services.record.posting import open_post
from amana.settings import Settings

folder, now, message, *recipients = sys.argv[1:]
content = Path(message).read_bytes()
settings = Settings(workspace=Path(folder), actor="test")
with wiring.opened(settings, writing=True, at=lambda: int(now)) as house:
    relaying = Relaying(house, open_post(house))
    errand = Errand(brand="orchard", purpose="offers")
    relaying.carry(errand, read(content), content, recipients, partial=True)
