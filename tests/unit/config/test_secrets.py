"""Secrets for P2P come from the configuration or a file, and none of them is ever repeated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from esframework.config import ConfigError, P2PConfig, p2p_secrets


def of_file(tmp_path: Path, content: bytes) -> P2PConfig:
    file = tmp_path / "p2p.secret"
    file.write_bytes(content)
    return P2PConfig(secret_file=file)


def test_without_any_there_are_none() -> None:
    assert p2p_secrets(P2PConfig()) == ()


def test_one_in_the_configuration() -> None:
    assert p2p_secrets(P2PConfig(secret="sixteen letters.")) == (b"sixteen letters.",)


def test_one_a_line_in_a_file(tmp_path: Path) -> None:
    content = b"# the new one\nsixteen letters.\n\n  the one before it  \n"
    assert p2p_secrets(of_file(tmp_path, content)) == (b"sixteen letters.", b"the one before it")


def test_that_of_the_configuration_comes_first(tmp_path: Path) -> None:
    config = replace(of_file(tmp_path, b"the one before it"), secret="sixteen letters.")
    assert p2p_secrets(config) == (b"sixteen letters.", b"the one before it")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected a secret in it"),
        (b"# nothing\n", "expected a secret in it"),
        (b"\xff" * 20, "it is not UTF-8"),
        (b"sixteen letters.\nhidden\n", "number 2 has 6"),
    ],
)
def test_a_file_that_has_no_good_one_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        p2p_secrets(of_file(tmp_path, content))
    (problem,) = refused.value.problems
    assert "p2p.secret" in problem and words in problem and "hidden" not in problem


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing: cannot be read \\(No such file"):
        p2p_secrets(P2PConfig(secret_file=tmp_path / "nothing"))


def test_one_that_is_too_short_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        p2p_secrets(P2PConfig(secret="hidden"))
    assert "hidden" not in str(refused.value)
