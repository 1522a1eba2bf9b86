"""The words a mapping is written in: where a value comes from, when a row counts, what a status means.

Rule: a bare text is the name of a column. A value is a column, a constant or a template, never two of them.
Only what a mapping says can grant: a status that stands in no list is no status, an empty cell says nothing,
and a condition about a missing or damaged cell does not hold for anything that would allow. `*` and a missing
channel mean all, and are for refusals only.
"""

from __future__ import annotations

import difflib
from typing import Literal

import msgspec

from amana.core.statements import ANY
from amana.core.vocabulary import REFUSING, Channel, Proof, Status

IMPORT_TIME = "import"
Comparison = Literal["=", "!=", "<", "<=", ">", ">=", "in", "empty", "not empty"]
Basis = Literal["sale", "interest", "relationship", "published"]
BlockReason = Literal["bounce_hard", "bounce_soft", "complaint", "suppressed"]


class Term(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table in the mapping; unknown keys are refused."""


class Value(Term, frozen=True, kw_only=True):
    """Where a text comes from.

    A template names columns in braces and may use `{line}` and `{part}`; `{{` is a brace. If any column it
    names is empty, so is the whole: two people must not share what is left of an id.
    """

    column: str = ""
    constant: str = ""
    template: str = ""
    # the column's word (in any case) -> the word to take; a word that is not here is rejected
    values: dict[str, str] = msgspec.field(default_factory=dict)
    date: bool = (
        False  # of a field: the column holds a day, read by the mapping's `dates`, kept as YYYY-MM-DD
    )

    def __post_init__(self) -> None:
        if sum(map(bool, (self.column, self.constant, self.template))) != 1:
            raise ValueError("a value is one of column, constant or template")
        if self.values and not self.column:
            raise ValueError("values belong to a column")
        if self.date and (not self.column or self.values):
            raise ValueError("date = true belongs to a column without values")


class Condition(Term, frozen=True, kw_only=True):
    """A comparison of one column. Numbers compare as numbers, texts in any case; all conditions must hold."""

    column: str
    op: Comparison = msgspec.field(name="is")
    value: str | int | float | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.op in ("empty", "not empty"):
            if self.value is not None:
                raise ValueError(f"“{self.op}” takes no value")
        elif self.value is None or isinstance(self.value, tuple) != (self.op == "in"):
            raise ValueError(f"“{self.op}” takes {'a list of texts' if self.op == 'in' else 'one value'}")
        elif self.op[0] in "<>" and isinstance(self.value, str) and self.value.replace(".", "").isdigit():
            raise ValueError("a number to compare with is written without quotes")


class StatusColumn(Term, frozen=True, kw_only=True):
    """What the words of a status column mean. Words compare trimmed and in any case."""

    column: str
    given: tuple[str, ...] = ()
    requested: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    objected: tuple[str, ...] = ()
    invalidated: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        words = [word.strip().casefold() for status in Status for word in self.words(status)]
        if not all(words):
            raise ValueError("an empty cell says nothing and stands in no list")
        if not words:
            raise ValueError("a status column needs a list such as given or withdrawn")
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"“{twice[0]}” stands in more than one list")

    def words(self, status: Status) -> tuple[str, ...]:
        """The column's words that mean `status`."""
        return () if status is Status.RENEWED else getattr(self, status.value)

    def statuses(self) -> frozenset[Status]:
        """The statuses that the column can say."""
        return frozenset(status for status in Status if self.words(status))


class Permission(Term, frozen=True, kw_only=True):
    """What each row says about a purpose and channel."""

    status: Status | StatusColumn
    purpose: str = ANY
    channel: Channel | None = None
    when: str | Value = ""  # a column, or the word import; needed by anything but a refusal
    where: tuple[Condition, ...] = ()
    proof: tuple[str, ...] = ()  # evidence that holds for every row
    # evidence that holds where its conditions do
    proof_if: dict[str, tuple[Condition, ...]] = msgspec.field(default_factory=dict)
    notice: str | Value = ""  # the notice id[@version] itself, or a column that holds it
    evidence: str | Value = ""  # a column with a reference: a form, a campaign
    reason: str = "export_status"

    def __post_init__(self) -> None:
        said = {self.status} if isinstance(self.status, Status) else self.status.statuses()
        if said <= REFUSING:
            return
        if self.purpose == ANY or self.channel is None:
            raise ValueError("only refusals may leave out purpose or channel")
        if not self.when:
            raise ValueError("when is missing: a column, or the word import")
        check_proof((*self.proof, *self.proof_if))


class Relationship(Term, frozen=True, kw_only=True):
    """Evidence of another basis than consent (soft opt-in, contract), for the rows that meet the conditions."""

    purpose: str
    channel: Channel
    when: str | Value
    proof: tuple[str, ...]
    basis: Basis = "sale"
    where: tuple[Condition, ...] = ()
    evidence: str | Value = ""

    def __post_init__(self) -> None:
        if self.purpose == ANY:
            raise ValueError("a relationship is evidence for one purpose")
        check_proof(self.proof)


class Blocked(Term, frozen=True, kw_only=True):
    """Rows whose address is not to be used at all."""

    channel: Channel
    where: tuple[Condition, ...]
    reason: BlockReason
    when: str | Value = ""
    evidence: str | Value = ""

    def __post_init__(self) -> None:
        if not self.where:
            raise ValueError("blocked needs conditions, or every row would be blocked")


def check_proof(names: tuple[str, ...]) -> None:
    """Refuse a proof name that is not in the vocabulary, naming the nearest."""
    known = [proof.name.lower() for proof in Proof if proof.name]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ValueError(f"unknown proof “{name}”" + (f", perhaps {near[0]}" if near else ""))


def proof_of(names: tuple[str, ...]) -> Proof:
    """The bits of checked proof names."""
    proof = Proof(0)
    for name in names:
        proof |= Proof[name.upper()]
    return proof
