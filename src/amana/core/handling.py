"""Use and sharing of data: what the law asks of each, by place and day.

Rule. What is done with data is an action: `personalise`, `profile`, `analyse` (ourselves), or sharing with a
`processor`, a `controller` or a `joint` controller. `uses.toml` beside the country packs holds dated, cited rows: for
places and actions, ordinary data or special categories, which basis is needed and what a consent must show. A place is
read along its chain, the first that has a row speaks; a row for `*` speaks where none does. A book without this page
knows no use and no sharing, and what is not known is denied. Legitimate interest is a row whose basis is `opt_out`
and which needs an assessment (GDPR art. 6(1)(f)); the person's objection is absolute wherever it is (art. 21(2)-(3)).

Special categories are named by their dotted data categories; a part of one is one, and so is a whole that has one in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec

from amana.core.pack_values import Dated, LawRule, Period, period
from amana.core.vocabulary import Basis, Confidence, Mark, Proof
from amana.errors import BadLaw

PAGE = "uses.toml"
ACTIONS = ("personalise", "profile", "analyse", "processor", "controller", "joint")
EVERYWHERE = "*"


class Handled(msgspec.Struct, frozen=True, kw_only=True):
    """One use or sharing as the law sees it."""

    action: str  # one of ACTIONS
    special: bool  # a special category of data is among it
    country: str = ""  # where the recipient is, as the packs spell it; empty for our own use
    safeguarded: bool = True  # the transfer to that country has a safeguard, or there is none


class UseRow(Dated, frozen=True, kw_only=True):
    """One row of the page."""

    id: str
    places: frozenset[str]
    actions: frozenset[str]
    special: bool
    basis: Basis
    proof: Proof
    consent_life: Period | None = None
    needs_assessment: bool = False
    never_below: int = 0  # whole years; below it nobody's data is handled so, guardian or not

    def speaks(self, place: str, handled: Handled, on: date) -> bool:
        """Whether the row is about this place, action and kind of data on this day."""
        return (
            place in self.places
            and handled.action in self.actions
            and handled.special == self.special
            and self.covers(on)
        )

    def rule(self, place: str) -> LawRule:
        """The row as the plan reads it."""
        return LawRule(
            citation=self.citation,
            confidence=self.confidence,
            mark=self.mark,
            note=self.note,
            effective_from=self.effective_from,
            effective_to=self.effective_to,
            id=self.id,
            jurisdiction=place,
            basis=self.basis,
            proof_needed=self.proof,
            double_opt_in="none",
            consent_life=self.consent_life,
            needs_assessment=self.needs_assessment,
        )


class UseLaw(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page. An empty one knows nothing."""

    rows: tuple[UseRow, ...] = ()
    special: tuple[str, ...] = ()  # dotted data categories

    def row(self, chain: Sequence[str], handled: Handled, on: date) -> UseRow | None:
        """The row that speaks along a chain of places; None for none. Raises BadLaw if two do."""
        for place in (*chain, EVERYWHERE):
            found = [row for row in self.rows if row.speaks(place, handled, on)]
            if len(found) > 1:
                raise _bad(f"more than one row speaks for {place}: {', '.join(row.id for row in found)}")
            if found:
                return found[0]
        return None

    def is_special(self, category: str, registered: Iterable[str]) -> bool:
        """Whether a category is special, lies in one, or has a registered one in it; empty is every registered one."""
        inside = [one for one in registered if not category or lies_in(one, category)]
        return any(lies_in(one, special) for one in (category, *inside) if one for special in self.special)


def lies_in(category: str, wider: str) -> bool:
    """Whether a dotted category is another one or a part of it: `user.cookie_id` is no part of `user.cookie`."""
    return category == wider or category.startswith(f"{wider}.")


class _RowForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    places: list[str]
    actions: list[str]
    basis: str
    citation: str
    confidence: Confidence
    mark: Mark
    special: bool = False
    needs: list[str] = []
    consent_life: str = ""
    needs_assessment: bool = False
    never_below: int = 0
    note: str = ""
    effective_from: date | None = None
    effective_to: date | None = None


class _PageForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    special: list[str]
    proof: dict[str, list[str]]
    row: list[_RowForm]


def read(text: str) -> UseLaw:
    """The page from its TOML text. Raises BadLaw naming the entry."""
    try:
        form = msgspec.convert(tomllib.loads(text), _PageForm)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise _bad(str(error)) from error
    return UseLaw(rows=tuple(_row(one, form.proof) for one in form.row), special=tuple(form.special))


def _row(form: _RowForm, sets: dict[str, list[str]]) -> UseRow:
    words = [word for need in form.needs for word in sets.get(need, [need])]
    unknown = [word for word in words if word.upper() not in Proof.__members__]
    unknown += [action for action in form.actions if action not in ACTIONS]
    if unknown or form.basis.upper() not in Basis.__members__:
        raise _bad(f"{form.id}: {', '.join(unknown) or form.basis}")
    proof = Proof(0)
    for word in words:
        proof |= Proof[word.upper()]
    same: dict[str, Any] = {
        name: getattr(form, name)
        for name in ("id", "special", "needs_assessment", "never_below", "citation", "confidence", "mark")
    }
    return UseRow(
        **same,
        note=form.note,
        effective_from=form.effective_from,
        effective_to=form.effective_to,
        places=frozenset(form.places),
        actions=frozenset(form.actions),
        basis=Basis[form.basis.upper()],
        proof=proof,
        consent_life=period(form.consent_life) if form.consent_life else None,
    )


def _bad(got: str) -> BadLaw:
    return BadLaw(
        f"The page of the law book about use and sharing ({PAGE}) is not sound",
        expected="the form that amana.core.handling reads, and one row for each place, action and day",
        got=got,
        remedy="mend the page",
    )
