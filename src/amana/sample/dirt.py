"""The faults that a real CRM export has, put into rows on purpose and counted.

Rule: a fault never hides a no. The address or number through which a row says no stays readable, and so
does the birth date of a child, so that an importer has no excuse for missing them; every other date of such
a row may be impossible, and a reader that drops the whole row for it loses an opt-out. A number written the
national way keeps its country. A copy of a row under another customer number writes the same address
differently: other case, spaces, or the name turned round. A `+tag`, which makes another address of it, is
only put on people who never said no to e-mail.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from amana.sample.draw import Draw

Row = dict[str, str]
"""One row of a CSV: column to text."""


class Fault(Enum):
    """One kind of fault in a row."""

    WRONG_NUMBER = "wrong_number"
    IMPOSSIBLE_DATE = "impossible_date"
    EMPTY_EMAIL = "empty_email"
    BROKEN_EMAIL = "broken_email"
    MISSING_COUNTRY = "missing_country"
    MISSING_REGION = "missing_region"


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """How often each fault is put in, as a share of the rows it is possible in."""

    duplicate: float = 0.03
    wrong_number: float = 0.04
    impossible_date: float = 0.005
    empty_email: float = 0.02
    broken_email: float = 0.005
    missing_country: float = 0.03
    missing_region: float = 0.03


SHARES: Final = Shares()

_DATE_COLUMNS: Final = ("birth_date", "consent_date", "last_purchase_date")
_IMPOSSIBLE: Final = ("31.02.2019", "2023-02-30", "0000-00-00", "2024-13-05", "30/02/1990")


def soil(row: Row, draw: Draw, keep: frozenset[str]) -> frozenset[Fault]:
    """Put faults into a row, in place, and name them. Columns in `keep` stay as they are."""
    found = set()
    if _hit(row, "mobile", SHARES.wrong_number, draw, keep):
        row["mobile"] = draw.one(wrong_numbers(row["mobile"]))
        found.add(Fault.WRONG_NUMBER)
    if draw.chance(SHARES.impossible_date):
        dates = [column for column in _DATE_COLUMNS if row[column] and column not in keep]
        if dates:
            row[draw.one(dates)] = draw.one(_IMPOSSIBLE)
            found.add(Fault.IMPOSSIBLE_DATE)
    return frozenset(found | _soil_email(row, draw, keep) | _soil_place(row, draw, keep))


def wrong_numbers(number: str) -> tuple[str, ...]:
    """What people make of a number by mistake; valid nowhere (E.164 allows 15 digits at most)."""
    return number[:6], number + "99999999", "000000", "n/a"


def _soil_email(row: Row, draw: Draw, keep: frozenset[str]) -> set[Fault]:
    if _hit(row, "email", SHARES.empty_email, draw, keep):
        row["email"] = ""
        return {Fault.EMPTY_EMAIL}
    if _hit(row, "email", SHARES.broken_email, draw, keep):
        local, _, domain = row["email"].partition("@")
        row["email"] = draw.one(
            (f"{local}{domain}", f"{local}@", f"{local}@@{domain}", f"{local} at {domain}")
        )
        return {Fault.BROKEN_EMAIL}
    return set()


def _soil_place(row: Row, draw: Draw, keep: frozenset[str]) -> set[Fault]:
    if _hit(row, "country", SHARES.missing_country, draw, keep):
        row["country"] = row["region"] = ""
        return {Fault.MISSING_COUNTRY}
    if _hit(row, "region", SHARES.missing_region, draw, keep):
        row["region"] = ""
        return {Fault.MISSING_REGION}
    return set()


def _hit(row: Row, column: str, share: float, draw: Draw, keep: frozenset[str]) -> bool:
    return draw.chance(share) and bool(row[column]) and column not in keep


def duplicate(row: Row, draw: Draw, customer_id: str, tag_allowed: bool) -> Row:
    """The same customer once more, under another number and with the same choices, written differently."""
    name, email = row["full_name"], row["email"]
    given, _, family = name.partition(" ")
    ways = [
        {"email": _louder(email)},
        {"email": f" {email} " if email else "", "full_name": f"  {name}"},
        {"full_name": f"{family}, {given}", "email": _capitalised(email)},
    ]
    if tag_allowed and "@" in email:
        ways.append({"email": email.replace("@", "+shop@", 1)})
    return row | {"customer_id": customer_id} | draw.one(ways)


def _louder(text: str) -> str:
    """Upper case for Latin letters alone: others may not come back from it."""
    return "".join(sign.upper() if sign.isascii() else sign for sign in text)


def _capitalised(text: str) -> str:
    return _louder(text[:1]) + text[1:]
