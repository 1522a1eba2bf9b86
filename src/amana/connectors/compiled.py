"""A mapping's terms as functions over rows, made once for each header.

Rule: every function takes a row and a `report`, to which it says what it could not use; it never raises for a
row's content. Damaged cells were already reported when the row was read; here they count as absent, except
that they are not empty: a condition that would allow does not hold for them.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from amana import errors
from amana.connectors.moments import Clock
from amana.connectors.rows import UNREADABLE, Row
from amana.connectors.terms import (
    IMPORT_TIME,
    Blocked,
    Condition,
    Permission,
    Relationship,
    StatusColumn,
    Value,
    proof_of,
)
from amana.core.statements import ANY, Interval, Statement
from amana.core.vocabulary import GRANTING, REFUSING, Proof, Status

Report = Callable[[str, str], None]
"""Takes the column and the reason of a value that cannot be used."""

Text = Callable[[Row, Report], str]
Test = Callable[[Row, Report], bool]
Moment = Callable[[Row, Report], Interval | None]
Says = Callable[[Row, Report], Statement | None]

_ORDER: dict[str, Callable[[int], bool]] = {
    "=": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


class Compiler:
    """Makes functions for rows of one header. Columns must exist; the mapping checks that first."""

    def __init__(self, header: Sequence[str], part: str, clock: Clock, now: int) -> None:
        self._place = {name: place for place, name in enumerate(header)}
        self._part = part
        self._clock = clock
        self._now = Interval(lo=now, hi=now)

    def text(self, value: str | Value) -> Text:
        """A bare text is a column; no text at all is always empty."""
        if value == "":
            return lambda row, report: ""
        term = Value(column=value) if isinstance(value, str) else value
        if term.constant:
            return lambda row, report: term.constant
        if term.template:
            return self._template(term.template)
        return self._translated(term) if term.values else self._column(term.column)

    def field(self, value: str | Value) -> Text:
        """The value of a registered field: a text, or a day as `YYYY-MM-DD`, UNREADABLE if it is no day."""
        if isinstance(value, str) or not value.date:
            return self.text(value)
        place, column, day_of = self._place[value.column], value.column, self._clock.day

        def day(row: Row, report: Report) -> str:
            cell = row.cells[place].strip()
            if not cell or cell == UNREADABLE:
                return cell
            found = day_of(cell)
            if found is None:
                report(column, "bad_date")
                return UNREADABLE
            return found

        return day

    def moment(self, value: str | Value) -> Moment:
        """The interval a column names, the time of the import, or nothing."""
        if value == IMPORT_TIME:
            return lambda row, report: self._now
        if isinstance(value, Value) and value.constant:
            fixed = self._clock.read(value.constant)
            if fixed is None:
                raise errors.BadInput("A constant date cannot be read", got=value.constant)
            return lambda row, report: fixed
        text, column, read = self.text(value), column_of(value), self._clock.read

        def moment(row: Row, report: Report) -> Interval | None:
            written = text(row, report)
            if not written:
                return None
            found = read(written)
            if found is None:
                report(column, "bad_date")
            return found

        return moment

    def tests(self, conditions: Sequence[Condition], *, allows: bool) -> Test:
        """True when all conditions hold; `allows` says that something allowing rests on them."""
        each = [self._test(condition, allows=allows) for condition in conditions]
        return lambda row, report: all(test(row, report) for test in each)

    def permission(self, term: Permission) -> Says:
        """The statement that a row makes about the term's purpose and channel, if it makes one."""
        holds = {allows: self.tests(term.where, allows=allows) for allows in (True, False)}
        status_of = self._status(term.status, holds[False])
        moment, evidence = self.moment(term.when), self._reference(term.evidence)
        notice = self._notice(term.notice)
        proof_at = self._proof(term)

        def says(row: Row, report: Report) -> Statement | None:
            status = status_of(row, report)
            if status is None or not holds[status not in REFUSING](row, report):
                return None
            occurred = moment(row, report)
            proof = Proof(0) if status in REFUSING else proof_at(row, report)
            return Statement(
                status=supported(status, proof, occurred),
                purpose=term.purpose,
                channel=term.channel,
                occurred=occurred,
                proof=proof,
                reason=term.reason,
                notice=notice(row, report),
                evidence=evidence(row, report),
            )

        return says

    def relationship(self, term: Relationship) -> Says:
        """Evidence of another basis: no consent, so the status is unknown; `reason` carries the basis."""
        holds, moment = self.tests(term.where, allows=True), self.moment(term.when)
        evidence, proof = self._reference(term.evidence), proof_of(term.proof)

        def says(row: Row, report: Report) -> Statement | None:
            if not holds(row, report):
                return None
            return Statement(
                status=Status.UNKNOWN,
                purpose=term.purpose,
                channel=term.channel,
                occurred=moment(row, report),
                proof=proof,
                reason=term.basis,
                relationship=True,
                evidence=evidence(row, report),
            )

        return says

    def blocked(self, term: Blocked) -> Says:
        """A statement about the address; a complaint and a suppression are also the person's No."""
        holds, moment = self.tests(term.where, allows=False), self.moment(term.when)
        evidence = self._reference(term.evidence)
        status = Status.WITHDRAWN if term.reason in ("complaint", "suppressed") else Status.UNKNOWN

        def says(row: Row, report: Report) -> Statement | None:
            if not holds(row, report):
                return None
            return Statement(
                status=status,
                purpose=ANY,
                channel=term.channel,
                occurred=moment(row, report),
                reason=term.reason,
                evidence=evidence(row, report),
                point_blocked=True,
            )

        return says

    def _column(self, name: str) -> Text:
        place = self._place[name]

        def text(row: Row, report: Report) -> str:
            cell = row.cells[place].strip()
            return "" if cell == UNREADABLE else cell

        return text

    def _translated(self, term: Value) -> Text:
        plain = self._column(term.column)
        words = {word.strip().casefold(): meaning for word, meaning in term.values.items()}

        def text(row: Row, report: Report) -> str:
            cell = plain(row, report)
            if not cell:
                return ""
            meaning = words.get(cell.casefold())
            if meaning is None:
                report(term.column, "unknown_value")
                return ""
            return meaning

        return text

    def _template(self, template: str) -> Text:
        pieces = [
            (before, self._variable(name) if name is not None else None)
            for before, name in pieces_of(template)
        ]

        def text(row: Row, report: Report) -> str:
            made = ""
            for before, variable in pieces:
                made += before
                if variable is not None:
                    value = variable(row, report)
                    if not value:
                        return ""
                    made += value
            return made

        return text

    def _variable(self, name: str) -> Text:
        if name == "line":
            return lambda row, report: str(row.line)
        if name == "part":
            return lambda row, report: self._part or "-"
        return self._column(name)

    def _status(self, term: Status | StatusColumn, concerned: Test) -> Callable[[Row, Report], Status | None]:
        """A row's status. A word in no list is rejected in rows that `where` leaves in, and is nothing in others."""
        if isinstance(term, Status):
            return lambda row, report: term
        place, column = self._place[term.column], term.column
        meaning = {word.strip().casefold(): status for status in Status for word in term.words(status)}

        def status(row: Row, report: Report) -> Status | None:
            cell = row.cells[place].strip()
            if not cell:
                return None
            found = meaning.get(cell.casefold())
            if found is None and concerned(row, report):
                report(column, "unknown_status")
            return found

        return status

    def _proof(self, term: Permission) -> Callable[[Row, Report], Proof]:
        always = proof_of(term.proof)
        sometimes = [
            (proof_of((name,)), self.tests(conditions, allows=True))
            for name, conditions in term.proof_if.items()
        ]

        def proof(row: Row, report: Report) -> Proof:
            bits = always
            for bit, holds in sometimes:
                if holds(row, report):
                    bits |= bit
            return bits

        return proof

    def _notice(self, value: str | Value) -> Text:
        return self.text(Value(constant=value) if isinstance(value, str) and value else value)

    def _reference(self, value: str | Value) -> Text:
        """A reference into the source; one that holds an address is not taken."""
        text, column = self.text(value), column_of(value)

        def reference(row: Row, report: Report) -> str:
            found = text(row, report)
            if "@" in found:
                report(column, "personal_value")
                return ""
            return found

        return reference

    def _test(self, condition: Condition, *, allows: bool) -> Test:
        place, op = self._place[condition.column], condition.op
        against = _comparison(condition)

        def test(row: Row, report: Report) -> bool:
            cell = row.cells[place].strip()
            if cell == UNREADABLE:
                return not allows and op in ("not empty", "!=")
            if op in ("empty", "not empty"):
                return bool(cell) == (op == "not empty")
            if not cell:
                return op == "!=" and not allows
            found = against(cell)
            if found is None:
                report(condition.column, "bad_number")
            return bool(found)

        return test


def supported(status: Status, proof: Proof, occurred: Interval | None) -> Status:
    """A grant without proof or without a date is unknown; everything else is what it says."""
    if status in GRANTING and (not proof or occurred is None):
        return Status.UNKNOWN
    return status


def column_of(value: str | Value) -> str:
    """The column a value comes from, for a report; empty for constants and templates."""
    return value if isinstance(value, str) else value.column


def pieces_of(template: str) -> list[tuple[str, str | None]]:
    """A template as literal texts, each followed by the name of a variable or nothing.

    Raises:
        ValueError: braces do not match, or a variable carries a format.
    """
    pieces = []
    for before, name, form, conversion in string.Formatter().parse(template):
        if name == "" or form or conversion:
            raise ValueError("a template names columns in braces, such as {Customer ID}")
        pieces.append((before, name))
    return pieces


def _comparison(condition: Condition) -> Callable[[str], bool | None]:
    """The comparison with a cell that is not empty; None when the cell should be a number and is not."""
    value, op = condition.value, condition.op
    if value is None:
        return lambda cell: None
    if isinstance(value, tuple):
        words = frozenset(word.strip().casefold() for word in value)
        return lambda cell: cell.casefold() in words
    order = _ORDER[op]
    if isinstance(value, str):
        word = value.strip().casefold()
        return lambda cell: order(_sign(cell.casefold(), word))
    number = Decimal(str(value))

    def compare(cell: str) -> bool | None:
        try:
            return order(int(Decimal(cell).compare(number)))
        except (InvalidOperation, ValueError):
            return None

    return compare


def _sign(left: str, right: str) -> int:
    return (left > right) - (left < right)
