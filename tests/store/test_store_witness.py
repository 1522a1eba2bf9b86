"""A witness, a program of its own, across a restore: it vouches for the new name, and would have caught the old one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from store_world import DAY, NOW, Place, allowed, row, say, take

from amana import errors, wiring
from amana.core.vocabulary import Status
from amana.ledger import checkpoint, note
from amana.services.keeping import audit, backup, forget, journal, witness
from amana.services.record import publication
from amana.services.record.house import House
from amana.storage import proofs

LATER = NOW + DAY
PEOPLE = range(1, 11)
LEFT_LONG_AGO, LEFT, ERASED, STRAYED = 5, 3, 4, 7


@contextmanager
def witness_of(folder: Path, *logs: str) -> Iterator[tuple[str, str]]:
    """`amana witness serve`: its address and its key."""
    words = ["witness", "serve", "--folder", str(folder), "--port", "0"]
    words += [word for key in logs for word in ("--log", key)]
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("amana")), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            key, url = process.stdout.readline().strip(), process.stdout.readline().strip()
            yield url, key
        finally:
            process.kill()


def key_of(place: Place) -> str:
    with place.opened() as house:
        return publication.log_key(house).text()


def ask(place: Place, url: str, key: str) -> witness.Cosigned:
    """Have a place's log cosigned, by a witness that may have moved to another port."""
    with place.opened(writing=True, now=LATER) as house:
        for one in witness.known(house):
            witness.remove(house, one.url)
        witness.add(house, url, key)
        return witness.cosign(house, url)


def cosigned(house: House) -> str:
    with house.database.read() as connection:
        held = proofs.named(connection, proofs.COSIGNED)
    assert held is not None
    return held.note


@pytest.mark.slow
def test_a_restore_from_before_goodbyes_contacts_nobody_and_the_witness_tells_old_from_new(
    tmp_path: Path,
) -> None:
    place = Place(folder=tmp_path / "a", journal=tmp_path / "elsewhere.journal").create()
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(one, "left" if one == LEFT_LONG_AGO else "yes") for one in PEOPLE])
    old_key, memory = key_of(place), tmp_path / "witness"
    folders = tmp_path / "record", tmp_path / "keys"

    with witness_of(memory, old_key) as (url, key):
        ask(place, url, key)
        with place.opened(writing=True) as house:
            backup.take(house, *folders)
        strayed = Place(folder=tmp_path / "strayed")
        shutil.copytree(place.folder, strayed.folder)
        with place.opened(writing=True, now=NOW + 60) as house:
            say(house, LEFT, Status.WITHDRAWN, NOW + 60)
            forget.forget(house, [ERASED])
        seen = ask(place, url, key)
        with place.opened() as house:
            last = cosigned(house)

    restored = Place(folder=tmp_path / "b", journal=place.journal)
    root = place.folder / "keys" / "root.key"
    wiring.restore(restored.settings, *folders, root_key_file=root, last=last, at=lambda: LATER)
    with restored.opened(writing=True, now=LATER) as house:
        assert not any(allowed(house, *PEOPLE))  # before the replay, nobody at all
        done = journal.replay(house, restored.journal)  # type: ignore[arg-type]  # it has one
        assert (done.lifted, done.erased) == (True, 1)
        gone = {LEFT_LONG_AGO, LEFT, ERASED}
        assert allowed(house, *PEOPLE) == [one not in gone for one in PEOPLE]
        audit.full(house)

    with witness_of(memory, old_key, key_of(restored)) as (url, key):
        vouched = ask(restored, url, key)
        with restored.opened() as house:
            new = publication.log_key(house)
            head = checkpoint.verify(cosigned(house), new, [note.parse_key(key)])
            assert (head.checkpoint.origin, head.checkpoint.size) == (new.name, vouched.size)
            assert new.name != note.parse_key(old_key).name
            assert audit.quick(house).extends == (proofs.COSIGNED,)
        # Whoever started the backup itself under the old name would have been caught, at every size.
        with pytest.raises(errors.LedgerBroken, match="Rolled back"):
            ask(strayed, url, key)
        with strayed.opened(writing=True, now=LATER) as house:
            take(house, tmp_path, [row(one) for one in range(20, 30)], name="another list")
        with pytest.raises(errors.LedgerBroken, match="two versions"):
            ask(strayed, url, key)
        with strayed.opened() as house, house.database.read() as connection:
            forked, signed = publication.current(house, connection)
    assert forked.size > seen.size
    evidence = [path.read_text("utf-8") for path in (memory / "refused").iterdir()]
    assert evidence == [signed]  # signed by the old name, and against it
