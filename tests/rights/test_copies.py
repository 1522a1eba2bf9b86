"""A person's copy: everything that was found, in their language, sealed while it waits, and gone in time."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from copies_world import DAY, NOA, NOW, Clock, asked, opened, ran, shop, told

from amana import errors
from amana.core.phrases import LANGUAGES
from amana.core.rights import Kind
from amana.services.keeping import exports, forget
from amana.services.record.house import House
from amana.services.rights import copies, copy_words, printing, requests
from amana.services.rights.copies import Package
from amana.storage.requests import RequestRow

PHONE = "+4915112345678"
NEEDLES = (NOA, "Noa Levi", "invoice 1", "ring twice", PHONE)


class Texts(HTMLParser):
    """What a page says, and what it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.loads: list[str] = []
        self.root: dict[str, str | None] = {}
        self._skip = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "html":
            self.root = named
        self._skip = tag == "style"
        if tag in ("script", "link", "img", "iframe", "object") or "src" in named:
            self.loads.append(tag)
        if str(named.get("href", "#"))[:1] != "#":
            self.loads.append(str(named["href"]))

    def handle_endtag(self, tag: str) -> None:
        self._skip = False

    def handle_data(self, data: str) -> None:
        if not self._skip and data.strip():
            self.said.append(data.strip())

    @property
    def text(self) -> str:
        """All of it."""
        return " | ".join(self.said)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """A workspace with a shop that knows Noa."""
    with opened(tmp_path / "workspace", clock) as found:
        shop(tmp_path / "workspace")
        yield found


def copied(house: House, kind: Kind = Kind.ACCESS, language: str = "en") -> tuple[RequestRow, Package]:
    """Noa's copy."""
    row = ran(house, asked(house, kind, told(house, phone=PHONE), language=language))
    assert row.status == "answered"
    return row, copies.package(house, row, actor="a colleague")


def files(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# ---- what is in it ----------------------------------------------------------------------------------------------


def test_everything_that_was_found_is_in_it_and_nothing_of_anybody_else(house: House) -> None:
    told(house, "omar@example.com", name="Omar Haddad")
    _, package = copied(house)
    rows = {part.name: part.rows for part in package.parts}
    assert [row["id"] for row in rows["shop-shop-orders"]] == [1, 2]
    assert [row["email"] for row in rows["shop-shop-customers"]] == [NOA]
    everything = msgspec.json.encode(package).decode()
    assert "omar" not in everything.lower()
    for needle in NEEDLES:
        assert needle in everything


def test_what_the_law_asks_to_be_told_stands_beside_it(house: House) -> None:
    person = told(house, phone=PHONE)
    exports.with_contact(
        house, [person], recipient="the letter shop", days=30, file="a.csv", actor="a", purpose="letters"
    )
    row = ran(house, asked(house, Kind.ACCESS, person))
    about = copies.package(house, row, actor="x").about
    assert [one.label for one in about.purposes] == ["Offers", "news"]
    by_name = {one.name: one for one in about.recipients}
    assert by_name["Print House Example"].country == "IL"
    assert by_name["Print House Example"].safeguard == "adequacy"
    assert by_name["Web shop"].rows == 3
    assert by_name["the letter shop"].until == NOW + 30 * DAY
    assert {one.kept_for for one in about.held} == {"P3Y", "P1Y"}
    assert about.sources == ("crm",)
    assert about.profiled == ("Shoe size",)
    assert about.authorities[0][0] == "DE"
    assert about.authorities[0][1]
    standing = {(one.channel, one.status, one.source) for one in about.standing}
    assert standing == {("email", "given", "crm"), ("sms", "withdrawn", "crm")}


def test_who_looked_is_told_by_what_they_are_and_only_where_access_was_asked(house: House) -> None:
    _, package = copied(house)
    looks = next(part.rows for part in package.parts if part.name == "amana-looks")
    assert {row["who"] for row in looks} <= {"person", "staff", "system"}
    _, other = copied(house, Kind.PORTABILITY)
    assert "amana-looks" not in {part.name for part in other.parts}


def test_the_manifest_names_each_file_and_the_person_in_terms_of_schema_org(house: House) -> None:
    _, package = copied(house, Kind.PORTABILITY)
    found = files(copies.zipped(package))
    manifest = json.loads(found["manifest.jsonld"])
    assert {one["name"] for one in manifest["dpv:hasData"]} <= set(found)
    person = manifest["dpv:hasDataSubject"]
    assert person["@type"] == "schema:Person"
    assert person["schema:name"] == "Noa Levi"
    assert person["schema:telephone"] == PHONE
    assert person["schema:address"]["schema:addressCountry"] == "DE"


def test_a_cell_that_a_spreadsheet_would_run_is_quoted_and_a_number_is_not(house: House) -> None:
    _, package = copied(house)
    found = files(copies.zipped(package))
    assert "'=41" in found["amana-fields.csv"].decode("utf-8-sig")
    assert f",{PHONE}\r\n" in found["amana-addresses.csv"].decode("utf-8-sig")


def test_the_same_copy_gives_the_same_bytes(house: House) -> None:
    row, package = copied(house)
    again = copies.package(house, row, actor="x")
    assert copies.zipped(package) == copies.zipped(again)


# ---- the page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_in_their_language_and_direction_and_loads_nothing(language: str, house: House) -> None:
    _, package = copied(house, language=language)
    page = Texts(copies.page(package))
    words = copy_words.of(language)
    assert page.root == {"lang": language, "dir": "rtl" if language in ("he", "ar") else "ltr"}
    assert page.loads == []
    for key in ("fields", "standing", "recipients", "rights", "automated", "history", "looks"):
        assert words(key) in page.text
    assert words.catalogue.field["full_name"] in page.text
    assert house.workspace.fields["shoe"].label[language] in page.text
    assert words.span("P3Y") in page.text
    for needle in NEEDLES:
        assert needle in page.text


def test_a_value_is_text_and_never_markup(house: House) -> None:
    person = told(house, name="<script>alert(1)</script>&amp;")
    row = ran(house, asked(house, Kind.ACCESS, person))
    page = copies.page(copies.package(house, row, actor="x"))
    assert "<script" not in page
    assert "<script>alert(1)</script>&amp;" in Texts(page).text


def test_long_lists_are_folded_and_very_long_ones_name_the_file(tmp_path: Path, clock: Clock) -> None:
    with opened(tmp_path / "workspace", clock) as house:
        shop(tmp_path / "workspace", orders=1_120)
        _, package = copied(house)
    page = copies.page(package)
    assert page.count("<details>") == 19  # a thousand rows, fifty to a fold, the first open
    assert "More entries, in the file shop-shop-orders.csv: 120." in page
    assert files(copies.zipped(package))["shop-shop-orders.csv"].count(b"\r\n") == 1_121


FONTS = {
    "en": {"Noto-Sans"},
    "he": {"Noto-Sans", "Noto-Sans-Hebrew"},
    "ar": {"Noto-Sans", "Noto-Sans-Arabic"},
    "th": {"Noto-Sans", "Noto-Sans-Thai"},
    "ru": {"Noto-Sans"},
}


def unpacked(printed: bytes) -> bytes:
    """A PDF with its streams as they are."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", printed, re.DOTALL)
    found = [printed]
    for one in streams:
        with contextlib.suppress(zlib.error):
            found.append(zlib.decompress(one))
    return b"\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_has_the_letters_of_their_language(language: str, house: House) -> None:
    _, package = copied(house, language=language)
    printed = copies.pdf(package)
    assert printed.startswith(b"%PDF")
    assert printed == copies.pdf(package)
    fonts = re.findall(rb"/BaseFont ?/[A-Z]{6}\+([\w-]+)", unpacked(printed))
    assert {one.decode() for one in fonts} >= FONTS[language]
    assert not [one for one in fonts if not one.startswith(b"Noto")]  # no letter is missing in them


def test_a_document_cannot_make_the_press_read_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("never printed")
    page = f'<html><body>hello<img src="{secret.as_uri()}"><link rel="attachment" href="{secret.as_uri()}"></body></html>'
    assert b"secret" not in printing.pdf(page)


def test_a_machine_that_cannot_print_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(errors.BadSettings, match="print"):
        printing.pdf("<p>hello</p>")


# ---- while it waits ---------------------------------------------------------------------------------------------


def plain_in(folder: Path) -> list[tuple[str, str]]:
    """Which needle stands readable in which file below a folder."""
    return [
        (path.name, needle)
        for path in folder.rglob("*")
        if path.is_file()
        for needle in NEEDLES
        if needle.encode() in path.read_bytes()
    ]


def test_it_waits_sealed_and_its_owner_alone_can_read_the_file(house: House) -> None:
    row, _ = copied(house)
    path = copies.path_of(house, row)
    assert path.stat().st_mode & 0o777 == 0o600
    assert plain_in(house.copies) == []


def test_every_fetch_is_recorded(house: House) -> None:
    row, _ = copied(house)
    later, package = row, copies.package(house, row, actor="somebody else")
    again = ran(house, asked(house, Kind.ACCESS, later.person))
    seen = copies.package(house, again, actor="x")
    purposes = [one["what_for"] for part in seen.parts if part.name == "amana-looks" for one in part.rows]
    assert purposes.count(f"copy of {row.ref}") == 2
    assert package.ref == row.ref


def test_it_is_gone_after_thirty_days(house: House, clock: Clock) -> None:
    row, _ = copied(house)
    clock.now += 30 * DAY
    assert copies.sweep(house) == 0
    assert copies.package(house, row, actor="x")
    clock.now += 1
    with pytest.raises(errors.NotFound):
        copies.package(house, row, actor="x")
    assert copies.sweep(house) == 1
    assert not list(house.copies.iterdir())


def test_it_goes_with_the_person_and_nothing_is_found_afterwards(house: House) -> None:
    row, _ = copied(house)
    sealed = copies.path_of(house, row).read_bytes()
    forget.forget(house, [row.person])
    assert not copies.path_of(house, row).exists()
    assert [
        path.name for path in house.folder.rglob("*") if path.is_file() and sealed[:64] in path.read_bytes()
    ] == []
    found = [(name, needle) for name, needle in plain_in(house.folder) if name != "shop.db"]
    assert found == []  # the shop was not asked to erase


def test_a_copy_that_came_back_after_an_erasure_is_swept_and_opens_for_nobody(house: House) -> None:
    row, _ = copied(house)
    path = copies.path_of(house, row)
    sealed = path.read_bytes()
    forget.forget(house, [row.person])
    path.write_bytes(sealed)  # out of a backup
    with pytest.raises(errors.KeyMissing):
        copies.package(house, requests.get(house, row.ref), actor="x")
    assert copies.sweep(house) == 1


def test_half_a_file_of_an_ended_request_is_swept_and_that_of_an_open_one_is_not(house: House) -> None:
    row, _ = copied(house)
    still_open = asked(house, Kind.PORTABILITY, row.person)
    for one in (row, still_open):
        copies.path_of(house, one).with_suffix(".new").write_bytes(b"half")
    assert copies.sweep(house) == 1
    assert {path.name for path in house.copies.iterdir()} == {f"{row.ref}.sealed", f"{still_open.ref}.new"}


DRIVER = """
import sys, pathlib
sys.path.insert(0, {tests!r})
from copies_world import *
from amana.services.rights import copies
with opened(pathlib.Path({folder!r}), Clock()) as house:
    row = requests.get(house, {ref!r})
    found = {{"shop/shop:orders": [{{"id": n, "invoice": "invoice 1", "notes": "ring twice"}} for n in range(20000)]}}
    print("ready", flush=True)
    while True:
        copies.make(house, row, found)
"""


@pytest.mark.slow
def test_a_kill_while_it_is_made_leaves_no_plain_text_and_the_next_one_is_whole(
    tmp_path: Path, clock: Clock
) -> None:
    folder = tmp_path / "workspace"
    with opened(folder, clock) as house:
        shop(folder)
        row = asked(house, Kind.ACCESS, told(house, phone=PHONE))
    driver = DRIVER.format(tests=str(Path(__file__).parent), folder=str(folder), ref=row.ref)
    for turn in range(6):
        with subprocess.Popen([sys.executable, "-c", driver], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.15 + 0.11 * turn)
            os.kill(process.pid, signal.SIGKILL)
        assert [one for one in plain_in(folder) if one[0] not in ("shop.db",)] == []
    with opened(folder, clock) as house:
        done = ran(house, row)
        assert done.status == "answered"
        assert copies.package(house, done, actor="x").parts
