"""Real workspaces, and a real relay on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from post_samples import NOW, definition

from amana import wiring
from amana.delivery.listening import Listener
from amana.services.messaging.sending import Sender
from amana.services.record.house import House
from amana.services.record.posting import Post, open_post
from amana.settings import Settings
from worlds.clock import Clock
from worlds.houses import Templates
from worlds.relay import Sink, listening


@pytest.fixture
def clock() -> Clock:
    """The time in the workspace."""
    return Clock(NOW)


@pytest.fixture
def handler() -> Sink:
    """What the relay got."""
    return Sink()


@pytest.fixture
def relay(handler: Sink) -> Iterator[Listener]:
    """A relay on this machine."""
    with listening(handler) as listener:
        yield listener


@pytest.fixture
def opening(tmp_path: Path, clock: Clock, templates: Templates) -> Iterator[Callable[..., House]]:
    """Opens a workspace of its own that sends to a port; see `definition`."""
    with ExitStack() as stack:

        def open_house(
            port: int, mail: str = "", more: str = "", files: dict[str, str] | None = None
        ) -> House:
            folder = tmp_path / "workspace"
            if not folder.exists():
                templates.copied(definition(25), folder)
            (folder / wiring.DEFINITION).write_text(definition(port, mail, more), "utf-8")
            for name, text in (files or {}).items():
                (folder / name).write_text(text, "utf-8")
                (folder / name).chmod(0o600)
            settings = Settings(workspace=folder, actor="test")
            return stack.enter_context(wiring.opened(settings, writing=True, at=clock))

        yield open_house


@pytest.fixture
def house(opening: Callable[..., House], relay: Listener) -> House:
    """A workspace that sends to the relay."""
    return opening(relay.port)


@pytest.fixture
def post(house: House) -> Iterator[Post]:
    """Its post office."""
    opened = open_post(house)
    yield opened
    opened.close()


@pytest.fixture
def sender(house: House, post: Post) -> Sender:
    """Its workers."""
    return Sender(house, post)
