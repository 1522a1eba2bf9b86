"""The footer stands where a reader sees it, whatever the message's HTML does around its end."""

from __future__ import annotations

import email
import time
from email import policy
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from post_samples import letter

from amana import errors
from amana.delivery import composing, raw
from amana.delivery.stamping import Footer, Stamp, Way

FOOTER = Footer(
    language="en",
    brand="Orchard",
    address="1 Orchard Street",
    contact="privacy@orchard.example",
    leave="https://my.orchard.example/u/LEAVE",
    choices="https://my.orchard.example/p/x",
    why="https://my.orchard.example/p/x/why",
)
WAY = Way(one_click=FOOTER.leave, by_mail="answers@orchard.example", list_id="offers.orchard.example")


class Seen(HTMLParser):
    """The links that a parser of HTML sees as links."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value or "" for name, value in attrs if name == "href"]


def page(html: str) -> str:
    """The HTML of a copy of a message."""
    message = email.message_from_bytes(letter(), policy=policy.SMTP)
    part = message.get_body(("html",))  # type: ignore[attr-defined]  # the policy makes an EmailMessage
    part.set_content(html, subtype="html")
    whole = message.as_bytes()
    made = email.message_from_bytes(Stamp(raw.read(whole), whole).copy(FOOTER, WAY), policy=policy.default)
    return str(made.get_body(("html",)).get_content())  # type: ignore[attr-defined]  # as above


@pytest.mark.parametrize(
    "html",
    [
        "<p>Apples",
        "<html><body><p>Apples</p></body></html>",
        "<body>Apples<!-- </body> --></body>",
        "<body>Apples</body><!-- the end </body> -->",
        "<body>Apples</body>\n<!-- never closed",
        "<p>Apples<!-- never closed </body>",
        "<!--><body>Apples</body>",
        "<body>Apples<script>'</body>'</script>",
        "<body>Apples</body><script>",
        "<body>Apples<style>p { color: red",
        "<body><a title='</body>'>Apples</a>",
        '<body>Apples</body><a title="never closed',
        "<body>Apples<!--[if mso]></body><![endif]-->",
    ],
)
def test_the_way_out_is_seen_whatever_stands_around_the_end(html: str) -> None:
    seen = Seen()
    seen.feed(page(html))
    assert FOOTER.leave in seen.links


PIECES = st.sampled_from(
    [
        "<p>",
        "x",
        "<!--",
        "-->",
        "</body>",
        "<body>",
        "<script>",
        "</script>",
        "<style>",
        "</style>",
        "<a title='",
        "'>",
    ]
)


@given(st.lists(PIECES, max_size=12))
def test_the_way_out_is_seen_in_any_order_of_pieces(pieces: list[str]) -> None:
    seen = Seen()
    seen.feed(page("<p>Apples</p>" + "".join(pieces)))
    assert FOOTER.leave in seen.links


@pytest.mark.parametrize("piece", ['<a"', "<!--", "<script", "<script>", "</body"])
def test_a_hostile_message_does_not_hold_up_the_others(piece: str) -> None:
    began = time.process_time()
    page("<p>" + "\n".join([piece * 300] * 300))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("recipient", ["ana@example.com\r\nBcc: eve@example.com", "ana@example.com\n", ""])
def test_no_address_brings_a_header_of_its_own(recipient: str) -> None:
    with pytest.raises(errors.BadInput):
        composing.addressed(recipient, "<x@orchard.example>")
