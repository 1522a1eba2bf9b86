"""One sample of the size the demo uses, made once for all tests of this directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from amana.sample.exports import SampleFiles, write_exports

SEED = 7
COUNT = 20_000


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    directory: Path = tmp_path_factory.mktemp("sample")
    return write_exports(directory, SEED, COUNT)
