"""Stamping: what somebody else's marketing message must carry before it leaves, one copy for each recipient.

Rule. The way out stands in the message's own text, in every text part a reader may see, and in its header: one click by
HTTPS (RFC 8058) and by mail, and List-Id (RFC 2919). Fields of these names that came with the message are replaced, and
so are signatures that our change would break. What cannot be changed without breaking it (a signed or encrypted
message) and what has no text to put the way out into is refused. The message is read once; a
copy costs a few replacements.
"""

from __future__ import annotations

import base64
import email
import re
import textwrap
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from hashlib import sha256
from html import escape
from typing import Any

import msgspec

from amana import errors
from amana.delivery import letters
from amana.delivery.raw import Raw

REPLACED = (
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-id",
    b"dkim-signature",
    b"return-path",
    b"bcc",
    b"errors-to",
)
SEALED = frozenset({"multipart/signed", "multipart/encrypted", "application/pkcs7-mime"})

_LINE_END = re.compile(r"\r\n|\r|\n")


class _Untouched(policy.Compat32):
    """Header fields go on as they came: the library would take each apart and fold it anew."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """One field with its line ends."""
        if not isinstance(value, str):
            return super().fold_binary(name, value)
        folded = _LINE_END.sub(self.linesep, value)
        return f"{name}: {folded}{self.linesep}".encode("ascii", "surrogateescape")


_AS_IT_IS = _Untouched(linesep="\r\n", max_line_length=0)


class Footer(msgspec.Struct, frozen=True, kw_only=True):
    """What stands under the message of one recipient."""

    language: str
    brand: str
    address: str
    contact: str
    leave: str
    choices: str
    why: str


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """The way out in the header of one copy."""

    one_click: str  # https address
    by_mail: str  # e-mail address
    list_id: str  # brand and purpose, with a domain

    def fields(self) -> bytes:
        """The header fields."""
        return (
            f"List-Unsubscribe: <{self.one_click}>,\r\n <mailto:{self.by_mail}?subject=unsubscribe>\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            f"List-Id: <{self.list_id}>\r\n"
        ).encode("ascii")


class Stamp:
    """One message, read once. Raises BadInput, whose `got` is a token, for one that cannot be stamped."""

    def __init__(self, message: Raw, content: bytes) -> None:
        self._raw = message.without(REPLACED, (b"x-amana-",))
        parsed: Any = email.message_from_bytes(self._raw.joined(), policy=_AS_IT_IS)
        self.content = sha256(content).digest()
        self.subject = _subject(message.first(b"subject"))
        self._parts = _text_parts(parsed)
        if not self._parts:
            raise _refused("no_text")
        self._texts = [(part.get_content_type() == "text/html", _text_of(part)) for part in self._parts]
        self.opening = self._texts[0][1][:200]
        self._frame = self._framed(parsed)

    def copy(self, footer: Footer, way: Way) -> bytes:
        """The copy of one recipient, without a signature."""
        made = self._frame
        for index, (is_html, text) in enumerate(self._texts):
            whole = (
                _under(text, html_footer(footer)) if is_html else f"{text.rstrip()}\n\n{text_footer(footer)}"
            )
            encoded = base64.encodebytes(whole.replace("\r\n", "\n").encode()).replace(b"\n", b"\r\n")
            made = made.replace(_marker(self.content, index), encoded.rstrip(b"\r\n"), 1)
        return way.fields() + made

    def _framed(self, parsed: Message) -> bytes:
        """The message with a mark in place of each text."""
        for index, part in enumerate(self._parts):
            part.set_payload(_marker(self.content, index).decode())
            part.set_param("charset", "utf-8")
            del part["Content-Transfer-Encoding"]
            part["Content-Transfer-Encoding"] = "base64"
        return parsed.as_bytes()


def text_footer(footer: Footer) -> str:
    """The lines under a plain text."""
    words = letters.words(footer.language).footer
    lines = [
        "-- ",
        words["advertising"].format(brand=footer.brand),
        f"{words['leave']}: {footer.leave}",
        f"{words['choices']}: {footer.choices}",
        f"{words['why']} {footer.why}",
        "",
        words["objection"],
        "",
        words["address"].format(address=footer.address),
        words["contact"].format(contact=footer.contact),
    ]
    return "\n".join(line for one in lines for line in (textwrap.wrap(one, 300) or [one])) + "\n"


def html_footer(footer: Footer) -> str:
    """The lines under an HTML text."""
    spoken = letters.words(footer.language)
    words = spoken.footer
    links = " · ".join(
        f'<a href="{escape(link)}">{escape(words[name])}</a>'
        for name, link in (("leave", footer.leave), ("choices", footer.choices), ("why", footer.why))
    )
    lines = (
        escape(words["advertising"].format(brand=footer.brand)),
        links,
        f"<strong>{escape(words['objection'])}</strong>",
        escape(words["address"].format(address=footer.address)),
        escape(words["contact"].format(contact=footer.contact)),
    )
    paragraphs = "".join(f"<p>{line}</p>" for line in lines)
    return (
        f'<div lang="{footer.language}" dir="{spoken.direction}" '
        f'style="clear:both;font:13px/1.5 sans-serif;color:#333;background:#fff;padding:12px">{paragraphs}</div>'
    )


def _under(page: str, footer: str) -> str:
    """An HTML text with the footer as the last thing that a reader sees in its body.

    What stands in a comment, in a raw text element or in an attribute ends nothing. Where one of these is never closed,
    the footer stands before it, because a reader's program would swallow everything after. Only `-->` closes a comment
    here: programs disagree about other endings.
    """
    at = len(page)
    for piece in _PIECES.finditer(page):
        if piece["end"]:
            at = piece.start()
        elif piece.end() == len(page) and not _is_closed(piece):
            at = min(at, piece.start())
    return page[:at] + footer + page[at:]


_RAW = "script|style|title|textarea|xmp|iframe|noembed|noframes|noscript|template"
_PIECES = re.compile(
    rf"""(?P<comment><!--.*?(?:-->|\Z))
       |(?P<raw><(?P<name>{_RAW})(?=[\s/>]).*?(?:</(?P=name)\s*>|\Z))
       |(?P<end></body\s*>)
       |(?P<tag><[a-z/!?](?:[^>"']|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))*(?:>|\Z))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
"""The pieces of an HTML text that are not read as text (HTML Living Standard, tokenization)."""


def _is_closed(piece: re.Match[str]) -> bool:
    if piece["comment"]:
        return piece[0].endswith("-->")
    if piece["raw"]:
        return bool(re.search(rf"</{piece['name']}\s*>\Z", piece[0], re.IGNORECASE))
    return piece[0].endswith(">")


def _text_parts(parsed: Message) -> list[Message]:
    """The text parts that a reader sees. Raises BadInput for a sealed message."""
    found: list[Message] = []
    waiting: list[Any] = [parsed]
    while waiting:
        part = waiting.pop(0)
        kind = part.get_content_type()
        if kind in SEALED:
            raise _refused("sealed_message")
        if kind.startswith("multipart/"):
            if not part.is_multipart():
                raise _refused("structure")
            waiting = [*part.get_payload(), *waiting]
        elif kind in ("text/plain", "text/html") and part.get_content_disposition() != "attachment":
            found.append(part)
    return found


def _text_of(part: Message) -> str:
    plain: Any = part.get_payload(decode=True)
    try:
        return str(plain.decode(part.get_content_charset("utf-8")))
    except (LookupError, ValueError) as bad:  # a character set that nobody knows, or bytes that are not of it
        raise _refused("charset") from bad


def _subject(field: str) -> str:
    """A subject without its encoding (RFC 2047)."""
    try:
        return str(make_header(decode_header(field)))
    except (LookupError, ValueError, HeaderParseError) as bad:
        raise _refused("charset") from bad


def _marker(content: bytes, index: int) -> bytes:
    return b"=-part-%d-%s-=" % (index, content[:12].hex().encode())


def _refused(token: str) -> errors.BadInput:
    return errors.BadInput("The message cannot be given its way out", got=token)
