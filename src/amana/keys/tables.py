"""The tables of the key store: a database of its own, with a backup policy of its own.

Trusted: yes. Losable: no (without it nothing sealed opens). What its thief gets: alone nothing, for every key is
wrapped by the root, which is not in it; with the root and the main database, everything.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

secret = sa.Table(
    "secret",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # blind_index | event_id | log_signing | …
    sa.Column("wrapped", sa.LargeBinary, nullable=False),  # under the root
)

epoch = sa.Table(
    "epoch",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # YYYY-MM
    sa.Column("wrapped", sa.LargeBinary, nullable=False),  # under the root
)

person_key = sa.Table(
    "person_key",
    metadata,
    sa.Column("person", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),  # under the epoch's key
)
