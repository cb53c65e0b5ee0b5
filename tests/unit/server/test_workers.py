"""The task-queue handler model, with real threads and a reactor whose time stands still."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, get_ident
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from esframework import HandlerMode, ServerOptions, limits
from esframework.errors import HandlerRaised
from esframework.interfaces import IHandlerModel
from esframework.server.workers import TaskQueueModel
from esframework.testing import MemoryNetwork, VirtualReactor, simulated
from tests.peers import FramePeer, Recorder

TASK_QUEUE = ServerOptions(handler_mode=HandlerMode.TASK_QUEUE, worker_threads=2)


class Gatekept:
    """A handler whose threads wait until the test opens the gate."""

    def __init__(self) -> None:
        self.gate = Event()
        self.threads: set[int] = set()
        self.done: list[int] = []

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        self.threads.add(get_ident())
        assert self.gate.wait(10)
        self.done.append(information_type)

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        return content


def until(network: MemoryNetwork, condition: Callable[[], bool]) -> None:
    """Run what threads ask for until something is so."""
    network.settle()
    while not condition():
        assert network.reactor.wait_for_thread(10), "no thread does anything any more"
        network.settle()


def test_it_is_a_handler_model() -> None:
    assert verifyObject(IHandlerModel, TaskQueueModel(VirtualReactor()))


@simulated
async def test_plain_functions_run_in_other_threads_and_queries_are_answered(network: MemoryNetwork) -> None:
    threads: list[int] = []

    class Handler(Recorder):
        def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
            threads.append(get_ident())
            return b"from a thread"

    network.server(Handler(), options=TASK_QUEUE)
    alice = await network.client("alice")
    assert await alice.custom.query(None, 1, b"") == b"from a thread"
    assert threads != [get_ident()]


@simulated
async def test_a_handler_that_raises_fails_its_query(network: MemoryNetwork) -> None:
    server = network.server(Recorder(lambda _: 1 / 0), options=TASK_QUEUE)
    alice = await network.client("alice")
    with pytest.raises(HandlerRaised):
        await alice.custom.query(None, 1, b"")
    assert server.model.failures == 1
    assert len(network.failures.take(ZeroDivisionError)) == 1


@simulated
async def test_a_coroutine_is_awaited_in_the_reactor(network: MemoryNetwork) -> None:
    class Handler(Recorder):
        async def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
            await deferLater(network.reactor, 5, lambda: None)
            return b"later"

    network.server(Handler(), options=TASK_QUEUE)
    alice = await network.client("alice")
    assert await alice.custom.query(None, 1, b"") == b"later"


@simulated
async def test_a_handler_may_call_the_engine_from_its_thread_and_gets_the_plain_result(network: MemoryNetwork) -> None:
    class Handler(Recorder):
        def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> Any:
            assert server.custom.post(source, 1, b"posted from a thread") is True
            return server.custom.query(source, 2, content)

    server = network.server(Handler(), options=TASK_QUEUE)
    at_alice = Recorder(lambda content: (content or b"").upper())
    alice = await network.client("alice", handler=at_alice)
    assert await alice.custom.query(None, 1, b"echo") == b"ECHO"
    assert at_alice.contents == [b"posted from a thread"]


@simulated
async def test_a_blocked_handler_disturbs_nobody_else(network: MemoryNetwork) -> None:
    handler = Gatekept()
    server = network.server(handler, options=TASK_QUEUE)
    alice = await network.client("alice")
    bob = await network.client("bob")
    await alice.custom.send(None, 1, b"")
    until(network, lambda: server.task_queue.working == 1)
    assert await bob.custom.query(None, 2, b"meanwhile") == b"meanwhile"
    assert handler.done == []
    handler.gate.set()
    until(network, lambda: server.task_queue.working == 0)


@simulated
async def test_the_queues_length_now_and_highest_are_shown(network: MemoryNetwork) -> None:
    handler = Gatekept()
    server = network.server(handler, options=TASK_QUEUE)
    alice = FramePeer(network, "alice").online()
    for _ in range(7):
        alice.send(202, bytes.fromhex("08000000 00000000 01000000"))
    until(network, lambda: server.task_queue.working == 2)
    assert (server.task_queue.waiting, server.task_queue.threads) == (5, 2)
    handler.gate.set()
    until(network, lambda: len(handler.done) == 7 and server.task_queue.working == 0)
    assert (server.task_queue.waiting, server.task_queue.working) == (0, 0)
    assert 5 <= server.task_queue.highest <= 7
    assert len(handler.threads) <= 2


@simulated
async def test_reading_pauses_when_the_queue_is_full_and_goes_on_below_half(network: MemoryNetwork) -> None:
    handler = Gatekept()
    options = ServerOptions(handler_mode=HandlerMode.TASK_QUEUE, worker_threads=1, task_queue_length=6)
    server = network.server(handler, options=options)
    alice = FramePeer(network, "alice").online()
    (connection,) = server.factory.connections
    for _ in range(12):
        alice.send(202, bytes.fromhex("08000000 00000000 01000000"))
    assert connection.reading_is_paused
    handler.gate.set()
    until(network, lambda: len(handler.done) == 12 and server.task_queue.working == 0)
    assert not connection.reading_is_paused


@simulated
async def test_reading_pauses_when_bytes_wait_and_goes_on_below_half(network: MemoryNetwork) -> None:
    handler = Gatekept()
    server = network.server(handler, options=TASK_QUEUE)
    server.model._most_bytes = 100_000
    alice = FramePeer(network, "alice").online()
    (connection,) = server.factory.connections
    alice.say("_0", 1, bytes(99_999))
    assert not connection.reading_is_paused
    for information_type in (2, 3):
        alice.say("_0", information_type, b"x")
    assert connection.reading_is_paused
    assert server.task_queue.waiting + server.task_queue.working == 2
    handler.gate.set()
    until(network, lambda: len(handler.done) == 3 and server.task_queue.working == 0)
    assert not connection.reading_is_paused
    assert server.model._bytes == 0


def test_the_bytes_that_may_wait_are_bounded_by_default() -> None:
    assert TaskQueueModel(VirtualReactor())._most_bytes == limits.TASK_QUEUE_BYTES


class Awaiting(Recorder):
    """Its handlers return at once, with something that is open until the test fires it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Deferred[None]] = []

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Deferred[None]:
        self.open.append(Deferred())
        return self.open[-1]


@simulated
async def test_what_is_open_in_the_reactor_is_at_work_and_holds_up_reading(network: MemoryNetwork) -> None:
    handler = Awaiting()
    options = ServerOptions(handler_mode=HandlerMode.TASK_QUEUE, worker_threads=2, task_queue_length=4)
    server = network.server(handler, options=options)
    alice = FramePeer(network, "alice").online()
    (connection,) = server.factory.connections
    for number in range(1, 5):
        alice.say("_0", number)
        until(network, lambda number=number: server.model._open == number)  # type: ignore[misc]
    assert (server.task_queue.waiting, server.task_queue.working) == (0, 4)
    assert connection.reading_is_paused
    alice.say("_0", 5)
    for opened in handler.open[:2]:
        opened.callback(None)
    assert not connection.reading_is_paused
    until(network, lambda: len(handler.open) == 5 and server.model._open == 3)
    for opened in handler.open[2:]:
        opened.callback(None)
    assert (server.task_queue.working, server.model._bytes) == (0, 0)


@simulated
async def test_closing_waits_for_a_stuck_handler_no_longer_than_its_grace(network: MemoryNetwork) -> None:
    handler = Gatekept()
    options = ServerOptions(handler_mode=HandlerMode.TASK_QUEUE, worker_threads=1)
    server = network.server(handler, options=options)
    alice = FramePeer(network, "alice").online()
    alice.say("_0", 42)
    alice.say("_0", 43)
    until(network, lambda: server.task_queue.working == 1)
    with capturedLogs() as logged:
        await server.close()
    (warning,) = [formatEvent(event) for event in logged if "closing goes on" in event.get("log_format", "")]
    assert warning == "closing goes on without 1 handlers of send 42: not finished after 5.0 s"
    await server.listen(network.server_endpoint())
    handler.gate.set()
    until(network, lambda: server.task_queue.waiting + server.task_queue.working == 0)
    assert handler.done == [42]


@simulated
async def test_closing_cancels_what_is_still_open_in_the_reactor_after_the_grace(network: MemoryNetwork) -> None:
    handler = Awaiting()
    server = network.server(handler, options=TASK_QUEUE)
    FramePeer(network, "alice").online().say("_0", 1)
    until(network, lambda: len(handler.open) == 1)
    closing = server.close()
    network.advance(4.9)
    assert not closing.called
    await closing
    assert handler.open[0].called
    assert server.task_queue.working == 0
    assert len(network.failures.take(CancelledError)) == 1


@simulated
async def test_a_handler_that_exits_its_thread_is_a_failure(network: MemoryNetwork) -> None:
    def leave(content: bytes | None) -> bytes:
        raise SystemExit

    server = network.server(Recorder(leave), options=TASK_QUEUE)
    alice = await network.client("alice")
    with pytest.raises(HandlerRaised):
        await alice.custom.query(None, 1, b"")
    assert server.task_queue.working == 0
    assert len(network.failures.take(SystemExit)) == 1


def test_a_reactor_that_stops_is_held_up_by_a_stuck_handler_no_longer_than_the_grace() -> None:
    class Stopping(VirtualReactor):
        def addSystemEventTrigger(
            self, phase: str, event_type: str, callable: Callable[..., Any], *args: object, **kwargs: object
        ) -> object:
            self.at_shutdown = callable
            return super().addSystemEventTrigger(phase, event_type, callable)

    class Sender:
        name, lane = "alice", None

    reactor, handler = Stopping(), Gatekept()
    model = TaskQueueModel(reactor, grace=0.01)
    model.start()
    model.run(Sender(), "send", 42, handler.handle_information, b"")
    assert reactor.wait_for_thread(10)
    threads = list(model._pool.threads)
    with capturedLogs() as logged:
        reactor.at_shutdown()
    assert ["closing goes on" in event["log_format"] for event in logged] == [True]
    assert [thread.daemon for thread in threads] == [True]
    handler.gate.set()


@simulated
async def test_closing_waits_for_handlers_that_run_drops_what_waits_and_can_begin_again(network: MemoryNetwork) -> None:
    handler = Gatekept()
    options = ServerOptions(handler_mode=HandlerMode.TASK_QUEUE, worker_threads=1)
    server = network.server(handler, options=options)
    alice = FramePeer(network, "alice").online()
    for _ in range(3):
        alice.send(202, bytes.fromhex("08000000 00000000 01000000"))
    until(network, lambda: server.task_queue.working == 1)
    closing = server.close()
    network.advance(1)
    assert not closing.called
    handler.gate.set()
    await closing
    assert len(handler.done) == 1
    await server.listen(network.server_endpoint())
    bob = await network.client("bob")
    assert await bob.custom.query(None, 1, b"again") == b"again"


@simulated
async def test_closing_does_not_wait_for_a_handler_that_waits_for_the_reactor(network: MemoryNetwork) -> None:
    results: list[str] = []

    class Handler(Recorder):
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
            try:
                server.custom.query(source, 1, b"")
            except Exception as error:
                results.append(type(error).__name__)
            # The reactor is closing, and must still make this call.
            server.custom.post(source, 1, b"")
            results.append("done")

    server = network.server(Handler(), options=TASK_QUEUE)
    alice = FramePeer(network, "alice").online()
    alice.send(202, bytes.fromhex("08000000 00000000 01000000"))
    until(network, lambda: len(server.calls) == 1)
    await server.close()
    assert results == ["ConnectionInterrupted", "done"]


@simulated
async def test_a_direct_server_has_no_task_queue(network: MemoryNetwork) -> None:
    assert network.server().task_queue is None
