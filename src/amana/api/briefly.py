"""Many evaluations at once, briefly: the answer and its reasons, without evidence, obligations and validity.

Rule. The caller asks for it with `options.detail = "brief"`. The reasons are those of the one gate, read for everybody
together from the columns and what changed since (`services.asking_many`), and as fresh: a withdrawal that was answered
before is in them. Evaluations of one question at one moment go together; who is named by address or number is asked about
alone. Columns are brought up to date beside the answers, which never wait for them. An answer is encoded once for each
set of reasons, because a few sets are most of what is answered.
"""

from __future__ import annotations

from amana import errors
from amana.api import decisions
from amana.api.decisions import Answer, Asker, Asks, Part, ReasonTold, Told
from amana.api.desk import Desk
from amana.core import decision, rules
from amana.core.phrases import Phrases
from amana.services.audience import cache
from amana.services.gate.asking import Inquiry

Group = tuple[Inquiry, int | None]
CATCH_UP = 30  # seconds between two looks whether the columns should be brought to the ledger's head


def answered(desk: Desk, asker: Asker, asks: Asks) -> bytes:
    """The whole body of the answers. Raises PermissionDeniedException (another key's brand)."""
    told: list[bytes] = [b""] * len(asks.evaluations)
    groups: dict[Group, tuple[list[int], list[int]]] = {}
    common = shared(asker, asks)
    for place, part in enumerate(asks.evaluations):
        if common is not None and is_plain(part):
            group, resource = common, part.resource
        else:
            found = _grouped(asker, asks, part)
            if isinstance(found, bytes):
                told[place] = found
                continue
            group, resource = found, part.resource or asks.resource
        if resource is not None:
            places, people = groups.setdefault(group, ([], []))
            places.append(place)
            people.append(max(0, decisions.person_id(resource.id)))
    for group, (places, people) in groups.items():
        _tell(desk, asker.phrases, group, places, people, told)
    return b'{"evaluations":[' + b",".join(_as_far_as(asks, told)) + b"]}"


def _tell(
    desk: Desk, phrases: Phrases, group: Group, places: list[int], people: list[int], told: list[bytes]
) -> None:
    inquiry, at = group
    keep_up(desk, inquiry)
    found = desk.many().ask(people, inquiry, at)
    bits = found.bits.tolist()
    encoded = {one: _encoded(one, phrases, found.rules_version, found.ledger_size) for one in set(bits)}
    for place, one in zip(places, bits, strict=True):
        told[place] = encoded[one]


def keep_up(desk: Desk, inquiry: Inquiry) -> None:
    """Now and then bring the columns of a question to the ledger's head, beside the answers: nobody waits for it."""
    if desk.is_due((inquiry.brand, inquiry.purpose, inquiry.channel), CATCH_UP):
        cell = desk.gate().terms.cell(inquiry.brand, inquiry.purpose, inquiry.channel.value)
        desk.begin(cache.catch_up, desk.house, cell)


def _encoded(bits: int, phrases: Phrases, version: str, size: int) -> bytes:
    reasons = tuple(
        ReasonTold(
            code=code,
            kind=rules.BY_CODE[code].kind.value,
            sentence=phrases.why(code),
            citation=rules.BY_CODE[code].citation,
        )
        for code in decision.codes(bits)
    )
    context = Told(reasons=reasons, rules_version=version, ledger_size=size)
    return decisions.encode(Answer(decision=not bits, context=context))


def shared(asker: Asker, asks: Asks) -> Group | None:
    """The question that evaluations share which name nothing but whom they are about; None if there is none.

    Raises PermissionDeniedException (another key's brand), where one of them asks it.
    """
    if asks.subject is None or asks.action is None or asks.context:
        return None
    if not any(map(is_plain, asks.evaluations)):
        return None
    inquiry = asker.inquiry(asks.subject, asks.action)
    return None if isinstance(inquiry, str) else (inquiry, None)


def is_plain(part: Part) -> bool:
    """Whether an evaluation names nothing but a person."""
    return (
        part.resource is not None
        and part.resource.type == "person"
        and part.subject is None
        and part.action is None
        and part.context is None
    )


def _grouped(asker: Asker, asks: Asks, part: Part) -> Group | bytes:
    """The question that an evaluation asks of a person, or its answer where it asks something else."""
    try:
        ask = decisions.merged(asks, part)
        if ask is None or ask.resource.type != "person":
            return decisions.encode(_brief(asker.part(asks, part)))
        inquiry = asker.inquiry(ask.subject, ask.action)
        if isinstance(inquiry, str):
            return decisions.encode(decisions.denied(inquiry))
        return inquiry, decisions.moment(ask.context.get("time"))
    except errors.BadInput as bad:
        return decisions.encode(decisions.malformed(bad))


def _brief(answer: Answer) -> Answer:
    told = answer.context
    context = Told(
        reasons=tuple(
            ReasonTold(code=one.code, kind=one.kind, sentence=one.sentence, citation=one.citation)
            for one in told.reasons
        ),
        rules_version=told.rules_version,
        ledger_size=told.ledger_size,
        error=told.error,
    )
    return Answer(decision=answer.decision, context=context)


_YES, _NO = b'{"decision":true', b'{"decision":false'


def _as_far_as(asks: Asks, told: list[bytes]) -> list[bytes]:
    """The answers as far as the semantic wants them: up to the first No, or the first Yes."""
    end = {"deny_on_first_deny": _NO, "permit_on_first_permit": _YES}.get(asks.options.evaluations_semantic)
    if end is None:
        return told
    last = next((place for place, one in enumerate(told) if one.startswith(end)), len(told))
    return told[: last + 1]
