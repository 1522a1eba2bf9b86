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
from litestar.params import FromPath

from amana import errors
from amana.api import guarding, providers
from amana.api.desk import Desk
from amana.api.guarding import AnyRequest, TheDesk, answers
from amana.core.statements import ANY
from amana.services import feedback
from amana.services.api_keys import Caller
from amana.services.feedback import Report

EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
MOST = 2_000  # reports in one request
_SNS = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com/[!-~]+\Z")
_CHALLENGE = re.compile(r"[0-9A-Za-z_-]{1,100}\Z")
_ANSWERS = answers(401, 403, 409, 415, 422)
log = structlog.get_logger("amana.api")


@post("/v1/webhooks/{provider:str}/{key:str}", status_code=200, media_type="text/plain", responses=_ANSWERS)
async def report(
    request: AnyRequest, provider: FromPath[str], key: FromPath[str], desk: TheDesk
) -> Response[str]:
    """Take a provider's report."""
    caller = await _caller(request, desk, provider, key)
    body = await request.body()
    if provider == "ses":
        _show_subscription(body)
    reports = [one for one in providers.READERS[provider](body) if _is_ours(desk, one)][:MOST]
    brand = next(iter(caller.brands))
    context = caller.digest + sha256(body).digest() + desk.house.random(8)
    await desk.run(feedback.take, desk.house, f"{provider}/{caller.name}", brand, reports, context)
    if provider == "twilio":
        return Response(EMPTY_TWIML, media_type="application/xml")
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
    if provider not in providers.READERS or caller is None or not caller.may("webhook"):
        guarding.limited(request)
        raise _unknown()
    if len(caller.brands) != 1 or "*" in caller.brands:
        raise errors.BadInput(
            "The key of a webhook speaks for one brand", remedy="make one with a single brand"
        )
    return caller


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
