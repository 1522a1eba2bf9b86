"""Bought lists: whether a source is held, what its papers show, and until when its people must be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("source", sa.Column("held", sa.Integer, nullable=False, server_default="0"))
    op.add_column("source", sa.Column("papers", sa.Text, nullable=False, server_default=""))
    op.add_column("source", sa.Column("notice_due", sa.BigInteger))
