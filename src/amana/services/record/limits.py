"""Limits: token buckets in memory, for whoever asks this process for something.

Rule. A bucket holds `burst` tokens and fills at `rate` a second; a request takes one or more. Whose bucket it is, and
what a request costs, is said by the room that is asked. At most `MOST` buckets are kept; the one used longest ago goes,
which gives its owner a full one. Any number of threads may use one set of buckets.
Whose request it is: the peer, or what the last trusted proxy saw; IPv6 counts by its /64, a network by /24 or /48.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

MOST = 20_000


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How much one owner may ask."""

    rate: float  # tokens a second
    burst: float


class Buckets:
    """The buckets of one process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._held: OrderedDict[tuple[str, Limit], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, owner: str, limit: Limit, cost: float = 1.0) -> int:
        """Take tokens; 0 if they were there, else the whole seconds to wait. A cost of 0 only looks."""
        with self._lock:
            now = self._now()
            tokens, then = self._held.pop((owner, limit), (limit.burst, now))
            tokens = min(limit.burst, tokens + (now - then) * limit.rate)
            enough = tokens >= (cost or 1.0)
            self._held[owner, limit] = (tokens - cost if enough else tokens, now)
            if len(self._held) > MOST:
                self._held.popitem(last=False)
        return 0 if enough else int(((cost or 1.0) - tokens) / limit.rate) + 1


def address_of(peer: str, forwarded: Iterable[str], trusted_hops: int) -> str:
    """The address that asks: the peer, or what the last trusted proxy saw."""
    seen = [part.strip() for line in forwarded for part in line.split(",") if part.strip()]
    return seen[-trusted_hops].strip("[]") if 0 < trusted_hops <= len(seen) else peer


def owner_of(peer: str, forwarded: Iterable[str], trusted_hops: int) -> str:
    """Whose bucket a request takes from: its address, IPv6 by its /64."""
    try:
        address = ipaddress.ip_address(address_of(peer, forwarded, trusted_hops).strip("[]"))
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
