"""Measure the promises of speed, and print one table at the end.

Rule. Every section is a module with `figures(size)`; it takes its own ratios side by side in the same run. Nothing here
passes or fails: a figure is told, with what it is of, and what was promised of it. `--only ledger` is everything about
the record (`record` as well), `--only scale` everything about audiences (`screening`, `fresh`, `streamed`). Of a hundred
million people `streamed` takes all; the other sections say how many they took.

    python benchmarks/run.py --size 1m|10m|100m [--only SECTION]
"""

from __future__ import annotations

import argparse

import asking
import fresh
import generate
import importing
import ledger
import promises
import record
import rights
import screening
import serving
import streamed
from figures import Figure, show

SECTIONS = {
    "screening": screening.figures,
    "fresh": fresh.figures,
    "streamed": streamed.figures,
    "asking": asking.figures,
    "importing": importing.figures,
    "record": record.figures,
    "http": serving.figures,
    "ledger": ledger.figures,
    "rights": rights.figures,
}
TOGETHER = {"ledger": ("record", "ledger"), "scale": ("screening", "fresh", "streamed")}
"""What is measured when a word is asked for alone that is more than one section."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the promises of speed.")
    parser.add_argument("--size", default="1m", help="how many people: 1m, 10m, 100m")
    parser.add_argument("--only", choices=[*SECTIONS, "scale"], help="one section alone")
    given = parser.parse_args()
    size = generate.sizes(given.size)
    found: list[Figure] = []
    for name, figures in SECTIONS.items():
        if given.only is None or name in TOGETHER.get(given.only, (given.only,)):
            print(f"{name} …", flush=True)
            found += figures(size)
    show(found)
    promises.show(found, size)


if __name__ == "__main__":
    main()
