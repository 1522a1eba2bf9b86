"""Transcend-style preference CSV: identifier, timestamp, purposes (JSON), and perhaps `confirmed`.

Rule: `purposes` maps the source's purpose names to true, false or "Auto". `targets` says which purpose and
channel a name means. False refuses. True grants only with the form's documented proof, and only where
`confirmed` does not say that nobody chose: a record that is not confirmed holds the defaults of the region.
"Auto" says nothing. Names without a target are noted, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

import msgspec

from amana.connectors import exports
from amana.connectors.exports import Line, Shape
from amana.connectors.tables import Source
from amana.connectors.terms import Term
from amana.connectors.walk import Read, Start, columns
from amana.core.statements import Interval, Statement
from amana.core.vocabulary import Channel, Status

KIND = "transcend"
__all__ = ["KIND", "Options", "Target", "columns", "read"]

_KNOWN = frozenset({"partition", "confirmed", "updated", "prompted", "usp", "gpp", "tcf"})


class Target(Term, frozen=True, kw_only=True):
    """What a purpose of the source means here."""

    purpose: str
    channel: Channel


class Options(exports.Options, frozen=True, kw_only=True):
    """Which kind of identifier the file holds, and what its purposes mean."""

    identifier: Literal["email", "phone", "external_id"] = "email"
    identifier_column: str = "identifier"
    targets: dict[str, Target]


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """What the file says, as `walk` describes."""
    column = (options.identifier_column,)

    def shape_of(part: str, header: Sequence[str]) -> Shape:
        return Shape(
            says=partial(_says, options),
            needed=(*column, "timestamp", "purposes"),
            known=_KNOWN,
            external_id=column if options.identifier == "external_id" else (),
            email=column if options.identifier == "email" else (),
            phone=column if options.identifier == "phone" else (),
        )

    return exports.read_tables(source, options, shape_of, start)


def _says(options: Options, line: Line) -> Iterator[Statement]:
    when = line.moment("timestamp")
    chosen = not line.has("confirmed") or line.says_yes("confirmed") is True
    for name, value in _purposes(line).items():
        target = options.targets.get(name)
        if target is None:
            line.note("purposes", "unknown_purpose")
        elif value is False:
            yield Statement(
                status=Status.REFUSED,
                purpose=target.purpose,
                channel=target.channel,
                occurred=when,
                reason="export_status",
            )
        elif value is True:
            yield from _grant(options, target, when, chosen=chosen)
        elif value != "Auto":
            line.note("purposes", "unknown_status")


def _purposes(line: Line) -> dict[str, Any]:
    written = line.text("purposes")
    if not written and not line.has("purposes"):
        return {}
    try:
        return msgspec.json.decode(written, type=dict[str, Any])
    except msgspec.DecodeError:
        line.note("purposes", "bad_json")
        return {}


def _grant(options: Options, target: Target, when: Interval | None, *, chosen: bool) -> list[Statement]:
    return exports.grants(options, (target.purpose,), target.channel, when, documented=chosen)
