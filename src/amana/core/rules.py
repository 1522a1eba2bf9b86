"""The rule book: every reason why a person may not be contacted, in the order in which reasons are shown.

Rule. A rule is true when it **denies**. It sees one person's `facts`, their regime's `law`, the `ask`, and what the
evidence `shows` under that law (four predicates of the same language, computed once per row). All rules are always
evaluated; deny beats allow; the order only ranks. The same text runs on one row of plain values and on columns of
any engine, so a rule may use comparisons, `&`, `|`, attribute names, integers and `not_(x)`, nothing else: no
`and`, `or`, `not`, chained comparison, call or look-up. `language.check` refuses anything more.

A new rule is one function here, one sentence per language in `locale`, one test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from amana.core.facts import BORN_UNREADABLE
from amana.core.vocabulary import Basis, Proof, RuleClass

Predicate = Callable[[Any, Any, Any, Any], Any]
"""`rule(facts, law, ask, shows)`; Any because a value may be an integer, an array or a column expression."""

PRESUMED_CONSENT = int(Basis.PRESUMED_CONSENT)
PROHIBITED = int(Basis.PROHIBITED)
GUARDIAN = int(Proof.GUARDIAN)


class Rule(NamedTuple):
    """One entry of the rule book. `bit` is its place in a person's set of reasons."""

    bit: int
    code: str
    kind: RuleClass
    citation: str
    denies: Predicate


class Shows(NamedTuple):
    """What the evidence shows under the law that applies."""

    needed: Any  # the law asks for consent or another basis
    consent: Any  # there is a valid consent
    other: Any  # there is another valid basis
    tried: Any  # there is evidence of another basis that this law knows, valid or not


_BOOK: list[Rule] = []


def rule(kind: RuleClass, citation: str) -> Callable[[Predicate], Predicate]:
    """Enter a predicate into the book under its own name."""

    def enter(predicate: Predicate) -> Predicate:
        _BOOK.append(Rule(len(_BOOK), predicate.__name__, kind, citation, predicate))
        return predicate

    return enter


def not_(value: Any) -> Any:
    """`not` for plain booleans, arrays and column expressions alike."""
    return value == False  # noqa: E712  `is False` and `not` do not work on columns


# ---- what the evidence shows ------------------------------------------------------------------------------------


def needed(facts: Any, law: Any, ask: Any) -> Any:
    """The law asks for some evidence: presumed consent, opt-in or express opt-in."""
    return (law.basis >= PRESUMED_CONSENT) & (law.basis < PROHIBITED)


def consent(facts: Any, law: Any, ask: Any) -> Any:
    """A grant in force, fresh, for this address and notice, with every proof needed; a guardian's only for a child."""
    return (
        facts.granted
        & (facts.granted_by <= ask.at)
        & (facts.granted_at >= law.consent_since)
        & ((facts.proof & law.proof) == law.proof)
        & (facts.notice >= ask.notice_floor)
        & facts.point_matches
        & (((facts.proof & GUARDIAN) == 0) | (facts.born > law.born_by))
    )


def other(facts: Any, law: Any, ask: Any) -> Any:
    """One of the law's exceptions, with evidence from before the moment: sale, interest, relationship, published."""
    return (
        (
            law.sale
            & (facts.sale_at >= law.sale_since)
            & (facts.sale_at <= ask.at)
            & ((facts.sale_proof & law.sale_proof) == law.sale_proof)
        )
        | (
            law.interest
            & ask.assessed
            & (facts.interest_at >= law.interest_since)
            & (facts.interest_at <= ask.at)
            & ((facts.interest_proof & law.interest_proof) == law.interest_proof)
        )
        | (
            law.relationship
            & (facts.relationship_at >= law.relationship_since)
            & (facts.relationship_at <= ask.at)
            & ((facts.relationship_proof & law.relationship_proof) == law.relationship_proof)
        )
        | (
            law.inquiry
            & (facts.relationship_at >= law.inquiry_since)
            & (facts.relationship_at <= ask.at)
            & ((facts.relationship_proof & law.inquiry_proof) == law.inquiry_proof)
        )
        | (
            law.published
            & (facts.published_at >= law.published_since)
            & (facts.published_at <= ask.at)
            & ((facts.published_proof & law.published_proof) == law.published_proof)
        )
    )


def tried(facts: Any, law: Any, ask: Any) -> Any:
    """There is evidence for an exception which the law knows."""
    return (
        (law.sale & (facts.sale_at > 0))
        | (law.interest & (facts.interest_at > 0))
        | (law.relationship & (facts.relationship_at > 0))
        | (law.inquiry & (facts.relationship_at > 0))
        | (law.published & (facts.published_at > 0))
    )


def shows(facts: Any, law: Any, ask: Any) -> Shows:
    """The four findings for one row or for columns."""
    return Shows(
        needed(facts, law, ask), consent(facts, law, ask), other(facts, law, ask), tried(facts, law, ask)
    )


# ---- the person is not to be processed at all -------------------------------------------------------------------


@rule(RuleClass.TECHNICAL, "unknown means no")
def unknown_person(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """Nothing is recorded about this person or address."""
    return not_(facts.known)


@rule(RuleClass.TECHNICAL, "nobody is contacted because a backup was older than their No")
def restored(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The record was restored from a backup, and the refusals since then have not been put back."""
    return ask.restored


@rule(RuleClass.LEGAL, "GDPR art. 18; the workspace's own restriction")
def restricted(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """Processing of this person's data is restricted."""
    return facts.restricted


# ---- the person's No --------------------------------------------------------------------------------------------


@rule(RuleClass.CHOICE, "GDPR art. 7(3), 17(3)(b), 21(3)")
def suppressed(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The address stands on a suppression list, which survives erasure."""
    return facts.suppressed


@rule(RuleClass.CHOICE, "GDPR art. 21(2)-(3)")
def objected(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person objected to direct marketing."""
    return facts.objected


@rule(RuleClass.CHOICE, "GDPR art. 7(3); Directive 2002/58/EC art. 13(2)")
def withdrawn(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person withdrew, and has not granted again since, or only after the moment asked about."""
    return facts.withdrawn | (facts.lifted & (facts.granted_by > ask.at))


@rule(RuleClass.CHOICE, "GDPR art. 4(11)")
def refused(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person said no when asked."""
    return facts.refused


@rule(RuleClass.LEGAL, "GDPR art. 7(1)-(2)")
def invalidated(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The consent was found not to be valid."""
    return facts.invalidated


# ---- the law as such --------------------------------------------------------------------------------------------


@rule(RuleClass.LEGAL, "unknown means no")
def residence_unknown(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """Nothing says where the person lives, and the workspace names no countries that it serves."""
    return not_(law.located)


@rule(RuleClass.LEGAL, "unknown means no")
def law_unknown(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The law of a country concerned is not modelled for this date."""
    return law.located & not_(law.modelled)


@rule(RuleClass.LEGAL, "the country's rule")
def prohibited(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """This kind of contact is prohibited whatever the person agreed to."""
    return law.basis == PROHIBITED


@rule(RuleClass.LEGAL, "the country's rule on where data is stored")
def localisation(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The country wants its residents' data stored inside it, and the workspace stores it elsewhere."""
    return not_(law.stored_well)


@rule(RuleClass.LEGAL, "GDPR art. 5(1)(b)-(c), 13(1)(e)")
def not_declared(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The workspace does not declare this use of data, or this recipient of it, for the purpose."""
    return not_(ask.declared)


@rule(RuleClass.LEGAL, "GDPR art. 26, 28(3); Civ. Code 1798.100(d)")
def agreement_missing(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """No agreement with the recipient is on file."""
    return not_(ask.agreed)


@rule(RuleClass.LEGAL, "GDPR art. 44-47 and its like")
def transfer_unsafe(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The recipient is in another country, and no safeguard for the transfer is declared."""
    return not_(law.transfer_well)


# ---- age --------------------------------------------------------------------------------------------------------


@rule(RuleClass.LEGAL, "GDPR art. 8 and its like")
def below_age(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person is below the age of digital consent and no guardian has consented."""
    return (facts.born > law.born_by) & (facts.born < BORN_UNREADABLE) & ((facts.proof & GUARDIAN) == 0)


@rule(RuleClass.LEGAL, "GDPR art. 8; EDPB Guidelines 05/2020, 7.1.4, read strictly")
def guardian_outgrown(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """A guardian consented, and the person is old enough now, or of unknown age: their own consent is asked."""
    return (
        facts.granted
        & ((facts.proof & GUARDIAN) != 0)
        & not_(facts.born > law.born_by)
        & not_(shows.needed & shows.other)
    )


@rule(RuleClass.LEGAL, "the country's protection of children")
def never_market_to_child(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person is below the age under which nobody is marketed to, guardian or not."""
    return (facts.born > law.never_born_by) & (facts.born < BORN_UNREADABLE)


@rule(RuleClass.LEGAL, "the purpose is for adults of a certain age")
def below_purpose_age(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person is younger than the purpose is meant for."""
    return ask.gated & (facts.born > ask.born_by) & (facts.born < BORN_UNREADABLE)


@rule(RuleClass.LEGAL, "unknown means no")
def age_unknown(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """Age matters here, and this person's is not known, or was given and cannot be read."""
    return (ask.gated & (facts.born < ask.born_floor)) | (facts.born == BORN_UNREADABLE)


# ---- the contact point ------------------------------------------------------------------------------------------


@rule(RuleClass.TECHNICAL, "there is nothing to send to")
def no_contact_point(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person has no address or number for this channel."""
    return not_(facts.has_point)


@rule(RuleClass.TECHNICAL, "RFC 3464, RFC 5965")
def contact_point_blocked(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The address bounced for good, or a complaint came from it."""
    return facts.has_point & facts.point_blocked


@rule(RuleClass.TECHNICAL, "RFC 2142")
def not_a_marketing_address(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The address is for operations (abuse, postmaster, no-reply …), never for marketing."""
    return facts.has_point & facts.never_target


@rule(RuleClass.LEGAL, "GDPR art. 5(1)(a), 14; a bought list proves nothing by itself")
def source_held(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person is known only through a bought list whose papers are missing."""
    return facts.held


# ---- the basis: exactly one of these is shown -------------------------------------------------------------------


@rule(RuleClass.LEGAL, "the country's consent rule")
def consent_unknown(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The law asks for consent, and none is recorded."""
    return shows.needed & not_(facts.granted) & not_(facts.requested) & not_(shows.tried) & not_(shows.other)


@rule(RuleClass.LEGAL, "the country's consent rule; double opt-in")
def consent_pending(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """Consent was asked for and has not been confirmed yet."""
    return shows.needed & not_(facts.granted) & facts.requested & not_(shows.other)


@rule(RuleClass.LEGAL, "the country's exception")
def other_basis_incomplete(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """There is evidence for soft opt-in or another exception, but not all that the law asks for."""
    return shows.needed & not_(facts.granted) & not_(facts.requested) & shows.tried & not_(shows.other)


@rule(RuleClass.LEGAL, "GDPR art. 7(1); the country's consent rule")
def consent_unproven(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """A consent is recorded, but the proof that the law asks for is not complete."""
    return shows.needed & facts.granted & ((facts.proof & law.proof) != law.proof) & not_(shows.other)


@rule(RuleClass.LEGAL, "the country's consent life")
def consent_expired(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The consent is older than the law lets it be."""
    return shows.needed & facts.granted & (facts.granted_at < law.consent_since) & not_(shows.other)


@rule(RuleClass.LEGAL, "unsure means no")
def consent_not_yet(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The consent may have been given only after the moment asked about."""
    return shows.needed & facts.granted & (facts.granted_by > ask.at) & not_(shows.other)


@rule(RuleClass.LEGAL, "GDPR art. 4(11), 13(3)")
def notice_outdated(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The notice changed materially since this consent was given."""
    return shows.needed & facts.granted & (facts.notice < ask.notice_floor) & not_(shows.other)


@rule(RuleClass.LEGAL, "a new address inherits no permission")
def contact_point_changed(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The consent was given for another address or number than the one in use."""
    return shows.needed & facts.granted & not_(facts.point_matches) & not_(shows.other)


@rule(RuleClass.LEGAL, "GDPR art. 6(1)(f)")
def assessment_missing(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The contact rests on legitimate interest, and no current assessment is on file."""
    return not_(shows.needed) & law.assessment & not_(ask.assessed) & not_(shows.consent)


# ---- registries -------------------------------------------------------------------------------------------------


@rule(RuleClass.LEGAL, "the country's do-not-call registry")
def registry_listed(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The number stands on a do-not-call registry."""
    return (
        ((facts.registry_hits & law.registries_always) != 0)
        | (((facts.registry_hits & law.registries_consent) != 0) & not_(shows.consent))
        | (((facts.registry_hits & law.registries) != 0) & not_(shows.consent) & not_(shows.other))
    )


@rule(RuleClass.LEGAL, "the country's do-not-call registry")
def registry_stale(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """A registry that must be consulted was not loaded, or its copy is too old."""
    return (
        (law.stale_always != 0)
        | ((law.stale_consent != 0) & not_(shows.consent))
        | ((law.stale != 0) & not_(shows.consent) & not_(shows.other))
    )


# ---- the message ------------------------------------------------------------------------------------------------


@rule(RuleClass.LEGAL, "the country's rule on message content")
def message_incomplete(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The message lacks something that the law wants in it."""
    return ask.has_message & ((ask.message & law.message) != law.message)


# ---- the person's pace and times --------------------------------------------------------------------------------


@rule(RuleClass.CHOICE, "the person's choice of topics")
def topic_off(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person turned this topic off."""
    return (facts.topics_off & ask.topic) != 0


@rule(RuleClass.TIMING, "the person's pause")
def paused(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person paused messages for a while."""
    return ask.contact & (facts.paused_until > ask.at)


@rule(RuleClass.TIMING, "the person's days and hours")
def outside_chosen_times(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """It is not one of the days and hours in which the person wants messages."""
    return ((facts.hours & law.hours) != law.hours) | ((facts.days & law.days) != law.days)


# ---- the clock --------------------------------------------------------------------------------------------------


@rule(RuleClass.TIMING, "the country's quiet hours and holidays")
def quiet_hours(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The law allows this contact only at other hours where the person is."""
    return law.located & not_(law.open)


@rule(RuleClass.TIMING, "the country's or the workspace's limit")
def frequency_cap(facts: Any, law: Any, ask: Any, shows: Any) -> Any:
    """The person was contacted as often as the law, the workspace or they themselves allow."""
    return (
        (facts.sent_day >= law.cap_day)
        | (facts.sent_week >= law.cap_week)
        | (facts.sent_month >= law.cap_month)
        | (ask.contact & (facts.sent_month >= facts.per_month))
    )


BOOK: tuple[Rule, ...] = tuple(_BOOK)
"""The whole book, in order of rank."""

BY_CODE: dict[str, Rule] = {entry.code: entry for entry in BOOK}
TIMING_BITS: int = sum(1 << entry.bit for entry in BOOK if entry.kind is RuleClass.TIMING)


def deny_bits(facts: Any, law: Any, ask: Any) -> int:
    """The set of rules that deny, for one row of plain values."""
    found = shows(facts, law, ask)
    bits = 0
    for entry in BOOK:
        if entry.denies(facts, law, ask, found):
            bits |= 1 << entry.bit
    return bits
