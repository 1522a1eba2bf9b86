"""A cell is one (brand, purpose, channel): the grain at which permission is kept.

Rule: a cell is one integer, `brand << 24 | purpose << 8 | channel`, where zero in a place stands for *every* brand,
purpose or channel. Grants always name all three; refusals may leave any of them open. Brands and purposes get
their numbers from the workspace (`Terms`), in order of first appearance, and keep them for ever: the numbers
stand in stored state. Channels are numbered by their order in the vocabulary, from one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from amana import errors
from amana.core.statements import ANY
from amana.core.vocabulary import Channel

CHANNEL_CODE: dict[Channel, int] = {channel: code for code, channel in enumerate(Channel, start=1)}
CHANNEL_OF_CODE: dict[int, Channel] = {code: channel for channel, code in CHANNEL_CODE.items()}
_CHANNEL_BY_WORD: dict[str, int] = {ANY: 0} | {channel.value: code for channel, code in CHANNEL_CODE.items()}


def pack(brand: int, purpose: int, channel: int) -> int:
    """The cell of three small integers; each may be zero for *every*."""
    return brand << 24 | purpose << 8 | channel


def covering(cell: int) -> tuple[int, ...]:
    """The eight cells, widest last, whose refusals bind this one."""
    brand, purpose, channel = cell >> 24, (cell >> 8) & 0xFFFF, cell & 0xFF
    return tuple(pack(b, p, c) for b in (brand, 0) for p in (purpose, 0) for c in (channel, 0))


class Terms:
    """The numbers of a workspace's brands and purposes. Immutable; a new term makes a new `Terms`."""

    def __init__(self, brands: Mapping[str, int], purposes: Mapping[str, int]) -> None:
        self.brands = dict(brands)
        self.purposes = dict(purposes)
        self._brand = {ANY: 0} | self.brands
        self._purpose = {ANY: 0} | self.purposes
        self._brand_name = {code: name for name, code in self._brand.items()}
        self._purpose_name = {code: name for name, code in self._purpose.items()}

    @classmethod
    def of(cls, brands: Iterable[str], purposes: Iterable[str]) -> Terms:
        """Number the given names from one, in their order."""
        return cls(
            {name: code for code, name in enumerate(brands, start=1)},
            {name: code for code, name in enumerate(purposes, start=1)},
        )

    def cell(self, brand: str, purpose: str, channel: str) -> int:
        """The cell of three words, each of which may be `*`. Raises NotFound for a word the workspace lacks."""
        return pack(
            self._code(self._brand, brand, "brand"),
            self._code(self._purpose, purpose, "purpose"),
            self._code(_CHANNEL_BY_WORD, channel, "channel"),
        )

    def words(self, cell: int) -> tuple[str, str, str]:
        """Brand, purpose and channel of a cell; `*` where it is open."""
        channel = CHANNEL_OF_CODE.get(cell & 0xFF)
        return (
            self._brand_name[cell >> 24],
            self._purpose_name[(cell >> 8) & 0xFFFF],
            channel.value if channel else ANY,
        )

    @staticmethod
    def _code(table: Mapping[str, int], word: str, kind: str) -> int:
        code = table.get(word)
        if code is None:
            known = ", ".join(sorted(name for name in table if name != ANY))
            raise errors.NotFound(
                f"There is no {kind} called {word!r}",
                expected=f"one of: {known}",
                remedy=f"check the spelling, or add the {kind} to amana.toml",
            )
        return code
