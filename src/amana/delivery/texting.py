"""Text messages: a provider that takes one text for one number, and the form in which its answers come.

Rule. A provider either took the message, or can be tried again (NotNow), or never will (Undeliverable). Twilio's shape
is spoken here: a form posted to `/2010-04-01/Accounts/{account}/Messages.json`. Its error 21610 means that the person
answered STOP to the provider: it is given on as `sms_stopped`, because our record has to say so too. The answers it
posts to us are read here and believed by `signatures`.
"""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Protocol

import msgspec

from amana import errors

TIMEOUT = 15.0  # seconds
STOPPED = "21610"


class Provider(Protocol):
    """Takes text messages. `send` is called from any thread; the key makes a repeated call recognisable."""

    def send(self, number: str, text: str, key: str) -> None:
        """Hand over one text. Raises NotNow or Undeliverable."""


class _Trouble(msgspec.Struct, frozen=True):
    code: int | str = ""


class Twilio:
    """A provider of Twilio's shape."""

    def __init__(self, url: str, account: str, token: str, sender: str) -> None:
        self._url = f"{url.rstrip('/')}/2010-04-01/Accounts/{urllib.parse.quote(account)}/Messages.json"
        self._sender = sender
        self._authorisation = "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()

    def send(self, number: str, text: str, key: str) -> None:
        """Hand over one text. Raises NotNow or Undeliverable."""
        form = urllib.parse.urlencode({"To": number, "From": self._sender, "Body": text}).encode()
        request = urllib.request.Request(  # noqa: S310  the workspace names it, and it is checked to be http(s)
            self._url,
            data=form,
            headers={"Authorization": self._authorisation, "Idempotency-Key": key},
        )
        if request.type not in ("https", "http"):
            raise errors.Undeliverable("sms_no_such_provider")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310  as above
                return
        except urllib.error.HTTPError as refused:
            with refused:
                raise _answered(refused.code, refused.read(10_000)) from refused
        except (OSError, http.client.HTTPException) as trouble:
            raise errors.NotNow("sms_unreachable") from trouble


def _answered(status: int, body: bytes) -> errors.AmanaError:
    try:
        code = str(msgspec.json.decode(body, type=_Trouble).code)
    except msgspec.DecodeError:
        code = ""
    if code == STOPPED:
        return errors.Undeliverable("sms_stopped")
    if status == http.client.TOO_MANY_REQUESTS or status >= http.client.INTERNAL_SERVER_ERROR:
        return errors.NotNow(f"sms_{status}")
    return errors.Undeliverable(f"sms_{code or status}")


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A text that somebody sent us."""

    id: str  # the provider's, so that it counts once
    number: str  # theirs
    ours: str
    body: str
    said: str = ""  # STOP | START | HELP where the provider has read it already


def received(form: Mapping[str, str]) -> Received:
    """A text as the provider posts it. Raises BadInput without its id or its sender."""
    if not form.get("MessageSid") or not form.get("From"):
        raise errors.BadInput("This is not a text message", expected="the fields MessageSid and From")
    return Received(
        id=form["MessageSid"],
        number=form["From"],
        ours=form.get("To", ""),
        body=form.get("Body", ""),
        said=form.get("OptOutType", "").upper(),
    )
