"""What a request's work is told as: what was done, system by system, and what to type next.

Rule. One line for each system, in counts and tokens; nothing of the person. A system is told by the worst of its steps:
stopped for a person, then tried again later, then waiting for others, then done. What is printed as the next thing to
type can be typed as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import structlog

from amana.cli import rendering
from amana.cli.session import program
from amana.core.rights import ENDED, Kind, Status
from amana.services.record.house import House
from amana.services.rights import copies
from amana.services.rights.rights_plan import CHANGING, Action
from amana.storage import requests as rows
from amana.storage.requests import DONE, HELD, RequestRow, StepRow

COPIED = frozenset({Kind.ACCESS.value, Kind.PORTABILITY.value})
OURS = "amana"  # steps that are done here, in no connected system
_log = structlog.get_logger("amana.rights")


class Worked(msgspec.Struct, frozen=True, kw_only=True):
    """What stands of a run for one system."""

    system: str
    state: str  # done | again | held | waits
    found: int  # rows
    changed: int  # rows changed or deleted
    steps: int
    steps_done: int
    trouble: str = ""  # a token
    due: int = 0  # UTC seconds, of what is tried again


def worked(house: House, row: RequestRow) -> tuple[Worked, ...]:
    """What was done for a request so far, by system in the order of its plan."""
    if row.run is None:
        return ()
    with house.database.read() as connection:
        steps = rows.steps(connection, row.run)
    systems = dict.fromkeys(one.system or OURS for one in steps)
    return tuple(_worked(name, [one for one in steps if (one.system or OURS) == name]) for name in systems)


def log(row: RequestRow, did: Sequence[Worked]) -> None:
    """Write a line about a run to the log: the reference, and counts."""
    _log.info(
        "request_run",
        request=row.ref,
        kind=row.kind,
        status=row.status,
        systems=len(did),
        systems_done=sum(one.state == DONE for one in did),
        found=sum(one.found for one in did),
        changed=sum(one.changed for one in did),
    )


def lines(did: Sequence[Worked]) -> Iterator[str]:
    """One line for each system."""
    for one in did:
        yield f"  {one.system}: {_words(one)}"


def has_copy(house: House, row: RequestRow) -> bool:
    """Whether an answered request has a copy that is still here to be handed over."""
    return (
        Status(row.status) is Status.ANSWERED and row.kind in COPIED and copies.path_of(house, row).exists()
    )


def advice(row: RequestRow, *, planned: bool) -> str:
    """What to type next about a request; `planned` if it has a run."""
    again = f'{program()} request decide {row.ref} --refuse --reason "…"'
    show = f"{program()} request show {row.ref}"
    match Status(row.status):
        case Status.READY:
            return f"{program()} request plan {row.ref}, then {program()} request run {row.ref}"
        case Status.VERIFYING:
            return (
                "it waits until the person has proved an address by the link that is mailed to them, once [mail] is set "
                f"up. If you looked at their papers instead: {_open(row)} --proved checked"
            )
        case Status.DECIDING if planned:
            return f"mend what is in trouble, then {program()} request again {row.ref}; or {again}"
        case Status.DECIDING:
            return f'{program()} request decide {row.ref} --go --reason "…"; or {again}'
        case Status.ANSWERED if row.kind in COPIED:
            return f'{program()} request copy {row.ref} {row.ref}.zip --purpose "…"; or {show}'
        case one if one in ENDED:
            return f"{show}; for a new one: {_open(row)}"
        case _:
            return f"{show}; the worker goes on with it, and so does {program()} request run {row.ref}"


def _open(row: RequestRow) -> str:
    values = " --correct CATEGORY=VALUE" if row.kind == Kind.RECTIFICATION.value else ""
    return f"{program()} request open {row.kind} p{row.person}{values}"


def _worked(system: str, steps: Sequence[StepRow]) -> Worked:
    found = [one for one in steps if one.action == Action.FIND.value] or steps
    changing = {one.value for one in CHANGING}
    left = [one for one in steps if one.state != DONE]
    held = next((one for one in left if one.state == HELD), None)
    troubled = held or next((one for one in left if one.trouble), None)
    state = DONE if not left else HELD if held else "again" if troubled else "waits"
    return Worked(
        system=system,
        state=state,
        found=sum(one.found for one in found),
        changed=sum(one.changed for one in steps if one.action in changing),
        steps=len(steps),
        steps_done=len(steps) - len(left),
        trouble=troubled.trouble if troubled else "",
        due=troubled.due if troubled and not held else 0,
    )


def _words(one: Worked) -> str:
    rows_of = f"{rendering.counted(one.found, 'row')} found, {one.changed:,} changed or deleted"
    did = "" if one.system == OURS else f"; {rows_of}"
    if one.state == DONE:
        return f"done{did}"
    steps = f"{one.steps_done} of {rendering.counted(one.steps, 'step')} done{did}"
    if one.state == HELD:
        return f"STOPPED by {one.trouble}, waits for a person; {steps}"
    if one.state == "again":
        return f"in trouble, {one.trouble}, tried again from {rendering.moment(one.due)}; {steps}"
    return f"waits for the others; {steps}"
