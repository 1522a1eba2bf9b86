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
from amana.core import closed_words

_T = TypeVar("_T")
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
        allowed = closed_words.of_refusal(message, kind)
        return f"write one of: {', '.join(allowed)}" if allowed else ""
    near = difflib.get_close_matches(found["key"], sorted(_keys(kind)), n=1)
    return f"write `{near[0]}`" if near else f"remove `{found['key']}`"


def _keys(kind: type[Any]) -> set[str]:
    """Every key that may stand anywhere in a file of this kind."""
    schemas, components = msgspec.json.schema_components([kind], ref_template="{name}")
    return {key for each in (*schemas, *components.values()) for key in each.get("properties", {})}
