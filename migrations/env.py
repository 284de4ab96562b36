"""Alembic's environment: the URL comes from Lethe's settings, one process migrates at a time."""

from alembic import context
from sqlalchemy import Connection, NullPool, create_engine, text

from core.settings import Settings
from core.store.session import TAKE_TURN
from core.store.tables import JobRow

MIGRATION_LOCK = 0x1E7F  # an advisory lock's key: any number that nobody else of this database uses


def run() -> None:
    """Migrate the database that the caller or the environment names."""
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    # A plain engine: with foreign keys enforced, SQLite would delete the children of a table that a batch
    # migration recreates.
    url = context.config.attributes.get("url") or Settings().database
    engine = create_engine(url, poolclass=NullPool)  # one connection, which ends with the migration
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            # A service that writes meanwhile waits for its turn, not for a table: one that had changed a
            # row of a table and wanted the next could deadlock with a migration that locks both.
            connection.execute(TAKE_TURN)
        else:
            connection.execute(text("BEGIN IMMEDIATE"))
        migrate(connection)


def migrate(connection: Connection) -> None:
    """Run the revisions on an open connection."""
    context.configure(connection=connection, target_metadata=JobRow.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run()
