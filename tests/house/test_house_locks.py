"""The locks pin every package by hash and name no source.

Rule: a lock holds pins, hashes and comments, nothing else. Every pin has at least one SHA-256. The
development lock contains the running lock pin for pin, so that what is tested is what is shipped. Every
package that the project or a requirements file asks for is in its lock.
"""

from __future__ import annotations

import re
import tomllib

import pytest
from house_tree import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==(\S+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def read_lock(text: str) -> dict[str, tuple[str, int]]:
    """Name -> (version, number of hashes). Refuses a line that is neither pin, hash nor comment."""
    pins: dict[str, tuple[str, int]] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := PIN.match(line):
            name = match.group(1).lower()
            pins[name] = (match.group(2), 0)
        elif HASH.match(line):
            version, hashes = pins[name]
            pins[name] = (version, hashes + 1)
        elif line.strip() and not line.lstrip().startswith("#"):
            raise ValueError(f"line {number} is neither a pin, a hash nor a comment")
    return pins


def asked_for(requirement: str) -> str:
    """The package name at the start of a requirement."""
    name = re.split(r"[<>=!~;\[ ]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()  # PEP 503


def lock(name: str) -> dict[str, tuple[str, int]]:
    return read_lock((ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["run", "dev"])
def test_every_pin_has_a_hash(name: str) -> None:
    pins = lock(name)
    assert pins
    assert not [package for package, (_, hashes) in pins.items() if not hashes]


def test_what_is_tested_is_what_is_shipped() -> None:
    developed = lock("dev")
    assert not {package for package, pin in lock("run").items() if developed.get(package) != pin}


@pytest.mark.parametrize("name", ["run", "dev"])
def test_everything_asked_for_is_locked(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8").splitlines()
    asked = {asked_for(line) for line in lines if line.strip() and not line.startswith(("#", "-"))}
    assert asked
    assert not asked - set(lock(name))


def test_the_package_asks_for_nothing_that_is_not_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not {asked_for(line) for line in project["dependencies"]} - set(lock("run"))


def test_a_pin_without_a_hash_is_seen() -> None:
    assert read_lock("left==1.0 \\\n    # via right\n") == {"left": ("1.0", 0)}


@pytest.mark.parametrize("line", ["--index" + "-url https://mirror.example/", "left>=1.0", "-e ."])
def test_a_line_that_is_no_pin_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        read_lock(line)
