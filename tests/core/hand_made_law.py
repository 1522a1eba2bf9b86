"""Small law books made by hand, with the codes of real countries so that clocks and zones are real."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from amana.core import packs
from amana.core.packs import LawBook
from amana.core.plan import Circumstances, Plan, Question
from amana.core.vocabulary import Channel

PAGE = 'version = "7"\nas_of = 2026-01-01\nnotice = "test"\n'

HEAD = """
code = "{code}"
name = "{code}"
modelled_from = {modelled_from}
regulator = "none"
instruments = ["Act 1"]
{parent}
[proof]
consent = ["channel_named"]
strict = ["channel_named", "unticked", "confirmed"]

[[rule]]
id = "{code}.01"
channels = ["email", "sms", "messaging", "push", "phone_live", "phone_auto", "post", "ads_audience"]
subjects = ["consumer", "sole_trader", "corporate_named", "corporate_generic"]
basis = "{basis}"
{rule}
citation = "Act 1 s.1"
confidence = "high"
mark = "seen"
"""
MARKS = 'citation = "Act 1"\nconfidence = "high"\nmark = "seen"\n'
AGE = "\n[[age]]\nconsent_age = {0}\nnever_below = {1}\n" + MARKS
ALL_CHANNELS = '["email", "sms", "phone_live"]'


def pack(
    code: str,
    basis: str = "opt_in",
    *,
    rule: str = "",
    age: int = 16,
    never_below: int = 0,
    more: str = "",
    modelled_from: str = "2024-01-01",
    parent: str = "",
) -> tuple[str, str]:
    """One country: its basis for everything, further keys of its rule, its age, and further tables."""
    head = HEAD.format(
        code=code,
        basis=basis,
        rule=rule,
        modelled_from=modelled_from,
        parent=f'parent = "{parent}"' if parent else "",
    )
    return f"{code}.toml", head + AGE.format(age, never_below) + more


def hours(weekday: str, saturday: str = "", sunday: str = "", holiday: str = "") -> str:
    """A table of allowed hours."""
    said = {"weekday": weekday, "saturday": saturday, "sunday": sunday, "holiday": holiday}
    lines = "".join(
        f"{day} = [{', '.join(repr(one) for one in text.split())}]\n" for day, text in said.items()
    )
    return f"\n[[quiet]]\nchannels = {ALL_CHANNELS}\n{lines}{MARKS}".replace("'", '"')


def caps(**limits: int) -> str:
    """A table of caps."""
    lines = "".join(f"{name} = {limit}\n" for name, limit in limits.items())
    return f"\n[[caps]]\nchannels = {ALL_CHANNELS}\n{lines}{MARKS}"


def exception(name: str, kind: str, needs: str, **more: str) -> str:
    """A table of an exception."""
    lines = "".join(f'{key} = "{value}"\n' for key, value in more.items())
    return f'\n[[exception]]\nid = "{name}"\nkind = "{kind}"\nneeds = [{needs}]\n{lines}{MARKS}'


def registry(name: str, **more: str) -> str:
    """A table of a do-not-call registry."""
    lines = "".join(f"{key} = {value}\n" for key, value in more.items())
    return f'\n[[registry]]\nid = "{name}"\n{lines}{MARKS}'


def book(*made: tuple[str, str]) -> LawBook:
    """A law book of these packs."""
    return packs.read({"book.toml": PAGE, **dict(made)})


def moment(text: str, zone: str = "UTC") -> int:
    """UTC seconds of an ISO time in a zone."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp())


def holidays(*days: tuple[str, str]) -> object:
    """A calendar of (place, ISO date)."""
    known = {(place, date.fromisoformat(text)) for place, text in days}
    return lambda place, day: (place, day) in known


def plan(
    law: LawBook,
    at: int,
    channel: Channel = Channel.EMAIL,
    *,
    is_holiday: object = lambda place, day: False,
    **circumstances: object,
) -> Plan:
    """The plan of a question to that law."""
    mine = Circumstances(**({"served": ()} | circumstances))  # type: ignore[arg-type]  # the words of a test
    question = Question(cell=1 << 24 | 1 << 8 | 1, channel=channel, at=at, circumstances=mine)
    return Plan(law, question, is_holiday)  # type: ignore[arg-type]  # a calendar of a test
