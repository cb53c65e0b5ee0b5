"""One connection from its hello to its end, as both ends see it."""

from __future__ import annotations

import pytest

from esframework.errors import ChannelClosed, LocalError
from esframework.limits import P2P_CLOSE_TIME
from esframework.limits import rudp as rudp_limits
from esframework.limits import sealed as limits
from esframework.rudp.events import CloseCode, Closed
from esframework.sealed import frames
from esframework.sealed.connection import Chosen, Connection, Found, Opened
from esframework.sealed.records import RecordSealer, connection_keys
from esframework.sealed.stages import State
from tests.sealed_ends import FOLLOWER_NONCE, LEADER_NONCE, Pair, end, session_keys


def hostile(is_leader: bool) -> RecordSealer:
    """An end that has the keys, and no manners."""
    return RecordSealer(connection_keys(session_keys(is_leader), LEADER_NONCE, FOLLOWER_NONCE), 0.0)


def bare(*kinds: int) -> bytearray:
    """A record's frames that have nothing but a type."""
    return bytearray(kinds)


def ended(connection: Connection, now: float) -> Closed:
    """How a connection ended."""
    (closed,) = [event for event in connection.events(now) if isinstance(event, Closed)]
    return closed


# --- until it is open -----------------------------------------------------------------------------------------------
def test_the_leader_finds_chooses_and_both_ends_open() -> None:
    pair = Pair()
    pair.deliver()
    assert pair.events() == ([Found()], [])
    assert not pair.follower.is_open
    pair.leader.choose(pair.now)
    assert pair.leader.is_open
    pair.leader.write(0, b"at once")
    pair.deliver()
    assert pair.events() == ([Opened()], [Chosen(), Opened()])
    assert pair.follower.take(0) == b"at once"
    assert (pair.leader.state, pair.follower.state) == (State.OPEN, State.OPEN)


def test_only_a_leader_chooses_and_only_what_it_found() -> None:
    pair = Pair()
    for one in (pair.leader, pair.follower):
        with pytest.raises(ChannelClosed, match="that is waiting cannot be chosen"):
            one.choose(0.0)
    pair.opened()
    with pytest.raises(ChannelClosed, match="that is open cannot be chosen"):
        pair.leader.choose(0.0)


def test_nothing_is_written_before_it_was_chosen() -> None:
    pair = Pair()
    pair.deliver()
    for one in (pair.leader, pair.follower):
        with pytest.raises(ChannelClosed, match="nothing can be sent by it"):
            one.write(0, b"x")


@pytest.mark.parametrize(
    ("is_leader", "seconds"), [(True, limits.HELLO_TIME), (False, limits.CHOICE_TIME)], ids=["leader", "follower"]
)
def test_who_is_not_answered_does_not_wait_for_ever(is_leader: bool, seconds: float) -> None:
    one = end(is_leader)
    assert one.deadline == seconds
    one.on_timer(seconds - 0.1)
    assert one.events(seconds - 0.1) == []
    one.on_timer(seconds)
    assert ended(one, seconds) == Closed(CloseCode.SILENCE, "the connection was waiting for too long", False)


def test_a_choice_must_be_answered_and_a_found_connection_chosen_in_time() -> None:
    pair = Pair()
    pair.deliver()
    assert pair.leader.deadline == limits.CHOICE_TIME
    pair.leader.choose(1.0)
    assert pair.leader.deadline == 1.0 + limits.ACCEPT_TIME
    pair.leader.on_timer(1.0 + limits.ACCEPT_TIME)
    assert ended(pair.leader, 10.0).code == CloseCode.SILENCE


@pytest.mark.parametrize(
    ("is_leader", "record", "words"),
    [
        (True, bare(frames.CHOSEN), "type 12 came while the connection was waiting"),
        (True, bare(frames.READY, frames.READY), "type 11 came while the connection was found"),
        (True, bare(frames.AGREED), "type 13 came while the connection was waiting"),
        (False, bare(frames.READY), "type 11 came while the connection was waiting"),
        (False, bare(frames.CHOSEN, frames.CHOSEN), "type 12 came while the connection was open"),
        (False, bytearray(b"\0\0\1x"), "bytes of stream 0 came before"),
        (False, bare(frames.CLOSED), "an end that was not said"),
        (False, bytearray(b"\x77"), "no frame of type 119"),
    ],
)
def test_what_breaks_the_protocol_ends_it(is_leader: bool, record: bytearray, words: str) -> None:
    one = end(is_leader)
    one.receive(hostile(not is_leader).seal(record, 0.0), 0.0)
    closed = ended(one, 0.0)
    assert (closed.code, closed.is_remote) == (CloseCode.PROTOCOL, False)
    assert words in closed.reason


def test_what_is_not_authentic_ends_it() -> None:
    pair = Pair().opened()
    pair.leader.receive(b"\x43\0\0\x20" + bytes(32), 0.0)
    assert "is not authentic" in ended(pair.leader, 0.0).reason


# --- bytes ----------------------------------------------------------------------------------------------------------
def test_bytes_of_three_streams_arrive_in_order_and_once() -> None:
    pair = Pair().opened()
    written = {stream: bytes([stream + 1]) * 50_000 for stream in range(3)}
    for stream, data in written.items():
        pair.leader.write(stream, data)
    assert (pair.leader.unsent, pair.leader.waiting(1)) == (150_000, 50_000)
    pair.deliver()
    assert {stream: pair.follower.take(stream) for stream in range(3)} == written
    assert pair.leader.unsent == 0


def test_a_file_that_nobody_takes_stops_no_message() -> None:
    pair = Pair().opened()
    pair.follower.pause(2)
    pair.leader.write(2, bytes(limits.WINDOW + 1))
    pair.deliver()
    assert pair.leader.waiting(2) == 1
    pair.leader.write(0, b"message")
    pair.deliver()
    assert (pair.follower.take(0), pair.follower.take(2)) == (b"message", b"")
    pair.follower.resume(2)
    assert len(pair.follower.take(2)) == limits.WINDOW
    pair.deliver()
    assert (pair.leader.waiting(2), pair.follower.take(2)) == (0, b"\0")


def test_who_sends_more_than_was_allowed_ends_the_channel() -> None:
    pair = Pair().opened()
    pair.follower.pause(2)
    pair.leader._outbox.allow(2, 2 * limits.WINDOW)
    pair.leader.write(2, bytes(limits.WINDOW + 1))
    pair.deliver()
    assert "stream 2 goes to" in ended(pair.follower, 0.0).reason


def test_no_more_leaves_at_a_time_than_was_asked_for() -> None:
    pair = Pair().opened()
    pair.leader.write(2, bytes(10 * limits.RECORD_BYTES))
    assert len(pair.leader.records(limits.RECORD_BYTES + 1, 0.0)) <= 2 * (limits.RECORD_BYTES + 20)
    assert pair.leader.has_output


def test_there_is_no_fourth_stream() -> None:
    with pytest.raises(LocalError, match="stream 3"):
        Pair().opened().leader.write(3, b"x")


# --- heartbeats -----------------------------------------------------------------------------------------------------
def test_heartbeats_measure_the_round_trip() -> None:
    pair = Pair()
    pair.deliver()
    pair.leader.choose(0.0)
    pair.follower.receive(pair.leader.records(1 << 16, 0.0), 0.1)
    pair.leader.receive(pair.follower.records(1 << 16, 0.1), 0.2)
    pair.follower.receive(pair.leader.records(1 << 16, 0.2), 0.3)
    pair.leader.receive(pair.follower.records(1 << 16, 0.3), 0.4)
    assert pair.follower.rtt.smoothed == pytest.approx(0.2)
    assert pair.leader.rtt.smoothed == pytest.approx(0.2)
    assert pair.leader.deadline == pytest.approx(0.2 + rudp_limits.HEARTBEAT)


def test_an_invented_answer_to_a_heartbeat_measures_nothing() -> None:
    pair = Pair().opened()
    before = pair.leader.rtt.smoothed
    record = bytearray()
    frames.put_mark(record, frames.PONG, 12345)
    pair.leader.receive(pair.follower._sealer.seal(record, 1.0), 1.0)
    assert pair.leader.rtt.smoothed == before


def test_heartbeats_keep_an_idle_channel_alive() -> None:
    pair = Pair().opened()
    for _ in range(100):
        pair.now = min(pair.leader.deadline, pair.follower.deadline)
        pair.leader.on_timer(pair.now)
        pair.follower.on_timer(pair.now)
        pair.deliver()
    assert pair.events() == ([], [])
    assert pair.now > 400


def test_an_end_that_is_not_heard_for_fifteen_seconds_is_gone() -> None:
    pair = Pair().opened()
    for now in (5.0, 10.0, 14.9):
        pair.leader.on_timer(now)
        pair.leader.records(1 << 16, now)
    assert pair.leader.events(14.9) == []
    assert pair.leader.deadline == 15.0
    pair.leader.on_timer(15.0)
    assert ended(pair.leader, 15.0) == Closed(CloseCode.SILENCE, "nothing was heard for 15 s", False)
    assert not pair.leader.has_output


# --- the end --------------------------------------------------------------------------------------------------------
def test_everything_written_arrives_before_the_end() -> None:
    pair = Pair().opened()
    pair.leader.write(2, bytes(100_000))
    pair.leader.close(64, "enough", 0.0)
    with pytest.raises(ChannelClosed):
        pair.leader.write(0, b"x")
    pair.deliver()
    assert pair.events() == ([], [])
    assert len(pair.follower.take(2)) == 100_000
    assert pair.follower.events(0.0) == [Closed(64, "enough", True)]
    assert not pair.leader.is_heard_out
    pair.deliver()
    assert pair.leader.events(0.0) == [Closed(64, "enough", False)]
    assert pair.leader.is_heard_out and not pair.follower.is_heard_out


def test_what_the_other_end_still_sends_is_handed_out_before_the_end() -> None:
    pair = Pair().opened()
    pair.follower.write(1, b"crossing")
    crossing = pair.follower.records(1 << 16, 0.0)
    pair.leader.close(0, "", 0.0)
    pair.leader.receive(crossing, 0.0)
    pair.deliver()
    assert pair.leader.take(1) == b"crossing"
    assert pair.follower.events(0.0) == [Closed(0, "", True)]
    pair.deliver()
    assert pair.leader.events(0.0) == [Closed(0, "", False)]


def test_both_ends_may_end_it_at_once() -> None:
    pair = Pair().opened()
    pair.leader.write(0, b"from leader")
    pair.follower.write(0, b"from follower")
    pair.leader.close(64, "l", 0.0)
    pair.follower.close(65, "f", 0.0)
    of_leader, of_follower = pair.leader.records(1 << 16, 0.0), pair.follower.records(1 << 16, 0.0)
    pair.leader.receive(of_follower, 0.0)
    pair.follower.receive(of_leader, 0.0)
    assert (pair.leader.take(0), pair.follower.take(0)) == (b"from follower", b"from leader")
    assert pair.events() == ([Closed(64, "l", False)], [Closed(65, "f", False)])
    assert not pair.leader.is_heard_out and not pair.follower.is_heard_out
    pair.deliver()
    assert pair.events() == ([], [])


def test_an_end_that_is_said_while_bytes_wait_makes_them_void() -> None:
    pair = Pair().opened()
    pair.leader.write(0, b"x")
    pair.leader.close(64, "l", 0.0)
    pair.follower.close(65, "f", 0.0)
    pair.leader.receive(pair.follower.records(1 << 16, 0.0), 0.0)
    assert pair.leader.events(0.0) == [Closed(65, "f", True)]


def test_an_end_waits_for_what_is_paused_but_not_for_ever() -> None:
    pair = Pair().opened()
    pair.follower.pause(1)
    pair.leader.write(1, b"kept")
    pair.leader.close(0, "", 0.0)
    pair.deliver()
    assert pair.events() == ([], [])
    pair.follower.on_timer(P2P_CLOSE_TIME)
    assert pair.follower.events(P2P_CLOSE_TIME) == [Closed(0, "", True)]
    pair.follower.resume(1)


def test_bytes_that_find_no_way_do_not_hold_up_the_end_for_ever() -> None:
    pair = Pair().opened()
    pair.follower.pause(1)
    pair.leader.write(1, bytes(limits.WINDOW + 1))
    pair.deliver()
    pair.leader.close(0, "", 0.0)
    assert pair.leader.deadline == P2P_CLOSE_TIME
    pair.leader.on_timer(P2P_CLOSE_TIME)
    assert pair.leader.events(P2P_CLOSE_TIME) == [Closed(0, "", False)]
    pair.deliver()
    pair.follower.on_timer(2 * P2P_CLOSE_TIME)
    assert pair.follower.events(P2P_CLOSE_TIME) == [Closed(0, "", True)]


def test_an_abort_forgets_what_waits_and_tells_the_other_end() -> None:
    pair = Pair().opened()
    pair.leader.write(0, bytes(100_000))
    pair.leader.abort(66, "now", 0.0)
    pair.leader.abort(67, "again", 0.0)
    assert pair.leader.events(0.0) == [Closed(66, "now", False)]
    pair.deliver()
    assert pair.follower.events(0.0) == [Closed(66, "now", True)]
    assert pair.follower.take(0) == b""
    assert pair.leader.deadline == limits.LINGER_TIME


def test_a_connection_that_was_not_chosen_ends_at_once() -> None:
    pair = Pair()
    pair.deliver()
    pair.leader.events(0.0)
    pair.leader.close(0, "unwanted", 0.0)
    assert pair.leader.events(0.0) == [Closed(0, "unwanted", False)]


def test_a_connection_that_is_lost_says_so() -> None:
    pair = Pair().opened()
    pair.leader.lost(0.0)
    pair.leader.lost(0.0)
    assert pair.leader.events(0.0) == [Closed(CloseCode.LOST, "the connection was lost", False)]


def test_a_connection_that_is_cut_after_its_end_was_said_has_ended_as_was_said() -> None:
    pair = Pair().opened()
    pair.leader.close(64, "enough", 0.0)
    pair.follower.receive(pair.leader.records(1 << 16, 0.0), 0.0)
    for one in (pair.leader, pair.follower):
        one.lost(0.0)
    assert pair.events() == ([Closed(64, "enough", False)], [Closed(64, "enough", True)])


def test_nothing_comes_behind_the_end() -> None:
    pair = Pair().opened()
    record = bytearray()
    frames.put_close(record, 0, "")
    frames.put_data(record, 0, b"late")
    frames.put_close(record, 9, "later")
    pair.leader.receive(pair.follower._sealer.seal(record, 0.0), 0.0)
    assert (pair.leader.take(0), pair.leader.events(0.0)) == (b"", [Closed(0, "", True)])
