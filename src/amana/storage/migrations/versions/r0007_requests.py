"""Requests of people: the requests, the runs that work on them, their steps and what happened when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from amana.storage.types import Bytes

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the tables."""
    _requests()
    _runs()
    op.create_table(
        "request_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("request", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("request_log_request", "request_log", ["request"])


def _requests() -> None:
    op.create_table(
        "request",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ref", sa.Text, nullable=False, unique=True),
        sa.Column("person", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.Column("asker", sa.Text, nullable=False),
        sa.Column("brand", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("proved", sa.Integer, nullable=False),
        sa.Column("countries", sa.Text, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("due_law", sa.Text, nullable=False),
        sa.Column("extended", sa.BigInteger),
        sa.Column("reminded", sa.BigInteger),
        sa.Column("ended", sa.BigInteger),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("run", sa.Integer),
        sa.Column("sealed", Bytes, nullable=False),
    )
    op.create_index("request_person", "request", ["person"])
    op.create_index("request_open", "request", ["status", "due"])
    op.create_index("request_run_of", "request", ["run"])


def _runs() -> None:
    op.create_table(
        "request_run",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("leased", sa.BigInteger, nullable=False),
        sa.Column("map", sa.Text, nullable=False),
        sa.Column("masking", Bytes, nullable=False),
    )
    op.create_index("request_run_due", "request_run", ["state", "due"])
    op.create_table(
        "request_step",
        sa.Column("run", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
        sa.Column("found", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("sealed", Bytes, nullable=False),
    )
