"""Measure the promises of speed, and print one table at the end.

Rule. Every section is a module with `figures(size)`; it takes its own ratios side by side in the same run. Nothing here
passes or fails: a figure is told, with what it is of. `--only ledger` is everything about the record: `record` as well.

    python benchmarks/run.py --size 1m|10m|100m [--only screening|asking|importing|record|http|ledger]
"""

from __future__ import annotations

import argparse

import asking
import generate
import importing
import ledger
import record
import screening
import serving
from figures import Figure, show

SECTIONS = {
    "screening": screening.figures,
    "asking": asking.figures,
    "importing": importing.figures,
    "record": record.figures,
    "http": serving.figures,
    "ledger": ledger.figures,
}
BESIDE = {"ledger": "record"}
"""What is measured along with a section that is asked for alone: the whole record is its log and what writing costs."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the promises of speed.")
    parser.add_argument("--size", default="1m", help="how many people: 1m, 10m, 100m")
    parser.add_argument("--only", choices=[*SECTIONS], help="one section alone")
    given = parser.parse_args()
    size = generate.sizes(given.size)
    found: list[Figure] = []
    for name, figures in SECTIONS.items():
        if given.only in (None, name) or BESIDE.get(given.only) == name:
            print(f"{name} …", flush=True)
            found += figures(size)
    show(found)


if __name__ == "__main__":
    main()
