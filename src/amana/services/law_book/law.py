"""Reading the law book: what one country asks on one channel of one kind of recipient on one day.

Rule. Everything is read off the packs as the plan reads them, so that what is shown is what decides. Every line keeps
its citation, its confidence and its mark; a line that is believed rather than seen, or not of high confidence, is "not
yet confirmed by counsel". A condition that nothing here keeps says so. A day before a pack is modelled has no row, and
that is an answer too: no. Deadlines and facts are those of the most specific pack that speaks of them.

Tokens, not sentences: words are the edge's business. Spans are written as the packs write them (`P12M`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from amana.core import messages
from amana.core.pack_values import NOT_ENFORCED, Marked, Windows
from amana.core.packs import (
    Age,
    Caps,
    Condition,
    Deadline,
    Fact,
    LawBook,
    LawException,
    LawRule,
    Period,
    Problem,
    Quiet,
    RegistryNeed,
)
from amana.core.remedies import proof_names
from amana.core.vocabulary import Channel, SubjectType

DEADLINES = ("opt_out", "request", "breach_authority", "breach_people")
TOPICS = ("identity", "localisation", "transfer", "expiry", "sender")
UNFIT = frozenset({"gap", "double", "unknown_word"})
"""Problems with which a book must not be used."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a line comes from, and how sure we are of it."""

    citation: str
    confidence: str
    mark: str
    confirmed: bool  # False: not yet confirmed by counsel
    note: str = ""


class ExceptionShown(msgspec.Struct, frozen=True, kw_only=True):
    """A way to contact without the consent that the row asks for."""

    id: str
    kind: str
    proofs: tuple[str, ...]
    life: str
    max_messages: int | None
    needs_assessment: bool
    not_enforced: tuple[str, ...]
    source: Source


class RegistryShown(msgspec.Struct, frozen=True, kw_only=True):
    """A do-not-call registry that must be consulted."""

    name: str
    max_age: str
    lifted_by_consent: bool
    lifted_by_exception: bool


class RowShown(msgspec.Struct, frozen=True, kw_only=True):
    """The row of law that speaks."""

    id: str
    jurisdiction: str
    basis: str
    unless_shown: str  # the basis while a condition of the row is not shown to be met; empty for none
    sectors: dict[str, str]
    proofs: tuple[str, ...]
    double_opt_in: str
    consent_life: str
    needs_assessment: bool
    exceptions: tuple[ExceptionShown, ...]
    registries: tuple[RegistryShown, ...]
    conditions: dict[str, str]  # token -> how it is kept
    effective_from: date | None
    effective_to: date | None
    source: Source


class AgeShown(msgspec.Struct, frozen=True, kw_only=True):
    """Whole years."""

    consent_age: int
    never_below: int
    source: Source


class QuietShown(msgspec.Struct, frozen=True, kw_only=True):
    """Local hours in which contact is allowed, such as `09:00-18:00`; an empty list is a closed day."""

    weekday: tuple[str, ...]
    saturday: tuple[str, ...]
    sunday: tuple[str, ...]
    holiday: tuple[str, ...]
    source: Source


class CapsShown(msgspec.Struct, frozen=True, kw_only=True):
    """The most contacts in trailing windows of 1, 7 and 30 days."""

    per_day: int | None
    per_week: int | None
    per_month: int | None
    source: Source


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline or a fact in the pack's own words."""

    kind: str
    words: str
    source: Source


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the book says of one cell on one day."""

    place: str
    name: str
    chain: tuple[str, ...]  # the packs that speak for it, most specific first
    channel: str
    subject: str
    on: date
    version: str
    notice: str
    modelled_from: date
    row: RowShown | None  # None: not modelled for that day, which denies
    age: AgeShown
    quiet: QuietShown | None
    caps: CapsShown | None
    message: tuple[str, ...]  # elements that a message must carry
    stored_inside: bool
    deadlines: tuple[Told, ...]
    facts: tuple[Told, ...]


def show(book: LawBook, place: str, channel: Channel, subject: SubjectType, on: date) -> Shown:
    """What the law asks in a cell on a day. Raises NotFound for an unknown place, BadLaw for an unsound book."""
    chain = book.chain(place)
    rule = book.rule(place, channel, subject, on)
    quiet, caps = book.quiet(place, channel, on), book.caps(place, channel, on)
    return Shown(
        place=place,
        name=chain[0].name,
        chain=tuple(one.code for one in chain),
        channel=channel.value,
        subject=subject.value,
        on=on,
        version=book.version,
        notice=book.notice,
        modelled_from=max(one.modelled_from for one in chain),
        row=None if rule is None else row_shown(rule),
        age=_age(book.age(place, on)),
        quiet=None if quiet is None else quiet_shown(quiet),
        caps=None if caps is None else caps_shown(caps),
        message=elements(book, place, channel, rule, on),
        stored_inside=book.stored_inside(place, on),
        deadlines=deadlines(book, place, on),
        facts=facts(book, place, on),
    )


def check(book: LawBook) -> tuple[Problem, ...]:
    """Everything wrong or unsure in the book, gravest first."""
    return tuple(book.check())


def unfit(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems with which a book must not be used: gaps, conflicts and words without a meaning."""
    return tuple(problem for problem in problems if problem.kind in UNFIT)


# ---- parts ------------------------------------------------------------------------------------------------------


def source(marked: Marked) -> Source:
    """The source of any row of law."""
    return Source(
        citation=marked.citation,
        confidence=marked.confidence.value,
        mark=marked.mark.value,
        confirmed=marked.confirmed,
        note=marked.note,
    )


def row_shown(rule: LawRule) -> RowShown:
    """A row of law as it is shown."""
    return RowShown(
        id=rule.id,
        jurisdiction=rule.jurisdiction,
        basis=rule.basis.name.lower(),
        unless_shown="" if rule.otherwise is None else rule.otherwise.name.lower(),
        sectors={sector: basis.name.lower() for sector, basis in sorted(rule.sectors.items())},
        proofs=proof_names(int(rule.proof_needed)),
        double_opt_in=rule.double_opt_in,
        consent_life=span(rule.consent_life),
        needs_assessment=rule.needs_assessment,
        exceptions=tuple(_exception(one) for one in rule.exceptions),
        registries=tuple(_registry(one) for one in rule.registries),
        conditions={one.token: one.enforced for one in rule.conditions},
        effective_from=rule.effective_from,
        effective_to=rule.effective_to,
        source=source(rule),
    )


def quiet_shown(quiet: Quiet) -> QuietShown:
    """Allowed hours as clock times."""
    return QuietShown(
        weekday=_clock(quiet.weekday),
        saturday=_clock(quiet.saturday),
        sunday=_clock(quiet.sunday),
        holiday=_clock(quiet.holiday),
        source=source(quiet),
    )


def caps_shown(caps: Caps) -> CapsShown:
    """Limits of frequency."""
    return CapsShown(
        per_day=caps.per_day, per_week=caps.per_week, per_month=caps.per_month, source=source(caps)
    )


def elements(book: LawBook, place: str, channel: Channel, rule: LawRule | None, on: date) -> tuple[str, ...]:
    """What a message must carry: by the place's general rule, and by the row and its exceptions."""
    conditions: list[Condition] = list(book.message(place, on, channel))
    if rule is not None:
        conditions += rule.conditions
        conditions += [one for exception in rule.exceptions for one in exception.conditions]
    return messages.names(messages.needed(conditions, channel))


def deadlines(book: LawBook, place: str, on: date) -> tuple[Told, ...]:
    """The deadlines of a place on a day, of each kind those of the most specific pack that has any."""
    found: list[Deadline] = []
    for kind in DEADLINES:
        found += next((due for one in book.chain(place) if (due := one.due(kind, on))), ())
    return tuple(Told(kind=one.kind, words=one.words, source=source(one)) for one in found)


def facts(book: LawBook, place: str, on: date) -> tuple[Told, ...]:
    """What else the law says that people are told, nearest pack first."""
    found: list[Fact] = []
    for topic in TOPICS:
        for one in book.chain(place):
            found += one.about(topic, on)
    return tuple(Told(kind=one.topic, words=one.words, source=source(one)) for one in found)


def span(period: Period | None) -> str:
    """A span as the packs write it; empty for none."""
    if period is None:
        return ""
    parts = (f"{period.months}M" if period.months else "") + (f"{period.days}D" if period.days else "")
    return f"P{parts or '0D'}"


def _age(age: Age) -> AgeShown:
    return AgeShown(consent_age=age.consent_age, never_below=age.never_below, source=source(age))


def _exception(one: LawException) -> ExceptionShown:
    return ExceptionShown(
        id=one.id,
        kind=one.kind.value,
        proofs=proof_names(int(one.proof_needed)),
        life=span(one.life),
        max_messages=one.max_messages,
        needs_assessment=one.needs_assessment,
        not_enforced=tuple(each.token for each in one.conditions if each.enforced == NOT_ENFORCED),
        source=source(one),
    )


def _registry(need: RegistryNeed) -> RegistryShown:
    return RegistryShown(
        name=need.registry,
        max_age=span(need.max_age),
        lifted_by_consent=need.lifted_by_consent,
        lifted_by_exception=need.lifted_by_consent and need.lifted_by_exception,
    )


def _clock(windows: Windows) -> tuple[str, ...]:
    return tuple(f"{_minute(start)}-{_minute(end)}" for start, end in windows)


def _minute(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
