from __future__ import annotations

from collections.abc import Callable
from datetime import date
from importlib import resources

import pytest

from amana.core import packs
from amana.core.packs import LawBook, LawRule
from amana.core.vocabulary import Channel, SubjectType

PAGE = 'version = "1"\nas_of = 2026-01-01\nnotice = "test"\n'

HAND_MADE = """
code = "XA"
name = "Examplia"
modelled_from = 2025-01-01
regulator = "none"
instruments = ["Act 1"]

[proof]
consent = ["demonstrable"]

[[rule]]
id = "XA.01"
channels = ["email", "sms", "messaging", "push", "phone_live", "phone_auto", "post", "ads_audience"]
subjects = ["consumer", "sole_trader", "corporate_named", "corporate_generic"]
basis = "opt_in"
citation = "Act 1 s.1"
confidence = "high"
mark = "seen"
"""


@pytest.fixture(scope="session")
def documents() -> dict[str, str]:
    """The packs of the product, as a caller finds them."""
    folder = resources.files("amana") / "data" / "law"
    return {
        one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".toml")
    }


@pytest.fixture(scope="session")
def book(documents: dict[str, str]) -> LawBook:
    return packs.read(documents)


@pytest.fixture(scope="session")
def rule(book: LawBook) -> Callable[..., LawRule]:
    """A row by plain words: `rule("FR", "phone_live", "2026-08-11")`, about a consumer unless said otherwise."""

    def look_up(code: str, channel: str, on: str, subject: str = "consumer") -> LawRule:
        found = book.rule(code, Channel(channel), SubjectType(subject), date.fromisoformat(on))
        assert found is not None
        return found

    return look_up


@pytest.fixture(scope="session")
def examplia() -> Callable[..., LawBook]:
    """A book of one hand-made pack: `examplia(("old text", "new text"), more="...", region="...")`."""

    def make(*changes: tuple[str, str], more: str = "", region: str = "") -> LawBook:
        text = HAND_MADE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        regions = {"XA-ST.toml": region} if region else {}
        return packs.read({"book.toml": PAGE, "XA.toml": text + more, **regions})

    return make
