"""The data map of a workspace: read from its folder, held against the workspace, drawn, and told at the command line."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import pytest

from amana import errors
from amana.cli import session
from amana.cli.main import main
from amana.core import workspace as definitions
from amana.core.phrases import LANGUAGES
from amana.core.workspace import Workspace
from amana.services.systems import data_map, map_picture

SHOP = (Path(__file__).parent / "datasets" / "shop.yml").read_text("utf-8")
SYSTEMS = {
    "shop.yml": SHOP.replace("[orders]", "[newsletter]")
    .replace("[orders, newsletter]", "[newsletter]")
    .replace("brand: orchard", "brand: main"),
    "shop.toml": """
[system]
kind = "sql"
label = "Web shop <b>"
country = "DE"
vendor = "Example Hosting & Sons"
datasets = ["shop.yml"]
receives_from = ["crm"]

[settings]
url = "postgresql://reader@db.example/shop"
password_file = "secrets/shop"
""",
    "crm.toml": '[system]\nkind = "manual"\nlabel = "CRM"\ncountry = "IL"\nreceives_from = ["shop"]\n',
    "tool.toml": '[system]\nkind = "opendsr"\ncountry = "US"\ndatasets = ["tool.yml"]\nreceives_from = ["shop"]\n'
    'purposes = ["newsletter"]\n',
    "tool.yml": "dataset: [{fides_key: tool, collections: [{name: c, fields: "
    "[{name: e, data_categories: [user.contact.email, user.device]}]}]}]",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One fresh workspace; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("made") / "workspace"
    with pytest.raises(SystemExit) as ended:
        main(["init", str(folder), "--name", "Orchard Street Ltd", "--country", "GB", "--json"])
    assert not ended.value.code
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with three connected systems, which commands use without being told."""
    for name in [name for name in os.environ if name.startswith("AMANA_")]:
        monkeypatch.delenv(name)
    for console in (session.out, session.notes):
        monkeypatch.setattr(console, "_width", 200)
    found = tmp_path / "workspace"
    shutil.copytree(made, found)
    monkeypatch.setenv("AMANA_WORKSPACE", str(found))
    (found / data_map.FOLDER).mkdir()
    for name, text in SYSTEMS.items():
        (found / data_map.FOLDER / name).write_text(text, "utf-8")
    return found


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Change a file of the map, at another time."""
    file = folder / data_map.FOLDER / name
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    stands = file.stat().st_mtime_ns + 1_000_000_000
    os.utime(file, ns=(stands, stands))


def workspace_of(folder: Path) -> Workspace:
    return definitions.read((folder / "amana.toml").read_text("utf-8"))


def amana(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Run the program: its status, its answer, its notes."""
    capsys.readouterr()
    status: object = 0
    try:
        main([str(word) for word in words])
    except SystemExit as ended:
        status = ended.code or 0
    told = capsys.readouterr()
    assert isinstance(status, int)
    return status, told.out, told.err


# ---- reading ----------------------------------------------------------------------------------------------------


def test_a_workspace_without_systems_has_an_empty_map(made: Path) -> None:
    found = data_map.load(made)
    assert not found.systems
    assert not data_map.checked(made, workspace_of(made)).problems


def test_a_map_is_read_once_and_again_when_a_file_changes(folder: Path) -> None:
    first = data_map.load(folder)
    assert data_map.load(folder) is first
    change(folder, "crm.toml", '"CRM"', '"Sales"')
    assert [one.label for one in data_map.load(folder).systems] == ["Sales", "Web shop <b>", ""]
    (folder / data_map.FOLDER / "tool.toml").unlink()
    with pytest.raises(errors.BadInput, match=r"tool.yml: No system names this file"):
        data_map.load(folder)


def test_a_map_that_cannot_be_walked_is_refused_with_the_first_mistake_and_their_number(folder: Path) -> None:
    change(folder, "shop.yml", "field: customers.id", "field: clients.id")
    with pytest.raises(errors.BadInput, match=r"shop → orders → customer_id: The reference shop:clients.id"):
        data_map.load(folder)
    change(folder, "shop.yml", "data_type: boolean", "data_type: bool")
    change(folder, "crm.toml", "manual", "by hand")
    with pytest.raises(
        errors.BadInput, match=r"shop → customers → newsletter.*and 1 more: amana data-map check"
    ):
        data_map.load(folder)


def test_a_file_that_is_no_text_is_told(folder: Path) -> None:
    (folder / data_map.FOLDER / "tool.yml").write_bytes(b"\xff\xfe\x00")
    problems = data_map.checked(folder, workspace_of(folder)).problems
    assert any(one.file == "tool.yml" and "not UTF-8" in one.what for one in problems)


AGAINST = {
    "The purpose news is not one of the workspace": ("tool.toml", '["newsletter"]', '["news"]'),
    "The purpose mailing is not one": ("shop.yml", "purposes: [newsletter]", "purposes: [mailing]"),
    "The brand orchard is not one of the workspace. Expected main": (
        "shop.yml",
        "brand: main",
        "brand: orchard",
    ),
    "The purpose calls is not one": ("shop.yml", "purpose: newsletter, channel", "purpose: calls, channel"),
    "post is not a channel of newsletter": ("shop.yml", "channel: email", "channel: post"),
    "The country is not known": ("tool.toml", '"US"', '"XQ"'),
}


@pytest.mark.parametrize("sentence", AGAINST)
def test_what_the_map_names_exists_in_the_workspace(folder: Path, sentence: str) -> None:
    assert not data_map.checked(folder, workspace_of(folder)).problems
    change(folder, *AGAINST[sentence])
    problems = data_map.checked(folder, workspace_of(folder)).problems
    assert any(sentence in one.sentence() for one in problems), problems


NOTES = {
    "personal fields without a purpose: e": ("tool.toml", 'purposes = ["newsletter"]', ""),
    "no erasure can be planned before these are mended: name (no_type)": (
        "shop.yml",
        "data_categories: [user.name]\n            fidesops_meta: {data_type: string}",
        "data_categories: [user.name]",
    ),
    "no country: nobody can say where the data stands": ("crm.toml", 'country = "IL"', ""),
    "kept_for without kept_since": ("shop.yml", "kept_since: placed", ""),
    "read only, will stay and be reported: notes": ("shop.yml", '"string[]"', '"string[]", read_only: true'),
    "skipped, though fields of it are personal": (
        "shop.yml",
        "- name: orders\n",
        "- name: orders\n        fides_meta: {skip_processing: true}\n",
    ),
}


@pytest.mark.parametrize("words", NOTES)
def test_what_may_stand_and_deserves_a_look_is_a_note(folder: Path, words: str) -> None:
    before = data_map.checked(folder, workspace_of(folder))
    assert not before.notes
    change(folder, *NOTES[words])
    after = data_map.checked(folder, workspace_of(folder))
    assert not after.problems
    assert any(words in one.words for one in after.notes), after.notes


# ---- the picture ------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The texts of a page, and whatever it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [name for name, _ in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def svg(text: str) -> ElementTree.Element:
    start, end = text.index("<svg"), text.index("</svg>") + len("</svg>")
    return ElementTree.fromstring(text[start:end])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_every_system_and_flow_in_words_too_and_fetches_nothing(
    folder: Path, language: str
) -> None:
    text = map_picture.page(data_map.load(folder), "Orchard & Sons", language)
    page = Page(text)
    assert not page.fetched
    assert "script" not in page.tags
    for name in ("Web shop <b>", "CRM", "tool", "Example Hosting & Sons", "user.contact.email"):
        assert name in page.texts
    assert f'lang="{language}" dir="{"rtl" if language in ("he", "ar") else "ltr"}"' in text
    drawn = svg(text)
    assert drawn.get("role") == "img"
    space = "{http://www.w3.org/2000/svg}"
    labelled = {one.get("id"): one.text for one in drawn if one.get("id")}
    assert all(labelled[name] for name in str(drawn.get("aria-labelledby")).split())
    assert len(drawn.findall(f"{space}g/{space}rect")) == 3
    flows = [one.findtext(f"{space}title") for one in drawn.findall(f"{space}path")]
    assert len(flows) == 3
    (carried,) = [one for one in flows if one and "tool" in one]
    assert "user.contact.email" in carried
    assert "user.device" not in carried


def test_boxes_do_not_cover_each_other_and_stand_inside_the_picture(folder: Path) -> None:
    drawn = svg(map_picture.page(data_map.load(folder), "Orchard"))
    space = "{http://www.w3.org/2000/svg}"
    boxes = [
        tuple(int(str(one.get(name))) for name in ("x", "y", "width", "height"))
        for one in drawn.findall(f"{space}g/{space}rect")
    ]
    wide, high = int(str(drawn.get("width"))), int(str(drawn.get("height")))
    for number, (x, y, w, h) in enumerate(boxes):
        assert 0 <= x <= x + w <= wide
        assert 0 <= y <= y + h <= high
        for left, top, w2, h2 in boxes[:number]:
            assert x + w < left or left + w2 < x or y + h < top or top + h2 < y


def test_an_empty_map_is_drawn_as_a_sentence(made: Path) -> None:
    assert "No system is connected." in map_picture.page(data_map.load(made), "Orchard")


def test_every_language_has_the_same_words_and_its_own() -> None:
    texts = {
        language: tomllib.loads(
            (resources.files("amana") / "locale" / "map" / f"{language}.toml").read_text("utf-8")
        )
        for language in LANGUAGES
    }
    assert {file.name for file in (resources.files("amana") / "locale" / "map").iterdir()} == {
        f"{language}.toml" for language in LANGUAGES
    }
    for language, found in texts.items():
        assert {key: set(value) if isinstance(value, dict) else "" for key, value in found.items()} == {
            key: set(value) if isinstance(value, dict) else "" for key, value in texts["en"].items()
        }
        if language != "en":
            assert not [key for key, value in found.items() if value == texts["en"][key]]
        map_picture.words_of(language)
    with pytest.raises(errors.BadInput, match="language"):
        map_picture.words_of("de")


# ---- the command line -------------------------------------------------------------------------------------------


def test_check_ends_with_status_0_and_2_and_tells_all(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = amana(capsys, "data-map", "check")
    assert status == 0
    assert "3 systems: nothing to mend." in out
    change(folder, "shop.yml", "data_type: boolean", "data_type: bool")
    change(folder, "crm.toml", "manual", "by hand")
    status, out, _ = amana(capsys, "data-map", "check")
    assert status == 2
    assert "crm.toml → system: The kind is not known." in out
    assert "shop.yml → shop → customers → newsletter: The data_type is not known." in out
    status, out, _ = amana(capsys, "data-map", "check", "--json")
    assert status == 2
    assert {one["file"] for one in json.loads(out)["problems"]} == {"crm.toml", "shop.yml"}
    status, _, err = amana(capsys, "data-map", "show")
    assert status == 2
    assert "and 1 more: amana data-map check" in err


def test_show_tells_each_system(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = amana(capsys, "data-map", "show")
    assert status == 0
    assert "Web shop <b> (shop)" in out
    assert "sql: DE, Example Hosting & Sons, processor" in out
    assert "Rows are found by: email" in out
    status, out, _ = amana(capsys, "data-map", "show", "--json")
    (shop,) = [one for one in json.loads(out)["systems"] if one["name"] == "shop"]
    assert shop["datasets"] == {"shop": 3}
    assert "user.financial" in shop["categories"]
    assert "secrets" not in out
    assert "db.example" not in out


def test_plan_tells_the_walk_and_ends_with_status_2_where_it_does_not_reach(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = amana(capsys, "data-map", "plan", "--identity", "email")
    assert status == 0
    assert out.index("shop:customers ") < out.index("customer_id = shop:customers.id")
    assert out.index("1. shop:orders") < out.index("2. shop:customers")
    assert "Asked as a whole: crm, tool" in out
    status, out, _ = amana(capsys, "data-map", "plan", "--identity", "phone_number")
    assert status == 2
    assert "Not reached: shop:customers, shop:orders" in out
    status, out, _ = amana(capsys, "data-map", "plan", "--json")
    assert json.loads(out)["identities"] == ["email"]
    assert len(json.loads(out)["walk"]["steps"]) == 2


def test_draw_writes_the_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = folder / "map.html"
    status, out, _ = amana(capsys, "data-map", "draw", target, "--language", "th")
    assert status == 0
    assert "Drew 3 systems" in out
    assert "แผนผังข้อมูลของ Orchard Street Ltd" in target.read_text("utf-8")
    assert amana(capsys, "data-map", "draw", folder / "map.png")[0] == 2
    assert amana(capsys, "data-map", "draw", target, "--language", "de")[0] == 2
