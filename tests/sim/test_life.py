"""How channels end, move, and stay what they are whoever meddles."""

from __future__ import annotations

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.connection import CLOSED, CongestionMaker, measuring, reference
from esframework.rudp.events import CloseCode, Closed, Observed, Opened, PathMoved
from tests.sim.nat import ADDRESS_RESTRICTED, FULL_CONE, PORT_RESTRICTED, Keyed, Nat, NatKind
from tests.sim.network import Datagram, Forward, Host, SimNet
from tests.sim.nodes import Delay, Drop, Mtu, TailDrop, Tap
from tests.sim.pair import PORT, Pair, joined, linked
from tests.sim.seeds import seeds

SEEDS = pytest.mark.parametrize("seed", seeds())


# --- the other end is gone --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("is_busy", [True, False], ids=["busy", "idle"])
@pytest.mark.parametrize("both_ways", [True, False], ids=["both ways", "one way"])
@SEEDS
def test_death_is_noticed_within_fifteen_seconds(is_busy: bool, both_ways: bool, seed: int) -> None:
    net = SimNet(seed)
    there, back = Drop(0.0), Drop(0.0)
    pair = Pair(*joined(net, [Delay(0.05), there], [Delay(0.05), back]), seed=seed)
    net.run(7.0 + seed)
    if is_busy:
        pair.left.write(2, 50_000_000)
        net.run(0.1)
    there.rate, back.rate = 1.0, float(both_ways)
    cut_at = net.now
    assert net.run_until(lambda: pair.right.connection.state == CLOSED, 16.0)
    # A datagram was on its way for 50 ms.
    assert net.now - cut_at <= limits.SILENCE + 0.06
    assert isinstance(closed := pair.right.events[-1], Closed)
    assert closed.code == CloseCode.SILENCE
    if both_ways:
        net.run(0.2)
        assert pair.left.connection.state == CLOSED
        assert pair.left.connection.next_timer() is None


@SEEDS
def test_an_idle_channel_lives_for_long_and_costs_little(seed: int) -> None:
    net, left, right = linked(seed, loss=0.1)
    pair = Pair(left, right, seed=seed)
    net.run(1.0)
    before = left.sent
    net.run(1800.0)
    assert pair.left.connection.state == pair.right.connection.state == "open"
    assert left.sent - before < 3 * 1800 / limits.HEARTBEAT


def test_an_outage_of_ten_seconds_is_survived() -> None:
    net = SimNet()
    there, back = Drop(0.0), Drop(0.0)
    pair = Pair(*joined(net, [there, TailDrop(1e6, 50_000), Delay(0.05)], [back, Delay(0.05)]))
    pair.left.write(2, 3_000_000)
    net.run(1.0)
    there.rate = back.rate = 1.0
    net.run(10.0)
    there.rate = back.rate = 0.0
    # The longest wait between two probes, and then the file's own time.
    assert pair.all_arrive(limits.LONGEST_PTO + 6.0)


# --- the end ----------------------------------------------------------------------------------------------------------
def test_closing_tells_the_other_end_why() -> None:
    net, *hosts = linked()
    pair = Pair(*hosts)
    net.run(1.0)
    pair.left.close(64, "enough")
    net.run(0.03)
    assert pair.left.events[-1] == Closed(64, "enough", False)
    assert pair.right.events[-1] == Closed(64, "enough", True)
    assert pair.right.connection.state == CLOSED
    net.run(2.0)
    assert pair.left.connection.state == CLOSED
    sent = hosts[0].sent + hosts[1].sent
    net.run(60.0)
    assert hosts[0].sent + hosts[1].sent == sent


@SEEDS
def test_a_close_that_was_lost_is_said_again_when_the_other_end_speaks(seed: int) -> None:
    net = SimNet(seed)
    there = Drop(0.0)
    pair = Pair(*joined(net, [there, Delay(0.02)], [Delay(0.02)]), seed=seed)
    net.run(1.0)
    there.rate = 1.0
    pair.left.close(0, "")
    there.rate = 0.0
    pair.right.write(0, 100)
    net.run(0.1)
    assert pair.right.events[-1] == Closed(0, "", True)


@SEEDS
def test_a_close_that_was_lost_is_said_again_to_who_says_nothing(seed: int) -> None:
    net = SimNet(seed)
    there = Drop(0.0)
    pair = Pair(*joined(net, [there, Delay(0.02)], [Delay(0.02)]), seed=seed)
    net.run(1.0)
    there.rate = 1.0
    pair.left.close(64, "enough")
    there.rate = 0.0
    net.run(1.0)
    assert pair.right.events[-1] == Closed(64, "enough", True)
    assert pair.left.connection.state == CLOSED


def test_both_may_close_at_once() -> None:
    net, *hosts = linked()
    pair = Pair(*hosts)
    net.run(1.0)
    pair.left.close(64, "mine")
    pair.right.close(65, "mine, too")
    net.run(5.0)
    assert pair.left.events[-1] == Closed(64, "mine", False)
    assert pair.right.events[-1] == Closed(65, "mine, too", False)
    assert pair.left.connection.state == pair.right.connection.state == CLOSED


@SEEDS
def test_finishing_brings_all_that_was_written_and_then_the_reason(seed: int) -> None:
    net, *hosts = linked(seed, loss=0.1)
    pair = Pair(*hosts, seed=seed)
    pair.left.write(2, 1_000_000)
    pair.left.connection.finish(64, "enough", net.now)
    assert net.run_until(lambda: pair.left.connection.state == "closing", limits.FINISHING_TIME)
    assert pair.right.has_all()
    net.run(16.0)
    assert isinstance(pair.right.events[-1], Closed)
    assert pair.left.events[-1] == Closed(64, "enough", False)


# --- the path ---------------------------------------------------------------------------------------------------------
def behind_nats(seed: int, kind: NatKind = PORT_RESTRICTED) -> tuple[SimNet, list[Nat], Pair]:
    """Both behind NATs of a kind that keeps ports."""
    net = SimNet(seed)
    nats = [Nat(net.internet, f"203.0.113.{index}", kind) for index in (1, 2)]
    line = [TailDrop(2.5e6, 100_000), Delay(0.02)]
    hosts = [Host(nat.inner, "10.0.0.2", up=line) for nat in nats]
    pair = Pair(*hosts, seed=seed, left_address=(nats[0].ip, PORT), right_address=(nats[1].ip, PORT))
    return net, nats, pair


@SEEDS
def test_a_channel_opens_between_nats_and_tells_each_end_its_address(seed: int) -> None:
    net, nats, pair = behind_nats(seed)
    assert net.run_until(lambda: len(pair.left.events) > 1 and len(pair.right.events) > 1, 2.0)
    assert pair.left.events == [Opened((nats[1].ip, PORT)), Observed((nats[0].ip, PORT))]


@pytest.mark.parametrize("kind", [FULL_CONE, ADDRESS_RESTRICTED], ids=["full cone", "address restricted"])
@SEEDS
def test_a_transfer_goes_on_when_a_nat_takes_another_port(kind: NatKind, seed: int) -> None:
    net, nats, pair = behind_nats(seed, kind)
    pair.left.write(2, 2_000_000)
    net.run(0.5)
    nats[0].rebind()
    assert pair.all_arrive(6.0)
    moved = [event for event in pair.right.events if isinstance(event, PathMoved)]
    assert len(moved) == 1
    assert moved[0].address[0] == nats[0].ip
    assert moved[0].address[1] != PORT
    assert Observed(moved[0].address) in pair.left.events


def test_two_restricted_nats_meet_again_when_each_end_is_told_the_new_address() -> None:
    net, nats, pair = behind_nats(0)
    pair.left.write(2, 1_000_000)
    net.run(0.3)
    nats[0].rebind()
    net.run(2.0)
    assert not pair.right.has_all()
    # What signalling by the server would tell: the port that the NAT has taken meanwhile.
    (port,) = nats[0]._by_port
    pair.right.connection.try_address((nats[0].ip, port), net.now)
    pair.right.endpoint.touch(pair.right.index)
    pair.right.turn()
    assert pair.all_arrive(5.0)


def test_an_idle_channel_outlives_a_nat_that_forgets() -> None:
    kind = NatKind(Keyed.BY_NOTHING, Keyed.BY_ADDRESS_AND_PORT, lifetime=20.0)
    net, _, pair = behind_nats(0, kind)
    net.run(300.0)
    pair.right.write(0, 10)
    assert pair.all_arrive(0.5)


@SEEDS
def test_a_transfer_goes_on_when_a_host_goes_to_another_network(seed: int) -> None:
    net, left, right = linked(seed)
    pair = Pair(left, right, seed=seed)
    pair.left.write(2, 2_000_000)
    pair.right.write(2, 500_000)
    net.run(0.4)
    before = pair.right.connection.congestion
    left.move(net.internet, "198.51.100.7")
    assert pair.all_arrive(8.0)
    assert PathMoved(("198.51.100.7", PORT)) in pair.right.events
    assert pair.right.connection.congestion is not before


@SEEDS
def test_an_end_that_came_home_is_found_where_it_was_before(seed: int) -> None:
    """Its packets by the way that it had meanwhile are swallowed, and it has nothing to say by itself."""
    net, left, right = linked(seed)
    pair = Pair(left, right, seed=seed)
    net.run(1.0)
    home = left.ip
    left.move(net.internet, "198.51.100.7")
    pair.left.write(0, 10)
    assert net.run_until(lambda: pair.right.connection.address[0] == "198.51.100.7", 2.0)
    net.run(1.0)
    # What it sends goes nowhere until it is asked at home.
    silent = Drop(1.0)
    left._up = [silent]
    left.move(net.internet, home)
    net.run(limits.SILENCE - limits.PATH_TIMEOUT - 1.0)
    silent.rate = 0.0
    net.run(3.0)
    assert pair.right.connection.address == (home, PORT)
    assert pair.right.connection.state == pair.left.connection.state == "open"
    net.run(30.0)
    pair.right.write(0, 10)
    assert pair.all_arrive(1.0)


def test_an_address_that_does_not_answer_gets_little_and_changes_nothing() -> None:
    """Somebody on the way sends a datagram on from an address of his own, and it comes first."""
    net = SimNet()
    tap = Tap()
    left, right = joined(net, [tap, Delay(0.05)], [Delay(0.05)])
    pair = Pair(left, right)
    thief = Host(net.internet, "198.51.100.66")
    got: list[Datagram] = []
    thief.bind(PORT, got.extend)
    net.run(1.0)
    pair.left.write(0, 300)
    stolen = tap.seen[-1][1].payload
    thief.send(PORT, (right.ip, PORT), stolen)
    net.run(5.0)
    assert sum(len(one.payload) for one in got) <= limits.AMPLIFICATION * len(stolen)
    assert pair.right.connection.address == (left.ip, PORT)
    assert not [event for event in pair.right.events if isinstance(event, PathMoved)]
    assert pair.right.delivered == {0: 300}


# --- meddling ---------------------------------------------------------------------------------------------------------
class Meddler:
    """On the way: sends everything again, from itself too, with bits flipped, cut, and with later numbers."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.sent = 0

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on, and its forgeries before and behind it."""
        payload = datagram.payload
        flipped = bytearray(payload)
        flipped[net.random.randrange(len(flipped))] ^= 1 << net.random.randrange(8)
        renumbered = payload[:8] + (int.from_bytes(payload[8:16]) + 1000).to_bytes(8) + payload[16:]
        rephased = payload[:1] + bytes([payload[1] ^ 1]) + payload[2:]
        for forged in (bytes(flipped), renumbered, rephased, payload[:20], payload[: len(payload) // 2], b"", b"\x40"):
            forward(datagram._replace(payload=forged))
            self.host.send(PORT, datagram.destination, forged)
        forward(datagram)
        net.call_at(net.now + 0.03, lambda: forward(datagram))
        net.call_at(net.now + 0.03, lambda: self.host.send(PORT, datagram.destination, payload))


@pytest.mark.parametrize("congestion", [measuring, reference], ids=["measuring", "reference"])
@SEEDS
def test_forgeries_and_replays_have_no_effect(congestion: CongestionMaker, seed: int) -> None:
    net = SimNet(seed)
    host = Host(net.internet, "198.51.100.66")
    answers: list[Datagram] = []
    host.bind(PORT, answers.extend)
    pair = Pair(*joined(net, [Meddler(host), Delay(0.02)], [Delay(0.02)]), seed=seed, congestion=congestion)
    pair.left.write(0, 1000)
    pair.left.write(2, 200_000, is_last=True)
    pair.right.write(2, 10_000)
    assert pair.all_arrive(5.0)
    net.run(3.0)
    assert answers == []
    assert pair.right.connection.state == "open"
    assert pair.right.connection.refused.keys() >= {"forged", "duplicate", "short"}
    assert pair.right.endpoint.refused.keys() == {"unknown_channel", "unknown_kind"}
    assert pair.right.connection.address == (pair.left.host.ip, PORT)


def test_forgeries_alone_keep_no_channel_alive() -> None:
    net = SimNet()
    tap, there = Tap(), Drop(0.0)
    pair = Pair(*joined(net, [tap, there], []))
    net.run(1.0)
    there.rate = 1.0
    replayed = tap.seen[0][1]
    forger = Host(net.internet, "198.51.100.66")
    for index in range(200):
        net.call_at(net.now + index * 0.1, lambda: forger.send(PORT, (pair.right.host.ip, PORT), replayed.payload))
    net.run(16.0)
    assert pair.right.connection.state == CLOSED


# --- keys -------------------------------------------------------------------------------------------------------------
@SEEDS
def test_keys_change_under_way(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEY_PHASE_PACKETS", 50)
    net, *hosts = linked(seed, loss=0.1)
    pair = Pair(*hosts, seed=seed)
    pair.left.write(2, 800_000)
    pair.right.write(2, 200_000)
    assert pair.all_arrive(30.0)
    assert "forged" not in pair.left.connection.refused | pair.right.connection.refused


# --- the size of datagrams --------------------------------------------------------------------------------------------
def test_a_path_of_ethernet_is_found_out() -> None:
    net, *hosts = linked()
    pair = Pair(*hosts)
    net.run(1.0)
    assert pair.left.connection.datagram_size == pair.right.connection.datagram_size == 1472


@pytest.mark.parametrize(("most", "found"), [(1200, 1200), (1460, 1452)])
def test_what_does_not_pass_is_not_used_and_slows_nothing_down(most: int, found: int) -> None:
    net = SimNet()
    hole = Mtu(most)
    hosts = joined(net, [hole, TailDrop(2.5e6, 190_000), Delay(0.025)], [Delay(0.025)])
    pair = Pair(*hosts, congestion=reference)
    assert pair.seconds_for(2_000_000, 10.0) < 1.5
    assert pair.left.connection.datagram_size == found
    assert hole.dropped == limits.MTU_PROBES


@SEEDS
def test_a_hole_that_opens_later_is_got_around(seed: int) -> None:
    net = SimNet(seed)
    hole = Mtu(1500)
    hosts = joined(net, [hole, TailDrop(2.5e6, 190_000), Delay(0.025)], [Delay(0.025)])
    pair = Pair(*hosts, seed=seed)
    pair.left.write(2, 4_000_000)
    net.run(0.7)
    assert pair.left.connection.datagram_size == 1472
    hole.most = 1300
    assert pair.all_arrive(20.0)
    assert pair.left.connection.datagram_size == 1200
