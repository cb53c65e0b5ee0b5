"""How frames get from one user to another: as they came, written anew, or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher

from esframework import ClientOptions
from esframework.errors import NotDelivered, TargetAbsent
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import ANSWER_FILE, BEGIN_FILE, AnswerFile7, BeginFile6
from esframework.wire.information import OVERHEAD, encode_information
from esframework.wire.types import RELAYABLE_TYPES, MessageType
from tests.peers import FramePeer, Recorder, record


@simulated
async def test_a_frame_goes_byte_for_byte_to_a_receiver_of_the_same_layout(network: MemoryNetwork) -> None:
    network.server()
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    raw = alice.say("bob", 7, b"\x00\xffas it came")
    assert [frame.raw for frame in bob.take()] == [raw]


@simulated
async def test_the_second_frame_takes_the_fast_way_and_is_the_same(network: MemoryNetwork) -> None:
    network.server()
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    sent = [alice.say("bob", 1, bytes([number])) for number in range(3)]
    sent.append(alice.send(MessageType.FILE_PACKAGE, b"any body", 9, "bob"))
    assert [frame.raw for frame in bob.take()] == sent


@pytest.mark.parametrize("sizes", [(11, 36), (36, 11), (11, 241), (20, 12)])
@pytest.mark.parametrize("generations", [(6, 6), (7, 7), (6, 7), (7, 6)])
def test_clients_of_all_header_sizes_and_generations_talk(sizes: tuple[int, int], generations: tuple[int, int]) -> None:
    network = MemoryNetwork()
    network.server()
    alice = FramePeer(network, "alice", generation=generations[0], max_user_id=sizes[0]).online()
    bob = FramePeer(network, "bob", generation=generations[1], max_user_id=sizes[1]).online()
    body = encode_information(5, b"content")
    for here, there in ((alice, bob), (bob, alice)):
        here.send(MessageType.QUERY, body, 3, there.login_id)
        frame = there.take()[0]
        assert frame[:5] == (MessageType.QUERY, 3, here.login_id, there.login_id, body)
        assert frame.raw[0] == there.layout.profile.token
    network.close()


@simulated
async def test_between_generations_the_client_type_is_mapped(network: MemoryNetwork) -> None:
    network.server()
    ios = FramePeer(network, "ios", client_type=4).online()
    six = FramePeer(network, "six", client_type=1).online()  # Silverlight, which generation 7 lacks
    seven = FramePeer(network, "seven", generation=7, client_type=2).online()  # Android
    ios.say("seven")
    six.say("seven")
    seven.say("six")
    assert [frame.raw[1] for frame in seven.take()] == [4, 10]
    assert [frame.raw[1] for frame in six.take()] == [5]


@simulated
async def test_within_a_generation_a_device_keeps_its_name_and_towards_six_it_is_bare(network: MemoryNetwork) -> None:
    network.server()
    phone = FramePeer(network, "4#alice", generation=7).online()
    long = FramePeer(network, "bob", generation=7, max_user_id=30).online()
    six = FramePeer(network, "six").online()
    phone.say("bob")
    phone.say("six")
    assert [frame.source for frame in long.take()] == ["4#alice"]
    assert [(frame.source, frame.target) for frame in six.take()] == [("alice", "six")]
    six.say("alice")
    six.say("4#alice")
    assert [frame.target for frame in phone.take()] == ["alice", "4#alice"]


@simulated
async def test_bodies_that_differ_between_the_generations_are_encoded_anew(network: MemoryNetwork) -> None:
    network.server()
    six = FramePeer(network, "six", client_type=4).online()
    seven = FramePeer(network, "seven", generation=7).online()
    begin = _begin_file()
    six.send(MessageType.BEGIN_FILE, BEGIN_FILE[6].encode(begin), to="seven")
    got = BEGIN_FILE[7].decode(seven.take()[0].body)
    assert (got.sender_client_type, got.last_update_time, got.total_size) == (4, begin.last_update_time, 9)

    answer = AnswerFile7(
        agree=True,
        answer_client_type=10,
        disrupted_received_count=0,
        disrupted_relative_path=None,
        disrupted_size=0,
        project_id="id",
        received_count=5,
        reject_cause=None,
    )
    seven.send(MessageType.ANSWER_FILE, ANSWER_FILE[7].encode(answer), to="six")
    assert ANSWER_FILE[6].decode(six.take()[0].body).received_count == 5


def _begin_file() -> BeginFile6:
    return BeginFile6(
        comment="c",
        is_folder=False,
        last_update_time=datetime(2026, 11, 20, 12, 30, 15),
        origin_path="p",
        project_id="id",
        total_size=9,
    )


@simulated
async def test_a_body_that_must_be_encoded_anew_and_cannot_be_read_ends_its_sender(network: MemoryNetwork) -> None:
    server = network.server()
    six = FramePeer(network, "six").online()
    FramePeer(network, "seven", generation=7).online()
    invalid = record(server.invalid_message)
    six.send(MessageType.BEGIN_FILE, b"no such body", to="seven")
    assert not six.is_connected
    assert len(invalid) == 1
    assert server.users.ids() == ["seven"]


@pytest.mark.parametrize("message_type", [101, 103, 104, 105, 108, 109, 110, 112, 301, 401, 701, 1000, 1001, 10_000])
def test_only_relayable_types_reach_another_user(message_type: int) -> None:
    network = MemoryNetwork()
    server = network.server()
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    alice.send(message_type, b"", 1, "bob")
    is_relayed = message_type in RELAYABLE_TYPES or message_type == MessageType.PING_ANSWER
    assert [frame.message_type for frame in bob.take()] == ([message_type] if is_relayed else [])
    assert server.refusals.counts["type_not_relayable"] == (0 if is_relayed else 1)
    assert alice.is_connected
    network.close()


@simulated
async def test_nobody_can_forge_a_kick_out_or_a_push_out_of_another(network: MemoryNetwork) -> None:
    network.server()
    mallory = FramePeer(network, "mallory").online()
    bob = await network.client("bob")
    ended = record(bob.basic.being_kicked_out, bob.basic.being_pushed_out)
    for message_type in (MessageType.PUSHED_OUT, MessageType.KICKED_OUT):
        mallory.send(message_type, b"", to="bob")
    assert bob.connected
    assert ended == []


@simulated
async def test_a_types_registered_as_relayable_is_relayed(network: MemoryNetwork) -> None:
    server = network.server()
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    server.dispatcher.relayable.add(10_001)
    server.router.types_changed()
    raw = alice.send(10_001, b"plugin", to="bob")
    assert [frame.raw for frame in bob.take()] == [raw]


@simulated
async def test_a_manager_that_fails_costs_its_sender_neither_the_connection_nor_what_comes_behind(
    network: MemoryNetwork,
) -> None:
    server = network.server()
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()

    def failing(*_: object) -> None:
        raise RuntimeError("broken")

    server.dispatcher.addressed[10001] = failing
    alice.stranger.write(alice.frame(10001, to="_chess") + alice.frame(MessageType.HEARTBEAT))
    alice.say("bob")
    assert alice.is_connected
    assert len(bob.take(MessageType.INFORMATION)) == 1
    assert len(network.failures.take(RuntimeError)) == 1


@simulated
async def test_an_id_that_does_not_fit_the_receiver_is_undeliverable_and_says_why(network: MemoryNetwork) -> None:
    server = network.server()
    failed = record(server.custom.transmit_failed)
    long = "a-name-of-twenty-byt"
    alice = await network.client(long)
    short = FramePeer(network, "short").online()
    logged: list[str] = []

    def observe(event: LogEvent) -> None:
        logged.append(str(event.get("reason")))

    globalLogPublisher.addObserver(observe)
    with pytest.raises(NotDelivered, match="id does not fit"):
        await alice.custom.query("short", 1, b"")
    globalLogPublisher.removeObserver(observe)
    assert "ID_DOES_NOT_FIT" in logged
    await alice.custom.send("short", 2, b"lost")
    network.settle()
    assert short.take() == []
    assert [(word, what.target, what.information_type) for word, what in failed] == [("transmit_failed", "short", 2)]


@simulated
async def test_a_type_that_the_receivers_generation_lacks_is_undeliverable(network: MemoryNetwork) -> None:
    network.server()
    seven, six = FramePeer(network, "seven", generation=7).online(), FramePeer(network, "six").online()
    seven.send(MessageType.BLOB_QUERY, b"", to="six")
    assert six.take() == []
    assert seven.is_connected


@simulated
async def test_who_left_is_reached_no_more_and_who_came_back_is(network: MemoryNetwork) -> None:
    network.server()
    alice = FramePeer(network, "alice").online()
    bob = FramePeer(network, "bob").online()
    alice.say("bob")
    bob.stranger.transport.loseConnection()
    network.settle()
    alice.say("bob", content=b"to nobody")
    again = FramePeer(network, "bob").online()
    raw = alice.say("bob", content=b"welcome back")
    assert [frame.raw for frame in again.take()] == [raw]
    assert len(bob.take()) == 1


@simulated
async def test_a_user_may_write_to_itself(network: MemoryNetwork) -> None:
    network.server()
    handler = Recorder()
    alice = await network.client("alice", handler=handler)
    await alice.custom.send("alice", 1, b"note to self")
    network.settle()
    assert handler.information == [("alice", 1, b"note to self")]


@simulated
async def test_our_own_clients_of_both_generations_talk(network: MemoryNetwork) -> None:
    network.server()
    six = await network.client("six", handler=Recorder())
    seven = await network.client("seven", handler=Recorder(), options=ClientOptions(generation=7))
    assert await six.custom.query("seven", 1, b"question") == b"question"
    assert await seven.custom.query("six", 1, b"question") == b"question"
    assert await seven.custom.query("six", 1, None) is None


@simulated
async def test_a_frame_that_a_longer_header_would_make_too_long_ends_nobodys_connection(network: MemoryNetwork) -> None:
    server = network.server()
    bob = await network.client("bob")
    mallory = FramePeer(network, "mallory").online()
    longest = server.options.max_message - mallory.layout.header_size - OVERHEAD
    mallory.say("bob", 1, bytes(longest))
    network.settle()
    assert bob.connected and mallory.is_connected
    assert await bob.basic.ping() >= 0


@simulated
async def test_a_request_made_while_its_target_leaves_hears_that_it_is_absent(network: MemoryNetwork) -> None:
    server = network.server()
    bob = await network.client("bob", handler=Recorder(lambda _: Deferred()))
    outcome: list[Any] = []

    def ask_again(_: object) -> Any:
        return server.custom.query("bob", 2, b"")

    server.custom.query("bob", 1, b"").addErrback(ask_again).addBoth(outcome.append)
    network.settle()
    network.cut(bob)
    network.settle()
    assert outcome[0].check(TargetAbsent)
