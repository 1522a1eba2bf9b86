"""The catalogues of sentences, as files of the package.

Rule. A catalogue is read and checked whole when it is first asked for, so that a missing sentence is found at once and
not in the middle of an answer. The commands speak English; the other languages are for pages that people see.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from amana.core import phrases
from amana.core.phrases import Phrases


@cache
def catalogue(language: str) -> Phrases:
    """The sentences of one of `phrases.LANGUAGES`. Raises BadInput if they are not complete."""
    return phrases.read((resources.files("amana") / "locale" / f"{language}.toml").read_text("utf-8"))


def english() -> Phrases:
    """The sentences that the commands speak."""
    return catalogue("en")
