"""Measure the promises of speed, and print one table at the end.

Rule. Every section is a module with `figures(size)`; it takes its own ratios side by side in the same run. The ledger's
sections print their own tables. Nothing here passes or fails: a figure is told, with what it is of.

    python benchmarks/run.py --size 1m|10m|100m [--only screening|asking|importing|record|http|ledger]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import asking
import generate
import importing
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
}
LEDGER = Path(__file__).with_name("ledger.py")
LEDGER_EVENTS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the promises of speed.")
    parser.add_argument("--size", default="1m", help="how many people: 1m, 10m, 100m")
    parser.add_argument("--only", choices=[*SECTIONS, "ledger"], help="one section alone")
    given = parser.parse_args()
    size = generate.sizes(given.size)
    found: list[Figure] = []
    for name, figures in SECTIONS.items():
        if given.only in (None, name):
            print(f"{name} …", flush=True)
            found += figures(size)
    if given.only in (None, "ledger") and LEDGER.exists():
        print("ledger …", flush=True)
        subprocess.run([sys.executable, str(LEDGER), str(min(size, LEDGER_EVENTS))], check=True)
    if found:
        show(found)


if __name__ == "__main__":
    main()
