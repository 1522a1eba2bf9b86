"""What the company's old systems hold about each person, before it is written with all its faults.

Rule: everybody is in the newsletter tool, in the CRM, in both, or only on a list that was bought; some
customers are on that list as well. Two systems agree about most people and contradict each other about
some, in both directions. Whoever said no, said it in at least one system, and that counts: a no is an
unsubscription in the newsletter tool, or a refusal or an unsubscription in the CRM. Children and the second
person under an address are always in the CRM, because only the CRM can hold two people under one address,
and only it knows ages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from enum import Enum
from typing import Final

import msgspec

from amana.core.vocabulary import Channel
from amana.sample.draw import Draw
from amana.sample.forms import wording_on
from amana.sample.people import LAST_DAY, Age, SamplePerson


class Member(Enum):
    """A newsletter status; in the export it stands in the file's name."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    CLEANED = "cleaned"  # bounced for good


class NewsletterRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One member of the newsletter tool's audience."""

    status: Member
    opted_in: date
    confirmed: bool  # by a double opt-in, on the same day
    ended: date | None  # of the unsubscription or the last bounce


class CrmRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One customer in the CRM. A consent is "yes", "no" or "" (never asked)."""

    email_consent: str
    sms_consent: str
    consented: date | None
    confirmed: date | None  # double opt-in by e-mail
    wording: str  # forms.Wording name, or "" where nobody kept it
    opt_out_offered: str  # "yes", "no" or "": when the details were collected in a sale
    unsubscribed: bool  # from everything

    @property
    def says_no_to_email(self) -> bool:
        """Refused e-mail, or left everything."""
        return self.unsubscribed or self.email_consent == "no"

    @property
    def says_no_to_sms(self) -> bool:
        """Refused text messages, or left everything."""
        return self.unsubscribed or self.sms_consent == "no"


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is held about one person."""

    person: SamplePerson
    newsletter: NewsletterRecord | None
    crm: CrmRecord | None
    bought: bool

    def says_no(self) -> frozenset[Channel]:
        """The channels this person said no to, in whichever system."""
        email = self.newsletter is not None and self.newsletter.status is Member.UNSUBSCRIBED
        email = email or (self.crm is not None and self.crm.says_no_to_email)
        sms = self.crm is not None and self.crm.says_no_to_sms
        return frozenset(({Channel.EMAIL} if email else set()) | ({Channel.SMS} if sms else set()))


class _Systems(Enum):
    NEWSLETTER = "newsletter"
    CRM = "crm"
    BOTH = "both"
    BOUGHT = "bought"


_SYSTEMS: Final = tuple(_Systems)
_SYSTEM_WEIGHTS: Final = (34, 28, 32, 6)
_STATUS_WEIGHTS: Final = (78, 17, 5)
_BOUGHT_TOO = 0.012  # of the customers
_BOUGHT_THOUGH_LEFT = 0.03  # of the customers who said no
_CONFIRMS: Final = {"news-1": 0.1, "news-2": 0.8, "news-3": 0.9}
_LEFT_KNOWN_IN_CRM = 0.6
_SUBSCRIBED_BUT_LEFT_CRM = 0.06


def records(people: Iterable[SamplePerson], seed: int) -> Iterator[Records]:
    """Draw what each system holds about each person, in the order of the people."""
    writer = _Writer(Draw("records", seed))
    return (writer.records(person) for person in people)


class _Writer:
    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def records(self, person: SamplePerson) -> Records:
        systems = self._systems(person)
        newsletter = self._newsletter(person) if systems in (_Systems.NEWSLETTER, _Systems.BOTH) else None
        crm = self._crm(person, newsletter) if systems in (_Systems.CRM, _Systems.BOTH) else None
        held = Records(person=person, newsletter=newsletter, crm=crm, bought=systems is _Systems.BOUGHT)
        again = self._draw.chance(_BOUGHT_THOUGH_LEFT if held.says_no() else _BOUGHT_TOO)
        return msgspec.structs.replace(held, bought=True) if again else held

    def _systems(self, person: SamplePerson) -> _Systems:
        if person.household_of:
            return _Systems.CRM
        if person.age is Age.CHILD:
            return self._draw.one((_Systems.CRM, _Systems.BOTH))
        return self._draw.weighted(_SYSTEMS, _SYSTEM_WEIGHTS)

    def _newsletter(self, person: SamplePerson) -> NewsletterRecord:
        status = self._draw.weighted(tuple(Member), _STATUS_WEIGHTS)
        confirms = _CONFIRMS[wording_on(person.signup_date).name]
        ended = None if status is Member.SUBSCRIBED else self._after(person.signup_date)
        return NewsletterRecord(
            status=status,
            opted_in=person.signup_date,
            confirmed=self._draw.chance(confirms),
            ended=ended,
        )

    def _crm(self, person: SamplePerson, newsletter: NewsletterRecord | None) -> CrmRecord:
        email, unsubscribed = self._email_choice(newsletter)
        sms = self._draw.weighted(("yes", "no", ""), (40, 20, 40)) if person.phone else ""
        wording = wording_on(person.signup_date)
        granted = "yes" in (email, sms)
        dated = (granted or "no" in (email, sms)) and self._draw.chance(0.92)
        confirms = email == "yes" and dated and self._draw.chance(_CONFIRMS[wording.name])
        return CrmRecord(
            email_consent=email,
            sms_consent=sms,
            consented=person.signup_date if dated else None,
            confirmed=self._soon_after(person.signup_date) if confirms else None,
            wording=wording.name if granted and self._draw.chance(0.88) else "",
            opt_out_offered=self._draw.weighted(("yes", "no", ""), (60, 10, 30)),
            unsubscribed=unsubscribed,
        )

    def _email_choice(self, newsletter: NewsletterRecord | None) -> tuple[str, bool]:
        """The CRM's e-mail consent and whether it knows that the person left everything."""
        if newsletter is None:
            return self._draw.weighted(("yes", "no", ""), (58, 14, 28)), self._draw.chance(0.07)
        if newsletter.status is Member.UNSUBSCRIBED:
            consent = "yes" if self._draw.chance(0.7) else ""
            return consent, self._draw.chance(_LEFT_KNOWN_IN_CRM)
        if self._draw.chance(_SUBSCRIBED_BUT_LEFT_CRM):
            refused = self._draw.chance(0.4)
            return ("no", False) if refused else ("yes", True)
        return ("yes" if self._draw.chance(0.75) else ""), False

    def _after(self, day: date) -> date:
        """A day from the one given to LAST_DAY."""
        return day + timedelta(days=self._draw.below((LAST_DAY - day).days + 1))

    def _soon_after(self, day: date) -> date:
        return min(LAST_DAY, day + timedelta(days=self._draw.below(4)))
