"""Channels by UDP between machines in memory, each with its driver and port."""

from __future__ import annotations

from errno import EAGAIN
from itertools import count
from random import Random
from typing import Any

import pytest
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from esframework import limits
from esframework.errors import ChannelClosed, LocalError
from esframework.limits import rudp
from esframework.net.channels import BLOBS, FILES, MESSAGES, IP2PChannel
from esframework.net.udp import UdpDriver
from esframework.net.udp_channel import UdpChannel
from esframework.rudp.events import CloseCode
from esframework.rudp.keys import derive
from esframework.rudp.packet import DATA, PROBE
from esframework.testing import DatagramConditions, DatagramNetwork, LoggedFailures, VirtualReactor
from tests.unit.net.test_datagram_socket import Descriptors, Scripted

HERE, THERE = "203.0.113.1", "203.0.113.2"


class User:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.streams: dict[int, bytes] = {}

    def opened(self, channel: UdpChannel) -> None:
        self.told.append(("opened",))

    def received(self, channel: UdpChannel, stream: int, data: bytes) -> None:
        self.streams[stream] = self.streams.get(stream, b"") + data

    def writable(self, channel: UdpChannel) -> None:
        self.told.append(("writable", channel.waiting()))

    def moved(self, channel: UdpChannel, address: tuple[str, int]) -> None:
        self.told.append(("moved", address))

    def closed(self, channel: UdpChannel, code: int, reason: str, is_remote: bool) -> None:
        self.told.append(("closed", code, reason, is_remote))


class World:
    """Two machines, each with a driver, and channels between them."""

    def __init__(self, seed: int = 0, **conditions: Any) -> None:
        self.reactor = VirtualReactor()
        self.network = DatagramNetwork(self.reactor, Random(seed), DatagramConditions(**{"delay": 0.01} | conditions))
        self.probes: list[tuple[bytes, tuple[str, int]]] = []
        self.requests: list[tuple[bytes, tuple[str, int]]] = []
        self.drivers = [
            UdpDriver(
                self.network.machine(host),
                random=Random(seed + number).randbytes,
                on_probe=lambda *what: self.probes.append(what),
                on_rendezvous=lambda *what: self.requests.append(what),
            )
            for number, host in enumerate((HERE, THERE))
        ]
        self.sessions = count()

    def open(self, *users: Any) -> tuple[UdpChannel, UdpChannel]:
        """A channel; what signalling would tell is told."""
        session = b"%d" % next(self.sessions)
        indexes = [driver.new_index() for driver in self.drivers]
        users = users or (User(), User())
        hosts = (HERE, THERE)
        left, right = (
            self.drivers[end].open(
                derive(b"server", b"shared", end == 0, session),
                indexes[end],
                indexes[1 - end],
                (hosts[1 - end], self.drivers[1 - end].port),
                users[end],
                round_trip=0.02,
            )
            for end in (0, 1)
        )
        return left, right

    def run(self, seconds: float = 1.0) -> None:
        """Let time pass."""
        self.reactor.advance(seconds)

    def end(self) -> None:
        """Nothing may stay behind."""
        for driver in self.drivers:
            driver.abort()
        self.run(60.0)
        assert self.reactor.getDelayedCalls() == []
        assert self.network.ports() == []


def test_a_channel_opens_and_carries_three_streams_both_ways() -> None:
    world = World()
    users = User(), User()
    channels = world.open(*users)
    assert all(verifyObject(IP2PChannel, channel) for channel in channels)
    for channel in channels:
        for stream in (MESSAGES, BLOBS, FILES):
            channel.write(stream, b"hello ")
            channel.write(stream, b"there")
    world.run()
    for user in users:
        assert user.told == [("opened",)]
        assert user.streams == dict.fromkeys((MESSAGES, BLOBS, FILES), b"hello there")
    left, right = channels
    assert left.address == (THERE, world.drivers[1].port)
    assert left.local_address == (HERE, world.drivers[0].port)
    assert left.protocol == "udp"
    assert left.opened_at == right.opened_at == pytest.approx(0.01)
    assert left.round_trip == pytest.approx(0.02, rel=0.5)
    world.end()


def test_what_is_written_in_one_turn_leaves_together() -> None:
    world = World()
    left, _ = world.open()
    world.run()
    sent = world.network.sent
    for _ in range(20):
        left.write(MESSAGES, b"0123456789")
    assert world.network.sent == sent
    world.reactor.settle()
    assert world.network.sent == sent + 1
    world.end()


def test_what_is_acknowledged_has_been_handed_out() -> None:
    world = World()
    sent_when_received: list[int] = []

    class Watching(User):
        def received(self, channel: UdpChannel, stream: int, data: bytes) -> None:
            sent_when_received.append(channel.connection.facts(0.0)["datagrams_sent"])  # type: ignore[arg-type]
            super().received(channel, stream, data)

    left, right = world.open(User(), Watching())
    world.run()
    before = right.facts()["datagrams_sent"]
    left.write(MESSAGES, b"one")
    world.run(2.0)
    assert sent_when_received == [before]
    assert right.facts()["datagrams_sent"] == before + 1  # type: ignore[operator]
    world.end()


@pytest.mark.parametrize("seed", range(3))
def test_all_of_it_arrives_by_a_bad_line_whoever_is_busy(seed: int) -> None:
    world = World(seed, delay=(0.01, 0.03), loss=0.05, copies=0.05)
    pattern = Random(seed).randbytes(3_000_000)
    users = User(), User()

    class Writer(User):
        position = 0

        def writable(self, channel: UdpChannel) -> None:
            while self.position < len(pattern) and not channel.is_busy:
                channel.write(FILES, pattern[self.position : self.position + 50_000])
                self.position += 50_000

    writer = Writer()
    left, _ = world.open(writer, users[1])
    writer.writable(left)
    assert left.is_busy
    assert left.waiting() == left.waiting(FILES) > 0
    left.write(MESSAGES, b"not behind the file")
    world.run(1.0)
    assert users[1].streams[MESSAGES] == b"not behind the file"
    world.run(60.0)
    assert users[1].streams[FILES] == pattern
    assert not left.is_busy
    world.end()


def test_who_was_busy_is_told_once_when_less_than_half_waits() -> None:
    world = World()
    users = User(), User()
    left, _ = world.open(*users)
    world.run()
    left.write(FILES, bytes(2 * limits.P2P_BUSY_BYTES))
    assert left.is_busy
    world.run(30.0)
    (_, (told, waiting)) = users[0].told
    assert told == "writable"
    assert waiting < limits.P2P_BUSY_BYTES / 2
    left.write(FILES, b"little")
    world.run(30.0)
    assert len(users[0].told) == 2
    world.end()


def test_a_paused_stream_holds_up_its_sender_and_no_other_stream() -> None:
    world = World()
    users = User(), User()
    left, right = world.open(*users)
    right.pause(FILES)
    left.write(FILES, bytes(2 * rudp.STREAM_WINDOW))
    left.write(BLOBS, b"a blob")
    world.run(30.0)
    assert users[1].streams == {BLOBS: b"a blob"}
    assert left.waiting(FILES) == rudp.STREAM_WINDOW
    right.resume(FILES)
    assert FILES not in users[1].streams
    world.run(30.0)
    assert len(users[1].streams[FILES]) == 2 * rudp.STREAM_WINDOW
    world.end()


# --- the end of a channel ---------------------------------------------------------------------------------------------
def test_what_was_written_arrives_before_a_channel_closes() -> None:
    world = World(loss=0.1)
    users = User(), User()
    left, right = world.open(*users)
    left.write(FILES, bytes(300_000))
    left.close(64, "enough")
    assert not left.is_open
    with pytest.raises(ChannelClosed):
        left.write(MESSAGES, b"more")
    right.write(MESSAGES, b"meanwhile")
    world.run(4.9)
    assert users[1].streams[FILES] == bytes(300_000)
    assert users[1].told == [("opened",), ("closed", 64, "enough", True)]
    assert users[0].streams[MESSAGES] == b"meanwhile"
    assert users[0].told[-1] == ("closed", 64, "enough", False)
    assert not right.is_open
    assert [driver.channels for driver in world.drivers] == [[], []]
    world.end()


def test_closing_waits_a_few_seconds_for_somebody_who_hears_nothing() -> None:
    world = World()
    users = User(), User()
    left, _ = world.open(*users)
    world.run()
    world.network.keep_apart(HERE, THERE)
    left.write(FILES, bytes(100))
    left.close()
    world.run(rudp.FINISHING_TIME - 0.1)
    assert users[0].told == [("opened",)]
    world.run(0.2)
    assert users[0].told[-1] == ("closed", CloseCode.DONE, "", False)
    world.end()


def test_an_aborted_channel_tells_the_other_end_at_once() -> None:
    world = World()
    users = User(), User()
    left, _ = world.open(*users)
    world.run()
    left.write(FILES, bytes(10_000_000))
    left.abort(65, "changed my mind")
    world.run(0.011)
    assert users[1].told[-1] == ("closed", 65, "changed my mind", True)
    assert users[0].told[-1] == ("closed", 65, "changed my mind", False)
    left.abort()
    left.close()
    world.run()
    assert len(users[0].told) == 2
    world.end()


def test_a_silent_other_end_is_given_up_within_fifteen_seconds() -> None:
    world = World()
    users = User(), User()
    world.open(*users)
    world.run(5.0)
    world.network.keep_apart(HERE, THERE)
    world.run(rudp.SILENCE)
    for user in users:
        assert user.told[-1][:2] == ("closed", CloseCode.SILENCE)
    world.end()


def test_an_other_end_that_falls_silent_is_looked_for_where_it_answered_before() -> None:
    world = World()
    for host, inner in ((HERE, "10.0.0.1"), (THERE, "10.0.0.2")):
        world.network.move(world.network.machine(host), host, inner)
    users = User(), User()
    channels = world.open(*users)
    inside = [(f"10.0.0.{2 - end}", world.drivers[1 - end].port) for end in (0, 1)]
    channels[0].connection.remember_address(inside[0])
    world.run(3.0)
    world.network.keep_apart(HERE, THERE)
    world.run(20.0)
    for end in (0, 1):
        assert users[end].told == [("opened",), ("moved", inside[end])]
        assert channels[end].address == inside[end]
        assert channels[end].local_address[0] == f"10.0.0.{1 + end}"
    world.end()


def test_what_a_user_raises_is_logged_and_ends_the_channel() -> None:
    failures = LoggedFailures()
    failures.start()

    class Broken(User):
        def received(self, channel: UdpChannel, stream: int, data: bytes) -> None:
            raise ValueError("no")

    world = World()
    users = User(), Broken()
    other_users = User(), User()
    left, _ = world.open(*users)
    other, _ = world.open(*other_users)
    left.write(MESSAGES, b"x")
    other.write(MESSAGES, b"x")
    world.run()
    failures.stop()
    assert len(failures.take(ValueError)) == 1
    assert users[1].told[-1][:2] == ("closed", CloseCode.FAILED)
    assert users[0].told[-1][:2] == ("closed", CloseCode.FAILED)
    assert other_users[1].streams == {MESSAGES: b"x"}
    world.end()


@pytest.mark.parametrize("stream", [FILES + 1, -1])
def test_there_are_three_streams(stream: int) -> None:
    world = World()
    left, _ = world.open()
    with pytest.raises(LocalError, match="stream"):
        left.write(stream, b"")
    world.end()


@pytest.mark.parametrize("stream", [(FILES + 1, b"other", False), (MESSAGES, b"the end", True)])
def test_an_other_end_that_uses_other_streams_or_ends_one_ends_the_channel(stream: tuple[int, bytes, bool]) -> None:
    world = World()
    users = User(), User()
    left, right = world.open(*users)
    left.connection.write(*stream)
    left._driver.touch(left.index)
    world.run()
    assert users[1].told[-1][:2] == ("closed", CloseCode.PROTOCOL)
    assert users[1].streams == {}
    world.end()


# --- the driver -------------------------------------------------------------------------------------------------------
def test_probes_and_rendezvous_are_handed_on_and_the_rest_is_counted() -> None:
    world = World()
    left, right = world.drivers
    source, there = (HERE, left.port), (THERE, right.port)
    for datagram in (bytes([PROBE]) + b"p", b"\x00r", b"\x03s", b"\x99", bytes([DATA]) * 100, b""):
        left.send(datagram, there)
    left.send(bytes([PROBE]) + b"dies on the way", there, ttl=2)
    world.run()
    assert world.probes == [(b"\x41p", source)]
    assert world.requests == [(b"\x00r", source), (b"\x03s", source)]
    assert right.refused() == {"unknown_kind": 2, "unknown_channel": 1}
    assert left.refused() == {"not_near": 1}
    assert world.reactor.getDelayedCalls() == []
    world.end()


def test_a_callback_that_raises_stops_nothing() -> None:
    failures = LoggedFailures()
    failures.start()
    world = World()
    left, right = world.drivers
    right.on_probe = lambda datagram, address: 1 / 0
    left.send(b"\x41p", (THERE, right.port))
    left.send(b"\x01r", (THERE, right.port))
    world.run()
    failures.stop()
    assert len(failures.take(ZeroDivisionError)) == 1
    assert len(world.requests) == 1
    world.end()


def test_stopping_closes_every_channel_first() -> None:
    world = World()
    users = [(User(), User()) for _ in range(3)]
    for pair in users:
        left, _ = world.open(*pair)
        left.write(FILES, bytes(100_000))
    world.run(0.05)
    done = world.drivers[0].stop()
    again = world.drivers[0].stop()
    assert not done.called
    world.run(5.0)
    assert done.called
    assert again.called
    for _, there in users:
        assert len(there.streams[FILES]) == 100_000
        assert there.told[-1] == ("closed", CloseCode.DONE, "", True)
    assert world.drivers[0].stop().called
    with pytest.raises(ChannelClosed):
        world.open()
    world.end()


def test_a_port_that_is_stopping_begins_no_channel_for_which_it_would_stay() -> None:
    world = World()
    left, _ = world.open()
    world.run()
    left.write(FILES, bytes(100_000))
    done = world.drivers[0].stop()
    with pytest.raises(ChannelClosed):
        world.open()
    world.run(5.0)
    assert done.called
    world.end()


@pytest.mark.parametrize("others", [0, 1])
def test_who_is_told_something_may_close_the_port_at_once(others: int) -> None:
    world = World()

    class Leaving(User):
        def received(self, channel: UdpChannel, stream: int, data: bytes) -> None:
            super().received(channel, stream, data)
            world.drivers[1].abort()

    users = User(), Leaving()
    left, _ = world.open(*users)
    bystanders = [(User(), User()) for _ in range(others)]
    for pair in bystanders:
        world.open(*pair)
    world.run()
    left.write(MESSAGES, b"go")
    world.run(0.02)
    assert users[1].told == [("opened",), ("closed", CloseCode.DONE, "", False)]
    world.drivers[0].abort()
    assert world.reactor.getDelayedCalls() == []
    assert all(pair[1].told[-1] == ("closed", CloseCode.DONE, "", False) for pair in bystanders)
    world.end()


def test_a_port_without_channels_stops_at_once() -> None:
    world = World()
    done = world.drivers[0].stop()
    world.reactor.settle()
    assert done.called
    world.drivers[0].send(b"\x41", (THERE, 1))
    world.end()


def test_a_port_that_is_taken_is_refused() -> None:
    world = World()
    with pytest.raises(CannotListenError):
        UdpDriver(world.network.machine(HERE), port=world.drivers[0].port)
    world.end()


def test_a_reactor_without_udp_is_refused_by_name() -> None:
    with pytest.raises(LocalError, match="VirtualReactor"):
        UdpDriver(VirtualReactor())


def test_many_idle_channels_cost_little() -> None:
    world = World()
    channels = [world.open() for _ in range(100)]
    world.run(10.0)
    sent = world.network.sent
    world.run(60.0)
    # A heartbeat of each end in four to six seconds at most, and its answer; less, as one counts for both.
    assert world.network.sent - sent < 100 * 60 / 4 * 2 * 2
    timers = [call for call in world.reactor.getDelayedCalls() if call.func.__name__ == "_on_time"]
    assert len(timers) == len(world.drivers)
    assert all(left.opened_at is not None for left, _ in channels)
    world.end()


def test_another_network_is_shown_to_the_other_end_at_once() -> None:
    world = World()
    users = User(), User()
    world.open(*users)
    world.run(1.0)
    world.network.move(world.network.machine(HERE), "198.51.100.7")
    world.drivers[0].network_changed()
    world.run(0.2)
    assert users[1].told == [("opened",), ("moved", ("198.51.100.7", world.drivers[0].port))]
    world.end()


def test_in_another_network_the_other_end_is_looked_for_where_it_can_be_reached() -> None:
    world = World()
    for host, inner in ((HERE, "10.0.0.1"), (THERE, "10.0.0.2")):
        world.network.move(world.network.machine(host), host, inner)
    users = User(), User()
    channels = world.open(*users)
    near, far = ("10.0.0.2", world.drivers[1].port), (THERE, world.drivers[1].port)
    world.drivers[0].try_address(channels[0], near)
    world.run(1.0)
    assert channels[0].address == near
    # This one still answers: there is no reason to leave it.
    world.drivers[0].network_changed()
    world.run(5.0)
    assert channels[0].address == near
    world.network.move(world.network.machine(HERE), "198.51.100.7")
    for own in ("198.51.100.7", HERE, "10.0.0.1"):
        world.network.keep_apart(own, near[0])
    world.drivers[0].network_changed()
    world.run(2.0)
    assert channels[0].address == far
    assert channels[1].address == ("198.51.100.7", world.drivers[0].port)
    world.end()


# --- real sockets, turned by hand -------------------------------------------------------------------------------------
class Turned(Descriptors, Clock):
    """A reactor of descriptors whose turns a test takes."""

    def __init__(self) -> None:
        Clock.__init__(self)
        Descriptors.__init__(self)

    def turn(self, times: int = 10) -> None:
        """What may be read is read, and what is due is called."""
        for _ in range(times):
            for reader in list(self.readers):
                reader.doRead()
            self.advance(0.001)


def on_sockets() -> tuple[Turned, list[UdpDriver], list[User], list[UdpChannel]]:
    """Two drivers on loopback with a channel between them."""
    reactor = Turned()
    drivers = [UdpDriver(reactor, hosts=["127.0.0.1"]) for _ in range(2)]
    users = [User(), User()]
    channels = [
        drivers[end].open(
            derive(b"server", b"shared", end == 0, b"session"),
            1 + end,
            2 - end,
            ("127.0.0.1", drivers[1 - end].port),
            users[end],
        )
        for end in (0, 1)
    ]
    reactor.turn(100)
    return reactor, drivers, users, channels


def test_a_reactor_that_stops_lets_channels_say_farewell() -> None:
    reactor, drivers, users, _ = on_sockets()
    assert [user.told for user in users] == [[("opened",)]] * 2
    (socket,) = drivers[0]._port._parts.values()
    reactor.removeReader(socket)
    socket.connectionLost(Failure(ConnectionDone()))  # type: ignore[attr-defined]
    reactor.turn()
    assert users[0].told[-1][:2] == ("closed", CloseCode.FAILED)
    assert users[1].told[-1] == ("closed", CloseCode.FAILED, "the local port is gone", True)
    drivers[1].abort()
    assert reactor.readers == reactor.writers == set()
    assert reactor.getDelayedCalls() == []


def test_while_the_kernel_has_no_room_no_more_is_made() -> None:
    reactor, drivers, users, channels = on_sockets()
    (part,) = drivers[0]._port._parts.values()
    scripted = Scripted(part._socket)  # type: ignore[attr-defined]
    scripted.errors = [EAGAIN]
    part._socket = scripted  # type: ignore[attr-defined]
    channels[0].write(MESSAGES, b"first")
    reactor.turn(1)
    assert drivers[0]._port.is_blocked
    made = channels[0].facts()["datagrams_sent"]
    for _ in range(50):
        channels[0].write(MESSAGES, b"more")
        reactor.turn(1)
    assert channels[0].facts()["datagrams_sent"] == made
    part._socket = scripted.opened  # type: ignore[attr-defined]
    (writer,) = reactor.writers
    writer.doWrite()
    reactor.turn()
    assert users[1].streams == {MESSAGES: b"first" + b"more" * 50}
    for driver in drivers:
        driver.abort()


def test_who_hears_nothing_is_told_so_even_while_the_kernel_has_no_room() -> None:
    reactor, drivers, users, channels = on_sockets()
    (part,) = drivers[0]._port._parts.values()
    scripted = Scripted(part._socket)  # type: ignore[attr-defined]
    scripted.errors = [EAGAIN] * 100
    part._socket = scripted  # type: ignore[attr-defined]
    channels[0].write(MESSAGES, b"first")
    reactor.turn(1)
    drivers[1].abort()
    for reader in list(reactor.readers):
        # Its farewell is not heard either.
        reactor.removeReader(reader)
    while users[0].told[-1][0] != "closed" and reactor.seconds() < 60:
        reactor.advance(0.1)
    assert users[0].told[-1][:2] == ("closed", CloseCode.SILENCE)
    drivers[0].abort()


def test_a_path_that_is_too_narrow_is_found_out_by_what_the_system_refuses() -> None:
    reactor, drivers, _, channels = on_sockets()
    assert channels[0].connection.datagram_size == 1472
    (part,) = drivers[0]._port._parts.values()
    scripted = Scripted(part._socket)  # type: ignore[attr-defined]
    scripted.largest = 1300
    part._socket = scripted  # type: ignore[attr-defined]
    channels[0].write(FILES, bytes(20_000))
    reactor.turn(1)
    assert channels[0].connection.datagram_size == rudp.BASE_DATAGRAM
    assert drivers[0].refused()["too_large"] > 0
    for driver in drivers:
        driver.abort()
