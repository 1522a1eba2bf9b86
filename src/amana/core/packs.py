"""The law book: which row of law holds for a place, a channel, a subject type and a day.

Rule. A place is read along its chain: itself, then its parents (Texas, United States; Portugal, European
Union). The first pack on the chain that has a row for the cell and the day speaks; a state is an overlay,
not a copy. Exactly one row must speak: two at the same level, or none although the date is modelled, is
`BadLaw` naming the cell. A date before `modelled_from` of any pack on the chain has no rule, and no rule
denies. Additions that apply are joined in, and the row is then only as sure as the least sure of its parts.

Packs spell the United Kingdom `UK` (`GB` is accepted). A member state without a pack of its own is the
union's law with the member's age of consent. An ISO 3166-2 subdivision without a pack (`US-NY`, `DE-BY`) is
its country; a free zone with its own law, which has no such code (`AE-DIFC`), is not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TypeVar

import msgspec

from amana.core import handling, pack_check, pack_reader
from amana.core.handling import Handled, UseLaw, UseRow
from amana.core.pack_values import (
    Addition,
    Age,
    Caps,
    Condition,
    Deadline,
    ExceptionKind,
    Fact,
    Jurisdiction,
    LawException,
    LawRule,
    Marked,
    Message,
    Pack,
    Period,
    Problem,
    Quiet,
    Registry,
    RegistryNeed,
    Row,
    cell,
    period,
)
from amana.core.vocabulary import Channel, Confidence, Mark, SubjectType
from amana.errors import BadLaw, NotFound

__all__ = [
    "Age",
    "Caps",
    "Condition",
    "Deadline",
    "ExceptionKind",
    "Fact",
    "Jurisdiction",
    "LawBook",
    "LawException",
    "LawRule",
    "Message",
    "Period",
    "Problem",
    "Quiet",
    "Registry",
    "RegistryNeed",
    "period",
    "read",
]

BOOK = "book.toml"
"""The file that carries the book's version, date and notice; every other file is a pack, but for `handling.PAGE`."""

_ALIASES = {"GB": "UK", "EL": "GR"}
_SUBDIVISION = re.compile(r"([A-Z]{2})-[A-Z0-9]{1,3}")  # ISO 3166-2
_SURE = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)

C = TypeVar("C", Quiet, Caps)
S = TypeVar("S", bound=Marked)


def read(documents: Mapping[str, str]) -> LawBook:
    """Read the whole book from TOML texts by file name, `book.toml` among them. Errors: BadLaw."""
    if BOOK not in documents:
        raise BadLaw("The law book has no page of its own", expected=f"a file {BOOK}", got="none")
    page = pack_reader.book(BOOK, documents[BOOK])
    pages = (BOOK, handling.PAGE)
    packs = pack_reader.packs({name: text for name, text in documents.items() if name not in pages})
    uses = handling.read(documents[handling.PAGE]) if handling.PAGE in documents else UseLaw()
    return LawBook(packs, version=page.version, as_of=page.as_of, notice=page.notice, uses=uses)


class LawBook:
    """All packs together. Immutable after construction; safe to share between threads."""

    def __init__(
        self, packs: Iterable[Pack], *, version: str, as_of: date, notice: str = "", uses: UseLaw = UseLaw()
    ) -> None:
        self.version = version
        self.uses = uses
        self.as_of = as_of
        self.notice = notice
        self._packs: dict[str, Pack] = {}
        self._exceptions: dict[str, LawException] = {}
        self._unions: dict[str, str] = {}  # member state -> union
        for pack in packs:
            self._enter(pack)
        self._chains = {code: self._climb(code) for code in self._packs}

    # ---- places --------------------------------------------------------------------------------------------

    def codes(self) -> tuple[str, ...]:
        """The codes of all packs, in alphabetical order."""
        return tuple(sorted(self._packs))

    def members(self) -> tuple[str, ...]:
        """The member states of unions, with or without a pack of their own, in alphabetical order."""
        return tuple(sorted(self._unions))

    def overlays(self, code: str) -> tuple[str, ...]:
        """The regions of a country that have a pack of their own: for `US` the states."""
        return tuple(one for one in self.codes() if one.startswith(f"{code}-"))

    def knows(self, code: str) -> bool:
        """Whether the law of a place is in the book."""
        return self._resolve(code) is not None

    def jurisdiction(self, code: str) -> Jurisdiction:
        """The pack that speaks first for a place; for a member without one, its union's. Errors: NotFound."""
        return self.chain(code)[0]

    def chain(self, code: str) -> tuple[Jurisdiction, ...]:
        """The jurisdictions that speak for a place, most specific first. Errors: NotFound."""
        return tuple(self._packs[one].jurisdiction for one in self._chain(code))

    # ---- the law of a day ----------------------------------------------------------------------------------

    def rule(self, code: str, channel: Channel, subject: SubjectType, on: date) -> LawRule | None:
        """The row that holds for a cell on a day; None before the law is modelled, which denies.

        Errors: NotFound for an unknown place, BadLaw for a gap, a double, or a name without a definition.
        """
        chain = self._chain(code)
        if any(on < self._packs[one].jurisdiction.modelled_from for one in chain):
            return None
        row = self._row(chain, channel, subject, on)
        return self._joined(row, chain, channel, subject, on)

    def handling_rule(self, code: str, handled: Handled, on: date) -> LawRule | None:
        """The row on use or sharing of data; None if it is not modelled, which denies. Errors: NotFound, BadLaw."""
        row = self._use_row(code, handled, on)
        return None if row is None else row.rule(self._chain(code)[0])

    def never_handled(self, code: str, handled: Handled, on: date) -> int:
        """The age below which nobody's data is handled so, 0 for none. Errors: NotFound, BadLaw."""
        row = self._use_row(code, handled, on)
        return 0 if row is None else row.never_below

    def _use_row(self, code: str, handled: Handled, on: date) -> UseRow | None:
        chain = self._chain(code)
        if any(on < self._packs[one].jurisdiction.modelled_from for one in chain):
            return None
        return self.uses.row(chain, handled, on)

    def is_within(self, country: str, code: str) -> bool:
        """Whether a country is the one that a place belongs to, or a member of the same union."""
        country = _ALIASES.get(country, country)
        own = _ALIASES.get(code.split("-")[0], code.split("-")[0])
        union = self._unions.get(own, own)
        return not country or country == own or self._unions.get(country, country) == union

    def age(self, code: str, on: date) -> Age:
        """The age of consent in a place. Errors: NotFound, BadLaw."""
        for one in self._chain(code):
            ages = [age for age in self._packs[one].jurisdiction.ages if age.covers(on)]
            member = self._member_age(code, one)
            if ages and member is None:
                return _only(ages, f"age in {one} on {on}")
            if member is not None:
                return member
        raise _bad(f"age in {code} on {on}", "no row speaks")

    def quiet(self, code: str, channel: Channel, on: date) -> Quiet | None:
        """The hours the law allows, or None where it sets none. Errors: NotFound, BadLaw."""
        return self._nearest([(one, one.quiet) for one in self.chain(code)], channel, on)

    def caps(self, code: str, channel: Channel, on: date) -> Caps | None:
        """The frequency the law allows, or None where it sets none. Errors: NotFound, BadLaw."""
        return self._nearest([(one, one.caps) for one in self.chain(code)], channel, on)

    def message(self, code: str, on: date, channel: Channel | None = None) -> tuple[Condition, ...]:
        """What a message must carry (on a channel), from the most specific pack that says so. Errors: NotFound."""
        for one in self.chain(code):
            said = [message for message in one.messages if message.covers(on) and message.speaks(channel)]
            if said:
                return tuple(condition for message in said for condition in message.requires)
        return ()

    def stored_inside(self, code: str, on: date) -> bool:
        """Whether a place wants its residents' record kept inside it. Errors: NotFound."""
        return any(fact.stored_inside for one in self.chain(code) for fact in one.about("localisation", on))

    # ---- the book itself -----------------------------------------------------------------------------------

    def rows(self) -> tuple[Row, ...]:
        """Every row as its pack writes it, in the order of the files."""
        return tuple(row for pack in self._packs.values() for row in pack.rows)

    def exceptions(self) -> tuple[LawException, ...]:
        """Every exception as its pack writes it."""
        return tuple(self._exceptions.values())

    def check(self) -> list[Problem]:
        """All that is wrong or unsure, gravest first; the kinds are those of `pack_check`."""
        return pack_check.problems(self._packs, self._chains)

    # ---- building ------------------------------------------------------------------------------------------

    def _enter(self, pack: Pack) -> None:
        jurisdiction = pack.jurisdiction
        if jurisdiction.code in self._packs:
            raise _bad(jurisdiction.code, "two packs have this code")
        self._packs[jurisdiction.code] = pack
        self._unions.update(dict.fromkeys(jurisdiction.members, jurisdiction.code))
        for exception in pack.exceptions:
            if exception.id in self._exceptions:
                raise _bad(exception.id, "two exceptions have this id")
            self._exceptions[exception.id] = exception

    def _climb(self, code: str) -> tuple[str, ...]:
        chain = [code]
        while parent := self._packs[chain[-1]].jurisdiction.parent:
            if parent not in self._packs or parent in chain:
                raise _bad(code, f"its parent {parent} is missing or leads back to it")
            chain.append(parent)
        return tuple(chain)

    # ---- looking up ----------------------------------------------------------------------------------------

    def _resolve(self, code: str) -> str | None:
        code = _ALIASES.get(code, code)
        if code in self._packs:
            return code
        if code in self._unions:
            return self._unions[code]
        found = _SUBDIVISION.fullmatch(code)
        return self._resolve(found[1]) if found else None

    def _chain(self, code: str) -> tuple[str, ...]:
        resolved = self._resolve(code)
        if resolved is None:
            raise NotFound(
                f"The law of {code} is not in the book",
                expected="a country, a member state or a region that the book knows",
                remedy="Add a pack for it, or do not serve it; unknown law denies",
            )
        return self._chains[resolved]

    def _row(self, chain: tuple[str, ...], channel: Channel, subject: SubjectType, on: date) -> Row:
        for one in chain:
            rows = [row for row in self._packs[one].rows if row.speaks(channel, subject, on)]
            if rows:
                return _only(rows, cell(one, channel, subject, on))
        raise _bad(cell(chain[0], channel, subject, on), "no row speaks")

    def _joined(
        self, row: Row, chain: tuple[str, ...], channel: Channel, subject: SubjectType, on: date
    ) -> LawRule:
        added = [one for one in row.additions if one.fits(channel, subject, on)]
        sectors = dict(row.sectors)
        proof = row.proof
        for one in added:
            sectors.update(one.sectors)
            proof |= one.proof
        return LawRule(
            citation="; ".join([row.citation, *(one.citation for one in added if one.citation)]),
            confidence=_least_sure(row, added),
            mark=_least_seen(row, added),
            note=" ".join(note for note in (row.note, *(one.note for one in added)) if note),
            effective_from=row.effective_from,
            effective_to=row.effective_to,
            id=row.id,
            jurisdiction=row.jurisdiction,
            basis=row.basis,
            proof_needed=proof,
            double_opt_in=row.double_opt_in,
            consent_life=_shortest(row, added),
            exceptions=self._open_exceptions(row, channel, subject, on),
            registries=self._needs(row, chain, channel, on),
            conditions=row.conditions + tuple(one for more in added for one in more.conditions),
            needs_assessment=row.needs_assessment or any(one.needs_assessment for one in added),
            sectors=sectors,
            otherwise=row.otherwise,
        )

    def _open_exceptions(
        self, row: Row, channel: Channel, subject: SubjectType, on: date
    ) -> tuple[LawException, ...]:
        defined = [self._exception(row, name) for name in row.exceptions]
        return tuple(_shortened(one, on) for one in defined if one.fits(channel, subject, on))

    def _exception(self, row: Row, name: str) -> LawException:
        if name not in self._exceptions:
            raise _bad(row.id, f"it names the exception {name}, which no pack defines")
        return self._exceptions[name]

    def _needs(
        self, row: Row, chain: tuple[str, ...], channel: Channel, on: date
    ) -> tuple[RegistryNeed, ...]:
        known = {one.id: one for code in chain for one in self._packs[code].jurisdiction.registries}
        for name in row.registries:
            if name not in known:
                raise _bad(row.id, f"it names the registry {name}, which no pack of its chain defines")
        return tuple(known[name].need() for name in row.registries if _concerns(known[name], channel, on))

    def _member_age(self, code: str, union: str) -> Age | None:
        country = _ALIASES.get(code, code).split("-")[0]
        return self._packs[union].jurisdiction.members.get(country)

    def _nearest(
        self, levels: Iterable[tuple[Jurisdiction, tuple[C, ...]]], channel: Channel, on: date
    ) -> C | None:
        for jurisdiction, rows in levels:
            said = [row for row in rows if row.covers(on) and channel in row.channels]
            if said:
                return _only(said, f"{jurisdiction.code} {channel.value} on {on}")
        return None


def _concerns(registry: Registry, channel: Channel, on: date) -> bool:
    return registry.covers(on) and (registry.channels is None or channel in registry.channels)


def _shortened(exception: LawException, on: date) -> LawException:
    """Evidence must not be older than `collected_from`: said as the life it has on that day."""
    if exception.collected_from is None:
        return exception
    days = max(0, (on - exception.collected_from).days)
    own = exception.life
    if own is not None and own.before(on) >= exception.collected_from:
        return exception
    return msgspec.structs.replace(exception, life=Period(days=days))


def _least_sure(row: Row, added: list[Addition]) -> Confidence:
    said = [row.confidence, *(one.confidence for one in added if one.confidence is not None)]
    return min(said, key=_SURE.index)


def _least_seen(row: Row, added: list[Addition]) -> Mark:
    return Mark.BELIEVED if Mark.BELIEVED in (row.mark, *(one.mark for one in added)) else Mark.SEEN


def _shortest(row: Row, added: list[Addition]) -> Period | None:
    said = [row.consent_life, *(one.consent_life for one in added)]
    return min((life for life in said if life), key=lambda life: (life.months, life.days), default=None)


def _only(rows: list[S], cell: str) -> S:
    if len(rows) > 1:
        names = ", ".join(str(getattr(row, "id", type(row).__name__)) for row in rows)
        raise _bad(cell, f"more than one row speaks: {names}")
    return rows[0]


def _bad(where: str, words: str) -> BadLaw:
    return BadLaw(
        f"The law book is not sound at {where}",
        expected="exactly one row of law, and a definition for every name",
        got=words,
        remedy="Mend the pack; LawBook.check() lists everything at once",
    )
