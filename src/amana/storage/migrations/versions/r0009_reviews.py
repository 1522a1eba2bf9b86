"""Reviews: when one was closed, by whom and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("review", sa.Column("closed", sa.BigInteger))
    op.add_column("review", sa.Column("actor", sa.Text, nullable=False, server_default=""))
    op.add_column("review", sa.Column("why", sa.Text, nullable=False, server_default=""))
