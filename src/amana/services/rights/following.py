"""Following a request: how far it is, for whoever asked, without the name of a system and without a value.

Rule.
- A link to a request holds its reference and a keyed digest of it. Nothing is stored for it, so that it still answers
  when the person was erased; it shows how the request stands and can change nothing. It ends `LIFE` after the answer.
- The way of a request is told in stages that everybody understands. A stage is done when every step of it is; the one
  in hand is the first that is not. Connected systems are counted, not named: which ones a company uses is told in the
  copy and on the page about it, not to whoever holds a link.
- A step of a kind that is not known here belongs to the answer: nothing is called done before it is.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from enum import Enum
from hashlib import sha256

import msgspec

from amana.core import rights
from amana.core.rights import Kind, Status
from amana.keys.store import EVENT_ID
from amana.services.record import tokens
from amana.services.record.house import House
from amana.services.rights import copies
from amana.services.rights import requests as asked
from amana.services.rights.rights_plan import Action
from amana.storage import requests
from amana.storage.requests import DONE, RequestRow, StepRow

LIFE = 90 * 86_400  # seconds after its end that a request can be followed by its link
DAY = 86_400
_REFERENCE = 8  # letters and digits of a reference


class Stage(Enum):
    """Part of a request's way."""

    RECEIVED = "received"
    PROVED = "proved"
    SOUGHT = "sought"  # every system was asked what it holds
    MADE = "made"  # the copy
    CHANGED = "changed"
    CHECKED = "checked"  # asked again, whether it is so
    ANSWERED = "answered"


class Reached(Enum):
    """How far a stage is."""

    DONE = "done"
    NOW = "now"
    AHEAD = "ahead"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a request stands. Times are UTC seconds."""

    ref: str
    kind: Kind
    status: Status
    received: int
    due: int
    days_left: int  # below 0 once it is late
    extended: bool
    ended: int  # 0 while it is open
    outcome: str
    stages: tuple[tuple[Stage, Reached], ...]
    systems: int  # connected systems that it concerns; 0 before that is known
    systems_done: int
    can_cancel: bool
    has_copy: bool


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests are open."""

    open: int
    deciding: int  # wait for one of our people
    soon: int  # due within `rights.REMIND_BEFORE`
    late: int


_STAGE_OF = {
    Action.FIND: Stage.SOUGHT,
    Action.ASK: Stage.CHANGED,
    Action.HEAR: Stage.CHANGED,
    Action.ERASE: Stage.CHANGED,
    Action.CORRECT: Stage.CHANGED,
    Action.WRITE_BACK: Stage.CHANGED,
    Action.VERIFY: Stage.CHECKED,
    Action.COPY: Stage.MADE,
}


def word(house: House, ref: str) -> str:
    """The word of a link to a request, 32 characters of a URL."""
    short = ref.removeprefix("R-").replace("-", "")
    digest = hmac.digest(house.keys.secret(EVENT_ID), b"follow/" + ref.encode(), sha256)[:18]
    return short + base64.urlsafe_b64encode(digest).decode()


def opened(house: House, text: str) -> RequestRow:
    """The request that a link leads to. Raises NotFound, the same for every word that is not good."""
    short = text[:_REFERENCE]
    ref = f"R-{short[:4]}-{short[4:]}"
    if not (text.isascii() and hmac.compare_digest(word(house, ref), text)):
        raise tokens.gone()
    with house.database.read() as connection:
        row = requests.get(connection, ref)
    if row is None or (row.ended is not None and row.ended + LIFE < house.clock()):
        raise tokens.gone()
    return row


def standing(house: House, row: RequestRow) -> Standing:
    """How a request stands."""
    with house.database.read() as connection:
        steps = requests.steps(connection, row.run) if row.run is not None else []
    status, kind = Status(row.status), Kind(row.kind)
    systems: dict[str, bool] = {}
    for step in steps:
        if step.system:
            systems[step.system] = systems.get(step.system, True) and step.state == DONE
    return Standing(
        ref=row.ref,
        kind=kind,
        status=status,
        received=row.received,
        due=row.due,
        days_left=(row.due - house.clock()) // DAY,
        extended=row.extended is not None,
        ended=row.ended or 0,
        outcome=row.outcome,
        stages=_stages(row, status, kind, steps),
        systems=len(systems),
        systems_done=sum(systems.values()),
        can_cancel=Status.CANCELLED in rights.MOVES[status],
        has_copy=status is Status.ANSWERED and copies.path_of(house, row).is_file(),
    )


def counted(house: House) -> Counted:
    """How many requests are open, wait for somebody, are due soon, and are late."""
    now = house.clock()
    with house.database.read() as connection:
        found = requests.open_counts(connection, now, now + int(rights.REMIND_BEFORE.total_seconds()))
    return Counted(open=found[0], deciding=found[1], soon=found[2], late=found[3])


def reason(house: House, row: RequestRow) -> str:
    """Why a request was refused, or takes longer, in the words of whoever decided; "" for neither."""
    told = [one for one in asked.happened(house, row) if one.what in ("decided", "extended")]
    if row.status == Status.REFUSED.value:
        return next((str(one.detail["reason"]) for one in reversed(told) if one.what == "decided"), "")
    return next((str(one.detail["reason"]) for one in reversed(told) if one.what == "extended"), "")


def _stages(
    row: RequestRow, status: Status, kind: Kind, steps: Sequence[StepRow]
) -> tuple[tuple[Stage, Reached], ...]:
    makes = kind in (Kind.ACCESS, Kind.PORTABILITY)
    way = [Stage.RECEIVED, Stage.PROVED, Stage.SOUGHT]
    way += [Stage.MADE] if makes else [Stage.CHANGED, Stage.CHECKED]
    way.append(Stage.ANSWERED)
    if rights.NEEDED[kind] is rights.Identity.CLAIMED:
        way.remove(Stage.PROVED)
    reached = []
    before = True
    for one in way:
        done = before and _is_done(one, row, status, kind, steps)
        in_hand = before and not done and status in (Status.VERIFYING, Status.READY, Status.RUNNING)
        reached.append((one, Reached.DONE if done else Reached.NOW if in_hand else Reached.AHEAD))
        before = done
    if status in (Status.REFUSED, Status.CANCELLED):
        return tuple(one for one in reached if one[1] is Reached.DONE)
    return tuple(reached)


def _is_done(stage: Stage, row: RequestRow, status: Status, kind: Kind, steps: Sequence[StepRow]) -> bool:
    if stage is Stage.RECEIVED or status is Status.ANSWERED:
        return True
    if stage is Stage.PROVED:
        return row.proved >= rights.NEEDED[kind]
    if stage is Stage.ANSWERED or not steps:
        return False
    mine = [one for one in steps if _stage_of(one, kind) is stage]
    return all(one.state == DONE for one in mine)


def _stage_of(step: StepRow, kind: Kind) -> Stage:
    known = {one.value for one in Action}
    stage = _STAGE_OF.get(Action(step.action), Stage.ANSWERED) if step.action in known else Stage.ANSWERED
    if stage is Stage.CHANGED and kind in (Kind.ACCESS, Kind.PORTABILITY):
        return Stage.SOUGHT  # a desk is asked for what it holds
    return stage
