"""Intake: what one row of a source becomes, once it is known whom it is about.

Rule.
- A grant needs a documented capture: evidence named for the source, the `demonstrable` check, and a date. Without
  them the person becomes *unknown*, which decides nothing. A guardian's consent is never imported: it is theirs to
  confirm, from their own address.
- A refusal needs nothing. Undated, it counts from the beginning and until now. It binds every holder of the address
  it came for, and whoever comes to share an address inherits its
  refusals.
- What a source repeats is not recorded again: a statement that the same source made before with the same times and
  proof, an attribute that already has the value. A refusal is repeated only if nothing lifted it meanwhile.
- Somebody who was erased does not come back by a list or a relay: a row with an address of theirs, about nobody who is
  known, is kept out whole and reported by its line.
- Nothing more than five minutes in the future is taken; a latest moment in the future becomes now.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from amana.core import events, facts, lists, places, regimes, windows
from amana.core import state as states
from amana.core.notices import Published
from amana.core.statements import ANY, UNREADABLE, Interval, PersonRow, Reject, Statement
from amana.core.vocabulary import (
    GRANTING,
    POINT_OF_CHANNEL,
    REFUSING,
    Actor,
    Hold,
    PointKind,
    Proof,
    Status,
)
from amana.core.workspace import Workspace
from amana.ledger import sealing
from amana.services.collection import inheritance
from amana.services.collection.identities import Crowd, Identity, Match
from amana.services.record.addresses import Address
from amana.services.record.writing import Session, Writing
from amana.storage import people, register

FUTURE_TOLERANCE = 300  # seconds


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The import that rows come from."""

    source: int
    siblings: frozenset[int]  # this source and earlier ones with the same name
    brand: str
    evidenced: bool  # somebody named the evidence for the list as a whole
    bought: bool = False  # somebody else collected it
    held: bool = False  # and its papers fail
    id_key: bytes  # keyed hash key for event ids
    id_context: bytes  # file digest and generation
    notices: Mapping[str, Published]  # by id@version
    erased_too: bool = False  # the person speaks for themselves: somebody who was erased may come back


class Intake:
    """Records one batch of rows in one session."""

    def __init__(self, session: Session, crowd: Crowd, origin: Origin, workspace: Workspace) -> None:
        self.session = session
        self.crowd = crowd
        self.origin = origin
        self.workspace = workspace
        self._languages = workspace.organisation.languages
        self.counts: Counter[str] = Counter()
        self.rejects: list[Reject] = []
        self.reviews: list[register.Review] = []
        self._profiles: dict[int, dict[str, str]] = {}
        self._ordinal = 0
        self._now = Interval(lo=session.now, hi=session.now)

    def take(self, batch: Iterable[Identity]) -> None:
        """Match and record each identity in order."""
        for identity in batch:
            self._row(identity)

    def _row(self, identity: Identity) -> None:
        row = identity.row
        self._ordinal = 0
        if not self.origin.erased_too and self.crowd.only_erased(identity):
            self._keep_out(row)
            return
        match = self.crowd.match(identity)
        before = len(self.session.staged)
        if self.origin.held and not match.is_new and not facts.is_held(match.person.state):
            identity, row = self._only_noes(identity, match.person)
        points = self._points(identity, match)
        self._stand(row, match)
        if match.is_new:
            self.counts["people_new"] += 1
        if identity.alias is not None and identity.alias not in self.crowd.aliases:
            self.crowd.aliases[identity.alias] = self.session.aliases[identity.alias] = match.person.id
        if identity.name_tag and not match.person.name_tag:
            match.person.name_tag, match.person.touched = identity.name_tag, True
        self._profile(row, match.person)
        for statement in row.statements:
            self._statement(row, statement, match.person, points)
        recorded = len(self.session.staged) - before
        self.counts["rows"] += 1
        self.counts["events"] += recorded
        if not match.is_new:
            self.counts["people_changed" if recorded else "rows_unchanged"] += 1

    def _keep_out(self, row: PersonRow) -> None:
        """Somebody who was erased does not come back by a list: nothing of the row is stored, and the report says so."""
        self.counts["rows"] += 1
        self.counts["kept_out"] += 1
        self.rejects.append(
            Reject(part=row.part, line=row.line, column="", reason="erased_before", whole_row=True)
        )

    # ---- bought lists -------------------------------------------------------------------------------------------

    def _only_noes(self, identity: Identity, person: Writing) -> tuple[Identity, PersonRow]:
        """Of somebody we know otherwise a held list adds nothing but a No: no address, no attribute, no claim."""
        self.counts["known_otherwise"] += 1
        holders = self.crowd.holders
        own = tuple(
            one
            for one in identity.addresses
            if any(owner == person.id for owner, _ in holders.get(one.blind, ()))
        )
        noes = tuple(
            said
            for said in identity.row.statements
            if not said.relationship and (said.status in REFUSING or said.point_blocked)
        )
        row = msgspec.structs.replace(identity.row, fields={}, statements=noes)
        return msgspec.structs.replace(identity, row=row, addresses=own, name_tag=None), row

    def _stand(self, row: PersonRow, match: Match) -> None:
        """A held list holds those whom it made known; a source with evidence vouches for those whom others hold."""
        person, source = match.person, self.origin.source
        held = facts.is_held(person.state)
        if self.origin.held:
            if (match.is_new or held) and source not in person.state.held:
                self._record_stand(row, person, on=True)
        elif held and self.origin.evidenced:
            self._record_stand(row, person, on=False)

    def _record_stand(self, row: PersonRow, person: Writing, *, on: bool) -> None:
        self.counts["held" if on else "vouched"] += 1
        self.session.record(
            person,
            events.Held(
                id=self._id(row), occurred=self._now, actor=Actor.IMPORT, source=self.origin.source, on=on
            ),
        )

    # ---- addresses ----------------------------------------------------------------------------------------------

    def _points(self, identity: Identity, match: Match) -> dict[PointKind, tuple[int, Address]]:
        """Make sure the person holds the row's addresses; ordinal and address by kind."""
        person = match.person
        found: dict[PointKind, tuple[int, Address]] = {}
        for address in identity.addresses:
            held = self.crowd.holders.get(address.blind, [])
            ordinal = next((number for owner, number in held if owner == person.id), None)
            if ordinal is None:
                for other, reason in self._others(held, person, dict(match.conflicts)):
                    self.reviews.append(
                        register.Review(
                            person=person.id,
                            other=other,
                            reason=reason,
                            source=self.origin.source,
                            at=self.session.now,
                        )
                    )
                    self.counts["reviews"] += 1
                ordinal = self._new_point(identity.row, person, address)
                self._suppression(identity.row, person, address)
                self._inherit(identity.row, person, address)
            found[address.kind] = (ordinal, address)
        return found

    @staticmethod
    def _others(
        held: list[tuple[int, int]], person: Writing, reasons: dict[int, str]
    ) -> list[tuple[int, str]]:
        return [(owner, reasons.get(owner, "address")) for owner, _ in held if owner != person.id]

    def _new_point(self, row: PersonRow, person: Writing, address: Address) -> int:
        ordinal = max(person.state.points, default=-1) + 1
        self.session.add_point(person, address.kind.value, address.blind, address.value, ordinal)
        self.crowd.hold(address, person.id, ordinal)
        self.session.record(
            person,
            events.Point(
                id=self._id(row),
                occurred=self._now,
                actor=Actor.IMPORT,
                source=self.origin.source,
                point=ordinal,
                point_kind=address.kind,
                change="added",
                value=address.value,
                flags=address.flags,
                country=address.country,
            ),
        )
        return ordinal

    def _suppression(self, row: PersonRow, person: Writing, address: Address) -> None:
        """An address on a suppression list makes its new holder one who objected to everything."""
        if self.crowd.suppressed.isdisjoint(address.suppress):
            return
        self.counts["suppressed"] += 1
        since_ever = Interval(lo=0, hi=self.session.now)
        self._refuse(row, person, ANY, ANY, Status.OBJECTED, since_ever, "suppressed", brand=ANY)

    def _inherit(self, row: PersonRow, person: Writing, address: Address) -> None:
        """A new holder of a known address is bound by every refusal that binds the address."""
        for owner, ordinal in list(self.crowd.holders.get(address.blind, ())):
            if owner != person.id:
                self._inherit_from(row, person, self.session.person(owner), ordinal, address)

    def _inherit_from(
        self, row: PersonRow, person: Writing, holder: Writing, ordinal: int, address: Address
    ) -> None:
        for bound in inheritance.refusals(holder.state, address.kind, self.session.terms):
            self._refuse(
                row,
                person,
                bound.purpose,
                bound.channel,
                bound.status,
                bound.when,
                inheritance.SHARED,
                brand=bound.brand,
            )
        block = inheritance.block(holder.state, ordinal)
        if block is not None:
            mine = next(number for owner, number in self.crowd.holders[address.blind] if owner == person.id)
            self._block(row, person, mine, address.kind, block.when, block.reason)

    # ---- attributes ---------------------------------------------------------------------------------------------

    def _profile(self, row: PersonRow, person: Writing) -> None:
        columns: dict[str, str] = {}
        sealed: dict[str, str] = {}
        for name, value in row.fields.items():
            field = self.workspace.fields[name]
            if not value or (value == UNREADABLE and field.means != "birth_date"):
                continue
            if field.hold is Hold.COLUMN:
                columns[field.means or name] = value
            else:
                sealed[name] = value
            if field.means == "birth_date":
                if regimes.born_by(value) == facts.BORN_UNKNOWN:
                    if value != UNREADABLE:
                        self._reject(row, name, "bad_date")
                    sealed.pop(name, None)
                    columns["birth"] = regimes.UNREADABLE
                else:
                    columns["birth"] = regimes.birth_month(value)
            elif field.means == "residence":
                self._residence(row, name, value, columns)
            elif field.means == "zone" and not windows.knows(value):
                self._reject(row, name, "bad_zone")
                columns.pop("zone")
            elif field.means == "guardian":
                columns["guardian"] = "yes"
        columns = {
            name: value for name, value in columns.items() if not self._repeats_attribute(person, name, value)
        }
        held = self._held_profile(person)
        sealed = {name: value for name, value in sealed.items() if held.get(name) != value}
        if not columns and not sealed:
            return
        self.session.merge_profile(person, sealed)
        held.update(sealed)
        self.session.record(
            person,
            events.Profile(
                id=self._id(row),
                occurred=self._now,
                actor=Actor.IMPORT,
                source=self.origin.source,
                columns=columns,
                sealed=sealed,
            ),
        )

    def _residence(self, row: PersonRow, name: str, value: str, columns: dict[str, str]) -> None:
        """A country by code or name; what is neither leaves the residence as it is, unknown if it was unknown."""
        country = places.country_of(value, self._languages)
        if country is None:
            self._reject(row, name, "unknown_country")
            columns.pop("residence", None)
        else:
            columns["residence"] = country

    def _repeats_attribute(self, person: Writing, name: str, value: str) -> bool:
        """Whether the same system said this before, and it prevails: an undo of another source must not take it."""
        return states.attribute(person.state, name) == value and any(
            held.value == value and held.source in self.origin.siblings
            for held in person.state.attributes.get(name, ())
        )

    def read_profiles(self, ids: Iterable[int]) -> None:
        """Open the sealed profiles of known people, to see what a row changes."""
        known = [one for one in ids if not self.session.people[one].is_new and one not in self._profiles]
        held = people.profiles(self.session.connection, known)
        keys = self.session.keys.keys(held)
        for person, sealed in held.items():
            plain = sealing.unwrap(keys[person], sealed, b"profile/%d" % person)
            self._profiles[person] = msgspec.json.decode(plain)

    def _held_profile(self, person: Writing) -> dict[str, str]:
        return self._profiles.setdefault(person.id, {})

    # ---- statements ---------------------------------------------------------------------------------------------

    def _statement(
        self,
        row: PersonRow,
        said: Statement,
        person: Writing,
        points: Mapping[PointKind, tuple[int, Address]],
    ) -> None:
        when = self._when(row, said)
        if when is None:
            return
        if said.point_blocked:
            self._blocked(row, said, when, points)
        if said.relationship:
            self._relationship(row, said, person, when)
        elif said.status in REFUSING:
            self._refusal(row, said, person, when, points)
        elif not said.point_blocked:
            self._claim(row, said, person, when, points)

    def _when(self, row: PersonRow, said: Statement) -> Interval | None:
        """The statement's time, clamped to now; None (and a reject) if it lies in the future."""
        if said.occurred is None:
            return Interval(lo=0, hi=self.session.now)
        if said.occurred.lo > self.session.now + FUTURE_TOLERANCE:
            self._reject(row, "", "future_date")
            if said.status in REFUSING or said.point_blocked:
                return self._now  # a No is never dropped for a wrong date
            return None
        hi = max(0, min(said.occurred.hi, self.session.now))  # 1900-01-01 is how a table says "long ago"
        return Interval(lo=max(0, min(said.occurred.lo, hi)), hi=hi)

    def _claim(
        self,
        row: PersonRow,
        said: Statement,
        person: Writing,
        when: Interval,
        points: Mapping[PointKind, tuple[int, Address]],
    ) -> None:
        """A grant, a request or an unknown."""
        if said.channel is None or said.purpose == ANY:
            self._reject(row, "", "grant_too_wide")
            return
        status = self._supported(said)
        kind = POINT_OF_CHANNEL[said.channel]
        if kind is not None and kind in points:
            point = points[kind][0]
        else:  # a row without an address speaks of the one in use: a later one inherits nothing
            point = facts.current_point(person.state, said.channel)
        published = self.origin.notices.get(said.notice)
        if said.notice and published is None:
            self._reject(
                row, "notice", "unknown_notice"
            )  # it must name a published id@version; it counts as none
        event = events.Permission(
            id=self._id(row),
            occurred=when,
            actor=said.actor,
            source=self.origin.source,
            evidence=said.evidence,
            brand=self.origin.brand,
            purpose=said.purpose,
            channel=said.channel.value,
            status=status,
            proof=said.proof & ~Proof.GUARDIAN if status in GRANTING else Proof(0),
            point=point,
            notice=said.notice,
            notice_hash=published.hash if published else "",
            notice_epoch=published.epoch if published else 0,
            reason=said.reason,
        )
        self.counts[f"said_{status.value}"] += 1
        if not self._repeats_claim(person, event):
            self.session.record(person, event)

    def _supported(self, said: Statement) -> Status:
        """A grant only with named evidence, a demonstrable capture and a date; else unknown."""
        proven = self.origin.evidenced and Proof.DEMONSTRABLE in said.proof and said.occurred is not None
        return Status.UNKNOWN if said.status in GRANTING and not proven else said.status

    def _repeats_claim(self, person: Writing, event: events.Permission) -> bool:
        """Whether the same system said this, or more, before: a weaker claim would change no state."""
        cell = self.session.terms.cell(event.brand, event.purpose, event.channel)
        kind = states.CLASS_OF_STATUS[event.status]
        return any(
            claim.kind == kind
            and claim.source in self.origin.siblings
            and claim.point == event.point
            and claim.epoch >= event.notice_epoch
            and _covers(claim, event)
            for claim in person.state.cells.get(cell, ())
        )

    def _relationship(self, row: PersonRow, said: Statement, person: Writing, when: Interval) -> None:
        if said.channel is None or said.purpose == ANY or said.occurred is None or not self.origin.evidenced:
            self.counts["relationship_unproven"] += 1
            return
        basis = said.reason if said.reason in states.BASES else "sale"
        if self.origin.bought and basis in lists.LACKED_BASES:
            self.counts["relationship_of_seller"] += 1
            return
        self.counts["said_relationship"] += 1
        cell = self.session.terms.cell(self.origin.brand, said.purpose, said.channel.value)
        if any(
            shown.at == when.lo
            and shown.proof == int(said.proof)
            and shown.basis == states.BASES.index(basis)
            for shown in person.state.shown.get(cell, ())
            if shown.source in self.origin.siblings
        ):
            return
        self.session.record(
            person,
            events.Relationship(
                id=self._id(row),
                occurred=when,
                actor=said.actor,
                source=self.origin.source,
                evidence=said.evidence,
                brand=self.origin.brand,
                purpose=said.purpose,
                channel=said.channel.value,
                basis=basis,
                proof=said.proof,
            ),
        )

    def _refusal(
        self,
        row: PersonRow,
        said: Statement,
        person: Writing,
        when: Interval,
        points: Mapping[PointKind, tuple[int, Address]],
    ) -> None:
        """A No of the person, and of everybody who shares the address it was said for."""
        self.counts[f"said_{said.status.value}"] += 1
        channel = said.channel.value if said.channel else ANY
        bound = {person.id: person}
        kinds = list(points) if said.channel is None else [POINT_OF_CHANNEL[said.channel]]
        for kind in kinds:
            if kind is not None and kind in points:
                for owner, _ in self.crowd.holders.get(points[kind][1].blind, ()):
                    bound.setdefault(owner, self.session.person(owner))
        for one in bound.values():
            reason = said.reason if one is person else "shared_address"
            self._refuse(row, one, said.purpose, channel, said.status, when, reason)

    def _refuse(
        self,
        row: PersonRow,
        person: Writing,
        purpose: str,
        channel: str,
        status: Status,
        when: Interval,
        reason: str,
        *,
        brand: str = "",
    ) -> None:
        event = events.Permission(
            id=self._id(row),
            occurred=when,
            actor=Actor.IMPORT if reason != "shared_address" else Actor.RELAYED,
            source=self.origin.source,
            brand=brand or self.origin.brand,
            purpose=purpose,
            channel=channel,
            status=status,
            reason=reason,
        )
        if not self._repeats_refusal(person, event):
            self.session.record(person, event)

    def _repeats_refusal(self, person: Writing, event: events.Permission) -> bool:
        cell = self.session.terms.cell(event.brand, event.purpose, event.channel)
        kind = states.CLASS_OF_STATUS[event.status]
        granted_since = max(
            (
                claim.lo
                for claims in person.state.cells.values()
                for claim in claims
                if claim.kind == states.GRANT and claim.own
            ),
            default=-1,
        )
        return any(
            claim.kind == kind
            and claim.source in self.origin.siblings
            and (claim.hi >= event.occurred.hi or (event.occurred.lo == 0 and granted_since < claim.lo))
            for claim in person.state.cells.get(cell, ())
        )

    def _blocked(
        self,
        row: PersonRow,
        said: Statement,
        when: Interval,
        points: Mapping[PointKind, tuple[int, Address]],
    ) -> None:
        """A bounce or complaint is about the address: it binds everybody who holds it."""
        kinds = list(points) if said.channel is None else [POINT_OF_CHANNEL[said.channel]]
        for kind in kinds:
            if kind is None or kind not in points:
                continue
            for owner, ordinal in self.crowd.holders.get(points[kind][1].blind, ()):
                self._block(
                    row, self.session.person(owner), ordinal, kind, when, said.reason or "bounce_hard"
                )

    def _block(
        self, row: PersonRow, person: Writing, ordinal: int, kind: PointKind, when: Interval, reason: str
    ) -> None:
        self.counts["said_blocked"] += 1
        held = person.state.points.get(ordinal)
        stands = held is not None and held.blocked >= 0 and held.blocked >= held.unblocked
        liftable = inheritance.CARRIER_BLOCKS
        # A block that START does not lift is kept beside one that it does.
        if held is not None and stands and (held.reason not in liftable or reason in liftable):
            return
        self.session.record(
            person,
            events.Point(
                id=self._id(row),
                occurred=when,
                actor=Actor.IMPORT,
                source=self.origin.source,
                point=ordinal,
                point_kind=kind,
                change="blocked",
                reason=reason,
            ),
        )

    # ---- ids and rejects ----------------------------------------------------------------------------------------

    def _id(self, row: PersonRow) -> str:
        """The id of the row's next event: the same row of the same file gives the same ids."""
        place = b"%s\0%s\0%d\0%d" % (self.origin.id_context, row.part.encode(), row.line, self._ordinal)
        self._ordinal += 1
        return hmac.digest(self.origin.id_key, place, hashlib.sha256)[:16].hex()

    def _reject(self, row: PersonRow, column: str, reason: str) -> None:
        self.rejects.append(
            Reject(part=row.part, line=row.line, column=column, reason=reason, whole_row=False)
        )


def _covers(claim: states.Claim, event: events.Permission) -> bool:
    """Whether a claim says as much as an event: as late, and with every proof; or the same, undated both times."""
    if int(event.proof) & ~claim.proof:
        return False
    if event.occurred.lo == 0:
        return claim.lo == 0
    return (claim.lo, claim.hi) >= (event.occurred.lo, event.occurred.hi)
