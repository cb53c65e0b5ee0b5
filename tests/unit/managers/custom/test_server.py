"""What a server sees of its clients' information: monitors, filters, and what it is told of the undeliverable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from esframework import ClientOptions, Information, MessageType
from esframework.errors import NotDelivered, RequestTimeout, TargetAbsent
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.information import decode_information, encode_information
from tests.peers import FramePeer, Recorder, record


# --- the undeliverable ----------------------------------------------------------------------------------------------
@simulated
async def test_information_for_somebody_absent_raises_transmit_failed(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    failed = record(server.custom.transmit_failed)
    alice.custom.post("nobody", 1, b"posted")
    await alice.custom.send("nobody", 2, b"sent")
    with pytest.raises(TargetAbsent):
        await alice.custom.send_acked("nobody", 3, b"acked")
    assert [information for _, information in failed] == [
        Information("alice", "nobody", 1, b"posted", "post"),
        Information("alice", "nobody", 2, b"sent", "send"),
        Information("alice", "nobody", 3, b"acked", "acked"),
    ]


@simulated
async def test_blobs_and_queries_for_somebody_absent_do_not(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    failed = record(server.custom.transmit_failed)
    await alice.custom.send_blob("nobody", 1, bytes(100_000))
    with pytest.raises(TargetAbsent):
        await alice.custom.query("nobody", 1, b"")
    network.settle()
    assert failed == []


@simulated
async def test_a_foreign_clients_query_to_somebody_absent_is_answered_empty_in_his_name(network: MemoryNetwork) -> None:
    network.server()
    foreign = FramePeer(network, "foreign").online()
    foreign.send(MessageType.QUERY, encode_information(1, b""), 77, "nobody")
    (answer,) = foreign.take()
    assert answer[:5] == (MessageType.ANSWER, 77, "nobody", "foreign", b"")


@simulated
async def test_malformed_information_for_somebody_absent_ends_its_sender(network: MemoryNetwork) -> None:
    server = network.server()
    server.custom.transmit_failed.subscribe(lambda information: None)
    foreign = FramePeer(network, "foreign").online()
    foreign.send(MessageType.INFORMATION, b"malformed", to="nobody")
    assert not foreign.is_connected


# --- monitors -------------------------------------------------------------------------------------------------------
@simulated
async def test_information_received_sees_what_is_forwarded_and_what_arrives_but_no_blobs(
    network: MemoryNetwork,
) -> None:
    server = network.server(Recorder())
    alice = await network.client("alice")
    await network.client("bob", handler=Recorder())
    alice.custom.post("bob", 0, b"before anybody listens")
    network.settle()
    seen: list[Information] = []
    subscription = server.custom.information_received.subscribe(seen.append)
    alice.custom.post("bob", 1, b"a")
    await alice.custom.send("bob", 2, b"b")
    await alice.custom.send_acked("bob", 3, b"c")
    await alice.custom.query("bob", 4, b"d")
    await alice.custom.send_blob("bob", 5, bytes(50_000))
    await alice.custom.send_message("bob", 6, bytes(50_000))
    await alice.custom.query(None, 7, b"e")
    network.settle()
    subscription.cancel()
    alice.custom.post("bob", 8, b"after")
    network.settle()
    assert [(item.source, item.target, item.information_type, item.content, item.style) for item in seen] == [
        ("alice", "bob", 1, b"a", "post"),
        ("alice", "bob", 2, b"b", "send"),
        ("alice", "bob", 3, b"c", "acked"),
        ("alice", "bob", 4, b"d", "query"),
        ("alice", None, 7, b"e", "query"),
    ]


@simulated
async def test_a_monitor_that_fails_stops_nothing(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    handler = Recorder()
    await network.client("bob", handler=handler)
    seen: list[Information] = []

    def fail(information: Information) -> None:
        raise ValueError

    server.custom.information_received.subscribe(fail)
    server.custom.information_received.subscribe(seen.append)
    await alice.custom.send_acked("bob", 1, b"x")
    assert len(seen) == len(handler.information) == 1
    assert len(network.failures.take(ValueError)) == 1


# --- filters --------------------------------------------------------------------------------------------------------
async def filtered(
    network: MemoryNetwork, filter: Callable[[Information], Information | None]
) -> tuple[Any, Recorder, Recorder, Any]:
    at_server, at_bob = Recorder(), Recorder()
    server = network.server(at_server)
    alice = await network.client("alice")
    await network.client("bob", handler=at_bob)
    alice.custom.post("bob", 0, b"before")
    network.settle()
    handle = server.custom.filters.add(filter)
    at_bob.information.clear()
    return alice, at_server, at_bob, handle


@simulated
async def test_a_filter_may_change_what_is_forwarded_and_what_arrives(network: MemoryNetwork) -> None:
    alice, at_server, at_bob, handle = await filtered(
        network, lambda item: replace(item, information_type=99, content=(item.content or b"").upper())
    )
    alice.custom.post("bob", 1, b"loud")
    alice.custom.post(None, 1, b"loud")
    assert await alice.custom.query("bob", 1, b"loud") == b"LOUD"
    network.settle()
    assert at_bob.information == [("alice", 99, b"LOUD")]
    assert at_server.information == [("alice", 99, b"LOUD")]
    handle.cancel()
    alice.custom.post("bob", 1, b"quiet")
    network.settle()
    assert at_bob.contents[-1] == b"quiet"


@simulated
async def test_a_filter_may_drop(network: MemoryNetwork) -> None:
    alice, at_server, at_bob, _ = await filtered(network, lambda item: None if item.content == b"bad word" else item)
    for target in ("bob", None):
        alice.custom.post(target, 1, b"bad word")
        alice.custom.post(target, 1, b"fine")
    network.settle()
    assert at_bob.contents == at_server.contents == [b"fine"]


@simulated
async def test_what_a_filter_dropped_is_no_failed_transmission_and_fails_its_query(network: MemoryNetwork) -> None:
    alice, _, at_bob, _ = await filtered(network, lambda item: None)
    (server,) = network._servers
    failed = record(server.custom.transmit_failed)
    alice.custom.post("nobody", 1, b"")
    began = network.seconds()
    with pytest.raises(NotDelivered, match="dropped by filter"):
        await alice.custom.query("bob", 1, b"")
    with pytest.raises(Exception, match="failed"):
        await alice.custom.query(None, 1, b"")
    assert network.seconds() == began
    assert failed == []
    assert server.refusals.counts["dropped_by_filter"] >= 2


@simulated
async def test_a_filter_that_fails_drops(network: MemoryNetwork) -> None:
    def fail(item: Information) -> Information:
        raise ValueError

    alice, at_server, at_bob, _ = await filtered(network, fail)
    alice.custom.post("bob", 1, b"")
    alice.custom.post(None, 1, b"")
    network.settle()
    assert at_bob.information == at_server.information == []
    assert len(network.failures.take(ValueError)) == 2


@simulated
async def test_malformed_information_that_is_looked_at_ends_its_sender(network: MemoryNetwork) -> None:
    await filtered(network, lambda item: item)
    foreign = FramePeer(network, "foreign").online()
    foreign.send(MessageType.INFORMATION, b"malformed", to="bob")
    assert not foreign.is_connected


@simulated
async def test_filters_of_a_client_see_what_it_receives(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    handler = Recorder()
    bob = await network.client("bob", handler=handler)
    bob.custom.filters.add(lambda item: replace(item, content=b"changed"))
    await alice.custom.send_acked("bob", 1, b"x")
    assert handler.contents == [b"changed"]


# --- replies --------------------------------------------------------------------------------------------------------
@simulated
async def test_a_reply_from_somebody_who_was_not_asked_is_ignored(network: MemoryNetwork) -> None:
    server = network.server()
    mallory, bob = FramePeer(network, "mallory").online(), FramePeer(network, "bob").online()
    alice = await network.client("alice")
    for custom in (alice.custom, server.custom):
        asked = custom.query("bob", 1, b"")
        (query,) = bob.take()
        for to in ("alice", "_0"):
            mallory.send(MessageType.ANSWER, encode_information(1, b"forged"), query.message_id, to)
        network.settle()
        assert not asked.called
        bob.send(MessageType.ANSWER, encode_information(1, b"true"), query.message_id, query.source)
        assert await asked == b"true"


@simulated
async def test_a_reply_of_another_kind_is_ignored(network: MemoryNetwork) -> None:
    network.server()
    bob = FramePeer(network, "bob").online()
    alice = await network.client("alice")
    asked = alice.custom.query("bob", 1, b"", timeout=5)
    (query,) = bob.take()
    bob.send(MessageType.ACKNOWLEDGEMENT, b"", query.message_id, "alice")
    with pytest.raises(RequestTimeout):
        await asked


@simulated
async def test_a_device_that_was_asked_by_its_bare_id_may_answer_by_either(network: MemoryNetwork) -> None:
    network.server()
    phone = FramePeer(network, "4#bob", generation=7).online()
    alice = await network.client("alice", options=ClientOptions(generation=7))
    for name in ("bob", "4#bob"):
        asked = alice.custom.query("bob", 1, b"")
        (query,) = phone.take()
        phone.send(MessageType.ANSWER, query.body, query.message_id, "alice", name)
        assert await asked == b""


@simulated
async def test_a_client_cannot_say_in_the_servers_name_that_a_request_failed(network: MemoryNetwork) -> None:
    network.server()
    mallory, bob = FramePeer(network, "mallory").online(), FramePeer(network, "bob").online()
    alice = await network.client("alice")
    asked = alice.custom.query("bob", 1, b"")
    (query,) = bob.take()
    mallory.send(MessageType.REQUEST_FAILED, b"", query.message_id, "alice")
    bob.send(MessageType.ANSWER, query.body, query.message_id, "alice")
    assert await asked == b""


@simulated
async def test_acknowledgements_between_clients_come_from_the_receiving_client(network: MemoryNetwork) -> None:
    network.server()
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    alice.send(MessageType.ACKED_INFORMATION, encode_information(1, b"x"), 5, "bob")
    assert alice.take() == []
    (asked,) = bob.take()
    bob.send(MessageType.ACKNOWLEDGEMENT, b"", asked.message_id, "alice")
    assert [frame[:4] for frame in alice.take()] == [(MessageType.ACKNOWLEDGEMENT, 5, "bob", "alice")]


@simulated
async def test_the_server_acknowledges_a_foreign_client(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server(handler)
    alice = FramePeer(network, "alice").online()
    alice.send(MessageType.ACKED_INFORMATION, encode_information(1, b"x"), 5)
    assert [frame[:5] for frame in alice.take()] == [(MessageType.ACKNOWLEDGEMENT, 5, "_0", "alice", b"")]
    assert handler.contents == [b"x"]


@simulated
async def test_the_server_answers_a_foreign_clients_query(network: MemoryNetwork) -> None:
    def answer(content: bytes | None) -> bytes:
        if content == b"raise":
            raise ValueError
        return b"answer"

    network.server(Recorder(answer))
    alice = FramePeer(network, "alice").online()
    alice.send(MessageType.QUERY, encode_information(3, b""), 5)
    (frame,) = alice.take()
    assert (frame.message_id, decode_information(frame.body)) == (5, (3, b"answer"))
    alice.send(MessageType.QUERY, encode_information(3, b"raise"), 6)
    (frame,) = alice.take()
    assert (frame.message_type, frame.message_id, frame.body) == (MessageType.ANSWER, 6, b"")
    network.failures.take(ValueError)


@simulated
async def test_the_acknowledgement_leaves_before_anything_that_the_handler_sends(network: MemoryNetwork) -> None:
    class Answering(Recorder):
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
            server.custom.post(source, 2, b"from the handler")

    server = network.server(Answering())
    alice = FramePeer(network, "alice").online()
    alice.send(MessageType.ACKED_INFORMATION, encode_information(1, b"x"), 5)
    assert [frame.message_type for frame in alice.take()] == [
        MessageType.ACKNOWLEDGEMENT,
        MessageType.INFORMATION_POSTED,
    ]


@simulated
async def test_filters_see_whole_blobs_but_monitors_do_not(network: MemoryNetwork) -> None:
    handler = Recorder()
    server = network.server(handler=handler)
    seen = record(server.custom.information_received)
    server.custom.filters.add(lambda information: None if information.information_type == 5 else information)
    alice = await network.client("alice")
    await alice.custom.send_blob(None, 5, bytes(100_000))
    await alice.custom.send_blob(None, 6, bytes(100_000))
    network.settle()
    assert handler.contents == [bytes(100_000)]
    assert seen == []
