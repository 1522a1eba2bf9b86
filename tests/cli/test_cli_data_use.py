"""`amana ask` and `amana screen` about uses and sharing of data: the same gate as for contact."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_samples import NEWS, Amana

DECLARED = """
[fields.interests]
purposes = ["offers"]
category = "user.behavior.interests"
why = "to choose what is shown"
kept_for = "P1Y"
hold = "column"
uses = ["profile"]

[recipients.adwise]
name = "Adwise Ltd"
country = "FR"
role = "controller"
purposes = ["offers"]
agreement = "agreements/adwise.pdf"
"""
OFFERS = ("--purpose", "offers")
PROFILE = ("--use", "user.behavior.interests", "--manner", "profile")


@pytest.fixture
def declared(imported: Path, amana: Amana) -> None:
    """A workspace that declares a use and a recipient."""
    definition = imported / "amana.toml"
    definition.write_text(definition.read_text("utf-8") + DECLARED, "utf-8")
    assert amana("publish").status == 0


def test_a_use_is_asked_about_with_its_manner(declared: None, amana: Amana) -> None:
    ran = amana("ask", "p1", *OFFERS, *PROFILE, "--json")
    assert ran.status == 1
    told = ran.json
    assert told["asked"]["action"] == "use.profile"
    assert told["asked"]["category"] == "user.behavior.interests"
    assert [one["code"] for one in told["reasons"]] == ["assessment_missing"]
    assert "profiling of user.behavior.interests for offers" in amana("ask", "p1", *OFFERS, *PROFILE).out


@pytest.mark.parametrize("more", [(), ("--category", "user.behavior.interests")])
def test_a_sharing_is_asked_about_by_its_recipient(
    declared: None, amana: Amana, more: tuple[str, ...]
) -> None:
    ran = amana("ask", "p1", *OFFERS, "--share", "adwise", *more, "--json")
    assert ran.status == 1
    assert ran.json["asked"]["action"] == "share.adwise"
    assert "consent_unknown" in {one["code"] for one in ran.json["reasons"]}


@pytest.mark.parametrize("asked", [PROFILE, ("--share", "adwise")])
def test_a_screen_agrees_with_asking_each_person(
    declared: None, amana: Amana, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    out = tmp_path / "answers.csv"
    assert amana("screen", *OFFERS, *asked, "--out", out).status == 0
    rows = [line.split(",") for line in out.read_text("utf-8").splitlines()[1:]]
    assert len(rows) == 5
    for who, allow, reasons in rows:
        ran = amana("ask", who, *OFFERS, *asked, "--json")
        assert (allow == "yes", reasons.split()) == (
            ran.status == 0,
            [one["code"] for one in ran.json["reasons"]],
        )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (OFFERS, 2),
        ((*NEWS, "--share", "adwise"), 2),
        ((*OFFERS, "--use", "user.behavior.interests"), 2),
        ((*OFFERS, "--share", "adwise", "--manner", "profile"), 2),
        ((*OFFERS, *PROFILE, "--topic", "gardening"), 2),
        ((*OFFERS, *PROFILE, "--category", "user"), 2),
        ((*OFFERS, "--share", "nobody"), 3),
        ((*OFFERS, "--share", "adwise", "--category", "user.teeth"), 3),
    ],
)
def test_words_that_ask_nothing_or_two_things_are_refused(
    declared: None, amana: Amana, words: tuple[str, ...], status: int
) -> None:
    for verb in (("ask", "p1"), ("screen",)):
        assert amana(*verb, *words).status == status


def test_a_sending_list_and_a_page_need_a_channel(declared: None, amana: Amana, tmp_path: Path) -> None:
    sending = ("--with-contact", "--recipient", "x", "--days", 3, "--for-purpose", "y")
    assert amana("screen", *OFFERS, *PROFILE, "--out", tmp_path / "a.csv", *sending).status == 2
    assert amana("screen", *OFFERS, *PROFILE, "--page", tmp_path / "a.html").status == 2
