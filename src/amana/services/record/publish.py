"""Publishing: the workspace file's terms get their numbers, and its notices their versions.

Rule.
- Terms keep their number for ever. A notice version that anybody answered never changes; a change is a new version, and
  whether it is material is decided by what changed (`core.notices`).
- A version that nobody answered may be replaced. That is read from the log: every event since the version was published
  is opened, until one names it; one that does not open any more, because its person was erased, or an import that is
  running, counts as an answer. No state and no column says under which version somebody spoke, so nothing shorter does.
- The log is read before the writers' turn, chunk by chunk, up to where it ends. In the turn that replaces the version
  only what came since is opened, and what the same batch is about to record is looked at.
- Each publication is an event of the workspace in the ledger, so that the wording a consent was given under can be
  proved; one that takes another's place names the hash of what stood there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import events, notices
from amana.core import workspace as workspaces
from amana.core.notices import Change, Published
from amana.core.statements import Interval
from amana.core.vocabulary import Actor
from amana.ledger import canonical
from amana.services.record import history
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import erasures, log, register, sources

CHUNK = 500  # log positions that are opened at once
ROUNDS = 3  # how often the log is followed to its end before the turn, while others write on

Asked = Callable[[Published], bool]
"""Whether anybody may have said anything under a published version; in doubt, yes."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log was read for an answer to one wording."""

    start: int  # the log position at which its version was first published
    upto: int  # no event below names it
    answered: bool


def pending(house: House) -> list[Change]:
    """What publishing the workspace file would change, notice by notice. Raises Conflict for a version used before."""
    with house.database.read() as connection:
        published = _published(connection)
    return _changes(house, published, lambda version: look(house, version).answered)


def publish(house: House) -> list[Change]:
    """Number new terms and publish changed notices. Raises Conflict if a version that people answered was altered."""
    looked = _looked(house)

    def work(session: Session) -> list[Change]:
        for kind, names in (
            ("brand", house.workspace.brands),
            ("purpose", house.workspace.purposes),
            ("topic", house.workspace.topics),
            ("recipient", house.workspace.recipients),
        ):
            register.add_terms(session.connection, kind, names)
        register.add_categories(session.connection, workspaces.categories(house.workspace))
        changes = _changes(
            house,
            _published(session.connection),
            lambda version: _answered(house, session, version, looked.get(version.hash)),
        )
        for change in changes:
            _publish(house, session, change)
        return changes

    writer = house.writing()
    changes = writer.write(work)
    writer.reload_terms()
    return changes


def _published(connection: sa.Connection) -> dict[str, list[Published]]:
    """The published versions of every notice, the latest last."""
    published: dict[str, list[Published]] = {}
    for version in register.notice_versions(connection):
        published.setdefault(version.id, []).append(version)
    return published


def _changes(house: House, published: Mapping[str, Sequence[Published]], answered: Asked) -> list[Change]:
    found = (_change(house, name, published.get(name, ()), answered) for name in house.workspace.notices)
    return [change for change in found if change is not None]


def _change(house: House, name: str, published: Sequence[Published], answered: Asked) -> Change | None:
    notice = house.workspace.notices[name]
    before, latest = (None, None, *published)[-2:]
    if latest is not None and notices.altered(notice, latest) and not answered(latest):
        return notices.replacement(name, notice, latest, before)
    change = notices.change(name, notice, latest)
    if change is not None and any(one.version == change.version for one in published):
        raise errors.Conflict(
            f"The version {change.version} of the notice {change.id} was published before the latest one",
            remedy="give it a new version",
        )
    return change


# ---- whether anybody answered -------------------------------------------------------------------------------------


def _looked(house: House) -> dict[str, Looked]:
    """What the log says now of the wordings that the workspace file alters, by their hash."""
    with house.database.read() as connection:
        published = _published(connection)
    latest = ((notice, published.get(name, [None])[-1]) for name, notice in house.workspace.notices.items())
    return {
        version.hash: look(house, version)
        for notice, version in latest
        if version is not None and notices.altered(notice, version)
    }


def look(house: House, version: Published) -> Looked:
    """Read the log from the publication of a version on, until an event names it or the log ends.

    Outside the writers' turn; no transaction lasts longer than a chunk. Raises KeyMissing, VerificationFailed.
    """
    name = _name(version)
    with house.database.read() as connection:
        start = _published_at(house, connection, name)
        found = Looked(start=start, upto=start, answered=_is_in_doubt(connection, start))
    for _ in range(ROUNDS):
        with house.database.read() as connection:
            end = _size(connection)
        while found.upto < end and not found.answered:
            upto = min(end, found.upto + CHUNK)
            with house.database.read() as connection:
                answered = _is_named(house, connection, name, found.upto, upto)
            found = Looked(start=start, upto=upto, answered=answered)
    return found


def _answered(house: House, session: Session, version: Published, looked: Looked | None) -> bool:
    """Whether anybody may have answered a version, in the turn that would replace it. Raises as `look`."""
    name = _name(version)
    if looked is None:  # another wording than was looked at: somebody else published since
        start = _published_at(house, session.connection, name)
        looked = Looked(start=start, upto=start, answered=False)
    return (
        looked.answered
        or _is_in_doubt(session.connection, looked.start)
        or any(one.person and _names(one.event, name) for one in session.staged)
        or any(
            _is_named(house, session.connection, name, start, min(start + CHUNK, session.ledger_size))
            for start in range(looked.upto, session.ledger_size, CHUNK)
        )
    )


def _is_in_doubt(connection: sa.Connection, start: int) -> bool:
    """Whether an answer may come of what is running, or may have stood in what was erased."""
    running = any(one.state == sources.RUNNING for one in sources.all_sources(connection))
    return running or erasures.any_since(connection, start)


def _is_named(house: House, connection: sa.Connection, name: str, start: int, end: int) -> bool:
    """Whether an event of somebody's, from a log position up to (not including) another, names a version."""
    commitments = history.Commitments(connection)
    rows = [row for row in log.between(connection, start, end) if row.person]
    keys = house.keys.known_keys({row.person for row in rows})
    return any(
        row.person not in keys
        or _names(history.open_row(row, keys[row.person], commitments.at(row.position)).event, name)
        for row in rows
    )


def _names(event: events.AnyEvent, name: str) -> bool:
    return getattr(event, "notice", "") == name


def _name(version: Published) -> str:
    """A version as events name it."""
    return f"{version.id}@{version.version}"


def _size(connection: sa.Connection) -> int:
    head = log.latest(connection)
    return head.size if head else 0


def _published_at(house: House, connection: sa.Connection, name: str) -> int:
    """The log position at which a version was first published; 0 where the log does not say."""
    key, commitments = house.keys.keys([0])[0], history.Commitments(connection)
    for row in log.events_of(connection, 0):
        event = history.open_row(row, key, commitments.at(row.position)).event
        if isinstance(event, events.Notice) and event.notice == name:
            return row.position
    return 0


def _publish(house: House, session: Session, change: Change) -> None:
    content = notices.content(house.workspace.notices[change.id])
    text = canonical.encode(content)
    digest = sha256(text).hexdigest()
    published = Published(
        id=change.id,
        version=change.version,
        hash=digest,
        epoch=change.epoch,
        material=change.material,
        content=content,
    )
    put = register.replace_notice if change.replaces else register.put_notice
    put(session.connection, published, text.decode(), session.now)
    session.record(
        session.workspace(),
        events.Notice(
            id=house.random(16).hex(),
            occurred=Interval(lo=session.now, hi=session.now),
            actor=Actor.STAFF,
            source=0,
            notice=f"{change.id}@{change.version}",
            notice_hash=digest,
            material=change.material,
            epoch=change.epoch,
            replaces=change.replaces,
        ),
    )
