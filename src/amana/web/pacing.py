"""Pacing: how much one visitor, and one network, may ask of the pages.

Rule.
- A withdrawal that is valid is never limited: whoever asks under `/p` or `/u` is looked at first, whatever they asked
  before, and only a word that is good for nothing costs.
- Everywhere else a visit costs its visitor, and a form that is sent its network. A dead word costs its network; one
  that has used up its measure is not looked at any more: a good word and a dead one then get the same answer.
- The answer is a page in the visitor's language that says when to come back.
"""

from __future__ import annotations

from amana.services.record.limits import Buckets, Limit

VISITS = Limit(rate=20, burst=200)  # of one address
FORMS = Limit(rate=1, burst=120)  # sent from one network: a stall at a fair is one
DEAD = Limit(rate=0.2, burst=40)  # words that are good for nothing, from one network
NOWHERE = "unknown"


class Pace:
    """The measure of one process."""

    def __init__(self, buckets: Buckets | None = None) -> None:
        self._buckets = Buckets() if buckets is None else buckets

    def before(self, owner: str, network: str, *, sends: bool, asks: bool) -> int:
        """Seconds to wait before a visit is looked at, 0 for none.

        `sends` is for a form that is sent to everybody's address, `asks` for a page under a word that may be dead.
        """
        wait = self._buckets.take(f"visit@{owner}", VISITS)
        if sends and not wait:
            wait = self._buckets.take(f"form@{network or NOWHERE}", FORMS)
        if asks and not wait:
            wait = self._buckets.take(f"dead@{network or NOWHERE}", DEAD, 0)
        return wait

    def dead(self, network: str) -> int:
        """Count a word that was good for nothing; seconds to wait, 0 if there was measure left."""
        return self._buckets.take(f"dead@{network or NOWHERE}", DEAD)
