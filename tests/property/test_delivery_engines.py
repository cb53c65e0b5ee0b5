"""The law of delivery with real engines on a simulated network: cuts at any byte, delays, restarts of clients."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from esframework import ClientEngine, ClientOptions, Delivered, Level
from esframework.testing import Conditions, MemoryNetwork

QUICK = ClientOptions(generation=7, reconnect_first_delay=0.1, reconnect_longest_delay=1.0)


class Process:
    """One life of one of bob's programs: what its handler got, some of it handled only after a while."""

    def __init__(self, network: MemoryNetwork, device: str, random: Random, story: list[tuple[str, bool]]) -> None:
        self.network = network
        self.random = random
        self.story = story
        self.got: list[Delivered] = []
        self.handled: set[str] = set()
        self.known_before = {id for id, _ in story}
        self.client = network.new_client(self, options=QUICK)
        self.is_over = False
        self._begin(device)

    def _begin(self, device: str) -> None:
        # A first log-on that fails is not tried again by itself.
        if not self.is_over:
            trying = self.client.log_on(device, "", self.network.endpoint_of(self.client))
            trying.addErrback(lambda _: self.network.reactor.callLater(0.2, self._begin, device))

    def end(self) -> None:
        """The program ends."""
        self.is_over = True
        self.network.run(self.client.close())

    def handle_delivery(self, message: Delivered) -> Any:
        assert message.id not in [old.id for old in self.got], "twice to one process"
        assert message.redelivered or message.id not in self.known_before, "given before, and not marked"
        sequence = int(message.id.rpartition("-")[2])
        assert all(int(old.id.rpartition("-")[2]) < sequence for old in self.got), "out of order"
        self.got.append(message)
        self.story.append((message.id, message.redelivered))
        if self.random.random() < 0.7:
            self.handled.add(message.id)
            return None
        later: Deferred[None] = Deferred()
        self.network.reactor.callLater(self.random.random(), self._finish, later, message.id)
        return later

    def _finish(self, later: Deferred[None], id: str) -> None:
        self.handled.add(id)
        if not later.called:
            later.callback(None)


def cut(network: MemoryNetwork, client: ClientEngine) -> None:
    """Cut a client's connection, if it has one."""
    if network.endpoint_of(client).connections:
        network.connection_of(client).cut()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(devices=st.sampled_from([("2#bob",), ("2#bob", "4#bob")]), seed=st.integers(0, 2**32))
def test_what_was_sent_arrives_once_and_in_order_whatever_happens(devices: tuple[str, ...], seed: int) -> None:
    random = Random(seed)
    network = MemoryNetwork(seed, Conditions(delay=(0.0, 0.2), chunk=random.choice([None, 7, 300])))
    network.server()
    alice = network.run(network.client("alice", options=QUICK))
    story: list[tuple[str, bool]] = []
    processes = {device: Process(network, device, random, story) for device in devices}
    everyone = list(processes.values())
    outcomes: list[Any] = []
    network.advance(3)
    for _ in range(60):
        match random.choice(["send", "send", "send", "wait", "cut alice", "cut bob", "restart bob"]):
            case "send":
                for _ in range(random.randrange(1, 6)):
                    receipt = alice.delivery.send("bob", 1, b"content", until=Level.RECEIVER_HANDLED_IT)
                    receipt.addBoth(outcomes.append)
            case "wait":
                network.advance(random.random() * 2)
            case "cut alice":
                cut(network, alice)
            case "cut bob":
                cut(network, processes[random.choice(devices)].client)
            case "restart bob":
                device = random.choice(devices)
                processes[device].end()
                processes[device] = Process(network, device, random, story)
                everyone.append(processes[device])
        network.advance(random.random() * 0.1)
    network.advance(60)
    assert alice.delivery.waiting == 0
    handled = set.union(*(process.handled for process in everyone))
    assert {getattr(outcome, "id", outcome) for outcome in outcomes} <= handled
    network.close()
