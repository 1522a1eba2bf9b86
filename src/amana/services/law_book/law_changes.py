"""What changes in the law between two days: by country, channel and kind of recipient, each on its own day.

Rule. Every day between the two (the first excluded, the last included) on which some row of a place's packs begins or
has ended is looked at, and what the law asks on it is compared with the day before: the whole calendar, because nothing
changes on other days. What differs is one change for each aspect; recipients for whom it is the same share a line. A
place that is not modelled yet says `not modelled`. A later day is never compared with an earlier one twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from amana import errors
from amana.core.pack_values import Dated, Row
from amana.core.packs import LawBook, LawException, LawRule
from amana.core.remedies import proof_names
from amana.core.vocabulary import Channel, SubjectType
from amana.services.law_book import law

NOT_MODELLED = "not modelled"
Aspects = dict[str, str]
"""Aspect -> what the law asks, as one line; aspects that ask nothing are empty."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the law asks differently from a day on."""

    on: date
    place: str
    name: str
    channel: str  # empty: of all channels
    subjects: tuple[str, ...]  # empty: of everybody
    aspect: str
    before: str
    after: str
    citation: str


def diff(book: LawBook, start: date, end: date) -> tuple[Change, ...]:
    """Everything that changes after `start` and up to `end`, by day and place. Raises BadInput if `end` is earlier."""
    if end < start:
        raise errors.BadInput(
            "The days are the wrong way round",
            expected="the earlier day first",
            got=f"{start} and then {end}",
            remedy="swap them",
        )
    found = [change for code in book.codes() for change in _of_place(book, code, start, end)]
    return tuple(sorted(found, key=lambda one: (one.on, one.place)))


def _of_place(book: LawBook, code: str, start: date, end: date) -> Iterator[Change]:
    for day in sorted(_turning(book, code)):
        if start < day <= end:
            yield from _on_day(book, code, day)


def _turning(book: LawBook, code: str) -> set[date]:
    """The days on which something may begin to hold in a place."""
    chain = book.chain(code)
    codes = {one.code for one in chain}
    rows = [row for row in book.rows() if row.jurisdiction in codes]
    dated: list[Dated] = [*rows, *_exceptions_of(book, rows)]
    for one in chain:
        dated += [*one.registries, *one.ages, *one.quiet, *one.caps, *one.messages, *one.deadlines]
    days = {one.modelled_from for one in chain}
    days |= {more.effective_from for row in rows for more in row.additions if more.effective_from}
    for part in dated:
        days |= {part.effective_from} if part.effective_from else set()
        days |= {part.effective_to + timedelta(days=1)} if part.effective_to else set()
    return days


def _exceptions_of(book: LawBook, rows: list[Row]) -> list[LawException]:
    named = {name for row in rows for name in row.exceptions}
    return [one for one in book.exceptions() if one.id in named]


def _on_day(book: LawBook, code: str, day: date) -> Iterator[Change]:
    eve = day - timedelta(days=1)
    name = book.jurisdiction(code).name
    for channel in Channel:
        merged: dict[tuple[str, str, str, str], list[str]] = {}
        for subject in SubjectType:
            before = book.rule(code, channel, subject, eve)
            after = book.rule(code, channel, subject, day)
            said, says = _aspects(before), _aspects(after)
            citation = after.citation if after else ""
            for aspect in says:
                if said[aspect] != says[aspect]:
                    key = (aspect, said[aspect], says[aspect], citation)
                    merged.setdefault(key, []).append(subject.value)
        for (aspect, was, becomes, citation), subjects in merged.items():
            everybody = len(subjects) == len(SubjectType)
            yield Change(
                on=day,
                place=code,
                name=name,
                channel=channel.value,
                subjects=() if everybody else tuple(subjects),
                aspect=aspect,
                before=was,
                after=becomes,
                citation=citation,
            )
        yield from _pace(book, code, name, channel, day)
    yield from _general(book, code, name, day)


def _pace(book: LawBook, code: str, name: str, channel: Channel, day: date) -> Iterator[Change]:
    """Hours, frequency and message content, which are the same for every recipient."""
    eve = day - timedelta(days=1)
    for aspect, told in (("hours", _hours), ("frequency", _caps), ("message", _message)):
        was, (becomes, citation) = told(book, code, channel, eve)[0], told(book, code, channel, day)
        if was != becomes:
            yield Change(
                on=day,
                place=code,
                name=name,
                channel=channel.value,
                subjects=(),
                aspect=aspect,
                before=was,
                after=becomes,
                citation=citation,
            )


def _general(book: LawBook, code: str, name: str, day: date) -> Iterator[Change]:
    """The age of consent and deadlines, which belong to the whole place."""
    eve = day - timedelta(days=1)
    for aspect, was, becomes in (
        ("age", _age(book, code, eve), _age(book, code, day)),
        ("deadlines", _deadlines(book, code, eve), _deadlines(book, code, day)),
    ):
        if was != becomes:
            yield Change(
                on=day,
                place=code,
                name=name,
                channel="",
                subjects=(),
                aspect=aspect,
                before=was,
                after=becomes,
                citation="",
            )


# ---- one aspect as one line -------------------------------------------------------------------------------------


def _aspects(rule: LawRule | None) -> Aspects:
    if rule is None:
        return dict.fromkeys(_ASPECTS, NOT_MODELLED)
    sectors = ", ".join(f"{name}: {basis.name.lower()}" for name, basis in sorted(rule.sectors.items()))
    otherwise = f", else {rule.otherwise.name.lower()}" if rule.otherwise is not None else ""
    return {
        "basis": rule.basis.name.lower() + otherwise,
        "proof": ", ".join(proof_names(int(rule.proof_needed))),
        "double_opt_in": rule.double_opt_in,
        "consent_life": law.span(rule.consent_life),
        "exceptions": "; ".join(_exception(one) for one in rule.exceptions),
        "registries": ", ".join(one.registry for one in rule.registries),
        "sectors": sectors,
        "assessment": "needed" if rule.needs_assessment else "",
        "conditions": ", ".join(one.token for one in rule.conditions),
    }


_ASPECTS = (
    "basis",
    "proof",
    "double_opt_in",
    "consent_life",
    "exceptions",
    "registries",
    "sectors",
    "assessment",
    "conditions",
)


def _exception(one: LawException) -> str:
    """An exception in a line; where only newer evidence counts, that day and not the span, which grows daily."""
    since = f"since {one.collected_from}" if one.collected_from else law.span(one.life)
    proofs = ", ".join(proof_names(int(one.proof_needed)))
    return f"{one.id} ({'; '.join(part for part in (proofs, since) if part)})"


def _hours(book: LawBook, code: str, channel: Channel, on: date) -> tuple[str, str]:
    quiet = book.quiet(code, channel, on)
    if quiet is None:
        return "", ""
    shown = law.quiet_shown(quiet)
    days = {
        "Mon-Fri": shown.weekday,
        "Sat": shown.saturday,
        "Sun": shown.sunday,
        "holidays": shown.holiday,
    }
    return "; ".join(f"{day} {' '.join(hours) or 'closed'}" for day, hours in days.items()), quiet.citation


def _caps(book: LawBook, code: str, channel: Channel, on: date) -> tuple[str, str]:
    caps = book.caps(code, channel, on)
    if caps is None:
        return "", ""
    limits = {"day": caps.per_day, "week": caps.per_week, "month": caps.per_month}
    return ", ".join(f"{most} a {span}" for span, most in limits.items() if most is not None), caps.citation


def _message(book: LawBook, code: str, channel: Channel, on: date) -> tuple[str, str]:
    return ", ".join(law.elements(book, code, channel, None, on)), ""


def _age(book: LawBook, code: str, on: date) -> str:
    age = book.age(code, on)
    return f"{age.consent_age}" + (f", nobody below {age.never_below}" if age.never_below else "")


def _deadlines(book: LawBook, code: str, on: date) -> str:
    return "; ".join(f"{one.kind}: {one.words}" for one in law.deadlines(book, code, on))
