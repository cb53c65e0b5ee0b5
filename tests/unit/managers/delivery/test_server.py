"""The server's half: messages to and from the server itself, hostile clients, the offline store."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import Level, ServerOptions, Undelivered, limits
from esframework.errors import ConnectionInterrupted, EncodeError, HandlerRaised, NotDelivered, TargetAbsent
from esframework.managers.delivery.contracts import (
    ACKNOWLEDGEMENT,
    HELLO,
    MESSAGE,
    AcknowledgementBody,
    HelloBody,
    Mark,
    MessageBody,
    MessageKey,
    RefusedBody,
    public_process,
)
from esframework.managers.delivery.options import DeliveryOptions
from esframework.managers.offline.options import OfflineOptions
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType, RequestFailure
from tests.peers import FramePeer, Recorder, record

HANDLED = Level.RECEIVER_HANDLED_IT
OURS = "esframework-python/0"
PROCESS = bytes(range(16))


class Refusing(Recorder):
    """Raises for everything."""

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        raise RuntimeError("refused by the test")


def hello(process: bytes = PROCESS, received: int = 0) -> bytes:
    return HELLO.encode(HelloBody(None, 0, process, received, [], []))


def message(sequence: int, target: str | None = "bob", content: bytes = b"content", conversation: int = 1) -> bytes:
    return MESSAGE.encode(MessageBody(content, conversation, 7, 0, 0, sequence, 0, target))


def greeted(network: MemoryNetwork, name: str = "mallory") -> FramePeer:
    """A client that claims to be ours, and has said hello."""
    peer = FramePeer(network, name, authorized_user=OURS).online()
    peer.send(MessageType.DELIVERY_HELLO, hello())
    return peer


# --- the server as sender and receiver --------------------------------------------------------------------------------
@simulated
async def test_a_client_sends_to_the_server_and_the_server_to_a_client(network: MemoryNetwork) -> None:
    ours, theirs = Recorder(), Recorder()
    server = network.server(ours)
    alice = await network.client("alice", handler=theirs)
    await alice.delivery.send(None, 7, b"up", until=HANDLED)
    receipt = await server.delivery.send("alice", 7, b"down", until=HANDLED)
    assert (ours.information, theirs.information) == ([("alice", 7, b"up")], [(None, 7, b"down")])
    assert receipt.level is HANDLED
    assert server.delivery.waiting == (0, 0)


@simulated
async def test_the_servers_handler_is_told_nothing_twice_when_the_connection_is_cut(network: MemoryNetwork) -> None:
    held: list[Deferred[None]] = []

    class Slow(Recorder):
        def handle_information(self, *what: Any) -> Any:
            super().handle_information(*what)
            held.append(Deferred())
            return held[-1]

    handler = Slow()
    network.server(handler)
    alice = await network.client("alice")
    receipts = [alice.delivery.send(None, 7, b"%d" % number, until=HANDLED) for number in range(2)]
    network.settle()
    network.cut(alice)
    network.advance(5)
    held[0].callback(None)
    held[1].callback(None)
    for receipt in receipts:
        await receipt
    assert handler.contents == [b"0", b"1"]


@simulated
async def test_a_handler_of_the_server_that_raises_is_reported(network: MemoryNetwork) -> None:
    network.server(Refusing())
    alice = await network.client("alice")
    with pytest.raises(HandlerRaised):
        await alice.delivery.send(None, 7, b"", until=HANDLED)
    network.failures.take(RuntimeError)


@simulated
async def test_what_the_server_sends_to_nobody_fails_at_once(network: MemoryNetwork) -> None:
    server = network.server()
    with pytest.raises(TargetAbsent):
        await server.delivery.send("nobody", 7, b"")
    with pytest.raises(EncodeError, match="to itself"):
        server.delivery.send("", 7, b"")


@simulated
async def test_a_server_that_closes_reports_what_it_has_not_delivered(network: MemoryNetwork) -> None:
    server = network.server()
    bob = await network.client("bob", handler=Recorder())
    network.cut(bob)
    receipt = server.delivery.send("bob", 7, b"")
    failures: list[Any] = []
    receipt.addErrback(failures.append)
    await server.close()
    assert failures[0].check(ConnectionInterrupted)


@simulated
async def test_a_handler_of_the_server_that_ends_after_the_server_did_tells_nobody(network: MemoryNetwork) -> None:
    handling: Deferred[None] = Deferred()

    class Slow(Recorder):
        def handle_information(self, *what: Any) -> Any:
            return handling

    server = network.server(Slow())
    alice = await network.client("alice")
    alice.delivery.send(None, 7, b"").addErrback(lambda _: None)
    network.settle()
    await server.close()
    handling.callback(None)
    network.settle()
    assert server.delivery.waiting == (0, 0)


@simulated
async def test_a_store_that_answers_after_the_server_closed_tells_nobody(network: MemoryNetwork) -> None:
    writing: Deferred[bool] = Deferred()
    offline = OfflineOptions(enabled=True, has_user=lambda user_id: writing)
    server = network.server(options=ServerOptions(offline=offline))
    failures: list[Any] = []
    server.delivery.send("bob", 7, b"", until=Level.STORED_ON_DISK).addErrback(failures.append)
    await server.close()
    assert failures[0].check(ConnectionInterrupted)
    changes = record(server.delivery.receipt_changed)
    writing.callback(True)
    network.settle()
    assert changes == []


@simulated
async def test_a_filter_of_the_server_sees_what_is_delivered_and_may_drop_it(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    await network.client("bob", handler=Recorder())
    server.custom.filters.add(lambda information: None)
    with pytest.raises(NotDelivered) as caught:
        await alice.delivery.send("bob", 7, b"unwanted")
    assert caught.value.reason == RequestFailure.DROPPED_BY_FILTER
    assert server.refusals.counts["delivery_dropped_by_filter"] == 1


@simulated
async def test_a_full_mailbox_refuses_and_says_why(network: MemoryNetwork) -> None:
    network.server(options=ServerOptions(delivery=DeliveryOptions(messages=2)))
    alice, bob = await network.client("alice"), await network.client("bob", handler=Recorder())
    network.cut(bob)
    receipts = [alice.delivery.send("bob", 7, b"", until=HANDLED) for _ in range(3)]
    with pytest.raises(NotDelivered) as caught:
        await receipts[2]
    assert caught.value.reason == RequestFailure.QUOTA_EXCEEDED
    for receipt in receipts[:2]:
        await receipt


# --- one sender -------------------------------------------------------------------------------------------------------
def flood(peer: FramePeer, targets: list[str | None], count: int, size: int) -> None:
    """More than any outbox would have on its way, each receipt confirmed at once."""
    for conversation, target in enumerate(targets, 1):
        for sequence in range(1, count + 1):
            body = MessageBody(bytes(size), conversation, 7, 0, 0, sequence, sequence - 1, target)
            peer.stranger.write(peer.frame(MessageType.DELIVERY_MESSAGE, MESSAGE.encode(body)))
    peer.network.settle()


@pytest.mark.parametrize(("count", "size"), [(1500, 0), (20, 250 * 1024)])
@simulated
async def test_one_hostile_sender_makes_delivery_busy_for_nobody_else(
    network: MemoryNetwork, count: int, size: int
) -> None:
    class Hanging(Recorder):
        def handle_information(self, *what: Any) -> Any:
            return Deferred()

    server = network.server(Hanging())
    users = [f"user{number}" for number in range(5)]
    for user in users:
        network.cut(await network.client(user))
    mallory = greeted(network)
    flood(mallory, [*users, None], count, size)
    messages, held = server.delivery.waiting
    assert mallory.is_connected
    assert messages <= limits.DELIVERY_MESSAGES_FROM_ONE
    assert held <= limits.DELIVERY_BYTES_FROM_ONE
    assert server.refusals.counts["delivery_sender_quota_exceeded"] > 0
    assert server.refusals.counts["delivery_busy"] == 0
    alice, handler = await network.client("alice"), Recorder()
    await network.client("bob", handler=handler)
    await alice.delivery.send("bob", 1, b"1", until=HANDLED)
    receipt = await alice.delivery.send(None, 1, b"2", until=Level.SERVER_HAS_IT)
    assert (handler.contents, receipt.level) == ([b"1"], Level.RECEIVER_HAS_IT)


@simulated
async def test_its_sender_is_told_why(network: MemoryNetwork) -> None:
    options = ServerOptions(delivery=DeliveryOptions(messages_from_one=2))
    server = network.server(options=options)
    alice, bob = await network.client("alice"), await network.client("bob", handler=Recorder())
    network.cut(bob)
    sent = [alice.delivery.send("bob", 1, b"1", until=HANDLED) for _ in range(3)]
    with pytest.raises(NotDelivered, match="handled by nobody yet") as caught:
        await sent[2]
    assert caught.value.reason == RequestFailure.SENDER_QUOTA_EXCEEDED
    for receipt in sent[:2]:
        await receipt
    assert server.delivery.waiting == (0, 0)


# --- the offline store ------------------------------------------------------------------------------------------------
def keeping(window: float = 60.0) -> ServerOptions:
    offline = OfflineOptions(enabled=True, has_user=lambda user_id: user_id == "bob")
    return ServerOptions(delivery=DeliveryOptions(window=window), offline=offline)


@simulated
async def test_a_message_to_somebody_absent_is_stored_and_says_on_disk_when_it_is(network: MemoryNetwork) -> None:
    server = network.server(options=keeping())
    alice = await network.client("alice")
    receipt = await alice.delivery.send("bob", 7, b"hello", until=Level.STORED_ON_DISK)
    assert receipt.level is Level.STORED_ON_DISK
    (waiting,) = await server.offline.waiting("bob")
    assert (waiting.id, waiting.source, waiting.handed_out) == (receipt.id, "alice", 0)
    with pytest.raises(TargetAbsent, match="handed over when it asks") as caught:
        await alice.delivery.send("bob", 7, b"hello")
    assert isinstance(caught.value, Undelivered)
    assert caught.value.level is Level.STORED_ON_DISK
    with pytest.raises(TargetAbsent):
        await alice.delivery.send("nobody", 7, b"", until=Level.STORED_ON_DISK)


@simulated
async def test_what_a_process_had_and_never_handled_is_stored_marked(network: MemoryNetwork) -> None:
    never: Deferred[None] = Deferred()

    class Hanging(Recorder):
        def handle_information(self, *what: Any) -> Any:
            super().handle_information(*what)
            return never

    server = network.server(options=keeping())
    alice, bob = await network.client("alice"), await network.client("bob", handler=Hanging())
    receipt = await alice.delivery.send("bob", 7, b"hello")
    await bob.close()
    network.advance(61)
    network.settle()
    (waiting,) = await server.offline.waiting("bob")
    assert (waiting.id, waiting.handed_out) == (receipt.id, 1)
    handler = Recorder()
    bob = await network.client("bob", handler=handler)
    await bob.offline.ready()
    network.settle()
    assert handler.contents == [b"hello"]


# --- hostile clients --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("message_type", "body"),
    [
        (MessageType.DELIVERY_HELLO, hello(b"short")),
        (MessageType.DELIVERY_HELLO, hello()),
        (MessageType.DELIVERY_MESSAGE, message(0)),
        (MessageType.DELIVERY_MESSAGE, message(1, conversation=-1)),
        (MessageType.DELIVERY_MESSAGE, b"\xff" * 40),
        (MessageType.DELIVERY_ACKNOWLEDGEMENT, b""),
        (MessageType.DELIVERY_SETTLED, b"\x01"),
    ],
)
def test_what_breaks_the_rules_ends_its_sender(message_type: int, body: bytes) -> None:
    network = MemoryNetwork()
    network.server()
    mallory = greeted(network)
    mallory.send(message_type, body)
    assert not mallory.is_connected
    network.close()


@pytest.mark.parametrize("message_type", [1072, 1075, 1076])
def test_before_the_hello_nothing_is_taken(message_type: int) -> None:
    network = MemoryNetwork()
    network.server()
    mallory = FramePeer(network, "mallory", authorized_user=OURS).online()
    mallory.send(message_type, message(1))
    assert not mallory.is_connected
    network.close()


def test_who_confirms_no_receipts_is_cut_off() -> None:
    network = MemoryNetwork()
    server = network.server()
    mallory = greeted(network)
    for sequence in range(1, 5000):
        mallory.stranger.write(mallory.frame(MessageType.DELIVERY_MESSAGE, message(sequence, "nobody")))
    network.settle()
    assert not mallory.is_connected
    assert server.delivery.waiting == (0, 0)
    network.close()


@pytest.mark.parametrize("target", ["", "b" * 256, "_group", "bob\0"])
def test_nothing_waits_for_whom_nobody_can_be(target: str) -> None:
    network = MemoryNetwork()
    server = network.server()
    mallory = greeted(network)
    # As what waited for a server that restarts: for that, mailboxes are made for whoever is meant.
    body = MessageBody(b"content", 1, 7, Mark.WAITED, 0, 1, 0, target)
    mallory.send(MessageType.DELIVERY_MESSAGE, MESSAGE.encode(body))
    assert mallory.is_connected
    assert server.delivery.waiting == (0, 0)
    network.close()


@simulated
async def test_acknowledgements_of_what_was_never_given_change_nothing(network: MemoryNetwork) -> None:
    network.server()
    mallory = greeted(network, "bob")
    body = AcknowledgementBody(2**62, 2**62, [RefusedBody(5, 999), RefusedBody(-1, 0)])
    mallory.send(MessageType.DELIVERY_ACKNOWLEDGEMENT, ACKNOWLEDGEMENT.encode(body))
    assert mallory.is_connected
    alice = await network.client("alice")
    receipt = await alice.delivery.send("bob", 7, b"", until=Level.SERVER_HAS_IT)
    assert receipt.level is Level.SERVER_HAS_IT


@simulated
async def test_nobody_can_claim_the_ids_of_another_users_messages(network: MemoryNetwork) -> None:
    assert public_process("alice", PROCESS) != public_process("mallory", PROCESS)
    handler = Recorder()
    network.server()
    await network.client("bob", handler=handler)
    for name in ("alice", "mallory"):
        greeted(network, name).send(MessageType.DELIVERY_MESSAGE, message(1, content=name.encode()))
    network.settle()
    assert handler.contents == [b"alice", b"mallory"]


def test_a_key_is_read_back_from_its_text_and_nothing_else_is() -> None:
    key = MessageKey(PROCESS, 3, 12345)
    assert MessageKey.parse(str(key)) == key
    assert [MessageKey.parse(text) for text in ("", "a-1-1", f"{key}0000000000000000000", f" {key}")] == [None] * 4


def test_a_foreign_client_sees_nothing_of_it() -> None:
    network = MemoryNetwork()
    network.server()
    foreign = FramePeer(network, "foreign").online()
    assert [frame.message_type for frame in foreign.take() if frame.message_type >= 1000] == []
    network.close()


@simulated
async def test_what_would_be_waited_for_in_vain_is_refused(network: MemoryNetwork) -> None:
    server = network.server()
    wrong: Any = "HANDLED"
    with pytest.raises(EncodeError, match="until is 'HANDLED'; a Level"):
        server.delivery.send("bob", 7, b"", until=wrong)
    with pytest.raises(EncodeError, match="timeout is -1; seconds"):
        server.delivery.send("bob", 7, b"", timeout=-1)
    assert server.delivery.waiting == (0, 0)


@simulated
async def test_what_is_for_a_number_that_means_no_device_waits_for_nobody(network: MemoryNetwork) -> None:
    server = network.server()
    mallory = greeted(network)
    mallory.send(MessageType.DELIVERY_MESSAGE, message(1, "77#bob"))
    assert server.delivery.waiting == (0, 0)
    assert server.refusals.counts["delivery_target_absent"] == 1
    mallory.send(MessageType.DELIVERY_MESSAGE, message(2, "9#bob"))
    assert server.refusals.counts["delivery_target_absent"] == 1
