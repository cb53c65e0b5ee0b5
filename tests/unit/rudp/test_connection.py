"""One channel: what it does with packets of its peer, honest and not. For whole transfers see tests/sim."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import ChannelClosed
from esframework.limits import rudp as limits
from esframework.rudp import packet
from esframework.rudp.connection import CLOSED, CLOSING, OPEN, Connection
from esframework.rudp.events import CloseCode, Closed, Event, Observed, Opened
from esframework.rudp.keys import Opener, Sealer, derive
from esframework.rudp.packet import ACK, CLOSE, MTU_PROBE, OBSERVED, PING, RESPONSE, STREAM, parse_frames
from esframework.rudp.streams import StreamData

PEER = ("203.0.113.2", 1)
KEYS = derive(b"secret", b"shared", True, b"session")
PEERS_KEYS = derive(b"secret", b"shared", False, b"session")


class Scripted:
    """A connection, and a peer that says what a test wants."""

    def __init__(self) -> None:
        self.connection = Connection(KEYS, 77, PEER, 0.0, random=Random(1).randbytes, round_trip=0.1)
        self.sealer = Sealer(PEERS_KEYS, 11, 0.0)
        self.opener = Opener(PEERS_KEYS)
        self.next = 0

    def say(self, frames: bytes | bytearray, now: float = 0.0, address: tuple[str, int] = PEER) -> list[Event]:
        """Have a packet come; what the connection tells of it."""
        self.connection.receive_batch([(self.sealer.seal(frames, self.next), address)], now)
        self.next += 1
        return self.connection.events()

    def heard(self, now: float = 0.0) -> list[list[packet.Frame]]:
        """The frames of each packet that leaves."""
        packets = []
        for datagram, address in self.connection.datagrams_to_send(now):
            assert address == PEER
            opened = self.opener.open(datagram)
            assert opened is not None
            packets.append(parse_frames(opened[1]))
        return packets


def stream(number: int, offset: int, data: bytes, is_last: bool = False) -> bytearray:
    buffer = bytearray()
    packet.put_stream(buffer, number, offset, data, is_last)
    return buffer


def acknowledgement(*ranges: tuple[int, int]) -> bytearray:
    buffer = bytearray()
    packet.put_ack(buffer, ranges, 0.0)
    return buffer


def kinds(packets: list[list[packet.Frame]]) -> list[list[int]]:
    return [[frame[0] for frame in frames] for frames in packets]


def test_the_first_packet_asks_for_a_sign_and_says_where_the_other_is() -> None:
    assert Scripted().heard() == [[(PING,), (OBSERVED, bytes([203, 0, 113, 2]), 1)]]


def test_data_may_go_with_the_first_packet() -> None:
    scripted = Scripted()
    scripted.connection.write(0, b"hello")
    assert scripted.heard()[0][-1] == (STREAM, 0, 0, b"hello", False)


def test_it_is_open_when_something_has_opened() -> None:
    scripted = Scripted()
    scripted.connection.receive_batch([(bytes(100), PEER), (b"\x40" * 60, PEER)], 0.0)
    assert scripted.connection.events() == []
    assert scripted.say(stream(0, 0, b"hi")) == [Opened(PEER), StreamData(0, b"hi", False)]


def test_a_batch_is_acknowledged_by_one_packet() -> None:
    scripted = Scripted()
    scripted.heard()
    datagrams = [scripted.sealer.seal(stream(2, index * 100, bytes(100)), index) for index in range(50)]
    scripted.connection.receive_batch([(datagram, PEER) for datagram in datagrams], 0.0)
    packets = scripted.heard()
    acks = [frame for frames in packets for frame in frames if frame[0] == ACK]
    assert [frame[2] for frame in acks] == [[(0, 50)]]
    assert scripted.connection.events()[1:] == [StreamData(2, bytes(5000), False)]


def test_an_mtu_probe_leaves_once_it_is_open() -> None:
    scripted = Scripted()
    assert [MTU_PROBE] not in kinds(scripted.heard())
    scripted.say(b"\x01")
    assert [MTU_PROBE] in kinds(scripted.heard())


def test_what_is_lost_is_sent_again_in_a_packet_of_its_own_number() -> None:
    scripted = Scripted()
    for index in range(6):
        scripted.connection.write(2, bytes([index]) * 100)
        scripted.heard(index * 0.02)
    scripted.say(acknowledgement((1, 6)), 0.2)
    (frames,) = [frames for frames in scripted.heard(0.2) if frames[0][0] != MTU_PROBE]
    assert (STREAM, 2, 0, bytes(100), False) in frames


def test_silence_brings_two_packets_with_data() -> None:
    scripted = Scripted()
    scripted.connection.write(2, b"data")
    scripted.heard()
    when = scripted.connection.next_timer()
    assert when is not None
    assert when < 1.0
    scripted.connection.on_timer(when)
    packets = scripted.heard(when)
    assert len(packets) == limits.PTO_PACKETS
    assert (STREAM, 2, 0, b"data", False) in packets[0]


def test_what_is_said_of_a_stream_twice_is_told_once() -> None:
    scripted = Scripted()
    scripted.say(stream(0, 0, b"abc"))
    assert scripted.say(stream(0, 0, b"abc")) == []


def test_a_challenge_is_answered_where_it_came_from() -> None:
    scripted = Scripted()
    scripted.heard()
    buffer = bytearray()
    packet.put_challenge(buffer, b"question")
    scripted.say(buffer, address=("203.0.113.9", 9))
    datagrams = scripted.connection.datagrams_to_send(0.0)
    assert datagrams[0][1] == ("203.0.113.9", 9)
    opened = scripted.opener.open(datagrams[0][0])
    assert opened is not None
    assert parse_frames(opened[1]) == [(RESPONSE, b"question")]


def test_where_the_peer_sees_it_is_told_when_it_is_new() -> None:
    scripted = Scripted()
    buffer = bytearray()
    packet.put_observed(buffer, bytes([198, 51, 100, 1]), 4000)
    assert scripted.say(buffer)[1:] == [Observed(("198.51.100.1", 4000))]
    assert scripted.say(buffer) == []


def observed(host: int) -> bytearray:
    buffer = bytearray()
    packet.put_observed(buffer, bytes([198, 51, 100, host]), 4000)
    return buffer


def test_an_end_that_is_seen_at_another_host_begins_the_path_anew_and_at_another_port_does_not() -> None:
    scripted = Scripted()
    scripted.say(observed(1))
    congestion = scripted.connection.congestion
    buffer = bytearray()
    packet.put_observed(buffer, bytes([198, 51, 100, 1]), 4001)
    scripted.say(buffer, 1.0)
    assert scripted.connection.congestion is congestion
    scripted.say(observed(2), 10.0)
    assert scripted.connection.congestion is not congestion


def test_a_peer_that_sees_it_elsewhere_each_time_has_it_send_large_probes_seldom() -> None:
    scripted = Scripted()
    scripted.say(observed(1))
    probes = 0
    for index in range(100):
        scripted.say(observed(index % 2), index * 0.03)
        probes += kinds(scripted.heard(index * 0.03)).count([MTU_PROBE])
    assert probes <= 2


# --- the end ----------------------------------------------------------------------------------------------------------
def test_closing_is_said_and_nothing_else_any_more() -> None:
    scripted = Scripted()
    scripted.heard()
    scripted.connection.write(2, bytes(5000))
    scripted.connection.close(70, "that is all", 1.0)
    assert scripted.heard(1.0) == [[(CLOSE, 70, "that is all")]]
    assert scripted.connection.events() == [Closed(70, "that is all", False)]
    assert scripted.heard(1.0) == []
    with pytest.raises(ChannelClosed):
        scripted.connection.write(2, b"more")
    scripted.connection.close(71, "again", 1.1)
    assert scripted.connection.events() == []


def test_a_peer_that_goes_on_is_told_a_few_times() -> None:
    scripted = Scripted()
    scripted.connection.close(0, "", 0.0)
    scripted.heard()
    answers = 0
    for _ in range(50):
        scripted.say(b"\x01")
        answers += len(scripted.heard())
    assert answers == limits.CLOSE_ANSWERS


def test_finishing_waits_until_what_was_written_has_arrived() -> None:
    scripted = Scripted()
    scripted.connection.write(2, b"data")
    scripted.heard()
    scripted.connection.finish(70, "that is all", 0.1)
    scripted.connection.finish(71, "once", 0.1)
    assert not scripted.connection.takes_bytes
    with pytest.raises(ChannelClosed):
        scripted.connection.write(2, b"more")
    assert scripted.connection.state == OPEN
    assert scripted.say(stream(0, 0, b"meanwhile"), 0.1)[1:] == [StreamData(0, b"meanwhile", False)]
    assert scripted.say(acknowledgement((0, 1)), 0.2) == [Closed(70, "that is all", False)]
    assert [(CLOSE, 70, "that is all")] in scripted.heard(0.2)


def test_finishing_with_nothing_to_say_is_closing() -> None:
    scripted = Scripted()
    scripted.connection.finish(70, "", 0.0)
    assert scripted.connection.state == CLOSING


def test_finishing_does_not_wait_for_ever() -> None:
    scripted = Scripted()
    scripted.say(b"\x01")
    scripted.connection.write(2, b"data")
    scripted.connection.finish(70, "", 0.1)
    while scripted.connection.state == OPEN:
        when = scripted.connection.next_timer()
        assert when is not None
        assert when <= 0.1 + limits.FINISHING_TIME
        scripted.connection.on_timer(when)
        scripted.heard(when)
    assert scripted.connection.events()[-1] == Closed(70, "", False)


def test_an_other_end_that_closes_first_ends_the_finishing() -> None:
    scripted = Scripted()
    scripted.connection.write(2, b"data")
    scripted.heard()
    scripted.connection.finish(70, "mine", 0.1)
    buffer = bytearray()
    packet.put_close(buffer, 80, "the other's")
    assert scripted.say(buffer, 0.1)[-1] == Closed(80, "the other's", True)
    assert scripted.say(acknowledgement((0, 1)), 0.2) == []
    assert scripted.connection.state == CLOSED


def test_closing_ends_by_itself() -> None:
    scripted = Scripted()
    scripted.connection.close(0, "", 0.0)
    said = scripted.heard(0.0)
    while (when := scripted.connection.next_timer()) is not None:
        scripted.connection.on_timer(when)
        said += scripted.heard(when)
    # Each probe time-out anew: one that was lost is noticed by nobody else.
    assert kinds(said) == [[CLOSE]] * limits.CLOSING_PTOS
    assert scripted.connection.state == CLOSED
    assert scripted.connection.next_timer() is None
    assert scripted.say(stream(0, 0, b"late")) == [Closed(0, "", False)]


@pytest.mark.parametrize(
    "frames",
    [
        stream(2, limits.STREAM_WINDOW, b"x"),
        acknowledgement((0, 1000)),
        b"\x55",
        b"\x03\x00",
        stream(0, 0, b"abc", True) + stream(0, 3, b"d"),
    ],
    ids=["beyond the window", "never sent", "no such frame", "cut off", "beyond the end"],
)
def test_a_peer_that_breaks_the_protocol_is_told_and_left(frames: bytes) -> None:
    scripted = Scripted()
    scripted.heard()
    closed = scripted.say(frames)[-1]
    assert isinstance(closed, Closed)
    assert closed.code == CloseCode.PROTOCOL
    assert scripted.connection.state == CLOSING
    assert kinds(scripted.heard()) == [[CLOSE]]


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=20))
def test_nothing_that_a_peer_says_raises(payloads: list[bytes]) -> None:
    scripted = Scripted()
    scripted.connection.write(2, bytes(5000))
    now = 0.0
    for payload in payloads:
        scripted.say(payload, now)
        scripted.connection.datagrams_to_send(now)
        now += 0.01
        scripted.connection.on_timer(now)
    assert scripted.connection.state in (OPEN, CLOSING, CLOSED)


FRAMES = st.one_of(
    st.builds(stream, st.integers(0, 4), st.integers(0, 3000), st.binary(max_size=50), st.booleans()),
    st.builds(lambda start, size: acknowledgement((start, start + size)), st.integers(0, 8), st.integers(1, 4)),
    st.sampled_from([b"\x01", b"\x0c", b"\x07abcdefgh", b"\x08abcdefgh"]),
    st.builds(
        lambda kind, number, size: bytes([kind]) + number.to_bytes(2) + size.to_bytes(8),
        st.sampled_from([5, 6]),
        st.integers(0, 0xFFFF),
        st.integers(0, 2**64 - 1),
    ),
    st.builds(lambda size: b"\x04" + size.to_bytes(8), st.integers(0, 2**64 - 1)),
    st.builds(
        lambda number, size: b"\x0a" + number.to_bytes(2) + b"\0\0" + size.to_bytes(8),
        st.integers(0, 5),
        st.integers(0, 5000),
    ),
    st.builds(lambda size: b"\x0b\x00\x01" + bytes([size]) + bytes(size), st.sampled_from([4, 16])),
)


@given(st.lists(st.lists(FRAMES, min_size=1, max_size=4), min_size=1, max_size=20))
def test_no_frame_that_can_be_written_raises(packets: list[list[bytes]]) -> None:
    scripted = Scripted()
    scripted.connection.write(2, bytes(5000))
    scripted.connection.write(3, b"end", is_last=True)
    now = 0.0
    for frames in packets:
        scripted.say(b"".join(frames), now, ("203.0.113.9", len(frames)))
        scripted.connection.datagrams_to_send(now)
        now += 0.02
        scripted.connection.on_timer(now)
    assert scripted.connection.in_flight >= 0


# --- what is known ----------------------------------------------------------------------------------------------------
def test_what_went_by_the_path_is_counted() -> None:
    scripted = Scripted()
    scripted.connection.write(2, bytes(3000))
    sent = scripted.connection.datagrams_to_send(0.0)
    scripted.say(acknowledgement((0, len(sent))), 0.25)
    facts = scripted.connection.facts(1.25)
    assert facts["bytes_sent"] == sum(len(datagram) for datagram, _ in sent)
    assert facts["datagrams_sent"] == len(sent) == 3
    assert facts["datagrams_received"] == 1
    assert facts["bytes_received"] == packet.OVERHEAD + len(acknowledgement((0, 3)))
    assert facts["round_trip"] == facts["shortest_round_trip"] == 0.25
    assert facts["silence"] == 1.0
    assert facts["waiting"] == facts["in_flight"] == facts["datagrams_lost"] == 0
    assert facts["state"] == OPEN
    assert facts["datagrams_refused"] == 0
    scripted.connection.receive_batch([(b"\x40" * 60, PEER)] * 3, 1.5)
    assert scripted.connection.facts(1.5)["datagrams_refused"] == 3


def test_what_was_lost_is_counted_and_what_came_late_is_not() -> None:
    scripted = Scripted()
    for index in range(6):
        scripted.connection.write(2, bytes([index]) * 100)
        scripted.heard(index * 0.02)
    scripted.say(acknowledgement((2, 6)), 0.2)
    assert scripted.connection.facts(0.2)["datagrams_lost"] == 2
    scripted.say(acknowledgement((1, 6)), 0.3)
    assert scripted.connection.facts(0.3)["datagrams_lost"] == 1


def test_coming_to_another_network_is_shown_by_a_packet_at_once() -> None:
    scripted = Scripted()
    scripted.say(b"\x01")
    scripted.heard()
    assert scripted.heard(1.0) == []
    scripted.connection.moved_here(1.0)
    assert kinds(scripted.heard(1.0)) == [[PING]]
