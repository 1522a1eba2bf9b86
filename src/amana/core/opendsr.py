"""OpenDSR 2.0 as a processor reads and tells it: the words of a request, and of how it stands.

Rule.
- A request names its kind (access, portability, erasure), a version 4 UUID in small letters, when the person asked,
  and by what they are known. The specification's own example leaves `regulation` out, so that it may be missing; one
  that is there is `gdpr` or `ccpa`.
- Identities are read as they are written (`raw`). A hash of an address finds nobody here: addresses are found by a
  keyed digest, so that no list of hashes can be tried against them. One e-mail address or number is needed.
- A request is `pending` until it runs, `in_progress` while it does, `completed` once it is answered, and `cancelled`
  when it was taken back or refused.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from amana import errors
from amana.core.rights import Kind, Status

VERSION = "2.0"
RAW = "raw"
ADDRESSES = ("email", "phone_number")
"""Identities by which a person is found here."""
OTHERS = (
    "controller_customer_id",
    "android_advertising_id",
    "android_id",
    "fire_advertising_id",
    "ios_advertising_id",
    "ios_vendor_id",
    "microsoft_advertising_id",
    "microsoft_publisher_id",
    "roku_advertising_id",
    "roku_publisher_id",
)
"""Identities by which connected systems may know them."""
KINDS = (Kind.ACCESS, Kind.PORTABILITY, Kind.ERASURE)
REGULATIONS = frozenset({"", "gdpr", "ccpa"})
MOST = 20  # identities, and callbacks
LONGEST = 500  # characters of a value
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z")


class Processor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That this workspace takes requests from controllers, and as whom it signs."""

    domain: str  # on which the requests come in, and which the certificate names
    certificate_file: str  # PEM, of a certificate authority
    key_file: str  # PEM of its RSA key
    callbacks: tuple[str, ...] = ()  # hosts that statuses may be called back to


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """By what a person is known."""

    identity_type: str
    identity_value: str
    identity_format: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a controller sends. What is not read here, extensions among it, is left alone."""

    subject_request_id: str
    subject_request_type: str
    submitted_time: datetime
    subject_identities: tuple[Identity, ...] = ()
    regulation: str = ""
    api_version: str = VERSION
    status_callback_urls: tuple[str, ...] = ()


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a request is about: one address, and what else is known."""

    address: str
    identities: dict[str, tuple[str, ...]]


def check(processor: Processor | None) -> None:
    """Refuse hosts that are none. Raises BadWorkspace."""
    for host in (processor.domain, *processor.callbacks) if processor else ():
        if not _HOST.match(host):
            raise errors.BadWorkspace(
                "[opendsr] names a host that is none",
                expected="a name such as requests.example.com, in small letters",
                remedy="write the host alone, without https:// and without a path",
            )


def read(body: bytes) -> Wanted:
    """A request's body. Raises BadInput that names the field and repeats no value."""
    try:
        wanted = msgspec.json.decode(body, type=Wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise wrong(_field_of(bad), "a request as OpenDSR 2.0 describes it") from None
    if not _UUID.match(wanted.subject_request_id):
        raise wrong("subject_request_id", "a version 4 UUID in small letters")
    if wanted.subject_request_type not in {one.value for one in KINDS}:
        raise wrong("subject_request_type", ", ".join(one.value for one in KINDS))
    if wanted.regulation not in REGULATIONS:
        raise wrong("regulation", "gdpr or ccpa")
    if wanted.submitted_time.tzinfo is None:
        raise wrong("submitted_time", "an RFC 3339 time with its zone")
    if wanted.api_version.partition(".")[0] != VERSION.partition(".")[0]:
        raise wrong("api_version", VERSION)
    if len(wanted.status_callback_urls) > MOST:
        raise wrong("status_callback_urls", f"at most {MOST}")
    return wanted


def subject(wanted: Wanted) -> Subject:
    """Whom a request is about. Raises BadInput."""
    found: dict[str, list[str]] = {}
    if len(wanted.subject_identities) > MOST:
        raise wrong("subject_identities", f"at most {MOST}")
    for one in wanted.subject_identities:
        if one.identity_type not in (*ADDRESSES, *OTHERS):
            raise wrong("identity_type", "one that /discovery names")
        if one.identity_format != RAW:
            raise wrong("identity_format", RAW)
        if not one.identity_value.strip() or len(one.identity_value) > LONGEST:
            raise wrong("identity_value", f"1 to {LONGEST} characters")
        found.setdefault(one.identity_type, []).append(one.identity_value.strip())
    for kind in ADDRESSES:
        if kind in found:
            address = found[kind].pop(0)
            return Subject(address=address, identities={name: tuple(v) for name, v in found.items() if v})
    raise wrong("subject_identities", "an email or a phone_number, as it is written")


def status_of(status: Status, *, began: bool) -> str:
    """How a request stands, in OpenDSR's words; `began` once a run works on it."""
    if status is Status.ANSWERED:
        return "completed"
    if status in (Status.CANCELLED, Status.REFUSED):
        return "cancelled"
    return "in_progress" if began else "pending"


def discovery(certificate: str) -> dict[str, Any]:
    """What is said to whoever asks what is understood here; `certificate` is where it can be fetched."""
    return {
        "api_version": VERSION,
        "supported_identities": [
            {"identity_type": one, "identity_format": RAW} for one in (*ADDRESSES, *OTHERS)
        ],
        "supported_subject_request_types": [one.value for one in KINDS],
        "processor_certificate": certificate,
    }


def _field_of(bad: Exception) -> str:
    """The field that a reader complains of, without what stood in it."""
    names = [*Wanted.__struct_fields__, *Identity.__struct_fields__]
    return next((name for name in reversed(names) if name in str(bad)), "body")


def wrong(field: str, expected: str) -> errors.BadInput:
    """The refusal of a field, without what stood in it."""
    return errors.BadInput(f"{field} is not what it should be", expected=expected, remedy="see /discovery")
