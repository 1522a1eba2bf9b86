"""Column types that both databases share.

Rule. Bytes go to the driver as they are. SQLAlchemy's own `LargeBinary` wraps each value for drivers that need
it; sqlite3 and psycopg 3 do not, and a write has many of them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


class Bytes(sa.LargeBinary):
    """BLOB on SQLite, BYTEA on PostgreSQL, bytes in Python."""

    cache_ok = True

    def bind_processor(self, dialect: Any) -> None:
        """Values are bound as they are."""

    def result_processor(self, dialect: Any, coltype: object) -> None:
        """Values are taken as they are."""
