"""Use and sharing as the gate is asked about them: what a question's words stand for, and whether they are declared.

Rule. The action is `use.<manner>` or `share.<recipient>`, about one category of data or all that is registered. It is
declared when every registered field that it touches names the purpose and, for a use, the manner among its `uses`; for
sharing the recipient must name the purpose too, and every category touched if it names any. A use that touches no
registered field is not declared: no datum without a purpose. It is special as soon as one field that it touches is.
"""

from __future__ import annotations

import msgspec

from amana import errors
from amana.core import cells
from amana.core.cells import Terms
from amana.core.handling import Handled, lies_in
from amana.core.vocabulary import Role
from amana.core.workspace import Field, Recipient, Workspace
from amana.services.record.house import House


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a question about use or sharing of data, instead of contact."""

    brand: str
    purpose: str
    action: str  # use.<manner> or share.<recipient>
    category: str = ""  # of the data; empty for all that is registered


def seen(house: House, said: Handling, terms: Terms) -> tuple[Handled, int]:
    """What the law sees of a question, and its cell. Raises NotFound for words the workspace lacks."""
    cell = terms.cell(said.brand, said.purpose, said.action, said.category)
    if not cells.is_handling(cell) or said.action in (cells.EVERY_USE, cells.EVERY_SHARE):
        raise errors.NotFound(
            "The action is neither a use nor a sharing of data",
            expected="use.<manner> or share.<recipient>",
            remedy="check the spelling, or add the recipient to amana.toml",
        )
    touched = touches(house.workspace, said)
    special = any(field.special for field in touched) or house.book.uses.is_special(
        said.category, [field.category for field in touched]
    )
    to = recipient(house.workspace, said.action)
    if to is None:
        return Handled(action=said.action.removeprefix(cells.USE), special=special), cell
    handled = Handled(
        action=to.role.value, special=special, country=to.country, safeguarded=to.safeguard is not None
    )
    return handled, cell | cells.PROCESSOR if to.role is Role.PROCESSOR else cell


def recipient(definition: Workspace, action: str) -> Recipient | None:
    """Who receives the data; None for a use of our own. Raises NotFound for a recipient that is no longer declared."""
    if not action.startswith(cells.SHARE):
        return None
    found = definition.recipients.get(action.removeprefix(cells.SHARE))
    if found is None:
        raise errors.NotFound(
            "There is no such recipient",
            expected=f"one of: {', '.join(definition.recipients)}",
            remedy="check the spelling, or add it to amana.toml",
        )
    return found


def touches(definition: Workspace, said: Handling) -> list[Field]:
    """The registered fields of the purpose that lie in the category; if none does, those that it is a part of."""
    category = said.category
    fields = [field for field in definition.fields.values() if said.purpose in field.purposes]
    inside = [field for field in fields if not category or lies_in(field.category, category)]
    return inside or [field for field in fields if lies_in(category, field.category)]


def is_declared(definition: Workspace, said: Handling) -> bool:
    """Whether the workspace declares all of the use or sharing for the purpose."""
    touched = touches(definition, said)
    to = recipient(definition, said.action)
    if to is None:
        manner = said.action.removeprefix(cells.USE)
        return bool(touched) and all(manner in (one.value for one in field.uses) for field in touched)
    if said.purpose not in to.purposes or not touched:
        return False
    asked = [said.category] if said.category else [field.category for field in touched]
    return not to.categories or all(any(lies_in(one, wider) for wider in to.categories) for one in asked)


def is_agreed(definition: Workspace, said: Handling) -> bool:
    """Whether an agreement with the recipient is on file; our own use needs none."""
    to = recipient(definition, said.action)
    return to is None or bool(to.agreement)
