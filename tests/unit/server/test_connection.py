"""One connection at the server: its time-outs, whose frames it believes, and what cuts it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import DisconnectedType, LogOnRequest, MessageType, ServerOptions, limits
from esframework.interfaces import Registrations
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import REQUEST_FAILED
from esframework.wire.information import encode_information
from esframework.wire.types import RequestFailure
from tests.peers import FramePeer, Recorder, record


class SlowVerifier:
    """Decides when the test says so."""

    def __init__(self) -> None:
        self.verdict: Deferred[bool] = Deferred()

    def verify(self, request: LogOnRequest) -> Deferred[bool]:
        return self.verdict


# --- before the log-on ----------------------------------------------------------------------------------------------
@simulated
async def test_who_does_not_log_on_in_time_is_closed(network: MemoryNetwork) -> None:
    server = network.server()
    stranger = network.stranger()
    network.advance(14)
    assert stranger.is_connected
    network.advance(2)
    assert not stranger.is_connected
    assert server.refusals.counts["log_on_timeout"] == 1


@simulated
async def test_a_log_on_that_trickles_in_is_closed_when_it_is_not_complete_in_time(network: MemoryNetwork) -> None:
    network.server()
    peer = FramePeer(network, "alice")
    for byte in peer.log_on_frame()[:20]:
        peer.stranger.write(bytes([byte]))
        network.advance(1)
    assert not peer.is_connected


@simulated
async def test_a_slow_log_on_that_is_complete_in_time_may_be_verified_for_long(network: MemoryNetwork) -> None:
    verifier = SlowVerifier()
    server = network.server(verifier=verifier)
    peer = FramePeer(network, "alice")
    frame = peer.log_on_frame()
    peer.stranger.write(frame[:-1])
    network.advance(14)
    peer.stranger.write(frame[-1:])
    network.advance(120)
    assert peer.is_connected
    verifier.verdict.callback(True)
    network.settle()
    assert server.users.ids() == ["alice"]


@pytest.mark.parametrize("timeout", [0, -1])
def test_no_log_on_timeout(timeout: float) -> None:
    network = MemoryNetwork()
    network.server(options=ServerOptions(log_on_timeout=timeout))
    stranger = network.stranger()
    network.advance(600)
    assert stranger.is_connected
    network.close()


@simulated
async def test_more_than_eight_kib_before_the_log_on_close(network: MemoryNetwork) -> None:
    server = network.server()
    peer = FramePeer(network, "alice")
    # Its header alone gives it away: nothing is kept for a body that is too long.
    peer.stranger.write(peer.frame(MessageType.LOG_ON, bytes(9000))[:40])
    network.settle()
    assert not peer.is_connected
    assert server.refusals.counts["invalid_message_message_size_overflow"] == 1


@simulated
async def test_bytes_that_arrive_while_the_log_on_is_verified_are_kept(network: MemoryNetwork) -> None:
    # A TLS transport may hand over what it has decrypted already, although reading was paused.
    verifier = SlowVerifier()
    server = network.server(verifier=verifier)
    peer = FramePeer(network, "alice")
    peer.stranger.write(peer.log_on_frame())
    network.settle()
    (connection,) = server.factory.connections
    for part in (peer.frame(MessageType.HEARTBEAT), peer.frame(MessageType.ALL_ONLINE_USERS, b"", 2)):
        connection.dataReceived(part)
    verifier.verdict.callback(True)
    assert [frame.message_type for frame in peer.take()] == [MessageType.LOG_ON, MessageType.ALL_ONLINE_USERS]


# --- the session ----------------------------------------------------------------------------------------------------
@simulated
async def test_a_forged_source_closes_its_connection_and_goes_nowhere(network: MemoryNetwork) -> None:
    server = network.server()
    mallory, bob, carol = (FramePeer(network, name).online() for name in ("mallory", "bob", "carol"))
    ends = record(server.users.disconnected)
    mallory.say("bob")
    mallory.send(MessageType.INFORMATION, encode_information(1, b"from carol?"), to="bob", name="carol")
    assert len(bob.take()) == 1
    assert not mallory.is_connected
    assert [(user.user_id, reason) for _, user, reason in ends] == [
        ("mallory", DisconnectedType.MESSAGE_WITH_WRONG_USER_ID)
    ]
    assert carol.is_connected and bob.is_connected
    assert server.refusals.counts["wrong_user_id"] == 1


@simulated
async def test_the_bare_id_and_the_login_id_are_both_believed(network: MemoryNetwork) -> None:
    network.server()
    bob = FramePeer(network, "bob", generation=7).online()
    phone = FramePeer(network, "4#alice", generation=7).online()
    phone.send(MessageType.INFORMATION, encode_information(1, b""), to="bob", name="alice")
    phone.send(MessageType.INFORMATION, encode_information(1, b""), to="bob", name="4#alice")
    assert [frame.source for frame in bob.take()] == ["alice", "4#alice"]
    phone.send(MessageType.INFORMATION, encode_information(1, b""), to="bob", name="5#alice")
    assert not phone.is_connected


@simulated
async def test_frames_behind_the_one_that_ended_the_session_are_not_handled(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server(handler)
    alice = FramePeer(network, "alice").online()
    good = alice.frame(MessageType.INFORMATION, encode_information(1, b"before"))
    late = alice.frame(MessageType.INFORMATION, encode_information(1, b"after"))
    alice.stranger.write(good + alice.frame(MessageType.INFORMATION, b"malformed") + late)
    network.settle()
    assert handler.contents == [b"before"]
    assert not alice.is_connected


@simulated
async def test_who_was_pushed_out_says_nothing_more_while_its_last_bytes_leave(network: MemoryNetwork) -> None:
    handler = Recorder()
    server = network.server(handler)
    old = FramePeer(network, "alice").online()
    old.network.stop_reading(old.stranger)
    server.custom.post("alice", 1, bytes(400_000))
    network.settle()
    FramePeer(network, "alice").online()
    assert server.connection_count == 2
    old.send(MessageType.INFORMATION, encode_information(1, b"a ghost"))
    assert handler.contents == []


@pytest.mark.parametrize("target", ["_0", "_group"])
@simulated
async def test_a_manager_that_fails_is_logged_and_ends_nothing(target: str, network: MemoryNetwork) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a fault in a manager")

    server = network.server()
    server.dispatcher.install("faulty", Registrations(None, handlers={5000: fails}, addressed={5000: fails}))
    alice = FramePeer(network, "alice").online()
    alice.send(5000, b"", to=target)
    assert len(network.failures.take(RuntimeError)) == 1
    assert alice.is_connected


@pytest.mark.parametrize("detail", ["\0" * 10, "x" * 2**21, "\u4e2d" * 2**20, "\ud800" * 1000])
@simulated
async def test_why_a_request_failed_is_told_in_a_short_text_whatever_it_repeats(
    detail: str, network: MemoryNetwork
) -> None:
    server = network.server()
    alice = FramePeer(network, "alice", authorized_user="esframework-python/0").online()
    server.users.find_all("alice")[0].request_failed(7, RequestFailure.INVALID, detail)
    (frame,) = alice.take(MessageType.REQUEST_FAILED)
    told = REQUEST_FAILED.decode(frame.body).detail
    assert len(told.encode()) <= limits.MAX_FAILURE_DETAIL
    assert told == detail.encode(errors="replace").decode()[: len(told)] != ""


@simulated
async def test_an_unknown_type_to_the_server_is_counted_and_ends_nothing(network: MemoryNetwork) -> None:
    server = network.server()
    alice = FramePeer(network, "alice").online()
    alice.send(9999, b"what?")
    assert server.refusals.counts["unknown_type"] == 1
    assert alice.is_connected


# --- silence --------------------------------------------------------------------------------------------------------
@simulated
async def test_silence_ends_the_session_and_is_told_before_the_end(network: MemoryNetwork) -> None:
    server = network.server()
    alice = FramePeer(network, "alice").online()
    happened = record(server.users.timed_out, server.users.disconnected)
    network.advance(29)
    assert happened == []
    network.advance(2)
    assert [(word, user.user_id, *rest) for word, user, *rest in happened] == [
        ("timed_out", "alice"),
        ("disconnected", "alice", DisconnectedType.HEARTBEAT_TIMEOUT),
    ]
    assert not alice.is_connected


@simulated
async def test_anything_at_all_counts_as_a_sign_of_life(network: MemoryNetwork) -> None:
    network.server()
    alice = FramePeer(network, "alice").online()
    for _ in range(5):
        network.advance(20)
        alice.send(9999)
    assert alice.is_connected


@pytest.mark.parametrize("timeout", [0, -5])
def test_no_heartbeat_timeout(timeout: float) -> None:
    network = MemoryNetwork()
    network.server(options=ServerOptions(heartbeat_timeout=timeout))
    alice = FramePeer(network, "alice").online()
    network.advance(3600)
    assert alice.is_connected
    network.close()


@simulated
async def test_silence_of_a_server_that_was_held_up_itself_is_forgiven(network: MemoryNetwork) -> None:
    network.server()
    alice = FramePeer(network, "alice").online()
    network.reactor.jump(3600)
    assert alice.is_connected
    network.advance(29)
    assert alice.is_connected
    network.advance(3)
    assert not alice.is_connected


@simulated
async def test_silence_while_the_server_does_not_read_does_not_count(network: MemoryNetwork) -> None:
    waiting: Deferred[None] = Deferred()

    class Slow:
        def handle_information(self, source: str, information_type: int, content: bytes) -> Deferred[None]:
            return waiting

    server = network.server(Slow(), options=ServerOptions(handler_limit=0))
    alice = FramePeer(network, "alice").online()
    for _ in range(70):
        alice.send(MessageType.INFORMATION, encode_information(1, b""))
    (connection,) = server.factory.connections
    assert connection.reading_is_paused
    network.advance(120)
    assert alice.is_connected
    waiting.callback(None)
    assert not connection.reading_is_paused


@simulated
async def test_heartbeats_are_echoed_only_where_the_server_is_set_to(network: MemoryNetwork) -> None:
    network.server()
    alice = FramePeer(network, "alice").online()
    alice.send(MessageType.HEARTBEAT)
    assert alice.take() == []


@simulated
async def test_auto_respond_heartbeat(network: MemoryNetwork) -> None:
    network.server(options=ServerOptions(auto_respond_heartbeat=True))
    alice = FramePeer(network, "alice").online()
    alice.send(MessageType.HEARTBEAT)
    assert [frame[:4] for frame in alice.take()] == [(MessageType.HEARTBEAT, 0, "_0", "alice")]


# --- who does not read ----------------------------------------------------------------------------------------------
class Crowd:
    """Alice, who sends; Bob, who reads; Mute, who does not."""

    def __init__(self, network: MemoryNetwork, **options: Any) -> None:
        self.network = network
        network.conditions.window = 64 * 1024
        self.server = network.server(options=ServerOptions(**options))
        self.alice, self.bob, self.mute = (FramePeer(network, name).online() for name in ("alice", "bob", "mute"))
        self.ends = record(self.server.users.disconnected)
        network.stop_reading(self.mute.stranger)

    def reasons(self) -> list[tuple[str, DisconnectedType]]:
        return [(user.user_id, reason) for _, user, reason in self.ends]


@simulated
async def test_a_client_that_never_reads_is_cut_at_the_hard_limit_and_others_go_on(network: MemoryNetwork) -> None:
    crowd = Crowd(network, hard_limit=300_000)
    for number in range(8):
        crowd.alice.say("mute", content=bytes(100_000))
        crowd.alice.say("bob", content=bytes([number]))
    assert crowd.reasons() == [("mute", DisconnectedType.CHANNEL_CACHE_OVERFLOW)]
    assert len(crowd.bob.take()) == 8
    assert crowd.server.refusals.counts["channel_overflow"] == 1


@simulated
async def test_a_client_that_never_reads_is_cut_at_the_write_timeout(network: MemoryNetwork) -> None:
    crowd = Crowd(network)
    crowd.alice.say("mute", content=bytes(500_000))
    network.advance(4)
    assert crowd.reasons() == []
    network.advance(4)
    assert crowd.reasons() == [("mute", DisconnectedType.CHANNEL_CACHE_OVERFLOW)]
    crowd.alice.say("bob")
    assert len(crowd.bob.take()) == 1


@simulated
async def test_a_slow_reader_that_reads_a_little_is_not_cut(network: MemoryNetwork) -> None:
    crowd = Crowd(network)
    crowd.alice.say("mute", content=bytes(500_000))
    for _ in range(10):
        network.advance(3)
        network.go_on_reading(crowd.mute.stranger)
        network.stop_reading(crowd.mute.stranger)
        crowd.mute.send(MessageType.HEARTBEAT)
        crowd.alice.send(MessageType.HEARTBEAT)
        crowd.bob.send(MessageType.HEARTBEAT)
        crowd.alice.say("mute", content=bytes(50_000))
    assert crowd.reasons() == []


@simulated
async def test_no_write_timeout(network: MemoryNetwork) -> None:
    crowd = Crowd(network, write_timeout=0, heartbeat_timeout=0)
    crowd.alice.say("mute", content=bytes(500_000))
    network.advance(600)
    assert crowd.reasons() == []


@simulated
async def test_a_stream_of_fragments_is_as_slow_as_its_receiver(network: MemoryNetwork) -> None:
    crowd = Crowd(network)
    for _ in range(40):
        crowd.alice.send(MessageType.BLOB_FRAGMENT, bytes(16_000), to="mute")
    assert [each.name for each in crowd.server.factory.connections if each.reading_is_paused] == ["alice"]
    network.go_on_reading(crowd.mute.stranger)
    network.settle()
    assert len(crowd.mute.take()) == 40


@simulated
async def test_single_messages_to_one_who_does_not_read_do_not_hold_up_their_sender(network: MemoryNetwork) -> None:
    crowd = Crowd(network)
    for _ in range(40):
        crowd.alice.say("mute", content=bytes(16_000))
    crowd.alice.say("bob", content=b"still here")
    assert len(crowd.bob.take()) == 1


# --- too fast -------------------------------------------------------------------------------------------------------
@simulated
async def test_too_many_frames_a_second_are_read_more_slowly_not_lost(network: MemoryNetwork) -> None:
    handler = Recorder()
    server = network.server(handler, options=ServerOptions(max_frames_per_second=100, limit_loopback=True))
    alice = FramePeer(network, "alice").online()
    network.conditions.chunk = 500
    alice.stranger.write(b"".join(alice.frame(MessageType.INFORMATION, encode_information(n, b"")) for n in range(300)))
    network.settle()
    assert 100 <= len(handler.information) < 130
    network.advance(4)
    assert [kind for _, kind, _ in handler.information] == list(range(300))
    assert server.refusals.counts["frames_per_second"] >= 2


@simulated
async def test_loopback_is_not_limited_by_default(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server(handler, options=ServerOptions(max_frames_per_second=10))
    alice = FramePeer(network, "alice").online()
    for _ in range(50):
        alice.send(MessageType.INFORMATION, encode_information(1, b""))
    assert len(handler.information) == 50


# --- pieces ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(5))
def test_any_chunking_gives_the_same_messages(seed: int) -> None:
    network = MemoryNetwork(seed)
    network.conditions.chunk = 9
    network.conditions.delay = (0.0, 0.01)
    handler = Recorder()
    network.server(handler)
    alice = network.run(_online_later(network, FramePeer(network, "alice")))
    for number in range(20):
        alice.stranger.write(alice.frame(MessageType.INFORMATION, encode_information(number, bytes([number]) * number)))
    network.advance(5)
    assert handler.information == [("alice", number, bytes([number]) * number) for number in range(20)]
    network.close()


async def _online_later(network: MemoryNetwork, peer: FramePeer) -> FramePeer:
    peer.stranger.write(peer.log_on_frame())
    network.advance(5)
    assert [frame.message_type for frame in peer.take()] == [MessageType.LOG_ON]
    return peer
