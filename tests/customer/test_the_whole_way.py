"""A customer's whole way through the running program: asked, confirmed, written to, changed, and gone again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dkim
import msgspec
import pytest
from customer_samples import Company, link, parsed, words_of

from amana.delivery import letters
from amana.web import words

pytestmark = pytest.mark.slow
HOMES = {"en": "GB", "he": "IL", "ar": "AE", "th": "TH", "ru": "IL"}
MARKED = {"IL": "פרסומת"}
"""What the law of a country wants the subject of advertising to begin with."""
WAYS = [(language, width) for language in HOMES for width in (360, 1280)]
DARK = {("ar", 1280), ("th", 1280), ("en", 1280)}
"""Those who read in the dark."""
PICTURED = {"en": "", "he": ""} | dict.fromkeys(("ar", "th", "ru"), "form centre left mine")
"""Which pages are kept as pictures, where pictures are kept; all of them unless they are named."""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at a screen, reading one language."""

    page: Any
    language: str
    email: str
    screens: Path | None
    kept: Path  # what they download

    @property
    def spoken(self) -> words.Words:
        return words.of(self.language)

    def opens(self, address: str) -> None:
        """Open a page and look at it."""
        self.page.goto(address)

    def sees(self, sentence: str, picture: str = "") -> None:
        """A sentence stands on the page, in the right language and direction, and nothing runs out of the window."""
        self.page.get_by_text(self.spoken.plain(sentence), exact=True).first.wait_for()
        html = self.page.locator("html")
        assert html.get_attribute("lang") == self.language
        assert html.get_attribute("dir") == self.spoken.direction
        assert not self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ), f"{picture} is wider than its window"
        wanted = PICTURED[self.language]
        if self.screens is not None and picture and (not wanted or picture in wanted.split()):
            width = self.page.viewport_size["width"]
            self.page.screenshot(path=self.screens / f"{picture}-{self.language}-{width}.png", full_page=True)

    def presses(self, button: str) -> None:
        """Press a button, and wait for the page that answers."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=self.spoken.plain(button), exact=True).click()

    def presses_link(self, name: str) -> None:
        """Follow a link, and wait for the page."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=self.spoken.plain(name), exact=True).click()

    def receipts(self) -> list[Path]:
        """Download every receipt on the page."""
        found = []
        for one in self.page.locator("a[download]").all():
            with self.page.expect_download() as saved:
                one.click()
            found.append(self.kept / f"{time.monotonic_ns()}.txt")
            saved.value.save_as(found[-1])
        return found


@pytest.fixture(params=WAYS, ids=[f"{language}-{width}" for language, width in WAYS])
def customer(
    request: pytest.FixtureRequest, browser: Any, screens: Path | None, tmp_path: Path
) -> Iterator[Customer]:
    """A customer with a window of some width."""
    language, width = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        locale=language,
        color_scheme="dark" if request.param in DARK else "light",
    )
    yield Customer(
        page=context.new_page(),
        language=language,
        email=f"{language}-{width}@example.com",
        screens=screens,
        kept=tmp_path,
    )
    context.close()


def test_a_customer_agrees_confirms_changes_a_choice_leaves_and_comes_back(
    company: Company, customer: Customer
) -> None:
    signs_up(company, customer, HOMES[customer.language])
    confirms(company, customer)
    leave = is_written_to(company, customer)
    changes_a_choice(company, customer)
    looks_at_their_data(company, customer)
    leaves_by_one_click(company, customer, leave)
    comes_back(company, customer)
    assert company.relay.count(customer.email) == 7


@pytest.mark.parametrize("customer", [("ru", 360)], indirect=True, ids=["ru"])
def test_a_customer_in_russia_is_told_no_whatever_they_confirm_while_their_data_is_kept_abroad(
    company: Company, customer: Customer
) -> None:
    resident = msgspec.structs.replace(customer, email="resident@example.com", screens=None)
    signs_up(company, resident, "RU")
    customer.opens(link(words_of(parsed(company.relay.mail(resident.email, 1))), "c"))
    customer.presses("confirm_send")
    customer.sees("confirmed")
    assert company.may(resident.email) == (False, ["localisation", "consent_unproven"])
    assert company.campaign("autumn", resident.email, "Реклама") == "localisation"
    assert company.relay.count(resident.email) == 2  # what was asked, and what was agreed to: no advertising


def signs_up(company: Company, customer: Customer, home: str) -> None:
    """The form: every switch is off; the newsletter is turned on and the form sent."""
    customer.opens(f"http://localhost:{company.port}/f/signup?lang={customer.language}")
    page = customer.page
    customer.sees("form_title", "form")
    assert page.locator("input[name='choice']:checked").count() == 0
    page.locator("input[value='news:email']").check()
    page.locator("#email").fill(customer.email)
    page.locator("#country").select_option(home)
    customer.presses("form_send")
    customer.sees("sent_title", "sent")


def confirms(company: Company, customer: Customer) -> None:
    """The mail: in the reader's language, signed; its link changes nothing until the button is pressed."""
    content = company.relay.mail(customer.email, 1)
    assert dkim.verify(content, dnsfunc=lambda name, timeout=5: company.dkim_record)
    mail, spoken = parsed(content), letters.words(customer.language)
    assert mail["Subject"] == spoken.confirm["subject"].format(brand="Orchard Street")
    assert f'lang="{customer.language}" dir="{spoken.direction}"' in words_of(mail, "html")
    before, denied = company.size(), company.may(customer.email)
    assert denied[0] is False
    assert "consent_pending" in denied[1]
    customer.opens(link(words_of(mail), "c"))
    customer.sees("confirm_title", "confirm")
    assert (company.size(), company.may(customer.email)) == (before, denied)
    customer.presses("confirm_send")
    customer.sees("confirmed", "confirmed")
    (receipt,) = customer.receipts()
    assert verified(company, receipt)["status"] == "given"
    assert company.may(customer.email) == (True, [])
    assert company.may(customer.email, "offers")[0] is False
    told = parsed(company.relay.mail(customer.email, 2))
    assert told["Subject"] == spoken.turned_on["subject"].format(brand="Orchard Street")
    assert verified(company, attached(told, customer))["status"] == "given"
    customer.presses_link("to_centre")
    assert customer.page.locator("input[value='news:email']").is_checked()


def is_written_to(company: Company, customer: Customer) -> str:
    """A campaign reaches them, with the way out in its headers; the address of the one click."""
    assert company.campaign("autumn", customer.email, subject(customer)) == ""
    content = company.relay.mail(customer.email, 3)
    assert dkim.verify(content, dnsfunc=lambda name, timeout=5: company.dkim_record)
    mail = parsed(content)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    customer.opens(link(words_of(mail), "p"))
    customer.sees("centre_title", "centre")
    return link(mail["List-Unsubscribe"], "u")


def changes_a_choice(company: Company, customer: Customer) -> None:
    """The preference centre: one switch is moved, and there is a receipt for it."""
    page = customer.page
    assert page.locator("input[value='news:email']").is_checked()
    page.locator("input[name='topic'][value='pears']").uncheck()
    customer.presses("save")
    customer.sees("saved", "saved")
    assert not page.locator("input[name='topic'][value='pears']").is_checked()
    assert page.locator("input[value='news:email']").is_checked()
    (receipt,) = customer.receipts()
    assert verified(company, receipt)["topics_off"] == '["pears"]'
    assert company.may(customer.email) == (True, [])
    told = parsed(company.relay.mail(customer.email, 4))
    assert told["Subject"] == letters.words(customer.language).receipt["subject"].format(
        brand="Orchard Street"
    )
    assert verified(company, attached(told, customer))["topics_off"] == '["pears"]'
    customer.presses_link("why_title")
    customer.sees("why_title", "why")
    customer.presses_link("to_centre")


def looks_at_their_data(company: Company, customer: Customer) -> None:
    """A second link, mailed now, opens what is held about them; each line of what happened has its receipt."""
    customer.presses("mine_ask")
    customer.sees("link_sent_title", "link-sent")
    customer.opens(link(words_of(parsed(company.relay.mail(customer.email, 5))), "s"))
    customer.sees("mine_title", "link")
    customer.presses("link_open")
    customer.sees("mine_points", "mine")
    assert customer.page.get_by_text(customer.email).is_visible()
    newest, *_ = customer.receipts()
    assert verified(company, newest)["topics_off"] == '["pears"]'
    customer.presses("mine_end")
    customer.sees("ended_title")
    customer.opens(f"http://localhost:{company.port}/me?lang={customer.language}")
    customer.sees("trouble_gone", "gone")


def leaves_by_one_click(company: Company, customer: Customer, leave: str) -> None:
    """The mail program's own button: a POST and nothing else, and the next decision knows."""
    customer.opens(leave)
    customer.sees("unsubscribe_title", "leave")
    assert company.may(customer.email) == (True, [])
    address = urlsplit(leave)
    status, _, headers = company.post(
        f"{address.path}?{address.query}",
        "List-Unsubscribe=One-Click",
        {"content-type": "application/x-www-form-urlencoded"},
    )
    answered = time.monotonic()
    allowed, reasons = company.may(customer.email)
    assert time.monotonic() - answered < 1
    assert status == 200
    assert headers["Set-Cookie"] is None
    assert allowed is False
    assert "withdrawn" in reasons
    assert company.campaign("winter", customer.email, subject(customer)) == "withdrawn"
    assert company.relay.count(customer.email) == 5
    customer.opens(leave)
    customer.sees("left_title", "left")
    (receipt,) = customer.receipts()
    assert verified(company, receipt)["status"] == "withdrawn"


def comes_back(company: Company, customer: Customer) -> None:
    """Turning it on again is a request; only their own confirmation, later than the withdrawal, lifts it."""
    time.sleep(1)  # within one second a No is stronger than a Yes
    customer.presses_link("to_centre")
    customer.page.locator("input[value='news:email']").check()
    customer.presses("save")
    customer.sees("saved")
    assert customer.page.locator("a[download]").count() == 0
    assert company.may(customer.email)[0] is False
    customer.opens(link(words_of(parsed(company.relay.mail(customer.email, 6))), "c"))
    customer.presses("confirm_send")
    customer.sees("confirmed")
    assert company.may(customer.email) == (True, [])
    told = parsed(company.relay.mail(customer.email, 7))
    assert verified(company, attached(told, customer))["status"] == "given"


def attached(told: EmailMessage, customer: Customer) -> Path:
    """The one receipt that a mail carries, as it is saved."""
    (receipt,) = told.iter_attachments()
    assert receipt.get_filename() == "receipt-1.txt"
    saved = customer.kept / f"mailed-{time.monotonic_ns()}.txt"
    saved.write_bytes(receipt.get_content())
    return saved


def subject(customer: Customer) -> str:
    """The subject of a campaign, marked as advertising where the law wants it."""
    return f"{MARKED.get(HOMES[customer.language], '')} Apples".strip()


def verified(company: Company, receipt: Path) -> dict[str, str]:
    """What a receipt proves to somebody who has nothing but the log's key."""
    done = subprocess.run(
        [sys.executable, "-m", "amana.ledger.verify", str(receipt), company.log_key],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [line.strip().partition(": ") for line in done.stdout.splitlines() if line.startswith("  ")]
    return {name: value for name, _, value in told}
