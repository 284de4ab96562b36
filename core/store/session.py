"""Engines and transactions, alike on SQLite and PostgreSQL.

Every use case is one transaction, opened by its caller: `with store.write() as session: …`.

The statements that every unit takes stand at the head of their files, built once: to build one takes half a
millisecond, several times what its execution takes here, and writers take turns.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Connection,
    CursorResult,
    Delete,
    Engine,
    Executable,
    Update,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.engine import Compiled
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.visitors import InternalTraversal

from core.errors import DeploymentInvalid, StoreNotReady
from core.store.schema import UtcDateTime

ROOT = Path(__file__).parent.parent.parent
CAUSE = "request_id"  # what a transaction's session knows, and its events name
TAKE_TURN = text(f"SELECT pg_advisory_xact_lock({0x1E7E})")  # any key that nobody else of this database uses
TURN_SECONDS = 10  # a transaction lasts milliseconds; this is for what its client does in between
LINE_SECONDS = 30.0  # as long as one waits for a lock of the database
SILENCE_SECONDS = 12  # without a sign of the server, a connection is dead
EPOCH_JULIAN_DAY = 2440587.5


class database_now(ColumnElement[Any]):  # noqa: N801 - reads as the SQL function it is
    """The database's clock plus an offset in seconds. Workers' clocks, which may be off, never decide."""

    inherit_cache = True
    type = UtcDateTime()

    def __init__(self, offset_seconds: float = 0.0) -> None:
        self.offset_seconds = offset_seconds

    _traverse_internals = [("offset_seconds", InternalTraversal.dp_plain_obj)]  # noqa: RUF012 - the cache key


@compiles(database_now, "postgresql")
def _postgresql_now(element: database_now, _compiler: Compiled, **_: Any) -> str:  # noqa: ANN401
    return f"(extract(epoch from clock_timestamp())::double precision + {float(element.offset_seconds)!r})"


@compiles(database_now, "sqlite")
def _sqlite_now(element: database_now, _compiler: Compiled, **_: Any) -> str:  # noqa: ANN401
    return f"((julianday('now') - {EPOCH_JULIAN_DAY!r}) * 86400.0 + {float(element.offset_seconds)!r})"


class Store:
    """A database. `write` and `read` open transactions; nothing else talks to the engine."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _sqlite_engine(url) if url.startswith("sqlite") else _server_engine(url)
        # On PostgreSQL every statement sees what is committed when it begins, in a transaction or not, so
        # that reading without one only spares two round trips.
        reading = {"read_only": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reading_engine = self.engine.execution_options(**reading)
        self._turn = Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self, *, request_id: str | None = None) -> Iterator[Session]:
        """A transaction that may change things; commits at the end, rolls back on an exception. The events
        that it logs name the request that caused it, where there is one.

        Writers take turns, on PostgreSQL as on SQLite: two units that finish at once see each other, event
        ids become visible in their order, and no two transactions can deadlock. They last milliseconds.

        Raises:
            OperationalError: it was not this one's turn for long, as when the database is away.
        """
        info = {CAUSE: request_id}
        with (
            self._own_turn(),
            Session(self.engine, expire_on_commit=False, info=info) as session,
            session.begin(),
        ):
            if not self.is_sqlite:
                executed(session, TAKE_TURN)
            yield session

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        """The threads of a process line up here: one of them waits for other processes' writers, and the
        others' connections are left to readers.
        """
        if not self._turn.acquire(timeout=LINE_SECONDS):
            waited = TimeoutError(f"no turn to write within {LINE_SECONDS:.0f} s")
            raise OperationalError("BEGIN", None, waited)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def write_row(self) -> Iterator[Session]:
        """A transaction that changes one row and appends no event: on PostgreSQL it need not wait its turn.

        So workers keep their leases while a large job is stored.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """For what only reads; on SQLite a transaction, which does not wait for a writer."""
        with Session(self._reading_engine, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Close every connection: those at rest now, those that a thread still uses when it is done with
        them. Disposing alone would leave the latter open in a pool that nobody has any more.
        """
        event.listen(self.engine.pool, "checkin", _close_connection)
        self.engine.dispose()

    def migrate(self) -> None:
        """Bring the schema to the newest revision; only one process migrates at a time.

        Raises:
            StoreNotReady: the database cannot be reached, or is at a revision this code does not know.
        """
        from alembic import command

        self._require_known_revision()
        config = _alembic_config()
        config.attributes["url"] = self.url
        command.upgrade(config, "head")

    def is_there(self) -> bool:
        """Whether there is a store at all; none is made by looking.

        Raises:
            StoreNotReady: there is one, but not at the newest revision, or it cannot be reached.
        """
        file = make_url(self.url).database if self.is_sqlite else None
        if file is not None and not Path(file).is_file():
            return False
        self.require_current()
        return True

    def require_current(self) -> None:
        """Check that the schema is at the newest revision.

        Raises:
            StoreNotReady: it is not, or the database cannot be reached.
        """
        found = self._require_known_revision()
        head = ScriptDirectory.from_config(_alembic_config()).get_current_head()
        if found != head:
            raise StoreNotReady(
                f"The database {self._shown} is at revision {found or 'none'}, this version needs {head}. "
                "Run `lethe migrate`."
            )

    def _require_known_revision(self) -> str | None:
        try:
            with self.engine.connect() as connection:
                found = MigrationContext.configure(connection).get_current_revision()
        except (OperationalError, DBAPIError) as error:
            raise StoreNotReady(
                f"The database {self._shown} cannot be used: {error.orig}. "
                "Check LETHE_DATABASE_URL and the server."
            ) from error
        known = {
            script.revision for script in ScriptDirectory.from_config(_alembic_config()).walk_revisions()
        }
        if found is not None and found not in known:
            raise StoreNotReady(
                f"The database {self._shown} is at revision {found!r}, which this version of Lethe does not "
                "know. It was made by a newer version: upgrade Lethe, or point LETHE_DATABASE_URL at another "
                "database."
            )
        return found

    @property
    def _shown(self) -> str:
        return make_url(self.url).render_as_string(hide_password=True)


def executed(
    session: Session,
    statement: Executable,
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
) -> CursorResult[Any]:
    """What a statement answers in the session's transaction, as rows. The session itself would look for
    objects to keep in step, which takes as long again as the statement.
    """
    session.flush()
    return session.connection().execute(statement, parameters)


def changed(session: Session, statement: Update | Delete, parameters: Mapping[str, Any] | None = None) -> int:
    """Execute a conditional change; how many rows it hit is what tells whether the condition still held."""
    return executed(session, statement, parameters).rowcount


def _close_connection(connection: DBAPIConnection | None, _record: object) -> None:
    if connection is not None:  # none is left where the server has cut it
        connection.close()


def _alembic_config() -> Config:
    return Config(toml_file=ROOT / "pyproject.toml")


def _sqlite_engine(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        _require_writable(Path(path).parent)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions silently lose updates; ours are explicit.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("read_only")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _server_engine(url: str) -> Engine:
    """An engine on PostgreSQL, on which nobody waits long for somebody who is gone.

    Writers take turns: one that freezes or is cut off in its turn loses it well before the others' leases
    end. A server that is cut off shows itself by what it no longer acknowledges.
    """
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=15,  # all that are ever open at once, kept: one more for a moment would cost its process
        max_overflow=0,
        connect_args={
            "connect_timeout": 10,
            "options": f"-c lock_timeout={LINE_SECONDS:.0f}s "
            f"-c idle_in_transaction_session_timeout={TURN_SECONDS}s",
            "keepalives_idle": SILENCE_SECONDS // 2,
            "keepalives_interval": SILENCE_SECONDS // 6,
            "keepalives_count": 3,
            "tcp_user_timeout": SILENCE_SECONDS * 1000,
        },
    )


def _require_writable(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DeploymentInvalid(
            f"The directory {directory} cannot be written ({error.strerror}). "
            "Make it writable, or choose one that is, by LETHE_VAR_DIR or the --out of `lethe run`."
        ) from error
