"""Every page in a real browser: five languages, narrow and wide, light and dark, without a script, by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from web_samples import LANGUAGES, NEWS, OFFERS, PHONE, TEXTS, Site, mailed, member, step_up, token

from amana.services import reveal

pytestmark = pytest.mark.slow
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
HEAVIEST = 60_000  # bytes of a page with everything that it loads
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def paths(site: Site) -> dict[str, str]:
    """An address of each page that a GET shows."""
    ann = member(site.house, "ann@browser.example", OFFERS, TEXTS, phone=PHONE)
    held = token(site.house, ann)
    site.ask("/f/signup", [("choice", "news:email"), ("email", "bob@browser.example")])
    waiting = mailed(site.house)[-1]["token"]
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


def faults(page: Any) -> list[str]:
    """What axe finds, and whether the page is wider than its window."""
    found = axe.Axe().run(page, options=RULES).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    told = [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]
    return [*told, *(["wider than its window"] if wide else [])]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_fault_that_axe_finds(
    open_page: Callable[..., Any], paths: dict[str, str], language: str
) -> None:
    found = {}
    for name, path in paths.items():
        views = ((360, "light"), (1280, "dark")) if language in ("en", "ar") else ((360, "dark"),)
        for width, scheme in views:
            page = open_page(path, language, width, color_scheme=scheme)
            assert page.locator("html").get_attribute("lang") == language
            told = faults(page)
            if name == "form-embedded":
                told = [one for one in told if not one.startswith(("region", "landmark"))]
            if told:
                found[name, width] = told
    assert not found


def test_what_follows_a_form_has_no_fault_either(
    open_page: Callable[..., Any], paths: dict[str, str]
) -> None:
    for language, width in (("ar", 360), ("en", 1280)):
        page = open_page("/f/signup", language, width)
        page.get_by_role("button").click()
        assert page.get_by_role("alert").is_visible()
        assert faults(page) == []
        page = open_page(paths["centre"], language, width)
        page.locator("button").last.scroll_into_view_if_needed()
        page.locator("main form").nth(1).locator("button").click()
        assert page.get_by_role("status").is_visible()
        assert faults(page) == []


def test_somebody_signs_up_confirms_and_leaves_by_keyboard_alone_without_a_script(
    open_page: Callable[..., Any], site: Site
) -> None:
    page = open_page("/f/signup", "he", java_script_enabled=False)
    press(page, "input[value='news:email']", "Space")
    press(page, "#email", None)
    page.keyboard.type("dina@browser.example")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    word = mailed(site.house)[-1]["token"]
    page = open_page(f"/c/{word}", "he", java_script_enabled=False)
    with page.expect_navigation():
        press(page, "main button", "Enter")
    with page.expect_download() as saved:
        press(page, "a[download]", "Enter")
    assert "c2sp.org/tlog-proof" in saved.value.path().read_text()
    dina = max(person for person in range(1, 50) if holds(site, person, "dina"))
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


def test_a_form_opens_on_another_site_and_nothing_shows_where_it_cannot_be_loaded(
    browser: Any, site: Site
) -> None:
    for address, frames in ((site.address, 1), ("http://localhost:9", 0)):
        context = browser.new_context()
        page = context.new_page()
        script = f'<script src="{address}/static/amana.js" data-form="signup" data-lang="ru"></script>'
        page.route(
            "http://127.0.0.1:9/",
            lambda route, html=script: route.fulfill(body=f"<p>Shop</p>{html}", content_type="text/html"),
        )
        if not frames:
            source = site.ask("/static/amana.js").text
            page.route(
                f"{address}/static/amana.js",
                lambda route, text=source: route.fulfill(body=text, content_type="text/javascript"),
            )
        page.goto("http://127.0.0.1:9/")
        page.wait_for_timeout(800)
        assert page.locator("iframe").count() == frames
        if frames:
            inside = page.frame_locator("iframe")
            inside.locator("input[value='offers:email']").check()
            inside.locator("#email").fill("framed@browser.example")
            inside.locator("button").click()
            inside.locator("h1").wait_for()
            assert mailed(site.house)[-1]["language"] == "ru"
        context.close()
