"""Calls to one declared host, with limits on time, size and repetition.

Rule.
- Only the declared origin is called: no redirect is followed, no address of another host is used, and the connection is
  encrypted unless it stays on this machine.
- A call that may be repeated is tried again after a time-out, a broken answer or a 5xx, a few times, with growing pauses;
  one that may not is repeated only when it surely did not arrive. A 429 or 503 that says how long to wait is waited for
  if that is short; else it is NotNow with `after`.
- An answer is read up to a size. 401 and 403 are `http_denied`, other 4xx `http_refused`, all Undeliverable.
- Neither errors nor logs hold an address that was called: a person's mail address may stand in it.
"""

from __future__ import annotations

import email.utils
import ipaddress
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from amana import errors

PAUSE = 0.5  # seconds before the first repetition; doubled for each further one
LONGEST = 32 * 1024 * 1024  # bytes of an answer
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
WAITS = frozenset({429, 503})

# These write the address of every call, and addresses hold values.
for _logger in ("httpx", "httpcore"):
    logging.getLogger(_logger).setLevel(logging.WARNING)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call."""

    method: str
    path: str  # below the base, or a whole address of the same origin
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: Any = None  # sent as JSON
    form: Mapping[str, str] | None = None  # sent as a form
    repeatable: bool = True  # once or twice is the same


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """A header by its name in small letters, "" where it is missing."""
        return self.headers.get(name, "")


class Wire:
    """One host."""

    def __init__(
        self,
        base: str,
        *,
        timeout: float = 20.0,
        tries: int = 3,
        patience: float = 30.0,
        longest: int = LONGEST,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base.rstrip("/")
        self._origin = _origin(self._base)
        self._tries, self._patience, self._longest, self._sleep = max(tries, 1), patience, longest, sleep
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)

    def is_own(self, address: str) -> bool:
        """Whether an address is of the declared origin."""
        try:
            return _origin(address) == self._origin
        except errors.BadInput:
            return False

    def send(self, call: Call) -> Answered:
        """The answer, whatever its status below 500. Raises NotNow, Undeliverable."""
        for attempt in range(1, self._tries + 1):
            last = attempt == self._tries
            try:
                answer = self._once(call)
            except httpx.ConnectError:
                trouble, again = errors.NotNow("http_unreachable"), True
            except httpx.TimeoutException:
                trouble, again = errors.NotNow("http_timeout"), call.repeatable
            except (httpx.TransportError, httpx.DecodingError):
                trouble, again = errors.NotNow("answer_incomplete"), call.repeatable
            else:
                if answer.status not in LATER:
                    return answer
                trouble, again = _later(answer), call.repeatable or answer.status in WAITS
            if last or not again or trouble.after > self._patience:
                break
            self._sleep(trouble.after or PAUSE * 2 ** (attempt - 1))
        raise trouble

    def check(self, answer: Answered) -> Answered:
        """The answer, if it says yes. Raises Undeliverable."""
        if 200 <= answer.status < 300:
            return answer
        if answer.status in (401, 403):
            raise errors.Undeliverable("http_denied", got=str(answer.status))
        token = "http_redirects" if 300 <= answer.status < 400 else "http_refused"
        raise errors.Undeliverable(token, expected="an answer of 200 to 299", got=str(answer.status))

    def json(self, answer: Answered) -> Any:
        """What an answer holds. Raises NotNow for what is no JSON: a proxy's page, half an answer."""
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise errors.NotNow("answer_unreadable", expected="JSON") from None

    def close(self) -> None:
        """Give back connections."""
        self._client.close()

    def _once(self, call: Call) -> Answered:
        with self._client.stream(
            call.method,
            self._address(call.path),
            params=call.query or None,
            headers={"Accept": "application/json", **call.headers},
            json=call.body,
            data=call.form,
        ) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > self._longest:
                    raise errors.NotNow("answer_too_large", expected=f"at most {self._longest} bytes")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answered(status=response.status_code, headers=headers, body=bytes(body))

    def _address(self, path: str) -> str:
        if path.startswith("/"):
            return self._base + path
        if not self.is_own(path):
            raise errors.Undeliverable("http_other_host", expected="an address of the declared host")
        return path


def _origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises BadInput for what is neither https nor on this machine."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if (
        not host
        or parts.username
        or not (parts.scheme == "https" or (parts.scheme == "http" and _local(host)))
    ):
        raise errors.BadInput(
            "The address of an interface cannot be used", expected="https://host, or http on this machine"
        )
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


def _local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _later(answer: Answered) -> errors.NotNow:
    token = "http_rate_limited" if answer.status == 429 else f"http_{answer.status}"
    return errors.NotNow(token, after=_wait(answer))


def _wait(answer: Answered) -> int:
    """Seconds that Retry-After asks for (RFC 9110 section 10.2.3); a date counts from the answer's own."""
    said = answer.header("retry-after").strip()
    if said.isdecimal():
        return int(said[:9])
    try:
        until = email.utils.parsedate_to_datetime(said)
        since = email.utils.parsedate_to_datetime(answer.header("date"))
        return max(int((until - since).total_seconds()), 0)
    except (TypeError, ValueError):
        return 0
