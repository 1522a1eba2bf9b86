"""The screener: one screen, ordered on standard input, told on standard output. Run as a program, by `screening_apart`.

Rule. It believes its order, which comes through a pipe from the process that started it and from nobody else. It leaves
the interrupt of a terminal to that process, which ends it.
"""

from __future__ import annotations

import pickle
import signal
import sys

from amana.services.audience import screening_apart


def main() -> int:
    """Do what was ordered; the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    opening, order = pickle.load(sys.stdin.buffer)  # noqa: S301  from the process that started us
    screening_apart.screen(opening, order, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
