"""What data may be used for and with whom it is shared, over HTTP: No by a message's link, Yes in a session alone."""

from __future__ import annotations

import re
import time

import pytest
from web_samples import LANGUAGES, OFFERS, Answer, Site, member, step_up, token

from amana.services.choices import data_choices
from amana.services.gate.asking import Gate
from amana.services.gate.handling import Handling
from amana.web import words

PROFILE = "offers|use.profile|user.behavior.interests"
SHARE = "offers|share.adwise|user.behavior"
ALLERGIES = "offers|use.personalise|user.health"
EN = words.of("en")


class Ann:
    """Somebody with the link of a message, and a session over their own data when they ask for one."""

    def __init__(self, site: Site, who: str) -> None:
        self.site = site
        self.person = member(site.house, f"{who}@use.example", OFFERS)
        self.path = f"/p/{token(site.house, self.person)}"
        self._cookie = self._csrf = ""

    def centre(self, *form: tuple[str, str]) -> Answer:
        """The preference centre; with a form, after it was sent."""
        return self.site.ask(self.path, [("of-data", "1"), *form] if form else None)

    def own(self, *form: tuple[str, str]) -> Answer:
        """The same switches in the session."""
        if not self._cookie:
            opened = self.site.ask(f"/s/{step_up(self.site.house, self.person)}", [])
            self._cookie = opened.headers["set-cookie"].split(";")[0]
            self._csrf = re.findall(r'name="csrf" value="([^"]+)"', opened.text)[0]
        sent = [("csrf", self._csrf), *form] if form else None
        return self.site.ask("/me/data", sent, cookie=self._cookie)

    def lets(self, key: str) -> bool:
        """What the gate answers now."""
        purpose, action, category = key.split("|")
        gate = Gate(self.site.house)
        try:
            return gate.ask(
                self.person, Handling(brand="orchard", purpose=purpose, action=action, category=category)
            ).allow
        finally:
            gate.close()


def switch(page: Answer, key: str) -> set[str]:
    """Which of checked and disabled a switch on a page is."""
    found = re.findall(rf'name="data" value="{re.escape(key)}"([^>]*)>', page.text)
    assert len(found) == 1
    return {word for word in ("checked", "disabled") if word in found[0]}


def test_the_centre_shows_each_use_and_recipient_in_words_and_turns_nothing_on(site: Site) -> None:
    ann = Ann(site, "shown")
    page = ann.centre()
    for said in ("What you look at", "Allergies", "Adwise Ltd", EN.plain("data_profile")):
        assert said in page.text
    assert [switch(page, key) for key in (PROFILE, SHARE, ALLERGIES)] == [{"disabled"}] * 3
    ann.centre(("data", PROFILE), ("data", SHARE))
    assert not ann.lets(PROFILE)
    assert not ann.lets(SHARE)
    assert all(one.said == "" for one in data_choices.view(site.house, ann.person, "orchard"))


@pytest.mark.parametrize("key", [PROFILE, SHARE])
def test_a_yes_in_the_session_counts_and_a_no_by_the_link_counts_at_once(site: Site, key: str) -> None:
    ann = Ann(site, f"moves{len(key)}")
    assert switch(ann.own(), key) == set()
    done = ann.own(("data", key))
    assert switch(done, key) == {"checked"}
    assert EN.plain("receipt_one") in done.text
    assert ann.lets(key)
    assert switch(ann.centre(), key) == {"checked"}
    left = ann.centre(("was-data", key))
    assert switch(left, key) == {"disabled"}
    assert not ann.lets(key)


def test_what_was_not_moved_stays(site: Site) -> None:
    ann = Ann(site, "stays")
    ann.own(("data", PROFILE), ("data", SHARE))
    ann.centre(("was-data", PROFILE), ("was-data", SHARE), ("data", SHARE))
    assert (ann.lets(PROFILE), ann.lets(SHARE)) == (False, True)


def test_everything_is_ruled_out_by_one_press_and_a_later_yes_lifts_it_for_one_thing(site: Site) -> None:
    ann = Ann(site, "stops")
    ann.own(("data", PROFILE), ("data", SHARE))
    ann.centre(("data-stop", "1"))
    assert not ann.lets(PROFILE)
    assert not ann.lets(SHARE)
    time.sleep(1.1)  # a yes of the same second would lift nothing
    ann.own(("data", PROFILE))
    assert (ann.lets(PROFILE), ann.lets(SHARE)) == (True, False)


def test_special_data_is_agreed_to_in_express_words(site: Site) -> None:
    ann = Ann(site, "express")
    label = re.findall(r'<label class="switch">.*?</label>', ann.own().text)
    express = [one for one in label if EN.plain("data_express") in one]
    assert [ALLERGIES in one for one in express] == [True]
    ann.own(("data", ALLERGIES))
    assert ann.lets(ALLERGIES)


def test_a_form_of_another_site_turns_nothing_on(site: Site) -> None:
    ann = Ann(site, "forged")
    ann.own()
    ann._csrf = "wrong"
    assert ann.own(("data", PROFILE)).status == 400
    assert not ann.lets(PROFILE)


def test_a_switch_that_nobody_declared_is_nothing(site: Site) -> None:
    ann = Ann(site, "stray")
    assert ann.own(("data", "offers|share.nobody|user")).status == 200
    assert ann.centre(("was-data", "offers|use.profile|user.health")).status == 200
    assert all(one.said == "" for one in data_choices.view(site.house, ann.person, "orchard"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_switches_are_there_in_every_language(site: Site, language: str) -> None:
    ann = Ann(site, f"speaks-{language}")
    page = site.ask(f"{ann.path}?lang={language}")
    assert words.of(language).plain("data_title") in page.text
    assert words.of(language).plain("data_analyse") in page.text
