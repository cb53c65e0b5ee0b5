"""Whole engines: whatever becomes of channels, and however slow handlers are, messages arrive once and in order."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from esframework import ClientOptions
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.testing import Conditions, DatagramConditions, MemoryNetwork

HOSTS = {"alice": "10.0.0.1", "bob": "10.0.0.2"}


class Slow:
    """A handler that takes its time now and then; notes what it was given, when it has handled it."""

    def __init__(self, random: Random, clock: Any) -> None:
        self.random = random
        self.clock = clock
        self.got: list[bytes | None] = []
        self.open = 0

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Any:
        assert self.open == 0, "one message after another"
        if self.random.random() < 0.8:
            self.got.append(content)
            return None
        self.open += 1
        taken: Deferred[None] = deferLater(self.clock, self.random.uniform(0, 0.5), self.note, content)
        return taken

    def note(self, content: bytes | None) -> None:
        self.open -= 1
        self.got.append(content)

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        return content


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_messages_arrive_once_and_in_order_whatever_becomes_of_channels(seed: int) -> None:
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
    sent: dict[str, list[bytes]] = {name: [] for name in HOSTS}

    def post() -> None:
        name = random.choice(list(HOSTS))
        other = "bob" if name == "alice" else "alice"
        for _ in range(random.randrange(1, 20)):
            content = b"%d" % len(sent[other])
            sent[other].append(content)
            clients[name].custom.post(other, 1, content)

    def connect() -> None:
        clients["alice"].p2p.connect("bob").addErrback(lambda _: None)

    def disconnect() -> None:
        clients[random.choice(list(HOSTS))].p2p.disconnect("bob")

    def kill() -> None:
        for state in clients["alice"].p2p.channel_states():
            link = clients["alice"].p2p._links.find(state)
            for channel in tuple(link.channels):
                channel.abort()

    def cut() -> None:
        network.datagrams.keep_apart(*HOSTS.values(), random.random() < 0.4)

    for _ in range(40):
        random.choices((post, connect, disconnect, kill, cut), (10, 3, 1, 1, 1))[0]()
        network.advance(random.choice((0.0, 0.01, 0.3, 2.0)))
    network.datagrams.keep_apart(*HOSTS.values(), False)
    network.advance(120)
    for name in HOSTS:
        assert handlers[name].got == sent[name]
    for client in clients.values():
        network.run(client.close())
    network.advance(1)
    network.close()
