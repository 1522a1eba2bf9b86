"""The library surface: every name resolves, nothing heavy is loaded by the import alone, and the example works."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import amana
from amana import wiring
from amana.settings import Settings


def test_every_name_of_the_surface_is_there() -> None:
    assert all(getattr(amana, name) is not None for name in amana.__all__)


def test_an_unknown_name_says_which_names_there_are() -> None:
    with pytest.raises(AttributeError, match="Gate"):
        amana.nothing_of_the_kind  # noqa: B018  the look-up itself is what is tested


def test_importing_the_package_loads_no_storage() -> None:
    code = "import amana, sys; print(any(name.startswith(('sqlalchemy', 'numpy')) for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_example_of_the_docstring_works(tmp_path: Path) -> None:
    definition = resources.files("amana.data").joinpath("workspace.toml").read_text("utf-8")
    wiring.create(Settings(workspace=tmp_path, actor="test"), definition)
    with amana.workspace(tmp_path) as shop:
        gate = amana.Gate(shop)
        brand = next(iter(shop.workspace.brands))
        inquiry = amana.Inquiry(brand=brand, purpose="newsletter", channel=amana.Channel.EMAIL)
        decision, holders = gate.ask_address("nobody@example.com", inquiry)
        assert not decision.allow
        assert holders == ()
        assert amana.screen(shop, inquiry).counts.people == 0
        gate.close()
