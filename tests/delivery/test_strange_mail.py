"""A mail that is written strangely is read as far as it goes, and holds up no other."""

from __future__ import annotations

import pytest

from amana.delivery import reports

BASE = "answers@orchard.example"
HEAD = b"From: ann@example.com\r\n"
NESTED = (
    b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Action: failed\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Content-Type: text/plain; charset=nobodys\r\n\r\n\xff\r\n--x--"
)


@pytest.mark.parametrize(
    "rest",
    [
        b"Auto-Submitted: n\xc3\xb6\r\n\r\nhello",
        b"Content-Type: text/plain; charset=undefined\r\n\r\nhello",
        b"Content-Type: text/plain; charset=idna\r\n\r\nhello\xff",
        b"Content-Type: text/plain; charset=punycode\r\n\r\n\xff",
        b'Content-Type: text/plain; charset="a\x00b"\r\n\r\nhello',
        NESTED,
    ],
)
def test_no_mail_stops_the_reading_of_mail(rest: bytes) -> None:
    assert isinstance(reports.read(HEAD + rest, BASE, BASE).kind, reports.Kind)


def test_a_no_in_a_character_set_that_nobody_knows_is_still_a_no() -> None:
    said = reports.read(HEAD + b"Content-Type: text/plain; charset=undefined\r\n\r\nSTOP", BASE, BASE)
    assert said.kind is reports.Kind.LEAVE_ALL
