"""A yes belongs to the wording that was shown: whatever is published while somebody reads, on every page that asks."""

from __future__ import annotations

import itertools
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.exceptions import LitestarDeprecationWarning
from litestar.testing import TestClient
from web_samples import DEFINITION, LANGUAGES, OFFERS, mailed, member, serve, step_up, token

from amana import wiring
from amana.core import events
from amana.core.vocabulary import Status
from amana.services.choices import own_data
from amana.services.collection import capture, preferences
from amana.services.collection.capture import Context
from amana.services.record import publish
from amana.services.record.house import House
from amana.services.record.limits import Buckets
from amana.settings import Settings
from amana.storage import people, register
from amana.web import app, words
from amana.web.pacing import Pace

EN = words.of("en")
CHANGED = EN.plain("text_changed")
BOTH = DEFINITION + '\n[capture_points.both]\nkind = "form"\n'
OTHER_TEXT = BOTH.replace("We would like to write to you", "May we write to you")
LATER = '[notices.offers]\nversion = "2026-02"'
WORDED = OTHER_TEXT.replace('[notices.offers]\nversion = "2026-01"', LATER)
MATERIAL = BOTH.replace('[notices.offers]\nversion = "2026-01"', LATER).replace(
    'shared_with = ["Post House Ltd (sends our mail)"', 'shared_with = ["Mail House Ltd"'
)
PROFILE = "offers|use.profile|user.behavior.interests"


class Place:
    """The pages of a workspace of the test's own, in this process, whose file may change while somebody reads."""

    def __init__(self, folder: Path) -> None:
        self.now = int(time.time())
        self._settings = Settings(workspace=folder / "workspace", actor="test")
        self._open = ExitStack()
        wiring.create(self._settings, BOTH)
        self.house = self._opened()
        ticks = itertools.count()
        pages = app.routes(lambda: self.house, Pace(Buckets(lambda: float(next(ticks) * 1_000))))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LitestarDeprecationWarning)  # of how the pages take a body
            self.http = TestClient(Litestar([pages], openapi_config=None))
        self._open.enter_context(self.http)

    def _opened(self) -> House:
        return self._open.enter_context(wiring.opened(self._settings, writing=True, at=lambda: self.now))

    def publish(self, definition: str) -> list[str]:
        """The workspace file says something else from now on; the versions it publishes."""
        self.now += 10
        (self._settings.workspace / "amana.toml").write_text(definition)
        self.house = self._opened()
        return [one.version for one in publish.publish(self.house)]

    def close(self) -> None:
        """End it."""
        self._open.close()

    def read(self, path: str, **headers: str) -> str:
        """A page, as somebody opens it."""
        self.now += 10
        answer = self.http.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, page: str, *form: tuple[str, str]) -> Any:
        """Send a page's form: with the marks that the page carries."""
        self.now += 10
        fields: dict[str, list[str]] = {"shown": marks(page)}
        for name, value in form:
            fields.setdefault(name, []).append(value)
        return self.http.post(path, data=fields)

    def yeses(self, person: int = 0) -> list[tuple[Status, str, bool]]:
        """Every yes of somebody, of the newest by themselves: status, version, whether the hash is that version's."""
        with self.house.database.read() as connection:
            person = person or max(people.get(connection, range(1, 400)), default=0)
            hashes = {f"{one.id}@{one.version}": one.hash for one in register.notice_versions(connection)}
        told = own_data.happened(self.house, person) if person else []
        return [
            (one.event.status, one.event.notice, hashes[one.event.notice] == one.event.notice_hash)
            for one in reversed(told)
            if isinstance(one.event, events.Permission) and one.event.notice
        ]

    def size(self) -> int:
        """How many events the log holds."""
        with self.house.database.read() as connection:
            return int(connection.exec_driver_sql("SELECT max(size) FROM checkpoint").scalar_one() or 0)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.close()


def marks(page: str) -> list[str]:
    """What a page carries of the notices that it shows."""
    return re.findall(r'name="shown" value="([^"]+)"', page)


def ticked(page: str) -> set[str]:
    """The switches of a page that are on."""
    return set(re.findall(r'value="([^"]+)" checked', page))


NEWS_BY_MAIL = (("choice", "news:email"), ("email", "ann@example.com"), ("field-name", "Ann Ash"))


# ---- forms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown_at", ["/f/signup", "/f/signup/embed"])
def test_a_form_carries_the_version_and_the_hash_of_each_notice_it_shows(place: Place, shown_at: str) -> None:
    (mark,) = marks(place.read(shown_at))
    with place.house.database.read() as connection:
        (offers,) = register.notice_versions(connection, "offers")
    assert mark == f"offers@2026-01#{offers.hash}"
    assert len(marks(place.read("/f/both"))) == 2


def test_a_yes_to_the_current_wording_is_recorded_under_it(place: Place) -> None:
    assert place.send("/f/signup", place.read("/f/signup"), *NEWS_BY_MAIL).status_code == 200
    assert place.yeses() == [(Status.REQUESTED, "offers@2026-01", True)]


def test_a_change_that_is_not_material_leaves_the_yes_under_the_wording_that_was_read(place: Place) -> None:
    page = place.read("/f/signup")
    member(place.house, "bo@example.com")  # so that the first version was answered
    assert place.publish(WORDED) == ["2026-02"]
    assert place.send("/f/signup", page, *NEWS_BY_MAIL).status_code == 200
    assert place.yeses() == [(Status.REQUESTED, "offers@2026-01", True)]


def changed_by(place: Place, how: str) -> None:
    """Publish while somebody reads."""
    if how == "replaced":
        assert place.publish(OTHER_TEXT) == ["2026-01"]
    elif how == "material":
        assert place.publish(MATERIAL) == ["2026-02"]


@pytest.mark.parametrize("how", ["replaced", "material", "never published", "not said"])
@pytest.mark.parametrize("shown_at", ["/f/signup", "/f/signup/embed"])
def test_a_wording_that_does_not_hold_any_more_is_shown_again_and_nothing_is_recorded(
    place: Place, how: str, shown_at: str
) -> None:
    page = place.read(shown_at)
    changed_by(place, how)
    if how == "never published":
        page = re.sub(r"#[0-9a-f]{64}", f"#{'0' * 64}", page)
    if how == "not said":
        page = ""
    before = place.size()
    framed = [("framed", "yes")] if shown_at.endswith("embed") else []
    again = place.send("/f/signup", page, *NEWS_BY_MAIL, *framed)
    assert again.status_code == 409
    assert CHANGED in again.text
    assert place.size() == before
    assert mailed(place.house) == []
    for typed in ("ann@example.com", "Ann Ash"):
        assert f'value="{typed}"' in again.text
    assert ticked(again.text) == set()  # a yes to the text of now is made anew
    taken = place.send("/f/signup", again.text, *NEWS_BY_MAIL)
    assert taken.status_code == 200
    version = "2026-02" if how == "material" else "2026-01"
    assert place.yeses() == [(Status.REQUESTED, f"offers@{version}", True)]


def test_only_the_switches_whose_wording_changed_are_off_again(place: Place) -> None:
    page = place.read("/f/both")
    place.publish(MATERIAL)
    both = (
        ("choice", "wine:email"),
        ("choice", "news:email"),
        ("email", "ann@example.com"),
        ("birth-month", "5"),
        ("birth-year", "1980"),
    )
    again = place.send("/f/both", page, *both)
    assert again.status_code == 409
    assert ticked(again.text) == {"wine:email"}
    alone = place.send("/f/both", page, both[0], *both[2:])
    assert alone.status_code == 200
    assert place.yeses() == [(Status.REQUESTED, "wine@1", True)]


def test_a_switch_that_the_new_text_does_not_have_is_not_dropped_in_silence(place: Place) -> None:
    page = place.read("/f/signup")
    place.publish(
        MATERIAL.replace(
            'channels = ["email", "sms", "ads_audience"]\nshared', 'channels = ["email"]\nshared'
        )
    )
    again = place.send("/f/signup", page, ("choice", "offers:sms"), ("phone", "+44 7400 123456"))
    assert again.status_code == 409
    assert CHANGED in again.text


def test_a_notice_that_names_a_purpose_the_running_pages_do_not_know_yet_is_shown_all_the_same(
    place: Place,
) -> None:
    running = place.house
    more = MATERIAL.replace(
        'purposes = ["offers", "news"]\nchannels', 'purposes = ["offers", "news", "gifts"]\nchannels', 1
    )
    gifts = '[purposes.gifts]\nnotice = "offers"\nchannels = ["email"]\ncategory = "marketing"\n'
    place.publish(more + gifts)
    place.house = running
    page = place.read("/f/signup")
    assert "gifts:email" not in page
    assert place.send("/f/signup", page, *NEWS_BY_MAIL).status_code == 200
    assert place.yeses() == [(Status.REQUESTED, "offers@2026-02", True)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentence_is_there_in_every_language(place: Place, language: str) -> None:
    again = place.send("/f/signup", "", *NEWS_BY_MAIL, ("lang", language))
    assert f'lang="{language}"' in again.text
    assert words.of(language).plain("text_changed") in again.text


def test_what_is_published_between_the_look_and_the_record_is_seen_in_the_transaction(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = place.read("/f/signup")
    look: Callable[..., Any] = capture.still_shown

    def then_publish(house: House, connection: Any, said: capture.Submission) -> Any:
        held = look(house, connection, said)
        monkeypatch.setattr(capture, "still_shown", look)
        place.publish(MATERIAL)
        return held

    monkeypatch.setattr(capture, "still_shown", then_publish)
    again = place.send("/f/signup", page, *NEWS_BY_MAIL)
    assert (again.status_code, place.yeses()) == (409, [])
    assert CHANGED in again.text


# ---- confirming ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("definition", [WORDED, MATERIAL])
def test_what_is_confirmed_is_the_wording_of_the_request(place: Place, definition: str) -> None:
    place.send("/f/signup", place.read("/f/signup"), *NEWS_BY_MAIL)
    word = mailed(place.house, "confirm")[-1]["token"]
    assert place.publish(definition) == ["2026-02"]
    assert "offers@2026-01" in place.read(f"/c/{word}")
    assert place.send(f"/c/{word}", "").status_code == 200
    assert place.yeses() == [
        (Status.REQUESTED, "offers@2026-01", True),
        (Status.GIVEN, "offers@2026-01", True),
    ]


# ---- the preference centre ----------------------------------------------------------------------------------------


MOVED = (
    ("was", "offers:email:on"),
    ("was", "news:email:off"),
    ("on", "news:email"),
    ("pause", "30"),
)


def test_the_centre_shows_the_notices_of_what_may_be_turned_on_and_carries_their_marks(place: Place) -> None:
    page = place.read(f"/p/{token(place.house, member(place.house, 'ann@example.com'))}")
    assert "offers@2026-01" in page
    assert "We would like to write to you" in page
    assert [one.partition("#")[0] for one in marks(page)] == ["offers@2026-01", "wine@1"]


@pytest.mark.parametrize("how", ["material", "not said"])
def test_in_the_centre_a_no_is_taken_and_a_yes_to_an_earlier_text_is_asked_again(
    place: Place, how: str
) -> None:
    ann = member(place.house, "ann@example.com", OFFERS)
    path = f"/p/{token(place.house, ann)}"
    page = place.read(path)
    changed_by(place, how)
    said = place.yeses(ann)
    again = place.send(path, page if how == "material" else "", *MOVED)
    assert again.status_code == 409
    assert CHANGED in again.text
    assert EN.plain("saved") in again.text
    seen = preferences.view(place.house, ann, "orchard")
    states = {(one.purpose, one.channel.value): one.state for one in seen.switches}
    assert (states["offers", "email"], states["news", "email"]) == ("off", "off")
    assert seen.paused_until > place.now
    assert place.yeses(ann) == said
    place.send(path, again.text, ("was", "news:email:off"), ("on", "news:email"))
    version = "2026-02" if how == "material" else "2026-01"
    assert place.yeses(ann) == [*said, (Status.REQUESTED, f"offers@{version}", True)]


def test_in_the_centre_a_yes_to_a_text_that_changed_in_words_alone_is_under_the_text_that_was_read(
    place: Place,
) -> None:
    ann = member(place.house, "ann@example.com", OFFERS)
    path = f"/p/{token(place.house, ann)}"
    page = place.read(path)
    place.publish(WORDED)
    assert place.send(path, page, *MOVED[1:]).status_code == 200
    assert place.yeses(ann)[-1] == (Status.REQUESTED, "offers@2026-01", True)


def test_leaving_everything_asks_for_no_wording(place: Place) -> None:
    ann = member(place.house, "ann@example.com", OFFERS)
    place.publish(MATERIAL)
    assert place.send(f"/p/{token(place.house, ann)}", "", ("leave", "1")).status_code == 200
    assert preferences.view(place.house, ann, "orchard").left


# ---- what data may be used for ------------------------------------------------------------------------------------


def own_page(place: Place, person: int) -> tuple[str, tuple[str, str]]:
    """The switches in a session of one's own, and the word of its forms."""
    opened = place.send(f"/s/{step_up(place.house, person)}", "")
    (word,) = set(re.findall(r'name="csrf" value="([^"]+)"', opened.text))
    return place.read("/me/data"), ("csrf", word)


@pytest.mark.parametrize("how", ["material", "not said"])
def test_a_yes_about_data_to_an_earlier_text_is_asked_again(place: Place, how: str) -> None:
    ann = member(place.house, "ann@example.com", OFFERS)
    page, word = own_page(place, ann)
    changed_by(place, how)
    said = place.yeses(ann)
    again = place.send("/me/data", page if how == "material" else "", word, ("data", PROFILE))
    assert again.status_code == 409
    assert CHANGED in again.text
    assert place.yeses(ann) == said
    assert place.send("/me/data", again.text, word, ("data", PROFILE)).status_code == 200
    version = "2026-02" if how == "material" else "2026-01"
    assert place.yeses(ann)[-1] == (Status.GIVEN, f"offers@{version}", True)


def test_a_yes_about_data_is_under_the_text_that_was_read_where_words_alone_changed(place: Place) -> None:
    ann = member(place.house, "ann@example.com", OFFERS)
    page, word = own_page(place, ann)
    place.publish(WORDED)
    assert place.send("/me/data", page, word, ("data", PROFILE)).status_code == 200
    assert place.yeses(ann)[-1] == (Status.GIVEN, "offers@2026-01", True)


def test_a_no_about_data_is_taken_whatever_was_shown(place: Place) -> None:
    ann = member(place.house, "ann@example.com", OFFERS)
    page, word = own_page(place, ann)
    place.send("/me/data", page, word, ("data", PROFILE))
    place.publish(MATERIAL)
    size = place.size()
    done = place.send("/me/data", "", word, ("was-data", PROFILE))
    assert done.status_code == 200
    assert CHANGED not in done.text
    assert place.size() == size + 1


# ---- in a browser -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_somebody_reads_while_the_text_changes_and_reads_again_without_a_script(
    browser: Any, tmp_path: Path
) -> None:
    settings = Settings(workspace=tmp_path / "workspace", actor="test")
    wiring.create(settings, BOTH)
    process, address = serve(settings.workspace)
    context = browser.new_context(
        locale="he", viewport={"width": 360, "height": 740}, java_script_enabled=False
    )
    try:
        page = context.new_page()
        page.goto(f"{address}/f/signup?lang=he")
        page.fill("#email", "dina@example.com")
        page.check('input[value="news:email"]')
        (settings.workspace / "amana.toml").write_text(MATERIAL)
        with wiring.opened(settings, writing=True) as house:
            publish.publish(house)
            page.click("form button")
            assert words.of("he").plain("text_changed") in page.inner_text("main")
            assert page.input_value("#email") == "dina@example.com"
            assert not page.is_checked('input[value="news:email"]')
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            assert mailed(house, "confirm") == []
            page.check('input[value="news:email"]')
            page.click("form button")
            (asked,) = mailed(house, "confirm")
            granted = capture.confirm(house, str(asked["token"]), Context())
            with house.database.read() as connection:
                (person,) = people.get(connection, range(1, 9))
            (given,) = (
                one.event
                for one in own_data.happened(house, person)
                if one.position == granted.events[0] and isinstance(one.event, events.Permission)
            )
            assert given.notice == "offers@2026-02"
    finally:
        context.close()
        process.terminate()
        process.wait(10)
