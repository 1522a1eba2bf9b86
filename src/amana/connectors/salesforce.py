"""Salesforce consent objects as CSV: ContactPointTypeConsent, ContactPointConsent, CommSubscriptionConsent.

Rule: PrivacyConsentStatus OptIn grants with documented proof, OptOut withdraws, Seen and NotSeen say nothing;
a record without a status is no grant. CaptureContactPointType is how the consent was captured, not what it is
for, and is never read as the channel: that is ContactPointType, or the option `channel`. A grant counts from
EffectiveFrom when that is later than its capture. A grant with an end cannot be carried with its end here, so
it is unknown and noted. DataUsePurposeId is given a purpose in `data_use`; an opt-out without a known one
refuses every purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from amana import errors
from amana.connectors import exports
from amana.connectors.exports import Line, Shape
from amana.connectors.tables import Source
from amana.connectors.walk import Read, Start, columns
from amana.core.statements import ANY, Interval, Statement
from amana.core.vocabulary import Channel, Proof, Status

KIND = "salesforce"
__all__ = ["KIND", "Options", "columns", "read"]

STATUS = "PrivacyConsentStatus"
POINT_TYPE = "ContactPointType"
PURPOSE = "DataUsePurposeId"
_CAPTURED = ("CaptureDate", "ConsentCapturedDateTime")
_FROM = ("EffectiveFrom", "EffectiveFromDate")
_TO = ("EffectiveTo", "EffectiveToDate")
_IDS = ("PartyId", "ConsentGiverId")
_KNOWN = frozenset(
    {
        *_CAPTURED,
        *_FROM,
        *_TO,
        *_IDS,
        *("Id", "Name", "OwnerId", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate"),
        *("LastModifiedById", "SystemModstamp", "LastViewedDate", "LastReferencedDate"),
        *(STATUS, POINT_TYPE, PURPOSE, "ContactPointId", "BusinessBrandId", "PartyRoleId"),
        *("CaptureContactPointType", "CaptureSource", "DoubleConsentCaptureDate"),
        *("ConsentCapturedSource", "CommSubscriptionChannelTypeId", "Email", "Phone"),
    }
)


class Options(exports.Options, frozen=True, kw_only=True):
    """What the ids and types in the objects mean."""

    data_use: dict[str, str]  # DataUsePurposeId -> purpose
    channel: Channel | None = None  # for objects without ContactPointType
    point_types: dict[str, Channel] = msgspec.field(
        default_factory=lambda: {"Email": Channel.EMAIL, "MailingAddress": Channel.POST}
    )


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """What the objects say, as `walk` describes."""

    def shape_of(part: str, header: Sequence[str]) -> Shape:
        if POINT_TYPE not in header and options.channel is None:
            raise errors.BadInput(
                "The table does not say for which channel its consents are",
                expected=f"the column {POINT_TYPE}, or the option channel",
            )
        return Shape(
            says=partial(_says, options), known=_KNOWN, external_id=_IDS, email=("Email",), phone=("Phone",)
        )

    return exports.read_tables(source, options, shape_of, start)


def _says(options: Options, line: Line) -> Iterator[Statement]:
    status = line.text(STATUS)
    channel = options.point_types.get(line.text(POINT_TYPE), options.channel)
    purpose = options.data_use.get(line.text(PURPOSE), ANY)
    if status == "OptOut":
        yield Statement(
            status=Status.WITHDRAWN,
            purpose=purpose,
            channel=channel,
            occurred=line.moment(*_CAPTURED),
            reason="export_status",
        )
    elif status not in ("OptIn", "Seen", "NotSeen", ""):
        line.note(STATUS, "unknown_status")
    elif purpose == ANY:
        line.note(PURPOSE, "unknown_purpose")
    elif channel is None:
        line.note(POINT_TYPE, "unknown_channel")
    else:
        yield from _grant(options, line, purpose, channel, opted_in=status == "OptIn")


def _grant(
    options: Options, line: Line, purpose: str, channel: Channel, *, opted_in: bool
) -> list[Statement]:
    ends = any(map(line.has, _TO))
    if opted_in and ends:
        line.note(next(name for name in _TO if line.has(name)), "end_date")
    confirmed = opted_in and line.moment("DoubleConsentCaptureDate") is not None
    return exports.grants(
        options,
        (purpose,),
        channel,
        _later(line.moment(*_CAPTURED), line.moment(*_FROM)),
        documented=opted_in and not ends,
        shown=Proof.CONFIRMED if confirmed else Proof(0),
    )


def _later(captured: Interval | None, starts: Interval | None) -> Interval | None:
    if captured is None or starts is None:
        return captured
    return max(captured, starts, key=lambda each: each.lo)
