"""`esframework doctor`: each finding is a line with its mend, and what fails is the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from esframework.cli import doctor as command
from esframework.cli.doctor import doctor, examine
from esframework.cli.examining.finding import Status, fail, ok, warn


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(doctor, list(arguments))


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the doctor finds, to be filled by the test."""
    found: list[Any] = []
    monkeypatch.setattr(command, "examine", lambda file, data: iter(found))
    return found


def test_each_finding_is_a_line_and_its_mend_another(findings: list[Any]) -> None:
    findings += [ok("clock", "is right"), warn("somaxconn", "is low", "sysctl -w")]
    result = invoke()
    assert result.exit_code == 0
    assert result.stdout == "ok    clock: is right\nwarn  somaxconn: is low\n      -> sysctl -w\n"


def test_something_that_fails_is_code_1_and_all_else_is_still_shown(findings: list[Any]) -> None:
    findings += [fail("tcp port 4530", "is taken", "end it"), ok("clock", "is right")]
    result = invoke()
    assert result.exit_code == 1
    assert "clock" in result.stdout


def test_scripts_get_one_object_a_line(findings: list[Any]) -> None:
    findings += [ok("a", "b"), fail("c", "d", "e")]
    result = invoke("--json")
    assert [json.loads(line)["status"] for line in result.stdout.splitlines()] == ["ok", "fail"]
    assert result.exit_code == 1


def test_wrong_usage_is_code_2() -> None:
    assert invoke("--dance").exit_code == 2


def test_everything_is_looked_at(tmp_path: Path) -> None:
    checks = {finding.check for finding in examine(None, tmp_path)}
    assert {
        "configuration",
        "python",
        "twisted",
        "service plugin",
        "managers",
        "extra metrics",
        "reactor",
        "file descriptors",
        "somaxconn",
        "local ports",
        "tcp port 4530",
        "p2p port 4531",
        "data folder",
        "accounts",
        "clock",
    } <= checks


def test_what_the_configuration_says_is_what_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text('listen = ["tcp:45321:interface=127.0.0.1"]\np2p = "off"\nopen = 1\ndata = "here"\n')
    found = {finding.check: finding for finding in examine(file, None)}
    assert "tcp port 45321" in found
    assert found["p2p port"].text == "there is no P2P server here: P2P is off"
    assert str(tmp_path / "here") in found["data folder"].text
    assert "decided elsewhere" in found["accounts"].text


def test_the_flag_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text('data = "here"\n')
    found = {finding.check: finding for finding in examine(file, tmp_path / "there")}
    assert str(tmp_path / "there") in found["data folder"].text


def test_a_wrong_configuration_fails_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text("lisen = []\nopen = -1\n")
    found = list(examine(file, tmp_path))
    assert [finding.status for finding in found[:2]] == [Status.FAIL, Status.FAIL]
    assert "did you mean" in found[0].text
    assert found[-1].check == "clock"


def test_listeners_that_leak_are_warnings(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text('listen = ["tcp:45321"]\n')
    warnings = [finding for finding in examine(file, tmp_path) if finding.check == "configuration"]
    assert [finding.status for finding in warnings] == [Status.OK, Status.WARN]
    assert "without TLS" in warnings[1].text
