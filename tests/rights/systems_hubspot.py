"""HubSpot as its public reference describes it, as far as the declaration calls it: strict about what it is sent.

What is known of it: "CRM search" (v3: at most five groups, one hundred values of an IN, two hundred rows a page, values
in small letters, default properties where none are named, archived contacts left out), "Contacts" (v3: PATCH by id, an
empty text clears, a property that is not there is refused, gdpr-delete answers 204) and "Communication preferences"
(v4: statuses of an address, one set at a time).
"""

from __future__ import annotations

from typing import Any

from systems_http import Pages

TOKEN = "pat-test"
PAGE = 1
"""Rows of a page: fewer than are asked for, as any server may."""
DEFAULTS = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")
STATES = frozenset({"SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"})


def contact(number: str, email: str, **properties: str) -> dict[str, Any]:
    """A contact with the properties that the account has."""
    known = {"email": email, "firstname": "Dana", "lastname": "", "phone": "", "score": "7", "offers_ok": ""}
    return {"id": number, "properties": known | {"hs_object_id": number} | properties}


class HubSpot(Pages):
    """`server.state` holds `contacts` (id -> contact) and `statuses` (address -> states)."""

    def answer(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        """One call."""
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.say(401, {"status": "error", "category": "INVALID_AUTHENTICATION"})
        elif parts[:4] == ["crm", "v3", "objects", "contacts"]:
            self.contacts(parts[4:], query, body)
        elif parts[:3] == ["communication-preferences", "v4", "statuses"] and len(parts) == 4:
            self.statuses(parts[3], query, body)
        else:
            self.say(404, {"status": "error", "category": "OBJECT_NOT_FOUND"})

    def contacts(self, rest: list[str], query: dict[str, str], body: Any) -> None:
        """The contacts of the CRM."""
        held = self.server.state["contacts"]
        match (self.command, rest):
            case ("GET", []):
                self.say(200, {"results": []})
            case ("POST", ["search"]):
                self.search(list(held.values()), body)
            case ("POST", ["gdpr-delete"]) if set(body) <= {"objectId", "idProperty"}:
                held.pop(body["objectId"], None)
                self.say(204)
            case ("GET", [number]) if number in held:
                self.say(200, shown(held[number], query.get("properties", ",".join(DEFAULTS)).split(",")))
            case ("PATCH", [number]) if number in held:
                self.change(held[number], body)
            case _:
                self.say(404, {"status": "error", "category": "OBJECT_NOT_FOUND"})

    def search(self, rows: list[dict[str, Any]], body: Any) -> None:
        """One group of one IN, a page at a time."""
        groups = body.get("filterGroups", [])
        known = {"filterGroups", "properties", "limit", "after", "sorts", "query"}
        filters = [one for group in groups for one in group["filters"]]
        right = set(body) <= known and len(groups) <= 5 and len(filters) == 1 and 0 < body["limit"] <= 200
        right = right and all(one["operator"] == "IN" and 0 < len(one["values"]) <= 100 for one in filters)
        if not right or any(value != value.lower() for one in filters for value in one["values"]):
            self.say(400, {"status": "error", "category": "VALIDATION_ERROR"})
            return
        name, values = filters[0]["propertyName"], filters[0]["values"]
        found = [row for row in rows if (row["properties"].get(name) or "").lower() in values]
        start = int(body.get("after", 0))
        page = [shown(row, body.get("properties", DEFAULTS)) for row in found[start : start + PAGE]]
        more = {"paging": {"next": {"after": str(start + PAGE)}}} if start + PAGE < len(found) else {}
        self.say(200, {"total": len(found), "results": page, **more})

    def change(self, row: dict[str, Any], body: Any) -> None:
        """Properties of one contact."""
        wrong = set(body) != {"properties"} or any(
            name not in row["properties"] or not isinstance(value, str)
            for name, value in body["properties"].items()
        )
        if wrong:
            self.say(400, {"status": "error", "category": "VALIDATION_ERROR"})
            return
        row["properties"] |= body["properties"]
        self.say(200, shown(row, list(body["properties"])))

    def statuses(self, address: str, query: dict[str, str], body: Any) -> None:
        """The subscriptions of an address."""
        states = self.server.state["statuses"].get(address, [])
        if self.command == "GET" and query.get("channel") == "EMAIL":
            self.say(200, {"status": "COMPLETE", "results": states})
            return
        mine = [one for one in states if one["subscriptionId"] == body.get("subscriptionId")]
        right = body.get("channel") == "EMAIL" and body.get("statusState") in STATES and mine
        if self.command != "POST" or not right:
            self.say(400, {"status": "error", "category": "VALIDATION_ERROR"})
            return
        mine[0]["status"] = body["statusState"]
        self.say(200, {"status": "COMPLETE", "results": mine})


def shown(row: dict[str, Any], names: Any) -> dict[str, Any]:
    """A contact as it is given: a property that is empty or not there is null."""
    return {
        **row,
        "properties": {name: row["properties"].get(name) or None for name in names},
        "archived": False,
    }
