"""`esframework config check`: valid files are shown as they work, invalid ones with every problem."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esframework.cli.config import config
from esframework.config import load_config

Check = Callable[..., Result]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def check(text: str, *options: str) -> Result:
        file = tmp_path / "es.toml"
        file.write_text(text)
        return CliRunner().invoke(config, ["check", str(file), *options])

    return check


def test_an_empty_file_is_valid_and_shows_the_defaults(check: Check) -> None:
    result = check("")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "[session]" in result.stdout
    assert "heartbeat_timeout = 30.0" in result.stdout
    assert "[p2p]\n# port is not set" in result.stdout


def test_what_is_shown_is_a_file_that_says_the_same(check: Check, tmp_path: Path) -> None:
    text = (
        'listen = ["tcp:1:interface=127.0.0.1"]\ndata = "dätä \\"x\\""\np2p = "off"\n[log]\nfile = "es.log"\n'
    )
    shown = check(text).stdout
    (tmp_path / "shown.toml").write_text(shown)
    assert load_config(tmp_path / "shown.toml") == load_config(tmp_path / "es.toml")


def test_what_may_hold_a_password_is_not_shown(check: Check) -> None:
    text = 'auth = ["memory:admin:hush"]\nstore = "postgresql://es:hush@host/es"\n[p2p]\nsecret = "hush, sixteen of"'
    result = check(text)
    assert "# auth (1 given, not shown)" in result.stdout
    assert "hush" not in result.output + check(text, "--json").output


def test_an_invalid_file_is_code_1_with_every_problem(check: Check) -> None:
    result = check("opne = 1\n[log]\nlevel = 'loud'\n")
    assert (result.exit_code, result.stdout) == (1, "")
    first, second = result.stderr.splitlines()
    assert 'es.toml, line 1: unknown key "opne"; did you mean "open"?' in first
    assert "line 3: [log] level" in second


def test_open_to_the_world_by_accident_is_not_valid(check: Check) -> None:
    result = check('open = true\nlisten = ["tcp:4530"]')
    assert result.exit_code == 1
    assert "--open twice" in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('listen = ["4530"]', "listen = '4530': expected an endpoint such as tcp:4530:"),
        ('listen = ["tcp:foo"]', "listen = 'tcp:foo': expected an endpoint such as tcp:4530:"),
        ('metrics = "9100"', "metrics = '9100': expected an endpoint"),
        ('store = "mysql://es:hidden@host/es"', "store: mysql://es:***@host/es: no stores are kept in mysql; expected"),
        ('store = "postgresql:/es"', "store: the store's URL cannot be read; expected postgresql://user@host/name"),
        ('auth = ["nonsense:x"]', "auth: entry 1 cannot be used"),
    ],
)
def test_what_a_server_refuses_is_not_valid(check: Check, text: str, words: str) -> None:
    result = check(text)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "hidden" not in result.output


def test_times_below_nothing_are_warned_of(check: Check) -> None:
    result = check("[session]\nheartbeat_timeout = -1\nverify_timeout = 0\n")
    assert result.exit_code == 0
    assert result.stderr == "warning: [session] heartbeat_timeout = -1: means the same as 0 (none)\n"


def test_warnings_do_not_make_a_file_invalid(check: Check) -> None:
    result = check('listen = ["tcp:4530"]')
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: tcp:4530")


def test_json_shows_what_is_in_force(check: Check) -> None:
    shown = json.loads(check("max_user_id = 20", "--json").stdout)
    assert shown["valid"] is True
    assert shown["in_force"]["max_user_id"] == 20
    assert shown["in_force"]["handlers"]["mode"] == "direct"


def test_ranges_of_types_are_shown_as_they_are_written(check: Check, tmp_path: Path) -> None:
    text = '[offline]\ntypes = [7, "100-199"]\n[session]\nexclusive_devices = [["linux", "mac"]]\n'
    assert json.loads(check(text, "--json").stdout)["in_force"]["offline"]["types"] == [7, "100-199"]
    shown = check(text).stdout
    (tmp_path / "shown.toml").write_text(shown)
    assert 'types = [7, "100-199"]' in shown
    assert load_config(tmp_path / "shown.toml") == load_config(tmp_path / "es.toml")


def test_json_shows_problems(check: Check) -> None:
    result = check("opne = 1", "--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert shown["valid"] is False
    assert len(shown["problems"]) == 1


def test_a_missing_file_is_not_valid(tmp_path: Path) -> None:
    result = CliRunner().invoke(config, ["check", str(tmp_path / "none.toml")])
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_no_file_is_wrong_usage() -> None:
    assert CliRunner().invoke(config, ["check"]).exit_code == 2
