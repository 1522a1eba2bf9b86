"""Files that people write by hand, read strictly.

Rule: a key that is not known is an error that names the key, where it stands and the nearest known one.
Nothing is ignored and nothing is converted: a number is not a text, an empty list is not a missing one.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, TypeVar

import msgspec

from amana import errors

_T = TypeVar("_T")
_BAD_WORD = re.compile(r"Invalid enum value .* at `\$(?:[^`]*\.)?(?P<key>\w+)(?:\[[^`]*\])?`")
_UNKNOWN_KEY = re.compile(r"unknown field `(?P<key>[^`]*)`")


def read_toml(text: str, kind: type[_T], what: str) -> _T:
    """The TOML text as a `kind`.

    Raises:
        BadInput: the text is no TOML, or does not fit `kind`; `what` is the sentence's subject.
    """
    try:
        return msgspec.toml.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise errors.BadInput(
            f"{what} cannot be read", got=str(error), remedy=_remedy(str(error), kind)
        ) from None


def _remedy(message: str, kind: type[Any]) -> str:
    found = _UNKNOWN_KEY.search(message)
    if not found:
        allowed = _words_at(message, kind)
        return f"write one of: {', '.join(allowed)}" if allowed else ""
    near = difflib.get_close_matches(found["key"], sorted(_keys(kind)), n=1)
    return f"write `{near[0]}`" if near else f"remove `{found['key']}`"


def _words_at(message: str, kind: type[Any]) -> list[str]:
    """The words that may stand where a message says that a word is not one of a fixed few; none for other messages."""
    place = _BAD_WORD.search(message)
    if place is None:
        return []
    schemas, components = msgspec.json.schema_components([kind], ref_template="{name}")
    found: set[str] = set()
    for each in (*schemas, *components.values()):
        found |= _enumerated(each.get("properties", {}).get(place["key"], {}), components)
    return sorted(found)


def _enumerated(schema: dict[str, Any], components: dict[str, Any]) -> set[str]:
    """The words that a schema enumerates, itself or through what it refers to."""
    words = {word for word in schema.get("enum", ()) if isinstance(word, str)}
    for each in schema.get("anyOf", ()):
        words |= _enumerated(each, components)
    referred = components.get(schema.get("$ref", ""), {})
    return words | {word for word in referred.get("enum", ()) if isinstance(word, str)}


def _keys(kind: type[Any]) -> set[str]:
    """Every key that may stand anywhere in a file of this kind."""
    schemas, components = msgspec.json.schema_components([kind], ref_template="{name}")
    return {key for each in (*schemas, *components.values()) for key in each.get("properties", {})}
