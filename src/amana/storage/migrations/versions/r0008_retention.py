"""Retention: reviews of what ended, their parts, and what happened to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from amana.storage.types import Bytes

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "retention",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("map", sa.Text, nullable=False),
        sa.Column("masking", Bytes, nullable=False),
    )
    op.create_table(
        "retention_part",
        sa.Column("review", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("done", sa.Text, nullable=False),
    )
    op.create_table(
        "retention_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("review", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("retention_log_review", "retention_log", ["review"])
