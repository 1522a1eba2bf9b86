"""What is recorded: one event is one fact that happened to one person's permission, address or data.

Rule: an event says what happened, when (an interval), who said so, through which source, with what proof. It never
says what follows from it; `state.fold` does. Events are frozen and their JSON form is the ledger's record, so
fields are only ever added, with defaults. `source` is the number of the import or capture point that the event
came through; a retraction names it. Values that identify (address, name) stand only in `value` and `sealed` and
are never outside the person's key.

`id` is 32 hexadecimal digits: a keyed hash of (source, file digest, part, line, ordinal) for imports, random
otherwise; the same id is recorded once.
"""

from __future__ import annotations

import msgspec

from amana.core.statements import ANY, Interval
from amana.core.vocabulary import Actor, Channel, PointKind, Proof, Status


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What all events share."""

    id: str
    occurred: Interval
    actor: Actor
    source: int  # number of the import or capture point in the workspace's source table
    recorded: int = 0  # UTC second at which the writer took it; set by the write path
    evidence: str = ""  # reference into the source: a form id, a campaign, a hash of a document


class Permission(Event, frozen=True, kw_only=True, tag="permission"):
    """A grant, request, refusal, withdrawal, objection, invalidation or unknown for a cell."""

    brand: str
    purpose: str
    channel: str  # a channel; use.<manner> or share.<recipient> for what is done with data; * in a refusal
    status: Status
    proof: Proof = Proof(0)
    confirmed: bool = False  # came through a capture in which the person proved to hold the address
    point: int = -1  # ordinal of the person's contact point it was given for; -1: not tied to one
    notice: str = ""  # notice id@version shown
    notice_hash: str = ""  # SHA-256 of the wording shown
    notice_epoch: int = 0  # how many material changes the notice had seen by then
    reason: str = ""
    category: str = ""  # of the data, where it is about use or sharing; empty for every one


class Relationship(Event, frozen=True, kw_only=True, tag="relationship"):
    """Evidence of another basis than consent: a sale context, a contract, a published address."""

    brand: str
    purpose: str
    channel: str
    basis: str  # sale | interest | relationship | published
    proof: Proof = Proof(0)


class Point(Event, frozen=True, kw_only=True, tag="point"):
    """A contact point of the person: added, verified, blocked or unblocked; or what is counted of its deliveries."""

    point: int  # ordinal within the person, from zero
    point_kind: PointKind
    change: str  # added | verified | blocked | unblocked | soft_bounced | delivered
    value: str = ""  # the address itself, only in `added`
    flags: int = 0  # address class bits (contact_points.AddressFlag)
    country: str = ""  # of a phone number
    reason: str = ""  # bounce_hard, complaint, suppressed …


class Profile(Event, frozen=True, kw_only=True, tag="profile"):
    """Values of registered fields, split by where the register says each may live."""

    columns: dict[str, str] = {}
    sealed: dict[str, str] = {}


class Preference(Event, frozen=True, kw_only=True, tag="preference"):
    """The person's own pace and times for a brand's messages. `None` leaves a choice as it is."""

    paused_until: int | None = None  # UTC second
    hours: int | None = None  # bit mask of local hours 0-23 in which messages are welcome
    days: int | None = None  # bit mask of weekdays, bit 0 Monday
    topics_off: tuple[str, ...] | None = None
    per_month: int | None = None  # at most so many messages in thirty days


class Restriction(Event, frozen=True, kw_only=True, tag="restriction"):
    """Processing is restricted (GDPR art. 18), or the restriction is lifted."""

    on: bool


class Retraction(Event, frozen=True, kw_only=True, tag="retraction"):
    """An import is undone: its grants and attributes count no more; its refusals do, unless `also_refusals`."""

    retracts: int
    also_refusals: bool = False
    reason: str = ""


class Held(Event, frozen=True, kw_only=True, tag="held"):
    """The person became known through a bought list without papers; or, `on` false, a source vouches for them."""

    on: bool
    reason: str = ""


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """The workspace published a version of a notice. Belongs to the workspace (person 0)."""

    notice: str
    notice_hash: str
    material: bool
    epoch: int
    replaces: str = ""  # SHA-256 of the version's earlier wording, under which nobody had said anything


class Erasure(Event, frozen=True, kw_only=True, tag="erasure"):
    """People were erased: the log positions that no longer open, and nothing about whose they were."""

    positions: tuple[int, ...]  # ascending


class Continuation(Event, frozen=True, kw_only=True, tag="continuation"):
    """The log goes on under a new origin after a restore, from what the old one had last signed."""

    origin: str  # the old one
    size: int
    root: str  # hexadecimal


AnyEvent = (
    Permission
    | Relationship
    | Point
    | Profile
    | Preference
    | Restriction
    | Retraction
    | Held
    | Notice
    | Erasure
    | Continuation
)

channel_word = {channel: channel.value for channel in Channel} | {None: ANY}
