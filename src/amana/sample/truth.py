"""What is true about the sample, to hold an import against.

Rule: sets hold what an importer can know from the files, counts hold how much of everything there is. A no
counts from whichever file says it and for whoever uses the address: after an import nobody reached by an
address in `said_no_email` or a number in `said_no_sms` may be allowed on that channel, whatever another
file claims. The sets that promise something (`confirmed_email`, `bought_only`) have no address in common
with the sets that forbid.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from amana.core.vocabulary import Channel
from amana.sample.dirt import Fault
from amana.sample.people import Age
from amana.sample.records import Member, Records


class SampleTruth(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of people and rows, and the addresses (lower case) and numbers (E.164) that matter."""

    people: int
    newsletter_rows: dict[str, int]  # Member value -> rows of that file
    crm_rows: int  # duplicates included
    lead_rows: int
    duplicate_rows: int  # in the CRM
    faults: dict[str, int]  # Fault value -> faulty rows of the CRM, duplicates not counted
    business_people: int
    role_addresses: int
    own_script_addresses: int
    shared_addresses: int  # used by two people
    teenagers: int  # 13 to 17 on LAST_DAY
    subscribed_but_left_crm: int  # the newsletter says subscribed, the CRM says no
    left_but_granted_in_crm: int  # the newsletter says unsubscribed, the CRM says yes
    leads_known: int  # rows of the bought list with an address that another file knows
    leads_who_said_no: int  # rows of the bought list with an address that said no to e-mail
    children: frozenset[str]  # customer numbers of people under 13 on LAST_DAY, those of duplicates included
    said_no: frozenset[str]  # the same of people who said no to any channel, in or outside the CRM
    said_no_email: frozenset[str]
    said_no_sms: frozenset[str]
    bounced: frozenset[str]  # addresses that bounced for good
    bought_only: frozenset[str]  # addresses of people whom only the bought list knows
    confirmed_email: frozenset[str]  # confirmed, no no, no bounce, no child; the wording may still be bad


class Tally:
    """Collects the truth while the files are written."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._members: Counter[str] = Counter({member.value: 0 for member in Member})
        self._faults: Counter[str] = Counter({fault.value: 0 for fault in Fault})
        self._children: set[str] = set()
        self._said_no: set[str] = set()
        self._numbers: set[str] = set()
        self._no: set[str] = set()
        self._bounced: set[str] = set()
        self._known: set[str] = set()
        self._bought: list[str] = []
        self._confirmed: set[str] = set()
        self._of_children: set[str] = set()

    def person(self, held: Records) -> None:
        """Count one person and what the systems hold about them, the bought list included."""
        self._who(held)
        self._choices(held)
        self._contradictions(held)
        if held.bought:
            self._bought.append(held.person.email)

    def crm_row(self, held: Records, faults: frozenset[Fault]) -> None:
        """Count one customer's own row and its faults."""
        self._counts["crm_rows"] += 1
        self._faults.update(fault.value for fault in faults)
        unreadable = faults & {Fault.EMPTY_EMAIL, Fault.BROKEN_EMAIL, Fault.IMPOSSIBLE_DATE}
        if held.crm is not None and held.crm.confirmed is not None and not unreadable:
            self._confirmed.add(held.person.email)

    def duplicate_row(self, held: Records, number: str) -> None:
        """Count one repeated row, which gives its customer another number."""
        self._counts["crm_rows"] += 1
        self._counts["duplicate_rows"] += 1
        self._number(held, number)

    def truth(self) -> SampleTruth:
        """All that was counted."""
        return SampleTruth(
            people=self._counts["people"],
            newsletter_rows=dict(self._members),
            crm_rows=self._counts["crm_rows"],
            lead_rows=len(self._bought),
            duplicate_rows=self._counts["duplicate_rows"],
            faults=dict(self._faults),
            business_people=self._counts["business_people"],
            role_addresses=self._counts["role_addresses"],
            own_script_addresses=self._counts["own_script_addresses"],
            shared_addresses=self._counts["shared_addresses"],
            teenagers=self._counts["teenagers"],
            subscribed_but_left_crm=self._counts["subscribed_but_left_crm"],
            left_but_granted_in_crm=self._counts["left_but_granted_in_crm"],
            leads_known=sum(address in self._known for address in self._bought),
            leads_who_said_no=sum(address in self._no for address in self._bought),
            children=frozenset(self._children),
            said_no=frozenset(self._said_no),
            said_no_email=frozenset(self._no),
            said_no_sms=frozenset(self._numbers),
            bounced=frozenset(self._bounced),
            bought_only=frozenset(self._bought) - self._known,
            confirmed_email=frozenset(self._confirmed - self._no - self._bounced - self._of_children),
        )

    def _who(self, held: Records) -> None:
        person = held.person
        self._counts["people"] += 1
        self._counts["business_people"] += bool(person.company)
        self._counts["role_addresses"] += person.role_address
        self._counts["own_script_addresses"] += not person.email.isascii()
        self._counts["shared_addresses"] += bool(person.household_of)
        self._counts["teenagers"] += person.age is Age.TEENAGER
        if person.age is Age.CHILD:
            self._of_children.add(person.email)
        self._number(held, person.id)

    def _number(self, held: Records, number: str) -> None:
        if held.person.age is Age.CHILD:
            self._children.add(number)
        if held.says_no():
            self._said_no.add(number)

    def _choices(self, held: Records) -> None:
        person, newsletter = held.person, held.newsletter
        no = held.says_no()
        if Channel.EMAIL in no:
            self._no.add(person.email)
        if Channel.SMS in no and person.phone:
            self._numbers.add(person.phone)
        if newsletter is not None:
            self._members[newsletter.status.value] += 1
            if newsletter.status is Member.CLEANED:
                self._bounced.add(person.email)
            if newsletter.status is Member.SUBSCRIBED and newsletter.confirmed:
                self._confirmed.add(person.email)
        if newsletter is not None or held.crm is not None:
            self._known.add(person.email)

    def _contradictions(self, held: Records) -> None:
        if held.newsletter is None or held.crm is None:
            return
        status, crm = held.newsletter.status, held.crm
        left_crm = status is Member.SUBSCRIBED and crm.says_no_to_email
        granted = status is Member.UNSUBSCRIBED and crm.email_consent == "yes" and not crm.unsubscribed
        self._counts["subscribed_but_left_crm"] += left_crm
        self._counts["left_but_granted_in_crm"] += granted
