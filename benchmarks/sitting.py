"""A marketer's sitting: write a segment, screen it, narrow it three times, change the channel, ask what a law turns.

Rule. One long-lived process over one customer base (`generate`'s, with invented fields beside it), through the library:
no server, no cache of answers. Each answer is complete: everybody's reasons, distinct sets counted. The first answer
plans the law of the quarter of an hour; the later ones find the plan made. Nothing passes or fails: figures are told.

    python benchmarks/sitting.py --size 1m [--engine numba] [--rounds 5]
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import generate
from amana import wiring
from amana.columns import layout
from amana.columns.store import ColumnStore
from amana.core.vocabulary import Channel
from amana.services.audience import attributes, segments, whatif
from amana.services.audience.sitting import Sitting
from amana.services.audience.whatif import Side
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House
from amana.settings import Settings

FIELD = """
[fields.interests]
purposes = ["newsletter"]
category = "user.behavior"
why = "declared by people themselves"
kept_for = "P1Y"
hold = "column"
"""
WORDS = {
    "language": ("", "de", "en", "fr", "ru", "he", "ar", "th"),
    "interests": ("", "garden", "books", "garden;books", "camping", "books;camping", "garden;camping;music"),
}
NEWS = Inquiry(brand="main", purpose="newsletter", channel=Channel.EMAIL)
TEXTS = Inquiry(brand="main", purpose="newsletter", channel=Channel.SMS)
SEGMENT = "interests:garden and country in (DE, FR) and last_grant within 90 days and not language = ru"
STEPS = (
    ("everybody", ""),
    ("a segment", "interests:garden"),
    ("narrowed once", "interests:garden and country in (DE, UK, US)"),
    ("narrowed twice", "interests:garden and country in (DE, UK, US) and not language = ru"),
    (
        "narrowed three times",
        "interests:garden and country in (DE, UK, US) and not language = ru and last_grant within 365 days",
    ),
)


def with_fields(folder: Path, manifest: Any, names: tuple[str, ...], size: int) -> None:
    """Write the columns of registered fields beside the generated ones; the residence agrees with the regime."""
    rng = np.random.default_rng(generate.SEED + 2)
    store = ColumnStore(folder)
    regimes = store.load(manifest.groups["person"]).base["regime"]
    homes = ["", *sorted({regime.residence for regime in manifest.regimes} - {""})]
    of_regime = np.array([homes.index(regime.residence) for regime in manifest.regimes])
    words = {name: WORDS.get(name, ("",)) for name in names} | {"residence": tuple(homes)}
    columns: dict[str, Any] = {attributes.LATEST: np.full(size, generate.NOW - 3600)}
    for name in names:
        numbers = of_regime[regimes] if name == "residence" else rng.integers(0, len(words[name]), size)
        columns[layout.WORDS + name] = numbers.astype(np.int32)
    group = store.write_base(attributes.GROUP, 1, 0, columns)
    published = type(manifest)(
        serial=2, regimes=manifest.regimes, groups=manifest.groups | {attributes.GROUP: group}, words=words
    )
    store.publish(published)


def made(folder: Path, size: int) -> Settings:
    """A workspace over a generated base."""
    settings = Settings(workspace=folder / "workspace", actor="benchmark")
    text = (Path(wiring.__file__).parent / "data" / "workspace.toml").read_text("utf-8") + FIELD
    wiring.create(settings, text, at=lambda: generate.NOW - 86_400)
    manifest = generate.written(settings.workspace / "columns", size)
    with wiring.opened(settings) as house:
        with_fields(house.columns, manifest, attributes.fields(house), size)
    return settings


def best(work: Callable[[], Any], rounds: int) -> tuple[float, float, Any]:
    """Seconds of the first and of the fastest later round, and what came out."""
    taken = []
    found = None
    for _ in range(rounds):
        started = time.perf_counter()
        found = work()
        taken.append(time.perf_counter() - started)
    return taken[0], min(taken[1:], default=taken[0]), found


def sitting(house: House, engine: str, rounds: int) -> None:
    """Every step with its time."""
    print(f"{'step':<34}{'people':>12}{'allowed':>12}{'first':>10}{'again':>10}")
    with Sitting(house) as desk:
        desk.warm()
        for name, text in STEPS:
            ask = functools.partial(desk.screen, NEWS, segment=text, engine=engine)
            first, again, found = best(ask, rounds)
            _line(name, len(found.people), found.counts.allowed, first, again)
        first, again, found = best(lambda: desk.screen(TEXTS, segment=STEPS[-1][1], engine=engine), rounds)
        _line("the same by text message", len(found.people), found.counts.allowed, first, again)
        first, again, both = best(lambda: desk.campaigns((NEWS, TEXTS), engine=engine), rounds)
        _line("two campaigns, everybody", len(both[0].people), both[1].counts.allowed, first, again)
        node, gate = segments.check(house, SEGMENT), desk._current()
        caught = desk._columns(gate.plan(NEWS, generate.NOW).question.cell)
        held = attributes.catch_up(house)
        first, again, mask = best(lambda: segments.chosen(house, node, caught, held, generate.NOW), rounds)
        _line("the segment alone", int(mask.sum()), 0, first, again)
    sides = [
        Side(book=whatif.law_of(house, day)[0], at=generate.NOW, law=day)
        for day in ("2025-08-31", "2025-09-01")
    ]
    first, again, flips = best(lambda: whatif.compare(house, NEWS, *sides, engine=engine), rounds)
    _line("what a change of law turns", len(flips.people), flips.allowed[1], first, again)


def _line(name: str, people: int, allowed: int, first: float, again: float) -> None:
    print(f"{name:<34}{people:>12,}{allowed:>12,}{first * 1000:>7.0f} ms{again * 1000:>7.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", default="1m")
    parser.add_argument("--engine", default="numpy")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="amana-sitting-") as name:
        settings = made(Path(name), generate.sizes(given.size))
        with wiring.opened(settings, at=lambda: generate.NOW) as house:
            sitting(house, given.engine, given.rounds)


if __name__ == "__main__":
    main()
