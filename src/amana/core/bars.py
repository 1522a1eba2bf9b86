"""Bar charts as SVG, for a page that a person reads: a bar for each name, drawn to one scale.

Rule. A chart never stands alone: the table with the same figures stands beside it, so the drawing is described in one
sentence for those who hear the page and adds nothing that is not in the table. Colours come from the page's own style, so
that light and dark both work; text is text. Names may be in any script; each is on a line of its own above its bar, so
that no width is guessed. Numbers are written by the caller, in the reader's own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, LINE, BAR, GAP = 640, 16, 12, 10


class Bar(NamedTuple):
    """One bar: a whole, and the part of it that is drawn full."""

    name: str
    whole: int
    part: int
    written: str  # the figures, as they are to be read


def svg(title: str, bars: Sequence[Bar], *, direction: str = "ltr") -> str:
    """The chart. `title` is its sentence for those who hear it; `direction` is that of the page, ltr or rtl."""
    most = max((bar.whole for bar in bars), default=0) or 1
    step = LINE + BAR + GAP
    drawn = [_bar(bar, place * step, most, direction) for place, bar in enumerate(bars)]
    height = max(step * len(bars), 1)
    return (
        f'<svg class="bars" role="img" viewBox="0 0 {WIDTH} {height}" width="100%" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>{"".join(drawn)}</svg>'
    )


def _bar(bar: Bar, top: int, most: int, direction: str) -> str:
    whole, part = (round(WIDTH * value / most, 1) for value in (bar.whole, bar.part))
    mirrored = direction == "rtl"
    start = WIDTH if mirrored else 0
    text = (
        f'<text x="{start}" y="{top + LINE - 4}" direction="{direction}" font-size="12">'
        f"{escape(bar.name)} · {escape(bar.written)}</text>"
    )
    return text + "".join(
        f'<rect class="{kind}" x="{WIDTH - width if mirrored else 0}" y="{top + LINE}" width="{width}" '
        f'height="{BAR}"/>'
        for kind, width in (("whole", whole), ("part", part))
    )
