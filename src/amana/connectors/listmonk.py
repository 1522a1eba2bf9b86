"""listmonk subscriber export (CSV: uuid, email, name, attributes, status, created_at, updated_at).

Rule: the export holds the state of the subscriber, not of any subscription: `enabled` says that mail may be
tried, not that anybody agreed, and is unknown. `disabled` is a No, `blocklisted` a No to everything.
`attributes` is JSON of anything and is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amana.connectors import exports
from amana.connectors.exports import Line, Shape
from amana.connectors.tables import Source
from amana.connectors.walk import Read, Start, columns
from amana.core.statements import Statement
from amana.core.vocabulary import Channel

KIND = "listmonk"
__all__ = ["KIND", "Options", "columns", "read"]

_KNOWN = frozenset({"uuid", "created_at", "updated_at", "attributes"})


class Options(exports.AudienceOptions, frozen=True, kw_only=True):
    """Names and attributes are taken only when `fields` maps their column."""


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """What the export says, as `walk` describes."""

    def shape_of(part: str, header: Sequence[str]) -> Shape:
        return Shape(
            says=lambda line: _says(options, line),
            needed=("email", "status"),
            known=_KNOWN,
            external_id=("uuid",),
            email=("email",),
        )

    return exports.read_tables(source, options, shape_of, start)


def _says(options: Options, line: Line) -> Iterator[Statement]:
    when = line.moment("updated_at", "created_at")
    status = line.text("status")
    if status == "enabled":
        yield from exports.unknowns(options, Channel.EMAIL, line.moment("created_at"))
    elif status == "disabled":
        yield from exports.withdrawals(options.purposes, Channel.EMAIL, when, "export_status")
    elif status == "blocklisted":
        yield exports.blocked(Channel.EMAIL, "suppressed", when)
    elif line.has("status"):
        line.note("status", "unknown_status")
