"""A workspace that declares uses, recipients and a banner, and what scripts and token holders send. All is invented."""

from __future__ import annotations

import json
from typing import Any

from api_samples import DEFINITION, Client

from amana.services.choices import own_data
from amana.services.record import links, tasks
from amana.services.record.house import House

SHOP = "https://shop.example"
INTERESTS = "user.behavior.interests"

HANDLED = (
    DEFINITION.replace('version = "1"', 'version = "1"\nshared_with = ["Adwise Ltd"]')
    + """
[purposes.offers.assessment]
on = 2026-01-01
review_by = 2027-01-01
owner = "the privacy office"
covers = ["use.profile"]

[fields.interests]
purposes = ["offers"]
category = "user.behavior.interests"
why = "to choose what is shown"
kept_for = "P1Y"
hold = "column"
uses = ["profile", "analyse"]

[recipients.adwise]
name = "Adwise Ltd"
country = "FR"
role = "controller"
purposes = ["offers"]
categories = ["user.behavior"]
agreement = "agreements/adwise.pdf"

[web]
brand = "orchard"
origins = ["https://shop.example"]
proof = ["channel_named", "sender_named", "purpose_named", "unbundled", "unticked", "not_condition", "withdrawal_told"]

[web.categories.statistics]
signals = ["analytics_storage"]

[web.categories.advertising]
signals = ["ad_storage", "ad_user_data", "ad_personalization"]
sale = true
actions = [{ action = "share.adwise", purpose = "offers", category = "user.behavior.interests" }]

[web.categories.preferences]
signals = ["functionality_storage", "personalization_storage"]
"""
)


def web(client: Client, path: str, body: object, origin: str = SHOP, **headers: str) -> Any:
    """What a script of a site sends: no key, plain text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"content-type": "text/plain", "origin": origin} | named
    return client.http.post(f"/web/v1/{path}", content=json.dumps(body), headers=sent)


def message_token(house: House, person: int = 1) -> str:
    """The token of a message that the person got."""
    from_cell = house.writing().terms.cell("orchard", "offers", "email")
    return house.writing().write(lambda session: links.for_message(house, session, person, from_cell)).token


def session_word(house: House, person: int = 1) -> str:
    """A session that was opened with a link mailed just now."""
    own_data.ask(house, person, "orchard", "en")
    mailed: list[Any] = []
    while tasks.work(house, {"mail": lambda _, __, payload: mailed.append(payload)}):
        pass
    return own_data.begin(house, str(mailed[-1]["token"])).word
