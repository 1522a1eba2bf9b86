"""The commands of safekeeping, run as somebody runs them: forget, backup, restore, journal, keys, migrate, exports."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from store_world import NOW, OFFERS, Place, row, take

from amana.cli.main import main
from amana.cli.session import BAD, CONFLICT, MISSING, OK, STORE
from amana.services.keeping import exports, forget
from amana.storage import tables

Maker = Callable[..., Place]
Amana = Callable[..., tuple[int, str, str]]


@pytest.fixture
def amana(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Amana:
    """Run the program on nothing but the settings of a place: exit status, output, notes."""
    for name in [name for name in os.environ if name.startswith("AMANA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")

    def run(place: Place, *words: object) -> tuple[int, str, str]:
        for name in ("AMANA_WORKSPACE", "AMANA_DATABASE", "AMANA_KEYS_DATABASE", "AMANA_JOURNAL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in place.environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def settled(make_place: Maker, tmp_path: Path) -> Place:
    """A workspace with a journal and five people."""
    place = make_place(journal=tmp_path / "elsewhere.journal").create()
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(number) for number in range(1, 6)])
    return place


def test_status_promises_for_the_journal_what_it_holds(settled: Place, amana: Amana) -> None:
    assert "since it was begun" in amana(settled, "status")[1]
    assert settled.journal is not None
    settled.journal.unlink()
    assert "not begun yet" in amana(settled, "status")[1]


def document(ran: tuple[int, str, str]) -> Any:
    assert ran[0] == OK, ran
    return json.loads(ran[1])


def test_forgetting_asks_first_and_then_forgets(settled: Place, amana: Amana) -> None:
    status, _, told = amana(settled, "forget", "p2")
    assert (status, "--yes" in told) == (BAD, True)
    found = document(amana(settled, "forget", "p2", "person3@example.com", "--yes", "--json"))
    assert (found["people"], found["scrubbed"]) == (2, True)
    assert amana(settled, "forget", "person3@example.com", "--yes")[0] == MISSING
    assert amana(settled, "forget")[0] == BAD
    assert "Forgot 0 people" in amana(settled, "forget", "--finish")[1]


def test_who_was_erased_is_said_to_be_and_since_when(
    settled: Place, amana: Amana, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%d")
    with settled.opened(writing=True) as house, monkeypatch.context() as patch:
        patch.setattr(forget, "_blank_columns", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            forget.forget(house, [2])
    held_up = amana(settled, "history", "p2")
    assert (held_up[0], "amana forget --finish" in held_up[2]) == (MISSING, True)
    amana(settled, "forget", "--finish")
    looked = ("reveal", "p2", "--purpose", "a complaint", "--field", "points")
    for words in (("history", "p2"), ("history", "p2", "--json"), looked):
        status, _, told = amana(settled, *words)
        assert (status, f"p2 was erased on {on}" in told, "receipts" in told) == (MISSING, True, True)
        assert "--finish" not in told
    status, _, told = amana(settled, "history", "p99")
    assert (status, "check the id" in told, "erased" in told) == (MISSING, True, False)


def test_status_shows_an_erasure_that_is_not_finished(
    settled: Place, amana: Amana, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "erasures" not in amana(settled, "status")[1]
    with settled.opened(writing=True) as house, monkeypatch.context() as patch:
        patch.setattr(forget, "_blank_columns", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            forget.forget(house, [1])
    assert "1 scrubbing" in amana(settled, "status")[1]
    assert document(amana(settled, "forget", "--finish", "--json"))["people"] == 1
    assert "erasures" not in amana(settled, "status")[1]


def test_a_backup_is_restored_and_denies_until_the_journal_is_replayed(
    settled: Place, make_place: Maker, amana: Amana, tmp_path: Path
) -> None:
    record, keys, root = tmp_path / "record", tmp_path / "keys", settled.folder / "keys" / "root.key"
    assert amana(settled, "backup", record, "--keys", record)[0] == CONFLICT
    assert document(amana(settled, "backup", record, "--keys", keys, "--json"))["people"] == 5
    assert amana(settled, "forget", "p2", "--yes")[0] == OK
    new = make_place("restored", journal=settled.journal)
    status, told, _ = amana(new, "restore", record, new.folder, "--keys", keys, "--root-key", root)
    assert (status, "never signs again" in told) == (OK, True)
    question = ("ask", "p1", "--purpose", OFFERS.purpose, "--channel", "email")
    assert (amana(new, *question)[0], "EVERYTHING DENIES" in amana(new, "status")[1]) == (1, True)
    done = document(amana(new, "journal", "replay", settled.journal, "--json"))
    assert (done["erased"], done["lifted"]) == (1, True)
    assert "EVERYTHING DENIES" not in amana(new, "status")[1]
    assert amana(new, *question)[0] == OK
    assert document(amana(new, "journal", "waive", "--reason", "x", "--json")) == {"lifted": False}


def test_keys_are_rotated_and_their_standing_is_told(settled: Place, amana: Amana) -> None:
    assert document(amana(settled, "keys", "rotate", "--json"))["moved"] == 6
    assert document(amana(settled, "keys", "rotate-index", "--json"))["moved"] == 10
    found = document(amana(settled, "keys", "status", "--json"))
    assert (found["index"], found["replacing"], sum(found["epochs"].values())) == (2, None, 6)
    assert amana(settled, "keys", "status")[0] == OK


def test_an_outdated_database_is_refused_with_the_command_that_mends_it(settled: Place, amana: Amana) -> None:
    with settled.opened(writing=True) as house, house.database.begin() as connection:
        tables.hook.drop(connection)
        connection.execute(tables.revision.update().values(version_num="0000"))
    status, _, told = amana(settled, "status")
    assert (status, "amana migrate" in told) == (STORE, True)


def test_exports_are_listed_and_their_recall_is_confirmed(settled: Place, amana: Amana) -> None:
    with settled.opened(writing=True) as house:
        opened = exports.with_contact(
            house, [1, 2], recipient="the printer", days=9_000, file="mail.csv", actor="dana", purpose="post"
        )
        assert [one.person for one in opened] == [1, 2]
    assert [one["recall"] for one in document(amana(settled, "exports", "--json"))["exports"]] == ["none"]
    amana(settled, "forget", "p2", "--yes")
    assert "the printer" in amana(settled, "exports")[1]
    assert [one["recall"] for one in document(amana(settled, "exports", "--json"))["exports"]] == ["due"]
    confirmed = document(amana(settled, "exports", "--confirm", 1, "--json"))
    assert [one["recall"] for one in confirmed["exports"]] == ["confirmed"]
    assert amana(settled, "exports", "--confirm", 7)[0] == MISSING
