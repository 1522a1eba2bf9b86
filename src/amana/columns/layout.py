"""How facts lie in columns: which belong to the person, which to a cell, and how wide each is.

Rule. The columns are the fields of `core.facts.Facts`, in order, but for the momentary ones: counts of contacts
and listings in registries depend on the moment asked about or on lists that come and go, and are computed for
each screen. Booleans take a byte, so that a file can be read in place.
"""

from __future__ import annotations

import numpy as np

from amana.core.facts import Facts, PersonFacts

SENT = ("sent_day", "sent_week", "sent_month")
MOMENTARY = ("registry_hits", *SENT)
PERSON = PersonFacts._fields
CELL = tuple(name for name in Facts._fields if name not in PERSON and name not in MOMENTARY)

WORDS = "word:"
"""Begins the name of a column that holds numbers of words; the manifest has the words."""

BOOLEANS = frozenset(
    {
        "known",
        "restricted",
        "suppressed",
        "has_point",
        "point_blocked",
        "never_target",
        "objected",
        "withdrawn",
        "refused",
        "invalidated",
        "requested",
        "lifted",
        "granted",
        "point_matches",
        "held",
    }
)
_WIDTHS = {
    "regime": np.int32,
    "born": np.int32,
    "hours": np.int32,
    "days": np.int16,
    "per_month": np.int16,
    "proof": np.int32,
    "notice": np.int16,
    "sale_proof": np.int32,
    "interest_proof": np.int32,
    "relationship_proof": np.int32,
    "published_proof": np.int32,
    "sent_day": np.int16,
    "sent_week": np.int16,
    "sent_month": np.int16,
}


def dtype(name: str) -> np.dtype[np.generic]:
    """The NumPy type of a column."""
    if name in BOOLEANS:
        return np.dtype(np.bool_)
    if name.startswith(WORDS):
        return np.dtype(np.int32)
    return np.dtype(_WIDTHS.get(name, np.int64))
