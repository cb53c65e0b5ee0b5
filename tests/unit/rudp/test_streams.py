"""All streams of a channel together: turns, limits, ends. Two of them are joined here without a loss."""

from __future__ import annotations

from collections import Counter

import pytest

from esframework.errors import LocalError, PacketError
from esframework.limits import rudp as limits
from esframework.rudp import packet
from esframework.rudp.packet import BLOCKED, CONNECTION, MAX_DATA, MAX_STREAM, RESET, STREAM, parse_frames
from esframework.rudp.streams import BLOBS, FIRST_FILE, MESSAGES, Sent, StreamData, StreamReset, Streams

SIZE = 1200


def next_packet(streams: Streams, size: int = SIZE) -> tuple[list[packet.Frame], list[Sent]]:
    """The frames of the next packet, and what is to be said when it has arrived."""
    buffer, sent = bytearray(), list[Sent]()
    streams.put(buffer, size, sent)
    assert len(buffer) <= size
    return parse_frames(bytes(buffer)), sent


def deliver(frames: list[packet.Frame], streams: Streams) -> None:
    for frame in frames:
        if frame[0] == STREAM:
            streams.received(frame[1], frame[2], frame[3], frame[4])
        elif frame[0] == MAX_DATA:
            streams.allow_in_all(frame[1])
        elif frame[0] == MAX_STREAM:
            streams.allow(frame[1], frame[2])
        elif frame[0] == BLOCKED:
            streams.received_blocked(frame[1], frame[2])
        elif frame[0] == RESET:
            streams.received_reset(frame[1], frame[2], frame[3])


def pump(sender: Streams, receiver: Streams, reads: bool = True) -> list[object]:
    """Everything both have to say, until neither has; the events of the receiver."""
    events: list[object] = []
    while sender.is_waiting or receiver.is_waiting:
        for one, other in ((sender, receiver), (receiver, sender)):
            frames, sent = next_packet(one)
            deliver(frames, other)
            for record in sent:
                one.arrived(record)
        if reads:
            events += receiver.events(0.0, 0.0)
    return events


def stream_order(streams: Streams, packets: int) -> list[int]:
    """Whose bytes the next packets begin with."""
    order = []
    for _ in range(packets):
        frames, _ = next_packet(streams)
        assert frames[0][0] == STREAM
        order.append(frames[0][1])
    return order


def test_what_is_written_comes_out_at_the_other_end() -> None:
    sender, receiver = Streams(), Streams()
    sender.write(MESSAGES, b"hello")
    sender.write(BLOBS, b"blob", is_last=True)
    assert sender.unsent == 9
    assert pump(sender, receiver) == [StreamData(MESSAGES, b"hello", False), StreamData(BLOBS, b"blob", True)]
    assert sender.unsent == 0
    assert sender.is_delivered


def test_a_message_goes_before_a_file_that_was_there_first() -> None:
    streams = Streams()
    streams.write(FIRST_FILE, bytes(100_000))
    stream_order(streams, 3)
    streams.write(MESSAGES, b"now")
    frames, _ = next_packet(streams)
    assert frames[0] == (STREAM, MESSAGES, 0, b"now", False)
    assert frames[1][:2] == (STREAM, FIRST_FILE)


def test_lower_streams_have_an_eighth() -> None:
    streams = Streams()
    for stream in (MESSAGES, BLOBS, FIRST_FILE):
        streams.write(stream, bytes(400_000))
    assert Counter(stream_order(streams, 256)) == {MESSAGES: 224, BLOBS: 28, FIRST_FILE: 4}


def test_files_take_turns() -> None:
    streams = Streams()
    for stream in (2, 3, 4):
        streams.write(stream, bytes(50_000))
    assert stream_order(streams, 6) == [2, 3, 4, 2, 3, 4]


def test_many_small_messages_share_packets() -> None:
    streams = Streams()
    for stream in range(2, 20):
        streams.write(stream, b"small")
    frames, _ = next_packet(streams)
    assert len(frames) == 18


def test_a_stream_never_goes_beyond_its_limit_and_goes_on_when_it_grows() -> None:
    sender, receiver = Streams(), Streams()
    sender.write(2, bytes(limits.STREAM_WINDOW + 10))
    pump(sender, receiver, reads=False)
    assert sender.unsent == 10
    assert len(receiver.events(0.0, 0.0)[0].data) == limits.STREAM_WINDOW  # type: ignore[union-attr]
    assert pump(sender, receiver) == [StreamData(2, bytes(10), False)]


def test_all_streams_together_never_go_beyond_the_limit_of_the_channel() -> None:
    sender, receiver = Streams(), Streams()
    for stream in range(2, 8):
        sender.write(stream, bytes(limits.STREAM_WINDOW))
    pump(sender, receiver, reads=False)
    assert sender.unsent == 6 * limits.STREAM_WINDOW - limits.CONNECTION_WINDOW
    receiver.events(0.0, 0.0)
    pump(sender, receiver)
    assert sender.unsent == 0


def test_files_whose_receiver_is_slow_do_not_stop_messages() -> None:
    sender, receiver = Streams(), Streams()
    for stream in range(2, 10):
        receiver.pause(stream)
        sender.write(stream, bytes(limits.STREAM_WINDOW))
    pump(sender, receiver)
    assert sender.unsent == 8 * limits.STREAM_WINDOW - limits.CONNECTION_WINDOW
    sender.write(MESSAGES, b"hello")
    assert pump(sender, receiver) == [StreamData(MESSAGES, b"hello", False)]
    sender.write(MESSAGES, bytes(3 * limits.STREAM_WINDOW))
    assert sum(len(event.data) for event in pump(sender, receiver)) == 3 * limits.STREAM_WINDOW  # type: ignore


def test_a_file_whose_window_has_grown_and_whose_receiver_is_slow_does_not_stop_blobs() -> None:
    sender, receiver = Streams(), Streams()
    receiver.received(FIRST_FILE, 1, b"x", False)
    for _ in range(3):
        # Something is missing, and has its sender fill one window after the other.
        receiver.received_blocked(FIRST_FILE, receiver._receiving[FIRST_FILE].most)
        receiver.events(0.0, 0.0)
    receiver.pause(FIRST_FILE)
    sender.write(FIRST_FILE, bytes(2 * limits.MAX_STREAM_WINDOW))
    pump(sender, receiver)
    assert sender.unsent == limits.MAX_STREAM_WINDOW
    sender.write(BLOBS, bytes(limits.STREAM_WINDOW))
    assert sum(len(event.data) for event in pump(sender, receiver)) == limits.STREAM_WINDOW  # type: ignore


def test_who_is_kept_back_says_so_once() -> None:
    sender = Streams()
    sender.write(2, bytes(limits.STREAM_WINDOW + 10))
    said = []
    while sender.is_waiting:
        said += [frame for frame in next_packet(sender)[0] if frame[0] == BLOCKED]
    assert said == [(BLOCKED, 2, limits.STREAM_WINDOW)]


def test_a_limit_that_did_not_get_through_is_said_again() -> None:
    sender, receiver = Streams(), Streams()
    sender.write(2, bytes(limits.STREAM_WINDOW + 10))
    pump(sender, receiver, reads=False)
    receiver.events(0.0, 0.0)
    frames, sent = next_packet(receiver)
    assert (MAX_STREAM, 2, 2 * limits.STREAM_WINDOW) in frames
    for record in sent:
        receiver.lost(record)
    assert next_packet(receiver)[0] == frames
    receiver.received_blocked(2, limits.STREAM_WINDOW)
    assert (MAX_STREAM, 2, 2 * limits.STREAM_WINDOW) in next_packet(receiver)[0]


def test_a_window_grows_while_the_application_keeps_up() -> None:
    receiver = Streams()
    half = bytes(limits.STREAM_WINDOW // 2)
    limits_said = []
    for index in range(3):
        receiver.received(2, index * len(half), half, False)
        receiver.events(now=index * 0.1, round_trip=0.1)
        limits_said += [frame[2] for frame in next_packet(receiver)[0] if frame[0] == MAX_STREAM]
    assert limits_said == [3 * len(half), 6 * len(half)]


def reached(receiver: Streams, missing: int = 0) -> None:
    """The whole window came but a piece at its begin, and the sender says that it has more."""
    receiver.received(2, missing, bytes(limits.STREAM_WINDOW - missing), False)
    receiver.received_blocked(2, limits.STREAM_WINDOW)


def said(receiver: Streams) -> list[int]:
    """Limits of stream 2 that the receiver says after its application has taken what there is."""
    receiver.events(0.0, 0.0)
    limits_said = []
    while receiver.is_waiting:
        limits_said += [frame[2] for frame in next_packet(receiver)[0] if frame[0] == MAX_STREAM]
    return limits_said


def test_a_window_grows_when_something_lost_holds_up_the_rest() -> None:
    receiver = Streams()
    reached(receiver, missing=100)
    assert receiver.has_events
    assert said(receiver) == [2 * limits.STREAM_WINDOW]


def test_a_sender_that_says_it_twice_gets_no_more() -> None:
    receiver = Streams()
    reached(receiver, missing=100)
    said(receiver)
    receiver.received_blocked(2, limits.STREAM_WINDOW)
    receiver.received_blocked(2, 2 * limits.STREAM_WINDOW - 1)
    assert said(receiver) == [2 * limits.STREAM_WINDOW]


def test_a_window_never_grows_beyond_what_is_allowed_to_be_kept() -> None:
    receiver = Streams()
    receiver.received(2, 1, b"x", False)
    for _ in range(10):
        receiver.received_blocked(2, receiver._receiving[2].most)
        said(receiver)
    assert receiver._receiving[2].most == limits.MAX_STREAM_WINDOW


def test_no_window_grows_while_the_application_takes_nothing() -> None:
    receiver = Streams()
    receiver.pause(2)
    reached(receiver)
    receiver.received_blocked(CONNECTION, limits.CONNECTION_WINDOW)
    assert said(receiver) == []
    assert not receiver.is_waiting


def test_the_window_of_all_streams_grows_like_that_of_one() -> None:
    receiver = Streams()
    receiver.received(2, 100, b"x", False)
    receiver.received_blocked(CONNECTION, limits.CONNECTION_WINDOW)
    receiver.events(0.0, 0.0)
    assert next_packet(receiver)[0] == [(MAX_DATA, 2 * limits.CONNECTION_WINDOW)]


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ([(2, limits.STREAM_WINDOW, b"x", False)], "stream 2 goes to"),
        ([(stream, limits.STREAM_WINDOW - 1, b"x", False) for stream in range(1, 6)], "all streams go to"),
        ([(CONNECTION, 0, b"x", False)], "there is no stream 65535"),
        ([(stream, 0, b"x", False) for stream in range(limits.MAX_STREAMS + 1)], "streams are open already"),
    ],
)
def test_a_sender_beyond_a_limit_ends_the_channel(frames: list[tuple[int, int, bytes, bool]], complaint: str) -> None:
    receiver = Streams()
    with pytest.raises(PacketError, match=complaint):
        for frame in frames:
            receiver.received(*frame)


def test_gaps_are_bounded_over_all_streams() -> None:
    receiver = Streams()
    for index in range(limits.MAX_GAPS):
        receiver.received(index % 8, 2 * (index // 8) + 1, b"x", False)
    with pytest.raises(PacketError, match="gaps"):
        receiver.received(8, 1, b"x", False)


def test_gaps_that_were_closed_or_given_up_count_no_more() -> None:
    receiver = Streams()
    for index in range(limits.MAX_GAPS // 2):
        receiver.received(BLOBS, 2 * index + 1, b"x", False)
        receiver.received(FIRST_FILE, 2 * index + 1, b"x", False)
    receiver.received(BLOBS, 0, bytes(limits.MAX_GAPS), False)
    receiver.received_reset(FIRST_FILE, 0, limits.MAX_GAPS)
    for index in range(limits.MAX_GAPS):
        receiver.received(FIRST_FILE + 1, 2 * index + 1, b"x", False)


def test_a_paused_stream_keeps_its_sender_at_the_window() -> None:
    sender, receiver = Streams(), Streams()
    receiver.pause(2)
    sender.write(2, bytes(2 * limits.STREAM_WINDOW))
    sender.write(3, b"other")
    assert pump(sender, receiver) == [StreamData(3, b"other", False)]
    assert sender.unsent == limits.STREAM_WINDOW
    receiver.resume(2)
    assert len(receiver.events(0.0, 0.0)[0].data) == limits.STREAM_WINDOW  # type: ignore[union-attr]
    assert len(pump(sender, receiver)) > 0
    assert sender.unsent == 0


def test_a_stream_that_is_given_up_ends_at_both_ends() -> None:
    sender, receiver = Streams(), Streams()
    sender.write(2, bytes(100_000))
    next_packet(sender)
    sender.reset(2, 7)
    assert sender.unsent == 0
    assert pump(sender, receiver) == [StreamReset(2, 7)]
    with pytest.raises(LocalError, match="has ended"):
        sender.write(2, b"again")


def test_what_was_given_up_still_counts_for_the_channel() -> None:
    """Else each end would have its own idea of what the other may send."""
    sender, receiver = Streams(), Streams()
    for stream in range(2, 20):
        sender.write(stream, bytes(limits.STREAM_WINDOW))
        for _ in range(600):
            if sender.is_waiting:
                next_packet(sender)  # all lost
        sender.reset(stream, 0)
        pump(sender, receiver)
    sender.write(MESSAGES, b"still here")
    assert pump(sender, receiver) == [StreamData(MESSAGES, b"still here", False)]


def test_numbers_are_never_used_again() -> None:
    sender, receiver = Streams(), Streams()
    sender.write(2, b"x", is_last=True)
    pump(sender, receiver)
    with pytest.raises(LocalError, match="stream 2"):
        sender.write(2, b"y")
    receiver.received(2, 0, b"late", False)
    assert not receiver.has_events


def test_what_has_left_of_one_stream_and_what_has_arrived_of_all_is_known() -> None:
    sender = Streams()
    assert sender.is_delivered
    sender.write(BLOBS, bytes(2000))
    sender.write(FIRST_FILE, bytes(100))
    assert (sender.unsent_of(BLOBS), sender.unsent_of(FIRST_FILE), sender.unsent_of(MESSAGES)) == (2000, 100, 0)
    _, sent = next_packet(sender)
    assert sender.unsent_of(BLOBS) < 1000
    while sender.is_waiting:
        sent += next_packet(sender)[1]
    assert sender.unsent_of(BLOBS) == 0
    assert not sender.is_delivered
    for record in sent:
        sender.arrived(record)
    assert sender.is_delivered


def test_what_was_given_up_is_waited_for_no_more() -> None:
    sender = Streams()
    sender.write(FIRST_FILE, bytes(100))
    sender.reset(FIRST_FILE, 1)
    assert sender.unsent_of(FIRST_FILE) == 0
    assert sender.is_delivered
