"""A PostgreSQL database as a SQLAlchemy engine, and its errors in our words. Needs the extra `postgresql`.

Knows no tables. Everything here blocks and belongs into a thread. What the server's messages say is repeated in errors;
a password is in none of them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL

from esframework.errors import MissingExtra, StoreAway, StoreBusy, StoreError, StoreFull, StoreReadOnly

DRIVER: Final = "postgresql+psycopg"

CONNECT_TIMEOUT: Final = 5
"""Seconds for the database to answer a new connection: whoever logs on waits meanwhile."""

LOCK_TIMEOUT: Final = 5
"""Seconds that a writer waits for another server's transaction, as with SQLite."""

STATEMENT_TIMEOUT: Final = 60
"""Seconds for any statement; the longest, purging a full store, takes a few."""

DEAD_PEER: Final = 20
"""Seconds without an answer of the database's machine after which a connection counts as lost."""

_SETTINGS: Final = {
    # A database may have been told otherwise for somebody else's sake; what we acknowledge is on the disk.
    "synchronous_commit": "on",
    "lock_timeout": f"{LOCK_TIMEOUT}s",
    "statement_timeout": f"{STATEMENT_TIMEOUT}s",
    "client_encoding": "UTF8",
}

_REASONS: Final[tuple[tuple[str, type[StoreError], str], ...]] = (
    ("57P", StoreAway, "the database is shutting down or starting"),
    ("08", StoreAway, "the connection was lost"),
    ("55P03", StoreBusy, "another server holds it locked; try again"),
    ("57014", StoreBusy, "it took too long; try again"),
    ("40", StoreBusy, "another transaction was in the way; try again"),
    ("53300", StoreBusy, "it takes no more connections"),
    ("53", StoreFull, "the database's disk or memory is full"),
    ("25006", StoreReadOnly, "it may be read and not be written"),
    ("28", StoreError, "the database does not admit this user"),
    ("3D000", StoreError, "there is no such database; make it with createdb"),
    ("42501", StoreError, "this user may not do that"),
    ("42P07", StoreError, "another program's tables are in the way; give a database of its own"),
)
"""How an SQLSTATE begins, the more exact first, and what it means."""


def postgresql_engine(url: URL, connections: int) -> Engine:
    """An engine for the database at `url`. Raises `MissingExtra` without the driver.

    A connection that the database closed while it was idle is noticed before it is used, and replaced.
    """
    if find_spec("psycopg") is None:
        raise MissingExtra("PostgreSQL", "postgresql")
    engine = create_engine(
        url.set(drivername=DRIVER),
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "tcp_user_timeout": DEAD_PEER * 1000,
            "options": " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items()),
            "application_name": "esframework",
        },
    )
    event.listen(engine, "engine_connect", _check_encoding)
    return engine


def postgresql_error(name: str, error: BaseException) -> StoreError:
    """What an error of the driver means for the database called `name`."""
    state = getattr(error, "sqlstate", None)
    words = " ".join(str(error).split())
    if state is None:
        return StoreAway(f"{name}: it cannot be reached ({words})")
    for beginning, kind, reason in _REASONS:
        if state.startswith(beginning):
            return kind(f"{name}: {reason} ({words})")
    return StoreError(f"{name}: it cannot be used ({words})")


def _check_encoding(connection: Connection) -> None:
    """Names are UTF-8, and another encoding would neither hold nor sort them; asked once a connection."""
    if connection.info.get("encoding is known"):
        return
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    connection.rollback()
    if encoding != "UTF8":
        raise StoreError(f"the database's encoding is {encoding}; make it with: createdb --encoding UTF8")
    connection.info["encoding is known"] = True
