"""Modules are nouns with a rule at the top, import at the top, and raise the product's own errors.

Rule: no import inside a function (it hides a cycle); no module named for what it is not (`utils`); every
module of the pure rooms opens with its rule; an error class lives in amana.errors only; the data rooms hold
no code.
"""

from __future__ import annotations

import ast
import builtins

import pytest
from house_tree import PACKAGE, name_of, parsed, python_files

VAGUE = {"util", "utils", "common", "helper", "helpers", "misc"}
RULE_LINES = 3
EXCEPTIONS = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}


def buried_imports(tree: ast.AST) -> list[int]:
    """Line numbers of imports inside a function."""
    inside = {
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return sorted(inside)


def is_vague(name: str) -> bool:
    """A module or a directory on its way has a name that says nothing."""
    return bool(VAGUE & set(name.removesuffix(".py").split("/")))


def base_names(node: ast.ClassDef) -> set[str]:
    """The last word of each base of a class."""
    return {ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases}


def error_classes(tree: ast.AST, known: set[str]) -> list[str]:
    """Names of classes that derive from an exception."""
    return [
        node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and base_names(node) & known
    ]


def lacks_rule(tree: ast.Module) -> bool:
    """Has code, but no docstring of at least three lines. An empty `__init__` has nothing to rule."""
    docstring = ast.get_docstring(tree) or ""
    return bool(tree.body) and len([line for line in docstring.splitlines() if line.strip()]) < RULE_LINES


@pytest.fixture(scope="module")
def product_errors() -> set[str]:
    return {node.name for node in parsed(PACKAGE / "errors.py").body if isinstance(node, ast.ClassDef)}


def test_no_import_hides_inside_a_function() -> None:
    found = [
        f"{name_of(path)}:{line}" for path in python_files("src") for line in buried_imports(parsed(path))
    ]
    assert not found


def test_no_module_is_named_for_what_it_is_not() -> None:
    names = [name_of(path) for path in python_files("src", "tests")]
    assert not [name for name in names if is_vague(name)]


@pytest.mark.parametrize("room", ["core", "ledger", "insight"])
def test_every_module_of_a_pure_room_opens_with_its_rule(room: str) -> None:
    found = [name_of(path) for path in python_files(f"src/amana/{room}") if lacks_rule(parsed(path))]
    assert not found


def test_error_classes_live_in_the_error_tree_only(product_errors: set[str]) -> None:
    found = [
        f"{name_of(path)}: {name}"
        for path in python_files("src")
        if path != PACKAGE / "errors.py"
        for name in error_classes(parsed(path), EXCEPTIONS | product_errors)
    ]
    assert not found


@pytest.mark.parametrize("room", ["data", "locale"])
def test_the_data_rooms_hold_no_code(room: str) -> None:
    for path in python_files(f"src/amana/{room}"):
        assert path.name == "__init__.py", name_of(path)
        assert all(is_docstring(node) for node in parsed(path).body), name_of(path)


def is_docstring(node: ast.stmt) -> bool:
    """A bare string standing as a statement."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def test_the_checks_see_what_they_are_for() -> None:
    tree = ast.parse(
        "def f():\n    import os\n\nclass Odd(errors.BadInput): ...\n\nclass Fine(Struct, frozen=True): ..."
    )
    assert buried_imports(tree) == [2]
    assert error_classes(tree, EXCEPTIONS | {"BadInput"}) == ["Odd"]
    assert lacks_rule(tree)
    assert lacks_rule(ast.parse('"""One line."""\nx = 1\n'))
    assert not lacks_rule(ast.parse('"""One.\n\nTwo.\nThree.\n"""\nx = 1\n'))
    assert is_vague("src/amana/utils/text.py")
    assert is_vague("src/amana/core/helpers.py")
