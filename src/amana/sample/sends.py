"""A log of what the sample company's newsletter tool sent, before anybody asked.

Rule: two campaigns of 2026, each to everybody who was a member on its day and had not left the tool by then. What the
other systems knew did not stop it: that is what a replay is for. The same records give the same bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

from amana.sample.records import NewsletterRecord, Records

CAMPAIGNS: Final = (("Spring 2026", date(2026, 3, 18)), ("Autumn 2026", date(2026, 9, 16)))
COLUMNS: Final = ("Email Address", "Campaign", "Sent")


def write_sends(path: Path, held: Iterable[Records]) -> None:
    """Write the log as CSV, one line for each message, times in layouts.NEWSLETTER_ZONE; an older one is replaced."""
    members = [(one.person.email, one.newsletter) for one in held if one.newsletter is not None]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, day in CAMPAIGNS:
            writer.writerows(
                (email, name, f"{day.isoformat()} 10:30:00")
                for email, member in members
                if _sent(member, day)
            )


def _sent(member: NewsletterRecord, day: date) -> bool:
    return member.opted_in < day and (member.ended is None or member.ended >= day)
