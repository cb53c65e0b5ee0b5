"""`esframework user`: the accounts of a server's store, with or without a running server.

Passwords come from the environment or a prompt and are shown nowhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from esframework import limits
from esframework.cli.account import PASSWORD_VARIABLE, require_terminal
from esframework.cli.store_option import database_of, tell, with_store
from esframework.errors import AccountExists
from esframework.interfaces import Account
from esframework.stores.passwords import PasswordHashing
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.database import Database, Part
from esframework.stores.sql.stores import remove_user
from esframework.stores.sql.versions import prepare
from esframework.wire.identity import LONGEST_NAME, check_account_name


@click.group(short_help="Manage the accounts of a server.")
def user() -> None:
    """Manage the accounts of a server's store, whether the server runs or not.

    Passwords are read from ESFRAMEWORK_PASSWORD or asked for. Exit codes: 0 done, 1 refused or failed, 2
    wrong usage.
    """


@user.command()
@click.argument("name")
@click.option(
    "--max-user-id",
    type=click.IntRange(1, LONGEST_NAME),
    default=limits.MAX_USER_ID,
    show_default=True,
    metavar="N",
    help="Longest NAME in bytes; say what the server says, because a longer one cannot log on.",
)
@with_store
def add(name: str, max_user_id: int, data: Path, store: str | None, as_json: bool) -> None:
    """Make an account called NAME."""
    with _opened(data, store, as_json) as database:
        check_account_name(name, max_user_id)
        with database.reading() as connection:
            if SqlAccountRows(connection).find(name) is not None:
                raise AccountExists(name)
        password_hash = _new_password_hash(name)
        with database.writing(Part.ACCOUNTS) as connection:
            SqlAccountRows(connection).add(Account(name, created_at=time.time()), password_hash)
        tell(as_json, f"account {name} added", user_id=name, done="added")


@user.command()
@click.argument("name")
@with_store
def remove(name: str, data: Path, store: str | None, as_json: bool) -> None:
    """Delete the account NAME.

    Its contacts, its places in groups and what waits for it go with it. A session that it has goes on until it ends.
    """
    with _opened(data, store, as_json) as database:
        remove_user(database, name)
        tell(as_json, f"account {name} removed", user_id=name, done="removed")


@user.command("list")
@with_store
def list_accounts(data: Path, store: str | None, as_json: bool) -> None:
    """Print all accounts, one a line."""
    with _opened(data, store, as_json) as database:
        with database.reading() as connection:
            names = SqlAccountRows(connection).user_ids()
        for name in names:
            tell(as_json, name, user_id=name)


@user.command()
@click.argument("name")
@with_store
def passwd(name: str, data: Path, store: str | None, as_json: bool) -> None:
    """Change the password of the account NAME.

    What lets its devices log on again without a password ends, too.
    """
    with _opened(data, store, as_json) as database:
        with database.reading() as connection:
            SqlAccountRows(connection).known(name)
        password_hash = _new_password_hash(name)
        with database.writing(Part.ACCOUNTS) as connection:
            SqlAccountRows(connection).set_hash(name, password_hash)
        tell(as_json, f"password of {name} changed", user_id=name, done="password changed")


@contextmanager
def _opened(data: Path, store: str | None, as_json: bool) -> Iterator[Database]:
    """The store, made or upgraded as a server would; failures end the program."""
    with database_of("esframework user", data, store, as_json) as database:
        prepare(database)
        yield database


def _new_password_hash(name: str) -> str:
    """Take a password from the environment, or ask for it twice; hash it (20 ms)."""
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        require_terminal(name)
        password = click.prompt(
            f"New password for {name}", hide_input=True, confirmation_prompt=True, err=True
        )
    return PasswordHashing().hash(password)
