"""Mailchimp audience export: a zip of CSVs (or one of them) whose status stands in the file's name.

Rule: `subscribed_…` grants, `unsubscribed_…` withdraws, `cleaned_…` blocks the address, `nonsubscribed_…`
says nothing; any other name is refused, because without it a row has no status. Times carry no zone, so
`zone` must be said. OPTIN_TIME is empty for contacts that the account's owner added: the form's documented
proof is not theirs. CONFIRM_TIME is filled for those too, with the time they were added, and equals
OPTIN_TIME after a single opt-in: only a confirmation strictly later than an opt-in shows that the holder of
the address confirmed. OPTIN_IP is no evidence of what was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath

from amana.connectors import exports
from amana.connectors.exports import Line, Shape
from amana.connectors.tables import Source
from amana.connectors.walk import Read, Start, columns
from amana.core.statements import Interval, Statement
from amana.core.vocabulary import Channel, Proof

KIND = "mailchimp"
__all__ = ["KIND", "Options", "columns", "read"]

ADDRESS = "Email Address"
_KNOWN = frozenset(
    [
        "MEMBER_RATING",
        "OPTIN_TIME",
        "OPTIN_IP",
        "CONFIRM_TIME",
        "CONFIRM_IP",
        "LATITUDE",
        "LONGITUDE",
        "GMTOFF",
        "DSTOFF",
        "TIMEZONE",
        "CC",
        "REGION",
        "LAST_CHANGED",
        "LEID",
        "EUID",
        "NOTES",
        "TAGS",
        "UNSUB_TIME",
        "UNSUB_CAMPAIGN_TITLE",
        "UNSUB_CAMPAIGN_ID",
        "UNSUB_REASON",
        "UNSUB_REASON_OTHER",
        "CLEAN_TIME",
        "CLEAN_CAMPAIGN_TITLE",
        "CLEAN_CAMPAIGN_ID",
    ]
)
_COMPLAINTS = ("spam", "abuse", "complain")


class Options(exports.AudienceOptions, frozen=True, kw_only=True):
    """`zone` is the account's time zone; there is no default, because the export does not say."""

    zone: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.zone:
            raise ValueError("zone is the time zone of the Mailchimp account")


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """What the export says, as `walk` describes.

    Raises:
        BadInput: a file name carries no status, or a file has no address column.
        UnregisteredField: a merge column is neither mapped nor ignored.
    """

    def shape_of(part: str, header: Sequence[str]) -> Shape:
        name = PurePosixPath(part or source.name).name.lower()
        for prefix, says in _BY_NAME.items():
            if name.startswith(prefix):
                return _shape(partial(says, options))
        raise exports.refuse_table(
            part, f"names that begin with {', '.join(_BY_NAME)} as Mailchimp wrote them"
        )

    return exports.read_tables(source, options, shape_of, start)


def _shape(says: Callable[[Line], Iterator[Statement]]) -> Shape:
    return Shape(says=says, needed=(ADDRESS,), known=_KNOWN, external_id=("EUID",), email=(ADDRESS,))


def _subscribed(options: Options, line: Line) -> Iterator[Statement]:
    opted_in, confirmed = line.moment("OPTIN_TIME"), line.moment("CONFIRM_TIME")
    twice = _later(confirmed, opted_in)
    yield from exports.grants(
        options,
        options.purposes,
        Channel.EMAIL,
        confirmed if twice else opted_in,
        documented=line.has("OPTIN_TIME"),
        shown=Proof.CONFIRMED if twice else Proof(0),
    )


def _unsubscribed(options: Options, line: Line) -> Iterator[Statement]:
    when, campaign = line.moment("UNSUB_TIME", "LAST_CHANGED"), line.text("UNSUB_CAMPAIGN_ID")
    why = line.text("UNSUB_REASON").casefold()
    yield from exports.withdrawals(options.purposes, Channel.EMAIL, when, evidence=campaign)
    if any(word in why for word in _COMPLAINTS):
        yield exports.blocked(Channel.EMAIL, "complaint", when, campaign)


def _cleaned(options: Options, line: Line) -> Iterator[Statement]:
    when = line.moment("CLEAN_TIME", "LAST_CHANGED")
    yield exports.blocked(Channel.EMAIL, "bounce_hard", when, line.text("CLEAN_CAMPAIGN_ID"))


def _never_subscribed(options: Options, line: Line) -> Iterator[Statement]:
    yield from exports.unknowns(options, Channel.EMAIL)


def _later(confirmed: Interval | None, opted_in: Interval | None) -> bool:
    return confirmed is not None and opted_in is not None and confirmed.lo > opted_in.hi


_BY_NAME = {
    "subscribed_": _subscribed,
    "unsubscribed_": _unsubscribed,
    "cleaned_": _cleaned,
    "nonsubscribed_": _never_subscribed,
}
