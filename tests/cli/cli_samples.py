"""A small list, its mapping, and what a call of the program leaves behind.

The people are invented; their addresses are reserved names and their numbers the example numbers of their countries.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

LIST = """\
Customer ID,E-mail,Mobile,Full name,Country,Newsletter,News date,Left
1,maya@example.com,+442079460018,Maya Cohen,GB,yes,2026-03-01,
2,omar@example.com,,Omar Said,GB,no,2026-03-02,
3,lin@example.org,,Lin Chai,GB,yes,2026-03-03,yes
4,not an address,,Nobody Atall,GB,yes,2026-03-04,
5,petra@example.net,,Petra Linde,GB,perhaps,2026-03-05,
"""

MAPPING = """\
[source]
zone = "Europe/London"

[person]
external_id = "Customer ID"
email = "E-mail"
phone = "Mobile"

[fields]
full_name = "Full name"
residence = "Country"

[[permission]]
purpose = "newsletter"
channel = "email"
status = { column = "Newsletter", given = ["yes"], refused = ["no"] }
when = "News date"
notice = "newsletter@1"
proof = ["demonstrable", "channel_named", "sender_named", "purpose_named", "unbundled", "unticked", "not_condition",
         "withdrawal_told"]

[[permission]]
status = "withdrawn"
where = [{ column = "Left", is = "not empty" }]
reason = "unsubscribe"
"""

NEWS = ("--purpose", "newsletter", "--channel", "email")
EVIDENCE = "archive of the sign-up form since 2021"


class Ran(NamedTuple):
    """How a call of the program ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document of its answer."""
        return json.loads(self.out)


Amana = Callable[..., Ran]
