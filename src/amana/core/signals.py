"""Web signals: what a visitor chose on a site's banner, and what follows from it for tags and vendors.

Rule. The banner offers the categories that the workspace declares; one that was not switched on is off, and a category
that nobody declared does not exist. `Sec-GPC: 1` switches every category off that sells data or shares it for
advertising across sites, whatever was chosen (Global Privacy Control; Civ. Code 1798.135; not a refusal of the site's
own messages). Google's consent mode has seven signals; one is `granted` only if a category declares it and every
category that declares it is on, and everything else is `denied`. For a person who is known, a category is on only if
the gate also allows every action that it names.

Segment's `categoryPreferences` says the same of categories by their names: missing is off.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

import msgspec

from amana import errors
from amana.core import cells

GOOGLE = (
    "ad_storage",
    "analytics_storage",
    "ad_user_data",
    "ad_personalization",
    "functionality_storage",
    "personalization_storage",
    "security_storage",
)
"""The signals of Google's consent mode, version 2."""
GRANTED, DENIED = "granted", "denied"
_NAME = re.compile(r"[A-Za-z0-9 _-]{1,60}")
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d+)?|http://(localhost|127\.0\.0\.1)(:\d+)?")


class Allowed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An action that must be allowed for a known person."""

    action: str  # use.<manner> or share.<recipient>
    purpose: str
    category: str = ""  # of data; empty for every one


class BannerCategory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One switch of the banner."""

    signals: tuple[str, ...] = ()  # of Google's consent mode
    sale: bool = (
        False  # sells data, or shares it for advertising across sites: a browser's signal switches it off
    )
    actions: tuple[Allowed, ...] = ()
    label: dict[str, str] = {}  # what people call it, by language


class Web(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sites that show the banner, and its switches."""

    brand: str
    origins: tuple[str, ...] = ()  # sites whose scripts may speak with us, e.g. https://shop.example
    categories: dict[str, BannerCategory] = {}
    proof: tuple[str, ...] = ()  # evidence checks that the sites' own switches meet, by name


def check(
    web: Web | None, brands: Container[str], purposes: Container[str], recipients: Mapping[str, Any]
) -> None:
    """Refuse words that the workspace lacks. Raises BadWorkspace."""
    if web is None:
        return
    if web.brand not in brands:
        raise _bad("web.brand", web.brand)
    for origin in web.origins:
        if not _ORIGIN.fullmatch(origin):
            raise _bad("web.origins", origin)
    actions = {f"{cells.SHARE}{name}" for name in recipients} | {
        cells.USE + manner.value for manner in cells.MANNER_CODE
    }
    for name, category in web.categories.items():
        if not _NAME.fullmatch(name):
            raise _bad("web.categories", name)
        for signal in category.signals:
            if signal not in GOOGLE:
                raise _bad(f"web.categories.{name}.signals", signal)
        for one in category.actions:
            if one.action not in actions:
                raise _bad(f"web.categories.{name}.actions", one.action)
            if one.purpose not in purposes:
                raise _bad(f"web.categories.{name}.actions", one.purpose)


def chosen(web: Web, said: Mapping[str, Any], *, gpc: bool) -> dict[str, bool]:
    """Which categories are on: those switched on with `true`, less what a browser's signal switches off."""
    return {name: said.get(name) is True and not (gpc and one.sale) for name, one in web.categories.items()}


def consent_mode(web: Web, on: Mapping[str, bool]) -> dict[str, str]:
    """Google's signals for the categories that are on."""
    found = {}
    for signal in GOOGLE:
        declaring = [name for name, one in web.categories.items() if signal in one.signals]
        found[signal] = GRANTED if declaring and all(on.get(name) is True for name in declaring) else DENIED
    return found


def _bad(place: str, word: str) -> errors.BadWorkspace:
    return errors.BadWorkspace(
        f"{place} names a word that cannot be there", got=word, remedy="mend it; see docs/sdk.md"
    )
