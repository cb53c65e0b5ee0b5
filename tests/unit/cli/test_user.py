"""`esframework user`: what it does, what it prints, how it ends, and where passwords never are."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from esframework.cli.user import user
from esframework.stores.passwords import PasswordHashing
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.database import Part, open_database
from esframework.stores.sql.versions import prepare

Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esframework.cli.user.PasswordHashing", lambda: PasswordHashing(memory=8, rounds=1))


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """There is a terminal, on which the runner then types."""
    master, slave = os.openpty()
    monkeypatch.setattr("esframework.cli.account.TERMINAL", os.ttyname(slave))
    yield
    os.close(master)
    os.close(slave)


@pytest.fixture
def run(data: Path) -> Run:
    """Runs the command on the test's own folder; `password` is in the environment, `typed` at the prompt."""

    def run(*arguments: str, password: str | None = "secret", typed: str | None = None) -> Result:
        environment = {"ESFRAMEWORK_PASSWORD": password}
        return CliRunner().invoke(user, [*arguments, "--data", str(data)], env=environment, input=typed)

    return run


def fits(data: Path, name: str, password: str) -> bool:
    database = open_database(data / "accounts.sqlite")
    with database.reading() as connection:
        stored = SqlAccountRows(connection).hash_of(name)
    database.close()
    return PasswordHashing().matches(stored, password)


def test_an_account_is_added_with_the_environment_s_password(run: Run, data: Path) -> None:
    result = run("add", "alice")
    assert (result.exit_code, result.output) == (0, "account alice added\n")
    assert fits(data, "alice", "secret")


def test_file_and_folder_are_private(run: Run, data: Path) -> None:
    run("add", "alice")
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "accounts.sqlite").stat().st_mode) == 0o600


def test_a_password_is_asked_for_twice_and_never_shown(run: Run, data: Path) -> None:
    result = run("add", "alice", password=None, typed="hidden\nhidden\n")
    assert result.exit_code == 0
    assert result.stdout == "account alice added\n"
    assert "hidden" not in result.output
    assert fits(data, "alice", "hidden")


def test_two_different_answers_are_asked_again(run: Run, data: Path) -> None:
    result = run("add", "alice", password=None, typed="one\ntwo\nthree\nthree\n")
    assert result.exit_code == 0
    assert fits(data, "alice", "three")


def test_no_command_takes_a_password_as_an_argument() -> None:
    parameters = [name for command in user.commands.values() for name in command.params]
    store = {"name", "config", "data", "store", "as_json", "max_user_id", "administrator", "role"}
    server = {"address", "account", "endpoint", "generation", "device"}
    assert {str(parameter.name) for parameter in parameters} == store | server


def test_accounts_are_listed_one_a_line(run: Run) -> None:
    for name in ("carol", "alice", "zoë"):
        run("add", name)
    assert run("list").output == "alice\ncarol\nzoë\n"


@pytest.mark.parametrize("command", [("list",), ("show", "a"), ("passwd", "a"), ("remove", "a"), ("role", "a", "user")])
def test_only_add_makes_a_store(run: Run, data: Path, command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 1
    assert f"there is no store at {data / 'accounts.sqlite'}; " in result.stderr
    assert not data.exists()


def test_an_empty_list_is_no_failure(run: Run) -> None:
    run("add", "alice")
    run("remove", "alice")
    result = run("list")
    assert (result.exit_code, result.output) == (0, "")


def test_a_removed_account_is_gone(run: Run) -> None:
    run("add", "alice")
    assert run("remove", "alice").output == "account alice removed\n"
    assert run("list").output == ""


def test_a_password_is_changed(run: Run, data: Path) -> None:
    run("add", "alice")
    assert run("passwd", "alice", password="new").exit_code == 0
    assert fits(data, "alice", "new")


def test_a_role_is_given_and_taken(run: Run) -> None:
    run("add", "root", "--administrator")
    run("add", "alice")
    assert run("role", "alice", "administrator").output == "alice is an administrator now\n"
    assert run("role", "root", "user").output == "root is a user now\n"
    roles = [json.loads(run("show", name, "--json").output)["role"] for name in ("alice", "root")]
    assert roles == ["administrator", "user"]
    assert run("role", "alice", "king").exit_code == 2


def test_what_is_shown_of_an_account_holds_no_secret(run: Run, data: Path) -> None:
    run("add", "alice")
    database = open_database(data / "accounts.sqlite")
    with database.writing(Part.ACCOUNTS) as connection:
        rows = SqlAccountRows(connection)
        rows.change("alice", profile={"ci\nty": "R\x1b[2Jome"})
        for number, until in enumerate((0.0, 4e9)):
            rows.add_token((bytes([number]) * 32, "alice", "10#alice", until))
    database.close()
    shown = run("show", "alice").output
    assert shown.startswith("user_id: alice\nrole: user\ncreated: 20")
    assert "session_tokens: 1\n" in shown
    # Who registered chose these words; a terminal is not to obey them.
    assert shown.endswith("profile 'ci\\nty': 'R\\x1b[2Jome'\n")
    assert "argon2" not in shown
    assert json.loads(run("show", "alice", "--json").output)["profile"] == {"ci\nty": "R\x1b[2Jome"}


def test_what_is_no_address_cannot_be_unlocked() -> None:
    result = CliRunner().invoke(user, ["unlock", "--address", "300.1.1.1", "--as", "root@localhost"])
    assert result.exit_code == 2
    assert "--address 300.1.1.1: an IP address such as 192.0.2.7 is expected" in result.stderr


def test_unlocking_needs_somebody_or_some_address() -> None:
    result = CliRunner().invoke(user, ["unlock", "--as", "root@localhost"])
    assert (result.exit_code, "Give NAME, or --address A" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "alice"), "exists already"),
        (("add", "a#b"), "must not contain"),
        (("remove", "bob"), "no account 'bob'"),
        (("passwd", "bob"), "no account 'bob'"),
        (("role", "bob", "user"), "no account 'bob'"),
        (("show", "bob"), "no account 'bob'"),
    ],
)
def test_a_refusal_is_one_line_on_the_error_channel_and_code_1(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    run("add", "alice")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("add", "a#b"), ("passwd", "bob")])
def test_what_must_fail_is_refused_before_a_password_is_asked_for(
    run: Run, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments, password=None, typed="")
    assert result.exit_code == 1
    assert "password" not in result.stderr.lower()


def test_without_environment_and_terminal_there_is_no_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esframework.cli.account.TERMINAL", "/nowhere/at/all")
    result = run("add", "alice", password=None)
    assert result.exit_code == 2
    assert "ESFRAMEWORK_PASSWORD" in result.stderr
    assert run("list").output == ""


def test_a_name_that_the_server_would_not_take_is_refused(run: Run) -> None:
    too_long = run("add", "x" * 37)
    assert too_long.exit_code == 1
    assert "37 bytes long, at most 36" in too_long.stderr
    assert run("add", "x" * 36).exit_code == 0
    assert run("add", "x" * 37, "--max-user-id", "37").exit_code == 0


def test_an_empty_password_is_refused(run: Run) -> None:
    result = run("add", "alice", password="")
    assert result.exit_code == 1
    assert "must not be empty" in result.stderr


def test_a_newer_store_is_refused(run: Run, data: Path) -> None:
    run("add", "alice")
    connection = sqlite3.connect(data / "accounts.sqlite")
    connection.execute("UPDATE esframework_version SET version_num = '99'")
    connection.commit()
    connection.close()
    result = run("list")
    assert result.exit_code == 1
    assert "version 99" in result.stderr


@pytest.mark.parametrize("arguments", [("add",), ("add", "a", "b"), ("list", "--password", "x"), ("dance",)])
def test_wrong_usage_is_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_gives_one_object_a_line(run: Run) -> None:
    assert lines(run("add", "zoë", "--json")) == [{"user_id": "zoë", "done": "added"}]
    assert lines(run("list", "--json")) == [{"user_id": "zoë"}]
    assert lines(run("passwd", "zoë", "--json")) == [{"user_id": "zoë", "done": "password changed"}]
    assert lines(run("remove", "zoë", "--json")) == [{"user_id": "zoë", "done": "removed"}]


def test_json_tells_failures_by_their_kind(run: Run) -> None:
    run("add", "alice")
    result = run("remove", "bob", "--json")
    assert result.exit_code == 1
    assert lines(result) == [{"error": "NoSuchAccount", "cause": "there is no account 'bob'"}]


def test_the_default_folder_is_the_platform_s(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(data / name))
    result = CliRunner().invoke(user, ["add", "alice"], env={"ESFRAMEWORK_PASSWORD": "secret"})
    assert result.exit_code == 0
    assert (data / "esframework" / "accounts.sqlite").exists()


def test_it_works_beside_a_running_server(run: Run, data: Path) -> None:
    server = open_database(data / "accounts.sqlite")
    prepare(server)
    with server.reading():
        run("add", "alice")
    with server.reading() as connection:
        assert SqlAccountRows(connection).user_ids() == ["alice"]
    server.close()


def test_it_works_on_any_store(run: Run, data: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    assert run("add", "alice", "--store", url).exit_code == 0
    assert run("list", "--store", url).output == "alice\n"
    assert not data.exists()


def test_it_works_on_the_store_of_a_server_s_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "es.toml").write_text(f'store = "{tmp_path / "elsewhere.sqlite"}"')
    assert run("add", "alice", "--config", str(tmp_path / "es.toml")).exit_code == 0
    assert run("list", "--store", str(tmp_path / "elsewhere.sqlite")).output == "alice\n"
    (tmp_path / "es.toml").write_text("stoer = 1")
    wrong = run("list", "--config", str(tmp_path / "es.toml"))
    assert wrong.exit_code == 2
    assert "store" in wrong.stderr


def test_a_store_that_there_cannot_be_is_refused_without_its_password(run: Run) -> None:
    result = run("list", "--store", "mysql://root:hidden@host/es")
    assert result.exit_code == 1
    assert "mysql" in result.stderr
    assert "hidden" not in result.output


def test_the_group_is_called_user() -> None:
    assert isinstance(user, click.Group)
    assert user.name == "user"
