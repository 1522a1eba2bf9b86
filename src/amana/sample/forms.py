"""The sample company's capture forms and the wordings they showed, and what each of them proves.

Rule: what a sign-up is worth depends on the wording of its day and on the form it came through. The first
wording had the box ticked beforehand inside the terms; the second asked properly, for e-mail alone; the
third asks for e-mail and text messages apart. The prize draw made the consent a condition of taking part,
whatever the wording. A mapping of the sample's files says the same in its own words; `proof` is what to
hold it against.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec

from amana.core.vocabulary import Channel, Proof


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the sign-up text."""

    name: str  # as the exports write it
    since: date  # first day it was shown
    channels: frozenset[Channel]  # which it asked about
    proof: Proof  # checks it meets in itself; a confirmation by the address's holder is not one of them


_ASKED_PROPERLY = (
    Proof.CHANNEL_NAMED
    | Proof.SENDER_NAMED
    | Proof.PURPOSE_NAMED
    | Proof.UNBUNDLED
    | Proof.UNTICKED
    | Proof.NOT_CONDITION
    | Proof.WITHDRAWAL_TOLD
    | Proof.DEMONSTRABLE
)

WORDINGS: Final[tuple[Wording, ...]] = (
    Wording(
        name="news-1",
        since=date(2021, 1, 1),
        channels=frozenset({Channel.EMAIL}),
        proof=Proof.CHANNEL_NAMED | Proof.SENDER_NAMED | Proof.DEMONSTRABLE,
    ),
    Wording(
        name="news-2",
        since=date(2022, 6, 1),
        channels=frozenset({Channel.EMAIL}),
        proof=_ASKED_PROPERLY,
    ),
    Wording(
        name="news-3",
        since=date(2024, 3, 1),
        channels=frozenset({Channel.EMAIL, Channel.SMS}),
        proof=_ASKED_PROPERLY | Proof.SEPARATE_DOCUMENT | Proof.WRITTEN,
    ),
)
"""In the order of their first day."""

FORMS: Final[dict[str, int]] = {
    "web_footer": 34,
    "web_checkout": 30,
    "shop_card": 14,
    "app": 12,
    "fair": 5,
    "prize_draw": 5,
}
"""Form to its share of the sign-ups."""

_CONDITIONAL = Proof.UNBUNDLED | Proof.NOT_CONDITION


def wording_on(day: date) -> Wording:
    """The wording that was shown on a day; before the first day, the first."""
    shown = [wording for wording in WORDINGS if wording.since <= day]
    return shown[-1] if shown else WORDINGS[0]


def proof(form: str, wording: Wording) -> Proof:
    """The checks that a sign-up through this form with this wording meets."""
    return wording.proof & ~_CONDITIONAL if form == "prize_draw" else wording.proof
