"""The program as a process: statuses, streams, Ctrl-C, and that a mistake never shows a traceback."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from cli_samples import EVIDENCE, MAPPING, NEWS, Amana

from amana import errors
from amana.cli import session

PROGRAM = (sys.executable, "-c", "from amana.cli.main import main; main()")


def run(*words: object, workspace: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AMANA_")}
    if workspace is not None:
        environment["AMANA_WORKSPACE"] = str(workspace)
    return subprocess.run(
        [*PROGRAM, *map(str, words)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_a_first_hour_from_nothing_to_a_withdrawal_that_counts(tmp_path: Path, files: Path) -> None:
    folder = tmp_path / "shop"
    assert run("init", folder, "--name", "Orchard Street Ltd", "--country", "GB").returncode == 0
    told = run(
        "import",
        files / "list.csv",
        "--mapping",
        files / "list.toml",
        "--source",
        "crm",
        "--evidence",
        EVIDENCE,
        "--json",
        workspace=folder,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout)["counts"]["rows"] == 5
    assert run("ask", "maya@example.com", *NEWS, workspace=folder).returncode == 0
    left = files / "left.csv"
    left.write_text(
        "Customer ID,E-mail,Mobile,Full name,Country,Newsletter,News date,Left\n1,maya@example.com,,,,,,yes\n"
    )
    again = run("import", left, "--mapping", files / "list.toml", "--source", "crm", workspace=folder)
    assert again.returncode == 0, again.stderr
    no = run("ask", "maya@example.com", *NEWS, workspace=folder)
    assert no.returncode == session.DENIED
    assert "withdrew" in no.stdout


def test_a_second_workspace_in_the_same_folder_is_a_conflict(workspace: Path, amana: Amana) -> None:
    ran = amana("init", workspace)
    assert (ran.status, "already" in ran.err) == (4, True)


def test_a_country_that_does_not_exist_is_refused_and_makes_nothing(tmp_path: Path, amana: Amana) -> None:
    assert amana("init", tmp_path / "w", "--country", "XX").status == 2
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("verb", [("status",), ("ask", "p1", *NEWS), ("imports",), ("history", "p1")])
def test_without_a_workspace_a_command_says_how_to_make_one(
    tmp_path: Path, amana: Amana, verb: tuple[str, ...]
) -> None:
    ran = amana("--workspace", tmp_path, *verb)
    assert (ran.status, "amana init" in ran.err) == (3, True)


def test_a_dry_run_without_a_workspace_says_so_too(
    tmp_path: Path, amana: Amana, list_import: tuple[object, ...]
) -> None:
    ran = amana("--workspace", tmp_path / "none", *list_import, "--dry-run")
    assert (ran.status, "amana init" in ran.err) == (3, True)


def test_a_slip_in_the_workspace_file_is_status_2(workspace: Path, amana: Amana) -> None:
    (workspace / "amana.toml").write_text("[organisation\n", "utf-8")
    ran = amana("status")
    assert (ran.status, "bad_workspace" in ran.err) == (2, True)


def test_a_lost_root_key_is_status_6(workspace: Path, amana: Amana) -> None:
    (workspace / "keys" / "root.key").unlink()
    assert amana("status").status == 6


def test_an_unknown_setting_is_status_2(
    workspace: Path, amana: Amana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMANA_WORKSPASE", "x")
    ran = amana("status")
    assert (ran.status, "AMANA_WORKSPASE" in ran.err) == (2, True)


def test_an_altered_event_is_status_5(imported: Path, amana: Amana) -> None:
    engine = sa.create_engine(f"sqlite:///{imported / 'main.db'}")
    with engine.begin() as connection:
        sealed = connection.execute(sa.text("SELECT sealed FROM event WHERE person = 1 LIMIT 1")).scalar_one()
        changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        connection.execute(
            sa.text("UPDATE event SET sealed = :changed WHERE sealed = :sealed"),
            {"changed": changed, "sealed": sealed},
        )
    engine.dispose()
    assert amana("history", "p1").status == 5


@pytest.mark.parametrize(("path", "status"), [("nothing.toml", 3), ("binary.toml", 2), ("folder", 3)])
def test_a_mapping_that_cannot_be_read_is_a_mistake_and_no_traceback(
    workspace: Path, amana: Amana, files: Path, path: str, status: int
) -> None:
    (files / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (files / "folder").mkdir()
    ran = amana("import", files / "list.csv", "--mapping", files / path, "--source", "crm")
    assert (ran.status, "Traceback" in ran.err) == (status, False)


def test_what_the_system_refuses_is_said_in_one_sentence(tmp_path: Path, amana: Amana) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    ran = amana("init", tmp_path / "file" / "workspace")
    assert (ran.status, ran.err.count("\n")) == (2, 1)


def test_an_error_that_a_later_release_derives_keeps_its_parents_status() -> None:
    class Newer(errors.Conflict):
        code = "newer"

    assert session.status_of(Newer("x")) == session.CONFLICT


def _interruptible() -> None:
    """A run in the background hands down an ignored SIGINT; the program is tested as a person starts it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _people(workspace: Path) -> int:
    """How many people there are by now, asked of the database itself: the program would take too long to say."""
    with closing(sqlite3.connect(f"file:{workspace / 'main.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM person WHERE id > 0").fetchone()[0])


@pytest.mark.slow
def test_ctrl_c_stops_an_import_cleanly_and_the_same_command_goes_on(
    workspace: Path, amana: Amana, files: Path
) -> None:
    many = files / "many.csv"
    rows = (f"{n},u{n}@example.com,,,GB,yes,2026-03-01,\n" for n in range(1, 30_001))
    many.write_text(
        "Customer ID,E-mail,Mobile,Full name,Country,Newsletter,News date,Left\n" + "".join(rows), "utf-8"
    )
    (files / "list.toml").write_text(MAPPING, "utf-8")
    words = ("import", many, "--mapping", files / "list.toml", "--source", "crm", "--evidence", EVIDENCE)
    environment = os.environ | {"AMANA_WORKSPACE": str(workspace)}
    started = subprocess.Popen(
        [*PROGRAM, *map(str, words)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_interruptible,
    )
    deadline = time.monotonic() + 60
    while _people(workspace) < 1_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    _, told = started.communicate(timeout=60)
    assert started.returncode == session.INTERRUPTED
    assert "run the same command again to go on" in told
    assert "Traceback" not in told
    stopped = amana("imports", "--json").json["imports"][0]
    assert stopped["state"] == "running"
    assert 1_000 <= stopped["counts"]["rows"] < 30_000
    rest = amana(*words, "--dry-run", "--json")
    assert rest.json["counts"]["rows"] == 30_000 - stopped["counts"]["rows"]
    assert amana("imports", "--json").json["imports"][0] == stopped
    finished = amana(*words, "--json")
    assert (finished.status, finished.json["counts"]["rows"]) == (0, 30_000)
    assert amana("status", "--json").json["people"] == 30_000
