"""How large a datagram may be: the search, what ends it, and black holes."""

from __future__ import annotations

from esframework.limits import rudp as limits
from esframework.rudp.congestion import Packet
from esframework.rudp.mtu import Mtu

BASE = limits.BASE_DATAGRAM


def packet(size: int, is_probe: bool = False) -> Packet:
    return (0, 0.0, size, None, is_probe, (0, 0.0, 0.0, False))


def step(mtu: Mtu, carried: int, now: float = 0.0) -> int | None:
    """One probe on a path that carries so much; its size."""
    size = mtu.probe(now)
    if size is not None:
        mtu.probe_sent(size)
        arrived = [packet(size, True)]
        mtu.learn(*((arrived, []) if size <= carried else ([], arrived)), now)
    return size


def searched(carried: int = 1500, now: float = 0.0) -> Mtu:
    """A search that has come to its end."""
    mtu = Mtu(now)
    while step(mtu, carried, now):
        pass
    return mtu


def lose(mtu: Mtu, *sizes: int, now: float = 1.0) -> None:
    mtu.learn([], [packet(size) for size in sizes], now)


def test_larger_sizes_are_tried_one_after_the_other() -> None:
    mtu = Mtu(0.0)
    assert (mtu.size, step(mtu, 1500)) == (1200, 1452)
    assert (mtu.size, step(mtu, 1500)) == (1452, 1472)
    assert (mtu.size, step(mtu, 1500)) == (1472, None)
    assert mtu.next_timer() == limits.MTU_RAISE_TIME


def test_a_size_is_too_large_when_three_probes_were_lost() -> None:
    mtu = Mtu(0.0)
    assert [step(mtu, 1460) for _ in range(5)] == [1452, 1472, 1472, 1472, None]
    assert mtu.size == 1452


def test_one_probe_is_on_its_way_at_a_time() -> None:
    mtu = Mtu(0.0)
    mtu.probe_sent(1452)
    assert (mtu.probe(0.0), mtu.next_timer()) == (None, None)


def test_after_ten_minutes_what_was_too_large_is_tried_again() -> None:
    mtu = searched(1200)
    assert mtu.probe(limits.MTU_RAISE_TIME - 1) is None
    assert step(mtu, 1500, limits.MTU_RAISE_TIME) == 1452
    assert mtu.size == 1452


def test_what_the_system_refuses_is_too_large_at_once() -> None:
    mtu = Mtu(0.0)
    mtu.probe_sent(1452)
    mtu.refused(1452, 0.0)
    assert (mtu.size, mtu.probe(0.0)) == (1200, None)


def test_a_size_that_the_system_does_not_send_any_more_is_left() -> None:
    mtu = searched()
    mtu.refused(1472, 5.0)
    assert (mtu.size, mtu.probe(5.0), mtu.next_timer()) == (BASE, None, 5.0 + limits.BLACK_HOLE_TIME)


def test_a_path_that_swallows_large_packets_is_noticed() -> None:
    mtu = searched()
    for _ in range(limits.BLACK_HOLE_LOSSES):
        lose(mtu, 1472, 1472)
        assert mtu.size == 1472
    lose(mtu, 1472, now=7.0)
    assert (mtu.size, mtu.black_holes, mtu.next_timer()) == (BASE, 1, 7.0 + limits.BLACK_HOLE_TIME)
    assert step(mtu, 1500, 7.0 + limits.BLACK_HOLE_TIME) == 1452


def test_so_is_one_on_which_nothing_is_heard() -> None:
    mtu = searched()
    for _ in range(limits.BLACK_HOLE_LOSSES + 1):
        mtu.timed_out(1.0)
    assert mtu.size == BASE
    mtu.timed_out(1.0)
    assert mtu.black_holes == 1


def test_losses_of_all_sizes_are_no_black_hole() -> None:
    mtu = searched()
    for _ in range(20):
        lose(mtu, 1472, 300)
    assert mtu.size == 1472


def test_a_large_packet_that_arrives_says_that_there_is_none() -> None:
    mtu = searched()
    for _ in range(20):
        lose(mtu, 1472)
        mtu.learn([packet(1472)], [], 1.0)
    assert mtu.size == 1472


def test_large_packets_that_left_before_it_was_noticed_say_nothing_new() -> None:
    mtu = searched()
    for _ in range(20):
        lose(mtu, 1472)
    assert mtu.black_holes == 1


def test_a_probe_from_before_a_black_hole_raises_nothing() -> None:
    mtu = Mtu(0.0)
    step(mtu, 1500)
    mtu.probe_sent(1472)
    mtu.refused(1452, 0.0)
    mtu.learn([packet(1472, True)], [], 0.1)
    assert mtu.size == BASE


def test_a_lost_probe_from_before_a_black_hole_says_nothing() -> None:
    mtu = Mtu(0.0)
    step(mtu, 1500)
    mtu.probe_sent(1472)
    mtu.refused(1452, 0.0)
    mtu.learn([], [packet(1472, True)], 0.1)
    assert step(mtu, 1500, limits.BLACK_HOLE_TIME) == 1452


def test_without_candidates_nothing_is_tried() -> None:
    assert Mtu(0.0, ()).probe(0.0) is None
