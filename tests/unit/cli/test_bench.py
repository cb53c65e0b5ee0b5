"""`esframework bench` on the command line: what it asks for, what it refuses, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from twisted.internet.defer import Deferred

from esframework.cli import bench as command
from esframework.cli.bench import bench
from esframework.cli.benching.report import Report
from esframework.cli.benching.running import Target
from esframework.cli.benching.schemes import Plan

Invoke = Callable[..., Result]


def report(total: int = 10) -> Report:
    return Report(
        work="flood",
        settings={"connections": 12},
        unit="messages",
        seconds=1.0,
        sent=total,
        total=total,
        received=None,
        per_second=(total,),
        latency=None,
        latency_of="ping beside it",
    )


class Asked:
    """What the command has asked for, in place of doing it."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.target: Target | None = None
        self.work: Any = None
        self.total = 10

    async def run_bench(self, reactor: Any, plan: Plan, target: Target, progress: Any) -> Report:
        self.plan, self.target = plan, target
        return report(self.total)

    async def run_handlers(self, reactor: Any, work: Any, settings: Any, progress: Any) -> Report:
        self.work = work
        return report(self.total)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    def run(main: Any, *, as_json: bool = False) -> int:
        codes: list[Any] = []
        Deferred.fromCoroutine(main(None)).addBoth(codes.append)
        assert isinstance(codes[0], int), codes
        return codes[0]

    asked = Asked()
    monkeypatch.setattr(command, "run_bench", asked.run_bench)
    monkeypatch.setattr(command, "run_handlers", asked.run_handlers)
    monkeypatch.setattr(command, "run", run)
    return asked


def invoke(*arguments: str, password: str | None = None) -> Result:
    return CliRunner().invoke(bench, list(arguments), env={"ESFRAMEWORK_PASSWORD": password})


def test_without_anything_it_is_scheme_three_against_a_server_of_its_own(asked: Asked) -> None:
    assert invoke().exit_code == 0
    assert asked.plan is not None
    assert (asked.plan.mode, asked.plan.connections, asked.plan.interval) == ("flood", 12, 0.0)
    assert asked.target == Target(None, "", None)


def test_a_server_is_named_by_host_and_port_and_the_password_is_in_the_environment(asked: Asked) -> None:
    assert invoke("example.org:4600", "--interval", "50", password="secret").exit_code == 0
    assert asked.target == Target("tcp:example.org:4600", "secret", None)
    assert asked.plan is not None
    assert asked.plan.interval == 0.05


def test_a_server_may_be_any_endpoint(asked: Asked) -> None:
    invoke("--endpoint", "unix:/run/es.sock")
    assert asked.target == Target("unix:/run/es.sock")


def test_no_option_takes_a_password() -> None:
    assert not [parameter for parameter in bench.params if "password" in str(parameter.name)]


def test_the_report_is_a_table_or_one_object(asked: Asked) -> None:
    assert "messages a second         10\n" in invoke().stdout
    [line] = invoke("--json").stdout.splitlines()
    assert json.loads(line)["rate"] == 10.0


def test_nothing_that_came_through_is_code_1(asked: Asked) -> None:
    asked.total = 0
    assert invoke().exit_code == 1


def test_handlers_are_called_without_a_server(asked: Asked) -> None:
    name = "esframework.cli.benching.asking:EchoHandler"
    arguments = ("--callers", "50", "--type", "7", "--size", "3", "--query", "--run-in", "reactor")
    assert invoke("--handlers", name, *arguments).exit_code == 0
    assert asked.plan is None
    work = asked.work
    assert (work.callers, work.information_type, work.content, work.in_threads) == (50, 7, bytes(3), False)
    assert work.function(None, 1, b"echo") == b"echo"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scheme", "four"), "four"),
        (("--connections", "0"), "0"),
        (("a:b:c",), "brackets"),
        (("example.org:4600", "--endpoint", "tcp:x:1"), "--endpoint"),
        (("--pairs", "2"), "--pairs"),
        (("--server-pid", "1"), "--server-pid 1"),
        (("localhost", "--server-pid", "4194305"), "--server-pid 4194305"),
        (("--handlers", "nothing"), "module:object"),
        (("localhost", "--handlers", "esframework.cli.benching.asking:EchoHandler"), "HOST:PORT"),
        (("--mode", "relay", "--size", "3"), "--size 3"),
    ],
)
def test_wrong_usage_is_named_and_code_2(asked: Asked, arguments: tuple[str, ...], words: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert asked.plan is None


def test_wrong_usage_for_scripts_is_an_object(asked: Asked) -> None:
    result = invoke("--pairs", "2", "--json")
    assert json.loads(result.stdout)["error"] == "PlanError"
    assert result.exit_code == 2
