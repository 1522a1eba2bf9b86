"""A database on another machine is reached encrypted and checked, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amana import errors
from amana.connectors.systems import discover, sql


def opened(url: str, environment: dict[str, str] | None = None, **more: Any) -> None:
    """Make the connector; nothing is connected."""
    sql.open_sql(sql.Settings(url=url, **more), Path(), environment or {}).close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader@db.example/shop",
        "postgresql://reader@db.example/shop?sslmode=require",
        "postgresql://reader@db.example/shop?sslmode=verify-ca",
        "postgresql://reader@db.example/shop?sslmode=verify-full&sslmode=disable",
        "postgresql://reader@10.0.0.7/shop",
        "postgresql://reader@localhost.example/shop",
        "postgresql://reader@localhost/shop?host=db.example",
        "postgresql://reader@localhost/shop?hostaddr=192.0.2.7",
        "postgresql://reader@localhost,db.example/shop",
        "postgresql://reader@/shop?service=shop",
        "mysql://reader@db.example/shop",
        "mysql://reader@db.example/shop?ssl_ca=",
        "mysql://reader@db.example/shop?ssl_cert=/etc/c.pem",
        "mysql://reader@localhost/shop?host=db.example",
        "mysql://reader@db.example/shop?ssl_ca=/etc/ca.pem&ssl_check_hostname=false",
        "mysql://reader@db.example/shop?ssl_ca=/etc/ca.pem&ssl_disabled=true",
        "mysql://reader@db.example/shop?ssl_ca=/etc/ca.pem&ssl_verify_cert=false",
        "mysql://reader@/shop?read_default_file=/etc/my.cnf",
        "mariadb://reader@db.example/shop",
    ],
)
def test_a_server_elsewhere_without_checked_encryption_is_refused(url: str) -> None:
    with pytest.raises(errors.BadInput, match="not reached encrypted"):
        opened(url)
    with pytest.raises(errors.BadInput, match="not reached encrypted"):
        discover.tables(sql.Settings(url=url), Path(), {})
    opened(url, unencrypted=True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader@db.example/shop?sslmode=verify-full",
        "postgresql://reader@localhost/shop",
        "postgresql://reader@127.0.0.1:5433/shop",
        "postgresql://reader@[::1]/shop",
        "postgresql://reader@/shop?host=/var/run/postgresql",
        "postgresql:///shop",
        "mysql://reader@db.example/shop?ssl_ca=/etc/ca.pem",
        "mysql://reader@127.0.0.1/shop",
        "mysql://reader@localhost/shop?unix_socket=/run/mysqld/mysqld.sock",
    ],
)
def test_what_is_checked_or_on_this_machine_is_opened(url: str) -> None:
    opened(url)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("PGHOST", "postgresql:///shop"),
        ("PGHOSTADDR", "postgresql://reader@localhost/shop"),
        ("PGSERVICE", "postgresql://reader@localhost/shop"),
    ],
)
def test_a_variable_that_names_another_server_counts(name: str, url: str) -> None:
    opened(url)
    with pytest.raises(errors.BadInput, match="not reached encrypted"):
        opened(url, {name: "192.0.2.7"})
