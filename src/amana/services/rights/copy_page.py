"""A person's copy as a page: calm tables in their language, whole in one file.

Rule.
- The page loads nothing and has no script; long lists are folded by `SHOWN` rows, so that it can be read on a phone and
  printed whole. A list of more than `MOST` rows ends with the name of the file that has the rest.
- A collection of few columns is a table; one of many is a card for each row, because a table that nobody can read on
  paper tells nothing. Nested values are named by their path.
- A value stands isolated (`bdi`), so that a name in one script never turns round a line in another. Marks are drawn,
  never letters that a font may lack.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from amana.core import person_copy
from amana.core.person_copy import About, Event, Package, Part, Purpose, Recipient, Standing
from amana.core.rights import Kind
from amana.services.rights import copy_words
from amana.services.rights.copy_words import Words

SHOWN = 50  # rows to a fold
MOST = 1_000  # rows of one list on the page
WIDEST = 6  # columns of a table
OURS = "amana-looks"
RIGHTS = ("access", "rectification", "erasure", "restriction", "objection", "portability", "withdrawal")


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a list, and their numbers from 1."""

    first: int
    last: int
    rows: Sequence[Any]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One collection as the page shows it."""

    label: str
    number: int
    file: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    cards: tuple[tuple[tuple[str, str], ...], ...]
    left: int  # rows that the page does not show


def html(package: Package) -> str:
    """The page's text."""
    words = copy_words.of(package.language)
    return render("copy.html", words, _values(package, words))


def render(template: str, words: Words, values: dict[str, Any]) -> str:
    """A document of data/copy in a language."""
    style = Markup(_file("style.css"))  # noqa: S704  our own file
    shared = {"t": words, "plain": _plain, "way": _way, "pages": _folds, "style": style, "widest": WIDEST}
    return _environment().get_template(template).render(**shared, **values)


def _values(package: Package, words: Words) -> dict[str, Any]:
    about = package.about
    looks = _looks(package, words)
    taken = package.kind == Kind.PORTABILITY.value
    return {
        "package": package,
        "about": about,
        "title": words("title_portability" if taken else "title_access"),
        "sections": _sections(words, with_looks=looks is not None),
        "held": [(one.label, one.value, one.why, words.span(one.kept_for)) for one in about.held],
        "addresses": _addresses(package, words),
        "standing": [_standing(one, words) for one in about.standing],
        "systems": [_listed(one) for one in package.parts if one.system],
        "purposes": [_purpose(one, words) for one in about.purposes],
        "recipients": [_recipient(one, words) for one in about.recipients if not one.handed],
        "handed": [
            (one.name, words.day(one.handed), words.day(one.until)) for one in about.recipients if one.handed
        ],
        "rights": [words(f"right_{one}") for one in RIGHTS],
        "who": _who(about, words),
        "history": [_event(one, words) for one in about.history[:MOST]],
        "history_left": len(about.history[MOST:]),
        "looks": None if looks is None else looks[:MOST],
        "looks_left": len((looks or ())[MOST:]),
    }


def _sections(words: Words, *, with_looks: bool) -> list[tuple[str, str]]:
    """Where each section stands on the page, and what it is called."""
    names = (
        "standing",
        "systems",
        "purposes",
        "recipients",
        "sources",
        "automated",
        "rights",
        "who",
        "history",
    )
    found = [("held", words("fields")), *((name, words(name)) for name in names)]
    return [*found, ("looks", words("looks"))] if with_looks else found


def _standing(one: Standing, words: Words) -> tuple[str, ...]:
    return (
        one.brand or words("everything"),
        one.purpose,
        words.channel(one.channel),
        words.happened(one.status),
        words.day(one.since) if one.since else "",
        one.source,
    )


def _purpose(one: Purpose, words: Words) -> tuple[str, ...]:
    channels = ", ".join(words.channel(name) for name in one.channels)
    return one.label, channels, words.span(one.kept_for), one.wording


def _who(about: About, words: Words) -> list[tuple[str, str]]:
    return [
        (words("organisation"), about.organisation),
        (words("address"), about.address),
        (words("country"), words.country(about.country) if about.country else ""),
        (words("contact"), about.contact),
    ]


def _event(one: Event, words: Words) -> tuple[Any, ...]:
    channel = words.channel(one.channel) if one.channel else ""
    return words.moment(one.at), words.happened(one.what), one.purpose, channel, one.source, one.position


def _addresses(package: Package, words: Words) -> list[tuple[str, str]]:
    kinds = {"email": words("email"), "phone": words("phone")}
    rows = next((one.rows for one in package.parts if one.name == "amana-addresses"), ())
    return [(kinds.get(row["kind"], row["kind"]), row["address"]) for row in rows]


def _recipient(one: Recipient, words: Words) -> tuple[Any, ...]:
    return (
        one.name,
        words.country(one.country) if one.country else words("unknown"),
        words.catalogue.role.get(one.role, one.role),
        ", ".join(one.purposes),
        words.catalogue.safeguard.get(one.safeguard, one.safeguard),
        one.rows or "",
    )


def _looks(package: Package, words: Words) -> list[tuple[str, ...]] | None:
    part = next((one for one in package.parts if one.name == OURS), None)
    if part is None:
        return None
    who = {"person": words("person_self"), "staff": words("staff")}
    return [
        (
            row["at"],
            words("system_named", name=row["system"]) if row["system"] else who.get(row["who"], row["who"]),
            row["what_for"],
            row["fields"],
        )
        for row in reversed(part.rows)
    ]


def _listed(part: Part) -> Listed:
    flat = [person_copy.flattened(row) for row in part.rows[:MOST]]
    names = tuple(dict.fromkeys(name for row in flat for name in row))
    return Listed(
        label=f"{part.label or part.system} · {part.collection.partition(':')[2] or part.collection}".removesuffix(
            " · "
        ),
        number=len(part.rows),
        file=f"{part.name}.csv",
        names=names,
        rows=tuple(tuple(row.get(name, "") for name in names) for row in flat),
        cards=tuple(tuple(row.items()) for row in flat) if len(names) > WIDEST else (),
        left=len(part.rows[MOST:]),
    )


def _folds(rows: Sequence[Any]) -> Iterator[Fold]:
    for start in range(0, len(rows), SHOWN):
        some = rows[start : start + SHOWN]
        yield Fold(first=start + 1, last=start + len(some), rows=some)


def _plain(value: object) -> str:
    """A value as text; characters that are no text are left out, because a printer stumbles over them."""
    return "".join(one for one in str(value) if one.isprintable() or one in "\n\t\u200c\u200d")


def _way(value: object) -> str:
    """The direction that a value is read in: that of its first letter, and a number's where it has none."""
    for one in str(value):
        kind = unicodedata.bidirectional(one)
        if kind in ("L", "R", "AL"):
            return "ltr" if kind == "L" else "rtl"
    return "ltr"


def _file(name: str) -> str:
    return (resources.files("amana.data") / "copy" / name).read_text("utf-8")


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_file),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
