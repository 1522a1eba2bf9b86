"""What a source says about a person, before anything is decided.

Rule: a capture edge (an import, a form, a webhook, the API) turns its input into `PersonRow`s of `Statement`s and
decides nothing. Values are as the source wrote them, trimmed; the write path normalises, matches and folds them.
A statement without proof is worth saying: it becomes *unknown*, never *given*. Opt-outs need no proof at all.
"""

from __future__ import annotations

import msgspec

from amana.core.vocabulary import Actor, Channel, Proof, Status

EMPTY_ROW = "empty_row"
"""The reason of a row that says nothing at all: it is counted, and there is nothing to mend."""

ANY = "*"
"""Stands for every purpose, every channel or every brand in a refusal. Never allowed in a grant."""


UNREADABLE = "\ufffd"
"""Stands for a value that its source has and nobody can read; the edge that met it has reported it."""


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """When something happened: `[lo, hi]` in whole UTC seconds. A bare date is the whole day in its source's zone."""

    lo: int
    hi: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a source says about one purpose and channel of one person."""

    status: Status
    purpose: str = ANY
    channel: Channel | None = None  # None is every channel; only refusals may say so
    occurred: Interval | None = None  # None: the source does not say
    proof: Proof = Proof(0)  # evidence checks which the source documents for this row
    actor: Actor = Actor.IMPORT
    reason: str = (
        ""  # short token: unsubscribe, bounce_hard, complaint, suppressed, registry, export_status …
    )
    relationship: bool = False  # evidence of another basis (soft opt-in, contract), not a consent
    notice: str = ""  # notice id[@version] that the source says was shown, if any
    evidence: str = ""  # reference into the source (a form id, a campaign), never a personal value
    point_blocked: bool = False  # speaks about the address itself: bounce, complaint, suppression


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a source, read but not yet matched to a person."""

    part: str  # which file of the source (member of a zip, sheet), "" for a single file
    line: int  # 1-based line or row number in that file, header included
    external_id: str = ""  # the source's own stable id of the person, if it has one
    email: str = ""
    phone: str = ""
    phone_country: str = ""  # ISO 3166-1 alpha-2 for reading a national number, if the row or mapping says
    fields: dict[str, str] = {}  # registered field name -> value as written, or UNREADABLE
    statements: tuple[Statement, ...] = ()


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A row or a value that could not be taken. Holds line, column and reason, never the value."""

    part: str
    line: int
    column: str
    reason: str  # stable token, e.g. bad_email, bad_phone, bad_date, unknown_status, encoding
    whole_row: bool = True  # False: the row was taken without this value

    @property
    def empty(self) -> bool:
        """Whether there was no row to take: every cell of it is empty."""
        return self.reason == EMPTY_ROW
