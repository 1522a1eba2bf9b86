"""A mapping of past sends: what the columns of another tool's send log mean.

Rule. A send says whom it went to, when, for which purpose and by which channel; nothing else of the row is read, so
nothing else needs to be mapped or ignored. The person's id is the one under which an import of the same source knows
them, or `p12` for our own. A moment written as a day counts as its first second. A row without person, moment, purpose
or channel is rejected whole with its line and reason, never a value.

    [source]                                   [send]
    zone = "Europe/Lisbon"                     when = "Sent at"
                                               purpose = { column = "Campaign", values = { Spring = "offers" } }
    [person]                                   channel = { constant = "email" }
    email = "E-mail"                           campaign = "Campaign"
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from amana import errors
from amana.connectors import strict
from amana.connectors.compiled import Compiler, pieces_of
from amana.connectors.mapping import Origin, Person
from amana.connectors.moments import Clock
from amana.connectors.rows import Layout, Row
from amana.connectors.tables import Source
from amana.connectors.terms import Condition, Term, Value
from amana.connectors.walk import require
from amana.core.statements import Reject
from amana.core.vocabulary import Channel

KIND = "sends"
CHANNELS = {one.value: one for one in Channel}


class Send(Term, frozen=True, kw_only=True):
    """Where a send's own words stand."""

    when: str | Value
    purpose: str | Value
    channel: str | Value
    campaign: str | Value = ""  # what the tool called it; for the report
    where: tuple[Condition, ...] = ()  # rows that are sends; all conditions must hold


class Mapping(Term, frozen=True, kw_only=True):
    """A whole mapping of sends."""

    person: Person
    send: Send
    source: Origin = Origin()
    ignore: tuple[str, ...] = ()  # may be said, need not: nothing of a row is kept but the send

    def layout(self) -> Layout:
        """How to open the file."""
        origin = self.source
        return Layout(
            format=origin.format, encoding=origin.encoding, delimiter=origin.delimiter, header=origin.header
        )

    def columns(self) -> frozenset[str]:
        """The columns that the mapping reads."""
        person, send = self.person, self.send
        values = [person.external_id, person.email, person.phone, person.phone_country]
        values += [send.when, send.purpose, send.channel, send.campaign]
        names = {name for value in values for name in _names(value)}
        return frozenset(names | {one.column for one in send.where})


class Sent(NamedTuple):
    """One row of a send log."""

    part: str
    line: int
    external_id: str
    email: str
    phone: str
    phone_country: str
    at: int  # UTC second, the earliest that the text can mean
    purpose: str
    channel: Channel
    campaign: str


def load(text: str) -> Mapping:
    """A mapping from TOML. Raises BadInput: what is wrong, where, and the nearest known word."""
    found = strict.read_toml(text, Mapping, "The mapping of sends")
    try:
        found.columns()
    except ValueError as bad:
        raise errors.BadInput("The mapping of sends has a bad template", got=str(bad)) from None
    clock = Clock(found.source.zone, found.source.dates)
    if not clock.reads_local_times:
        raise errors.BadInput(
            "The mapping of sends does not say in which time zone its moments are written",
            expected='zone = "…" under [source]',
            remedy="ask the tool's owner; many write the account's zone, others UTC",
        )
    return found


def read(source: Source, options: Mapping) -> Iterator[Sent | Reject]:
    """Every send of the source, in the order of its lines. Raises BadInput for a column that is not there."""
    clock = Clock(options.source.zone, options.source.dates)
    parts = source.parts()
    for part in parts:
        require(source.header(part), sorted(options.columns()), part)
    for part in parts:
        yield from _part(source, part, options, Compiler(source.header(part), part, clock, 0), clock)


def _part(
    source: Source, part: str, options: Mapping, make: Compiler, clock: Clock
) -> Iterator[Sent | Reject]:
    person, send = options.person, options.send
    who = [make.text(one) for one in (person.external_id, person.email, person.phone, person.phone_country)]
    when, purpose, channel, campaign = (
        make.text(one) for one in (send.when, send.purpose, send.channel, send.campaign)
    )
    counts = make.tests(send.where, allows=True)
    for row in source.rows(part):
        if isinstance(row, Reject):
            if not row.empty:
                yield row
            continue
        if not counts(row, _quiet):
            continue
        number, email, phone, country = (text(row, _quiet) for text in who)
        moment = clock.read(written) if (written := when(row, _quiet)) else None
        by, what = CHANNELS.get(channel(row, _quiet).lower()), purpose(row, _quiet)
        reason = _reason(bool(number or email or phone), moment is not None, bool(what), by is not None)
        if reason or moment is None or by is None:
            yield _reject(part, row, reason)
        else:
            said = campaign(row, _quiet)
            yield Sent(part, row.line, number, email, phone, country, moment.lo, what, by, said)


def _reason(person: bool, moment: bool, purpose: bool, channel: bool) -> str:
    for there, reason in (
        (person, "no_identity"),
        (moment, "bad_date"),
        (purpose, "no_purpose"),
        (channel, "no_channel"),
    ):
        if not there:
            return reason
    return ""


def _reject(part: str, row: Row, reason: str) -> Reject:
    return Reject(part=part, line=row.line, column="", reason=reason, whole_row=True)


def _quiet(column: str, reason: str) -> None:
    """A value that cannot be used counts as absent; the row then says what it lacks."""


def _names(value: str | Value) -> set[str]:
    if isinstance(value, str):
        return {value} - {""}
    if value.template:
        return {name for _, name in pieces_of(value.template) if name} - {"line", "part"}
    return {value.column} - {""}
