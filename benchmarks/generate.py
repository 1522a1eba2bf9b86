"""An invented customer base as column files, in the form in which the product itself keeps them.

Rule. Everything follows from the seed and the size. People are spread over all country packs with a skew; one in ten
stands under two countries at once (residence and phone number); three in a hundred have no known residence. Grants,
withdrawals, other bases, pauses and pressure have plausible shares, and a fact that depends on another agrees with
it: nobody has the moment of a grant without a grant. Nothing here is a person: there are no names and no addresses.

    python benchmarks/generate.py FOLDER --size 1m
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amana import wiring
from amana.columns import layout
from amana.columns.store import Columns, ColumnStore, Manifest
from amana.core import cells, facts, places
from amana.core.packs import LawBook
from amana.core.regimes import Regime
from amana.core.vocabulary import Channel, Proof, SubjectType

SEED = 20260301
NOW = 1_790_000_000  # September 2026, a Monday; a benchmark does not depend on the day it is run
CELLS = {
    channel: cells.pack(1, 1, cells.CHANNEL_CODE[channel])
    for channel in (Channel.EMAIL, Channel.SMS, Channel.PHONE_LIVE)
}
SERVED = ("DE", "UK", "US", "IL", "SA", "AE", "TH", "RU")
FULL_PROOF = sum(1 << bit for bit in range(9))  # what a good form with double opt-in shows
PROOFS = (
    FULL_PROOF,
    FULL_PROOF & ~int(Proof.CONFIRMED),
    FULL_PROOF | int(Proof.WRITTEN),
    0b11,
    (1 << 18) - 1,
)
SALE = int(
    Proof.OWN_COLLECTION
    | Proof.SALE_CONTEXT
    | Proof.SIMILAR_OFFER
    | Proof.OPT_OUT_AT_COLLECTION
    | Proof.OPT_OUT_IN_MESSAGE
    | Proof.ADVERTISING_TOLD
    | Proof.EXPECTED
)

Array = np.ndarray[Any, Any]


def sizes(word: str) -> int:
    """`1m`, `64k` or `1000` as a number."""
    factor = {"k": 1_000, "m": 1_000_000}.get(word[-1:].lower(), 1)
    return int(float(word[:-1] if factor > 1 else word) * factor)


def regimes(book: LawBook, rng: np.random.Generator) -> tuple[list[Regime], Array]:
    """Regimes of all packs, and the share of people under each."""
    found: list[Regime] = []
    weights: list[float] = []
    countries = [code for code in book.codes() if code != "EU"]
    for rank, place in enumerate(rng.permutation(countries).tolist()):
        country, region = places.split_place(place)
        home = "UK" if country == "GB" else country
        other = "IL" if home != "IL" else "FR"
        zones = ["", *places.zones_of(place)[:3]]
        for number, share in (("", 0.2), (home, 0.7), (other, 0.1)):
            for subject, part in zip(SubjectType, (0.86, 0.05, 0.06, 0.03), strict=True):
                for zone in zones:
                    found.append(
                        Regime(
                            residence=home,
                            region=region,
                            number_country=number,
                            subject=subject.value,
                            zone=zone,
                        )
                    )
                    weights.append(share * part / len(zones) / (rank + 1))
    total = sum(weights)
    found.append(Regime())
    weights.append(0.03 * total / 0.97)
    return found, np.asarray(weights) / sum(weights)


def person_columns(size: int, shares: Array, rng: np.random.Generator) -> Columns:
    """The columns that belong to the person."""
    born = rng.integers(-10_950, 15_700, size, np.int32)  # 1940 to 2012
    born[_some(size, 0.4, rng)] = facts.BORN_UNKNOWN
    return _typed(
        {
            "known": np.ones(size, np.bool_),
            "regime": np.searchsorted(np.cumsum(shares)[:-1], rng.random(size)).astype(np.int32),
            "restricted": _some(size, 0.002, rng),
            "suppressed": np.zeros(size, np.bool_),
            "born": born,
            "paused_until": np.where(
                _some(size, 0.01, rng), NOW + rng.integers(-9_999_999, 999_999, size), 0
            ),
            "hours": np.where(_some(size, 0.05, rng), 0x03FF00, facts.ALL_HOURS),
            "days": np.where(_some(size, 0.05, rng), 0b0011111, facts.ALL_DAYS),
            "topics_off": np.where(_some(size, 0.08, rng), rng.integers(0, 256, size), 0),
            "per_month": np.where(_some(size, 0.03, rng), 4, facts.NO_CAP),
        }
    )


def cell_columns(size: int, rng: np.random.Generator) -> Columns:
    """The columns of one cell."""
    fate = rng.random(size)
    granted = fate < 0.55
    moment = NOW - rng.integers(3_600, 5 * 365 * 86_400, size)
    whole_day = _some(size, 0.3, rng)
    columns: dict[str, Array] = {
        "has_point": ~_some(size, 0.03, rng),
        "point_blocked": _some(size, 0.02, rng),
        "never_target": _some(size, 0.003, rng),
        "objected": (fate > 0.55) & (fate < 0.56),
        "withdrawn": (fate > 0.56) & (fate < 0.64),
        "refused": (fate > 0.64) & (fate < 0.69),
        "invalidated": (fate > 0.69) & (fate < 0.693),
        "requested": (fate > 0.693) & (fate < 0.72),
        "lifted": (fate > 0.68) & (fate < 0.69),
        "granted": granted,
        "granted_at": np.where(granted, moment, 0),
        "granted_by": np.where(granted, moment + np.where(whole_day, 86_399, 0), 0),
        "proof": np.where(granted, rng.choice(np.asarray(PROOFS), size, p=(0.5, 0.2, 0.1, 0.15, 0.05)), 0),
        "notice": np.where(granted, rng.integers(1, 4, size), 0),
        "point_matches": ~(granted & _some(size, 0.035, rng)),
        "held": ~granted & _some(size, 0.01, rng),
    }
    for name, share, full in (
        ("sale", 0.2, SALE),
        ("interest", 0.04, int(Proof.BUSINESS_INTEREST) | int(Proof.BUSINESS_ADDRESS)),
        ("relationship", 0.2, int(Proof.CONTRACT) | int(Proof.INQUIRY)),
        ("published", 0.02, int(Proof.BUSINESS_ADDRESS)),
    ):
        there = _some(size, share, rng)
        columns[f"{name}_at"] = np.where(there, NOW - rng.integers(3_600, 4 * 365 * 86_400, size), 0)
        columns[f"{name}_proof"] = np.where(there, np.where(_some(size, 0.7, rng), full, full & 0b11), 0)
    return _typed(columns)


def momentary_columns(size: int, rng: np.random.Generator) -> Columns:
    """What a screen computes for its moment: registry listings, contacts in the trailing day, week and month."""
    listed = np.where(_some(size, 0.06, rng), rng.integers(1, 4, size), 0)
    month = rng.poisson(1.5, size)
    week = rng.binomial(month, 0.25)
    return _typed(
        {
            "registry_hits": listed,
            "sent_day": rng.binomial(week, 0.15),
            "sent_week": week,
            "sent_month": month,
        }
    )


def written(
    folder: Path,
    size: int,
    seed: int = SEED,
    channels: Sequence[Channel] = tuple(CELLS),
    *,
    momentary: bool = False,
) -> Manifest:
    """Write the person group and a group for each channel's cell; the manifest that names them.

    With `momentary`, what a screen computes for its moment is written too, so that nothing need be held in memory.
    """
    rng = np.random.default_rng(seed)
    known, shares = regimes(wiring.law_book(), rng)
    store = ColumnStore(folder)
    groups = {"person": store.write_base("person", 1, 0, person_columns(size, shares, rng))}
    for channel in channels:
        name = f"cell-{CELLS[channel]}"
        groups[name] = store.write_base(name, 1, 0, cell_columns(size, rng))
    if momentary:
        groups["momentary"] = store.write_base("momentary", 1, 0, momentary_columns(size, rng))
    manifest = Manifest(serial=1, regimes=tuple(known), groups=groups)
    store.publish(manifest)
    return manifest


def _some(size: int, share: float, rng: np.random.Generator) -> Array:
    return rng.random(size, np.float32) < share


def _typed(columns: dict[str, Array]) -> Columns:
    return {name: np.ascontiguousarray(column, layout.dtype(name)) for name, column in columns.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1m")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    manifest = written(given.folder, sizes(given.size), given.seed)
    for name, group in manifest.groups.items():
        print(f"{name}: {group.rows:,} rows in {group.base}")


if __name__ == "__main__":
    main()
