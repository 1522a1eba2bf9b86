"""Rendering: a page as HTML, and the headers that every answer carries.

Rule. Templates escape everything by themselves; what is marked safe was escaped by `words`. Every answer forbids what the
page does not need: no script but our own file, no other site, no frame (but for the embeddable form), no referrer, no
cache, no index. A brand changes two variables of the stylesheet, and the text on its colour is black or white, whichever
can be read (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

import jinja2

from amana.services.record import wording
from amana.services.record.house import House
from amana.web import words
from amana.web.visit import Page, Visit

BRAND = "#14532d"
SESSION = "amana-session"

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors "
)
DOCUMENT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of a document that is whole in one file, such as the page that checks receipts."""
READING_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-popups"
)
"""Of a document that is only read, whatever somebody wrote into a value in it."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), interest-cohort=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


def html(visit: Visit, page: Page) -> str:
    """The page's text."""
    return _environment().get_template(f"{page.template}.html").render(_values(visit, page))


def headers(*, framed: bool = False, cached: int = 0, shared: bool = False) -> dict[str, str]:
    """The headers of an answer."""
    return {
        **HEADERS,
        "Content-Security-Policy": _POLICY + ("*" if framed else "'none'"),
        "Cache-Control": f"public, max-age={cached}" if cached else "no-store",
        "Cross-Origin-Resource-Policy": "cross-origin" if shared or framed else "same-origin",
    }


def asset(name: str) -> bytes:
    """A file of `data/web`."""
    return (resources.files("amana.data") / "web" / name).read_bytes()


@cache
def mark(name: str) -> str:
    """A few characters that change when a file does, so that caches do not keep an old one."""
    return sha256(asset(name)).hexdigest()[:8]


def brand_sheet(colour: str) -> bytes:
    """The stylesheet of a brand: its colour, and the colour of text on it."""
    return f":root{{--brand:{colour};--on-brand:{_readable_on(colour)}}}".encode()


def _values(visit: Visit, page: Page) -> dict[str, Any]:
    house = visit.house
    brand = page.brand or next(iter(house.workspace.brands))
    organisation = house.workspace.organisation
    offered = [one for one in organisation.languages if one in words.LANGUAGES] or [wording.FALLBACK]
    return {
        "t": page.words,
        "w": page.words,
        "visit": visit,
        "organisation": organisation,
        "brand": brand,
        "brand_name": house.workspace.brands[brand].name,
        "languages": [words.of(one) for one in offered],
        "others": [(name, value) for name, value in visit.query.items() if name != "lang"],
        "mark": mark,
        "mark_of_brand": sha256(_colour(house, brand).encode()).hexdigest()[:8],
        "framed": page.framed,
        **page.values,
    }


def _colour(house: House, brand: str) -> str:
    return house.workspace.brands[brand].colour or BRAND


def _readable_on(colour: str) -> str:
    """Black or white: the one with more contrast to the colour."""
    light = _luminance(colour)
    return "#fff" if 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 else "#000"


def _luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: asset(name).decode()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
