"""A TCP channel as its user sees it, on connections in memory and virtual time."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from esframework import limits as general
from esframework.errors import ChannelClosed, LocalError
from esframework.limits import rudp as rudp_limits
from esframework.limits import sealed as limits
from esframework.net.channels import IP2PChannel
from esframework.net.punched_tcp import channel as channel_module
from esframework.net.punched_tcp.channel import TcpChannel
from esframework.rudp.events import CloseCode
from esframework.testing import MemoryNetwork, simulated
from esframework.testing.endpoints import MemoryConnection
from tests.memory_tcp import Ends
from tests.sealed_ends import SESSION


def forget_session(ends: Ends) -> None:
    """Whatever happens to channels is none of their session's business."""
    for sessions in ends.sessions:
        sessions.forget(SESSION)


def connection_of(network: MemoryNetwork) -> MemoryConnection:
    """The one connection of the network."""
    (connection,) = [one for one in network._backbone.connections if one.is_open]
    return connection


@simulated
async def test_it_is_a_p2p_channel(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, follower = ends.connect()
    for channel, port in ((leader, 1002), (follower, None)):
        assert verifyObject(IP2PChannel, channel)
        assert (channel.protocol, channel.address[0], channel.is_open) == ("tcp", "127.0.0.1", True)
        assert port in (None, channel.address[1])
        assert (channel.opened_at, channel.waiting(), channel.waiting(2), channel.is_busy) == (0.0, 0, 0, False)
    assert follower.address == leader.local_address
    await ends.close()


@simulated
async def test_what_is_written_in_one_turn_leaves_in_one_record(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    before = leader.facts()["records_sent"]
    for _ in range(100):
        leader.write(0, b"small")
    assert leader.waiting(0) == 500
    network.settle()
    assert leader.facts()["records_sent"] == before + 1  # type: ignore[operator]
    assert ends.follower.received_bytes[0] == b"small" * 100
    await ends.close()


@simulated
async def test_a_paused_stream_reaches_its_sender_and_stops_no_other(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, follower = ends.connect()
    follower.pause(2)
    leader.write(2, bytes(2 * limits.WINDOW))
    network.advance(1.0)
    leader.write(0, b"message")
    network.advance(1.0)
    assert (leader.waiting(2), leader.waiting(0), leader.is_busy) == (limits.WINDOW, 0, True)
    assert (ends.follower.received_bytes[0], ends.follower.received_bytes[2]) == (b"message", b"")
    follower.resume(2)
    assert ends.follower.received_bytes[2] == b""
    network.advance(1.0)
    assert (len(ends.follower.received_bytes[2]), leader.waiting()) == (2 * limits.WINDOW, 0)
    assert ends.leader.events == ["opened", "writable"]
    await ends.close()


@simulated
async def test_a_message_overtakes_a_file(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    network.conditions.delay = 0.05
    network.conditions.window = 32 * 1024
    leader.write(2, bytes(4 * 1024 * 1024))
    network.advance(1.0)
    leader.write(0, b"urgent")
    network.advance(0.2)
    assert ends.follower.received_bytes[0] == b"urgent"
    assert leader.waiting(2) > 1024 * 1024
    await ends.close()


@simulated
async def test_a_slow_path_makes_it_busy_sooner(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    network.conditions.delay = 0.5
    network.conditions.window = 32 * 1024
    leader.write(2, bytes(600 * 1024))
    assert not leader.is_busy
    network.advance(5.0)
    assert 0 < leader.facts()["rate"] < 100_000  # type: ignore[operator]
    assert leader.is_busy
    network.advance(60.0)
    assert ends.leader.events == ["opened"]
    leader.write(2, bytes(general.P2P_BUSY_BYTES))
    network.advance(60.0)
    assert ends.leader.events == ["opened", "writable"]
    await ends.close()


@simulated
async def test_it_may_be_paused_and_written_to_from_within_a_callback(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, follower = ends.connect()

    def answer(channel: TcpChannel, stream: int, data: bytes) -> None:
        before = list(ends.leader.received_bytes.values())
        channel.pause(2)
        channel.write(stream, data.upper())
        assert before == list(ends.leader.received_bytes.values())

    ends.follower.on_received = answer
    leader.write(0, b"a")
    leader.write(2, b"b")
    network.settle()
    assert ends.leader.received_bytes == {0: b"A", 1: b"", 2: b""}
    follower.resume(2)
    network.settle()
    assert ends.leader.received_bytes[2] == b"B"
    await ends.close()


@simulated
async def test_an_orderly_end_brings_everything_and_tells_both(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, follower = ends.connect()
    network.conditions.delay = 0.02
    leader.write(2, bytes(1024 * 1024))
    leader.close(64, "enough")
    assert not leader.is_open
    with pytest.raises(ChannelClosed):
        leader.write(0, b"x")
    network.advance(4.0)
    assert len(ends.follower.received_bytes[2]) == 1024 * 1024
    assert ends.follower.events == ["opened", ("closed", 64, "enough", True)]
    assert ends.leader.events[-1] == ("closed", 64, "enough", False)
    assert not follower.is_open
    assert all(not one.is_open for one in network._backbone.connections)
    await ends.close()


@simulated
async def test_an_abort_is_told_in_a_later_turn_and_to_the_other_end(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    leader.write(0, bytes(100_000))
    leader.abort(65, "stop")
    leader.close()
    assert ends.leader.events == ["opened"]
    network.advance(limits.LINGER_TIME + 1)
    assert ends.leader.events == ["opened", ("closed", 65, "stop", False)]
    assert ends.follower.events == ["opened", ("closed", 65, "stop", True)]
    assert ends.follower.received_bytes[0] == b""
    assert all(not one.is_open for one in network._backbone.connections)
    await ends.close()


@simulated
async def test_a_connection_that_breaks_is_noticed_at_once(network: MemoryNetwork) -> None:
    ends = Ends(network)
    ends.connect()
    connection_of(network).cut()
    network.settle()
    lost = ("closed", CloseCode.LOST, "the connection was lost", False)
    assert (ends.leader.events, ends.follower.events) == (["opened", lost], ["opened", lost])
    await ends.close()


@simulated
async def test_a_path_that_swallows_everything_is_noticed_within_fifteen_seconds(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    network.advance(60.0)
    assert ends.leader.events == ["opened"]
    connection = connection_of(network)
    connection.unplug(True)
    leader.write(0, b"into the void")
    network.advance(rudp_limits.SILENCE + 0.5)
    for user in ends.users:
        assert user.events[-1] == ("closed", CloseCode.SILENCE, "nothing was heard for 15 s", False)
    connection.unplug(False)
    await ends.close()


@simulated
async def test_an_idle_channel_lives_and_knows_its_round_trip(network: MemoryNetwork) -> None:
    ends = Ends(network)
    network.conditions.delay = 0.1
    leader, follower = ends.connect()
    network.advance(600.0)
    assert (leader.is_open, follower.is_open) == (True, True)
    assert leader.round_trip == pytest.approx(0.2, abs=0.01)
    assert follower.facts()["round_trip"] == pytest.approx(0.2, abs=0.01)
    assert leader.facts()["bytes_received"] == follower.facts()["bytes_sent"]
    await ends.close()


@simulated
async def test_a_user_that_raises_ends_the_channel(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()

    def fail(channel: TcpChannel, stream: int, data: bytes) -> None:
        raise RuntimeError("a bug of the application")

    ends.follower.on_received = fail
    leader.write(0, b"x")
    network.advance(1.0)
    assert [str(failure) for failure in network.failures.take(RuntimeError)] == ["a bug of the application"]
    told = "the program that uses the channel has failed"
    assert ends.follower.events[-1] == ("closed", CloseCode.FAILED, told, False)
    assert ends.leader.events[-1] == ("closed", CloseCode.FAILED, told, True)
    await ends.close()


@simulated
async def test_bytes_cut_into_any_pieces_are_the_same_bytes(network: MemoryNetwork) -> None:
    network.conditions.chunk = 7
    ends = Ends(network)
    leader, follower = ends.connect()
    leader.write(1, bytes(range(256)) * 100)
    follower.write(2, bytes(range(255)) * 100)
    network.advance(1.0)
    assert ends.follower.received_bytes[1] == bytes(range(256)) * 100
    assert ends.leader.received_bytes[2] == bytes(range(255)) * 100
    await ends.close()


@simulated
async def test_there_are_three_streams(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    for call in (leader.pause, leader.resume, leader.waiting, lambda stream: leader.write(stream, b"x")):
        with pytest.raises(LocalError, match="stream 3"):
            call(3)
    await ends.close()


@simulated
async def test_a_chosen_channel_outlives_its_session(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    forget_session(ends)
    network.advance(60.0)
    leader.write(0, b"still here")
    network.settle()
    assert ends.follower.received_bytes[0] == b"still here"
    leader.close()
    network.advance(1.0)
    assert ends.follower.events[-1] == ("closed", 0, "", True)
    await ends.close()


@simulated
async def test_the_system_is_given_no_more_than_messages_may_wait_for(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    transport = leader.transport
    unsent, asked, taken = [0], [], []

    def take(transport: object, data: bytes) -> int:
        unsent[0] += len(data)
        taken.append(data)
        return len(data)

    monkeypatch.setattr(channel_module, "unsent_in", lambda transport: unsent[0])
    monkeypatch.setattr(channel_module, "send_now", take)
    monkeypatch.setattr(leader, "_plain", True)
    monkeypatch.setattr(transport, "startWriting", lambda: asked.append(True), raising=False)
    leader.write(2, bytes(1024 * 1024))
    network.settle()
    assert limits.UNSENT_IN_KERNEL < unsent[0] < limits.UNSENT_IN_KERNEL + 2 * limits.LEAST_TURN
    assert asked == [True]
    leader.write(0, b"urgent")
    unsent[0] = 0
    before = len(taken)
    leader.resumeProducing()
    network.settle()
    for data in taken:
        transport.write(data)
    network.settle()
    assert len(taken) == 2 * before
    assert ends.follower.received_bytes[0] == b"urgent"
    assert len(ends.follower.received_bytes[2]) < 3 * limits.UNSENT_IN_KERNEL
    await ends.close()
