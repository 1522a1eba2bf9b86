"""A saved mapping: what the columns of any table mean, in TOML that a person writes by hand.

Rule: a mapping says where the person's id and addresses stand, which columns become registered fields, and
what a row says about permissions, other bases and blocked addresses. Every column of the file is mapped or
ignored by name. A word in a status column that stands in no list is rejected for that statement and never
read as a permission; an empty cell says nothing. A field with `date = true` holds a day; one that cannot be
read is passed on as unreadable, because "not known" must not look like "not said". Times without an offset
need `zone`. `field_names()` and `purposes()` let the caller check the mapping against the workspace before a
row is read. docs/mapping.md describes every key.

    ignore = ["Notes"]                        [fields]
                                              city = "Town"
    [source]                                  residence = { constant = "IL" }
    zone = "Asia/Jerusalem"
    dates = ["%d/%m/%Y"]                      [[permission]]
                                              purpose = "newsletter"
    [person]                                  channel = "email"
    external_id = "Customer ID"               status = { column = "News", given = ["yes"], refused = ["no"] }
    email = "E-mail"                          when = "News date"
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from amana import errors
from amana.connectors import strict
from amana.connectors.compiled import Compiler, Says, pieces_of
from amana.connectors.moments import Clock
from amana.connectors.rows import Layout, Row
from amana.connectors.tables import Source
from amana.connectors.terms import (
    IMPORT_TIME,
    Blocked,
    Condition,
    Permission,
    Relationship,
    StatusColumn,
    Term,
    Value,
)
from amana.connectors.walk import Read, RowReader, Start, columns, refuse_unread, reject, require, walk
from amana.core.statements import PersonRow, Reject

KIND = "table"
__all__ = ["KIND", "Mapping", "columns", "load", "read"]


class Origin(Term, frozen=True, kw_only=True):
    """How the file is written."""

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    header: bool = True
    zone: str = ""  # IANA name; the zone of times that carry no offset
    dates: tuple[str, ...] = ()  # strptime formats, or epoch, epoch_ms; ISO 8601 is always read
    parts: tuple[str, ...] = ("*",)  # which sheets or members, with wildcards


class Person(Term, frozen=True, kw_only=True):
    """Where the person's identifiers stand."""

    external_id: str | Value = ""
    email: str | Value = ""
    phone: str | Value = ""
    phone_country: str | Value = ""

    def __post_init__(self) -> None:
        if not (self.external_id or self.email or self.phone):
            raise ValueError("a person needs external_id, email or phone")


class Mapping(Term, frozen=True, kw_only=True):
    """A whole mapping. `load` reads one; `layout()` is what its `Source` is to be opened with."""

    person: Person
    source: Origin = Origin()
    fields: dict[str, str | Value] = msgspec.field(default_factory=dict)  # registered field -> its source
    permission: tuple[Permission, ...] = ()
    relationship: tuple[Relationship, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    ignore: tuple[str, ...] = ()

    def layout(self) -> Layout:
        """How to open the file."""
        origin = self.source
        return Layout(
            format=origin.format, encoding=origin.encoding, delimiter=origin.delimiter, header=origin.header
        )

    def field_names(self) -> tuple[str, ...]:
        """The registered fields that the mapping fills."""
        return tuple(self.fields)

    def dated(self, names: Iterable[str]) -> Mapping:
        """The mapping with these fields read as days, as if each said `date = true`; used for birth dates."""
        read = dict(self.fields)
        for name in names:
            value = read.get(name, "")
            term = Value(column=value) if isinstance(value, str) and value else value
            if isinstance(term, Value) and term.column and not term.values:
                read[name] = msgspec.structs.replace(term, date=True)
        return msgspec.structs.replace(self, fields=read)

    def purposes(self) -> frozenset[str]:
        """The purposes that the mapping speaks of; may hold `*`."""
        return frozenset(
            [term.purpose for term in self.permission] + [term.purpose for term in self.relationship]
        )

    def columns(self) -> frozenset[str]:
        """The columns that the mapping reads."""
        return frozenset(_columns_in(self))

    def unread(self, header: tuple[str, ...]) -> list[str]:
        """The header's columns that are neither read nor ignored."""
        known = self.columns() | set(self.ignore)
        return [name for name in header if name not in known]


def load(text: str) -> Mapping:
    """A mapping from TOML.

    Raises:
        BadInput: what is wrong, where, and the nearest known word.
    """
    mapping = strict.read_toml(text, Mapping, "The mapping")
    _refuse_days_elsewhere(mapping)
    clock = Clock(mapping.source.zone, mapping.source.dates)
    try:
        dated = any(_columns_in(moment) for moment in _moments(mapping))
        _columns_in(mapping)
    except ValueError as error:
        raise errors.BadInput("The mapping has a bad template", got=str(error)) from None
    if dated and not clock.reads_local_times:
        raise errors.BadInput(
            "The mapping reads dates but does not say in which time zone they are written",
            expected='zone = "…" under [source]',
            remedy="ask the source's owner; many exports use the account's zone, others UTC",
        )
    return mapping


def read(source: Source, options: Mapping, now: int, start: Start = None) -> Read:
    """What the source says about people, as `walk` describes. `now` is the time of the import, UTC seconds.

    Raises:
        UnregisteredField: a column is neither mapped nor ignored.
        BadInput: a mapped column is missing, no part is matched, or ids would repeat from part to part.
        NotFound: `start` names a part that is not read.
    """
    parts = [part for part in source.parts() if _wanted(part, options.source.parts)]
    if not parts:
        raise errors.BadInput(
            "No part of the source is to be read",
            expected=", ".join(options.source.parts),
            got=", ".join(source.parts()) or "an empty file",
        )
    _refuse_repeating_ids(options, parts)
    clock = Clock(options.source.zone, options.source.dates)
    readers = {}
    for part in parts:
        header = source.header(part)
        require(header, sorted(options.columns()), part)
        refuse_unread(header, options.columns() | set(options.ignore), part)
        readers[part] = _reader(options, Compiler(header, part, clock, now), part)
    return walk(source, readers, start)


def _reader(mapping: Mapping, make: Compiler, part: str) -> RowReader:
    """The function that turns one row into a person and the rejects that stand before it."""
    person = mapping.person
    external_id, email = make.text(person.external_id), make.text(person.email)
    phone, country = make.text(person.phone), make.text(person.phone_country)
    fields = [(name, make.field(value)) for name, value in mapping.fields.items()]
    says: list[Says] = [
        *map(make.permission, mapping.permission),
        *map(make.relationship, mapping.relationship),
        *map(make.blocked, mapping.blocked),
    ]

    def reader(row: Row) -> list[PersonRow | Reject]:
        line = row.line
        found: list[PersonRow | Reject] = []

        def report(column: str, reason: str) -> None:
            found.append(reject(part, line, column, reason))

        who = external_id(row, report), email(row, report), phone(row, report)
        if not any(who):
            return [Reject(part=part, line=line, column="", reason="no_identity")]
        found.append(
            PersonRow(
                part=part,
                line=line,
                external_id=who[0],
                email=who[1],
                phone=who[2],
                phone_country=country(row, report),
                fields={name: value for name, text in fields if (value := text(row, report))},
                statements=tuple(said for say in says if (said := say(row, report))),
            )
        )
        return found

    return reader


def _refuse_days_elsewhere(mapping: Mapping) -> None:
    """`date = true` says how a field is kept; times of statements are read as dates without being told."""
    terms = (mapping.person, *mapping.permission, *mapping.relationship, *mapping.blocked)
    values = [value for term in terms for value in msgspec.structs.astuple(term)]
    if any(isinstance(value, Value) and value.date for value in values):
        raise errors.BadInput(
            "date = true stands outside [fields]", remedy="remove it: `when` reads dates anyway"
        )


def _wanted(part: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(part, pattern) for pattern in patterns)


def _refuse_repeating_ids(mapping: Mapping, parts: list[str]) -> None:
    """Line numbers begin anew in every part, so an id made of the line alone would name several people."""
    value = mapping.person.external_id
    if len(parts) < 2 or isinstance(value, str) or not value.template:
        return
    names = {name for _, name in pieces_of(value.template)}
    if "line" in names and "part" not in names:
        raise errors.BadInput(
            "The external id repeats in every part of the source",
            expected="{part} beside {line}",
            got=value.template,
        )


def _moments(mapping: Mapping) -> Iterator[str | Value]:
    terms: tuple[Permission | Relationship | Blocked, ...]
    terms = (*mapping.permission, *mapping.relationship, *mapping.blocked)
    return (term.when for term in terms if term.when != IMPORT_TIME)


def _columns_in(term: Any) -> set[str]:
    """Every column that a term or a tree of terms reads."""
    if isinstance(term, str):
        return {term} - {""}
    if isinstance(term, Value):
        if term.template:
            return {name for _, name in pieces_of(term.template) if name} - {"line", "part"}
        return {term.column} - {""}
    if isinstance(term, Condition | StatusColumn):
        return {term.column}
    if isinstance(term, Mapping):
        parts = (term.person, *term.fields.values(), *term.permission, *term.relationship, *term.blocked)
        return set().union(*map(_columns_in, parts))
    if isinstance(term, Person):
        return set().union(*map(_columns_in, msgspec.structs.astuple(term)))
    return _columns_of_statement(term)


def _columns_of_statement(term: Permission | Relationship | Blocked) -> set[str]:
    """The columns of one statement: conditions, date, evidence; of a permission also status, proof, notice."""
    read: list[Any] = [*term.where, term.evidence]
    if term.when != IMPORT_TIME:
        read.append(term.when)
    if isinstance(term, Permission):
        read += [condition for conditions in term.proof_if.values() for condition in conditions]
        read += [each for each in (term.status, term.notice) if isinstance(each, StatusColumn | Value)]
    return set().union(*map(_columns_in, read))
