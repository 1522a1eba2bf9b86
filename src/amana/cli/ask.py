"""`amana ask`: one person, one question, and everything that the answer rests on.

Rule. The verdict stands first, then every reason as a sentence with what would change it, then the law with how sure we
are of it, what Amana does not check itself, the evidence by event id, and what the ledger and the law book were. A
refusal is an answer and ends with status 1. An address that several people hold is answered for all of them: the
strictest answer counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
import typer

from amana import errors
from amana.cli import chronicle, question, rendering, session, wording
from amana.cli.question import (
    About,
    AtOption,
    BrandOption,
    CategoryOption,
    ContactOption,
    MannerOption,
    PurposeOption,
    ShareOption,
    TopicOption,
    UseOption,
)
from amana.cli.session import JsonFlag, answer
from amana.core.decision import Decision, LawCited, Reason
from amana.core.events import Permission
from amana.core.remedies import Remedy
from amana.services.gate.asking import Asked, Gate
from amana.services.gate.handling import Handling
from amana.services.record import addresses, history
from amana.services.record.history import Opened
from amana.services.record.house import House
from amana.storage import log, sources

PersonArgument = Annotated[str, typer.Argument(help="p123, an e-mail address or a phone number.")]


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with what is needed to read it."""

    asked: Asked
    holders: tuple[int, ...]  # whom it was asked about; empty: nobody known holds the address
    decision: Decision
    evidence: tuple[Opened, ...]  # the events that it rests on
    sources: dict[int, str]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("ask")(ask)


def ask(
    context: typer.Context,
    person: PersonArgument,
    purpose: PurposeOption,
    channel: ContactOption = None,
    use: UseOption = "",
    manner: MannerOption = None,
    share: ShareOption = "",
    category: CategoryOption = "",
    brand: BrandOption = "",
    topic: TopicOption = None,
    at: AtOption = "",
    known_at: Annotated[
        int | None, typer.Option("--known-at", min=0, help="Answer with what this many events told.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """May we contact this person, or use or share their data, for this purpose, now, and why? Status 1: no."""
    moment = question.moment(at)
    about = About(channel=channel, use=use, manner=manner, share=share, category=category)
    with context.obj.house() as house:
        asked = question.asked(house, brand, purpose, about, topic)
        found = _ask(house, person, asked, moment, known_at)
    answer(_told(found) if json else found, json=json, render=_show)
    if not found.decision.allow:
        raise typer.Exit(session.DENIED)


def _ask(house: House, person: str, asked: Asked, at: int | None, known_at: int | None) -> Answered:
    gate = Gate(house, with_remedies=True)
    try:
        _check_position(house, known_at)
        number = addresses.person_id(person)
        if number is not None:
            holders: tuple[int, ...] = (number,)
            decision = gate.ask(number, asked, at, known_at)
        else:
            decision, holders = gate.ask_address(person, asked, at, known_at)
    finally:
        gate.close()
    with house.database.read() as connection:
        names = chronicle.sources(sources.all_sources(connection))
    return Answered(
        asked=asked,
        holders=holders,
        decision=decision,
        evidence=tuple(_evidence(house, decision, holders, known_at)),
        sources=names,
    )


def _check_position(house: House, known_at: int | None) -> None:
    with house.database.read() as connection:
        latest = log.latest(connection)
    size = latest.size if latest else 0
    if known_at is not None and known_at > size:
        raise errors.BadInput(
            "The ledger does not hold that many events yet",
            expected=f"--known-at from 0 to {size}",
            remedy="ask about a smaller number",
        )


def _evidence(
    house: House, decision: Decision, holders: Iterable[int], known_at: int | None
) -> Iterator[Opened]:
    """The events that a decision names, each opened and verified."""
    named = {one for one in (decision.evidence.grant, *decision.evidence.refusals) if one}
    for holder in holders if named else ():
        for opened in history.of_person(house, holder, before=known_at):
            if opened.event.id in named:
                yield opened


# ---- as JSON ----------------------------------------------------------------------------------------------------


def _told(found: Answered) -> dict[str, Any]:
    text = wording.english()
    decision: dict[str, Any] = msgspec.to_builtins(found.decision)
    for reason in decision["reasons"]:
        reason["sentence"] = text.why(reason["code"])
        reason["turn"] = text.turn(reason["code"], reason["detail"])
    for remedy, found_one in zip(
        decision.get("would_allow") or (), found.decision.would_allow or (), strict=True
    ):
        remedy["sentence"] = remedy_told(found_one)
    asked = {"people": [f"p{one}" for one in found.holders], **question.told(found.asked)}
    return {"asked": asked, **decision, "events": [chronicle.plain(one) for one in found.evidence]}


# ---- in words ---------------------------------------------------------------------------------------------------


def _show(found: Answered) -> None:
    decision, text = found.decision, wording.english()
    verdict = text.verdict.allow if decision.allow else text.verdict.deny
    rendering.line(verdict, style="bold green" if decision.allow else "bold red")
    who = ", ".join(f"p{one}" for one in found.holders) or "nobody known"
    rendering.line(
        f"  {who}: {question.spelt(question.told(found.asked))}, at {rendering.moment(decision.at)}"
    )
    if len(found.holders) > 1:
        rendering.line("  Several people hold this address: the strictest answer counts.")
    if decision.reasons:
        rendering.heading("Why not")
        for reason in decision.reasons:
            _show_reason(reason)
    _show_remedies(decision)
    if decision.obligations:
        rendering.heading("If you do it" if isinstance(found.asked, Handling) else "If you contact them")
        for obligation in decision.obligations:
            rendering.line(f"  {text.obligation[obligation.value]}")
    _show_law(decision.evidence.law)
    _show_evidence(found)
    _show_until(decision)


def _show_reason(reason: Reason) -> None:
    text = wording.english()
    rendering.line(f"  {text.why(reason.code)}")
    if reason.detail:
        rendering.line(f"      Missing: {text.proofs(reason.detail)}.")
    rendering.line(f"      What would change it: {text.turn(reason.code, reason.detail)}")
    rendering.line(
        f"      {reason.code}; {text.kind[reason.kind.value]}; rests on: {reason.citation}", style="dim"
    )


def _show_remedies(decision: Decision) -> None:
    text = wording.english()
    if decision.allow or decision.would_allow is msgspec.UNSET:
        return
    if decision.would_allow is None:
        rendering.line(f"  {text.verdict.nothing}")
        return
    rendering.heading("The smallest change that would allow it, asked again and found true")
    for remedy in decision.would_allow:
        rendering.line(f"  {remedy_told(remedy)}")


def remedy_told(remedy: Remedy) -> str:
    """A remedy in words, with the moment, the proofs or the names that it needs."""
    text = wording.english()
    details = [rendering.moment(remedy.until)] if remedy.until is not None else []
    details += [text.proofs(remedy.proofs)] if remedy.proofs else []
    details += [rendering.words(", ".join(remedy.names))] if remedy.names else []
    return text.remedy[remedy.kind.value] + (f": {'; '.join(details)}" if details else "")


def _show_law(law: tuple[LawCited, ...]) -> None:
    if not law:
        return
    text = wording.english()
    rendering.heading("The law that applies")
    for row in law:
        doubt = "" if row.confirmed else f"; {text.verdict.unconfirmed}"
        rendering.line(f"  {row.place}: {text.basis[row.basis]} ({row.rule}: {row.citation})")
        rendering.line(f"      {row.mark.value}, confidence {row.confidence.value}{doubt}", style="dim")
    tokens = dict.fromkeys(token for row in law for token in row.not_enforced)
    if tokens:
        rendering.line("  Conditions that Amana does not check; you have to:")
        for token in tokens:
            rendering.line(f"      {rendering.words(token)}")


def _show_evidence(found: Answered) -> None:
    rendering.heading("Read from")
    text = wording.english()
    for opened in found.evidence:
        event = opened.event
        rendering.line(f"  {chronicle.told(event, text)}")
        rendering.line(
            f"      event {event.id}, {rendering.interval(event.occurred)}, through "
            f"{chronicle.source(event.source, found.sources)}",
            style="dim",
        )
        if shown := chronicle.shown(event, text):
            rendering.line(f"      on record: {shown}", style="dim")
        if isinstance(event, Permission) and event.notice_hash:
            rendering.line(f"      wording shown: SHA-256 {event.notice_hash}", style="dim")
    decision = found.decision
    rendering.line(
        f"  a ledger of {rendering.counted(decision.ledger_size, 'event')} "
        f"and law book {decision.rules_version}; compiled from public "
        "material, not legal advice"
    )


def _show_until(decision: Decision) -> None:
    rendering.heading("When it may change")
    if decision.defer_until is not None:
        rendering.line(f"  From {rendering.moment(decision.defer_until)} on the answer is yes.")
    rendering.line(
        f"  Until {rendering.moment(decision.valid_until)} only a new event can change it; after that, ask again."
    )
