"""Publishing: the workspace file's terms get their numbers, and its notices their versions.

Rule. Terms keep their number for ever. A published notice version never changes; a change is a new version, and
whether it is material is decided by what changed (`core.notices`). Each publication is an event of the workspace in
the ledger, so that the wording a consent was given under can be proved.
"""

from __future__ import annotations

from hashlib import sha256

from amana import errors
from amana.core import events, notices
from amana.core import workspace as workspaces
from amana.core.statements import Interval
from amana.core.vocabulary import Actor
from amana.ledger import canonical
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import register


def pending(house: House) -> list[notices.Change]:
    """What publishing the workspace file would change, notice by notice. Raises Conflict for a version used before."""
    with house.database.read() as connection:
        versions = register.notice_versions(connection)
    latest = {version.id: version for version in versions}
    changes = [
        notices.change(name, notice, latest.get(name)) for name, notice in house.workspace.notices.items()
    ]
    found = [change for change in changes if change is not None]
    used = {(version.id, version.version) for version in versions}
    for change in found:
        if (change.id, change.version) in used:
            raise errors.Conflict(
                f"The version {change.version} of the notice {change.id} was published before the latest one",
                remedy="give it a new version",
            )
    return found


def publish(house: House) -> list[notices.Change]:
    """Number new terms and publish changed notices. Raises Conflict if a published version was altered."""
    changes = pending(house)

    def work(session: Session) -> None:
        for kind, names in (
            ("brand", house.workspace.brands),
            ("purpose", house.workspace.purposes),
            ("topic", house.workspace.topics),
            ("recipient", house.workspace.recipients),
        ):
            register.add_terms(session.connection, kind, names)
        register.add_categories(session.connection, workspaces.categories(house.workspace))
        for change in changes:
            _publish(house, session, change)

    writer = house.writing()
    writer.write(work)
    writer.reload_terms()
    return changes


def _publish(house: House, session: Session, change: notices.Change) -> None:
    content = notices.content(house.workspace.notices[change.id])
    text = canonical.encode(content)
    digest = sha256(text).hexdigest()
    published = notices.Published(
        id=change.id,
        version=change.version,
        hash=digest,
        epoch=change.epoch,
        material=change.material,
        content=content,
    )
    register.put_notice(session.connection, published, text.decode(), session.now)
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
        ),
    )
