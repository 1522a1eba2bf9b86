"""Publishing: the workspace file's terms get their numbers, and its notices their versions.

Rule. Terms keep their number for ever. A notice version that anybody answered never changes; a change is a new version,
and whether it is material is decided by what changed (`core.notices`). A version that nobody answered may be replaced:
that is read from the log, in the transaction that replaces it. Every event since the version was published is opened;
one that does not open any more, because its person was erased, or an import that is running, counts as an answer. Each
publication is an event of the workspace in the ledger, so that the wording a consent was given under can be proved; one
that takes another's place names the hash of what stood there.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import islice

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

CHUNK = 500  # events whose people's keys are read at once


def pending(house: House) -> list[Change]:
    """What publishing the workspace file would change, notice by notice. Raises Conflict for a version used before."""
    with house.database.read() as connection:
        return _changes(house, connection)


def publish(house: House) -> list[Change]:
    """Number new terms and publish changed notices. Raises Conflict if a version that people answered was altered."""

    def work(session: Session) -> list[Change]:
        for kind, names in (
            ("brand", house.workspace.brands),
            ("purpose", house.workspace.purposes),
            ("topic", house.workspace.topics),
            ("recipient", house.workspace.recipients),
        ):
            register.add_terms(session.connection, kind, names)
        register.add_categories(session.connection, workspaces.categories(house.workspace))
        changes = _changes(house, session.connection)
        for change in changes:
            _publish(house, session, change)
        return changes

    writer = house.writing()
    changes = writer.write(work)
    writer.reload_terms()
    return changes


def _changes(house: House, connection: sa.Connection) -> list[Change]:
    published: dict[str, list[Published]] = {}
    for version in register.notice_versions(connection):
        published.setdefault(version.id, []).append(version)
    found = []
    for name in house.workspace.notices:
        change = _change(house, connection, name, published.get(name, []))
        if change is not None:
            found.append(change)
    return found


def _change(
    house: House, connection: sa.Connection, name: str, published: Sequence[Published]
) -> Change | None:
    notice = house.workspace.notices[name]
    before, latest = (None, None, *published)[-2:]
    if latest is not None and notices.altered(notice, latest) and not answered(house, connection, latest):
        return notices.replacement(name, notice, latest, before)
    change = notices.change(name, notice, latest)
    if change is not None and any(one.version == change.version for one in published):
        raise errors.Conflict(
            f"The version {change.version} of the notice {change.id} was published before the latest one",
            remedy="give it a new version",
        )
    return change


def answered(house: House, connection: sa.Connection, version: Published) -> bool:
    """Whether anybody may have said anything under a published version; in doubt, yes.

    Opens events from the version's publication on, until one names it. Raises KeyMissing, VerificationFailed.
    """
    if any(one.state == sources.RUNNING for one in sources.all_sources(connection)):
        return True
    name, commitments = f"{version.id}@{version.version}", history.Commitments(connection)
    start = _published_at(house, connection, name, commitments)
    if any(position >= start for position in erasures.erased_positions(connection)):
        return True
    rows = log.all_events(connection, start)
    while chunk := list(islice(rows, CHUNK)):
        keys = house.keys.known_keys({row.person for row in chunk if row.person})
        for row in chunk:
            if not row.person:
                continue
            if row.person not in keys:
                return True
            record = history.open_row(row, keys[row.person], commitments.at(row.position))
            if getattr(record.event, "notice", "") == name:
                return True
    return False


def _published_at(
    house: House, connection: sa.Connection, name: str, commitments: history.Commitments
) -> int:
    """The log position at which a version was first published; 0 where the log does not say."""
    key = house.keys.keys([0])[0]
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
