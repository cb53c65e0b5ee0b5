"""Any frames come back as they were written; any bytes are frames or a PacketError, and what is sealed opens once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import PacketError
from esframework.rudp import keys, packet
from esframework.rudp.packet import parse_frames

LONG = st.integers(0, 2**64 - 1)
SHORT = st.integers(0, 2**16 - 1)
STEPS = st.lists(st.tuples(st.integers(1, 2**20), st.integers(1, 2**20)), min_size=1, max_size=32)


def _ranges(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    ranges = []
    stop = 0
    for gap, length in steps:
        ranges.append((stop + gap, stop + gap + length))
        stop += gap + length
    return ranges[::-1]


FRAMES = st.lists(
    st.one_of(
        st.tuples(st.just(packet.PING)),
        st.tuples(st.just(packet.ACK), st.integers(0, 2**16 - 1).map(lambda units: units * 1e-4), STEPS.map(_ranges)),
        st.tuples(st.just(packet.STREAM), SHORT, LONG, st.binary(max_size=40), st.booleans()),
        st.tuples(st.just(packet.MAX_DATA), LONG),
        st.tuples(st.just(packet.MAX_STREAM), SHORT, LONG),
        st.tuples(st.just(packet.BLOCKED), SHORT, LONG),
        st.tuples(st.sampled_from([packet.CHALLENGE, packet.RESPONSE]), st.binary(min_size=8, max_size=8)),
        st.tuples(st.just(packet.CLOSE), SHORT, st.text(max_size=60)),
        st.tuples(st.just(packet.RESET), SHORT, SHORT, LONG),
        st.tuples(
            st.just(packet.OBSERVED),
            st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)),
            SHORT,
        ),
    ),
    max_size=8,
)
WRITERS: dict[int, Any] = {
    packet.PING: packet.put_ping,
    packet.ACK: lambda buffer, delay, ranges: packet.put_ack(buffer, ranges, delay + 1e-9),
    packet.STREAM: packet.put_stream,
    packet.MAX_DATA: packet.put_max_data,
    packet.MAX_STREAM: packet.put_max_stream,
    packet.BLOCKED: packet.put_blocked,
    packet.CHALLENGE: packet.put_challenge,
    packet.RESPONSE: packet.put_response,
    packet.CLOSE: packet.put_close,
    packet.RESET: packet.put_reset,
    packet.OBSERVED: packet.put_observed,
}


@given(FRAMES, st.integers(0, 20))
def test_frames_come_back_as_they_were_written(frames: list[tuple[Any, ...]], padding: int) -> None:
    buffer = bytearray()
    for kind, *values in frames:
        WRITERS[kind](buffer, *values)
    assert parse_frames(bytes(buffer) + bytes(padding)) == frames


@given(
    st.one_of(
        st.binary(max_size=80),
        st.tuples(st.integers(0, 255), st.binary(max_size=80)).map(lambda parts: bytes([parts[0] % 14]) + parts[1]),
    )
)
def test_any_bytes_are_frames_or_refused(raw: bytes) -> None:
    try:
        frames = parse_frames(raw)
    except PacketError:
        return
    for frame in frames:
        if frame[0] == packet.ACK:
            stops = [bound for start, stop in reversed(frame[2]) for bound in (start, stop)]
            assert stops == sorted(set(stops)) and stops[0] >= 0


LEADER = keys.derive(b"s" * 32, b"x" * 32, True, b"session", keys.AES_GCM)
FOLLOWER = keys.derive(b"s" * 32, b"x" * 32, False, b"session", keys.AES_GCM)


@given(st.binary(max_size=100), st.data())
def test_a_changed_datagram_never_opens(payload: bytes, data: st.DataObject) -> None:
    datagram = keys.Sealer(LEADER, 1, 0.0).seal(payload, 5)
    changed = bytearray(datagram)
    changed[data.draw(st.integers(0, len(datagram) - 1))] ^= data.draw(st.integers(1, 255))
    cut = datagram[: data.draw(st.integers(0, len(datagram) - 1))]
    opener = keys.Opener(FOLLOWER)
    assert opener.open(bytes(changed)) is None
    assert opener.open(cut) is None
    assert opener.open(data.draw(st.binary(max_size=100))) is None
    assert opener.open(datagram) == (5, payload)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_each_datagram_opens_exactly_once(order: list[int]) -> None:
    sealer, opener = keys.Sealer(LEADER, 1, 0.0), keys.Opener(FOLLOWER)
    datagrams = [sealer.seal(bytes([number]), number) for number in range(41)]
    opened = [found for found in map(opener.open, (datagrams[number] for number in order)) if found]
    assert [number for number, _ in opened] == list(dict.fromkeys(order))
