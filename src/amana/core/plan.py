"""The plan: one question turned into a small relation, regime -> what the law asks.

Rule. A question is (brand, purpose, channel, moment). For each distinct regime the plan resolves all countries
concerned together, the strictest of each: the highest basis, the union of proofs, the youngest cut-off, the
intersection of allowed hours, the smallest cap. An exception holds only if every country that asks for a basis knows
it. Countries concerned: the residence (or, if unknown, every country the workspace serves), and for phone channels
the country of the number. None at all: not located, which denies. A place without a pack, or a date before
`modelled_from`: not modelled, which denies.

The clock enters only here. Everything that depends on it is constant within a quarter of an hour (zones differ
by multiples of fifteen minutes, laws change at midnight UTC here), so a plan is made per quarter and reused.
Consent life is cut conservatively at the quarter's end.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from amana.core import facts, messages, places, windows
from amana.core.handling import Handled
from amana.core.packs import Caps, ExceptionKind, LawBook, LawException, LawRule, Period, RegistryNeed
from amana.core.regimes import Regime
from amana.core.vocabulary import PHONE_CHANNELS, Basis, Channel, SubjectType

QUARTER = 900
ALWAYS = -(2**62)
_EPOCH = date(1970, 1, 1)
NOBODY_TOO_YOUNG = 2**31 - 1


class Law(NamedTuple):
    """One regime's row of law for one question. Same names on a row and on gathered columns."""

    located: bool
    modelled: bool
    stored_well: bool
    basis: int
    proof: int
    consent_since: int
    sale: bool
    sale_proof: int
    sale_since: int
    interest: bool
    interest_proof: int
    interest_since: int
    relationship: bool
    relationship_proof: int
    relationship_since: int
    inquiry: bool  # a second, alternative form of relationship with its own terms
    inquiry_proof: int
    inquiry_since: int
    published: bool
    published_proof: int
    published_since: int
    assessment: bool
    born_by: int
    never_born_by: int
    registries: int  # lists that a valid consent or exception lifts
    registries_consent: int  # lists that only a valid consent lifts
    registries_always: int  # lists that nothing lifts
    stale: int  # the same three, for lists whose copy is missing or too old
    stale_consent: int
    stale_always: int
    message: int
    open: bool
    hours: int
    days: int
    cap_day: int
    cap_week: int
    cap_month: int
    transfer_well: bool = True  # a recipient's country is this one, of its union, or has a safeguard


class Ask(NamedTuple):
    """The question's own scalars, the same for everybody."""

    at: int
    notice_floor: int  # oldest material epoch of the notice that still counts
    assessed: bool  # a current legitimate-interest assessment covers purpose and channel
    gated: bool  # the purpose has a minimum age
    born_by: int  # latest birth day old enough for the purpose
    born_floor: int  # below it a birth day is unknown
    topic: int  # bits of the topics of the message
    has_message: bool
    message: int  # content checks that the message meets
    restored: bool = False  # the record came from a backup whose later refusals are not back yet
    contact: bool = True  # a message or a call; False: use or sharing of data, which has no pace and no hours
    declared: bool = True  # the workspace declares this use or recipient for the purpose
    agreed: bool = True  # an agreement with the recipient is on file


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """A do-not-call list that was loaded: its bit and the moment it is as of."""

    bit: int
    as_of: int


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What the workspace brings to every question about one purpose and channel."""

    served: tuple[str, ...]
    stored_in: str = ""  # country where the record is kept
    min_age: int = 0
    notice_floor: int = 0
    assessed: bool = False
    topic: int = 0
    sector: str = ""
    cap_day: int = facts.NO_CAP
    cap_week: int = facts.NO_CAP
    cap_month: int = facts.NO_CAP
    registries: dict[str, Registry] = {}
    message: int | None = None
    restored: bool = False  # the record came from a backup whose later refusals are not back yet
    declared: bool = True
    agreed: bool = True


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about everybody: may `brand` contact for `purpose` on `channel` at `at`, or handle data so?"""

    cell: int
    channel: Channel | None  # None: it is about use or sharing of data
    handled: Handled | None = None
    at: int
    circumstances: Circumstances


class Applied(NamedTuple):
    """A rule of law that a row rests on, with the place it speaks for."""

    place: str
    rule: LawRule


class _Lift(Enum):
    """What lets a contact go ahead although a registry lists the number."""

    EITHER = "consent or exception"
    CONSENT = "consent"
    NOTHING = "nothing"


def _lift(need: RegistryNeed) -> _Lift:
    if not need.lifted_by_consent:
        return _Lift.NOTHING
    return _Lift.EITHER if need.lifted_by_exception else _Lift.CONSENT


class _Terms(NamedTuple):
    """What one kind of exception asks for, all countries together."""

    known: bool
    proof: int
    since: int


class _Clock(NamedTuple):
    """What the local time in some zones is, and whether it is allowed."""

    open: bool
    hours: int
    days: int


class Plan:
    """One question over one law book. Rows are resolved once per regime and kept."""

    def __init__(self, book: LawBook, question: Question, is_holiday: windows.IsHoliday) -> None:
        self.book = book
        self.question = question
        self.ask = _ask(question)
        self._quarter = question.at - question.at % QUARTER
        self._on = datetime.fromtimestamp(self._quarter, UTC).date()
        self.is_holiday = is_holiday
        self._rows: dict[Regime, Law] = {}
        self.cited: dict[Regime, Any] = {}  # what an answer says of a regime's law, kept by `decision`
        self._asked: dict[
            tuple[tuple[str, ...], str], Law
        ] = {}  # by places and subject, before the local clock
        self._clocks: dict[tuple[tuple[str, ...], tuple[str, ...]], _Clock] = {}
        self._concerned: dict[tuple[str, str], tuple[str, ...]] = {}

    def law(self, regime: Regime) -> Law:
        """The row of law for a regime."""
        row = self._rows.get(regime)
        if row is None:
            row = self._rows[regime] = self._resolve(regime)
        return row

    def moved(self, question: Question) -> Plan:
        """The same question at another moment of the same quarter of an hour: the rows of law are shared."""
        plan = Plan(self.book, question, self.is_holiday)
        plan._rows, plan.cited = self._rows, self.cited
        plan._asked, plan._clocks, plan._concerned = self._asked, self._clocks, self._concerned
        return plan

    def places(self, regime: Regime) -> tuple[str, ...]:
        """The pack codes of all places concerned, without repetition, residence first.

        An unknown region is every region that has a law of its own, all of which must allow.
        """
        key = regime.place if regime.residence else "", regime.number_country
        found = self._concerned.get(key)
        if found is None:
            found = self._concerned[key] = self._places(regime)
        return found

    def _places(self, regime: Regime) -> tuple[str, ...]:
        concerned = [regime.place] if regime.residence else list(self.question.circumstances.served)
        if not concerned:  # a number alone does not say where somebody lives
            return ()
        if self.question.channel in PHONE_CHANNELS and regime.number_country:
            number = regime.number_country
            if not any(place.split("-")[0] == number for place in concerned):
                concerned.append(number)
        with_regions = [one for place in concerned for one in (place, *self.book.overlays(place))]
        return tuple(dict.fromkeys(with_regions))

    def applied(self, regime: Regime) -> tuple[Applied, ...]:
        """The rules of law that a regime's row rests on, for the answer's evidence."""
        subject = SubjectType(regime.subject)
        found = []
        for place in self.places(regime):
            rule = self._rule(place, subject)
            if rule is not None:
                found.append(Applied(place, rule))
        return tuple(found)

    def zones(self, regime: Regime) -> tuple[str, ...]:
        """Every zone the person may be in: their own if known, else all zones of the places concerned."""
        return _zones(regime, self.places(regime))

    def opening(self, regime: Regime) -> tuple[tuple[windows.Allowed, ...], tuple[str, ...]]:
        """The legal hours of all places concerned, and the zones in which they must hold."""
        return self._allowed(self.places(regime)), self.zones(regime)

    def stale(self, regime: Regime) -> tuple[str, ...]:
        """The registries that must be consulted about a regime and whose copy is missing or too old."""
        loaded = self.question.circumstances.registries
        names = []
        for applied in self.applied(regime):
            for need in applied.rule.registries:
                held = loaded.get(need.registry)
                if held is None or held.as_of < self._since(need.max_age):
                    names.append(need.registry)
        return tuple(dict.fromkeys(names))

    # ---- resolution ---------------------------------------------------------------------------------------------

    def _rule(self, place: str, subject: SubjectType) -> LawRule | None:
        if not self.book.knows(place):
            return None
        channel, handled = self.question.channel, self.question.handled
        if handled is not None:
            return self.book.handling_rule(place, handled, self._on)
        return None if channel is None else self.book.rule(place, channel, subject, self._on)

    def _resolve(self, regime: Regime) -> Law:
        """Regimes differ most in zone, so what law asks of places and a subject is kept, and so is a local clock."""
        concerned = self.places(regime)
        if not concerned:
            return _NOWHERE
        key = concerned, regime.subject
        row = self._asked.get(key)
        if row is None:
            row = self._asked[key] = self._of_places(concerned, SubjectType(regime.subject))
        if not row.modelled or self.question.handled is not None:
            return row
        clock = self._clock(concerned, _zones(regime, concerned))
        return row._replace(open=clock.open, hours=clock.hours, days=clock.days)

    def _of_places(self, concerned: tuple[str, ...], subject: SubjectType) -> Law:
        """All that does not depend on anybody's zone."""
        rules = [self._rule(place, subject) for place in concerned]
        known = [rule for rule in rules if rule is not None]
        if len(known) < len(rules):
            return _NOWHERE._replace(located=True, modelled=False)
        row = self._consent(known)._replace(
            stored_well=self._stored_well(concerned),
            born_by=self._cut_off(concerned, never=False),
            never_born_by=self._cut_off(concerned, never=True),
        )
        if self.question.handled is not None:
            return row._replace(transfer_well=self._transfer_well(concerned, self.question.handled))
        row = row._replace(message=self._message(concerned, known))
        return self._capped(self._registered(row, known), concerned)

    def _clock(self, concerned: tuple[str, ...], zones: tuple[str, ...]) -> _Clock:
        """The local hours and days in some zones, and whether all places concerned allow contact in them."""
        found = self._clocks.get((concerned, zones))
        if found is None:
            allowed, at = self._allowed(concerned), self.question.at
            found = self._clocks[concerned, zones] = _Clock(
                bool(zones) and windows.open_at(allowed, zones, at, self.is_holiday) if allowed else True,
                windows.local_hours(zones, at),
                windows.local_days(zones, at),
            )
        return found

    def _consent(self, rules: list[LawRule]) -> Law:
        bases = [self._basis(rule) for rule in rules]
        asking = [
            rule
            for rule, basis in zip(rules, bases, strict=True)
            if Basis.PRESUMED_CONSENT <= basis < Basis.PROHIBITED
        ]
        proof, since = 0, ALWAYS
        for rule in rules:
            needed, life = _consent_terms(rule)
            proof |= needed
            since = max(since, self._since(life))
        sale, interest, relationship, published = (self._exception(asking, kind) for kind in _EXCEPTIONS)
        inquiry = self._exception(asking, ExceptionKind.RELATIONSHIP, place=1)
        return _NOWHERE._replace(
            located=True,
            modelled=True,
            basis=int(max(bases)),
            proof=proof,
            consent_since=since,
            sale=sale.known,
            sale_proof=sale.proof,
            sale_since=sale.since,
            interest=interest.known,
            interest_proof=interest.proof,
            interest_since=interest.since,
            relationship=relationship.known,
            relationship_proof=relationship.proof,
            relationship_since=relationship.since,
            inquiry=inquiry.known,
            inquiry_proof=inquiry.proof,
            inquiry_since=inquiry.since,
            published=published.known,
            published_proof=published.proof,
            published_since=published.since,
            assessment=any(
                rule.needs_assessment
                for rule, basis in zip(rules, bases, strict=True)
                if basis < Basis.PRESUMED_CONSENT
            ),
        )

    def _basis(self, rule: LawRule) -> Basis:
        return rule.asked(self.question.circumstances.sector)

    def _exception(self, asking: list[LawRule], kind: ExceptionKind, place: int = 0) -> _Terms:
        """Whether every country that asks for a basis knows this exception, and the strictest terms of it.

        A country may know several of one kind, easiest first; `place` picks the first or the second.
        """
        proof, since = 0, 1
        for rule in asking:
            terms = sorted((one for one in rule.exceptions if one.kind is kind), key=_ease)
            if len(terms) <= place:
                return _Terms(False, 0, 1)
            best = terms[place]
            proof |= int(best.proof_needed)
            since = max(since, self._since(best.life))
        return _Terms(bool(asking), proof, since)

    def _since(self, life: Period | None) -> int:
        """The earliest moment from which something with this life is still fresh at the quarter's end."""
        if life is None:
            return ALWAYS
        end = self._quarter + QUARTER
        on = datetime.fromtimestamp(end, UTC).date()
        cut, clock = life.before(on), end % 86_400
        if (
            Period(months=life.months).before(on).day != on.day
        ):  # the month is too short: its end, not a second time
            cut, clock = cut + timedelta(days=1), 0
        return (cut - _EPOCH).days * 86_400 + clock

    def _stored_well(self, concerned: tuple[str, ...]) -> bool:
        stored = self.question.circumstances.stored_in
        return all(
            not self.book.stored_inside(place, self._on) or stored == place.split("-")[0]
            for place in concerned
        )

    def _transfer_well(self, concerned: tuple[str, ...], handled: Handled) -> bool:
        """Whether what leaves every place concerned goes to its own country or union, or under a safeguard."""
        return handled.safeguarded or all(self.book.is_within(handled.country, place) for place in concerned)

    def _cut_off(self, concerned: tuple[str, ...], *, never: bool) -> int:
        """The latest birth day that is old enough everywhere concerned."""
        ages = [self.book.age(place, self._on) for place in concerned]
        years = [age.never_below if never else age.consent_age for age in ages]
        if never and self.question.handled is not None:
            years += [self.book.never_handled(place, self.question.handled, self._on) for place in concerned]
        oldest = max(years)
        return latest_birth(self._on, oldest) if oldest else NOBODY_TOO_YOUNG

    def _registered(self, row: Law, rules: list[LawRule]) -> Law:
        """The registries that must be consulted, and those of them whose copy is missing or too old."""
        listed, stale = dict.fromkeys(_Lift, 0), dict.fromkeys(_Lift, 0)
        loaded = self.question.circumstances.registries
        for rule in rules:
            for need in rule.registries:
                lift = _lift(need)
                held = loaded.get(need.registry)
                if held is not None:
                    listed[lift] |= held.bit
                if held is None or held.as_of < self._since(need.max_age):
                    stale[lift] |= 1 if held is None else held.bit
        return row._replace(
            registries=listed[_Lift.EITHER],
            registries_consent=listed[_Lift.CONSENT],
            registries_always=listed[_Lift.NOTHING],
            stale=stale[_Lift.EITHER],
            stale_consent=stale[_Lift.CONSENT],
            stale_always=stale[_Lift.NOTHING],
        )

    def _message(self, concerned: tuple[str, ...], rules: list[LawRule]) -> int:
        """What a message must carry in all places concerned: by their general rule, their row and its exceptions."""
        channel = self.question.channel
        if channel is None:
            return 0
        conditions = [one for place in concerned for one in self.book.message(place, self._on, channel)]
        for rule in rules:
            conditions += rule.conditions
            conditions += [one for exception in rule.exceptions for one in exception.conditions]
        return messages.needed(conditions, channel)

    def _capped(self, row: Law, concerned: tuple[str, ...]) -> Law:
        """The smallest caps of the workspace and of all countries concerned."""
        mine = self.question.circumstances
        day, week, month = [mine.cap_day], [mine.cap_week], [mine.cap_month]
        for place in concerned:
            channel = self.question.channel
            caps: Caps | None = None if channel is None else self.book.caps(place, channel, self._on)
            if caps is not None:
                day.append(facts.NO_CAP if caps.per_day is None else caps.per_day)
                week.append(facts.NO_CAP if caps.per_week is None else caps.per_week)
                month.append(facts.NO_CAP if caps.per_month is None else caps.per_month)
        return row._replace(cap_day=min(day), cap_week=min(week), cap_month=min(month))

    def _allowed(self, concerned: tuple[str, ...]) -> tuple[windows.Allowed, ...]:
        found: list[windows.Allowed] = []
        channel = self.question.channel
        if channel is None:
            return ()
        for place in concerned:
            quiet = self.book.quiet(place, channel, self._on)
            if quiet is not None:
                found.append(
                    windows.Allowed(
                        weekday=quiet.weekday,
                        saturday=quiet.saturday,
                        sunday=quiet.sunday,
                        holiday=quiet.holiday,
                        place=place,
                    )
                )
        return tuple(found)


_EXCEPTIONS = (
    ExceptionKind.SALE,
    ExceptionKind.INTEREST,
    ExceptionKind.RELATIONSHIP,
    ExceptionKind.PUBLISHED,
)

_NOWHERE = Law(
    located=False,
    modelled=True,
    stored_well=True,
    basis=int(Basis.OPT_OUT),
    proof=0,
    consent_since=ALWAYS,
    sale=False,
    sale_proof=0,
    sale_since=1,
    interest=False,
    interest_proof=0,
    interest_since=1,
    relationship=False,
    relationship_proof=0,
    relationship_since=1,
    inquiry=False,
    inquiry_proof=0,
    inquiry_since=1,
    published=False,
    published_proof=0,
    published_since=1,
    assessment=False,
    born_by=NOBODY_TOO_YOUNG,
    never_born_by=NOBODY_TOO_YOUNG,
    registries=0,
    registries_consent=0,
    registries_always=0,
    stale=0,
    stale_consent=0,
    stale_always=0,
    message=0,
    open=True,
    hours=0,
    days=0,
    cap_day=facts.NO_CAP,
    cap_week=facts.NO_CAP,
    cap_month=facts.NO_CAP,
)


def latest_birth(on: date, age: int) -> int:
    """The latest birth day (since 1970-01-01) of somebody who is `age` on `on`; 29 February counts as 1 March."""
    try:
        born = on.replace(year=on.year - age)
    except ValueError:
        born = date(on.year - age, 2, 28)
    return (born - _EPOCH).days


def _zones(regime: Regime, concerned: tuple[str, ...]) -> tuple[str, ...]:
    if regime.zone and windows.knows(regime.zone):
        return (regime.zone,)
    return tuple(dict.fromkeys(zone for place in concerned for zone in places.zones_of(place)))


def _ask(question: Question) -> Ask:
    mine = question.circumstances
    on = datetime.fromtimestamp(question.at, UTC).date()
    return Ask(
        at=question.at,
        notice_floor=mine.notice_floor,
        assessed=mine.assessed,
        gated=mine.min_age > 0,
        born_by=latest_birth(on, mine.min_age) if mine.min_age else NOBODY_TOO_YOUNG,
        born_floor=facts.BORN_UNKNOWN + 1,
        topic=mine.topic,
        has_message=mine.message is not None,
        message=mine.message or 0,
        restored=mine.restored,
        contact=question.handled is None,
        declared=mine.declared,
        agreed=mine.agreed,
    )


def _consent_terms(rule: LawRule) -> tuple[int, Period | None]:
    """Proof and life of a consent under a rule: its own, or those of its consent exception (calls, registries)."""
    for exception in rule.exceptions:
        if exception.kind is ExceptionKind.CONSENT:
            return int(exception.proof_needed), exception.life or rule.consent_life
    return int(rule.proof_needed), rule.consent_life


def _ease(exception: LawException) -> tuple[int, int]:
    """Exceptions of one kind are alternatives: first the one with the fewest proofs to show, then the longest."""
    return int(exception.proof_needed).bit_count(), 0 if exception.life is None else 1
