"""Information, blobs and attachments between clients that may have a P2P channel: which of the two ways each takes, and
what becomes of it when that way is lost."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import BY_SERVER, ChannelMode, NoP2PChannel, OnNoP2PChannel
from esframework.errors import ConnectionInterrupted, LocalError, RequestTimeout
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType
from tests.consumers import Collector, Taker
from tests.linked import Friends
from tests.peers import record

BY_CHANNEL = ChannelMode.BY_P2P_CHANNEL
BLOB = bytes(range(256)) * 4096 * 4
EVERYTHING = (
    MessageType.INFORMATION,
    MessageType.INFORMATION_POSTED,
    MessageType.ACKED_INFORMATION,
    MessageType.QUERY,
)


def passing(friends: Friends, *types: MessageType) -> list[int]:
    """The types of what clients send to each other past the server, as it happens."""
    seen: list[int] = []

    def watch(message_type: MessageType) -> None:
        def inspect(sender: Any, target: str, body: bytes) -> bytes:
            seen.append(message_type)
            return body

        friends.server.router.inspect(message_type, inspect)

    for each in types:
        watch(each)
    return seen


async def send_each(friends: Friends, mode: ChannelMode) -> None:
    custom = friends.alice.custom
    assert await custom.send("bob", 1, b"sent", channel=mode)
    assert custom.post("bob", 1, b"posted", channel=mode)
    await custom.send_acked("bob", 1, b"acked", channel=mode)
    assert await custom.query("bob", 1, b"asked", channel=mode) == b"asked"


# --- modes ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mode", "by_server"), [(ChannelMode.P2P_CHANNEL_FIRST, False), (BY_CHANNEL, False), (BY_SERVER, True)]
)
@simulated
async def test_information_goes_by_the_way_that_was_chosen(
    mode: ChannelMode, by_server: bool, network: MemoryNetwork
) -> None:
    friends = Friends(network)
    friends.connect()
    seen = passing(friends, *EVERYTHING)
    await send_each(friends, mode)
    network.settle()
    assert friends.at_bob.contents == [b"sent", b"posted", b"acked"]
    assert sorted(seen) == (sorted(EVERYTHING) if by_server else [])


@pytest.mark.parametrize("mode", list(ChannelMode))
@simulated
async def test_towards_the_server_and_from_it_the_mode_changes_nothing(
    mode: ChannelMode, network: MemoryNetwork
) -> None:
    friends = Friends(network)
    assert await friends.alice.custom.send(None, 1, b"to the server", channel=mode)
    assert await friends.alice.custom.query(None, 1, b"?", channel=mode) == b"?"
    assert await friends.alice.custom.send_blob(None, 1, b"blob", channel=mode)
    assert await friends.server.custom.send("alice", 1, b"from the server", channel=mode)
    assert friends.server.custom.post("alice", 1, b"posted", channel=mode, on_no_channel=OnNoP2PChannel.DISCARD)
    network.settle()
    assert friends.server.handler.contents == [b"to the server", b"blob"]
    assert friends.at_alice.contents == [b"from the server", b"posted"]


@simulated
async def test_without_a_channel_what_may_go_by_nothing_else_is_refused(network: MemoryNetwork) -> None:
    custom = Friends(network).alice.custom
    for send in (custom.send, custom.post, custom.send_acked, custom.query, custom.send_blob, custom.send_message):
        with pytest.raises(NoP2PChannel, match=r"connect\('bob'\)"):
            await send("bob", 1, b"x", channel=BY_CHANNEL)
    with pytest.raises(NoP2PChannel):
        await custom.send_attached("bob", 1, b"x", b"attached", channel=BY_CHANNEL)
    network.settle()


@simulated
async def test_it_is_dropped_instead_when_that_is_wanted(network: MemoryNetwork) -> None:
    friends = Friends(network)
    custom, dropped = friends.alice.custom, OnNoP2PChannel.DISCARD
    assert await custom.send("bob", 1, b"x", channel=BY_CHANNEL, on_no_channel=dropped) is False
    assert custom.post("bob", 1, b"x", channel=BY_CHANNEL, on_no_channel=dropped) is False
    assert await custom.send_blob("bob", 1, b"x", channel=BY_CHANNEL, on_no_channel=dropped) is False
    network.settle()
    assert friends.at_bob.information == []


@simulated
async def test_it_goes_by_the_server_instead_when_that_is_wanted(network: MemoryNetwork) -> None:
    friends = Friends(network)
    custom, relayed = friends.alice.custom, OnNoP2PChannel.TRANSFER_BY_SERVER
    assert await custom.send("bob", 1, b"sent", channel=BY_CHANNEL, on_no_channel=relayed)
    assert custom.post("bob", 1, b"posted", channel=BY_CHANNEL, on_no_channel=relayed)
    assert await custom.send_blob("bob", 1, b"blob", channel=BY_CHANNEL, on_no_channel=relayed)
    network.settle()
    assert friends.at_bob.contents == [b"sent", b"posted", b"blob"]


@pytest.mark.parametrize("instead", list(OnNoP2PChannel))
@simulated
async def test_with_a_channel_it_goes_by_that(instead: OnNoP2PChannel, network: MemoryNetwork) -> None:
    friends = Friends(network)
    friends.connect()
    seen = passing(friends, MessageType.INFORMATION_POSTED)
    assert friends.alice.custom.post("bob", 1, b"x", channel=BY_CHANNEL, on_no_channel=instead)
    network.settle()
    assert friends.at_bob.contents == [b"x"]
    assert seen == []


@simulated
async def test_what_a_lost_channel_has_not_brought_arrives_whatever_was_chosen(network: MemoryNetwork) -> None:
    friends = Friends(network, keeps_trying=False)
    friends.connect()
    friends.cut_path()
    for number in range(10):
        friends.alice.custom.post("bob", 1, b"%d" % number, channel=BY_CHANNEL)
    friends.kill_channel()
    network.advance(1)
    assert friends.at_bob.contents == [b"%d" % number for number in range(10)]


# --- blobs and the second set of calls --------------------------------------------------------------------------------
@simulated
async def test_a_blob_goes_by_the_stream_of_blobs_and_messages_between_its_fragments(network: MemoryNetwork) -> None:
    network.datagrams.conditions.delay = 0.02
    friends = Friends(network)
    friends.connect()
    seen = passing(friends, MessageType.BLOB_FRAGMENT)
    written = [0, 0, 0]
    link = friends.alice.links["bob"]
    write = link.write

    def count(channel: Any, stream: int, data: bytes) -> None:
        written[stream] += len(data)
        write(channel, stream, data)

    link.write = count
    sent = friends.alice.custom.send_blob("bob", 1, BLOB)
    friends.alice.custom.post("bob", 2, b"in between")
    await sent
    network.advance(2)
    assert [kind for _, kind, _ in friends.at_bob.information] == [2, 1]
    assert friends.at_bob.contents[1] == BLOB
    assert seen == []
    assert written[0] < 5000
    assert written[1] > len(BLOB)
    friends.part()


@simulated
async def test_a_blob_arrives_though_its_way_changes_again_and_again(network: MemoryNetwork) -> None:
    network.datagrams.conditions.delay = 0.05
    friends = Friends(network)
    sent = friends.alice.custom.send_blob("bob", 1, BLOB * 4)
    await friends.alice.p2p.connect("bob")
    network.advance(0.2)
    friends.kill_channel()
    network.advance(4)
    await sent
    blob = friends.alice.custom.send_blob("bob", 2, BLOB * 4)
    for _ in range(3):
        network.advance(0.15)
        friends.kill_channel()
        network.advance(4)
    await blob
    network.advance(20)
    assert [(kind, content == BLOB * 4) for _, kind, content in friends.at_bob.information] == [(1, True), (2, True)]
    friends.part()


@simulated
async def test_a_blob_by_a_channel_goes_on_when_the_server_is_lost(network: MemoryNetwork) -> None:
    network.datagrams.conditions.delay = 0.05
    friends = Friends(network)
    friends.connect()
    sent = friends.alice.custom.send_blob("bob", 1, BLOB)
    network.advance(0.05)
    network.go_down()
    await sent
    network.advance(1)
    assert not friends.bob.connected
    assert friends.at_bob.contents == [BLOB]
    network.come_up()
    friends.part()


@simulated
async def test_messages_of_the_second_set_go_by_the_channel_unless_they_are_echoed(network: MemoryNetwork) -> None:
    friends = Friends(network)
    friends.connect()
    got = record(friends.bob.custom.message_received)
    seen = passing(friends, MessageType.ENGINE_MESSAGE, MessageType.ECHOED_MESSAGE)
    await friends.alice.custom.send_message("bob", 1, b"direct", "tag")
    await friends.alice.custom.send_message("bob", 1, b"echoed", "tag", echo=True)
    network.settle()
    assert [message for _, _, _, message, _ in got] == [b"direct", b"echoed"]
    assert seen == [MessageType.ECHOED_MESSAGE]
    with pytest.raises(LocalError, match="copies"):
        friends.alice.custom.send_message("bob", 1, b"x", echo=True, channel=BY_CHANNEL)


# --- requests ---------------------------------------------------------------------------------------------------------
class Later:
    """A handler whose answers come when `answer` fires."""

    def __init__(self) -> None:
        self.answer: Deferred[bytes] = Deferred()

    def handle_information(self, source: Any, information_type: int, content: bytes | None) -> None:
        raise AssertionError("nothing is sent here")

    def handle_query(self, source: Any, information_type: int, content: bytes | None) -> Deferred[bytes]:
        return self.answer


@simulated
async def test_a_question_by_a_channel_is_answered_though_the_server_is_lost_meanwhile(network: MemoryNetwork) -> None:
    later = Later()
    friends = Friends(network, bob=later)
    friends.connect()
    asked = friends.alice.custom.query("bob", 1, b"?")
    network.advance(0.1)
    network.go_down()
    network.advance(1)
    later.answer.callback(b"here")
    assert await asked == b"here"
    network.come_up()


@simulated
async def test_a_question_by_the_server_fails_with_it_though_there_is_a_channel(network: MemoryNetwork) -> None:
    friends = Friends(network, bob=Later())
    friends.connect()
    asked = friends.alice.custom.query("bob", 1, b"?", channel=BY_SERVER)
    network.advance(0.1)
    network.cut(friends.alice)
    with pytest.raises(ConnectionInterrupted):
        await asked


@simulated
async def test_a_question_is_asked_while_there_is_a_channel_and_no_server(network: MemoryNetwork) -> None:
    friends = Friends(network)
    friends.connect()
    network.go_down()
    assert await friends.alice.custom.query("bob", 1, b"?") == b"?"
    network.come_up()


@simulated
async def test_questions_are_over_with_the_session(network: MemoryNetwork) -> None:
    friends = Friends(network, bob=Later())
    friends.connect()
    asked = friends.alice.custom.query("bob", 1, b"?", timeout=0)
    network.advance(0.1)
    await friends.alice.close()
    with pytest.raises(ConnectionInterrupted):
        await asked


# --- attachments ------------------------------------------------------------------------------------------------------
ATTACHED = (
    MessageType.ATTACHMENT_OFFERED,
    MessageType.ATTACHMENT_PIECE,
    MessageType.ATTACHMENT_GRANTED,
    MessageType.ATTACHMENT_ENDED,
    MessageType.ATTACHMENT_RECEIVED,
)


@pytest.mark.parametrize(
    ("mode", "by_server"), [(ChannelMode.P2P_CHANNEL_FIRST, False), (BY_CHANNEL, False), (BY_SERVER, True)]
)
@simulated
async def test_an_attachment_goes_by_the_way_that_was_chosen(
    mode: ChannelMode, by_server: bool, network: MemoryNetwork
) -> None:
    collector = Collector(network.reactor)
    friends = Friends(network, bob=Taker(collector))
    friends.connect()
    seen = passing(friends, *ATTACHED)
    sent = await friends.alice.custom.send_attached("bob", 1, b"look", BLOB, channel=mode)
    assert (sent.size, collector.content) == (len(BLOB), BLOB)
    by_sender = {MessageType.ATTACHMENT_OFFERED, MessageType.ATTACHMENT_PIECE, MessageType.ATTACHMENT_ENDED}
    assert set(seen) == (by_sender if by_server else set())


@simulated
async def test_an_attachment_arrives_though_its_way_changes(network: MemoryNetwork) -> None:
    collector = Collector(network.reactor, 0.05)
    friends = Friends(network, bob=Taker(collector))
    sent = friends.alice.custom.send_attached("bob", 1, b"look", BLOB)
    network.advance(1)
    friends.connect()
    network.advance(1)
    friends.kill_channel()
    network.advance(1)
    assert not sent.called
    await sent
    assert collector.content == BLOB


@simulated
async def test_an_attachment_by_a_channel_goes_on_when_the_server_is_lost(network: MemoryNetwork) -> None:
    collector = Collector(network.reactor, 0.05)
    friends = Friends(network, bob=Taker(collector))
    friends.connect()
    sent = friends.alice.custom.send_attached("bob", 1, b"look", BLOB)
    network.advance(1)
    network.go_down()
    await sent
    assert collector.content == BLOB
    network.come_up()


@simulated
async def test_an_attachment_by_the_server_ends_with_it_though_there_is_a_channel(network: MemoryNetwork) -> None:
    friends = Friends(network, bob=Taker(Collector(network.reactor, 0.05)))
    friends.connect()
    sent = friends.alice.custom.send_attached("bob", 1, b"look", BLOB, channel=BY_SERVER)
    network.advance(1)
    network.cut(friends.alice)
    with pytest.raises(ConnectionInterrupted):
        await sent
    network.advance(60)


@simulated
async def test_an_offer_of_an_attachment_by_the_server_ends_with_it_too(network: MemoryNetwork) -> None:
    undecided: Deferred[None] = Deferred()
    friends = Friends(network, bob=Taker(lambda attachment: undecided))
    offered = friends.alice.custom.send_attached("bob", 1, b"look", BLOB, timeout=0)
    network.advance(1)
    friends.connect()
    network.cut(friends.alice)
    with pytest.raises(ConnectionInterrupted):
        await offered
    network.advance(60)


@simulated
async def test_nobody_waits_for_ever_for_a_silent_path(network: MemoryNetwork) -> None:
    friends = Friends(network, bob=Later())
    friends.connect()
    friends.cut_path()
    with pytest.raises(RequestTimeout):
        await friends.alice.custom.query("bob", 1, b"?", timeout=3)
