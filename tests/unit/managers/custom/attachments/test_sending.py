"""Information with an attachment, between clients, to the server and from it; and every way in which it fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from esframework import AttachmentSent, ClientEngine, ClientOptions, ServerEngine, limits
from esframework.errors import (
    AttachmentFailed,
    AttachmentRefused,
    ConnectionInterrupted,
    EncodeError,
    NotDelivered,
    NotLoggedOn,
    RequestTimeout,
    TargetAbsent,
)
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.consumers import Collector, Taker
from tests.peers import FramePeer, record


class House:
    """A server and two clients, each of which lets attachments go where `where` says."""

    def __init__(self, network: MemoryNetwork, where: Any = None) -> None:
        self.at_server, self.at_bob = Taker(where), Taker(where)
        self.server: ServerEngine = network.server(self.at_server)
        self.alice: ClientEngine = network.run(network.client("alice"))
        self.bob: ClientEngine = network.run(network.client("bob", handler=self.at_bob))

    def ways(self) -> list[tuple[Any, str | None, Any, Taker, str | None]]:
        """(sender's custom, target, receiver's custom, receiver's handler, source) for each direction that there is."""
        return [
            (self.alice.custom, "bob", self.bob.custom, self.at_bob, "alice"),
            (self.alice.custom, None, self.server.custom, self.at_server, "alice"),
            (self.server.custom, "bob", self.bob.custom, self.at_bob, None),
        ]

    def is_idle(self) -> bool:
        """Whether nobody has anything open."""
        customs = (self.alice.custom, self.bob.custom, self.server.custom)
        return not any(len(custom._incoming_attachments) or len(custom._outgoing_attachments) for custom in customs)


class Reading:
    """A source that counts how far it was read."""

    def __init__(self, pieces: int, size: int = 100_000) -> None:
        self._pieces = pieces
        self._size = size
        self.bytes_read = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self._pieces):
            self.bytes_read += self._size
            yield bytes(self._size)


# --- it arrives -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 3 * limits.ATTACHMENT_WINDOW + 17])
def test_a_file_arrives_whole_under_the_name_that_the_receiver_chose(size: int, tmp_path: Path) -> None:
    network = MemoryNetwork()
    house = House(network, tmp_path / "received")
    sent = tmp_path / "sent"
    sent.write_bytes(os.urandom(size))
    for custom, target, receiving, handler, source in house.ways():
        events = record(receiving.attachment_begun, receiving.attachment_finished, receiving.attachment_failed)
        result = network.run(custom.send_attached(target, 7, b"body", sent, name="../../name"))
        assert result == AttachmentSent(size, target)
        assert (tmp_path / "received").read_bytes() == sent.read_bytes()
        attachment = handler.offers[-1]
        assert (attachment.source, attachment.information_type, attachment.content) == (source, 7, b"body")
        assert (attachment.name, attachment.size, attachment.received) == ("../../name", size, size)
        assert events == [("attachment_begun", attachment), ("attachment_finished", attachment)]
        assert handler.information[-1] == (source, 7, b"body")
        assert house.is_idle()
    assert sorted(os.listdir(tmp_path)) == ["received", "sent"]
    network.close()


@simulated
async def test_the_body_is_handled_before_the_attachment_is_announced(network: MemoryNetwork) -> None:
    order: list[str] = []
    handling: Deferred[None] = Deferred()

    class Slow(Taker):
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Any:
            order.append("information")
            return handling

        def attachment_offered(self, *arguments: Any) -> Any:
            order.append("attachment")
            return Collector(network.reactor)

    network.server(Slow())
    alice = await network.client("alice")
    sent = alice.custom.send_attached(None, 1, b"body", b"attachment")
    network.settle()
    assert order == ["information"]
    handling.callback(None)
    await sent
    assert order == ["information", "attachment"]


@simulated
async def test_a_stream_of_unknown_length_arrives_in_order(network: MemoryNetwork) -> None:
    consumer = Collector(network.reactor)
    house = House(network, consumer)
    pieces = [os.urandom(70_000) for _ in range(40)]
    assert (await house.alice.custom.send_attached("bob", 1, None, iter(pieces))).size == 2_800_000
    assert consumer.content == b"".join(pieces) and consumer.is_finished
    assert house.at_bob.offers[0].size is None


@simulated
async def test_success_is_said_when_the_consumer_has_finished_and_not_before(network: MemoryNetwork) -> None:
    consumer = Collector(network.reactor, 5)
    house = House(network, consumer)
    began = network.seconds()
    await house.alice.custom.send_attached("bob", 1, None, b"one write")
    assert network.seconds() - began == pytest.approx(10)


@simulated
async def test_progress_is_what_the_receiver_has_taken(network: MemoryNetwork) -> None:
    consumer = Collector(network.reactor, 0.5)
    house = House(network, consumer)
    told: list[tuple[int, int]] = []
    size = 3 * limits.ATTACHMENT_WINDOW
    await house.alice.custom.send_attached(
        "bob", 1, None, bytes(size), progress=lambda taken: told.append((taken, len(consumer.content)))
    )
    assert all(taken <= kept for taken, kept in told)
    assert [taken for taken, _ in told] == sorted({taken for taken, _ in told})
    assert told[-1][0] == size and len(told) > 10


@simulated
async def test_a_progress_callback_that_raises_stops_nothing(network: MemoryNetwork) -> None:
    house = House(network, Collector(network.reactor))
    await house.alice.custom.send_attached("bob", 1, None, b"x", progress=lambda _: 1 // 0)
    assert len(network.failures.take(ZeroDivisionError)) == 1


@simulated
async def test_several_at_once_do_not_mix(network: MemoryNetwork) -> None:
    consumers: list[Collector] = []

    def where(_: object) -> Collector:
        consumers.append(Collector(network.reactor, 0.01 * len(consumers)))
        return consumers[-1]

    house = House(network, where)
    contents = [bytes([number]) * 400_000 for number in range(8)]
    waiting = [
        house.alice.custom.send_attached("bob", number, None, content) for number, content in enumerate(contents)
    ]
    for sent in waiting:
        await sent
    assert [consumer.content for consumer in consumers] == contents


@simulated
async def test_between_the_generations(network: MemoryNetwork) -> None:
    consumer = Collector(network.reactor)
    network.server()
    six = await network.client("six", handler=Taker(consumer))
    seven = await network.client("seven", handler=Taker(consumer), options=ClientOptions(generation=7))
    await six.custom.send_attached("seven", 1, None, b"to seven, ")
    await seven.custom.send_attached("six", 1, None, b"to six")
    assert consumer.content == b"to seven, to six"


# --- it is refused ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("where", "cause"), [("not today", "not today"), (None, "not wanted"), ("", "not wanted")])
def test_a_refused_attachment_is_not_even_read(where: str | None, cause: str) -> None:
    network = MemoryNetwork()
    house = House(network, where)
    for custom, target, receiving, handler, _ in house.ways():
        failed = record(receiving.attachment_failed)
        source = Reading(3)
        with pytest.raises(AttachmentRefused) as caught:
            network.run(custom.send_attached(target, 7, b"body", source))
        assert (caught.value.target, caught.value.request_type, caught.value.cause) == (target, 7, cause)
        assert handler.contents[-1] == b"body"
        assert (source.bytes_read, failed) == (0, [])
    assert house.is_idle()
    network.close()


@simulated
async def test_the_name_that_the_sender_gave_is_a_text_and_so_a_refusal(network: MemoryNetwork) -> None:
    house = House(network, lambda attachment: attachment.name)
    with pytest.raises(AttachmentRefused):
        await house.alice.custom.send_attached("bob", 1, None, b"x", name="/tmp/evil")


@simulated
async def test_a_decision_may_take_long_and_holds_nothing_up(network: MemoryNetwork) -> None:
    deciding: Deferred[Any] = Deferred()
    house = House(network, deciding)
    sent = house.alice.custom.send_attached("bob", 1, b"first", b"attachment", timeout=0)
    network.advance(500)
    assert await house.alice.custom.query("bob", 2, b"meanwhile") == b"meanwhile"
    consumer = Collector(network.reactor)
    deciding.callback(consumer)
    await sent
    assert consumer.content == b"attachment"


@simulated
async def test_a_decision_that_comes_too_late_finds_it_withdrawn(network: MemoryNetwork) -> None:
    deciding: Deferred[Any] = Deferred(lambda _: None)
    house = House(network, deciding)
    failed = record(house.bob.custom.attachment_failed)
    began = network.seconds()
    with pytest.raises(RequestTimeout, match="within 5 s"):
        await house.alice.custom.send_attached("bob", 1, None, b"x", timeout=5)
    assert network.seconds() - began <= 6
    network.settle()
    assert len(failed) == 1 and house.is_idle()
    consumer = Collector(network.reactor)
    if not deciding.called:
        deciding.callback(consumer)
    network.settle()
    assert consumer.content == b"" and not consumer.is_finished


# --- there is nobody --------------------------------------------------------------------------------------------------
@simulated
async def test_who_is_absent_gets_nothing(network: MemoryNetwork) -> None:
    house = House(network)
    for custom in (house.alice.custom, house.server.custom):
        with pytest.raises(TargetAbsent):
            await custom.send_attached("nobody", 1, None, b"x")
    assert house.is_idle()


@simulated
async def test_a_client_of_another_make_sees_nothing_of_it(network: MemoryNetwork) -> None:
    house = House(network)
    foreign = FramePeer(network, "foreign").online()
    foreign.take()
    for custom in (house.alice.custom, house.server.custom):
        with pytest.raises(NotDelivered) as caught:
            await custom.send_attached("foreign", 1, None, b"x")
        assert caught.value.reason == RequestFailure.TYPE_UNKNOWN_TO_TARGET
    assert foreign.take() == []


@simulated
async def test_nothing_is_sent_to_a_server_of_another_make(network: MemoryNetwork) -> None:
    house = House(network)
    house.alice.basic.server_features = None
    for target in (None, "bob"):
        with pytest.raises(NotDelivered, match="does not know attachments"):
            await house.alice.custom.send_attached(target, 1, None, b"x")
    assert house.at_bob.information == house.at_server.information == []


@simulated
async def test_without_a_session_nothing_is_sent(network: MemoryNetwork) -> None:
    with pytest.raises(NotLoggedOn):
        await network.new_client().custom.send_attached(None, 1, None, b"x")


@pytest.mark.parametrize(
    "wrong",
    [
        {"attachment": 5},
        {"attachment": b"x", "size": -1},
        {"attachment": b"x", "size": 2},
        {"attachment": b"x", "name": "n" * 256},
        {"attachment": b"x", "content": bytes(limits.MAX_MESSAGE)},
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_sent(wrong: dict[str, Any]) -> None:
    network = MemoryNetwork()
    house = House(network)
    arguments = {"target": "bob", "information_type": 1, "content": b"", **wrong}
    with pytest.raises(EncodeError):
        network.run(house.alice.custom.send_attached(**arguments))
    assert house.at_bob.information == [] and house.is_idle()
    network.close()


# --- it fails ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("after", [0, 3])
def test_what_reading_raises_is_raised_and_nothing_is_kept(after: int, tmp_path: Path) -> None:
    network = MemoryNetwork()
    house = House(network, tmp_path / "received")

    def pieces() -> Iterator[bytes]:
        for _ in range(after):
            yield bytes(500_000)
        raise OSError("the disk is broken")

    for custom, target, receiving, _, _ in house.ways():
        failed = record(receiving.attachment_failed)
        with pytest.raises(OSError, match="the disk is broken"):
            network.run(custom.send_attached(target, 1, None, pieces()))
        network.settle()
        assert len(failed) == 1 and house.is_idle()
    assert os.listdir(tmp_path) == []
    network.close()


@pytest.mark.parametrize("size", [999_999, 1_000_001])
def test_a_source_that_gives_another_size_than_was_said_is_found_out(size: int, tmp_path: Path) -> None:
    network = MemoryNetwork()
    house = House(network, tmp_path / "received")
    with pytest.raises(EncodeError, match="size was said to be"):
        network.run(house.alice.custom.send_attached("bob", 1, None, Reading(10), size=size))
    network.settle()
    assert os.listdir(tmp_path) == [] and house.is_idle()
    network.close()


@pytest.mark.parametrize("after", [0.0, 2.25])
def test_cancelling_ends_it_at_both_ends(after: float, tmp_path: Path) -> None:
    network = MemoryNetwork()
    consumers = [Collector(network.reactor, 1.0) for _ in range(3)]
    unused = iter(consumers)
    house = House(network, lambda _: next(unused))
    for (custom, target, receiving, _, _), consumer in zip(house.ways(), consumers, strict=True):
        failed = record(receiving.attachment_failed)
        sent = custom.send_attached(target, 1, None, Reading(1000))
        network.settle()
        network.advance(after)
        sent.cancel()
        with pytest.raises(CancelledError):
            network.run(sent)
        network.settle()
        assert len(failed) == 1 and isinstance(failed[0][2], AttachmentFailed)
        assert consumer.errors == [failed[0][2]] and not consumer.is_finished
        assert house.is_idle()
    network.close()


@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_a_lost_connection_fails_it_at_both_ends(who: str, tmp_path: Path) -> None:
    network = MemoryNetwork()
    house = House(network, tmp_path / "received")
    for custom, target, receiving, _, _ in house.ways():
        failed = record(receiving.attachment_failed)

        def endless() -> Iterator[bytes]:
            while True:
                yield bytes(1000)

        network.conditions.delay = 0.01
        sent = custom.send_attached(target, 1, None, endless())
        sent.addErrback(lambda failure: failure)
        network.advance(0.5)
        network.cut(house.bob if target and (who == "receiver" or custom is house.server.custom) else house.alice)
        with pytest.raises((ConnectionInterrupted, TargetAbsent)):
            network.run(sent, patience=5)
        network.advance(90)
        assert len(failed) == 1 and house.is_idle()
        assert house.alice.connected and house.bob.connected
    assert os.listdir(tmp_path) == []
    network.close()


@simulated
async def test_a_receiver_that_hangs_is_given_up_and_so_is_a_sender(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path / "received")
    failed = record(house.server.custom.attachment_failed, house.bob.custom.attachment_failed)
    slow = deferLater(network.reactor, 10_000, lambda: None)

    async def forever() -> Any:
        yield b"a first piece"
        await slow

    waiting = [house.alice.custom.send_attached(target, 1, None, forever()) for target in (None, "bob")]
    for sent in waiting:
        sent.addErrback(lambda failure: failure)
    network.advance(300)
    assert failed == []
    house.alice.close_connection()
    network.advance(100)
    assert len(failed) == 2 and house.is_idle()
    for sent in waiting:
        with pytest.raises(ConnectionInterrupted):
            await sent
    slow.addErrback(lambda _: None)
    slow.cancel()


# --- slow -------------------------------------------------------------------------------------------------------------
@simulated
async def test_a_slow_consumer_stops_the_sender_and_not_the_memory_and_nobody_else(network: MemoryNetwork) -> None:
    for custom, target, *_ in House(network, lambda _: Collector(network.reactor, 20.0)).ways():
        source = Reading(200)
        sent = custom.send_attached(target, 1, None, source)
        sent.addErrback(lambda failure: failure)
        network.advance(1)
        assert 0 < source.bytes_read <= limits.ATTACHMENT_WINDOW + 100_000
        network.advance(120)
        assert source.bytes_read <= limits.ATTACHMENT_WINDOW + 700_000
        sent.cancel()
        network.settle()
        with pytest.raises(CancelledError):
            await sent


@simulated
async def test_a_receiver_that_does_not_read_stops_the_sender(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    house = House(network, Collector(network.reactor))
    sent = house.alice.custom.send_attached("bob", 1, None, Reading(50))
    network.conditions.delay = 0.001
    network.advance(0.02)
    network.stop_reading(house.bob)
    network.advance(1)
    held = house.server.users.slow_clients()
    assert held[0][1] <= limits.ATTACHMENT_WINDOW + 100_000
    network.go_on_reading(house.bob)
    assert (await sent).size == 5_000_000


@simulated
async def test_other_messages_go_between_the_pieces(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    network.conditions.delay = 0.01
    house = House(network, Collector(network.reactor))
    sent = house.alice.custom.send_attached("bob", 1, None, Reading(20))
    network.advance(0.1)
    began = network.seconds()
    assert await house.alice.custom.query("bob", 2, b"ping") == b"ping"
    assert network.seconds() - began < 0.2
    assert not sent.called
    await sent


@simulated
async def test_a_consumer_may_take_longer_than_the_idle_time_out(network: MemoryNetwork) -> None:
    consumer = Collector(network.reactor, 5 * limits.ATTACHMENT_IDLE_TIMEOUT)
    house = House(network, consumer)
    assert (await house.alice.custom.send_attached("bob", 1, None, bytes(100))).size == 100
    assert consumer.is_finished


# --- several devices --------------------------------------------------------------------------------------------------
async def devices(network: MemoryNetwork, *places: Any) -> list[Any]:
    """(client, handler) of several devices of bob's."""
    made = []
    for number, where in enumerate(places, 1):
        handler = Taker(where)
        options = ClientOptions(generation=7, client_type=number)
        made.append((await network.client("bob", handler=handler, options=options), handler))
    return made


@simulated
async def test_the_first_device_that_accepts_gets_it(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice", options=ClientOptions(generation=7))
    for custom in (alice.custom, server.custom):
        deciding: Deferred[Any] = Deferred()
        consumer, other = Collector(network.reactor, 0.5), Collector(network.reactor)
        (_, _), (slow, _), (_, _) = await devices(network, "not here", deciding, consumer)
        failed = record(slow.custom.attachment_failed)
        sent = custom.send_attached("bob", 1, None, bytes(3_000_000))
        network.advance(1)
        deciding.callback(other)
        assert await sent == AttachmentSent(3_000_000, "3#bob")
        assert consumer.content == bytes(3_000_000) and other.content == b""
        assert len(failed) == 1


@simulated
async def test_it_is_refused_when_all_devices_have_refused(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice", options=ClientOptions(generation=7))
    for custom in (alice.custom, server.custom):
        deciding: Deferred[Any] = Deferred()
        await devices(network, "not here", deciding)
        FramePeer(network, "5#bob", generation=7).online()
        sent = custom.send_attached("bob", 1, None, b"x")
        network.advance(1)
        assert not sent.called
        deciding.callback("nor here")
        with pytest.raises(AttachmentRefused, match="nor here"):
            await sent


@simulated
async def test_one_device_may_be_meant(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice", options=ClientOptions(generation=7))
    consumer = Collector(network.reactor)
    (_, one), (_, two) = await devices(network, consumer, "not here")
    assert await alice.custom.send_attached("1#bob", 1, None, b"x") == AttachmentSent(1, "1#bob")
    assert two.offers == []
