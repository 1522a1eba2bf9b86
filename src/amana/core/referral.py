"""Refer a friend: whether a company may write to somebody whose address a customer handed over.

Rule. A message to the friend is the company's own advertising, whoever typed the address (BGH I ZR 208/12; ICO guidance
on electronic mail, "instigate"), and the friend agreed to nothing. So the answer is no, unless the law of every country
concerned knows a referral: an exception for a single message, whose conditions are all stated to be met. Canada's is
the one in the book (SOR/2013-221 s. 4): the referrer has a relationship with the sender and with the friend, and the
message names the referrer in full. A message that cannot be edited and is paid for by the piece is instigated: no.

What is always allowed is a link of the referrer's own, which they send to whom they choose: it says nothing about the
friend, and nothing about the friend is stored until the friend acts.
"""

from __future__ import annotations

from datetime import date
from enum import Enum

import msgspec

from amana.core.packs import ExceptionKind, LawBook, LawException
from amana.core.vocabulary import Basis, Channel, SubjectType

REFERRAL = "referrer_has_relationship_with_sender_and_recipient"
"""The condition by which a pack says that its single message is one of referral."""


class Refusal(Enum):
    """Why the company may not write to the friend."""

    NO_COUNTRY = "no_country"  # where the friend lives is not said, and the workspace serves nobody
    LAW_UNKNOWN = "law_unknown"
    PROHIBITED = "prohibited"
    NO_REFERRAL_IN_LAW = "no_referral_in_law"
    RELATIONSHIPS_NOT_STATED = "relationships_not_stated"
    REFERRER_NOT_NAMED = "referrer_not_named"
    INSTIGATED = "instigated"
    WRITTEN_BEFORE = "written_before"  # the one message was sent
    SUPPRESSED = "suppressed"  # the friend said no, or their address is on a suppression list
    KNOWN = "known"  # we know them: whether they may be contacted is the gate's question


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender states of the referral. What nobody states is not so."""

    knows_sender: bool = False  # the referrer has an existing relationship with the sender
    knows_friend: bool = False  # and one with the friend, business, family or personal
    referrer_named: bool = False  # the message says the referrer's full name, and that it follows a referral
    paid_by_message: bool = False  # a reward for each message sent


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the one message may be sent. Deny unless nothing speaks against it."""

    allow: bool
    refusals: tuple[Refusal, ...]
    rules: tuple[str, ...]  # ids of the exceptions that it rests on
    citations: tuple[str, ...]


def decide(
    book: LawBook, places: tuple[str, ...], channel: Channel, subject: SubjectType, on: date, stated: Stated
) -> Answer:
    """Whether the law of all these places allows the one message. Raises BadLaw for an unsound book."""
    refusals: set[Refusal] = set() if places else {Refusal.NO_COUNTRY}
    rest_on: list[LawException] = []
    for place in places:
        found = _referral(book, place, channel, subject, on)
        if isinstance(found, Refusal):
            refusals.add(found)
        else:
            rest_on.append(found)
    refusals |= _unmet(stated)
    return Answer(
        allow=not refusals,
        refusals=tuple(one for one in Refusal if one in refusals),
        rules=tuple(dict.fromkeys(one.id for one in rest_on)),
        citations=tuple(dict.fromkeys(one.citation for one in rest_on)),
    )


def _referral(
    book: LawBook, place: str, channel: Channel, subject: SubjectType, on: date
) -> LawException | Refusal:
    rule = book.rule(place, channel, subject, on) if book.knows(place) else None
    if rule is None:
        return Refusal.LAW_UNKNOWN
    if rule.basis is Basis.PROHIBITED:
        return Refusal.PROHIBITED
    for one in rule.exceptions:
        tokens = {condition.token for condition in one.conditions}
        if one.kind is ExceptionKind.REQUEST and one.max_messages == 1 and REFERRAL in tokens:
            return one
    return Refusal.NO_REFERRAL_IN_LAW


def _unmet(stated: Stated) -> set[Refusal]:
    found = {
        Refusal.RELATIONSHIPS_NOT_STATED: not (stated.knows_sender and stated.knows_friend),
        Refusal.REFERRER_NOT_NAMED: not stated.referrer_named,
        Refusal.INSTIGATED: stated.paid_by_message,
    }
    return {refusal for refusal, unmet in found.items() if unmet}
