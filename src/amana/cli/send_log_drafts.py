"""A mapping to begin with for a log of past sends, and how a log is told from a list of people.

Rule. A table is a log where a column says when something was sent and another says which campaign it was, or to whom
under the name that logs have for it (recipient), unless a column seems to hold a permission: then it is a list that
happens to name its last letter. What a campaign was for is never guessed: `purpose` stays a comment, and the mapping is
refused until somebody completes it. No cell of the file is written down: campaigns may be named after people.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

RECIPIENTS = ("recipient", "recipientemail", "recipientaddress", "sentto", "to", "toaddress", "toemail")
MOMENTS = (
    "sent",
    "sentat",
    "senton",
    "sentdate",
    "senttime",
    "senddate",
    "sendtime",
    "sendat",
    "sentdatetime",
    "deliveredat",
    "deliverydate",
)
CAMPAIGNS = (
    "campaign",
    "campaignname",
    "campaignid",
    "campaigntitle",
    "mailing",
    "mailingname",
    "broadcast",
    "template",
    "templatename",
    "subject",
    "subjectline",
)
CHANNELS = ("channel", "medium")
_EVENTS = ("event", "status", "deliverystatus", "state")


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a log of sends."""

    moment: str
    recipient: str = ""  # an address or a number, under a log's own name for it
    campaign: str = ""
    channel: str = ""
    event: str = ""


def recognised(plain: dict[str, str], *, has_status: bool) -> Log | None:
    """The log that a header shows, by the names of its columns without case and signs; None for any other table."""
    log = Log(
        moment=_first(plain, MOMENTS),
        recipient=_first(plain, RECIPIENTS),
        campaign=_first(plain, CAMPAIGNS),
        channel=_first(plain, CHANNELS),
        event=_first(plain, _EVENTS),
    )
    return log if log.moment and (log.campaign or log.recipient) and not has_status else None


def written(log: Log, person: dict[str, str], source: Sequence[str], purpose: str, program: str) -> str:
    """The mapping as text. `person` says which column holds what; `source` are the lines of `[source]`."""
    who = person if "email" in person or not log.recipient else person | {"email": log.recipient}
    by = f'{{ column = {_quoted(log.channel)}, values = {{ … = "email" }} }}' if log.channel else ""
    what = _quoted(log.campaign or "…")
    lines = [
        "# This looks like a log of past sends. Nothing of a row is read but what stands here.",
        f"#   {program} replay FILE --mapping THIS --source …              what would have been refused, and why",
        f"#   {program} import FILE --as sends --mapping THIS --source …   so that limits of frequency count them",
        *source,
        "[person]",
        *(f"{kind} = {_quoted(who[kind])}" for kind in ("external_id", "email", "phone") if kind in who),
        "",
        "[send]",
        f"when = {_quoted(log.moment)}",
        "# What each campaign was for, by its name in amana.toml; needed. One word for all, or one for each campaign:",
        f'# purpose = {{ constant = "{purpose}" }}',
        f'# purpose = {{ column = {what}, values = {{ "…" = "{purpose}" }} }}',
        f"# channel = {by}" if by else 'channel = { constant = "email" }    # if the log is of e-mail',
    ]
    if log.campaign:
        lines.append(f"campaign = {_quoted(log.campaign)}")
    if log.event:
        lines += [
            "# If some rows are no sends, say which are:",
            f'# where = [{{ column = {_quoted(log.event)}, is = "=", value = "…" }}]',
        ]
    return "\n".join(lines) + "\n"


def _first(plain: dict[str, str], names: Sequence[str]) -> str:
    return next((plain[name] for name in names if name in plain), "")


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
