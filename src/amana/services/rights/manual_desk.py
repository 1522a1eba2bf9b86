"""A colleague's list: what systems without an interface are asked, and what somebody recorded about it.

Rule. An errand is one line in the log of its request; asked again it is the same line. Staff record how it went with
`amana request done`; until then it is pending. Names and addresses stand in neither line: whoever does the work opens
the request and is recorded as having looked.
"""

from __future__ import annotations

from amana import errors
from amana.connectors.systems.system import Answer, Errand, Progress
from amana.services.record.house import House
from amana.services.rights import requests

ASKED, RECORDED = "manual_asked", "manual_recorded"


class ManualBook:
    """The list as the connector for manual systems reads and writes it."""

    def __init__(self, house: House) -> None:
        self._house = house

    def note(self, system: str, errand: Errand) -> str:
        """Write an errand down; its ticket, the same for the same errand."""
        row = requests.get(self._house, errand.request)
        if not any(one.what == ASKED and one.detail["system"] == system for one in self._log(errand.request)):
            requests.log(self._house, [row.id], "amana", ASKED, system=system, kind=errand.kind)
        return f"{errand.request}/{system}"

    def read(self, ticket: str) -> Answer | None:
        """What was recorded about an errand; None if there is no such errand."""
        ref, _, system = ticket.partition("/")
        lines = [one for one in self._log(ref) if one.detail.get("system") == system]
        if not any(one.what == ASKED for one in lines):
            return None
        said = [one.detail["progress"] for one in lines if one.what == RECORDED]
        return Answer(progress=Progress(said[-1]) if said else Progress.PENDING)

    def _log(self, ref: str) -> list[requests.Happened]:
        return requests.happened(self._house, requests.get(self._house, ref))


def record(house: House, ref: str, system: str, progress: Progress, *, actor: str) -> None:
    """Somebody says how an errand went. Raises NotFound if it was not asked."""
    if ManualBook(house).read(f"{ref}/{system}") is None:
        raise errors.NotFound(
            "This request asks nothing of a system of that name", remedy="see `amana request show`"
        )
    requests.log(
        house, [requests.get(house, ref).id], actor, RECORDED, system=system, progress=progress.value
    )
