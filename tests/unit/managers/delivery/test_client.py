"""Messages between clients of ours through a server, and everything that can happen on the way."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import ClientOptions, Level, Receipt, ServerOptions, Undelivered
from esframework.errors import (
    ConnectionInterrupted,
    EncodeError,
    HandlerRaised,
    InvalidUserId,
    NotDelivered,
    NotLoggedOn,
    RequestTimeout,
    TargetAbsent,
    WindowFull,
)
from esframework.managers.basic.manager import BasicManager
from esframework.managers.custom.manager import CustomManager
from esframework.managers.delivery.contracts import Delivered
from esframework.managers.delivery.manager import DeliveryManager
from esframework.managers.delivery.options import DeliveryOptions
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.peers import FramePeer, Recorder, record

HANDLED = Level.RECEIVER_HANDLED_IT
OURS = ServerOptions(delivery=DeliveryOptions(window=120.0))
WITHOUT_OFFLINE = [BasicManager(), CustomManager(), DeliveryManager()]


class Reader(Recorder):
    """A handler that gets whole messages; it raises for contents that begin with "bad"."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Delivered] = []

    def handle_delivery(self, message: Delivered) -> None:
        self.messages.append(message)
        if (message.content or b"").startswith(b"bad"):
            raise RuntimeError("refused by the test")

    @property
    def delivered(self) -> list[bytes | None]:
        return [message.content for message in self.messages]


class Slow(Reader):
    """Handles each message when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Deferred[None]] = []

    def handle_delivery(self, message: Delivered) -> Any:
        super().handle_delivery(message)
        self.open.append(Deferred())
        return self.open[-1]


def failure_of(receipt: Deferred[Receipt]) -> Any:
    """What a Deferred has failed with."""
    failures: list[Any] = []
    receipt.addErrback(failures.append)
    assert failures, "it has not failed yet"
    return failures[0].value


@simulated
async def test_a_message_is_handled_and_its_receipt_says_so(network: MemoryNetwork) -> None:
    network.server()
    alice, handler = await network.client("alice"), Reader()
    await network.client("bob", handler=handler)
    receipt = await alice.delivery.send("bob", 7, b"hello", until=HANDLED)
    (message,) = handler.messages
    assert receipt == Receipt(message.id, HANDLED)
    assert (message.source, message.information_type, message.content) == ("alice", 7, b"hello")
    assert not message.redelivered
    assert alice.delivery.waiting == 0


@simulated
async def test_a_plain_handler_gets_it_as_information(network: MemoryNetwork) -> None:
    network.server()
    alice, handler = await network.client("alice"), Recorder()
    await network.client("bob", handler=handler)
    await alice.delivery.send("bob", 7, b"hello")
    assert handler.information == [("alice", 7, b"hello")]


@simulated
async def test_messages_wait_through_a_lost_connection_and_arrive_in_order(network: MemoryNetwork) -> None:
    network.server()
    alice, handler = await network.client("alice"), Reader()
    bob = await network.client("bob", handler=handler)
    network.cut(bob)
    receipts = [alice.delivery.send("bob", 7, b"%d" % number, until=HANDLED) for number in range(5)]
    network.cut(alice)
    receipts += [alice.delivery.send("bob", 7, b"%d" % number, until=HANDLED) for number in range(5, 10)]
    for receipt in receipts:
        await receipt
    assert handler.delivered == [b"%d" % number for number in range(10)]
    assert [message.redelivered for message in handler.messages] == [False] * 10


@simulated
async def test_every_device_gets_it_once(network: MemoryNetwork) -> None:
    network.server()
    alice, handlers = await network.client("alice"), [Reader(), Reader()]
    for device, handler in zip(("2#bob", "4#bob"), handlers, strict=True):
        await network.client(device, handler=handler, options=ClientOptions(generation=7))
    await alice.delivery.send("bob", 7, b"to both", until=HANDLED)
    await alice.delivery.send("4#bob", 7, b"to one", until=HANDLED)
    network.settle()
    assert [handler.delivered for handler in handlers] == [[b"to both"], [b"to both", b"to one"]]


@simulated
async def test_a_process_that_begins_anew_gets_what_was_not_handled_marked(network: MemoryNetwork) -> None:
    network.server()
    alice, slow = await network.client("alice"), Slow()
    bob = await network.client("bob", handler=slow)
    receipt = alice.delivery.send("bob", 7, b"work", until=HANDLED)
    network.settle()
    assert slow.delivered == [b"work"]
    await bob.close()
    handler = Reader()
    await network.client("bob", handler=handler)
    await receipt
    (message,) = handler.messages
    assert message.redelivered
    assert message.id == slow.messages[0].id


@simulated
async def test_a_process_that_only_lost_its_connection_is_not_given_it_again(network: MemoryNetwork) -> None:
    network.server()
    alice, slow = await network.client("alice"), Slow()
    bob = await network.client("bob", handler=slow)
    resumed = record(bob.delivery.resumed)
    receipt = alice.delivery.send("bob", 7, b"work", until=HANDLED)
    network.settle()
    network.cut(bob)
    network.advance(5)
    slow.open[0].callback(None)
    await receipt
    assert slow.delivered == [b"work"]
    assert resumed == [("resumed", True)]


@simulated
async def test_a_server_that_restarts_loses_nothing_while_the_sender_lives(network: MemoryNetwork) -> None:
    server = network.server()
    alice, slow = await network.client("alice"), Slow()
    await network.client("bob", handler=slow)
    receipts = [alice.delivery.send("bob", 7, b"%d" % number, until=HANDLED) for number in range(3)]
    network.settle()
    await server.close()
    receipts.append(alice.delivery.send("bob", 7, b"3", until=HANDLED))
    network.server()
    network.advance(20)
    while len(slow.open) < 4:
        slow.open[-1].callback(None)
    slow.open[-1].callback(None)
    for receipt in receipts:
        await receipt
    assert slow.delivered == [b"0", b"1", b"2", b"3"]


@simulated
async def test_who_is_absent_is_reported_at_once(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    told = record(alice.delivery.not_delivered)
    with pytest.raises(TargetAbsent, match="'nobody' came no further than 'sent'") as caught:
        await alice.delivery.send("nobody", 7, b"")
    error = caught.value
    assert isinstance(error, Undelivered)
    assert (error.target, error.level, error.id in str(error)) == ("nobody", Level.SENT, True)
    assert told == [("not_delivered", error)]


@simulated
async def test_when_the_window_is_over_the_sender_is_told_how_far_it_came(network: MemoryNetwork) -> None:
    network.server(options=OURS)
    alice, slow = await network.client("alice"), Slow()
    bob = await network.client("bob", handler=slow)
    received = alice.delivery.send("bob", 7, b"", until=HANDLED)
    network.settle()
    await bob.close()
    unseen = alice.delivery.send("bob", 7, b"")
    network.advance(121)
    assert failure_of(received).level is Level.RECEIVER_HAS_IT
    assert failure_of(unseen).level is Level.SERVER_HAS_IT


@simulated
async def test_a_handler_that_raises_is_reported_to_who_wants_it_handled(network: MemoryNetwork) -> None:
    network.server()
    alice, handler = await network.client("alice"), Reader()
    await network.client("bob", handler=handler)
    told = record(alice.delivery.not_delivered)
    await alice.delivery.send("bob", 7, b"bad, but received")
    with pytest.raises(HandlerRaised) as caught:
        await alice.delivery.send("bob", 7, b"bad", until=HANDLED)
    assert isinstance(caught.value, Undelivered)
    assert caught.value.level is Level.RECEIVER_HAS_IT
    assert len(told) == 2
    network.failures.take(RuntimeError)
    await alice.delivery.send("bob", 7, b"good", until=HANDLED)


@simulated
async def test_without_a_handler_nothing_is_said_to_be_handled(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    await network.client("bob")
    with pytest.raises(NotDelivered, match="there is no handler"):
        await alice.delivery.send("bob", 7, b"", until=HANDLED)


@simulated
async def test_a_device_of_another_make_gets_it_and_the_receipt_says_no_more_than_is_known(
    network: MemoryNetwork,
) -> None:
    network.server()
    alice = await network.client("alice")
    carol = FramePeer(network, "carol").online()
    receipt = await alice.delivery.send("carol", 7, b"hello", until=Level.SERVER_HAS_IT)
    assert receipt.level is Level.SERVER_HAS_IT
    with pytest.raises(NotDelivered, match="acknowledges nothing") as caught:
        await alice.delivery.send("carol", 7, b"hello")
    assert caught.value.reason == RequestFailure.TYPE_UNKNOWN_TO_TARGET
    assert [(frame.source, frame.message_type) for frame in carol.take()] == [("alice", 202)] * 2


@simulated
async def test_a_client_without_this_manager_is_one_of_another_make(network: MemoryNetwork) -> None:
    network.server()
    alice, handler = await network.client("alice"), Recorder()
    await network.client("bob", handler=handler, managers=[BasicManager(), CustomManager()])
    receipt = alice.delivery.send("bob", 7, b"hello")
    network.advance(12)
    assert failure_of(receipt).reason == RequestFailure.TYPE_UNKNOWN_TO_TARGET
    assert handler.contents == [b"hello"]


@simulated
async def test_a_server_without_this_manager_is_noticed_at_once(network: MemoryNetwork) -> None:
    network.server(managers=[BasicManager(), CustomManager()])
    alice = await network.client("alice")
    with pytest.raises(NotDelivered, match="server"):
        await alice.delivery.send("bob", 7, b"hello")


@simulated
async def test_the_levels_come_in_their_order(network: MemoryNetwork) -> None:
    network.server()
    alice, slow = await network.client("alice"), Slow()
    bob = await network.client("bob", handler=slow)
    changes = record(alice.delivery.receipt_changed)
    network.unplug(bob)
    await alice.delivery.send("bob", 7, b"", until=Level.SENT)
    await alice.delivery.send("bob", 7, b"", until=Level.SERVER_HAS_IT)
    network.plug_in(bob)
    slow.open[0].callback(None)
    network.settle()
    levels = [level for _, id, level in changes if id == slow.messages[0].id]
    assert levels == [Level.SENT, Level.SERVER_HAS_IT, Level.RECEIVER_HAS_IT, HANDLED]


@simulated
async def test_a_time_out_gives_a_message_up(network: MemoryNetwork) -> None:
    network.server()
    alice, handler = await network.client("alice"), Reader()
    await network.client("bob", handler=handler)
    network.go_down()
    receipt = alice.delivery.send("bob", 7, b"too late", timeout=3.0)
    network.advance(3)
    error = failure_of(receipt)
    assert isinstance(error, RequestTimeout)
    assert (error.level, alice.delivery.waiting) == (Level.QUEUED, 0)
    network.come_up()
    network.advance(60)
    await alice.delivery.send("bob", 7, b"in time", until=HANDLED)
    assert handler.delivered == [b"in time"]


@simulated
async def test_a_cancelled_message_is_given_up(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    network.cut(alice)
    receipt = alice.delivery.send("bob", 7, b"")
    receipt.addErrback(lambda _: None)
    receipt.cancel()
    assert alice.delivery.waiting == 0


@simulated
async def test_closing_the_engine_reports_what_is_on_its_way(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    network.cut(alice)
    receipt = alice.delivery.send("bob", 7, b"")
    await alice.close()
    assert isinstance(failure_of(receipt), ConnectionInterrupted)
    with pytest.raises(NotLoggedOn):
        alice.delivery.send("bob", 7, b"")


@simulated
async def test_what_cannot_be_sent_is_refused_before_anything_happens(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    with pytest.raises(EncodeError, match="send a blob"):
        alice.delivery.send("bob", 7, bytes(1024 * 1024))
    with pytest.raises(EncodeError, match="bytes or None"):
        alice.delivery.send("bob", 7, "text")
    with pytest.raises(EncodeError, match="32 bits"):
        alice.delivery.send("bob", 2**40, b"")
    for target in "", "_x", "*", "77#bob", 7, "x" * 256:
        with pytest.raises(InvalidUserId, match="^target "):
            alice.delivery.send(target, 7, b"")
    with pytest.raises(EncodeError, match="QUEUED"):
        alice.delivery.send("bob", 7, b"", until=Level.QUEUED)
    for until in "HANDLED", 5, None:
        with pytest.raises(EncodeError, match=f"until is {until!r}; a Level"):
            alice.delivery.send("bob", 7, b"", until=until)
    for timeout in -1, float("nan"), "soon":
        with pytest.raises(EncodeError, match=f"timeout is {timeout!r}; seconds"):
            alice.delivery.send("bob", 7, b"", timeout=timeout)
    assert alice.delivery.waiting == 0


@simulated
async def test_more_than_a_window_is_refused_and_says_what_to_do(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    network.cut(alice)
    receipts = [alice.delivery.send("bob", 7, bytes(256 * 1024)) for _ in range(4)]
    with pytest.raises(WindowFull, match="wait for some"):
        alice.delivery.send("bob", 7, b"1")
    await alice.close()
    assert all(isinstance(failure_of(receipt), ConnectionInterrupted) for receipt in receipts)


@simulated
async def test_a_filter_of_the_receiver_sees_what_is_delivered(network: MemoryNetwork) -> None:
    network.server()
    alice, handler = await network.client("alice"), Reader()
    bob = await network.client("bob", handler=handler)
    bob.custom.filters.add(lambda information: None if information.content == b"unwanted" else information)
    await alice.delivery.send("bob", 7, b"unwanted", until=HANDLED)
    await alice.delivery.send("bob", 7, b"wanted", until=HANDLED)
    assert handler.delivered == [b"wanted"]


@simulated
async def test_after_many_messages_neither_end_remembers_them(network: MemoryNetwork) -> None:
    server = network.server()
    alice, handler = await network.client("alice"), Reader()
    await network.client("bob", handler=handler)
    for _ in range(3):
        receipts = [alice.delivery.send("bob", 7, b"", until=HANDLED) for _ in range(1000)]
        for receipt in receipts:
            await receipt
    network.advance(2)
    assert len(handler.messages) == 3000
    assert server.delivery.waiting == (0, 0)
    assert sum(each.unconfirmed for each in server.delivery._office._senders["alice"].values()) == 0
