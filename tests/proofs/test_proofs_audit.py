"""The audit finds whatever was altered, dropped, moved or put back, and says where."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import proof_house
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from amana import errors
from amana.core.state import PersonState
from amana.core.vocabulary import Channel, Status
from amana.ledger import checkpoint, note, sealing, tiles
from amana.services.audience import cache
from amana.services.gate import asking
from amana.services.keeping import audit, forget
from amana.services.record import history, publication, receipts, records
from amana.services.record.house import House
from amana.storage import proofs

CONSENT = 2
WITHDRAWAL = 3  # the first person's


def audited(folder: Path, **words: object) -> audit.Full:
    with proof_house.opened(folder) as house:
        return audit.full(house, **words)  # type: ignore[arg-type]  # keywords of the call


def catch_up(house: House) -> None:
    gate = asking.Gate(house)
    question = asking.Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)
    cache.catch_up(house, gate.plan(question, proof_house.NOW).question.cell)
    gate.close()


def grow(folder: Path, people: int = 10, first: int = 5_000) -> None:
    with proof_house.opened(folder, writing=True) as house:
        house.writing().write(lambda session: proof_house.populate(session, people, first))


def blob(folder: Path, query: str, *values: object, database: str = "main.db") -> bytes:
    ((found,),) = proof_house.stored(folder, query, *values, database=database)
    return bytes(found)


# ---- a sound workspace -----------------------------------------------------------------------------------------------


def test_opened_and_erased_are_the_size_of_the_tree(original: Path) -> None:
    found = audited(original)
    assert found.opened + found.erased == found.size == 1 + 120 * 2 + 40
    assert (found.people, found.notices, found.since) == (120, 1, 0)


def test_a_quick_audit_opens_nothing_and_needs_no_person_key(folder: Path) -> None:
    proof_house.tampered(folder, "DELETE FROM person_key WHERE person > 0", database="keys/keys.db")
    with proof_house.opened(folder) as house:
        assert audit.quick(house).size == 281


def test_an_audit_tells_how_far_it_is(original: Path) -> None:
    told: list[tuple[int, int]] = []
    with proof_house.opened(original) as house:
        audit.full(house, lambda done, total: told.append((done, total)))
    assert told[-1] == (281, 281)


def test_columns_are_held_against_the_state(folder: Path) -> None:
    with proof_house.opened(folder) as house:
        catch_up(house)
    assert audited(folder).columns > 120 * 10
    assert 0 < audited(folder, sample=10).columns < audited(folder).columns
    grow(folder)  # people whom the columns do not know yet are not compared
    assert audited(folder).columns == audited(folder).columns


def test_erased_positions_are_accounted_for_by_the_log_itself(folder: Path) -> None:
    with proof_house.opened(folder) as house:
        catch_up(house)
    with proof_house.opened(folder, writing=True) as house:
        forget.forget(house, [1, 2])
    found = audited(folder)
    assert (found.opened, found.erased, found.size) == (282 - 5, 5, 282)
    with proof_house.opened(folder) as house:
        assert audit.quick(house).erased == 5


def test_an_erasure_that_was_stopped_half_way_is_told_apart_from_a_loss(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with proof_house.opened(folder, writing=True) as house:
        monkeypatch.setattr(house.keys, "destroy_keys", stopped)
        with pytest.raises(KeyboardInterrupt):
            forget.forget(house, [1])
    found = audited(folder)
    assert (found.opened, found.erasing, found.erased) == (278, 3, 0)
    with proof_house.opened(folder, writing=True) as house:
        forget.finish(house)
    assert audited(folder).erased == 3


def test_a_row_cannot_be_explained_away_by_the_table_of_erasures(folder: Path) -> None:
    proof_house.tampered(folder, "DELETE FROM event WHERE position = 3")
    proof_house.tampered(folder, "INSERT INTO erased VALUES (3, 3)")
    with proof_house.opened(folder) as house:
        assert audit.quick(house).erased == 1  # counts alone cannot tell
    with pytest.raises(errors.LedgerBroken, match="Event 3 is missing, and no erasure in the log lists it"):
        audited(folder)


def test_what_was_erased_and_stands_there_again_is_found(folder: Path) -> None:
    (row,) = proof_house.stored(folder, "SELECT * FROM event WHERE position = 3")
    with proof_house.opened(folder, writing=True) as house:
        forget.forget(house, [1])
    proof_house.tampered(folder, "INSERT INTO event VALUES (?, ?, ?, ?, ?)", *row)
    with pytest.raises(errors.LedgerBroken, match="Event 3 was erased, and is stored again"):
        audited(folder)


def test_an_erasure_list_that_says_more_than_the_log_is_found(folder: Path) -> None:
    proof_house.tampered(folder, "INSERT INTO erased VALUES (3, 3)")
    with pytest.raises(errors.LedgerBroken, match="erasure list is not the one in the log"):
        audited(folder)


# ---- every kind of byte ----------------------------------------------------------------------------------------------

Change = Callable[[Path], None]


def _sealed(folder: Path) -> None:
    body = blob(folder, "SELECT sealed FROM event WHERE position = 40")
    statement = "UPDATE event SET sealed = ? WHERE position = 40"
    proof_house.tampered(folder, statement, proof_house.flipped(body, -1))


def _nonce(folder: Path) -> None:
    body = blob(folder, "SELECT sealed FROM event WHERE position = 40")
    statement = "UPDATE event SET sealed = ? WHERE position = 40"
    proof_house.tampered(folder, statement, proof_house.flipped(body, 0))


def _event_id(folder: Path) -> None:
    body = blob(folder, "SELECT id FROM event WHERE position = 40")
    proof_house.tampered(folder, "UPDATE event SET id = ? WHERE position = 40", proof_house.flipped(body, 3))


def _event_source(folder: Path) -> None:
    proof_house.tampered(folder, "UPDATE event SET source = 9 WHERE position = 40")


def _event_person(folder: Path) -> None:
    proof_house.tampered(folder, "UPDATE event SET person = person + 1 WHERE position = 40")


def _bundle(folder: Path) -> None:
    body = blob(folder, "SELECT body FROM tile WHERE level = -1 AND number = 0")
    statement = "UPDATE tile SET body = ? WHERE level = -1 AND number = 0"
    proof_house.tampered(folder, statement, proof_house.flipped(body, 34 * 40 + 7))


def _dropped(folder: Path) -> None:
    proof_house.tampered(folder, "DELETE FROM event WHERE position = 40")


def _reordered(folder: Path) -> None:
    for old, new in ((40, 1_000_000), (41, 40), (1_000_000, 41)):
        proof_house.tampered(folder, f"UPDATE event SET position = {new} WHERE position = {old}")


def _key_row(folder: Path) -> None:
    ((person,),) = proof_house.stored(folder, "SELECT person FROM event WHERE position = 40")
    body = blob(folder, "SELECT wrapped FROM person_key WHERE person = ?", person, database="keys/keys.db")
    proof_house.tampered(
        folder,
        "UPDATE person_key SET wrapped = ? WHERE person = ?",
        proof_house.flipped(body, 20),
        person,
        database="keys/keys.db",
    )


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (_sealed, 40),
        (_nonce, 40),
        (_event_id, 40),
        (_event_source, 40),
        (_event_person, 40),
        (_bundle, 40),
        (_dropped, 40),
        (_reordered, 40),
        (_key_row, 39),
    ],
)
def test_the_audit_names_the_first_bad_position(folder: Path, change: Change, first: int) -> None:
    change(folder)
    with pytest.raises(errors.LedgerBroken, match=rf"^Event {first} "):
        audited(folder)


@pytest.mark.parametrize(("level", "name"), [(0, r"tile/0/000"), (-1, r"Event 0 "), (1, r"tile/1/000.p/1")])
def test_a_flipped_byte_of_a_tile_is_named_by_its_file(folder: Path, level: int, name: str) -> None:
    body = blob(folder, "SELECT body FROM tile WHERE level = ? AND number = 0", level)
    statement = "UPDATE tile SET body = ? WHERE level = ? AND number = 0"
    proof_house.tampered(folder, statement, proof_house.flipped(body, 10), level)
    with pytest.raises(errors.LedgerBroken, match=name):
        audited(folder)


@pytest.mark.parametrize("at", [3, 28, 40, 100, -10])
def test_a_flipped_byte_of_the_checkpoint_is_seen_at_a_glance(folder: Path, at: int) -> None:
    ((signed,),) = proof_house.stored(folder, "SELECT note FROM checkpoint WHERE name = 'latest'")
    altered = proof_house.flipped(signed.encode(), at).decode("utf-8", "replace")
    proof_house.tampered(folder, "UPDATE checkpoint SET note = ? WHERE name = 'latest'", altered)
    with proof_house.opened(folder) as house, pytest.raises(errors.LedgerBroken, match="checkpoint"):
        audit.quick(house)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoint SET size = size - 1",
        "DELETE FROM event WHERE position = 280",
        "DELETE FROM event WHERE position = 3",
        "DELETE FROM tile WHERE level = -1 AND number = 1",
        "DELETE FROM tile WHERE level = 0 AND number = 0",
        "DELETE FROM checkpoint",
    ],
)
def test_what_is_missing_is_seen_at_a_glance(folder: Path, statement: str) -> None:
    proof_house.tampered(folder, statement)
    with proof_house.opened(folder) as house, pytest.raises(errors.LedgerBroken):
        audit.quick(house)


def test_a_withdrawal_that_was_dropped_is_missed_even_if_all_that_rests_on_it_was_mended(
    folder: Path,
) -> None:
    """Whoever runs the database also puts the person's row back to what it was before the withdrawal."""
    with proof_house.opened(folder) as house:
        before = history.state_at(house, 1, WITHDRAWAL, _terms(house))
        head = history.of_person(house, 1)[-2].commitment
    assert before is not None
    proof_house.tampered(folder, "DELETE FROM event WHERE position = ?", WITHDRAWAL)
    state = msgspec.msgpack.encode(before)
    proof_house.tampered(
        folder, "UPDATE person SET state = ?, head = ?, changed = ? WHERE id = 1", state, head, CONSENT
    )
    with pytest.raises(errors.LedgerBroken, match=rf"^Event {WITHDRAWAL} is missing"):
        audited(folder)


def test_a_writer_that_leaves_out_the_predecessor_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even whoever holds every key cannot record a withdrawal as if nothing had been said before."""
    encode = records.encode
    with proof_house.opened(folder, writing=True) as house:
        monkeypatch.setattr(records, "encode", lambda event, person, prev: encode(event, person, b""))
        withdrawal = proof_house.permission(1, Status.WITHDRAWN, evidence="letter")
        house.writing().write(lambda session: session.record(session.person(2), withdrawal))
    with pytest.raises(errors.LedgerBroken, match="Event 281 does not follow"):
        audited(folder)


def _terms(house: House) -> object:
    gate = asking.Gate(house)
    gate.close()
    return gate.terms


def test_a_state_that_the_events_do_not_give_is_found(folder: Path) -> None:
    proof_house.tampered(
        folder, "UPDATE person SET state = ? WHERE id = 1", msgspec.msgpack.encode(PersonState())
    )
    with pytest.raises(errors.LedgerBroken, match=rf"^Event {WITHDRAWAL} .*not the fold"):
        audited(folder)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE person SET head = zeroblob(32) WHERE id = 1",
            "the latest event that the person's row names",
        ),
        ("UPDATE person SET state = x'c1' WHERE id = 1", "not the fold"),
        ("DELETE FROM person WHERE id = 1", "without a stored state"),
        (
            "INSERT INTO person SELECT 7000, state, head, changed, name_tag FROM person WHERE id = 1",
            "rests on no event",
        ),
        ("UPDATE notice SET content = replace(content, 'offers', 'sells')", "notice offers@2026-01"),
        ("UPDATE term SET code = 9 WHERE kind = 'purpose'", "not the fold"),
    ],
)
def test_whatever_rests_on_the_events_is_held_against_them(folder: Path, statement: str, told: str) -> None:
    proof_house.tampered(folder, statement)
    with pytest.raises(errors.LedgerBroken, match=told):
        audited(folder)


def test_a_column_that_says_yes_where_the_state_says_no_is_found(folder: Path) -> None:
    with proof_house.opened(folder) as house:
        catch_up(house)
    (base,) = (folder / "columns").glob("cell-*.arrow")
    audited(folder)
    base.write_bytes(_withdrawn_cleared(base.read_bytes()))
    with pytest.raises(errors.LedgerBroken, match="columns cell-"):
        audited(folder)


def _withdrawn_cleared(data: bytes) -> bytes:
    """The file without the first stretch of bytes that says of every third person that they withdrew."""
    pattern = bytes([1, 0, 0] * 40)
    at = data.find(pattern)
    assert at > 0
    return data[:at] + bytes(len(pattern)) + data[at + len(pattern) :]


# ---- rollback and fork -----------------------------------------------------------------------------------------------


def remembered(folder: Path) -> str:
    with proof_house.opened(folder, writing=True) as house:
        audit.remember(house, audit.full(house))
        signed = audit.last(house)
    assert signed is not None
    return signed


def test_a_log_put_back_to_an_earlier_day_does_not_extend_what_was_audited(
    folder: Path, tmp_path: Path
) -> None:
    backup = proof_house.copied(folder, tmp_path / "backup")
    grow(folder)
    signed = remembered(folder)
    with proof_house.opened(backup) as house:
        assert audit.quick(house)  # by itself the old copy is in order
        with pytest.raises(errors.LedgerBroken, match="Rolled back"):
            audit.full(house, since=signed)


def test_a_forked_log_does_not_extend_what_was_audited(folder: Path, tmp_path: Path) -> None:
    fork = proof_house.copied(folder, tmp_path / "fork")
    grow(folder)
    signed = remembered(folder)
    grow(fork, people=30, first=9_000)
    with proof_house.opened(fork) as house:
        assert audit.full(house)
        with pytest.raises(errors.LedgerBroken, match="Forked"):
            audit.full(house, since=signed)


def test_the_remembered_checkpoint_is_held_against_the_log_each_time(folder: Path, tmp_path: Path) -> None:
    fork = proof_house.copied(folder, tmp_path / "fork")
    grow(folder)
    remembered(folder)
    grow(fork, people=30, first=9_000)
    (row,) = proof_house.stored(folder, "SELECT * FROM checkpoint WHERE name = 'audited'")
    proof_house.tampered(fork, "INSERT INTO checkpoint VALUES (?, ?, ?, ?)", *row)
    with proof_house.opened(fork) as house, pytest.raises(errors.LedgerBroken, match="Forked"):
        audit.quick(house)


def test_somebody_with_the_database_but_not_the_key_cannot_rewrite_the_tree(folder: Path) -> None:
    """Dropping the last events, and cutting the tree to fit, needs a signature that nobody but the log can make."""
    with proof_house.opened(folder) as house, house.database.read() as connection:
        head, _ = publication.current(house, connection)
        entries = [
            commitment for body in proofs.bundles(connection) for commitment in tiles.bundle_entries(body)
        ]
    shorter = tiles.append(tiles.EMPTY, entries[:-1])
    stranger = note.signer(head.origin, bytes(32))
    tree = checkpoint.Checkpoint(origin=head.origin, size=head.size - 1, root=shorter.root)
    proof_house.tampered(folder, "DELETE FROM event WHERE position = ?", head.size - 1)
    proof_house.tampered(folder, "DELETE FROM tile")
    for one in [*shorter.tiles, *shorter.bundles]:
        proof_house.tampered(folder, "INSERT INTO tile VALUES (?, ?, ?)", one.level, one.index, one.body)
    proof_house.tampered(
        folder,
        "UPDATE checkpoint SET size = ?, root = ?, note = ?",
        tree.size,
        tree.root,
        checkpoint.sign(tree, stranger),
    )
    with proof_house.opened(folder) as house, pytest.raises(errors.LedgerBroken, match="checkpoint"):
        audit.quick(house)


# ---- going on from an earlier audit ----------------------------------------------------------------------------------


def test_an_audit_goes_on_from_the_last_one(folder: Path) -> None:
    signed = remembered(folder)
    grow(folder)
    with proof_house.opened(folder, writing=True) as house:
        withdrawal = proof_house.permission(1, Status.WITHDRAWN, evidence="letter")
        house.writing().write(lambda session: session.record(session.person(2), withdrawal))
    found = audited(folder, since=signed)
    assert (found.since, found.size) == (281, 281 + 23 + 1)
    assert (
        found.opened == 23 + 3 + 1
    )  # what is new, the whole history of the one person who is not, and the workspace's


@pytest.mark.parametrize("position", [281, 290, 303])
def test_going_on_finds_what_was_altered_since(folder: Path, position: int) -> None:
    signed = remembered(folder)
    grow(folder)
    proof_house.tampered(folder, "DELETE FROM event WHERE position = ?", position)
    with pytest.raises(errors.LedgerBroken, match=rf"^Event {position} is missing"):
        audited(folder, since=signed)


def test_going_on_finds_a_row_that_is_gone_from_before(folder: Path) -> None:
    signed = remembered(folder)
    grow(folder)
    proof_house.tampered(folder, "DELETE FROM event WHERE position = 40")
    with pytest.raises(errors.LedgerBroken, match="are not the 304"):
        audited(folder, since=signed)


def test_going_on_needs_a_checkpoint_that_this_log_signed(folder: Path) -> None:
    signed = remembered(folder)
    with pytest.raises(errors.VerificationFailed):
        audited(folder, since=signed.replace("\n281\n", "\n280\n"))


def test_an_audit_is_not_remembered_for_a_log_that_has_grown_meanwhile(folder: Path) -> None:
    with proof_house.opened(folder, writing=True) as house:
        found = audit.full(house)
        house.writing().write(lambda session: proof_house.populate(session, 1, first=5_000))
        audit.remember(house, found)
        assert audit.last(house) is None


def test_any_flipped_byte_of_any_sealed_row_is_found(folder: Path) -> None:
    body = blob(folder, "SELECT sealed FROM event WHERE position = 5")
    for at in range(0, len(body), 37):
        statement = "UPDATE event SET sealed = ? WHERE position = 5"
        proof_house.tampered(folder, statement, proof_house.flipped(body, at))
        with pytest.raises(errors.LedgerBroken, match=r"^Event 5 "), suppress(errors.KeyMissing):
            audited(folder)


# ---- rows of earlier releases ----------------------------------------------------------------------------------------


def test_rows_of_the_time_before_packing_open_and_the_log_goes_on(folder: Path) -> None:
    with proof_house.opened(folder) as house:
        for (person,) in proof_house.stored(
            folder, "SELECT DISTINCT person FROM event WHERE person BETWEEN 1 AND 9"
        ):
            key = house.keys.keys([person])[person]
            for one in history.of_person(house, person):
                unpack_row(folder, one.position, key)
    lengths = [one for (one,) in proof_house.stored(folder, "SELECT length(sealed) FROM event")]
    assert max(lengths) > 2 * min(lengths)
    assert audited(folder).opened == 281
    with proof_house.opened(folder, writing=True) as house:
        assert [one.event.id for one in history.of_person(house, 1)]
        assert receipts.many(house, [CONSENT])
        house.writing().write(
            lambda session: session.record(
                session.person(1), proof_house.permission(0, Status.WITHDRAWN, "form:later")
            )
        )
        assert audit.full(house).opened == 282


def unpack_row(folder: Path, position: int, key: bytes) -> None:
    """Seal a row again as the releases before packing did: the record as it is spelled."""
    ((sealed, bundle),) = proof_house.stored(
        folder,
        "SELECT sealed, body FROM event, tile WHERE position = ? AND level = -1 AND number = ?",
        position,
        position // 256,
    )
    commitment = tiles.bundle_entries(bytes(bundle))[position % 256]
    r, record = sealing.open_sealed(key, bytes(sealed), commitment)
    nonce = bytes(sealed)[:12]
    before = nonce + AESGCM(key).encrypt(nonce, r + record, commitment)
    assert len(before) > len(sealed)
    proof_house.tampered(folder, "UPDATE event SET sealed = ? WHERE position = ?", before, position)
