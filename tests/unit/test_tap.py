"""The flags of the service, and what they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import IServiceMaker
from twisted.cred.credentials import UsernamePassword
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError

from esframework._version import __version__
from esframework.config import ConfigError, ServiceConfig
from esframework.tap import Options, make_checkers


def parsed(*flags: str) -> ServiceConfig:
    options = Options()
    options.parseOptions(list(flags))
    config: ServiceConfig = options["service_config"]
    return config


def refused(*flags: str) -> str:
    with pytest.raises(UsageError) as caught:
        parsed(*flags)
    return str(caught.value)


def test_without_flags_the_configuration_is_the_default(tmp_path: Path) -> None:
    config = parsed("--data", str(tmp_path))
    assert (config.open, config.max_user_id, list(config.listen or ())) == (0, 36, [])
    assert config.data == tmp_path


def test_every_flag_reaches_its_key(tmp_path: Path) -> None:
    config = parsed(
        "--data", str(tmp_path), "--listen", "tcp:5000:interface=127.0.0.1", "--listen", "unix:/tmp/es.sock",
        "--p2p", "off", "--console", "off", "--max-user-id", "20", "--log", str(tmp_path / "log"),
        "--log-level", "debug", "--log-json", "--open", "--metrics", "off",
    )  # fmt: skip
    assert list(config.listen) == ["tcp:5000:interface=127.0.0.1", "unix:/tmp/es.sock"]
    assert (config.open, config.max_user_id) == (1, 20)
    assert (config.log.level, config.log.json, config.log.file) == ("debug", True, tmp_path / "log")


def test_flags_override_the_file_and_the_file_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text("max_user_id = 20\n[log]\nlevel = 'warn'\n")
    assert parsed("--config", str(file)).max_user_id == 20
    config = parsed("--config", str(file), "--max-user-id", "30")
    assert (config.max_user_id, config.log.level) == (30, "warn")


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--max-user-id", "many"], "--max-user-id"),
        (["--max-user-id", "0"], "--max-user-id"),
        (["--log-level", "chatty"], "chatty"),
        (["--auth", "nonsense:x"], "nonsense"),
        (["--nonsense"], "nonsense"),
        (["--config", "/nowhere/es.toml"], "/nowhere/es.toml"),
        (["--open", "--listen", "tcp:4530"], "twice"),
    ],
)
def test_a_wrong_flag_ends_with_a_message_that_names_it(flags: list[str], word: str) -> None:
    assert word in refused(*flags)


def test_open_beyond_this_machine_must_be_said_twice() -> None:
    assert parsed("--open", "--open", "--listen", "tcp:4530").open == 2


def test_checkers_of_flags_and_of_the_file_are_put_together_and_know_their_users(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text("auth = ['memory:alice:secret']\n")
    options = Options()
    options.parseOptions(["--config", str(file), "--auth", "memory:bob:word"])
    checkers = make_checkers(options["service_config"], options["credCheckers"])
    known: list[Any] = []
    for checker, name, password in zip(checkers, (b"bob", b"alice"), (b"word", b"secret"), strict=True):
        checker.requestAvatarId(UsernamePassword(name, password)).addCallback(known.append)
    assert known == [b"bob", b"alice"]


def test_a_checker_that_cannot_be_made_is_named_by_its_number_without_its_password(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text("auth = ['memory:alice:secret', 'nonsense:hunter2']\n")
    with pytest.raises(ConfigError) as caught:
        make_checkers(parsed("--config", str(file)), None)
    assert "entry 2" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_twistd_finds_the_service() -> None:
    (maker,) = [maker for maker in getPlugins(IServiceMaker) if maker.tapname == "esframework"]
    assert maker.module == "esframework.tap"


def test_the_version_is_our_own_and_not_twisteds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        Options().parseOptions(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"esframework, version {__version__}\n"
