"""Decisions over HTTP: OpenID AuthZEN Authorization API 1.0, answered by the one gate.

Rule. The acting brand is the subject, the person the resource: subject `brand` (id: the brand) or `system` (its brand in
`subject.properties.brand`); resource `person` (`p12`), `email` or `phone`. An action always names `properties.purpose`:
`contact.<channel>`, with `properties.topics` if it has any; `use.<category of data>` with `properties.manner`
(personalise, profile, analyse); `share.<recipient>` with `properties.category`, or without for all that is registered.

A No is HTTP 200 with `decision: false`; so is every word that nobody knows. Only a request that is no such request at
all is 400. `context.time` asks about another moment, `context.would_allow: true` also asks what would turn a No.
Codes that are the API's own stand in `OWN`; all others are rules of the book.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from litestar.exceptions import PermissionDeniedException

from amana import errors
from amana.api import problems
from amana.core import cells
from amana.core.decision import Decision, Evidence
from amana.core.phrases import Phrases
from amana.core.remedies import Remedy
from amana.core.vocabulary import Channel, Manner
from amana.services.gate.asking import Asked, Gate, Inquiry
from amana.services.gate.handling import Handling
from amana.services.record import addresses, wording
from amana.services.record.api_keys import Caller

MOST = 1_000  # evaluations in one request
KEPT = 256
_FROM, _UNTIL = 0, 4_102_444_800  # 1970 to 2100

OWN = {
    "unknown_subject": "The subject is neither a brand of this workspace nor a system with one.",
    "unknown_action": "The action is none of contact.<channel>, use.<category> and share.<recipient>.",
    "not_contact": "This is about contact; use and sharing of data are asked about at /access/v1.",
    "unknown_purpose": "The action names no purpose of this workspace for that channel.",
    "unknown_manner": "A use of data names its manner: personalise, profile or analyse.",
    "unknown_category": "The action names a category of data that this workspace has not registered.",
    "unknown_recipient": "The action names a recipient that this workspace does not declare.",
    "unknown_topic": "The action names a topic that this workspace does not have.",
    "unknown_resource": "The resource is neither a person, an e-mail address nor a phone number.",
}


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: a brand, or a system on behalf of one."""

    type: str
    id: str
    properties: dict[str, Any] = {}


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, and what for."""

    name: str
    properties: dict[str, Any] = {}


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """Whom it is done to."""

    type: str
    id: str
    properties: dict[str, Any] = {}


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation."""

    subject: Subject
    action: Action
    resource: Resource
    context: dict[str, Any] = {}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One of many evaluations; what it leaves out comes from the defaults around it."""

    subject: Subject | None = None
    action: Action | None = None
    resource: Resource | None = None
    context: dict[str, Any] | None = None


class How(msgspec.Struct, frozen=True, kw_only=True):
    """How many evaluations are done."""

    evaluations_semantic: str = "execute_all"
    detail: str = "full"  # full | brief: reasons alone, without evidence, obligations and validity


class Asks(Part, frozen=True, kw_only=True):
    """Many evaluations; with none in the list the defaults are the one."""

    evaluations: tuple[Part, ...] = ()
    options: How = How()


class ReasonTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason of a No."""

    code: str
    kind: str  # legal | choice | technical | timing | request
    sentence: str
    citation: str = ""
    detail: tuple[str, ...] = ()


class ObligationTold(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do if one acts on a Yes."""

    id: str
    sentence: str


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything behind an answer. Times are RFC 3339."""

    reasons: tuple[ReasonTold, ...] = ()
    obligations: tuple[ObligationTold, ...] = ()
    evidence: Evidence = Evidence()
    valid_until: str = ""
    defer_until: str = ""
    would_allow: tuple[Remedy, ...] | msgspec.UnsetType | None = msgspec.UNSET
    rules_version: str = ""
    ledger_size: int | None = None
    error: dict[str, Any] = {}  # of one evaluation among many that was malformed


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one evaluation."""

    decision: bool
    context: Told


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to many evaluations, in their order."""

    evaluations: tuple[Answer, ...]


class Asker:
    """Answers evaluations through one gate for one caller."""

    def __init__(self, gate: Gate, caller: Caller, phrases: Phrases) -> None:
        self.gate = gate
        self.caller = caller
        self.phrases = phrases
        self._inquiries: dict[tuple[Any, ...], Asked | str] = {}  # words seen before; at most KEPT

    def one(self, ask: Ask) -> Answer:
        """Answer one evaluation. Raises BadInput (time), PermissionDeniedException (another key's brand)."""
        at = moment(ask.context.get("time"))
        inquiry = self.asked(ask.subject, ask.action)
        if isinstance(inquiry, str):
            return denied(inquiry)
        gate, resource = self.gate, ask.resource
        if resource.type == "person":
            return self.told(gate.ask(person_id(resource.id), inquiry, at))
        if resource.type not in ("email", "phone"):
            return denied("unknown_resource")
        try:
            decision, _ = gate.ask_address(resource.id, inquiry, at)
        except errors.BadInput:
            decision = gate.ask(-1, inquiry, at)  # what is no address belongs to nobody
        return self.told(decision)

    def many(self, asks: Asks) -> Iterator[Answer]:
        """Answer evaluations in order, as far as the semantic asks for."""
        stop = {"deny_on_first_deny": False, "permit_on_first_permit": True}.get(
            asks.options.evaluations_semantic
        )
        for part in asks.evaluations:
            answer = self.part(asks, part)
            yield answer
            if answer.decision is stop:
                return

    def inquiry(self, subject: Subject, action: Action) -> Inquiry | str:
        """The words of a question about contact; or the code of what is wrong with them."""
        found = self.asked(subject, action)
        return "not_contact" if isinstance(found, Handling) else found

    def asked(self, subject: Subject, action: Action) -> Asked | str:
        """The words of a question; or the code of what is wrong with them."""
        purpose, topics = action.properties.get("purpose"), action.properties.get("topics", ())
        about = action.properties.get("manner"), action.properties.get("category")
        words = (subject.type, subject.id, subject.properties.get("brand"), action.name, purpose, *about)
        if topics != () and not _is_words(topics):
            return "unknown_topic"
        key = (*words, *topics)
        try:
            found = self._inquiries.get(key)
        except TypeError:  # a property that is a list or an object names nothing
            return "unknown_purpose"
        if found is None:
            if len(self._inquiries) >= KEPT:
                self._inquiries.clear()
            found = self._inquiries[key] = self._asked(subject, action, purpose, tuple(topics))
        return found

    def _asked(self, subject: Subject, action: Action, purpose: Any, topics: tuple[str, ...]) -> Asked | str:
        definition, gate = self.gate.house.workspace, self.gate
        brand = self.brand(subject)
        if brand not in definition.brands or brand not in gate.terms.brands:
            return "unknown_subject"
        if not self.caller.speaks_for(brand):
            raise PermissionDeniedException("This key does not speak for that brand")
        if action.name.startswith((cells.USE, cells.SHARE)):
            return self._handling(brand, action, purpose)
        channel = channel_of(action.name)
        if isinstance(channel, str):
            return channel
        known = definition.purposes.get(purpose) if isinstance(purpose, str) else None
        if known is None or channel not in known.channels or purpose not in gate.terms.purposes:
            return "unknown_purpose"
        if any(topic not in definition.topics for topic in topics):
            return "unknown_topic"
        return Inquiry(brand=brand, purpose=purpose, channel=channel, topics=topics)

    def _handling(self, brand: str, action: Action, purpose: Any) -> Handling | str:
        terms = self.gate.terms
        family, _, word = action.name.partition(".")
        named, category = action.name, action.properties.get("category", "")
        if family == "use":
            manner = action.properties.get("manner")
            if manner not in _MANNERS:
                return "unknown_manner"
            named, category = f"{cells.USE}{manner}", word
        elif word not in terms.recipients or word not in self.gate.house.workspace.recipients:
            return "unknown_recipient"
        if category not in terms.categories and not (category == "" and family == "share"):
            return "unknown_category"
        if purpose not in self.gate.house.workspace.purposes or purpose not in terms.purposes:
            return "unknown_purpose"
        return Handling(brand=brand, purpose=purpose, action=named, category=category)

    def brand(self, subject: Subject) -> str:
        """The brand that acts; empty for none."""
        if subject.type == "brand":
            return subject.id
        named = subject.properties.get("brand") if subject.type == "system" else ""
        return named if isinstance(named, str) else ""

    def part(self, asks: Asks, part: Part) -> Answer:
        """Answer one of many. Raises PermissionDeniedException (another key's brand)."""
        ask = merged(asks, part)
        if ask is None:
            told = {"status": 400, "message": "subject, action and resource are needed, here or as defaults"}
            return Answer(decision=False, context=Told(error=told))
        try:
            return self.one(ask)
        except errors.BadInput as bad:
            return malformed(bad)

    def told(self, decision: Decision) -> Answer:
        """A decision as it is told in the caller's language."""
        return Answer(
            decision=decision.allow,
            context=Told(
                reasons=tuple(
                    ReasonTold(
                        code=one.code,
                        kind=one.kind.value,
                        sentence=self.phrases.why(one.code),
                        citation=one.citation,
                        detail=one.detail,
                    )
                    for one in decision.reasons
                ),
                obligations=tuple(
                    ObligationTold(id=one.value, sentence=self.phrases.obligation[one.value])
                    for one in decision.obligations
                ),
                evidence=decision.evidence,
                valid_until=stamp(decision.valid_until),
                defer_until=stamp(decision.defer_until) if decision.defer_until else "",
                would_allow=decision.would_allow,
                rules_version=decision.rules_version,
                ledger_size=decision.ledger_size,
            ),
        )


_ask = msgspec.json.Decoder(Ask).decode
_asks = msgspec.json.Decoder(Asks).decode
encode = msgspec.json.Encoder().encode


def read_ask(body: bytes) -> Ask:
    """One evaluation's body. Raises BadInput."""
    try:
        return _ask(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise problems.malformed(bad, Ask) from None


def read_asks(body: bytes) -> Asks:
    """Many evaluations' body. Raises BadInput."""
    try:
        asks = _asks(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise problems.malformed(bad, Asks) from None
    check(asks)
    return asks


def check(asks: Asks) -> None:
    """Refuse too many evaluations, and a semantic that is not known. Raises BadInput."""
    if len(asks.evaluations) > MOST:
        raise errors.BadInput(
            "Too many evaluations in one request",
            expected=f"at most {MOST}",
            got=str(len(asks.evaluations)),
            remedy="send them in parts, or screen the audience",
        )
    known = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")
    if asks.options.evaluations_semantic not in known:
        raise errors.BadInput(
            "The semantic of the evaluations is not known", expected=f"one of: {', '.join(known)}"
        )
    if asks.options.detail not in ("full", "brief"):
        raise errors.BadInput("The detail of the evaluations is not known", expected="full or brief")


def merged(asks: Asks, part: Part) -> Ask | None:
    """An evaluation with its defaults; None if something needed is in neither."""
    subject, action = part.subject or asks.subject, part.action or asks.action
    resource = part.resource or asks.resource
    if subject is None or action is None or resource is None:
        return None
    context = part.context if part.context is not None else asks.context
    return Ask(subject=subject, action=action, resource=resource, context=context or {})


def denied(code: str) -> Answer:
    """A No of the API's own, for a word that nobody knows."""
    reason = ReasonTold(code=code, kind="request", sentence=OWN[code])
    return Answer(decision=False, context=Told(reasons=(reason,)))


def malformed(bad: errors.BadInput) -> Answer:
    """The answer to one of many that cannot be asked."""
    return Answer(decision=False, context=Told(error={"status": 400, "message": bad.what}))


def channel_of(name: str) -> Channel | str:
    """The channel of an action; or the code of what is wrong with it."""
    kind, _, word = name.partition(".")
    if kind != "contact":
        return "unknown_action"
    return _CHANNELS.get(word, "unknown_action")


_MANNERS = frozenset(manner.value for manner in Manner)
_CHANNELS: dict[str, Channel] = {channel.value: channel for channel in Channel}


def person_id(text: str) -> int:
    """The id of a person as it is written, `p12`; -1, which is nobody's, for anything else."""
    return addresses.person_id(text) or -1


def moment(value: Any) -> int | None:
    """UTC seconds of an RFC 3339 time; None for none. Raises BadInput."""
    if value is None:
        return None
    try:
        second = int(msgspec.convert(value, datetime).timestamp()) if isinstance(value, str) else -1
    except (msgspec.ValidationError, ValueError, OverflowError):
        second = -1
    if not _FROM < second < _UNTIL or not _zoned(value):
        raise errors.BadInput(
            "A time cannot be read",
            expected="RFC 3339 with its zone, such as 2026-11-21T14:00:00Z, before 2100",
            remedy="write it so",
        )
    return second


def _zoned(value: str) -> bool:
    return value[-1:] in "Zz" or value[-6:-5] in ("+", "-")


@lru_cache(maxsize=1024)
def stamp(second: int) -> str:
    """A moment in RFC 3339."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_words(topics: Any) -> bool:
    return isinstance(topics, (list, tuple)) and all(isinstance(one, str) for one in topics)


@lru_cache(maxsize=256)  # most callers name no language, or always the same
def language(accept: str) -> Phrases:
    """The sentences for an `Accept-Language` header."""
    return wording.preferred(accept[:200])
