"""Whether a database's address says enough for personal data to cross a network.

Rule.
- A server on this machine is reached as it is: by a socket, by `localhost` or by a loopback address, by its spelling
  alone; nothing is looked up.
- Any other server is reached encrypted, and its certificate and name are checked: `sslmode=verify-full` for PostgreSQL
  (libpq, "SSL Support", table 32.1), `ssl_ca` for MySQL and MariaDB, with no option beside it that takes the check away.
- Whoever says `unencrypted = true` in the system's settings has another protection, such as a tunnel.
- What the address leaves open, the driver takes from variables and files of its own; where one of these may name
  another server, the address is not of this machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from sqlalchemy.engine import URL

from amana import errors

_WEAKER = ("ssl", "ssl_disabled", "ssl_verify_cert", "ssl_verify_identity", "ssl_check_hostname")
"""Options of the MySQL driver that replace what `ssl_ca` asks for."""
_FILES = ("read_default_file", "read_default_group")
"""Options of the MySQL driver that take the server from a file."""


def require(url: URL, environment: Mapping[str, str]) -> None:
    """Refuse a server elsewhere that is not reached encrypted and checked. Raises BadInput."""
    if url.get_backend_name() == "postgresql":
        good = _is_local_postgresql(url, environment) or _said(url, "sslmode") == ("verify-full",)
        expected = "?sslmode=verify-full at the end of the address"
    else:
        named = _said(url, "ssl_ca")
        weaker = any(name in url.query for name in (*_WEAKER, *_FILES))
        good = _is_local_mysql(url) or (len(named) == 1 and bool(named[0]) and not weaker)
        expected = "?ssl_ca=/path/to/authority.pem at the end of the address, and no option that weakens it"
    if not good:
        raise errors.BadInput(
            "A database on another machine is not reached encrypted and checked",
            expected=expected,
            remedy="add it, or say `unencrypted = true` in [settings] where something else protects the way",
        )


def _is_local_postgresql(url: URL, environment: Mapping[str, str]) -> bool:
    if "service" in url.query or "PGSERVICE" in environment:
        return False
    named = [url.host or "", *_said(url, "host")]
    if not any(named):
        named.append(environment.get("PGHOST", ""))
    named += [*_said(url, "hostaddr"), environment.get("PGHOSTADDR", "")]
    return all(_is_here(one) for name in named for one in name.split(","))


def _is_local_mysql(url: URL) -> bool:
    if any(name in url.query for name in _FILES):
        return False
    if any(_said(url, "unix_socket")):
        return True
    return all(_is_here(one) for one in (url.host or "", *_said(url, "host")))


def _said(url: URL, name: str) -> tuple[str, ...]:
    """The values of an option of the address."""
    value = url.query.get(name, ())
    return (value,) if isinstance(value, str) else tuple(value)


def _is_here(host: str) -> bool:
    """Whether a host is this machine: nothing, the folder of a socket, or a name that can be no other's."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
