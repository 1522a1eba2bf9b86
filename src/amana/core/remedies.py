"""What would change a refusal: the smallest set of evidence or time that turns it into an allow.

Rule. A remedy is one thing that somebody can bring (`Kind`). Each is a change of what a question sees: of the facts, of
the law's row, or of the moment. A set of remedies is true when the same rules, asked again with these changes, allow;
it is smallest when no smaller set does, and of equally small ones the one whose kinds come first in `Kind` is told:
first what costs nobody anything (time, a complete message, a current list, papers that exist), then what only the person
can do. A remedy is lawful: what the person refused is turned by their own later, confirmed grant alone, a child's by a
guardian's, never by staff evidence; evidence of another basis is completed only where its occasion is on record
and still fresh. Some refusals nothing turns (`None`): prohibited contact, a child too young, a cap of zero.

Waiting is looked for ahead of any pause, and not beyond `HORIZON_DAYS` after it. Counts of contacts are assumed
to fall only when their whole window has passed. Evidence is taken to come now, strictly after any refusal, and a new
consent to show no less than the one on record, which would otherwise go on counting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache, partial, reduce
from itertools import combinations
from operator import or_
from typing import Any, NamedTuple

import msgspec

from amana.core import facts as known
from amana.core import messages, rules, windows
from amana.core.facts import BORN_UNREADABLE, Facts
from amana.core.places import iso_place, split_place
from amana.core.plan import QUARTER, Ask, Law, Plan
from amana.core.regimes import Regime
from amana.core.vocabulary import Proof

HORIZON_DAYS = 14
"""How far ahead waiting is looked for."""

KEPT_MOMENTS = 8_192
DAY = 86_400
Later = Callable[[int], Plan]
"""The plan of the same question at another moment."""


Opening = tuple[tuple[windows.Allowed, ...], tuple[str, ...]]
"""Legal hours, and the zones in which they must hold."""


class Kind(Enum):
    """One thing that may turn a refusal. In the order in which equally small sets are preferred."""

    WAIT = "wait"
    MESSAGE = "message_completed"
    JOURNAL = "journal_replayed"  # and it holds no refusal of theirs
    REGISTRY = "registry_loaded"
    ASSESSMENT = "assessment_on_file"
    CONSENT_PROOF = "consent_proof"  # papers for the consent on record
    SALE_PROOF = "sale_proof"  # papers for the sale context on record
    INTEREST_PROOF = "interest_proof"
    RELATIONSHIP_PROOF = "relationship_proof"
    INQUIRY_PROOF = "inquiry_proof"
    PUBLISHED_PROOF = "published_proof"
    PAPERS = "list_papers"  # the documents of a bought list arrive, and are in order
    STORAGE = "stored_inside"
    DECLARED = "use_declared"
    AGREEMENT = "agreement_on_file"
    SAFEGUARD = "safeguard_declared"
    RECORDED = "person_recorded"
    RESTRICTION = "restriction_lifted"
    TOPIC = "topic_on"
    RESUMED = "pause_ended"
    TIMES = "times_chosen"
    PACE = "pace_raised"
    POINT_CONFIRMED = "point_confirmed"  # the address in use takes messages again, says its holder
    POINT_NEW = "point_new"
    AGE = "age_shown"
    OWN_CONSENT = "own_consent"
    GUARDIAN_CONSENT = "guardian_consent"
    DELISTED = "registry_left"
    RESIDENCE = "residence_known"


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """One element of the answer."""

    kind: Kind
    until: int | None = None  # `wait`: UTC second
    proofs: tuple[
        str, ...
    ] = ()  # consent: what it must show (`confirmed` is double opt-in); papers: what is missing
    names: tuple[str, ...] = ()  # registries, elements of the message, countries, or the age in years


class _Case(NamedTuple):
    """What a question sees, and the moment at which evidence is brought."""

    facts: Facts
    law: Law
    ask: Ask
    brought: int


_BASES: dict[Kind, tuple[str, str]] = {
    Kind.SALE_PROOF: ("sale", "sale"),
    Kind.INTEREST_PROOF: ("interest", "interest"),
    Kind.RELATIONSHIP_PROOF: ("relationship", "relationship"),
    Kind.INQUIRY_PROOF: ("inquiry", "relationship"),
    Kind.PUBLISHED_PROOF: ("published", "published"),
}
"""Other bases: how their terms in the law and their evidence in the facts are named."""


# ---- what each remedy changes -----------------------------------------------------------------------------------


def _fact(case: _Case, **changes: Any) -> _Case:
    return case._replace(facts=case.facts._replace(**changes))


def _message(case: _Case) -> _Case:
    return case._replace(ask=case.ask._replace(message=case.ask.message | case.law.message))


def _registry(case: _Case) -> _Case:
    return case._replace(law=case.law._replace(stale=0, stale_consent=0, stale_always=0))


def _consent(case: _Case, more: Proof = Proof(0)) -> _Case:
    proof = case.law.proof | int(Proof.CONFIRMED | more)
    return _fact(
        case,
        known=True,
        suppressed=False,
        objected=False,
        withdrawn=False,
        refused=False,
        invalidated=False,
        requested=False,
        held=False,
        granted=True,
        granted_at=case.brought,
        granted_by=case.brought,
        proof=proof,
        notice=max(case.facts.notice, case.ask.notice_floor),
        point_matches=True,
    )


def _new_point(case: _Case) -> _Case:
    """A new address inherits no permission."""
    return _fact(
        case,
        has_point=True,
        point_blocked=False,
        never_target=False,
        point_matches=not case.facts.granted,
    )


def _papers(case: _Case, law: str, facts: str) -> _Case:
    """All that the law asks of another basis is shown of the occasion on record."""
    proof = getattr(case.facts, f"{facts}_proof") | getattr(case.law, f"{law}_proof")
    return _fact(case, **{f"{facts}_proof": proof})


def _old_enough(case: _Case) -> _Case:
    return _fact(case, born=min(case.ask.born_by, case.law.born_by, case.law.never_born_by))


_CHANGES: dict[Kind, Callable[[_Case], _Case]] = {
    Kind.MESSAGE: _message,
    Kind.JOURNAL: lambda case: case._replace(ask=case.ask._replace(restored=False)),
    Kind.REGISTRY: _registry,
    Kind.ASSESSMENT: lambda case: case._replace(ask=case.ask._replace(assessed=True)),
    Kind.CONSENT_PROOF: lambda case: _fact(case, proof=case.facts.proof | case.law.proof),
    **{kind: partial(_papers, law=base, facts=shown) for kind, (base, shown) in _BASES.items()},
    Kind.PAPERS: lambda case: _fact(case, held=False),
    Kind.STORAGE: lambda case: case._replace(law=case.law._replace(stored_well=True)),
    Kind.DECLARED: lambda case: case._replace(ask=case.ask._replace(declared=True)),
    Kind.AGREEMENT: lambda case: case._replace(ask=case.ask._replace(agreed=True)),
    Kind.SAFEGUARD: lambda case: case._replace(law=case.law._replace(transfer_well=True)),
    Kind.RECORDED: lambda case: _fact(case, known=True),
    Kind.RESTRICTION: lambda case: _fact(case, restricted=False),
    Kind.TOPIC: lambda case: _fact(case, topics_off=case.facts.topics_off & ~case.ask.topic),
    Kind.RESUMED: lambda case: _fact(case, paused_until=known.NEVER),
    Kind.TIMES: lambda case: _fact(case, hours=known.ALL_HOURS, days=known.ALL_DAYS),
    Kind.PACE: lambda case: _fact(case, per_month=known.NO_CAP),
    Kind.POINT_CONFIRMED: lambda case: _fact(case, point_blocked=False),
    Kind.POINT_NEW: _new_point,
    Kind.AGE: _old_enough,
    Kind.OWN_CONSENT: _consent,
    Kind.GUARDIAN_CONSENT: lambda case: _consent(case, Proof.GUARDIAN),
    Kind.DELISTED: lambda case: _fact(case, registry_hits=0),
}


# ---- which reasons each remedy may lift -------------------------------------------------------------------------


def _bits(codes: str) -> int:
    return sum(1 << rules.BY_CODE[code].bit for code in codes.split())


_REFUSALS = _bits("suppressed objected withdrawn refused invalidated")
_BASIS = _bits(
    "consent_unknown consent_pending other_basis_incomplete consent_unproven consent_expired consent_not_yet "
    "notice_outdated contact_point_changed guardian_outgrown"
)
_LISTS = _bits("registry_listed registry_stale")
_ASSESSED = _bits("assessment_missing")
_RESTS_ON_EVIDENCE = _BASIS | _ASSESSED | _LISTS
_AWAITED = _RESTS_ON_EVIDENCE | _bits("withdrawn")  # also by the person's own grant that begins later
_CONSENTED = _bits("unknown_person source_held") | _REFUSALS | _RESTS_ON_EVIDENCE

_LIFTS: dict[Kind, int] = {
    Kind.WAIT: rules.TIMING_BITS | _AWAITED,
    Kind.MESSAGE: _bits("message_incomplete"),
    Kind.JOURNAL: _bits("restored"),
    Kind.REGISTRY: _bits("registry_stale"),
    Kind.ASSESSMENT: _RESTS_ON_EVIDENCE,
    Kind.CONSENT_PROOF: _bits("consent_unproven") | _ASSESSED | _LISTS,
    Kind.SALE_PROOF: _BASIS | _LISTS,
    Kind.INTEREST_PROOF: _BASIS | _LISTS,
    Kind.RELATIONSHIP_PROOF: _BASIS | _LISTS,
    Kind.INQUIRY_PROOF: _BASIS | _LISTS,
    Kind.PUBLISHED_PROOF: _BASIS | _LISTS,
    Kind.PAPERS: _bits("source_held"),
    Kind.STORAGE: _bits("localisation"),
    Kind.DECLARED: _bits("not_declared"),
    Kind.AGREEMENT: _bits("agreement_missing"),
    Kind.SAFEGUARD: _bits("transfer_unsafe"),
    Kind.RECORDED: _bits("unknown_person"),
    Kind.RESTRICTION: _bits("restricted"),
    Kind.TOPIC: _bits("topic_off"),
    Kind.RESUMED: _bits("paused"),
    Kind.TIMES: _bits("outside_chosen_times"),
    Kind.PACE: _bits("frequency_cap"),
    Kind.POINT_CONFIRMED: _bits("contact_point_blocked"),
    Kind.POINT_NEW: _bits("no_contact_point contact_point_blocked not_a_marketing_address"),
    Kind.AGE: _bits("age_unknown"),
    Kind.OWN_CONSENT: _CONSENTED,
    Kind.GUARDIAN_CONSENT: _CONSENTED | _bits("below_age"),
    Kind.DELISTED: _bits("registry_listed"),
}

TURNED = reduce(or_, _LIFTS.values())
"""The reasons that some remedy may lift; what a known residence changes is not counted."""

_BY_HOLDER = int(Proof.CONFIRMED | Proof.GUARDIAN)
"""What no paper can show afterwards: the holder of the address, or the guardian, must act."""


# ---- the answer -------------------------------------------------------------------------------------------------


def smallest(
    facts: Facts, regime: Regime, plan: Plan, later: Later | None = None
) -> tuple[Remedy, ...] | None:
    """The smallest set that turns the answer: empty if it is an allow already, None if nothing turns it.

    `later` makes the plan of another moment; without it waiting is not considered.
    """
    found = _Search(facts, regime, plan, later).smallest()
    if found is None and not regime.residence:
        return _by_residence(facts, regime, plan, later)
    return found


def defer(facts: Facts, regime: Regime, plan: Plan, later: Later) -> int | None:
    """The first quarter of an hour at which asking again allows, if time alone does it; UTC second."""
    search = _Search(facts, regime, plan, later)
    return search.moment if search.left((Kind.WAIT,)) == 0 else None


def own_consent(facts: Facts, regime: Regime, plan: Plan) -> tuple[str, ...] | None:
    """What the person's own consent must show to turn a refusal by itself.

    None if it alone turns nothing, be it that something else stands against it or that the answer is an allow already.
    """
    if not rules.deny_bits(facts, plan.law(regime), plan.ask):
        return None
    search = _Search(facts, regime, plan, None)
    return search.proofs(Kind.OWN_CONSENT) if search.left((Kind.OWN_CONSENT,)) == 0 else None


def turns(
    chosen: tuple[Remedy, ...], facts: Facts, regime: Regime, plan: Plan, later: Later | None = None
) -> bool:
    """Ask again with these remedies, each at its word: whether the answer is allow.

    A known residence is taken to be the first country that the remedy names.
    """
    brought = plan.ask.at
    for remedy in chosen:
        if remedy.kind is Kind.RESIDENCE:
            regime = _residing(regime, remedy.names[0])
        if remedy.until is not None and later is not None:
            facts, plan = _aged(facts, remedy.until - brought), later(remedy.until)
    case = _Case(facts, plan.law(regime), plan.ask, brought)
    return _denied(case, tuple(remedy.kind for remedy in chosen)) == 0


@lru_cache(maxsize=4096)  # every refusal for want of proof names its gaps, and the same few over and over
def proof_names(bits: int) -> tuple[str, ...]:
    """The names of evidence checks, in the order of the vocabulary."""
    return tuple(str(proof.name).lower() for proof in Proof if bits & proof)


class _Search:
    """One refusal, and the sets that may turn it."""

    def __init__(self, facts: Facts, regime: Regime, plan: Plan, later: Later | None) -> None:
        self.facts, self.regime, self.plan, self.later = facts, regime, plan, later
        self.law, self.ask = plan.law(regime), plan.ask
        self.moment: int | None = None  # that the last set with WAIT would wait for
        self._then = self.law  # the law at that moment
        self._moments: dict[tuple[int, ...], _Case | None] = {}

    def smallest(self) -> tuple[Remedy, ...] | None:
        denied = rules.deny_bits(self.facts, self.law, self.ask)
        if not denied:
            return ()
        for kinds in _covering(self._relevant(denied), denied):
            if self.left(kinds) == 0:
                return tuple(self._remedy(kind) for kind in kinds)
        return None

    def left(self, kinds: tuple[Kind, ...]) -> int:
        """The reasons that still deny with a set of remedies."""
        case = _Case(self.facts, self.law, self.ask, self.ask.at)
        self.moment, self._then = None, self.law
        if Kind.WAIT not in kinds:
            return _denied(case, kinds)
        waited = self._waited(_applied(case, kinds))
        if waited is None:
            return rules.TIMING_BITS
        self.moment, self._then = waited.ask.at, waited.law
        return _denied(waited._replace(facts=_aged(self.facts, self.moment - self.ask.at)), kinds)

    def _relevant(self, denied: int) -> list[Kind]:
        """The remedies that may help: against the reasons now, and against those that a remedy brings with it."""
        kinds: list[Kind] = []
        while more := [
            kind for kind in _LIFTS if _LIFTS[kind] & denied and kind not in kinds and self._possible(kind)
        ]:
            kinds = sorted([*kinds, *more], key=_ORDER.index)
            denied = self.left(tuple(kinds))
        return [] if denied else kinds

    def _possible(self, kind: Kind) -> bool:
        facts, law, ask = self.facts, self.law, self.ask
        if kind in _BASES:
            return self._open(*_BASES[kind])
        match kind:
            case Kind.WAIT:
                timing = rules.deny_bits(facts, law, ask) & rules.TIMING_BITS
                return self.later is not None and (timing != 0 or max(_dates(facts)) > ask.at)
            case Kind.CONSENT_PROOF:
                missing = law.proof & ~facts.proof
                return facts.granted and missing != 0 and not missing & _BY_HOLDER
            case Kind.STORAGE:
                return len(self._storing()) == 1
            case Kind.GUARDIAN_CONSENT:
                return facts.born > law.born_by
            case Kind.POINT_CONFIRMED:
                return facts.has_point
            case Kind.AGE:
                return facts.born < ask.born_floor or facts.born == BORN_UNREADABLE
            case _:
                return True

    def _open(self, base: str, shown: str) -> bool:
        """The law knows the basis, and its occasion is on record, neither too old nor still to come."""
        at = getattr(self.facts, f"{shown}_at")
        fresh = getattr(self.law, f"{base}_since") <= at <= self.ask.at  # no law counts from before 1970
        return bool(getattr(self.law, base)) and fresh

    # ---- waiting ------------------------------------------------------------------------------------------------

    def _waited(self, case: _Case) -> _Case | None:
        """The first quarter at which nothing that time can cure denies, as a case of that moment."""
        start = self._start(case)
        if start is None or self.later is None:
            return None
        key = (start, case.facts.hours, case.facts.days, case.facts.per_month)
        if key not in self._moments:
            self._moments[key] = self._first(case, start, self.later)
        return self._moments[key]

    def _start(self, case: _Case) -> int | None:
        """The moment before which waiting is in vain: the pause's end, the caps' windows, the evidence's own time."""
        facts, law, at = case.facts, case.law, self.ask.at
        if not self.ask.contact:
            return self._due(case)
        moments = [facts.paused_until, self._due(case)]
        for sent, cap, days in (
            (facts.sent_day, law.cap_day, 1),
            (facts.sent_week, law.cap_week, 7),
            (facts.sent_month, min(law.cap_month, facts.per_month), 30),
        ):
            if sent >= cap:
                if cap <= 0:
                    return None
                moments.append(at + days * DAY)
        return max(moments)

    def _due(self, case: _Case) -> int:
        """The first moment at which evidence from after the question's moment helps most; else that moment."""

        def lacking(moment: int) -> int:
            then = case._replace(ask=case.ask._replace(at=moment))
            return (_denied(then, ()) & _AWAITED).bit_count()

        ahead = sorted(one for one in _dates(case.facts) if one > self.ask.at)
        return min([self.ask.at, *ahead], key=lacking) if ahead else self.ask.at

    def _first(self, case: _Case, start: int, later: Later) -> _Case | None:
        facts, at = case.facts, self.ask.at
        if self.ask.contact and not (facts.hours and facts.days):
            return None
        first = start - start % QUARTER + (QUARTER if start % QUARTER or start == at else 0)
        clock = _clock(self.plan.opening(self.regime), self.plan.is_holiday)
        for moment in range(first, first + HORIZON_DAYS * DAY, QUARTER):
            if self.ask.contact and not clock.welcomes(facts, moment):
                continue
            plan = later(moment)  # the law may have changed meanwhile
            clock = _clock(plan.opening(self.regime), plan.is_holiday)
            waited = _Case(_aged(facts, moment - at), plan.law(self.regime), plan.ask, at)
            if not _denied(waited, ()) & rules.TIMING_BITS:
                return waited
        return None

    # ---- words --------------------------------------------------------------------------------------------------

    def _remedy(self, kind: Kind) -> Remedy:
        return Remedy(
            kind=kind,
            until=self.moment if kind is Kind.WAIT else None,
            proofs=self.proofs(kind),
            names=self._names(kind),
        )

    def proofs(self, kind: Kind) -> tuple[str, ...]:
        """What a remedy of a kind must show."""
        return proof_names(self._proofs(kind))

    def _proofs(self, kind: Kind) -> int:
        facts, law = self.facts, self._then
        if kind in _BASES:
            base, held = _BASES[kind]
            missing: int = getattr(law, f"{base}_proof") & ~getattr(facts, f"{held}_proof")
            return missing
        refusals = rules.deny_bits(facts, self.law, self.ask) & _REFUSALS
        consent = law.proof | (int(Proof.CONFIRMED) if refusals else 0)
        shown = {
            Kind.CONSENT_PROOF: law.proof & ~facts.proof,
            Kind.OWN_CONSENT: consent,
            Kind.GUARDIAN_CONSENT: consent | int(Proof.GUARDIAN),
        }
        return shown.get(kind, 0)

    def _names(self, kind: Kind) -> tuple[str, ...]:
        match kind:
            case Kind.MESSAGE:
                return messages.names(self._then.message & ~self.ask.message)
            case Kind.REGISTRY:
                return self.plan.stale(self.regime)
            case Kind.STORAGE:
                return self._storing()
            case Kind.AGE:
                return (str(self.plan.question.circumstances.min_age),)
            case _:
                return ()

    def _storing(self) -> tuple[str, ...]:
        """The countries concerned that want the record kept inside them."""
        on = datetime.fromtimestamp(self.ask.at, UTC).date()
        inside = [one for one in self.plan.places(self.regime) if self.plan.book.stored_inside(one, on)]
        return tuple(dict.fromkeys(place.split("-")[0] for place in inside))


_ORDER = tuple(Kind)


def _covering(kinds: list[Kind], denied: int) -> Iterator[tuple[Kind, ...]]:
    """The sets that could lift all reasons, smallest first, in the order of preference."""
    for size in range(1, len(kinds) + 1):
        for some in combinations(kinds, size):
            if not denied & ~reduce(lambda bits, kind: bits | _LIFTS[kind], some, 0):
                yield some


def _applied(case: _Case, kinds: tuple[Kind, ...]) -> _Case:
    for kind in sorted(kinds, key=_ORDER.index):  # an address comes before the consent for it
        if kind in _CHANGES:
            case = _CHANGES[kind](case)
    return case


def _denied(case: _Case, kinds: tuple[Kind, ...]) -> int:
    changed = _applied(case, kinds)
    return rules.deny_bits(changed.facts, changed.law, changed.ask)


def _dates(facts: Facts) -> tuple[int, ...]:
    """When each piece of evidence begins to count."""
    return facts.granted_by, facts.sale_at, facts.interest_at, facts.relationship_at, facts.published_at


def _aged(facts: Facts, seconds: int) -> Facts:
    """The facts after so many seconds without a contact; a count falls when its whole window has passed."""
    return facts._replace(
        sent_day=0 if seconds >= DAY else facts.sent_day,
        sent_week=0 if seconds >= 7 * DAY else facts.sent_week,
        sent_month=0 if seconds >= 30 * DAY else facts.sent_month,
    )


class _Clock(dict[int, tuple[int, int, bool]]):
    """Local hours and days (bit sets) in the zones of an opening, and whether it is open, by UTC second; kept."""

    def __init__(self, opening: Opening, is_holiday: windows.IsHoliday) -> None:
        super().__init__()
        self._allowed, self._zones = opening
        self._is_holiday = is_holiday

    def __missing__(self, at: int) -> tuple[int, int, bool]:
        if len(self) >= KEPT_MOMENTS:
            self.clear()
        allowed, zones = self._allowed, self._zones
        legal = not allowed or (bool(zones) and windows.open_at(allowed, zones, at, self._is_holiday))
        times = (windows.local_hours(zones, at), windows.local_days(zones, at)) if legal else (0, 0)
        found = self[at] = (*times, legal)
        return found

    def welcomes(self, facts: Facts, at: int) -> bool:
        """Whether a moment lies in the person's own times and in the legal hours."""
        hours, days, legal = self[at]
        return legal and not hours & ~facts.hours and not days & ~facts.days


_clock = lru_cache(maxsize=256)(_Clock)


# ---- where the person lives -------------------------------------------------------------------------------------


def _by_residence(facts: Facts, regime: Regime, plan: Plan, later: Later | None) -> tuple[Remedy, ...] | None:
    """What remains to be brought once the residence is known, with every country for which the same suffices."""
    found: dict[tuple[Remedy, ...], list[str]] = {}
    for place in _residences(plan):
        rest = _Search(facts, _residing(regime, place), plan, later).smallest()
        if rest is not None:
            found.setdefault(rest, []).append(place)
    if not found:
        return None
    rest = min(found, key=lambda some: (len(some), [_ORDER.index(one.kind) for one in some]))
    return (*rest, Remedy(kind=Kind.RESIDENCE, names=tuple(map(iso_place, found[rest]))))


def _residences(plan: Plan) -> tuple[str, ...]:
    """The countries that the workspace serves, or all of the book; a union of states is no residence."""
    book, served = plan.book, plan.question.circumstances.served
    single = [code for code in book.codes() if not book.jurisdiction(code).members]
    return served or tuple(dict.fromkeys((*single, *book.members())))


def _residing(regime: Regime, place: str) -> Regime:
    """The same person, living in a place of the law book."""
    country, region = split_place(place)
    return msgspec.structs.replace(regime, residence="UK" if country == "GB" else country, region=region)
