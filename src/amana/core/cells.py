"""A cell is one (brand, purpose, means): the grain at which permission is kept.

Rule: a cell is one integer, `category << 40 | brand << 24 | purpose << 8 | means`, where zero in a place stands for
*every* category, brand, purpose or means. Grants always name brand, purpose and means; refusals may leave any open.
The means are the channels, numbered by their order in the vocabulary from one; then the manners of use; then the
recipients of the workspace. A category of data (dotted, `user.contact.email`) is named only for use and sharing, and
its number is a path: each level's number stands in bits of its own, so that one number is known to lie inside another
by its leading bits. Brands, purposes, recipients and categories get their numbers from the workspace (`Terms`), in
order of first appearance, and keep them for ever: the numbers stand in stored state.

A cell of contact is bound by the refusals of eight cells (`covering`). A cell of use or sharing is bound by every
refusal that is as wide or wider (`binds`), and by those of a part of its category (`is_part`): who shares
the whole shares the part. *Every recipient* is everybody who decides for themselves; a processor acts for us and
is bound by a refusal that names it, or that leaves the means open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from amana import errors
from amana.core.statements import ANY
from amana.core.vocabulary import Channel, Manner

CHANNEL_CODE: dict[Channel, int] = {channel: code for code, channel in enumerate(Channel, start=1)}
CHANNEL_OF_CODE: dict[int, Channel] = {code: channel for channel, code in CHANNEL_CODE.items()}

ANY_USE = 32
MANNER_CODE: dict[Manner, int] = {manner: code for code, manner in enumerate(Manner, start=ANY_USE + 1)}
ANY_SHARE = 64
MOST_RECIPIENTS = 255 - ANY_SHARE
PROCESSOR = 1 << 63
"""Set in a question about a processor, never in a cell that is stored."""

USE, SHARE = "use.", "share."
EVERY_USE, EVERY_SHARE = USE + ANY, SHARE + ANY

_WIDTHS = (2, 7, 7, 7)  # bits of each level of a category, the outermost first
_CATEGORY_AT = 40
_DEPTHS = (0, 3 << 21, 0xFFFF << 14 & 0x7FFFFF, 0x7FFFFF & ~0x7F, 0x7FFFFF)  # the leading bits of each depth

_MEANS_BY_WORD: dict[str, int] = (
    {ANY: 0, EVERY_USE: ANY_USE, EVERY_SHARE: ANY_SHARE}
    | {channel.value: code for channel, code in CHANNEL_CODE.items()}
    | {USE + manner.value: code for manner, code in MANNER_CODE.items()}
)


def pack(brand: int, purpose: int, means: int, category: int = 0) -> int:
    """The cell of small integers; each may be zero for *every*."""
    return category << _CATEGORY_AT | brand << 24 | purpose << 8 | means


@lru_cache(maxsize=65_536)
def covering(cell: int) -> tuple[int, ...]:
    """The eight cells, widest last, whose refusals bind this cell of contact."""
    brand, purpose, channel = cell >> 24, (cell >> 8) & 0xFFFF, cell & 0xFF
    return tuple(pack(b, p, c) for b in (brand, 0) for p in (purpose, 0) for c in (channel, 0))


# ---- use and sharing --------------------------------------------------------------------------------------------


def is_handling(cell: int) -> bool:
    """Whether a cell is about use or sharing of data, not about contact."""
    return cell & 0xFF >= ANY_USE


def category_of(cell: int) -> int:
    """The number of a cell's category, zero for every one."""
    return cell >> _CATEGORY_AT & 0x7FFFFF


def at_category(cell: int, category: int) -> int:
    """The same cell about another category."""
    return cell & ~(0x7FFFFF << _CATEGORY_AT) | category << _CATEGORY_AT


def depth(category: int) -> int:
    """How many levels a category's number names, zero for every category."""
    return next(level for level, leading in enumerate(_DEPTHS) if category & ~leading == 0)


def lies_in(category: int, wider: int) -> bool:
    """Whether a category is another one or a part of it."""
    return category & _DEPTHS[depth(wider)] == wider


def binds(refusal: int, cell: int) -> bool:
    """Whether refusals of a cell bind this cell of use or sharing: they are as wide or wider."""
    return _reaches(refusal, cell) and lies_in(category_of(cell), category_of(refusal))


def is_part(refusal: int, cell: int) -> bool:
    """Whether a cell's refusals are about a part of this cell's category."""
    inner, outer = category_of(refusal), category_of(cell)
    return inner != outer and lies_in(inner, outer) and _reaches(refusal, cell)


def carries(grant: int, cell: int) -> bool:
    """Whether grants of a cell are about this cell of use or sharing: the same, for its category or a wider one."""
    named = 0xFFFFFFFFFF
    return grant & named == cell & named and lies_in(category_of(cell), category_of(grant))


def _reaches(refusal: int, cell: int) -> bool:
    brand, purpose, means = refusal >> 24 & 0xFFFF, refusal >> 8 & 0xFFFF, refusal & 0xFF
    return (
        brand in (0, cell >> 24 & 0xFFFF)
        and purpose in (0, cell >> 8 & 0xFFFF)
        and means in (0, cell & 0xFF, _family(cell))
    )


def _family(cell: int) -> int:
    """*Every use* or *every recipient*; for a processor its own number, because the family leaves it out."""
    means = cell & 0xFF
    if means < ANY_SHARE:
        return ANY_USE
    return means if cell & PROCESSOR else ANY_SHARE


def numbered(held: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    """Numbers for category names and their ancestors that have none yet, beside those `held`. Raises BadWorkspace."""
    known = dict(held)
    fresh: dict[str, int] = {}
    for name in names:
        words = name.split(".")
        if len(words) > len(_WIDTHS) or not all(words):
            raise errors.BadWorkspace(
                "A category of data has a name that is too deep, or has an empty part",
                expected=f"one to {len(_WIDTHS)} words with dots between them",
                got=name,
                remedy="name the category one level up",
            )
        outer = 0
        for level in range(1, len(words) + 1):
            part = ".".join(words[:level])
            if part not in known:
                known[part] = fresh[part] = outer | _next(known.values(), outer, level, part)
            outer = known[part]
    return fresh


def _next(taken: Iterable[int], outer: int, level: int, name: str) -> int:
    """The first free number inside a category, at its place among the bits."""
    shift = sum(_WIDTHS[level:])
    used = {
        code >> shift & (1 << _WIDTHS[level - 1]) - 1
        for code in taken
        if depth(code) == level and lies_in(code, outer)
    }
    number = max(used, default=0) + 1
    if number >= 1 << _WIDTHS[level - 1]:
        raise errors.BadWorkspace(
            "There are too many categories of data inside one",
            expected=f"at most {(1 << _WIDTHS[level - 1]) - 1}",
            got=name,
            remedy="name wider categories",
        )
    return number << shift


# ---- words ------------------------------------------------------------------------------------------------------


class Terms:
    """The numbers of a workspace's words. Immutable; a new term makes a new `Terms`."""

    def __init__(
        self,
        brands: Mapping[str, int],
        purposes: Mapping[str, int],
        recipients: Mapping[str, int] | None = None,
        categories: Mapping[str, int] | None = None,
    ) -> None:
        self.brands = dict(brands)
        self.purposes = dict(purposes)
        self.recipients = dict(recipients or {})
        self.categories = dict(categories or {})
        self._brand = {ANY: 0} | self.brands
        self._purpose = {ANY: 0} | self.purposes
        self._means = _MEANS_BY_WORD | {
            SHARE + name: ANY_SHARE + code for name, code in self.recipients.items()
        }
        self._category = {"": 0} | self.categories
        self._brand_name = {code: name for name, code in self._brand.items()}
        self._purpose_name = {code: name for name, code in self._purpose.items()}
        self._means_name = {code: name for name, code in self._means.items()}
        self._category_name = {code: name for name, code in self._category.items()}

    @classmethod
    def of(
        cls,
        brands: Iterable[str],
        purposes: Iterable[str],
        recipients: Iterable[str] = (),
        categories: Iterable[str] = (),
    ) -> Terms:
        """Number the given names from one, in their order."""
        return cls(
            {name: code for code, name in enumerate(brands, start=1)},
            {name: code for code, name in enumerate(purposes, start=1)},
            {name: code for code, name in enumerate(recipients, start=1)},
            numbered({}, categories),
        )

    def cell(self, brand: str, purpose: str, means: str, category: str = "") -> int:
        """The cell of words: the first three may be `*`, the means also `use.*` and `share.*`; no category is every one.

        Raises NotFound for a word the workspace lacks.
        """
        return pack(
            self._code(self._brand, brand, "brand"),
            self._code(self._purpose, purpose, "purpose"),
            self._code(self._means, means, "channel"),
            self._code(self._category, category, "category") if category else 0,
        )

    def words(self, cell: int) -> tuple[str, str, str]:
        """Brand, purpose and means of a cell; `*` where it is open."""
        return (
            self._brand_name[cell >> 24 & 0xFFFF],
            self._purpose_name[(cell >> 8) & 0xFFFF],
            self._means_name.get(cell & 0xFF, ANY),
        )

    def known_means(self, word: str) -> str:
        """The means of a refusal, widened to every recipient or every means where the word is not known here."""
        if word in self._means:
            return word
        return EVERY_SHARE if word.startswith(SHARE) else EVERY_USE if word.startswith(USE) else ANY

    def category(self, cell: int) -> str:
        """The category of a cell; empty for every one."""
        return self._category_name[category_of(cell)]

    @staticmethod
    def _code(table: Mapping[str, int], word: str, kind: str) -> int:
        code = table.get(word)
        if code is None:
            known = ", ".join(sorted(name for name in table if name and name != ANY))
            raise errors.NotFound(
                f"There is no {kind} called {word!r}",
                expected=f"one of: {known}",
                remedy=f"check the spelling, or add the {kind} to amana.toml",
            )
        return code
