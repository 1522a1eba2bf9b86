"""The sentences that the commands speak.

Rule. The commands speak English, from the same catalogue as every other surface; the other languages are for pages that
people see and for callers of the interface who ask for them.
"""

from __future__ import annotations

from amana.core.phrases import Phrases
from amana.services.record.wording import catalogue


def english() -> Phrases:
    """The sentences that the commands speak."""
    return catalogue("en")


__all__ = ["catalogue", "english"]
