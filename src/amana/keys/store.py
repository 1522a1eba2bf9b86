"""The key store: a key for each person, wrapped by the month's epoch key, wrapped by the root.

Rule. A key is durable before anything sealed with it is. Keys of people that never came to be (the main transaction
failed after this one) are swept when the next writer starts. A missing key is an error that says so, never a new
key: erased people stay erased. Only the holder of the main database's writer lease writes here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from amana import errors
from amana.keys import tables
from amana.keys.root import Root
from amana.ledger import sealing

SECRETS = ("blind_index", "event_id", "log_signing")
CACHED_KEYS = 100_000
CHUNK = 500

Random = Callable[[int], bytes]


class KeyStore:
    """Person keys and the workspace's secrets.

    Durability: `create_keys` and `destroy_keys` are synced when they return. Concurrency: reads from any thread;
    writes by the one writer.
    """

    def __init__(self, engine: sa.Engine, root: Root, random: Random) -> None:
        self._engine = engine
        self._root = root
        self._random = random
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._epochs: dict[str, bytes] = {}
        self._secrets: dict[str, bytes] = {}

    @classmethod
    def create(cls, path: Path, root: Root, random: Random) -> KeyStore:
        """Make a new key store with fresh secrets. Raises Conflict if the file exists."""
        if path.exists():
            raise errors.Conflict("There is a key store here already", remedy="choose another folder")
        store = cls(_engine(path), root, random)
        with store._engine.begin() as connection:
            tables.metadata.create_all(connection)
            for name in SECRETS:
                wrapped = root.wrap(random(12), random(32), b"secret/" + name.encode())
                connection.execute(tables.secret.insert().values(name=name, wrapped=wrapped))
        return store

    @classmethod
    def open(cls, path: Path, root: Root, random: Random) -> KeyStore:
        """Open an existing key store. Raises KeyMissing if it is not there or the root does not open it."""
        if not path.exists():
            raise errors.KeyMissing(
                "The key store is missing",
                remedy="restore it from its backup; nothing sealed opens without it",
            )
        store = cls(_engine(path), root, random)
        try:
            store.secret("event_id")
        except errors.VerificationFailed as wrong:
            raise errors.KeyMissing(
                "The root key does not open this key store",
                remedy="use the root key that the workspace was made with",
            ) from wrong
        return store

    def secret(self, name: str) -> bytes:
        """One of the workspace's own 32-byte secrets."""
        held = self._secrets.get(name)
        if held is None:
            with self._engine.connect() as connection:
                wrapped = connection.execute(
                    sa.select(tables.secret.c.wrapped).where(tables.secret.c.name == name)
                ).scalar_one_or_none()
            if wrapped is None:
                raise errors.KeyMissing(f"The key store holds no secret called {name}")
            held = self._secrets[name] = self._root.unwrap(wrapped, b"secret/" + name.encode())
        return held

    def create_keys(self, people: Sequence[int], epoch: str) -> dict[int, bytes]:
        """Fresh keys for new people, durable on return. `epoch` is the month, `YYYY-MM`."""
        if not people:
            return {}
        noise = self._random(44 * len(people))
        keys: dict[int, bytes] = {}
        rows: list[dict[str, Any]] = []
        with self._engine.begin() as connection:
            wrapping = self._epoch_key(connection, epoch, create=True)
            for index, person in enumerate(people):
                key, nonce = noise[44 * index : 44 * index + 32], noise[44 * index + 32 : 44 * index + 44]
                keys[person] = key
                wrapped = sealing.wrap(wrapping, nonce, key, _context(person))
                rows.append({"person": person, "epoch": epoch, "wrapped": wrapped})
            # Ids of people that never came to be are given again: their orphan keys make way.
            connection.execute(tables.person_key.delete().where(tables.person_key.c.person.in_(people)))
            connection.execute(tables.person_key.insert(), rows)
        for person, key in keys.items():
            self._remember(person, key)
        return keys

    def keys(self, people: Iterable[int]) -> dict[int, bytes]:
        """The keys of people that exist. Raises KeyMissing if one has none: erased, or another key store."""
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

    def sweep(self, next_person: int) -> int:
        """Remove the keys of people that never came to be (id at or above `next_person`); how many."""
        with self._engine.begin() as connection:
            gone = connection.execute(
                tables.person_key.delete().where(tables.person_key.c.person >= next_person)
            )
        self._cache.clear()
        return gone.rowcount

    def forget_cached(self) -> None:
        """Drop keys from memory: some may belong to people that never came to be."""
        self._cache.clear()

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    def _load(self, people: Sequence[int]) -> dict[int, bytes]:
        table = tables.person_key
        found: dict[int, bytes] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(table).where(table.c.person.in_(people))):
                wrapping = self._epoch_key(connection, row.epoch, create=False)
                found[row.person] = sealing.unwrap(wrapping, row.wrapped, _context(row.person))
        if len(found) < len(people):
            raise errors.KeyMissing(
                "A person's key is not in the key store",
                remedy="restore the key store that belongs to this database; erased people have no key",
            )
        for person, key in found.items():
            self._remember(person, key)
        return found

    def _epoch_key(self, connection: sa.Connection, name: str, *, create: bool) -> bytes:
        held = self._epochs.get(name)
        if held is not None:
            return held
        context = b"epoch/" + name.encode()
        wrapped = connection.execute(
            sa.select(tables.epoch.c.wrapped).where(tables.epoch.c.name == name)
        ).scalar_one_or_none()
        if wrapped is not None:
            key = self._root.unwrap(wrapped, context)
            self._epochs[name] = key
            return key
        if not create:
            raise errors.KeyMissing(f"The key epoch {name} is not in the key store")
        key = self._random(32)
        wrapped = self._root.wrap(self._random(12), key, context)
        connection.execute(tables.epoch.insert().values(name=name, wrapped=wrapped))
        return key  # remembered once it is committed, by the next look-up

    def _remember(self, person: int, key: bytes) -> None:
        self._cache[person] = key
        if len(self._cache) > CACHED_KEYS:
            self._cache.popitem(last=False)


def _context(person: int) -> bytes:
    return b"person/%d" % person


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 30.0})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    return engine
