"""What a page weighs, and whom the browser asks for it: all pages that a message links to, in every language."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from web_samples import LANGUAGES, OFFERS, PHONE, TEXTS, Site, member, token

MOST = 60_000  # bytes, everything that is fetched together
LOADED = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "track": "src",
    "input": "src",
    "use": "href",
    "image": "href",
}
"""Where an element names something that a browser fetches without being asked to."""


class Fetched(HTMLParser):
    """What a page makes a browser fetch, and whatever else could."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.styles: list[str] = []
        self._in_style = False
        self.feed(page)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        """Note what one element fetches."""
        words = {name: value or "" for name, value in given}
        self._in_style = tag == "style"
        if tag == "link" and words.get("rel") in ("alternate", "canonical"):
            return
        if words.get(LOADED.get(tag, "")):
            self.places.append(words[LOADED[tag]])
        for name in ("srcset", "poster", "background", "ping"):
            assert name not in words, f"{tag} fetches by {name}"
        assert words.get("http-equiv", "").lower() != "refresh"
        self.styles.append(words.get("style", ""))

    def handle_data(self, data: str) -> None:
        """Note a style that stands in the page."""
        if self._in_style:
            self.styles.append(data)


def fetched_by(style: str) -> list[str]:
    """What a style sheet makes a browser fetch."""
    named = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", style)
    return [one for pair in named for one in pair if one and not one.startswith("data:")]


def everything(site: Site, path: str) -> dict[str, int]:
    """The bytes of all that a browser fetches for a page, by place."""
    page = site.ask(path)
    assert page.status == 200, page.text
    sizes = {path: len(page.body)}
    read = Fetched(page.text)
    waiting = [(path, one) for one in read.places]
    waiting += [(path, one) for style in read.styles for one in fetched_by(style)]
    while waiting:
        base, said = waiting.pop()
        if said.startswith("data:"):
            continue
        place = urlsplit(urljoin(f"{site.address}{base}", said))
        assert f"{place.scheme}://{place.netloc}" == site.address, f"{base} fetches from elsewhere"
        if place.path in sizes:
            continue
        answer = site.ask(f"{place.path}?{place.query}" if place.query else place.path)
        assert answer.status == 200, place.path
        sizes[place.path] = len(answer.body)
        if "css" in answer.headers["content-type"]:
            waiting += [(place.path, one) for one in fetched_by(answer.text)]
    return sizes


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", ["p/{token}", "p/{token}/why", "u/{token}", "f/signup"])
def test_a_page_weighs_little_and_asks_nobody_else(site: Site, page: str, language: str) -> None:
    person = member(site.house, "weighed@http.example", OFFERS, TEXTS, phone=PHONE)
    path = f"/{page.format(token=token(site.house, person, OFFERS))}?lang={language}"
    sizes = everything(site, path)
    assert any(place.startswith("/static/") for place in sizes), "nothing was followed"
    assert sum(sizes.values()) < MOST, sizes


def test_a_policy_of_the_page_keeps_a_browser_from_asking_anybody_else(site: Site) -> None:
    policy = site.ask(
        f"/p/{token(site.house, member(site.house, 'weighed@http.example', OFFERS, TEXTS, phone=PHONE), OFFERS)}"
    ).headers["content-security-policy"]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";") if " " in part.strip())
    assert rules["default-src"] == "'none'"
    assert all(set(said.split()) <= {"'none'", "'self'", "data:"} for said in rules.values()), policy
