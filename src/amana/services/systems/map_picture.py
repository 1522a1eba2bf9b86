"""The picture of the data map: systems as boxes, flows as arrows, and the same as two tables beside it.

Rule.
- One HTML page that needs nothing from anywhere: no script, no font, no picture from outside. The drawing is SVG with a
  title and a description; whoever cannot see it has everything in the tables, and each arrow says what it carries.
- A system stands to the right of those it receives from; systems that feed each other stand below one another.
- What a system holds are the personal categories of its collections; a flow carries those that both ends hold.
- The words are those of one language; a name keeps its own direction. Nothing personal stands in the map, so none here.
"""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache

import babel
import msgspec

from amana.core import graphs, traversal
from amana.core.data_map import DataMap, System, covers
from amana.services.record import wording

WIDE, HIGH, GAP_X, GAP_Y, EDGE = 250, 118, 90, 26, 16
LINE, PADDING = 18, 22
LETTERS = 32  # that fit on a line of a box
SHOWN = 2  # categories in a box
RIGHT_TO_LEFT = frozenset({"he", "ar"})

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem; color: #1b1f24; background: #fff; }
svg { max-width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: #1b1f24; }
svg .name { font-weight: 600; font-size: 15px; } svg .box { fill: #f3f6fa; stroke: #44546a; }
svg .flow { fill: none; stroke: #44546a; stroke-width: 1.6; }
table { border-collapse: collapse; margin-block: .5rem 2rem; }
th, td { border: 1px solid #c5ccd6; padding: .35rem .6rem; text-align: start; vertical-align: top; }
th { background: #f3f6fa; } code { font-size: .9em; }
"""


class MapWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language's words."""

    title: str
    described: str
    systems: str
    flows: str
    empty: str
    no_flows: str
    system: str
    kind: str
    country: str
    vendor: str
    role: str
    purposes: str
    holds: str
    receives: str
    from_: str = msgspec.field(name="from")
    to: str
    carried: str
    unknown: str
    nothing: str
    more: str
    flow: str
    kinds: dict[str, str]
    roles: dict[str, str]


@cache
def words_of(language: str) -> MapWords:
    """The words in one of the product's languages. Raises BadInput for another."""
    return wording.words(MapWords, "map", language)


def held(data_map: DataMap, system: System) -> tuple[str, ...]:
    """The personal categories that a system holds."""
    return tuple(
        sorted(
            {
                category
                for dataset in data_map.datasets
                if dataset.name in system.datasets
                for one in dataset.collections
                for field in one.fields
                for category in field.categories
                if covers(traversal.PERSONAL, category)
            }
        )
    )


def page(data_map: DataMap, organisation: str, language: str = "en") -> str:
    """The whole page, as HTML."""
    words = words_of(language)
    title = html.escape(words.title.format(organisation=organisation))
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    if not data_map.systems:
        body = f"<p>{html.escape(words.empty)}</p>"
    else:
        holds = {one.name: held(data_map, one) for one in data_map.systems}
        body = "\n".join(
            [
                f"<figure>{drawing(data_map, organisation, language)}</figure>",
                f"<h2>{html.escape(words.systems)}</h2>",
                _systems(data_map, words, holds, language),
                f"<h2>{html.escape(words.flows)}</h2>",
                _flows(data_map, words, holds),
            ]
        )
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )


# ---- the drawing ------------------------------------------------------------------------------------------------


def drawing(data_map: DataMap, organisation: str, language: str = "en") -> str:
    """The SVG alone."""
    words = words_of(language)
    places = _places(data_map)
    width = max(x for x, _ in places.values()) + WIDE + EDGE
    height = max(y for _, y in places.values()) + HIGH + EDGE
    holds = {one.name: held(data_map, one) for one in data_map.systems}
    title = html.escape(words.title.format(organisation=organisation))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-labelledby="map-title map-described" lang="{language}">',
            f'<title id="map-title">{title}</title>',
            f'<desc id="map-described">{html.escape(words.described)}</desc>',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" '
            'orient="auto"><path d="M0 0 8 4 0 8z" fill="#44546a"/></marker></defs>',
            *(_arrow(one, source, places, words, holds) for one, source in _flowing(data_map)),
            *(_box(one, places[one.name], words, holds[one.name], language) for one in data_map.systems),
            "</svg>",
        ]
    )


def _flowing(data_map: DataMap) -> list[tuple[System, System]]:
    """Each system with each that it receives from."""
    by_name = {one.name: one for one in data_map.systems}
    return [
        (one, by_name[name])
        for one in data_map.systems
        for name in sorted(one.receives_from)
        if name in by_name
    ]


def _places(data_map: DataMap) -> dict[str, tuple[int, int]]:
    """The upper left corner of each box."""
    follow: dict[str, list[str]] = defaultdict(list)
    for one, source in _flowing(data_map):
        follow[source.name].append(one.name)
    level = graphs.levels([one.name for one in data_map.systems], follow)
    columns = {number: place for place, number in enumerate(sorted(set(level.values())))}
    rows: dict[int, int] = defaultdict(int)
    found = {}
    for name in sorted(level):
        column = columns[level[name]]
        found[name] = (EDGE + column * (WIDE + GAP_X), EDGE + rows[column] * (HIGH + GAP_Y))
        rows[column] += 1
    return found


def _box(one: System, place: tuple[int, int], words: MapWords, holds: tuple[str, ...], language: str) -> str:
    x, y = place
    where = country_name(one.country, language) or words.unknown
    lines = [
        f"{words.kinds.get(one.kind, one.kind)}, {where}",
        one.vendor or words.roles.get(one.role, one.role),
        *holds[:SHOWN],
        *([words.more.format(number=len(holds) - SHOWN)] if len(holds) > SHOWN else []),
    ]
    middle = x + WIDE // 2
    texts = [_line(middle, y + PADDING, one.label or one.name, "name")]
    texts += [_line(middle, y + PADDING + LINE * number, text) for number, text in enumerate(lines, start=1)]
    box = f'<rect class="box" x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="8"/>'
    return f"<g><title>{html.escape(one.label or one.name)}</title>{box}{''.join(texts)}</g>"


def _line(x: int, y: int, text: str, kind: str = "") -> str:
    short = text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}" text-anchor="middle" unicode-bidi="plaintext"{attribute}>{html.escape(short)}</text>'


def _arrow(
    one: System,
    source: System,
    places: Mapping[str, tuple[int, int]],
    words: MapWords,
    holds: Mapping[str, tuple[str, ...]],
) -> str:
    """One flow, with what it carries in words."""
    path = _curve(places[source.name], places[one.name])
    told = words.flow.format(
        source=source.label or source.name,
        target=one.label or one.name,
        categories=", ".join(_carried(source, one, holds)) or words.nothing,
    )
    return f'<path class="flow" d="{path}" marker-end="url(#tip)"><title>{html.escape(told)}</title></path>'


def _curve(source: tuple[int, int], target: tuple[int, int]) -> str:
    """The way of an arrow: round the outside within a column, between the rows past a column, else straight across."""
    (x1, y1), (x2, y2) = source, target
    x1, y1, y2 = x1 + WIDE, y1 + HIGH // 2, y2 + HIGH // 2
    if x1 > x2:
        x2, y2, out = x2 + WIDE, y2 + 12, x1 + GAP_X // 2
        return f"M {x1} {y1} C {out} {y1} {out} {y2} {x2} {y2}"
    if x2 - x1 == GAP_X:
        middle = (x1 + x2) // 2
        return f"M {x1} {y1} C {middle} {y1} {middle} {y2} {x2} {y2}"
    lane, turn = source[1] - GAP_Y // 2, GAP_X // 2
    there = f"C {x1 + turn} {y1} {x1 + turn // 2} {lane} {x1 + turn * 2} {lane}"
    back = f"C {x2 - turn // 2} {lane} {x2 - turn} {y2} {x2} {y2}"
    return f"M {x1} {y1} {there} L {x2 - turn * 2} {lane} {back}"


def _carried(source: System, target: System, holds: Mapping[str, tuple[str, ...]]) -> list[str]:
    return sorted(set(holds[source.name]) & set(holds[target.name]))


def country_name(code: str, language: str) -> str:
    """A country in a language's own words (CLDR), else its code."""
    name: str = babel.Locale.parse(language).territories.get(code, code)
    return name


# ---- the tables -------------------------------------------------------------------------------------------------


def _systems(data_map: DataMap, words: MapWords, holds: Mapping[str, tuple[str, ...]], language: str) -> str:
    heads = (
        words.system,
        words.kind,
        words.country,
        words.vendor,
        words.role,
        words.purposes,
        words.holds,
        words.receives,
    )
    labels = {one.name: one.label or one.name for one in data_map.systems}
    rows = [
        (
            _name(labels[one.name]),
            html.escape(words.kinds.get(one.kind, one.kind)),
            html.escape(country_name(one.country, language) or words.unknown),
            _name(one.vendor or words.unknown),
            html.escape(words.roles.get(one.role, one.role)),
            _codes(one.purposes, words),
            _codes(holds[one.name], words),
            ", ".join(_name(labels.get(name, name)) for name in one.receives_from)
            or html.escape(words.nothing),
        )
        for one in data_map.systems
    ]
    return _table(heads, rows)


def _flows(data_map: DataMap, words: MapWords, holds: Mapping[str, tuple[str, ...]]) -> str:
    rows = [
        (
            _name(source.label or source.name),
            _name(one.label or one.name),
            _codes(_carried(source, one, holds), words),
        )
        for one, source in _flowing(data_map)
    ]
    if not rows:
        return f"<p>{html.escape(words.no_flows)}</p>"
    return _table((words.from_, words.to, words.carried), rows)


def _name(text: str) -> str:
    """A name in its own direction."""
    return f"<bdi>{html.escape(text)}</bdi>"


def _codes(names: Iterable[str], words: MapWords) -> str:
    found = [f'<code dir="ltr">{html.escape(name)}</code>' for name in names]
    return "<br>".join(found) or html.escape(words.nothing)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(one)}</th>' for one in heads)
    body = ""
    for row in rows:
        first, *others = row
        cells = "".join(f"<td>{one}</td>" for one in others)
        body += f'<tr><th scope="row">{first}</th>{cells}</tr>\n'
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"
