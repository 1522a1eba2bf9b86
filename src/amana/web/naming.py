"""What the workspace's own things are called on a page.

Rule. The workspace's label in the visitor's language comes first, then any that it has, then our own word for what a
field means, then the key with spaces. A key is never a sentence's only content: the switch that it names also names the
channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from amana.core import cells, shown
from amana.core.notices import Published
from amana.core.statements import ANY
from amana.core.workspace import Workspace
from amana.services.gate import handling
from amana.services.gate.handling import Handling
from amana.services.record.house import House
from amana.storage import register
from amana.web.words import Words

MEANT = frozenset(
    {"residence", "region", "zone", "birth_date", "full_name", "legal_form", "language", "guardian"}
)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A published notice as a page shows it."""

    id: str
    version: str
    mark: str  # sent back with what is said under it
    who: str
    purposes: tuple[str, ...]
    channels: tuple[str, ...]
    shared_with: tuple[str, ...]
    kept_for: str
    withdraw: str
    text: Mapping[str, str]


def notice(published: Published) -> Notice:
    """The notice behind a published version."""
    told = {"id": published.id, "version": published.version, "mark": shown.mark(published)}
    return msgspec.convert({**published.content, **told}, Notice)


def notices(house: House, purposes: Iterable[str]) -> list[Notice]:
    """The published notices that a yes for these purposes rests on, each once, in the order of the purposes."""
    with house.database.read() as connection:
        latest = {one.id: one for one in register.notice_versions(connection)}
    names = dict.fromkeys(house.workspace.purposes[one].notice for one in purposes)
    return [notice(latest[name]) for name in names if name in latest]


def purpose(workspace: Workspace, name: str, spoken: Words) -> str:
    """What people call a purpose."""
    if name == ANY:
        return spoken.plain("everything")
    one = workspace.purposes.get(name)
    return spoken.given(one.label if one else {}, name)


def channel(name: str, spoken: Words) -> str:
    """What people call a channel."""
    return spoken.plain("every_channel") if name == ANY else spoken.channel(name)


def field(workspace: Workspace, name: str, spoken: Words) -> str:
    """What people call a registered field."""
    one = workspace.fields[name]
    if not one.label and one.means in MEANT:
        return spoken.plain(f"field_{one.means}")
    return spoken.given(one.label, name)


def data(workspace: Workspace, asked: Handling, spoken: Words) -> str:
    """What people call the data that a use or a sharing touches."""
    touched = {id(one) for one in handling.touches(workspace, asked)}
    return ", ".join(
        field(workspace, name, spoken) for name, one in workspace.fields.items() if id(one) in touched
    )


def handled(workspace: Workspace, action: str, spoken: Words) -> str:
    """What a use is for, or who receives the data and where."""
    to = handling.recipient(workspace, action)
    if to is None:
        return spoken.plain(f"data_{action.removeprefix(cells.USE)}")
    name = to.label.get(spoken.language) or next(iter(to.label.values()), to.name)
    return spoken.plain("data_shared", recipient=name, country=spoken.country(to.country))


def topic(workspace: Workspace, name: str, spoken: Words) -> str:
    """What people call a topic."""
    return spoken.given(workspace.topics[name], name)
