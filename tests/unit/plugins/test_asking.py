"""Asking: whom a request is for, who may answer it, and servers that serve it not."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.errors import NotDelivered, RequestTimeout
from esframework.interfaces import IManager, Registrations
from esframework.managers.basic.manager import BasicManager
from esframework.plugins.asking import Asking, from_server
from esframework.testing import MemoryNetwork, simulated

QUESTION, ANSWER, NEWS = 10_001, 10_002, 10_003


class Oracle(Asking):
    """A client half that asks its server."""

    _feature = "oracle"

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.news: list[bytes] = []

    def asks(self, body: bytes, **how: Any) -> Any:
        return self._ask(QUESTION, body, **how)

    def asks_ours(self, body: bytes) -> Any:
        return self._ask_ours(QUESTION, body)


@implementer(IPlugin, IManager)
class OracleManager:
    """Answers with the question in capitals; tells news to everybody who is asked for."""

    name = "oracle"
    requires = ("basic",)

    def server_half(self, server: Any) -> Registrations:
        def answer(sender: Any, message_id: int, body: bytes) -> None:
            sender.reply(ANSWER if body.startswith(b"other") else QUESTION, body.upper(), message_id)

        return Registrations(facade=None, handlers={QUESTION: answer}, relayable=frozenset({NEWS}))

    def client_half(self, client: Any) -> Registrations:
        oracle = Oracle(client)
        handlers = {**oracle._answerers([QUESTION, ANSWER]), NEWS: from_server(oracle.news.append)}
        return Registrations(facade=oracle, handlers=handlers, relayable=frozenset({NEWS}))


MANAGERS = (BasicManager(), OracleManager())


@simulated
async def test_an_answer_comes_by_its_own_type_or_by_the_one_that_is_named(network: MemoryNetwork) -> None:
    network.server(managers=MANAGERS)
    client = await network.client("alice", managers=MANAGERS)
    assert await client.oracle.asks(b"why") == b"WHY"
    assert await client.oracle.asks(b"other", answer=ANSWER) == b"OTHER"
    assert await client.oracle.asks_ours(b"why") == b"WHY"


@simulated
async def test_what_is_never_answered_times_out(network: MemoryNetwork) -> None:
    network.server(managers=MANAGERS)
    client = await network.client("alice", managers=MANAGERS)
    with pytest.raises(RequestTimeout):
        await client.oracle.asks(b"other", timeout=3.0)


@simulated
async def test_a_server_that_does_not_serve_it_is_not_asked(network: MemoryNetwork) -> None:
    server = network.server(managers=(BasicManager(),))
    client = await network.client("alice", managers=MANAGERS)
    with pytest.raises(NotDelivered, match="does not serve .oracle."):
        await client.oracle.asks_ours(b"why")
    assert server.refusals.counts["unknown_type"] == 0


@simulated
async def test_what_only_the_server_may_tell_is_not_believed_of_others(network: MemoryNetwork) -> None:
    server = network.server(managers=MANAGERS)
    alice, bob = [await network.client(name, managers=MANAGERS) for name in ("alice", "bob")]
    bob.channel("alice").send(NEWS, b"forged", 0, "alice")
    network.settle()
    assert alice.oracle.news == []
    server.users.find_all("alice")[0].send(NEWS, b"true")
    network.settle()
    assert alice.oracle.news == [b"true"]
