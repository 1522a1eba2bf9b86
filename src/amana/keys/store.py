"""The key store: a key for each person, wrapped by the month's epoch key, wrapped by the root.

Rule. A key is durable before anything sealed with it is. Keys of people that never came to be (the main transaction
failed after this one) make way when their ids are given again, and are swept when a writer starts. A missing key is an
error that says so, never a new key: erased people stay erased. Writes happen in the writer's turn on the main database.

Rotation moves keys from older epochs to the current one in chunks; a chunk is one transaction, so it can be stopped
and gone on with. An epoch that no key refers to any more is destroyed once the backups that hold its keys are gone.

Suppression entries survive erasure, and their plaintext does not: their key has generations, none of which is ever
destroyed while entries made under it live. The same holds for `recognition`, under which names and the ids of other
systems are hashed. The blind index of addresses is rotated: the newest generation is the one in use, an older one that
is still here is being replaced and is searched as well, a retired one waits for the backups to end.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from amana import errors
from amana.keys import tables
from amana.keys.root import Root
from amana.ledger import sealing

RECOGNITION, EVENT_ID, LOG_SIGNING = "recognition", "event_id", "log_signing"
SUPPRESSION = "suppression/1"
BLIND_INDEX = "blind_index/"  # and the number of the generation
SECRETS = (f"{BLIND_INDEX}1", RECOGNITION, EVENT_ID, LOG_SIGNING, SUPPRESSION)
RETIRED = "retired/"
CACHED_KEYS = 100_000
CHUNK = 500
PATIENCE = 1_000  # milliseconds to wait for readers before scrubbing is put off

Random = Callable[[int], bytes]


_NAMES = (
    sa.select(tables.secret.c.name)
    .where(tables.secret.c.name.startswith(sa.bindparam("prefix", type_=sa.String)))
    .order_by(tables.secret.c.name)
)
"""Made once: putting a statement together costs more than running it on a few rows."""


class KeyStore:
    """Person keys and the workspace's secrets, over an engine in autocommit mode.

    Durability: everything is synced when a method returns. Concurrency: reads from any thread; writes in turn.
    """

    def __init__(self, engine: sa.Engine, root: Root, random: Random) -> None:
        self._engine = engine
        self._root = root
        self._random = random
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._epochs: dict[str, bytes] = {}
        self._secrets: dict[str, bytes] = {}

    @classmethod
    def create(cls, engine: sa.Engine, root: Root, random: Random) -> KeyStore:
        """Make a new key store with fresh secrets. Raises Conflict if there is one already."""
        if sa.inspect(engine).has_table(tables.secret.name):
            engine.dispose()
            raise errors.Conflict("There is a key store here already", remedy="choose another place")
        store = cls(engine, root, random)
        with store._transaction() as connection:
            tables.metadata.create_all(connection)
            for name in SECRETS:
                store._put_secret(connection, name, random(sealing.KEY_SIZE))
        return store

    @classmethod
    def open(cls, engine: sa.Engine, root: Root, random: Random) -> KeyStore:
        """Open an existing key store. Raises KeyMissing if it is not there or the root does not open it."""
        if not sa.inspect(engine).has_table(tables.secret.name):
            engine.dispose()
            raise errors.KeyMissing(
                "The key store is missing",
                remedy="restore it from its backup; nothing sealed opens without it",
            )
        store = cls(engine, root, random)
        try:
            store.secret(EVENT_ID)
        except errors.VerificationFailed as wrong:
            engine.dispose()
            raise errors.KeyMissing(
                "The root key does not open this key store",
                remedy="use the root key that the workspace was made with",
            ) from wrong
        return store

    @property
    def engine(self) -> sa.Engine:
        """The database under the store, to be copied whole."""
        return self._engine

    # ---- the workspace's own secrets --------------------------------------------------------------------------------

    def secret(self, name: str) -> bytes:
        """One of the workspace's own 32-byte secrets. Raises KeyMissing."""
        held = self._secrets.get(name)
        if held is None:
            with self._engine.connect() as connection:
                wrapped = connection.execute(
                    sa.select(tables.secret.c.wrapped).where(tables.secret.c.name == name)
                ).scalar_one_or_none()
            if wrapped is None:
                raise errors.KeyMissing(f"The key store holds no secret called {name}")
            held = self._secrets[name] = self._root.unwrap(wrapped, _secret_context(name))
        return held

    def set_secret(self, name: str, value: bytes) -> None:
        """Add or replace one of the workspace's own secrets."""
        with self._transaction() as connection:
            connection.execute(tables.secret.delete().where(tables.secret.c.name == name))
            self._put_secret(connection, name, value)
        self._secrets.pop(name, None)

    def has_secret(self, name: str) -> bool:
        """Whether there is a secret of this name."""
        with self._engine.connect() as connection:
            query = sa.select(tables.secret.c.name).where(tables.secret.c.name == name)
            return connection.execute(query).one_or_none() is not None

    # ---- the index of addresses ---------------------------------------------------------------------------------

    def index_generations(self) -> list[int]:
        """The generations of the blind index, newest first: one, or two while addresses move. Read afresh."""
        return sorted(
            (int(name.removeprefix(BLIND_INDEX)) for name in self._names(BLIND_INDEX)), reverse=True
        )

    def new_index_generation(self) -> int:
        """Add a generation; its number. In the writers' turn."""
        number = self.index_generations()[0] + 1
        self.set_secret(f"{BLIND_INDEX}{number}", self._random(sealing.KEY_SIZE))
        return number

    def retire_index_generation(self, number: int, at: int) -> None:
        """Search a generation no more, and keep its key for the backups that may need it. In the writers' turn."""
        old = f"{BLIND_INDEX}{number}"
        value = self.secret(old)
        with self._transaction() as connection:
            connection.execute(tables.secret.delete().where(tables.secret.c.name == old))
            self._put_secret(connection, f"{RETIRED}{at}/{old}", value)
        self._secrets.pop(old, None)

    def retired(self) -> dict[str, int]:
        """The retired secrets, and when each was retired (UTC second)."""
        return {name: int(name.split("/")[1]) for name in self._names(RETIRED)}

    def destroy_retired(self, before: int) -> list[str]:
        """Destroy the secrets that were retired before a moment; their names."""
        gone = [name for name, at in self.retired().items() if at < before]
        with self._transaction() as connection:
            connection.execute(tables.secret.delete().where(tables.secret.c.name.in_(gone)))
        for name in gone:
            self._secrets.pop(name, None)
        return gone

    def _names(self, prefix: str) -> list[str]:
        with self._engine.connect() as connection:
            return list(connection.execute(_NAMES, {"prefix": prefix}).scalars())

    # ---- people -----------------------------------------------------------------------------------------------------

    def create_keys(self, people: Sequence[int], epoch: str) -> dict[int, bytes]:
        """Fresh keys for new people, durable on return. `epoch` is the month, `YYYY-MM`."""
        if not people:
            return {}
        noise = self._random(44 * len(people))
        keys: dict[int, bytes] = {}
        rows: list[dict[str, Any]] = []
        with self._transaction() as connection:
            wrapping = self._epoch_key(connection, epoch, create=True)
            for index, person in enumerate(people):
                key, nonce = noise[44 * index : 44 * index + 32], noise[44 * index + 32 : 44 * index + 44]
                keys[person] = key
                wrapped = sealing.wrap(wrapping, nonce, key, _person_context(person))
                rows.append({"person": person, "epoch": epoch, "wrapped": wrapped})
            self._delete(connection, people)  # orphans of people that never came to be
            connection.execute(tables.person_key.insert(), rows)
        self._epochs[epoch] = wrapping
        for person, key in keys.items():
            self._remember(person, key)
        return keys

    def keys(self, people: Iterable[int]) -> dict[int, bytes]:
        """The keys of people that exist. Raises KeyMissing if one has none: erased, or another key store."""
        wanted = list(people)
        found = self.known_keys(wanted)
        if len(found) < len(set(wanted)):
            raise errors.KeyMissing(
                "A person's key is not in the key store",
                remedy="restore the key store that belongs to this database; erased people have no key",
            )
        return found

    def known_keys(self, people: Iterable[int]) -> dict[int, bytes]:
        """The keys of those of these people who have one."""
        found: dict[int, bytes] = {}
        missing: list[int] = []
        for person in people:
            held = self._cache.get(person)
            if held is None:
                missing.append(person)
            else:
                found[person] = held
        for start in range(0, len(missing), CHUNK):
            found |= self._load(missing[start : start + CHUNK])
        return found

    def destroy_keys(self, people: Sequence[int]) -> None:
        """Destroy people's keys: nothing sealed for them opens again. Doing it twice is harmless."""
        with self._transaction() as connection:
            for start in range(0, len(people), CHUNK):
                self._delete(connection, people[start : start + CHUNK])
        for person in people:
            self._cache.pop(person, None)

    def sweep(self, next_person: int) -> int:
        """Remove the keys of people that never came to be (id at or above `next_person`); how many."""
        with self._transaction() as connection:
            gone = connection.execute(
                tables.person_key.delete().where(tables.person_key.c.person >= next_person)
            )
        self._cache.clear()
        return gone.rowcount

    def highest_person(self) -> int:
        """The highest number that anybody with a key has, -1 for nobody."""
        with self._engine.connect() as connection:
            highest = connection.execute(sa.select(sa.func.max(tables.person_key.c.person))).scalar_one()
        return -1 if highest is None else int(highest)

    def forget_cached(self) -> None:
        """Drop keys from memory: some may belong to people that never came to be."""
        self._cache.clear()

    # ---- epochs -----------------------------------------------------------------------------------------------------

    def rotate(self, epoch: str, limit: int = 5_000) -> int:
        """Move up to `limit` keys of other epochs under this one; how many were moved. Zero: done."""
        table = tables.person_key
        with self._transaction() as connection:
            target = self._epoch_key(connection, epoch, create=True)
            rows = connection.execute(sa.select(table).where(table.c.epoch != epoch).limit(limit)).all()
            moved: list[dict[str, Any]] = []
            for row in rows:
                held = self._epoch_key(connection, row.epoch, create=False)
                key = sealing.unwrap(held, row.wrapped, _person_context(row.person))
                wrapped = sealing.wrap(target, self._random(12), key, _person_context(row.person))
                moved.append({"owner": row.person, "to": epoch, "under": wrapped})
            if moved:
                connection.execute(
                    table.update()
                    .where(table.c.person == sa.bindparam("owner"))
                    .values(epoch=sa.bindparam("to"), wrapped=sa.bindparam("under")),
                    moved,
                )
        self._epochs[epoch] = target
        return len(moved)

    def destroy_epochs(self, keep: Iterable[str]) -> list[str]:
        """Destroy the epochs that no key refers to, but for those to keep; their names."""
        table, kept = tables.epoch, set(keep)
        with self._transaction() as connection:
            used = set(connection.execute(sa.select(tables.person_key.c.epoch).distinct()).scalars())
            names = connection.execute(sa.select(table.c.name).order_by(table.c.name)).scalars()
            gone = [name for name in names if name not in used | kept]
            if gone:
                connection.execute(table.delete().where(table.c.name.in_(gone)))
        for name in gone:
            self._epochs.pop(name, None)
        return gone

    def epochs(self) -> dict[str, int]:
        """How many keys each epoch wraps."""
        query = (
            sa.select(tables.epoch.c.name, sa.func.count(tables.person_key.c.person))
            .outerjoin(tables.person_key, tables.person_key.c.epoch == tables.epoch.c.name)
            .group_by(tables.epoch.c.name)
            .order_by(tables.epoch.c.name)
        )
        with self._engine.connect() as connection:
            return {name: count for name, count in connection.execute(query)}

    def scrub(self) -> bool:
        """Empty the write-ahead log, so that destroyed keys stand nowhere; False while a reader holds it up."""
        with self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("VACUUM")
                return True
            before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
            connection.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE}")
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            connection.exec_driver_sql(f"PRAGMA busy_timeout={before}")
        if not busy:
            _sync_log(str(self._engine.url.database))
        return not busy

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    # ---- inside -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            sqlite = connection.dialect.name == "sqlite"
            connection.exec_driver_sql("BEGIN IMMEDIATE" if sqlite else "BEGIN")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    def _put_secret(self, connection: sa.Connection, name: str, value: bytes) -> None:
        wrapped = self._root.wrap(self._random(12), value, _secret_context(name))
        connection.execute(tables.secret.insert().values(name=name, wrapped=wrapped))

    def _load(self, people: Sequence[int]) -> dict[int, bytes]:
        table = tables.person_key
        found: dict[int, bytes] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(table).where(table.c.person.in_(people))).all():
                wrapping = self._epochs.get(row.epoch)
                if wrapping is None:
                    wrapping = self._epochs[row.epoch] = self._epoch_key(connection, row.epoch, create=False)
                found[row.person] = sealing.unwrap(wrapping, row.wrapped, _person_context(row.person))
        for person, key in found.items():
            self._remember(person, key)
        return found

    def _epoch_key(self, connection: sa.Connection, name: str, *, create: bool) -> bytes:
        """An epoch's key; a new one is remembered by the caller once it is committed."""
        held = self._epochs.get(name)
        if held is not None:
            return held
        wrapped = connection.execute(
            sa.select(tables.epoch.c.wrapped).where(tables.epoch.c.name == name)
        ).scalar_one_or_none()
        if wrapped is not None:
            return self._root.unwrap(wrapped, _epoch_context(name))
        if not create:
            raise errors.KeyMissing(f"The key epoch {name} is not in the key store")
        key = self._random(sealing.KEY_SIZE)
        wrapped = self._root.wrap(self._random(12), key, _epoch_context(name))
        connection.execute(tables.epoch.insert().values(name=name, wrapped=wrapped))
        return key

    @staticmethod
    def _delete(connection: sa.Connection, people: Sequence[int]) -> None:
        connection.execute(tables.person_key.delete().where(tables.person_key.c.person.in_(people)))

    def _remember(self, person: int, key: bytes) -> None:
        self._cache[person] = key
        if len(self._cache) > CACHED_KEYS:
            self._cache.popitem(last=False)


def _sync_log(database: str) -> None:
    """Make the log's truncation durable. SQLite leaves that open: after a power failure the old log would be back."""
    try:
        handle = os.open(f"{database}-wal", os.O_RDONLY)
    except FileNotFoundError:  # another connection closed, and took the log away with it
        handle = os.open(Path(database).parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _person_context(person: int) -> bytes:
    return b"person/%d" % person


def _epoch_context(name: str) -> bytes:
    return b"epoch/" + name.encode()


def _secret_context(name: str) -> bytes:
    return b"secret/" + name.encode()
