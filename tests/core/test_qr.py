"""QR codes: equal to those of an independent encoder, bit for bit, and refused when they cannot be made."""

from __future__ import annotations

from hashlib import sha256

import pytest

from amana import errors
from amana.core import qr

# Of the symbols of qrcode 8 (level M, byte mode) under the mask that the standard's score prefers here.
KNOWN = {
    "hello": "9bc4f0297dcd850e5a38d6bf116d5377",
    "x" * 40: "dfb1c4e96dec0ad9b32b83313769bc36",
    "z" * 213: "222c1495e2e0ba9c9c33bbe7baa5f9a0",
}


@pytest.mark.parametrize("text", list(KNOWN), ids=["version 1", "version 3", "version 10"])
def test_the_symbol_is_that_of_an_independent_encoder(text: str) -> None:
    assert sha256(repr(qr.matrix(text)).encode()).hexdigest()[:32] == KNOWN[text]


def test_the_smallest_version_that_holds_the_text_is_taken() -> None:
    assert [len(qr.matrix("a" * size)) for size in (14, 15, 26, 27, 180, 181, 213)] == [
        21,
        25,
        25,
        29,
        53,
        57,
        57,
    ]


def test_the_svg_has_a_quiet_zone_and_one_square_for_each_black_module() -> None:
    black = sum(map(sum, qr.matrix("hello")))
    drawn = qr.svg("hello")
    assert 'viewBox="0 0 29 29"' in drawn
    assert drawn.count("h1v1h-1z") == black


def test_a_text_that_does_not_fit_is_refused() -> None:
    with pytest.raises(errors.BadInput):
        qr.svg("a" * (qr.MOST + 1))
