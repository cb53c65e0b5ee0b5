"""The flags of a P2P server that stands alone, and what they become."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError

from esframework._version import __version__
from esframework.config import P2PConfig, ServiceConfig
from esframework.p2p_tap import Options


def parsed(*flags: str) -> ServiceConfig:
    options = Options()
    options.parseOptions(list(flags))
    config: ServiceConfig = options["service_config"]
    return config


def test_twistd_knows_it() -> None:
    (maker,) = [maker for maker in getPlugins(IServiceMaker) if maker.tapname == "esframework-p2p"]
    assert maker.options is Options


def test_every_flag_reaches_its_key(tmp_path: Path) -> None:
    config = parsed(
        "--port", "9000", "--interface", "192.0.2.1", "--interface", "2001:db8::1", "--second-address", "192.0.2.2",
        "--secret-file", str(tmp_path / "secret"), "--security-log", "--metrics", "tcp:9464", "--log-level", "debug",
        "--log", str(tmp_path / "log"), "--log-json",
    )  # fmt: skip
    assert config.p2p == P2PConfig(
        port=9000,
        interfaces=("192.0.2.1", "2001:db8::1"),
        second_address="192.0.2.2",
        secret_file=tmp_path / "secret",
        security_log=True,
    )
    assert config.metrics == "tcp:9464"
    assert (config.log.level, config.log.json, config.log.file) == ("debug", True, tmp_path / "log")


def test_flags_override_the_file(tmp_path: Path) -> None:
    file = tmp_path / "p2p.toml"
    file.write_text("[p2p]\nport = 9000\nsecret = 'sixteen letters.'\nmax_per_second = 7\n")
    config = parsed("--config", str(file), "--port", "9001").p2p
    assert (config.port, config.secret, config.max_per_second) == (9001, "sixteen letters.", 7)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "--secret-file: expected a file"),
        (["--port", "many", "--secret-file", "x"], "--port = 'many'"),
        (["--port", "off", "--secret-file", "x"], "expected a number, for this is the P2P server"),
        (["--interface", "here", "--secret-file", "x"], "--interface = ['here']"),
        (["--second-address", "there", "--secret-file", "x"], "--second-address = 'there'"),
        (["--second-address", "192.0.2.2", "--secret-file", "x"], "expected with it --interface"),
        (["--second-address", "192.0.2.2", "--interface", "2001:db8::1", "--secret-file", "x"], "of the same kind"),
        (["--second-address", "192.0.2.2", "--interface", "192.0.2.2", "--secret-file", "x"], "which is another one"),
        (["--second-address", "192.0.2.2", "--interface", "0.0.0.0", "--secret-file", "x"], "first address"),
        (["--config", "/nowhere/p2p.toml"], "/nowhere/p2p.toml"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_a_wrong_flag_ends_with_a_message_that_names_it(flags: list[str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(*flags)
    assert words in str(caught.value)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--version")
    assert capsys.readouterr().out == f"esframework, version {__version__}\n"
