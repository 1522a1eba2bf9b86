"""Segments: who is meant, in words that a person can read and a machine can check.

Rule. A segment is tests joined by `and`, `or`, `not` and parentheses; `not` binds closest, then `and`, then `or`. A test
is one of these, in any case:

    interests:garden            the field holds this word, alone or among others (parted by `;`, `,` or `|`)
    topic:garden                the person has not turned this topic off
    country = DE                the field is exactly this; `!=` is its opposite
    country in (DE, FR)         one of several; `not in` is the opposite
    orders >= 3                 the field is a number, and at least this; also <, <=, >
    language is known           there is a value; `is unknown` is the opposite
    last_grant within 90 days   the consent that counts is so fresh; also weeks, months (30 days)
    last_grant before 2026-01-01, last_grant after 2026-01-01

A missing value is nothing: it equals nothing, is in no list and has no size, so `language != ru` holds for it. A word
with other letters than letters, digits, `_`, `-`, `.` and `/` stands in quotes. What names mean is not known here: `mask`
asks its `Reader` for each test and joins the answers. An error says where, what was expected and what stood there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec
import numpy as np

from amana import errors

Array: TypeAlias = "np.ndarray[Any, Any]"
DAY = 86_400
SPANS = {"day": 1, "days": 1, "week": 7, "weeks": 7, "month": 30, "months": 30}
ORDERS = ("<", "<=", ">", ">=")
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "within", "before", "after"})
_TOKEN = re.compile(r"\s*(?:(?P<text>\"[^\"]*\"|'[^']*')|(?P<mark><=|>=|!=|[=<>():,])|(?P<word>[\w./+-]+))")
LONGEST = 4_000  # characters
DEEPEST = 50  # parentheses and `not` within each other


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One test. `op` is has, =, in, <, <=, >, >=, known, within, before or after."""

    __test__ = False  # a word of the grammar, not of a test runner

    name: str  # casefolded
    op: str
    values: tuple[str, ...] = ()
    number: float = 0  # of an order; seconds of `within`; UTC second of `before` and `after`
    place: int = 0  # where it stands in the text, from 1


class Not(msgspec.Struct, frozen=True, kw_only=True):
    """The opposite."""

    of: Node


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """All of several (`and`), or any (`or`)."""

    op: str
    parts: tuple[Node, ...]


Node: TypeAlias = "Test | Not | Joined"


class Reader(Protocol):
    """Answers tests over rows. Raises NotFound or BadInput for a name or a test that it does not have."""

    def holds(self, test: Test) -> Array:
        """For which rows a test holds: a new boolean array."""


class _Token(NamedTuple):
    kind: str  # word, text, mark, end
    text: str
    place: int


def parse(text: str) -> Node:
    """A segment's meaning. Raises BadInput with the place, from 1, what was expected and what stood there."""
    if len(text) > LONGEST:
        raise errors.BadInput("The segment is too long", expected=f"at most {LONGEST} characters")
    return _Parser(list(_tokens(text))).whole()


def tests(node: Node) -> Iterator[Test]:
    """Every test of a segment, from left to right."""
    match node:
        case Test():
            yield node
        case Not():
            yield from tests(node.of)
        case Joined():
            for part in node.parts:
                yield from tests(part)


def mask(node: Node, reader: Reader) -> Array:
    """For which rows a segment holds."""
    match node:
        case Not():
            return np.logical_not(mask(node.of, reader))
        case Joined():
            first, *rest = node.parts
            found = mask(first, reader)
            for part in rest:
                join = np.logical_and if node.op == "and" else np.logical_or
                join(found, mask(part, reader), out=found)
            return found
        case Test():
            return reader.holds(node)


def words(value: str) -> tuple[str, ...]:
    """The single words of a field that may hold several, casefolded."""
    return tuple(word for part in re.split(r"[;,|]", value) if (word := part.strip().casefold()))


# ---- reading ----------------------------------------------------------------------------------------------------


def _tokens(text: str) -> Iterator[_Token]:
    end = 0
    while text[end:].strip():
        found = _TOKEN.match(text, end)
        if found is None:
            place = end + len(text[end:]) - len(text[end:].lstrip())
            raise _unexpected(
                _Token("mark", text[place], place + 1), "a word, a quoted text or one of = < > ( ) : ,"
            )
        kind = str(found.lastgroup)
        yield _Token(kind, found[kind], found.start(kind) + 1)
        end = found.end()
    yield _Token("end", "", len(text) + 1)


class _Parser:
    """Recursive descent, one method for each level of binding."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        found = self._any()
        if self._peek().kind != "end":
            raise _unexpected(self._peek(), "and, or, or the end")
        return found

    def _any(self) -> Node:
        return self._series("or", self._all)

    def _all(self) -> Node:
        return self._series("and", self._one)

    def _series(self, word: str, part: Any) -> Node:
        parts = [part()]
        while self._is(word):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(op=word, parts=tuple(parts))

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise errors.BadInput("The segment is nested too deeply", expected=f"at most {DEEPEST} levels")
        try:
            if self._is("not"):
                self._take()
                return Not(of=self._one())
            if self._is("("):
                self._take()
                inner = self._any()
                self._expect(")")
                return inner
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Node:
        name = self._take()
        if name.kind != "word" or name.text.casefold() in _KEYWORDS:
            raise _unexpected(name, "the name of a field, topic or last_grant")
        op = self._take()
        word = op.text.casefold() if op.kind in ("word", "mark") else ""
        head = Test(name=name.text.casefold(), op="known", place=name.place)
        match word:
            case ":":
                return _with(head, "has", values=(self._value(),))
            case "=":
                return _with(head, "=", values=(self._value(),))
            case "!=":
                return Not(of=_with(head, "=", values=(self._value(),)))
            case "in":
                return _with(head, "in", values=self._list())
            case "not" if self._is("in"):
                self._take()
                return Not(of=_with(head, "in", values=self._list()))
            case "is":
                return self._known(head)
            case "within":
                return _with(head, "within", number=self._span())
            case "before" | "after":
                return _with(head, word, number=self._day())
            case one if one in ORDERS:
                return _with(head, one, number=self._number())
        raise _unexpected(op, ": = != < <= > >= in, not in, is, within, before or after")

    def _known(self, known: Test) -> Node:
        word = self._take()
        match word.text.casefold():
            case "known":
                return known
            case "unknown":
                return Not(of=known)
        raise _unexpected(word, "known or unknown")

    def _list(self) -> tuple[str, ...]:
        self._expect("(")
        found = [self._value()]
        while self._is(","):
            self._take()
            found.append(self._value())
        self._expect(")")
        return tuple(found)

    def _value(self) -> str:
        token = self._take()
        if token.kind == "text":
            return token.text[1:-1]
        if token.kind != "word" or token.text.casefold() in _KEYWORDS:
            raise _unexpected(token, "a word, or a text in quotes")
        return token.text

    def _number(self) -> float:
        token = self._take()
        try:
            found = float(token.text) if token.kind == "word" else float("nan")
        except ValueError:
            found = float("nan")
        if not np.isfinite(found):
            raise _unexpected(token, "a number")
        return found

    def _span(self) -> float:
        count = self._number()
        unit = self._take()
        if unit.text.casefold() not in SPANS or count <= 0:
            raise _unexpected(unit, f"a number above zero and one of {', '.join(SPANS)}")
        return count * SPANS[unit.text.casefold()] * DAY

    def _day(self) -> float:
        token = self._take()
        try:
            day = date.fromisoformat(token.text)
        except ValueError:
            raise _unexpected(token, "a day such as 2026-01-31") from None
        return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _is(self, text: str) -> bool:
        token = self._peek()
        return token.kind in ("word", "mark") and token.text.casefold() == text

    def _expect(self, text: str) -> None:
        token = self._take()
        if token.kind != "mark" or token.text != text:
            raise _unexpected(token, text)


def _with(head: Test, op: str, *, values: tuple[str, ...] = (), number: float = 0) -> Test:
    return msgspec.structs.replace(head, op=op, values=values, number=number)


def _unexpected(token: _Token, expected: str) -> errors.BadInput:
    return errors.BadInput(
        f"The segment cannot be read at character {token.place}",
        expected=expected,
        got=f"“{token.text}”" if token.text else "the end",
        remedy="docs/audiences.md has the words of a segment",
    )
