"""Random questions under the real law, and crowds that stand on every edge of it.

Rule: facts are drawn around the values at which the law or the ask changes its mind: the moment asked about, the
cut-offs of consent life and age, the proofs asked for and those with one missing, the caps. Most facts of a person are
harmless, so that now and then a single rule denies. Everything follows from the seed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from amana import wiring
from amana.columns import layout
from amana.core import facts, places, public_holidays, rules
from amana.core.facts import Facts
from amana.core.handling import ACTIONS, Handled
from amana.core.packs import LawBook
from amana.core.plan import ALWAYS, Ask, Circumstances, Law, Plan, Question, Registry
from amana.core.regimes import Regime
from amana.core.vocabulary import Channel, SubjectType

Array = np.ndarray[Any, Any]
HANDLED = range(20, 24)
"""The seeds, modulo 40, whose question is about use or sharing of data."""
EARLIEST, LATEST = 1_546_300_800, 1_798_761_600  # 2019 to 2026
HARMLESS = Facts._make((0,) * len(Facts._fields))._replace(
    known=True,
    born=0,
    hours=facts.ALL_HOURS,
    days=facts.ALL_DAYS,
    per_month=facts.NO_CAP,
    has_point=True,
    granted=True,
    proof=2**31 - 1,
    notice=99,
    point_matches=True,
)
MOMENTS = ("granted_at", "granted_by", "sale_at", "interest_at", "relationship_at", "published_at")


class Asked(NamedTuple):
    """One question, its rows of law by regime, and a crowd to ask it about."""

    ask: Ask
    law: list[Law]
    facts: dict[str, Array]


def asked(seed: int, people: int, regime_count: int = 60) -> Asked:
    """A random question with a crowd."""
    rng = np.random.default_rng(seed)
    book = wiring.law_book()
    channel = None if seed % 40 in HANDLED else list(Channel)[seed % len(Channel)]
    plan = Plan(book, question(book, channel, rng, lacking=seed), public_holidays.in_place)
    law = [plan.law(one) for one in regimes(book, rng, regime_count)]
    return Asked(plan.ask, law, crowd(plan.ask, law, people, rng))


def question(book: LawBook, channel: Channel | None, rng: np.random.Generator, lacking: int = 0) -> Question:
    """A question about a channel, or about use or sharing of data, with whatever a workspace may bring to it.

    What `lacking` counts through is missing from use or sharing: its declaration, its agreement, its safeguard, nothing.
    """

    def maybe(share: float) -> bool:
        return bool(rng.random() < share)

    at = int(rng.integers(EARLIEST if maybe(0.2) else 1_767_225_600, LATEST))
    names = sorted({name for row in book.rows() for name in row.registries})
    registries = {
        name: Registry(bit=1 << place, as_of=at - int(rng.choice([0, 0, 1, 5, 40])) * 86_400)
        for place, name in enumerate(names)
        if maybe(0.9)
    }
    handled = None
    if channel is None:
        handled = Handled(
            action=str(rng.choice(ACTIONS)),
            special=maybe(0.3),
            country=str(rng.choice(["DE", "US"])),
            safeguarded=lacking % 4 != 2,
        )
    return Question(
        cell=0,
        channel=channel,
        handled=handled,
        at=at,
        circumstances=Circumstances(
            served=() if maybe(0.3) else tuple(rng.choice(book.codes(), 3).tolist()),
            stored_in=str(rng.choice(["DE", "RU", "RU", ""])),
            min_age=int(rng.choice([0, 0, 16, 18, 21])),
            notice_floor=int(rng.choice([0, 2, 3])),
            assessed=maybe(0.5),
            topic=int(rng.choice([0, 1, 6])),
            sector=str(rng.choice(["", "charity", "political"])),
            cap_day=int(rng.choice([facts.NO_CAP, 2])),
            cap_week=int(rng.choice([facts.NO_CAP, 5])),
            cap_month=int(rng.choice([facts.NO_CAP, 9])),
            registries=registries,
            message=int(rng.integers(0, 2**12)) if maybe(0.3) else None,
            restored=channel is not None and maybe(0.15),
            declared=channel is not None or lacking % 4 != 0,
            agreed=channel is not None or lacking % 4 != 1,
        ),
    )


def regimes(book: LawBook, rng: np.random.Generator, count: int) -> list[Regime]:
    """Regimes of all packs, of nowhere and of a place without a pack; the first five are always there."""
    found = [Regime(), Regime(number_country="IL"), Regime(residence="XX"), Regime(residence="RU")]
    found.append(Regime(residence="DE", number_country="US"))
    codes = book.codes()
    while len(found) < count:
        country, region = places.split_place(str(rng.choice(codes)))
        zones = ("", *places.zones_of(country)[:2])
        found.append(
            Regime(
                residence="UK" if country == "GB" else country,
                region=region,
                number_country=str(rng.choice(["", country, "FR", "IN"])),
                subject=str(rng.choice([one.value for one in SubjectType])),
                zone=str(rng.choice(zones)),
            )
        )
    return found


def crowd(ask: Ask, law: list[Law], people: int, rng: np.random.Generator) -> dict[str, Array]:
    """Columns of facts on the edges of a question. `regime` runs over the rows of law."""
    regime = rng.integers(0, len(law), people).astype(np.int32)
    columns: dict[str, Array] = {}
    for name in Facts._fields:
        harmless = getattr(HARMLESS, name)
        if name in ("granted_at", "granted_by"):
            harmless = ask.at - 1
        edge = _edges(name, ask, law, regime, rng)
        rare = rng.random(people) < (0.3 if name in MOMENTS or name.endswith("proof") else 0.06)
        columns[name] = np.where(rare, edge, harmless).astype(layout.dtype(name))
    ordinary = rng.random(people) < 0.5  # half of the people have no grant but whatever else they have
    columns["granted"] &= ordinary | (rng.random(people) < 0.3)
    return columns | {"regime": regime}


def _edges(name: str, ask: Ask, law: list[Law], regime: Array, rng: np.random.Generator) -> Array:
    """A value for each person on an edge that the law of their own regime or the ask has for this fact."""
    size = len(regime)
    if name in layout.BOOLEANS:
        return ~np.full(size, getattr(HARMLESS, name))
    shift = rng.integers(-1, 2, size)
    if name in MOMENTS or name == "paused_until":
        since = {"granted_at": ("consent_since",), "relationship_at": ("relationship_since", "inquiry_since")}
        own = since.get(name, (name.replace("_at", "_since"),))
        choices = [
            ask.at + shift,
            *(_law(field, law, regime) + shift for field in own if field in Law._fields),
        ]
        chosen = rng.choice(len(choices), size)
        value = np.choose(chosen, choices)
        return np.where(value < 0, rng.integers(0, 3, size), value)
    if name.endswith("proof"):
        fields = ("relationship_proof", "inquiry_proof") if name == "relationship_proof" else (name,)
        wanted = np.choose(rng.integers(0, len(fields), size), [_law(field, law, regime) for field in fields])
        missing = 1 << rng.integers(0, 31, size)
        return np.where(rng.random(size) < 0.5, wanted, wanted & ~missing) & (2**31 - 1)
    if name == "born":
        cuts = [_law("born_by", law, regime), _law("never_born_by", law, regime), np.full(size, ask.born_by)]
        cut = np.choose(rng.integers(0, 3, size), cuts) + shift
        cut = np.where(cut >= 2**31 - 2, 12_000, cut)
        cut = np.where(rng.random(size) < 0.2, facts.BORN_UNKNOWN + (shift > 0), cut)
        return np.where(rng.random(size) < 0.1, facts.BORN_UNREADABLE, cut)
    caps = {"sent_day": "cap_day", "sent_week": "cap_week", "sent_month": "cap_month"}
    if name in caps:
        near = np.minimum(_law(caps[name], law, regime), 9)
        full = rng.random(size) < 0.02
        return np.where(full, facts.NO_CAP, np.maximum(near + shift, 0))
    if name == "per_month":
        return rng.integers(0, 4, size)
    if name == "notice":
        return np.maximum(ask.notice_floor + shift, 0)
    if name in ("hours", "days"):
        wanted = _law(name, law, regime)
        return np.where(rng.random(size) < 0.5, wanted, wanted & rng.integers(0, 1 << 24, size))
    if name == "registry_hits":
        lists = np.stack(
            [_law(field, law, regime) for field in ("registries", "registries_consent", "registries_always")]
        )
        return np.where(rng.random(size) < 0.5, np.bitwise_or.reduce(lists), 1 << rng.integers(0, 24, size))
    return rng.integers(0, 16, size)  # topics: a few bits


def _law(field: str, law: list[Law], regime: Array) -> Array:
    values = np.array([getattr(row, field) for row in law], np.int64)[regime]
    return np.where(values == ALWAYS, 1, values)


def scalar_bits(one: Asked) -> Array:
    """The reference: the rules on one row of plain values after the other."""
    names = Facts._fields
    columns = [one.facts[name].tolist() for name in names]
    found = (
        rules.deny_bits(row, one.law[row.regime], one.ask)
        for row in map(Facts._make, zip(*columns, strict=True))
    )
    return np.fromiter(found, np.uint64, len(columns[0]))
