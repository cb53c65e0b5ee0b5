"""NATs of every kind behave as RFC 4787 names them."""

from __future__ import annotations

import pytest

from tests.sim.nat import ADDRESS_RESTRICTED, FULL_CONE, POISONABLE, PORT_RESTRICTED, SYMMETRIC, Keyed, Nat, NatKind
from tests.sim.network import Address, Datagram, Host, SimNet


class Site:
    """One host behind a NAT, and two servers outside that answer nothing by themselves."""

    def __init__(self, kind: NatKind, seed: int = 0) -> None:
        self.net = SimNet(seed)
        self.nat = Nat(self.net.internet, "203.0.113.9", kind)
        self.inside = Host(self.nat.inner, "10.0.0.2")
        self.servers = [Host(self.net.internet, f"198.51.100.{index}") for index in (1, 2)]
        self.seen: list[Datagram] = []
        self.heard: list[bytes] = []
        for server in self.servers:
            for port in (1, 2):
                server.bind(port, self.seen.extend)
        self.inside.bind(5000, lambda batch: self.heard.extend(datagram.payload for datagram in batch))

    def ask(self, server: int, port: int) -> Address:
        """How the server saw a datagram from inside."""
        self.inside.send(5000, (self.servers[server].ip, port), b"")
        self.net.run(0.001)
        return self.seen.pop().source

    def is_let_in(self, server: int, port: int, to: Address) -> bool:
        """Whether a datagram from outside comes in."""
        self.servers[server].send(port, to, b"in")
        self.net.run(0.001)
        return bool(self.heard) and self.heard.pop() == b"in"


@pytest.mark.parametrize("mapping", Keyed)
def test_mappings_are_shared_as_the_kind_says(mapping: Keyed) -> None:
    site = Site(NatKind(mapping, Keyed.BY_NOTHING, keeps_port=False))
    first = site.ask(0, 1)
    assert first == site.ask(0, 1)
    assert (first == site.ask(0, 2)) is (mapping <= Keyed.BY_ADDRESS)
    assert (first == site.ask(1, 1)) is (mapping is Keyed.BY_NOTHING)


@pytest.mark.parametrize("filtering", Keyed)
def test_the_kind_says_who_comes_in(filtering: Keyed) -> None:
    site = Site(NatKind(Keyed.BY_NOTHING, filtering))
    outside = site.ask(0, 1)
    assert site.is_let_in(0, 1, outside)
    assert site.is_let_in(0, 2, outside) is (filtering <= Keyed.BY_ADDRESS)
    assert site.is_let_in(1, 1, outside) is (filtering is Keyed.BY_NOTHING)


def test_nobody_comes_in_before_the_inside_has_spoken() -> None:
    site = Site(FULL_CONE)
    assert not site.is_let_in(0, 1, ("203.0.113.9", 5000))


@pytest.mark.parametrize("kind", [FULL_CONE, ADDRESS_RESTRICTED, PORT_RESTRICTED])
def test_a_port_is_kept_where_it_is_free(kind: NatKind) -> None:
    site = Site(kind)
    assert site.ask(0, 1) == ("203.0.113.9", 5000)
    neighbour = Host(site.nat.inner, "10.0.0.3")
    neighbour.send(5000, (site.servers[0].ip, 1), b"")
    site.net.run(0.001)
    assert site.seen.pop().source[1] != 5000


def test_a_symmetric_one_takes_a_port_for_each_destination() -> None:
    site = Site(SYMMETRIC)
    assert len({site.ask(server, port) for server in (0, 1) for port in (1, 2)}) == 4


def test_an_unused_mapping_dies_and_a_used_one_lives() -> None:
    site = Site(NatKind(Keyed.BY_NOTHING, Keyed.BY_ADDRESS_AND_PORT, lifetime=30.0))
    outside = site.ask(0, 1)
    for _ in range(3):
        site.net.run(20.0)
        assert site.is_let_in(0, 1, outside)
    site.net.run(31.0)
    assert not site.is_let_in(0, 1, outside)


def test_after_a_restart_the_port_is_another_and_the_old_one_is_dead() -> None:
    site = Site(PORT_RESTRICTED)
    before = site.ask(0, 1)
    site.nat.rebind()
    assert not site.is_let_in(0, 1, before)
    after = site.ask(0, 1)
    assert after != before
    assert site.is_let_in(0, 1, after)


@pytest.mark.parametrize("hairpin", [True, False])
def test_the_inside_reaches_its_own_outer_address_only_by_a_hairpin(hairpin: bool) -> None:
    site = Site(NatKind(Keyed.BY_NOTHING, Keyed.BY_NOTHING, hairpin=hairpin))
    outside = site.ask(0, 1)
    Host(site.nat.inner, "10.0.0.3").send(6000, outside, b"hello")
    site.net.run(0.001)
    assert (site.heard == [b"hello"]) is hairpin


@pytest.mark.parametrize(("kind", "is_kept"), [(PORT_RESTRICTED, True), (POISONABLE, False)])
def test_an_early_stranger_spoils_the_mapping_of_a_poisonable_one(kind: NatKind, is_kept: bool) -> None:
    site = Site(kind)
    assert site.ask(0, 1)[1] == 5000
    assert not site.is_let_in(1, 1, ("203.0.113.9", 5000))
    assert (site.ask(1, 1)[1] == 5000) is is_kept
    assert site.ask(0, 1)[1] == 5000


def test_a_short_lived_first_datagram_opens_the_nat_and_dies_on_the_way() -> None:
    site = Site(PORT_RESTRICTED)
    site.inside.send(5000, (site.servers[0].ip, 1), b"", ttl=2)
    site.net.run(0.001)
    assert site.seen == []
    assert site.is_let_in(0, 1, ("203.0.113.9", 5000))


def test_nats_stand_behind_nats() -> None:
    net = SimNet()
    carrier = Nat(net.internet, "203.0.113.1", PORT_RESTRICTED)
    home = Nat(carrier.inner, "100.64.0.2", PORT_RESTRICTED)
    inside, server = Host(home.inner, "10.0.0.2"), Host(net.internet, "198.51.100.1")
    heard: list[bytes] = []
    inside.bind(5000, lambda batch: heard.extend(datagram.payload for datagram in batch))
    server.bind(1, lambda batch: server.send(1, batch[0].source, b"echo " + batch[0].payload))
    inside.send(5000, (server.ip, 1), b"x")
    net.run(1.0)
    assert heard == [b"echo x"]
