"""The words that may stand where one of a fixed few is asked for.

Rule. Whoever writes a word that is not one of them is told all of them, in place of the word that they wrote: that may
be somebody's own. The words are those of the type that the text was read as, found by the key that the refusal names;
where several places of that type have a key of the same name, they are the words of all of them.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_PLACE = re.compile(r"Invalid enum value .* at `\$(?:[^`]*\.)?(?P<key>\w+)(?:\[[^`]*\])?`")


def of_refusal(message: str, kind: Any) -> list[str]:
    """The words for the place that a refusal of msgspec names, in alphabetical order; none for other refusals."""
    place = _PLACE.search(message)
    return at(place["key"], kind) if place is not None else []


def at(key: str, kind: Any) -> list[str]:
    """The words that a key of this name takes anywhere in a type, in alphabetical order; none if it takes any."""
    schemas, components = msgspec.json.schema_components([kind], ref_template="{name}")
    found: set[str] = set()
    for each in (*schemas, *components.values()):
        found |= _enumerated(each.get("properties", {}).get(key, {}), components)
    return sorted(found)


def of_type(kind: Any) -> list[str]:
    """The words that a type itself takes, in alphabetical order; none if it takes any."""
    schemas, components = msgspec.json.schema_components([kind], ref_template="{name}")
    return sorted(_enumerated(schemas[0], components))


def _enumerated(schema: dict[str, Any], components: dict[str, Any]) -> set[str]:
    """The words that a schema enumerates, itself, in its items, or through what it refers to."""
    words = {word for word in schema.get("enum", ()) if isinstance(word, str)}
    for each in (*schema.get("anyOf", ()), *_items(schema)):
        words |= _enumerated(each, components)
    referred = components.get(schema.get("$ref", ""), {})
    return words | {word for word in referred.get("enum", ()) if isinstance(word, str)}


def _items(schema: dict[str, Any]) -> list[dict[str, Any]]:
    items = schema.get("items")
    return [items] if isinstance(items, dict) else []
