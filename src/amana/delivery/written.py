"""Written: what a person wrote in a mail of their own, apart from what machines, quotes and attachments say.

Rule.
- A machine's message is nobody's: an automatic answer (RFC 3834), a report of delivery, what came through a list or in
  bulk, and what has no sender to return to. A signature of the sending server (DKIM, SPF) is not looked at: it says
  which server sent it, never who asked.
- The words are those of the first text that is no attachment, without HTML where there is only that, up to the first
  line that quotes something or signs off. What is attached is never opened.
- The sender is the first address of From and no more than a claim.
"""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from html.parser import HTMLParser

import msgspec

MOST_LINES = 200
MOST_PARTS = 100
LONGEST = 100_000  # characters of one part that are looked at
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_MACHINES = frozenset({"mailer-daemon", "postmaster", "mailerdaemon", "no-reply", "noreply", "donotreply"})
_QUOTED = re.compile(
    r"\s*(>|--\s*$|_{5,}|-{3,}\s*\w+.*-{3,}\s*$|On .+ wrote:|From: .+@|\u200e?\s*(?:בתאריך|في|เมื่อ) .+:\s*$"
    r"|.*(?:пишет|написал[аи]?)\s*:\s*$)"
)
_BREAKS = frozenset({"p", "br", "div", "tr", "li", "h1", "h2", "h3", "table"})
_UNREAD = frozenset({"blockquote", "style", "script", "head", "title"})


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote."""

    sender: str  # in small letters
    subject: str
    text: str

    @property
    def letter(self) -> str:
        """Subject and words, a line each."""
        return f"{self.subject}\n{self.text}".strip()


def read(content: bytes) -> Written | None:
    """What a person wrote; None for a machine's message, or one without a sender."""
    message = BytesParser(policy=policy.default.clone(raise_on_defect=False)).parsebytes(content)
    if not isinstance(message, EmailMessage) or _is_machine(message):
        return None
    sender = parseaddr(_field(message, "From"))[1].strip().lower()
    if "@" not in sender or sender.partition("@")[0] in _MACHINES:
        return None
    subject = re.sub(r"\s+", " ", _field(message, "Subject")).strip()
    return Written(sender=sender, subject=subject[:500], text=_words(message))


def _is_machine(message: EmailMessage) -> bool:
    automatic = _field(message, "Auto-Submitted").partition(";")[0].strip().lower()
    if automatic not in ("", "no") or "List-Id" in message or "X-Autoreply" in message:
        return True
    if _field(message, "Precedence").strip().lower() in _BULK:
        return True
    if _field(message, "Return-Path").strip() == "<>":
        return True
    return message.get_content_type() == "multipart/report"


def _field(message: EmailMessage, name: str) -> str:
    """A header's text; empty for none, and for one that cannot be read."""
    try:
        return str(message.get(name, ""))
    except (
        ValueError,
        LookupError,
        IndexError,
        AttributeError,
        TypeError,
    ):  # the library's parser on broken headers
        return ""


def _words(message: EmailMessage) -> str:
    """The words above what is quoted, of the first text that is no attachment."""
    plain = next((_text(one) for one in _texts(message, "text/plain")), None)
    if plain is None:
        marked = next((_text(one) for one in _texts(message, "text/html")), "")
        plain = _unmarked(marked)
    lines: list[str] = []
    for line in plain[:LONGEST].splitlines()[:MOST_LINES]:
        if _QUOTED.match(line):
            break
        if line.strip():
            lines.append(line.strip())
    return "\n".join(lines)


def _texts(message: EmailMessage, kind: str) -> list[EmailMessage]:
    """Parts of a kind that are no attachments and stand in no message that was passed on."""
    found: list[EmailMessage] = []
    waiting, seen = [message], 0
    while waiting and seen < MOST_PARTS:
        part, seen = waiting.pop(0), seen + 1
        if part.get_content_disposition() == "attachment" or part.get_content_maintype() == "message":
            continue
        if part.is_multipart():
            waiting[:0] = [one for one in part.iter_parts() if isinstance(one, EmailMessage)]
        elif part.get_content_type() == kind and not part.get_filename():
            found.append(part)
    return found


def _text(part: EmailMessage) -> str:
    """A part's text; in a character set that nobody knows, what UTF-8 makes of it."""
    body = part.get_payload(decode=True)
    plain = body if isinstance(body, bytes) else b""
    try:
        return plain.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return plain.decode("utf-8", "replace")


def _unmarked(text: str) -> str:
    reader = _Reader()
    reader.feed(text[:LONGEST])
    reader.close()
    return "".join(reader.found)


class _Reader(HTMLParser):
    """The words of an HTML text, without what is quoted in it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A line ends, or words begin that are not the writer's."""
        if tag in _UNREAD:
            self._unread += 1
        elif tag in _BREAKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """Words that are not the writer's end."""
        if tag in _UNREAD and self._unread:
            self._unread -= 1
        elif tag in _BREAKS:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        """Words."""
        if not self._unread:
            self.found.append(data.replace("\n", " "))
