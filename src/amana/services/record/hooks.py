"""Hooks: other systems hear of events as CloudEvents 1.0, signed, in the order of each person.

Rule.
- The log is the outbox: a sweep turns the events after the last position told into tasks, and moves that position in the
  same transaction. So every event is told once, however it came in and whatever was killed meanwhile.
- Each hook has its own kind of task: one that is down holds up nobody else, and of one person only the oldest is sent.
- A message names the person by id, and purpose, channel and status in words. It never holds an address or a name.
- It is signed as Standard Webhooks describes: HMAC-SHA256 over id, time and body, in `webhook-signature`.
- Only https is spoken off the machine, redirects are not followed, and the answer's body is not read.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec

from amana import errors
from amana.core import events
from amana.core.vocabulary import Status
from amana.services.record import history, tasks
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import hooks, log
from amana.storage.hooks import HookRow
from amana.storage.log import EventRow
from amana.storage.tasks import TaskRow

BATCH = 500  # events to a sweep's transaction
PATIENCE = 10  # seconds
LOCAL = ("127.0.0.1", "::1", "localhost")
_POINT = ("added", "verified", "blocked", "unblocked", "soft_bounced", "delivered")
TYPES = (
    *(f"amana.permission.{status.value}" for status in Status),
    *(f"amana.point.{change}" for change in _POINT),
    *(
        f"amana.{word}"
        for word in ("relationship", "profile", "preference", "restriction", "retraction", "held")
    ),
)
"""Every type of message: the events that belong to a person."""
_encode = msgspec.json.Encoder(order="sorted").encode


class MadeHook(msgspec.Struct, frozen=True, kw_only=True):
    """A new hook; the secret is shown once."""

    id: int
    url: str
    secret: str


def make(house: House, url: str, types: Sequence[str] = ("*",)) -> MadeHook:
    """Let an address hear of events from now on. Raises BadInput."""
    _check(url)
    if not types or not set(types) <= {"*", *TYPES}:
        raise errors.BadInput(
            "A type of event is not known",
            expected=f"* or some of: {', '.join(TYPES)}",
            got=", ".join(sorted(set(types) - {"*", *TYPES})),
            remedy="check the spelling",
        )
    secret = house.random(32)
    name = f"hook/{house.random(8).hex()}"
    house.keys.set_secret(name, secret)

    def work(session: Session) -> int:
        if hooks.told(session.connection) is None:
            hooks.set_told(session.connection, session.ledger_size)
        return hooks.add(session.connection, url, " ".join(types), name, session.now)

    return MadeHook(
        id=house.writing().write(work), url=url, secret=f"whsec_{base64.b64encode(secret).decode()}"
    )


def stop(house: House, number: int) -> None:
    """A hook hears no more. Raises NotFound."""
    if not house.writing().write(lambda session: hooks.stop(session.connection, number, session.now)):
        raise errors.NotFound("There is no hook of this number", remedy="see `amana hook list`")


def every(house: House) -> list[HookRow]:
    """All hooks."""
    with house.database.read() as connection:
        return hooks.every(connection)


def sweep(house: House) -> int:
    """Turn events that no hook heard of yet into tasks; how many events were looked at."""
    with house.database.read() as connection:
        told, latest = hooks.told(connection), log.latest(connection)
    if told is None or latest is None or told >= latest.size:
        return 0
    return house.writing().write(lambda session: _sweep(house, session))


def kinds(house: House) -> list[str]:
    """The kinds of task that hooks in use have."""
    return [_kind(one) for one in every(house) if one.stopped is None]


def send(house: House, row: TaskRow, payload: Mapping[str, Any]) -> None:
    """Tell one hook of one event. Raises NotNow, Undeliverable."""
    number = int(row.kind.partition("/")[2])
    hook = next((one for one in every(house) if one.id == number), None)
    if hook is None or hook.stopped is not None:
        raise errors.Undeliverable("hook_stopped")
    _post(hook.url, headers(house.keys.secret(hook.secret), payload, house.clock()), _encode(payload))


def headers(secret: bytes, payload: Mapping[str, Any], at: int) -> dict[str, str]:
    """The headers of a message, its signature among them (Standard Webhooks 1.0)."""
    signed = f"{payload['id']}.{at}.".encode() + _encode(payload)
    signature = base64.b64encode(hmac.digest(secret, signed, sha256)).decode()
    return {
        "content-type": "application/cloudevents+json",
        "webhook-id": str(payload["id"]),
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }


def _sweep(house: House, session: Session) -> int:
    told = hooks.told(session.connection) or 0
    end = min(session.ledger_size, told + BATCH)
    rows = log.between(session.connection, told, end)
    listening = [one for one in hooks.every(session.connection) if one.stopped is None]
    if listening:
        for row, event in _opened(house, session, rows):
            _tell(house, session, row, event, listening)
    hooks.set_told(session.connection, end)
    return end - told


def _opened(
    house: House, session: Session, rows: Sequence[EventRow]
) -> list[tuple[EventRow, events.AnyEvent]]:
    """The events that still open: those of erased people do not, and are not told."""
    keys = house.keys.known_keys({row.person for row in rows if row.person})
    commitments = history.Commitments(session.connection)
    return [
        (row, history.open_row(row, keys[row.person], commitments.at(row.position)).event)
        for row in rows
        if row.person in keys
    ]


def _tell(
    house: House, session: Session, row: EventRow, event: events.AnyEvent, listening: Sequence[HookRow]
) -> None:
    message = cloud_event(house.origin, row, event)
    for hook in listening:
        wanted = hook.events.split()
        if "*" in wanted or message["type"] in wanted:
            tasks.add(house, session, _kind(hook), f"{_kind(hook)}/{message['id']}", row.person, message)


def cloud_event(origin: str, row: EventRow, event: events.AnyEvent) -> dict[str, Any]:
    """What a hook hears of one event: CloudEvents 1.0 in JSON, without any identifying value."""
    word = type(event).__name__.lower()
    data: dict[str, Any] = {"position": row.position}
    if isinstance(event, events.Permission):
        word = f"permission.{event.status.value}"
        data |= {"brand": event.brand, "purpose": event.purpose, "channel": event.channel}
        data |= {"notice": event.notice, "confirmed": event.confirmed}
        data |= {"category": event.category} if event.category else {}
    elif isinstance(event, events.Point):
        word = f"point.{event.change}"
        data |= {"point": event.point, "kind": event.point_kind.value}
    elif isinstance(event, events.Restriction):
        data |= {"on": event.on}
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": origin,
        "type": f"amana.{word}",
        "subject": f"p{row.person}",
        "time": datetime.fromtimestamp(event.recorded, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "datacontenttype": "application/json",
        "data": data,
    }


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Another address was never agreed to."""


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def _post(url: str, head: Mapping[str, str], body: bytes) -> None:
    request = urllib.request.Request(url, body, dict(head), method="POST")  # noqa: S310  the address was checked
    try:
        with _opener.open(request, timeout=PATIENCE):
            return
    except urllib.error.HTTPError as refused:
        refused.close()
        if refused.code == http.client.GONE:
            raise errors.Undeliverable("hook_gone") from None
        raise errors.NotNow(f"hook_{refused.code}") from None
    except (OSError, http.client.HTTPException):
        raise errors.NotNow("hook_unreachable") from None


def _kind(hook: HookRow) -> str:
    return f"webhook/{hook.id}"


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)
        fine = fine and bool(parts.hostname) and parts.username is None and "\n" not in url
    except ValueError:
        fine = False
    if not fine:
        raise errors.BadInput(
            "The address of a hook cannot be used",
            expected="https://… without a user name; http only on this machine",
            remedy="check it",
        )
