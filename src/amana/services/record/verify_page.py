"""The page that checks a receipt, whole in one file: its words in every language, and what it is given to check.

Rule.
- The page asks nothing of anybody: script, style and words stand in the file, and it works from a disk without a network.
- It opens in the language that it was made for, else in the first that the browser prefers and the page speaks; its own
  switch turns it. What is there before a script runs is in the language that it was made for, English otherwise.
- A catalogue has exactly the keys of the English one, checked whole when it is first read. Names of channels and of
  evidence checks are those of the product's own catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any

import msgspec

from amana.core.phrases import LANGUAGES
from amana.core.vocabulary import Proof
from amana.services.record import wording

_PLACE = re.compile(r"\[\[(\w+)\]\]")


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language's words of the page."""

    text: dict[str, str]
    refused: dict[str, str]  # why a receipt does not verify
    status: dict[str, str]  # of a permission
    kind: dict[str, str]  # of an event
    actor: dict[str, str]
    label: dict[str, str]  # of a record's fields, in the order in which they are shown


def made(given: Mapping[str, str], language: str = "") -> str:
    """The page as HTML. `given` may hold a `receipt` to check and the log's `key`.

    `language` is one of `phrases.LANGUAGES`; without it the browser's counts. Raises BadInput for a catalogue that is not
    complete.
    """
    shown = language or wording.FALLBACK
    told = wording.catalogue(shown)
    words = _read(shown)
    parts = {name: escape(sentence) for name, sentence in words.text.items()} | {
        "lang": shown,
        "dir": told.direction,
        "given": _json(dict(given) | ({"language": language} if language else {})),
        "words": _words(),
    }
    blank = resources.files("amana.data").joinpath("verify.html").read_text("utf-8")
    return _PLACE.sub(lambda found: parts[found[1]], blank)


def event_named(language: str, what: str) -> str:
    """What the page calls an event, by the status of a permission or by its kind; a sentence without its point."""
    words = _read(language)
    return words.status.get(what) or words.kind.get(what, words.kind["other"])


@cache
def _words() -> str:
    """Every language as the page reads it."""
    return _json({language: _spoken(language) for language in LANGUAGES})


def _spoken(language: str) -> dict[str, Any]:
    told = wording.catalogue(language)
    return {
        "name": told.name,
        "dir": told.direction,
        **msgspec.to_builtins(_read(language)),
        "channel": told.channel,
        "proof": [told.proof[str(one.name).lower()] for one in Proof],
    }


@cache
def _read(language: str) -> Catalogue:
    return wording.words(Catalogue, "verify", language)


def _json(value: object) -> str:
    """JSON that can stand in an element of script: nothing in it ends the element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
