"""Where the house tests look: the repository's files, its Python sources and its tables in Markdown.

Rule: a file belongs to the repository when git tracks it, or would track it once added (not ignored).
Sources are parsed once for the whole run. A Markdown table is read by its header row; a cell loses the
backticks around it.
"""

from __future__ import annotations

import ast
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "amana"


@lru_cache
def repository_files() -> tuple[Path, ...] | None:
    """Every file that git tracks or would track; None outside a git checkout (a source archive)."""
    if not (ROOT / ".git").exists():
        return None
    # safe.directory: a build often runs as another user than the one who cloned.
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in sorted(set(listed.split("\0"))) if name and (path := ROOT / name).is_file())


@lru_cache
def python_files(*parts: str) -> tuple[Path, ...]:
    """The Python files under these directories of the repository, in order of name."""
    return tuple(path for part in parts for path in sorted((ROOT / part).rglob("*.py")))


@lru_cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name_of(path: Path) -> str:
    """A file's name as the repository knows it: relative, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def table(markdown: str, first_column: str) -> list[dict[str, str]]:
    """The rows of the first Markdown table whose first header cell is `first_column`, by header."""
    rows: list[list[str]] = []
    for line in markdown.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip().strip("`") for cell in line.strip().strip("|").split("|")])
        elif rows and rows[0][0] == first_column:
            break
        else:
            rows = []
    if not rows or rows[0][0] != first_column:
        raise AssertionError(f"no table whose first column is {first_column!r}")
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]
