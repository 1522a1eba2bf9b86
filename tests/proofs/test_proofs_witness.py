"""A witness over HTTP, and the log that asks it: what extends is cosigned, what contradicts is refused and named."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import proof_house
import pytest

from amana import errors
from amana.cli import witness as serving
from amana.ledger import checkpoint, merkle, nodes, note, tiles
from amana.ledger import verify as verifying
from amana.services.keeping import audit, witness, witnessing
from amana.services.keeping.witnessing import Refusal, Witness
from amana.services.record import publication, receipts

LOG = note.signer("log.example/a", bytes(range(32)))
STRANGER = note.signer("log.example/a", bytes(range(1, 33)))
NOW = 1_800_000_000


class Tree:
    """A log in memory: numbered entries, and proofs between its sizes."""

    def __init__(self, size: int, salt: str = "") -> None:
        entries = [sha256(f"{salt}{number}".encode()).digest() for number in range(size)]
        self.rows: dict[tuple[int, int], bytes] = {}
        for tile in tiles.append(tiles.EMPTY, entries).tiles:
            self.rows[tile.level, tile.index] = tile.body
        self.size = size

    def node(self, size: int) -> merkle.Reader:
        return nodes.node_reader(size, lambda level, index, width: self.rows[level, index])

    def signed(self, size: int, signer: note.Signer = LOG) -> str:
        root = merkle.tree_root(size, self.node(size))
        return checkpoint.sign(checkpoint.Checkpoint(origin="log.example/a", size=size, root=root), signer)

    def request(self, old: int, new: int, signer: note.Signer = LOG) -> bytes:
        proof = merkle.consistency_proof(old, new, self.node(new))
        return witnessing.write(old, proof, self.signed(new, signer))


TREE = Tree(700)
FORK = Tree(700, "other ")


proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="file names of descriptors need /proc")


@contextmanager
def witness_in(folder: Path, name: str = "w.example") -> Iterator[Witness]:
    with witnessing.serving(
        folder, [LOG.verifier], clock=lambda: NOW, random=lambda count: b"\x07" * count, name=name
    ) as made:
        yield made


# ---- the protocol ----------------------------------------------------------------------------------------------------


def test_a_witness_cosigns_what_extends_what_it_cosigned(tmp_path: Path) -> None:
    with witness_in(tmp_path) as made:
        for old, new in ((0, 3), (3, 300), (300, 300), (300, 700)):
            answer = made.add_checkpoint(TREE.request(old, new))
            assert (answer.status, answer.refusal) == (200, None)
            found = checkpoint.verify(TREE.signed(new) + answer.body, LOG.verifier, [made.key])
            assert found.witnesses == (("w.example", NOW),)


@pytest.mark.parametrize(
    ("body", "status", "refusal"),
    [
        (TREE.request(0, 600), 409, Refusal.STALE),
        (TREE.request(200, 300), 409, Refusal.ROLLBACK),
        (TREE.request(300, 700), 409, Refusal.STALE),
        (FORK.request(500, 500), 409, Refusal.SPLIT_VIEW),
        (FORK.request(500, 700), 422, Refusal.FORK),
        (witnessing.write(500, [], TREE.signed(700)), 422, Refusal.FORK),
        (witnessing.write(500, [bytes(32)], TREE.signed(700)), 422, Refusal.FORK),
        (witnessing.write(500, [bytes(31)], TREE.signed(700)), 422, Refusal.FORK),
        (witnessing.write(500, [], TREE.signed(300)), 400, Refusal.MALFORMED),
        (TREE.request(500, 700, STRANGER), 403, Refusal.UNSIGNED),
        (TREE.request(500, 700).replace(b"log.example/a", b"log.example/b"), 404, Refusal.UNKNOWN_LOG),
        (TREE.request(500, 700).replace(b"old 500", b"old 0500"), 400, Refusal.MALFORMED),
        (TREE.request(500, 700).replace(b"old 500\n", b""), 400, Refusal.MALFORMED),
        (TREE.request(500, 700)[:-1], 400, Refusal.MALFORMED),
        (b"", 400, Refusal.MALFORMED),
        (b"\xff", 400, Refusal.MALFORMED),
        (witnessing.write(500, [bytes(32)] * 64, TREE.signed(700)), 400, Refusal.MALFORMED),
    ],
)
def test_what_a_witness_refuses_and_how_it_calls_it(
    tmp_path: Path, body: bytes, status: int, refusal: Refusal
) -> None:
    with witness_in(tmp_path) as made:
        made.add_checkpoint(TREE.request(0, 500))
        answer = made.add_checkpoint(body)
        assert (answer.status, answer.refusal) == (status, refusal)
        if refusal in (Refusal.STALE, Refusal.ROLLBACK):
            assert (answer.body, answer.content_type) == ("500\n", "text/x.tlog.size")
        assert made.add_checkpoint(TREE.request(500, 501)).status == 200  # its memory is unharmed
        kept = [path.read_text() for path in (tmp_path / "refused").iterdir()]
        assert len(kept) == (refusal in (Refusal.SPLIT_VIEW, Refusal.FORK))
        for signed in kept:
            checkpoint.verify(signed, LOG.verifier)  # evidence: the log itself signed it


def test_a_first_proof_is_empty_and_an_empty_tree_has_its_root(tmp_path: Path) -> None:
    with witness_in(tmp_path) as made:
        assert made.add_checkpoint(witnessing.write(0, [bytes(32)], TREE.signed(3))).status == 422
        wrong = checkpoint.Checkpoint(origin="log.example/a", size=0, root=bytes(32))
        assert made.add_checkpoint(witnessing.write(0, [], checkpoint.sign(wrong, LOG))).status in (409, 422)
        assert made.add_checkpoint(TREE.request(0, 3)).status == 200


def test_a_witness_remembers_across_restarts(tmp_path: Path) -> None:
    with witness_in(tmp_path) as made:
        key = made.key
        made.add_checkpoint(TREE.request(0, 500))
    with witness_in(tmp_path) as made:
        assert made.key == key
        assert made.add_checkpoint(TREE.request(0, 300)).refusal is Refusal.ROLLBACK
        assert made.add_checkpoint(FORK.request(500, 700)).refusal is Refusal.FORK
        assert made.add_checkpoint(TREE.request(500, 700)).status == 200


@proc
def test_the_checkpoint_is_synced_before_the_cosignature_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with witness_in(tmp_path) as made:

        def broken(descriptor: int) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(witnessing.os, "fsync", broken)
        with pytest.raises(OSError, match="full"):
            made.add_checkpoint(TREE.request(0, 500))
        monkeypatch.undo()

        synced: list[str] = []
        plain = os.fsync

        def noted(descriptor: int) -> None:
            synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
            plain(descriptor)

        monkeypatch.setattr(witnessing.os, "fsync", noted)
        assert made.add_checkpoint(FORK.request(0, 400)).status == 200  # nothing had been vouched for
        name = sha256(b"log.example/a").hexdigest()
        assert synced == [f".{name}.new", "state"]  # the file, then the name by which it is found


def test_signatures_that_nobody_asked_for_do_not_reach_the_witnesses_memory(tmp_path: Path) -> None:
    """A log could else leave a line that looks like the witness's own, and stop it from starting again."""
    with witness_in(tmp_path) as made:
        forged = note.encode_base64(made.key.id + bytes(72))
        body = TREE.request(0, 500) + f"\u2014 {made.key.name} {forged}\n".encode()
        body += b"".join(f"\u2014 junk{n} AAAAAAAA\n".encode() for n in range(61))
        assert made.add_checkpoint(body).status == 200
    with witness_in(tmp_path) as made:
        assert made.add_checkpoint(TREE.request(500, 700)).status == 200


def test_a_note_can_be_cut_down_to_the_first_signature_of_each_key_that_is_wanted() -> None:
    witness_key = note.signer("w.example", bytes(32), note.Algorithm.COSIGNATURE)
    signed = TREE.signed(3)
    twice = note.cosign(note.cosign(signed, witness_key, 1), witness_key, 2)
    assert note.only(twice, [LOG.verifier]) == signed
    assert note.only(twice, [LOG.verifier, witness_key.verifier]) == note.cosign(signed, witness_key, 1)
    assert note.only(twice, [STRANGER.verifier]) == signed.rpartition("\n\n")[0] + "\n\n"


def test_a_witness_whose_memory_was_altered_does_not_start(tmp_path: Path) -> None:
    with witness_in(tmp_path) as made:
        made.add_checkpoint(TREE.request(0, 500))
    (state,) = (tmp_path / "state").iterdir()
    state.write_bytes(proof_house.flipped(state.read_bytes(), 16))
    with pytest.raises(errors.VerificationFailed), witness_in(tmp_path):
        pass


def test_one_process_at_a_time_is_a_witness(tmp_path: Path) -> None:
    with witness_in(tmp_path), pytest.raises(errors.Busy), witness_in(tmp_path):
        pass


def test_many_threads_cannot_make_a_witness_sign_two_branches(tmp_path: Path) -> None:
    with witness_in(tmp_path) as made:
        made.add_checkpoint(TREE.request(0, 1))
        bodies = [(TREE if n % 2 else FORK).request(1 if n % 2 else 0, 300 + n) for n in range(40)]
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda b=b: answers.append(made.add_checkpoint(b).status)) for b in bodies
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers.count(200) == 1


# ---- over HTTP -------------------------------------------------------------------------------------------------------


@contextmanager
def listening(made: Witness) -> Iterator[int]:
    """The real server, on a free port of this machine."""
    with serving.server(made, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def post(port: int, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", path, body, headers or {})
    response = connection.getresponse()
    answer = (response.status, response.headers["Content-Type"], response.read())
    connection.close()
    return answer


def test_the_server_speaks_the_protocol(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with witness_in(tmp_path) as made, listening(made) as port:
        status, _, lines = post(port, "/add-checkpoint", TREE.request(0, 500))
        assert status == 200
        assert lines.startswith("\u2014 w.example ".encode())
        assert post(port, "/add-checkpoint", TREE.request(0, 600)) == (409, "text/x.tlog.size", b"500\n")
        assert post(port, "/add-checkpoint", FORK.request(500, 600))[0] == 422
        assert post(port, "/elsewhere", b"")[0] == 404
        assert post(port, "/add-checkpoint", bytes(70_000))[0] == 400
        assert post(port, "/add-checkpoint", b"", {"Content-Length": "many"})[0] == 400
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        name = sha256(b"log.example/a").hexdigest()
        for path, expected in ((f"/{name}/checkpoint", 200), ("/", 404)):  # one connection, kept alive
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == expected
            if expected == 200:
                assert checkpoint.verify(body, LOG.verifier, [made.key]).checkpoint.size == 500
        connection.close()
    assert "refused: fork" in capfd.readouterr().err


@contextmanager
def witnessed(folder: Path, tmp_path: Path, name: str = "w.example") -> Iterator[tuple[str, str]]:
    """A witness that knows the log of a workspace: its address and its key."""
    with proof_house.opened(folder) as house:
        log = publication.log_key(house)
    with (
        witnessing.serving(tmp_path / name, [log], clock=lambda: NOW, random=os.urandom, name=name) as made,
        listening(made) as port,
    ):
        yield f"http://127.0.0.1:{port}", made.key.text()


def ask(folder: Path, url: str) -> witness.Cosigned:
    with proof_house.opened(folder, writing=True) as house:
        return witness.cosign(house, url)


def add(folder: Path, url: str, key: str) -> None:
    with proof_house.opened(folder, writing=True) as house:
        witness.add(house, url, key)


def grow(folder: Path, people: int = 10, first: int = 5_000) -> None:
    with proof_house.opened(folder, writing=True) as house:
        house.writing().write(lambda session: proof_house.populate(session, people, first))


def test_a_cosigned_log_gives_receipts_that_carry_the_witnesss_word(folder: Path, tmp_path: Path) -> None:
    with witnessed(folder, tmp_path) as (url, key):
        add(folder, url + "/", key)
        assert ask(folder, url).size == 281
        grow(folder)
        found = ask(folder, url)
        assert (found.name, found.size, found.time) == ("w.example", 304, NOW)
    with proof_house.opened(folder) as house:
        log_key = publication.log_key(house).text()
        proven = verifying.verify(receipts.of(house, 2), log_key, [key])
        assert proven.witnesses == (("w.example", NOW),)
        assert audit.quick(house).extends == ("cosigned",)
        publication.export(house, tmp_path / "out")
        assert [one.size for one in witness.known(house)] == [304]
    assert "w.example" in (tmp_path / "out" / "checkpoint").read_text()
    grow(folder, 1, first=8_000)
    with proof_house.opened(folder) as house:
        # The latest checkpoint is not cosigned yet: what the cosigned one covers stands on that one still.
        assert verifying.verify(receipts.of(house, 2), log_key, [key]).size == 304
        assert receipts.of(house, 2, witnessed=True) == receipts.of(house, 2)
        with pytest.raises(errors.VerificationFailed):
            verifying.verify(receipts.of(house, 305), log_key, [key])
        assert verifying.verify(receipts.of(house, 305), log_key).size == 306
        with pytest.raises(errors.Conflict):
            receipts.of(house, 305, witnessed=True)


def test_two_witnesses_stand_on_one_checkpoint_and_asking_again_adds_nothing(
    folder: Path, tmp_path: Path
) -> None:
    with witnessed(folder, tmp_path, "one.example") as one, witnessed(folder, tmp_path, "two.example") as two:
        for url, key in (one, two):
            add(folder, url, key)
        for url, _ in (one, two, two, one):
            ask(folder, url)
    with proof_house.opened(folder) as house:
        text = receipts.of(house, 2)
        verifying.verify(text, publication.log_key(house).text(), [one[1], two[1]])
    assert text.count("\n\u2014 ") == 3


def test_a_log_that_lost_its_memory_of_the_witness_asks_from_where_the_witness_is(
    folder: Path, tmp_path: Path
) -> None:
    with witnessed(folder, tmp_path) as (url, key):
        add(folder, url, key)
        ask(folder, url)
        proof_house.tampered(
            folder, "UPDATE meta SET value = replace(value, '281', '7') WHERE name LIKE 'witness/%'"
        )
        grow(folder)
        assert ask(folder, url).size == 304


def test_a_rolled_back_log_is_found_out_by_the_witness(folder: Path, tmp_path: Path) -> None:
    backup = proof_house.copied(folder, tmp_path / "backup")
    with witnessed(folder, tmp_path) as (url, key):
        for one in (folder, backup):
            add(one, url, key)
        grow(folder)
        ask(folder, url)
        with pytest.raises(errors.LedgerBroken, match="Rolled back"):
            ask(backup, url)


@pytest.mark.parametrize("people", [10, 40])  # as large as the branch that was cosigned, and larger
def test_a_log_that_shows_two_versions_is_found_out_by_the_witness(
    folder: Path, tmp_path: Path, people: int
) -> None:
    fork = proof_house.copied(folder, tmp_path / "fork")
    with witnessed(folder, tmp_path) as (url, key):
        for one in (folder, fork):
            add(one, url, key)
        grow(folder)
        ask(folder, url)
        grow(fork, people, first=5_000)
        with pytest.raises(errors.LedgerBroken, match="two versions"):
            ask(fork, url)
        assert list((tmp_path / "w.example" / "refused").iterdir())


def test_a_witness_that_cannot_be_asked_is_said_to_be_one(folder: Path, tmp_path: Path) -> None:
    other = proof_house.create(tmp_path / "other", people=1)
    with witnessed(other, tmp_path) as (url, key):
        add(folder, url, key)
        with pytest.raises(errors.NotFound, match="does not know this log"):
            ask(folder, url)
    with pytest.raises(errors.NotFound, match="does not answer"):
        ask(folder, url)
    with pytest.raises(errors.NotFound, match="no witness"):
        ask(folder, "http://127.0.0.1:9")
    with proof_house.opened(folder, writing=True) as house:
        for address, its_key in (("ftp://w.example", key), ("w.example", key), (url, LOG.verifier.text())):
            with pytest.raises(errors.BadInput):
                witness.add(house, address, its_key)
        witness.remove(house, url)
        assert witness.known(house) == []
        with pytest.raises(errors.NotFound):
            witness.remove(house, url)


def test_a_cosignature_by_another_key_than_was_named_does_not_count(folder: Path, tmp_path: Path) -> None:
    another = note.signer("w.example", bytes(32), note.Algorithm.COSIGNATURE).verifier.text()
    with witnessed(folder, tmp_path) as (url, _):
        add(folder, url, another)
        with pytest.raises(errors.VerificationFailed):
            ask(folder, url)
    with proof_house.opened(folder) as house:
        assert audit.quick(house).extends == ()


def test_a_witness_runs_as_a_program_of_its_own(folder: Path, tmp_path: Path) -> None:
    with proof_house.opened(folder) as house:
        log_key = publication.log_key(house).text()
    program = (
        "import typer, sys; from amana.cli import witness; app = typer.Typer(); witness.register(app)\napp()"
    )
    words = ["witness", "serve", "--folder", str(tmp_path / "w"), "--port", "0", "--log", log_key]
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        try:
            key, url = process.stdout.readline().strip(), process.stdout.readline().strip()
            add(folder, url, key)
            assert ask(folder, url).size == 281
        finally:
            process.kill()
