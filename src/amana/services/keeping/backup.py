"""Backup and restore: nothing acknowledged is lost with a machine, and nobody is contacted because a backup was old.

Rule. A backup is two folders: the record, and the keys, which never stand together unless somebody insists. The record is
copied first and the keys after it, so that every event's key is there; whoever was erased in between has none. The
manifest is written last, so that a half-made backup has none; then everything is read again and verified: bytes, signed
checkpoint, tree, and a key for everybody who was not erased.

A restored record does not know what happened after the backup. So it denies everything until the refusal journal was
replayed, or somebody says with a reason why it can be done without. Its log goes on under a new name with a new key,
beginning with a statement of what the old one had last signed; the old name never signs again. Whoever has no key was
erased after the backup, and is erased again. Work that was waiting is handed to a person: it may have been done.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor
from amana.keys import tables as key_tables
from amana.keys.store import LOG_SIGNING, KeyStore
from amana.ledger import checkpoint, nodes, note, sealing
from amana.ledger.checkpoint import Checkpoint
from amana.services.keeping import forget
from amana.services.record import publication
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import copying, engines, erasures, log, people, proofs, restores, tables, tasks
from amana.storage.database import Database
from amana.storage.restores import Backup, Restored

MAIN, KEYS, DEFINITION, REJECTS, MANIFEST = "main.db", "keys.db", "amana.toml", "rejects", "manifest.json"
FORM = 1
_BLOCK = 1 << 20


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one folder of a backup holds. Digests are SHA-256, hexadecimal."""

    form: int
    holds: str  # record | keys
    made: int  # UTC second
    log_key: str  # the log's verifier key
    checkpoint: str  # the signed checkpoint of the record
    files: dict[str, str]  # digest by name


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A backup, verified."""

    made: int
    size: int  # of the ledger
    events: int
    people: int
    keys: int | None  # people with a key; None: the keys were not copied
    keyless: int  # people of the record without a key: erased


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be known about safekeeping: erasures under way, backups, the journal, a restore."""

    erasing: int  # people whose erasure is fenced and not finished
    scrubbing: int  # people who are erased but for the last traces in files
    backup: Backup | None
    journal: Path | None
    unkept: int  # events since the latest backup, which a loss of this machine takes with it
    restored: Restored | None


def standing(house: House) -> Standing:
    """How safekeeping stands."""
    with house.database.read() as connection:
        taken, latest = restores.backup(connection), log.latest(connection)
        return Standing(
            erasing=len(erasures.in_state(connection, erasures.FENCED)),
            scrubbing=len(erasures.in_state(connection, erasures.SCRUBBING)),
            backup=taken,
            journal=house.journal,
            unkept=(latest.size if latest else 0) - (taken.size if taken else 0),
            restored=restores.restored(connection),
        )


# ---- taking one -------------------------------------------------------------------------------------------------


def take(house: House, folder: Path, keys_folder: Path | None = None, *, together: bool = False) -> Taken:
    """Back up the record, and the keys if a folder is named for them; verified when it returns.

    Raises Conflict if a folder is not empty, or holds the other one and `together` is not said; VerificationFailed.
    """
    _apart(folder, keys_folder, together)
    made = house.clock()
    for one in (folder, keys_folder or folder):
        _empty(one)
    copying.copy(house.database.engine, folder / MAIN, tables.metadata)
    shutil.copyfile(house.folder / DEFINITION, folder / DEFINITION)
    if house.rejects.is_dir():
        shutil.copytree(house.rejects, folder / REJECTS)
    signed = _signed(folder)
    key = publication.log_key(house).text()
    if keys_folder is not None:
        copying.copy(house.keys.engine, keys_folder / KEYS, key_tables.metadata)
        _close(keys_folder, "keys", made, key, signed)
    _close(folder, "record", made, key, signed)
    taken = verify(folder, keys_folder)
    if keys_folder is not None:
        _only_the_erased(house, keyless(folder, keys_folder))
    kept = Backup(at=made, size=taken.size)
    house.writing().write(lambda session: restores.put_backup(session.connection, kept))
    return taken


def _apart(folder: Path, keys_folder: Path | None, together: bool) -> None:
    if keys_folder is None or together:
        return
    main, keys = folder.absolute(), keys_folder.absolute()
    if main == keys or main in keys.parents or keys in main.parents:
        raise errors.Conflict(
            "Record and keys are to stand in one folder: whoever gets it can open everything",
            expected="two folders, best on two machines",
            remedy="name another folder with --keys, or say --together",
        )


def _empty(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sync(folder.parent)  # before any name in the folder is
    if any(folder.iterdir()):
        raise errors.Conflict(
            "The folder of the backup is not empty", remedy="name a new one for each backup"
        )


def _signed(folder: Path) -> str:
    """The signed checkpoint in a copy of the record."""
    engine = engines.read_only(folder / MAIN)
    try:
        with engine.connect() as connection:
            latest = log.latest(connection)
    finally:
        engine.dispose()
    if latest is None:
        raise errors.Conflict("There is nothing to back up: the ledger is empty")
    return latest.note


def _close(folder: Path, holds: str, made: int, key: str, signed: str) -> None:
    """Sync every file of a backup, and write the manifest last."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and _belongs(path, folder, holds)]
    manifest = Manifest(
        form=FORM,
        holds=holds,
        made=made,
        log_key=key,
        checkpoint=signed,
        files={str(path.relative_to(folder)): _digest(path) for path in files},
    )
    for path in files:
        os.chmod(path, 0o600)
        _sync(path)
    building = folder / f".{MANIFEST}.{holds}"
    building.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    _sync(building)
    building.rename(folder / _manifest_name(holds))
    for one in sorted({path.parent for path in files} | {folder}):  # from above downwards
        _sync(one)


def _belongs(path: Path, folder: Path, holds: str) -> bool:
    name = path.relative_to(folder)
    if holds == "keys":
        return str(name) == KEYS
    return str(name) in (MAIN, DEFINITION) or name.parts[0] == REJECTS


def _manifest_name(holds: str) -> str:
    return MANIFEST if holds == "record" else f"keys-{MANIFEST}"


def _digest(path: Path) -> str:
    found = sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- verifying one ----------------------------------------------------------------------------------------------


def manifest_of(folder: Path, holds: str = "record") -> Manifest:
    """The manifest of a folder. Raises NotFound, VerificationFailed."""
    path = folder / _manifest_name(holds)
    if not path.is_file():
        raise errors.NotFound(
            f"There is no finished backup of the {holds} here", expected=path.name, remedy="check the folder"
        )
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.MsgspecError as bad:
        raise errors.VerificationFailed("The backup's manifest cannot be read") from bad
    if found.form != FORM or found.holds != holds:
        raise errors.VerificationFailed("The backup is of another form", expected=f"{holds}, form {FORM}")
    return found


def verify(folder: Path, keys_folder: Path | None = None) -> Taken:
    """Read a backup whole: its bytes, its signed checkpoint, its tree. Raises NotFound, VerificationFailed."""
    manifest = manifest_of(folder)
    _same_bytes(folder, manifest)
    engine = engines.read_only(folder / MAIN)
    try:
        with engine.connect() as connection:
            _sound(connection)
            head = _check_log(connection, manifest)
            counted, known = proofs.counts(connection).events, people.count(connection)
    finally:
        engine.dispose()
    taken = Taken(made=manifest.made, size=head.size, events=counted, people=known, keys=None, keyless=0)
    if keys_folder is None:
        return taken
    beside = manifest_of(keys_folder, "keys")
    _same_bytes(keys_folder, beside)
    if _origin_of(beside) != _origin_of(manifest):
        raise errors.VerificationFailed("Record and keys are of two different workspaces")
    if beside.made < manifest.made:
        raise errors.VerificationFailed(
            "The keys are older than the record: events may have no key",
            remedy="use keys that were copied with this record or after it",
        )
    held, without = _count_keys(keys_folder), keyless(folder, keys_folder)
    return msgspec.structs.replace(taken, keys=held, keyless=len(without))


def keyless(folder: Path, keys_folder: Path) -> list[int]:
    """People of the record who have no key: they were erased after it was copied."""
    engine = engines.read_only(folder / MAIN)
    keys = quote(str((keys_folder / KEYS).absolute()))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("ATTACH ? AS apart", (f"file:{keys}?mode=ro&immutable=1",))
            known = sa.union(sa.select(tables.person.c.id), sa.select(tables.event.c.person)).subquery()
            held = sa.select(sa.column("person", sa.Integer)).select_from(
                sa.table("person_key", schema="apart")
            )
            query = sa.select(known.c.id).where(known.c.id.not_in(held)).order_by(known.c.id)
            return list(connection.execute(query).scalars())
    finally:
        engine.dispose()


def _same_bytes(folder: Path, manifest: Manifest) -> None:
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise errors.VerificationFailed(
                f"The backup's file {name} is missing or altered", remedy="use another backup"
            )


def _sound(connection: sa.Connection) -> None:
    told = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
    if told != "ok":
        raise errors.VerificationFailed("The backup's database is damaged", remedy="use another backup")


def _check_log(connection: sa.Connection, manifest: Manifest) -> Checkpoint:
    latest = log.latest(connection)
    head = checkpoint.verify(manifest.checkpoint, note.parse_key(manifest.log_key)).checkpoint
    if latest is None or latest.note != manifest.checkpoint:
        raise errors.VerificationFailed("The backup's checkpoint is not the one of its manifest")
    nodes.verify_tree(head.size, log.tile_reader(connection), head.root)
    return head


def _origin_of(manifest: Manifest) -> str:
    return note.parse_key(manifest.log_key).name


def _count_keys(keys_folder: Path) -> int:
    engine = engines.read_only(keys_folder / KEYS)
    try:
        with engine.connect() as connection:
            _sound(connection)
            query = sa.select(sa.func.count()).select_from(key_tables.person_key)
            return int(connection.execute(query).scalar_one())
    finally:
        engine.dispose()


def _only_the_erased(house: House, without: Sequence[int]) -> None:
    with house.database.read() as connection:
        lost = [one for one in without if erasures.state_of(connection, one) is None]
    if lost:
        raise errors.VerificationFailed(
            f"The keys of {len(lost)} people are missing from the key store", remedy="restore its backup"
        )


# ---- restoring --------------------------------------------------------------------------------------------------


def put_record(folder: Path, url: str) -> None:
    """Put a backup's record where a new workspace's main database is to stand. Raises Conflict, StoreOutdated.

    A record of an older schema is migrated first.
    """
    with tempfile.TemporaryDirectory(prefix="amana-restore-") as name:
        staged = Path(name) / MAIN
        shutil.copyfile(folder / MAIN, staged)
        Database.migrate(f"sqlite:///{staged}")
        _put(staged, url, tables.metadata, tables.meta.name)


def put_keys(keys_folder: Path, url: str) -> None:
    """Put a backup's keys where a new workspace's key store is to stand. Raises Conflict."""
    _put(keys_folder / KEYS, url, key_tables.metadata, key_tables.secret.name)


def _put(file: Path, url: str, metadata: sa.MetaData, mark: str) -> None:
    path = engines.sqlite_path(url)
    if path is not None:
        shutil.copyfile(file, path)
        os.chmod(path, 0o600)
        _sync(path)
        return
    target, staged = engines.connect(url), engines.read_only(file)
    try:
        if sa.inspect(target).has_table(mark):
            raise errors.Conflict(
                "The database to restore into is not empty", remedy="name a new one: nothing is merged"
            )
        copying.pour(staged, target, metadata)
    finally:
        staged.dispose()
        target.dispose()


def go_on(
    database: Database,
    keys: KeyStore,
    made: int,
    *,
    now: int,
    random: Callable[[int], bytes],
    last: str | None = None,
) -> Restored:
    """Let the log of a restored record go on under a new name; what it continues. Nothing else may be open on it.

    `last` is the latest checkpoint that the old name is known to have signed, from a witness or a published folder; it
    is at least that of the backup. Raises LedgerBroken if the record contradicts it, VerificationFailed.
    """
    with database.begin() as connection:
        origin = connection.execute(
            sa.select(tables.meta.c.value).where(tables.meta.c.name == "origin")
        ).scalar_one()
        old_key = note.signer(origin, keys.secret(LOG_SIGNING)).verifier
        latest = log.latest(connection)
        if latest is None:
            raise errors.VerificationFailed(
                "The record has no signed checkpoint", remedy="use another backup"
            )
        head = publication.verified_row(latest, old_key)
        known = _newest(head, latest.note, last, old_key)
        _leave_numbers_alone(connection, keys)
        keys.set_secret(LOG_SIGNING, random(sealing.KEY_SIZE))
        signer = note.signer(f"amana-log/{random(8).hex()}", keys.secret(LOG_SIGNING))
        signed = checkpoint.sign(
            Checkpoint(origin=signer.verifier.name, size=head.size, root=head.root), signer
        )
        log.put_latest(connection, log.CheckpointRow(head.size, head.root, signed))
        proofs.set_aside(connection, origin)
        restores.set_origin(connection, signer.verifier.name)
        found = Restored(at=now, origin=origin, key=old_key.text(), size=head.size, note=known, made=made)
        restores.put_restored(connection, found)
        tasks.hand_over(connection, "restored")
    return found


def _leave_numbers_alone(connection: sa.Connection, keys: KeyStore) -> None:
    """People who came after the backup are not here; their numbers, as far as the keys know them, stay unused."""
    following = people.next_id(connection)
    people.set_next_id(connection, max(following, keys.highest_person() + 1))
    keys.sweep(following)


def _newest(head: Checkpoint, held: str, last: str | None, key: note.VerifierKey) -> str:
    """The later of the backup's checkpoint and the last one known. Raises LedgerBroken at a fork."""
    if last is None:
        return held
    other = checkpoint.verify(last, key).checkpoint
    if other.size == head.size and other.root != head.root:
        raise errors.LedgerBroken(
            "The backup and the last known checkpoint are two different trees of one size",
            remedy="keep both as evidence, and use a backup that the witness vouches for",
        )
    return last if other.size > head.size else held


def settle(house: House, restored: Restored, erased: Sequence[int]) -> None:
    """In a restored workspace opened for writing: state what the log continues, and erase again who was erased."""
    tree = checkpoint.parse(note.parse(restored.note).text)

    def work(session: Session) -> None:
        session.record(
            session.workspace(),
            events.Continuation(
                id=house.random(16).hex(),
                occurred=Interval(lo=session.now, hi=session.now),
                actor=Actor.SYSTEM,
                source=0,
                origin=restored.origin,
                size=tree.size,
                root=tree.root.hex(),
            ),
        )

    house.writing().write(work)
    with house.database.read() as connection:
        here = [row.id for row in people.get(connection, erased).values()]
    forget.forget(house, here)
