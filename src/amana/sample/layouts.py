"""How each old system writes a record: the columns of its export, and one row of it.

Rule: the newsletter tool writes the columns of a Mailchimp audience export, with the status in the file's
name and times without a zone, which are Europe/Berlin's; an address is confirmed if and only if
CONFIRM_TIME is filled. Clicks happen from 7 to 22 o'clock, never in the hour that a clock change takes away
or doubles. The CRM writes dates as YYYY-MM-DD and a quarter of its numbers the national way. The bought
list claims much and proves nothing. Internet addresses are from the blocks for documentation (RFC 5737).
"""

from __future__ import annotations

import functools
from datetime import date
from typing import Final

import phonenumbers

from amana.sample.dirt import Row
from amana.sample.draw import Draw
from amana.sample.people import Age, SamplePerson
from amana.sample.records import CrmRecord, Member, NewsletterRecord, Records

NEWSLETTER_ZONE: Final = "Europe/Berlin"
"""The zone of every time in the newsletter export; the files do not say it."""

_MEMBER: Final = (
    *("Email Address", "First Name", "Last Name", "Country", "Language", "MEMBER_RATING"),
    *("OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME", "CONFIRM_IP", "LATITUDE", "LONGITUDE", "GMTOFF", "DSTOFF"),
    *("TIMEZONE", "CC", "REGION"),
)
_ENDING: Final = (
    *("UNSUB_TIME", "UNSUB_CAMPAIGN_TITLE", "UNSUB_CAMPAIGN_ID", "UNSUB_REASON", "UNSUB_REASON_OTHER"),
)
_TAIL: Final = ("LAST_CHANGED", "LEID", "EUID", "NOTES", "TAGS")

MEMBER_COLUMNS: Final[dict[Member, tuple[str, ...]]] = {
    Member.SUBSCRIBED: (*_MEMBER, *_TAIL),
    Member.UNSUBSCRIBED: (*_MEMBER, *_ENDING, *_TAIL),
    Member.CLEANED: (*_MEMBER, *_TAIL),
}
CRM_COLUMNS: Final = (
    *("customer_id", "full_name", "email", "mobile", "country", "region", "birth_date", "language"),
    *("interests", "legal_form", "company", "signup_date", "signup_form"),
    *("email_consent", "sms_consent", "consent_date", "consent_confirmed_date", "wording"),
    *("last_purchase_date", "last_category", "opt_out_offered", "unsubscribed"),
)
LEAD_COLUMNS: Final = (
    *("lead_id", "full_name", "email", "phone", "country", "language", "company", "legal_form"),
    *("seller", "seller_says"),
)

_IP_BLOCKS: Final = ("192.0.2", "198.51.100", "203.0.113")
_REASONS: Final = ("NORMAL", "NORMAL", "NORMAL", "NOSIGNUP", "INAPPROPRIATE", "SPAM", "OTHER")
_SELLERS: Final = ("Quarry Lists", "Thistle Contacts")
_NATIONAL_NUMBER = 0.25


def newsletter_row(person: SamplePerson, record: NewsletterRecord, draw: Draw) -> Row:
    """One member, as the newsletter tool exports it."""
    address = f"{draw.one(_IP_BLOCKS)}.{draw.below(254) + 1}"
    opted_in = draw.below(15 * 3600) + 7 * 3600
    changed = record.ended or record.opted_in
    row = {
        "Email Address": person.email,
        "First Name": person.given_name,
        "Last Name": person.family_name,
        "Country": person.country,
        "Language": person.language,
        "MEMBER_RATING": str(draw.below(5) + 1),
        "OPTIN_TIME": _moment(record.opted_in, opted_in),
        "OPTIN_IP": address,
        "CONFIRM_TIME": _moment(record.opted_in, opted_in + 240) if record.confirmed else "",
        "CONFIRM_IP": address if record.confirmed else "",
        "TIMEZONE": person.zone,
        "CC": person.country,
        "REGION": person.region.partition("-")[2],
        "LAST_CHANGED": _moment(changed, 23 * 3600),
        "LEID": str(100_000 + int(person.id[1:])),
        "EUID": f"{draw.below(16**10):010x}",
        "TAGS": '"' + '","'.join(person.interests) + '"' if person.interests else "",
    }
    return row | (_ending(record, draw) if record.status is Member.UNSUBSCRIBED else {})


def _ending(record: NewsletterRecord, draw: Draw) -> Row:
    ended = record.ended or record.opted_in
    return {
        "UNSUB_TIME": _moment(ended, draw.below(1800) + 22 * 3600 + 600),
        "UNSUB_CAMPAIGN_TITLE": f"News {ended.year}-{ended.month:02d}",
        "UNSUB_CAMPAIGN_ID": f"{ended.year * 100 + ended.month:010x}",
        "UNSUB_REASON": draw.one(_REASONS),
    }


def crm_row(person: SamplePerson, record: CrmRecord, draw: Draw) -> Row:
    """One customer, as the CRM would export it if nobody had ever mistyped anything."""
    national = person.phone and draw.chance(_NATIONAL_NUMBER)
    last = person.purchases[-1] if person.purchases else None
    return {
        "customer_id": person.id,
        "full_name": person.full_name,
        "email": person.email,
        "mobile": _national(person.phone, person.country) if national else person.phone,
        "country": person.country,
        "region": person.region,
        "birth_date": _day(person.birth_date),
        "language": person.language,
        "interests": ";".join(person.interests),
        "legal_form": person.legal_form,
        "company": person.company,
        "signup_date": _day(person.signup_date),
        "signup_form": person.signup_form,
        "email_consent": record.email_consent,
        "sms_consent": record.sms_consent,
        "consent_date": _day(record.consented),
        "consent_confirmed_date": _day(record.confirmed),
        "wording": record.wording,
        "last_purchase_date": _day(last.day if last else None),
        "last_category": last.category if last else "",
        "opt_out_offered": record.opt_out_offered,
        "unsubscribed": "yes" if record.unsubscribed else "",
    }


def kept(row: Row, held: Records) -> frozenset[str]:
    """The columns of a CRM row that no fault may touch: see `dirt`."""
    crm, keep = held.crm, {"customer_id"}
    if crm is not None and crm.says_no_to_email:
        keep.add("email")
    if crm is not None and crm.says_no_to_sms:
        keep.add("mobile")
    if held.person.age is Age.CHILD:
        keep |= {"birth_date", "email"}
    if row["mobile"] and not row["mobile"].startswith("+"):
        keep.add("country")
    return frozenset(keep)


def lead_row(person: SamplePerson, number: int, draw: Draw) -> Row:
    """One row of the bought list; its claim of a consent has neither date nor wording nor form."""
    return {
        "lead_id": f"L{number:06d}",
        "full_name": person.full_name,
        "email": person.email.title() if person.email.isascii() and draw.chance(0.2) else person.email,
        "phone": person.phone,
        "country": person.country,
        "language": person.language,
        "company": person.company,
        "legal_form": person.legal_form,
        "seller": draw.one(_SELLERS),
        "seller_says": "opted in",
    }


def _moment(day: date, second: int) -> str:
    """A day and a second of it, without a zone, as the newsletter tool writes times."""
    return f"{day.isoformat()} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def _day(day: date | None) -> str:
    return day.isoformat() if day is not None else ""


@functools.cache
def _national(number: str, country: str) -> str:
    """The number as people of the country write it; a foreign number stays in E.164."""
    parsed = phonenumbers.parse(number)
    if phonenumbers.region_code_for_number(parsed) != country:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
