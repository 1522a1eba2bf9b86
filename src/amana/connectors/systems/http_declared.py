"""An interface over HTTP as a file declares it: how to search, change and delete.

Rule.
- What is declared is data, read strictly: an unknown key is an error that names it. `vendor` takes a declaration from
  `vendors/`; what the system's own file says stands over it, name by name.
- Text in braces is filled in: `{value}` and `{values}` of a search, `{key.<path>}`, `{changed}` and `{changed.<path>}`,
  `{fields.<path>}` (the declared names below a path), and the names under `values`. `|lower` and `|md5` follow a name.
- A text that is one placeholder keeps the value's type; in a path, values are escaped so that none can lead elsewhere.
- Secrets are named, never written.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from amana import errors
from amana.connectors.systems import plain
from amana.core.data_map import Plain

_PLACE = re.compile(r"\{([a-z_][\w.]*)((?:\|[a-z0-9]+)*)\}", re.IGNORECASE)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


_FILTERS: dict[str, Callable[[str], str]] = {"lower": str.lower, "md5": _md5}


class Auth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a call says who we are."""

    kind: Literal["none", "header", "bearer", "basic", "oauth2"] = "none"
    header: str = "Authorization"  # of kind "header"
    user: str = ""  # of kind "basic"
    secret_file: str = ""
    secret_env: str = ""
    client_id: str = ""  # of kind "oauth2": client credentials, RFC 6749 section 4.4
    token_path: str = "/oauth/token"  # noqa: S105  it says where a token is asked for, and is none
    scope: str = ""


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long and how often."""

    timeout: float = 20.0  # seconds
    tries: int = 3
    patience: float = 30.0  # seconds that a Retry-After is waited for
    longest: int = 32 * 1024 * 1024  # bytes
    most_pages: int = 1_000


class Pages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How further pages are asked for."""

    kind: Literal["link", "cursor", "page", "offset"]
    at: str = ""  # of "cursor": path of the next one in the answer
    query: str = ""  # where it goes: a name in the query …
    body: str = ""  # … or in the body
    first: int = 0  # of "page": the number of the first one
    size: int = 100  # of "page" and "offset": fewer rows are the last page


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call with places to fill in."""

    path: str
    method: str = "GET"
    query: dict[str, str] = {}
    body: Any = None  # of any JSON
    repeatable: bool = True  # once or twice is the same


class Find(Request, frozen=True, kw_only=True):
    """A search by one field."""

    field: str
    rows: str = ""  # path of the rows in the answer; "" for the answer itself
    batch: int = 1  # values of one call; more than one are `{values}`
    total: str = ""  # path of how many rows there are, where the answer says it
    adds: dict[str, str] = {}  # fields of the row that the question says and the answer does not
    pages: Pages | None = None
    missing: tuple[int, ...] | None = None
    """What says that nobody is found. Left out: the collection's, where the path names the value; else nothing does,
    because "there is none" of a path that names nobody is a path that is wrong, or was given up."""


class Resource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A collection of the map."""

    find: tuple[Find, ...] = ()
    read: Request | None = None  # one row by its key; changes and deletions are looked at with it
    read_rows: str = ""  # as Find.rows
    change: Request | None = None
    delete: Request | None = None
    null: Any = None  # what the interface takes for null
    missing: tuple[int, ...] = (404, 410)  # "there is none"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the system's file says of an interface."""

    base: str
    vendor: str = ""
    auth: Auth = Auth()
    bounds: Bounds = Bounds()
    headers: dict[str, str] = {}
    values: dict[str, str] = {}
    ping: str = ""  # a path that answers 2xx to whoever may ask
    collections: dict[str, Resource] = {}


def read(settings: Mapping[str, Any]) -> Settings:
    """Settings, with the vendor's below them. Raises BadInput, and msgspec's error for a wrong key."""
    vendor = settings.get("vendor", "")
    if vendor:
        settings = _over(_declared(str(vendor)), settings)
    found = msgspec.convert(settings, Settings)
    return msgspec.structs.replace(found, base=filled(found.base, dict(found.values)))


def vendors() -> list[str]:
    """The vendors whose declarations come with this package."""
    folder = resources.files(__package__) / "vendors"
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml"))


def names_value(path: str) -> bool:
    """Whether a path holds the value that is sought."""
    return any(found[1] in ("value", "values") for found in _PLACE.finditer(path))


def filled(template: str, values: Mapping[str, Plain], *, escape: bool = False) -> str:
    """A text with its places filled in; with `escape`, a path. Raises Undeliverable for a place that nothing fills.

    In a path, nothing and dots alone are refused: they would name what stands above (RFC 3986 section 5.2.4).
    """

    def one(found: re.Match[str]) -> str:
        text = plain.text(_value(found, values)) or ""
        if escape and not text.strip("."):
            raise errors.Undeliverable(
                "http_template", expected="a value that can stand in a path", got=found[1]
            )
        return quote(text, safe="") if escape else text

    return _PLACE.sub(one, template)


def filled_body(template: Plain, values: Mapping[str, Plain]) -> Plain:
    """A body with its places filled in, at any depth."""
    if isinstance(template, dict):
        return {name: filled_body(each, values) for name, each in template.items()}
    if isinstance(template, list):
        return [filled_body(each, values) for each in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template)
    return _value(whole, values) if whole else filled(template, values)


def _value(found: re.Match[str], values: Mapping[str, Plain]) -> Plain:
    name, filters = found[1], found[2]
    if name not in values:
        raise errors.Undeliverable("http_template", expected="a value for the place", got=name)
    value = values[name]
    for each in filters.strip("|").split("|") if filters else ():
        if each not in _FILTERS:
            raise errors.Undeliverable("http_template", expected=", ".join(_FILTERS), got=each)
        one = _FILTERS[each]
        value = (
            [one(plain.text(item) or "") for item in value]
            if isinstance(value, list)
            else one(plain.text(value) or "")
        )
    return value


def _declared(vendor: str) -> dict[str, Any]:
    if vendor not in vendors():
        raise errors.BadInput("There is no such vendor", expected=", ".join(vendors()), got=vendor)
    return tomllib.loads((resources.files(__package__) / "vendors" / f"{vendor}.toml").read_text("utf-8"))


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two declarations as one; the second stands over the first, table by table."""
    both = dict(below)
    for name, value in above.items():
        known = both.get(name)
        both[name] = _over(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return both
