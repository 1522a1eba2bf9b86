"""The evidence page in words: no token and no JSON, in five languages, and nothing that happened is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from copies_world import NOA, Clock, asked, opened, ran, shop, told

from amana.core import plurals
from amana.core.phrases import LANGUAGES
from amana.core.rights import Asker, Kind, Via
from amana.services.record.house import House
from amana.services.rights import evidence_pack, evidence_words, requests, rights_run
from amana.services.rights.rights_plan import Action

TOKENS = (
    r"\b(to_decide|done_in_part|not_told|no_mail|stepped_up|request_erased|still_there|took_effect|centre)\b"
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A workspace with a shop that knows Noa."""
    clock = Clock()
    with opened(tmp_path / "workspace", clock) as found:
        shop(tmp_path / "workspace")
        yield found


def page(house: House, ref: str, language: str) -> str:
    row = requests.get(house, ref)
    made = evidence_pack.make(house, row, actor="dpo", language=language)
    return made.files[evidence_pack.PAGE].decode()


def text(html: str) -> str:
    """What a reader sees of a page."""
    return re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_erasure_is_told_without_a_token_or_json_in_every_language(house: House, language: str) -> None:
    row = ran(house, asked(house, Kind.ERASURE, told(house)))
    said = text(page(house, row.ref, language))
    assert not re.search(TOKENS, said), re.findall(TOKENS, said)
    assert not re.search(r"""[{}\[\]]|"|: (True|False)""", said)
    if language != "en":
        left = {"done", "entries", "Decided", "Ground", "steps", "deadline", "the program"}
        assert not [one for one in left if re.search(rf"\b{one}\b", said)]


def test_a_line_says_its_number_in_the_form_that_the_language_asks_for() -> None:
    line = {"at": 0, "actor": "amana", "what": "running"}
    forms = {
        "en": {1: "1 step", 2: "2 steps", 5: "5 steps"},
        "ru": {1: "1 шаг", 2: "2 шага", 5: "5 шагов", 21: "21 шаг", 12: "12 шагов"},
        "he": {1: "שלב אחד", 2: "שני שלבים", 5: "5 שלבים"},
        "ar": {1: "خطوة واحدة", 2: "خطوتان", 5: "5 خطوات", 11: "11 خطوة"},
        "th": {1: "1 ขั้นตอน"},
    }
    for language, known in forms.items():
        for number, words in known.items():
            assert f"<bdi>{words}</bdi>" in evidence_words.of(language).happened(line | {"steps": number})


def test_a_word_that_no_catalogue_knows_is_told_by_itself_with_its_details() -> None:
    speaker = evidence_words.of("en")
    line = {"at": 0, "actor": "amana", "what": "sealed_away", "boxes": [1, 2], "by": {"name": "<b>"}}
    assert speaker.happened(line) == "sealed away, boxes: 1; 2, by: name: &lt;b&gt;"
    assert speaker.why("shop:some_trouble crm:not_done") == (
        "shop: some trouble; crm: the system said it was done, and it was not"
    )


def test_what_a_line_says_is_isolated_and_never_taken_for_markup() -> None:
    line = {"at": 0, "actor": "dpo", "what": "decided", "go": False, "reason": "<script>alert(1)</script>"}
    said = evidence_words.of("he").happened(line)
    assert "<script>" not in said
    assert "<bdi>&lt;script&gt;" in said


def test_a_line_that_lacks_a_detail_is_a_dash_and_no_trouble() -> None:
    for what in ("extended", "still_there", "telling", "answered", "opened"):
        assert "–" in evidence_words.of("ru").happened({"at": 0, "actor": "amana", "what": what})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_way_and_asker_of_a_request_has_its_words(language: str) -> None:
    catalogue = evidence_words.of(language).catalogue
    assert set(catalogue.action) == {one.value for one in Action}
    assert set(catalogue.via) == {one.value for one in Via}
    assert set(catalogue.asker) == {one.value for one in Asker}
    plurals.check(language, language, catalogue.counted)


def test_a_catalogue_that_lacks_a_form_of_its_language_is_refused() -> None:
    with pytest.raises(Exception, match="few"):
        plurals.check("a", "ru", {"rows": {"one": "x", "other": "y"}})
    with pytest.raises(Exception, match="forms other"):
        plurals.check("a", "th", {"rows": {"one": "x", "other": "y"}})


def test_every_line_of_the_log_is_on_the_page(house: House) -> None:
    row = asked(house, Kind.ACCESS, told(house))
    requests.open_(house, requests.Said(kind=Kind.ACCESS, via=Via.MAIL, address=NOA), actor="post")
    with rights_run.open_systems(house) as systems:
        rights_run.run_now(house, requests.get(house, row.ref), systems)
    happened = requests.happened(house, requests.get(house, row.ref))
    said = page(house, row.ref, "en").split("Everything that happened")[1]
    assert said.count("<tr><td>") == len(happened)
    assert "It was asked again." in text(said)
