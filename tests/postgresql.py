"""A real PostgreSQL for tests, from the wheel `pgserver`: one server a session, listening at a UNIX socket only."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

TABLES = (
    "accounts, session_tokens, contact_relations, stored_groups, group_members, offline_messages, offline_files,"
    " counters"
)


class PostgreSQL:
    """A running server. `folder` holds its data and its socket."""

    def __init__(self, folder: Path) -> None:
        # Only here, since it is asked for by `require` first.
        import pgserver

        self.folder = folder
        self._handle: Any = pgserver.get_server(folder, cleanup_mode="delete")

    def url(self, database: str) -> str:
        """How stores reach a database."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder), safe='')}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside any transaction."""
        import psycopg

        address = f"host={self.folder} user=postgres dbname={database}"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def empty(self, database: str) -> None:
        """Take everything out of the stores in a database."""
        self.execute(f"TRUNCATE {TABLES}", database)

    def stop(self) -> None:
        """Stop the server at once, as a crash of its machine would; its data stay."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it again at the same place."""
        self._control("start", "-o", f"-h '' -k {self.folder}", "-l", str(self.folder / "log"))

    def close(self) -> None:
        """Stop the server and delete its folder."""
        self._handle.cleanup()

    def _control(self, *arguments: str) -> None:
        from pgserver._commands import POSTGRES_BIN_PATH

        command = [str(POSTGRES_BIN_PATH / "pg_ctl"), "-w", "-D", str(self.folder), *arguments]
        user = self._handle.system_user  # another than root, as which PostgreSQL does not run
        done = subprocess.run(command, user=user, capture_output=True, text=True, timeout=30, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """A server for the time of the block."""
    # Not below pytest's folder, which is closed to the user as whom the server runs.
    server = PostgreSQL(Path(tempfile.mkdtemp(prefix="esframework-postgresql-")))
    try:
        yield server
    finally:
        server.close()
