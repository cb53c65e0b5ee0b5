"""Messages go to the handler one by one, and a device that is slow with them is handed no more than it has room for."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from esframework import ClientOptions, Delivered, Level, limits
from esframework.testing import MemoryNetwork, simulated
from tests.peers import Recorder, record

HANDLED = Level.RECEIVER_HANDLED_IT
GENERATION = ClientOptions(generation=7)


class Fast(Recorder):
    """Remembers contents."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[int] = []

    def handle_delivery(self, message: Delivered) -> Any:
        self.got.append(int(message.content or b"0"))


class Slow(Fast):
    """Handles nothing until the test lets it, then everything at once."""

    def __init__(self) -> None:
        super().__init__()
        self.open: Deferred[None] | None = None
        self.is_slow = True

    def handle_delivery(self, message: Delivered) -> Any:
        super().handle_delivery(message)
        if self.is_slow:
            self.open = Deferred()
            return self.open
        return None

    def go_on(self) -> None:
        self.is_slow = False
        assert self.open is not None
        self.open.callback(None)


@simulated
async def test_a_slow_device_holds_a_bounded_part_and_hears_that_it_missed_the_rest(network: MemoryNetwork) -> None:
    count, step = 20_000, 500
    server, fast, slow = network.server(), Fast(), Slow()
    alice = await network.client("alice")
    await network.client("2#bob", handler=fast, options=GENERATION)
    behind = await network.client("4#bob", handler=slow, options=GENERATION)
    resumed = record(behind.delivery.resumed)
    most_at_client = most_at_server = 0
    for first in range(0, count, step):
        sent = [alice.delivery.send("bob", 1, b"%d" % number, until=HANDLED) for number in range(first, first + step)]
        for receipt in sent:
            await receipt
        most_at_client = max(most_at_client, len(behind.delivery._handing._waiting) + 1)
        most_at_server = max(most_at_server, server.delivery.waiting[0])
    assert fast.got == list(range(count))
    assert most_at_client == limits.DELIVERY_CREDIT_MESSAGES
    assert most_at_server <= limits.DELIVERY_WINDOW_MESSAGES
    assert resumed == []
    slow.go_on()
    network.settle()
    assert resumed == [("resumed", False)]
    assert slow.got == sorted(set(slow.got))
    assert slow.got[: limits.DELIVERY_CREDIT_MESSAGES] == list(range(limits.DELIVERY_CREDIT_MESSAGES))
    assert (slow.got[-1], len(slow.got) < count) == (count - 1, True)
    assert server.delivery.waiting == (0, 0)
    await alice.delivery.send("bob", 1, b"20000", until=HANDLED)
    network.settle()
    assert (fast.got[-1], slow.got[-1]) == (20_000, 20_000)


@simulated
async def test_the_only_device_may_be_slow_and_misses_nothing(network: MemoryNetwork) -> None:
    server, slow = network.server(), Slow()
    alice, bob = await network.client("alice"), await network.client("bob", handler=slow)
    resumed = record(bob.delivery.resumed)
    sent = [alice.delivery.send("bob", 1, b"%d" % number, until=HANDLED) for number in range(1000)]
    network.settle()
    slow.go_on()
    for receipt in sent:
        await receipt
    assert (slow.got, resumed, server.delivery.waiting) == (list(range(1000)), [], (0, 0))
