"""Values inside a row: by dotted path, through objects and arrays.

Rule.
- A path goes through an array to each of its elements. What a path does not meet is nothing, never an error.
- Of an array that led to a row, only the elements that hold what was looked for are the person's: the rest is other
  people's. An element of a plain array counts by its value, an object by the values at the rest of the path. Where
  the field says so (`return_all_elements`) the whole array counts.
- Values are compared as connected systems compare them: by their text (42 and "42" are one), nothing equals nothing,
  and mail addresses without regard to letter case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from amana.core.data_map import Collection, Plain, Row

EXACT = 2**53  # whole numbers below it are the same as floats

Change = Callable[[Plain], Plain]
Concerned = Callable[[str, Plain], bool]
"""Whether the element of the array at a path is the person's."""


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked for in one field."""

    path: str
    values: tuple[Plain, ...]
    fold: bool = False  # without regard to letter case, as mail addresses are


def text_of(value: Plain, *, fold: bool = False) -> str | None:
    """The form in which values are compared; None for nothing and for what has no plain text."""
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return str(value).casefold() if fold else str(value)


def values(row: Plain, path: str) -> Iterator[Plain]:
    """The values at a path, through arrays, in order; nothing for what is not there. `""` is the value itself."""
    if isinstance(row, list):
        for element in row:
            yield from values(element, path)
    elif not path:
        yield row
    elif isinstance(row, dict):
        head, _, rest = path.partition(".")
        if head in row:
            yield from values(row[head], rest)


def concerned(collection: Collection, sought: Sequence[Sought]) -> Concerned:
    """Which elements of the arrays of a collection are the person's, by what was looked for."""
    whole = {field.path for field in collection.fields if field.whole_array}
    arrays = [field.path for field in collection.fields if field.array and field.path not in whole]
    through: dict[str, list[tuple[str, frozenset[str], bool]]] = {}
    for one in sought:
        within = [array for array in arrays if one.path == array or one.path.startswith(array + ".")]
        if not within or one.path in whole:
            continue
        texts = frozenset(text for value in one.values if (text := text_of(value, fold=one.fold)) is not None)
        for array in within:
            through.setdefault(array, []).append((one.path[len(array) + 1 :], texts, one.fold))

    def theirs(array: str, element: Plain) -> bool:
        return array not in through or any(
            text_of(value, fold=fold) in texts
            for rest, texts, fold in through[array]
            for value in values(element, rest)
        )

    return theirs


def narrowed(row: Row, theirs: Concerned) -> Row:
    """The row with only the person's elements in its arrays."""
    return {name: _narrowed(value, name, theirs) for name, value in row.items()}


def _narrowed(value: Plain, path: str, theirs: Concerned) -> Plain:
    if isinstance(value, list):
        return [_narrowed(one, path, theirs) for one in value if theirs(path, one)]
    if isinstance(value, dict):
        return {name: _narrowed(one, f"{path}.{name}", theirs) for name, one in value.items()}
    return value


def changed(row: Row, path: str, change: Change, theirs: Concerned) -> Row:
    """The row with the value at a path changed, as `changed_all`."""
    return changed_all(row, {path: change}, theirs)


def changed_all(row: Row, changes: Mapping[str, Change], theirs: Concerned) -> Row:
    """The row with the values at these paths changed: each as a whole, except in arrays on the way, where each element
    of the person is changed. A path that is not there changes nothing.

    Whose an element is, is decided once, before any of it changes: what tells it may be among what goes.
    """
    made = _changed(row, "", changes, theirs)
    return made if isinstance(made, dict) else row


def _changed(value: Plain, at: str, changes: Mapping[str, Change], theirs: Concerned) -> Plain:
    inside = {rest: change for rest, change in changes.items() if rest}
    if isinstance(value, list) and inside:
        value = [_changed(one, at, inside, theirs) if theirs(at, one) else one for one in value]
    elif isinstance(value, dict) and inside:
        value = dict(value)
        for head in dict.fromkeys(rest.partition(".")[0] for rest in inside):
            if head in value:
                below = {
                    rest.partition(".")[2]: one
                    for rest, one in inside.items()
                    if rest.partition(".")[0] == head
                }
                value[head] = _changed(value[head], f"{at}.{head}" if at else head, below, theirs)
    return changes[""](value) if "" in changes else value


def array_above(collection: Collection, path: str) -> str:
    """The outermost array that a path goes through or names; the path itself if there is none."""
    arrays = [
        field.path
        for field in collection.fields
        if field.array and (path == field.path or path.startswith(field.path + "."))
    ]
    return min(arrays, key=len, default=path)


def at(row: Row, path: str) -> Plain:
    """The value at a path through objects alone; None for what is not there."""
    value: Plain = row
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
