"""The page of a screen: what it counted, as bars with a table beside each, in one file that needs nothing else.

Rule. The page holds counts, never a person. It stands in one of the product's languages and in that language's
direction; no script, no font and no image is loaded from anywhere, light and dark both work, and whoever hears the page
is told the figures by the tables. The drawing is ours (`core.bars`): a charting package of tens of megabytes for two
kinds of bars would weigh more than the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from importlib import resources

import msgspec

from amana import errors
from amana.cli import rendering, wording
from amana.core import bars, phrases
from amana.core.bars import Bar
from amana.services.audience.comparing import Share
from amana.services.audience.screening import Screened
from amana.services.gate.asking import Inquiry

STYLE = """
:root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fff;--whole:#c9c9c9;--part:#1f6f5c;--line:#8a8a8a}
@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#161616;--whole:#4a4a4a;--part:#58c2a6;--line:#8a8a8a}}
body{font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:44rem;margin:2rem auto;
padding:0 1rem}
.bars text{fill:var(--ink)}.bars .whole{fill:var(--whole)}.bars .part{fill:var(--part)}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:start;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
.n{text-align:end;font-variant-numeric:tabular-nums}
"""


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page's own sentences in one language."""

    title: str
    verdict: str
    reasons: str
    reason: str
    people: str
    allowed: str
    first: str
    reasons_note: str
    country: str
    source: str
    age: str
    name: str
    chart: str
    figures: str
    foot: str
    ages: dict[str, str]


@cache
def words(language: str) -> Words:
    """The sentences of one language. Raises BadInput for one that the product does not speak."""
    if language not in phrases.LANGUAGES:
        raise errors.BadInput(
            "The page is not written in that language",
            expected=f"one of: {', '.join(phrases.LANGUAGES)}",
            remedy="choose one of them",
        )
    file = resources.files("amana") / "locale" / "screen" / f"{language}.toml"
    return msgspec.toml.decode(file.read_text("utf-8"), type=Words)


def page(
    inquiry: Inquiry, result: Screened, breakdowns: dict[str, Sequence[Share]], language: str = "en"
) -> str:
    """The whole page."""
    own, text = words(language), wording.catalogue(language)
    counts = result.counts
    title = own.title.format(purpose=inquiry.purpose, channel=text.channel[inquiry.channel.value])
    share = rendering.share(counts.allowed, counts.people)
    verdict = own.verdict.format(allowed=_number(counts.allowed), people=_number(counts.people), share=share)
    foot = own.foot.format(
        brand=inquiry.brand,
        moment=rendering.moment(result.at),
        ledger=_number(result.ledger_size),
        law=result.rules_version,
    )
    parts = [_reasons(own, text, result, text.direction)]
    parts += [_breakdown(own, way, shares, text.direction) for way, shares in breakdowns.items() if shares]
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{text.direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1><p>{escape(verdict)}</p>"
        f"{''.join(parts)}<p>{escape(foot)}</p></main></body></html>\n"
    )


def _reasons(own: Words, text: phrases.Phrases, result: Screened, direction: str) -> str:
    counts = result.counts
    denying = [
        (text.why(code), people, counts.by_first[code]) for code, people in counts.by_reason.items() if people
    ]
    if not denying:
        return ""
    drawn = [Bar(why, people, first, _number(people)) for why, people, first in denying]
    rows = [(why, _number(people), _number(first)) for why, people, first in denying]
    head = (own.reason, own.people, own.first)
    return _section(own, own.reasons, drawn, head, rows, direction) + f"<p>{escape(own.reasons_note)}</p>"


def _breakdown(own: Words, way: str, shares: Sequence[Share], direction: str) -> str:
    title = {"country": own.country, "source": own.source, "age": own.age}[way]
    named = [(own.ages.get(one.name, one.name), one) for one in shares]
    drawn = [
        Bar(
            name,
            one.people,
            one.allowed,
            own.figures.format(part=_number(one.allowed), whole=_number(one.people)),
        )
        for name, one in named
    ]
    rows = [(name, _number(one.people), _number(one.allowed)) for name, one in named]
    return _section(own, title, drawn, (own.name, own.people, own.allowed), rows, direction)


def _section(
    own: Words,
    title: str,
    drawn: Sequence[Bar],
    head: tuple[str, str, str],
    rows: Sequence[tuple[str, str, str]],
    direction: str,
) -> str:
    chart = bars.svg(own.chart.format(title=title), drawn, direction=direction)
    heads = "".join(
        f'<th scope="col"{" class=n" if place else ""}>{escape(one)}</th>' for place, one in enumerate(head)
    )
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="n">{whole}</td><td class="n">{part}</td></tr>'
        for name, whole, part in rows
    )
    return (
        f"<section><h2>{escape(title)}</h2>{chart}<table><caption>{escape(title)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></section>"
    )


def _number(value: int) -> str:
    return f"{value:,}"
