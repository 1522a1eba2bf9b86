"""A worker process that runs until it is killed: `worker_driver.py FOLDER SPEED`.

Its clock runs SPEED times as fast as the world's, so that pauses of minutes take moments.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from post_samples import NOW

from amana import wiring
from amana.services.messaging.sending import Sender
from amana.services.record.posting import open_post
from amana.settings import Settings


def main(folder: Path, speed: int) -> None:
    """Work for ever."""
    started = float((folder / "started").read_text())

    def clock() -> int:
        return NOW + int((time.time() - started) * speed)

    with wiring.opened(Settings(workspace=folder, actor="test"), writing=True, at=clock) as house:
        sender = Sender(house, open_post(house))
        while True:
            if not sender.work():
                time.sleep(0.02)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
