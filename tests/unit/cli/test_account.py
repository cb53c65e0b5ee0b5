"""How programs are told who logs on and where."""

from __future__ import annotations

import json
import os
import sys
from io import StringIO

import click
import pytest
from click.testing import CliRunner

from esframework.cli.account import (
    PASSWORD_VARIABLE,
    Account,
    Connection,
    ask_password,
    connection_options,
    parse_account,
    parse_server,
)


@pytest.mark.parametrize(
    ("text", "user_id", "endpoint"),
    [
        ("alice@localhost:4530", "alice", "tcp:localhost:4530"),
        ("alice@chat.example.org", "alice", "tcp:chat.example.org:4530"),
        ("alice@127.0.0.1:1", "alice", "tcp:127.0.0.1:1"),
        ("alice@[::1]:4530", "alice", r"tcp:\:\:1:4530"),
        ("alice@[::1]", "alice", r"tcp:\:\:1:4530"),
        ("alice@[fe80::1%eth0]:99", "alice", r"tcp:fe80\:\:1%eth0:99"),
        ("alice@example.org@localhost", "alice@example.org", "tcp:localhost:4530"),
        ("名前 two@localhost:65535", "名前 two", "tcp:localhost:65535"),
        ("5#alice@localhost", "5#alice", "tcp:localhost:4530"),
    ],
)
def test_an_account_is_a_user_at_a_server(text: str, user_id: str, endpoint: str) -> None:
    assert parse_account(text) == Account(user_id, endpoint)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("alice", "--endpoint"),
        ("@localhost", "empty"),
        ("_alice@localhost", "'_'"),
        ("alice@", "HOST:PORT"),
        ("alice@:4530", "HOST:PORT"),
        ("alice@local host", "HOST:PORT"),
        ("alice@host=1", "HOST:PORT"),
        ("alice@::1", "brackets"),
        ("alice@[::1", "[ADDRESS]:PORT"),
        ("alice@[::1]4530", "[ADDRESS]:PORT"),
        ("alice@[localhost]:4530", "[ADDRESS]:PORT"),
        ("alice@localhost:", "1 to 65535"),
        ("alice@localhost:0", "1 to 65535"),
        ("alice@localhost:65536", "1 to 65535"),
        ("alice@localhost:-1", "1 to 65535"),
        ("alice@localhost:١", "1 to 65535"),
        ("alice@[::1]:", "1 to 65535"),
    ],
)
def test_what_is_no_account_is_wrong_usage(text: str, complaint: str) -> None:
    with pytest.raises(click.UsageError) as raised:
        parse_account(text)
    assert complaint in raised.value.format_message()


def test_with_an_endpoint_the_account_is_the_user_alone() -> None:
    assert parse_account("alice@example.org", "tls:example.org:4531") == Account(
        "alice@example.org", "tls:example.org:4531"
    )


def test_a_server_is_named_once() -> None:
    assert Connection().server("localhost") == parse_server("localhost:4530")
    assert Connection(endpoint="unix:/run/es").server(None) == "unix:/run/es"
    for connection, text in ((Connection(), None), (Connection(endpoint="unix:/run/es"), "localhost")):
        with pytest.raises(click.UsageError):
            connection.server(text)


def test_the_shared_options_make_a_clients_options() -> None:
    @click.command()
    @click.argument("account")
    @connection_options
    def command(account: str, connection: Connection) -> None:
        options = connection.client_options(auto_reconnect=False)
        facts = [account, connection.as_json, options.max_user_id, options.generation, options.auto_reconnect]
        click.echo(json.dumps([*facts, connection.endpoint]))

    result = CliRunner().invoke(
        command, ["alice", "--json", "--max-user-id", "50", "--generation", "7", "--endpoint", "unix:x"]
    )
    assert json.loads(result.output) == ["alice", True, 50, 7, False, "unix:x"]
    assert json.loads(CliRunner().invoke(command, ["alice"]).output) == ["alice", False, 36, 6, False, None]
    assert CliRunner().invoke(command, ["alice", "--generation", "8"]).exit_code == 2
    assert CliRunner().invoke(command, ["alice", "--max-user-id", "256"]).exit_code == 2


def test_a_program_takes_no_session_token_of_a_real_device() -> None:
    assert Connection().client_options().keep_session_token is False


def test_the_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for password in ("geheim", ""):
        monkeypatch.setenv(PASSWORD_VARIABLE, password)
        assert ask_password(Account("alice", "tcp:localhost:1")) == password


def test_the_password_is_asked_for_on_a_terminal_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def command() -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        click.echo(f"got {len(ask_password(Account('alice', 'tcp:localhost:1')))} characters")

    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    result = CliRunner().invoke(command, input="geheim\n")
    assert result.stdout == "got 6 characters\n"
    assert "alice" in result.stderr
    assert "geheim" not in result.output


def test_without_environment_and_terminal_there_is_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "stdin", StringIO())
    monkeypatch.setattr("esframework.cli.account.TERMINAL", "/nowhere/at/all")
    with pytest.raises(click.UsageError, match=PASSWORD_VARIABLE):
        ask_password(Account("alice", "tcp:localhost:1"))


def test_with_a_pipe_as_input_the_password_is_still_asked_for_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def command() -> None:
        click.echo(f"got {len(ask_password(Account('alice', 'tcp:localhost:1')))} characters")

    master, slave = os.openpty()
    try:
        monkeypatch.setattr("esframework.cli.account.TERMINAL", os.ttyname(slave))
        monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
        assert CliRunner().invoke(command, input="geheim\n").stdout == "got 6 characters\n"
    finally:
        os.close(master)
        os.close(slave)
