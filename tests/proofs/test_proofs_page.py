"""The page that checks a receipt, in a real browser, from a file on disk, with the network out of reach."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import proof_house
import pytest

from amana.ledger import note, packing
from amana.services.record import publication, receipts, verify_page

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the page is tested where Playwright is installed"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the page is tested where a Chromium is installed"),
]

GENUINE, FALSE = "\u2714 The receipt is genuine", "\u2718 The receipt does not verify"


@pytest.fixture
def page(browser) -> Iterator[object]:  # type: ignore[no-untyped-def]  # Playwright may be absent
    """A fresh page; every address but a file is noted and refused, and a script error fails the test."""
    context = browser.new_context()
    asked: list[str] = []
    failed: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    opened = context.new_page()
    opened.on("pageerror", lambda error: failed.append(str(error)))
    yield opened
    context.close()
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    assert not failed


@pytest.fixture(scope="module")
def proof(original: Path) -> tuple[str, note.VerifierKey]:
    with proof_house.opened(original) as house:
        return receipts.of(house, 2), publication.log_key(house)


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "verify.html"
    path.write_text(verify_page.made({}), "utf-8")
    return path


def verdict(page, text: str, key: str) -> str:  # type: ignore[no-untyped-def]  # Playwright may be absent
    page.evaluate("document.getElementById('result').hidden = true")
    page.fill("#receipt", text)
    page.fill("#key", key)
    page.click("button[type=submit]")
    page.wait_for_selector("#result:not([hidden])")
    return str(page.text_content("#verdict"))


def test_the_page_accepts_a_receipt_and_says_in_words_what_it_proves(page, blank, proof) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    page.goto(blank.as_uri())
    assert verdict(page, text, key.text()) == GENUINE
    said = page.inner_text("#result")
    assert "Consent was given: offers, by e-mail, from orchard." in said
    assert "2027-01-15 07:43:40 UTC" in said
    assert proof_house.WORDING in said
    assert "the channel was named; the sender was named" in said
    assert "entry 2 of 3" in said


def carried_packed(text: str, record: bytes | None = None) -> str:
    """The receipt as a long one carries it: `record`, or its own, packed."""
    line = next(line for line in text.splitlines() if line.startswith("extra "))
    extra = note.decode_base64(line.removeprefix("extra "))
    packed = packing.pack(record or extra[32:])
    assert packed.startswith(packing.FORM)
    return text.replace(line, f"extra {note.encode_base64(extra[:32] + packed)}")


def test_the_page_reads_a_receipt_that_carries_its_record_packed(page, blank, proof) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    packed = carried_packed(text)
    page.goto(blank.as_uri())
    assert verdict(page, packed, key.text()) == GENUINE
    assert "Consent was given: offers, by e-mail, from orchard." in page.inner_text("#result")
    start = packed.index("extra ") + 6 + 44
    for at in range(start, packed.index("\nindex") - 2, 5):
        letter = "A" if packed[at] != "A" else "B"
        assert verdict(page, packed[:at] + letter + packed[at + 1 :], key.text()) == FALSE, f"character {at}"


def test_the_page_refuses_a_packed_record_that_grows_without_end(page, blank, proof) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    page.goto(blank.as_uri())
    assert verdict(page, carried_packed(text, bytes(1_000_000)), key.text()) == FALSE
    assert "The record is too large." in page.inner_text("#result")


def test_the_page_takes_a_file(page, blank, proof, tmp_path) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    (tmp_path / "mine.tlog-proof").write_text(text)
    page.goto(blank.as_uri())
    page.fill("#key", key.text())
    page.set_input_files("#file", tmp_path / "mine.tlog-proof")
    page.wait_for_selector("#result:not([hidden])")
    assert page.text_content("#verdict") == GENUINE


def test_the_page_refuses_a_receipt_altered_anywhere(page, blank, proof) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    page.goto(blank.as_uri())
    for at in range(0, len(text) - 1, 23):
        letter = "A" if text[at] != "A" else "B"
        altered = text[:at] + letter + text[at + 1 :]
        assert verdict(page, altered, key.text()) == FALSE, f"character {at}"
        assert page.is_hidden("#more")
    for altered in (text[:-1], text[: len(text) // 2], text.replace("index 2", "index 3"), "", "hello"):
        assert verdict(page, altered, key.text()) == FALSE


def test_the_page_refuses_another_logs_key(page, blank, proof) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    other = note.signer(key.name, bytes(32)).verifier.text()
    page.goto(blank.as_uri())
    for wrong in (other, key.text()[:-4] + "AAAA", key.text().replace("+", "-"), ""):
        assert verdict(page, text, wrong) == FALSE


def test_a_page_made_for_a_receipt_checks_it_by_itself(page, proof, tmp_path) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    (tmp_path / "receipt.html").write_text(receipts.page(text, key), "utf-8")
    page.goto((tmp_path / "receipt.html").as_uri())
    page.wait_for_selector("#result:not([hidden])")
    assert page.text_content("#verdict") == GENUINE
    (tmp_path / "altered.html").write_text(receipts.page(text.replace("index 2", "index 3"), key), "utf-8")
    page.goto((tmp_path / "altered.html").as_uri())
    page.wait_for_selector("#result:not([hidden])")
    assert page.text_content("#verdict") == FALSE


def test_the_page_can_be_used_by_keyboard_and_heard(page, blank, proof) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    page.goto(blank.as_uri())
    reached: list[str] = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.type"))
    assert reached == ["language", "file", "receipt", "key", "submit"]
    assert page.evaluate(
        "[...document.querySelectorAll('textarea, input')].every(one => one.labels.length === 1)"
    )
    verdict(page, text, key.text())
    assert page.evaluate("document.activeElement.id") == "result"
    assert page.get_attribute("#result", "aria-live") == "polite"


def test_what_a_record_says_is_never_taken_for_markup(page, proof, original, tmp_path) -> None:  # type: ignore[no-untyped-def]  # Playwright may be absent
    text, key = proof
    hostile = text + "</script><script>document.title = 'taken'</script>"
    (tmp_path / "hostile.html").write_text(receipts.page(hostile, key), "utf-8")
    page.goto((tmp_path / "hostile.html").as_uri())
    page.wait_for_selector("#result:not([hidden])")
    assert page.title() == "Check a receipt"
    assert page.text_content("#verdict") == FALSE
