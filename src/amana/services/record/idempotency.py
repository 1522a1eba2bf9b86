"""Doing a request once, however often it is sent.

Rule. A request with an Idempotency-Key is written down before it is done and completed after. The same key with the same
request gets the first answer again; with another request, or while the first is still being done, it is a conflict. A
request that was refused leaves no trace, so that it can be mended and sent again. While it is being done the key is
leased for `LEASE` seconds: if the process dies in between, the same request may be sent again after that, and is done
then. What it records is once in the log all the same where its events' ids follow from the key; a withdrawal that is told
twice says the same. Whoever lost the lease to a second attempt does not answer over it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256

from amana import errors
from amana.keys.store import EVENT_ID
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import idempotency
from amana.storage.idempotency import LIFE, AnswerRow

LEASE = 60
"""Seconds that a request which is being done keeps others with its key away; longer than any takes."""


def once(house: House, owner: bytes, key: str, request: bytes, work: Callable[[], str]) -> str:
    """The answer of `work`, or the one it gave before under this key. Raises Conflict, and whatever the work raises."""
    secret = house.keys.secret(EVENT_ID)
    name = hmac.digest(secret, b"idempotency/" + owner + key.encode(), sha256)
    asked = hmac.digest(secret, b"request/" + request, sha256)
    begun = house.writing().write(lambda session: _begin(session, name, asked))
    if isinstance(begun, str):
        return begun
    try:
        answer = work()
    except errors.AmanaError:
        house.writing().write(lambda session: idempotency.drop(session.connection, name, begun))
        raise
    house.writing().write(lambda session: idempotency.complete(session.connection, name, begun, answer))
    return answer


def _begin(session: Session, name: bytes, asked: bytes) -> str | int:
    """The answer that was given, or when our lease on the key began. Raises Conflict."""
    held = idempotency.get(session.connection, name)
    if held is not None and held.made < session.now - LIFE:
        held = None
    if held is None:
        idempotency.put(session.connection, AnswerRow(name, asked, "", session.now))
        return session.now
    if held.request != asked:
        raise errors.Conflict(
            "This Idempotency-Key was used for another request", remedy="use a new key for each request"
        )
    if not held.answer and held.made <= session.now - LEASE:
        idempotency.renew(session.connection, name, session.now)
        return session.now
    if not held.answer:
        raise errors.Conflict(
            "The request with this Idempotency-Key is still being done, or was cut off",
            remedy=f"send it again under the same key in {LEASE} seconds",
        )
    return held.answer
