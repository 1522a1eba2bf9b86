"""Do-not-call registries: which issue is in force, and the numbers that it lists, as keyed hashes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "registry",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("code", sa.Integer, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("issue", sa.Integer, nullable=False),
        sa.Column("loaded", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "listing",
        sa.Column("blind", sa.LargeBinary, primary_key=True),
        sa.Column("registry", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("issue", sa.Integer, primary_key=True, autoincrement=False),
    )
