"""The page of a screen: what it counted, as bars with a table beside each, in one file that needs nothing else.

Rule. The page holds counts, never a person. It stands in one of the product's languages and in that language's
direction; no script, no font and no image is loaded from anywhere, light and dark both work, and whoever hears the page
is told the figures by the tables. Several campaigns stand beside each other first, then one after another; what changed
since an earlier answer stands with its campaign. The drawing is ours (`core.bars`): a charting package of tens of
megabytes for two kinds of bars would weigh more than the product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape

import msgspec

from amana.cli import rendering
from amana.core import bars, phrases, plurals
from amana.core.bars import Bar
from amana.services.audience.comparing import Difference, Share
from amana.services.audience.screening import Screened
from amana.services.gate.asking import Inquiry
from amana.services.record import wording

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
    campaigns: str
    together: str
    since: str
    since_told: str
    to_no: str
    to_yes: str
    chart: str
    figures: str
    foot: str
    ages: dict[str, str]
    counted: dict[str, dict[str, str]]


@cache
def words(language: str) -> Words:
    """The sentences of one language. Raises BadInput for one that the product does not speak."""
    return wording.words(Words, "screen", language)


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign of a page."""

    inquiry: Inquiry
    result: Screened
    breakdowns: dict[str, Sequence[Share]]  # by way
    since: Difference | None = None  # an earlier answer


def page(
    campaigns: Sequence[Campaign], language: str = "en", *, together: Mapping[str, int] | None = None
) -> str:
    """The whole page; of several campaigns, `together` counts who may have at least one of them, and all."""
    own, text = words(language), wording.catalogue(language)
    first = campaigns[0]
    if together is None:
        title = _title(own, text, first)
        parts = [f"<p>{escape(_verdict(own, first))}</p>", *_parts(own, text, first, 2)]
    else:
        several = plurals.chosen(language, own.counted["several"], len(campaigns))
        title = several.format(number=_number(len(campaigns)))
        both = own.together.format(any=_number(together["any"]), all=_number(together["all"]))
        parts = [f"<p>{escape(both)}</p>", _compared(own, text, campaigns)]
        for one in campaigns:
            head, verdict = escape(_title(own, text, one)), escape(_verdict(own, one))
            parts += [f"<section><h2>{head}</h2><p>{verdict}</p>", *_parts(own, text, one, 3), "</section>"]
    foot = own.foot.format(
        brand=first.inquiry.brand,
        moment=rendering.moment(first.result.at),
        ledger=_number(first.result.ledger_size),
        law=first.result.rules_version,
    )
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{text.direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f"{''.join(parts)}<p>{escape(foot)}</p></main></body></html>\n"
    )


def _title(own: Words, text: phrases.Phrases, one: Campaign) -> str:
    return own.title.format(purpose=one.inquiry.purpose, channel=text.channel[one.inquiry.channel.value])


def _verdict(own: Words, one: Campaign) -> str:
    counts = one.result.counts
    share = rendering.share(counts.allowed, counts.people)
    return own.verdict.format(allowed=_number(counts.allowed), people=_number(counts.people), share=share)


def _parts(own: Words, text: phrases.Phrases, one: Campaign, level: int) -> list[str]:
    """The sections of one campaign, with headings of a level."""
    parts = [_reasons(own, text, one.result, level)]
    if one.since is not None:
        parts.append(_since(own, text, one.since, level))
    parts += [_breakdown(own, text, way, shares, level) for way, shares in one.breakdowns.items() if shares]
    return parts


def _compared(own: Words, text: phrases.Phrases, campaigns: Sequence[Campaign]) -> str:
    """Several campaigns beside each other."""
    shares = [
        Share(name=one.inquiry.purpose, people=one.result.counts.people, allowed=one.result.counts.allowed)
        for one in campaigns
    ]
    return _shares(own, text, own.campaigns, shares, 2)


def _since(own: Words, text: phrases.Phrases, found: Difference, level: int) -> str:
    """Who changed sides since an earlier answer, and for which reasons."""
    to_no, to_yes = found.turned
    said = own.since_told.format(
        to_no=_number(to_no), to_yes=_number(to_yes), new=_number(found.new), gone=_number(found.gone)
    )
    parts = [f"<section><h{level}>{escape(own.since)}</h{level}><p>{escape(said)}</p></section>"]
    for title, changes in ((own.to_no, found.to_no), (own.to_yes, found.to_yes)):
        if changes:
            named = [(text.why(one.code), one.people) for one in changes]
            drawn = [Bar(why, people, people, _number(people)) for why, people in named]
            rows = [(why, _number(people)) for why, people in named]
            parts.append(_section(own, title, drawn, (own.reason, own.people), rows, text.direction, level))
    return "".join(parts)


def _reasons(own: Words, text: phrases.Phrases, result: Screened, level: int) -> str:
    counts = result.counts
    denying = [
        (text.why(code), people, counts.by_first[code]) for code, people in counts.by_reason.items() if people
    ]
    if not denying:
        return ""
    drawn = [Bar(why, people, first, _number(people)) for why, people, first in denying]
    rows = [(why, _number(people), _number(first)) for why, people, first in denying]
    head = (own.reason, own.people, own.first)
    section = _section(own, own.reasons, drawn, head, rows, text.direction, level)
    return section + f"<p>{escape(own.reasons_note)}</p>"


def _breakdown(own: Words, text: phrases.Phrases, way: str, shares: Sequence[Share], level: int) -> str:
    title = {"country": own.country, "source": own.source, "age": own.age}[way]
    return _shares(own, text, title, shares, level)


def _shares(own: Words, text: phrases.Phrases, title: str, shares: Sequence[Share], level: int) -> str:
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
    return _section(own, title, drawn, (own.name, own.people, own.allowed), rows, text.direction, level)


def _section(
    own: Words,
    title: str,
    drawn: Sequence[Bar],
    head: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    direction: str,
    level: int,
) -> str:
    chart = bars.svg(own.chart.format(title=title), drawn, direction=direction)
    heads = "".join(
        f'<th scope="col"{" class=n" if place else ""}>{escape(one)}</th>' for place, one in enumerate(head)
    )
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"""<td class="n">{one}</td>""" for one in figures)}</tr>'
        for name, *figures in rows
    )
    return (
        f"<section><h{level}>{escape(title)}</h{level}>{chart}<table><caption>{escape(title)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></section>"
    )


def _number(value: int) -> str:
    return f"{value:,}"
