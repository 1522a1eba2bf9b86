"""Sentences: what each code of the product is called in a person's language.

Rule. Codes are stable and never shown alone; words are translated. A catalogue is one TOML text for one language. It has
a sentence for every reason of the rule book (why, and what would change it), every remedy, obligation, evidence check,
status, channel, use, basis and class of rule, and nothing else: a key that is missing, empty or stale is refused when the
text is read, so that looking a sentence up afterwards cannot fail and never falls back to another language. Reading
files is the edge's business.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from amana import errors
from amana.core import cells, rules
from amana.core.decision import Obligation
from amana.core.remedies import Kind
from amana.core.vocabulary import Basis, Channel, Manner, Proof, RuleClass, Status

LANGUAGES = ("en", "he", "ar", "th", "ru")
"""The languages that the product speaks; one catalogue each."""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reason in words: one sentence each."""

    why: str  # what stands in the way
    turn: str  # what would change the answer


class Verdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer itself in words."""

    allow: str
    deny: str
    unconfirmed: str  # said beside a row of law that counsel has not confirmed
    nothing: str  # said when nothing would turn a refusal


class Phrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language's sentences by code. Complete by construction: `read` is the only way to make one."""

    language: str  # BCP 47
    name: str  # the language's own name
    direction: str  # ltr | rtl
    verdict: Verdict
    reason: dict[str, Told]
    remedy: dict[str, str]
    obligation: dict[str, str]
    proof: dict[str, str]
    status: dict[str, str]
    channel: dict[str, str]
    handling: dict[str, str]  # what else than contact a permission is about
    basis: dict[str, str]
    kind: dict[str, str]  # class of a rule: whose No it speaks

    def why(self, code: str) -> str:
        """Why a reason denies, as a sentence."""
        return self.reason[code].why

    def turn(self, code: str, detail: Iterable[str] = ()) -> str:
        """What would change a reason's answer, as a sentence; of a registry, with the names that the reason details."""
        sentence = self.reason[code].turn
        names = ", ".join(detail) if code == "registry_stale" else ""
        return f"{sentence.rstrip('.')}: {names}" if names else sentence

    def means(self, word: str) -> str:
        """What a permission is about, by the word of its event: a channel, a use or a sharing of data."""
        if word in self.channel:
            return self.channel[word]
        family, _, name = word.partition(".")
        key = {cells.EVERY_USE: "any_use", cells.EVERY_SHARE: "any_share"}.get(
            word, "share" if family == "share" else name
        )
        return self.handling[key].replace("{recipient}", name)

    def proofs(self, names: Iterable[str]) -> str:
        """Evidence checks by name, as one list in words; registries are called by their own names."""
        return "; ".join(self.proof.get(name, name) for name in names)


def read(text: str) -> Phrases:
    """A catalogue from TOML. Raises BadInput naming what is missing, empty or stale."""
    try:
        phrases = msgspec.toml.decode(text, type=Phrases)
    except msgspec.DecodeError as bad:
        raise errors.BadInput(
            f"A catalogue of sentences cannot be read: {bad}", remedy="mend the entry it names"
        ) from bad
    if phrases.direction not in ("ltr", "rtl"):
        raise errors.BadInput(
            f"The {phrases.language} catalogue does not say which way it is written",
            expected='direction = "ltr" or "rtl"',
            remedy="mend the line",
        )
    for section, codes in codes_needed().items():
        _check(phrases.language, section, set(getattr(phrases, section)), codes)
    _refuse_empty(phrases)
    return phrases


def codes_needed() -> dict[str, tuple[str, ...]]:
    """The codes that each section of a catalogue has a sentence for, in the product's order."""
    return {
        "reason": tuple(rules.BY_CODE),
        "remedy": tuple(one.value for one in Kind),
        "obligation": tuple(one.value for one in Obligation),
        "proof": tuple(str(one.name).lower() for one in Proof),
        "status": tuple(one.value for one in Status),
        "channel": tuple(one.value for one in Channel),
        "handling": ("any_use", *(one.value for one in Manner), "any_share", "share"),
        "basis": tuple(one.name.lower() for one in Basis),
        "kind": tuple(one.value for one in RuleClass),
    }


def _check(language: str, section: str, found: set[str], codes: tuple[str, ...]) -> None:
    missing = [code for code in codes if code not in found]
    stale = sorted(found - set(codes))
    if missing or stale:
        raise errors.BadInput(
            f"The {language} catalogue and the product differ in [{section}]",
            expected=f"a sentence for each of its {len(codes)} codes and no other",
            got=f"missing: {', '.join(missing) or 'none'}; stale: {', '.join(stale) or 'none'}",
            remedy="add the missing sentences and remove the stale ones",
        )


def _refuse_empty(phrases: Phrases) -> None:
    empty = [place for place, sentence in _sentences(phrases) if not sentence.strip()]
    if empty:
        raise errors.BadInput(
            f"The {phrases.language} catalogue has empty sentences",
            got=", ".join(empty),
            remedy="write them",
        )


def _sentences(phrases: Phrases) -> Iterable[tuple[str, str]]:
    """Every sentence with the place where it stands."""
    yield "name", phrases.name
    for part in Verdict.__struct_fields__:
        yield f"verdict.{part}", getattr(phrases.verdict, part)
    for code, told in phrases.reason.items():
        yield f"reason.{code}.why", told.why
        yield f"reason.{code}.turn", told.turn
    for section in codes_needed():
        if section != "reason":
            for code, sentence in getattr(phrases, section).items():
                yield f"{section}.{code}", sentence
