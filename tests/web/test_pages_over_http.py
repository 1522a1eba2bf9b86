"""What the pages do, asked over HTTP: nothing on GET, one click without ceremony, and nothing that helps to guess."""

from __future__ import annotations

import base64
import itertools
import json
import re
import tomllib
from importlib import resources
from urllib.parse import quote

import pytest
from web_samples import ADS, LANGUAGES, NEWS, OFFERS, PHONE, TEXTS, Site, mailed, member, step_up, token

from amana.core import events
from amana.core.vocabulary import Actor, Channel, Status
from amana.ledger import verify
from amana.services.choices import own_data
from amana.services.collection import preferences
from amana.services.collection.capture import Context
from amana.services.keeping import exports
from amana.services.record import links, publication, reveal
from amana.services.record.writing import Session
from amana.storage import people, register
from amana.web import words

MULTIPART = "multipart/form-data; boundary=cut"
URLENCODED = "application/x-www-form-urlencoded"
NUMBERS = itertools.count()
ONE_CLICK = (
    b'--cut\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--cut--\r\n'
)


def switches(site: Site, person: int) -> dict[str, str]:
    """A person's switches by key, as the gate sees them."""
    seen = preferences.view(site.house, person, "orchard").switches
    return {f"{one.purpose}:{one.channel.value}": one.state for one in seen}


def links_in(html: str) -> set[str]:
    """Every address of ours in a page."""
    return {one.replace("&amp;", "&") for one in re.findall(r'(?:href|src)="(/[^"]*)"', html)}


@pytest.fixture(scope="module")
def ann(site: Site) -> int:
    return member(site.house, "ann@http.example", OFFERS, NEWS, TEXTS, phone=PHONE)


# ---- looking ----------------------------------------------------------------------------------------------------


def test_looking_at_every_page_and_following_every_link_changes_nothing(site: Site, ann: int) -> None:
    held = token(site.house, ann)
    site.ask("/f/signup", [("choice", "news:email"), ("email", "crawled@http.example")])
    waiting = mailed(site.house, "confirm")[-1]["token"]
    opener = step_up(site.house, ann)
    before = site.content()
    todo = ["/about", "/f/signup", f"/p/{held}", f"/u/{held}", f"/c/{waiting}", f"/s/{opener}"]
    done: set[str] = set()
    while todo:
        path = todo.pop()
        done.add(path)
        answer = site.ask(path)
        assert answer.status == 200, path
        assert site.ask(path, method="HEAD").status == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            todo += links_in(answer.text) - done - set(todo)
    assert len(done) > 40
    assert site.content() == before


def test_no_page_takes_a_change_by_get_with_the_fields_in_the_address(site: Site, ann: int) -> None:
    held = token(site.house, ann)
    before = site.content()
    for query in ("scope=everything", "List-Unsubscribe=One-Click", "leave=1"):
        assert site.ask(f"/u/{held}?{query}").status == 200
        assert site.ask(f"/p/{held}?{query}").status == 200
    assert site.content() == before


# ---- signing up -------------------------------------------------------------------------------------------------


def test_every_switch_of_a_form_is_off_and_the_notice_is_the_published_one(site: Site) -> None:
    for language in LANGUAGES:
        page = site.ask("/f/signup", accept_language=f"{language};q=0.9, xx").text
        assert f'lang="{language}"' in page
        assert " checked" not in page
        with site.house.database.read() as connection:
            shown = {one.id: one for one in register.notice_versions(connection)}["offers"]
        assert shown.content["text"][language] in page  # type: ignore[index]  # the texts by language


def test_the_answer_is_the_same_for_a_known_and_an_unknown_address(site: Site, ann: int) -> None:
    def sent(email: str) -> tuple[int, str]:
        answer = site.ask("/f/signup", [("choice", "news:email"), ("email", email)])
        return answer.status, answer.text

    assert sent("ann@http.example") == sent("nobody@http.example")


def test_handles_of_known_and_unknown_numbers_look_alike(site: Site, ann: int) -> None:
    found = [links.handle(site.house, person, 0) for person in (1, 10**12)]
    assert len({len(one) for one in found}) == 1
    assert found[0] != found[1]


def test_a_code_by_text_message_is_typed_in_any_digits(site: Site) -> None:
    answer = site.ask("/f/signup", [("choice", "offers:sms"), ("phone", "+44 7400 123499")])
    handle = answer.text.split('action="/k/')[1].split('"')[0]
    texts = [
        one for one in mailed(site.house, "confirm") if one["kind"] == "sms"
    ]  # mails of other tests wait too
    code = str(texts[-1]["token"])
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert site.ask(f"/k/{handle}", [("code", wrong)]).status == 400
    arabic = code.translate({ord(str(n)): chr(0x660 + n) for n in range(10)})
    assert site.ask(f"/k/{handle}", [("code", arabic)]).status == 200
    assert switches(site, links.handled(site.house, handle))["offers:sms"] == "on"


def test_who_fills_the_trap_gets_the_same_page_and_nothing_happens(site: Site) -> None:
    before = site.content()
    answer = site.ask(
        "/f/signup",
        [("choice", "news:email"), ("email", "bot@http.example"), ("website", "http://x.example")],
    )
    assert answer.status == 200
    assert site.content() == before


def test_a_form_without_a_choice_or_an_address_says_what_is_missing_and_keeps_what_was_typed(
    site: Site,
) -> None:
    nothing = site.ask("/f/signup", [("email", "eve@http.example"), ("lang", "ru")])
    assert nothing.status == 400
    assert "eve@http.example" in nothing.text
    assert words.of("ru").plain("nothing_chosen") in nothing.text
    assert site.ask("/f/signup", [("choice", "offers:sms"), ("email", "eve@http.example")]).status == 400


def test_what_is_typed_is_never_markup(site: Site) -> None:
    page = site.ask("/f/signup", [("email", '"><script>alert(1)</script>')]).text
    assert "<script>" not in page


def test_a_child_is_asked_for_a_guardian_who_confirms_through_their_own_address(site: Site) -> None:
    child = [("choice", "news:email"), ("birth-month", "5"), ("birth-year", "2015"), ("country", "DE")]
    before = site.content()
    asked = site.ask("/f/club", [*child, ("email", "kid@http.example")])
    assert 'name="guardian" value="yes"' in asked.text
    assert "kid@http.example" not in asked.text
    assert site.content() == before
    sent = site.ask("/f/club", [*child, ("guardian", "yes"), ("email", "parent@http.example")])
    assert sent.status == 200
    word = mailed(site.house, "confirm")[-1]["token"]
    assert words.of("en").plain("confirm_guardian")[:40] in site.ask(f"/c/{word}").text
    assert site.ask(f"/c/{word}", []).status == 200
    with site.house.database.read() as connection:
        newest = max(people.get(connection, range(1, 200)).values(), key=lambda one: one.changed)
    told = own_data.happened(site.house, newest.id)
    event = next(one.event for one in told if isinstance(one.event, events.Permission))
    assert (event.actor, event.confirmed) == (Actor.GUARDIAN, True)


def test_who_is_too_young_for_a_purpose_is_told_so_and_nothing_is_kept(site: Site) -> None:
    before = site.content()
    form = [
        ("choice", "wine:email"),
        ("birth-month", "1"),
        ("birth-year", "2012"),
        ("email", "t@http.example"),
    ]
    assert words.of("en").plain("young_title") in site.ask("/f/cellar", form).text
    assert site.ask("/f/cellar", [("choice", "wine:email"), ("email", "t@http.example")]).status == 400
    assert site.content() == before


def test_a_form_shows_nothing_where_no_notice_is_published_or_it_is_not_a_form(site: Site) -> None:
    assert {site.ask(path).status for path in ("/f/till", "/f/none", "/f/signup?brand=none")} == {404}


def test_a_public_form_asks_the_holder_even_where_the_capture_point_says_addresses_are_proved(
    site: Site,
) -> None:
    mailed(site.house)  # what earlier tests left
    sent = site.ask("/f/account", [("choice", "offers:email"), ("email", "typed-by-anybody@http.example")])
    assert sent.status == 200
    assert [one["template"] for one in mailed(site.house)] == ["confirm"]
    with site.house.database.read() as connection:
        newest = max(people.get(connection, range(1, 400)).values(), key=lambda one: one.id)
    told = [one.event for one in own_data.happened(site.house, newest.id)]
    asked = [one for one in told if isinstance(one, events.Permission)]
    assert [(one.status, one.confirmed) for one in asked] == [(Status.REQUESTED, False)]


def test_the_workspace_file_to_begin_with_has_no_form_that_proves_addresses_by_itself() -> None:
    text = resources.files("amana").joinpath("data/workspace.toml").read_text(encoding="utf-8")
    points = tomllib.loads(text)["capture_points"]
    assert points
    assert not any(one.get("confirmed") for one in points.values())


# ---- confirming -------------------------------------------------------------------------------------------------


def test_a_confirmation_answers_with_receipts_that_verify_and_its_link_is_good_once(site: Site) -> None:
    site.ask("/f/signup", [("choice", "news:email"), ("email", "kim@http.example")])
    word = mailed(site.house, "confirm")[-1]["token"]
    done = site.ask(f"/c/{word}", [])
    assert done.status == 200
    assert "data:application/octet-stream;base64," in done.text
    (centre,) = set(re.findall(r'href="(/p/[\w-]+)\?lang=en"', done.text))
    assert 'value="news:email" checked' in site.ask(centre).text
    assert site.ask(f"/c/{word}", []).status == 404
    assert site.ask(f"/c/{word}").text == site.ask("/c/never-was").text.replace("never-was", str(word))


# ---- the preference centre --------------------------------------------------------------------------------------


def test_the_centre_shows_no_address_no_number_and_no_name(site: Site) -> None:
    person = member(
        site.house, "secret@http.example", OFFERS, TEXTS, phone="+44 7400 123498", name="Sara Secret"
    )
    held = token(site.house, person)
    pages = [site.ask(path).text for path in (f"/p/{held}", f"/p/{held}/why", f"/u/{held}")]
    pages.append(site.ask(f"/p/{held}", [("pause", "7")]).text)
    for page in pages:
        assert not re.search(r"secret@http|7400|Sara", page)


def test_only_what_was_moved_changes_and_turning_on_waits_for_its_confirmation(site: Site) -> None:
    person = member(site.house, "mo@http.example", OFFERS)
    held = token(site.house, person)
    shown = [("was", "offers:email:on"), ("was", "news:email:off"), ("was", "offers:sms:off")]
    page = site.ask(f"/p/{held}", [*shown, ("on", "offers:email"), ("on", "news:email")])
    assert page.status == 200
    assert {key: state for key, state in switches(site, person).items() if state != "off"} == {
        "offers:email": "on",
        "news:email": "pending",
    }
    site.ask(f"/p/{held}", [*shown[:1], ("was", "news:email:pending"), ("on", "news:email")])
    assert switches(site, person)["offers:email"] == "off"


def test_pause_pace_days_hours_topics_and_language_are_kept_and_shown(site: Site) -> None:
    person = member(site.house, "lee@http.example", OFFERS)
    held = token(site.house, person)
    sent = [("pause", "30"), ("pace", "2"), ("shown-days", "1"), ("shown-hours", "1"), ("speak", "th")]
    sent += [("was-days", str(day)) for day in range(7)] + [("days", "0")]
    sent += [("was-hours", name) for name in ("night", "morning", "afternoon", "evening")] + [
        ("hours", "morning")
    ]
    sent += [("was-topic", "apples"), ("was-topic", "pears"), ("topic", "pears")]
    page = site.ask(f"/p/{held}", sent)
    assert 'lang="th"' in page.text
    seen = preferences.view(site.house, person, "orchard")
    assert (seen.per_month, seen.days, seen.hours, seen.topics_off) == (2, 1, 0b111111 << 6, ("apples",))
    assert seen.paused_until - site.house.clock() == pytest.approx(30 * 86_400, abs=60)
    size = site.size()
    site.ask(
        f"/p/{held}", [("pause", ""), ("pace", ""), ("shown-days", "1"), ("was-days", "0"), ("days", "0")]
    )
    assert site.size() <= size + 1


def test_one_press_leaves_everything_and_is_answered_with_a_receipt(site: Site) -> None:
    person = member(site.house, "zoe@http.example", OFFERS, NEWS)
    page = site.ask(f"/p/{token(site.house, person)}", [("leave", "1")])
    assert set(switches(site, person).values()) == {"off"}
    assert "data:application/octet-stream;base64," in page.text


def test_a_browser_that_refuses_to_be_sold_is_taken_at_its_word_for_advertising_only(site: Site) -> None:
    assert "ads_audience" not in site.ask("/f/signup", Sec_GPC="1").text
    assert "ads_audience" in site.ask("/f/signup", Sec_GPC="0").text
    person = member(site.house, "gpc@http.example", OFFERS, ADS)
    held = token(site.house, person)
    site.ask(f"/p/{held}", Sec_GPC="1")
    assert switches(site, person)["offers:ads_audience"] == "on"
    shown = [("was", f"{key}:{state}") for key, state in switches(site, person).items()]
    on = [("on", key) for key, state in switches(site, person).items() if state == "on"]
    site.ask(f"/p/{held}", [*shown, *on], Sec_GPC="1")
    assert switches(site, person) | {"offers:ads_audience": "off", "offers:email": "on"} == switches(
        site, person
    )
    assert json.loads(site.ask("/.well-known/gpc.json").body)["gpc"] is True


# ---- leaving ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "body"), [(URLENCODED, b"List-Unsubscribe=One-Click"), (MULTIPART, ONE_CLICK)]
)
def test_one_click_needs_no_cookie_no_word_and_no_redirect(site: Site, media: str, body: bytes) -> None:
    person = member(site.house, f"click{len(body)}@http.example", OFFERS, NEWS)
    answer = site.ask(f"/u/{token(site.house, person)}", body, content_type=media)
    assert (answer.status, answer.headers.get("set-cookie"), answer.headers.get("location")) == (
        200,
        None,
        None,
    )
    assert switches(site, person) | {"offers:email": "off", "news:email": "on"} == switches(site, person)


def test_one_click_on_a_message_about_nothing_in_particular_leaves_everything(site: Site) -> None:
    person = member(site.house, "all@http.example", OFFERS, NEWS)
    site.ask(f"/u/{token(site.house, person, None)}", [("List-Unsubscribe", "One-Click")])
    assert set(switches(site, person).values()) == {"off"}


def test_leaving_by_a_message_of_no_brand_in_particular_reaches_every_brand(site: Site) -> None:
    def everybodys(person: int) -> str:
        def work(session: Session) -> str:
            return links.for_message(site.house, session, person, session.terms.cell("*", "*", "*")).token

        return site.house.writing().write(work)

    for number, (path, form) in enumerate(
        [
            ("/u/", [("List-Unsubscribe", "One-Click")]),
            ("/u/", [("scope", "everything")]),
            ("/p/", [("leave", "1")]),
        ]
    ):
        person = member(site.house, f"brands{number}@http.example", OFFERS)
        assert site.ask(path + everybodys(person), form).status == 200
        for brand in site.house.workspace.brands:
            assert preferences.view(site.house, person, brand).left, (path, form, brand)


def test_whoever_left_is_told_what_stopped_and_since_when_and_gets_the_receipt(site: Site) -> None:
    person = member(site.house, "left@http.example", OFFERS, NEWS)
    held = token(site.house, person)
    english = words.of("en")
    assert english.plain("unsubscribe_lead") in site.ask(f"/u/{held}").text
    site.ask(f"/u/{held}", [("List-Unsubscribe", "One-Click")])
    left = next(one for one in preferences.view(site.house, person, "orchard").switches if one.state == "off")
    page = site.ask(f"/u/{held}").text
    assert english.plain("left_this") in page
    assert english.moment(left.since) in page
    assert english.plain("unsubscribe_lead") not in page
    (receipt,) = re.findall(r"base64,([^\"]+)", page)
    key = publication.log_key(site.house).text()
    proven = verify.verify(base64.b64decode(receipt), key)
    assert "withdrawn" in "".join(verify.lines(proven))
    everything = site.ask(f"/u/{held}", [("scope", "everything")]).text
    assert english.plain("left_all", sender="Orchard Street").split("Orchard Street")[1].strip() in everything
    assert english.plain("left_this") not in everything


def test_what_was_never_on_is_not_said_to_be_sent_nor_to_have_stopped(site: Site) -> None:
    person = member(site.house, "never@http.example", OFFERS)
    page = site.ask(f"/u/{token(site.house, person, NEWS)}").text
    assert words.of("en").plain("unsubscribe_off") in page
    assert words.of("en").plain("left_title") not in page


def test_a_post_that_says_nothing_leaves_nothing(site: Site) -> None:
    person = member(site.house, "stay@http.example", OFFERS)
    assert site.ask(f"/u/{token(site.house, person)}", []).status == 400
    assert switches(site, person)["offers:email"] == "on"


def test_why_a_message_came_is_answered_with_the_day_and_the_form(site: Site) -> None:
    person = member(site.house, "why@http.example", OFFERS)
    page = site.ask(f"/p/{token(site.house, person)}/why").text
    assert "signup" in page
    assert "offers@2026-01" in page


# ---- my data ----------------------------------------------------------------------------------------------------


@pytest.fixture
def session(site: Site) -> tuple[int, str, str]:
    """Somebody in a session of their own data: person, cookie, the word of its forms."""
    person = member(site.house, f"own-{next(NUMBERS)}@http.example", OFFERS, name="Olga Own")
    opened = site.ask(f"/s/{step_up(site.house, person)}", [])
    cookie = opened.headers["set-cookie"].split(";")[0]
    assert "HttpOnly; SameSite=Strict" in opened.headers["set-cookie"]
    return person, cookie, re.findall(r'name="csrf" value="([^"]+)"', opened.text)[0]


def test_a_session_shows_the_data_corrects_them_and_hands_out_a_copy(
    site: Site, session: tuple[int, str, str]
) -> None:
    person, cookie, word = session
    assert re.search(r"own-\d+@http\.example", site.ask("/me", cookie=cookie).text)
    site.ask("/me", [("csrf", word), ("field-name", "Olga Newname")], cookie=cookie)
    assert reveal.reveal(site.house, person, ["name"], actor="t", purpose="t").fields == {
        "name": "Olga Newname"
    }
    copy = site.ask("/me", [("csrf", word), ("copy", "1")], cookie=cookie)
    ((kind, address),) = json.loads(copy.body)["points"]
    assert kind == "email"
    assert address.startswith("own-")
    with site.house.database.read() as connection:
        assert any(actor == "the person" for _, actor, *_ in register.looks(connection, person))


def test_a_form_without_the_sessions_word_changes_nothing(site: Site, session: tuple[int, str, str]) -> None:
    person, cookie, _ = session
    for word in ("", "guessed"):
        sent = [("csrf", word), ("field-name", "Forged")]
        assert site.ask("/me", sent, cookie=cookie).status == 400
    assert reveal.reveal(site.house, person, ["name"], actor="t", purpose="t").fields == {"name": "Olga Own"}


def test_a_birth_date_is_not_corrected_by_oneself(site: Site, session: tuple[int, str, str]) -> None:
    _, cookie, word = session
    assert site.ask("/me", [("csrf", word), ("field-born", "1990-01")], cookie=cookie).status == 400


def test_who_looked_and_which_files_left_is_told_but_not_the_names_of_our_people(
    site: Site, session: tuple[int, str, str]
) -> None:
    person, cookie, word = session
    reveal.reveal(site.house, person, ["name"], actor="dora", purpose="an order")
    reveal.reveal(site.house, person, ["points"], actor="api:shop", purpose="delivery")
    exports.with_contact(
        site.house, [person], recipient="Post House", days=9, file="a.csv", actor="dora", purpose="letters"
    )
    page = site.ask("/me", cookie=cookie).text
    for told in ("an order", "delivery", "shop", "letters", "Post House"):
        assert told in page, told
    assert "dora" not in page
    copy = json.loads(site.ask("/me", [("csrf", word), ("copy", "1")], cookie=cookie).body)
    assert [one["recipient"] for one in copy["shared"]] == ["Post House"]
    assert [one["system"] for one in copy["looks"]["others"]] == ["", "shop", ""]


def test_each_line_of_the_history_has_a_receipt_and_nobody_elses_is_handed_out(
    site: Site, ann: int, session: tuple[int, str, str]
) -> None:
    person, cookie, _ = session
    key = publication.log_key(site.house).text()
    mine = [one.position for one in own_data.happened(site.house, person)]
    assert len(mine) > 3
    for position in mine:
        answer = site.ask(f"/me/receipt/{position}", cookie=cookie)
        assert answer.status == 200
        assert f'filename="receipt-{position}.txt"' in answer.headers["content-disposition"]
        assert verify.verify(answer.body, key)
    theirs = own_data.happened(site.house, ann)[0].position
    for path in (str(theirs), "999999999", "9" * 30, "x", "-1", "٣"):
        assert site.ask(f"/me/receipt/{quote(path)}", cookie=cookie).status == 404, path
    assert site.ask(f"/me/receipt/{mine[0]}").status == 404


def test_a_long_history_is_told_a_page_at_a_time_with_nothing_left_out(
    site: Site, session: tuple[int, str, str]
) -> None:
    person, cookie, _ = session
    for number in range(25):
        wanted = preferences.Change(per_month=1 + number % 4)
        preferences.change(site.house, person, "orchard", wanted, Context())
    path, seen = "/me", []
    while path:
        page = site.ask(path, cookie=cookie).text
        here = [int(one) for one in re.findall(r'href="/me/receipt/(\d+)"', page)]
        assert 0 < len(here) <= 20
        seen += here
        older = re.search(r'href="(/me\?[^"]*before=\d+)#history"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert seen == [one.position for one in own_data.happened(site.house, person)]


def test_a_closed_session_and_a_used_link_open_nothing(site: Site, session: tuple[int, str, str]) -> None:
    person, cookie, word = session
    assert site.ask("/me", [("csrf", word), ("end", "1")], cookie=cookie).status == 200
    assert site.ask("/me", cookie=cookie).status == 404
    assert site.ask("/me").status == 404
    opener = step_up(site.house, person)
    assert site.ask("/me", cookie=f"amana-session={opener}").status == 404
    assert site.ask(f"/s/{opener}", []).status == 200
    assert site.ask(f"/s/{opener}", []).status == 404


# ---- strangers --------------------------------------------------------------------------------------------------


def test_a_wrong_word_of_any_kind_gets_one_answer(site: Site, ann: int) -> None:
    held = token(site.house, ann)
    wrong = [
        "/p/x",
        "/u/" + "A" * 24,
        f"/c/{held}",
        f"/s/{held}",
        "/k/A",
        "/k/" + "A" * 80,
        f"/p/{held[:-1]}",
        "/p/%00",
    ]
    for path in wrong:
        for form in (None, []):
            answer = site.ask(path, form)
            assert answer.status == 404, path
            assert words.of("en").plain("trouble_gone") in answer.text


def test_an_oversized_body_and_a_flood_of_fields_are_refused(site: Site, ann: int) -> None:
    before = site.content()
    held = token(site.house, ann)
    before = site.content()
    assert (
        site.ask(f"/u/{held}", b"scope=everything&x=" + b"x" * 40_000, content_type=URLENCODED).status == 413
    )
    assert site.ask(f"/u/{held}", b"a=1&" * 600 + b"scope=everything", content_type=URLENCODED).status == 400
    assert site.ask(f"/u/{held}", b'{"scope":"everything"}', content_type="application/json").status == 400
    assert site.content() == before


def test_no_page_redirects_wherever_it_is_asked_to_go(site: Site, ann: int) -> None:
    for path in ("/f/signup", f"/p/{token(site.house, ann)}", "/about"):
        for name in ("next", "url", "return", "lang"):
            answer = site.ask(f"{path}?{name}=https://elsewhere.example/")
            assert answer.status == 200
            assert 'href="https://elsewhere' not in answer.text


def test_every_answer_forbids_frames_scripts_and_referrers_and_only_the_embedded_form_may_be_framed(
    site: Site,
) -> None:
    for path in ("/about", "/f/signup", "/p/x", "/static/amana.css", "/f/signup/embed"):
        headers = site.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert ("frame-ancestors *" in policy) == path.endswith("embed")
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"


# ---- words ------------------------------------------------------------------------------------------------------


def test_every_key_of_the_catalogue_is_used_and_every_sentence_fits_its_english_one() -> None:
    place = resources.files("amana")
    english = tomllib.loads((place / "locale" / "web" / "en.toml").read_text("utf-8"))["text"]
    used = "".join(
        one.read_text("utf-8")
        for folder in ("data/web", "web")
        for one in (place / folder).iterdir()
        if one.name.endswith((".html", ".py"))
    )
    made = tuple(re.findall(r"""[("'](\w+_)(?:["'] ~|\{)""", used))  # "state_" ~ one, or f"told_{one}"
    assert [
        key for key in english if not re.search(f"['\"]{key}['\"]", used) and not key.startswith(made)
    ] == []
    for language in LANGUAGES:
        text = tomllib.loads((place / "locale" / "web" / f"{language}.toml").read_text("utf-8"))["text"]
        for key, sentence in text.items():
            assert set(re.findall(r"{\w+}", sentence)) == set(re.findall(r"{\w+}", english[key])), (
                language,
                key,
            )


def test_dates_durations_and_names_are_the_languages_own() -> None:
    assert [words.of(one).duration("P3Y") for one in LANGUAGES] == [
        "3 years",
        "3 שנים",
        "3 سنوات",
        "3 ปี",
        "3 года",
    ]
    assert "2026" in words.of("th").day(1_780_000_000)
    assert len({words.of(one).month(3) for one in LANGUAGES}) == 5
    assert words.of("he").weekdays()[0] == 6
    assert words.of("ru").channel(Channel.EMAIL.value) != words.of("en").channel(Channel.EMAIL.value)
