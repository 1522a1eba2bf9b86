"""The catalogues of sentences, as files of the package, in the language that a caller prefers.

Rule. A catalogue is read and checked whole when it is first asked for, so that a missing sentence is found at once and
not in the middle of an answer. The first language of `Accept-Language` that the product speaks counts; English stands
for none. The commands speak English; the other languages are for callers and pages that ask for them.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources

from amana.core import phrases
from amana.core.phrases import LANGUAGES, Phrases


@cache
def catalogue(language: str) -> Phrases:
    """The sentences of one of `phrases.LANGUAGES`. Raises BadInput if they are not complete."""
    return phrases.read((resources.files("amana") / "locale" / f"{language}.toml").read_text("utf-8"))


@lru_cache(maxsize=256)
def preferred(accept: str) -> Phrases:
    """The sentences for an `Accept-Language` header."""
    weighed: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")[:20]):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        language = tag.partition("-")[0].lower()
        if language in LANGUAGES and weight > 0:
            weighed.append((-weight, place, language))
    return catalogue(min(weighed)[2] if weighed else "en")
