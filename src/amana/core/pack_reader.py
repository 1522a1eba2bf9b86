"""From the text of a country pack to values. The form is closed: a word it does not know is an error.

Rule. A pack is TOML: the jurisdiction's own lines, then tables `[proof]`, `[[rule]]`, `[[exception]]`,
`[[registry]]`, `[[age]]`, `[[quiet]]`, `[[caps]]`, `[[message]]`, `[[deadline]]`, `[[fact]]` and, for a
union of states, `[members]`. `[proof]` names sets of proof bits once (`consent`, `sale` …); rows then name
sets or single bits. A row that says nothing needs the set `consent`; an exception must say. `conditions`
maps a token of the law to the word for how it is kept. `[[rule.add]]` is what a row gains from a day on, or
for some of its channels or subjects.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NoReturn, TypeVar

import msgspec

from amana.core.pack_values import (
    Addition,
    Age,
    Caps,
    Condition,
    Deadline,
    ExceptionKind,
    Fact,
    Jurisdiction,
    LawException,
    Message,
    Pack,
    Period,
    Quiet,
    Registry,
    Row,
    Windows,
    period,
)
from amana.core.vocabulary import Basis, Channel, Confidence, Mark, Proof, SubjectType
from amana.errors import BadLaw

DOUBLE_OPT_IN = frozenset({"none", "recommended", "de_facto_required", "required"})

T = TypeVar("T")


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the forms below: what may stand in the file, before words are read into values."""


class MarkedForm(Form, frozen=True, kw_only=True):
    citation: str
    confidence: Confidence
    mark: Mark
    note: str = ""
    effective_from: date | None = None
    effective_to: date | None = None


class AdditionForm(Form, frozen=True, kw_only=True):
    effective_from: date | None = None
    channels: list[Channel] | None = None
    subjects: list[SubjectType] | None = None
    needs: list[str] = []
    consent_life: str = ""
    needs_assessment: bool = False
    sectors: dict[str, str] = {}
    conditions: dict[str, str] = {}
    citation: str = ""
    confidence: Confidence | None = None
    mark: Mark | None = None
    note: str = ""


class RuleForm(MarkedForm, frozen=True, kw_only=True):
    id: str
    channels: list[Channel]
    subjects: list[SubjectType]
    basis: str
    needs: tuple[str, ...] = ("consent",)
    double_opt_in: str = "none"
    consent_life: str = ""
    exceptions: list[str] = []
    registries: list[str] = []
    needs_assessment: bool = False
    sectors: dict[str, str] = {}
    otherwise: str = ""
    conditions: dict[str, str] = {}
    add: list[AdditionForm] = []


class ExceptionForm(MarkedForm, frozen=True, kw_only=True):
    id: str
    kind: ExceptionKind
    needs: list[str]
    life: str = ""
    channels: list[Channel] | None = None
    subjects: list[SubjectType] | None = None
    needs_assessment: bool = False
    max_messages: int | None = None
    collected_from: date | None = None
    conditions: dict[str, str] = {}


class RegistryForm(MarkedForm, frozen=True, kw_only=True):
    id: str
    max_age: str = ""
    channels: list[Channel] | None = None
    lifted_by_consent: bool = False
    lifted_by_exception: bool = True
    voluntary: bool = False


class QuietForm(MarkedForm, frozen=True, kw_only=True):
    channels: list[Channel]
    weekday: list[str]
    saturday: list[str]
    sunday: list[str]
    holiday: list[str]


class CapsForm(MarkedForm, frozen=True, kw_only=True):
    channels: list[Channel]
    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None


class AgeForm(MarkedForm, frozen=True, kw_only=True):
    consent_age: int
    never_below: int = 0


class MessageForm(MarkedForm, frozen=True, kw_only=True):
    channels: list[Channel] | None = None
    requires: dict[str, str]


class DeadlineForm(MarkedForm, frozen=True, kw_only=True):
    kind: str
    words: str
    within: str = ""
    working_days: int | None = None
    hours: int | None = None
    extension: str = ""


class FactForm(MarkedForm, frozen=True, kw_only=True):
    topic: str
    words: str
    stored_inside: bool = False


class MemberForm(Form, frozen=True, kw_only=True):
    consent_age: int
    confidence: Confidence | None = None
    mark: Mark | None = None
    note: str = ""


class MembersForm(Form, frozen=True, kw_only=True):
    citation: str
    confidence: Confidence
    mark: Mark
    state: dict[str, MemberForm]


class PackForm(Form, frozen=True, kw_only=True):
    code: str
    name: str
    modelled_from: date
    regulator: str
    instruments: list[str]
    parent: str | None = None
    changes: list[str] = []
    doubts: list[str] = []
    proof: dict[str, list[str]] = {}
    rule: list[RuleForm] = []
    exception: list[ExceptionForm] = []
    registry: list[RegistryForm] = []
    age: list[AgeForm] = []
    quiet: list[QuietForm] = []
    caps: list[CapsForm] = []
    message: list[MessageForm] = []
    deadline: list[DeadlineForm] = []
    fact: list[FactForm] = []
    members: MembersForm | None = None


class BookForm(Form, frozen=True, kw_only=True):
    version: str
    as_of: date
    notice: str


def book(name: str, text: str) -> BookForm:
    """The book's own page: version, date and notice. Errors: BadLaw."""
    return _form(name, text, BookForm)


def packs(documents: Mapping[str, str]) -> tuple[Pack, ...]:
    """Read pack files (name -> TOML text). A pack may use the proof sets of its parent. Errors: BadLaw."""
    forms = {name: _form(name, text, PackForm) for name, text in sorted(documents.items())}
    sets = {form.code: form.proof for form in forms.values()}
    return tuple(
        _pack(name, form, {**sets.get(form.parent or "", {}), **form.proof}) for name, form in forms.items()
    )


def _form(name: str, text: str, kind: type[T]) -> T:
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except tomllib.TOMLDecodeError as error:
        _bad(name, "a TOML document", str(error), error)
    except msgspec.ValidationError as error:
        _bad(name, "the form of a country pack", str(error), error)


def _bad(name: str, expected: str, got: str, cause: Exception | None = None) -> NoReturn:
    raise BadLaw(
        f"The country pack file {name} cannot be read",
        expected=expected,
        got=got,
        remedy="Mend the file; the form is described in amana.core.pack_reader",
    ) from cause


class _Words:
    """Reads the words of one pack; knows its file name and its proof sets."""

    def __init__(self, name: str, sets: Mapping[str, list[str]]) -> None:
        self._name = name
        self._sets = sets

    def proof(self, needs: Iterable[str]) -> Proof:
        """Names of sets and bits, joined. A set holds bits only."""
        bits = Proof(0)
        for need in needs:
            for word in self._sets.get(need, [need]):
                if word.upper() not in Proof.__members__:
                    _bad(self._name, "a proof set of the pack or a proof bit in lower case", word)
                bits |= Proof[word.upper()]
        return bits

    def basis(self, word: str) -> Basis:
        if word.upper() not in Basis.__members__:
            _bad(self._name, "one of " + ", ".join(one.name.lower() for one in Basis), word)
        return Basis[word.upper()]

    def sectors(self, written: Mapping[str, str]) -> dict[str, Basis]:
        return {sector: self.basis(word) for sector, word in written.items()}

    def windows(self, written: Iterable[str]) -> Windows:
        return tuple(self._window(text) for text in written)

    def _window(self, text: str) -> tuple[int, int]:
        start, dash, end = text.partition("-")
        window = self._minutes(start), self._minutes(end)
        if not dash or not 0 <= window[0] < window[1] <= 1440:
            _bad(self._name, "hours such as 09:00-18:00", text)
        return window

    def _minutes(self, text: str) -> int:
        hours, _, minutes = text.strip().partition(":")
        if not (hours.isdigit() and minutes.isdigit() and int(minutes) < 60):
            _bad(self._name, "a time such as 09:00", text)
        return int(hours) * 60 + int(minutes)

    def double_opt_in(self, word: str) -> str:
        if word not in DOUBLE_OPT_IN:
            _bad(self._name, "one of " + ", ".join(sorted(DOUBLE_OPT_IN)), word)
        return word


def _pack(name: str, form: PackForm, sets: Mapping[str, list[str]]) -> Pack:
    words = _Words(name, sets)
    return Pack(
        jurisdiction=_jurisdiction(form, words),
        rows=tuple(_row(form.code, one, words) for one in form.rule),
        exceptions=tuple(_exception(one, words) for one in form.exception),
    )


def _marks(form: MarkedForm) -> dict[str, Any]:
    return {
        "citation": form.citation,
        "confidence": form.confidence,
        "mark": form.mark,
        "note": form.note,
        "effective_from": form.effective_from,
        "effective_to": form.effective_to,
    }


def _row(code: str, form: RuleForm, words: _Words) -> Row:
    return Row(
        **_marks(form),
        id=form.id,
        jurisdiction=code,
        channels=frozenset(form.channels),
        subjects=frozenset(form.subjects),
        basis=words.basis(form.basis),
        proof=words.proof(form.needs),
        double_opt_in=words.double_opt_in(form.double_opt_in),
        consent_life=_life(form.consent_life),
        exceptions=tuple(form.exceptions),
        registries=tuple(form.registries),
        conditions=_conditions(form.conditions),
        needs_assessment=form.needs_assessment,
        sectors=words.sectors(form.sectors),
        otherwise=words.basis(form.otherwise) if form.otherwise else None,
        additions=tuple(_addition(one, words) for one in form.add),
    )


def _addition(form: AdditionForm, words: _Words) -> Addition:
    return Addition(
        effective_from=form.effective_from,
        channels=_some(form.channels),
        subjects=_some(form.subjects),
        proof=words.proof(form.needs),
        consent_life=_life(form.consent_life),
        needs_assessment=form.needs_assessment,
        sectors=words.sectors(form.sectors),
        conditions=_conditions(form.conditions),
        citation=form.citation,
        confidence=form.confidence,
        mark=form.mark,
        note=form.note,
    )


def _exception(form: ExceptionForm, words: _Words) -> LawException:
    return LawException(
        **_marks(form),
        id=form.id,
        kind=form.kind,
        proof_needed=words.proof(form.needs),
        life=_life(form.life),
        channels=_some(form.channels),
        subjects=_some(form.subjects),
        needs_assessment=form.needs_assessment,
        max_messages=form.max_messages,
        collected_from=form.collected_from,
        conditions=_conditions(form.conditions),
    )


def _jurisdiction(form: PackForm, words: _Words) -> Jurisdiction:
    return Jurisdiction(
        code=form.code,
        name=form.name,
        parent=form.parent,
        modelled_from=form.modelled_from,
        regulator=form.regulator,
        instruments=tuple(form.instruments),
        changes=tuple(form.changes),
        doubts=tuple(form.doubts),
        registries=tuple(_registry(one) for one in form.registry),
        ages=tuple(_age(one) for one in form.age),
        members=_members(form.members),
        quiet=tuple(_quiet(one, words) for one in form.quiet),
        caps=tuple(_caps(one) for one in form.caps),
        messages=tuple(_message(one) for one in form.message),
        deadlines=tuple(_deadline(one) for one in form.deadline),
        facts=tuple(
            Fact(**_marks(one), topic=one.topic, words=one.words, stored_inside=one.stored_inside)
            for one in form.fact
        ),
    )


def _members(form: MembersForm | None) -> dict[str, Age]:
    if form is None:
        return {}
    return {
        code: Age(
            citation=form.citation,
            confidence=one.confidence or form.confidence,
            mark=one.mark or form.mark,
            note=one.note,
            consent_age=one.consent_age,
        )
        for code, one in form.state.items()
    }


def _age(form: AgeForm) -> Age:
    return Age(**_marks(form), consent_age=form.consent_age, never_below=form.never_below)


def _registry(form: RegistryForm) -> Registry:
    return Registry(
        **_marks(form),
        id=form.id,
        max_age=_life(form.max_age),
        channels=_some(form.channels),
        lifted_by_consent=form.lifted_by_consent,
        lifted_by_exception=form.lifted_by_exception,
        voluntary=form.voluntary,
    )


def _quiet(form: QuietForm, words: _Words) -> Quiet:
    return Quiet(
        **_marks(form),
        channels=frozenset(form.channels),
        weekday=words.windows(form.weekday),
        saturday=words.windows(form.saturday),
        sunday=words.windows(form.sunday),
        holiday=words.windows(form.holiday),
    )


def _caps(form: CapsForm) -> Caps:
    return Caps(
        **_marks(form),
        channels=frozenset(form.channels),
        per_day=form.per_day,
        per_week=form.per_week,
        per_month=form.per_month,
    )


def _message(form: MessageForm) -> Message:
    return Message(**_marks(form), channels=_some(form.channels), requires=_conditions(form.requires))


def _deadline(form: DeadlineForm) -> Deadline:
    return Deadline(
        **_marks(form),
        kind=form.kind,
        words=form.words,
        within=_life(form.within),
        working_days=form.working_days,
        hours=form.hours,
        extension=_life(form.extension),
    )


def _conditions(written: Mapping[str, str]) -> tuple[Condition, ...]:
    return tuple(Condition(token=token, enforced=enforced) for token, enforced in written.items())


def _life(text: str) -> Period | None:
    return period(text) if text else None


def _some(written: list[T] | None) -> frozenset[T] | None:
    return None if written is None else frozenset(written)
