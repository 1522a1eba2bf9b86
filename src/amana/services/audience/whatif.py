"""What if: the same question under another law or at another moment, and whose answer it turns.

Rule. Two sides, each a law book and a moment, are asked about the same people with the same facts, and the sets of
reasons are compared person by person. Reasons of mere timing (a pause, hours of rest, a cap) come and go by the hour and
are left out on both sides unless they are asked for. A person whose answer turns to no is counted under every reason
that they have afterwards, one whose answer turns to yes under every reason that they had before. `law_of` reads a book
as it speaks on one day while the clock stays: then whatever turns is the law's doing and not the passing of time.
Nothing is recorded, and no evidence is assumed that is not on record.
"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from amana import errors
from amana.core import packs, places, rules
from amana.core.pack_values import Age, Caps, Condition, LawException, Period, Quiet
from amana.core.packs import LawBook, LawRule
from amana.core.vocabulary import Channel, SubjectType
from amana.screening import blocks, engines
from amana.services.audience import audiences, cache, screening
from amana.services.gate.asking import Gate, Inquiry
from amana.services.law_book import law, law_updates
from amana.services.record.house import House

Array = np.ndarray[Any, Any]
UNKNOWN_PLACE = "unknown"
_TIMING = np.uint64(rules.TIMING_BITS)


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One way of asking: which law, at which moment."""

    book: LawBook
    at: int  # UTC second
    law: str  # what the book is called


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the answers that turn one way carry a reason."""

    code: str
    kind: str
    people: int


class Flips(NamedTuple):
    """Whose answer turns."""

    people: Array  # ids, ascending
    before: Array  # reasons of each on either side, uint64
    after: Array
    to_no: tuple[Turned, ...]  # by the reasons they then have, most people first
    to_yes: tuple[Turned, ...]  # by the reasons they had
    places: dict[str, tuple[int, int]]  # residence -> (turned to no, turned to yes)
    other_reasons: int  # refused on both sides, for other reasons
    ledger_size: int
    seconds: float  # both evaluations and the comparison

    @property
    def allowed(self) -> tuple[int, int]:
        """How many are allowed, before and after."""
        return int((self.before == 0).sum()), int((self.after == 0).sum())

    @property
    def turned(self) -> Array:
        """Which rows turn."""
        chosen: Array = (self.before == 0) != (self.after == 0)
        return chosen

    @property
    def turned_to_no(self) -> int:
        """How many may be contacted before and not after."""
        return int(((self.before == 0) & (self.after != 0)).sum())

    @property
    def turned_to_yes(self) -> int:
        """How many may be contacted after and not before."""
        return int(((self.before != 0) & (self.after == 0)).sum())


def compare(
    house: House,
    inquiry: Inquiry,
    before: Side,
    after: Side,
    audience: Path | None = None,
    *,
    engine: str = "numpy",
    with_timing: bool = False,
) -> Flips:
    """Ask about everybody, or an audience, on both sides. Raises as `screening.screen`."""
    runner = engines.named(engine)
    gates = [Gate(msgspec.structs.replace(house, book=side.book)) for side in (before, after)]
    try:
        plans = [gate.plan(inquiry, side.at) for gate, side in zip(gates, (before, after), strict=True)]
        caught = cache.catch_up(house, plans[0].question.cell)
        chosen = None if audience is None else audiences.read(gates[0], audience).ids
        started = time.perf_counter()
        (people, was), (_, becomes) = (
            screening.evaluate(house, caught, plan, chosen, runner) for plan in plans
        )
        if not with_timing:
            was, becomes = was & ~_TIMING, becomes & ~_TIMING
        turned = (was == 0) != (becomes == 0)
        to_no, to_yes = turned & (was == 0), turned & (was != 0)
        return Flips(
            people,
            was,
            becomes,
            _by_reason(becomes[to_no]),
            _by_reason(was[to_yes]),
            _by_place(after.book, caught, people, to_no, to_yes),
            int(((was != becomes) & ~turned).sum()),
            caught.position,
            time.perf_counter() - started,
        )
    finally:
        for gate in gates:
            gate.close()


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """What another book turns for one purpose and channel."""

    brand: str
    purpose: str
    channel: str
    people: int
    allowed_before: int
    allowed_after: int
    to_no: int
    to_yes: int
    why_no: tuple[Turned, ...]
    why_yes: tuple[Turned, ...]


def of_book(house: House, book: LawBook) -> tuple[Affected, ...]:
    """What a book would turn now: every brand, purpose and channel of the workspace, turned or not."""
    now = house.clock()
    before = Side(book=house.book, at=now, law=house.book.version)
    after = Side(book=book, at=now, law=book.version)
    found = []
    for brand in house.workspace.brands:
        for name, purpose in house.workspace.purposes.items():
            for channel in purpose.channels:
                inquiry = Inquiry(brand=brand, purpose=name, channel=channel)
                flips = compare(house, inquiry, before, after)
                was, becomes = flips.allowed
                found.append(
                    Affected(
                        brand=brand,
                        purpose=name,
                        channel=channel.value,
                        people=len(flips.people),
                        allowed_before=was,
                        allowed_after=becomes,
                        to_no=flips.turned_to_no,
                        to_yes=flips.turned_to_yes,
                        why_no=flips.to_no,
                        why_yes=flips.to_yes,
                    )
                )
    return tuple(found)


def table(flips: Flips) -> pa.Table:
    """Everybody whose answer turns: person, allowed before and after, the reasons on either side."""
    rows = flips.turned
    before, after = flips.before[rows], flips.after[rows]
    return pa.table(
        {
            "person": pa.array(flips.people[rows]),
            "before": pa.array(before == 0),
            "after": pa.array(after == 0),
            "reasons_before": screening.named(before),
            "reasons_after": screening.named(after),
        }
    )


def plain(found: pa.Table) -> pa.Table:
    """The same as texts: `p12`, `yes` and `no`."""
    words = {True: "yes", False: "no"}
    return pa.table(
        {
            "person": pa.array([f"p{one}" for one in found["person"].to_pylist()]),
            "before": pa.array([words[one] for one in found["before"].to_pylist()]),
            "after": pa.array([words[one] for one in found["after"].to_pylist()]),
            "reasons_before": found["reasons_before"].cast(pa.string()),
            "reasons_after": found["reasons_after"].cast(pa.string()),
        }
    )


# ---- the law of a side ------------------------------------------------------------------------------------------


def law_of(house: House, text: str) -> tuple[LawBook, str]:
    """The book that a word means, and what to call it: a day, a folder of packs, a signed book, or a version in use.

    Raises NotFound for anything else, BadLaw if the packs are not fit for use.
    """
    if not text:
        return house.book, house.book.version
    try:
        return OneDay(house.book, date.fromisoformat(text)), f"{house.book.version} on {text}"
    except ValueError:
        pass  # it is no day
    path = Path(text)
    if path.is_dir():
        documents = {file.name: file.read_text("utf-8") for file in sorted(path.glob("*.toml"))}
        return _sound(packs.read(documents))
    if path.is_file():
        return _sound(packs.read(law_updates.contents(path.read_text("utf-8"))))
    if text == house.book.version:
        return house.book, text
    raise errors.NotFound(
        "There is no such law",
        expected=f"a day, a folder of packs, a signed law book, or {house.book.version}, the version in use",
        remedy="check the path or the day",
    )


def _sound(book: LawBook) -> tuple[LawBook, str]:
    problems = law.unfit(law.check(book))
    if problems:
        raise errors.BadLaw(
            "The law book is not fit for use",
            expected="no gap, no conflict and no word without a meaning",
            got=f"{len(problems)}, the first: {problems[0].kind} at {problems[0].where}",
            remedy="mend the packs; `amana law check` lists everything",
        )
    return book, book.version


class OneDay(LawBook):
    """A book that speaks on every day as it speaks on one."""

    def __init__(self, book: LawBook, day: date) -> None:
        self.__dict__.update(book.__dict__)
        self._day = day

    def rule(self, code: str, channel: Channel, subject: SubjectType, on: date) -> LawRule | None:
        """The row of the one day; evidence is as old as it is today, and not older than an exception lets it be."""
        found = super().rule(code, channel, subject, self._day)
        if found is None:
            return None
        return msgspec.structs.replace(
            found, exceptions=tuple(self._collected(one, on) for one in found.exceptions)
        )

    def age(self, code: str, on: date) -> Age:
        """The ages of the one day."""
        return super().age(code, self._day)

    def quiet(self, code: str, channel: Channel, on: date) -> Quiet | None:
        """The hours of the one day's law."""
        return super().quiet(code, channel, self._day)

    def caps(self, code: str, channel: Channel, on: date) -> Caps | None:
        """The limits of the one day."""
        return super().caps(code, channel, self._day)

    def message(self, code: str, on: date, channel: Channel | None = None) -> tuple[Condition, ...]:
        """What a message must carry by the one day's law."""
        return super().message(code, self._day, channel)

    def stored_inside(self, code: str, on: date) -> bool:
        """Where the record must stand by the one day's law."""
        return super().stored_inside(code, self._day)

    def _collected(self, exception: LawException, on: date) -> LawException:
        """Where evidence counts from a day on, the life that this leaves on the day asked about."""
        first = exception.collected_from
        if first is None:
            return exception
        own = self._exceptions[exception.id].life
        if own is None or own.before(on) < first:
            own = Period(days=max(0, (on - first).days))
        return msgspec.structs.replace(exception, life=own)


# ---- counting ---------------------------------------------------------------------------------------------------


def _by_reason(bits: Array) -> tuple[Turned, ...]:
    counts = blocks.count(blocks.distinct(bits)).by_reason
    found = [
        Turned(code=code, kind=rules.BY_CODE[code].kind.value, people=people)
        for code, people in counts.items()
        if people
    ]
    return tuple(sorted(found, key=lambda one: -one.people))


def _by_place(
    book: LawBook, caught: cache.Caught, people: Array, to_no: Array, to_yes: Array
) -> dict[str, tuple[int, int]]:
    """By residence: the region where it has a law of its own, else the country."""
    turned = to_no | to_yes
    if not turned.any():
        return {}
    regimes, own = screening.regimes_of(caught, people[turned]), frozenset(book.codes())
    found: dict[str, list[int]] = {}
    for column, chosen in enumerate((to_no[turned], to_yes[turned])):
        numbers, counts = np.unique(regimes[chosen], return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            regime = caught.regimes[number]
            place = (regime.place if regime.place in own else regime.residence) or UNKNOWN_PLACE
            found.setdefault(places.iso_place(place), [0, 0])[column] += count
    ordered = sorted(found.items(), key=lambda one: -sum(one[1]))
    return {place: (no, yes) for place, (no, yes) in ordered}
