"""The clock of a workspace under test.

Rule. Time stands still until the test moves it, so that a test says itself what is early and what is late. Where no hour
matters the clock starts at `NOW`.
"""

from __future__ import annotations

DAY = 86_400
NOW = 1_780_000_000  # 2026-05-28, a Thursday, 20:26 UTC


class Clock:
    """UTC seconds that stand still until the test moves them."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now
