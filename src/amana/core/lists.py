"""Bought and shared lists: which papers a buyer must hold, and what it means if they are missing.

Rule. A list that somebody else collected proves nothing by itself. Five things fail it outright: nothing but a verbal
assurance, no proof for each record, a consent that does not name this sender, a form bundled with a competition, and
details that were inferred from a vulnerability. What the papers do not say counts as the worse. A list that fails is
*held*: nobody may be contacted on its strength until papers arrive that do not fail. Whatever its papers, it never
carries a soft opt-in or a customer relationship: those belong to whoever sold or served, which the buyer did not.
People of it must be told where their details came from within a month (GDPR art. 14(3)(a)), passed or failed.

Sources: ICO direct marketing guidance on indirect consent; GDPR art. 7(1), 14; CNIL decisions on bought lists
(SOLOCAL, CALOGA).
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

import msgspec

from amana import errors

LACKED_BASES = frozenset({"sale", "relationship"})
"""Bases that a buyer of a list never has."""

DOCUMENTS = ("form", "notice", "records", "contract", "withdrawals", "registry_check", "validation", "sample")
"""What a careful buyer asks the seller for; what is not there is told, and only the five fail."""


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One paper: the file's name, and the SHA-256 of its bytes in hexadecimal."""

    file: str
    sha256: str = ""


class Papers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the seller of a list handed over, as the buyer states it."""

    seller: str
    collector: str = ""  # who asked the people
    verbal_assurance: bool = False  # somebody merely said so
    per_record_proof: bool = False  # for each record: when, how and what was shown
    sender_named: bool = False  # the consent names this organisation
    competition_bundle: bool | None = None  # agreeing was part of entering a competition; None: nobody knows
    inferred_vulnerability: bool | None = None  # such as a refused loan; None: nobody knows
    documents: dict[str, Document] = {}


def read(text: str) -> Papers:
    """The papers of a list from TOML. Raises BadInput."""
    try:
        papers = msgspec.toml.decode(text, type=Papers)
    except msgspec.DecodeError as bad:
        raise errors.BadInput(
            f"The papers of the list cannot be read: {bad}", remedy="mend the entry it names; see docs/law.md"
        ) from bad
    unknown = sorted(set(papers.documents) - set(DOCUMENTS))
    if unknown:
        raise errors.BadInput(
            "The papers name a document that is not known",
            expected=", ".join(DOCUMENTS),
            got=", ".join(unknown),
            remedy="call it by one of these names",
        )
    return papers


def fails(papers: Papers | None) -> tuple[str, ...]:
    """Why a list must be held; empty if it need not be. None stands for no papers at all."""
    if papers is None:
        return ("no_papers",)
    found = {
        "verbal_assurance": papers.verbal_assurance or not papers.documents,
        "no_per_record_proof": not papers.per_record_proof or "records" not in papers.documents,
        "sender_not_named": not papers.sender_named or "form" not in papers.documents,
        "competition_bundle": papers.competition_bundle is not False,
        "inferred_vulnerability": papers.inferred_vulnerability is not False,
    }
    return tuple(name for name, failed in found.items() if failed)


def missing(papers: Papers | None) -> tuple[str, ...]:
    """The documents that a careful buyer would have and that are not there."""
    held = papers.documents if papers is not None else {}
    return tuple(name for name in DOCUMENTS if name not in held)


def notice_due(obtained: int) -> int:
    """The end of the month within which people must be told (GDPR art. 14(3)(a)), in UTC seconds.

    A month that is too short ends on its last day; messages before then must tell at the latest when they are sent.
    """
    start = datetime.fromtimestamp(obtained, UTC)
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())
