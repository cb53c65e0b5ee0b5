"""Whole engines that lose their channels and their server: nothing comes twice, nothing overtakes anything, and lost is
at most what had gone by the server."""

from __future__ import annotations

import re
from random import Random
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from esframework import ClientOptions
from esframework.client.stream import ClientStream
from esframework.errors import NotLoggedOn
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.testing import Conditions, DatagramConditions, MemoryNetwork

HOSTS = {"alice": "10.0.0.1", "bob": "10.0.0.2"}
NUMBER = re.compile(rb"<(\d+)>")


class Slow:
    """A handler that takes its time now and then; notes what it is given, at once."""

    def __init__(self, random: Random, clock: Any) -> None:
        self.random = random
        self.clock = clock
        self.got: list[int] = []

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Any:
        self.got += [int(number) for number in NUMBER.findall(content or b"")]
        if self.random.random() < 0.9:
            return None
        taken: Deferred[None] = deferLater(self.clock, self.random.uniform(0, 0.5), lambda: None)
        return taken

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        return content


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_lost_connections_double_nothing_and_disorder_nothing(seed: int) -> None:
    random = Random(seed)
    network = MemoryNetwork(
        seed=seed,
        conditions=Conditions(delay=random.choice((0.0, 0.02, 0.2))),
        datagrams=DatagramConditions(delay=(0.001, 0.02), loss=random.choice((0.0, 0.05))),
    )
    network.server()
    options = ClientOptions(p2p=ClientP2POptions(server="10.9.9.9:1", map_ports=False))
    handlers = {name: Slow(random, network.reactor) for name in HOSTS}
    clients = {
        name: network.run(network.client(name, handler=handlers[name], options=options, host=host))
        for name, host in HOSTS.items()
    }
    sent: dict[str, list[int]] = {name: [] for name in HOSTS}
    by_server: dict[str, set[int]] = {name: set() for name in HOSTS}
    plain_send = ClientStream.send

    def send(stream: ClientStream, message_type: int, body: bytes, *more: Any) -> None:
        destination = more[1] if len(more) > 1 else None
        if destination in by_server:
            by_server[destination].update(int(number) for number in NUMBER.findall(bytes(body)))
        plain_send(stream, message_type, body, *more)

    def post() -> None:
        name = random.choice(list(HOSTS))
        other = "bob" if name == "alice" else "alice"
        for _ in range(random.randrange(1, 20)):
            number = len(sent[other])
            try:
                clients[name].custom.post(other, 1, b"<%d>" % number)
            except NotLoggedOn:
                return
            sent[other].append(number)

    def connect() -> None:
        if clients["alice"].connected:
            clients["alice"].p2p.connect("bob").addErrback(lambda _: None)

    def kill() -> None:
        for state in clients["alice"].p2p.channel_states():
            for channel in tuple(clients["alice"].p2p._links.find(state).channels):
                channel.abort()

    def keep_apart() -> None:
        network.datagrams.keep_apart(*HOSTS.values(), random.random() < 0.4)

    def cut() -> None:
        clients[random.choice(list(HOSTS))].close_connection(random.random() < 0.5)

    def vanish() -> None:
        """Another network: the channel and the server are lost at once."""
        network.datagrams.keep_apart(*HOSTS.values(), True)
        cut()

    def go_down() -> None:
        """The server is away for a while."""
        network.go_down()
        network.advance(random.choice((1.0, 20.0)))
        network.come_up()

    with patch.object(ClientStream, "send", send):
        for _ in range(40):
            random.choices((post, connect, kill, keep_apart, cut, vanish, go_down), (10, 3, 1, 1, 1, 1, 1))[0]()
            network.advance(random.choice((0.0, 0.01, 0.3, 2.0, 6.0)))
        network.datagrams.keep_apart(*HOSTS.values(), False)
        network.advance(120)
    for name in HOSTS:
        got = handlers[name].got
        assert len(set(got)) == len(got), "nothing comes twice"
        assert got == sorted(got), "nothing overtakes anything"
        assert set(sent[name]) - set(got) <= by_server[name], "what never went by the server is not lost"
    for client in clients.values():
        network.run(client.close())
    network.advance(1)
    network.close()
