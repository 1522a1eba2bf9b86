"""Retention: data goes when the last ground to hold it ended, here and in every connected system, on a schedule.

Rule.
- A *review* goes through everybody and every connected collection and counts what ended, and why; it changes nothing. A
  person approves it; only then a run does what the review counted, evaluated anew on the day.
- A review has parts: fields here, each connected system, and people here, who are forgotten last. A part goes forward
  set by set, remembers how far it came, and is leased while somebody works on it, so that it goes on after a kill; what
  is done twice changes nothing. One system in trouble holds up no other part, but nobody is forgotten before it is done.
- Against a runaway: a place where more than `most` rows, or more than `share` per cent of them, would go is approved only
  by an explicit word with a reason; and a run that would do more than was approved stops and asks.
- The worker begins a review `every` so often, unless one is open. A new review takes the place of one that waits.
- A review names what it cannot go through: personal collections that nobody gave a purpose or a span, and systems that
  are asked as a whole and whose own spans nobody declared. Whoever may stand there is not forgotten here.
- What was counted, approved by whom, done and found again stands in the review's log: counts and tokens, nobody's data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec
import structlog

from amana import errors
from amana.core.pack_values import period
from amana.ledger import sealing
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.rights import rights_run
from amana.services.rights.reaching import SET
from amana.services.systems.connected import Connected
from amana.services.upkeep import retention_elsewhere, retention_parts
from amana.services.upkeep.retention_parts import Allowed, Count, Counts
from amana.storage import people, positions
from amana.storage import retention as rows
from amana.storage.retention import (
    DONE,
    DROPPED,
    HELD,
    PEOPLE,
    REVIEWING,
    RUNNING,
    TODO,
    WAITING,
    PartRow,
    ReviewRow,
)

LEASE = 300  # seconds
MOST_ATTEMPTS = 12
FIRST_PAUSE = 15  # seconds, doubled each time
LONGEST_PAUSE = 6 * 3600
FEW = 10  # rows of a place that are never too large a share of it
SLACK = 1.1  # a run may do this much more than was counted: days pass between review and run
FIELDS = ""
MASKING = b"retention/masking"
CHECKED = "retention_reviewed"
WORKER = "amana"
BEGUN, ENDLESS, SILENT = "begun", "endless", "silent"
"""The first line of a review's log, and what it names there."""
_encode = msgspec.json.Encoder(order="sorted").encode
_counts = msgspec.json.Decoder(Counts).decode
_log = structlog.get_logger("amana.retention")

Heard = Callable[[int, int], None]
"""Hears how many people of all parts were gone through, and of how many."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a review says of one place."""

    system: str  # "" for Amana
    place: str
    counted: Count
    done: Count
    too_much: bool = False  # more than may go without an explicit word


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """How far one part came."""

    system: str  # "" for fields here, + for people here
    state: str  # todo | done | held
    people: int  # gone through up to this number
    trouble: str = ""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A review as it stands. Nobody's data."""

    number: int
    state: str  # reviewing | waiting | running | done | dropped
    made: int
    ended: int | None
    places: tuple[Place, ...]
    parts: tuple[Part, ...]
    endless: tuple[str, ...] = ()  # personal collections with neither purpose nor span, of which no row goes
    silent: tuple[str, ...] = ()  # systems asked as a whole that may hold anybody, for ever

    @property
    def due(self) -> int:
        """Rows and people of whom something goes."""
        return sum(one.counted.due for one in self.places)


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a review's log."""

    at: int
    actor: str
    what: str
    detail: dict[str, object]


# ---- beginning and deciding ---------------------------------------------------------------------------------------


def begin(house: House, *, actor: str) -> int:
    """Begin a review; its number. Raises Conflict while another is worked on, BadInput for a map that cannot be read."""
    with rights_run.open_systems(house) as systems:
        names = [FIELDS, *retention_parts.reviewed(systems), PEOPLE]
        mark = _digest(systems)
        beyond = {
            ENDLESS: retention_elsewhere.endless(systems.map),
            SILENT: retention_elsewhere.silent(systems.map),
        }

    def work(session: Session) -> int:
        for one in rows.latest(session.connection):
            if one.state in rows.WORKED_ON:
                raise errors.Conflict(
                    "A review is being worked on",
                    got=f"review {one.id}, {one.state}",
                    remedy="see `amana retention show`",
                )
            if one.state == WAITING:
                _end(session, one.id, DROPPED, WORKER, reason="a newer review")
        key = house.keys.keys([0])[0]
        masking = sealing.wrap(key, house.random(12), house.random(32), MASKING)
        number = rows.add(session.connection, names, session.now, mark, masking)
        _note(session, number, actor, BEGUN, parts=len(names), **beyond)
        positions.put(session.connection, CHECKED, session.now)
        return number

    return house.writing().write(work)


def approve(house: House, number: int, *, actor: str, beyond: str = "") -> None:
    """A person approves a review: what it counted may go. Raises NotFound, Conflict.

    `beyond` is the reason why it may be more than the workspace lets go at once.
    """
    review = get(house, number)
    if review.state != WAITING:
        raise errors.Conflict("This review waits for nobody", got=review.state, remedy="see it")
    much = [one.place for one in review.places if one.too_much]
    if much and not beyond:
        raise errors.Conflict(
            "More would go than the workspace lets go at once",
            expected=_bounds(house),
            got=", ".join(much),
            remedy="look at the data map and the spans first; if it is right, say why with --beyond",
        )
    with rights_run.open_systems(house) as systems:
        mark = _digest(systems)

    def work(session: Session) -> None:
        if (held := rows.get(session.connection, number)) is None or held.map != mark:
            raise errors.Conflict(
                "The data map is another one than was reviewed",
                remedy="review anew: `amana retention review`",
            )
        rows.rewind(session.connection, number, session.now)
        rows.update(session.connection, number, state=RUNNING)
        _note(session, number, actor, "approved", due=review.due, beyond=beyond)

    house.writing().write(work)


def drop(house: House, number: int, reason: str, *, actor: str) -> None:
    """A person decides that nothing, or nothing more, of a review goes. Raises NotFound, Conflict."""
    if get(house, number).state in (DONE, DROPPED):
        raise errors.Conflict("This review is over", remedy="review anew")
    house.writing().write(lambda session: _end(session, number, DROPPED, actor, reason=reason))


def again(house: House, number: int, *, actor: str) -> None:
    """Try the parts again that were handed to a person. Raises NotFound, Conflict."""
    if not any(one.state == HELD for one in get(house, number).parts):
        raise errors.Conflict("No part of this review waits for somebody", remedy="see it")

    def work(session: Session) -> None:
        rows.rewind(session.connection, number, session.now, states=(HELD,))
        _note(session, number, actor, "again")

    house.writing().write(work)


# ---- working ------------------------------------------------------------------------------------------------------


def sweep(house: House) -> int:
    """For the worker: begin a review that is due, else go one set on with what is open; how much was done."""
    every = house.workspace.retention.every
    with house.database.read() as connection:
        part = rows.due(connection, house.clock())
        latest = rows.latest(connection)
        checked = positions.get(connection, CHECKED) if every else None
    if part is not None:
        return step(house, part.review) or 0
    open_ = latest and latest[0].state in rows.WORKED_ON
    if not every or open_ or (checked is not None and not _is_due(every, checked, house.clock())):
        return 0
    begin(house, actor=WORKER)
    return 1


def work(house: House, number: int, heard: Heard | None = None) -> Review:
    """Go on with one review until nothing of it can be done now; how it stands then. Raises NotFound."""
    get(house, number)
    with house.database.read() as connection:
        total = people.count(connection) * len(rows.parts(connection, number))
    done = 0
    while (gone := step(house, number)) is not None:
        done += gone
        if heard is not None:
            heard(done, total)
    return get(house, number)


def step(house: House, number: int) -> int | None:
    """Go one set on with a review; how many people, at least 1. None if nothing can be done now."""

    def claim(session: Session) -> tuple[ReviewRow, PartRow] | None:
        part = rows.due(session.connection, session.now, number)
        review = rows.get(session.connection, number)
        if part is None or review is None:
            return None
        rows.update_part(session.connection, part, due=session.now + LEASE)
        return review, part

    claimed = house.writing().write(claim)
    if claimed is None:
        return None
    review, part = claimed
    try:
        with rights_run.open_systems(house) as systems:
            if _digest(systems) != review.map:
                raise errors.Undeliverable("map_changed")
            return _set(house, systems, review, part)
    except errors.NotNow as trouble:
        _later(house, part, trouble)
    except errors.Undeliverable as trouble:
        _hold(house, part, trouble.what)
    except errors.BadInput as trouble:
        _hold(house, part, trouble.code)
    return 1


def _set(house: House, systems: Connected, review: ReviewRow, part: PartRow) -> int:
    with house.database.read() as connection:
        ids = positions.people_after(connection, part.last, SET)
    if not ids:
        house.writing().write(lambda session: _part_done(session, review, part))
        return 1
    running = review.state == RUNNING
    allowed = _bounded(part) if running else None
    counted = _counted(house, systems, review, part, ids, allowed)
    sums = _counts(part.done if running else part.found)
    for place, count in counted.items():
        sums.setdefault(place, Count()).add(count)
    name = "done" if running else "found"
    values: dict[str, object] = {name: _encode(sums).decode(), "last": ids[-1], "attempts": 0, "trouble": ""}

    def work(session: Session) -> None:
        rows.update_part(session.connection, part, due=session.now, **values)

    house.writing().write(work)
    return len(ids)


def _counted(
    house: House,
    systems: Connected,
    review: ReviewRow,
    part: PartRow,
    ids: list[int],
    allowed: Allowed | None,
) -> Counts:
    if part.system == FIELDS:
        return retention_parts.fields(house, ids, allowed)
    if part.system == PEOPLE:
        return retention_parts.persons(house, systems, ids, allowed)
    key = sealing.unwrap(house.keys.keys([0])[0], review.masking, MASKING)
    return retention_parts.rows(house, systems, part.system, ids, key, allowed)


def _bounded(part: PartRow) -> Allowed:
    """Refuses a set by which more would be done of a place than was counted when it was approved."""
    approved, done = _counts(part.found), _counts(part.done)

    def allowed(more: Counts) -> None:
        for place, count in more.items():
            room = approved.get(place, Count()).due * SLACK + FEW
            if count.due and done.get(place, Count()).due + count.due > room:
                raise errors.Undeliverable("more_than_approved", expected=f"at most {int(room)}", got=place)

    return allowed


def _part_done(session: Session, review: ReviewRow, part: PartRow) -> None:
    rows.update_part(session.connection, part, state=DONE, due=session.now, trouble="")
    sums = _counts(part.done if review.state == RUNNING else part.found)
    due = {place: count.due for place, count in sums.items() if count.due}
    what = "part_done" if review.state == RUNNING else "part_counted"
    _note(session, review.id, WORKER, what, system=part.system, due=due)
    _settle(session, review)


def _settle(session: Session, review: ReviewRow) -> None:
    """A review with no part left to do waits for a person; a run with none is over."""
    parts = rows.parts(session.connection, review.id)
    if any(one.state == TODO for one in parts):
        return
    if review.state == REVIEWING:
        rows.update(session.connection, review.id, state=WAITING)
        _note(session, review.id, WORKER, "to_approve")
    elif all(one.state == DONE for one in parts):
        _end(session, review.id, DONE, WORKER)


def _later(house: House, part: PartRow, trouble: errors.NotNow) -> None:
    attempts = part.attempts + 1
    _log.info("retention_again", system=part.system, trouble=trouble.what)
    if attempts >= MOST_ATTEMPTS:
        _hold(house, part, trouble.what)
        return
    pause = max(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1)), trouble.after)

    def work(session: Session) -> None:
        due = session.now + pause
        rows.update_part(session.connection, part, attempts=attempts, due=due, trouble=trouble.what)

    house.writing().write(work)


def _hold(house: House, part: PartRow, token: str) -> None:
    """Hand a part to a person."""
    _log.warning("retention_held", system=part.system, trouble=token)

    def work(session: Session) -> None:
        rows.update_part(session.connection, part, state=HELD, trouble=token)
        _note(session, part.review, WORKER, "part_held", system=part.system, trouble=token)
        review = rows.get(session.connection, part.review)
        if review is not None:
            _settle(session, review)

    house.writing().write(work)


def _end(session: Session, number: int, state: str, actor: str, **detail: object) -> None:
    rows.update(session.connection, number, state=state, ended=session.now, masking=b"")
    _note(session, number, actor, state, **detail)


# ---- reading ------------------------------------------------------------------------------------------------------


def get(house: House, number: int = 0) -> Review:
    """A review, or the latest. Raises NotFound."""
    with house.database.read() as connection:
        found = rows.get(connection, number) if number else next(iter(rows.latest(connection)), None)
        if found is None:
            raise errors.NotFound("There is no such review", remedy="begin one: `amana retention review`")
        parts = rows.parts(connection, found.id)
        begun = next((one.detail for one in rows.logged(connection, found.id) if one.what == BEGUN), "{}")
    named = msgspec.json.decode(begun)
    return Review(
        number=found.id,
        state=found.state,
        made=found.made,
        ended=found.ended,
        places=tuple(place for part in parts for place in _places(house, part)),
        parts=tuple(
            Part(system=one.system, state=one.state, people=one.last, trouble=one.trouble) for one in parts
        ),
        endless=tuple(named.get(ENDLESS, ())),
        silent=tuple(named.get(SILENT, ())),
    )


def latest(house: House) -> Review | None:
    """The latest review; None if there never was one."""
    with house.database.read() as connection:
        found = rows.latest(connection)
    return get(house, found[0].id) if found else None


def happened(house: House, number: int) -> list[Happened]:
    """What happened to a review, in order."""
    with house.database.read() as connection:
        logged = rows.logged(connection, number)
    return [
        Happened(at=one.at, actor=one.actor, what=one.what, detail=msgspec.json.decode(one.detail))
        for one in logged
    ]


def _places(house: House, part: PartRow) -> list[Place]:
    counted, done = _counts(part.found), _counts(part.done)
    bounds = house.workspace.retention
    system = "" if part.system == PEOPLE else part.system
    return [
        Place(
            system=system,
            place=name,
            counted=count,
            done=done.get(name, Count()),
            too_much=count.due > bounds.most or count.due > max(FEW, count.found * bounds.share / 100),
        )
        for name, count in sorted(counted.items())
    ]


def _bounds(house: House) -> str:
    bounds = house.workspace.retention
    return f"at most {bounds.most} and {bounds.share} % of each place"


def _is_due(every: str, since: int, now: int) -> bool:
    last = period(every).after(datetime.fromtimestamp(since, UTC).date())
    return last <= datetime.fromtimestamp(now, UTC).date()


def _digest(systems: Connected) -> str:
    return hashlib.sha256(msgspec.json.encode(systems.map, order="sorted")).hexdigest()


def _note(session: Session, number: int, actor: str, what: str, **detail: object) -> None:
    body: Mapping[str, object] = {name: value for name, value in detail.items() if value not in ("", {}, [])}
    rows.log(session.connection, number, session.now, actor, what, _encode(body).decode())
