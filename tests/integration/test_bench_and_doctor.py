"""`esframework bench` and `esframework doctor` as processes: real servers, real sockets, real figures of the kernel."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from esframework import ServerEngine
from esframework.cli.benching import opening
from esframework.cli.benching.schemes import make_plan
from tests.integration.support import COMMAND, Child, Daemon, reactor, within

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]
ECHO = "esframework.cli.benching.asking:EchoHandler"


async def finished(children: list[Child], *arguments: str, code: int = 0, password: str = "") -> list[Any]:
    """The JSON objects that a program prints; it must end with this code."""
    child = Child([*COMMAND, *arguments, "--json"], {"ESFRAMEWORK_PASSWORD": password})
    children.append(child)
    assert await child.over() == code, child.shown
    assert "Traceback" not in child.shown
    return [json.loads(line) for line in child.shown.splitlines() if line.startswith("{")]


async def bench(children: list[Child], *arguments: str, **how: Any) -> Any:
    [report] = await finished(children, "bench", "--seconds", "1", *arguments, **how)
    return report


@pytest_twisted.ensureDeferred
async def test_scheme_three_floods_a_server_of_its_own(children: list[Child]) -> None:
    report = await bench(children, "--scheme", "three")
    assert report["connections"] == 12
    assert report["sent"] == report["handled_by_server"] > 1000
    assert report["errors"] == {}
    assert report["latency_ms"]["count"] > 3
    assert report["server_cpu_percent"] > 1
    assert report["server_rss_bytes"] > 10_000_000


@pytest_twisted.ensureDeferred
async def test_an_interval_is_kept(children: list[Child]) -> None:
    report = await bench(children, "--connections", "200", "--interval", "100")
    assert report["sent"] == report["handled_by_server"] == pytest.approx(2000, rel=0.2)


@pytest_twisted.ensureDeferred
async def test_a_relay_delivers_what_it_sends(children: list[Child]) -> None:
    report = await bench(children, "--mode", "relay", "--pairs", "3", "--outstanding", "4")
    assert report["sent"] == report["received"] > 1000
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"] <= report["latency_ms"]["max"]
    assert report["errors"] == {}


@pytest_twisted.ensureDeferred
async def test_queries_are_answered_by_the_server_and_by_other_clients(children: list[Child]) -> None:
    by_server = await bench(children, "--mode", "query")
    assert by_server["received"] == by_server["handled_by_server"] > 500
    by_clients = await bench(children, "--mode", "query", "--pairs", "2")
    assert by_clients["received"] > 500
    assert by_clients["handled_by_server"] == 0


@pytest_twisted.ensureDeferred
async def test_any_server_can_be_measured_and_its_process_watched(children: list[Child], start: Start) -> None:
    daemon = await start("--open").ready()
    place, watched = f"127.0.0.1:{daemon.port}", ("--server-pid", str(daemon.pid))
    report = await bench(children, place, "--mode", "relay", "--generation", "7", *watched)
    assert report["received"] > 100
    assert report["handled_by_server"] is None
    assert report["server_rss_bytes"] == pytest.approx(daemon.resident, rel=0.2)


@pytest_twisted.ensureDeferred
async def test_a_server_behind_a_unix_socket_can_be_measured(
    children: list[Child], start: Start, tmp_path: Path
) -> None:
    place = tmp_path / "es.sock"
    await start("--open", listen=f"unix:{place}").ready()
    report = await bench(children, "--endpoint", f"unix:{place}")
    assert report["sent"] > 1000
    assert report["errors"] == {}


@pytest_twisted.ensureDeferred
async def test_more_connections_than_one_address_has_go_out_from_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CONNECTIONS_PER_ADDRESS", 2)
    server = ServerEngine(reactor=reactor)
    port = await server.listen("tcp:0:interface=127.0.0.1")
    plan = make_plan("flood", connections=5, seconds=1.0, user_prefix="u")
    opened = opening.Opened()
    endpoint = f"tcp:127.0.0.1:{port.getHost().port}"
    await within(
        Deferred.fromCoroutine(opening.open_connections(reactor, opened, plan, plan.user_names, "", endpoint)),
        "five connections",
    )
    hosts = [server.users.address_of(name)[0] for name in plan.user_names]
    assert hosts == ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.3"]
    await opened.close(reactor)
    await server.close()


@pytest_twisted.ensureDeferred
async def test_refused_log_ons_are_code_1_and_no_connection_is_code_3(
    children: list[Child], start: Start, free_port: int
) -> None:
    daemon = await start().ready()
    [refused] = await finished(children, "bench", f"127.0.0.1:{daemon.port}", code=1, password="wrong")
    assert refused["error"] == "LogonFailed"
    [absent] = await finished(children, "bench", f"127.0.0.1:{free_port}", code=3)
    assert absent["error"] == "ConnectionFailed"


@pytest_twisted.ensureDeferred
async def test_handlers_are_measured_alone(children: list[Child]) -> None:
    in_threads = await bench(children, "--handlers", ECHO, "--callers", "20", "--query")
    assert (in_threads["in"], in_threads["errors"]) == ("threads", {})
    assert in_threads["rate"] > 1000
    in_reactor = await bench(children, "--handlers", ECHO, "--callers", "500", "--run-in", "reactor")
    assert (in_reactor["in"], in_reactor["callers"]) == ("the reactor", 500)
    assert in_reactor["per_second"][0] > 1000


@pytest_twisted.ensureDeferred
async def test_ctrl_c_ends_early_reports_and_leaves_no_server_behind(children: list[Child]) -> None:
    child = Child([*COMMAND, "bench", "--seconds", "600"], terminal=True)
    children.append(child)
    await child.shows(r"\d s: [\d,]+ a second")
    servers = [
        int(word) for file in Path(f"/proc/{child.pid}/task").glob("*/children") for word in file.read_text().split()
    ]
    assert len(servers) == 1
    assert await child.end(signal.SIGINT) == 128 + signal.SIGINT
    assert "(interrupted)" in child.shown
    assert "messages a second" in child.shown
    with pytest.raises(ProcessLookupError):
        os.kill(servers[0], 0)


@pytest_twisted.ensureDeferred
async def test_the_doctor_finds_this_machine_fit_and_a_running_server_no_fault(
    children: list[Child], start: Start, tmp_path: Path, free_port: int
) -> None:
    file = tmp_path / "es.toml"
    file.write_text(f'listen = ["tcp:{free_port}:interface=127.0.0.1"]\n')
    arguments = ("doctor", "--config", str(file), "--data", str(tmp_path / "data"))
    check = f"tcp port {free_port}"
    before = {finding["check"]: finding for finding in await finished(children, *arguments)}
    assert (before[check]["status"], before["reactor"]["status"]) == ("ok", "ok")
    daemon = await start(listen=f"tcp:{free_port}:interface=127.0.0.1").ready()
    after = {finding["check"]: finding for finding in await finished(children, *arguments)}
    assert after[check]["status"] == "ok"
    assert f"pid {daemon.pid}" in after[check]["text"]


@pytest_twisted.ensureDeferred
async def test_the_doctor_s_exit_code_says_that_something_fails(children: list[Child], tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text('listen = ["ssl:1:privateKey=none.pem"]\n')
    findings = await finished(children, "doctor", "--config", str(file), "--data", str(tmp_path / "data"), code=1)
    [failed] = [finding for finding in findings if finding["status"] == "fail"]
    assert failed["check"] == "endpoint"
    assert failed["mend"]
