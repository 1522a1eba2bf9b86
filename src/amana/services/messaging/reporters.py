"""Reporters: whether a report is the provider's own, where the workspace says how to tell.

Rule. `[reports.<provider>]` in the workspace file names the file of a secret, or Amazon's topic; with `[sms]` the texts'
provider is checked under its token without being named again. Where something is configured, an unsigned or wrongly
signed report is refused; where nothing is, the key in the report's address is all that vouches for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from amana import errors
from amana.core.mailing import Reporter
from amana.delivery import signatures
from amana.delivery.signatures import Fetch
from amana.services.record.house import House
from amana.services.record.posting import secret


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it came."""

    address: str  # that it was sent to, whole
    headers: Mapping[str, str]  # lower-case names
    body: bytes


def form_of(body: bytes) -> dict[str, str]:
    """A posted form; of a repeated field the last counts. Raises BadInput for a flood of fields."""
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200))
    except ValueError:
        raise errors.BadInput("The form has too many fields", expected="at most 200") from None


def verify(house: House, provider: str, sent: Sent, fetch: Fetch = signatures.certificate) -> None:
    """Refuse a report that is not its provider's own. Raises VerificationFailed, BadSettings, NotNow."""
    held = _configured(house, provider)
    if held is None:
        return
    header = sent.headers.get
    if provider == "ses":
        signatures.amazon(_object(sent.body), held.topic, fetch)
        return
    word = secret(house, held.secret_file)
    if provider == "twilio":
        address = held.url or sent.address
        signatures.twilio(address, form_of(sent.body), header("x-twilio-signature", ""), word)
    elif provider == "sendgrid":
        prefix = "x-twilio-email-event-webhook-"
        signatures.sendgrid(
            sent.body, header(f"{prefix}timestamp", ""), header(f"{prefix}signature", ""), word
        )
    elif provider == "postmark":
        signatures.postmark(header("authorization", ""), held.user, word)
    elif provider == "whatsapp":
        signatures.meta(sent.body, header("x-hub-signature-256", ""), word)


def _configured(house: House, provider: str) -> Reporter | None:
    held = house.workspace.reports.get(provider)
    texts = house.workspace.sms
    if held is None and provider == "twilio" and texts is not None:
        return Reporter(secret_file=texts.token_file)
    return held


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise errors.VerificationFailed("The provider's signature does not fit") from None
