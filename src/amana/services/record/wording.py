"""The catalogues of sentences, as files of the package, in the language that a caller prefers.

Rule. A catalogue is one TOML file for one language: the product's own, and one folder of them for each kind of page or
document. It is read and checked whole when it is first asked for, with exactly the keys that the English one has and
every plural form of its language, so that a missing sentence is found at once and not in the middle of an answer. The
first language of `Accept-Language` that the product speaks counts; English stands for none. The commands speak English;
the other languages are for callers and pages that ask for them.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources
from typing import TypeVar

import msgspec

from amana import errors
from amana.core import phrases, plurals
from amana.core.phrases import LANGUAGES, Phrases

FALLBACK = "en"
_Words = TypeVar("_Words", bound=msgspec.Struct)


@cache
def catalogue(language: str) -> Phrases:
    """The sentences of one of `phrases.LANGUAGES`. Raises BadInput if they are not complete."""
    return phrases.read(_file(f"{language}.toml"))


def words(kind: type[_Words], folder: str, language: str) -> _Words:
    """The words that one kind of page or document has for itself: `locale/<folder>/<language>.toml`, read as `kind`.

    It is read anew at each call: callers remember it. Tables of `kind` have the keys of the English file, and its table
    `counted` every plural form of the language. Raises BadInput for a language that the product does not speak, and for
    a catalogue that is not complete.
    """
    if language not in LANGUAGES:
        raise errors.BadInput(
            "The product does not speak that language",
            expected=f"one of: {', '.join(LANGUAGES)}",
            remedy="choose one of them",
        )
    found = msgspec.toml.decode(_file(f"{folder}/{language}.toml"), type=kind)
    english = found if language == FALLBACK else words(kind, folder, FALLBACK)
    for name in kind.__struct_fields__:
        table = getattr(found, name)
        if not isinstance(table, dict):
            continue
        _same(f"locale/{folder}/{language}.toml, [{name}]", set(table), set(getattr(english, name)))
        if name == "counted":
            plurals.check(f"{language} {folder}", language, table)
    return found


def _same(place: str, found: set[str], needed: set[str]) -> None:
    if found != needed:
        raise errors.BadInput(
            f"A catalogue of words is not complete: {place}",
            expected=f"missing none of: {', '.join(sorted(needed - found)) or '–'}",
            got=f"stale: {', '.join(sorted(found - needed)) or 'none'}",
            remedy="add the missing words and remove the stale ones",
        )


def _file(name: str) -> str:
    return (resources.files("amana") / "locale" / name).read_text("utf-8")


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
    return catalogue(min(weighed)[2] if weighed else FALLBACK)
