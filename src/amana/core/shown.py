"""Wording shown: which published wording a yes belongs to.

Rule.
- A page that asks carries a mark of each notice it shows: id, version and the hash of the wording, all of them public. A
  mark is compared with the notices on record; it proves nothing by itself and needs no signature.
- The wording shown is the current one: the yes is under it.
- It is on record and another followed, none of them by a material change: the yes is under the wording that was shown,
  which still counts (`core.notices`).
- A material change came between, the wording was replaced, or it was never published: there is no yes, and the person
  is shown the text as it is now.
- Who names a version without its hash is taken at their word for it; a replaced wording is then not told apart.
- A No belongs to no wording: nothing here is asked about it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from amana.core.notices import Published


def mark(notice: Published) -> str:
    """What a page carries of a notice that it shows."""
    return f"{_named(notice)}#{notice.hash}"


def answered(versions: Iterable[Published], name: str, marks: Collection[str]) -> Published | None:
    """The version of the notice `name` that a yes under these marks belongs to; None if it must be shown again.

    `versions` are published ones in order of publication.
    """
    known = [one for one in versions if one.id == name]
    for one in reversed(known):
        if one.epoch != known[-1].epoch:
            return None
        if mark(one) in marks or _named(one) in marks:
            return one
    return None


def _named(notice: Published) -> str:
    return f"{notice.id}@{notice.version}"
