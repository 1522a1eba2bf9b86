"""Files that somebody names on the command line.

Rule. A file that is not there, may not be read or is no text is the caller's mistake and is said so in one sentence; so
is a place that cannot be written to, before any work is done for it. Its folders are not repeated, and
its name only where it cannot be somebody's address.
"""

from __future__ import annotations

import os
from pathlib import Path

from amana import errors
from amana.connectors.rows import shown_name


def text_of(path: Path, what: str) -> str:
    """The text of a file; `what` is the sentence's subject. Raises NotFound, BadInput."""
    if not path.is_file():
        raise errors.NotFound(
            f"{what} is not there",
            expected="the path of a file",
            got=f"no file {shown_name(path.name)}",
            remedy="check its path",
        )
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise errors.BadInput(
            f"{what} is not UTF-8 text", remedy="save it as UTF-8, or name another file"
        ) from bad
    except OSError as bad:
        raise errors.BadInput(
            f"{what} cannot be read", got=bad.strerror or "", remedy="check its permissions"
        ) from bad


def writable(path: Path, endings: tuple[str, ...] = ()) -> Path:
    """The path of a file that is to be written, checked first. Raises BadInput, NotFound."""
    if endings and path.suffix not in endings:
        raise errors.BadInput(
            "The output's ending is not known", expected=" or ".join(endings), remedy="choose one of them"
        )
    if not path.parent.is_dir():
        raise errors.NotFound("The folder of the output is not there", remedy="make it, or name another")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise errors.BadInput("The output cannot be written there", remedy="name another file")
    return path
