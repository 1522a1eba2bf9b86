"""Limits: how much one key and one address may ask of the interface.

Rule. A request takes one token of its key's or its address's bucket, a wrong key ten of its address's. A withdrawal that
is valid is never limited: the paths that take them are not counted, and what is wrong about such a request is counted
afterwards. The numbers are the product's and no setting raises them. The buckets are those of `services.limits`.
"""

from __future__ import annotations

from amana.services.record.limits import Buckets, Limit, address_of, owner_of

KEYED = Limit(rate=20_000, burst=40_000)
WRITING = Limit(rate=200, burst=2_000)
HEAVY = Limit(rate=2, burst=20)  # screens and searches of resources
PUBLIC = Limit(rate=20, burst=200)
WRONG_KEY = 10.0

__all__ = ["Buckets", "Limit", "address_of", "owner_of"]
