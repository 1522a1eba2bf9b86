"""A message as bytes: what may pass, and its headers without a parser's opinion.

Rule. A message that two readers could read differently is refused, not mended: a CR or LF that stands alone (the dot
tricks of SMTP smuggling live there), a NUL, a header line without a name, more than one From, Subject, Date, Message-ID
or Sender (RFC 5322 section 3.6), no From at all, a line over 998 octets (RFC 5322 section 2.1.1). What was refused is
named by a short token; the text of the message never appears in an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from amana import errors

LINE = 998
_ALONE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\x00")
_NAME = re.compile(rb"[!-9;-~]+(?=[ \t]*:)")
_ONCE = (b"from", b"subject", b"date", b"message-id", b"sender", b"to", b"cc", b"reply-to")
MOST_HEADERS = 64_000  # octets


class Raw(msgspec.Struct, frozen=True):
    """A message in two: its header fields, each with its line end, in their order; and its body."""

    fields: tuple[tuple[bytes, bytes], ...]  # lower-case name, whole field
    body: bytes

    def first(self, name: bytes) -> str:
        """The value of the first field of a lower-case name, unfolded; "" if there is none."""
        for held, field in self.fields:
            if held == name:
                value = field.partition(b":")[2].replace(b"\r\n", b"").strip()
                return value.decode("utf-8", "replace")
        return ""

    def without(self, names: Iterable[bytes], prefixes: tuple[bytes, ...] = ()) -> Raw:
        """The same message without these fields."""
        drop = frozenset(names)
        kept = [
            one for one in self.fields if one[0] not in drop and not one[0].startswith(prefixes or (b"\0",))
        ]
        return Raw(tuple(kept), self.body)

    def joined(self, added: bytes = b"") -> bytes:
        """The message again, `added` fields first."""
        return b"".join((added, *(field for _, field in self.fields), b"\r\n", self.body))


def read(content: bytes) -> Raw:
    """Split a message that is well-formed. Raises BadInput whose `got` is the token of what is wrong."""
    if _ALONE.search(content):
        raise _refused("bare_line_end")
    head, gap, body = content.partition(b"\r\n\r\n")
    if not gap:
        raise _refused("no_body")
    if len(head) > MOST_HEADERS:
        raise _refused("headers_too_long")
    fields = _fields(head)
    names = [name for name, _ in fields]
    if any(names.count(name) > 1 for name in _ONCE):
        raise _refused("header_repeated")
    if b"from" not in names:
        raise _refused("no_sender")
    if any(len(line) > LINE for line in content.split(b"\r\n")):
        raise _refused("line_too_long")
    return Raw(tuple(fields), body)


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    fields: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            if not fields or not line.strip():
                raise _refused("header_malformed")
            name, field = fields[-1]
            fields[-1] = (name, field + line + b"\r\n")
            continue
        found = _NAME.match(line)
        if found is None:
            raise _refused("header_malformed")
        fields.append((found[0].lower(), line + b"\r\n"))
    return fields


def _refused(token: str) -> errors.BadInput:
    return errors.BadInput(
        "The message cannot be passed on as it is", expected="a message as RFC 5322 has it", got=token
    )
