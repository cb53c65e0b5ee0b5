"""SQLite files with stores in them, empty or with something of each kind: made once, and copied for each test."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from esframework.interfaces import Account, FileQuota, Quota, Role, StoredFile, StoredMessage
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.contact_table import SqlContactRows
from esframework.stores.sql.database import Database, Part, open_database
from esframework.stores.sql.group_table import SqlGroupRows
from esframework.stores.sql.offline_file_table import SqlOfflineFileRows
from esframework.stores.sql.offline_table import SqlOfflineRows
from esframework.stores.sql.versions import prepare

ROWS = 17
"""How many there are: three accounts, a token, four relations, a group of two, three messages, a file, two counters."""


def store_at(path: Path, *, is_filled: bool = False) -> Path:
    """Write a store to `path`; returns the path."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(_content(is_filled))
    path.chmod(0o600)
    return path


@cache
def _content(is_filled: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.sqlite"
        database = open_database(path)
        prepare(database)
        if is_filled:
            _fill(database)
        # Closing the last connection brings everything into the one file.
        database.close()
        return path.read_bytes()


def _fill(database: Database) -> None:
    with database.writing(*Part) as connection:
        accounts = SqlAccountRows(connection)
        accounts.add(Account("alice", Role.ADMINISTRATOR, {"城市": "北京\n'"}, 1234.5678901), "$argon2id$one")
        accounts.add(Account("李雷"), "two")
        accounts.add(Account("x" * 255), "three")
        accounts.add_token((bytes(range(32)), "alice", "2#alice", 1e10 / 3))
        contacts = SqlContactRows(connection, lambda: 1e9 / 3)
        contacts.ask("alice", "李雷", "let me in")
        contacts.accept("李雷", "alice")
        contacts.ask("bob", "alice", "\t\u2028")
        SqlGroupRows(connection).create("chess", "alice", "tag", ["bob"])
        messages = [
            StoredMessage("m1", "bob", "alice", 4, -7, bytes(range(256)), 1.1, 2.2, 3),
            StoredMessage("m2", "bob", None, None, 2**31, None, 1.1, 2.2),
            StoredMessage("m1", "李雷", "alice", None, 0, b"", 1.1, 2.2),
        ]
        SqlOfflineRows(connection).keep_all([(message, Quota(0, 0)) for message in messages])
        file = StoredFile("f1", "bob", "李雷", 4, "报告", True, 2**40, 2, 2**60, "\n'", "blob", 1.1, 2.2, 3)
        SqlOfflineFileRows(connection).add(file, FileQuota())
