"""Connections to a database that is not ours.

Rule.
- The address names server, database and user, never a password; that comes from a file or a variable when a connection
  is made.
- A session is set so that nothing is bent in silence: MySQL refuses what does not fit instead of cutting it, moments
  are UTC, SQLite overwrites what is deleted and never makes a file that was not there. Foreign keys hold.
- Every statement has an end: the server's own time limit where it has one, a socket's or a lock's elsewhere.
- A server elsewhere is reached encrypted and checked (`sql_tls`).
- One connection at a time, kept until `dispose`; one that died while idle is replaced before use.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL

from amana import errors
from amana.connectors.systems import sql_tls
from amana.connectors.systems.credentials import Secret
from amana.connectors.systems.sql_matching import LOWER

WRITES = "amana_writes"
"""Execution option: this transaction will write."""

_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite+pysqlite"}
_ALIASES = {"postgres": "postgresql", "mariadb": "mysql"}


def connect(
    address: str,
    password: Secret,
    folder: Path,
    timeout: int,
    environment: Mapping[str, str],
    *,
    unencrypted: bool = False,
) -> sa.Engine:
    """An engine that has not connected yet. Raises BadInput for an address that cannot be used."""
    url = _url(address)
    if url.get_backend_name() == "sqlite":
        return _sqlite(folder / (url.database or ""), timeout)
    if not unencrypted:
        sql_tls.require(url, environment)
    make = _postgresql if url.get_backend_name() == "postgresql" else _mysql
    try:
        engine = make(url, timeout)
    except ModuleNotFoundError as missing:
        raise errors.BadInput(
            "The driver of this database is not installed",
            expected=missing.name or "",
            remedy="install amana[postgres] for PostgreSQL",
        ) from None
    sa.event.listen(engine, "do_connect", _with_password(password))
    return engine


def _url(address: str) -> URL:
    try:
        url = sa.make_url(address)
    except exc.ArgumentError:
        raise errors.BadInput(
            "The database's address cannot be read", expected="postgresql://user@host/db"
        ) from None
    kind = url.drivername.partition("+")[0]
    kind = _ALIASES.get(kind, kind)
    if kind not in _DRIVERS:
        raise errors.BadInput(
            "This kind of database is not known", expected=", ".join(_DRIVERS), got=url.drivername
        )
    if url.password:
        raise errors.BadInput(
            "A password stands in the database's address",
            expected="an address without one",
            remedy="name password_file or password_env instead",
        )
    return url.set(drivername=_DRIVERS[kind])


def _postgresql(url: URL, timeout: int) -> sa.Engine:
    options = f"-c statement_timeout={timeout * 1000} -c lock_timeout={timeout * 1000} -c TimeZone=UTC"
    return sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=1,
        pool_pre_ping=True,
        pool_timeout=timeout,
        connect_args={"connect_timeout": max(timeout // 2, 2), "options": f"{options} -c DateStyle=ISO"},
    )


def _mysql(url: URL, timeout: int) -> sa.Engine:
    modes = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES')"
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=1,
        pool_pre_ping=True,
        pool_timeout=timeout,
        connect_args={
            "connect_timeout": max(timeout // 2, 2),
            "read_timeout": timeout + 5,  # the server's own limit comes first
            "write_timeout": timeout + 5,
            "charset": "utf8mb4",
            "init_command": f"{modes}, time_zone = '+00:00', innodb_lock_wait_timeout = {max(timeout, 1)}",
        },
    )
    sa.event.listen(engine, "connect", _limited(timeout))
    return engine


def _limited(timeout: int) -> Callable[[Any, Any], None]:
    """MariaDB counts seconds for every statement, MySQL milliseconds for reading."""

    def listen(connection: Any, _: Any) -> None:
        mariadb = "mariadb" in str(connection.get_server_info()).lower()
        limit = f"max_statement_time = {timeout}" if mariadb else f"max_execution_time = {timeout * 1000}"
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION {limit}")

    return listen


def _sqlite(path: Path, timeout: int) -> sa.Engine:
    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,  # by one thread at a time, not always the same
        )
        connection.create_function(LOWER, 1, _lower, deterministic=True)
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = sa.create_engine(
        "sqlite+pysqlite://", creator=opened, hide_parameters=True, poolclass=sa.QueuePool
    )
    sa.event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _lower(value: str | float | bytes | None) -> str | float | bytes | None:
    return value.lower() if isinstance(value, str) else value


def _with_password(password: Secret) -> Callable[..., None]:
    def listen(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        found = password.read()
        if found:
            parameters["password"] = found

    return listen
