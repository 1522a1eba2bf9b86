"""Limits: token buckets in memory, one for each key and one for each address.

Rule. A bucket holds `burst` tokens and fills at `rate` a second; a request takes one, a wrong key ten of its address.
Addresses of IPv6 count by /64. A withdrawal that is valid is never limited: the paths that take them are not counted,
and what is wrong about such a request is counted afterwards. The numbers are the product's and no setting raises them.
At most `MOST` buckets are kept; the one used longest ago goes, which gives its owner a full one.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

MOST = 20_000


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How much one owner may ask."""

    rate: float  # tokens a second
    burst: float


KEYED = Limit(rate=20_000, burst=40_000)
WRITING = Limit(rate=200, burst=2_000)
HEAVY = Limit(rate=2, burst=20)  # screens and searches of resources
PUBLIC = Limit(rate=20, burst=200)
WRONG_KEY = 10.0


class Buckets:
    """The buckets of one process; used from its event loop alone."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._held: OrderedDict[tuple[str, Limit], tuple[float, float]] = OrderedDict()

    def take(self, owner: str, limit: Limit, cost: float = 1.0) -> int:
        """Take tokens; 0 if they were there, else the whole seconds to wait."""
        now = self._now()
        tokens, then = self._held.pop((owner, limit), (limit.burst, now))
        tokens = min(limit.burst, tokens + (now - then) * limit.rate)
        enough = tokens >= cost
        self._held[owner, limit] = (tokens - cost if enough else tokens, now)
        if len(self._held) > MOST:
            self._held.popitem(last=False)
        return 0 if enough else int((cost - tokens) / limit.rate) + 1


def owner_of(peer: str, forwarded: Iterable[str], trusted_hops: int) -> str:
    """Whose request this is: the peer, or what the last trusted proxy saw, IPv6 by its /64."""
    seen = [part.strip() for line in forwarded for part in line.split(",") if part.strip()]
    chosen = seen[-trusted_hops] if 0 < trusted_hops <= len(seen) else peer
    try:
        address = ipaddress.ip_address(chosen.strip("[]"))
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
