"""Writes what each right must give to each person, from the shop's tables, with nothing of the product.

Rule. Plain joins over `shop_tables.py`, written from the rules in docs/data-map.md: who is found by what, what goes, what
stays and on which ground. `python make_expected.py` writes `expected/*.json`; a test holds that the files
are what this program writes. `HASHED` stands for a keyed value, which differs from run to run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import shop_tables as shop
from shop_tables import Row

FOLDER = Path(__file__).parent / "expected"
HASHED = "<hashed>"
NEW_NAME = "Corrected Name"
KEPT_YEARS = 8
CITATION = "AO § 147(3)"

Found = dict[str, list[Row]]


def emails_of(person: str) -> set[str]:
    return {one.casefold() for one in shop.PEOPLE[person]["emails"]}


def found_for(person: str) -> Found:
    """The rows that concern a person, whole."""
    emails, phone = emails_of(person), shop.PEOPLE[person].get("phone")

    def mine(value: str | None) -> bool:
        return value is not None and value.casefold() in emails

    customers = [one for one in shop.CUSTOMERS if mine(one["email"]) or (phone and one["phone"] == phone)]
    ids = {one["id"] for one in customers}
    homes = {one["default_address"] for one in customers}
    codes = {one["track_code"] for one in customers} - {None}
    orders = [one for one in shop.ORDERS if one["customer_id"] in ids]
    numbers = {one["number"] for one in orders}
    found = {
        "store/customers": customers,
        "store/addresses": [one for one in shop.ADDRESSES if one["customer_id"] in ids or one["id"] in homes],
        "store/orders": orders,
        "store/order_lines": [one for one in shop.ORDER_LINES if one["order_number"] in numbers],
        "store/tickets": [
            one
            for one in shop.TICKETS
            if any(mine(each) for each in one["participants"] or [])
            or any(mine(each["sender"]) for each in one["messages"] or [])
        ],
        "books/invoices": [one for one in shop.INVOICES if one["order_number"] in numbers],
        "books/households": [
            one for one in shop.HOUSEHOLDS if any(mine(each["email"]) for each in one["members"])
        ],
        "books/newsletter": [one for one in shop.NEWSLETTER if mine(one["email"])],
        "insight/visitors": [one for one in shop.VISITORS if one["code"] in codes],
        "insight/visits": [one for one in shop.VISITS if one["code"] in codes],
        "leads/leads": [one for one in shop.LEADS if mine(one["email"])],
    }
    return {table: deepcopy(rows) for table, rows in found.items() if rows}


# ---- access and portability: a person's own part of each row ------------------------------------------------------


def copied(person: str) -> dict[str, Any]:
    emails = emails_of(person)
    found = found_for(person)
    for row in found.get("store/tickets", []):
        row["participants"] = _if_any(row["participants"], lambda one: one.casefold() in emails)
        row["messages"] = _if_any(row["messages"], lambda one: one["sender"].casefold() in emails)
    for row in found.get("books/households", []):
        row["members"] = _if_any(row["members"], lambda one: one["email"].casefold() in emails)
    for row in found.get("store/orders", []):
        row["delivery"] = _declared(row["delivery"])
    for row in found.get("leads/leads", []):
        row.update({name: value or None for name, value in row.items()})  # an empty cell of a list is nothing
    parts = {
        table: sorted(rows, key=lambda row, table=table: shop.key(table, row))
        for table, rows in found.items()
    }
    return {"rows": parts, "outcome": "done" if parts else "nothing_elsewhere"}


def _if_any(values: list[Any] | None, keep: Callable[[Any], bool]) -> list[Any] | None:
    return None if values is None else [one for one in values if keep(one)]


def _declared(delivery: Row | None) -> Row | None:
    """An object is given with the fields that its dataset declares."""
    if delivery is None:
        return None
    parcel = delivery.get("parcel")
    return {
        "name": delivery.get("name"),
        "parcel": None if parcel is None else {"street": parcel.get("street")},
    }


# ---- erasure ------------------------------------------------------------------------------------------------------


def erased(person: str) -> dict[str, Any]:
    found, emails = found_for(person), emails_of(person)
    changed: dict[str, dict[str, Row | None]] = {}
    kept: dict[tuple[str, str, str, str], list[str]] = {}
    for table, rows in found.items():
        for row in rows:
            after = _ERASE[table](row, emails)
            if after != next(one for one in shop.TABLES[table] if one is not None and _same(table, one, row)):
                changed.setdefault(table, {})[shop.key(table, row)] = after
            if table == "books/invoices" and _is_kept(row) and row["payer"]:
                kept.setdefault(("books/invoices", "payer", "tax", CITATION), []).append(_until(row))
            if table == "leads/leads" and row["imported"]:
                kept.setdefault(("leads/leads", "imported", "read_only", ""), []).append("")
    told = [[*what, max(until), len(until)] for what, until in sorted(kept.items())]
    outcome = "done_in_part" if kept else "done" if found else "nothing_elsewhere"
    return {"changed": changed, "kept": told, "outcome": outcome}


def _same(table: str, one: Row, other: Row) -> bool:
    return shop.key(table, one) == shop.key(table, other)


def _nulled(*names: str) -> Callable[[Row, set[str]], Row]:
    def erase(row: Row, emails: set[str]) -> Row:
        del emails
        return {name: (value if name not in names or not value else None) for name, value in row.items()}

    return erase


def _customer(row: Row, emails: set[str]) -> Row:
    return _nulled("full_name", "phone", "born", "track_code")(row, emails) | {"email": HASHED}


def _order(row: Row, emails: set[str]) -> Row:
    after = _nulled("note")(row, emails)
    delivery = deepcopy(row["delivery"])
    if delivery is not None:
        delivery["name"] = None
        if delivery.get("parcel"):
            delivery["parcel"]["street"] = None
    return after | {"delivery": delivery}


def _ticket(row: Row, emails: set[str]) -> Row:
    participants = row["participants"]
    if participants:  # an array of nobody else becomes null, as any value does
        participants = [one for one in participants if one.casefold() not in emails] or None
    messages = row["messages"]
    if messages is not None:
        messages = [
            one | {"sender": None, "words": None} if one["sender"].casefold() in emails else one
            for one in messages
        ]
    return row | {"participants": participants, "messages": messages}


def _invoice(row: Row, emails: set[str]) -> Row:
    return _nulled("iban", *([] if _is_kept(row) else ["payer"]))(row, emails)


def _is_kept(row: Row) -> bool:
    return _until(row) >= shop.TODAY


def _until(row: Row) -> str:
    paid = date.fromisoformat(row["paid_on"])
    return paid.replace(year=paid.year + KEPT_YEARS).isoformat()


def _household(row: Row, emails: set[str]) -> Row:
    members = [
        one | {"email": None, "name": None} if one["email"].casefold() in emails else one
        for one in row["members"]
    ]
    return row | {"members": members}


def _visit(row: Row, emails: set[str]) -> Row:
    return _nulled("ip")(row, emails) | {"code": HASHED}


def _lead(row: Row, emails: set[str]) -> Row:
    """A list in a file has no null: what is gone is empty."""
    del emails
    return row | {"email": "", "name": "", "comment": ""}


def _gone(row: Row, emails: set[str]) -> None:
    del row, emails


_ERASE: dict[str, Callable[[Row, set[str]], Row | None]] = {
    "store/customers": _customer,
    "store/addresses": _nulled("street", "city"),
    "store/orders": _order,
    "store/order_lines": _nulled("gift_message"),
    "store/tickets": _ticket,
    "books/invoices": _invoice,
    "books/households": _household,
    "books/newsletter": _gone,
    "insight/visitors": _gone,
    "insight/visits": _visit,
    "leads/leads": _lead,
}


# ---- rectification, and the No ------------------------------------------------------------------------------------


def corrected(person: str) -> dict[str, Any]:
    """The name is wrong: the right one stands wherever a field holds a name and nothing else."""
    found, emails = found_for(person), emails_of(person)
    changed: dict[str, dict[str, Row]] = {}

    def put(table: str, row: Row, **values: Any) -> None:
        after = row | values
        if after != row:
            changed.setdefault(table, {})[shop.key(table, row)] = after

    for row in found.get("store/customers", []):
        put("store/customers", row, full_name=NEW_NAME)
    for row in found.get("store/orders", []):
        if row["delivery"] is not None:
            put("store/orders", row, delivery=row["delivery"] | {"name": NEW_NAME})
    for row in found.get("books/invoices", []):
        put("books/invoices", row, payer=NEW_NAME)
    for row in found.get("books/households", []):
        members = [
            one | {"name": NEW_NAME} if one["email"].casefold() in emails else one for one in row["members"]
        ]
        put("books/households", row, members=members)
    for row in found.get("leads/leads", []):
        put("leads/leads", row, name=NEW_NAME)
    leads = found.get("leads/leads", [])
    kept = [["leads/leads", "imported", "read_only", "", "", len(leads)]] if leads else []
    outcome = "done_in_part" if kept else "done" if found else "nothing_elsewhere"
    return {"changed": changed, "kept": kept, "outcome": outcome}


def refused(person: str, *brands: str) -> dict[str, Any]:
    """Every copy of a permission of these brands says no."""
    found = found_for(person)
    changed: dict[str, dict[str, Row]] = {}
    for row in found.get("books/newsletter", []):
        after = row | dict.fromkeys(brands, "no")
        if after != row:
            changed.setdefault("books/newsletter", {})[shop.key("books/newsletter", row)] = after
    return {"changed": changed, "kept": [], "outcome": "done" if found else "nothing_elsewhere"}


RIGHTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "access": copied,
    "portability": copied,
    "erasure": erased,
    "rectification": corrected,
    "restriction": lambda person: refused(person, "orchard", "grove"),
    "withdrawal": lambda person: refused(person, "orchard", "grove"),
    "objection": lambda person: refused(person, "grove"),  # of one brand
}


def written(right: str) -> str:
    """One right's file."""
    found = {person: RIGHTS[right](person) for person in shop.PEOPLE}
    return json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for right in RIGHTS:
        (FOLDER / f"{right}.json").write_text(written(right), "utf-8")


if __name__ == "__main__":
    main()
