"""HubSpot contact export, and its opt-out list (one column, Email).

Rule: an opt-out list withdraws everything by e-mail. In a contact export "Unsubscribed from all email" does
the same and "Opted out of email: <type>" withdraws the purpose that `types` gives the type. The column on the
legal basis speaks of processing, not of messages: a consent there is unknown for every channel. Legitimate
interest and contract are evidence of another basis, never a consent; NON_GDPR and "not applicable" are
evidence of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from amana.connectors import exports, terms
from amana.connectors.exports import Line, Shape
from amana.connectors.tables import Source
from amana.connectors.walk import Read, Start, columns
from amana.core.statements import Statement
from amana.core.vocabulary import Channel, Status

KIND = "hubspot"
__all__ = ["KIND", "Options", "columns", "read"]

EMAIL = "Email"
OPTED_OUT = "Unsubscribed from all email"
OPTED_OUT_OF = "Opted out of email: "
LEGAL_BASIS = "Legal basis for processing contact's data"
BOUNCED = "Email hard bounce reason"
_KNOWN = frozenset({OPTED_OUT, LEGAL_BASIS, BOUNCED, "Record ID", "Contact ID"})

# Both the values of the interface (2026-03) and the labels of an export, in lower case.
_CONSENT = frozenset({"consent_with_notice", "process_and_store", "freely given consent from contact"})
_NOTHING = frozenset({"non_gdpr", "not applicable"})
_OTHER_BASIS = {
    "legitimate_interest_pql": "interest",
    "legitimate interest - prospect/lead": "interest",
    "legitimate_interest_client": "relationship",
    "legitimate interest - existing customer": "relationship",
    "legitimate_interest_other": "interest",
    "legitimate interest - other": "interest",
    "performance_of_contract": "relationship",
    "performance of a contract": "relationship",
}


class Options(exports.AudienceOptions, frozen=True, kw_only=True):
    """`proof` is what is on record for the other basis too (own collection, expected, …)."""

    types: dict[str, str] = msgspec.field(default_factory=dict)  # HubSpot subscription type -> purpose


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """What the export says, as `walk` describes."""

    def shape_of(part: str, header: Sequence[str]) -> Shape:
        if list(header) == [EMAIL]:
            return Shape(says=_opted_out, needed=(EMAIL,), email=(EMAIL,))
        return Shape(
            says=partial(_says, options),
            needed=(EMAIL, *(OPTED_OUT_OF + each for each in options.types)),
            known=_KNOWN,
            external_id=("Record ID", "Contact ID"),
            email=(EMAIL,),
        )

    return exports.read_tables(source, options, shape_of, start)


def _opted_out(line: Line) -> Iterator[Statement]:
    yield Statement(status=Status.WITHDRAWN, channel=Channel.EMAIL, reason="unsubscribe")


def _says(options: Options, line: Line) -> Iterator[Statement]:
    if line.says_yes(OPTED_OUT):
        yield from _opted_out(line)
    for each, purpose in options.types.items():
        if line.says_yes(OPTED_OUT_OF + each):
            yield Statement(
                status=Status.WITHDRAWN, purpose=purpose, channel=Channel.EMAIL, reason="unsubscribe"
            )
    if line.has(BOUNCED):
        yield exports.blocked(Channel.EMAIL, "bounce_hard")
    for written in line.text(LEGAL_BASIS).split(";"):
        yield from _basis(options, line, written.strip().casefold().replace("–", "-"))


def _basis(options: Options, line: Line, written: str) -> Iterator[Statement]:
    if written in _CONSENT or written in _NOTHING:
        yield from exports.unknowns(options, Channel.EMAIL)
    elif written in _OTHER_BASIS:
        for purpose in options.purposes:
            yield Statement(
                status=Status.UNKNOWN,
                purpose=purpose,
                channel=Channel.EMAIL,
                proof=terms.proof_of(options.proof),
                reason=_OTHER_BASIS[written],
                relationship=True,
            )
    elif written:
        line.note(LEGAL_BASIS, "unknown_status")
