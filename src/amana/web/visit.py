"""A visit: one request as a page sees it, and a page as an answer.

Rule. A page is a function from a visit to a `Page`; it sees parsed values and no web framework. The language is the one
asked for in the address, else the first of the browser's that the workspace has, else the workspace's first: reading
changes nothing and nothing is remembered about a visitor. A network address is cut before anything sees it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from amana import errors
from amana.services.collection.capture import Context
from amana.services.record import wording
from amana.services.record.house import House
from amana.web import words
from amana.web.words import LANGUAGES, Words

AGENT = 200  # characters kept of a user agent


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request."""

    house: House
    path: str
    part: str = ""  # the variable part of the path: a capture point, a token
    query: Mapping[str, str] = {}
    flooded: bool = False  # the query held more fields than are read
    form: tuple[tuple[str, str], ...] = ()
    accept_language: str = ""
    network: str = ""  # cut
    agent: str = ""
    gpc: bool = False  # Sec-GPC: 1
    cookie: str = ""  # the session's word
    secure: bool = False  # came by https

    def one(self, name: str) -> str:
        """A field of the form, trimmed; empty if it is not there."""
        return next((value.strip() for key, value in self.form if key == name), "")

    def all(self, name: str) -> list[str]:
        """All values of a field of the form."""
        return [value for key, value in self.form if key == name]

    def words(self, preferred: str = "", offered: tuple[str, ...] = ()) -> Words:
        """The words to answer in. `preferred` is what the person is known to read; `offered` narrows the choice."""
        known = [one for one in offered or _offered(self.house) if one in LANGUAGES] or [wording.FALLBACK]
        for wanted in (
            self.query.get("lang", ""),
            self.one("lang"),
            preferred,
            *accepted(self.accept_language),
        ):
            if wanted in known:
                return words.of(wanted)
        return words.of(known[0])

    def context(self, spoken: Words) -> Context:
        """What is kept of the circumstances as proof."""
        return Context(
            network=self.network,
            agent=self.agent[:AGENT],
            language=spoken.language,
            page=self.path.split("/")[1],
        )


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """An answer."""

    template: str
    words: Words
    values: dict[str, Any] = {}
    status: int = 200
    brand: str = ""
    framed: bool = False  # may stand in a frame on another site
    session: str | None = None  # a session's word to keep; "" to forget it
    wait: int = 0  # seconds after which to come back
    dead: bool = False  # the visit found nothing: it counts as a dead word does


class Plain(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is not a page."""

    body: bytes
    media: str
    status: int = 200
    cached: int = 0  # seconds
    shared: bool = False  # other sites may load it
    own_policy: bool = False  # the document says itself what it may load
    reading: bool = False  # a whole document that runs and loads nothing
    download: str = ""  # name of the file that it is saved as


Answer = Page | Plain
View = Callable[[Visit], Answer]


def accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, most wanted first (RFC 9110, 12.5.4), without regions."""
    found: list[tuple[float, int, str]] = []
    for index, part in enumerate(header.split(",")[:20]):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        found.append((-quality, index, tag.strip().lower().split("-")[0]))
    return [{"iw": "he"}.get(tag, tag) for quality, _, tag in sorted(found) if quality < 0]


def cut(address: str) -> str:
    """A network address without its last part: /24 or /48."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{one}/{24 if one.version == 4 else 48}", strict=False))


def gone() -> errors.NotFound:
    """The answer to an address that leads nowhere."""
    return errors.NotFound("There is no such page", remedy="check the address")


def _offered(house: House) -> tuple[str, ...]:
    return house.workspace.organisation.languages
