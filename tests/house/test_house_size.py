"""A file or function that grows past the house's measure is listed with a reason.

Rule: a file in src stays within 600 lines and a function within 60. One that does not stands in
docs/size.md with the reason why it is better whole. A row whose file or function has shrunk again is
removed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from house_tree import ROOT, name_of, parsed, python_files, table

FILE_LINES = 600
FUNCTION_LINES = 60


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Every function's dotted name and length in lines, signature and docstring included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1
            yield from functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def too_large(name: str, text: str, tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The file's own name if it is too long, and `file::function` for each function that is, with the lines of each."""
    if (length := len(text.splitlines())) > FILE_LINES:
        yield name, length
    yield from (
        (f"{name}::{function}", lines) for function, lines in functions(tree) if lines > FUNCTION_LINES
    )


@pytest.fixture(scope="module")
def large() -> dict[str, int]:
    return {
        found: lines
        for path in python_files("src")
        for found, lines in too_large(name_of(path), path.read_text(encoding="utf-8"), parsed(path))
    }


@pytest.fixture(scope="module")
def listed() -> dict[str, dict[str, str]]:
    rows = table((ROOT / "docs" / "size.md").read_text(encoding="utf-8"), "where")
    return {row["where"]: row for row in rows}


def test_what_is_too_large_is_listed_with_its_lines_and_nothing_else_is(
    large: dict[str, int], listed: dict[str, dict[str, str]]
) -> None:
    assert {where: int(row["lines"]) for where, row in listed.items()} == large


def test_every_row_gives_a_reason(listed: dict[str, dict[str, str]]) -> None:
    assert not [where for where, row in listed.items() if len(row["reason"].split()) < 3]


def test_a_long_function_inside_a_class_and_a_long_file_are_seen() -> None:
    text = "class A:\n    def long(self):\n" + "        pass\n" * FUNCTION_LINES + "\n" * FILE_LINES
    found = [name for name, _ in too_large("a.py", text, ast.parse(text))]
    assert found == ["a.py", "a.py::A.long"]


def test_a_function_of_just_the_measure_passes() -> None:
    text = "def just():\n" + "    pass\n" * (FUNCTION_LINES - 1)
    assert not list(too_large("a.py", text, ast.parse(text)))
