from __future__ import annotations

from pathlib import Path

import proof_house
import pytest


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for all tests of proofs; nobody changes it."""
    return proof_house.create(tmp_path_factory.mktemp("proofs") / "original", people=120)


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return proof_house.copied(original, tmp_path / "workspace")
