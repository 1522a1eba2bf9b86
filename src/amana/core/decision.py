"""The decision: what a set of denying rules means, said so that a lawyer, a marketer and the person can follow it.

Rule. Allow is the empty set of reasons. Every reason is given, ranked by the book. `defer_until` stands only when
nothing but timing denies: the first quarter of an hour at which asking again allows. Everything that the answer
rests on is named: events, notice, rows of law with their confidence, the version of the law book, the size of the
ledger. What is not confirmed by counsel says so. `decide` is the one function behind every surface.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache

import msgspec

from amana.core import places, remedies, rules
from amana.core.facts import Facts
from amana.core.messages import Element
from amana.core.plan import QUARTER, Applied, Law, Plan
from amana.core.regimes import Regime
from amana.core.remedies import Remedy
from amana.core.vocabulary import Channel, Confidence, Mark, RuleClass

LABELS = int(Element.LABEL_HE | Element.LABEL_RU | Element.ADVERTISING)
"""Advertising must be recognisable, in some countries by a word of its own."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that denies."""

    code: str  # the translation key, stable
    kind: RuleClass
    citation: str
    detail: tuple[str, ...] = ()  # the names of missing proofs, or of registries without a current copy


class LawCited(msgspec.Struct, frozen=True, kw_only=True):
    """A row of law that the answer rests on."""

    place: str
    rule: str
    basis: str
    citation: str
    confidence: Confidence
    mark: Mark
    confirmed: bool  # False: not yet confirmed by counsel
    not_enforced: tuple[str, ...] = ()  # conditions of the row that Amana does not check itself


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer was read from. Event ids are 32 hexadecimal digits."""

    grant: str = ""
    refusals: tuple[str, ...] = ()
    law: tuple[LawCited, ...] = ()


class Obligation(Enum):
    """What the sender must do if it acts on an allow."""

    ONE_CLICK_UNSUBSCRIBE = "one_click_unsubscribe"  # RFC 8058
    SENDER_IDENTITY = "sender_identity"
    OPT_OUT_IN_MESSAGE = "opt_out_in_message"
    POSTAL_ADDRESS = "postal_address"  # 15 USC 7704(a)(5)
    ADVERTISING_LABEL = "advertising_label"  # IL s. 30A(e), RU, SA
    SAY_WHO_AND_WHY = "say_who_and_why"  # at the start of a call


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one person."""

    allow: bool
    reasons: tuple[Reason, ...]
    defer_until: int | None  # UTC second; only when nothing but timing denies
    obligations: tuple[Obligation, ...]
    evidence: Evidence
    at: int
    rules_version: str
    ledger_size: int
    valid_until: int  # UTC second up to which nothing but a new event can change the answer
    would_allow: tuple[Remedy, ...] | msgspec.UnsetType | None = msgspec.UNSET
    """The smallest set that turns a refusal, empty for an allow; None if nothing does, unset if not looked for."""


def decide(
    facts: Facts,
    regime: Regime,
    plan: Plan,
    *,
    grant: str = "",
    refusals: tuple[str, ...] = (),
    ledger_size: int = 0,
    later: Callable[[int], Plan] | None = None,
    with_remedies: bool = False,
) -> Decision:
    """The full answer for one person's facts. `later` makes the plan of another moment, for deferrals.

    `with_remedies` also looks for what would change a refusal, which takes longer than the answer itself.
    """
    bits = rules.deny_bits(facts, plan.law(regime), plan.ask)
    return explained(
        bits,
        facts,
        regime,
        plan,
        grant=grant,
        refusals=refusals,
        ledger_size=ledger_size,
        later=later,
        with_remedies=with_remedies,
    )


def explained(
    bits: int,
    facts: Facts,
    regime: Regime,
    plan: Plan,
    *,
    grant: str = "",
    refusals: tuple[str, ...] = (),
    ledger_size: int = 0,
    later: Callable[[int], Plan] | None = None,
    with_remedies: bool = False,
) -> Decision:
    """The full answer for a set of reasons that an engine found of these facts under this law; otherwise as `decide`."""
    law = plan.law(regime)
    defer = None
    if bits and not bits & ~rules.TIMING_BITS and later is not None:
        defer = remedies.defer(facts, regime, plan, later)
    return Decision(
        allow=bits == 0,
        reasons=_reasons(bits, facts, law, plan.stale(regime) if bits & _STALE else ()) if bits else (),
        defer_until=defer,
        obligations=_obligations(plan.question.channel, law) if not bits else (),
        evidence=Evidence(grant=grant, refusals=refusals, law=cited(plan, regime)),
        at=plan.ask.at,
        rules_version=plan.book.version,
        ledger_size=ledger_size,
        valid_until=_valid_until(facts, plan),
        would_allow=remedies.smallest(facts, regime, plan, later) if with_remedies else msgspec.UNSET,
    )


def codes(bits: int) -> tuple[str, ...]:
    """The reason codes of a bit set, ranked."""
    return tuple(entry.code for entry in rules.BOOK if bits >> entry.bit & 1)


_UNPROVEN, _INCOMPLETE, _STALE = (
    1 << rules.BY_CODE[code].bit for code in ("consent_unproven", "other_basis_incomplete", "registry_stale")
)


def _reasons(bits: int, facts: Facts, law: Law, stale: tuple[str, ...]) -> tuple[Reason, ...]:
    unproven = law.proof & ~facts.proof if bits & _UNPROVEN else 0
    return _named(bits, unproven, _least_missing(facts, law) if bits & _INCOMPLETE else 0, stale)


@lru_cache(maxsize=4_096)  # a few sets of reasons are most of what is answered
def _named(bits: int, unproven: int, incomplete: int, stale: tuple[str, ...]) -> tuple[Reason, ...]:
    """The reasons of a bit set, ranked, with the proofs and the registries that are missing."""
    missing = {_UNPROVEN: unproven, _INCOMPLETE: incomplete}
    return tuple(
        Reason(
            code=entry.code,
            kind=entry.kind,
            citation=entry.citation,
            detail=stale
            if 1 << entry.bit == _STALE
            else remedies.proof_names(missing.get(1 << entry.bit, 0)),
        )
        for entry in rules.BOOK
        if bits >> entry.bit & 1
    )


def _least_missing(facts: Facts, law: Law) -> int:
    """The proofs missing from the basis that is nearest to complete."""
    gaps = [
        needed & ~held
        for known, at, needed, held in (
            (law.sale, facts.sale_at, law.sale_proof, facts.sale_proof),
            (law.interest, facts.interest_at, law.interest_proof, facts.interest_proof),
            (law.relationship, facts.relationship_at, law.relationship_proof, facts.relationship_proof),
            (law.published, facts.published_at, law.published_proof, facts.published_proof),
        )
        if known and at
    ]
    return min(gaps, key=int.bit_count, default=0)


def cited(plan: Plan, regime: Regime) -> tuple[LawCited, ...]:
    """The rows of law behind answers for a regime; made once per plan."""
    known: tuple[LawCited, ...] | None = plan.cited.get(regime)
    if known is None:
        known = plan.cited[regime] = tuple(_citation(applied) for applied in plan.applied(regime))
    return known


def _citation(applied: Applied) -> LawCited:
    rule = applied.rule
    return LawCited(
        place=places.iso_place(applied.place),
        rule=rule.id,
        basis=rule.basis.name.lower(),
        citation=rule.citation,
        confidence=rule.confidence,
        mark=rule.mark,
        confirmed=rule.confidence is Confidence.HIGH and rule.mark is Mark.SEEN,
        not_enforced=tuple(one.token for one in rule.conditions if one.enforced == "not_enforced"),
    )


def _obligations(channel: Channel | None, law: Law) -> tuple[Obligation, ...]:
    if channel is None:  # nothing is sent
        return ()
    base: tuple[Obligation, ...] = (Obligation.SENDER_IDENTITY, Obligation.OPT_OUT_IN_MESSAGE)
    if channel is Channel.EMAIL:
        base = (Obligation.ONE_CLICK_UNSUBSCRIBE, Obligation.SENDER_IDENTITY, Obligation.POSTAL_ADDRESS)
    elif channel in (Channel.PHONE_LIVE, Channel.PHONE_AUTO):
        base = (Obligation.SAY_WHO_AND_WHY, Obligation.SENDER_IDENTITY, Obligation.OPT_OUT_IN_MESSAGE)
    return (*base, Obligation.ADVERTISING_LABEL) if law.message & LABELS else base


def _valid_until(facts: Facts, plan: Plan) -> int:
    """The quarter's end, or an earlier moment at which the person's own pause or grant begins to count."""
    at = plan.ask.at
    end = at - at % QUARTER + QUARTER
    if at < facts.paused_until < end:
        end = facts.paused_until
    if at <= facts.granted_by < end - 1:
        end = facts.granted_by + 1
    return end
