"""The language of the rule book, and the check that a rule stays inside it.

Rule. A predicate is one `return` of comparisons, `&`, `|`, `not_(x)`, attribute names of its four arguments,
integers and integer constants of the module. Comparisons are not chained. `and`, `or`, `not`, `if`, subscripts,
other calls, arithmetic and local names are refused: each of them means something else on a column than on a row,
or does not exist in a warehouse.
"""

from __future__ import annotations

import ast
import textwrap

from amana import errors

ARGUMENTS = frozenset({"facts", "law", "ask", "shows"})
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def check(name: str, source: str) -> None:
    """Refuse a predicate's source text that leaves the language. Raises BadLaw naming the rule and the construct."""
    tree = ast.parse(textwrap.dedent(source))
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef):
        raise _refused(name, "something that is not a function")
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and _is_text(node.value))]
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        raise _refused(name, "more than one return")
    _check(name, body[0].value)


def _check(name: str, node: ast.expr) -> None:
    match node:
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
            _check(name, node.left)
            _check(name, node.right)
        case ast.Compare():
            if len(node.ops) != 1 or not isinstance(node.ops[0], _COMPARISONS):
                raise _refused(name, "a chained or foreign comparison")
            _check(name, node.left)
            _check(name, node.comparators[0])
        case ast.Call(func=ast.Name(id="not_"), args=[argument], keywords=[]):
            _check(name, argument)
        case ast.Attribute(value=ast.Name(id=owner)) if owner in ARGUMENTS:
            pass
        case ast.Constant(value=value) if type(value) in (int, bool):
            pass
        case ast.Name(id=constant) if constant.isupper():
            pass
        case _:
            raise _refused(name, type(node).__name__)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _refused(name: str, got: str) -> errors.BadLaw:
    return errors.BadLaw(
        f"The rule {name} leaves the rule language",
        expected="one return of comparisons, &, | and not_() over facts, law, ask and shows",
        got=got,
        remedy="say it with those, or make a new fact or a new column of law",
    )
