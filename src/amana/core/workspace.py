"""The workspace file: one TOML that a person can read, which says who we are, what for, and what we hold.

Rule. No datum without a purpose: every field names its purposes, its category, why it is needed, how long it is
kept and where it may live. No purpose without a notice in plain words. Nothing secret stands in this file. Unknown
words are refused with the line of the table they stand in, so that a slip of the pen is never a silent default.
The file is parsed into frozen values here and read from disk by the wiring.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from amana import errors
from amana.core import cells, mailing, opendsr, places, segment, signals
from amana.core.pack_values import period
from amana.core.vocabulary import Channel, Hold, Manner, Proof, Role, Safeguard


class Organisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The controller (GDPR art. 4(7))."""

    name: str
    contact: str  # where people reach it about their data
    country: str  # of establishment
    serves: tuple[str, ...] = ()  # countries whose residents it addresses; the law for unknown residence
    address: str = ""
    stored_in: str = ""  # country where the record is kept
    languages: tuple[str, ...] = ("en",)
    sector: str = ""
    site: str = ""  # address under which the customer's pages stand, e.g. https://my.example.com


class Brand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sender that people recognise; a permission names it."""

    name: str
    colour: str = ""  # of buttons on the customer's pages, #rrggbb


class Assessment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A three-part legitimate-interest assessment (GDPR art. 6(1)(f)) that passed."""

    on: date
    review_by: date
    owner: str
    covers: tuple[str, ...] = ()  # besides contact: use.personalise, use.profile, use.analyse


class Purpose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why people are contacted."""

    notice: str
    channels: tuple[Channel, ...]
    category: str  # fideslang data use, e.g. marketing.communications.email
    min_age: int = 0  # 0: for everybody old enough for the law
    label: dict[str, str] = {}  # what people call it, by language
    assessment: Assessment | None = None


class NoticeText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people are told (GDPR art. 13), by language."""

    version: str
    who: str
    purposes: tuple[str, ...]
    channels: tuple[Channel, ...]
    shared_with: tuple[str, ...] = ()
    kept_for: str
    withdraw: str
    text: dict[str, str]
    material: bool | None = None  # None: decided by what changed


class CapturePoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where statements come in: a form, an import, a call script, an interface."""

    kind: str  # form | import | call | store | api
    notice: str = ""
    proof: tuple[str, ...] = ()  # evidence checks that this capture meets, by name
    confirmed: bool = False  # people prove to hold the address here
    fields: tuple[str, ...] = ()  # registered fields that the form asks for


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registered field: nothing else is stored about a person."""

    purposes: tuple[str, ...]
    category: str  # fideslang data category, e.g. user.name
    why: str
    kept_for: str  # ISO 8601 duration
    hold: Hold
    means: str = ""  # residence | region | zone | birth_date | full_name | legal_form | language | guardian
    label: dict[str, str] = {}  # what people call it, by language
    special: bool = False  # a special category (GDPR art. 9) although its category does not say so
    uses: tuple[Manner, ...] = ()  # what else is done with it than keeping it and sending messages


class Recipient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to whom data is passed on (GDPR art. 4(9)); `share.<its name>` is the action."""

    name: str
    country: str  # ISO 3166-1 alpha-2
    role: Role
    purposes: tuple[str, ...]
    categories: tuple[str, ...] = ()  # of data that may go there; empty: every registered one of the purposes
    agreement: str = ""  # where the agreement is on file (GDPR art. 26, 28(3))
    safeguard: Safeguard | None = None  # of a transfer to its country (GDPR art. 45-47)
    label: dict[str, str] = {}  # what people call it, by language


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A saved segment."""

    where: str  # in the words of `core.segment`


class Cap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many contacts in trailing windows of one, seven and thirty days."""

    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When it is looked which data has no ground any more, and what is too much to go at once (GDPR art. 5(1)(e))."""

    every: str = ""  # ISO 8601 duration between two reviews by the worker; "" for none
    most: int = 1_000  # rows or people of one place: more wait for an explicit word
    share: int = 20  # per cent of a place: likewise
    forget_after: str = (
        "P3Y"  # how long the proof of what was agreed outlives the last purpose (art. 17(3)(e))
    )


class Workspace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    organisation: Organisation
    brands: dict[str, Brand]
    purposes: dict[str, Purpose]
    notices: dict[str, NoticeText]
    topics: dict[str, dict[str, str]] = {}
    capture_points: dict[str, CapturePoint] = {}
    fields: dict[str, Field] = {}
    recipients: dict[str, Recipient] = {}
    caps: dict[Channel, Cap] = {}
    segments: dict[str, Segment] = {}
    web: signals.Web | None = None
    mail: mailing.Mail | None = None
    answers: mailing.Answers | None = None
    sms: mailing.Texting | None = None
    gate: mailing.MailGate | None = None
    reports: dict[str, mailing.Reporter] = {}  # by provider
    retention: Retention = Retention()
    opendsr: opendsr.Processor | None = None


_USES = {cells.USE + manner.value: manner for manner in Manner}
MOST_TOPICS = 60  # each has one bit of a column
MEANINGS = frozenset(
    {"residence", "region", "zone", "birth_date", "full_name", "legal_form", "language", "guardian"}
)
COLUMN_MEANINGS = frozenset({"residence", "region", "zone", "legal_form", "language"})

_WORD = re.compile(r"[A-Za-z0-9_-]{1,60}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_SITE = re.compile(r"https://[^/\s?#@]+(/[^\s?#]*)?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


def read(text: str) -> Workspace:
    """Parse and check the file's text. Raises BadWorkspace with the place and the remedy."""
    try:
        raw: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as bad:
        raise errors.BadWorkspace(
            f"The workspace file is not valid TOML: {bad}", remedy="mend the line it names"
        ) from bad
    try:
        workspace = msgspec.convert(raw, Workspace)
    except msgspec.ValidationError as bad:
        raise errors.BadWorkspace(
            f"The workspace file has a wrong entry: {bad}",
            remedy="mend the entry it names; see docs/workspace.md",
        ) from bad
    _check(workspace)
    return _spelt(workspace)


def _spelt(workspace: Workspace) -> Workspace:
    """With each country as ISO 3166-1 has it: `UK` and `el` are read, `GB` and `GR` are what is known from here on."""
    organisation, spell = workspace.organisation, places.iso_country
    return msgspec.structs.replace(
        workspace,
        organisation=msgspec.structs.replace(
            organisation,
            country=spell(organisation.country),
            serves=tuple(dict.fromkeys(map(spell, organisation.serves))),
            stored_in=spell(organisation.stored_in),
        ),
        recipients={
            name: msgspec.structs.replace(one, country=spell(one.country))
            for name, one in workspace.recipients.items()
        },
    )


def proof_bits(names: tuple[str, ...]) -> Proof:
    """Evidence checks by name. Raises BadWorkspace naming an unknown one."""
    bits = Proof(0)
    for name in names:
        try:
            bits |= Proof[name.upper()]
        except KeyError as unknown:
            known = ", ".join(str(proof.name).lower() for proof in Proof)
            raise errors.BadWorkspace(
                f"There is no evidence check called {name!r}",
                expected=f"one of: {known}",
                remedy="mend the name",
            ) from unknown
    return bits


def _check(workspace: Workspace) -> None:
    if not workspace.brands or not workspace.purposes:
        raise errors.BadWorkspace(
            "The workspace names no brand or no purpose", remedy="add [brands.<name>] and [purposes.<name>]"
        )
    _check_pages(workspace)
    if len(workspace.topics) > MOST_TOPICS:
        raise errors.BadWorkspace(
            "The workspace has too many topics",
            expected=f"at most {MOST_TOPICS}",
            got=str(len(workspace.topics)),
            remedy="merge some",
        )
    for name, purpose in workspace.purposes.items():
        _known(f"purposes.{name}.notice", purpose.notice, workspace.notices, "notices")
        for word in purpose.assessment.covers if purpose.assessment else ():
            _known(f"purposes.{name}.assessment.covers", word, _USES, "the manners of use")
    for name, notice in workspace.notices.items():
        for purpose_name in notice.purposes:
            _known(f"notices.{name}.purposes", purpose_name, workspace.purposes, "purposes")
        if not notice.text:
            raise errors.BadWorkspace(
                f"notices.{name} has no text", remedy="add the wording in one language at least"
            )
    for name, point in workspace.capture_points.items():
        proof_bits(point.proof)
        if point.notice:
            _known(f"capture_points.{name}.notice", point.notice, workspace.notices, "notices")
        for field_name in point.fields:
            _known(f"capture_points.{name}.fields", field_name, workspace.fields, "fields")
    _check_data(workspace)
    mailing.check(workspace.mail, workspace.gate, workspace.brands, workspace.purposes)
    mailing.check_reports(workspace.reports)
    opendsr.check(workspace.opendsr)
    _check_segments(workspace)
    _check_retention(workspace.retention)
    meanings: dict[str, str] = {}
    for name, field in workspace.fields.items():
        _check_field(name, field, workspace, meanings)


def _check_retention(retention: Retention) -> None:
    spans = {"every": retention.every or "P1W", "forget_after": retention.forget_after}
    for name, span in spans.items():
        try:
            period(span)
        except errors.BadLaw as bad:
            raise errors.BadWorkspace(
                f"retention.{name} is no span of time", expected=bad.expected, got=span, remedy="mend it"
            ) from bad
    if retention.most < 1 or not 1 <= retention.share <= 100:
        raise errors.BadWorkspace(
            "retention.most and retention.share bound what may go at once",
            expected="most from 1 on, share from 1 to 100",
            remedy="mend them",
        )


def _check_segments(workspace: Workspace) -> None:
    for name, saved in workspace.segments.items():
        try:
            segment.parse(saved.where)
        except errors.BadInput as bad:
            raise errors.BadWorkspace(
                f"segments.{name}: {bad.what}", expected=bad.expected, got=bad.got, remedy=bad.remedy
            ) from bad


def _check_pages(workspace: Workspace) -> None:
    for name, brand in workspace.brands.items():
        if brand.colour and not _COLOUR.fullmatch(brand.colour):
            raise errors.BadWorkspace(
                f"brands.{name}.colour is not a colour",
                expected="#rrggbb",
                got=brand.colour,
                remedy="mend it, or leave it out",
            )
    site = workspace.organisation.site
    if site and not _SITE.fullmatch(site):
        raise errors.BadWorkspace(
            "organisation.site is not an address of pages",
            expected="https://my.example.com (http only for this machine: localhost, 127.0.0.1)",
            got=site,
            remedy="mend it, or leave it out",
        )


def _check_data(workspace: Workspace) -> None:
    """Who receives data, which categories there are, and what a site's banner switches."""
    if len(workspace.recipients) > cells.MOST_RECIPIENTS:
        raise errors.BadWorkspace(
            "The workspace has too many recipients",
            expected=f"at most {cells.MOST_RECIPIENTS}",
            remedy="merge some",
        )
    for name, recipient in workspace.recipients.items():
        _check_recipient(name, recipient, workspace)
    cells.numbered({}, categories(workspace))
    signals.check(workspace.web, workspace.brands, workspace.purposes, workspace.recipients)
    proof_bits(workspace.web.proof if workspace.web else ())


def categories(workspace: Workspace) -> tuple[str, ...]:
    """The categories of data that are registered, of fields and of what recipients get."""
    named = [field.category for field in workspace.fields.values()]
    named += [category for one in workspace.recipients.values() for category in one.categories]
    return tuple(dict.fromkeys(named))


def _check_recipient(name: str, recipient: Recipient, workspace: Workspace) -> None:
    if not _WORD.fullmatch(name):
        raise errors.BadWorkspace(
            "A recipient's name is no word", expected="letters, digits, - and _", got=name, remedy="mend it"
        )
    if not _COUNTRY.fullmatch(recipient.country):
        raise errors.BadWorkspace(
            f"recipients.{name}.country is no country", expected="two capital letters", remedy="mend it"
        )
    if not recipient.purposes:
        raise errors.BadWorkspace(
            f"recipients.{name} has no purpose",
            expected="at least one",
            remedy="name what the data goes there for, or drop the recipient",
        )
    for purpose_name in recipient.purposes:
        _known(f"recipients.{name}.purposes", purpose_name, workspace.purposes, "purposes")


def _check_field(name: str, field: Field, workspace: Workspace, meanings: dict[str, str]) -> None:
    for purpose_name in field.purposes:
        _known(f"fields.{name}.purposes", purpose_name, workspace.purposes, "purposes")
    if not field.purposes:
        raise errors.BadWorkspace(
            f"fields.{name} has no purpose",
            expected="at least one",
            remedy="name why it is held, or drop the field",
        )
    if not field.means:
        return
    if field.means not in MEANINGS:
        raise errors.BadWorkspace(
            f"fields.{name}.means is not known",
            expected=f"one of: {', '.join(sorted(MEANINGS))}",
            got=field.means,
            remedy="mend it, or leave it out",
        )
    if field.means in meanings:
        raise errors.BadWorkspace(
            f"fields.{name} and fields.{meanings[field.means]} both mean {field.means}", remedy="keep one"
        )
    meanings[field.means] = name
    if field.means in COLUMN_MEANINGS and field.hold is not Hold.COLUMN:
        raise errors.BadWorkspace(
            f"fields.{name} means {field.means}, which rules read", remedy='set hold = "column"'
        )
    if field.means in ("full_name", "birth_date", "guardian") and field.hold is not Hold.SEALED:
        raise errors.BadWorkspace(f"fields.{name} identifies people", remedy='set hold = "sealed"')


def _known(place: str, name: str, table: dict[str, Any], table_name: str) -> None:
    if name not in table:
        raise errors.BadWorkspace(
            f"{place} names {name!r}, which [{table_name}] does not have",
            expected=f"one of: {', '.join(sorted(table))}",
            remedy="mend the name, or add the entry",
        )


def unregistered(
    columns: list[str], *, suggested_purpose: str, registered: Iterable[str] = ()
) -> errors.UnregisteredField:
    """The refusal of columns that are not registered fields, with the lines to add."""
    lines = "\n".join(
        f'[fields.{column}]\npurposes = ["{suggested_purpose}"]\ncategory = "user"\nwhy = "…"\n'
        f'kept_for = "P3Y"\nhold = "sealed"'
        for column in columns
    )
    near = [
        f"{column}: perhaps {found[0]}"
        for column in columns
        if (found := difflib.get_close_matches(column, registered, n=1))
    ]
    return errors.UnregisteredField(
        f"Not registered as fields: {', '.join(columns)}",
        expected="every stored column to be a registered field with a purpose",
        remedy=("; ".join(near) + ". Otherwise " if near else "")
        + f"drop them from the mapping (ignore = [...]), or add to amana.toml:\n{lines}\n",
    )
