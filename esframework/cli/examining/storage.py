"""The data folder and the accounts' file: there, private, readable, of a version that is known. Changes neither."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from esframework.cli.examining.finding import Finding, fail, ok, warn
from esframework.stores.sql.database import FILE_NAME, shown
from esframework.stores.sql.schema import SCHEMA_VERSION
from esframework.stores.sql.versions import VERSION_TABLE

OTHERS: Final = 0o077
"""The bits of a mode that let group and others in."""

_VERSION: Final = f"SELECT version_num FROM {VERSION_TABLE}"
_FIRST_VERSION: Final = "SELECT version FROM schema_versions WHERE part = 'accounts'"

FOLDER: Final = "data folder"
ACCOUNTS: Final = "accounts"


def check_data_folder(folder: Path) -> Finding:
    """Whether the server can keep its files there, and nobody else can read them."""
    if not folder.exists():
        above = next(parent for parent in folder.absolute().parents if parent.exists())
        if not os.access(above, os.W_OK | os.X_OK):
            return fail(FOLDER, f"{folder} is not there and cannot be made: {above} is not writable", _own(above))
        return ok(FOLDER, f"{folder} is not there yet; the first start makes it")
    if not folder.is_dir():
        return fail(FOLDER, f"{folder} is no folder", "give another with --data DIR")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return fail(FOLDER, f"{folder} cannot be read and written by this user", _own(folder))
    if stat.S_IMODE(folder.stat().st_mode) & OTHERS:
        return warn(FOLDER, f"{folder} lets other users of the machine in", f"chmod 700 {folder}")
    return ok(FOLDER, f"{folder} is writable and private")


def check_accounts(folder: Path, are_used: bool, store: str | None = None) -> Iterator[Finding]:
    """The accounts' file; `are_used` False: log-ons are decided elsewhere (`open`, `auth`); or they are in `store`."""
    file = folder / FILE_NAME
    if store is not None:
        yield ok(ACCOUNTS, f"they are in {shown(store)}; to look into it: esframework store check --store URL")
        return
    if not are_used:
        yield ok(ACCOUNTS, "log-ons are decided elsewhere (open or auth), not by the data folder")
        return
    if not file.exists():
        yield warn(ACCOUNTS, "there are none yet, so nobody can log on", f"esframework user add NAME --data {folder}")
        return
    if stat.S_IMODE(file.stat().st_mode) & OTHERS:
        yield warn(ACCOUNTS, f"{file} can be read by other users of the machine", f"chmod 600 {file}")
    yield _look_inside(file, folder)


def _look_inside(file: Path, folder: Path) -> Finding:
    try:
        version, number = _version_and_number(file)
    except sqlite3.Error as error:
        mend = f"restore {file} from a backup; if it is only locked or not readable, see who holds it (fuser {file})"
        return fail(ACCOUNTS, f"{file} cannot be read: {error}", mend)
    if version is None:
        return warn(ACCOUNTS, f"{file} holds no accounts yet", f"esframework user add NAME --data {folder}")
    if version > SCHEMA_VERSION:
        text = f"{file} has schema version {version}, this release knows up to {SCHEMA_VERSION}"
        return fail(ACCOUNTS, text, "install the release that wrote it: pip install --upgrade esframework")
    if not number:
        return warn(ACCOUNTS, "there are none, so nobody can log on", f"esframework user add NAME --data {folder}")
    return ok(ACCOUNTS, f"{number:,} in {file}, schema version {version}")


def _version_and_number(file: Path) -> tuple[int | None, int]:
    """The schema's version (None without a schema) and the number of accounts. Raises sqlite3.Error."""
    # Reading a file with a write-ahead log makes files beside it, which would be this user's and not the server's;
    # without one it is read as if it could not change.
    log = file.with_name(f"{file.name}-wal")
    uri = f"{file.absolute().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"
    with closing(sqlite3.connect(uri, uri=True, timeout=2.0)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "accounts" not in tables or not {VERSION_TABLE, "schema_versions"} & tables:
            return None, 0
        found = connection.execute(_VERSION if VERSION_TABLE in tables else _FIRST_VERSION).fetchone()
        number = connection.execute("SELECT count(*) FROM accounts").fetchone()[0]
    return None if found is None else int(found[0]), int(number)


def _own(path: Path) -> str:
    return f"run the server as the user that owns {path}, or chown it, or give another folder with --data DIR"
