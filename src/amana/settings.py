"""Settings: one frozen object, read once from the environment at the edge.

Rule. Nothing is configured by default: a workspace folder holds everything. The environment may name the workspace
and supply the root key, so that it need not stand in a file. Secrets never stand in the workspace's TOML.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from amana import errors

NOBODY = "unknown"
"""The actor where neither AMANA_ACTOR nor a login name says who is working."""

VARIABLES = {
    "AMANA_WORKSPACE": "the workspace folder; otherwise the current folder",
    "AMANA_DATABASE": "postgresql://… of the main database; otherwise an SQLite file in the workspace",
    "AMANA_KEYS_DATABASE": "postgresql://… of the key store, never the main database's; otherwise an SQLite file",
    "AMANA_ROOT_KEY": "32 bytes in base64: the root key, instead of the workspace's key file",
    "AMANA_ROOT_KEY_FILE": "the path of the root key file, instead of the workspace's own",
    "AMANA_ROOT_PASSPHRASE_FILE": "the path of a file with the passphrase that protects the root key file",
    "AMANA_JOURNAL": "the path of the refusal journal, best on another host's disk; otherwise none is kept",
    "AMANA_BACKUP_DAYS": "for how many days backups are kept, 35 unless said: old keys are destroyed only later",
    "AMANA_ACTOR": "who is working, for the record of looks; otherwise the login name",
    "AMANA_LOG": "1 to see log lines on a terminal too; commands that run on show theirs anyhow",
}

BACKUP_DAYS = 35


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says."""

    workspace: Path
    actor: str
    database: str = ""  # PostgreSQL address of the main database, "" for SQLite
    keys_database: str = ""  # PostgreSQL address of the key store, "" for SQLite
    root_key: str = ""
    root_key_file: Path | None = None
    root_passphrase_file: Path | None = None
    journal: Path | None = None  # where every refusal is written down before it is answered
    backup_days: int = BACKUP_DAYS
    log: bool = False  # log lines also where somebody reads


def read(environment: Mapping[str, str], workspace: Path | None = None) -> Settings:
    """The settings of an environment. Raises BadSettings for a variable that contradicts another."""
    if environment.get("AMANA_ROOT_KEY") and environment.get("AMANA_ROOT_KEY_FILE"):
        raise errors.BadSettings(
            "AMANA_ROOT_KEY and AMANA_ROOT_KEY_FILE are both set", remedy="unset one of them"
        )
    main, keys = environment.get("AMANA_DATABASE", ""), environment.get("AMANA_KEYS_DATABASE", "")
    if main and main == keys:
        raise errors.BadSettings(
            "The key store is to stand in the main database",
            expected="a database of its own, with a backup policy of its own",
            remedy="name another one in AMANA_KEYS_DATABASE, or unset it",
        )
    unknown = [name for name in environment if name.startswith("AMANA_") and name not in VARIABLES]
    if unknown:
        raise errors.BadSettings(
            f"Not a setting: {', '.join(sorted(unknown))}",
            expected=f"one of: {', '.join(VARIABLES)}",
            remedy="unset it, or mend its name",
        )
    return Settings(
        workspace=workspace or Path(environment.get("AMANA_WORKSPACE") or "."),
        actor=environment.get("AMANA_ACTOR")
        or environment.get("USER")
        or environment.get("LOGNAME")
        or NOBODY,
        database=main,
        keys_database=keys,
        root_key=environment.get("AMANA_ROOT_KEY", ""),
        root_key_file=_path(environment, "AMANA_ROOT_KEY_FILE"),
        root_passphrase_file=_path(environment, "AMANA_ROOT_PASSPHRASE_FILE"),
        journal=_path(environment, "AMANA_JOURNAL"),
        backup_days=_days(environment, "AMANA_BACKUP_DAYS"),
        log=_switch(environment, "AMANA_LOG"),
    )


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    text = environment.get(name, "")
    return Path(text) if text else None


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name) or "0"
    if text not in ("0", "1"):
        raise errors.BadSettings(f"{name} is neither on nor off", expected="1 or 0")
    return text == "1"


def _days(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name) or str(BACKUP_DAYS)
    if not (text.isascii() and text.isdigit()) or not int(text):
        raise errors.BadSettings(f"{name} is not a number of days", expected="a whole number from 1")
    return int(text)
