"""How long a walk over a large data map takes to plan: no data, no system, one thread.

The map is invented: twenty tables to a dataset, most of them referring to one before them, some both ways, some with an
order, one in ten with an identity of its own. Each size is the best of a few rounds; the last column is the time for
each collection against that of the smallest size, which stays near 1 where time grows with the map and no faster.

    python benchmarks/data_map.py [collections, default 500 1000 5000 10000]
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from functools import partial

from amana.core import traversal
from amana.core.data_map import (
    Collection,
    DataMap,
    Dataset,
    DataType,
    Direction,
    Field,
    Place,
    Reference,
    System,
)

ROUNDS = 3
TABLES = 20
SIZES = (500, 1_000, 5_000, 10_000)
DIRECTIONS = (Direction.FROM, Direction.FROM, Direction.BOTH)


def place(number: int, path: str = "") -> Place:
    """The collection of a number, or a field of it."""
    return Place(f"d{number // TABLES:04d}", f"c{number:05d}", path)


def made(size: int) -> DataMap:
    """An invented map of so many collections."""
    collections = [collection(number) for number in range(size)]
    datasets = tuple(
        Dataset(
            name=f"d{start // TABLES:04d}",
            collections=tuple(collections[start : start + TABLES]),
            after=(f"d{start // TABLES - 1:04d}",) if start // TABLES % 7 == 1 else (),
        )
        for start in range(0, size, TABLES)
    )
    system = System(name="all", kind="sql", datasets=tuple(one.name for one in datasets))
    return DataMap(systems=(system,), datasets=datasets)


def collection(number: int) -> Collection:
    """A table with a key, a mail address, a reference to another table and, sometimes, an order."""
    before = max(0, number - 1 - number * 7919 % 97)
    reference = Reference(to=place(before, "id"), direction=DIRECTIONS[number % 3])
    return Collection(
        dataset=place(number).dataset,
        name=place(number).collection,
        fields=(
            Field(path="id", type=DataType.INTEGER, primary_key=True),
            Field(
                path="email",
                type=DataType.STRING,
                categories=("user.contact.email",),
                identity="email" if number % 10 == 0 else "",
            ),
            Field(path="parent", type=DataType.INTEGER, references=(reference,) if number else ()),
            Field(path="total", type=DataType.FLOAT, categories=("user.financial",)),
        ),
        after=(place(before),) if number % 11 == 5 and number % 10 else (),
        erase_after=(place(before),) if number % 13 == 5 else (),
    )


def best(action: Callable[[], object]) -> float:
    """Seconds of the fastest of several rounds, with the collector of garbage at rest, as timeit has it."""
    return min(timeit.repeat(action, number=1, repeat=ROUNDS))


def main() -> None:
    """Print a table of sizes."""
    sizes = [int(one) for one in sys.argv[1:]] or list(SIZES)
    print(
        f"{'collections':>11}  {'asked':>6}  {'check s':>8}  {'plan s':>8}  {'plan, each, to the first':>24}"
    )
    first = 0.0
    for size in sizes:
        data_map = made(size)
        walk = traversal.walk(data_map, {"email"})
        check = best(partial(traversal.problems, data_map))
        plan = best(partial(traversal.walk, data_map, {"email"}))
        first = first or plan / size
        print(
            f"{size:>11,}  {len(walk.steps):>6,}  {check:>8.3f}  {plan:>8.3f}  {plan / size / first:>24.2f}"
        )


if __name__ == "__main__":
    main()
