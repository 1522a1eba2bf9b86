"""From the words of a command to a question for the gate.

Rule. A question is about contact on a channel, about a use of data (`--use`, with its manner) or about passing data on
(`--share`): one of them. A word that the workspace does not know is refused with the known ones; the brand may be left
out when there is only one. A word that stands in the workspace file but was never published is told apart from one that
does not exist. A moment without an offset is UTC; a bare date is its first second.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from amana import errors
from amana.cli import wording
from amana.core import cells
from amana.core.vocabulary import Channel, Manner
from amana.services.gate.asking import Asked, Inquiry
from amana.services.gate.handling import Handling
from amana.services.record.house import House
from amana.storage import register

BrandOption = Annotated[
    str, typer.Option("--brand", help="The brand that contacts; not needed if there is one.")
]
PurposeOption = Annotated[str, typer.Option("--purpose", help="What for, by its name in the workspace file.")]
ChannelOption = Annotated[
    Channel, typer.Option("--channel", help="By which channel.", show_choices=True, case_sensitive=False)
]
ContactOption = Annotated[
    Channel | None,
    typer.Option(
        "--channel", help="By which channel; or --use, or --share.", show_choices=True, case_sensitive=False
    ),
]
UseOption = Annotated[
    str, typer.Option("--use", help="Instead of contact: use of this category of data, with --manner.")
]
MannerOption = Annotated[
    Manner | None,
    typer.Option("--manner", help="How the data is used.", show_choices=True, case_sensitive=False),
]
ShareOption = Annotated[
    str, typer.Option("--share", help="Instead of contact: passing data on to this recipient.")
]
CategoryOption = Annotated[
    str, typer.Option("--category", help="With --share: this category of data; otherwise all registered.")
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


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done: contact, a use, or a sharing, as the options say it."""

    channel: Channel | None = None
    use: str = ""  # category of data
    manner: Manner | None = None
    share: str = ""  # recipient
    category: str = ""


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


def asked(house: House, brand: str, purpose: str, about: About, topics: list[str] | None) -> Asked:
    """The question that these words ask. Raises BadInput, NotFound, Conflict."""
    _check(about, topics)
    if about.channel is not None:
        return inquiry(house, brand, purpose, about.channel, topics)
    known = house.workspace
    chosen = brand_of(house, brand)
    _known(house, "purpose", purpose, tuple(known.purposes))
    category = about.use or about.category
    if category:
        to = [one for recipient in known.recipients.values() for one in recipient.categories]
        registered = [field.category for field in known.fields.values()]
        _known(house, "category of data", category, tuple(dict.fromkeys([*registered, *to])))
    if about.share:
        _known(house, "recipient", about.share, tuple(known.recipients))
        return Handling(
            brand=chosen, purpose=purpose, action=f"{cells.SHARE}{about.share}", category=category
        )
    manner = about.manner.value if about.manner else ""
    return Handling(brand=chosen, purpose=purpose, action=f"{cells.USE}{manner}", category=category)


def told(said: Asked) -> dict[str, Any]:
    """A question's words, as JSON has them."""
    words = {"brand": said.brand, "purpose": said.purpose}
    if isinstance(said, Handling):
        return words | {"action": said.action, "category": said.category}
    return words | {"channel": said.channel.value, "topics": said.topics}


def spelt(said: dict[str, Any]) -> str:
    """A question's words (`told`) in a line."""
    text = wording.english()
    if "channel" in said:
        return f"{said['purpose']} by {text.channel[said['channel']]} from {said['brand']}"
    of = f" of {said['category']}" if said["category"] else ""
    return f"{text.means(said['action'])}{of} for {said['purpose']} of {said['brand']}"


def _check(about: About, topics: list[str] | None) -> None:
    """Whether the options ask one question. Raises BadInput."""
    if sum(map(bool, (about.channel, about.use, about.share))) != 1:
        raise errors.BadInput(
            "The question is to be about one thing",
            expected="--channel, or --use with --manner, or --share",
            remedy="give one of them",
        )
    if bool(about.manner) != bool(about.use):
        raise errors.BadInput(
            "A use of data has a manner, and nothing else has one",
            expected=f"--use with --manner {', '.join(one.value for one in Manner)}",
        )
    if (about.category and not about.share) or (topics and about.channel is None):
        raise errors.BadInput(
            "An option belongs to another question",
            expected="--topic with --channel, --category with --share",
        )


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
    numbered = {
        "brand": terms.brands,
        "purpose": terms.purposes,
        "topic": topics,
        "recipient": terms.recipients,
        "category of data": terms.categories,
    }[kind]
    if word not in numbered:
        raise errors.Conflict(
            f"The {kind} {word!r} stands in amana.toml and is not published yet", remedy="run `amana publish`"
        )
