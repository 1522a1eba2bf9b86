"""A workspace that declares uses, recipients and a banner. Everything is invented."""

from __future__ import annotations

from api_samples import DEFINITION

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
