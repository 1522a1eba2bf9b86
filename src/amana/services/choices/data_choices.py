"""Data choices: what a person lets be done with their data, by use, recipient, category and purpose.

Rule.
- A No is an event of the person's and counts at once, on the word of whoever holds the token of a message: *do not use
  this kind of data for that*, *do not give it to them*, or wider (`*` as the purpose, `use.*`, `share.*`, no category).
- A Yes needs more: a session that was opened by a link mailed just now to an address on record (`own_data`). It names one
  purpose and one action, under the published notice that covers it, in the wording that was shown (`core.shown`); sharing
  only where that notice names the recipient.
  Its proof says so; it is *express* only where the page asked for an express statement. Where another site's page
  showed the switch (`capture.SITE`), the proof is what `[web]` declares of such pages, and no more.
- What is shown is what the gate decides, never what the record alone would suggest. A Yes is offered only where it alone
  would turn the gate's answer (`open_to_yes`).
- A choice is about the person and their data, so that it binds nobody else who holds the same address.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from operator import or_

import msgspec

from amana import errors
from amana.core import cells, events, facts, remedies, shown
from amana.core.cells import Terms
from amana.core.notices import Published
from amana.core.state import Claim, PersonState
from amana.core.statements import ANY, Interval
from amana.core.vocabulary import Actor, Proof, Role, Status
from amana.core.workspace import proof_bits
from amana.services.choices import own_data
from amana.services.collection import capture
from amana.services.collection.capture import Context
from amana.services.collection.preferences import CAPTURE_POINT
from amana.services.gate.asking import Gate
from amana.services.gate.handling import Handling
from amana.services.record.house import House
from amana.services.record.writing import Session, Staged
from amana.storage import people, register

_SHOWN = (
    Proof.SENDER_NAMED
    | Proof.PURPOSE_NAMED
    | Proof.UNBUNDLED
    | Proof.UNTICKED
    | Proof.NOT_CONDITION
    | Proof.WITHDRAWAL_TOLD
    | Proof.DEMONSTRABLE
    | Proof.CONFIRMED
    | Proof.WRITTEN
)
"""What one switch for one purpose and action shows, on a page of the person's own, under the notice."""


_OURS = Proof.DEMONSTRABLE | Proof.CONFIRMED
"""What we know ourselves of a yes on any page: it is on record, and came through a link mailed just now."""


class DataChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is done with data. In a No, `*`, `use.*` and `share.*` leave a place open."""

    action: str  # use.<manner> or share.<recipient>
    purpose: str = ANY
    category: str = ""  # of the data; empty for every one


class DataSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is done with data, as the person sees it."""

    action: str
    purpose: str
    category: str
    allowed: bool  # what the gate answers now
    reasons: tuple[str, ...]  # codes
    said: str  # yes | no | "" for nothing
    since: int = 0  # UTC second of what was said


def view(house: House, person: int, brand: str, at: int | None = None) -> tuple[DataSwitch, ...]:
    """Everything that the workspace declares to do with data, and whether this person lets it. Raises NotFound."""
    with house.database.read() as connection:
        terms = register.terms(connection)
        held = people.get(connection, [person])
    if person not in held:
        raise errors.NotFound("There is no such person", remedy="ask for a new link")
    state = held[person].state
    gate = Gate(house)
    try:
        return tuple(
            _switch(
                gate,
                person,
                asked,
                at,
                facts.counting_grant(state, cell),
                facts.binding_refusals(state, cell),
            )
            for asked in declared(house, brand)
            for cell in (terms.cell(brand, asked.purpose, asked.action, asked.category),)
        )
    finally:
        gate.close()


def declared(house: House, brand: str) -> list[Handling]:
    """Every use and sharing that the workspace declares, by purpose, action and category of data."""
    definition = house.workspace
    found: dict[tuple[str, str, str], None] = {}
    for field in definition.fields.values():
        for purpose in field.purposes:
            for manner in field.uses:
                found[purpose, cells.USE + manner.value, field.category] = None
    for name, one in definition.recipients.items():
        for purpose in one.purposes:
            registered = [field.category for field in definition.fields.values() if purpose in field.purposes]
            for category in one.categories or tuple(dict.fromkeys(registered)):
                found[purpose, cells.SHARE + name, category] = None
    return [
        Handling(brand=brand, purpose=purpose, action=action, category=category)
        for purpose, action, category in found
    ]


def open_to_yes(house: House, person: int, brand: str, at: int | None = None) -> dict[Handling, bool]:
    """What the person's own Yes, and nothing else, would let be done now; each with whether it has to be express.

    What no published notice covers is left out, as `allow` refuses it, and so is what the law wants shown otherwise than
    on a page of the person's own. Raises NotFound.
    """
    with house.database.read() as connection:
        latest = {one.id: one for one in register.notice_versions(connection)}
        held = people.get(connection, [person])
    if person not in held:
        raise errors.NotFound("There is no such person", remedy="ask for a new link")
    gate = Gate(house)
    try:
        needed = {
            one: _proof_of_yes(gate, held[person].state, one, house.clock() if at is None else at)
            for one in declared(house, brand)
        }
    finally:
        gate.close()
    return {
        one: Proof.EXPLICIT in proof
        for one, proof in needed.items()
        if proof is not None and proof in _shown(house, latest, one)
    }


def refuse(
    house: House,
    person: int,
    brand: str,
    choices: Sequence[DataChoice],
    context: Context,
    *,
    objected: bool = False,
    point: str = CAPTURE_POINT,
) -> tuple[int, ...]:
    """The person's No, at once; the log positions. `point` is the capture point that took it.

    Raises NotFound for words or a person the workspace lacks."""
    status = Status.OBJECTED if objected else Status.WITHDRAWN

    def work(session: Session) -> list[Staged]:
        return [
            _record(house, session, person, brand, one, status, context, point)
            for one in choices
            if _is_about_data(session.terms, brand, one)
        ]

    return tuple(one.position for one in house.writing().write(work))


def allow(
    house: House,
    word: str,
    choices: Sequence[DataChoice],
    context: Context,
    *,
    express: bool = False,
    point: str = CAPTURE_POINT,
    marks: Collection[str] | None = None,
) -> tuple[int, ...]:
    """The person's Yes in a session of their own (`own_data.begin`); the log positions. `marks` are those of the wording
    that was shown, None if it is not said.

    Raises NotFound for a session that ended or words the workspace lacks, BadInput for a choice that leaves something
    open or that the published notice does not cover, Conflict where none is published, NoticeChanged where the wording
    shown does not hold any more; then nothing is recorded.
    """
    guest = own_data.guest(house, word)
    proof = _proof(house, point, express=express)

    def work(session: Session) -> list[Staged]:
        versions = register.notice_versions(session.connection)
        notices = [_notice(house, _shown_of(house, versions, one, marks), one) for one in choices]
        return [
            _record(
                house, session, guest.person, guest.brand, one, Status.GIVEN, context, point, notice, proof
            )
            for one, notice in zip(choices, notices, strict=True)
            if _is_about_data(session.terms, guest.brand, one)
        ]

    return tuple(one.position for one in house.writing().write(work))


def _shown_of(
    house: House, versions: Sequence[Published], said: DataChoice, marks: Collection[str] | None
) -> dict[str, Published]:
    """The notices that count for a Yes, by name: in the wording shown, else the latest. Raises NoticeChanged."""
    latest = {one.id: one for one in versions}
    purpose = house.workspace.purposes.get(said.purpose)
    if marks is None or purpose is None or purpose.notice not in latest:
        return latest
    found = shown.answered(versions, purpose.notice, marks)
    if found is None:
        raise capture.wording_changed()
    return {found.id: found}


def _record(
    house: House,
    session: Session,
    person: int,
    brand: str,
    said: DataChoice,
    status: Status,
    context: Context,
    point: str,
    notice: Published | None = None,
    proof: Proof = Proof(0),
) -> Staged:
    given = notice is not None
    if notice is not None and said.action.startswith(cells.SHARE) and _is_named(house, notice, said.action):
        proof |= Proof.RECIPIENT_NAMED
    event = events.Permission(
        id=house.random(16).hex(),
        occurred=Interval(lo=session.now, hi=session.now),
        actor=Actor.PERSON,
        source=capture.source_of(session, point),
        evidence=capture.evidence(point, context),
        brand=brand,
        purpose=said.purpose,
        channel=said.action,
        category=said.category,
        status=status,
        proof=proof,
        confirmed=given,
        notice=f"{notice.id}@{notice.version}" if notice else "",
        notice_hash=notice.hash if notice else "",
        notice_epoch=notice.epoch if notice else 0,
    )
    return session.record(session.person(person), event)


def _proof(house: House, point: str, *, express: bool) -> Proof:
    """What a yes shows that was given at a capture point: of a page that is not ours, what is declared of it."""
    web = house.workspace.web
    shown = _SHOWN | Proof.EXPLICIT
    if point != CAPTURE_POINT:
        shown &= _OURS | proof_bits(web.proof if web else ())
    return shown if express else shown & ~Proof.EXPLICIT


def _is_about_data(terms: Terms, brand: str, said: DataChoice) -> bool:
    """Refuse words that the workspace lacks, and a channel. Raises NotFound."""
    if not cells.is_handling(terms.cell(brand, said.purpose, said.action, said.category)):
        raise errors.NotFound(
            "The choice is neither about use nor about sharing of data",
            expected="use.<manner>, share.<recipient>, use.* or share.*",
            remedy="check the spelling",
        )
    return True


def _notice(house: House, latest: dict[str, Published], said: DataChoice) -> Published:
    """The published notice that covers a Yes."""
    purpose = house.workspace.purposes.get(said.purpose)
    if purpose is None or said.action in (cells.EVERY_USE, cells.EVERY_SHARE):
        raise errors.BadInput(
            "A permission names its purpose and its action", expected="one of each", remedy="ask one by one"
        )
    notice = latest.get(purpose.notice)
    if notice is None:
        raise errors.Conflict("The notice to be shown is not published", remedy="run `amana publish` first")
    content = msgspec.convert(notice.content, _Covered)
    if said.purpose not in content.purposes or not (
        _is_named(house, notice, said.action) or _is_processor(house, said.action)
    ):
        raise errors.BadInput(
            "A choice is not covered by the notice that was shown",
            got=f"{said.action} for {said.purpose}",
            remedy="name the purpose and who receives the data in the notice, and publish that",
        )
    return notice


def _is_named(house: House, notice: Published, action: str) -> bool:
    """Whether a notice names the recipient of a sharing; a use has none to be named."""
    if not action.startswith(cells.SHARE):
        return True
    word = action.removeprefix(cells.SHARE)
    to = house.workspace.recipients.get(word)
    named = msgspec.convert(notice.content, _Covered).shared_with
    return to is not None and not {word, to.name}.isdisjoint(named)


def _is_processor(house: House, action: str) -> bool:
    """Whether a recipient works for us: covered by the purpose, without being named."""
    to = house.workspace.recipients.get(action.removeprefix(cells.SHARE))
    return to is not None and to.role is Role.PROCESSOR


def _shown(house: House, latest: dict[str, Published], asked: Handling) -> Proof:
    """All that a Yes on a page of the person's own can show; nothing where no published notice covers it."""
    try:
        notice = _notice(house, latest, DataChoice(action=asked.action, purpose=asked.purpose))
    except (errors.BadInput, errors.Conflict):
        return Proof(0)
    named = asked.action.startswith(cells.SHARE) and _is_named(house, notice, asked.action)
    return _SHOWN | Proof.EXPLICIT | (Proof.RECIPIENT_NAMED if named else Proof(0))


def _proof_of_yes(gate: Gate, state: PersonState, asked: Handling, at: int) -> Proof | None:
    """What the person's own consent must show, if that alone turns the answer; None if it does not."""
    plan = gate.plan(asked, at)
    found, regime = gate.project(state, plan, 0, (0, 0, 0))
    names = remedies.own_consent(found, regime, plan)
    return None if names is None else reduce(or_, (Proof[name.upper()] for name in names), Proof.CONFIRMED)


class _Covered(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a notice's content that says what it covers."""

    purposes: tuple[str, ...]
    shared_with: tuple[str, ...] = ()


def _switch(
    gate: Gate,
    person: int,
    asked: Handling,
    at: int | None,
    grant: Claim | None,
    refusals: list[Claim],
) -> DataSwitch:
    decision = gate.ask(person, asked, at)
    said = "yes" if grant is not None else "no" if refusals else ""
    return DataSwitch(
        action=asked.action,
        purpose=asked.purpose,
        category=asked.category,
        allowed=decision.allow,
        reasons=tuple(one.code for one in decision.reasons),
        said=said,
        since=grant.lo if grant is not None else refusals[0].hi if refusals else 0,
    )
