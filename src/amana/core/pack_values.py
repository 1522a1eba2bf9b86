"""What a country pack holds, as values: rows of law with their source and how sure we are of it.

Rule. Every row is *marked*: a citation, a confidence, and whether a public page stating it was read. A row
speaks for a span of days, both ends included; an open end is open. Nothing here decides: `packs.LawBook`
picks the row for a date, the plan turns it into columns. A condition of the law is one token and one word
for how it is kept; what is not kept says so (`not_enforced`) and is shown with the decision.

Spans of time are ISO 8601 durations of whole years, months, weeks and days; clock times are minutes of the
local day. Sources stand in the packs themselves (`amana/data/law`).
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta
from enum import Enum

import msgspec

from amana.core.vocabulary import Basis, Channel, Confidence, Mark, Proof, SubjectType
from amana.errors import BadLaw

NOT_ENFORCED = "not_enforced"
ENFORCED_BY = frozenset(
    {
        "proof",  # a proof bit, the life of a consent, or the evidence of an exception
        "registry",  # a do-not-call registry and its freshness
        "message",  # a check of the message or an obligation on it
        "age",  # the age of consent
        "sector",  # the sector of the sender
        "assessment",  # a legitimate-interest assessment on file
        "choice",  # the person's own No, which always wins
        NOT_ENFORCED,
    }
)
"""How a condition is kept. `not_enforced` is shown with every decision that rests on the row."""

Windows = tuple[tuple[int, int], ...]
"""Half-open windows `(start, end)` in minutes of the local day."""

_DURATION = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?", re.ASCII)


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value with named fields."""


class Period(Value, frozen=True, kw_only=True):
    """A calendar span: whole months, then whole days (ISO 8601-1:2019, 5.5.2)."""

    months: int = 0
    days: int = 0

    def before(self, when: date) -> date:
        """The day this span before `when`. A month that is too short gives its last day (31 August - P6M)."""
        first = when.year * 12 + when.month - 1 - self.months
        year, month = first // 12, first % 12 + 1
        day = min(when.day, calendar.monthrange(year, month)[1])
        return date(year, month, day) - timedelta(days=self.days)

    def after(self, when: date) -> date:
        """The day this span after `when`; a short month gives its last day (Regulation 1182/71 art. 3(2)(c))."""
        first = when.year * 12 + when.month - 1 + self.months
        year, month = first // 12, first % 12 + 1
        day = min(when.day, calendar.monthrange(year, month)[1])
        return date(year, month, day) + timedelta(days=self.days)


def period(text: str) -> Period:
    """Read `P1Y`, `P24M`, `P2W`, `P30D` or a combination in that order. Errors: BadLaw."""
    found = _DURATION.fullmatch(text)
    if not found:
        expected = "an ISO 8601 duration such as P12M or P30D"
        raise BadLaw("A span of time cannot be read", expected=expected, got=text)
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    return Period(months=years * 12 + months, days=weeks * 7 + days)


class Marked(Value, frozen=True, kw_only=True):
    """What every row of law carries about itself."""

    citation: str
    confidence: Confidence
    mark: Mark
    note: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether the row may be shown without the words "not yet confirmed by counsel"."""
        return self.mark is Mark.SEEN and self.confidence is Confidence.HIGH


class Dated(Marked, frozen=True, kw_only=True):
    """A marked row that speaks for a span of days, both ends included."""

    effective_from: date | None = None
    effective_to: date | None = None

    def covers(self, on: date) -> bool:
        """Whether the row speaks for that day."""
        return (self.effective_from is None or self.effective_from <= on) and (
            self.effective_to is None or on <= self.effective_to
        )


class Condition(Value, frozen=True, kw_only=True):
    """One condition of the law and how it is kept: one word of `ENFORCED_BY`."""

    token: str
    enforced: str


class RegistryNeed(Value, frozen=True, kw_only=True):
    """A do-not-call registry that a row makes one consult."""

    registry: str
    max_age: Period  # of the copy that was consulted
    lifted_by_consent: bool  # a valid consent to this sender makes the entry harmless
    lifted_by_exception: bool = True  # so does a valid exception; matters only where consent lifts it


class Registry(Dated, frozen=True, kw_only=True):
    """A do-not-call registry as its country runs it. It must be consulted only while it exists."""

    id: str
    max_age: Period | None = None  # None: no limit known
    channels: frozenset[Channel] | None = None  # None: wherever a row names it
    lifted_by_consent: bool = False
    lifted_by_exception: bool = True
    voluntary: bool = False  # self-regulation: no row makes one consult it

    def need(self) -> RegistryNeed:
        """What a row that names the registry asks for. No limit known means: consulted the same day."""
        return RegistryNeed(
            registry=self.id,
            max_age=self.max_age or Period(days=1),
            lifted_by_consent=self.lifted_by_consent,
            lifted_by_exception=self.lifted_by_exception,
        )


class ExceptionKind(Enum):
    """What an exception rests on."""

    SALE = "sale"  # soft opt-in
    INTEREST = "interest"  # legitimate or presumed interest
    RELATIONSHIP = "relationship"  # contract in force, customer and supporter windows
    PUBLISHED = "published"  # published business address
    REQUEST = "request"  # a single message that asks for consent, or a referral
    CONSENT = "consent"  # a consent with conditions of its own


class LawException(Dated, frozen=True, kw_only=True):
    """A way to contact without the consent that the row asks for. All of `proof_needed` must be on record."""

    id: str
    kind: ExceptionKind
    proof_needed: Proof
    life: Period | None = None  # of the evidence; None: as long as it is true
    channels: frozenset[Channel] | None = None  # None: all channels of the row
    subjects: frozenset[SubjectType] | None = None
    needs_assessment: bool = False  # a legitimate-interest assessment must be on file
    max_messages: int | None = None  # e.g. one referral; None: no limit of its own
    collected_from: date | None = None  # evidence from before this day does not count
    conditions: tuple[Condition, ...] = ()

    def fits(self, channel: Channel, subject: SubjectType, on: date) -> bool:
        """Whether the exception is open for this channel, subject type and day."""
        return (
            self.covers(on)
            and (self.channels is None or channel in self.channels)
            and (self.subjects is None or subject in self.subjects)
        )


class LawRule(Dated, frozen=True, kw_only=True):
    """The row of law for one jurisdiction, channel, subject type and day."""

    id: str
    jurisdiction: str
    basis: Basis  # what the law asks for by its own words
    proof_needed: Proof  # what a consent must show to count here, whatever the basis
    double_opt_in: str  # none | recommended | de_facto_required | required
    consent_life: Period | None = None  # statutory expiry of a consent for this channel
    exceptions: tuple[LawException, ...] = ()
    registries: tuple[RegistryNeed, ...] = ()
    conditions: tuple[Condition, ...] = ()
    needs_assessment: bool = False  # under opt_out: a legitimate-interest assessment must be on file
    sectors: dict[str, Basis] = {}  # basis for senders of a sector
    otherwise: Basis | None = None  # basis while a condition of the row is not shown to be met

    def asked(self, sector: str = "", *, conditions_met: bool = False) -> Basis:
        """The basis to apply to a sender: that of its sector, else the row's, raised to `otherwise`.

        Unknown means no: `conditions_met` is for a caller who knows what the condition asks, such as that a
        number is a landline.
        """
        basis = self.sectors.get(sector, self.basis)
        if self.otherwise is None or conditions_met:
            return basis
        return max(basis, self.otherwise)


class Age(Dated, frozen=True, kw_only=True):
    """Whole years. Below `consent_age` a guardian consents; below `never_below` nobody is marketed to."""

    consent_age: int
    never_below: int = 0


class Quiet(Dated, frozen=True, kw_only=True):
    """Hours in which contact is allowed, in local time. A holiday's list replaces that of its weekday."""

    channels: frozenset[Channel]
    weekday: Windows  # Monday to Friday
    saturday: Windows
    sunday: Windows
    holiday: Windows


class Caps(Dated, frozen=True, kw_only=True):
    """The most contacts in trailing windows of 1, 7 and 30 days. None: no limit."""

    channels: frozenset[Channel]
    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None


class Message(Dated, frozen=True, kw_only=True):
    """What a message must carry."""

    channels: frozenset[Channel] | None = None
    requires: tuple[Condition, ...] = ()

    def speaks(self, channel: Channel | None) -> bool:
        """Whether the row is about messages on this channel, or about any when none is named."""
        return channel is None or self.channels is None or channel in self.channels


class Deadline(Dated, frozen=True, kw_only=True):
    """A time limit of the law. `words` says it in full; the other fields are what a clock can use."""

    kind: str  # opt_out | request | breach_authority | breach_people
    words: str
    within: Period | None = None
    working_days: int | None = None
    hours: int | None = None
    extension: Period | None = None


class Fact(Dated, frozen=True, kw_only=True):
    """Something the law says that is told to people and, where noted, acted on."""

    topic: (
        str  # identity: days of waiting for a proof do not count | localisation | transfer | expiry | sender
    )
    words: str
    stored_inside: bool = False  # localisation: the record must be kept in the country


class Jurisdiction(Value, frozen=True, kw_only=True):
    """One country pack as read, without its rules."""

    code: str
    name: str
    parent: str | None
    modelled_from: date  # earlier dates have no known law, which denies
    regulator: str
    instruments: tuple[str, ...]
    changes: tuple[str, ...] = ()  # dated changes worth knowing
    doubts: tuple[str, ...] = ()  # what counsel should look at first
    registries: tuple[Registry, ...] = ()
    ages: tuple[Age, ...] = ()
    members: dict[str, Age] = {}  # states of a union, each with its own age of consent
    quiet: tuple[Quiet, ...] = ()
    caps: tuple[Caps, ...] = ()
    messages: tuple[Message, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    facts: tuple[Fact, ...] = ()

    def about(self, topic: str, on: date) -> tuple[Fact, ...]:
        """The facts on a topic that hold on a day."""
        return tuple(fact for fact in self.facts if fact.topic == topic and fact.covers(on))

    def due(self, kind: str, on: date) -> tuple[Deadline, ...]:
        """The deadlines of a kind that hold on a day."""
        return tuple(deadline for deadline in self.deadlines if deadline.kind == kind and deadline.covers(on))


class Addition(Value, frozen=True, kw_only=True):
    """What is added to a row from a day on, or for some of its channels or subjects."""

    effective_from: date | None = None
    channels: frozenset[Channel] | None = None
    subjects: frozenset[SubjectType] | None = None
    proof: Proof = Proof(0)
    consent_life: Period | None = None
    needs_assessment: bool = False
    sectors: dict[str, Basis] = {}
    conditions: tuple[Condition, ...] = ()
    citation: str = ""
    confidence: Confidence | None = None  # None: as the row
    mark: Mark | None = None
    note: str = ""

    def fits(self, channel: Channel, subject: SubjectType, on: date) -> bool:
        """Whether the addition applies."""
        return (
            (self.effective_from is None or self.effective_from <= on)
            and (self.channels is None or channel in self.channels)
            and (self.subjects is None or subject in self.subjects)
        )


class Row(Dated, frozen=True, kw_only=True):
    """One rule as the pack writes it: for several channels and subject types, its exceptions by name."""

    id: str
    jurisdiction: str
    channels: frozenset[Channel]
    subjects: frozenset[SubjectType]
    basis: Basis
    proof: Proof
    double_opt_in: str
    consent_life: Period | None = None
    exceptions: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    needs_assessment: bool = False
    sectors: dict[str, Basis] = {}
    otherwise: Basis | None = None
    additions: tuple[Addition, ...] = ()

    def speaks(self, channel: Channel, subject: SubjectType, on: date) -> bool:
        """Whether the row is about this cell on this day."""
        return channel in self.channels and subject in self.subjects and self.covers(on)

    def all_conditions(self) -> tuple[Condition, ...]:
        """Every condition of the row, whenever and to whomever it applies."""
        return self.conditions + tuple(one for more in self.additions for one in more.conditions)


class Pack(Value, frozen=True, kw_only=True):
    """One file: the jurisdiction, its rows and the exceptions it defines."""

    jurisdiction: Jurisdiction
    rows: tuple[Row, ...]
    exceptions: tuple[LawException, ...]


class Problem(Value, frozen=True, kw_only=True):
    """Something a check of the book found. `where` names the cell or the row."""

    kind: str  # gap | double | unknown_word | unconfirmed | not_enforced
    where: str
    words: str


def cell(code: str, channel: Channel, subject: SubjectType, on: date) -> str:
    """The name of a cell of the book, for errors and problems."""
    return f"{code} {channel.value} {subject.value} on {on.isoformat()}"
