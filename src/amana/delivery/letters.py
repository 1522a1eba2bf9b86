"""Letters: what our own messages say, in the reader's language and direction, as text and as HTML.

Rule. The words stand in data/mail, one file for each language with the same keys; a language that is not there is read
in English. Both forms of a letter are made from one value, so that they say the same. Every value is escaped where it
is put; nothing in a letter is loaded from anywhere, so that opening it tells nobody. Right-to-left letters are so in
their HTML, not only in their characters.
"""

from __future__ import annotations

import tomllib
from functools import cache
from html import escape
from importlib import resources
from string import Template

import css_inline
import mrml
import msgspec

LANGUAGES = ("en", "he", "ar", "th", "ru")


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of one language."""

    direction: str
    confirm: dict[str, str]
    step_up: dict[str, str]
    turned_on: dict[str, str]
    receipt: dict[str, str]
    request_received: dict[str, str]
    request_extended: dict[str, str]
    request_refused: dict[str, str]
    request_answered: dict[str, str]
    request_erased: dict[str, str]
    test: dict[str, str]
    footer: dict[str, str]
    text: dict[str, str]
    channel: dict[str, str]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One letter, in one language."""

    language: str
    subject: str
    title: str
    paragraphs: tuple[str, ...]
    points: tuple[str, ...] = ()  # a list after the paragraphs
    button: str = ""
    link: str = ""
    small: tuple[str, ...] = ()


def known(language: str) -> str:
    """The language that words are there for: this one by its first part, else English."""
    base = language.lower().partition("-")[0]
    return base if base in LANGUAGES else "en"


@cache
def words(language: str) -> Words:
    """The words of a language that `known` names."""
    text = (
        resources.files("amana.data").joinpath("mail").joinpath(f"{known(language)}.toml").read_text("utf-8")
    )
    return msgspec.convert(tomllib.loads(text), Words)


def text(letter: Letter) -> str:
    """The plain text of a letter."""
    link = [f"{letter.button}:\n{letter.link}"] if letter.link else []
    points = ["\n".join(f"- {one}" for one in letter.points)] if letter.points else []
    parts = [letter.title, *letter.paragraphs, *points, *link, "-- ", *letter.small]
    return "\n\n".join(parts) + "\n"


def html(letter: Letter) -> str:
    """The HTML of a letter, with its styles beside the elements."""
    direction = words(letter.language).direction
    body = [f"<mj-text>{escape(one)}</mj-text>" for one in letter.paragraphs]
    if letter.points:
        items = "".join(f"<li>{escape(one)}</li>" for one in letter.points)
        body.append(f"<mj-text><ul>{items}</ul></mj-text>")
    if letter.link:
        body.append(f'<mj-button href="{escape(letter.link)}">{escape(letter.button)}</mj-button>')
        # The address in letters too, for readers whose program shows no buttons.
        body.append(f'<mj-text font-size="13px"><bdi dir="ltr">{escape(letter.link)}</bdi></mj-text>')
    small = [f'<mj-text font-size="13px" color="#4a5563">{escape(one)}</mj-text>' for one in letter.small]
    made = mrml.to_html(
        _frame().substitute(
            language=known(letter.language),
            direction=direction,
            start="right" if direction == "rtl" else "left",
            title=escape(letter.title),
            preview=escape(letter.paragraphs[0]),
            body="\n".join(body),
            small="\n".join(small),
        )
    )
    inlined: str = css_inline.inline(str(made.content), keep_style_tags=True, load_remote_stylesheets=False)
    return inlined


@cache
def _frame() -> Template:
    return Template(resources.files("amana.data").joinpath("mail").joinpath("letter.mjml").read_text("utf-8"))
