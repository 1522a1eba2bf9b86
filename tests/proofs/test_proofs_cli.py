"""The commands around proofs: what they print, what they leave, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import proof_house
import pytest

from amana.cli import main

Said = pytest.CaptureFixture[str]


def amana(folder: Path, *words: str) -> int:
    """Run the program on a workspace; its exit status."""
    try:
        main.main(["--workspace", str(folder), *words])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def key(original: Path, tmp_path: Path, capsys: Said) -> Path:
    """A file with the log's public key, as the command prints it."""
    assert amana(original, "log", "key") == 0
    path = tmp_path / "log.key"
    path.write_text(capsys.readouterr().out)
    return path


def test_a_receipt_is_written_and_verified_where_there_is_no_workspace(
    original: Path, key: Path, tmp_path: Path, capsys: Said
) -> None:
    mine = tmp_path / "mine.tlog-proof"
    assert amana(original, "receipt", "2", "--out", str(mine)) == 0
    capsys.readouterr()
    assert amana(tmp_path, "verify", str(mine), "--key", str(key)) == 0
    assert "status: given" in capsys.readouterr().out
    assert amana(tmp_path, "verify", str(mine), "--key", key.read_text().strip(), "--json") == 0
    assert json.loads(capsys.readouterr().out)["index"] == 2
    assert amana(original, "receipt", "2") == 0
    assert capsys.readouterr().out == mine.read_text()


def test_a_receipt_is_found_by_event_id_and_a_page_carries_its_key(
    original: Path, key: Path, tmp_path: Path, capsys: Said
) -> None:
    ((event_id,),) = proof_house.stored(original, "SELECT lower(hex(id)) FROM event WHERE position = 2")
    page = tmp_path / "receipt.html"
    assert amana(original, "receipt", event_id, "--page", "--out", str(page)) == 0
    assert key.read_text().strip() in page.read_text()
    assert amana(original, "receipt", "second") == 2
    assert amana(original, "receipt", "99999") == 3


def test_a_persons_consent_records_are_one_document(original: Path, capsys: Said) -> None:
    assert amana(original, "history", "p1", "--dpv") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["@type"] for one in told["@graph"]] == ["dpv:ConsentRecord"]
    assert amana(original, "history", "p9999", "--dpv") == 3


def test_the_receipt_of_an_address_asks_what_it_is_for(
    folder: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMANA_ACTOR", "dana")
    assert amana(folder, "receipt", "1") == 4
    assert "--purpose" in capsys.readouterr().err
    assert amana(folder, "receipt", "1", "--purpose", "request 7") == 0


def test_what_does_not_verify_ends_with_five(original: Path, key: Path, tmp_path: Path, capsys: Said) -> None:
    mine = tmp_path / "mine.tlog-proof"
    amana(original, "receipt", "2", "--out", str(mine))
    mine.write_text(mine.read_text().replace("index 2", "index 3"))
    assert amana(tmp_path, "verify", str(mine), "--key", str(key)) == 5
    capsys.readouterr()
    assert amana(tmp_path, "verify", str(mine), "--key", str(key), "--json") == 5
    assert json.loads(capsys.readouterr().err)["error"] == "verification_failed"
    assert amana(tmp_path, "verify", str(tmp_path / "nowhere"), "--key", str(key)) == 3
    assert amana(tmp_path, "verify", str(mine), "--key", "a+b+c") == 2


def test_an_audit_prints_the_sum_and_is_remembered(folder: Path, capsys: Said) -> None:
    assert amana(folder, "audit", "--since", "last") == 3
    assert amana(folder, "audit") == 0
    assert "281 opened + 0 erased = 281 entries." in capsys.readouterr().out
    assert amana(folder, "audit", "--since", "last", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["since"], found["opened"]) == (281, 1)  # the workspace's own events are always opened
    assert amana(folder, "audit", "--quick") == 0
    assert "audited" in capsys.readouterr().out


def test_an_audit_that_finds_a_fault_names_it_and_ends_with_five(folder: Path, capsys: Said) -> None:
    proof_house.tampered(folder, "DELETE FROM event WHERE position = 3")
    assert amana(folder, "audit") == 5
    assert "Event 3 is missing" in capsys.readouterr().err
    assert amana(folder, "audit", "--quick") == 5


def test_a_log_is_exported_and_checked(folder: Path, key: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "out"
    assert amana(folder, "log", "export", str(out)) == 0
    kept = tmp_path / "kept"
    kept.write_bytes((out / "checkpoint").read_bytes())
    with proof_house.opened(folder, writing=True) as house:
        house.writing().write(lambda session: proof_house.populate(session, 5, first=5_000))
    assert amana(folder, "log", "export", str(out)) == 0
    assert amana(tmp_path, "log", "check", str(out), "--key", str(key), "--since", str(kept)) == 0
    assert "extends the checkpoint of 281 entries" in capsys.readouterr().out
    assert amana(folder, "audit", "--since", str(kept)) == 0
    (out / "tile/entries/000").write_bytes(proof_house.flipped((out / "tile/entries/000").read_bytes(), 9))
    assert amana(tmp_path, "log", "check", str(out), "--key", str(key)) == 5


def test_witnesses_are_added_listed_and_removed(folder: Path, capsys: Said) -> None:
    witness = "w.example+9d3f5b1c+AAAA"
    assert amana(folder, "witness", "add", "http://127.0.0.1:9", witness) == 2
    assert amana(folder, "witness", "ask") == 3
    assert amana(folder, "witness", "remove", "http://127.0.0.1:9") == 3
    capsys.readouterr()
    assert amana(folder, "witness", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
