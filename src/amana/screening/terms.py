"""Terms: the rule book written down once as expressions, for engines that do not run Python row by row.

Rule. Each predicate of the book is called, unchanged, on symbols instead of values; what it builds is its term. Terms
are folded while they are built: a conjunction with false is false, a comparison of constants is a constant. `&` and `|`
are logical between truths and bitwise between numbers; a mixture is refused. Equal terms are equal values, so an
engine can compute a shared part once.

Two views of the book. `general` keeps the shape of every question: what depends on law and ask alone becomes a
parameter, one value per regime. `special` is made for one question: parameters that are the same in every regime
become constants, rules that cannot deny disappear, and with them the facts that only they read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from amana import errors
from amana.core import rules
from amana.core.facts import Facts
from amana.core.plan import ALWAYS, NOBODY_TOO_YOUNG, Ask, Law

Value = int | bool


class Term(NamedTuple):
    """One expression: an operator and its operands, or a leaf with its name or value."""

    op: str  # fact, law, ask, param, const; and, or, not; bitand, bitor; eq, ne, lt, le, gt, ge
    args: tuple[Any, ...]
    logical: bool  # a truth value, not a number


LEAVES = frozenset({"fact", "law", "ask", "param", "const"})
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_BITWISE: dict[str, Callable[[Any, Any], Any]] = {"bitand": operator.and_, "bitor": operator.or_}
OPERATIONS: dict[str, Callable[..., Any]] = {
    "and": operator.and_,
    "or": operator.or_,
    "not": np.logical_not,
    **_BITWISE,
    **COMPARISONS,
}
"""What an operator does to values and arrays."""
_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


class Denial(NamedTuple):
    """A rule's place in the set of reasons, and the term that says when it denies."""

    bit: int
    when: Term


class Special(NamedTuple):
    """The book for one question: what is left of it, and the parameters by regime that it still reads."""

    denials: tuple[Denial, ...]
    params: tuple[tuple[Value, ...], ...]  # by number of the parameter; one value for each regime

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that this question reads, in no order that matters."""
        return tuple(sorted({str(leaf.args[0]) for leaf in self.leaves() if leaf.op == "fact"}))

    def leaves(self) -> Iterator[Term]:
        """Every leaf that is left, once."""
        return (term for term in nodes(one.when for one in self.denials) if term.op in LEAVES)


class General(NamedTuple):
    """The book for every question: `params` are the terms over law and ask whose values a question supplies."""

    denials: tuple[Denial, ...]
    params: tuple[Term, ...]


# ---- building, folded -------------------------------------------------------------------------------------------


def const(value: Value) -> Term:
    """A constant."""
    return Term("const", (value,), isinstance(value, bool))


FALSE, TRUE = const(False), const(True)
_BORN = Term("fact", ("born",), False)


def negation(term: Term) -> Term:
    """The opposite of a truth. A comparison is turned round; two negations cancel out."""
    if term.op == "const":
        return const(not term.args[0])
    if term.op == "not":
        return _term(term.args[0])
    if term.op in _OPPOSITE:
        return Term(_OPPOSITE[term.op], term.args, True)
    return Term("not", (term,), True)


def conjunction(left: Term, right: Term) -> Term:
    """Both truths."""
    if FALSE in (left, right):
        return FALSE
    if left in (TRUE, right):
        return right
    return left if right == TRUE else Term("and", (left, right), True)


def disjunction(left: Term, right: Term) -> Term:
    """Either truth."""
    if TRUE in (left, right):
        return TRUE
    if left in (FALSE, right):
        return right
    return left if right == FALSE else Term("or", (left, right), True)


def comparison(op: str, left: Term, right: Term) -> Term:
    """A comparison of two numbers, or of a truth with a constant truth."""
    if left.op == right.op == "const":
        return const(bool(COMPARISONS[op](left.args[0], right.args[0])))
    if left.logical or right.logical:
        if not (op in ("eq", "ne") and right.op == "const" and left.logical and right.logical):
            raise _mixed(op)
        return left if (op == "eq") == right.args[0] else negation(left)
    return _bounded(op, left, right) or Term(op, (left, right), True)


def _bounded(op: str, left: Term, right: Term) -> Term | None:
    """The outcome of comparing a fact with a bound that no fact reaches."""
    if left.op == "fact" and right == const(ALWAYS) and op in ("lt", "ge"):
        return const(op == "ge")
    if left == _BORN and right == const(NOBODY_TOO_YOUNG) and op in ("gt", "le"):
        return const(op == "le")
    return None


def bitwise(op: str, left: Term, right: Term) -> Term:
    """Two numbers as bit sets."""
    if left.op == right.op == "const":
        return const(int(_BITWISE[op](left.args[0], right.args[0])))
    if op == "bitand" and const(0) in (left, right):
        return const(0)
    return Term(op, (left, right), False)


def rebuilt(term: Term, leaf: Callable[[Term], Term], done: dict[Term, Term]) -> Term:
    """The term with its leaves replaced, folded again. `done` is shared between terms with common parts."""
    found = done.get(term)
    if found is None:
        found = (
            leaf(term)
            if term.op in LEAVES
            else _joined(term.op, [rebuilt(one, leaf, done) for one in term.args])
        )
        done[term] = found
    return found


def _joined(op: str, parts: Sequence[Term]) -> Term:
    if op == "not":
        return negation(parts[0])
    if op == "and":
        return conjunction(*parts)
    if op == "or":
        return disjunction(*parts)
    return bitwise(op, *parts) if op in _BITWISE else comparison(op, *parts)


def nodes(terms: Iterable[Term]) -> Iterator[Term]:
    """Every different part of some terms, operands before what is made of them."""
    seen: set[Term] = set()

    def walk(term: Term) -> Iterator[Term]:
        if term not in seen:
            if term.op not in LEAVES:
                for part in term.args:
                    yield from walk(part)
            seen.add(term)
            yield term

    for term in terms:
        yield from walk(term)


# ---- the book as terms ------------------------------------------------------------------------------------------


class _Symbol:
    """Stands for a value while a predicate is called."""

    __hash__ = None  # type: ignore[assignment]  # symbols compare into terms and must not be looked up

    def __init__(self, term: Term) -> None:
        self.term = term

    def __and__(self, other: Any) -> _Symbol:
        return self._join("bitand", conjunction, other)

    def __or__(self, other: Any) -> _Symbol:
        return self._join("bitor", disjunction, other)

    def __eq__(self, other: object) -> _Symbol:  # type: ignore[override]  # a comparison of symbols is a symbol
        return _Symbol(comparison("eq", self.term, _of(other)))

    def __ne__(self, other: object) -> _Symbol:  # type: ignore[override]  # a comparison of symbols is a symbol
        return _Symbol(comparison("ne", self.term, _of(other)))

    def __lt__(self, other: object) -> _Symbol:
        return _Symbol(comparison("lt", self.term, _of(other)))

    def __le__(self, other: object) -> _Symbol:
        return _Symbol(comparison("le", self.term, _of(other)))

    def __gt__(self, other: object) -> _Symbol:
        return _Symbol(comparison("gt", self.term, _of(other)))

    def __ge__(self, other: object) -> _Symbol:
        return _Symbol(comparison("ge", self.term, _of(other)))

    def __bool__(self) -> bool:
        raise errors.BadLaw(
            "A rule asks for the truth of a column",
            expected="&, | and not_()",
            got="and, or, not, if or a chained comparison",
            remedy="say it with the rule language",
        )

    def _join(self, bits: str, logical: Callable[[Term, Term], Term], other: Any) -> _Symbol:
        right = _of(other)
        if self.term.logical != right.logical:
            raise _mixed(bits)
        return _Symbol(logical(self.term, right) if self.term.logical else bitwise(bits, self.term, right))


def _of(value: object) -> Term:
    if isinstance(value, _Symbol):
        return value.term
    if isinstance(value, int):
        return const(value if isinstance(value, bool) else int(value))
    raise _mixed(type(value).__name__)


def _symbols(kind: str, owner: type) -> Any:
    """A row of symbols with the names of `Facts`, `Law` or `Ask`."""
    hints = get_type_hints(owner)
    names: Sequence[str] = owner._fields  # type: ignore[attr-defined]  # all three are named tuples
    return owner(*(_Symbol(Term(kind, (name,), hints[name] is bool)) for name in names))


@cache
def book() -> tuple[Denial, ...]:
    """Every rule as a term over facts, law and ask."""
    facts, law, ask = _symbols("fact", Facts), _symbols("law", Law), _symbols("ask", Ask)
    found = rules.shows(facts, law, ask)
    return tuple(Denial(one.bit, _of(one.denies(facts, law, ask, found))) for one in rules.BOOK)


# ---- the two views ----------------------------------------------------------------------------------------------


@cache
def general() -> General:
    """The book with each largest part that reads no fact replaced by a parameter."""
    numbers: dict[Term, int] = {}
    done: dict[Term, bool] = {}

    def closed(term: Term) -> bool:
        if term not in done:
            done[term] = term.op != "fact" if term.op in LEAVES else all(closed(part) for part in term.args)
        return done[term]

    def lifted(term: Term) -> Term:
        if term.op == "const":
            return term
        if closed(term):
            return Term("param", (numbers.setdefault(term, len(numbers)),), term.logical)
        return term if term.op in LEAVES else Term(term.op, tuple(map(lifted, term.args)), term.logical)

    denials = tuple(Denial(one.bit, lifted(one.when)) for one in book())
    return General(denials, tuple(numbers))


def values(params: Iterable[Term], law: Sequence[Law], ask: Ask) -> tuple[tuple[Value, ...], ...]:
    """The value of each parameter in each regime. Regimes with equal law are computed once."""
    numbers: dict[Law, int] = {}
    regimes = np.array([numbers.setdefault(row, len(numbers)) for row in law], np.intp)
    columns = {
        name: np.array(held) for name, held in zip(Law._fields, zip(*numbers, strict=True), strict=True)
    }
    found = []
    for term in params:
        held = np.broadcast_to(np.asarray(_computed(term, columns, ask)), len(numbers))
        found.append(tuple(held[regimes].tolist()))
    return tuple(found)


def _computed(term: Term, law: Mapping[str, Any], ask: Ask) -> Any:
    """A term over law and ask alone, for all rows of law together."""
    match term.op:
        case "const":
            return term.args[0]
        case "law":
            return law[term.args[0]]
        case "ask":
            return getattr(ask, term.args[0])
        case op:
            return OPERATIONS[op](*(_computed(part, law, ask) for part in term.args))


def special(law: Sequence[Law], ask: Ask, constants: Mapping[str, Value] | None = None) -> Special:
    """The book for one question. `constants` are facts that are known to be the same for everybody."""
    return specialised(values(general().params, law, ask), constants or {})


def specialised(supplied: Sequence[tuple[Value, ...]], known: Mapping[str, Value]) -> Special:
    """The book for the supplied values of the general book's parameters, and facts known to be constant."""
    shape = general()
    kept: dict[tuple[Value, ...], int] = {}
    done: dict[Term, Term] = {}

    def leaf(term: Term) -> Term:
        if term.op == "param":
            column = supplied[term.args[0]]
            if len(set(column)) == 1:
                return const(column[0])
            return Term("param", (kept.setdefault((term.logical, *column), len(kept)),), term.logical)
        if term.op == "fact" and term.args[0] in known:
            return const(known[term.args[0]])
        return term

    denials = [Denial(one.bit, rebuilt(one.when, leaf, done)) for one in shape.denials]
    return _compact(tuple(one for one in denials if one.when != FALSE), [column[1:] for column in kept])


def _compact(denials: tuple[Denial, ...], params: Sequence[tuple[Value, ...]]) -> Special:
    """Drop parameters that folding left unread, and number the rest anew."""
    numbers: dict[int, int] = {}
    done: dict[Term, Term] = {}

    def leaf(term: Term) -> Term:
        if term.op != "param":
            return term
        return Term("param", (numbers.setdefault(term.args[0], len(numbers)),), term.logical)

    left = tuple(Denial(one.bit, rebuilt(one.when, leaf, done)) for one in denials)
    return Special(left, tuple(params[number] for number in numbers))


def _term(value: Any) -> Term:
    found: Term = value
    return found


def _mixed(what: str) -> errors.BadLaw:
    return errors.BadLaw(
        "A rule mixes a truth with a number",
        expected="truths with truths, numbers with numbers",
        got=what,
        remedy="compare the number first",
    )
