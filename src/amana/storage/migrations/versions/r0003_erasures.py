"""Erasures and registered exports: who is being erased, which positions no longer open, who holds a copy."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

POSITION = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # an INTEGER key is the row itself


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "erasure",
        sa.Column("person", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("fenced", sa.BigInteger, nullable=False),
        sa.Column("done", sa.BigInteger),
    )
    op.create_table(
        "erased",
        sa.Column("position", POSITION, primary_key=True, autoincrement=False),
        sa.Column("leaf", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "export",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("recall", sa.Text, nullable=False),
    )
    op.create_table(
        "exported",
        sa.Column("person", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("export", sa.Integer, primary_key=True, autoincrement=False),
    )
