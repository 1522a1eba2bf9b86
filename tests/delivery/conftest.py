"""Real workspaces, and a real relay on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from post_samples import Clock, SinkHandler, definition, sink

from amana import wiring
from amana.delivery.listening import Listener
from amana.services.messaging.sending import Sender
from amana.services.record.house import House
from amana.services.record.posting import Post, open_post
from amana.settings import Settings


@pytest.fixture
def clock() -> Clock:
    """The time in the workspace."""
    return Clock()


@pytest.fixture
def handler() -> SinkHandler:
    """What the relay got."""
    return SinkHandler()


@pytest.fixture
def relay(handler: SinkHandler) -> Iterator[Listener]:
    """A relay on this machine."""
    with sink(handler) as listening:
        yield listening


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace that tests copy."""
    folder = tmp_path_factory.mktemp("empty") / "workspace"
    return wiring.create(Settings(workspace=folder, actor="test"), definition(25))


@pytest.fixture
def opening(tmp_path: Path, empty: Path, clock: Clock) -> Iterator[Callable[..., House]]:
    """Opens a workspace of its own that sends to a port; see `definition`."""
    with ExitStack() as stack:

        def open_house(
            port: int, mail: str = "", more: str = "", files: dict[str, str] | None = None
        ) -> House:
            folder = tmp_path / "workspace"
            if not folder.exists():
                shutil.copytree(empty, folder)
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
