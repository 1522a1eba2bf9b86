"""Requests that came with an id of somebody else's: found by it without reading the whole log, old ones too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the index, over the lines of the log that name such an id and no others."""
    named = sa.text("what = 'opendsr'")
    op.create_index(
        "request_log_outer", "request_log", ["detail"], sqlite_where=named, postgresql_where=named
    )
