"""What Alembic runs to apply revisions: on the connection that it is given, inside the transaction that is open there.

Rule. Nothing connects from here and nothing commits: both are the caller's. Alembic loads this file by its path.
SQLite's schema changes belong to its transactions as PostgreSQL's do; Alembic only believes it when told.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
