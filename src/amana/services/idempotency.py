"""Doing a request once, however often it is sent.

Rule. A request with an Idempotency-Key is written down before it is done and completed after. The same key with the same
request gets the first answer again; with another request, or while the first is still being done, it is a conflict. A
request that was refused leaves no trace, so that it can be mended and sent again. If the process dies in between, the
key stays taken for a day: whether the work was done is then read from the record, never guessed.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256

from amana import errors
from amana.keys.store import EVENT_ID
from amana.services.house import House
from amana.services.writing import Session
from amana.storage import idempotency
from amana.storage.idempotency import LIFE, AnswerRow


def once(house: House, owner: bytes, key: str, request: bytes, work: Callable[[], str]) -> str:
    """The answer of `work`, or the one it gave before under this key. Raises Conflict, and whatever the work raises."""
    secret = house.keys.secret(EVENT_ID)
    name = hmac.digest(secret, b"idempotency/" + owner + key.encode(), sha256)
    asked = hmac.digest(secret, b"request/" + request, sha256)
    before = house.writing().write(lambda session: _begin(session, name, asked))
    if before is not None:
        return before
    try:
        answer = work()
    except errors.AmanaError:
        house.writing().write(lambda session: idempotency.drop(session.connection, name))
        raise
    house.writing().write(lambda session: idempotency.complete(session.connection, name, answer))
    return answer


def _begin(session: Session, name: bytes, asked: bytes) -> str | None:
    held = idempotency.get(session.connection, name)
    if held is not None and held.made < session.now - LIFE:
        held = None
    if held is None:
        idempotency.put(session.connection, AnswerRow(name, asked, "", session.now))
        return None
    if held.request != asked:
        raise errors.Conflict(
            "This Idempotency-Key was used for another request", remedy="use a new key for each request"
        )
    if not held.answer:
        raise errors.Conflict(
            "The request with this Idempotency-Key is still being done, or was cut off",
            remedy="wait; then read the record before you send it again under another key",
        )
    return held.answer
