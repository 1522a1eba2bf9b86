"""Providers: what each mail and message service reports back, read into `feedback.Report`s.

Rule. A reader takes the body as the service documents it and decides nothing. Our own message token is looked for first:
in the `List-Unsubscribe` header that SES hands back, in SendGrid's custom arguments and Postmark's metadata under
`amana_token`. Soft bounces and deliveries are counted together (`services.bounces`); what is not listed here is dropped.
A body that is no such report at all is refused; one element that cannot be read does not lose the others.

Sources: Amazon SES event notifications; SendGrid Event Webhook; Postmark webhooks; Twilio messaging webhooks
(OptOutType); WhatsApp Cloud API `user_preferences`; Segment consent preferences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from amana import errors
from amana.core.vocabulary import Channel
from amana.services.messaging.bounces import DELIVERED, SOFT
from amana.services.messaging.feedback import BOUNCE, COMPLAINT, LEAVE, START, Report

TOKEN = "amana_token"  # noqa: S105  the name of a field, not a secret
_LINK = re.compile(r"/u/([A-Za-z0-9_-]{24})(?![A-Za-z0-9_-])")

Reader = Callable[[bytes], Iterator[Report]]


def ses(body: bytes) -> Iterator[Report]:
    """Amazon SES, straight or inside an SNS notification."""
    said = _object(body)
    if "Message" in said:
        said = _object(str(said["Message"]).encode()) if said.get("Type") == "Notification" else {}
    mail = _inner(said, "mail")
    token = _header_token(mail.get("headers"))
    kind = said.get("notificationType") or said.get("eventType")
    if kind == "Bounce" and _inner(said, "bounce").get("bounceType") == "Permanent":
        for one in _objects(_inner(said, "bounce").get("bouncedRecipients")):
            yield _mail(BOUNCE, token, one.get("emailAddress"), _inner(said, "bounce").get("timestamp"))
    elif kind in ("Bounce", "Delivery"):
        soft = _inner(said, "bounce").get("bounceType") == "Transient"
        if kind == "Delivery" or soft:
            named = _objects(_inner(said, "bounce").get("bouncedRecipients"))
            emails = [one.get("emailAddress") for one in named] if soft else mail.get("destination")
            for email in emails if isinstance(emails, list) else []:
                yield _mail(SOFT if soft else DELIVERED, token, email, None)
    elif kind == "Complaint":
        for one in _objects(_inner(said, "complaint").get("complainedRecipients")):
            when = _inner(said, "complaint").get("timestamp")
            yield _mail(COMPLAINT, token, one.get("emailAddress"), when)
    elif kind == "Subscription":
        mails = mail.get("destination") or [""]
        # The mail's own time is when it was sent, before they left.
        when = _inner(said, "subscription").get("timestamp")
        yield _mail(LEAVE, token, mails[0] if isinstance(mails, list) and mails else "", when)


def sendgrid(body: bytes) -> Iterator[Report]:
    """SendGrid's Event Webhook: a list of events."""
    kinds = {
        "spamreport": COMPLAINT,
        "unsubscribe": LEAVE,
        "group_unsubscribe": LEAVE,
        "deferred": SOFT,
        "delivered": DELIVERED,
    }
    for one in _objects(_json(body)):
        event = one.get("event")
        bounced = SOFT if one.get("type") == "blocked" else BOUNCE
        kind = bounced if event == "bounce" else kinds.get(str(event))
        if kind is not None:
            yield _mail(kind, one.get(TOKEN), one.get("email"), one.get("timestamp"))


def postmark(body: bytes) -> Iterator[Report]:
    """Postmark: one bounce, complaint or change of subscription."""
    said = _object(body)
    token = _inner(said, "Metadata").get(TOKEN)
    what = said.get("RecordType")
    if what == "Bounce" and said.get("Type") in ("HardBounce", "BadEmailAddress", "ManuallyDeactivated"):
        yield _mail(BOUNCE, token, said.get("Email"), said.get("BouncedAt"))
    elif what == "Bounce" and said.get("Type") in ("SoftBounce", "Transient", "DnsError", "MailboxFull"):
        yield _mail(SOFT, token, said.get("Email"), None)
    elif what == "Delivery":
        yield _mail(DELIVERED, token, said.get("Recipient"), None)
    elif what == "SpamComplaint" or (what == "Bounce" and said.get("Type") == "SpamComplaint"):
        yield _mail(COMPLAINT, token, said.get("Email"), said.get("BouncedAt"))
    elif what == "SubscriptionChange" and said.get("SuppressSending") is True:
        kind = COMPLAINT if said.get("SuppressionReason") == "SpamComplaint" else LEAVE
        yield _mail(kind, token, said.get("Recipient"), said.get("ChangedAt"))


def whatsapp(body: bytes) -> Iterator[Report]:
    """WhatsApp's `user_preferences`: stop or resume of marketing messages."""
    for entry in _objects(_object(body).get("entry")):
        for change in _objects(entry.get("changes")):
            for one in _objects(_inner(change, "value").get("user_preferences")):
                kind = {"stop": LEAVE, "resume": START}.get(str(one.get("value")))
                if kind is not None and one.get("category") == "marketing_messages":
                    yield Report(
                        kind=kind,
                        channel=Channel.MESSAGING,
                        phone=f"+{str(one.get('wa_id', '')).lstrip('+')}",
                        at=_moment(one.get("timestamp")),
                        reason="user_preferences",
                    )


def segment(body: bytes) -> Iterator[Report]:
    """Segment's consent preferences: a category that is false and named as a purpose is left, for e-mail.

    A category that is true is no evidence of a consent for messages, and one that is missing says nothing here.
    """
    said = _object(body)
    context = _inner(said, "context")
    if said.get("event") != "Segment Consent Preference Updated":
        return
    email = _inner(said, "traits").get("email") or _inner(context, "traits").get("email")
    for name, value in _inner(_inner(context, "consent"), "categoryPreferences").items():
        if value is False and isinstance(email, str):
            yield Report(
                kind=LEAVE,
                channel=Channel.EMAIL,
                email=email,
                purpose=name,
                at=_moment(said.get("timestamp")),
                reason="segment",
            )


READERS: dict[str, Reader] = {
    "ses": ses,
    "sendgrid": sendgrid,
    "postmark": postmark,
    "whatsapp": whatsapp,
    "segment": segment,
}


def _mail(kind: str, token: Any, email: Any, when: Any) -> Report:
    reason = {BOUNCE: "bounce_hard", COMPLAINT: "complaint", LEAVE: "unsubscribe"}.get(kind, "")
    return Report(
        kind=kind,
        channel=Channel.EMAIL,
        token=token if isinstance(token, str) else "",
        email=email if isinstance(email, str) else "",
        at=_moment(when),
        reason=reason,
    )


def _header_token(headers: Any) -> str:
    for one in _objects(headers):
        if str(one.get("name", "")).lower() == "list-unsubscribe":
            found = _LINK.search(str(one.get("value", "")))
            return found[1] if found else ""
    return ""


def _moment(value: Any) -> int | None:
    """UTC seconds of an ISO time or a number of seconds; None for anything else: then it is now."""
    try:
        if isinstance(value, str) and not value.isdigit():
            moment = int(msgspec.convert(value, datetime).timestamp())
        else:
            moment = int(value)
    except (TypeError, ValueError, OverflowError, msgspec.ValidationError):
        return None
    return moment if 0 < moment < 4_102_444_800 else None


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise errors.BadInput(
            "The report is not JSON", remedy="send it as the provider documents it"
        ) from None


def _object(body: bytes) -> Mapping[str, Any]:
    found = _json(body)
    if not isinstance(found, dict):
        raise errors.BadInput("The report is not an object", remedy="send it as the provider documents it")
    return found


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _inner(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
