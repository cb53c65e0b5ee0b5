"""Handlers that raise, never answer, or block, in a server of its own process and both handler models."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from esframework.errors import ConnectionInterrupted, HandlerRaised
from tests.integration.support import Child, Conversation, logged_on, reactor, until, within

pytestmark = pytest.mark.integration
PROGRAM = str(Path(__file__).with_name("embedded_server.py"))
RAISES, NEVER_ANSWERS, BLOCKS, ASKS_BACK, ECHOES = 1, 2, 3, 4, 5
MODELS = pytest.mark.parametrize("model", ["direct", "task_queue"])


class Served:
    """A server that runs, where it is, and a client that asks it."""

    def __init__(self, program: Child, endpoint: str, client: Any) -> None:
        self.program, self.endpoint, self.client = program, endpoint, client


@pytest_twisted.async_yield_fixture()
async def serve(children: list[Child]) -> AsyncIterator[Callable[[str], Any]]:
    """Starts the server, and logs a client on."""
    clients = []

    async def serving(model: str) -> Served:
        program = Child([PROGRAM, model])
        children.append(program)
        port = (await program.shows(r"clients are served at .*:(\d+)$"))[1]
        endpoint = f"tcp:127.0.0.1:{port}"
        clients.append(await logged_on("asker", endpoint, auto_reconnect=False))
        return Served(program, endpoint, clients[-1])

    yield serving
    for client in clients:
        await client.close()


@MODELS
@pytest_twisted.ensureDeferred
async def test_a_handler_that_raises_fails_its_query_only_and_keeps_its_secrets(serve: Any, model: str) -> None:
    served = await serve(model)
    with pytest.raises(HandlerRaised) as failed:
        await served.client.custom.query(None, RAISES, b"")
    assert "secret" not in str(failed.value)
    await served.client.custom.send(None, RAISES, b"")
    await served.program.shows("the handler of .* 1 failed", times=2)
    assert await served.client.custom.query(None, ECHOES, b"on") == b"on"


@pytest_twisted.ensureDeferred
async def test_a_handler_that_never_answers_ends_its_own_connection_only(serve: Any) -> None:
    served = await serve("direct")
    talk = await Conversation.begun(served.endpoint)
    with pytest.raises(ConnectionInterrupted):
        await within(served.client.custom.query(None, NEVER_ANSWERS, b""), "the end of the connection")
    await served.program.shows("has not finished after 2.0 s; its connection is ended")
    await served.program.shows("asker logged off: HANDLER_TIMEOUT")
    await talk.goes_on()
    await talk.end()


@pytest_twisted.ensureDeferred
async def test_nobody_notices_a_handler_that_blocks_its_worker(serve: Any) -> None:
    served = await serve("task_queue")
    blocked = [served.client.custom.query(None, BLOCKS, b"") for _ in range(10)]
    talk = await Conversation.begun(served.endpoint)
    began = reactor.seconds()
    assert await served.client.custom.query(None, ECHOES, b"quick") == b"quick"
    await talk.goes_on()
    assert reactor.seconds() - began < 1.5
    assert not any(answer.called for answer in blocked)
    for answer in blocked:
        await within(answer, "the end of a block")
    await talk.end()
    assert "held up" not in served.program.shown


@pytest_twisted.ensureDeferred
async def test_the_watchdog_names_a_handler_that_blocks_the_reactor(serve: Any) -> None:
    served = await serve("direct")
    tasks = f"/proc/{served.program.pid}/task"
    await until(lambda: len(os.listdir(tasks)) > 1, "the watchdog's thread")
    answer = served.client.custom.query(None, BLOCKS, b"late")
    match = await served.program.shows(r"the reactor has been held up .* by (.*)$")
    assert "Misbehaving.handle_query" in match[1]
    assert "embedded_server.py" in match[1]
    await served.program.shows("in block_for_two_seconds")
    assert await within(answer, "the answer after the block") == b"late"


@MODELS
@pytest_twisted.ensureDeferred
async def test_a_handler_may_query_the_client_that_asked(serve: Any, model: str) -> None:
    served = await serve(model)
    assert await within(served.client.custom.query(None, ASKS_BACK, b"echo"), "the answer") == b"echo"
