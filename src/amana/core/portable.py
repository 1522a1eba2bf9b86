"""Portability: a person's permissions as a table and a mapping, by which another Amana takes them over (GDPR art. 20).

Rule.
- What is handed over is how things stand, with the evidence each rests on: the grant that counts for a cell, the
  requests that wait, every refusal that binds, the other bases, the blocked addresses. What a later word of the
  person's lifted is history, and stands in the other files: a receiver that took it as new would bind them anew.
- One line says one thing, for the address it was said for. The last line's addresses are those in use. A grant counts
  from its earliest moment, a refusal from its latest.
- One table and mapping for each brand, because an import speaks for one; what was refused to all stands in each.
  Permissions about uses and sharing of data have no place in a mapping yet; they stand in the history.
- Cells are written as they are, never quoted for a spreadsheet: these files are read by a machine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from amana.core import cells, events, facts
from amana.core import state as states
from amana.core.cells import Terms
from amana.core.person_copy import moment
from amana.core.state import PersonState
from amana.core.statements import ANY
from amana.core.vocabulary import Channel, PointKind, Proof

COLUMNS = ("id", "email", "phone")
SAID = ("about", "status", "since", "proof", "notice", "evidence")
_STATUS = {
    states.REFUSED: "refused",
    states.WITHDRAWN: "withdrawn",
    states.OBJECTED: "objected",
    states.INVALIDATED: "invalidated",
}
_BLOCKS = frozenset({"bounce_hard", "bounce_soft", "complaint", "suppressed"})


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    about: str  # purpose/channel of a permission; basis/purpose/channel; blocked/channel/reason; "" for none
    status: str = ""
    since: int = 0
    proof: int = 0
    notice: str = ""
    evidence: str = ""
    point: int = -1  # ordinal of the address it was said for


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whose it is."""

    id: str
    points: Mapping[int, tuple[PointKind, str]]  # ordinal -> kind and address
    fields: Mapping[str, str]  # registered field -> value


def written(
    holder: Holder,
    state: PersonState,
    happened: Iterable[events.AnyEvent],
    terms: Terms,
    brands: Sequence[str],
    names: Mapping[int, str],
) -> dict[str, str]:
    """The files of each brand with something to say, by name. `names` are those of the sources."""
    by_id = {one.id: one for one in happened}
    found: dict[str, str] = {}
    for brand in brands:
        lines = _lines(state, terms, brand, by_id, names)
        found[f"amana-import-{brand}.csv"] = _table(holder, state, lines)
        found[f"amana-import-{brand}.toml"] = _mapping(holder, lines)
    return found


def _lines(
    state: PersonState,
    terms: Terms,
    brand: str,
    by_id: Mapping[str, events.AnyEvent],
    names: Mapping[int, str],
) -> list[Line]:
    lines: list[Line] = []
    for cell, claims in sorted(state.cells.items()):
        named, purpose, channel = terms.words(cell)
        if cells.is_handling(cell) or named not in (brand, ANY):
            continue
        about = f"{purpose}/{channel}"
        grant = facts.counting_grant(state, cell) if ANY not in (named, purpose, channel) else None
        if grant is not None and not facts.binding_refusals(state, cell):
            lines.append(_said(about, "given", grant, grant.lo, by_id, names))
        elif facts.is_pending(state, cell):
            request = max((one for one in claims if one.kind == states.REQUEST), key=states.Claim.rank)
            lines.append(_said(about, "requested", request, request.lo, by_id, names))
        if grant is None:
            for kind, word in _STATUS.items():
                said = [one for one in claims if one.kind == kind]
                if said:
                    last = max(said, key=states.Claim.rank)
                    lines.append(_said(about, word, last, last.hi, by_id, names))
    for cell, shown in sorted(state.shown.items()):
        named, purpose, channel = terms.words(cell)
        if named == brand:
            lines += [
                Line(
                    about=f"{states.BASES[one.basis]}/{purpose}/{channel}",
                    status="shown",
                    since=one.at,
                    proof=one.proof,
                    evidence=names.get(one.source, ""),
                )
                for one in shown
            ]
    return lines + _blocks(state)


def _said(
    about: str,
    status: str,
    claim: states.Claim,
    since: int,
    by_id: Mapping[str, events.AnyEvent],
    names: Mapping[int, str],
) -> Line:
    event = by_id.get(claim.event.hex())
    notice = event.notice if isinstance(event, events.Permission) else ""
    source = names.get(claim.source, "")
    reference = event.evidence or event.id if event is not None else ""
    return Line(
        about=about,
        status=status,
        since=since,
        proof=claim.proof & ~int(Proof.GUARDIAN),
        notice=notice,
        evidence=f"{source} {reference}".strip(),
        point=claim.point,
    )


def _blocks(state: PersonState) -> list[Line]:
    channel_of = {PointKind.EMAIL: Channel.EMAIL, PointKind.PHONE: Channel.SMS}
    kinds = {code: kind for kind, code in states.POINT_KIND_CODE.items()}
    return [
        Line(
            about=f"blocked/{channel_of[kinds[one.kind]].value}/{one.reason if one.reason in _BLOCKS else 'suppressed'}",
            status="blocked",
            since=one.blocked,
            point=ordinal,
        )
        for ordinal, one in sorted(state.points.items())
        if one.blocked >= 0 and one.blocked >= one.unblocked and kinds[one.kind] in channel_of
    ]


# ---- the table --------------------------------------------------------------------------------------------------


def _table(holder: Holder, state: PersonState, lines: Sequence[Line]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow((*COLUMNS, *holder.fields, *SAID))
    current = [facts.current_point(state, one) for one in (Channel.EMAIL, Channel.SMS)]
    for ordinal in sorted(holder.points, key=lambda one: (one in current, one)):
        writer.writerow((*_address(holder, [ordinal]), *holder.fields.values(), *([""] * len(SAID))))
    for line in lines:
        points = [line.point] if line.point in holder.points else current
        proof = " ".join(str(bit.name).lower() for bit in Proof if line.proof & bit)
        said = (
            line.about,
            line.status,
            moment(line.since) if line.since else "",
            proof,
            line.notice,
            line.evidence,
        )
        writer.writerow((*_address(holder, points), *([""] * len(holder.fields)), *said))
    return target.getvalue()


def _address(holder: Holder, ordinals: Sequence[int]) -> tuple[str, str, str]:
    held = [holder.points[one] for one in ordinals if one in holder.points]
    by_kind = {kind: value for kind, value in held}
    return holder.id, by_kind.get(PointKind.EMAIL, ""), by_kind.get(PointKind.PHONE, "")


# ---- the mapping ------------------------------------------------------------------------------------------------


def _mapping(holder: Holder, lines: Sequence[Line]) -> str:
    """What the columns mean, in the words of a mapping."""
    told = [
        "# What the columns of the table beside this file mean; read by `amana import --mapping`.",
        "[source]",
        'format = "csv"',
        'encoding = "utf-8"',
        'delimiter = ","',
        'zone = "UTC"',
        "",
        "[person]",
        'external_id = "id"',
        'email = "email"',
        'phone = "phone"',
        "",
    ]
    if holder.fields:
        told += ["[fields]", *(f"{_quoted(name)} = {_quoted(name)}" for name in holder.fields), ""]
    by_about: dict[str, list[Line]] = {}
    for line in lines:
        by_about.setdefault(line.about, []).append(line)
    for about, said in by_about.items():
        told += _entry(about, said)
    read = {name for name in SAID if any(f'"{name}"' in one for one in told)}
    unread = [name for name in SAID if name not in read]
    if unread:
        told.insert(1, f"ignore = [{', '.join(_quoted(name) for name in unread)}]")
    return "\n".join(told)


def _entry(about: str, lines: Sequence[Line]) -> list[str]:
    first, *rest = about.split("/")
    where = f'{{ column = "about", is = "=", value = {_quoted(about)} }}'
    if first == "blocked":
        return [
            "[[blocked]]",
            f"channel = {_quoted(rest[0])}",
            f"reason = {_quoted(rest[1])}",
            f"where = [{where}]",
            'when = "since"',
            "",
        ]
    if len(rest) == 2:
        return _relationship(first, rest, where, lines)
    statuses = sorted({line.status for line in lines})
    told = ["[[permission]]"]
    told += [f"purpose = {_quoted(first)}"] if first != ANY else []
    told += [f"channel = {_quoted(rest[0])}"] if rest[0] != ANY else []
    words = ", ".join(f"{word} = [{_quoted(word)}]" for word in statuses)
    told += [f'status = {{ column = "status", {words} }}', 'when = "since"', f"where = [{where}]"]
    given = _bits([line for line in lines if line.status in ("given", "requested")])
    told += [f"proof = [{', '.join(_quoted(one) for one in given)}]"] if given else []
    told += ['notice = { column = "notice" }'] if any(line.notice for line in lines) else []
    return [*told, 'evidence = "evidence"', 'reason = "portability"', ""]


def _relationship(basis: str, rest: Sequence[str], where: str, lines: Sequence[Line]) -> list[str]:
    return [
        "[[relationship]]",
        f"basis = {_quoted(basis)}",
        f"purpose = {_quoted(rest[0])}",
        f"channel = {_quoted(rest[1])}",
        'when = "since"',
        f"where = [{where}]",
        f"proof = [{', '.join(_quoted(one) for one in _bits(lines))}]",
        'evidence = "evidence"',
        "",
    ]


def _bits(lines: Sequence[Line]) -> list[str]:
    """The evidence that every one of these lines has."""
    common = ~0
    for line in lines:
        common &= line.proof
    return [str(bit.name).lower() for bit in Proof if lines and common & bit]


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's, but for DEL."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


__all__ = ["COLUMNS", "SAID", "Holder", "Line", "written"]
