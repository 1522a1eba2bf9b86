"""The importers by name, and how to use any of them.

Rule: every importer is a module with `KIND`, `Options`, `columns(source)` and `read(source, options, now,
start)` as `walk` describes; options have `layout()`, which is what their source is opened with. The catalogue
is closed: a kind that is not in it is not found. The conformance tests run over it, so a new importer is
tested by being listed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from amana import errors
from amana.connectors import (
    braze,
    hubspot,
    klaviyo,
    listmonk,
    mailchimp,
    mapping,
    mautic,
    registry,
    salesforce,
    strict,
    transcend,
)
from amana.connectors.tables import Source
from amana.connectors.walk import Read, columns


class Importer(msgspec.Struct, frozen=True, kw_only=True):
    """One importer."""

    kind: str
    load: Callable[[str], Any]  # options from TOML; raises BadInput
    read: Callable[..., Read]
    columns: Callable[[Source], tuple[str, ...]] = columns

    def open(self, path: Path, options: Any) -> Source:
        """The source as these options want it opened."""
        return Source(path, options.layout())


def find(kind: str) -> Importer:
    """The importer of that name.

    Raises:
        NotFound: there is none.
    """
    found = CATALOGUE.get(kind)
    if found is None:
        raise errors.NotFound("There is no such importer", expected=", ".join(CATALOGUE), got=kind)
    return found


def _platform(module: Any) -> Importer:
    """A platform's importer: its options are read strictly from TOML."""

    def load(text: str) -> Any:
        return strict.read_toml(text, module.Options, f"The options for {module.KIND}")

    return Importer(kind=module.KIND, load=load, read=module.read)


_PLATFORMS = (mailchimp, listmonk, hubspot, klaviyo, braze, mautic, salesforce, transcend, registry)

CATALOGUE: dict[str, Importer] = {
    mapping.KIND: Importer(kind=mapping.KIND, load=mapping.load, read=mapping.read)
} | {module.KIND: _platform(module) for module in _PLATFORMS}
