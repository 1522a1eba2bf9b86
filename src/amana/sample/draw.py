"""Drawing from a seed.

Rule: every part of the sample draws from a stream of its own, named by a word and the seed, so that a
change in one part leaves the others as they were. The stream is a seeded Mersenne twister: reproducible,
and fit for nothing secret.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Draw:
    """One stream of draws."""

    def __init__(self, part: str, seed: int) -> None:
        self._rng = random.Random(f"{part}/{seed}")

    def chance(self, share: float) -> bool:
        """True in this share of the draws."""
        return self._rng.random() < share

    def below(self, end: int) -> int:
        """A whole number from 0 to end - 1."""
        return int(self._rng.random() * end)

    def one(self, among: Sequence[_T]) -> _T:
        """One of these, all equally likely."""
        return among[int(self._rng.random() * len(among))]

    def weighted(self, among: Sequence[_T], weights: Sequence[float]) -> _T:
        """One of these, by weight."""
        return self._rng.choices(among, weights)[0]

    def some(self, among: Sequence[_T], many: int) -> list[_T]:
        """`many` different ones of these."""
        return self._rng.sample(among, many)

    def shuffled(self, among: Iterable[_T]) -> list[_T]:
        """All of these in another order."""
        mixed = list(among)
        self._rng.shuffle(mixed)
        return mixed
