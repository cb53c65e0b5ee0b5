"""How every program names an account and a server: USER@HOST:PORT, or USER and an endpoint string.

Makes no connection and loads no reactor; what it finds wrong is wrong usage (exit code 2).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from ipaddress import IPv6Address
from typing import Any, Final

import click

from esframework import limits
from esframework.client.options import ClientOptions
from esframework.errors import InvalidUserId
from esframework.wire.devices import DEVICE_NAMES, device_number, login_id_of
from esframework.wire.identity import LONGEST_NAME, check_account_name
from esframework.wire.login_id import bare_id
from esframework.wire.profile import GENERATION_6, GENERATION_7

DEFAULT_PORT: Final = 4530
PASSWORD_VARIABLE: Final = "ESFRAMEWORK_PASSWORD"
"""How a script gives a password; an argument would be seen by every user of the machine."""
TERMINAL: Final = "/dev/tty"
"""The terminal that a process belongs to, wherever its standard input comes from."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs on, and where: `endpoint` is an endpoint string of a client."""

    user_id: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Connection:
    """What the shared options said: where to, what the other end speaks, and in which form to print."""

    endpoint: str | None = None
    as_json: bool = False
    max_user_id: int = limits.MAX_USER_ID
    generation: int = 6
    device: str | None = None

    def account(self, text: str) -> Account:
        """See `parse_account`; with a device, the account's LoginID for it."""
        account = parse_account(text, self.endpoint)
        if self.device is None:
            return account
        profile = GENERATION_7 if self.generation == 7 else GENERATION_6
        try:
            login_id = login_id_of(bare_id(account.user_id), device_number(self.device), profile)
        except ValueError as error:
            raise click.UsageError(f"--device {self.device}: {error} (--generation 7)") from None
        return Account(login_id, account.endpoint)

    def server(self, text: str | None) -> str:
        """The endpoint string of a server given as HOST:PORT, or by --endpoint. Raises click.UsageError."""
        if self.endpoint is not None:
            if text is not None:
                raise click.UsageError("HOST:PORT and --endpoint both say where the server is; give one of them")
            return self.endpoint
        if text is None:
            raise click.UsageError("which server? Give HOST:PORT or --endpoint STRING")
        return parse_server(text)

    def client_options(self, **changes: Any) -> ClientOptions:
        """The options of a client engine that these make, with a program's own on top.

        No session token: a program that ends soon would take the place of one that a real device comes back with.
        """
        ours = {"max_user_id": self.max_user_id, "generation": self.generation, "keep_session_token": False}
        return ClientOptions(**{**ours, **changes})


def parse_account(text: str, endpoint: str | None = None) -> Account:
    """An account from USER@HOST, USER@HOST:PORT or USER@[IPV6]:PORT; with `endpoint`, from USER alone.

    What stands before the last @ is the user. Raises click.UsageError.
    """
    if endpoint is not None:
        return Account(_user_id(text), endpoint)
    user_id, at, server = text.rpartition("@")
    if not at:
        raise click.UsageError(f"{text!r} is no account: USER@HOST:PORT is expected, or USER with --endpoint STRING")
    return Account(_user_id(user_id), parse_server(server))


def parse_server(text: str) -> str:
    """The endpoint string of HOST, HOST:PORT or [IPV6]:PORT; without a port it is 4530. Raises click.UsageError."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not _is_ipv6(host) or (rest and not rest.startswith(":")):
            raise click.UsageError(f"{text!r}: an IPv6 address is written [ADDRESS]:PORT")
        port = rest[1:] if rest else str(DEFAULT_PORT)
    else:
        host, colon, port = text.partition(":")
        if ":" in port:
            raise click.UsageError(f"{text!r}: an IPv6 address is written in brackets, [ADDRESS]:PORT")
        port = port if colon else str(DEFAULT_PORT)
    if not host or any(sign in host for sign in "\\=") or host.split() != [host]:
        raise click.UsageError(f"{text!r}: HOST:PORT is expected")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise click.UsageError(f"{text!r}: the port is {port!r}; 1 to 65535 is expected")
    return f"tcp:{host.replace(':', chr(92) + ':')}:{int(port)}"


def ask_password(account: Account) -> str:
    """The password from ESFRAMEWORK_PASSWORD, or typed without being shown; raises click.UsageError without either."""
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is not None:
        return password
    require_terminal(account.user_id)
    typed: str = click.prompt(
        f"Password of {account.user_id}", default="", show_default=False, hide_input=True, err=True
    )
    return typed


def require_terminal(user_id: str) -> None:
    """Raises click.UsageError where nobody can be asked for a password.

    A pipe as standard input is no obstacle: prompts for passwords are shown on the terminal itself, and read there.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        return
    try:
        os.close(os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise click.UsageError(
            f"no password for {user_id}: set {PASSWORD_VARIABLE}; there is no terminal to ask for it"
        ) from None


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that all clients share; the command gets them as one argument `connection`.

    Stands under the decorators of the command's own options and arguments.
    """

    @wraps(command)
    def with_connection(
        *arguments: Any,
        endpoint: str | None,
        as_json: bool,
        max_user_id: int,
        generation: str,
        device: str | None,
        **options: Any,
    ) -> Any:
        connection = Connection(endpoint, as_json, max_user_id, int(generation), device)
        return command(*arguments, connection=connection, **options)

    for option in reversed(_OPTIONS):
        with_connection = option(with_connection)
    return with_connection


_OPTIONS = (
    click.option(
        "--endpoint",
        metavar="STRING",
        help="Where the server is, instead of @HOST:PORT: tls:HOST:PORT, unix:PATH and others of Twisted's.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line."),
    click.option(
        "--max-user-id",
        type=click.IntRange(10, LONGEST_NAME),
        default=limits.MAX_USER_ID,
        show_default=True,
        metavar="N",
        help="Longest account id in bytes; other clients of the same server should say the same.",
    ),
    click.option(
        "--generation",
        type=click.Choice(["6", "7"]),
        default="6",
        show_default=True,
        help="Generation of the protocol to speak.",
    ),
    click.option(
        "--device",
        type=click.Choice(DEVICE_NAMES[1:]),
        help="Log on as this kind of device: an account may be online once on each.",
    ),
)


def _user_id(text: str) -> str:
    try:
        check_account_name(bare_id(text))
    except InvalidUserId as error:
        raise click.UsageError(str(error)) from None
    return text


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
