"""A whole stress test against a real server engine, on a network in memory and in virtual time.

What is sent, delivered, answered and lost is known exactly there, and so is every latency.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from esframework import ServerOptions
from esframework.cli.benching.asking import NO_ANSWER
from esframework.cli.benching.handlers import Work
from esframework.cli.benching.progress import Progress
from esframework.cli.benching.report import Report
from esframework.cli.benching.running import Target, run_bench, run_handlers
from esframework.cli.benching.schemes import Plan, make_plan
from esframework.cli.benching.server import CountingHandler
from esframework.errors import LogonFailed
from esframework.testing import MemoryNetwork, simulated

DELAY = 0.01


def plan(mode: Any, **options: Any) -> Plan:
    return make_plan(mode, **{"seconds": 2.0, "user_prefix": "u", **options})


def start(network: MemoryNetwork, made: Plan, password: str = "") -> Deferred[Report]:
    target = Target(network.client_endpoint(), password)
    return Deferred.fromCoroutine(run_bench(network.reactor, made, target, Progress(io.StringIO())))


async def bench(network: MemoryNetwork, mode: Any, **options: Any) -> Report:
    return await start(network, plan(mode, **options))


@simulated
async def test_a_flood_at_an_interval_sends_one_message_of_each_connection_an_interval(network: MemoryNetwork) -> None:
    handler = CountingHandler()
    network.server(handler)
    network.conditions.delay = DELAY
    report = await bench(network, "flood", connections=10, interval=0.1)
    assert handler.handled == report.sent == report.total
    assert report.sent == pytest.approx(200, abs=10)
    assert report.received is None
    assert (dict(report.errors), report.skipped) == ({}, 0)


@simulated
async def test_a_flood_flat_out_ends_when_the_server_has_worked_everything_off(network: MemoryNetwork) -> None:
    handler = CountingHandler()
    network.server(handler)
    network.conditions.delay = DELAY
    report = await bench(network, "flood", connections=2, seconds=0.2)
    assert handler.handled == report.sent > 10_000
    assert report.seconds > 0.2 + DELAY
    assert report.rate == report.sent / report.seconds


@simulated
async def test_the_latency_of_a_flood_is_that_of_pings(network: MemoryNetwork) -> None:
    network.server(CountingHandler())
    network.conditions.delay = DELAY
    report = await bench(network, "flood", connections=2, interval=0.5)
    assert report.latency is not None
    assert report.latency.p50 == pytest.approx(2 * DELAY, rel=0.02)
    assert report.latency.count == pytest.approx(40, abs=2)


@simulated
async def test_relayed_messages_are_counted_where_they_arrive(network: MemoryNetwork) -> None:
    network.server()
    network.conditions.delay = DELAY
    report = await bench(network, "relay", pairs=3, outstanding=5)
    assert report.sent == report.received == report.total == pytest.approx(3 * 5 * 2.0 / (2 * DELAY), rel=0.05)
    assert report.latency is not None
    assert report.latency.max == pytest.approx(2 * DELAY)
    assert report.per_second[0] == pytest.approx(report.total / 2, rel=0.05)


@simulated
async def test_a_relay_at_an_interval_holds_back_what_is_too_much(network: MemoryNetwork) -> None:
    network.server()
    network.conditions.delay = 0.3
    report = await bench(network, "relay", pairs=1, interval=0.1, seconds=3.0)
    assert report.sent == report.received == pytest.approx(5, abs=1)
    assert report.skipped > 10


@simulated
async def test_a_lost_pair_is_an_error_and_the_others_go_on(network: MemoryNetwork) -> None:
    server = network.server()
    network.conditions.delay = DELAY
    running = start(network, plan("relay", pairs=2))
    await deferLater(network.reactor, 1.0)
    server.basic.kick_out("u0")
    report = await running
    assert report.errors["connection lost"] == 1
    assert report.received is not None
    assert 150 <= report.received + 50 <= 210


@simulated
async def test_questions_are_answered_by_the_server_s_handler(network: MemoryNetwork) -> None:
    handler = CountingHandler()
    network.server(handler)
    network.conditions.delay = DELAY
    report = await bench(network, "query", outstanding=4)
    assert handler.handled == report.sent == report.received
    assert report.received == pytest.approx(4 * 2.0 / (2 * DELAY), rel=0.05)
    assert report.latency is not None
    assert report.latency.max == pytest.approx(2 * DELAY)


@simulated
async def test_questions_in_pairs_are_answered_by_the_other_client(network: MemoryNetwork) -> None:
    network.server()
    network.conditions.delay = DELAY
    report = await bench(network, "query", pairs=2, outstanding=1)
    assert report.received == pytest.approx(2 * 2.0 / (4 * DELAY), rel=0.05)
    assert dict(report.errors) == {}


@simulated
async def test_questions_that_nobody_answers_are_errors_by_name(network: MemoryNetwork) -> None:
    network.server(handler=None)
    network.conditions.delay = DELAY
    report = await bench(network, "query", outstanding=1)
    assert report.total == 0
    assert dict(report.errors) == {NO_ANSWER: report.sent}


@simulated
async def test_both_generations_can_be_spoken(network: MemoryNetwork) -> None:
    handler = CountingHandler()
    network.server(handler)
    network.conditions.delay = DELAY
    assert (await bench(network, "flood", connections=2, interval=0.5, generation=7)).sent == handler.handled > 4
    assert (await bench(network, "relay", pairs=1, generation=7)).total > 50
    assert (await bench(network, "query", outstanding=1, generation=7)).total > 50


@simulated
async def test_connections_that_only_receive_are_not_taken_for_dead(network: MemoryNetwork) -> None:
    network.server(options=ServerOptions(heartbeat_timeout=30.0))
    network.conditions.delay = DELAY
    report = await bench(network, "relay", pairs=1, interval=5.0, seconds=100.0)
    assert dict(report.errors) == {}
    assert report.total == 20


@simulated
async def test_some_that_cannot_come_in_do_not_end_the_test(network: MemoryNetwork) -> None:
    class OnlyEvenNames:
        def verify(self, request: Any) -> bool | str:
            return int(request.user_id[1:]) % 2 == 0 or "odd names stay out"

    network.server(CountingHandler(), OnlyEvenNames())
    network.conditions.delay = DELAY
    report = await bench(network, "flood", connections=9, interval=0.1)
    assert dict(report.errors) == {"log-on refused: odd names stay out (first: u1)": 5}
    assert report.sent == pytest.approx(80, abs=10)


@simulated
async def test_nobody_coming_in_is_the_first_one_s_failure(network: MemoryNetwork) -> None:
    class Nobody:
        def verify(self, request: Any) -> str:
            return f"not with {request.password}"

    network.server(None, Nobody())
    with pytest.raises(LogonFailed, match="not with secret"):
        await start(network, plan("flood", connections=3), "secret")


@simulated
async def test_an_interrupted_test_ends_at_once_and_reports(network: MemoryNetwork) -> None:
    network.server()
    network.conditions.delay = DELAY
    running = start(network, plan("relay", pairs=1, seconds=1000.0))
    await deferLater(network.reactor, 3.0)
    running.cancel()
    report = await running
    assert report.interrupted
    assert report.seconds == pytest.approx(3.0, abs=0.1)
    assert report.total == pytest.approx(150, rel=0.05)


@simulated
async def test_a_server_that_goes_away_ends_nothing_but_its_connections(network: MemoryNetwork) -> None:
    network.server()
    network.conditions.delay = DELAY
    running = start(network, plan("flood", connections=3, interval=0.1))
    await deferLater(network.reactor, 1.0)
    network.go_down()
    report = await running
    assert report.errors["connection lost"] == 3
    assert 0 < report.sent < 40


@simulated
async def test_coroutine_handlers_are_called_by_so_many_at_once(network: MemoryNetwork) -> None:
    at_once: list[int] = [0, 0]

    async def handle(source: str | None, information_type: int, content: bytes | None) -> None:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await deferLater(network.reactor, 0.05)
        at_once[0] -= 1

    work = Work(handle, 1, bytes(16), callers=20, seconds=2.0)
    report = await run_handlers(network.reactor, work, {}, Progress(io.StringIO()))
    assert at_once == [0, 20]
    assert report.total == pytest.approx(20 * 2.0 / 0.05, abs=20)
    assert report.per_second[0] == pytest.approx(400, abs=20)
    assert report.latency is not None
    assert report.latency.p50 == pytest.approx(0.05, rel=0.02)
    assert report.settings["in"] == "the reactor"
