"""A run as rows: its steps, and what it keeps sealed under the workspace's key.

Rule.
- A run needs nobody's key on its way: whom it looks for and what it corrects stand sealed in its row, what a step
  needs later in the step's. All of it is emptied when the run is over.
- Planned anew with another map, a run carries over what it found and what desks were asked. Every value is asked for
  again and every change done again: the new map may know fields that the old one did not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from amana.core.data_map import DataMap, Place
from amana.core.rights import Kind
from amana.ledger import sealing
from amana.services.record.house import House
from amana.services.rights import rights_plan
from amana.services.rights.rights_plan import Action, Plan
from amana.services.systems.rights_walk import Found
from amana.storage.requests import TODO, RunRow, StepRow

SECRETS = b"request_run/secrets"
Random = Callable[[int], bytes]
_encode = msgspec.json.Encoder().encode  # unsorted: keys are request numbers too


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What a run keeps sealed of its requests."""

    masking: bytes  # the key of its masks
    identities: dict[int, dict[str, tuple[str, ...]]]  # request number -> kind -> values
    corrections: dict[int, dict[str, str]]  # request number -> field category -> right value


def sealed_secrets(house: House, secrets: Secrets) -> bytes:
    """A run's secrets for its row."""
    return sealing.wrap(house.keys.keys([0])[0], house.random(12), _encode(secrets), SECRETS)


def opened_secrets(house: House, run: RunRow) -> Secrets:
    """A run's secrets. Raises VerificationFailed for a run that is over."""
    return msgspec.json.decode(sealing.unwrap(house.keys.keys([0])[0], run.masking, SECRETS), type=Secrets)


def sealed(key: bytes, random: Random, step: StepRow, content: object) -> bytes:
    """What a step needs later, for its row."""
    return sealing.wrap(key, random(12), _encode(content), _context(step))


def opened(key: bytes, step: StepRow, kind: type[Any]) -> Any:
    """What a step kept."""
    return msgspec.json.decode(sealing.unwrap(key, step.sealed, _context(step)), type=kind)


def plan_for(the_map: DataMap, kind: Kind, secrets: Secrets) -> Plan:
    """The plan of a run. Raises BadInput."""
    names = {name for one in secrets.identities.values() for name in one}
    categories = {category for one in secrets.corrections.values() for category in one}
    return rights_plan.make(the_map, kind, names, categories)


def fresh(run: int, plan: Plan, now: int) -> list[StepRow]:
    """The steps of a plan, none done."""
    return [
        StepRow(
            run=run,
            ordinal=ordinal,
            action=one.action.value,
            system=one.system,
            node=word(one.node),
            level=one.level,
            state=TODO,
            attempts=0,
            due=now,
            trouble="",
            found=0,
            changed=0,
            finished=None,
            sealed=b"",
        )
        for ordinal, one in enumerate(plan.steps)
    ]


def digest(the_map: DataMap) -> str:
    """A fingerprint of the data map."""
    return hashlib.sha256(_encode(the_map)).hexdigest()


def carried(
    the_map: DataMap, key: bytes, random: Random, old: Sequence[StepRow], new: Sequence[StepRow]
) -> list[StepRow]:
    """The steps of a new plan with what the old ones found and asked."""
    before = {(one.action, one.system, one.node): one for one in old}
    made = []
    for step in new:
        same = before.get((step.action, step.system, step.node))
        if same is not None and same.sealed and step.action == Action.FIND.value:
            found = _to_ask_again(the_map, opened(key, same, Found), place(step.node))
            step = step._replace(sealed=sealed(key, random, step, found), found=same.found)
        elif same is not None and same.sealed and step.action == Action.ASK.value:
            tickets = opened(key, same, dict[int, str])
            step = step._replace(
                sealed=sealed(key, random, step, tickets),
                state=same.state,
                found=same.found,
                finished=same.finished,
            )
        made.append(step)
    return made


def _to_ask_again(the_map: DataMap, found: Found, node: Place) -> Found:
    """What was found, without fields that the collection has no more."""
    paths = {field.path for field in the_map.collection(node).fields}
    kept = {path: wanted for path, wanted in found.wanted.items() if path in paths}
    return Found(wanted=kept, rows=found.rows).to_ask_again()


def word(node: Place | None) -> str:
    """A collection as a step's row names it."""
    return "" if node is None else f"{node.dataset}:{node.collection}"


def place(named: str) -> Place:
    """The collection that a step's row names."""
    dataset, _, collection = named.partition(":")
    return Place(dataset, collection)


def _context(step: StepRow) -> bytes:
    return f"request_step/{step.run}/{step.ordinal}".encode()
