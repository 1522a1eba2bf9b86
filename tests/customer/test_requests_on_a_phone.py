"""A person follows their own request on a phone, in Hebrew, through the running program: asked, done, and fetched."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from customer_samples import Company, link, words_of
from customer_samples import parsed as read

from amana.core.rights import Kind
from amana.services.rights import requests
from amana.web import words

pytestmark = pytest.mark.slow
HEBREW = words.of("he")
EMAIL = "noa@example.com"
LEAST = 24  # CSS pixels of a target (WCAG 2.2, 2.5.8)
PATIENCE = 90  # seconds for the program to answer; an erasure waits until the person was told


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A phone that runs no script."""
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, locale="he", java_script_enabled=False, has_touch=True
    )
    yield context.new_page()
    context.close()


class Phone:
    """What somebody does and sees on it."""

    def __init__(self, page: Any, screens: Path | None) -> None:
        self.page, self.screens = page, screens

    def sees(self, sentence: str, picture: str) -> None:
        """The sentence stands there, from right to left, and nothing runs out of the window."""
        self.page.get_by_text(HEBREW.plain(sentence), exact=True).first.wait_for()
        html = self.page.locator("html")
        assert (html.get_attribute("lang"), html.get_attribute("dir")) == ("he", "rtl")
        box = self.page.locator("main").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        for one in self.page.get_by_role("button").all():
            assert one.bounding_box()["height"] >= LEAST
        if self.screens is not None:
            self.page.screenshot(path=self.screens / f"{picture}-he-360.png", full_page=True)

    def taps(self, button: str) -> None:
        """Tap a button and wait for its page."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=HEBREW.plain(button), exact=True).tap()

    def follows(self, name: str) -> None:
        """Tap a link and wait for its page."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=HEBREW.plain(name), exact=True).first.tap()

    def types(self, button: str) -> None:
        """Reach a button by the keyboard alone, and press it."""
        wanted = self.page.get_by_role("button", name=HEBREW.plain(button), exact=True)
        wanted.focus()
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


def test_a_person_follows_their_request_on_a_phone_in_hebrew(
    company: Company, page: Any, screens: Path | None
) -> None:
    phone = Phone(page, screens)
    opens_their_data(company, phone)
    phone.sees("requests", "mine-requests")
    phone.taps("ask_access")
    phone.sees("ask_access", "request-open")
    row = is_answered(company, Kind.ACCESS)
    page.goto(f"http://localhost:{company.port}/me/request/{row.ref}?lang=he")
    phone.sees("status_answered", "request-answered")
    with page.expect_download() as saved:
        page.locator("a[download$='.zip']").tap()
    with zipfile.ZipFile(io.BytesIO(Path(saved.value.path()).read_bytes())) as archive:
        assert any(EMAIL.encode() in archive.read(name) for name in archive.namelist())
    phone.follows("to_mine")
    phone.taps("ask_erasure")
    phone.sees("ask_erasure_more", "request-erasure")
    phone.types("ask_erasure_do")
    phone.sees("request_link", "request-running")
    with page.expect_navigation():
        page.get_by_role("link", name=HEBREW.plain("request_link"), exact=True).tap()
    followed = page.url
    is_answered(company, Kind.ERASURE)
    page.goto(followed)
    phone.sees("status_answered", "request-followed")
    assert EMAIL not in page.content()
    page.goto(f"http://localhost:{company.port}/me?lang=he")
    phone.sees("trouble_gone", "request-gone")


def opens_their_data(company: Company, phone: Phone) -> None:
    """Signs up, confirms, and follows the link to their data."""
    page = phone.page
    page.goto(f"http://localhost:{company.port}/f/signup?lang=he")
    page.locator("input[value='news:email']").check()
    page.locator("#email").fill(EMAIL)
    page.locator("#country").select_option("IL")
    phone.taps("form_send")
    page.goto(link(words_of(read(company.relay.mail(EMAIL, 1))), "c"))
    phone.taps("confirm_send")
    phone.follows("to_centre")
    phone.taps("mine_ask")
    page.goto(link(words_of(read(company.relay.mail(EMAIL, 3))), "s"))
    phone.taps("link_open")


def is_answered(company: Company, kind: Kind) -> Any:
    """The person's request of a kind, once the running program has answered it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = [one for one in requests.every(company.house) if one.kind == kind.value]
        if found and found[0].status == "answered":
            return found[0]
        time.sleep(0.05)
    raise AssertionError([(one.kind, one.status) for one in found])
