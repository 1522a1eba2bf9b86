"""Printing: a page as a PDF, made by `press` in a process of its own.

Rule. The page goes through a pipe and never touches a disk. A press that takes longer than `LONGEST` is ended. Where the
machine cannot print, that is said with what to install; the page itself is there without.
"""

from __future__ import annotations

import subprocess
import sys

from amana import errors

LONGEST = 120.0  # seconds


def pdf(html: str) -> bytes:
    """The page as a PDF. Raises BadSettings where none can be made, NotNow when it took too long."""
    command = [sys.executable, "-m", "amana.services.rights.press"]
    try:
        done = subprocess.run(  # noqa: S603  our own program
            command, input=html.encode(), capture_output=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        raise errors.NotNow("printing_took_too_long") from None
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        raise errors.BadSettings(
            "This machine cannot print a PDF",
            expected="WeasyPrint with the Pango library and the Noto fonts",
            remedy="install libpango-1.0-0, libpangoft2-1.0-0 and fonts-noto-core; the page is there without",
        )
    return done.stdout
