"""Each rule alone denies and alone is silent; missing information never allows; rules stay inside their language."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lawful_case import AT, CONSENT, DAY, LAWFUL, Case

from amana import errors
from amana.core import facts, language, rules
from amana.core.vocabulary import Basis, Proof, RuleClass

NO_GRANT = {"granted": False, "granted_at": 0, "granted_by": 0, "proof": 0}
HALF = int(Proof.OWN_COLLECTION)
SALE = int(Proof.OWN_COLLECTION | Proof.SALE_CONTEXT)

ONLY_DENIER: dict[str, dict[str, Any]] = {
    "unknown_person": {"known": False},
    "restored": {"ask__restored": True},
    "restricted": {"restricted": True},
    "suppressed": {"suppressed": True},
    "objected": {"objected": True},
    "withdrawn": {"withdrawn": True},
    "refused": {"refused": True},
    "invalidated": {"invalidated": True},
    "residence_unknown": {"law__located": False},
    "law_unknown": {"law__modelled": False},
    "prohibited": {"law__basis": int(Basis.PROHIBITED)},
    "localisation": {"law__stored_well": False},
    "not_declared": {"ask__declared": False},
    "agreement_missing": {"ask__agreed": False},
    "transfer_unsafe": {"law__transfer_well": False},
    "below_age": {"born": 14_001},
    "never_market_to_child": {"born": 16_001, "proof": int(CONSENT | Proof.GUARDIAN)},
    "below_purpose_age": {"ask__gated": True, "ask__born_by": 100, "born": 101},
    "age_unknown": {"ask__gated": True, "ask__born_by": 100},
    "no_contact_point": {"has_point": False},
    "contact_point_blocked": {"point_blocked": True},
    "not_a_marketing_address": {"never_target": True},
    "source_held": {"held": True},
    "guardian_outgrown": {"proof": int(CONSENT | Proof.GUARDIAN)},
    "consent_unknown": NO_GRANT,
    "consent_pending": NO_GRANT | {"requested": True},
    "other_basis_incomplete": NO_GRANT
    | {"law__sale": True, "law__sale_proof": SALE, "sale_at": AT, "sale_proof": HALF},
    "consent_unproven": {"proof": int(Proof.CHANNEL_NAMED)},
    "consent_expired": {"granted_at": AT - 366 * DAY},
    "consent_not_yet": {"granted_by": AT + 1},
    "notice_outdated": {"ask__notice_floor": 2, "notice": 1},
    "contact_point_changed": {"point_matches": False},
    "assessment_missing": NO_GRANT | {"law__basis": int(Basis.OPT_OUT), "law__assessment": True},
    "registry_listed": {"law__registries_always": 2, "registry_hits": 2},
    "registry_stale": {"law__stale_always": 1},
    "message_incomplete": {"ask__has_message": True, "ask__message": 1, "law__message": 3},
    "topic_off": {"topics_off": 0b110},
    "paused": {"paused_until": AT + 1},
    "outside_chosen_times": {"hours": facts.ALL_HOURS & ~(1 << 10)},
    "quiet_hours": {"law__open": False},
    "frequency_cap": {"sent_day": 2},
}


def test_the_lawful_case_is_allowed_so_that_every_rule_is_silent_at_least_here() -> None:
    assert LAWFUL.denied_by() == ()


def test_every_rule_of_the_book_has_a_case_in_which_it_alone_denies() -> None:
    assert set(ONLY_DENIER) == set(rules.BY_CODE)


@pytest.mark.parametrize("code", rules.BY_CODE)
def test_the_rule_is_the_only_one_that_denies(code: str) -> None:
    assert LAWFUL.but(**ONLY_DENIER[code]).denied_by() == (code,)


# ---- edges -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"granted_at": AT - 365 * DAY},  # consent life includes its first moment
        {"granted_by": AT},
        {"notice": 2, "ask__notice_floor": 2},
        {"born": 14_000},
        {"born": 14_001, "proof": int(CONSENT | Proof.GUARDIAN)},  # a guardian consented
        {"born": 16_000, "proof": int(CONSENT | Proof.GUARDIAN)},
        {"ask__gated": True, "ask__born_by": 100, "born": 100},
        {"paused_until": AT},
        {"topics_off": 0b011},
        {"sent_day": 1, "sent_week": 4, "sent_month": 8},
        {"per_month": 3, "sent_month": 2},
        {"ask__has_message": True, "ask__message": 7, "law__message": 3},
        {"law__message": 3},  # no message yet
        {"has_point": True, "ask__gated": False, "born": facts.BORN_UNKNOWN},
        {"hours": 1 << 10, "days": 1 << 3},
        {"law__registries_always": 1, "registry_hits": 2},  # another registry
        {"law__registries_consent": 1, "law__registries": 1, "registry_hits": 1},  # consent lifts both
        {"law__stale_consent": 1, "law__stale": 1},
        {"law__assessment": True, "law__basis": int(Basis.OPT_OUT)},  # a consent needs no assessment
        NO_GRANT | {"law__assessment": True, "law__basis": int(Basis.OPT_OUT), "ask__assessed": True},
        NO_GRANT | {"law__basis": int(Basis.OPT_OUT)},
        NO_GRANT | {"law__basis": int(Basis.OPT_OUT_REGISTRY)},
    ],
    ids=str,
)
def test_just_inside_is_allowed(change: dict[str, Any]) -> None:
    assert LAWFUL.but(**change).denied_by() == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sent_week": 5}, "frequency_cap"),
        ({"sent_month": 9}, "frequency_cap"),
        ({"sent_month": 3, "per_month": 3}, "frequency_cap"),
        ({"days": facts.ALL_DAYS & ~(1 << 3)}, "outside_chosen_times"),
        ({"law__hours": 0b11, "hours": 0b01}, "outside_chosen_times"),  # unsure which of two hours it is
        (NO_GRANT | {"law__basis": int(Basis.PRESUMED_CONSENT)}, "consent_unknown"),
        (NO_GRANT | {"law__basis": int(Basis.OPT_IN_EXPRESS)}, "consent_unknown"),
        ({"point_blocked": True, "has_point": False}, "no_contact_point"),
        ({"requested": True, **NO_GRANT}, "consent_pending"),
        (NO_GRANT | {"law__basis": 1, "law__registries": 1, "registry_hits": 1}, "registry_listed"),
        (NO_GRANT | {"law__basis": 1, "law__registries_consent": 1, "registry_hits": 1}, "registry_listed"),
        (NO_GRANT | {"law__basis": 1, "law__stale": 1}, "registry_stale"),
        (NO_GRANT | {"law__basis": 1, "law__stale_consent": 1}, "registry_stale"),
        ({"law__registries_always": 1, "registry_hits": 1}, "registry_listed"),  # nothing lifts this one
    ],
    ids=str,
)
def test_just_outside_is_denied(change: dict[str, Any], code: str) -> None:
    assert LAWFUL.but(**change).denied_by() == (code,)


BASES = {
    "sale": "sale",
    "interest": "interest",
    "relationship": "relationship",
    "inquiry": "relationship",
    "published": "published",
}


@pytest.mark.parametrize(("of_law", "of_facts"), BASES.items())
def test_another_basis_allows_with_all_its_evidence_and_with_nothing_less(of_law: str, of_facts: str) -> None:
    since = AT - 100 * DAY
    complete = {
        f"law__{of_law}": True,
        f"law__{of_law}_proof": SALE,
        f"law__{of_law}_since": since,
        f"{of_facts}_at": since,
        f"{of_facts}_proof": SALE | HALF << 5,
        "ask__assessed": True,
    }
    based = LAWFUL.but(**NO_GRANT, **complete)
    assert based.denied_by() == ()
    assert based.but(**{f"{of_facts}_at": AT}).denied_by() == ()
    assert based.but(**{f"{of_facts}_proof": HALF}).denied_by() == ("other_basis_incomplete",)
    assert based.but(**{f"{of_facts}_at": since - 1}).denied_by() == ("other_basis_incomplete",)
    assert based.but(**{f"{of_facts}_at": AT + 1}).denied_by() == ("other_basis_incomplete",)
    assert based.but(**{f"{of_facts}_at": 0}).denied_by() == ("consent_unknown",)
    assert based.but(**{f"law__{of_law}": False}).denied_by() == ("consent_unknown",)


def test_legitimate_interest_needs_its_assessment() -> None:
    interest = {"law__interest": True, "interest_at": AT}
    based = LAWFUL.but(**NO_GRANT, **interest, ask__assessed=True)
    assert based.denied_by() == ()
    assert based.but(ask__assessed=False).denied_by() == ("other_basis_incomplete",)


def test_a_complete_other_basis_makes_an_incomplete_consent_harmless_and_lifts_only_registries_that_say_so() -> (
    None
):
    based = LAWFUL.but(law__sale=True, sale_at=AT)
    for broken in ({"proof": 0}, {"granted_at": 0}, {"point_matches": False}, {"granted_by": AT + 1}):
        assert based.but(**broken).denied_by() == ()
    listed = based.but(proof=0, registry_hits=1)
    assert listed.but(law__registries=1).denied_by() == ()
    assert listed.but(law__registries_consent=1).denied_by() == ("registry_listed",)
    assert based.but(proof=0, law__stale=1).denied_by() == ()
    assert based.but(proof=0, law__stale_consent=1).denied_by() == ("registry_stale",)


LIFTED = LAWFUL.but(law__basis=int(Basis.OPT_OUT_REGISTRY), law__registries_consent=1, registry_hits=1)


@pytest.mark.parametrize(
    "change", [{"granted_by": AT}, {"granted_at": AT - 365 * DAY}, {"notice": 1, "ask__notice_floor": 1}]
)
def test_a_valid_consent_lifts_a_registry_that_says_so(change: dict[str, Any]) -> None:
    assert LIFTED.but(**change).denied_by() == ()


@pytest.mark.parametrize(
    "change",
    [
        NO_GRANT,
        {"granted_by": AT + 1},
        {"granted_at": AT - 366 * DAY},
        {"proof": int(Proof.CHANNEL_NAMED)},
        {"ask__notice_floor": 2, "notice": 1},
        {"point_matches": False},
    ],
    ids=str,
)
def test_a_consent_that_lacks_anything_lifts_no_registry(change: dict[str, Any]) -> None:
    assert LIFTED.but(**change).denied_by() == ("registry_listed",)


def test_a_pending_request_does_not_stand_in_the_way_of_another_basis() -> None:
    assert LAWFUL.but(**(NO_GRANT | {"requested": True}), law__sale=True, sale_at=AT).denied_by() == ()


def test_where_nobody_knows_the_place_the_hours_are_no_reason() -> None:
    assert LAWFUL.but(law__located=False, law__open=False).denied_by() == ("residence_unknown",)


# ---- missing information never allows ----------------------------------------------------------------------

BITS = st.integers(0, 3)
MOMENTS = st.sampled_from([0, AT - 400 * DAY, AT - DAY, AT, AT + 1])
FLAGS = st.booleans()
ANY_CASE = st.fixed_dictionaries(
    {
        name: FLAGS
        for name in ("known", "has_point", "point_matches", "requested", "granted", "objected", "law__open")
    }
    | {f"law__{name}": FLAGS for name in (*BASES, "located", "modelled", "assessment")}
    | {f"law__{name}_proof": BITS for name in BASES}
    | {f"law__{name}_since": MOMENTS for name in BASES}
    | {f"{name}_at": MOMENTS for name in set(BASES.values()) | {"granted"}}
    | {f"{name}_proof": BITS for name in set(BASES.values())}
    | {"granted_by": MOMENTS, "proof": BITS, "law__proof": BITS, "law__consent_since": MOMENTS}
    | {"notice": BITS, "ask__notice_floor": BITS, "registry_hits": BITS}
    | {f"law__{name}": BITS for name in ("registries", "registries_consent", "registries_always")}
    | {f"law__{name}": BITS for name in ("stale", "stale_consent", "stale_always")}
    | {"law__basis": st.sampled_from([int(one) for one in Basis]), "ask__assessed": FLAGS}
).map(lambda values: LAWFUL.but(**values))

REMOVALS: list[dict[str, Any]] = [
    NO_GRANT | {"requested": False},
    {"known": False},
    {"has_point": False},
    {"point_matches": False},
    {"granted_at": 0},
    {"granted_by": AT + 1},
    {"proof": 0},
    {"notice": 0},
    {"ask__assessed": False},
    {"law__located": False},
    {"law__modelled": False},
    *({f"{name}_at": 0, f"{name}_proof": 0} for name in set(BASES.values())),
    *({f"{name}_proof": 0} for name in set(BASES.values())),
]


@given(ANY_CASE, st.sampled_from(REMOVALS))
def test_taking_evidence_away_never_turns_a_deny_into_an_allow(case: Case, removal: dict[str, Any]) -> None:
    """Consent filters that fail open when a field is missing (peers' defect 13)."""
    if not case.but(**removal).denied_by():
        assert not case.denied_by()


@given(ANY_CASE, st.integers(0, 1))
def test_taking_one_proof_away_never_turns_a_deny_into_an_allow(case: Case, bit: int) -> None:
    for name in ("proof", *(f"{basis}_proof" for basis in set(BASES.values()))):
        if not case.but(**{name: getattr(case.facts, name) & ~(1 << bit)}).denied_by():
            assert not case.denied_by()


@given(ANY_CASE)
def test_where_the_law_asks_for_something_an_allow_rests_on_a_consent_or_another_basis(case: Case) -> None:
    found = rules.shows(case.facts, case.law, case.ask)
    if not case.denied_by() and case.law.basis >= Basis.PRESUMED_CONSENT:
        assert found.consent or found.other


BASIS_REASONS = {
    "consent_unknown", "consent_pending", "other_basis_incomplete", "consent_unproven", "consent_expired",
    "consent_not_yet", "notice_outdated", "contact_point_changed",
}  # fmt: skip  # one set


@given(ANY_CASE)
def test_a_missing_basis_always_has_a_reason_and_a_basis_never_has_one(case: Case) -> None:
    found = rules.shows(case.facts, case.law, case.ask)
    lacking = found.needed and not found.consent and not found.other
    assert bool(BASIS_REASONS & set(case.denied_by())) == bool(lacking)


@given(ANY_CASE)
def test_blank_facts_deny_except_where_the_law_asks_for_nothing(case: Case) -> None:
    blank = case.but(
        **(NO_GRANT | {"requested": False}),
        **{f"{name}_at": 0 for name in set(BASES.values())},
        **{f"{name}_proof": 0 for name in set(BASES.values())},
    )
    if not blank.denied_by():
        assert blank.law.basis in (Basis.OPT_OUT, Basis.OPT_OUT_REGISTRY)
    assert "unknown_person" in blank.but(known=False).denied_by()


# ---- the language ------------------------------------------------------------------------------------------

WRITTEN = [entry.denies for entry in rules.BOOK] + [rules.needed, rules.consent, rules.other, rules.tried]


@pytest.mark.parametrize("predicate", WRITTEN, ids=lambda one: one.__name__)
def test_every_predicate_stays_inside_the_language(predicate: Any) -> None:
    language.check(predicate.__name__, inspect.getsource(predicate))


@pytest.mark.parametrize(
    "said",
    [
        "facts.known and facts.granted",
        "facts.known or facts.granted",
        "not facts.known",
        "0 < facts.born < law.born_by",
        "law.registries[facts.regime] == 1",
        "abs(facts.born) == 1",
        "not_(facts.known, facts.granted)",
        "facts.sent_day + 1 >= law.cap_day",
        "facts.known if law.open else law.located",
        "other.known",
        "facts.known.real",
        "known",
        "facts.known is True",
        "facts.regime in (1, 2)",
        "facts.born > 1.5",
        "facts.zone == 'UTC'",
        "~facts.known",
        "facts.proof ^ law.proof",
        "lambda: facts.known",
        "(yes := facts.known)",
    ],
)
def test_the_language_refuses_what_means_something_else_on_a_column(said: str) -> None:
    with pytest.raises(errors.BadLaw, match="my_rule"):
        language.check("my_rule", f"def my_rule(facts, law, ask, shows):\n    return {said}\n")


@pytest.mark.parametrize(
    "text",
    [
        "def r(facts, law, ask, shows):\n    x = facts.known\n    return x\n",
        "def r(facts, law, ask, shows):\n    if facts.known:\n        return law.open\n    return law.open\n",
        "def r(facts, law, ask, shows):\n    return\n",
        "r = lambda facts, law, ask, shows: facts.known\n",
    ],
)
def test_the_language_is_one_return(text: str) -> None:
    with pytest.raises(errors.BadLaw):
        language.check("r", text)


@pytest.mark.parametrize(
    "said", ["facts.known & not_(law.open)", "(facts.proof & GUARDIAN) == 0", "facts.born > 3"]
)
def test_the_language_takes_what_a_column_can_do(said: str) -> None:
    language.check("r", f'def r(facts, law, ask, shows):\n    """Why."""\n    return {said}\n')


def test_bits_are_places_and_codes_are_names() -> None:
    assert [entry.bit for entry in rules.BOOK] == list(range(len(rules.BOOK)))
    assert len(rules.BOOK) <= 64
    assert all(entry.code == entry.denies.__name__ and entry.citation for entry in rules.BOOK)
    timing = [entry.code for entry in rules.BOOK if rules.TIMING_BITS >> entry.bit & 1]
    assert timing == [entry.code for entry in rules.BOOK if entry.kind is RuleClass.TIMING]
    assert "frequency_cap" in timing
    assert "withdrawn" not in timing


def test_use_and_sharing_know_no_pause_and_no_limit_of_messages() -> None:
    for change in ({"paused_until": AT + 1}, {"sent_month": 1, "per_month": 1}):
        assert LAWFUL.but(**change).denied_by()
        assert not LAWFUL.but(ask__contact=False, **change).denied_by()
