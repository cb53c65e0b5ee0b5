"""A stream to somebody slow is slowed down, and nothing else of its sender."""

from __future__ import annotations

from typing import Any

from esframework import limits
from esframework.testing import MemoryNetwork, simulated

BLOB = bytes(range(256)) * 4096 * 8


class Keeper:
    def __init__(self) -> None:
        self.contents: list[bytes] = []

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        self.contents.append(content)

    def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        return content


@simulated
async def test_a_blob_to_a_slow_reader_waits_while_its_sender_talks_to_others(network: MemoryNetwork) -> None:
    server = network.server()
    keeper = Keeper()
    alice, bob = await network.client("alice"), await network.client("bob", handler=keeper)
    network.stop_reading(bob)
    sent = alice.custom.send_blob("bob", 1, BLOB)
    sent.addErrback(lambda failure: failure)
    network.advance(1)
    assert not sent.called
    assert await alice.basic.ping() < 0.5
    assert server.users.slow_clients(1)[0][1] < limits.HARD_LIMIT // 2
    network.go_on_reading(bob)
    await sent
    network.settle()
    assert keeper.contents == [BLOB]


@simulated
async def test_a_stream_to_somebody_who_left_ends_with_the_connection(network: MemoryNetwork) -> None:
    network.server()
    alice, bob = await network.client("alice"), await network.client("bob")
    network.stop_reading(bob)
    outcome: list[Any] = []
    alice.custom.send_blob("bob", 1, BLOB).addBoth(outcome.append)
    network.advance(1)
    assert outcome == []
    network.cut(alice)
    network.settle()
    assert type(outcome[0].value).__name__ == "ConnectionInterrupted"
