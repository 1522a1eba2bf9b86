"""Preferences: what a person may see and change, and that every change is an event of theirs.

Rule.
- Turning off, pausing, reducing, objecting and leaving everything happen at once, on the word of whoever holds the token
  of a message: a valid withdrawal is never asked to prove more, and never limited in number.
- Turning something on is a request: a confirmation goes to the address, and the switch says *pending* until its holder
  confirms. Where the page says which wording it showed, and that does not hold any more (`core.shown`), it is not
  requested and is told apart; whatever else was changed is done all the same. What the page shows is what the gate
  decides: a switch is on only where a grant counts.
- Nothing here shows an address, a name or a number.
- A refusal for an address binds everybody who holds that address.
- A change made on the page is followed by a message with its receipts, unless it only left everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from amana import errors
from amana.core import events, facts
from amana.core import state as states
from amana.core.statements import ANY, Interval
from amana.core.vocabulary import POINT_OF_CHANNEL, Actor, Channel, Status
from amana.services.collection import acknowledging, capture
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.record.house import House
from amana.services.record.writing import Session, Staged, Writing
from amana.storage import people, points, register

CAPTURE_POINT = "preference_centre"


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose on one channel, as the person sees it."""

    purpose: str
    channel: Channel
    state: str  # on | pending | off
    since: int = 0  # UTC second of the grant or of the latest refusal; 0 for never
    event: str = ""  # id of that grant or refusal


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the preference page shows. No contact values."""

    brand: str
    switches: tuple[Switch, ...]
    topics_off: tuple[str, ...]
    paused_until: int
    hours: int
    days: int
    per_month: int
    left: bool  # everything of this brand is refused
    left_since: int = 0  # UTC second of the latest such refusal
    left_event: str = ""  # its id


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What the person changed on the page. `None` leaves a thing as it is."""

    off: tuple[Choice, ...] = ()
    on: tuple[Choice, ...] = ()
    object_to: tuple[Choice, ...] = ()
    refuse: tuple[
        tuple[str, str, Status], ...
    ] = ()  # purpose and channel, * for every one; how it is refused
    leave: bool = False  # everything of this brand, every purpose and channel
    paused_until: int | None = None
    hours: int | None = None
    days: int | None = None
    per_month: int | None = None
    topics_off: tuple[str, ...] | None = None
    shown: tuple[str, ...] | None = None  # marks of the wording beside what is on; None if it is not said


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a change."""

    events: tuple[int, ...]  # log positions of what took effect at once: each has a receipt
    pending: tuple[Choice, ...]  # waiting for the confirmation that was sent
    mailed: bool = False  # the receipts are on their way to the address in use
    unread: tuple[Choice, ...] = ()  # not requested: their wording has changed since it was shown


def view(house: House, person: int, brand: str) -> View:
    """What a person's preferences are for one brand. Raises NotFound."""
    with house.database.read() as connection:
        terms = register.terms(connection)
        held = people.get(connection, [person])
    if person not in held:
        raise errors.NotFound("There is no such person", remedy="ask for a new link")
    state = held[person].state
    switches = [
        _switch(state, terms.cell(brand, purpose, channel.value), purpose, channel)
        for purpose, one in house.workspace.purposes.items()
        for channel in one.channels
    ]
    chosen = {name: value.value for name, value in state.choices.items()}
    refused = _refused(state, terms.cell(brand, ANY, ANY))
    return View(
        brand=brand,
        switches=tuple(switches),
        topics_off=tuple(chosen.get("topics_off", "").split()),
        paused_until=int(chosen.get("paused_until", facts.NEVER)),
        hours=int(chosen.get("hours", facts.ALL_HOURS)),
        days=int(chosen.get("days", facts.ALL_DAYS)),
        per_month=int(chosen.get("per_month", facts.NO_CAP)),
        left=refused is not None,
        left_since=refused.hi if refused else 0,
        left_event=refused.event.hex() if refused else "",
    )


def _refused(state: states.PersonState, everything: int) -> states.Claim | None:
    """The latest refusal of everything of a brand."""
    claims = [claim for claim in state.cells.get(everything, ()) if claim.kind >= states.REFUSED]
    return max(claims, key=states.Claim.rank, default=None)


def change(
    house: House,
    person_id: int,
    brand: str,
    wanted: Change,
    context: Context,
    *,
    mailed: bool = False,
    point: str = CAPTURE_POINT,
) -> Changed:
    """Make a change; `mailed` if its receipts are to follow by mail. Raises as `change_all`."""
    return change_all(house, person_id, [brand], wanted, context, mailed=mailed, point=point)


def change_all(
    house: House,
    person_id: int,
    brands: Sequence[str],
    wanted: Change,
    context: Context,
    *,
    mailed: bool = False,
    point: str = CAPTURE_POINT,
) -> Changed:
    """Make the same change for several brands, in one transaction; `point` is the capture point that showed it.

    Raises NotFound for words the workspace lacks or a person who is not here.
    """

    def work(session: Session) -> tuple[list[Staged], list[Choice], list[Choice], bool]:
        person = session.person(person_id)
        desks = [_Desk(house, session, person, brand, context, point) for brand in brands]
        pending = [choice for desk in desks for choice in desk.make(wanted)]
        unread = [choice for desk in desks for choice in desk.unread]
        staged = [one for desk in desks for one in desk.staged]
        own = [one for one in staged if one.person == person_id]
        told = (
            mailed
            and not wanted.leave
            and acknowledging.changed(
                house, session, person, brand=brands[0], language=context.language, staged=own
            )
        )
        return staged, pending, unread, told

    staged, pending, unread, told = house.writing().write(work)
    return Changed(
        events=tuple(one.position for one in staged if one.person == person_id),
        pending=tuple(pending),
        mailed=told,
        unread=tuple(unread),
    )


class _Desk:
    """One person's change in one session."""

    def __init__(
        self, house: House, session: Session, person: Writing, brand: str, context: Context, point: str
    ) -> None:
        self.house, self.session, self.person, self.brand = house, session, person, brand
        self.context, self.point = context, point
        self.source = capture.source_of(session, point)
        self.staged: list[Staged] = []
        self.unread: list[Choice] = []
        self._sharers: dict[str, list[int]] | None = None

    def make(self, wanted: Change) -> list[Choice]:
        """Stage the change; what waits for a confirmation."""
        if wanted.leave:
            self.refuse(ANY, ANY, Status.WITHDRAWN)
        for purpose, channel, status in wanted.refuse:
            self.refuse(purpose, channel, status)
        for choice in wanted.off:
            self.refuse(choice.purpose, choice.channel.value, Status.WITHDRAWN)
        for choice in wanted.object_to:
            self.refuse(choice.purpose, choice.channel.value, Status.OBJECTED)
        self.prefer(wanted)
        return self.ask(wanted.on, wanted.shown)

    def refuse(self, purpose: str, channel: str, status: Status) -> None:
        """A No of the person, and of everybody who holds the address it is about."""
        self._permission(self.person, purpose, channel, status, Actor.PERSON, "")
        for other in self._others(channel):
            self._permission(
                self.session.person(other), purpose, channel, status, Actor.RELAYED, "shared_address"
            )

    def prefer(self, wanted: Change) -> None:
        """Pause, times, topics and pace."""
        chosen = (wanted.paused_until, wanted.hours, wanted.days, wanted.per_month, wanted.topics_off)
        if all(one is None for one in chosen):
            return
        self.staged.append(
            self.session.record(
                self.person,
                events.Preference(
                    **self._common(Actor.PERSON),
                    paused_until=wanted.paused_until,
                    hours=wanted.hours,
                    days=wanted.days,
                    per_month=wanted.per_month,
                    topics_off=wanted.topics_off,
                ),
            )
        )

    def ask(self, choices: Sequence[Choice], shown: tuple[str, ...] | None) -> list[Choice]:
        """Ask the holder of each address to confirm what was turned on; those that an address is known for."""
        known = {choice: facts.current_point(self.person.state, choice.channel) for choice in choices}
        said = Submission(
            capture_point=self.point,
            brand=self.brand,
            choices=tuple(choice for choice, ordinal in known.items() if ordinal >= 0),
            context=self.context,
            shown=shown,
        )
        asked = capture.still_shown(self.house, self.session.connection, said)
        self.unread += [choice for choice in said.choices if choice not in asked]
        if asked:
            said = msgspec.structs.replace(said, choices=asked)
            capture.request(self.house, self.session, self.person, said)
        return list(asked)

    def _permission(
        self, person: Writing, purpose: str, channel: str, status: Status, actor: Actor, reason: str
    ) -> None:
        event = events.Permission(
            **self._common(actor),
            brand=self.brand,
            purpose=purpose,
            channel=channel,
            status=status,
            reason=reason,
        )
        self.staged.append(self.session.record(person, event))

    def _others(self, channel: str) -> list[int]:
        """Who else holds the person's addresses for this channel; for every channel, all of them."""
        if self._sharers is None:
            mine = points.of_people(self.session.connection, [self.person.id]).get(self.person.id, [])
            held = points.holders(self.session.connection, [row.blind for row in mine])
            self._sharers = {}
            for row in mine:
                owners = [owner for owner, _ in held.get(row.blind, []) if owner != self.person.id]
                self._sharers.setdefault(row.kind, []).extend(owners)
        kind = None if channel == ANY else POINT_OF_CHANNEL[Channel(channel)]
        kinds = list(self._sharers) if channel == ANY else [kind.value] if kind else []
        return sorted({owner for one in kinds for owner in self._sharers.get(one, [])})

    def _common(self, actor: Actor) -> dict[str, Any]:
        return {
            "id": self.house.random(16).hex(),
            "occurred": Interval(lo=self.session.now, hi=self.session.now),
            "actor": actor,
            "source": self.source,
            "evidence": capture.evidence(self.point, self.context),
        }


def _switch(state: states.PersonState, cell: int, purpose: str, channel: Channel) -> Switch:
    grant = facts.counting_grant(state, cell)
    if grant is not None:
        return Switch(purpose=purpose, channel=channel, state="on", since=grant.lo, event=grant.event.hex())
    refusals = facts.binding_refusals(state, cell)
    if facts.is_pending(state, cell):
        return Switch(purpose=purpose, channel=channel, state="pending")
    if not refusals:
        return Switch(purpose=purpose, channel=channel, state="off")
    latest = refusals[0]
    return Switch(purpose=purpose, channel=channel, state="off", since=latest.hi, event=latest.event.hex())
