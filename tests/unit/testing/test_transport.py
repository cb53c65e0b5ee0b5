"""Transports in memory behave as Twisted's do."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from zope.interface.verify import verifyObject

from esframework.testing import MemoryNetwork, Stranger
from esframework.testing.stranger import stranger_factory
from esframework.testing.transport import BUFFER_SIZE, SEND_LIMIT


class Pair:
    """Two strangers, connected."""

    def __init__(self, **conditions: Any) -> None:
        self.network = MemoryNetwork()
        for name, value in conditions.items():
            setattr(self.network.conditions, name, value)
        self.port = self.network.run(self.network.server_endpoint().listen(factory := stranger_factory()))
        made: list[Stranger] = []
        build = factory.buildProtocol
        factory.buildProtocol = lambda address: made.append(build(address)) or made[-1]  # type: ignore[func-returns-value]
        self.client = self.network.stranger()
        self.network.advance(1)
        (self.server,) = made

    def settle(self) -> None:
        self.network.settle()


class Producer:
    """Counts what its transport asks of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pauseProducing(self) -> None:
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        self.asked.append("resume")

    def stopProducing(self) -> None:
        self.asked.append("stop")


def reason(stranger: Stranger) -> type[BaseException] | None:
    return None if stranger.lost is None else stranger.lost.type


@pytest.mark.parametrize("interface", [ITransport, IConsumer, IPushProducer])
def test_it_provides_what_protocols_expect(interface: Any) -> None:
    assert verifyObject(interface, Pair().client.transport)


def test_bytes_go_both_ways_in_order_but_not_within_the_call_that_writes_them() -> None:
    pair = Pair()
    pair.client.write(b"one")
    pair.client.transport.writeSequence([b"two", b"three"])
    pair.server.write(b"back")
    assert pair.server.received == b""
    pair.settle()
    assert (pair.server.received, pair.client.received) == (b"onetwothree", b"back")


def test_addresses_are_each_others() -> None:
    pair = Pair()
    client, server = pair.client.transport, pair.server.transport
    assert client.getPeer() == server.getHost()
    assert server.getPeer() == client.getHost()
    assert server.getHost().port == 4530


def test_only_bytes_can_be_written() -> None:
    with pytest.raises(TypeError, match="must be bytes"):
        Pair().client.transport.write("text")


def test_an_orderly_close_comes_after_the_last_byte_and_once_at_both_ends() -> None:
    pair = Pair(window=1000)
    pair.client.write(bytes(5000))
    pair.client.transport.loseConnection()
    pair.client.transport.loseConnection()
    pair.settle()
    assert len(pair.server.received) == 5000
    assert (reason(pair.client), reason(pair.server)) == (ConnectionDone, ConnectionDone)
    pair.client.write(b"too late")
    pair.settle()
    assert len(pair.server.received) == 5000


def test_what_is_written_after_lose_connection_still_leaves_while_the_transport_stands() -> None:
    pair = Pair()
    pair.client.transport.loseConnection()
    pair.client.write(b"after")
    pair.settle()
    assert pair.server.received == b"after"


def test_an_abort_loses_what_waits_and_is_told_in_a_turn_of_its_own() -> None:
    pair = Pair(window=1000)
    pair.network.stop_reading(pair.server)
    pair.client.write(bytes(5000))
    pair.client.transport.abortConnection()
    pair.client.transport.abortConnection()
    assert pair.client.lost is None
    pair.network.go_on_reading(pair.server)
    pair.settle()
    assert (reason(pair.client), reason(pair.server)) == (ConnectionAborted, ConnectionLost)


def test_a_cut_is_noticed_by_both_ends() -> None:
    pair = Pair()
    (connection,) = pair.network._backbone.connections
    connection.cut()
    assert (reason(pair.client), reason(pair.server)) == (ConnectionLost, ConnectionLost)


def test_a_paused_reader_gets_nothing_until_it_resumes_not_even_the_end() -> None:
    pair = Pair()
    pair.server.transport.pauseProducing()
    pair.client.write(b"x")
    pair.client.transport.loseConnection()
    pair.settle()
    assert (pair.server.received, pair.server.lost) == (b"", None)
    pair.server.transport.resumeProducing()
    pair.settle()
    assert (pair.server.received, reason(pair.server)) == (b"x", ConnectionDone)


def test_a_full_window_holds_the_writer_up_until_the_reader_reads() -> None:
    pair = Pair(window=1000)
    pair.network.stop_reading(pair.server)
    pair.client.write(bytes(5000))
    pair.settle()
    assert len(pair.client.transport.dataBuffer) == 4000
    pair.network.go_on_reading(pair.server)
    assert len(pair.server.received) == 5000


def test_a_streaming_producer_is_paused_above_the_buffer_size_and_resumed_when_all_has_left() -> None:
    pair = Pair(window=1000)
    producer = Producer()
    pair.client.transport.registerProducer(producer, True)
    pair.client.write(bytes(BUFFER_SIZE))
    assert producer.asked == []
    pair.client.write(b"x")
    assert producer.asked == ["pause"]
    pair.settle()
    assert producer.asked == ["pause", "resume"]


def test_a_pull_producer_is_asked_at_once_and_whenever_all_has_left() -> None:
    pair = Pair()
    producer = Producer()
    pair.client.transport.registerProducer(producer, False)
    assert producer.asked == ["resume"]
    pair.client.write(bytes(SEND_LIMIT + 1))
    pair.settle()
    assert producer.asked == ["resume", "resume"]


def test_a_pull_producer_must_go_before_the_connection_can_be_lost_in_order() -> None:
    pair = Pair()
    pair.client.transport.registerProducer(Producer(), False)
    pair.client.transport.loseConnection()
    pair.settle()
    assert pair.client.is_connected
    pair.client.transport.unregisterProducer()
    pair.settle()
    assert not pair.client.is_connected


def test_a_producer_is_stopped_when_the_connection_is_lost_and_a_second_is_refused() -> None:
    pair = Pair()
    producer = Producer()
    pair.client.transport.registerProducer(producer, True)
    with pytest.raises(RuntimeError, match="never unregistered"):
        pair.client.transport.registerProducer(Producer(), True)
    pair.client.transport.abortConnection()
    pair.settle()
    late = Producer()
    pair.client.transport.registerProducer(late, True)
    assert producer.asked == late.asked == ["stop"]


def test_writing_to_an_end_that_is_gone_is_a_lost_connection() -> None:
    pair = Pair()
    pair.client.transport.pauseProducing()
    pair.server.transport.loseConnection()
    pair.settle()
    assert pair.client.is_connected
    pair.client.write(b"x")
    pair.settle()
    assert reason(pair.client) is ConnectionLost


def test_an_unplugged_cable_tells_nobody_and_what_was_sent_arrives_when_it_is_back() -> None:
    pair = Pair(window=1000)
    (connection,) = pair.network._backbone.connections
    connection.unplug(True)
    pair.client.write(bytes(3000))
    pair.server.transport.abortConnection()
    pair.network.advance(1000)
    assert pair.client.is_connected
    connection.unplug(False)
    pair.settle()
    assert not pair.client.is_connected


def test_bytes_take_their_time_and_stay_in_order() -> None:
    pair = Pair(delay=(0.1, 0.5))
    for number in range(50):
        pair.client.write(bytes([number]))
        pair.settle()
    pair.network.advance(0.09)
    assert pair.server.received == b""
    pair.network.advance(0.5)
    assert pair.server.received == bytes(range(50))


def test_a_network_is_the_same_at_every_run_and_another_one_with_another_seed() -> None:
    def reads(seed: int) -> list[int]:
        network = MemoryNetwork(seed)
        network.conditions.chunk = 50
        sizes: list[int] = []

        class Sizes(Stranger):
            def dataReceived(self, data: bytes) -> None:
                sizes.append(len(data))

        factory = stranger_factory()
        factory.protocol = Sizes  # type: ignore[assignment]
        network.run(network.server_endpoint().listen(factory))
        network.stranger().write(bytes(2000))
        network.settle()
        return sizes

    assert sum(reads(1)) == 2000
    assert max(reads(1)) <= 50
    assert reads(1) == reads(1) != reads(2)
