"""The closed sets of the domain, in the field's own words (W3C DPV, ISO/IEC TS 27560 where they have one).

Every set is an enum whose value is the word that is written in files, records and answers. Sets that reach a
column also have a small integer code (`codes.py` of nobody: the order of definition), because a rule compares
numbers. Members are appended, never reordered: the code is stored.
"""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag


class Channel(Enum):
    """The medium of a contact. `contact.<channel>` is the action."""

    EMAIL = "email"
    SMS = "sms"
    MESSAGING = "messaging"
    PUSH = "push"
    PHONE_LIVE = "phone_live"
    PHONE_AUTO = "phone_auto"
    POST = "post"
    ADS_AUDIENCE = "ads_audience"


class PointKind(Enum):
    """What kind of contact point a channel needs."""

    EMAIL = "email"
    PHONE = "phone"
    DEVICE = "device"
    ADDRESS = "address"


POINT_OF_CHANNEL: dict[Channel, PointKind | None] = {
    Channel.EMAIL: PointKind.EMAIL,
    Channel.SMS: PointKind.PHONE,
    Channel.MESSAGING: PointKind.PHONE,
    Channel.PUSH: PointKind.DEVICE,
    Channel.PHONE_LIVE: PointKind.PHONE,
    Channel.PHONE_AUTO: PointKind.PHONE,
    Channel.POST: PointKind.ADDRESS,
    Channel.ADS_AUDIENCE: None,
}

PHONE_CHANNELS = frozenset({Channel.SMS, Channel.MESSAGING, Channel.PHONE_LIVE, Channel.PHONE_AUTO})


class Manner(Enum):
    """What we do ourselves with data about a person. `use.<field category>` is the action, the manner says how."""

    PERSONALISE = "personalise"  # what one person is shown is chosen by their data
    PROFILE = "profile"  # aspects of a person are evaluated or predicted (GDPR art. 4(4))
    ANALYSE = "analyse"  # many people together, for a report


class Role(Enum):
    """What a recipient is under GDPR art. 4(7), 26 and 28. `share.<recipient>` is the action."""

    PROCESSOR = "processor"  # acts on our instructions alone
    CONTROLLER = "controller"  # decides for itself what it does with the data
    JOINT = "joint"  # decides together with us


class Safeguard(Enum):
    """What protects data in a recipient's country (GDPR art. 45-47)."""

    ADEQUACY = "adequacy"
    STANDARD_CLAUSES = "standard_clauses"
    BINDING_RULES = "binding_rules"
    CERTIFICATION = "certification"


class SubjectType(Enum):
    """Whom the law sees behind an address. Unknown is CONSUMER."""

    CONSUMER = "consumer"
    SOLE_TRADER = "sole_trader"
    CORPORATE_NAMED = "corporate_named"
    CORPORATE_GENERIC = "corporate_generic"


class Status(Enum):
    """Status of a permission (DPV consent status; `objected` is GDPR art. 21). Expiry is computed, never stored."""

    UNKNOWN = "unknown"
    REQUESTED = "requested"
    GIVEN = "given"
    RENEWED = "renewed"
    REFUSED = "refused"
    INVALIDATED = "invalidated"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"


GRANTING = frozenset({Status.GIVEN, Status.RENEWED})
REFUSING = frozenset({Status.REFUSED, Status.INVALIDATED, Status.WITHDRAWN, Status.OBJECTED})


class Actor(Enum):
    """Who made a statement. Only PERSON and GUARDIAN can lift a refusal, and only through a confirmed capture."""

    PERSON = "person"
    GUARDIAN = "guardian"
    IMPORT = "import"
    STAFF = "staff"
    RELAYED = "relayed"
    SYSTEM = "system"


class Basis(IntEnum):
    """What a country asks for before a contact, in order of strictness."""

    OPT_OUT = 0
    OPT_OUT_REGISTRY = 1
    PRESUMED_CONSENT = 2
    OPT_IN = 3
    OPT_IN_EXPRESS = 4
    PROHIBITED = 5


class Proof(IntFlag):
    """One bit for each evidence check that a capture met (GDPR art. 4(11), 7; EDPB Guidelines 05/2020).

    The first half belongs to a consent, the second to other bases.
    """

    CHANNEL_NAMED = 1 << 0
    SENDER_NAMED = 1 << 1
    PURPOSE_NAMED = 1 << 2
    UNBUNDLED = 1 << 3
    UNTICKED = 1 << 4
    NOT_CONDITION = 1 << 5
    WITHDRAWAL_TOLD = 1 << 6
    DEMONSTRABLE = 1 << 7  # who, when, what was shown and how are on record
    CONFIRMED = 1 << 8  # confirmed by the holder of the address (double opt-in)
    SEPARATE_DOCUMENT = 1 << 9  # Russia, 152-FZ art. 9 since 2025-09-01
    WRITTEN = 1 << 10  # written, electronic or recorded form
    SIGNED_DISCLOSURE = 1 << 11  # clear disclosure and e-signature, 47 CFR 64.1200(f)(9)
    RECORDED_CALL = 1 << 12  # documented phone consent, UWG s. 7a
    ASKED_BY_PERSON = 1 << 13  # the person asked for marketing contact, AE Cabinet Resolution 56/2024
    GUARDIAN = 1 << 14  # given or authorised by the holder of parental responsibility
    PLATFORM_NAMED = 1 << 15  # the advertising platform or its category is named
    BUSINESS_INTEREST = 1 << 16  # documented concrete interest of a business, UWG s. 7(2) no. 1
    CONSENT_LEDGER = 1 << 17  # taken through the operators' consent ledger, India, TCCCPR 2018
    EXPLICIT = 1 << 18  # an express statement, not an action alone (GDPR art. 9(2)(a))
    RECIPIENT_NAMED = 1 << 19  # who receives the data is named

    OWN_COLLECTION = 1 << 20  # details obtained by the sender itself
    SALE_CONTEXT = 1 << 21  # in a sale, a negotiation or a free account (CJEU C-654/23)
    SIMILAR_OFFER = 1 << 22  # own similar products or services
    OPT_OUT_AT_COLLECTION = 1 << 23
    OPT_OUT_IN_MESSAGE = 1 << 24
    ADVERTISING_TOLD = 1 << 25  # told that the details will be used for advertising
    EXPECTED = 1 << 26  # reasonable expectation of an existing customer
    CHARITY = 1 << 27
    CONTRACT = 1 << 28  # a purchase or a contract, with its date
    INQUIRY = 1 << 29  # an inquiry, a request or an application, with its date
    BUSINESS_ADDRESS = 1 << 30  # published or given for business messages, with no refusal beside it


class Hold(Enum):
    """Where a registered field may live."""

    SEALED = "sealed"
    COLUMN = "column"


class RuleClass(Enum):
    """Whose No a rule speaks: the law's, the person's, a fact of the world's, or the clock's."""

    LEGAL = "legal"
    CHOICE = "choice"
    TECHNICAL = "technical"
    TIMING = "timing"


class Confidence(Enum):
    """How sure the compiler of a rule of law is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Mark(Enum):
    """Whether a public page stating the rule was read (`seen`) or not (`believed`)."""

    SEEN = "seen"
    BELIEVED = "believed"
