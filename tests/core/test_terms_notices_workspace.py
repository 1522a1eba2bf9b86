"""Cells are numbers that keep; notices are versions that keep; the workspace file is refused where it slips."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana import errors
from amana.core import cells, notices, workspace
from amana.core.cells import CHANNEL_CODE, Terms
from amana.core.notices import Published
from amana.core.vocabulary import Channel, Proof
from amana.core.workspace import NoticeText

TERMS = Terms.of(["orchard", "harbour"], ["offers", "news"])

# ---- cells -------------------------------------------------------------------------------------------------


@given(st.integers(0, 255), st.integers(0, 65_535), st.integers(0, 8))
def test_a_cell_is_covered_by_itself_and_by_every_wider_one(brand: int, purpose: int, channel: int) -> None:
    found = cells.covering(cells.pack(brand, purpose, channel))
    assert found[0] == cells.pack(brand, purpose, channel)
    assert found[-1] == 0
    assert set(found) == {cells.pack(b, p, c) for b in (brand, 0) for p in (purpose, 0) for c in (channel, 0)}


def test_no_cell_covers_its_neighbour() -> None:
    exact = [TERMS.cell(b, p, c.value) for b in TERMS.brands for p in TERMS.purposes for c in Channel]
    assert len(set(exact)) == len(exact)
    for one in exact:
        assert [other for other in exact if other in cells.covering(one)] == [one]


def test_words_and_numbers_of_a_cell_are_one() -> None:
    for words in (
        ("orchard", "news", "sms"),
        ("*", "offers", "*"),
        ("harbour", "*", "post"),
        ("*", "*", "*"),
    ):
        assert TERMS.words(TERMS.cell(*words)) == words
    assert CHANNEL_CODE[Channel.EMAIL] == 1  # stored: appended, never reordered
    assert list(CHANNEL_CODE.values()) == list(range(1, len(Channel) + 1))


@pytest.mark.parametrize(
    "words", [("orchid", "offers", "email"), ("orchard", "", "email"), ("orchard", "offers", "fax")]
)
def test_a_word_that_the_workspace_lacks_is_not_found(words: tuple[str, str, str]) -> None:
    with pytest.raises(errors.NotFound, match="Expected one of"):
        TERMS.cell(*words)


# ---- notices -------------------------------------------------------------------------------------------------

FIRST = NoticeText(
    version="1", who="Orchard", purposes=("offers", "news"), channels=(Channel.EMAIL,), kept_for="P3Y",
    withdraw="link", text={"en": "We send you offers."},
)  # fmt: skip  # one notice


def published(notice: NoticeText, epoch: int = 1) -> Published:
    return Published(
        id="n", version=notice.version, hash="", epoch=epoch, material=True, content=notices.content(notice)
    )


def test_the_first_version_is_material_and_the_same_again_is_no_change() -> None:
    found = notices.change("n", FIRST, None)
    assert found is not None
    assert (found.material, found.epoch, found.changed) == (True, 1, ())
    assert notices.change("n", FIRST, published(FIRST)) is None
    reordered = msgspec.structs.replace(FIRST, purposes=("news", "offers"))
    assert notices.change("n", reordered, published(FIRST)) is None


@pytest.mark.parametrize(
    "part",
    [
        {"who": "Harbour"},
        {"purposes": ("offers",)},
        {"channels": (Channel.EMAIL, Channel.SMS)},
        {"shared_with": ("a printer",)},
        {"kept_for": "P5Y"},
        {"withdraw": "by post"},
    ],
    ids=lambda part: next(iter(part)),
)
def test_what_people_agreed_to_changed_so_earlier_consents_no_longer_cover_it(part: dict[str, Any]) -> None:
    second = msgspec.structs.replace(FIRST, version="2", **part)
    found = notices.change("n", second, published(FIRST, 3))
    assert found is not None
    assert (found.material, found.epoch, found.changed) == (True, 4, tuple(part))
    with pytest.raises(errors.Conflict, match="not material"):
        notices.change("n", msgspec.structs.replace(second, material=False), published(FIRST))
    with pytest.raises(errors.Conflict, match="published version 1"):
        notices.change("n", msgspec.structs.replace(second, version="1"), published(FIRST))


def test_another_wording_is_not_material_unless_its_author_says_so() -> None:
    reworded = msgspec.structs.replace(FIRST, version="2", text={"en": "Offers, now and then."})
    for said, material in ((None, False), (False, False), (True, True)):
        found = notices.change("n", msgspec.structs.replace(reworded, material=said), published(FIRST))
        assert found is not None
        assert (found.material, found.epoch) == (material, 1 + material)


# ---- the workspace file -------------------------------------------------------------------------------------

FILE = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
[brands.orchard]
name = "Orchard Street"
[purposes.offers]
notice = "offers"
channels = ["email"]
category = "marketing"
[notices.offers]
version = "1"
who = "Orchard Street Ltd"
purposes = ["offers"]
channels = ["email"]
kept_for = "P3Y"
withdraw = "link"
text = { en = "We send you offers." }
[capture_points.form]
kind = "form"
notice = "offers"
proof = ["unticked"]
[fields.town]
purposes = ["offers"]
category = "user.city"
why = "offers nearby"
kept_for = "P3Y"
hold = "sealed"
"""
HOME = """
[fields.home]
purposes = ["offers"]
category = "user.country"
why = "the law that applies"
kept_for = "P3Y"
hold = "column"
means = "residence"
"""


def test_a_plain_file_reads() -> None:
    read = workspace.read(FILE + HOME)
    assert list(read.fields) == ["town", "home"]
    assert workspace.proof_bits(("unticked", "confirmed")) == Proof.UNTICKED | Proof.CONFIRMED


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[organisation]", "[organisation", "not valid TOML"),
        ('country = "DE"', 'country = "DE"\ncontry = "DE"', "contry"),
        ('contact = "privacy@orchard.example"\n', "", "contact"),
        ('[brands.orchard]\nname = "Orchard Street"', "[brands]", "no brand"),
        ('notice = "offers"\nchannels', 'notice = "ofers"\nchannels', "purposes.offers.notice names 'ofers'"),
        ('purposes = ["offers"]\nchannels', 'purposes = ["news"]\nchannels', "notices.offers.purposes"),
        ('{ en = "We send you offers." }', "{}", "no text"),
        ('channels = ["email"]\ncategory', 'channels = ["fax"]\ncategory', "fax"),
        ('proof = ["unticked"]', 'proof = ["untickd"]', "untickd"),
        ('kind = "form"\nnotice = "offers"', 'kind = "form"\nnotice = "news"', "capture_points.form.notice"),
        (
            '[fields.town]\npurposes = ["offers"]',
            "[fields.town]\npurposes = []",
            "fields.town has no purpose",
        ),
        (
            '[fields.town]\npurposes = ["offers"]',
            '[fields.town]\npurposes = ["news"]',
            "fields.town.purposes",
        ),
        ('hold = "sealed"', 'hold = "somewhere"', "somewhere"),
        ('hold = "sealed"', 'hold = "sealed"\nmeans = "town"', "fields.town.means"),
        ('hold = "sealed"', 'hold = "sealed"\nmeans = "zone"', 'set hold = "column"'),
        ('hold = "sealed"', 'hold = "column"\nmeans = "full_name"', 'set hold = "sealed"'),
        ('hold = "sealed"', 'hold = "column"\nmeans = "birth_date"', 'set hold = "sealed"'),
        ('hold = "sealed"', 'hold = "column"\nmeans = "guardian"', 'set hold = "sealed"'),
        ('hold = "sealed"', 'hold = "column"\nmeans = "residence"', "both mean residence"),
    ],
)
def test_a_slip_in_the_file_is_refused_where_it_stands(old: str, new: str, told: str) -> None:
    assert FILE.count(old) == 1
    with pytest.raises(errors.BadWorkspace) as refused:
        workspace.read(FILE.replace(old, new) + HOME)
    assert told in refused.value.sentence()


def test_columns_nobody_registered_are_refused_with_the_lines_to_add() -> None:
    refusal = workspace.unregistered(["shoe_size"], suggested_purpose="offers")
    lines = refusal.remedy.split("amana.toml:\n")[1]
    assert "shoe_size" in workspace.read(FILE + lines).fields
