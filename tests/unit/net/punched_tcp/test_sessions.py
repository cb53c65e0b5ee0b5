"""Who may come to the port, and which connections a session gets."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError
from twisted.internet.protocol import Protocol

from esframework.errors import DialFailed, LocalError
from esframework.limits import P2P_CLOSE_TIME
from esframework.limits import sealed as limits
from esframework.net.punched_tcp.sessions import Expected
from esframework.rudp.events import CloseCode
from esframework.sealed.hello import HELLO_SIZE, say_hello
from esframework.testing import MemoryNetwork, simulated
from tests.memory_tcp import Ends, MemorySharedPort, Recorder
from tests.sealed_ends import SESSION, session_keys

PROBES = session_keys(True).probes


@pytest.mark.parametrize("dialler", [0, 1], ids=["leader dials", "follower dials"])
@simulated
async def test_a_dialled_connection_becomes_a_channel(network: MemoryNetwork, dialler: int) -> None:
    ends = Ends(network)
    leader, follower = ends.connect(dialler)
    leader.write(0, b"hello")
    follower.write(1, b"blob")
    network.settle()
    assert ends.follower.received_bytes[0] == b"hello"
    assert ends.leader.received_bytes[1] == b"blob"
    await ends.close()


@simulated
async def test_of_two_connections_the_leader_chooses_one_and_the_other_is_cut_without_harm(
    network: MemoryNetwork,
) -> None:
    ends = Ends(network)
    network.conditions.delay = 0.05
    ends.dial(0)
    ends.dial(1)
    network.advance(1.0)
    assert [len(user.found_channels) for user in ends.users] == [2, 2]
    for sessions in ends.sessions:
        sessions.forget(SESSION)
    network.advance(1.0)
    leader, follower = ends.leader.channel, ends.follower.channel
    assert leader is not None and follower is not None
    leader.write(0, b"still there")
    network.advance(1.0)
    assert ends.follower.received_bytes[0] == b"still there"
    assert (leader.is_open, follower.is_open) == (True, True)
    await ends.close()


@simulated
async def test_a_connection_that_is_gone_before_it_was_chosen_is_told(network: MemoryNetwork) -> None:
    ends = Ends(network, choose=False)
    ends.dial(0)
    network.advance(1.0)
    assert (len(ends.leader.found_channels), len(ends.follower.found_channels)) == (1, 1)
    ends.leader.found_channels[0].cut()
    network.advance(1.0)
    assert ends.follower.events == ["lost"]
    await ends.close()


@simulated
async def test_a_connection_that_nobody_chooses_goes_in_time(network: MemoryNetwork) -> None:
    ends = Ends(network, choose=False)
    ends.dial(0)
    network.advance(limits.CHOICE_TIME + 1.0)
    assert (ends.leader.events, ends.follower.events) == (["lost"], ["lost"])
    await ends.close()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "no_hello"),
        (bytes(HELLO_SIZE), "no_hello"),
        (say_hello(PROBES, b"another session.", False, bytes(16)), "unknown_session"),
        (say_hello(PROBES, SESSION, True, bytes(16)), "forged_hello"),
        (say_hello(b"x" * 32, SESSION, False, bytes(16)), "forged_hello"),
        (b"\x42\x01\x07" + bytes(60), "no_hello"),
    ],
    ids=["HTTP", "zeros", "other session", "own role", "other key", "no role"],
)
@simulated
async def test_who_says_no_proper_hello_is_cut_without_a_word(network: MemoryNetwork, said: bytes, reason: str) -> None:
    ends = Ends(network)
    stranger = network.stranger(1001)
    stranger.write(said)
    network.settle()
    assert (stranger.is_connected, stranger.received) == (False, b"")
    assert ends.sessions[0].refused == {reason: 1}
    assert ends.leader.found_channels == []
    await ends.close()


@simulated
async def test_who_says_nothing_is_cut_in_time(network: MemoryNetwork) -> None:
    ends = Ends(network)
    stranger = network.stranger(1001)
    stranger.write(say_hello(PROBES, SESSION, False, bytes(16))[:20])
    network.advance(limits.HELLO_TIME - 0.1)
    assert stranger.is_connected
    network.advance(0.2)
    assert (stranger.is_connected, ends.sessions[0].refused) == (False, {"no_hello_in_time": 1})
    await ends.close()


@simulated
async def test_a_hello_that_is_repeated_opens_nothing(network: MemoryNetwork) -> None:
    ends = Ends(network)
    stranger = network.stranger(1001)
    stranger.write(say_hello(PROBES, SESSION, False, bytes(16)))
    network.settle()
    assert (stranger.is_connected, len(stranger.received)) == (True, HELLO_SIZE)
    stranger.write(b"\x43\x00\x00\x20" + bytes(32))
    network.advance(limits.LINGER_TIME + 1)
    assert (stranger.is_connected, ends.leader.found_channels) == (False, [])
    await ends.close()


@simulated
async def test_a_session_has_few_connections(network: MemoryNetwork) -> None:
    ends = Ends(network, choose=False)
    strangers = []
    for number in range(limits.FOUND_CONNECTIONS + 1):
        stranger = network.stranger(1001)
        stranger.write(say_hello(PROBES, SESSION, False, number.to_bytes(16)))
        network.settle()
        strangers.append(stranger)
    assert [one.is_connected for one in strangers] == [True] * limits.FOUND_CONNECTIONS + [False]
    assert ends.sessions[0].refused == {"too_many_of_session": 1}
    await ends.close()


@simulated
async def test_a_dial_says_whether_it_was_refused(network: MemoryNetwork) -> None:
    ends = Ends(network)
    with pytest.raises(DialFailed) as refused:
        await ends.sessions[0].dial(SESSION, ("127.0.0.1", 999))
    network.go_down(silently=True)
    with pytest.raises(DialFailed) as unanswered:
        await ends.dial(0)
    network.come_up()
    assert (refused.value.was_refused, unanswered.value.was_refused) == (True, False)
    await ends.close()


@simulated
async def test_who_is_dialled_and_is_no_peer_is_cut(network: MemoryNetwork) -> None:
    ends = Ends(network)
    strange = Recorder(False)
    other = ends.sessions[1]
    other.forget(SESSION)
    with pytest.raises(DialFailed, match="cut before") as failed:
        await ends.dial(0)
    # Perhaps it will expect the session in a moment: it is worth another dial.
    assert failed.value.was_refused
    assert (other.refused, strange.events, ends.leader.found_channels) == ({"unknown_session": 1}, [], [])
    await ends.close()


class _Strange(Protocol):
    """Somebody else who is dialled, and what it answers."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connectionMade(self) -> None:
        if self._answer:
            self.transport.write(self._answer)  # type: ignore[union-attr]


@pytest.mark.parametrize("answer", [b"220 mail.example.org ESMTP\r\n", b""], ids=["another service", "silence"])
@simulated
async def test_a_dial_fails_where_somebody_else_answers(network: MemoryNetwork, answer: bytes) -> None:
    ends = Ends(network)
    stranger = MemorySharedPort(network, 999)
    stranger.listen(lambda address: _Strange(answer))
    begun = network.reactor.seconds()
    with pytest.raises(DialFailed, match="no hello") as failed:
        await ends.sessions[0].dial(SESSION, ("127.0.0.1", 999))
    assert not failed.value.was_refused
    assert network.reactor.seconds() - begun <= limits.HELLO_TIME
    await stranger.close()
    await ends.close()


@simulated
async def test_a_dial_that_is_forgotten_before_the_hello_fails_and_one_that_is_cancelled_is_cut(
    network: MemoryNetwork,
) -> None:
    ends = Ends(network)
    network.conditions.delay = 0.1
    forgotten = ends.dial(0)
    network.advance(0.25)
    ends.sessions[0].forget(SESSION)
    with pytest.raises(DialFailed, match="not expected any more"):
        await forgotten
    given_up = ends.dial(1)
    network.advance(0.25)
    given_up.cancel()
    with pytest.raises(CancelledError):
        await given_up
    network.advance(1.0)
    assert ends.follower.found_channels == []
    await ends.close()


@simulated
async def test_a_session_that_is_forgotten_while_it_is_dialled_gets_no_connection(network: MemoryNetwork) -> None:
    ends = Ends(network)
    network.conditions.delay = 0.1
    dialled = ends.dial(0)
    ends.sessions[0].forget(SESSION)
    with pytest.raises(DialFailed, match="not expected any more"):
        await dialled
    await ends.close()


@simulated
async def test_sessions_are_expected_once_and_not_too_many(network: MemoryNetwork) -> None:
    ends = Ends(network)
    sessions, user = ends.sessions[0], ends.leader

    def expect(session: bytes) -> None:
        sessions.expect(Expected(session, session_keys(True), True, user))

    with pytest.raises(LocalError, match="is expected already"):
        expect(SESSION)
    with pytest.raises(LocalError, match="has 16 bytes, and not 3"):
        expect(b"abc")
    with pytest.raises(LocalError, match="is not expected"):
        sessions.dial(bytes(16), ("127.0.0.1", 1002))
    for number in range(limits.SESSIONS - 1):
        expect(number.to_bytes(16))
    with pytest.raises(LocalError, match="forget one before"):
        expect(b"\xff" * 16)
    await ends.close()


@simulated
async def test_a_port_closes_when_its_channels_have_said_everything(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    network.conditions.delay = 0.05
    leader.write(2, bytes(300_000))
    closed = ends.sessions[0].close()
    assert not closed.called
    await closed
    assert len(ends.follower.received_bytes[2]) == 300_000
    assert ends.leader.events[-1] == ("closed", CloseCode.DONE, "", False)
    assert ends.follower.events[-1] == ("closed", CloseCode.DONE, "", True)
    with pytest.raises(LocalError, match="is closed"):
        ends.sessions[0].expect(Expected(SESSION, session_keys(True), True, ends.leader))
    await ends.sessions[1].close()


@simulated
async def test_a_port_closes_in_time_when_the_other_end_is_silent(network: MemoryNetwork) -> None:
    ends = Ends(network)
    leader, _ = ends.connect()
    (connection,) = [one for one in network._backbone.connections if one.is_open]
    connection.unplug(True)
    leader.write(0, b"x")
    begin = network.seconds()
    await ends.sessions[0].close()
    assert network.seconds() - begin < P2P_CLOSE_TIME + limits.LINGER_TIME + 0.1
    connection.unplug(False)
    await ends.close()


@simulated
async def test_a_port_is_closed_at_once_when_it_has_to_be(network: MemoryNetwork) -> None:
    ends = Ends(network)
    ends.connect()
    await ends.sessions[0].abort()
    network.settle()
    lost = ("closed", CloseCode.LOST, "the connection was lost", False)
    assert (ends.leader.events[-1], ends.follower.events[-1]) == (lost, lost)
    assert ends.sessions[0].accept(IPv4Address("TCP", "192.0.2.1", 5)) is None
    await ends.sessions[1].close()
