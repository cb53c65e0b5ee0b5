"""Whatever the network does, what is written arrives: whole, in order, once; and when losses stop, soon."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esframework.limits import rudp as limits
from esframework.rudp.connection import CongestionMaker, measuring, reference
from esframework.rudp.events import Event, Observed, Opened
from esframework.rudp.streams import StreamData, StreamReset
from tests.sim.network import Host, Node, SimNet
from tests.sim.nodes import BurstDrop, Corrupt, Delay, Drop, Duplicate, Jitter, Mtu, Reorder, TailDrop
from tests.sim.pair import PORT, Pair, joined, link, linked
from tests.sim.seeds import seeds

SEEDS = pytest.mark.parametrize("seed", seeds())
CONTROLLERS = pytest.mark.parametrize("congestion", [measuring, reference], ids=["measuring", "reference"])

CONDITIONS: dict[str, Callable[[], list[Node]]] = {
    "nothing": lambda: [],
    "delay": lambda: [Delay(0.1)],
    "jitter": lambda: [Delay(0.02), Jitter(0.03)],
    "loss": lambda: [Drop(0.05), Delay(0.02)],
    "heavy loss": lambda: [Drop(0.3), Delay(0.02)],
    "bursts": lambda: [BurstDrop(0.02, 0.25), Delay(0.02)],
    "reordering": lambda: [Delay(0.02), Reorder(0.1)],
    "duplicates": lambda: [Duplicate(0.2), Delay(0.02)],
    "corruption": lambda: [Corrupt(0.05), Delay(0.02)],
    "slow line": lambda: [TailDrop(125_000, 10_000), Delay(0.05)],
    "black hole": lambda: [Mtu(1200), Delay(0.02)],
    "everything": lambda: [
        *(BurstDrop(0.005, 0.3), Drop(0.02), Corrupt(0.01), Duplicate(0.02)),
        *(TailDrop(1e6, 50_000), Mtu(1400), Delay(0.02), Jitter(0.01), Reorder(0.02)),
    ],
}


@SEEDS
@CONTROLLERS
@pytest.mark.parametrize("name", CONDITIONS)
def test_everything_arrives_both_ways(name: str, congestion: CongestionMaker, seed: int) -> None:
    net = SimNet(seed)
    pair = Pair(*joined(net, CONDITIONS[name](), CONDITIONS[name]()), seed=seed, congestion=congestion)
    for end, size in ((pair.left, 150_000), (pair.right, 40_000)):
        end.write(0, 500)
        end.write(1, size // 2, is_last=True)
        end.write(2, size, is_last=True)
        end.write(3, 0, is_last=True)
    assert pair.all_arrive(60.0)
    assert net.run_until(lambda: pair.left.connection.in_flight == pair.right.connection.in_flight == 0, 3.0)


@SEEDS
def test_messages_written_one_by_one_arrive_one_by_one(seed: int) -> None:
    net, *hosts = linked(seed, loss=0.1)
    pair = Pair(*hosts, seed=seed)
    for index in range(200):
        net.call_at(index * 0.02, lambda: (pair.left.write(0, 30), pair.right.write(0, 50)) and None)
    net.run(4.0)
    assert pair.all_arrive(3.0)


NODES = st.one_of(
    st.builds(Drop, st.floats(0.0, 0.5)),
    st.builds(BurstDrop, st.floats(0.0, 0.1), st.floats(0.1, 1.0)),
    st.builds(Duplicate, st.floats(0.0, 0.3)),
    st.builds(Corrupt, st.floats(0.0, 0.2)),
    st.builds(Reorder, st.floats(0.0, 0.3)),
    st.builds(Jitter, st.floats(0.0, 0.1)),
    st.builds(Delay, st.floats(0.0, 0.2)),
    st.builds(TailDrop, st.floats(1e5, 1e7), st.floats(5000, 200_000)),
    st.builds(Mtu, st.integers(1200, 1500)),
)
WRITES = st.lists(
    st.tuples(st.floats(0.0, 3.0), st.booleans(), st.integers(0, 4), st.integers(0, 20_000)), min_size=1, max_size=12
)
LOSES = (Drop, BurstDrop, Corrupt)


def stop_losing(nodes: list[Node]) -> None:
    for node in nodes:
        if isinstance(node, Drop | Corrupt):
            node.rate = 0.0
        elif isinstance(node, BurstDrop):
            node.loss = {True: 0.0, False: 0.0}


@settings(max_examples=25)
@given(
    *(st.lists(NODES, max_size=4), st.lists(NODES, max_size=4), WRITES),
    *(st.lists(st.floats(0.0, 3.5), max_size=3), st.integers(0, 2**32), st.booleans()),
)
def test_when_losses_stop_everything_arrives_soon(
    there: list[Node],
    back: list[Node],
    writes: list[tuple[float, bool, int, int]],
    moves: list[float],
    seed: int,
    measures: bool,
) -> None:
    net = SimNet(seed)
    pair = Pair(*joined(net, there, back), seed=seed, congestion=measuring if measures else reference)
    for when, is_left, stream, size in writes:
        end = pair.left if is_left else pair.right
        net.call_at(when, lambda end=end, stream=stream, size=size: end.write(stream, size))
    for index, when in enumerate(moves):
        net.call_at(when, lambda ip=f"198.51.100.{index}": pair.left.host.move(net.internet, ip))
    net.run(4.0)
    stop_losing([*there, *back])
    assert pair.all_arrive(12.0)


def test_the_same_seed_gives_the_same_run() -> None:
    def run(seed: int) -> tuple[float, int, int]:
        net, *hosts = linked(seed, loss=0.05)
        pair = Pair(*hosts, seed=seed)
        return pair.seconds_for(300_000, 60.0), hosts[0].sent, hosts[1].sent

    assert run(1) == run(1)
    assert run(1) != run(2)


# --- limits -----------------------------------------------------------------------------------------------------------
def test_a_receiver_that_takes_nothing_stops_the_sender_at_the_window() -> None:
    net, *hosts = linked(mbit=200)
    pair = Pair(*hosts)
    pair.right.connection.streams.pause(2)
    pair.left.write(2, 3 * limits.STREAM_WINDOW)
    pair.left.write(0, 100)
    net.run(10.0)
    assert pair.right.delivered == {0: 100}
    assert pair.left.connection.streams.unsent == 2 * limits.STREAM_WINDOW
    pair.right.connection.streams.resume(2)
    pair.right.endpoint.touch(pair.right.index)
    pair.right.turn()
    assert pair.all_arrive(10.0)


@SEEDS
def test_a_stream_that_is_given_up_leaves_the_others_alone(seed: int) -> None:
    net, *hosts = linked(seed, loss=0.02)
    pair = Pair(*hosts, seed=seed)
    pair.left.write(2, 500_000)
    pair.left.write(3, 200_000, is_last=True)
    net.run(0.1)
    pair.left.connection.streams.reset(2, 9)
    pair.left.endpoint.touch(pair.left.index)
    pair.left.turn()
    assert net.run_until(lambda: pair.right.ended == {3}, 10.0)
    assert StreamReset(2, 9) in pair.right.events
    pair.left.write(0, 10)
    assert net.run_until(lambda: pair.right.delivered.get(0) == 10, 1.0)


# --- priorities -------------------------------------------------------------------------------------------------------
@CONTROLLERS
def test_a_message_is_never_behind_a_file_by_more_than_a_burst(congestion: CongestionMaker) -> None:
    """What left before the message was written is on its way already; of the file no more than a burst follows it."""
    net, *hosts = linked()
    pair = Pair(*hosts, congestion=congestion)
    pair.left.write(2, 6_000_000)
    net.run(1.0)
    behind: list[int] = []
    for _ in range(40):
        sending = pair.left.connection.streams._sending
        before = overtaken = sending[2].sent
        pair.left.write(0, 100)
        while sending[0].sent < sending[0].written:
            overtaken = sending[2].sent
            net.run(0.0005)
        behind.append(overtaken - before)
        net.run(0.013)
    assert max(behind) <= limits.BURST_PACKETS * pair.left.connection.datagram_size


def test_a_message_is_quick_beside_a_file() -> None:
    net, *hosts = linked()
    pair = Pair(*hosts)
    pair.left.write(2, 8_000_000)
    net.run(1.5)
    delays: list[float] = []
    for _ in range(40):
        begin = net.now
        pair.left.write(0, 100)
        assert net.run_until(lambda: pair.right.delivered.get(0) == pair.left.written[0], 1.0)
        delays.append(net.now - begin)
        net.run(0.02)
    # Half a round trip of 50 ms, and the queue of 1.5 of them that the file may fill.
    assert sum(delays) / len(delays) < 0.06
    assert max(delays) < 0.12


# --- speed ------------------------------------------------------------------------------------------------------------
def goodput(congestion: CongestionMaker, size: int, seed: int = 0, **numbers: float) -> float:
    """Mbit/s of a file."""
    net, *hosts = linked(seed, **numbers)
    return size * 8e-6 / Pair(*hosts, seed=seed, congestion=congestion).seconds_for(size, 120.0)


@CONTROLLERS
def test_a_clean_line_is_filled(congestion: CongestionMaker) -> None:
    assert goodput(congestion, 6_000_000) > 17.0


@pytest.mark.parametrize(("loss", "least"), [(0.01, 15.0), (0.02, 14.0), (0.05, 12.0)])
def test_losses_do_not_slow_down_who_measures(loss: float, least: float) -> None:
    assert goodput(measuring, 3_000_000, loss=loss) > least


@pytest.mark.parametrize(
    ("line", "least"),
    [
        # Numbers of a line, and how much of it a file of 4 s fills, the start included.
        ({"round_trip": 0.01, "queue": 0.3}, 0.85),
        ({"round_trip": 0.2, "queue": 1.5}, 0.65),
        ({"mbit": 2.0, "round_trip": 0.2, "queue": 0.3}, 0.7),
        ({"round_trip": 0.05, "loss": 0.1}, 0.7),
    ],
    ids=str,
)
def test_queues_of_any_length_and_far_lines_are_filled(line: dict[str, float], least: float) -> None:
    mbit = line.get("mbit", 20.0)
    size = int(4.0 * mbit * 1e6 / 8 * least)
    net, *hosts = linked(**line)
    assert Pair(*hosts, round_trip=line["round_trip"]).seconds_for(size, 60.0) <= 4.0


def test_a_path_that_changes_the_order_is_no_slow_path() -> None:
    """Datagrams overtake one another by up to 30 ms: what is late is not lost."""
    net = SimNet(1)
    lines = [[TailDrop(2.5e6, 187_500), Delay(0.02), Jitter(0.03)] for _ in range(2)]
    assert Pair(*joined(net, *lines)).seconds_for(3_000_000, 60.0) < 3.0


def test_losses_slow_down_the_reference_as_they_do_everybody() -> None:
    assert 1.5 < goodput(reference, 2_000_000, loss=0.01) < 6.0


@SEEDS
def test_two_share_a_line(seed: int) -> None:
    net = SimNet(seed)
    line = link(mbit=10.0)
    there = [joined_by(net, line, index) for index in (1, 2)]
    for pair in there:
        pair.left.write(2, 10_000_000)
    net.run(2.0)
    before = [pair.right.delivered[2] for pair in there]
    net.run(4.0)
    shares = [pair.right.delivered[2] - done for pair, done in zip(there, before, strict=True)]
    assert min(shares) > 0.2 * sum(shares)
    assert sum(shares) * 8 / 4.0 > 8e6


def joined_by(net: SimNet, line: list[Node], index: int) -> Pair:
    """Two hosts of which what the left one sends goes by a line that others use."""
    left = Host(net.internet, f"203.0.113.{2 * index}", up=line)
    return Pair(left, Host(net.internet, f"203.0.113.{2 * index + 1}", up=[Delay(0.025)]), seed=index)


def test_small_messages_over_a_bad_line_come_in_time() -> None:
    """KCP's own traffic: 8 bytes each 20 ms, echoed, 60 to 125 ms there and back, 5 % lost each way."""
    net = SimNet(7)
    make: Callable[[], list[Node]] = lambda: [Drop(0.05), Delay(0.03), Jitter(0.0325)]  # noqa: E731
    pair = Pair(*joined(net, make(), make()), round_trip=0.09)
    sent_at: list[float] = []
    back_at: list[float] = []

    def echo(event: Event) -> None:
        if isinstance(event, StreamData):
            pair.right.write(0, len(event.data))

    def note(event: Event) -> None:
        if isinstance(event, StreamData):
            back_at.extend([net.now] * (pair.left.delivered[0] // 8 - len(back_at)))

    def send() -> None:
        sent_at.append(net.now)
        pair.left.write(0, 8)

    pair.right.on_event, pair.left.on_event = echo, note
    for index in range(500):
        net.call_at(index * 0.02, send)
    net.run(15.0)
    delays = sorted(back - sent for back, sent in zip(back_at, sent_at, strict=True))
    assert sum(delays) / len(delays) < 0.150
    assert delays[int(0.99 * len(delays))] < 0.4
    assert pair.left.host.sent < 1.5 * len(delays)


def test_the_first_datagram_that_opens_opens_the_channel() -> None:
    net, *hosts = linked()
    pair = Pair(*hosts)
    assert not pair.left.events
    net.run(0.03)
    assert pair.left.events == [Opened((hosts[1].ip, PORT)), Observed((hosts[0].ip, PORT))]
