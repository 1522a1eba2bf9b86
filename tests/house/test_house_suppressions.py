"""Whoever silences a checker says which rule and why, on the same line.

Rule: a comment that silences mypy, ruff, the formatter or coverage names the rule it silences, where the
checker knows rules, and is followed by a reason of at least two words: `# noqa: S311  # seeded, for sample
data only`.
"""

from __future__ import annotations

import io
import re
import tokenize

import pytest
from house_tree import name_of, python_files

SILENCER = re.compile(
    r"#\s*(?:(?:ruff|flake8):\s*)?(?:"
    r"type:\s*ignore(?P<type>\[[^\]]*\])?"
    r"|noqa(?P<noqa>:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?"
    r"|pyright:\s*ignore(?P<pyright>\[[^\]]*\])?"
    r"|pragma:\s*no\s*(?:cover|branch)|mypy:\s*[\w-]+|fmt:\s*(?:off|skip)|isort:\s*skip\w*"
    r")",
)
KNOWS_RULES = {"type:": "type", "noqa": "noqa", "pyright:": "pyright"}


def fault(comment: str) -> str:
    """What is wrong with a comment: a silencer without a rule, or without a reason; empty if nothing is."""
    found = list(SILENCER.finditer(comment))
    for match in found:
        for word, group in KNOWS_RULES.items():
            if word in match.group() and not match.group(group):
                return "silences every rule; name the one"
    if found and len(re.findall(r"[^\W\d_]{2,}", SILENCER.sub("", comment))) < 2:
        return "gives no reason"
    return ""


def comments(text: str) -> list[tuple[int, str]]:
    """Line number and text of every comment, strings left out."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def test_every_silenced_checker_has_a_rule_and_a_reason() -> None:
    found = [
        f"{name_of(path)}:{line}: {problem}"
        for path in python_files("src", "tests", "benchmarks")
        for line, comment in comments(path.read_text(encoding="utf-8"))
        if (problem := fault(comment))
    ]
    assert not found


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: S311",
        "# ruff: noqa",
        "# type: ignore",
        "# type: ignore[arg-type]",
        "# type: ignore  # the stubs are wrong here",
        "# type: ignore[arg-type]  # noqa: S311",
        "# pragma: no cover",
        "# fmt: off",
    ],
)
def test_a_silencer_without_rule_or_reason_is_seen(comment: str) -> None:
    assert fault(comment)


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: S311  # seeded, for sample data only",
        "# noqa: S311, S324 - a checksum of a public file",
        "# type: ignore[arg-type]  # the stubs know no Buffer",
        "# type: ignore[arg-type]  # noqa: S311  # seeded, and the stubs are wrong",
        "# pragma: no cover - only on Windows",
        "# the type is what the caller ignores",
    ],
)
def test_a_reasoned_silencer_and_an_ordinary_comment_pass(comment: str) -> None:
    assert not fault(comment)
