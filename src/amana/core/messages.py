"""The message check: what a message must carry under the law, and what this one carries.

Rule. A country pack says in words (`enforced = "message"`) what must stand in a message; each word means elements of the
closed set `Element`, and a word without a meaning is `BadLaw`. What a medium cannot carry (a subject in a text
message) is not asked of it. `inspect` turns facts about a message into the elements that it carries: facts of its
structure (is there a link to unsubscribe?) and facts that somebody who read it declares (is the subject honest?).
Nothing is guessed from its words but the fixed labels of advertising; what is not stated is not there.

A message that promotes is marketing whatever it is called: one that is declared a service message and promotes lacks
`HONEST_KIND`, which every country asks for, and is to be asked about under a marketing purpose (`is_marketing`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import Enum, IntFlag

import msgspec

from amana.core.packs import Condition
from amana.core.vocabulary import Channel
from amana.errors import BadLaw


class Element(IntFlag):
    """Something that a message carries. The order is fixed: the bits stand in stored questions."""

    SENDER = 1 << 0  # on whose behalf it is sent, by name
    HEADER = 1 << 1  # sender, reply address and routing are true (15 USC 7704(a)(1))
    POSTAL_ADDRESS = 1 << 2
    CONTACT = 1 << 3  # a phone number, an e-mail address or a page at which somebody answers
    OPT_OUT = 1 << 4  # a free and simple way to refuse further messages
    OPT_OUT_EMAIL = 1 << 5  # an e-mail address for refusals (IL Communications Law s. 30A(e))
    ADVERTISING = 1 << 6  # recognisable as advertising (2000/31/EC art. 6(a))
    HONEST_SUBJECT = 1 << 7  # the subject does not mislead (15 USC 7704(a)(2))
    HONEST_KIND = 1 << 8  # no promotion under the name of a service message
    LABEL_HE = 1 << 9  # begins with the word for advertisement (IL s. 30A(e)(1))
    LABEL_RU = 1 << 10  # carries the word for advertising (RU 38-FZ art. 18.1)
    OBJECTION = 1 << 11  # the right to object, apart from other information (GDPR art. 21(4))
    DIRECT_MAIL = 1 << 12  # disclosures of direct mailing (IL Privacy Protection Law s. 17F)


class Declared(Enum):
    """What the sender calls a message."""

    MARKETING = "marketing"
    SERVICE = "service"


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a message before it is sent. A fact that nobody states is False."""

    channel: Channel
    declared: Declared
    promotional: bool  # does any part of it promote goods, services or the sender? declared by the checker
    subject: str = ""  # of an e-mail
    opening: str = ""  # the first words of the text, for media without a subject
    sender_named: bool = False
    header_accurate: bool = False
    postal_address: bool = False
    contact: bool = False
    unsubscribe_link: bool = (
        False  # in the text itself; the header of RFC 8058 alone is not seen by the reader
    )
    unsubscribe_reply: bool = False  # a reply or a keyword is honoured, and the text says so
    refusal_email: bool = False
    shown_as_advertising: bool = False
    subject_honest: bool = False  # declared by the checker
    objection_shown: bool = False
    direct_mail_disclosures: bool = False


_SENDER, _OPT_OUT, _ADVERTISING = Element.SENDER, Element.OPT_OUT, Element.ADVERTISING

TOKENS: dict[str, Element] = {
    "accurate_header": Element.HEADER,
    "ad_identified": _ADVERTISING,
    "advertiser_identity": _SENDER,
    "advertiser_name_address_and_contact": _SENDER | Element.POSTAL_ADDRESS | Element.CONTACT,
    "clear_opt_out": _OPT_OUT,
    "company_identity": _SENDER,
    "contact_valid_30_days": Element.CONTACT,
    "creator_and_sender_identity": _SENDER,
    "direct_mail_disclosures": Element.DIRECT_MAIL,
    "easy_refusal": _OPT_OUT,
    "first_word:פרסומת": Element.LABEL_HE,
    "free_simple_opt_out": _OPT_OUT,
    "free_valid_opt_out_address": _OPT_OUT,
    "full_reachable_address": Element.POSTAL_ADDRESS | Element.CONTACT,
    "identifiable_as_advertising": _ADVERTISING,
    "identified_as_advertisement": _ADVERTISING,
    "label:реклама": Element.LABEL_RU,
    "mailing_address": Element.POSTAL_ADDRESS,
    "non_deceptive_subject": Element.HONEST_SUBJECT,
    "objection_right_shown_separately": Element.OBJECTION,
    "opt_out": _OPT_OUT,
    "opt_out_every_message": _OPT_OUT,
    "opt_out_in_every_electronic_message": _OPT_OUT,
    "opt_out_in_promotional_message": _OPT_OUT,
    "opt_out_mechanism": _OPT_OUT,
    "phone_email_or_web_contact": Element.CONTACT,
    "physical_postal_address": Element.POSTAL_ADDRESS,
    "postal_address": Element.POSTAL_ADDRESS,
    "purpose_is_marketing_stated": _ADVERTISING,
    "recognisable_as_commercial": _ADVERTISING,
    "right_to_refuse_with_simple_way_and_email_address": _OPT_OUT | Element.OPT_OUT_EMAIL,
    "says_it_is_direct_marketing": _ADVERTISING,
    "sender_identity": _SENDER,
    "sender_identity_and_address": _SENDER | Element.POSTAL_ADDRESS,
    "sender_identity_not_concealed": _SENDER,
    "sender_identity_not_disguised": _SENDER,
    "sender_legal_name_or_business_number": _SENDER,
    "sender_name": _SENDER,
    "sender_name_and_on_whose_behalf": _SENDER,
    "sender_name_shown": _SENDER,
    "unsubscribe": _OPT_OUT,
    "unsubscribe_without_login_or_fee": _OPT_OUT,
    "valid_contact_address_for_opt_out": _OPT_OUT,
    "valid_opt_out_address": _OPT_OUT,
    "way_to_refuse": _OPT_OUT,
}
"""What the words of the packs mean."""

_ALL = Element((1 << len(Element)) - 1)
_E_MAIL_ONLY = Element.HEADER | Element.HONEST_SUBJECT | Element.OPT_OUT_EMAIL
_SPOKEN = _SENDER | _OPT_OUT | Element.HONEST_KIND

CARRIES: dict[Channel, Element] = {
    Channel.EMAIL: _ALL & ~Element.DIRECT_MAIL,
    Channel.SMS: _ALL & ~_E_MAIL_ONLY & ~Element.DIRECT_MAIL,
    Channel.MESSAGING: _ALL & ~_E_MAIL_ONLY & ~Element.DIRECT_MAIL,
    Channel.PUSH: _SPOKEN | _ADVERTISING | Element.LABEL_HE | Element.LABEL_RU,
    Channel.PHONE_LIVE: _SPOKEN,
    Channel.PHONE_AUTO: _SPOKEN,
    Channel.POST: _ALL & ~_E_MAIL_ONLY & ~Element.LABEL_HE & ~Element.LABEL_RU,
    Channel.ADS_AUDIENCE: Element(0),
}
"""What can be asked of a message on a channel."""

_HEBREW_LABEL, _RUSSIAN_LABEL = "פרסומת", "реклама"
_WORD = re.compile(r"\w+")


def needed(conditions: Iterable[Condition], channel: Channel) -> int:
    """The elements that these conditions ask of a message on a channel. Raises BadLaw for a word without a meaning."""
    elements = Element.HONEST_KIND
    for condition in conditions:
        if condition.enforced != "message":
            continue
        meant = TOKENS.get(condition.token)
        if meant is None:
            raise BadLaw(
                "A pack asks for something in a message that has no meaning here",
                expected="one of messages.TOKENS",
                got=condition.token,
                remedy="use one of those words, or give this one a meaning and a check",
            )
        elements |= meant
    return int(elements & CARRIES[channel])


def inspect(message: MessageFacts) -> int:
    """The elements that a message carries, as bits."""
    first = message.subject if message.channel is Channel.EMAIL else message.opening
    words = _words(first)
    label_ru = _RUSSIAN_LABEL in words
    label_he = words[:1] == [_HEBREW_LABEL]
    stated = {
        Element.SENDER: message.sender_named,
        Element.HEADER: message.header_accurate,
        Element.POSTAL_ADDRESS: message.postal_address,
        Element.CONTACT: message.contact,
        Element.OPT_OUT: message.unsubscribe_link or message.unsubscribe_reply,
        Element.OPT_OUT_EMAIL: message.refusal_email,
        Element.ADVERTISING: message.shown_as_advertising or label_he or label_ru,
        Element.HONEST_SUBJECT: message.subject_honest,
        Element.HONEST_KIND: not (message.declared is Declared.SERVICE and message.promotional),
        Element.LABEL_HE: label_he,
        Element.LABEL_RU: label_ru,
        Element.OBJECTION: message.objection_shown,
        Element.DIRECT_MAIL: message.direct_mail_disclosures,
    }
    return sum(int(element) for element, there in stated.items() if there)


def is_marketing(message: MessageFacts) -> bool:
    """Whether the gate must be asked under a marketing purpose: what promotes is marketing, whatever it is called."""
    return message.promotional or message.declared is Declared.MARKETING


def names(elements: int) -> tuple[str, ...]:
    """The names of elements, in their order."""
    return tuple(str(element.name).lower() for element in Element if elements & element)


def _words(text: str) -> list[str]:
    """The words of a text in one spelling; marks of writing direction and punctuation are not part of them."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
