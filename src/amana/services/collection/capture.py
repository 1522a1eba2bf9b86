"""Capture: somebody says yes on a form, in a shop, on the phone or through an app; and then confirms it.

Rule.
- A submission names its capture point, and may carry the marks of the wording that was shown (`core.shown`): the yes is
  recorded under that wording, by version and hash, or not at all. It is looked up in the transaction that records the
  yes, so that nothing is published in between. Without marks it is the latest. What is confirmed is what was requested.
- Each purpose and channel is a choice of its own, off unless switched on. Nothing is changed for anybody until the
  holder of the address confirms: the choice is *requested*, and what was typed waits, sealed, with the confirmation.
- Where the capture point itself proves the address (a signed-in app), the grant is made at once.
- Confirming is one transaction: grants of the person's own with every proof the capture meets, the address verified, the
  fields stored. It is the only thing here that can lift an earlier refusal.
- Whatever was turned on is told to its address, with the receipts and the way to the preference centre.
- The answer to a stranger is the same whether an address is known or not, and whether a message is sent or not.
- At most `MOST_REQUESTS` confirmations a day are mailed to one address, whatever names come with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import events, facts, shown, workspace
from amana.core.notices import Published
from amana.core.statements import ANY, Interval, PersonRow
from amana.core.vocabulary import POINT_OF_CHANNEL, Actor, Channel, PointKind, Proof, Status
from amana.services.collection import acknowledging, fields, inheritance
from amana.services.collection.identities import Crowd, Identity, Recogniser
from amana.services.record import links, tasks, tokens
from amana.services.record.addresses import Address
from amana.services.record.house import House
from amana.services.record.writing import Session, Staged, Writing
from amana.storage import points, register, sources
from amana.storage import tokens as token_rows
from amana.storage.sources import Source

CONFIRM_LIFE = 48 * 3600
CODE_LIFE = 15 * 60
EXPLICIT = "explicit"  # as `Proof.EXPLICIT` is written in amana.toml
MOST_REQUESTS = 5
DAY = 86_400


BUILT_IN = {
    "preference_centre": workspace.CapturePoint(
        kind="form",
        proof=(
            "channel_named",
            "sender_named",
            "purpose_named",
            "unbundled",
            "unticked",
            "not_condition",
            "withdrawal_told",
            "written",
        ),
    )
}
"""Capture points of our own pages: they show each purpose's own notice, one switch each, unticked."""
SITE = "site_script"
"""The capture point of declared sites' own pages (`[web]`): we do not know what they showed, but by what it declares."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One switch that was turned on."""

    purpose: str
    channel: Channel


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the circumstances, as proof. No more than the settings allow."""

    network: str = ""  # truncated address of the visitor
    agent: str = ""  # user agent, cut to 200 characters
    language: str = "en"
    page: str = ""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor sent."""

    capture_point: str
    brand: str
    choices: tuple[Choice, ...]
    email: str = ""
    phone: str = ""
    country: str = ""
    fields: dict[str, str] = {}
    context: Context = Context()
    guardian: bool = False  # the address is the guardian's, who consents for a child
    public: bool = False  # over a page open to anybody: no point proves an address there, only its holder
    shown: tuple[str, ...] | None = None  # marks of the wording shown; None if whoever asks does not say


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the visitor is told: always the same words for the same input."""

    pending: bool  # a confirmation was, or would be, sent
    handle: str = ""  # opaque: under it the visitor types the code that was sent to a number
    events: tuple[int, ...] = ()  # log positions, only where the capture point proves the address


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What a confirmation turned on."""

    events: tuple[int, ...]  # log positions of the grants: each has a receipt
    brand: str
    token: str  # of the preference centre; "" if nothing was turned on


def submit(house: House, said: Submission) -> Answered:
    """Take a submission. Raises NotFound (words), BadInput (no address, a choice the notice does not cover),
    UnregisteredField, NoticeChanged (the wording shown does not hold any more; nothing is recorded).
    """
    point = _point(house, said)
    row = PersonRow(
        part="", line=0, email=said.email, phone=said.phone, phone_country=said.country, fields=said.fields
    )
    recogniser = Recogniser(house.keys, said.capture_point, house.workspace, house.address_rules)
    identity, _ = recogniser.identify(row)
    if identity is None:
        raise errors.BadInput(
            "No usable address or number was given", expected="an e-mail address or a phone number"
        )
    _covered(said, identity.addresses)

    identity = msgspec.structs.replace(identity, guardian=said.guardian or identity.guardian)

    def desk_for(session: Session, part: Submission, who: Identity) -> tuple[_Desk, dict[PointKind, int]]:
        notices = _notices(house, session.connection, point, part)
        crowd = Crowd(session, [who])
        desk = _Desk(house, session, part, notices, point, crowd.match(who).person)
        return desk, desk.hold(who.addresses, crowd)

    def grant(session: Session) -> list[Staged]:
        desk, ordinals = desk_for(session, said, identity)
        desk.fields()
        granted = desk.grant(ordinals)
        for kind, ordinal in ordinals.items():
            desk.tell(kind, ordinal, said.context.language, granted)
        return granted

    def request(session: Session) -> int:
        asked = 0
        for part, who in _apart(said, identity):
            desk, ordinals = desk_for(session, part, who)
            desk.request(ordinals)
            asked = desk.person.id  # numbers come last: whoever types a code types it for theirs
        return asked

    if point.confirmed and not said.public:
        return Answered(pending=False, events=tuple(one.position for one in house.writing().write(grant)))
    return Answered(pending=True, handle=links.handle(house, house.writing().write(request), house.clock()))


def _apart(said: Submission, identity: Identity) -> list[tuple[Submission, Identity]]:
    """A submission by address: two addresses that nobody proved to belong together are two people, or a stranger could
    put an address of their own beside somebody's number and take over what is known of them.
    """
    parts = []
    for address in sorted(identity.addresses, key=lambda one: one.kind is PointKind.PHONE):
        choices = tuple(choice for choice in said.choices if _kind(choice) is address.kind)
        if choices:
            who = msgspec.structs.replace(identity, addresses=(address,), alias=None)
            parts.append((msgspec.structs.replace(said, choices=choices), who))
    return parts


def confirm(house: House, token: str, context: Context) -> Granted:
    """The holder of the address confirms; what is on now. Raises NotFound for a dead link."""

    def work(session: Session) -> _Confirmed:
        opened = tokens.spend(house, session, token, token_rows.CONFIRM)
        return _confirm(house, session, opened.person, opened.data, context)

    return house.writing().write(work).granted()


def confirm_code(house: House, person: int, code: str, context: Context) -> Granted:
    """The holder of the number types the code. Raises NotFound for a dead one, BadInput for a wrong one."""

    def work(session: Session) -> _Confirmed | None:
        opened = tokens.spend_code(house, session, person, code)
        return _confirm(house, session, person, opened.data, context) if opened.kind else None

    confirmed = house.writing().write(work)
    if confirmed is None:
        raise errors.BadInput("The code is not right", remedy="type the newest code again")
    return confirmed.granted()


class _Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmation before its events have their places in the log."""

    staged: list[Staged]
    brand: str
    token: str

    def granted(self) -> Granted:
        """The same after the commit."""
        return Granted(events=tuple(one.position for one in self.staged), brand=self.brand, token=self.token)


def _confirm(
    house: House, session: Session, person_id: int, data: dict[str, Any], context: Context
) -> _Confirmed:
    said = msgspec.convert(data["said"], Submission)
    point = _point(house, said)
    notices = msgspec.convert(data["notices"], dict[str, Published])
    person = session.person(person_id)
    desk = _Desk(house, session, msgspec.structs.replace(said, context=context), notices, point, person)
    ordinals = {PointKind(kind): ordinal for kind, ordinal in data["ordinals"].items()}
    desk.fields()
    proven = PointKind(data["proven"])
    desk.verified({proven: ordinals[proven]})
    staged = desk.grant({proven: ordinals[proven]})
    token = desk.tell(proven, ordinals[proven], said.context.language, staged)
    return _Confirmed(staged=staged, brand=said.brand, token=token)


class _Desk:
    """One submission of one person in one session."""

    def __init__(
        self,
        house: House,
        session: Session,
        said: Submission,
        notices: dict[str, Published],
        point: workspace.CapturePoint,
        person: Writing,
    ) -> None:
        self.house, self.session, self.said, self.notices, self.point = house, session, said, notices, point
        self.person = person
        self.source = source_of(session, said.capture_point)
        self._now = Interval(lo=session.now, hi=session.now)
        self._actor = Actor.GUARDIAN if said.guardian else Actor.PERSON

    def hold(self, addresses: Sequence[Address], crowd: Crowd) -> dict[PointKind, int]:
        """The person holds these addresses, unverified if new; their ordinals by kind."""
        ordinals: dict[PointKind, int] = {}
        for address in addresses:
            held = crowd.holders.get(address.blind, [])
            ordinal = next((number for owner, number in held if owner == self.person.id), None)
            if ordinal is None:
                ordinal = max(self.person.state.points, default=-1) + 1
                self.session.add_point(self.person, address.kind.value, address.blind, address.value, ordinal)
                self._record_point(ordinal, address, "added")
                self._inherit(address, ordinal, crowd)
            ordinals[address.kind] = ordinal
        return ordinals

    def _inherit(self, address: Address, ordinal: int, crowd: Crowd) -> None:
        """What binds the address binds its new holder, as of before this capture: confirming may lift it."""
        if not crowd.suppressed.isdisjoint(address.suppress):
            before = Interval(lo=0, hi=self.session.now - 1)
            self._bound(ANY, ANY, ANY, Status.OBJECTED, before, "suppressed")
        for owner, theirs in crowd.holders.get(address.blind, ()):
            if owner == self.person.id:
                continue
            holder = self.session.person(owner).state
            for bound in inheritance.refusals(holder, address.kind, self.session.terms):
                self._bound(
                    bound.brand, bound.purpose, bound.channel, bound.status, bound.when, inheritance.SHARED
                )
            block = inheritance.block(holder, theirs)
            if block is not None:
                common = self._common() | {"occurred": block.when}
                kind, reason = address.kind, block.reason
                self._record(
                    events.Point(**common, point=ordinal, point_kind=kind, change="blocked", reason=reason)
                )

    def _bound(
        self, brand: str, purpose: str, channel: str, status: Status, when: Interval, reason: str
    ) -> None:
        common = self._common() | {"occurred": when, "actor": Actor.RELAYED}
        self._record(
            events.Permission(
                **common, brand=brand, purpose=purpose, channel=channel, status=status, reason=reason
            )
        )

    def verified(self, ordinals: dict[PointKind, int]) -> None:
        """The holder proved these addresses just now."""
        for kind, ordinal in ordinals.items():
            self._record(events.Point(**self._common(), point=ordinal, point_kind=kind, change="verified"))

    def request(self, ordinals: dict[PointKind, int]) -> None:
        """The choices wait for confirmation; a message goes to each address that one of them needs."""
        if self.said.guardian and self.person.is_new:  # at a parent's address, and not the parent
            self._record(events.Profile(**self._common(), columns={"guardian": "yes"}))
        for choice in self.said.choices:
            self._record(self._permission(choice, Status.REQUESTED, ordinals, confirmed=False))
        for kind in dict.fromkeys(_kind(choice) for choice in self.said.choices):
            since, connection = self.session.now - DAY, self.session.connection
            recent = sum(
                token_rows.made_since(connection, one, _token_kind(kind), since)
                for one in self._holders(ordinals[kind])
            )
            if recent < MOST_REQUESTS:
                self._ask_to_confirm(kind, ordinals)

    def _holders(self, ordinal: int) -> set[int]:
        """Everybody who holds the address behind an ordinal: another name each time makes nobody more to write to."""
        person, session = self.person.id, self.session
        rows = points.of_people(session.connection, [person]).get(person, [])
        blinds = {row.ordinal: row.blind for row in rows}
        blinds |= {place: blind for owner, place, _, blind, _ in session.points if owner == person}
        return {owner for owner, _ in session.holders([blinds[ordinal]])[blinds[ordinal]]}

    def grant(self, ordinals: dict[PointKind, int]) -> list[Staged]:
        """The choices that these addresses cover are given."""
        covered = [choice for choice in self.said.choices if _kind(choice) in ordinals]
        return [
            self._record(self._permission(choice, Status.GIVEN, ordinals, confirmed=True))
            for choice in covered
        ]

    def tell(self, kind: PointKind, ordinal: int, language: str, staged: Sequence[Staged]) -> str:
        """Tell an address what was turned on for it, if anything was; the token of the preference centre."""
        choices = [one for one in self.said.choices if _kind(one) is kind]
        wanted = {(one.purpose, one.channel.value) for one in choices}
        theirs = [one for one in staged if _cell_of(one) in wanted]
        if not theirs:
            return ""
        return acknowledging.turned_on(
            self.house,
            self.session,
            self.person,
            brand=self.said.brand,
            kind=kind,
            point=ordinal,
            language=language,
            choices=[(one.purpose, one.channel.value) for one in choices],
            staged=theirs,
        )

    def fields(self) -> None:
        """What was typed is stored, each field where the register says; what cannot be right is left out."""
        typed = fields.read(
            self.house.workspace, {name: value for name, value in self.said.fields.items() if value.strip()}
        )
        columns = typed.columns | ({"guardian": "yes"} if self.said.guardian else {})
        if columns or typed.sealed:
            self.session.merge_profile(self.person, typed.sealed)
            self._record(events.Profile(**self._common(), columns=columns, sealed=typed.sealed))

    def _ask_to_confirm(self, kind: PointKind, ordinals: dict[PointKind, int]) -> None:
        data = {
            "said": msgspec.to_builtins(self.said),
            "notices": msgspec.to_builtins(self.notices),
            "ordinals": {kind.value: ordinal for kind, ordinal in ordinals.items()},
            "proven": kind.value,
        }
        if kind is PointKind.PHONE:
            word = f"{int.from_bytes(self.house.random(4), 'big') % 1_000_000:06d}"
            token = tokens.make(
                self.house,
                self.session,
                token_rows.CODE,
                self.person.id,
                life=CODE_LIFE,
                data=data,
                word=word,
            )
        else:
            token = tokens.make(
                self.house, self.session, token_rows.CONFIRM, self.person.id, life=CONFIRM_LIFE, data=data
            )
        tasks.add(
            self.house,
            self.session,
            "sms" if kind is PointKind.PHONE else "mail",
            f"confirm/{self.house.random(12).hex()}",
            self.person.id,
            {
                "template": "confirm",
                "brand": self.said.brand,
                "point": ordinals[kind],
                "language": self.said.context.language,
                "token": token,
                "choices": [[choice.purpose, choice.channel.value] for choice in self.said.choices],
            },
        )

    def _permission(
        self, choice: Choice, status: Status, ordinals: dict[PointKind, int], *, confirmed: bool
    ) -> events.Permission:
        proof = workspace.proof_bits(self.point.proof) if status is Status.GIVEN else Proof(0)
        if status is Status.GIVEN:
            proof |= Proof.CONFIRMED | Proof.DEMONSTRABLE
            if self.said.guardian:
                proof |= Proof.GUARDIAN
        notice = self.notices[choice.purpose]
        return events.Permission(
            **self._common(),
            brand=self.said.brand,
            purpose=choice.purpose,
            channel=choice.channel.value,
            status=status,
            proof=proof,
            confirmed=confirmed,
            point=-1 if POINT_OF_CHANNEL[choice.channel] is None else ordinals.get(_kind(choice), -1),
            notice=f"{notice.id}@{notice.version}",
            notice_hash=notice.hash,
            notice_epoch=notice.epoch,
        )

    def _record_point(self, ordinal: int, address: Address, change: str) -> None:
        self._record(
            events.Point(
                **self._common(),
                point=ordinal,
                point_kind=address.kind,
                change=change,
                value=address.value,
                flags=address.flags,
                country=address.country,
            )
        )

    def _record(self, event: events.AnyEvent) -> Staged:
        return self.session.record(self.person, event)

    def _common(self) -> dict[str, Any]:
        """What every event of this submission says of itself."""
        return {
            "id": self.house.random(16).hex(),
            "occurred": self._now,
            "actor": self._actor,
            "source": self.source,
            "evidence": evidence(self.said.capture_point, self.said.context),
        }


def request(house: House, session: Session, person: Writing, said: Submission) -> None:
    """Ask a known person to confirm choices at the addresses they hold; in a session. Raises as `submit`."""
    point = _point(house, said)
    desk = _Desk(house, session, said, _notices(house, session.connection, point, said), point, person)
    found = {_kind(choice): facts.current_point(person.state, choice.channel) for choice in said.choices}
    desk.request({kind: ordinal for kind, ordinal in found.items() if ordinal >= 0})


def evidence(capture_point: str, context: Context) -> str:
    """The circumstances of a statement in one line, for the sealed record."""
    parts = [capture_point, context.language, context.network, context.page, context.agent[:200]]
    return " | ".join(part for part in parts if part)


def source_of(session: Session, capture_point: str) -> int:
    """The number of a capture point in the source table; a new one gets the next."""
    for one in sources.all_sources(session.connection):
        if one.kind == "capture" and one.name == capture_point:
            return one.id
    number = sources.next_id(session.connection)
    sources.put(
        session.connection,
        Source(
            id=number,
            kind="capture",
            name=capture_point,
            digest="",
            generation=0,
            basis="",
            state="open",
            started=session.now,
        ),
    )
    return number


def _point(house: House, said: Submission) -> workspace.CapturePoint:
    point = house.workspace.capture_points.get(said.capture_point) or BUILT_IN.get(said.capture_point)
    if point is None and said.capture_point == SITE:
        point = workspace.CapturePoint(kind="form", proof=_site_proof(house))
    if point is None:
        raise errors.NotFound(
            f"There is no capture point called {said.capture_point!r}",
            expected=f"one of: {', '.join(house.workspace.capture_points)}",
            remedy="check the spelling, or add it to amana.toml",
        )
    unknown = [name for name in said.fields if name not in house.workspace.fields]
    if unknown:
        raise workspace.unregistered(unknown, suggested_purpose=next(iter(house.workspace.purposes)))
    return point


def _site_proof(house: House) -> tuple[str, ...]:
    """What sites' pages show by declaration; an express statement is said with each yes, never assumed."""
    web = house.workspace.web
    return tuple(name for name in web.proof if name != EXPLICIT) if web else ()


def still_shown(house: House, connection: sa.Connection, said: Submission) -> tuple[Choice, ...]:
    """The choices of a submission whose wording, as shown, still holds; all where nothing is said of it."""
    if said.shown is None:
        return said.choices
    point, versions = _point(house, said), register.notice_versions(connection)
    return tuple(
        one
        for one in said.choices
        if shown.answered(versions, _notice_of(house, point, one.purpose), said.shown) is not None
    )


def wording_changed() -> errors.NoticeChanged:
    """What is raised where a yes was given to a wording that does not hold any more."""
    return errors.NoticeChanged(
        "The wording has changed since it was shown, and the yes to it is not recorded",
        remedy="show the notice as it is now, and ask again",
    )


def _notice_of(house: House, point: workspace.CapturePoint, name: str) -> str:
    """The name of the notice that covers a purpose: the capture point's own, else the purpose's. Raises NotFound."""
    purpose = house.workspace.purposes.get(name)
    if purpose is None:
        raise errors.NotFound(
            f"There is no purpose called {name!r}",
            expected=f"one of: {', '.join(house.workspace.purposes)}",
            remedy="check the spelling, or add it to amana.toml",
        )
    return point.notice or purpose.notice


def _notices(
    house: House, connection: sa.Connection, point: workspace.CapturePoint, said: Submission
) -> dict[str, Published]:
    """The published notice that covers each chosen purpose: the wording that was shown, else the latest."""
    versions = register.notice_versions(connection)
    latest = {one.id: one for one in versions}
    found: dict[str, Published] = {}
    for choice in said.choices:
        name = _notice_of(house, point, choice.purpose)
        if name not in latest:
            raise errors.Conflict(
                "The notice to be shown is not published", remedy="run `amana publish` first"
            )
        notice = latest[name] if said.shown is None else shown.answered(versions, name, said.shown)
        if notice is None:
            raise wording_changed()
        if not _covers(notice, choice):
            raise errors.BadInput(
                "A choice is not covered by the notice that was shown",
                got=f"{choice.purpose} by {choice.channel.value}",
                remedy="add it to the notice, and publish that",
            )
        found[choice.purpose] = notice
    return found


def _covers(notice: Published, choice: Choice) -> bool:
    content = msgspec.convert(notice.content, _Covered)
    return choice.purpose in content.purposes and choice.channel.value in content.channels


class _Covered(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a notice's content that says what it covers."""

    purposes: tuple[str, ...]
    channels: tuple[str, ...]


def _covered(said: Submission, addresses: Sequence[Address]) -> None:
    if not said.choices:
        raise errors.BadInput("Nothing was chosen", expected="at least one purpose and channel")
    kinds = {address.kind for address in addresses}
    for choice in said.choices:
        if _kind(choice) not in kinds:
            raise errors.BadInput(
                "A choice needs an address that was not given",
                expected=_kind(choice).value,
                remedy="give it, or switch the choice off",
            )


def _kind(choice: Choice) -> PointKind:
    kind = POINT_OF_CHANNEL[choice.channel]
    return PointKind.EMAIL if kind is None else kind


def _cell_of(staged: Staged) -> tuple[str, str]:
    event = staged.event
    return (event.purpose, event.channel) if isinstance(event, events.Permission) else ("", "")


def _token_kind(kind: PointKind) -> str:
    return token_rows.CODE if kind is PointKind.PHONE else token_rows.CONFIRM
