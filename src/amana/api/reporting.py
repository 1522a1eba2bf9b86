"""Reporting: the addresses that mail and message services report bounces, complaints and opt-outs to.

Rule. The address is `/v1/webhooks/<provider>/<key>`: the key is an API key with the scope `webhook` and one brand, made
for this one service and revoked alone. A wrong key is answered as an address that does not exist. Whatever a good report
says, its answer is the same, so that nobody learns whether an address is known. GET answers WhatsApp's challenge and
changes nothing. A subscription of Amazon SNS is confirmed by a person: the log shows the link, nothing follows it.
"""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec
import structlog
from litestar import Response, get, post
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath

from amana import errors
from amana.api import guarding, providers
from amana.api.desk import Desk
from amana.api.guarding import AnyRequest, TheDesk, answers
from amana.core.statements import ANY
from amana.delivery import texting
from amana.services.messaging import bounces, feedback, inbound, reporters
from amana.services.messaging.feedback import Report
from amana.services.record.api_keys import Caller

TEXTS = "twilio"
EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
MOST = 2_000  # reports in one request
_SNS = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com/[!-~]+\Z")
_CHALLENGE = re.compile(r"[0-9A-Za-z_-]{1,100}\Z")
_ANSWERS = answers(401, 409, 415, 422)
log = structlog.get_logger("amana.api")


@post("/v1/webhooks/{provider:str}/{key:str}", status_code=200, media_type="text/plain", responses=_ANSWERS)
async def report(
    request: AnyRequest, provider: FromPath[str], key: FromPath[str], desk: TheDesk
) -> Response[str]:
    """Take a provider's report."""
    caller = await _caller(request, desk, provider, key)
    body = await request.body()
    await _signed(request, desk, provider, body)
    if provider == TEXTS:
        await desk.run(_text, desk, caller, body)
        return Response(EMPTY_TWIML, media_type="application/xml")
    if provider == "ses":
        _show_subscription(body)
    reports = [one for one in providers.READERS[provider](body) if _is_ours(desk, one)][:MOST]
    brand = next(iter(caller.brands))
    context = caller.digest + sha256(body).digest() + desk.house.random(8)
    source = f"{provider}/{caller.name}"
    counted = [one for one in reports if one.kind in (bounces.SOFT, bounces.DELIVERED)]
    said = [one for one in reports if one not in counted]
    await desk.run(feedback.take, desk.house, source, brand, said, context)
    await desk.run(bounces.take, desk.house, source, counted)
    return Response("", media_type="text/plain")


@get("/v1/webhooks/{provider:str}/{key:str}", media_type="text/plain", responses=_ANSWERS)
async def challenge(
    request: AnyRequest, provider: FromPath[str], key: FromPath[str], desk: TheDesk
) -> Response[str]:
    """Answer WhatsApp's challenge."""
    await _caller(request, desk, provider, key)
    asked = request.query_params.get("hub.challenge", "")
    if provider != "whatsapp" or not _CHALLENGE.match(asked):
        raise _unknown()
    return Response(asked, media_type="text/plain")


async def _caller(request: AnyRequest, desk: Desk, provider: str, key: str) -> Caller:
    caller = await desk.run(desk.holder, key)
    if provider not in (*providers.READERS, TEXTS) or caller is None or not caller.may("webhook"):
        guarding.limited(request)
        raise _unknown()
    if len(caller.brands) != 1 or "*" in caller.brands:
        raise errors.BadInput(
            "The key of a webhook speaks for one brand", remedy="make one with a single brand"
        )
    return caller


async def _signed(request: AnyRequest, desk: Desk, provider: str, body: bytes) -> None:
    """Refuse a report that is not its provider's own. Raises PermissionDeniedException."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    sent = reporters.Sent(address=str(request.url), headers=headers, body=body)
    try:
        await desk.run(reporters.verify, desk.house, provider, sent)
    except errors.VerificationFailed:
        guarding.limited(request)
        raise PermissionDeniedException("The report is not signed as its provider signs it") from None


def _text(desk: Desk, caller: Caller, body: bytes) -> None:
    """A text message that somebody sent to a number of the key's brand. Raises BadInput."""
    inbound.text(desk.house, texting.received(reporters.form_of(body)), next(iter(caller.brands)))


def _is_ours(desk: Desk, one: Report) -> bool:
    return one.purpose == ANY or one.purpose in desk.house.workspace.purposes


def _show_subscription(body: bytes) -> None:
    try:
        said = msgspec.json.decode(body, type=_Subscription)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    if said.Type == "SubscriptionConfirmation" and _SNS.match(said.SubscribeURL):
        log.info("sns_subscription", confirm_by_opening=said.SubscribeURL)


class _Subscription(msgspec.Struct, frozen=True):
    """What Amazon SNS sends before the first report."""

    Type: str = ""
    SubscribeURL: str = ""


def _unknown() -> errors.NotFound:
    return errors.NotFound("There is nothing here", remedy="check the address")


ROUTES = (report, challenge)
