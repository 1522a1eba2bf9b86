"""The page that checks a receipt speaks five languages: as it is asked, as the browser prefers, and by its own switch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import proof_house
import pytest

from amana.core.phrases import LANGUAGES
from amana.services.record import publication, receipts, verify_page, wording

HEAVIEST = 60_000  # bytes of the page with its five languages
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
BLANK = resources.files("amana.data").joinpath("verify.html").read_text("utf-8")


def text(language: str, key: str) -> str:
    place = resources.files("amana") / "locale" / "verify" / f"{language}.toml"
    (found,) = re.findall(rf'^{key} = "(.*)"$', place.read_text("utf-8").split("[refused]")[0], re.MULTILINE)
    return str(found)


@contextmanager
def shown(browser: Any, path: Path, **context: Any) -> Iterator[Any]:
    """The page as a browser of these settings shows it; it asks for nothing but the file."""
    held = browser.new_context(**context)
    asked: list[str] = []
    held.on("request", lambda request: asked.append(request.url))
    page = held.new_page()
    page.goto(path.as_uri())
    yield page
    held.close()
    assert not [url for url in asked if not url.startswith("file:")]


@pytest.fixture(scope="module")
def receipt(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a receipt in it, as the command line writes one."""
    path = tmp_path_factory.mktemp("receipt") / "receipt.html"
    with proof_house.opened(original) as house:
        path.write_text(receipts.page(receipts.of(house, 2), publication.log_key(house)), "utf-8")
    return path


def said(page: Any) -> str:
    page.wait_for_selector("#result:not([hidden])")
    return str(page.inner_text("#result"))


# ---- without a browser ------------------------------------------------------------------------------------------


def test_every_word_that_the_page_asks_for_is_in_its_catalogue() -> None:
    keys = set(re.findall(r'(?:data-t="|say\(")(\w+)"', BLANK)) | {
        "every_sender",
        "every_purpose",
        "yes",
        "no",
    }
    for language in LANGUAGES:
        words = verify_page._read(language)
        assert keys <= set(words.text), language
        assert set(re.findall(r'refuse\("([^"]*)"\)', BLANK)) | {"not_text"} == set(words.refused), language


def test_the_sentences_of_every_language_have_the_same_places_to_fill() -> None:
    english = verify_page._read("en")
    for language in LANGUAGES:
        for key, sentence in verify_page._read(language).text.items():
            places = set(re.findall(r"\{(\w+)\}", sentence))
            assert places == set(re.findall(r"\{(\w+)\}", english.text[key])), (language, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_small_loads_nothing_and_is_written_in_the_language_it_was_made_for(
    language: str,
) -> None:
    page = verify_page.made({"key": "log.example+00000000+AAAA"}, language)
    assert len(page.encode()) < HEAVIEST
    assert f'<html lang="{language}" dir="{wording.catalogue(language).direction}">' in page
    assert f'<h1 data-t="title">{text(language, "title")}</h1>' in page
    assert "[[" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(src|href|action)=["']|url\(|@import|fetch\(|XMLHttp""", page)
    assert "default-src 'none'" in page


def test_what_it_is_given_never_ends_its_script() -> None:
    page = verify_page.made({"receipt": "</script><b>[[title]]"})
    assert "</script><b>" not in page
    assert "[[title]]" in page  # and is never taken for a place to fill


# ---- in a browser -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_opens_in_the_browsers_language_and_says_the_answer_in_it(
    browser: Any, receipt: Path, language: str
) -> None:
    with shown(browser, receipt, locale=f"{language}-XX") as page:
        found = said(page)
        assert text(language, "genuine") in found
        assert wording.catalogue(language).proof["channel_named"] in found
        assert page.title() == text(language, "title")
        assert page.get_attribute("html", "dir") == wording.catalogue(language).direction
        if language != "en":
            assert not re.search(r"Consent|Sender|the log|between", found)


@pytest.mark.slow
def test_its_switch_turns_the_page_and_the_answer_that_stands(browser: Any, receipt: Path) -> None:
    with shown(browser, receipt, locale="en-GB") as page:
        assert text("en", "genuine") in said(page)
        for language in ("ar", "ru", "he", "en"):
            page.select_option("#language", language)
            assert text(language, "genuine") in said(page)
            assert page.get_attribute("html", "lang") == language
            assert page.inner_text("h1") == text(language, "title")


@pytest.mark.slow
def test_a_language_that_it_was_made_for_counts_more_than_the_browsers(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "made.html"
    path.write_text(verify_page.made({}, "he"), "utf-8")
    with shown(browser, path, locale="ru-RU") as page:
        assert page.inner_text("h1") == text("he", "title")
        page.fill("#receipt", "no receipt")
        page.fill("#key", "no key")
        page.click("button[type=submit]")
        assert said(page).startswith("\u2718 " + text("he", "false"))


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_script_it_says_so_in_its_language_and_shows_no_form(
    browser: Any, tmp_path: Path, language: str
) -> None:
    path = tmp_path / "made.html"
    path.write_text(verify_page.made({}, language), "utf-8")
    with shown(browser, path, java_script_enabled=False) as page:
        assert page.is_visible(".notice")
        assert page.inner_text(".notice") == text(language, "no_script")
        assert not page.is_visible("#form")
        assert not page.is_visible("#switch")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_no_fault_before_and_after_an_answer_on_a_narrow_screen(
    browser: Any, receipt: Path, language: str, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    narrow = {"width": 320, "height": 700}
    with shown(
        browser, receipt, locale=language, color_scheme=scheme, viewport=narrow, bypass_csp=True
    ) as page:
        said(page)
        page.click("summary")
        for key in (None, "broken"):
            if key is not None:
                page.fill("#key", key)
                page.click("button[type=submit]")
                page.wait_for_selector("#result.bad")
            assert axe.Axe().run(page, options=RULES).response["violations"] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
