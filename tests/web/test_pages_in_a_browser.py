"""Every page in a real browser: five languages, narrow and wide, light and dark, without a script, by keyboard alone."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

import pytest
from litestar.exceptions import LitestarDeprecationWarning
from page_states import Maker, State
from web_samples import LANGUAGES, NEWS, OFFERS, PHONE, TEXTS, Site, mailed, member, step_up, token

from amana.services.record import reveal
from amana.web import app, words

pytestmark = pytest.mark.slow
FILES = frozenset(
    {
        "/f/{part:str}/qr.svg",
        "/me/receipt/{part:str}",
        "/me/request/{part:str}/copy",
        "/me/request/{part:str}/page",
        "/me/request/{part:str}/pdf",
        "/.well-known/gpc.json",
        "/static/amana.css",
        "/static/amana.js",
        "/static/brand/{part:str}",
    }
)
"""Addresses that answer with a file and no page."""
_CONTROLS = """[...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter(
    one => one.type !== 'hidden' && one.tabIndex >= 0 && !one.disabled
        && (one.checkVisibility() || one.classList.contains('skip')))"""
CONTROLS = f"{_CONTROLS}.length"
UNREACHED = f"{_CONTROLS}.filter(one => !one.dataset.reached).map(one => one.outerHTML.slice(0, 100))"
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
HEAVIEST = 60_000  # bytes of a page with everything that it loads
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def paths(site: Site) -> dict[str, str]:
    """An address of each page that a GET shows."""
    ann = member(site.house, "ann@browser.example", OFFERS, TEXTS, phone=PHONE)
    held = token(site.house, ann)
    site.ask("/f/signup", [("choice", "news:email"), ("email", "bob@browser.example")])
    waiting = mailed(site.house, "confirm")[-1]["token"]
    asked = site.ask("/f/signup", [("choice", "offers:sms"), ("phone", "+44 7400 123457"), ("lang", "en")])
    handle = asked.text.split('action="/k/')[1].split('"')[0]
    return {
        "form": "/f/signup",
        "form-age": "/f/club",
        "form-embedded": "/f/signup/embed",
        "confirm": f"/c/{waiting}",
        "code": f"/k/{handle}",
        "centre": f"/p/{held}",
        "why": f"/p/{held}/why",
        "leave": f"/u/{held}",
        "link": f"/s/{step_up(site.house, ann)}",
        "about": "/about",
        "refer": "/r",
        "gone": "/p/wrong",
    }


@pytest.fixture
def open_page(browser: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site in a context of its own."""
    made = []

    def opening(path: str, language: str = "en", width: int = 360, **context: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, locale="en", **context)
        made.append(context)
        page = context.new_page()
        page.goto(f"{site.address}{path}?lang={language}")
        return page

    yield opening
    for context in made:
        context.close()


def shown(page: Any, state: State) -> None:
    """Show a state as the server answered it, at its own address and under its own policy."""
    address = page.url.split("/about")[0].split("/", 3)
    site = "/".join(address[:3])
    policy = state.answer.headers["content-security-policy"]
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
    page.route("**/shown/*", lambda route: route.fulfill(status=200, headers=headers, body=state.answer.text))
    page.goto(f"{site}/shown/page")
    page.unroute("**/shown/*")


def faults(page: Any) -> list[str]:
    """What axe finds, and whether the page is wider than its window."""
    found = axe.Axe().run(page, options=RULES).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    told = [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]
    return [*told, *(["wider than its window"] if wide else [])]


@pytest.fixture(scope="module")
def made(site: Site) -> Callable[[str], list[State]]:
    """Every page in every state, in a language."""

    @cache
    def states(language: str) -> list[State]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LitestarDeprecationWarning)  # of how the pages take a body
            return list(Maker(site, language).everything())

    return states


def test_there_is_a_state_of_every_page_and_every_template(made: Callable[[str], list[State]]) -> None:
    states = made("en")
    assert {route.path for route in app.ROUTES} - FILES == {one.route for one in states}
    templates = {one.name.removesuffix(".html") for one in (resources.files("amana.data") / "web").iterdir()}
    found = {one.template for one in states if one.template}
    assert {name for name in templates if "." not in name} - {"base", "parts"} == found
    assert len({(one.route, one.template, one.name) for one in states}) == len(states) > 40
    for one in states:
        title = re.findall(r"<title>(.*?)</title>", one.answer.text, re.DOTALL)
        assert title[0].strip(), one.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_in_any_state_has_a_fault_that_axe_finds(
    open_page: Callable[..., Any], made: Callable[[str], list[State]], language: str
) -> None:
    found = {}
    views = ((360, "light"), (1280, "dark")) if language in ("en", "ar") else ((360, "dark"),)
    for width, scheme in views:
        page = open_page("/about", language, width, color_scheme=scheme)
        for one in made(language):
            shown(page, one)
            assert page.locator("html").get_attribute("lang") == language, one.name
            assert page.locator("html").get_attribute("dir") == words.of(language).direction
            told = faults(page)
            if one.name == "framed":
                told = [each for each in told if not each.startswith(("region", "landmark"))]
            if told:
                found[one.template, one.name, width] = told
    assert not found


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_link_and_control_of_every_page_is_reached_by_the_tab_key_alone(
    open_page: Callable[..., Any], made: Callable[[str], list[State]], language: str
) -> None:
    missed = {}
    page = open_page("/about", language, 360)
    for one in made(language):
        shown(page, one)
        there = page.evaluate(CONTROLS)
        for _ in range(there + 2):
            page.keyboard.press("Tab")
            page.evaluate("document.activeElement.dataset.reached = '1'")
        left = page.evaluate(UNREACHED)
        if left:
            missed[one.template, one.name] = left
    assert not missed


def test_no_page_needs_a_script_and_each_is_there_in_every_language_at_a_press(
    made: Callable[[str], list[State]],
) -> None:
    for one in made("ru"):
        if not one.template:
            continue
        assert "<script" not in one.answer.text, one.name
        there = re.findall(r'hreflang="(\w+)"', one.answer.text)
        assert there == ([] if one.name == "framed" else list(LANGUAGES)), one.name
        if one.switched is None:
            assert one.name in ("framed", "too fast")
            continue
        assert one.switched.status == 200 or one.template == "trouble", (one.template, one.name)
        assert 'lang="he"' in one.switched.text


def test_somebody_signs_up_confirms_and_leaves_by_keyboard_alone_without_a_script(
    open_page: Callable[..., Any], site: Site
) -> None:
    page = open_page("/f/signup", "he", java_script_enabled=False)
    press(page, "input[value='news:email']", "Space")
    press(page, "#email", None)
    page.keyboard.type("dina@browser.example")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    word = mailed(site.house, "confirm")[-1]["token"]
    page = open_page(f"/c/{word}", "he", java_script_enabled=False)
    with page.expect_navigation():
        press(page, "main button", "Enter")
    with page.expect_download() as saved:
        press(page, "a[download]", "Enter")
    assert "c2sp.org/tlog-proof" in saved.value.path().read_text()
    dina = max(person for person in range(1, 500) if holds(site, person, "dina"))
    page = open_page(f"/p/{token(site.house, dina, NEWS)}", "he", java_script_enabled=False)
    assert page.locator("input[value='news:email']").is_checked()
    with page.expect_navigation():
        press(page, "button[name='leave']", "Enter")
    assert not page.locator("input[value='news:email']").is_checked()


def press(page: Any, selector: str, key: str | None) -> None:
    """Go to an element by the Tab key, as somebody without a mouse does, and press a key there."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            break
    else:
        raise AssertionError(f"the Tab key does not reach {selector}")
    if key:
        page.keyboard.press(key)


def holds(site: Site, person: int, name: str) -> bool:
    """Whether a person's address begins so."""
    with site.house.database.read() as connection:
        known = connection.exec_driver_sql("SELECT max(id) FROM person").scalar_one()
    if person > known:
        return False
    seen = reveal.reveal(site.house, person, [reveal.POINTS], actor="test", purpose="test")
    return any(value.startswith(name) for _, value in seen.points)


def test_no_page_asks_another_site_for_anything_or_is_heavy(
    open_page: Callable[..., Any], paths: dict[str, str], browser: Any, site: Site
) -> None:
    for name, path in paths.items():
        context = browser.new_context()
        page = context.new_page()
        asked: list[str] = []
        sizes: list[int] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on(
            "response",
            lambda answer, sizes=sizes: (
                sizes.append(len(answer.body())) if answer.url[:4] == "http" else None
            ),
        )
        page.goto(f"{site.address}{path}?lang=th", wait_until="networkidle")
        assert [one for one in asked if not one.startswith((site.address, "data:"))] == [], name
        assert sum(sizes) < HEAVIEST, name
        assert context.cookies() == [], name
        context.close()


class Shop:
    """Another site, on another port: one page with our script, and a copy of the script for when ours is away."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes]] = {}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                media, body = pages.get(self.path, ("text/plain", b""))
                self.send_response(200)
                self.send_header("Content-Type", media)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_form_stands_on_another_site(browser: Any, site: Site, shop: Shop) -> None:
    script = f'<script src="{site.address}/static/amana.js" data-form="signup" data-lang="ru"></script>'
    shop.pages["/"] = ("text/html", script.encode())
    page = browser.new_page()
    page.goto(shop.address)
    inside = page.frame_locator("iframe")
    inside.locator("input[value='offers:email']").check()
    inside.locator("#email").fill("framed@browser.example")
    inside.locator("button").click()
    inside.get_by_text(words.of("ru").plain("sent_title")).wait_for()
    assert mailed(site.house, "confirm")[-1]["language"] == "ru"
    page.close()


def test_a_form_opens_in_a_dialog_only_when_pressed(browser: Any, site: Site, shop: Shop) -> None:
    script = f'<script src="{site.address}/static/amana.js" data-form="signup" data-open="#open"></script>'
    shop.pages["/"] = ("text/html", b"<button id=open>News?</button>" + script.encode())
    page = browser.new_page()
    page.goto(shop.address, wait_until="networkidle")
    assert page.locator("iframe").count() == 0
    page.locator("#open").click()
    page.frame_locator("dialog iframe").locator("#email").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert page.locator("#open:focus").count() == 1
    page.close()


def test_nothing_shows_where_the_form_cannot_be_loaded(browser: Any, site: Site, shop: Shop) -> None:
    shop.pages["/copy.js"] = (
        "text/javascript",
        site.ask("/static/amana.js").body.replace(b"new URL(script.src).origin", b'"http://localhost:9"'),
    )
    shop.pages["/"] = ("text/html", b'<script src="/copy.js" data-form="signup"></script>')
    page = browser.new_page()
    page.goto(shop.address, wait_until="networkidle")
    assert page.locator("iframe").count() == 0
    page.close()
