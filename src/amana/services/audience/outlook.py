"""The outlook: how many of those who may not be contacted would be reachable, and with what.

Rule. What would change a refusal (`core.remedies`) is found once for each group of people for whom it is the same, and
counted for all of them: people of one regime whose facts are equal, where values count as equal if they stand on the
same side of everything that a remedy could compare them with. What is not surely the same stays apart: a moment near
its end of life, a birthday that is near, a pause. So each number is true of every person it counts.

Grouping is one pass of a hash aggregation over the columns; the rules run once per group.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from amana.columns.store import Columns
from amana.core import facts, remedies
from amana.core.facts import Facts
from amana.core.plan import Ask, Law, Plan
from amana.core.regimes import Regime
from amana.core.remedies import HORIZON_DAYS, Kind, Later, Remedy
from amana.core.vocabulary import Proof
from amana.services.audience import cache, screening
from amana.services.audience.screening import Screened
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record.house import House

Array = np.ndarray[Any, Any]

DAY = 86_400
REACH = (HORIZON_DAYS + 32) * DAY
"""Further than waiting looks where no pause is in the way: a month for caps, then the horizon, a day to spare."""
MARGIN = 60 * DAY
"""Calendar months differ; a moment this far from every limit is on its side of all of them."""

_BASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "granted": ("", ("consent_since",)),
    "sale": ("sale", ("sale_since",)),
    "interest": ("interest", ("interest_since",)),
    "relationship": ("relationship", ("relationship_since", "inquiry_since")),
    "published": ("published", ("published_since",)),
}
"""Evidence among the facts: the law that knows it, and the limits that its moment is compared with."""

_PROOFS: dict[str, tuple[str, ...]] = {
    "proof": ("proof",),
    "sale_proof": ("sale_proof",),
    "interest_proof": ("interest_proof",),
    "relationship_proof": ("relationship_proof", "inquiry_proof"),
    "published_proof": ("published_proof",),
}
_REGISTRIES = ("registries", "registries_consent", "registries_always")


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """People whom the same set of remedies would make reachable. An empty set: nothing does."""

    needs: tuple[Kind, ...]
    double_opt_in: bool  # the consent in it must be confirmed by the address's holder
    people: int


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen's refusals would take, most people first."""

    refused: int
    prospects: tuple[Prospect, ...]
    groups: int
    seconds: float


class _Grouped(NamedTuple):
    """Distinct facts, and how many people have each."""

    facts: list[Facts]
    people: list[int]


def foresee(house: House, inquiry: Inquiry, screened: Screened) -> Outlook:
    """What would make the refused of a screen reachable. `inquiry` is the screen's own question.

    Facts are read as they are now; somebody whom they allow meanwhile is no longer among the refused.
    """
    started = time.perf_counter()
    refused = screened.people[screened.bits != 0]
    if not len(refused):
        return Outlook(refused=0, prospects=(), groups=0, seconds=0.0)
    gate = Gate(house)
    try:
        plan = gate.plan(inquiry, screened.at)
        caught = cache.catch_up(house, plan.question.cell)
        columns = screening.facts_of(house, caught, plan, refused)
        found, groups = needs_of(columns, caught.regimes, plan, functools.cache(gate.later(inquiry)))
    finally:
        gate.close()
    return told(found, groups, time.perf_counter() - started)


Needs = Counter[tuple[tuple[Kind, ...], bool]]
"""How many people each set of remedies turns, by `key`."""


def needs_of(columns: Columns, regimes: Sequence[Regime], plan: Plan, later: Later) -> tuple[Needs, int]:
    """What would turn each row of some facts, counted; and in how many groups it was found. Rows allowed are left out."""
    laws = [[one.law(regime) for regime in regimes] for one in (plan, later(plan.ask.at + REACH))]
    grouped = _group(columns, laws, plan.ask)
    found: Needs = Counter()
    for person, people in zip(grouped.facts, grouped.people, strict=True):
        turned = remedies.smallest(person, regimes[person.regime], plan, later)
        if turned != ():
            found[key(turned)] += people
    return found, len(grouped.people)


def told(found: Needs, groups: int, seconds: float) -> Outlook:
    """Counted needs as an outlook, most people first."""
    return Outlook(
        refused=sum(found.values()),
        prospects=tuple(
            Prospect(needs=needs, double_opt_in=confirmed, people=people)
            for (needs, confirmed), people in found.most_common()
        ),
        groups=groups,
        seconds=seconds,
    )


def key(turned: tuple[Remedy, ...] | None) -> tuple[tuple[Kind, ...], bool]:
    """Under what a set of remedies is counted: its kinds, and whether it asks for a double opt-in."""
    some = turned or ()
    return tuple(one.kind for one in some), any("confirmed" in one.proofs for one in some)


def _group(columns: Columns, laws: list[list[Law]], ask: Ask) -> _Grouped:
    """`laws`: the rows of law by regime, now and at the end of what waiting reaches."""
    told = _blunted(columns, laws, ask)
    table = pa.table({name: pa.array(told[name]) for name in Facts._fields})
    counted = table.group_by(list(Facts._fields), use_threads=False).aggregate([([], "count_all")])
    values = zip(*(counted[name].to_pylist() for name in Facts._fields), strict=True)
    return _Grouped([Facts(*row) for row in values], counted["count_all"].to_pylist())


def _blunted(columns: Columns, laws: list[list[Law]], ask: Ask) -> Columns:
    """The same columns, where what makes no difference to a remedy is made equal."""
    limits = _Limits(laws, columns["regime"])
    told = dict(columns)
    for fact, (base, bounds) in _BASES.items():
        known = np.ones(1, np.bool_) if base == "" else limits.all(base).any(axis=0)
        told[f"{fact}_at"] = np.where(
            known, _moments(columns[f"{fact}_at"], limits, bounds, ask.at), facts.NEVER
        )
    for proof, wanted in _PROOFS.items():
        told[proof] = columns[proof] & limits.union(wanted, int(Proof.GUARDIAN) if proof == "proof" else 0)
    past = columns["granted"] & (columns["granted_by"] <= ask.at)
    told["granted_by"] = np.where(past, ask.at, columns["granted_by"])
    told["notice"] = np.minimum(columns["notice"], ask.notice_floor)
    told["topics_off"] = columns["topics_off"] & ask.topic
    told["registry_hits"] = columns["registry_hits"] & limits.union(_REGISTRIES)
    told["born"] = _births(columns["born"], limits, ask)
    _pace(told, limits)
    waiting = (
        columns["paused_until"] > ask.at
    )  # a pause may be waited out for years: nothing of it is rounded
    told["paused_until"] = np.zeros_like(columns["paused_until"])
    return {name: np.where(waiting, columns[name], column) for name, column in told.items()}


class _Limits:
    """Values of the law, now and at the end of what waiting reaches, for each person."""

    def __init__(self, laws: list[list[Law]], regimes: Array) -> None:
        self._laws, self._regimes = laws, regimes

    def all(self, *names: str) -> Array:
        """One row for each value: names x moments."""
        values = [[getattr(row, name) for row in rows] for rows in self._laws for name in names]
        return np.array(values)[:, self._regimes]

    def union(self, names: tuple[str, ...], more: int = 0) -> Array:
        """The bits of all these values together."""
        bits: Array = np.bitwise_or.reduce(self.all(*names), axis=0) | more
        return bits


def _moments(column: Array, limits: _Limits, bounds: tuple[str, ...], at: int) -> Array:
    """Moments of evidence: fresh beyond doubt become now, too old beyond doubt become the oldest of all."""
    edges = np.maximum(0, limits.all(*bounds))
    past = (column > facts.NEVER) & (column <= at)
    fresh, stale = column >= edges.max(axis=0) + MARGIN, column < edges.min(axis=0) - MARGIN
    rounded: Array = np.where(past & fresh, at, np.where(past & stale, 1, column))
    return rounded


def _births(column: Array, limits: _Limits, ask: Ask) -> Array:
    """Births: all that are on the same sides of the ages that count become one, but for those about to turn."""
    edges = np.concatenate([limits.all("born_by", "never_born_by"), np.full((1, len(column)), ask.born_by)])
    margin = MARGIN // DAY
    near = (np.abs(edges - column) <= margin).any(axis=0)
    below = np.where(edges < column, edges + margin + 1, facts.BORN_UNKNOWN + 1).max(axis=0)
    sides: Array = np.where(near | (column == facts.BORN_UNKNOWN), column, below)
    return sides


def _pace(told: Columns, limits: _Limits) -> None:
    """Contacts below every cap do not count."""
    told["per_month"] = np.where(told["sent_month"] < told["per_month"], facts.NO_CAP, told["per_month"])
    for sent, cap in (("sent_day", "cap_day"), ("sent_week", "cap_week"), ("sent_month", "cap_month")):
        least = np.minimum(limits.all(cap).min(axis=0), told["per_month"])
        told[sent] = np.where(told[sent] < least, 0, told[sent])
