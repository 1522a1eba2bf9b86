"""A real workspace in a folder of its own, and the program itself as a function."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cli_samples import EVIDENCE, LIST, MAPPING, Amana, Ran

from amana.cli import session
from amana.cli.main import main


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test; tables are as wide as they like."""
    for name in [name for name in os.environ if name.startswith("AMANA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AMANA_ACTOR", "dana")
    monkeypatch.setenv("COLUMNS", "200")
    for console in (session.out, session.notes):  # made before this, with the width of whoever came first
        monkeypatch.setattr(console, "_width", 200)


@pytest.fixture
def amana(capsys: pytest.CaptureFixture[str]) -> Amana:
    """Run the program: `amana("ask", "p1", …)`."""

    def run(*words: object) -> Ran:
        capsys.readouterr()
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
        told = capsys.readouterr()
        return Ran(status, told.out, told.err)

    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One fresh workspace; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("made") / "workspace"
    with pytest.raises(SystemExit) as ended:
        main(["init", str(folder), "--name", "Orchard Street Ltd", "--country", "GB", "--json"])
    assert not ended.value.code
    return folder


@pytest.fixture
def workspace(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, which commands use without being told."""
    folder = tmp_path / "workspace"
    shutil.copytree(made, folder)
    monkeypatch.setenv("AMANA_WORKSPACE", str(folder))
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with `list.csv` and `list.toml`, its mapping."""
    (tmp_path / "list.csv").write_text(LIST, "utf-8")
    (tmp_path / "list.toml").write_text(MAPPING, "utf-8")
    return tmp_path


@pytest.fixture
def list_import(files: Path) -> tuple[object, ...]:
    """The words that import the list."""
    return ("import", files / "list.csv", "--mapping", files / "list.toml", "--source", "crm")


@pytest.fixture
def imported(workspace: Path, amana: Amana, list_import: tuple[object, ...]) -> Path:
    """The workspace with the list in it, evidence named."""
    ran = amana(*list_import, "--evidence", EVIDENCE, "--json")
    assert ran.status == 0, ran.err
    return workspace
