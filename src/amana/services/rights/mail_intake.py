"""Mail intake: requests that people write to the privacy mailbox in their own words.

Rule.
- What comes to `<answers address>+privacy`, or is handed in as a file, is read for one thing: what somebody asks
  (`core.request_words`). What is not clear is a request that waits for a person, with the ground `unclear_mail`; its
  clock runs all the same. A letter about nothing, from an address that nobody knows, waits for a reader as a task,
  so that advertising sent to the mailbox makes nobody a person here.
- Who stands in From is a claim. The proof goes to the address on record, whoever wrote; a No counts at once.
- Machines, loops, quotes and attachments are not read (`delivery.written`), and nothing is answered to them.
- What a correction should be is not guessed from a letter: it waits for a person, or for the form.
- The words are sealed with the request. The same letter, handed in twice, is the same request while it is open.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from amana import errors
from amana.core import request_words
from amana.core.rights import Kind, Via
from amana.delivery import incoming, written
from amana.delivery.written import Written
from amana.services.record import addresses, tasks
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.rights import requests
from amana.services.rights.requests import Said
from amana.storage.requests import RequestRow

TAG = "privacy"
"""What stands after the plus in the mailbox's address."""
UNCLEAR, CORRECTION = "unclear_mail", "correction_by_mail"
"""Grounds for which a letter waits for a person."""
KEPT = 2_000  # characters of a letter that are kept with its request


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a letter."""

    said: str  # request | machine | ours | review
    ref: str = ""
    kind: str = ""
    status: str = ""


def is_ours(base: str, recipient: str) -> bool:
    """Whether a mail came to the privacy mailbox of the answers' address `base`."""
    return incoming.is_ours(base, recipient) and recipient.partition("@")[0].partition("+")[2].lower() == TAG


def take(house: House, content: bytes, *, actor: str = "amana") -> Taken:
    """Read a letter and open what it asks for. Raises Busy, NotNow as writing does."""
    letter = written.read(content)
    if letter is None:
        return Taken(said="machine")
    if _is_own(house, letter.sender):
        return Taken(said="ours")
    kind = request_words.read(letter.letter)
    if kind is None and not _is_known(house, letter.sender):
        return _to_read(house, letter)
    try:
        row = requests.open_(house, _said(house, letter, kind), actor=actor)
    except errors.BadInput:  # an address that is none: nobody can be asked for proof
        return _to_read(house, letter)
    if kind is None and not _holds(house, row, letter):
        return _to_read(
            house, letter
        )  # another request of theirs is open, and this letter may be about anything
    return Taken(said="request", ref=row.ref, kind=row.kind, status=row.status)


def _said(house: House, letter: Written, kind: Kind | None) -> Said:
    spoken = house.workspace.organisation.languages
    language = request_words.language(letter.letter)
    return Said(
        kind=kind or Kind.ACCESS,  # what shows and changes nothing, until somebody has read it
        via=Via.MAIL,
        language=language if language in spoken else spoken[0],
        address=letter.sender,
        words=letter.letter[:KEPT],
        ground=UNCLEAR if kind is None else CORRECTION if kind is Kind.RECTIFICATION else "",
    )


def _holds(house: House, row: RequestRow, letter: Written) -> bool:
    """Whether a request is the one that this letter opened."""
    return requests.content(house, row).words == letter.letter[:KEPT]


def _is_own(house: House, sender: str) -> bool:
    """Whether we wrote it ourselves: a loop."""
    answers, mail = house.workspace.answers, house.workspace.mail
    if answers is not None and incoming.is_ours(answers.address, sender):
        return True
    return mail is not None and sender == mail.sender.lower()


def _is_known(house: House, sender: str) -> bool:
    try:
        address = Keyer(house.keys).typed(sender, "")
    except errors.BadInput:
        return False
    with house.database.read() as connection:
        return bool(addresses.holders(connection, [address]).get(address.blind))


def _to_read(house: House, letter: Written) -> Taken:
    """Let a person read it."""
    mark = sha256(f"{letter.sender}\0{letter.letter}".encode()).hexdigest()[:24]
    payload = {"said": letter.letter[:KEPT], "from": letter.sender}
    house.writing().write(lambda session: tasks.add(house, session, "review", f"review/{mark}", 0, payload))
    return Taken(said="review")
