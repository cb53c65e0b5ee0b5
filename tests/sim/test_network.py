"""The simulated network does to datagrams what it says, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from tests.sim.network import Datagram, Host, Node, SimNet
from tests.sim.nodes import BurstDrop, Corrupt, Delay, Drop, Duplicate, Jitter, Mtu, Reorder, TailDrop


def arrivals(
    nodes: Sequence[Node], payloads: Sequence[bytes], seed: int = 0, apart: float = 0.0
) -> list[tuple[float, bytes]]:
    """What one host receives of another, and when."""
    net = SimNet(seed)
    sender, receiver = Host(net.internet, "10.0.0.1", up=nodes), Host(net.internet, "10.0.0.2")
    arrived: list[tuple[float, bytes]] = []
    receiver.bind(7, lambda batch: arrived.extend((net.now, datagram.payload) for datagram in batch))
    for index, payload in enumerate(payloads):
        net.call_at(index * apart, partial(sender.send, 5, ("10.0.0.2", 7), payload))
    net.run(3600.0)
    return arrived


NUMBERED = [index.to_bytes(4) * 25 for index in range(2000)]


def test_datagrams_come_from_their_sender_in_order() -> None:
    assert arrivals([], [b"a", b"b"]) == [(0.0, b"a"), (0.0, b"b")]


def test_what_is_sent_to_nobody_goes_nowhere() -> None:
    net = SimNet()
    Host(net.internet, "10.0.0.1").send(5, ("10.0.0.9", 7), b"?")
    net.run(1.0)
    assert net.now == 1.0


def test_a_delay_delays() -> None:
    assert arrivals([Delay(0.025)], [b"a"]) == [(0.025, b"a")]


def test_what_comes_close_together_is_read_together() -> None:
    net = SimNet()
    sender, receiver = Host(net.internet, "10.0.0.1"), Host(net.internet, "10.0.0.2", reading=0.001)
    batches: list[list[Datagram]] = []
    receiver.bind(7, batches.append)
    for when in (0.0, 0.0005, 0.01):
        net.call_at(when, lambda: sender.send(5, ("10.0.0.2", 7), b""))
    net.run(1.0)
    assert [len(batch) for batch in batches] == [2, 1]


def test_a_rate_of_loss_loses_about_so_many() -> None:
    assert 1750 < len(arrivals([Drop(0.1)], NUMBERED)) < 1850


def test_bursts_lose_neighbours() -> None:
    arrived = {payload for _, payload in arrivals([BurstDrop(0.01, 0.2)], NUMBERED)}
    lost = [index for index, payload in enumerate(NUMBERED) if payload not in arrived]
    assert 30 < len(lost) < 200
    assert sum(later - earlier == 1 for earlier, later in zip(lost, lost[1:], strict=False)) > len(lost) / 2


def test_a_line_has_a_rate_and_a_full_queue_drops() -> None:
    line = TailDrop(12800.0, 1280.0)
    arrived = arrivals([line], NUMBERED[:12])
    assert [round(when, 6) for when, _ in arrived] == [round(0.01 * (index + 1), 6) for index in range(10)]
    assert line.dropped == 2


def test_some_come_twice() -> None:
    assert 2150 < len(arrivals([Duplicate(0.1)], NUMBERED)) < 2250


@pytest.mark.parametrize("node", [Jitter(0.01), Reorder(0.1)], ids=["jitter", "reorder"])
def test_datagrams_overtake_one_another(node: Node) -> None:
    arrived = [payload for _, payload in arrivals([node], NUMBERED, apart=0.001)]
    assert sorted(arrived) == NUMBERED
    assert arrived != NUMBERED


def test_a_corrupted_datagram_differs() -> None:
    arrived = [payload for _, payload in arrivals([Corrupt(0.1)], NUMBERED)]
    assert len(arrived) == len(NUMBERED)
    assert 150 < sum(payload != sent for payload, sent in zip(arrived, NUMBERED, strict=True)) < 250


def test_a_black_hole_swallows_what_is_too_long() -> None:
    assert [payload for _, payload in arrivals([Mtu(2)], [b"a", b"abc", b"ab"])] == [b"a", b"ab"]


def test_the_same_seed_gives_the_same_run() -> None:
    def nodes() -> list[Node]:
        return [Drop(0.1), Jitter(0.01), Duplicate(0.1), Corrupt(0.1)]

    assert arrivals(nodes(), NUMBERED, seed=1) == arrivals(nodes(), NUMBERED, seed=1)
    assert arrivals(nodes(), NUMBERED, seed=1) != arrivals(nodes(), NUMBERED, seed=2)


def test_a_low_time_to_live_ends_on_the_way() -> None:
    net = SimNet()
    arrived: list[Datagram] = []
    Host(net.internet, "10.0.0.2").bind(7, arrived.extend)
    sender = Host(net.internet, "10.0.0.1")
    sender.send(5, ("10.0.0.2", 7), b"short", ttl=2)
    sender.send(5, ("10.0.0.2", 7), b"long")
    net.run(1.0)
    assert [datagram.payload for datagram in arrived] == [b"long"]


def test_a_host_that_moves_has_its_new_address() -> None:
    net = SimNet()
    arrived: list[Datagram] = []
    Host(net.internet, "10.0.0.2").bind(7, arrived.extend)
    sender = Host(net.internet, "10.0.0.1")
    sender.move(net.internet, "10.0.0.3")
    sender.send(5, ("10.0.0.2", 7), b"")
    net.run(1.0)
    assert arrived[0].source == ("10.0.0.3", 5)
