"""An invented shop whose customers stand in five systems at once: who they are, and what each system holds of them.

Rule. Plain Python and nothing else: the tests build real databases from these tables, and `make_expected.py` says
from the same tables, by other means than the product, what each right must give. Values stand as the shop's programs
wrote them: addresses in mixed case, references without foreign keys, arrays of several people, one household of three.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

PEOPLE: dict[str, dict[str, Any]] = {
    # much of everything
    "ada": {"emails": ["ada@mail.example"], "name": "Ada Levi", "country": "DE"},
    "ben": {"emails": ["ben@mail.example"], "name": "Ben Okoye", "country": "DE"},
    "chana": {"emails": ["chana@mail.example", "chana.work@office.example"], "name": "Chana Peretz"},
    "dara": {"emails": ["dara@mail.example"], "name": "Dara Suk", "country": "DE", "phone": "+442079460001"},
    "eli": {"emails": ["eli@mail.example"], "name": "Eli Cohen", "country": "IL"},
    # a household of three
    "fay": {"emails": ["fay@home.example"], "name": "Fay Stein"},
    "gil": {"emails": ["gil@home.example"], "name": "Gil Stein"},
    "hana": {"emails": ["hana@home.example"], "name": "Hana Stein"},
    # some
    "ivan": {"emails": ["ivan@mail.example"], "name": "Ivan Orlov"},
    "joel": {"emails": ["joel@mail.example"], "name": "Joel Katz", "country": "DE"},
    "kim": {"emails": ["kim@mail.example"], "name": "Kim Noor"},
    "lea": {"emails": ["lea@mail.example"], "name": "Lea Brandt", "country": "DE"},
    "mona": {"emails": ["mona@mail.example"], "name": "Mona Said", "country": "EG"},
    "niko": {"emails": ["niko@mail.example"], "name": "Niko Vale", "country": "DE"},
    "omer": {"emails": ["omer@mail.example"], "name": "Omer Dahan"},
    # nothing in any system but an address here
    "pia": {"emails": ["pia@mail.example"], "name": "Pia Holm"},
    "quin": {"emails": ["quin@mail.example"], "name": "Quin Abad"},
    # look-alikes of others, who must not be taken for them
    "rosa": {"emails": ["ada@mail.example.test"], "name": "Ada Levi"},
    "sven": {"emails": ["xada@mail.example"], "name": "Sven Ada"},
    "tova": {"emails": ["a_a@mail.example"], "name": "Tova Ash"},
}

CUSTOMERS: list[Row] = [
    {
        "id": 1,
        "email": "ADA@mail.example",
        "full_name": "Ada Levi",
        "phone": "+442079460011",
        "born": "1980-02-03",
        "default_address": 11,
        "track_code": "t-9f01",
    },
    {
        "id": 2,
        "email": "ben@mail.example",
        "full_name": "Ben Okoye",
        "phone": None,
        "born": None,
        "default_address": 13,
        "track_code": "t-9f02",
    },
    {
        "id": 3,
        "email": "Chana.Work@Office.example",
        "full_name": "Chana Peretz",
        "phone": None,
        "born": "1991-12-31",
        "default_address": None,
        "track_code": None,
    },
    {
        "id": 4,
        "email": "dara@mail.example",
        "full_name": "ดารา สุข",
        "phone": "+442079460001",
        "born": None,
        "default_address": 14,
        "track_code": "t-9f04",
    },
    {
        "id": 5,
        "email": "eli@mail.example",
        "full_name": "אלי כהן",
        "phone": None,
        "born": "1975-05-05",
        "default_address": None,
        "track_code": "t-9f05",
    },
    {
        "id": 6,
        "email": "fay@home.example",
        "full_name": "Fay Stein",
        "phone": None,
        "born": None,
        "default_address": 15,
        "track_code": None,
    },
    {
        "id": 7,
        "email": "GIL@HOME.EXAMPLE",
        "full_name": "Gil Stein",
        "phone": None,
        "born": None,
        "default_address": 16,
        "track_code": "t-9f07",
    },
    {
        "id": 8,
        "email": "ivan@mail.example",
        "full_name": "Иван Орлов",
        "phone": None,
        "born": None,
        "default_address": None,
        "track_code": None,
    },
    {
        "id": 9,
        "email": "ada@mail.example.test",
        "full_name": "Ada Levi",
        "phone": None,
        "born": None,
        "default_address": 17,
        "track_code": "t-9f09",
    },
    {
        "id": 10,
        "email": "xada@mail.example",
        "full_name": "Sven Ada",
        "phone": None,
        "born": None,
        "default_address": None,
        "track_code": "t-9f10",
    },
    {
        "id": 11,
        "email": "aXa@mail.example",
        "full_name": "Nobody we know",
        "phone": None,
        "born": None,
        "default_address": None,
        "track_code": None,
    },
]
ADDRESSES: list[Row] = [
    {"id": 11, "customer_id": 1, "street": "1 Orchard Street", "city": "Haifa"},
    {"id": 12, "customer_id": 1, "street": "2 Old Road", "city": "Haifa"},
    {"id": 13, "customer_id": 2, "street": "3 Grove Lane", "city": "Bonn"},
    {"id": 14, "customer_id": 4, "street": "4 Canal Road", "city": "Bangkok"},
    {"id": 15, "customer_id": 6, "street": "5 Home Way", "city": "Bonn"},
    {"id": 16, "customer_id": 7, "street": "5 Home Way", "city": "Bonn"},
    {"id": 17, "customer_id": 9, "street": "1 Orchard Street", "city": "Haifa"},
]
ORDERS: list[Row] = [
    {
        "number": "O-1001",
        "customer_id": 1,
        "placed": "2024-03-01",
        "delivery": {"name": "Ada Levi", "parcel": {"street": "1 Orchard Street"}},
        "note": "ring twice",
    },
    {
        "number": "O-1002",
        "customer_id": 1,
        "placed": "2015-03-01",
        "delivery": {"name": "A. Levi", "parcel": None},
        "note": None,
    },
    {"number": "O-1003", "customer_id": 2, "placed": "2025-07-09", "delivery": None, "note": ""},
    {
        "number": "O-1004",
        "customer_id": 4,
        "placed": "2025-07-09",
        "delivery": {"name": "ดารา"},
        "note": "leave at the gate",
    },
    {
        "number": "O-1005",
        "customer_id": 9,
        "placed": "2025-08-09",
        "delivery": {"name": "Ada Levi"},
        "note": "the other Ada",
    },
    {"number": "O-1006", "customer_id": 77, "placed": "2025-08-09", "delivery": None, "note": "of nobody"},
]
ORDER_LINES: list[Row] = [
    {"order_number": "O-1001", "line": 1, "article": "lamp", "gift_message": "To Omer, with love"},
    {"order_number": "O-1001", "line": 2, "article": "bulb", "gift_message": None},
    {"order_number": "O-1002", "line": 1, "article": "chair", "gift_message": "שלום"},
    {"order_number": "O-1003", "line": 1, "article": "desk", "gift_message": "happy birthday"},
    {"order_number": "O-1005", "line": 1, "article": "lamp", "gift_message": "other Ada's"},
    {"order_number": "O-1006", "line": 1, "article": "lamp", "gift_message": "nobody's"},
]
TICKETS: list[Row] = [
    {
        "id": 501,
        "opened": "2025-01-02T03:04:05",
        "participants": ["ada@mail.example", "ben@mail.example"],
        "messages": [
            {"sender": "Ada@Mail.example", "words": "my lamp is broken"},
            {"sender": "ben@mail.example", "words": "so is mine"},
        ],
    },
    {
        "id": 502,
        "opened": "2025-02-02T03:04:05",
        "participants": ["joel@mail.example"],
        "messages": [{"sender": "desk@shop.example", "words": "how can we help"}],
    },
    {
        "id": 503,
        "opened": "2025-03-02T03:04:05",
        "participants": [],
        "messages": [
            {"sender": "kim@mail.example", "words": "hello"},
            {"sender": "kim@mail.example", "words": "still there?"},
            {"sender": "joel@mail.example", "words": "yes"},
        ],
    },
    {"id": 504, "opened": "2025-04-02T03:04:05", "participants": None, "messages": None},
]
INVOICES: list[Row] = [
    {
        "id": 9001,
        "order_number": "O-1001",
        "payer": "Ada Levi",
        "iban": "XX00 0000 0001",
        "total": "120.50",
        "paid_on": "2024-03-02",
    },
    {
        "id": 9002,
        "order_number": "O-1002",
        "payer": "A. Levi",
        "iban": "XX00 0000 0001",
        "total": "80.00",
        "paid_on": "2015-03-02",
    },
    {
        "id": 9003,
        "order_number": "O-1003",
        "payer": "Ben Okoye",
        "iban": None,
        "total": "300.00",
        "paid_on": "2025-07-10",
    },
    {
        "id": 9004,
        "order_number": "O-1005",
        "payer": "Ada Levi",
        "iban": "XX00 0000 0009",
        "total": "20.00",
        "paid_on": "2025-08-10",
    },
    {
        "id": 9005,
        "order_number": "O-9999",
        "payer": "Nobody",
        "iban": "XX00 0000 9999",
        "total": "1.00",
        "paid_on": "2025-08-10",
    },
]
HOUSEHOLDS: list[Row] = [
    {
        "id": 31,
        "plan": "family",
        "members": [
            {"email": "fay@home.example", "name": "Fay"},
            {"email": "Gil@home.example", "name": "Gil"},
            {"email": "hana@home.example", "name": "Hana"},
        ],
    },
    {"id": 32, "plan": "single", "members": [{"email": "lea@mail.example", "name": "Lea"}]},
    {"id": 33, "plan": "empty", "members": []},
]
NEWSLETTER: list[Row] = [
    {"id": 1, "email": "Ada@MAIL.example", "orchard": "yes", "grove": "no"},
    {"id": 2, "email": "ben@mail.example", "orchard": "no", "grove": "yes"},
    {"id": 3, "email": "chana@mail.example", "orchard": "yes", "grove": "yes"},
    {"id": 4, "email": "CHANA.WORK@office.example", "orchard": "yes", "grove": None},
    {"id": 5, "email": "mona@mail.example", "orchard": "yes", "grove": "yes"},
    {"id": 6, "email": "niko@mail.example", "orchard": "no", "grove": "no"},
    {"id": 7, "email": "xada@mail.example", "orchard": "yes", "grove": "yes"},
    {"id": 8, "email": "axa@mail.example", "orchard": "yes", "grove": "yes"},
]
VISITORS: list[Row] = [
    {"code": "t-9f01", "first_seen": "2024-01-01", "segment": "lamps"},
    {"code": "t-9f02", "first_seen": "2024-01-02", "segment": "desks"},
    {"code": "t-9f05", "first_seen": "2024-01-05", "segment": "books"},
    {"code": "t-9f07", "first_seen": "2024-01-07", "segment": "lamps"},
    {"code": "t-9f09", "first_seen": "2024-01-09", "segment": "lamps"},
    {"code": "t-0000", "first_seen": "2024-01-09", "segment": "nobody"},
]
VISITS: list[Row] = [
    {"id": 1, "code": "t-9f01", "page": "/lamps", "ip": "192.0.2.1"},
    {"id": 2, "code": "t-9f01", "page": "/bulbs", "ip": "192.0.2.1"},
    {"id": 3, "code": "t-9f02", "page": "/desks", "ip": "192.0.2.2"},
    {"id": 4, "code": "t-9f04", "page": "/gate", "ip": None},
    {"id": 5, "code": "t-0000", "page": "/lamps", "ip": "192.0.2.9"},
]
LEADS: list[Row] = [
    {
        "id": "L1",
        "email": "ada@mail.example",
        "name": "Ada",
        "comment": "met at the fair",
        "imported": "Ada L.",
    },
    {"id": "L2", "email": "Omer@mail.example", "name": "Omer", "comment": "", "imported": "O. Dahan"},
    {
        "id": "L3",
        "email": "a_a@mail.example",
        "name": "Tova, the first",
        "comment": "wait\nhere",
        "imported": "",
    },
    {"id": "L4", "email": "other@mail.example", "name": "Other", "comment": "=SUM(A1)", "imported": "X"},
]

TABLES: dict[str, list[Row]] = {
    "store/customers": CUSTOMERS,
    "store/addresses": ADDRESSES,
    "store/orders": ORDERS,
    "store/order_lines": ORDER_LINES,
    "store/tickets": TICKETS,
    "books/invoices": INVOICES,
    "books/households": HOUSEHOLDS,
    "books/newsletter": NEWSLETTER,
    "insight/visitors": VISITORS,
    "insight/visits": VISITS,
    "leads/leads": LEADS,
}
"""Everything that the systems hold: system/collection -> rows."""

KEYS = {
    "store/orders": ("number",),
    "store/order_lines": ("order_number", "line"),
    "insight/visitors": ("code",),
}
"""Primary keys; `id` where nothing is said."""

TODAY = "2026-09-21"
"""The day on which everything is asked; the clock of the tests stands in it."""


def key(table: str, row: Row) -> str:
    """What tells a row of a table apart, as text."""
    return "|".join(str(row[name]) for name in KEYS.get(table, ("id",)))
