"""Wiring: the only place that builds concrete things from settings, and the only place with a clock and randomness.

Rule. A workspace is a folder: `amana.toml`, `main.db`, `keys/` (the key store and, unless the environment supplies
it, the root key file), `columns/` and `rejects/`. Making one is all or nothing: it is built under another name and
renamed. Any number of processes may open one; writers take turns, transaction by transaction.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from importlib import resources
from pathlib import Path

import msgspec
import sqlalchemy as sa

from amana import errors
from amana import settings as environment
from amana.core import address_class, packs, public_holidays, workspace
from amana.core.address_class import AddressRules
from amana.core.person import Reader
from amana.keys import tables as key_tables
from amana.keys.root import LocalRoot, Root, passphrase_of
from amana.keys.store import KeyStore
from amana.services.keeping import backup
from amana.services.keeping.journal import RefusalJournal
from amana.services.law_book import law_updates
from amana.services.record import publish
from amana.services.record.house import House
from amana.services.record.writing import Writer
from amana.settings import Settings
from amana.storage import copying, engines, log, tables
from amana.storage.database import Database
from amana.storage.restores import Restored

DEFINITION = "amana.toml"
MAIN = "main.db"
KEYS = "keys"
KEY_FILE = "root.key"
KEY_DATABASE = "keys.db"
BUILDING = ".new-"
SETTLED = 5  # seconds until a folder that is built in must have been locked

Clock = Callable[[], int]


def clock() -> int:
    """UTC seconds now."""
    return int(time.time())  # noqa: TID251  the one clock


def law_book(workspace_folder: Path | None = None) -> packs.LawBook:
    """The law book that a workspace took, else the one that came with this release."""
    taken = None if workspace_folder is None else law_updates.taken(workspace_folder)
    return _shipped_book() if taken is None else packs.read(taken)


@cache
def _shipped_book() -> packs.LawBook:
    folder = resources.files("amana.data").joinpath("law")
    return packs.read(
        {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}
    )


@cache
def address_rules() -> AddressRules:
    """The address rules that came with this release."""
    text = resources.files("amana.data").joinpath("address_rules.toml").read_text("utf-8")
    return address_class.read_rules(text)


def create(settings: Settings, definition: str, *, at: Clock = clock) -> Path:
    """Make a workspace folder from the text of its definition. Raises BadWorkspace, Conflict."""
    workspace.read(definition)
    folder = settings.workspace
    if (folder / DEFINITION).exists():
        raise errors.Conflict("There is a workspace here already", remedy="choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    with _building(folder) as building:
        _build(building, settings)
        for made in (building / KEYS, building / MAIN):
            if not made.exists():
                continue  # it stands in a server's database
            if (folder / made.name).exists():
                raise errors.Conflict(
                    f"A file called {made.name} is here already", remedy="choose an empty folder"
                )
            made.rename(folder / made.name)
        (building / DEFINITION).write_text(definition, "utf-8")
        _sync(building / DEFINITION)
        (building / DEFINITION).rename(folder / DEFINITION)
        _sync(folder)
    with opened(settings, writing=True, at=at) as house:
        publish.publish(house)
    return folder


@contextmanager
def opened(
    settings: Settings,
    *,
    writing: bool = False,
    at: Clock = clock,
    random: Callable[[int], bytes] = os.urandom,
) -> Iterator[House]:
    """An open workspace. One whose making was cut short is finished first.

    Raises NotFound, BadWorkspace, KeyMissing, StoreOutdated.
    """
    folder = settings.workspace
    path = folder / DEFINITION
    if not path.is_file():
        raise errors.NotFound(
            "There is no workspace here",
            expected=DEFINITION,
            remedy="run `amana init`, or name one with --workspace",
        )
    definition = workspace.read(path.read_text("utf-8"))
    with ExitStack() as closing:
        database = Database.open(_main_url(settings))
        closing.callback(database.close)
        keys_engine = closing.enter_context(_engine(_keys_url(settings)))
        keys = KeyStore.open(keys_engine, _root(settings), random)
        house = House(
            folder=folder,
            workspace=definition,
            database=database,
            keys=keys,
            book=law_book(folder),
            address_rules=address_rules(),
            reader=Reader(address_rules()),
            is_holiday=public_holidays.in_place,
            clock=at,
            random=random,
            origin=_origin(database),
            again=partial(opened, settings),
            journal=settings.journal,
            backup_days=settings.backup_days,
            environment=os.environ,
        )
        if writing:
            unfinished, journal = _cut_short(database), _journal(house)
            house.writer = Writer(
                database, keys, origin=house.origin, clock=at, random=random, journal=journal
            )
            if unfinished:
                publish.publish(house)
        elif _cut_short(database):
            with opened(settings, writing=True, at=at, random=random):
                pass  # whoever opens it for writing finishes it
        yield house


@contextmanager
def _engine(url: str) -> Iterator[sa.Engine]:
    engine = engines.connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def workspace_at(folder: str | Path, *, writing: bool = False) -> Iterator[House]:
    """The workspace in a folder, opened under the process's own environment: the library's way in."""
    with opened(environment.read(os.environ, Path(folder)), writing=writing) as house:
        yield house


@contextmanager
def copied(settings: Settings, at: Clock = clock) -> Iterator[House]:
    """A writable copy of a workspace that is thrown away at the end: what a dry run runs on."""
    with tempfile.TemporaryDirectory(prefix="amana-dry-") as name:
        folder = Path(name)
        (folder / KEYS).mkdir(mode=0o700)
        shutil.copy(settings.workspace / DEFINITION, folder / DEFINITION)
        if (settings.workspace / law_updates.FOLDER).is_dir():
            shutil.copytree(settings.workspace / law_updates.FOLDER, folder / law_updates.FOLDER)
        for url, target, metadata in (
            (_keys_url(settings), folder / KEYS / KEY_DATABASE, key_tables.metadata),
            (_main_url(settings), folder / MAIN, tables.metadata),
        ):
            engine = engines.connect(url)
            copying.copy(engine, target, metadata)
            engine.dispose()
        elsewhere = Settings(
            workspace=folder,
            actor=settings.actor,
            root_key=settings.root_key,
            root_key_file=_root_path(settings),
            root_passphrase_file=settings.root_passphrase_file,
        )
        with opened(elsewhere, writing=True, at=at) as house:
            yield house


def restore(
    settings: Settings,
    folder: Path,
    keys_folder: Path,
    *,
    root_key_file: Path | None = None,
    last: str | None = None,
    at: Clock = clock,
) -> Restored:
    """Make a workspace from a backup, in `settings.workspace`. It denies everything until the journal is replayed.

    `root_key_file` is copied into it where the settings name none. Raises Conflict, NotFound, VerificationFailed,
    KeyMissing, LedgerBroken; nothing of the workspace is there then.
    """
    backup.verify(folder, keys_folder)
    target = settings.workspace
    target.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    if any(target.iterdir()):
        raise errors.Conflict("The folder to restore into is not empty", remedy="name a new one")
    with _building(target) as building:
        here = msgspec.structs.replace(settings, workspace=building, journal=None)
        (building / KEYS).mkdir(mode=0o700)
        if root_key_file is not None:
            shutil.copyfile(root_key_file, building / KEYS / KEY_FILE)
            os.chmod(building / KEYS / KEY_FILE, 0o600)
        backup.put_record(folder, _main_url(here))
        backup.put_keys(keys_folder, _keys_url(here))
        for name in backup.manifest_of(folder).files:
            if name != backup.MAIN:
                (building / name).parent.mkdir(mode=0o700, exist_ok=True)
                shutil.copyfile(folder / name, building / name)
        erased = backup.keyless(folder, keys_folder)
        found = _continued(here, backup.manifest_of(folder).made, last, at, erased)
        for made in sorted(building.iterdir(), key=lambda one: one.name == DEFINITION):  # it comes last
            made.rename(target / made.name)
        _sync(target)
    return found


def put_back(settings: Settings, *, last: str | None = None, at: Clock = clock) -> Restored:
    """Say of a workspace that its databases were put back by other means than `restore`: it denies, under a new name.

    Raises as `restore`.
    """
    with opened(settings):
        pass  # says what is wrong with it, if anything is
    return _continued(msgspec.structs.replace(settings, journal=None), at(), last, at, ())


def _continued(settings: Settings, made: int, last: str | None, at: Clock, erased: Sequence[int]) -> Restored:
    database = Database.open(_main_url(settings))
    keys = KeyStore.open(engines.connect(_keys_url(settings)), _root(settings), os.urandom)
    try:
        found = backup.go_on(database, keys, made, now=at(), random=os.urandom, last=last)
    finally:
        keys.close()
        database.close()
    with opened(settings, writing=True, at=at) as house:
        backup.settle(house, found, erased)
    return found


def migrate(settings: Settings) -> list[str]:
    """Apply the pending migrations of a workspace's main database; which they were. Raises NotFound."""
    if not (settings.workspace / DEFINITION).is_file():
        raise errors.NotFound(
            "There is no workspace here", expected=DEFINITION, remedy="name one with --workspace"
        )
    return Database.migrate(_main_url(settings))


def _build(folder: Path, settings: Settings) -> None:
    """Make the key store and the main database: in `folder`, or where the settings say."""
    (folder / KEYS).mkdir(mode=0o700)
    if not settings.root_key and settings.root_key_file is None:
        LocalRoot(os.urandom(32)).write(folder / KEYS / KEY_FILE, _passphrase(settings), os.urandom)
    here = msgspec.structs.replace(settings, workspace=folder)
    keys = engines.connect(_keys_url(here))
    KeyStore.create(keys, _root(here), os.urandom).close()
    Database.create(_main_url(here), f"amana-log/{os.urandom(8).hex()}").close()


@contextmanager
def _building(folder: Path) -> Iterator[Path]:
    """A folder to build in, gone at the end; it is locked for as long as somebody builds in it."""
    building = Path(tempfile.mkdtemp(prefix=BUILDING, dir=folder))
    handle = os.open(building, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield building
    finally:
        os.close(handle)
        shutil.rmtree(building)


def _sweep(folder: Path) -> None:
    """Remove what a making or restoring left that was killed: folders of that name, old enough, and locked by nobody."""
    for left in folder.glob(f"{BUILDING}*"):
        if left.is_symlink() or not left.is_dir() or clock() - left.stat().st_mtime < SETTLED:
            continue
        handle = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
        except BlockingIOError:
            continue  # somebody builds in it
        finally:
            os.close(handle)


def _sync(path: Path) -> None:
    """Make a file's content or a directory's names durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _main_url(settings: Settings) -> str:
    return settings.database or f"sqlite:///{settings.workspace / MAIN}"


def _keys_url(settings: Settings) -> str:
    """Where the key store stands. Raises KeyMissing if its file is not there although the workspace is."""
    path = settings.workspace / KEYS / KEY_DATABASE
    if not settings.keys_database and not path.exists() and (settings.workspace / DEFINITION).exists():
        raise errors.KeyMissing(
            "The key store is missing", remedy="restore it from its backup; nothing sealed opens without it"
        )
    return settings.keys_database or f"sqlite:///{path}"


def _root(settings: Settings) -> Root:
    if settings.root_key:
        return LocalRoot.from_text(settings.root_key)
    return LocalRoot.from_file(_root_path(settings), _passphrase(settings))


def _root_path(settings: Settings) -> Path:
    return settings.root_key_file or settings.workspace / KEYS / KEY_FILE


def _passphrase(settings: Settings) -> bytes:
    return passphrase_of(settings.root_passphrase_file) if settings.root_passphrase_file else b""


def lock_root(settings: Settings) -> Path:
    """Lock a root key file that stands in the clear with the passphrase; its path. Raises KeyMissing, BadSettings."""
    passphrase = _passphrase(settings)
    if not passphrase or settings.root_key:
        raise errors.BadSettings(
            "There is no passphrase, or no root key file, to lock with it",
            expected="AMANA_ROOT_PASSPHRASE_FILE set and AMANA_ROOT_KEY unset",
            remedy="set them, then run this again",
        )
    path = _root_path(settings)
    root = LocalRoot.from_file(path)
    building = path.with_name(f".{path.name}.new")
    building.unlink(missing_ok=True)
    root.write(building, passphrase, os.urandom)
    LocalRoot.from_file(building, passphrase)  # it opens again, before it takes the other's place
    building.rename(path)
    _sync(path.parent)
    return path


def _journal(house: House) -> RefusalJournal | None:
    """The refusal journal, begun if it is new; None where none is kept. Raises BadSettings."""
    if house.journal is None:
        return None
    journal = RefusalJournal(house.journal, house.keys)
    with house.database.begin() as connection:  # in the writers' turn, as every append
        latest = log.latest(connection)
        journal.begin(house.clock(), latest.size if latest else 0)
    return journal


def _cut_short(database: Database) -> bool:
    """Whether the making of a workspace ended before its words were numbered and its notices published."""
    with database.read() as connection:
        found = log.head(connection)
    return found.latest is None and not found.terms


def _origin(database: Database) -> str:
    with database.read() as connection:
        query = sa.select(tables.meta.c.value).where(tables.meta.c.name == "origin")
        return str(connection.execute(query).scalar_one())
