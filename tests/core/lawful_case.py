"""A documented lawful case: a person in Germany who gave every proof for newsletters a month ago. It is allowed.

Tests change one thing of it and look at who denies.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from amana.core import facts, plan, rules
from amana.core.facts import Facts
from amana.core.plan import Ask, Law
from amana.core.vocabulary import Basis, Proof

AT = 1_780_000_000  # 2026-05-28
DAY = 86_400
CONSENT = Proof(0xFFF) & ~Proof.GUARDIAN


class Case(NamedTuple):
    """What a rule sees."""

    facts: Facts
    law: Law
    ask: Ask

    def but(self, **changes: Any) -> Case:
        """The same case with some values changed; `law__basis` is of the law, `ask__at` of the question."""
        parts: dict[str, dict[str, Any]] = {"facts": {}, "law": {}, "ask": {}}
        for name, value in changes.items():
            owner, _, field = name.rpartition("__")
            parts[owner or "facts"][field] = value
        return Case(
            self.facts._replace(**parts["facts"]),
            self.law._replace(**parts["law"]),
            self.ask._replace(**parts["ask"]),
        )

    def denied_by(self) -> tuple[str, ...]:
        """The codes of the rules that deny."""
        bits = rules.deny_bits(self.facts, self.law, self.ask)
        return tuple(entry.code for entry in rules.BOOK if bits >> entry.bit & 1)


PERSON_FACTS = Facts(
    known=True,
    regime=0,
    restricted=False,
    suppressed=False,
    born=facts.BORN_UNKNOWN,
    paused_until=facts.NEVER,
    hours=facts.ALL_HOURS,
    days=facts.ALL_DAYS,
    topics_off=0,
    per_month=facts.NO_CAP,
    has_point=True,
    point_blocked=False,
    never_target=False,
    registry_hits=0,
    objected=False,
    withdrawn=False,
    refused=False,
    invalidated=False,
    requested=False,
    lifted=False,
    granted=True,
    granted_at=AT - 30 * DAY,
    granted_by=AT - 30 * DAY,
    proof=int(CONSENT),
    notice=0,
    point_matches=True,
    sale_at=facts.NEVER,
    sale_proof=0,
    interest_at=facts.NEVER,
    interest_proof=0,
    relationship_at=facts.NEVER,
    relationship_proof=0,
    published_at=facts.NEVER,
    published_proof=0,
    sent_day=0,
    sent_week=0,
    sent_month=0,
)

LAW = Law(
    located=True,
    modelled=True,
    stored_well=True,
    basis=int(Basis.OPT_IN),
    proof=int(Proof.CHANNEL_NAMED | Proof.UNTICKED),
    consent_since=AT - 365 * DAY,
    sale=False,
    sale_proof=0,
    sale_since=1,
    interest=False,
    interest_proof=0,
    interest_since=1,
    relationship=False,
    relationship_proof=0,
    relationship_since=1,
    inquiry=False,
    inquiry_proof=0,
    inquiry_since=1,
    published=False,
    published_proof=0,
    published_since=1,
    assessment=False,
    born_by=14_000,
    never_born_by=16_000,
    registries=0,
    registries_consent=0,
    registries_always=0,
    stale=0,
    stale_consent=0,
    stale_always=0,
    message=0,
    open=True,
    hours=1 << 10,
    days=1 << 3,
    cap_day=2,
    cap_week=5,
    cap_month=9,
)

ASK = Ask(
    at=AT,
    notice_floor=0,
    assessed=False,
    gated=False,
    born_by=plan.NOBODY_TOO_YOUNG,
    born_floor=facts.BORN_UNKNOWN + 1,
    topic=0b100,
    has_message=False,
    message=0,
)

LAWFUL = Case(PERSON_FACTS, LAW, ASK)
