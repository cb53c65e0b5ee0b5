"""A server's figures for Prometheus are those of the engine at the moment of the fetch."""

from __future__ import annotations

from typing import Any

from esframework import HandlerMode, ServerEngine, ServerOptions
from esframework.testing import MemoryNetwork, simulated
from esframework.web.collector import registry_of


class Handler:
    """Raises for type 13."""

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        if information_type == 13:
            raise ValueError("an unlucky number")

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        return content


def figures(server: ServerEngine) -> dict[Any, float]:
    """Every sample: its name without the prefix, or (name, label values...)."""
    found: dict[Any, float] = {}
    for metric in registry_of(server).collect():
        for sample in metric.samples:
            name = sample.name.removeprefix("esframework_")
            found[(name, *sample.labels.values()) if sample.labels else name] = sample.value
    return found


@simulated
async def test_people_and_traffic_are_counted(network: MemoryNetwork) -> None:
    server = network.server(handler=Handler())
    assert figures(server)["users_online"] == 0
    alice = await network.client("alice")
    network.stranger()
    await alice.custom.query(None, 1, b"")
    now = figures(server)
    assert (now["users_online"], now["connections"], now["open_requests"]) == (1, 2, 0)
    assert now["frames_received_total"] == server.frames_received > 0

    asked = server.custom.query("alice", 1, b"")
    assert figures(server)["open_requests"] == 1
    asked.addErrback(lambda failure: None)
    await alice.close()
    assert figures(server)["users_online"] == 0


@simulated
async def test_what_delivery_holds_is_shown(network: MemoryNetwork) -> None:
    server = network.server()
    alice, bob = await network.client("alice"), await network.client("bob")
    network.cut(bob)
    alice.delivery.send("bob", 1, b"twelve bytes").addErrback(lambda failure: None)
    network.settle()
    now = figures(server)
    assert [now[f"delivery_{name}"] for name in ("messages", "bytes", "mailboxes")] == [1, 12, 2]


@simulated
async def test_what_nobody_handles_is_shown(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    alice.custom.post(None, 1, b"to nobody")
    network.settle()
    assert figures(server)["unhandled_total"] == 1


@simulated
async def test_refusals_are_told_apart_by_reason(network: MemoryNetwork) -> None:
    server = network.server()
    server.refusals.add("unknown_type")
    server.refusals.add("unknown_type")
    server.refusals.add("log_on_timeout")
    now = figures(server)
    assert (now["refusals_total", "unknown_type"], now["refusals_total", "log_on_timeout"]) == (2, 1)


@simulated
async def test_the_slow_client_is_named_with_its_waiting_bytes(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(write_timeout=0))
    slow, quick = await network.client("slow"), await network.client("quick")
    network.stop_reading(slow)
    for _ in range(100):
        server.custom.post("slow", 1, bytes(16 * 1024))
        server.custom.post("quick", 1, b"small")
    network.settle()
    now = figures(server)
    ((user_id, waiting),) = server.users.slow_clients()
    assert user_id == "slow" and waiting > 1024 * 1024
    assert now["slow_client_bytes", "slow"] == now["outgoing_bytes"] == waiting
    assert ("slow_client_bytes", "quick") not in now
    assert now["busy_connections"] == 1
    network.go_on_reading(slow)
    assert figures(server)["outgoing_bytes"] == 0
    assert quick.connected


@simulated
async def test_handlers_are_counted_by_type_and_style_when_diagnostics_are_on(network: MemoryNetwork) -> None:
    server = network.server(handler=Handler(), options=ServerOptions(diagnostics=True))
    alice = await network.client("alice")
    await alice.custom.query(None, 7, b"")
    await alice.custom.send_acked(None, 13, b"")
    now = figures(server)
    assert now["handler_failures_total"] == 1
    assert (now["handled_total", "7", "query"], now["handled_failures_total", "7", "query"]) == (1, 0)
    assert (now["handled_total", "13", "acked"], now["handled_failures_total", "13", "acked"]) == (1, 1)
    network.failures.take(ValueError)


@simulated
async def test_without_diagnostics_and_workers_there_are_no_figures_of_them(network: MemoryNetwork) -> None:
    server = network.server(handler=Handler())
    alice = await network.client("alice")
    await alice.custom.query(None, 7, b"")
    names = {key if isinstance(key, str) else key[0] for key in figures(server)}
    assert "handled_total" not in names and "task_queue_waiting" not in names


@simulated
async def test_the_task_queue_and_the_process_are_shown(network: MemoryNetwork) -> None:
    options = ServerOptions(handler_mode=HandlerMode.TASK_QUEUE, worker_threads=3)
    server = network.server(handler=Handler(), options=options)
    alice = await network.client("alice")
    await alice.custom.query(None, 7, b"")
    now = figures(server)
    assert (now["task_queue_threads"], now["task_queue_highest"], now["task_queue_waiting"]) == (3, 1, 0)
    assert now["reactor_blocked_total"] == 0
    assert now["process_cpu_seconds_total"] > 0
