"""`esframework user`: the accounts of a data folder, with or without a running server.

Works on the accounts' file itself, as the server does beside it; speaks to no server and knows no protocol.
Passwords come from the environment or a prompt and are shown nowhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import platformdirs

from esframework import limits
from esframework.cli.account import PASSWORD_VARIABLE, require_terminal
from esframework.errors import AccountExists, EsError, NoSuchAccount
from esframework.stores.account_table import AccountTable
from esframework.stores.accounts import accounts_table
from esframework.stores.passwords import PasswordHashing
from esframework.wire.identity import LONGEST_NAME, check_account_name

F = TypeVar("F", bound=Callable[..., Any])


def _with_options(command: F) -> F:
    """The options that all commands here share, written behind the command's name."""
    data = click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=lambda: Path(platformdirs.user_data_dir("esframework")),
        show_default="the platform's folder for user data",
        help="The server's data folder.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
    return data(as_json(command))


@click.group(short_help="Manage the accounts of a server on this machine.")
def user() -> None:
    """Manage the accounts of a server that runs on this machine, or will.

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
@_with_options
def add(name: str, max_user_id: int, data: Path, as_json: bool) -> None:
    """Make an account called NAME."""
    with _accounts(data, as_json) as table:
        check_account_name(name, max_user_id)
        if table.hash_of(name) is not None:
            raise AccountExists(name)
        table.add(name, _new_password_hash(name))
        _tell(as_json, f"account {name} added", user_id=name, done="added")


@user.command()
@click.argument("name")
@_with_options
def remove(name: str, data: Path, as_json: bool) -> None:
    """Delete the account NAME. A session that it has goes on until it ends."""
    with _accounts(data, as_json) as table:
        table.remove(name)
        _tell(as_json, f"account {name} removed", user_id=name, done="removed")


@user.command("list")
@_with_options
def list_accounts(data: Path, as_json: bool) -> None:
    """Print all accounts, one a line."""
    with _accounts(data, as_json) as table:
        for name in table.user_ids():
            _tell(as_json, name, user_id=name)


@user.command()
@click.argument("name")
@_with_options
def passwd(name: str, data: Path, as_json: bool) -> None:
    """Change the password of the account NAME."""
    with _accounts(data, as_json) as table:
        if table.hash_of(name) is None:
            raise NoSuchAccount(name)
        table.set_hash(name, _new_password_hash(name))
        _tell(as_json, f"password of {name} changed", user_id=name, done="password changed")


@contextmanager
def _accounts(data: Path, as_json: bool) -> Iterator[AccountTable]:
    """The open accounts of a data folder; what fails inside ends the program with code 1 and one line."""
    table = accounts_table(data)
    try:
        table.open()
        yield table
    except EsError as error:
        if as_json:
            _tell(as_json, "", error=type(error).__name__, cause=str(error))
        else:
            click.echo(f"esframework user: {error}", err=True)
        raise click.exceptions.Exit(1) from error
    finally:
        table.close()


def _new_password_hash(name: str) -> str:
    """Take a password from the environment, or ask for it twice; hash it (20 ms)."""
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        require_terminal(name)
        password = click.prompt(
            f"New password for {name}", hide_input=True, confirmation_prompt=True, err=True
        )
    return PasswordHashing().hash(password)


def _tell(as_json: bool, text: str, **facts: str) -> None:
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else text)
