"""From the words of a command to a question for the gate.

Rule. A word that the workspace does not know is refused with the known ones; the brand may be left out when there is only
one. A word that stands in the workspace file but was never published is told apart from one that does not exist. A
moment without an offset is UTC; a bare date is its first second.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from amana import errors
from amana.core.vocabulary import Channel
from amana.services.asking import Inquiry
from amana.services.house import House
from amana.storage import register

BrandOption = Annotated[
    str, typer.Option("--brand", help="The brand that contacts; not needed if there is one.")
]
PurposeOption = Annotated[str, typer.Option("--purpose", help="What for, by its name in the workspace file.")]
ChannelOption = Annotated[
    Channel, typer.Option("--channel", help="By which channel.", show_choices=True, case_sensitive=False)
]
TopicOption = Annotated[list[str] | None, typer.Option("--topic", help="A topic of the message; repeatable.")]
EngineOption = Annotated[
    str, typer.Option("--engine", help="What runs the rules: numpy, numba, duckdb, postgres:… or spark.")
]
SegmentOption = Annotated[
    str,
    typer.Option(
        "--segment", help="Only these: a segment such as 'country = DE', or the name of a saved one."
    ),
]
AtOption = Annotated[
    str, typer.Option("--at", help="The moment asked about: ISO date or time; UTC unless it says otherwise.")
]


def brand_of(house: House, brand: str) -> str:
    """The brand that is meant, or the only one. Raises BadInput, NotFound, Conflict."""
    brands = house.workspace.brands
    if not brand and len(brands) > 1:
        raise errors.BadInput(
            "The workspace has several brands",
            expected=f"--brand with one of: {', '.join(brands)}",
            remedy="say which one contacts",
        )
    chosen = brand or next(iter(brands))
    _known(house, "brand", chosen, tuple(brands))
    return chosen


def inquiry(house: House, brand: str, purpose: str, channel: Channel, topics: list[str] | None) -> Inquiry:
    """The question that these words ask. Raises BadInput, NotFound, Conflict."""
    known = house.workspace
    chosen = brand_of(house, brand)
    _known(house, "purpose", purpose, tuple(known.purposes))
    for topic in topics or ():
        _known(house, "topic", topic, tuple(known.topics))
    return Inquiry(brand=chosen, purpose=purpose, channel=channel, topics=tuple(topics or ()))


def purposes_known(house: House, purposes: frozenset[str]) -> None:
    """Refuse purposes that the workspace lacks or has not published. Raises NotFound, Conflict."""
    for purpose in sorted(purposes):
        _known(house, "purpose", purpose, tuple(house.workspace.purposes))


def moment(text: str) -> int | None:
    """UTC seconds of an ISO date or time; None for no text. Raises BadInput."""
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as bad:
        raise errors.BadInput(
            "The moment cannot be read",
            expected="2026-11-21, 2026-11-21T14:00 (UTC) or 2026-11-21T14:00+02:00",
            remedy="write it like one of these",
        ) from bad
    second = int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    if second <= 0:
        raise errors.BadInput("The moment lies before 1970", remedy="ask about a later one")
    return second


def _known(house: House, kind: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise errors.NotFound(
            f"There is no {kind} called {word!r}",
            expected=f"one of: {', '.join(words) or 'none'}",
            remedy=f"check the spelling, or add the {kind} to amana.toml",
        )
    with house.database.read() as connection:
        terms, topics = register.terms(connection), register.topics(connection)
    numbered = {"brand": terms.brands, "purpose": terms.purposes, "topic": topics}[kind]
    if word not in numbered:
        raise errors.Conflict(
            f"The {kind} {word!r} stands in amana.toml and is not published yet", remedy="run `amana publish`"
        )
