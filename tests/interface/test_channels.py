"""What a P2P channel promises its user, by UDP and by TCP alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from esframework import limits
from esframework.errors import ChannelClosed, LocalError
from esframework.net.channels import BLOBS, FILES, MESSAGES, STREAMS, IP2PChannel, IP2PChannelUser
from esframework.net.udp import UdpDriver
from esframework.rudp.events import CloseCode
from esframework.rudp.keys import derive
from esframework.testing import DatagramConditions, DatagramNetwork, MemoryNetwork
from tests.memory_tcp import Ends

LARGE = 5 * 1024 * 1024
"""Bytes that no window lets through at once."""

HERE, THERE = "203.0.113.1", "203.0.113.2"


class User:
    """Writes down what it is told, and that nothing is told from within a call of its own."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.streams = {stream: bytearray() for stream in STREAMS}
        self.on_received: Callable[[Any, int, bytes], object] = lambda channel, stream, data: None
        self._is_calling = False

    def opened(self, channel: Any) -> None:
        self._tell("opened")

    def received(self, channel: Any, stream: int, data: bytes) -> None:
        assert not self._is_calling
        assert data
        self.streams[stream] += data
        self._is_calling = True
        self.on_received(channel, stream, data)
        self._is_calling = False

    def writable(self, channel: Any) -> None:
        self._tell("writable")

    def moved(self, channel: Any, address: tuple[str, int]) -> None:
        self._tell(("moved", address))

    def closed(self, channel: Any, code: int, reason: str, is_remote: bool) -> None:
        self._tell(("closed", code, reason, is_remote))

    def _tell(self, what: object) -> None:
        assert not self._is_calling
        self.told.append(what)


class World:
    """Two ends of one channel, 20 ms apart and back, on which nothing is lost."""

    users: tuple[User, User]
    channels: tuple[Any, Any]

    def run(self, seconds: float = 1.0) -> None:
        """Let time pass."""
        raise NotImplementedError

    def failures(self) -> list[str]:
        """What was logged as failed since the last call."""
        raise NotImplementedError

    def end(self) -> None:
        """Leave nothing behind."""
        raise NotImplementedError


class ByTcp(World):
    """A channel over a connection in memory."""

    def __init__(self) -> None:
        self._network = MemoryNetwork()
        self._network.conditions.delay = 0.01
        self._ends = Ends(self._network)
        self.channels = self._ends.connect()
        self.users = User(), User()
        for channel, user in zip(self.channels, self.users, strict=True):
            user.told = ["opened"]
            channel._user = user

    def run(self, seconds: float = 1.0) -> None:
        self._network.advance(seconds)

    def failures(self) -> list[str]:
        return [str(error) for error in self._network.failures.take(RuntimeError)]

    def end(self) -> None:
        self._network.run(self._ends.close())
        self._network.close()


class ByUdp(World):
    """A channel over datagrams in memory."""

    def __init__(self) -> None:
        self._memory = MemoryNetwork()
        self._network = DatagramNetwork(self._memory.reactor, Random(0), DatagramConditions(delay=0.01))
        self._drivers = [
            UdpDriver(self._network.machine(host), random=Random(number).randbytes)
            for number, host in enumerate((HERE, THERE))
        ]
        indexes = [driver.new_index() for driver in self._drivers]
        self.users = User(), User()
        hosts = (HERE, THERE)
        left, right = (
            self._drivers[end].open(
                derive(b"server", b"shared", end == 0, b"session"),
                indexes[end],
                indexes[1 - end],
                (hosts[1 - end], self._drivers[1 - end].port),
                self.users[end],
                round_trip=0.02,
            )
            for end in (0, 1)
        )
        self.channels = left, right
        self.run()

    def run(self, seconds: float = 1.0) -> None:
        self._memory.advance(seconds)

    def failures(self) -> list[str]:
        return [str(error) for error in self._memory.failures.take(RuntimeError)]

    def end(self) -> None:
        for driver in self._drivers:
            driver.abort()
        self.run(60.0)
        self._memory.close()


@pytest.fixture(params=[ByTcp, ByUdp], ids=["TCP", "UDP"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A channel that is open at both ends."""
    made = request.param()
    yield made
    made.end()


def test_it_has_what_the_interface_names(world: World) -> None:
    for channel, user in zip(world.channels, world.users, strict=True):
        assert verifyObject(IP2PChannel, channel)
        assert IP2PChannelUser.names(), "the interface of users is empty"
        assert user.told == ["opened"]
        assert (channel.is_open, channel.is_busy, channel.waiting(), channel.waiting(FILES)) == (True, False, 0, 0)
        assert channel.opened_at is not None
        assert channel.round_trip == pytest.approx(0.02, abs=0.02)
        facts = channel.facts()
        assert {"round_trip", "bytes_sent", "bytes_received", "waiting"} <= set(facts)


def test_three_streams_go_both_ways_in_order_and_once(world: World) -> None:
    expected: list[dict[int, bytes]] = [{}, {}]
    for end, channel in enumerate(world.channels):
        for stream in STREAMS:
            pieces = [bytes([end, stream, number % 256]) * 100 for number in range(200)]
            for piece in pieces:
                channel.write(stream, piece)
            expected[1 - end][stream] = b"".join(pieces)
    world.run(10.0)
    assert [user.streams for user in world.users] == expected
    assert [channel.waiting() for channel in world.channels] == [0, 0]


def test_nothing_leaves_before_the_turn_is_over(world: World) -> None:
    left, _ = world.channels
    before = left.facts()["bytes_sent"]
    left.write(MESSAGES, b"hello")
    assert (left.waiting(), left.waiting(MESSAGES), left.waiting(BLOBS)) == (5, 5, 0)
    assert left.facts()["bytes_sent"] == before
    world.run()
    assert left.facts()["bytes_sent"] > before
    assert left.waiting() == 0


def test_a_user_may_call_anything_from_within_a_callback(world: World) -> None:
    left, _ = world.channels

    def answer(channel: Any, stream: int, data: bytes) -> None:
        channel.write(stream, data.upper())
        channel.pause(FILES)
        channel.resume(BLOBS)
        if data == b"end":
            channel.close(64, "asked for")

    world.users[1].on_received = answer
    for data in (b"one", b"end"):
        left.write(MESSAGES, data)
        world.run()
    world.run(10.0)
    assert world.users[0].streams[MESSAGES] == b"ONEEND"
    assert world.users[0].told[-1] == ("closed", 64, "asked for", True)
    assert world.users[1].told[-1] == ("closed", 64, "asked for", False)


def test_a_paused_stream_waits_and_the_others_do_not(world: World) -> None:
    left, right = world.channels
    right.pause(FILES)
    left.write(FILES, bytes(LARGE))
    world.run(20.0)
    left.write(MESSAGES, b"message")
    left.write(BLOBS, b"blob")
    world.run(2.0)
    assert world.users[1].streams == {MESSAGES: b"message", BLOBS: b"blob", FILES: b""}
    assert left.waiting(FILES) >= 1024 * 1024
    right.resume(FILES)
    assert world.users[1].streams[FILES] == b""
    world.run(60.0)
    assert len(world.users[1].streams[FILES]) == LARGE
    assert left.waiting() == 0


def test_who_was_busy_is_told_once_that_it_is_not(world: World) -> None:
    left, right = world.channels
    right.pause(BLOBS)
    left.write(BLOBS, bytes(LARGE))
    assert left.is_busy
    world.run(10.0)
    assert world.users[0].told == ["opened"]
    right.resume(BLOBS)
    world.run(60.0)
    assert not left.is_busy
    assert world.users[0].told == ["opened", "writable"]


def test_what_was_written_arrives_before_the_end(world: World) -> None:
    left, right = world.channels
    left.write(FILES, bytes(500_000))
    left.close(65, "done")
    left.close(66, "again")
    assert (left.is_open, world.users[0].told) == (False, ["opened"])
    with pytest.raises(ChannelClosed):
        left.write(MESSAGES, b"x")
    world.run(limits.P2P_CLOSE_TIME + 3)
    assert len(world.users[1].streams[FILES]) == 500_000
    assert world.users[0].told == ["opened", ("closed", 65, "done", False)]
    assert world.users[1].told == ["opened", ("closed", 65, "done", True)]
    assert not right.is_open
    for channel in world.channels:
        channel.close()
        channel.abort()
        with pytest.raises(ChannelClosed):
            channel.write(MESSAGES, b"x")
    world.run()
    assert [len(user.told) for user in world.users] == [2, 2]


def test_an_abort_forgets_what_waits(world: World) -> None:
    left, _ = world.channels
    left.write(FILES, bytes(LARGE))
    left.abort(CloseCode.DONE, "now")
    assert (left.is_open, world.users[0].told) == (False, ["opened"])
    world.run(limits.P2P_CLOSE_TIME)
    assert world.users[0].told == ["opened", ("closed", 0, "now", False)]
    assert world.users[1].told == ["opened", ("closed", 0, "now", True)]
    assert len(world.users[1].streams[FILES]) < LARGE


def test_both_ends_may_close_at_once(world: World) -> None:
    for end, channel in enumerate(world.channels):
        channel.write(MESSAGES, b"last words")
        channel.close(64 + end, "")
    world.run(limits.P2P_CLOSE_TIME + 3)
    for user in world.users:
        assert len(user.told) == 2
        assert user.told[-1][1] in (64, 65)


def test_a_reason_is_cut_where_it_gets_too_long(world: World) -> None:
    left, _ = world.channels
    left.close(64, "x" * 300)
    world.run(limits.P2P_CLOSE_TIME + 3)
    assert world.users[1].told[-1] == ("closed", 64, "x" * 255, True)


def test_a_user_that_raises_ends_the_channel_and_is_logged(world: World) -> None:
    left, _ = world.channels

    def fail(channel: Any, stream: int, data: bytes) -> None:
        world.users[1]._is_calling = False
        raise RuntimeError("a bug of the application")

    world.users[1].on_received = fail
    left.write(MESSAGES, b"x")
    world.run(limits.P2P_CLOSE_TIME)
    assert world.failures() == ["a bug of the application"]
    assert world.users[1].told[-1][:2] == ("closed", CloseCode.FAILED)
    assert world.users[0].told[-1][:2] == ("closed", CloseCode.FAILED)
    assert (world.users[1].told[-1][3], world.users[0].told[-1][3]) == (False, True)


@pytest.mark.parametrize("stream", [-1, 3])
def test_there_are_three_streams(world: World, stream: int) -> None:
    left, _ = world.channels
    with pytest.raises(LocalError, match=f"stream {stream}"):
        left.write(stream, b"x")
    assert left.is_open
