"""`esframework user`: the accounts of a server's store, with or without a running server.

Passwords come from the environment or a prompt and are shown nowhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from esframework import limits
from esframework.cli.account import PASSWORD_VARIABLE, Connection, ask_password, connection_options, require_terminal
from esframework.cli.store_option import database_at, tell, with_store
from esframework.errors import AccountExists
from esframework.interfaces import Account, Role
from esframework.stores.passwords import PasswordHashing
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.database import Database, Part
from esframework.stores.sql.stores import add_user, remove_user
from esframework.stores.sql.versions import prepare
from esframework.wire.identity import LONGEST_NAME, check_account_name


@click.group(short_help="Manage the accounts of a server.")
def user() -> None:
    """Manage the accounts of a server's store, whether the server runs or not; `unlock` speaks to a running one.

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
@click.option("--administrator", is_flag=True, help="NAME may do what administrators may.")
@with_store
def add(name: str, max_user_id: int, administrator: bool, where: str | Path, as_json: bool) -> None:
    """Make an account called NAME."""
    role = Role.ADMINISTRATOR if administrator else Role.USER
    with _opened(where, as_json, makes=True) as database:
        check_account_name(name, max_user_id)
        with database.reading() as connection:
            if SqlAccountRows(connection).find(name) is not None:
                raise AccountExists(name)
        password_hash = _new_password_hash(name)
        add_user(database, Account(name, role, created_at=time.time()), password_hash)
        tell(as_json, f"account {name} added", user_id=name, done="added")


@user.command()
@click.argument("name")
@with_store
def remove(name: str, where: str | Path, as_json: bool) -> None:
    """Delete the account NAME.

    Its contacts, its places in groups and what waits for it go with it. A session that it has goes on until it ends.
    """
    with _opened(where, as_json) as database:
        remove_user(database, name)
        tell(as_json, f"account {name} removed", user_id=name, done="removed")


@user.command("list")
@with_store
def list_accounts(where: str | Path, as_json: bool) -> None:
    """Print all accounts, one a line."""
    with _opened(where, as_json) as database:
        with database.reading() as connection:
            names = SqlAccountRows(connection).user_ids()
        for name in names:
            tell(as_json, name, user_id=name)


@user.command()
@click.argument("name")
@with_store
def passwd(name: str, where: str | Path, as_json: bool) -> None:
    """Change the password of the account NAME.

    What lets its devices log on again without a password ends, too. A running server asks for the new one from the
    next log-on of NAME on; sessions that NAME has go on until they end.
    """
    with _opened(where, as_json) as database:
        with database.reading() as connection:
            SqlAccountRows(connection).known(name)
        password_hash = _new_password_hash(name)
        with database.writing(Part.ACCOUNTS) as connection:
            SqlAccountRows(connection).set_hash(name, password_hash)
        tell(as_json, f"password of {name} changed", user_id=name, done="password changed")


@user.command()
@click.argument("name")
@click.argument("role", type=click.Choice([role.name.lower() for role in Role]))
@with_store
def role(name: str, role: str, where: str | Path, as_json: bool) -> None:
    """Make NAME an administrator, or a user again. A running server knows it from the next log-on of NAME on."""
    with _opened(where, as_json) as database:
        with database.writing(Part.ACCOUNTS) as connection:
            SqlAccountRows(connection).change(name, role=Role[role.upper()])
        what = "an administrator" if role == "administrator" else "a user"
        tell(as_json, f"{name} is {what} now", user_id=name, role=role)


@user.command(short_help="Print what is stored of an account.")
@click.argument("name")
@with_store
def show(name: str, where: str | Path, as_json: bool) -> None:
    """Print what is stored of the account NAME: its role, its profile, when it was made, its session tokens."""
    with _opened(where, as_json) as database:
        with database.reading() as connection:
            rows = SqlAccountRows(connection)
            (account, _), tokens = rows.known(name), rows.tokens_of(name)
        live = [until for _, _, _, until in tokens if until > time.time()]
        facts = {
            "user_id": name,
            "role": account.role.name.lower(),
            # An account of the first release does not know when it was made.
            "created": _moment(account.created_at) if account.created_at else None,
            "session_tokens": len(live),
            "profile": dict(account.profile),
        }
        shown = (f"{key}: {value}" for key, value in facts.items() if key != "profile" and value is not None)
        profile = (f"profile {ascii(key)}: {ascii(value)}" for key, value in account.profile.items())
        tell(as_json, "\n".join((*shown, *profile)), **facts)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")


@user.command(short_help="End the wait after failed log-ons, on a running server.")
@click.argument("name", required=False)
@click.option("--address", metavar="A", help="Let log-ons from this address be tried again.")
@click.option("--as", "account", required=True, metavar="USER@HOST:PORT", help="An administrator of that server.")
@connection_options
def unlock(name: str | None, address: str | None, account: str, connection: Connection) -> None:
    """Let NAME be tried again at once, on a running server, after failed log-ons.

    A server keeps these in memory, so an administrator has to ask it; the password is the administrator's.
    """
    from esframework.cli.session import run_client

    if name is None and address is None:
        raise click.UsageError("whom? Give NAME, or --address A")
    if address is not None:
        try:
            ip_address(address)
        except ValueError:
            raise click.UsageError(f"--address {address}: an IP address such as 192.0.2.7 is expected") from None
    who = connection.account(account)
    what = " and ".join(part for part in (name, address) if part is not None)

    async def unlock_it(client: Any) -> None:
        unlocked = await client.accounts.unlock(name, address)
        text = f"{what} may be tried again" if unlocked else f"{what}: nothing was locked"
        tell(connection.as_json, text, user_id=name, address=address, unlocked=unlocked)

    options = connection.client_options(auto_reconnect=False)
    code = run_client(who, ask_password(who), unlock_it, options=options, as_json=connection.as_json)
    click.get_current_context().exit(code)


@contextmanager
def _opened(where: str | Path, as_json: bool, *, makes: bool = False) -> Iterator[Database]:
    """The store, upgraded as a server would, and made only where that is meant; failures end the program."""
    with database_at(where, "esframework user", as_json, makes=makes) as database:
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
